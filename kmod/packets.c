// SPDX-License-Identifier: GPL-2.0-only
/*
 * MQTT packets of a session; see packets.h for who calls it and which lock guards it. The
 * parsers are those of include/mqgate.
 */
#include "packets.h"

#include <linux/percpu.h>
#include <linux/slab.h>
#include <mqgate/mqtt_packet.h>

#include "net.h"

/* As brokers have it: mosquitto's TOPIC_HIERARCHY_LIMIT. */
#define LEVELS_MAX	200U

/* From the first byte to CONNACK. */
struct opening {
	struct mqw_connect	connect;
	struct mqw_connack	connack;
	u32			rest;		/* bytes of CONNECT still to come, in stage REST */
	u32			id_length;
	u8			id[MQGATE_CLIENT_ID_KEPT];
};

/* client->session */
struct mqg_session {
	struct mqp_stream	packets[2];
	struct opening		*opening;
};

/*
 * A session that nobody needs now, for the next segment on this CPU: most of them bring whole
 * packets. Used under a client's lock, hence with BH disabled.
 */
static DEFINE_PER_CPU(struct mqg_session *, spare);

static struct mqg_session *session_alloc(void)
{
	struct mqg_session *session = this_cpu_read(spare);

	if (!session)
		return kzalloc(sizeof(*session), GFP_ATOMIC | __GFP_NOWARN);
	this_cpu_write(spare, NULL);
	return session;
}

static void session_free(struct mqg_session *session)
{
	kfree(session->opening);
	session->opening = NULL;
	if (this_cpu_read(spare))
		kfree(session);
	else
		this_cpu_write(spare, session);
}

static u32 packet_max(const struct mqg_client *client, u8 dir)
{
	if (dir == MQGATE_FROM_SERVER)
		return MQG_PACKET_LIMIT;
	return rcu_dereference(client->net->settings)->packet_max;
}

static void begin_packets(struct mqg_client *client)
{
	u8 dir;

	for (dir = 0; dir < 2; dir++)
		mqp_init(&client->session->packets[dir], client->level, dir,
			 packet_max(client, dir), LEVELS_MAX);
}

static bool opening(const struct mqg_client *client)
{
	return client->side[MQGATE_FROM_CLIENT].stage < MQG_STAGE_PACKETS ||
	       client->side[MQGATE_FROM_SERVER].stage < MQG_STAGE_PACKETS;
}

/**
 * mqg_packets_prepare - memory for a segment, before anything of it is looked at
 * @client: of a plain service, its bytes followed
 *
 * Context: softirq. Return: whether there is.
 */
bool mqg_packets_prepare(struct mqg_client *client)
{
	struct mqg_session *session = client->session;

	if (session)
		return true;
	session = session_alloc();
	if (!session)
		return false;
	if (opening(client)) {
		session->opening = kzalloc(sizeof(*session->opening), GFP_ATOMIC | __GFP_NOWARN);
		if (!session->opening) {
			session_free(session);
			return false;
		}
		mqw_connect_init(&session->opening->connect,
				 packet_max(client, MQGATE_FROM_CLIENT));
	}
	client->session = session;
	begin_packets(client);
	return true;
}

/* The client identifier is copied as it comes by. @before: position of data[0] in CONNECT */
static void keep_id(struct opening *o, const u8 *data, u32 before, u32 used)
{
	const struct mqw_span *id = &o->connect.client_id;
	u32 from = id->off + o->id_length;
	u32 end = min(id->off + min_t(u32, id->len, sizeof(o->id)), before + used);

	if (!id->off || from >= end)
		return;
	memcpy(o->id + o->id_length, data + (from - before), end - from);
	o->id_length += end - from;
}

