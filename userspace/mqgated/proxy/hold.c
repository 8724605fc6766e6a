// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sessions that go on with another server: see hold.h. Called by the stages and by the timer of
 * their uplink, on the worker's thread.
 *
 * A server that closes a connection may mean its client (another one came with its name, an
 * operator has ended it) or may be dying; MQTT 3.1.1 does not say. Whoever loses half of its
 * sessions within a moment dies; one who keeps the others meant the client, whose session ends.
 * Where it was the only one, a connection to the same server tells.
 */
#include "proxy/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "message/properties.h"
#include "proxy/inject.h"

#define NS_PER_MS	1000000ULL
/* For so long it is not known why a server has closed a connection. */
#define DOUBT_NS	(250 * NS_PER_MS)
/* A session that was lost again sooner than this is meant itself. */
#define STEADY_NS	(5000 * NS_PER_MS)
/* Behind the flags. */
#define KEEP_ALIVE_LEN	2U

/* Behind the protocol name and the level. */
static uint8_t *flags_of(uint8_t *packet, const uint8_t *end)
{
	uint32_t len;
	uint8_t *at = packet + (mqg_varint_read(packet + 1, end, &len) - packet);

	return at + 2 + mqg_read_two(at) + 1;
}

/* MQTT 5, 3.1.2.11: whether the session outlives its connection, and has no exchange of its own. */
static bool read_properties(uint8_t *packet, const uint8_t *end, bool *lives)
{
	const uint8_t *at = flags_of(packet, end) + 1 + KEEP_ALIVE_LEN;
	struct mqg_property p;
	uint32_t len;

	*lives = false;
	at = mqg_varint_read(at, end, &len);
	for (end = at + len; at && at < end;) {
		at = mqg_property_next(at, end, &p);
		if (p.id == MQW_ID_AUTH_METHOD)
			return false;
		*lives |= p.id == MQP_ID_SESSION_EXPIRY && p.number;
	}
	return true;
}

static bool parse(struct mqw_connect *c, const uint8_t *packet, size_t len)
{
	__u32 used;

	mqw_connect_init(c, (__u32)len);
	return mqw_connect_feed(c, packet, (__u32)len, &used) == MQW_OK;
}

/* Of what went to the first server; -1: the session cannot be held. */
static int take(const struct mqw_connect *c, uint8_t *packet, size_t len, struct mqg_hold **out)
{
	const uint8_t *end = packet + len;
	struct mqg_hold *hold;
	bool lives = false;

	if (c->level == MQW_LEVEL_31 && !(c->flags & MQW_CONNECT_CLEAN))
		return -1;
	if (c->level == MQW_LEVEL_5 && !read_properties(packet, end, &lives))
		return -1;
	if (c->flags & MQW_CONNECT_PASSWORD && c->password.off)
		return -1;
	hold = calloc(1, sizeof(*hold) + len);
	if (!hold)
		return -1;
	memcpy(hold->connect, packet, len);
	hold->connect_len = (uint32_t)len;
	hold->lives = c->level == MQW_LEVEL_5 ? lives : !(c->flags & MQW_CONNECT_CLEAN);
	/* Only the first CONNECT begins anew: the next server may have the session. */
	if (lives)
		*flags_of(hold->connect, hold->connect + len) &= (uint8_t)~MQW_CONNECT_CLEAN;
	*out = hold;
	return 0;
}

/* What the configuration puts into it is put into it again: nothing of that is kept. */
static int take_bare(const uint8_t *packet, size_t len, struct mqg_hold **out)
{
	const struct mqg_injection bare = { .strip = true };
	struct mqw_connect c;
	uint8_t *copy = NULL;
	size_t copy_len = 0;
	int ret = -1;

	if (parse(&c, packet, len) && !mqg_inject(&bare, &c, packet, len, &copy, &copy_len) &&
	    parse(&c, copy, copy_len))
		ret = take(&c, copy, copy_len, out);
	if (copy)
		OPENSSL_cleanse(copy, copy_len);
	free(copy);
	return ret;
}

