/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The malformed first payloads that flood and attackers send: every shape of lines 1 to 5 of the
 * list of attacks, and ClientHellos that no TLS library would send. Constant data. Every one of
 * them is malformed as it stands: none is merely incomplete (shapes_test.c checks that).
 */
#ifndef SELFTESTS_E2E_SHAPES_H
#define SELFTESTS_E2E_SHAPES_H

#include <stddef.h>

struct shape {
	const char	*name;
	int		line;	/* of ATTACKS.md; 0 for TLS */
	const void	*bytes;
	size_t		length;
};

extern const struct shape shapes_mqtt[];
extern const size_t shapes_mqtt_count;
extern const struct shape shapes_tls[];
extern const size_t shapes_tls_count;

#endif
