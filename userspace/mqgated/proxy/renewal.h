/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which certificate of an identity is the newest that was let in, for policies that let no older
 * one in after it (identity.renewal: newest). One table of the process, by policy and identity,
 * shared by the workers and kept over reloads; a restart begins with an empty one. 64 parts, each
 * with a lock that is taken a few times in a session's life, and never for other policies.
 *
 * It is bounded. When a part is full, the identity that came longest ago and has no session makes
 * room, and both its certificates are good until it comes with the newer one again: to refuse in
 * its place would turn a large fleet away, and only who was let in by a CA takes a place.
 */
#ifndef MQG_RENEWAL_H
#define MQG_RENEWAL_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "proxy/timer.h"

/* Identities at most; each takes some 120 bytes. */
#define MQG_RENEWAL_MAX		1048576U

struct mqg_renewal;
struct mqg_renewed;
struct mqg_session;
struct mqg_worker;

/* Of a session that was let in. All zero: of none, or by a policy that asks for no newest. */
struct mqg_standing {
	struct mqg_renewed	*of;
	int64_t			since;		/* notBefore of its certificate */
};

struct mqg_renewal_info {
	uint64_t	identities, dropped;	/* known; made room for others */
};

struct mqg_renewal *mqg_renewal_alloc(uint32_t most);
void mqg_renewal_free(struct mqg_renewal *renewal);

/*
 * Was @identity let in by @policy (its title) with a certificate whose notBefore is later than
 * @since, and which has not expired?
 */
bool mqg_renewal_superseded(struct mqg_renewal *renewal, const char *policy, const char *identity,
			    int64_t since);

/**
 * mqg_renewal_enter() - a session is let in, and what its certificate supersedes is known from now
 * @standing: of the session, all zero; mqg_renewal_leave() it
 *
 * Return: 0; -ESTALE: superseded itself; -ENOMEM.
 */
int mqg_renewal_enter(struct mqg_renewal *renewal, const char *policy, const char *identity,
		      const X509 *cert, struct mqg_standing *standing);
void mqg_renewal_leave(struct mqg_renewal *renewal, struct mqg_standing *standing);

/* Has a newer certificate been let in since? */
bool mqg_renewal_over(const struct mqg_standing *standing);

/* Counts how often that happened to an identity that had a session. */
uint64_t mqg_renewal_raised(const struct mqg_renewal *renewal);

void mqg_renewal_describe(struct mqg_renewal *renewal, struct mqg_renewal_info *info);

/* ---- of a worker and its sessions: succession.c ---------------------------------------------- */

struct mqg_succession {
	struct mqg_renewal	*renewal;	/* the proxy's */
	struct mqg_timer_class	every;
	struct mqg_timer	tick;		/* armed while there are sessions to look after */
	uint64_t		raised;		/* when they were looked after last */
	uint32_t		sessions;	/* that have a standing */
};

void mqg_succession_init(struct mqg_worker *worker);
/* Its certificate is judged anew, by a policy that may have changed. -ESTALE, -ENOMEM or 0. */
int mqg_succession_judge(struct mqg_session *session, const X509 *cert);
/* It is over. More often than once is nothing. */
void mqg_succession_leave(struct mqg_session *session);

#endif