void mqg_hold_begin(struct mqg_session *s)
{
	struct mqg_uplink *uplink = s->port->uplink;
	const struct mqg_broker *broker = uplink->config;
	struct mqg_intake *in = s->intake;
	size_t len = in->len - in->behind;
	struct mqg_hold *hold = NULL;
	struct mqw_connect c;
	int err = -1;

	if (s->hold || broker->away.hold == MQG_HOLD_OFF)
		return;
	if (broker->username)
		err = take_bare(in->data, len, &hold);
	else if (parse(&c, in->data, len))
		err = take(&c, in->data, len, &hold);
	if (err)
		return;
	mqg_keep_init(&hold->keep, &(struct mqg_keep_limits){
		.messages = broker->away.hold_messages, .bytes = broker->away.hold_bytes,
		.total = broker->away.hold_total,
	}, &uplink->pool->hold.keep, c.level);
	hold->pool = uplink->pool;
	hold->session = s;
	mqg_list_init(&hold->awaits);
	s->hold = hold;
	s->message.keep = &hold->keep;
	mqg_storing_begin(s);
}

/* A CONNECT for the next server, where the stages expect one. */
static int renew_connect(struct mqg_session *s)
{
	const struct mqg_broker *broker = s->port->uplink->config;
	struct mqg_hold *hold = s->hold;
	const struct mqg_injection injection = {
		.client_id = hold->keep.assigned, .username = broker->username,
		.password = broker->password,
	};
	struct mqg_intake *in;
	int err = mqg_intake_renew(s, hold->connect_len);

	if (err)
		return err;
	in = s->intake;
	memcpy(in->data, hold->connect, hold->connect_len);
	in->len = hold->connect_len;
	if (!parse(&in->connect, in->data, in->len))
		return -EINVAL;
	return mqg_intake_inject(in, &injection);
}

static void uncount(struct mqg_session *s)
{
	atomic_fetch_sub_explicit(&s->hold->pool->hold.held, 1, memory_order_relaxed);
}

void mqg_hold_leave(struct mqg_session *s)
{
	struct mqg_hold *hold = s->hold;

	if (!hold)
		return;
	if (hold->away)
		uncount(s);
	mqg_list_remove(&s->away.link);
	mqg_list_remove(&hold->awaits);
	s->hold = NULL;
	s->message.keep = NULL;
	mqg_keep_exit(&hold->keep);
	free(hold);
}

enum mqg_step mqg_hold_wait(struct mqg_session *s)
{
	struct mqg_uplink *uplink = s->port->uplink;

	mqg_intake_drop(s);
	mqg_list_append(&uplink->lost, &s->away.link);
	if (mqg_list_empty(&uplink->look.link))
		mqg_timer_arm(&uplink->look, &s->worker->away, s->worker->now);
	mqg_timer_disarm(&s->timer);
	s->state = MQG_AWAY;
	return MQG_STEP_WAIT;
}

bool mqg_hold_lost(struct mqg_session *s, bool dead)
{
	struct mqg_hold *hold = s->hold;
	uint64_t now = s->worker->now;
	bool farewell;

	if (!hold || s->up.ended || (hold->resumed_at && now - hold->resumed_at < STEADY_NS))
		return false;
	farewell = hold->keep.farewell;
	if (!mqg_message_lose(&s->message))
		return false;
	hold->away = true;
	hold->dead = dead || farewell;
	hold->lost = s->dialled.server;
	hold->lost_at = now;
	mqg_server_lost(hold->lost, s->dialled.served, now);
	mqg_half_drop(&s->up);
	s->up.failed = false;
	s->down.ended = false;
	s->dialled.bound = false;
	mqg_broker_close(s);
	atomic_fetch_add_explicit(&hold->pool->hold.held, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&hold->pool->hold.lost, 1, memory_order_relaxed);
	/* At once: it may be started again in a moment. */
	hold->probes = !hold->dead && mqg_server_alone(hold->lost) && !renew_connect(s);
	if (hold->probes)
		mqg_broker_dial(s);
	else
		mqg_hold_wait(s);
	return true;
}

enum mqg_step mqg_hold_listen(struct mqg_session *s)
{
	uint64_t moved = 0;

	if (mqg_half_flush(&s->down) == MQG_PUMP_WRITE_FAILED)
		return mqg_session_lost(s, MQGATE_REASON_NONE);
	/* Who is perhaps let go is not told that all is well. */
	if (!s->hold->dead)
		return MQG_STEP_WAIT;
	mqg_message_pong(&s->message);
	/* An answer that is waited for may be behind what there is no room for. */
	if (mqg_keep_full(&s->hold->keep) && !mqg_message_lags(&s->message))
		return MQG_STEP_WAIT;
	switch (mqg_relay_up(s, &moved)) {
	case MQG_PUMP_READ_FAILED:
		return mqg_session_lost(s, MQGATE_REASON_NONE);
	case MQG_PUMP_REFUSED:
		return mqg_session_refuse(s, s->refused);
	case MQG_PUMP_END:
		return mqg_session_finish(s);
	case MQG_PUMP_MORE:
		return MQG_STEP_MORE;
	default:
		return MQG_STEP_WAIT;
	}
}

