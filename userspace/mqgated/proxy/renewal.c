// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table of newest certificates; see renewal.h. The lock of a part guards its table and what is
 * in the entries; `since` is read without it by sessions, which keep their entry alive.
 */
#include "proxy/renewal.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include <uthash.h>

#include "proxy/chain_cache.h"

#define PARTS	64
#define DIGEST	32
/* Those in front of a part that are looked at for one to make room. */
#define LOOK	8

struct mqg_renewed {
	UT_hash_handle		hh;		/* the one that came longest ago first */
	unsigned char		key[DIGEST];	/* SHA-256 of policy and identity */
	_Atomic int64_t		since;		/* notBefore of the newest */
	int64_t			until;		/* its notAfter; of equals the last */
	uint32_t		sessions;
	bool			known;		/* in the table */
};

struct part {
	pthread_mutex_t		lock;
	struct mqg_renewed	*table;
};

struct mqg_renewal {
	struct part		parts[PARTS];
	uint32_t		most;		/* in a part */
	_Atomic uint64_t	raised, dropped;
};

struct mqg_renewal *mqg_renewal_alloc(uint32_t most)
{
	struct mqg_renewal *renewal = calloc(1, sizeof(*renewal));

	if (!renewal)
		return NULL;
	for (size_t i = 0; i < PARTS; i++)
		pthread_mutex_init(&renewal->parts[i].lock, NULL);
	renewal->most = most > PARTS ? most / PARTS : 1;
	return renewal;
}

static void forget(struct part *part, struct mqg_renewed *e)
{
	HASH_DEL(part->table, e);
	e->known = false;
	if (!e->sessions)
		free(e);
}

void mqg_renewal_free(struct mqg_renewal *renewal)
{
	if (!renewal)
		return;
	for (size_t i = 0; i < PARTS; i++) {
		while (renewal->parts[i].table)
			forget(&renewal->parts[i], renewal->parts[i].table);
		pthread_mutex_destroy(&renewal->parts[i].lock);
	}
	free(renewal);
}

/* The NUL between them is in neither. */
static bool digest(const char *policy, const char *identity, unsigned char key[DIGEST])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool fine = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
		    EVP_DigestUpdate(ctx, policy, strlen(policy) + 1) &&
		    EVP_DigestUpdate(ctx, identity, strlen(identity)) &&
		    EVP_DigestFinal_ex(ctx, key, NULL);

	EVP_MD_CTX_free(ctx);
	return fine;
}

static struct part *part_of(struct mqg_renewal *renewal, const unsigned char *key)
{
	return &renewal->parts[key[0] % PARTS];
}

static bool later(const struct mqg_renewed *e, int64_t since)
{
	return e->until > time(NULL) &&
	       atomic_load_explicit(&e->since, memory_order_relaxed) > since;
}

bool mqg_renewal_superseded(struct mqg_renewal *renewal, const char *policy, const char *identity,
			    int64_t since)
{
	unsigned char key[DIGEST];
	struct mqg_renewed *e;
	struct part *part;
	bool superseded;

	/* Who cannot be asked for is judged when the session is let in. */
	if (!digest(policy, identity, key))
		return false;
	part = part_of(renewal, key);
	pthread_mutex_lock(&part->lock);
	HASH_FIND(hh, part->table, key, DIGEST, e);
	superseded = e && later(e, since);
	pthread_mutex_unlock(&part->lock);
	return superseded;
}

static void make_room(struct mqg_renewal *renewal, struct part *part)
{
	struct mqg_renewed *e = part->table;

	if (HASH_COUNT(part->table) < renewal->most)
		return;
	for (int i = 0; e && e->sessions && i < LOOK; i++)
		e = e->hh.next;
	forget(part, e && !e->sessions ? e : part->table);
	atomic_fetch_add_explicit(&renewal->dropped, 1, memory_order_relaxed);
}

static struct mqg_renewed *add(struct mqg_renewal *renewal, struct part *part,
			       const unsigned char *key)
{
	struct mqg_renewed *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	memcpy(e->key, key, DIGEST);
	e->known = true;
	make_room(renewal, part);
	HASH_ADD(hh, part->table, key, DIGEST, e);
	return e;
}

/* With the lock; @e has nothing later. */
static void raise_to(struct mqg_renewal *renewal, struct mqg_renewed *e,
		     const struct mqg_term *term)
{
	int64_t before = atomic_load_explicit(&e->since, memory_order_relaxed);

	if (term->since != before || term->until > e->until)
		e->until = term->until;
	atomic_store_explicit(&e->since, term->since, memory_order_relaxed);
	if (e->sessions && term->since > before)
		atomic_fetch_add_explicit(&renewal->raised, 1, memory_order_release);
}

static int enter(struct mqg_renewal *renewal, struct part *part, const unsigned char *key,
		 const struct mqg_term *term, struct mqg_standing *standing)
{
	struct mqg_renewed *e;

	HASH_FIND(hh, part->table, key, DIGEST, e);
	if (e && later(e, term->since))
		return -ESTALE;
	if (e) {
		HASH_DEL(part->table, e);
		HASH_ADD(hh, part->table, key, DIGEST, e);
	} else {
		e = add(renewal, part, key);
		if (!e)
			return -ENOMEM;
	}
	raise_to(renewal, e, term);
	e->sessions++;
	standing->of = e;
	standing->since = term->since;
	return 0;
}

int mqg_renewal_enter(struct mqg_renewal *renewal, const char *policy, const char *identity,
		      const X509 *cert, struct mqg_standing *standing)
{
	struct mqg_term term = mqg_certificate_term(cert);
	unsigned char key[DIGEST];
	struct part *part;
	int err;

	if (!digest(policy, identity, key))
		return -ENOMEM;
	part = part_of(renewal, key);
	pthread_mutex_lock(&part->lock);
	err = enter(renewal, part, key, &term, standing);
	pthread_mutex_unlock(&part->lock);
	return err;
}

void mqg_renewal_leave(struct mqg_renewal *renewal, struct mqg_standing *standing)
{
	struct mqg_renewed *e = standing->of;
	struct part *part;

	if (!e)
		return;
	part = part_of(renewal, e->key);
	pthread_mutex_lock(&part->lock);
	if (!--e->sessions && !e->known)
		free(e);
	pthread_mutex_unlock(&part->lock);
	memset(standing, 0, sizeof(*standing));
}

bool mqg_renewal_over(const struct mqg_standing *standing)
{
	return standing->of &&
	       atomic_load_explicit(&standing->of->since, memory_order_relaxed) > standing->since;
}

uint64_t mqg_renewal_raised(const struct mqg_renewal *renewal)
{
	return atomic_load_explicit(&renewal->raised, memory_order_acquire);
}

void mqg_renewal_describe(struct mqg_renewal *renewal, struct mqg_renewal_info *info)
{
	info->identities = 0;
	info->dropped = atomic_load_explicit(&renewal->dropped, memory_order_relaxed);
	for (size_t i = 0; i < PARTS; i++) {
		pthread_mutex_lock(&renewal->parts[i].lock);
		info->identities += HASH_COUNT(renewal->parts[i].table);
		pthread_mutex_unlock(&renewal->parts[i].lock);
	}
}
