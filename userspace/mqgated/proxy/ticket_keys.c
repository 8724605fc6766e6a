// SPDX-License-Identifier: BSD-2-Clause
/* Keeping ticket keys; see ticket_keys.h. `lock` guards all. */
#include "proxy/ticket_keys.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "common/names.h"

#define NS	1000000000ULL

struct kept {
	struct mqg_ticket_key	key;
	uint64_t		end;		/* boot time; none: UINT64_MAX */
};

struct mqg_tickets {
	pthread_mutex_t	lock;
	bool		on, from_file;
	uint32_t	lifetime, rotate;
	uint64_t	next;			/* rotation, boot time */
	uint64_t	rotations;
	size_t		n;
	struct kept	key[MQG_TICKET_KEYS];	/* [0] seals */
};

static bool make(struct mqg_ticket_key *key)
{
	return RAND_bytes(key->name, sizeof(key->name)) == 1 &&
	       RAND_priv_bytes(key->cipher, sizeof(key->cipher)) == 1 &&
	       RAND_priv_bytes(key->mac, sizeof(key->mac)) == 1;
}

struct mqg_tickets *mqg_tickets_alloc(void)
{
	struct mqg_tickets *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	pthread_mutex_init(&t->lock, NULL);
	t->next = UINT64_MAX;
	t->key[0].end = UINT64_MAX;
	t->n = 1;
	if (make(&t->key[0].key))
		return t;
	mqg_tickets_free(t);
	return NULL;
}

void mqg_tickets_free(struct mqg_tickets *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	OPENSSL_cleanse(t, sizeof(*t));
	free(t);
}

/* A new key in front. Without random numbers the old one goes on. */
static void rotate(struct mqg_tickets *t, uint64_t now)
{
	struct kept fresh = { .end = UINT64_MAX };

	if (!make(&fresh.key))
		return;
	if (t->n == MQG_TICKET_KEYS)
		t->n--;
	memmove(&t->key[1], &t->key[0], t->n * sizeof(t->key[0]));
	t->key[1].end = now + t->lifetime * NS;
	t->key[0] = fresh;
	t->n++;
	t->rotations++;
	OPENSSL_cleanse(&fresh, sizeof(fresh));
}

static void forget(struct mqg_tickets *t, uint64_t now)
{
	while (t->n > 1 && t->key[t->n - 1].end <= now) {
		t->n--;
		OPENSSL_cleanse(&t->key[t->n], sizeof(t->key[t->n]));
	}
}

static void take_file(struct mqg_tickets *t, const struct mqg_ticket_file *file)
{
	OPENSSL_cleanse(t->key, sizeof(t->key));
	t->n = file->n;
	for (size_t i = 0; i < file->n; i++)
		t->key[i] = (struct kept){ file->key[i], UINT64_MAX };
}

void mqg_tickets_configure(struct mqg_tickets *t, const struct mqg_config *config)
{
	uint64_t now = mqg_boottime_ns();

	pthread_mutex_lock(&t->lock);
	t->on = config->resumption;
	t->lifetime = config->ticket_lifetime;
	if (config->ticket_file) {
		take_file(t, config->ticket_file);
		t->next = UINT64_MAX;
	} else if (t->from_file) {
		/* What gateways share is of no use to one that does not take part any more. */
		rotate(t, now);
		OPENSSL_cleanse(&t->key[1], sizeof(t->key) - sizeof(t->key[0]));
		t->n = 1;
	}
	if (!config->ticket_file && (t->rotate != config->ticket_rotate || t->from_file ||
				     t->next == UINT64_MAX))
		t->next = now + config->ticket_rotate * NS;
	t->rotate = config->ticket_rotate;
	t->from_file = config->ticket_file != NULL;
	pthread_mutex_unlock(&t->lock);
}

void mqg_tickets_tick(struct mqg_tickets *t, uint64_t now)
{
	pthread_mutex_lock(&t->lock);
	if (now >= t->next) {
		rotate(t, now);
		t->next = now + t->rotate * NS;
	}
	forget(t, now);
	pthread_mutex_unlock(&t->lock);
}

bool mqg_tickets_on(struct mqg_tickets *t)
{
	bool on;

	pthread_mutex_lock(&t->lock);
	on = t->on;
	pthread_mutex_unlock(&t->lock);
	return on;
}

uint32_t mqg_tickets_lifetime(struct mqg_tickets *t)
{
	uint32_t lifetime;

	pthread_mutex_lock(&t->lock);
	lifetime = t->lifetime;
	pthread_mutex_unlock(&t->lock);
	return lifetime;
}

void mqg_tickets_current(struct mqg_tickets *t, struct mqg_ticket_key *out)
{
	pthread_mutex_lock(&t->lock);
	*out = t->key[0].key;
	pthread_mutex_unlock(&t->lock);
}

bool mqg_tickets_find(struct mqg_tickets *t, const uint8_t name[16], struct mqg_ticket_key *out,
		      bool *current)
{
	bool found = false;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->n && !found; i++) {
		found = !memcmp(t->key[i].key.name, name, sizeof(t->key[i].key.name));
		*current = i == 0;
		if (found)
			*out = t->key[i].key;
	}
	pthread_mutex_unlock(&t->lock);
	return found;
}

void mqg_tickets_describe(struct mqg_tickets *t, struct mqg_tickets_info *info)
{
	pthread_mutex_lock(&t->lock);
	*info = (struct mqg_tickets_info){
		.on = t->on, .from_file = t->from_file, .lifetime = t->lifetime,
		.rotate = t->rotate, .keys = t->n, .rotations = t->rotations,
	};
	pthread_mutex_unlock(&t->lock);
}
