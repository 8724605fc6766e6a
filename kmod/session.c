// SPDX-License-Identifier: GPL-2.0-only
/*
 * The session of a client, segment by segment: what TCP says of it, then what MQTT says of the
 * bytes that are in order with it. See session.h for who calls it and which lock guards it.
 *
 * Trust. A client's bytes are kept until the server acknowledges them, so that none can be
 * replaced behind our back. The server's are not: it is whom we protect.
 *
 * Memory. Without it a segment is dropped and comes again. In observe, where it cannot be
 * dropped, and after any violation that passed, the connection is no longer followed:
 * MQGATE_CLIENT_F_UNVALIDATED, phase CONNECTED.
 */
#include "session.h"

#include "deadline.h"
#include "packets.h"
#include "payload.h"
#include "stream.h"

/* Bytes that one direction may hold, before the broker has accepted the client and after. */
#define HOLD_OPENING	(64U << 10)
#define HOLD		(256U << 10)

/* TLS: flights of the server that answer flights of the client, until it may be done. */
#define TLS_FLIGHTS	2U

/* The least TLS record that says anything: header and an alert's first byte. */
#define TLS_RECORD	6U

static const struct mqg_judgement pass = { .verdict = MQG_PASS };

static struct mqg_judgement judge(u8 verdict, u8 reason)
{
	return (struct mqg_judgement) { .verdict = verdict, .reason = reason };
}

static bool loose(const struct mqg_client *client)
{
	return client->side[MQGATE_FROM_CLIENT].flags & MQG_SIDE_LOOSE;
}

/**
 * mqg_session_begin - a connection begins, or is picked up
 * @client: phase and flags set
 * @begin: what is known of it
 *
 * Context: softirq, RCU, client->lock.
 */
void mqg_session_begin(struct mqg_client *client, const struct mqg_begin *begin)
{
	bool follow = begin->fresh && !(client->flags & MQGATE_CLIENT_F_TLS);
	u8 dir, flags;

	for (dir = 0; dir < 2; dir++) {
		flags = follow ? 0 : MQG_SIDE_LOOSE;
		if (follow && dir == MQGATE_FROM_CLIENT)
			flags |= MQG_SIDE_COMPARE;
		/* What the other side announces is the edge of this one. */
		if (begin->wscale[!dir] == MQG_WSCALE_UNKNOWN)
			flags |= MQG_SIDE_NO_EDGE;
		mqg_stream_begin(&client->side[dir], begin->next[dir], begin->wscale[dir], flags);
	}
}

/**
 * mqg_session_end - give all memory of a session back
 * @client: ended
 *
 * Context: BH disabled, client->lock.
 */
void mqg_session_end(struct mqg_client *client)
{
	mqg_packets_end(client);
	mqg_stream_end(&client->side[MQGATE_FROM_CLIENT]);
	mqg_stream_end(&client->side[MQGATE_FROM_SERVER]);
}

/**
 * mqg_session_next - sequence number of the next byte of a direction
 * @client: its lock held
 * @dir: MQGATE_FROM_*
 */
u32 mqg_session_next(const struct mqg_client *client, u8 dir)
{
	return client->side[dir].next;
}

static void give_up(struct mqg_client *client)
{
	mqg_packets_end(client);
	mqg_stream_loosen(&client->side[MQGATE_FROM_CLIENT]);
	mqg_stream_loosen(&client->side[MQGATE_FROM_SERVER]);
	client->flags |= MQGATE_CLIENT_F_UNVALIDATED;
	if (client->phase < MQGATE_PHASE_CONNECTED)
		mqg_client_phase(client, MQGATE_PHASE_CONNECTED);
}

/* Phase CLOSING, when nothing more can be said of the session. */
static void close_session(struct mqg_client *client)
{
	if (client->phase < MQGATE_PHASE_CLOSING)
		mqg_client_phase(client, MQGATE_PHASE_CLOSING);
}

/*
 * On its way through, a RST is not known to arrive: with a small TTL it dies behind us, and the
 * connection lives. So the entry waits, and goes on where it was when that end speaks again.
 */
static void await_end(struct mqg_client *client, struct mqg_side *side)
{
	side->flags |= MQG_SIDE_RESET_SEEN;
	client->heard = jiffies;
	if (client->phase >= MQGATE_PHASE_CONNECTED)
		close_session(client);
	else
		mqg_deadline_file(client);
}

