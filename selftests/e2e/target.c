// SPDX-License-Identifier: BSD-2-Clause
/*
 * See target.h.
 */
#include "target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int target_parse(const char *text, struct target *t)
{
	char copy[128], *colon, *address = copy;

	memset(t, 0, sizeof(*t));
	t->tls = !strncmp(text, "tls:", 4);
	if (!t->tls && strncmp(text, "mqtt:", 5))
		return -EINVAL;
	snprintf(copy, sizeof(copy), "%s", text + (t->tls ? 4 : 5));
	colon = strrchr(copy, ':');
	if (!colon || colon == copy)
		return -EINVAL;
	t->port = (uint16_t)atoi(colon + 1);
	*colon = '\0';
	if (*copy == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		address++;
		t->v6 = true;
	}
	if (inet_pton(t->v6 ? AF_INET6 : AF_INET, address,
		      t->v6 ? (void *)&t->addr : (void *)&t->addr.s6_addr[12]) != 1)
		return -EINVAL;
	t->shapes = t->tls ? shapes_tls : shapes_mqtt;
	t->n_shapes = t->tls ? shapes_tls_count : shapes_mqtt_count;
	return t->port ? 0 : -EINVAL;
}
