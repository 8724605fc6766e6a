// SPDX-License-Identifier: GPL-2.0-only
/*
 * The half-open table; see half.h for what it owns, who calls it and which lock guards it.
 */
#include "half.h"

#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/moduleparam.h>
#include <linux/vmalloc.h>

#include "net.h"
#include "packet.h"
#include "table.h"

/* Numbers further apart than this do not belong together: the largest window, RFC 7323. */
#define NEAR		(1U << 30)

/* A first flight may not be longer: windows of SYN and SYN-ACK are not scaled. */
#define FIRST_WINDOW	(1U << 16)

#define SLOTS		5

static unsigned int half_open = 16384;
module_param(half_open, uint, 0444);
MODULE_PARM_DESC(half_open,
		 "Routed handshakes remembered at once, 64 to 16777216 (default 16384)");

enum state {
	FREE,
	SYN,		/* handshake: SYN seen */
	SYN_ACK,	/* handshake: and the server's answer */
	CLIENT,		/* older flow: a segment of the client */
	BOTH,		/* older flow: and a fitting one of the server */
};

/*
 * @next: of the next byte, by direction. @tag stands for flow and namespace, @home for the
 * namespace alone: two of 256 neighbours may have the same, and share then.
 */
struct half {
	u64	tag;
	u32	next[2];
	u32	stamp;
	u8	state;
	u8	wscale[2];
	u8	home;
};

struct bucket {
	spinlock_t	lock;
	struct half	halves[SLOTS];
};

struct row {
	struct bucket	*buckets;
	u32		mask;
};

static struct row handshakes, older;

static int row_alloc(struct row *row, u32 halves)
{
	u32 count = roundup_pow_of_two(DIV_ROUND_UP(halves, SLOTS));
	u32 i;

	row->buckets = kvcalloc(count, sizeof(*row->buckets), GFP_KERNEL);
	if (!row->buckets)
		return -ENOMEM;
	row->mask = count - 1;
	for (i = 0; i < count; i++)
		spin_lock_init(&row->buckets[i].lock);
	return 0;
}

/**
 * mqg_half_init - make the table, at load
 *
 * Context: process. Return: 0, -ERANGE or -ENOMEM.
 */
int mqg_half_init(void)
{
	int err;

	if (half_open < 64 || half_open > (1U << 24)) {
		pr_err("half_open is 64 to 16777216\n");
		return -ERANGE;
	}
	err = row_alloc(&handshakes, half_open);
	if (err)
		return err;
	err = row_alloc(&older, DIV_ROUND_UP(half_open, 4));
	if (err)
		kvfree(handshakes.buckets);
	return err;
}

/**
 * mqg_half_exit - give the table back, when no hook is registered any more
 *
 * Context: process.
 */
void mqg_half_exit(void)
{
	kvfree(older.buckets);
	kvfree(handshakes.buckets);
}

static u64 tag_of(const struct mqg_net *net, const struct mqgate_flow_key *key)
{
	struct {
		struct mqgate_flow_key	key;
		u64			cookie;
	} flow = { .key = *key, .cookie = net->net->net_cookie };

	return mqg_table_tag(&flow, sizeof(flow));
}

static struct bucket *bucket_of(struct row *row, u64 tag)
{
	return &row->buckets[(tag >> 32) & row->mask];
}

static struct half *find(struct bucket *bucket, u64 tag)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		if (bucket->halves[i].state != FREE && bucket->halves[i].tag == tag)
			return &bucket->halves[i];
	return NULL;
}

static u8 home_of(const struct mqg_net *net)
{
	return net->net->net_cookie;
}

static unsigned int places_of(const struct bucket *bucket, u8 home)
{
	unsigned int i, count = 0;

	for (i = 0; i < SLOTS; i++)
		count += bucket->halves[i].home == home;
	return count;
}

/*
 * Of a full bucket: the oldest of the namespace that has most of it, the newcomer counted in. So
 * a flood in one namespace takes its own places, once it has its share.
 */
