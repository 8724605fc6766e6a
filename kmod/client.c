// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a client; see client.h for its rules and its lock.
 */
#include "client.h"

#include <linux/build_bug.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <mqgate/mqtt_packet.h>

#include "deadline.h"
#include "events.h"
#include "key.h"
#include "net.h"
#include "pool.h"
#include "reset.h"
#include "session.h"
#include "table.h"

/* What is under way when an identifier is taken over may still arrive this long, seconds. */
#define SETTLE_S	2

/* Silent for longer than its keep alive, or than this without one, a connection is not in order. */
#define SILENT_MS	60000U

/* With a client identifier of 23 bytes (64), its slot (9) and its part of the hash (16). */
#if !defined(CONFIG_DEBUG_SPINLOCK) && !defined(CONFIG_DEBUG_LOCK_ALLOC)
static_assert(sizeof(struct mqg_client) <= 272);
#endif

static struct kmem_cache *cache __read_mostly;

/**
 * mqg_client_cache_init - at load
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int mqg_client_cache_init(void)
{
	cache = KMEM_CACHE(mqg_client, SLAB_ACCOUNT);
	return cache ? 0 : -ENOMEM;
}

/**
 * mqg_client_cache_exit - at unload, when no namespace has a client any more
 *
 * Context: process. Waits for the grace periods that clients are freed after.
 */
void mqg_client_cache_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(cache);
}

static void free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(cache, container_of(rcu, struct mqg_client, rcu));
}

/* Return: whether there is room for one more. */
static bool make_room(struct mqg_net *net)
{
	struct mqg_client *victim = mqg_table_victim(net);
	bool made = false;

	if (!victim)
		return false;
	spin_lock_bh(&victim->lock);
	if (!mqg_client_dead(victim)) {
		mqg_count(net, EVICTED);
		mqg_client_end(victim, MQGATE_REASON_EVICTED);
		made = true;
	}
	spin_unlock_bh(&victim->lock);
	return made;
}

static bool reserve(struct mqg_net *net)
{
	const struct mqg_settings *settings = rcu_dereference(net->settings);

	if (atomic_inc_return(&net->clients) <= settings->max_clients || make_room(net))
		return true;
	atomic_dec(&net->clients);
	mqg_count(net, TABLE_FULL);
	return false;
}

static struct mqg_client *create(struct mqg_net *net, const struct mqgate_flow_key *key,
				 const struct mqg_service *service, bool fresh, u32 flags)
{
	struct mqg_client *client;

	client = kmem_cache_zalloc(cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!client)
		return NULL;
	spin_lock_init(&client->lock);
	client->key = *key;
	client->net = net;
	client->service = service->number;
	client->first = ktime_get_coarse_boottime_ns();
	client->last = client->first;
	client->entered = jiffies;
	client->heard = jiffies;
	client->flags = flags;
	if (service->kind == MQGATE_KIND_MQTTS)
		client->flags |= MQGATE_CLIENT_F_TLS;
	if (!fresh) {
		client->flags |= MQGATE_CLIENT_F_PICKUP | MQGATE_CLIENT_F_UNVALIDATED;
		client->phase = MQGATE_PHASE_CONNECTED;
	} else if (service->kind == MQGATE_KIND_MQTTS) {
		client->phase = MQGATE_PHASE_HANDSHAKE;
	} else {
		client->phase = MQGATE_PHASE_CONNECT;
	}
	return client;
}

/* A source is what source.h says: of IPv6 a /64. */
static u32 source_hash(const struct mqg_client *client)
{
	const u8 *addr = client->key.saddr;

	return mqg_table_hash(addr, mqg_key_is_ipv4(addr) ? 16 : 8, 0);
}

static void count_begin(struct mqg_net *net, const struct mqg_client *client)
{
	struct mqg_service_stats __percpu *stats = net->service_stats[client->service];

	mqg_count(net, BEGUN);
	if (client->flags & MQGATE_CLIENT_F_PICKUP)
		mqg_count(net, PICKED_UP);
	if (stats)
		this_cpu_inc(stats->begun);
}

/**
 * mqg_client_begin - track one more connection
 * @net: the namespace
 * @key: the direction from client to service
 * @service: of the current settings
 * @begin: what is known of it
 * @flags: MQGATE_CLIENT_F_LOCAL, MQGATE_CLIENT_F_BRIDGED or neither
 *
 * Sets phase and flags, then lets the session begin.
 *
 * Context: softirq or BH disabled, RCU; no client lock held. Return: the client, unlocked;
 * the one that another CPU made for the flow at the same time; or NULL (table full, no memory).
 */
