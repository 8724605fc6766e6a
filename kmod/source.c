// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where clients come from; see source.h for what it owns, who calls it and which lock guards it.
 *
 * A place is 32 bytes, in pages that are never moved. The hash grows by one bucket at a time
 * (linear hashing: a bucket's sources go to itself and to the new one), so that no packet ever
 * waits for a table to be rebuilt, and its heads need no memory of their own.
 */
#include "source.h"

#include <linux/build_bug.h>
#include <linux/log2.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "client.h"
#include "events.h"
#include "key.h"
#include "net.h"
#include "table.h"

#define LIMIT_MAX	(1U << 24)

/* Places looked at for one to be given back, and for one to make room at the limit. */
#define LOOKS		8
#define VICTIM_LOOKS	64

static unsigned int max_sources = 1U << 20;
module_param(max_sources, uint, 0644);
MODULE_PARM_DESC(max_sources, "Sources counted in a namespace at most, 128 to 16777216; read when "
		 "one is made (default 1048576)");

/**
 * struct source - a place
 * @key:        of the source
 * @head:       first source of the bucket that has this place's number
 * @next:       in the bucket, or of the free places
 * @sessions:   clients that name this place
 * @begun:      at least 1 while it is taken; 0: free
 * @connects:   rate of CONNECTs; its stamp is also when the source was last heard of
 * @violations: }
 * @takeovers:  } stay at their maximum
 * @told:       second of the last event, modulo 255, plus 1; 0 none
 */
struct source {
	u64		key;
	u32		head;
	u32		next;
	u32		sessions;
	u32		begun;
	struct mqg_rate	connects;
	u16		violations;
	u8		takeovers;
	u8		told;
};

static_assert(sizeof(struct source) == 32);

#define PAGE_PLACES	(PAGE_SIZE / sizeof(struct source))

/*
 * IPv4 addresses and /64s in one number: what 0:ffff::/32 would be, which is reserved by the IETF
 * (RFC 4291, 4) and no network, is IPv4.
 */
#define KEY_IPV4	0xffffULL

static u64 key_of(const u8 addr[16])
{
	__be64 upper;

	if (mqg_key_is_ipv4(addr))
		return KEY_IPV4 << 32 | ntohl(mqg_key_ipv4(addr));
	memcpy(&upper, addr, sizeof(upper));
	return be64_to_cpu(upper);
}

static void key_show(u64 key, struct mqg_source_view *view)
{
	__be64 upper = cpu_to_be64(key);

	memset(view->addr, 0, sizeof(view->addr));
	if (key >> 32 == KEY_IPV4) {
		mqg_key_set_ipv4(view->addr, htonl((u32)key));
		view->prefix = 128;
	} else {
		memcpy(view->addr, &upper, sizeof(upper));
		view->prefix = 64;
	}
}

static u32 seconds(void)
{
	return ktime_get_seconds();
}

/* Every number up to sources->places has a place. */
static struct source *place(const struct mqg_sources *sources, u32 number)
{
	struct source *page = xa_load((struct xarray *)&sources->pages, number / PAGE_PLACES);

	return &page[number % PAGE_PLACES];
}

static u32 bucket_of(const struct mqg_sources *sources, u64 key)
{
	u32 hash = mqg_table_hash(&key, sizeof(key), 0);
	u32 mask = roundup_pow_of_two(sources->buckets) - 1;
	u32 bucket = hash & mask;

	return bucket < sources->buckets ? bucket : hash & (mask >> 1);
}

static void link_up(struct mqg_sources *sources, u32 number)
{
	struct source *source = place(sources, number);
	struct source *bucket = place(sources, bucket_of(sources, source->key));

	source->next = bucket->head;
	bucket->head = number;
}

/* One more bucket: the sources of the one that it splits find their places anew. */
static void split(struct mqg_sources *sources)
{
	u32 parent = sources->buckets - rounddown_pow_of_two(sources->buckets);
	struct source *bucket = place(sources, parent);
	u32 number = bucket->head, next;

	bucket->head = 0;
	sources->buckets++;
	for (; number; number = next) {
		next = place(sources, number)->next;
		link_up(sources, number);
	}
}

static u32 find(const struct mqg_sources *sources, u64 key)
{
	u32 number;

	if (!sources->places)
		return 0;
	number = place(sources, bucket_of(sources, key))->head;
	while (number && place(sources, number)->key != key)
		number = place(sources, number)->next;
	return number;
}

static void give_back(struct mqg_sources *sources, u32 number)
{
	struct source *source = place(sources, number);
	u32 *link = &place(sources, bucket_of(sources, source->key))->head;

	while (*link != number)
		link = &place(sources, *link)->next;
	*link = source->next;
	source->begun = 0;
	source->next = sources->free;
	sources->free = number;
	sources->used--;
}

/* Nobody would miss it. */
static bool over(struct source *source, u32 now)
{
	if (!source->begun || source->sessions)
		return false;
	mqg_rate_fade(&source->connects, now);
	return !source->connects.count;
}

static u32 turn_hand(struct mqg_sources *sources)
{
	if (++sources->hand >= sources->places)
		sources->hand = 1;
	return sources->hand;
}

static void sweep(struct mqg_sources *sources, u32 now)
{
	unsigned int looked;
	u32 number;

	for (looked = 0; looked < LOOKS && sources->places; looked++) {
		number = turn_hand(sources);
		if (over(place(sources, number), now))
			give_back(sources, number);
	}
}

static bool grow(struct mqg_sources *sources)
{
	u32 number = sources->places;
	struct source *page;

	if (number >= sources->limit)
		return false;
	page = kzalloc(PAGE_SIZE, GFP_ATOMIC | __GFP_NOWARN | __GFP_ACCOUNT);
	if (!page)
		return false;
	if (xa_err(xa_store(&sources->pages, number / PAGE_PLACES, page,
			    GFP_ATOMIC | __GFP_NOWARN))) {
		kfree(page);
		return false;
	}
	sources->places += PAGE_PLACES;
	for (number = max(number, 1U); number < sources->places; number++) {
		place(sources, number)->next = sources->free;
		sources->free = number;
	}
	return true;
}

/* At the limit: the one with the least rate of those that have no client. */
static void make_room(struct mqg_sources *sources, u32 now)
{
	struct source *source;
	unsigned int looked;
	u32 number, best = 0, least = U32_MAX;

	for (looked = 0; looked < VICTIM_LOOKS; looked++) {
		number = turn_hand(sources);
		source = place(sources, number);
		if (!source->begun || source->sessions)
			continue;
		mqg_rate_fade(&source->connects, now);
		if (source->connects.count < least) {
			least = source->connects.count;
			best = number;
		}
	}
	if (best)
		give_back(sources, best);
}

/* Return: the number of a place for a source that has none; 0 when there is none to be had. */
static u32 take(struct mqg_sources *sources, u64 key, u32 now)
{
	struct source *source;
	u32 number;

	sweep(sources, now);
	if (!sources->free && !grow(sources) && sources->places)
		make_room(sources, now);
	number = sources->free;
	if (!number)
		return 0;
	source = place(sources, number);
	sources->free = source->next;
	source->key = key;
	source->sessions = 0;
	source->connects = (struct mqg_rate) { .stamp = now };
	source->violations = 0;
	source->takeovers = 0;
	source->told = 0;
	sources->used++;
	link_up(sources, number);
	if (sources->buckets < sources->used)
		split(sources);
	return number;
}

static void show(struct source *source, u32 now, struct mqg_source_view *view)
{
	mqg_rate_fade(&source->connects, now);
	key_show(source->key, view);
	view->sessions = source->sessions;
	view->begun = source->begun;
	view->rate = mqg_rate_per_minute(&source->connects);
	view->violations = source->violations;
	view->takeovers = source->takeovers;
	view->over = 0;
}

/* Return: whether there is something to tell, at most once a second; then *view is it. */
static bool notable(struct source *source, const struct mqg_settings *settings, u32 now,
		    struct mqg_source_view *view)
{
	u8 second = now % 255 + 1;

	if (source->told == second)
		return false;
	show(source, now, view);
	if (settings->source_sessions && view->sessions > settings->source_sessions)
		view->over |= MQGATE_SOURCE_OVER_SESSIONS;
	if (settings->source_connect_rate && view->rate > settings->source_connect_rate)
		view->over |= MQGATE_SOURCE_OVER_RATE;
	if (view->over)
		source->told = second;
	return view->over;
}

/**
 * mqg_sources_init - set up the sources of a namespace
 * @sources: zeroed
 *
 * Context: process.
 */
void mqg_sources_init(struct mqg_sources *sources)
{
	spin_lock_init(&sources->lock);
	xa_init(&sources->pages);
	sources->limit = clamp(READ_ONCE(max_sources), (unsigned int)PAGE_PLACES, LIMIT_MAX);
	sources->buckets = 1;
}

/**
 * mqg_sources_exit - give all memory back; every client has been ended
 * @sources: set up before
 *
 * Context: process.
 */
void mqg_sources_exit(struct mqg_sources *sources)
{
	unsigned long index;
	void *page;

	xa_for_each(&sources->pages, index, page)
		kfree(page);
	xa_destroy(&sources->pages);
}

/* Of a service over TLS the connection stands for the CONNECT that is not seen. */
static bool connects_unseen(const struct mqg_client *client)
{
	return client->flags & MQGATE_CLIENT_F_TLS && !(client->flags & MQGATE_CLIENT_F_PICKUP);
}

/**
 * mqg_source_begin - a client begins
 * @client: its lock held; from now on it names its source
 *
 * Context: BH disabled, RCU.
 */
void mqg_source_begin(struct mqg_client *client)
{
	struct mqg_net *net = client->net;
	struct mqg_sources *sources = &net->sources;
	u64 key = key_of(client->key.saddr);
	struct mqg_source_view view;
	struct source *source;
	bool tell = false;
	u32 now = seconds();

	spin_lock(&sources->lock);
	client->source = find(sources, key);
	if (!client->source)
		client->source = take(sources, key, now);
	if (client->source) {
		source = place(sources, client->source);
		source->sessions++;
		if (source->begun < U32_MAX)
			source->begun++;
		if (connects_unseen(client))
			mqg_rate_add(&source->connects, now);
		tell = notable(source, rcu_dereference(net->settings), now, &view);
	} else {
		mqg_count(net, SOURCES_FULL);
	}
	spin_unlock(&sources->lock);
	if (tell)
		mqg_event_source(net, &view);
}

/**
 * mqg_source_end - a client is gone
 * @client: its lock held
 *
 * Context: BH disabled, RCU.
 */
void mqg_source_end(struct mqg_client *client)
{
	struct mqg_sources *sources = &client->net->sources;
	struct source *source;

	if (!client->source)
		return;
	spin_lock(&sources->lock);
	source = place(sources, client->source);
	source->sessions--;
	if (over(source, seconds()))
		give_back(sources, client->source);
	spin_unlock(&sources->lock);
	client->source = 0;
}

/**
 * mqg_source_connect - a client has sent CONNECT
 * @client: its lock held
 *
 * Context: BH disabled, RCU.
 */
void mqg_source_connect(struct mqg_client *client)
{
	struct mqg_net *net = client->net;
	struct mqg_source_view view;
	struct source *source;
	u32 now = seconds();
	bool tell;

	mqg_count(net, CONNECTS);
	if (!client->source)
		return;
	spin_lock(&net->sources.lock);
	source = place(&net->sources, client->source);
	mqg_rate_add(&source->connects, now);
	tell = notable(source, rcu_dereference(net->settings), now, &view);
	spin_unlock(&net->sources.lock);
	if (tell)
		mqg_event_source(net, &view);
}

/**
 * mqg_source_violation - a client was against the protocol, or late
 * @client: its lock held
 *
 * Context: BH disabled, RCU.
 */
void mqg_source_violation(struct mqg_client *client)
{
	struct mqg_sources *sources = &client->net->sources;
	struct source *source;

	if (!client->source)
		return;
	spin_lock(&sources->lock);
	source = place(sources, client->source);
	if (source->violations < U16_MAX)
		source->violations++;
	spin_unlock(&sources->lock);
}

/**
 * mqg_source_takeover - a client took the identifier of a live one elsewhere
 * @client: its lock held
 *
 * Context: BH disabled, RCU.
 */
void mqg_source_takeover(struct mqg_client *client)
{
	struct mqg_sources *sources = &client->net->sources;
	struct source *source;

	if (!client->source)
		return;
	spin_lock(&sources->lock);
	source = place(sources, client->source);
	if (source->takeovers < U8_MAX)
		source->takeovers++;
	spin_unlock(&sources->lock);
}

/**
 * mqg_source_view - what is known of a source
 * @net: the namespace
 * @addr: any address of it
 * @view: filled in
 *
 * Context: process. Return: false when nothing is.
 */
bool mqg_source_view(struct mqg_net *net, const u8 addr[16], struct mqg_source_view *view)
{
	struct mqg_sources *sources = &net->sources;
	u32 number, now = seconds();

	spin_lock_bh(&sources->lock);
	number = find(sources, key_of(addr));
	if (number && over(place(sources, number), now))
		number = 0;
	if (number)
		show(place(sources, number), now, view);
	spin_unlock_bh(&sources->lock);
	return number;
}

/**
 * mqg_source_walk - visit sources in the order of their places
 * @net: the namespace
 * @next: where to go on; 0 at first, U32_MAX when all have been visited
 * @visit: see mqg_source_visit_t
 * @arg: for @visit
 *
 * Looks at MQG_SOURCE_WALK_MAX places at most. A source that is there throughout is visited once.
 *
 * Context: process. Return: 0, or what @visit returned.
 */
int mqg_source_walk(struct mqg_net *net, u32 *next, mqg_source_visit_t visit, void *arg)
{
	struct mqg_sources *sources = &net->sources;
	struct mqg_source_view view;
	unsigned int looked = 0;
	u32 now = seconds();
	int err = 0;

	if (*next == U32_MAX)
		return 0;
	spin_lock_bh(&sources->lock);
	for (; *next < sources->places && looked < MQG_SOURCE_WALK_MAX; looked++, ++*next) {
		struct source *source = place(sources, *next);

		if (!source->begun || over(source, now))
			continue;
		show(source, now, &view);
		err = visit(&view, arg);
		if (err)
			break;
	}
	if (!err && *next >= sources->places)
		*next = U32_MAX;
	spin_unlock_bh(&sources->lock);
	return err;
}
