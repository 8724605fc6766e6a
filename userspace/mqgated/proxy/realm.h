/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TLS policy as one worker serves it. Its sessions stay with it when its context is exchanged,
 * and know it by its name: a reload that takes the name away ends them. Made by the main thread
 * (change.c), then touched by its worker's thread only.
 */
#ifndef MQG_REALM_H
#define MQG_REALM_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "config/config.h"
#include "proxy/timer.h"

struct mqg_realm {
	const struct mqg_policy	*config;
	struct mqg_list		gone;		/* in worker->gone_realms */
	const struct mqg_config	*held;		/* what @config is part of, once it is gone */
	uint32_t		open;		/* sessions */
	SSL_CTX			*tls;
	struct mqg_timer_class	ocsp_timeout;	/* in use where the policy has OCSP */
};

/* One a policy of a listener; some of them may be in another such set, too. */
struct mqg_realms {
	size_t			n;
	struct mqg_realm	**list;
};

struct mqg_realm *mqg_realm_alloc(const struct mqg_policy *policy);
/* NULL is nothing. */
void mqg_realm_free(struct mqg_realm *realm);

/* The one whose policy has the name of @policy; NULL = none. */
struct mqg_realm *mqg_realms_find(const struct mqg_realms *realms, const struct mqg_policy *policy);
bool mqg_realms_have(const struct mqg_realms *realms, const struct mqg_realm *realm);

#endif