struct mqg_client *mqg_client_begin(struct mqg_net *net, const struct mqgate_flow_key *key,
				    const struct mqg_service *service,
				    const struct mqg_begin *begin, u32 flags)
{
	struct mqg_client *client;
	int err;

	if (!reserve(net))
		return NULL;
	client = create(net, key, service, begin->fresh, flags);
	if (!client)
		goto no_memory;
	spin_lock_bh(&client->lock);
	mqg_session_begin(client, begin);
	client->side[MQGATE_FROM_CLIENT].share = source_hash(client) % MQG_POOL_SHARES;
	client->side[MQGATE_FROM_SERVER].share = client->side[MQGATE_FROM_CLIENT].share;
	err = mqg_table_insert(net, client);
	if (err)
		goto undo;
	mqg_deadline_file(client);
	count_begin(net, client);
	mqg_event_begin(client);
	mqg_source_begin(client);
	spin_unlock_bh(&client->lock);
	return client;
undo:
	client->flags |= MQG_CLIENT_DEAD;
	mqg_session_end(client);
	spin_unlock_bh(&client->lock);
	/* A walk may have met it at its slot. */
	call_rcu(&client->rcu, free_rcu);
	if (err == -EEXIST) {
		atomic_dec(&net->clients);
		return mqg_table_lookup(net, key);
	}
no_memory:
	atomic_dec(&net->clients);
	mqg_count(net, NO_MEMORY);
	return NULL;
}

/**
 * mqg_client_end - a client is gone
 * @client: its lock held; nothing happens to a dead one
 * @reason: enum mqgate_reason
 *
 * It can be read until the end of the caller's RCU section.
 *
 * Context: BH disabled, RCU.
 */
void mqg_client_end(struct mqg_client *client, u8 reason)
{
	struct mqg_net *net = client->net;
	struct mqg_client_id *id;

	if (mqg_client_dead(client))
		return;
	mqg_event_end(client, reason);
	WRITE_ONCE(client->flags, client->flags | MQG_CLIENT_DEAD);
	id = rcu_dereference_protected(client->id, lockdep_is_held(&client->lock));
	/* As long as the slot is its own: another client that has it may hold the identifier. */
	if (id)
		mqg_id_put(&net->ids, id, client->slot);
	mqg_table_remove(net, client);
	mqg_wheel_unfile(&net->wheel, client);
	mqg_session_end(client);
	mqg_source_end(client);
	atomic_dec(&net->clients);
	mqg_count(net, ENDED);
	call_rcu(&client->rcu, free_rcu);
}

static u16 target_hash(const struct mqg_client *client)
{
	return mqg_table_hash(client->key.daddr, sizeof(client->key.daddr), client->key.dport);
}

/* Modulo 255 and never 0: what fits a byte that also says "none". */
static u8 second(void)
{
	return (u32)ktime_get_seconds() % 255 + 1;
}

/* The client at @slot that carries @id; its lock is not held. */
static struct mqg_client *carrier(struct mqg_net *net, u32 slot, const struct mqg_client_id *id)
{
	struct mqg_client *client = slot ? mqg_table_slot(net, slot) : NULL;

	return client && rcu_access_pointer(client->id) == id ? client : NULL;
}

static bool in_order(const struct mqg_client *client)
{
	u32 silent_ms = client->keep_alive ? client->keep_alive * 1000U : SILENT_MS;

	return READ_ONCE(client->phase) == MQGATE_PHASE_CONNECTED &&
	       !(READ_ONCE(client->flags) & (MQG_CLIENT_DEAD | MQG_CLIENT_LATE)) &&
	       mqg_client_idle_ms(client) <= silent_ms;
}

static void two_holders(struct mqg_client *client)
{
	client->flags |= MQGATE_CLIENT_F_TWO_HOLDERS;
	mqg_count(client->net, SHARED_IDS);
	mqg_event_holders(client);
}

/*
 * The broker has accepted it: now the identifier is its own. What was asked for with CONNECT
 * counts only now, so that who is refused takes nothing from anybody.
 */