/* FIN or DISCONNECT seen as well: it stays in CLOSING. */
static void revive(struct mqg_client *client, struct mqg_side *side)
{
	bool over = !loose(client) && (client->side[MQGATE_FROM_CLIENT].stage == MQG_STAGE_OVER ||
				       client->side[MQGATE_FROM_SERVER].stage == MQG_STAGE_OVER);
	u8 flags = client->side[MQGATE_FROM_CLIENT].flags | client->side[MQGATE_FROM_SERVER].flags;

	side->flags &= ~MQG_SIDE_RESET_SEEN;
	if (client->phase == MQGATE_PHASE_CLOSING && !over && !(flags & MQG_SIDE_FIN))
		mqg_client_phase(client, MQGATE_PHASE_CONNECTED);
}

/*
 * At a socket of this host a RST with the right number ends the connection, and so does a
 * server's. A client may only seem to reset: unless it is known what the server expects, the
 * entry stays, and no byte may follow.
 */
static struct mqg_judgement reset(struct mqg_client *client, const struct mqg_segment *segment)
{
	struct mqg_side *side = &client->side[segment->dir];
	enum mqg_stream_reset valid = mqg_stream_reset(side, segment->seq);
	struct mqg_judgement judgement = pass;

	if (valid == MQG_RESET_INVALID)
		return loose(client) ? pass : judge(MQG_DROP, MQGATE_REASON_RST_SEQUENCE);
	if (valid == MQG_RESET_MAYBE && segment->dir == MQGATE_FROM_CLIENT) {
		side->flags |= MQG_SIDE_RESET;
		close_session(client);
	} else if (client->flags & MQGATE_CLIENT_F_LOCAL) {
		judgement.ended = true;
	} else {
		await_end(client, side);
	}
	return judgement;
}

static u8 acknowledge(struct mqg_client *client, const struct mqg_segment *segment)
{
	const struct mqg_side *side = &client->side[segment->dir];

	return mqg_stream_ack(&client->side[!segment->dir], segment->ack,
			      (u32)segment->window << side->wscale);
}

static bool ended(const struct mqg_client *client)
{
	return client->side[MQGATE_FROM_CLIENT].flags & MQG_SIDE_FIN_ACKED &&
	       client->side[MQGATE_FROM_SERVER].flags & MQG_SIDE_FIN_ACKED;
}

/*
 * Of a handshake only its turns are seen: hello, answer, the client's last flight, and what the
 * server says then. The daemon knows better, and says so by mqg_client_bind().
 */
static void turn(struct mqg_client *client, u8 dir)
{
	struct mqg_side *own = &client->side[dir], *other = &client->side[!dir];

	if (client->phase != MQGATE_PHASE_HANDSHAKE)
		return;
	if (dir == MQGATE_FROM_CLIENT ? own->stage <= other->stage : own->stage < other->stage)
		own->stage++;
	if (client->side[MQGATE_FROM_SERVER].stage >= TLS_FLIGHTS)
		mqg_client_phase(client, MQGATE_PHASE_CONNECTED);
}

/* Numbers only: services over TLS, and what is not followed any more. */
static struct mqg_judgement follow_loosely(struct mqg_client *client,
					   const struct mqg_segment *segment)
{
	struct mqg_side *side = &client->side[segment->dir];
	struct mqg_judgement judgement = pass;
	struct mqg_offer offer = {
		.seq	= segment->seq,
		.length	= segment->length,
		.fin	= segment->flags & MQG_TCP_FIN,
	};
	u32 before = side->next;

	if (segment->flags & MQG_TCP_ACK)
		acknowledge(client, segment);
	mqg_stream_take(side, &offer);
	if (side->next != before)
		side->flags |= MQG_SIDE_BEGUN;
	if (side->next - before >= TLS_RECORD && client->flags & MQGATE_CLIENT_F_TLS)
		turn(client, segment->dir);
	if (side->flags & MQG_SIDE_FIN)
		close_session(client);
	judgement.ended = ended(client);
	return judgement;
}

static u8 read_bytes(struct mqg_client *client, u8 dir, const struct mqg_offer *offer,
		     struct mqg_taken *taken)
{
	const struct mqg_side *side = &client->side[dir];
	u8 buffer[MQG_PAYLOAD_BUFFER];
	const u8 *data;
	u8 reason;
	u32 n;