/* What CONNECT says is known, but for the identifier where it is refused. */
static void connect_seen(struct mqg_client *client, u8 stage)
{
	struct opening *o = client->session->opening;
	const struct mqw_connect *c = &o->connect;

	client->level = c->level;
	client->keep_alive = c->keep_alive;
	client->connect_flags = c->flags;
	client->heard = jiffies;
	if (c->bridge)
		client->flags |= MQGATE_CLIENT_F_BRIDGE;
	client->side[MQGATE_FROM_CLIENT].stage = stage;
	mqw_connack_init(&o->connack, c->level, MQG_PACKET_LIMIT);
	begin_packets(client);
	mqg_client_count_packet(client, MQGATE_FROM_CLIENT, MQP_CONNECT);
	mqg_client_phase(client, MQGATE_PHASE_CONNACK);
}

static u8 feed_connect(struct mqg_client *client, const u8 *data, u32 length, u32 *used)
{
	struct opening *o = client->session->opening;
	u32 before = o->connect.pos;
	int status;

	status = mqw_connect_feed(&o->connect, data, length, used);
	keep_id(o, data, before, *used);
	if (status == MQW_NEED_MORE)
		return MQGATE_REASON_NONE;
	if (status == MQW_OK) {
		if (o->connect.client_id.len > sizeof(o->id))
			client->flags |= MQGATE_CLIENT_F_ID_CUT;
		mqg_client_name(client, o->id, o->id_length);
		connect_seen(client, MQG_STAGE_PACKETS);
		return MQGATE_REASON_NONE;
	}
	/* The broker has an answer to this one, and nothing may follow it. */
	if (!mqw_reason_answered(o->connect.reason))
		return o->connect.reason;
	o->rest = o->connect.total - o->connect.pos;
	connect_seen(client, MQG_STAGE_REST);
	return MQGATE_REASON_NONE;
}

static u8 feed_rest(struct mqg_client *client, u32 length, u32 *used)
{
	struct opening *o = client->session->opening;

	*used = min(length, o->rest);
	o->rest -= *used;
	return *used ? MQGATE_REASON_NONE : MQGATE_REASON_MQTT_ORDER;
}

static void connack_seen(struct mqg_client *client)
{
	const struct mqw_connack *a = &client->session->opening->connack;

	client->side[MQGATE_FROM_SERVER].stage = MQG_STAGE_PACKETS;
	mqg_client_count_packet(client, MQGATE_FROM_SERVER, MQP_CONNACK);
	if (a->session_present)
		client->flags |= MQGATE_CLIENT_F_SESSION_PRESENT;
	if (a->code) {
		client->reason = MQGATE_REASON_BROKER_REFUSED;
		mqg_client_phase(client, MQGATE_PHASE_REFUSED);
	} else if (client->phase == MQGATE_PHASE_CONNACK) {
		mqg_client_phase(client, MQGATE_PHASE_CONNECTED);
	}
}

/* QoS 1 and 2 that are under way: @s ended with a packet of @dir. */
static void count_in_flight(struct mqg_client *client, u8 dir, const struct mqp_stream *s)
{
	u16 *own = &client->in_flight[dir], *other = &client->in_flight[!dir];
	bool last = false;

	switch (s->type) {
	case MQP_PUBLISH:
		/* Only MQTT 3.1 repeats within a connection; later, DUP is of an older one. */
		if (mqp_qos(s) && *own < U16_MAX &&
		    (s->level > MQW_LEVEL_31 || !(s->flags & MQP_FLAG_DUP)))
			(*own)++;
		break;
	case MQP_PUBACK:
	case MQP_PUBCOMP:
		last = true;
		break;
	case MQP_PUBREC:
		last = s->code >= 0x80;
		break;
	}
	if (last && *other)
		(*other)--;
}

static void packet_seen(struct mqg_client *client, u8 dir)
{
	const struct mqp_stream *s = &client->session->packets[dir];

	mqg_client_count_packet(client, dir, s->type);
	count_in_flight(client, dir, s);
	if (dir == MQGATE_FROM_CLIENT)
		client->heard = jiffies;
	if (s->type != MQP_DISCONNECT)
		return;
	client->side[dir].stage = MQG_STAGE_OVER;
	if (client->phase != MQGATE_PHASE_REFUSED)
		mqg_client_phase(client, MQGATE_PHASE_CLOSING);
}