static void hold(struct mqg_client *client)
{
	struct mqg_net *net = client->net;
	struct mqg_client *other;
	struct mqg_client_id *id;
	enum mqg_hold hold;
	u32 before;

	id = rcu_dereference_protected(client->id, lockdep_is_held(&client->lock));
	/* Without one the broker makes one up, which is nobody else's. */
	if (!id || !id->length)
		return;
	hold = mqg_id_hold(&net->ids, id, client->slot, source_hash(client),
			   client->flags & MQG_CLIENT_TAKES,
			   client->flags & MQG_CLIENT_TAKES_ALIVE, &before);
	other = before != client->slot ? carrier(net, before, id) : NULL;
	if (other)
		WRITE_ONCE(other->lost_id, second());
	switch (hold) {
	case MQG_HOLD_FRESH:
		break;
	case MQG_HOLD_RECONNECT:
		client->flags |= MQGATE_CLIENT_F_RECONNECT;
		mqg_count(net, RECONNECTS);
		break;
	case MQG_HOLD_TWO:
	case MQG_HOLD_TAKEOVER:
		client->flags |= MQGATE_CLIENT_F_ID_SHARED;
		mqg_count(net, TAKEOVERS);
		mqg_source_takeover(client);
		if (hold == MQG_HOLD_TWO)
			two_holders(client);
		break;
	}
}

/* It has sent a packet, and its identifier is another one's: that one did not replace it. */
static void speaks_on(struct mqg_client *client)
{
	u8 passed = (second() + 255U - client->lost_id) % 255;

	if (passed < SETTLE_S || client->phase != MQGATE_PHASE_CONNECTED)
		return;
	client->lost_id = 0;
	two_holders(client);
}

/**
 * mqg_client_phase - a client enters a phase
 * @client: not dead, its lock held; fields that belong to the phase (keep alive) already set
 * @phase: enum mqgate_phase; nothing happens when it is in it already
 *
 * Context: BH disabled, RCU.
 */
void mqg_client_phase(struct mqg_client *client, u8 phase)
{
	u8 before = client->phase;

	if (before == phase)
		return;
	WRITE_ONCE(client->phase, phase);
	client->entered = jiffies;
	client->heard = jiffies;
	client->flags &= ~MQG_CLIENT_LATE;
	if (before == MQGATE_PHASE_CONNACK && phase == MQGATE_PHASE_CONNECTED &&
	    !(client->flags & MQGATE_CLIENT_F_UNVALIDATED))
		hold(client);
	mqg_deadline_file(client);
	mqg_event_phase(client, before);
}

/**
 * mqg_client_refuse - let nothing of this connection pass any more
 * @client: not dead, its lock held
 * @reason: enum mqgate_reason
 *
 * Context: BH disabled, RCU.
 */
void mqg_client_refuse(struct mqg_client *client, u8 reason)
{
	client->flags |= MQGATE_CLIENT_F_KILLED;
	client->reason = reason;
	mqg_client_phase(client, MQGATE_PHASE_REFUSED);
}

/**
 * mqg_client_name - the client identifier has been read
 * @client: not dead, its lock held
 * @id: the identifier, valid UTF-8
 * @length: of it; what is over MQGATE_CLIENT_ID_KEPT is cut off, and flagged
 *
 * Context: BH disabled, RCU. Return: 0, -EEXIST when it has one, or -ENOMEM.
 */
int mqg_client_name(struct mqg_client *client, const void *id, size_t length)
{
	struct mqg_client_id *interned;
	struct mqg_client *holder;
	u32 slot;

	if (rcu_access_pointer(client->id))
		return -EEXIST;
	if (length > MQGATE_CLIENT_ID_KEPT) {
		length = MQGATE_CLIENT_ID_KEPT;
		client->flags |= MQGATE_CLIENT_F_ID_CUT;
	}
	interned = mqg_id_get(&client->net->ids, id, length, target_hash(client), &slot);
	if (!interned) {
		mqg_count(client->net, NO_MEMORY);
		return -ENOMEM;
	}
	holder = carrier(client->net, slot, interned);
	if (holder)
		client->flags |= MQG_CLIENT_TAKES;
	if (holder && in_order(holder))
		client->flags |= MQG_CLIENT_TAKES_ALIVE;
	rcu_assign_pointer(client->id, interned);
	return 0;
}

/**
 * mqg_client_count_packet - a complete MQTT packet went by
 * @client: its lock held
 * @dir: MQGATE_FROM_*
 * @type: 0..15, upper nibble of its first byte
 *
 * Context: BH disabled, RCU.
 */
void mqg_client_count_packet(struct mqg_client *client, u8 dir, u8 type)
{
	struct mqg_service_stats __percpu *stats = client->net->service_stats[client->service];

	if (stats)
		this_cpu_inc(stats->packets[dir & 1][type & 15]);
	if (dir != MQGATE_FROM_CLIENT)
		return;
	if (type == MQP_CONNECT)
		mqg_source_connect(client);
	/* Who only takes leave does not claim the identifier. */
	if (client->lost_id && type != MQP_DISCONNECT)
		speaks_on(client);
}

