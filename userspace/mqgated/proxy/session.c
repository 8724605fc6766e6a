// SPDX-License-Identifier: BSD-2-Clause
/*
 * The life of a session: opening, running its stages, refusing, closing. Called by its listener, by
 * epoll through its streams, by its timer and by the stages; always on its worker's thread.
 */
#include "proxy/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <openssl/crypto.h>

#include "common/names.h"
#include "proxy/inject.h"

/* Most bytes that a refused client may still send before it is cut off. */
#define LINGER_BYTES (256U << 10)

static enum mqg_step answer_step(struct mqg_session *s)
{
	switch (mqg_half_flush(&s->down)) {
	case MQG_PUMP_WAIT:
		return MQG_STEP_WAIT;
	case MQG_PUMP_END:
		mqg_stream_finish(&s->client);
		s->linger_left = LINGER_BYTES;
		s->state = MQG_LINGER;
		return MQG_STEP_ON;
	default:
		return mqg_session_close(s);
	}
}

/* Reads beside TLS: what a client still sends means nothing any more. */
static enum mqg_step linger_step(struct mqg_session *s)
{
	ssize_t n;

	if (!s->client.may_read)
		return MQG_STEP_WAIT;
	do {
		n = recv(s->client.fd, mqg_worker_scratch(s->worker), MQG_CHUNK, 0);
		if (n < 0 && errno == EAGAIN) {
			s->client.may_read = false;
			return MQG_STEP_WAIT;
		}
		if (n <= 0 || (size_t)n > s->linger_left)
			return mqg_session_close(s);
		s->linger_left -= n;
	} while (1);
}

static enum mqg_step step(struct mqg_session *s)
{
	if (s->message.ending && mqg_parting_due(s))
		return mqg_parting_step(s);
	switch (s->state) {
	case MQG_INTRO:
		return mqg_intro_step(s);
	case MQG_HELLO:
		return mqg_hello_step(s);
	case MQG_QUEUED:
		return MQG_STEP_WAIT;
	case MQG_HANDSHAKE:
		return mqg_handshake_step(s);
	case MQG_CONNECT:
		return mqg_connect_step(s);
	case MQG_OCSP:
		return mqg_ocsp_step(s);
	case MQG_DIAL:
		return mqg_broker_step(s);
	case MQG_AWAY:
		return MQG_STEP_WAIT;
	case MQG_REPLY:
		return mqg_hold_is_away(s) ? mqg_hold_reply(s) : mqg_reply_step(s);
	case MQG_RELAY:
		return mqg_relay_step(s);
	case MQG_ANSWER:
		return answer_step(s);
	case MQG_LINGER:
		return linger_step(s);
	}
	return mqg_session_close(s);
}

/* One that is held is listened to, whatever its stage. */
static enum mqg_step step_held(struct mqg_session *s)
{
	bool dead = s->hold->dead;
	enum mqg_step heard = mqg_hold_listen(s), next;

	if (heard != MQG_STEP_WAIT && heard != MQG_STEP_MORE)
		return heard;
	next = step(s);
	/* It is known by now that it goes on. */
	if (next == MQG_STEP_WAIT && mqg_hold_is_away(s) && s->hold->dead != dead)
		return MQG_STEP_ON;
	return next == MQG_STEP_WAIT ? heard : next;
}

void mqg_session_run(struct mqg_session *s)
{
	enum mqg_step next = MQG_STEP_ON;

	while (!s->closed && next == MQG_STEP_ON) {
		bool relays = s->state == MQG_RELAY;

		next = mqg_hold_is_away(s) ? step_held(s) : step(s);
		if (!relays)
			mqg_stream_doubt();
	}
	if (next == MQG_STEP_MORE && !s->closed && mqg_list_empty(&s->ready))
		mqg_list_append(&s->worker->ready, &s->ready);
}

static void ready(struct mqg_watch *watch, uint32_t events)
{
	struct mqg_stream *stream = mqg_container_of(watch, struct mqg_stream, watch);
	struct mqg_session *s = stream->session;

	if (s->closed)
		return;
	mqg_stream_wake(stream, events);
	/* Who is waited for no more gives his place in the queue to others. */
	if (s->state == MQG_QUEUED && events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) {
		mqg_session_close(s);
		return;
	}
	/* A client that is gone for good needs no broker; the other stages learn it by reading. */
	if ((s->state == MQG_DIAL || s->state == MQG_OCSP || s->state == MQG_AWAY) &&
	    stream == &s->client && events & (EPOLLHUP | EPOLLERR)) {
		mqg_session_close(s);
		return;
	}
	mqg_session_run(s);
}

