// SPDX-License-Identifier: BSD-2-Clause
/* A table by broker and client; see parked.h. */
#include "hold/parked.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include <mqgate/mqtt_wire.h>

struct heir {
	UT_hash_handle		hh;
	struct mqg_estate	estate;
	struct mqg_kept		**end;
	uint64_t		since;
	size_t			key_len;
	char			key[];		/* broker, NUL, client, NUL */
};

struct mqg_parked {
	pthread_mutex_t	lock;
	struct heir	*heirs;
	uint64_t	n;
};

struct mqg_parked *mqg_parked_alloc(void)
{
	struct mqg_parked *parked = calloc(1, sizeof(*parked));

	if (parked)
		pthread_mutex_init(&parked->lock, NULL);
	return parked;
}

void mqg_estate_free(struct mqg_estate *estate)
{
	while (estate->first) {
		struct mqg_kept *next = estate->first->next;

		free(estate->first);
		estate->first = next;
	}
	while (estate->ids) {
		struct mqg_parked_id *next = estate->ids->next;

		free(estate->ids);
		estate->ids = next;
	}
}

static void drop(struct mqg_parked *parked, struct heir *heir)
{
	HASH_DELETE(hh, parked->heirs, heir);
	mqg_estate_free(&heir->estate);
	free(heir);
}

void mqg_parked_free(struct mqg_parked *parked)
{
	struct heir *heir, *next;

	if (!parked)
		return;
	HASH_ITER(hh, parked->heirs, heir, next)
		drop(parked, heir);
	pthread_mutex_destroy(&parked->lock);
	free(parked);
}

/* Allocated; NULL: no memory. */
static char *make_key(const char *broker, const char *client, size_t *len)
{
	size_t first = strlen(broker) + 1, second = strlen(client) + 1;
	char *key = malloc(first + second);

	if (!key)
		return NULL;
	memcpy(key, broker, first);
	memcpy(key + first, client, second);
	*len = first + second;
	return key;
}

static struct heir *find(struct mqg_parked *parked, const char *key, size_t len)
{
	struct heir *heir;

	HASH_FIND(hh, parked->heirs, key, len, heir);
	return heir;
}

static struct heir *get(struct mqg_parked *parked, const char *key, size_t len)
{
	struct heir *heir = find(parked, key, len);

	if (heir)
		return heir;
	heir = calloc(1, sizeof(*heir) + len);
	if (!heir)
		return NULL;
	memcpy(heir->key, key, len);
	heir->key_len = len;
	heir->end = &heir->estate.first;
	HASH_ADD_KEYPTR(hh, parked->heirs, heir->key, heir->key_len, heir);
	return heir;
}

static void merge(struct mqg_parked *parked, struct heir *heir, struct mqg_estate *estate)
{
	struct mqg_parked_id **last = &estate->ids;

	*heir->end = estate->first;
	for (; *heir->end; heir->end = &(*heir->end)->next)
		parked->n++;
	while (*last)
		last = &(*last)->next;
	*last = heir->estate.ids;
	heir->estate.ids = estate->ids;
	*estate = (struct mqg_estate){ 0 };
}

void mqg_parked_leave(struct mqg_parked *parked, const char *broker, const char *client,
		      struct mqg_estate *estate, uint64_t now)
{
	struct heir *heir;
	size_t len;
	char *key;

	if (!estate->first && !estate->ids)
		return;
	key = make_key(broker, client, &len);
	pthread_mutex_lock(&parked->lock);
	heir = key ? get(parked, key, len) : NULL;
	if (heir) {
		heir->since = now;
		merge(parked, heir, estate);
	}
	pthread_mutex_unlock(&parked->lock);
	free(key);
	mqg_estate_free(estate);
}

bool mqg_parked_take(struct mqg_parked *parked, const char *broker, const char *client,
		     struct mqg_estate *estate)
{
	struct heir *heir = NULL;
	size_t len;
	char *key = make_key(broker, client, &len);

	*estate = (struct mqg_estate){ 0 };
	if (!key)
		return false;
	pthread_mutex_lock(&parked->lock);
	heir = find(parked, key, len);
	if (heir) {
		*estate = heir->estate;
		for (const struct mqg_kept *kept = estate->first; kept; kept = kept->next)
			parked->n--;
		heir->estate = (struct mqg_estate){ 0 };
		drop(parked, heir);
	}
	pthread_mutex_unlock(&parked->lock);
	free(key);
	return heir;
}

static bool may_go(const struct mqg_kept *kept, uint8_t level)
{
	return (kept->kind == MQG_FLOW_QOS1 || !kept->sent) &&
	       (kept->level == MQW_LEVEL_5) == (level == MQW_LEVEL_5);
}

/* The first that may go, in the order of each client: behind one that may not nothing does. */
static struct mqg_kept *take_first(struct mqg_parked *parked, struct heir *heir, uint8_t level)
{
	struct mqg_kept *kept = heir->estate.first;

	if (!kept || !may_go(kept, level))
		return NULL;
	heir->estate.first = kept->next;
	if (!kept->next)
		heir->end = &heir->estate.first;
	kept->next = NULL;
	parked->n--;
	return kept;
}

struct mqg_parcel mqg_parked_next(struct mqg_parked *parked, const char *broker, uint8_t level,
				  uint64_t before)
{
	size_t len = strlen(broker) + 1;
	struct mqg_parcel parcel = { 0 };
	struct heir *heir, *next;

	pthread_mutex_lock(&parked->lock);
	HASH_ITER(hh, parked->heirs, heir, next) {
		if (heir->since > before || heir->key_len <= len || memcmp(heir->key, broker, len))
			continue;
		parcel.client = strdup(heir->key + len);
		parcel.kept = parcel.client ? take_first(parked, heir, level) : NULL;
		if (!heir->estate.first && !heir->estate.ids)
			drop(parked, heir);
		if (parcel.kept)
			break;
		free(parcel.client);
		parcel.client = NULL;
	}
	pthread_mutex_unlock(&parked->lock);
	return parcel;
}

void mqg_parcel_free(struct mqg_parcel *parcel)
{
	free(parcel->kept);
	free(parcel->client);
	*parcel = (struct mqg_parcel){ 0 };
}

uint64_t mqg_parked_count(struct mqg_parked *parked)
{
	uint64_t n;

	pthread_mutex_lock(&parked->lock);
	n = parked->n;
	pthread_mutex_unlock(&parked->lock);
	return n;
}