/**
 * mqg_client_violation - count an offence and tell of it
 * @client: not dead, its lock held
 * @dir: MQGATE_FROM_*, who offended
 * @reason: enum mqgate_reason
 * @dropped: whether it is enforced
 *
 * Context: BH disabled, RCU.
 */
void mqg_client_violation(struct mqg_client *client, u8 dir, u8 reason, bool dropped)
{
	struct mqg_service_stats __percpu *stats = client->net->service_stats[client->service];

	if (client->offences < U16_MAX)
		client->offences++;
	client->reason = reason;
	mqg_count(client->net, VIOLATIONS);
	if (stats)
		this_cpu_inc(stats->violations);
	if (dir == MQGATE_FROM_CLIENT)
		mqg_source_violation(client);
	mqg_event_violation(client, dir, reason, dropped);
}

/* What it has said in a CONNECT that only the daemon could read. */
static int introduce(struct mqg_client *client, const struct mqg_binding *binding, bool *named)
{
	int err;

	if (!(client->flags & (MQGATE_CLIENT_F_TLS | MQGATE_CLIENT_F_UNVALIDATED)))
		return 0;
	if (binding->id) {
		err = mqg_client_name(client, binding->id, binding->id_length);
		if (err && err != -EEXIST)
			return err;
		*named = !err;
		if (*named && binding->id_cut)
			client->flags |= MQGATE_CLIENT_F_ID_CUT;
	}
	if (!binding->level ||
	    (client->level == binding->level && client->keep_alive == binding->keep_alive))
		return 0;
	client->level = binding->level;
	client->keep_alive = binding->keep_alive;
	/* Its silence until now broke no keep alive that was known. */
	client->heard = jiffies;
	return 0;
}

/* Return: 0, or -ENOMEM with nothing bound. */
static int bind(struct mqg_client *client, const struct mqg_binding *binding)
{
	bool named = false;
	int err = introduce(client, binding, &named);

	if (err)
		return err;
	client->identity = binding->identity;
	client->verdict = binding->verdict;
	if (binding->identity)
		client->flags |= MQGATE_CLIENT_F_BOUND;
	else
		client->flags &= ~MQGATE_CLIENT_F_BOUND;
	/* Who is bound was accepted by the broker. */
	if (named && client->phase <= MQGATE_PHASE_CONNECTED)
		hold(client);
	if (binding->identity && client->phase == MQGATE_PHASE_HANDSHAKE)
		mqg_client_phase(client, MQGATE_PHASE_CONNECTED);
	else
		mqg_deadline_file(client);
	return 0;
}

/**
 * mqg_client_bind - the daemon says who a client is
 * @client: found under RCU
 * @binding: what it says
 *
 * Of a TLS service's client this is also the end of the handshake. Identifier, level and keep
 * alive count only for a client whose CONNECT the module does not read itself, the identifier
 * where it has none yet.
 *
 * Context: RCU, no client lock held. Return: 0, -ENOENT when it is dead, or -ENOMEM.
 */
int mqg_client_bind(struct mqg_client *client, const struct mqg_binding *binding)
{
	int err = -ENOENT;

	spin_lock_bh(&client->lock);
	if (!mqg_client_dead(client))
		err = bind(client, binding);
	spin_unlock_bh(&client->lock);
	return err;
}

/**
 * mqg_client_kill - reset both ends of a connection, whatever the mode
 * @client: found under RCU
 * @reason: enum mqgate_reason
 *
 * The entry stays in phase REFUSED until an end answers or closing_ms is over, so that
 * whatever the ends still send is dropped and reset again.
 *
 * Context: RCU, no client lock held. Return: 0, or -ENOENT when it is dead.
 */
int mqg_client_kill(struct mqg_client *client, u8 reason)
{
	struct mqg_reset reset;
	int err = -ENOENT;

	spin_lock_bh(&client->lock);
	if (!mqg_client_dead(client)) {
		mqg_client_refuse(client, reason);
		mqg_reset_prepare(&reset, client);
		err = 0;
	}
	spin_unlock_bh(&client->lock);
	if (!err)
		mqg_reset_send(client->net, &reset);
	return err;
}

/**
 * mqg_client_idle_ms - how long a client has been silent in both directions
 * @client: under RCU; the lock is not needed
 *
 * Context: any. Return: milliseconds.
 */
u64 mqg_client_idle_ms(const struct mqg_client *client)
{
	u64 now = ktime_get_coarse_boottime_ns();
	u64 last = READ_ONCE(client->last);

	return now > last ? div_u64(now - last, NSEC_PER_MSEC) : 0;
}