enum mqg_step mqg_hold_reply(struct mqg_session *s)
{
	struct mqg_hold *hold = s->hold;
	uint64_t moved = 0;
	enum mqg_pump down;

	if (mqg_half_flush(&s->up) == MQG_PUMP_WRITE_FAILED || s->up.failed)
		return mqg_broker_lost(s, MQGATE_REASON_BROKER_CLOSED);
	down = mqg_relay_down(s, &moved);
	if (down == MQG_PUMP_REFUSED && s->refused == MQGATE_REASON_BROKER_UNREACHABLE)
		return mqg_broker_lost(s, MQGATE_REASON_BROKER_UNREACHABLE);
	if (down == MQG_PUMP_REFUSED)
		return mqg_session_refuse(s, s->refused);
	if (down == MQG_PUMP_WRITE_FAILED)
		return mqg_session_lost(s, MQGATE_REASON_NONE);
	if (down == MQG_PUMP_END || down == MQG_PUMP_READ_FAILED)
		return mqg_broker_lost(s, MQGATE_REASON_BROKER_CLOSED);
	if (!mqg_keep_linked(&hold->keep))
		return down == MQG_PUMP_MORE ? MQG_STEP_MORE : MQG_STEP_WAIT;
	mqg_intake_drop(s);
	uncount(s);
	hold->away = false;
	hold->lost = NULL;
	hold->resumed_at = s->worker->now;
	atomic_fetch_add_explicit(&hold->pool->hold.resumed, 1, memory_order_relaxed);
	mqg_timer_disarm(&s->timer);
	s->state = MQG_RELAY;
	return MQG_STEP_ON;
}

/* Out of the queue. */
static void dial(struct mqg_session *s)
{
	mqg_list_remove(&s->away.link);
	if (renew_connect(s))
		mqg_session_refuse(s, MQGATE_REASON_LIMIT_SESSIONS);
	else
		mqg_broker_dial(s);
	mqg_session_run(s);
}

static void give_up(struct mqg_session *s, enum mqgate_reason reason)
{
	mqg_list_remove(&s->away.link);
	if (reason == MQGATE_REASON_NONE)
		mqg_session_finish(s);
	else
		mqg_session_refuse(s, reason);
	mqg_session_run(s);
}

/* False: nobody goes on for now. */
static bool serve(struct mqg_session *s, bool room)
{
	struct mqg_uplink *uplink = s->port->uplink;
	const struct mqg_away *away = &uplink->config->away;
	struct mqg_hold *hold = s->hold;
	uint64_t now = s->worker->now, waited = now - hold->lost_at;

	if (!hold->dead && mqg_server_died(hold->lost, now)) {
		hold->dead = true;
		mqg_session_run(s);
		if (s->closed || !mqg_hold_is_away(s))
			return true;
	}
	if (!hold->dead && waited >= DOUBT_NS) {
		give_up(s, MQGATE_REASON_NONE);
		return true;
	}
	if (waited >= away->hold_ms * NS_PER_MS) {
		give_up(s, MQGATE_REASON_HOLD_TIME);
		return true;
	}
	if (!hold->dead || !room)
		return true;
	if (!mqg_pace_take(&uplink->pool->reconnects, now, away->reconnects))
		return false;
	dial(s);
	return true;
}

void mqg_hold_look(struct mqg_uplink *uplink)
{
	struct mqg_worker *worker = uplink->worker;
	bool room = mqg_pool_has_room(&uplink->routes, uplink->config, worker->now);
	struct mqg_list now, *at, *next;
	bool on = true;

	/* Whose dial fails at once waits again, behind all of these. */
	mqg_list_init(&now);
	mqg_list_splice(&now, &uplink->lost);
	for (at = now.next; at != &now && on; at = next) {
		next = at->next;
		on = serve(mqg_container_of(at, struct mqg_session, away.link), room);
	}
	mqg_list_splice(&now, &uplink->lost);
	mqg_list_splice(&uplink->lost, &now);
}