static struct half *oldest_of_most(struct bucket *bucket, u8 home)
{
	struct half *half, *chosen = NULL;
	unsigned int i, count, most = 0;

	for (i = 0; i < SLOTS; i++) {
		half = &bucket->halves[i];
		count = places_of(bucket, half->home) + (half->home == home);
		if (count < most)
			continue;
		if (count > most || (s32)(half->stamp - chosen->stamp) < 0)
			chosen = half;
		most = count;
	}
	return chosen;
}

/* The flow's own place, else a free one, else that of who has too many. */
static struct half *take(struct mqg_net *net, struct bucket *bucket, u64 tag)
{
	struct half *half = find(bucket, tag);
	unsigned int i;

	if (half)
		return half;
	for (i = 0; i < SLOTS; i++)
		if (bucket->halves[i].state == FREE)
			return &bucket->halves[i];
	mqg_count(net, HALF_LOST);
	return oldest_of_most(bucket, home_of(net));
}

static bool near(u32 a, u32 b)
{
	return a - b < NEAR || b - a < NEAR;
}

/**
 * mqg_half_syn - a client's SYN
 * @net: the namespace
 * @packet: the segment
 *
 * A second SYN with another number takes the place of the first only while the server has
 * not answered: a forged one must not undo a handshake.
 *
 * Context: softirq.
 */
void mqg_half_syn(struct mqg_net *net, const struct mqg_packet *packet)
{
	u64 tag = tag_of(net, &packet->key);
	struct bucket *bucket = bucket_of(&handshakes, tag);
	struct half *half;

	spin_lock_bh(&bucket->lock);
	half = take(net, bucket, tag);
	if (half->state != SYN_ACK || half->tag != tag ||
	    (s32)((u32)jiffies - half->stamp) > HZ) {
		*half = (struct half) {
			.tag	= tag,
			.next	= { packet->segment.seq + 1 },
			.stamp	= jiffies,
			.state	= SYN,
			.wscale	= { packet->wscale },
			.home	= home_of(net),
		};
		mqg_count(net, HALF_OPEN);
	}
	spin_unlock_bh(&bucket->lock);
}

/**
 * mqg_half_syn_ack - a server's SYN-ACK
 * @net: the namespace
 * @packet: the segment; its key is the client's
 *
 * Context: softirq.
 */
void mqg_half_syn_ack(struct mqg_net *net, const struct mqg_packet *packet)
{
	u64 tag = tag_of(net, &packet->key);
	struct bucket *bucket = bucket_of(&handshakes, tag);
	struct half *half;

	spin_lock_bh(&bucket->lock);
	half = find(bucket, tag);
	if (half && half->next[MQGATE_FROM_CLIENT] == packet->segment.ack) {
		half->next[MQGATE_FROM_SERVER] = packet->segment.seq + 1;
		half->wscale[MQGATE_FROM_SERVER] = packet->wscale;
		half->stamp = jiffies;
		half->state = SYN_ACK;
	}
	spin_unlock_bh(&bucket->lock);
}

/* Return: whether the handshake is complete. @known: there is one for this flow. */
static bool finish(u64 tag, const struct mqg_segment *segment, struct mqg_begin *begin,
		   bool *known)
{
	struct bucket *bucket = bucket_of(&handshakes, tag);
	struct half *half;
	bool complete;

	spin_lock_bh(&bucket->lock);
	half = find(bucket, tag);
	*known = half;
	complete = half && half->state == SYN_ACK &&
		   segment->ack == half->next[MQGATE_FROM_SERVER] &&
		   segment->seq - half->next[MQGATE_FROM_CLIENT] < FIRST_WINDOW;
	if (complete) {
		memcpy(begin->next, half->next, sizeof(begin->next));
		memcpy(begin->wscale, half->wscale, sizeof(begin->wscale));
		begin->fresh = true;
		half->state = FREE;
	}
	spin_unlock_bh(&bucket->lock);
	return complete;
}

static bool pick_up(struct mqg_net *net, u64 tag, const struct mqg_segment *segment,
		    struct mqg_begin *begin)
{
	struct bucket *bucket = bucket_of(&older, tag);
	struct half *half;
	bool complete;

