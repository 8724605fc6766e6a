/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CONNECT as the broker gets it: with the identity that the gateway has proved in the place of
 * what the client says of itself. Stateless; called by the stage CONNECT on its worker's thread.
 */
#ifndef MQG_INJECT_H
#define MQG_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mqgate/mqtt_wire.h>

#include "config/config.h"

/* True where the policy has the CONNECT of such a client changed. */
bool mqg_inject_wanted(const struct mqg_policy *policy, const struct mqw_connect *connect);

/**
 * mqg_inject() - write the CONNECT anew
 * @policy:   client_id_rule, username_rule and user_property are used
 * @identity: of the client
 * @connect:  the packet at @in, judged good
 * @in:       the packet, and what the client sent behind it, which is copied
 * @len:      bytes at @in
 * @out:      allocated; it may hold a password: wipe it
 * @out_len:  its bytes
 *
 * User properties (MQTT 5, 3.1.2.11.8) that have the name of user_property are taken out, so that a
 * client cannot say that of itself. A password is left as it is.
 *
 * Return: 0 or -ENOMEM.
 */
int mqg_inject(const struct mqg_policy *policy, const char *identity,
	       const struct mqw_connect *connect, const uint8_t *in, size_t len, uint8_t **out,
	       size_t *out_len);

#endif
