// SPDX-License-Identifier: BSD-2-Clause
/*
 * A table by broker and client; see parked.h. Who has a message that the courier may take stands in
 * a queue, the longest away first.
 */
#include "hold/parked.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include <mqgate/mqtt_wire.h>

#include "proxy/list.h"

/* Of one broker; as old as the table. */
struct house {
	UT_hash_handle	hh;
	struct mqg_list	older, five;	/* heirs, by the level of their first message */
	uint64_t	n;		/* messages */
	char		name[];
};

struct heir {
	UT_hash_handle		hh;
	struct mqg_list		queue;
	struct house		*house;
	struct mqg_estate	estate;
	struct mqg_kept		**end;
	uint64_t		since;
	const char		*client;	/* in the key */
	size_t			key_len;
	char			key[];		/* broker, NUL, client, NUL */
};

struct mqg_parked {
	pthread_mutex_t	lock;
	struct heir	*heirs;
	struct house	*houses;
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
	mqg_list_remove(&heir->queue);
	mqg_estate_free(&heir->estate);
	free(heir);
}

void mqg_parked_free(struct mqg_parked *parked)
{
	struct heir *heir, *next;
	struct house *house, *other;

	if (!parked)
		return;
	HASH_ITER(hh, parked->heirs, heir, next)
		drop(parked, heir);
	HASH_ITER(hh, parked->houses, house, other) {
		HASH_DELETE(hh, parked->houses, house);
		free(house);
	}
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

static struct house *find_house(struct mqg_parked *parked, const char *name)
{
	struct house *house;

	HASH_FIND_STR(parked->houses, name, house);
	return house;
}

static struct house *get_house(struct mqg_parked *parked, const char *name)
{
	struct house *house = find_house(parked, name);

	if (house)
		return house;
	house = calloc(1, sizeof(*house) + strlen(name) + 1);
	if (!house)
		return NULL;
	strcpy(house->name, name);
	mqg_list_init(&house->older);
	mqg_list_init(&house->five);
	HASH_ADD_STR(parked->houses, name, house);
	return house;
}

static struct heir *find(struct mqg_parked *parked, const char *key, size_t len)
{
	struct heir *heir;

	HASH_FIND(hh, parked->heirs, key, len, heir);
	return heir;
}

static struct heir *get(struct mqg_parked *parked, const char *broker, const char *client)
{
	struct house *house = get_house(parked, broker);
	size_t len;
	char *key = house ? make_key(broker, client, &len) : NULL;
	struct heir *heir = key ? find(parked, key, len) : NULL;

	if (key && !heir) {
		heir = calloc(1, sizeof(*heir) + len);
		if (heir) {
			memcpy(heir->key, key, len);
			heir->key_len = len;
			heir->client = heir->key + strlen(broker) + 1;
			heir->house = house;
			heir->end = &heir->estate.first;
			mqg_list_init(&heir->queue);
			HASH_ADD_KEYPTR(hh, parked->heirs, heir->key, heir->key_len, heir);
		}
	}
	free(key);
	return heir;
}

static struct mqg_list *queue_of(struct house *house, uint8_t level)
{
	return level == MQW_LEVEL_5 ? &house->five : &house->older;
}

/* NULL: none may take its first message, or there is none. */
static struct mqg_list *queue_for(const struct heir *heir)
{
	const struct mqg_kept *first = heir->estate.first;

	if (!first || (first->kind == MQG_FLOW_QOS2 && first->sent))
		return NULL;
	return queue_of(heir->house, first->level);
}

/* Behind the others: it is the last that has gone away. */
static void enqueue(struct heir *heir)
{
	struct mqg_list *queue = queue_for(heir);

	mqg_list_remove(&heir->queue);
	if (queue)
		mqg_list_append(queue, &heir->queue);
}

/* Its first message is another one: it has its turn still. */
static void go_on(struct heir *heir)
{
	struct mqg_list *queue = queue_for(heir);

	mqg_list_remove(&heir->queue);
	if (queue)
		mqg_list_insert(queue, &heir->queue);
}

static void merge(struct heir *heir, struct mqg_estate *estate)
{
	struct mqg_parked_id **last = &estate->ids;

	*heir->end = estate->first;
	for (; *heir->end; heir->end = &(*heir->end)->next)
		heir->house->n++;
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

	if (!estate->first && !estate->ids)
		return;
	pthread_mutex_lock(&parked->lock);
	heir = get(parked, broker, client);
	if (heir) {
		heir->since = now;
		merge(heir, estate);
		enqueue(heir);
	}
	pthread_mutex_unlock(&parked->lock);
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
			heir->house->n--;
		heir->estate = (struct mqg_estate){ 0 };
		drop(parked, heir);
	}
	pthread_mutex_unlock(&parked->lock);
	free(key);
	return heir;
}

/* The first of the queue, if it has been away since @before. */
static struct heir *first_of(struct mqg_parked *parked, const char *broker, uint8_t level,
			     uint64_t before)
{
	struct house *house = find_house(parked, broker);
	const struct mqg_list *queue = house ? queue_of(house, level) : NULL;
	struct heir *heir;

	if (!queue || mqg_list_empty(queue))
		return NULL;
	heir = mqg_container_of(queue->next, struct heir, queue);
	return heir->since <= before ? heir : NULL;
}

static struct mqg_kept *take_first(struct heir *heir)
{
	struct mqg_kept *kept = heir->estate.first;

	heir->estate.first = kept->next;
	if (!kept->next)
		heir->end = &heir->estate.first;
	kept->next = NULL;
	heir->house->n--;
	return kept;
}

struct mqg_parcel mqg_parked_next(struct mqg_parked *parked, const char *broker, uint8_t level,
				  uint64_t before)
{
	struct mqg_parcel parcel = { 0 };
	struct heir *heir;

	pthread_mutex_lock(&parked->lock);
	heir = first_of(parked, broker, level, before);
	if (heir)
		parcel.client = strdup(heir->client);
	if (parcel.client) {
		parcel.kept = take_first(heir);
		if (heir->estate.first || heir->estate.ids)
			go_on(heir);
		else
			drop(parked, heir);
	}
	pthread_mutex_unlock(&parked->lock);
	return parcel;
}

bool mqg_parked_waits(struct mqg_parked *parked, const char *broker, uint8_t level,
		      uint64_t before)
{
	bool waits;

	pthread_mutex_lock(&parked->lock);
	waits = first_of(parked, broker, level, before);
	pthread_mutex_unlock(&parked->lock);
	return waits;
}

void mqg_parked_return(struct mqg_parked *parked, const char *broker, struct mqg_parcel *parcel,
		       uint64_t now)
{
	struct heir *heir;

	pthread_mutex_lock(&parked->lock);
	heir = get(parked, broker, parcel->client);
	if (heir) {
		heir->since = now;
		if (!heir->estate.first)
			heir->end = &parcel->kept->next;
		parcel->kept->next = heir->estate.first;
		heir->estate.first = parcel->kept;
		heir->house->n++;
		parcel->kept = NULL;
		enqueue(heir);
	}
	pthread_mutex_unlock(&parked->lock);
	mqg_parcel_free(parcel);
}

void mqg_parcel_free(struct mqg_parcel *parcel)
{
	free(parcel->kept);
	free(parcel->client);
	*parcel = (struct mqg_parcel){ 0 };
}

uint64_t mqg_parked_count(struct mqg_parked *parked, const char *broker)
{
	const struct house *house;
	uint64_t n;

	pthread_mutex_lock(&parked->lock);
	house = find_house(parked, broker);
	n = house ? house->n : 0;
	pthread_mutex_unlock(&parked->lock);
	return n;
}
