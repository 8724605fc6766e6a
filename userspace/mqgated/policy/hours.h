/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a policy holds: from and until a point in time, and within windows of the week, all in UTC.
 * Constant once read; any thread may ask.
 */
#ifndef MQG_POLICY_HOURS_H
#define MQG_POLICY_HOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MQG_WEEK_MINUTES	(7 * 24 * 60)

/* Minutes since Monday 00:00. The end is behind the last one; past the week's it goes on at 0. */
struct mqg_window {
	uint16_t	begin, end;
};

struct mqg_hours {
	int64_t			from, until;	/* seconds since 1970; INT64_MIN and _MAX: open */
	struct mqg_window	*windows;
	size_t			n_windows;	/* 0: all the week */
};

/* "2026-07-01", "2026-07-01T06:30:00Z". Return: 0 or -EINVAL. */
int mqg_hours_time(const char *text, int64_t *out);

/* "mon-fri 06:00-20:00", "sat,sun 22:00-04:00", "daily 08:00-24:00". 0, -EINVAL or -ENOMEM. */
int mqg_hours_weekly(const char *text, struct mqg_hours *hours);

/*
 * Does it hold at @now? @since and @until (out) are narrowed to the time for which the answer
 * stays: from *since up to but without *until.
 */
bool mqg_hours_hold(const struct mqg_hours *hours, int64_t now, int64_t *since, int64_t *until);

#endif