static void expired(struct mqg_timer *timer)
{
	struct mqg_session *s = mqg_container_of(timer, struct mqg_session, timer);

	switch (s->state) {
	case MQG_INTRO:
		mqg_session_turn_away(s, MQGATE_REASON_PROXY_SIGNATURE);
		break;
	case MQG_HELLO:
	case MQG_HANDSHAKE:
		mqg_session_refuse(s, MQGATE_REASON_TLS_TIMEOUT);
		break;
	case MQG_CONNECT:
		mqg_session_refuse(s, MQGATE_REASON_CONNECT_TIMEOUT);
		break;
	case MQG_DIAL:
	case MQG_REPLY:
		mqg_broker_timeout(s);
		break;
	case MQG_QUEUED:
	case MQG_OCSP: /* has the time of its question */
	case MQG_AWAY:
	case MQG_RELAY:
	case MQG_ANSWER:
	case MQG_LINGER:
		mqg_session_close(s);
		break;
	}
	mqg_session_run(s);
}

static void init_stream(struct mqg_stream *stream, struct mqg_session *s, int fd)
{
	stream->watch.ready = ready;
	stream->session = s;
	stream->fd = fd;
}

int mqg_session_open(struct mqg_port *port, int fd, const struct sockaddr *peer)
{
	struct mqg_worker *worker = port->worker;
	struct mqg_session *s = calloc(1, sizeof(*s));
	struct epoll_event event = { .events = MQG_STREAM_EVENTS };
	enum mqg_step next;

	if (!s)
		return -ENOMEM;
	s->worker = worker;
	s->port = port;
	init_stream(&s->client, s, fd);
	init_stream(&s->broker, s, -1);
	s->client.may_read = true;
	s->client.may_write = true;
	s->up.from = &s->client;
	s->up.to = &s->broker;
	s->down.from = &s->broker;
	s->down.to = &s->client;
	mqg_list_init(&s->ready);
	mqg_list_init(&s->admitted.link);
	mqg_list_init(&s->ocsp_link);
	mqg_list_init(&s->away.link);
	mqg_timer_init(&s->timer, expired);
	mqg_tempo_init(s);
	mqg_sockaddr_split(peer, s->entry.addr, &s->entry.port);
	s->entry.since = mqg_boottime_ns();
	s->entry.listener = port->index;

	event.data.ptr = &s->client.watch;
	if (epoll_ctl(worker->epfd, EPOLL_CTL_ADD, fd, &event)) {
		int err = errno;

		free(s);
		return -err;
	}
	port->open++;
	mqg_list_append(&worker->sessions, &s->link);
	mqg_registry_add(&worker->registry, &s->entry);
	if (mqg_intro_trusts(port->config, s->entry.addr))
		next = mqg_intro_begin(s);
	else
		next = port->config->kind == MQGATE_KIND_MQTTS ? mqg_hello_begin(s)
							       : mqg_connect_begin(s);
	if (next == MQG_STEP_ON)
		mqg_session_run(s);
	return 0;
}

void mqg_session_report(struct mqg_session *s, enum mqgate_reason reason)
{
	struct mqg_refusal refusal = {
		.reason = reason,
		.service = s->port->config->service,
		.client_id = s->entry.client_id,
		.identity = s->entry.identity,
	};

	memcpy(refusal.addr, s->entry.addr, sizeof(refusal.addr));
	/* Who comes from where devices live is not to blame for how many of them come at once. */
	refusal.spared = s->admitted.known && (reason == MQGATE_REASON_HANDSHAKE_SOURCE ||
					       reason == MQGATE_REASON_HANDSHAKE_RATE);
	mqg_judge_refused(s->worker->judge, &refusal);
}

static void report(struct mqg_session *s, enum mqgate_reason reason)
{
	mqg_counter_add(&s->port->refused, 1);
	mqg_session_report(s, reason);
}

enum mqg_step mqg_session_refuse(struct mqg_session *s, enum mqgate_reason reason)
{
	uint8_t answer[MQG_ANSWER_MAX];
	size_t len = mqg_session_last_word(s, reason, answer);

	report(s, reason);
	if (len && mqg_half_send(&s->down, answer, len) == MQG_PUMP_WRITE_FAILED)
		return mqg_session_close(s);
	return mqg_session_finish(s);
}

