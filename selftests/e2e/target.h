/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where flood and attackers send to, as given on the command line. No state.
 */
#ifndef SELFTESTS_E2E_TARGET_H
#define SELFTESTS_E2E_TARGET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shapes.h"

#define TARGETS_MAX 8

struct target {
	bool			v6;
	bool			tls;
	struct in6_addr		addr;	/* IPv4 in the last four bytes */
	uint16_t		port;
	const struct shape	*shapes;
	size_t			n_shapes;
};

/* Reads "mqtt:198.19.0.2:1883" or "tls:[2001:db8::1]:8883"; 0 or -EINVAL. */
int target_parse(const char *text, struct target *target);

#endif
