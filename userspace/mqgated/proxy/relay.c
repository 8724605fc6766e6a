// SPDX-License-Identifier: BSD-2-Clause
/*
 * The stage RELAY: both directions at once, each at the pace of its receiver, until both have
 * ended. Runs on the worker's thread.
 */
#include "proxy/session.h"

/* Bytes kept for one side, beyond what one chunk of the other becomes. */
#define ANSWERS_MAX	(4U * MQG_CHUNK)

/* Who does not read our answers is not asked for more. */
static bool deaf(const struct mqg_half *answers)
{
	return answers->len - answers->off > ANSWERS_MAX;
}

/* More is not asked for while what it sends has no place: its server takes it, or the journal. */
static bool full(const struct mqg_session *s)
{
	return s->hold && mqg_keep_linked(&s->hold->keep) && mqg_keep_full(&s->hold->keep);
}

/* The broker takes no more; what it said before may still be on its way. */
static enum mqg_pump end_up(struct mqg_session *s)
{
	mqg_half_drop(&s->up);
	s->up.ended = true;
	s->broker.finished = true;
	return MQG_PUMP_END;
}

/* Closes the client's way to the broker when it has ended. */
enum mqg_pump mqg_relay_up(struct mqg_session *s, uint64_t *moved)
{
	uint64_t before = *moved;
	enum mqg_pump ret;

	if (mqg_tempo_waits(s))
		return MQG_PUMP_WAIT;
	if (deaf(&s->down) || full(s)) {
		ret = mqg_half_flush(&s->up);
		ret = ret == MQG_PUMP_END ? MQG_PUMP_WAIT : ret;
	} else {
		ret = mqg_half_pump(&s->up, mqg_worker_scratch(s->worker), moved);
		mqg_counter_add(&s->port->bytes_in, *moved - before);
		if (*moved > before)
			mqg_delack_count(&s->delack, s->client.fd, s->worker->now);
	}
	if (ret == MQG_PUMP_END)
		mqg_stream_finish(&s->broker);
	if (ret == MQG_PUMP_WRITE_FAILED && !s->hold)
		ret = end_up(s);
	return ret;
}

enum mqg_pump mqg_relay_down(struct mqg_session *s, uint64_t *moved)
{
	uint64_t before = *moved;
	enum mqg_pump ret;

	if (deaf(&s->up) || mqg_message_backlogged(&s->message)) {
		ret = mqg_half_flush(&s->down);
		return ret == MQG_PUMP_END ? MQG_PUMP_WAIT : ret;
	}
	ret = mqg_half_pump(&s->down, mqg_worker_scratch(s->worker), moved);
	mqg_counter_add(&s->port->bytes_out, *moved - before);
	return ret;
}

enum mqg_step mqg_relay_begin(struct mqg_session *s)
{
	mqg_timer_disarm(&s->timer);
	mqg_tempo_begin(s);
	s->state = MQG_RELAY;
	return MQG_STEP_ON;
}

enum mqg_step mqg_relay_step(struct mqg_session *s)
{
	bool held = deaf(&s->down) || full(s);
	uint64_t moved = 0, moved_down = 0;
	enum mqg_pump up, down;

	up = mqg_relay_up(s, &moved);
	if (up == MQG_PUMP_READ_FAILED)
		return mqg_session_lost(s, MQGATE_REASON_NONE);
	if (up == MQG_PUMP_REFUSED)
		return mqg_session_refuse(s, s->refused);
	down = mqg_relay_down(s, &moved_down);
	if (down == MQG_PUMP_REFUSED)
		return mqg_session_refuse(s, s->refused);
	if (down == MQG_PUMP_WRITE_FAILED)
		return mqg_session_lost(s, MQGATE_REASON_NONE);
	if (up == MQG_PUMP_WRITE_FAILED || down == MQG_PUMP_END || down == MQG_PUMP_READ_FAILED ||
	    (s->hold && s->hold->keep.farewell)) {
		if (mqg_hold_lost(s, false))
			return MQG_STEP_ON;
		if (s->hold && s->hold->keep.farewell)
			return mqg_session_refuse(s, MQGATE_REASON_HOLD_SESSION);
	}
	if (up == MQG_PUMP_WRITE_FAILED)
		up = end_up(s);
	if (down == MQG_PUMP_READ_FAILED)
		return mqg_session_finish(s);
	if (down == MQG_PUMP_END) {
		if (up == MQG_PUMP_END)
			return mqg_session_finish(s);
		mqg_stream_finish(&s->client);
	}
	/* A peer that closed one direction and forgot the other must not keep its descriptors. */
	if ((up == MQG_PUMP_END || down == MQG_PUMP_END) &&
	    (moved || moved_down || mqg_list_empty(&s->timer.link)))
		mqg_timer_arm(&s->timer, &s->worker->half_closed, s->worker->now);
	if (held && !deaf(&s->down) && !full(s))
		return MQG_STEP_MORE;
	return up == MQG_PUMP_MORE || down == MQG_PUMP_MORE ? MQG_STEP_MORE : MQG_STEP_WAIT;
}