enum mqg_step mqg_session_turn_away(struct mqg_session *s, enum mqgate_reason reason)
{
	report(s, reason);
	return mqg_session_close(s);
}

enum mqg_step mqg_session_lost(struct mqg_session *s, enum mqgate_reason otherwise)
{
	if (s->tls.rekey.over)
		return mqg_session_turn_away(s, MQGATE_REASON_TLS_REKEY);
	if (s->client.violated)
		return mqg_session_turn_away(s, MQGATE_REASON_TLS_RECORD);
	if (otherwise == MQGATE_REASON_NONE)
		return mqg_session_close(s);
	return mqg_session_refuse(s, otherwise);
}

enum mqg_step mqg_session_finish(struct mqg_session *s)
{
	mqg_admission_leave(s);
	mqg_succession_leave(s);
	mqg_away_leave(s);
	mqg_intake_drop(s);
	mqg_tempo_end(s);
	mqg_half_drop(&s->up);
	mqg_storing_park(s);
	mqg_message_end(&s->message);
	mqg_hold_leave(s);
	mqg_broker_close(s);
	mqg_timer_arm(&s->timer, &s->worker->linger, s->worker->now);
	s->state = MQG_ANSWER;
	return MQG_STEP_ON;
}

enum mqg_step mqg_session_close(struct mqg_session *s)
{
	if (s->closed)
		return MQG_STEP_GONE;
	s->closed = true;
	mqg_admission_leave(s);
	mqg_admission_over(s);
	mqg_succession_leave(s);
	mqg_timer_disarm(&s->timer);
	mqg_tempo_end(s);
	mqg_list_remove(&s->ready);
	mqg_ocsp_leave(s);
	mqg_away_leave(s);
	mqg_stream_close(&s->client);
	mqg_broker_close(s);
	mqg_intake_drop(s);
	mqg_half_drop(&s->up);
	mqg_half_drop(&s->down);
	mqg_storing_park(s);
	mqg_message_end(&s->message);
	mqg_hold_leave(s);
	mqg_authority_drop(s);
	free(s->names);
	s->names = NULL;
	free(s->id);
	s->id = NULL;
	if (s->ticket)
		mqg_judge_closed(s->worker->judge, s->ticket);
	mqg_registry_remove(&s->worker->registry, &s->entry);
	atomic_fetch_sub_explicit(s->port->sessions, 1, memory_order_relaxed);
	mqg_list_remove(&s->link);
	mqg_list_append(&s->worker->dead, &s->link);
	return MQG_STEP_GONE;
}

void mqg_session_free(struct mqg_session *s)
{
	mqg_list_remove(&s->link);
	s->port->open--;
	if (s->realm)
		s->realm->open--;
	mqg_proof_drop(&s->tls.proof);
	free(s);
}

int mqg_intake_renew(struct mqg_session *s, size_t size)
{
	mqg_intake_drop(s);
	s->intake = calloc(1, sizeof(*s->intake));
	if (!s->intake)
		return -ENOMEM;
	s->intake->data = malloc(size);
	if (!s->intake->data)
		return -ENOMEM;
	s->intake->size = size;
	return 0;
}

int mqg_intake_grow(struct mqg_intake *intake, size_t limit)
{
	size_t size = intake->size > limit / 2 ? limit : intake->size * 2;
	uint8_t *data;

	if (intake->size >= limit)
		return -EMSGSIZE;
	/* Not realloc(): it would leave a copy of a password behind. */
	data = malloc(size);
	if (!data)
		return -ENOMEM;
	memcpy(data, intake->data, intake->len);
	OPENSSL_cleanse(intake->data, intake->len);
	free(intake->data);
	intake->data = data;
	intake->size = size;
	return 0;
}

int mqg_intake_inject(struct mqg_intake *in, const struct mqg_injection *injection)
{
	uint8_t *data;
	size_t len;

	if (!mqg_inject_wanted(injection))
		return 0;
	if (mqg_inject(injection, &in->connect, in->data, in->len, &data, &len))
		return -ENOMEM;
	OPENSSL_cleanse(in->data, in->len);
	free(in->data);
	in->data = data;
	in->len = len;
	in->size = len;
	return 0;
}

void mqg_intake_drop(struct mqg_session *s)
{
	if (!s->intake)
		return;
	if (s->intake->data)
		OPENSSL_cleanse(s->intake->data, s->intake->len);
	free(s->intake->data);
	free(s->intake);
	s->intake = NULL;
}