	while ((n = mqg_stream_read(side, offer, taken, &data, buffer))) {
		reason = mqg_packets_feed(client, dir, data, n);
		if (reason)
			return reason;
	}
	return MQGATE_REASON_NONE;
}

static struct mqg_judgement take(struct mqg_client *client, const struct mqg_segment *segment,
				 const struct sk_buff *skb)
{
	struct mqg_side *side = &client->side[segment->dir];
	struct mqg_payload payload = { .skb = skb, .offset = segment->offset };
	struct mqg_offer offer = {
		.payload = &payload,
		.limit	= client->phase < MQGATE_PHASE_CONNECTED ? HOLD_OPENING : HOLD,
		.seq	= segment->seq,
		.length	= segment->length,
		.fin	= segment->flags & MQG_TCP_FIN,
	};
	struct mqg_judgement judgement = pass;
	struct mqg_taken taken;
	u8 reason = MQGATE_REASON_NONE;

	if (segment->length && !mqg_packets_prepare(client))
		return judge(MQG_DROP, MQGATE_REASON_STREAM_MEMORY);
	taken = mqg_stream_take(side, &offer);
	if (taken.seq != side->next)
		side->flags |= MQG_SIDE_BEGUN;
	if (taken.status == MQG_STREAM_LIE)
		judgement = judge(MQG_VIOLATION, taken.reason);
	else if (taken.status == MQG_STREAM_LATER)
		judgement = judge(MQG_DROP, taken.reason);
	else if (taken.seq != side->next && side->flags & MQG_SIDE_RESET)
		reason = MQGATE_REASON_RST_SEQUENCE;
	else
		reason = read_bytes(client, segment->dir, &offer, &taken);
	if (taken.status == MQG_STREAM_TAKEN)
		mqg_stream_done(side);
	if (client->session)
		mqg_packets_settle(client);
	return reason ? judge(MQG_VIOLATION, reason) : judgement;
}

static struct mqg_judgement follow(struct mqg_client *client, const struct mqg_segment *segment,
				   const struct sk_buff *skb)
{
	struct mqg_judgement judgement;
	u8 reason;

	/* No established connection takes it, RFC 9293, 3.10.7.4. */
	if (!(segment->flags & MQG_TCP_ACK))
		return judge(MQG_DROP, MQGATE_REASON_TCP_FLAGS);
	/* It takes a byte out of the stream, or not, as the receiver has set. */
	if (segment->flags & MQG_TCP_URG)
		return judge(MQG_VIOLATION, MQGATE_REASON_TCP_URGENT);
	reason = acknowledge(client, segment);
	if (reason)
		return judge(MQG_VIOLATION, reason);
	if (!segment->length && !(segment->flags & MQG_TCP_FIN))
		judgement = pass;
	else
		judgement = take(client, segment, skb);
	if (judgement.verdict != MQG_PASS)
		return judgement;
	if (mqg_stream_finished(&client->side[segment->dir]))
		close_session(client);
	judgement.ended = ended(client);
	return judgement;
}

/**
 * mqg_session_segment - judge one TCP segment of a client
 * @client: not dead
 * @segment: without SYN
 * @skb: with its payload
 *
 * Context: softirq or BH disabled, RCU, client->lock. Return: see struct mqg_judgement.
 */
struct mqg_judgement mqg_session_segment(struct mqg_client *client,
					 const struct mqg_segment *segment,
					 const struct sk_buff *skb)
{
	struct mqg_side *own = &client->side[segment->dir], *other = &client->side[!segment->dir];
	u32 next = own->next, una = other->una;
	struct mqg_judgement judgement;

	if (segment->flags & MQG_TCP_RST)
		return reset(client, segment);
	if (loose(client))
		judgement = follow_loosely(client, segment);
	else
		judgement = follow(client, segment, skb);
	/* New bytes, or word of having received some: no dead end says that. */
	if (own->flags & MQG_SIDE_RESET_SEEN && judgement.verdict == MQG_PASS &&
	    (own->next != next || other->una != una))
		revive(client, own);
	if (!segment->enforce &&
	    (judgement.verdict == MQG_VIOLATION ||
	     (judgement.verdict == MQG_DROP && judgement.reason == MQGATE_REASON_STREAM_MEMORY)))
		give_up(client);
	return judgement;
}