static u8 feed_packets(struct mqg_client *client, u8 dir, const u8 *data, u32 length, u32 *used)
{
	struct mqp_stream *s = &client->session->packets[dir];

	switch (mqp_feed(s, data, length, used)) {
	case MQW_OK:
		packet_seen(client, dir);
		fallthrough;
	case MQW_NEED_MORE:
		return MQGATE_REASON_NONE;
	}
	return s->reason;
}

/* MQTT 5.0, 4.12: a server may send AUTH before CONNACK, and nothing else. */
static u8 feed_connack(struct mqg_client *client, const u8 *data, u32 length, u32 *used)
{
	struct mqw_connack *a = &client->session->opening->connack;
	const struct mqp_stream *s = &client->session->packets[MQGATE_FROM_SERVER];

	if (client->side[MQGATE_FROM_CLIENT].stage == MQG_STAGE_OPENING)
		return MQGATE_REASON_MQTT_ORDER;
	if (client->level == MQW_LEVEL_5 &&
	    (!mqp_between(s) || (!a->pos && data[0] >> 4 == MQP_AUTH)))
		return feed_packets(client, MQGATE_FROM_SERVER, data, length, used);
	switch (mqw_connack_feed(a, data, length, used)) {
	case MQW_OK:
		connack_seen(client);
		fallthrough;
	case MQW_NEED_MORE:
		return MQGATE_REASON_NONE;
	}
	return a->reason;
}

static u8 feed(struct mqg_client *client, u8 dir, const u8 *data, u32 length, u32 *used)
{
	switch (client->side[dir].stage) {
	case MQG_STAGE_OPENING:
		return dir == MQGATE_FROM_CLIENT ? feed_connect(client, data, length, used) :
						   feed_connack(client, data, length, used);
	case MQG_STAGE_REST:
		return feed_rest(client, length, used);
	case MQG_STAGE_PACKETS:
		return feed_packets(client, dir, data, length, used);
	}
	return MQGATE_REASON_MQTT_ORDER;
}

/**
 * mqg_packets_feed - the next bytes of a direction
 * @client: prepared by mqg_packets_prepare()
 * @dir: MQGATE_FROM_*
 * @data: the bytes
 * @length: of @data
 *
 * Context: softirq, RCU. Return: MQGATE_REASON_NONE, or what is wrong with them.
 */
u8 mqg_packets_feed(struct mqg_client *client, u8 dir, const u8 *data, u32 length)
{
	u8 reason = MQGATE_REASON_NONE;
	u32 used;

	while (length && !reason) {
		reason = feed(client, dir, data, length, &used);
		if (reason)
			break;
		data += used;
		length -= used;
	}
	return reason;
}

/**
 * mqg_packets_settle - a segment has been read: keep only what the next one needs
 * @client: prepared by mqg_packets_prepare()
 */
void mqg_packets_settle(struct mqg_client *client)
{
	struct mqg_session *session = client->session;

	if (opening(client))
		return;
	kfree(session->opening);
	session->opening = NULL;
	if (mqp_between(&session->packets[MQGATE_FROM_CLIENT]) &&
	    mqp_between(&session->packets[MQGATE_FROM_SERVER]))
		mqg_packets_end(client);
}

/**
 * mqg_packets_end - give the session's memory back
 * @client: with or without any
 */
void mqg_packets_end(struct mqg_client *client)
{
	if (client->session)
		session_free(client->session);
	client->session = NULL;
}

/**
 * mqg_packets_exit - give back what was kept for clients to come
 *
 * Context: process; no client is left.
 */
void mqg_packets_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		kfree(per_cpu(spare, cpu));
		per_cpu(spare, cpu) = NULL;
	}
}
