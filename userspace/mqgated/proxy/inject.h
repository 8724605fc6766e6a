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

/* What the broker gets in the place of what the client wrote; NULL: the client's own. */
struct mqg_injection {
	const char	*client_id, *username, *password;
	const char	*user_property;	/* of MQTT 5: with that name, and the identity as value */
	const char	*identity;
	bool		strip;		/* the client's username and password go */
};

/*
 * By @policy, which is NULL on a plain listener. What belongs to @broker comes before what the
 * policy says. @connect is the client's.
 */
void mqg_injection_of(const struct mqg_listener *listener, const struct mqg_policy *policy,
		      const char *identity, const struct mqw_connect *connect,
		      struct mqg_injection *injection);

/* True where anything changes. */
bool mqg_inject_wanted(const struct mqg_injection *injection);

/**
 * mqg_inject() - write the CONNECT anew
 * @injection: what is to be changed
 * @connect:   the packet at @in, judged good
 * @in:        the packet, and what the client sent behind it, which is copied
 * @len:       bytes at @in
 * @out:       allocated; it may hold a password: wipe it
 * @out_len:   its bytes
 *
 * User properties (MQTT 5, 3.1.2.11.8) that have the name of user_property are taken out, so that a
 * client cannot say that of itself.
 *
 * Return: 0 or -ENOMEM.
 */
int mqg_inject(const struct mqg_injection *injection, const struct mqw_connect *connect,
	       const uint8_t *in, size_t len, uint8_t **out, size_t *out_len);

#endif
