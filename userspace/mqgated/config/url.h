/* SPDX-License-Identifier: BSD-2-Clause */
/* HTTP URLs taken apart. Stateless; any thread. */
#ifndef MQG_CONFIG_URL_H
#define MQG_CONFIG_URL_H

#include <stdbool.h>

/* "[2001:db8::1]:80" */
#define MQG_URL_HOST_MAX	280
#define MQG_URL_PATH_MAX	512

struct mqg_url {
	char	host[MQG_URL_HOST_MAX];		/* with its port, always; in lower case */
	char	path[MQG_URL_PATH_MAX];		/* with the query; "/" where there is none */
};

/*
 * Reads "http://HOST[:PORT][/PATH]". False for anything else: another scheme, a user, a fragment,
 * a control character or a space, too long.
 */
bool mqg_url_parse(const char *text, struct mqg_url *url);

#endif
