/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Networks that a service is narrowed to, as text and as XDP compares them. Stateless: any
 * thread may call it, no lock is needed.
 */
#ifndef MQG_NETWORK_H
#define MQG_NETWORK_H

#include <stddef.h>

#include <linux/mqgate.h>

#define MQG_NETWORK_STRLEN	64

/**
 * mqg_network_parse() - read "192.0.2.1", "192.0.2.0/24", "2001:db8::1" or "2001:db8::/32"
 * @text: what the user wrote
 * @out:  out; an IPv4 network lies in ::ffff:0:0/96
 * @why:  out on error, a sentence with the remedy that goes on after the text
 *
 * Return: 0 or -EINVAL.
 */
int mqg_network_parse(const char *text, struct mqgate_destination *out, const char **why);

/* The same backwards; a single address without its length. Returns buf. */
const char *mqg_network_format(const struct mqgate_destination *network, char *buf, size_t size);

#endif
