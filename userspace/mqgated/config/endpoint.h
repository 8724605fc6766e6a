/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads "ADDRESS:PORT". Owns no state; main thread, while loading. */
#ifndef MQG_CONFIG_ENDPOINT_H
#define MQG_CONFIG_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct mqg_endpoint {
	char			*text;		/* as written: "[::]:8883", "host:1883" */
	struct sockaddr_storage	addr;
	socklen_t		addrlen;
};

/**
 * mqg_endpoint_parse() - read "192.0.2.1:1883", "[2001:db8::1]:1883" or "host:1883"
 * @text:    what the user wrote
 * @resolve: look host names up (blocks on the network); false: only addresses are accepted
 * @out:     out; its text is a copy
 * @why:     out on error, a sentence with the remedy
 * @size:    of @why
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int mqg_endpoint_parse(const char *text, bool resolve, struct mqg_endpoint *out, char *why,
		       size_t size);

/* Its host, without brackets. 0 or -ENOMEM. */
int mqg_endpoint_host(const struct mqg_endpoint *endpoint, char **host);

/* Host byte order. */
uint16_t mqg_endpoint_port(const struct mqg_endpoint *endpoint);

#endif
