/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy that a ClientHello asks for by its server_name. Stateless; on the worker's thread.
 */
#ifndef MQG_SNI_H
#define MQG_SNI_H

#include <mqgate/tls_wire.h>

#include "proxy/realm.h"

/* Longer names cannot be configured. */
#define MQG_SNI_MAX	255

/**
 * mqg_sni_get() - the host name of a ClientHello
 * @hello:  parsed to its end
 * @stream: from the first record on, all that @hello was fed
 * @name:   out
 *
 * The name may be cut into records at any byte, like all of a ClientHello.
 * Return: its bytes; 0 = there is none; more than MQG_SNI_MAX = it is too long, and not in @name.
 */
size_t mqg_sni_get(const struct tlsw_hello *hello, const uint8_t *stream, char name[MQG_SNI_MAX]);

/**
 * mqg_sni_choose() - the realm that is to answer
 * @realms:   of @listener, in the order of its policies
 * @listener: of TLS
 * @hello:    parsed to its end
 * @stream:   from the first record on
 *
 * Return: NULL where it asks for a name that is to be refused.
 */
struct mqg_realm *mqg_sni_choose(const struct mqg_realms *realms,
				 const struct mqg_listener *listener,
				 const struct tlsw_hello *hello, const uint8_t *stream);

#endif