	spin_lock_bh(&bucket->lock);
	half = take(net, bucket, tag);
	complete = half->tag == tag && half->state == BOTH &&
		   near(segment->seq, half->next[MQGATE_FROM_CLIENT]) &&
		   near(segment->ack, half->next[MQGATE_FROM_SERVER]);
	if (complete) {
		begin->next[MQGATE_FROM_CLIENT] = segment->seq;
		begin->next[MQGATE_FROM_SERVER] = half->next[MQGATE_FROM_SERVER];
		memset(begin->wscale, MQG_WSCALE_UNKNOWN, sizeof(begin->wscale));
		begin->fresh = false;
		half->state = FREE;
	} else {
		*half = (struct half) {
			.tag	= tag,
			.next	= { segment->seq + segment->length, segment->ack },
			.stamp	= jiffies,
			.state	= CLIENT,
			.home	= home_of(net),
		};
	}
	spin_unlock_bh(&bucket->lock);
	return complete;
}

/**
 * mqg_half_client - a client's segment that belongs to no entry
 * @net: the namespace
 * @packet: with ACK, without SYN, FIN, RST
 * @begin: filled in when an entry is to be made
 *
 * Context: softirq. Return: whether this segment proves a connection.
 */
bool mqg_half_client(struct mqg_net *net, const struct mqg_packet *packet,
		     struct mqg_begin *begin)
{
	u64 tag = tag_of(net, &packet->key);
	bool known;

	if (finish(tag, &packet->segment, begin, &known))
		return true;
	return !known && pick_up(net, tag, &packet->segment, begin);
}

/**
 * mqg_half_server - a server's segment that belongs to no entry
 * @net: the namespace
 * @packet: with ACK, without SYN, FIN, RST; its key is the client's
 *
 * Context: softirq.
 */
void mqg_half_server(struct mqg_net *net, const struct mqg_packet *packet)
{
	const struct mqg_segment *segment = &packet->segment;
	u64 tag = tag_of(net, &packet->key);
	struct bucket *bucket = bucket_of(&older, tag);
	struct half *half;

	spin_lock_bh(&bucket->lock);
	half = find(bucket, tag);
	if (half && half->state == CLIENT &&
	    near(segment->ack, half->next[MQGATE_FROM_CLIENT]) &&
	    near(segment->seq, half->next[MQGATE_FROM_SERVER])) {
		half->next[MQGATE_FROM_SERVER] = segment->seq + segment->length;
		half->state = BOTH;
		half->stamp = jiffies;
	}
	spin_unlock_bh(&bucket->lock);
}

/**
 * mqg_half_peek - what is known of a flow that has no entry
 * @net: the namespace
 * @key: the direction from client to service
 * @next: out, the client's next sequence number; left alone where nothing is known
 *
 * Context: softirq. Return: MQGATE_KNOWN_NOTHING, _HANDSHAKE or _OLDER.
 */
enum mqgate_known mqg_half_peek(struct mqg_net *net, const struct mqgate_flow_key *key, u32 *next)
{
	static const struct {
		struct row		*row;
		enum state		state;
		enum mqgate_known	known;
	} looks[] = {
		{ &handshakes, SYN_ACK, MQGATE_KNOWN_HANDSHAKE },
		{ &older, BOTH, MQGATE_KNOWN_OLDER },
	};
	enum mqgate_known known = MQGATE_KNOWN_NOTHING;
	u64 tag = tag_of(net, key);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(looks) && known == MQGATE_KNOWN_NOTHING; i++) {
		struct bucket *bucket = bucket_of(looks[i].row, tag);
		const struct half *half;

		spin_lock_bh(&bucket->lock);
		half = find(bucket, tag);
		if (half && half->state == looks[i].state) {
			*next = half->next[MQGATE_FROM_CLIENT];
			known = looks[i].known;
		}
		spin_unlock_bh(&bucket->lock);
	}
	return known;
}
