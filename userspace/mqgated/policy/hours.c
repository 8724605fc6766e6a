// SPDX-License-Identifier: BSD-2-Clause
/* Times of policies; see hours.h. */
#include "policy/hours.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_MINUTES	(24 * 60)
#define WEEK		((int64_t)MQG_WEEK_MINUTES * 60)
/* 1970 began on a Thursday. */
#define MONDAY		(3 * (int64_t)DAY_MINUTES * 60)

int mqg_hours_time(const char *text, int64_t *out)
{
	static const char *const formats[] = {
		"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d",
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm tm = { .tm_isdst = 0 }, again;
		const char *end = strptime(text, formats[i], &tm);

		if (!end || *end)
			continue;
		/* strptime() takes the 31st of February. */
		again = tm;
		*out = timegm(&again);
		return again.tm_mday == tm.tm_mday && again.tm_sec == tm.tm_sec ? 0 : -EINVAL;
	}
	return -EINVAL;
}

/* "mon". Return: 0 to 6, or -EINVAL. */
static int day_of(const char **p)
{
	static const char days[] = "montuewedthufrisatsun";

	for (int i = 0; i < 7; i++) {
		if (strncmp(*p, days + 3 * i, 3))
			continue;
		*p += 3;
		return i;
	}
	return -EINVAL;
}

/* "mon-fri", "sat,sun", "daily", up to a space. */
static int days_of(const char **p, bool on[7])
{
	if (!strncmp(*p, "daily", 5)) {
		*p += 5;
		memset(on, true, 7);
		return **p == ' ' ? 0 : -EINVAL;
	}
	for (;;) {
		int first = day_of(p), last = first;

		if (first >= 0 && **p == '-') {
			++*p;
			last = day_of(p);
		}
		if (first < 0 || last < 0)
			return -EINVAL;
		for (int day = first;; day = (day + 1) % 7) {
			on[day] = true;
			if (day == last)
				break;
		}
		if (**p == ' ')
			return 0;
		if (*(*p)++ != ',')
			return -EINVAL;
	}
}

/* "HH:MM", up to 24:00. */
static int minute_of(const char **p)
{
	const char *t = *p;
	int minute;

	if (!isdigit((unsigned char)t[0]) || !isdigit((unsigned char)t[1]) || t[2] != ':' ||
	    !isdigit((unsigned char)t[3]) || !isdigit((unsigned char)t[4]) || t[3] > '5')
		return -EINVAL;
	minute = ((t[0] - '0') * 10 + t[1] - '0') * 60 + (t[3] - '0') * 10 + t[4] - '0';
	*p += 5;
	return minute <= DAY_MINUTES ? minute : -EINVAL;
}

int mqg_hours_weekly(const char *text, struct mqg_hours *hours)
{
	struct mqg_window *more;
	bool on[7] = {};
	int begin, end;

	if (days_of(&text, on))
		return -EINVAL;
	text++;
	begin = minute_of(&text);
	if (begin < 0 || begin == DAY_MINUTES || *text++ != '-')
		return -EINVAL;
	end = minute_of(&text);
	if (end < 0 || *text || end == begin)
		return -EINVAL;
	if (end < begin)
		end += DAY_MINUTES;
	more = reallocarray(hours->windows, hours->n_windows + 7, sizeof(*more));
	if (!more)
		return -ENOMEM;
	hours->windows = more;
	for (int day = 0; day < 7; day++)
		if (on[day])
			more[hours->n_windows++] = (struct mqg_window){
				.begin = (uint16_t)(day * DAY_MINUTES + begin),
				.end = (uint16_t)(day * DAY_MINUTES + end),
			};
	return 0;
}

static void narrow(int64_t at, int64_t now, int64_t *since, int64_t *until)
{
	if (at <= now && at > *since)
		*since = at;
	if (at > now && at < *until)
		*until = at;
}

bool mqg_hours_hold(const struct mqg_hours *hours, int64_t now, int64_t *since, int64_t *until)
{
	bool hold = now >= hours->from && now < hours->until, within = !hours->n_windows;
	int64_t week = now - ((now + MONDAY) % WEEK + WEEK) % WEEK, second = now - week;

	narrow(hours->from, now, since, until);
	narrow(hours->until, now, since, until);
	for (size_t i = 0; i < hours->n_windows; i++) {
		int64_t begin = hours->windows[i].begin * 60, end = hours->windows[i].end * 60;

		within |= (second >= begin && second < end) || second < end - WEEK;
		/* Of the week before, this one and the next, so that both sides have one. */
		for (int64_t w = week - WEEK; w <= week + WEEK; w += WEEK) {
			narrow(w + begin, now, since, until);
			narrow(w + end, now, since, until);
		}
	}
	return hold && within;
}
