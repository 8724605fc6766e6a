/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Server names of a listener: their order, and finding one. Constant once loaded; any thread.
 */
#ifndef MQG_CONFIG_SERVERNAMES_H
#define MQG_CONFIG_SERVERNAMES_H

#include "config/config.h"

#define MQG_POLICY_NONE	SIZE_MAX

/* For qsort(): of struct mqg_server_name. 0 where two cannot be told apart. */
int mqg_server_name_order(const void *a, const void *b);

/**
 * mqg_server_name_find() - the policy that a server name asks for
 * @listener: of TLS
 * @name:     as the client sent it, any bytes; capitals do not matter (RFC 6066, 3)
 * @len:      of @name
 *
 * A name that is written out comes before a wildcard, and a wildcard stands for one label.
 * Return: its place in @listener->policies, or MQG_POLICY_NONE.
 */
size_t mqg_server_name_find(const struct mqg_listener *listener, const char *name, size_t len);

#endif
