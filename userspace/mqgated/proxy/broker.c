// SPDX-License-Identifier: BSD-2-Clause
/*
 * The stage DIAL: the connection to a server of the broker, made only for a client whose CONNECT
 * was found good. The next server at once where one refuses, or does not answer in time. Runs on
 * the worker's thread.
 */
#include "proxy/session.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proxy/pp2.h"
#include "system/log.h"
#include "upstream/dial.h"
#include "upstream/secure.h"

void mqg_broker_key(struct mqg_session *s, const void *id, size_t len)
{
	/* Without a client identifier the broker makes one up: any server will do. */
	if (len && s->port->uplink->config->balance == MQG_BALANCE_CLIENT)
		s->dialled.key = mqg_pool_key(id, len);
	else
		s->dialled.key = mqg_pool_key(s->entry.addr, sizeof(s->entry.addr)) +
				 s->entry.port;
}

void mqg_broker_close(struct mqg_session *s)
{
	mqg_stream_close(&s->broker);
	s->broker.broken = false;
	s->broker.finished = false;
	if (!s->dialled.server)
		return;
	if (s->dialled.served)
		atomic_fetch_sub_explicit(&s->dialled.server->served, 1, memory_order_relaxed);
	mqg_server_leave(s->dialled.server);
	s->dialled.served = 0;
	s->dialled.server = NULL;
}

/* Descriptors or memory of our own: no other server would help. */
static bool is_ours(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOMEM || err == ENOBUFS || err == ENOSPC;
}

static void count_failure(struct mqg_session *s, const char *why)
{
	struct mqg_uplink *uplink = s->port->uplink;

	/* A held session knows now that its own is gone, if this is it. */
	if (s->hold && s->hold->probes) {
		s->hold->probes = false;
		s->hold->dead = true;
	}
	mqg_counter_add(&uplink->failures, 1);
	mqg_server_failed(s->dialled.server, &uplink->config->health, s->worker->now, false, why);
}

/* The one that a held session had, to see whether it is still there. */
static int choose_lost(struct mqg_session *s)
{
	struct mqg_routes *routes = &s->port->uplink->routes;

	for (size_t i = 0; i < routes->n; i++) {
		if (routes->list[i].state != s->hold->lost)
			continue;
		atomic_fetch_add_explicit(&s->hold->lost->connections, 1, memory_order_relaxed);
		s->dialled.tried |= 1ULL << i;
		return (int)i;
	}
	s->hold->probes = false;
	return -ENOENT;
}

static int choose(struct mqg_session *s, bool *full)
{
	struct mqg_uplink *uplink = s->port->uplink;
	int i = s->hold && s->hold->probes ? choose_lost(s) : -ENOENT;

	if (i >= 0)
		return i;
	return mqg_pool_choose(&uplink->routes, uplink->config, s->dialled.key, &s->dialled.tried,
			       s->worker->now, full);
}

/* The next server that it has not tried. @otherwise: why it is refused where there is none. */
static enum mqg_step dial_next(struct mqg_session *s, enum mqgate_reason otherwise)
{
	struct mqg_uplink *uplink = s->port->uplink;
	bool full;
	int i, fd;

	for (;;) {
		i = choose(s, &full);
		if (i < 0 && mqg_hold_is_away(s))
			return mqg_hold_wait(s);
		if (i < 0 && otherwise != MQGATE_REASON_BROKER_UNREACHABLE)
			return mqg_session_refuse(s, otherwise);
		if (i < 0)
			return mqg_away_wait(s, full ? MQGATE_REASON_BROKER_FULL : otherwise);
		s->dialled.server = uplink->routes.list[i].state;
		s->dialled.place = (size_t)i;
		fd = mqg_dial(&uplink->routes.list[i].config->address, s->worker->config->mark,
			      s->worker->epfd, &s->broker.watch);
		if (fd >= 0)
			break;
		if (is_ours(-fd) && mqg_hold_is_away(s)) {
			mqg_broker_close(s);
			return mqg_hold_wait(s);
		}
		if (is_ours(-fd))
			return mqg_session_refuse(s, MQGATE_REASON_LIMIT_SESSIONS);
		count_failure(s, strerror(-fd));
		mqg_broker_close(s);
	}
	s->broker.fd = fd;
	mqg_timer_arm(&s->timer, &uplink->timeout, s->worker->now);
	s->state = MQG_DIAL;
	return MQG_STEP_WAIT;
}

enum mqg_step mqg_broker_dial(struct mqg_session *s)
{
	s->dialled.tried = 0;
	return dial_next(s, MQGATE_REASON_BROKER_UNREACHABLE);
}

/* The server has failed; the CONNECT is still here. */
static enum mqg_step failed(struct mqg_session *s, const char *why)
{
	count_failure(s, why);
	mqg_broker_close(s);
	return dial_next(s, MQGATE_REASON_BROKER_UNREACHABLE);
}

enum mqg_step mqg_broker_lost(struct mqg_session *s, enum mqgate_reason reason)
{
	if (!s->intake)
		return mqg_session_refuse(s, reason);
	mqg_half_drop(&s->up);
	s->up.failed = false;
	s->down.ended = false;
	s->dialled.bound = false;
	if (!mqg_hold_is_away(s))
		mqg_message_again(&s->message);
	else if (!mqg_message_lose(&s->message))
		return mqg_session_refuse(s, MQGATE_REASON_HOLD_SESSION);
	mqg_broker_close(s);
	return dial_next(s, reason);
}

void mqg_broker_settled(struct mqg_session *s)
{
	struct mqg_uplink *uplink = s->port->uplink;

	s->dialled.served = s->worker->now;
	atomic_fetch_add_explicit(&s->dialled.server->served, 1, memory_order_relaxed);
	mqg_server_passed(s->dialled.server, &uplink->config->health, s->worker->now, false);
	mqg_away_over(uplink->pool);
}

/* @addr as in the maps: IPv4 mapped. */
static void local_address(int fd, uint8_t addr[16], uint16_t *port)
{
	union {
		struct sockaddr		any;
		struct sockaddr_in	v4;
		struct sockaddr_in6	v6;
	} own = { 0 };
	socklen_t len = sizeof(own);

	memset(addr, 0, 16);
	if (getsockname(fd, &own.any, &len))
		return;
	if (own.any.sa_family == AF_INET6) {
		memcpy(addr, &own.v6.sin6_addr, 16);
		*port = ntohs(own.v6.sin6_port);
	} else {
		addr[10] = addr[11] = 0xFF;
		memcpy(addr + 12, &own.v4.sin_addr, 4);
		*port = ntohs(own.v4.sin_port);
	}
}

/* Whoever listens to the log hears it once: the limit is the configuration's. */
static void note_left(const struct mqg_broker *broker)
{
	static atomic_flag said = ATOMIC_FLAG_INIT;

	if (!atomic_flag_test_and_set(&said))
		mqg_log(MQG_LOG_WARNING, MQG_LOG_PROXY, "broker %s: a header of the PROXY "
			"protocol has no room for all of \"tlvs\" in %u bytes; raise "
			"proxy_protocol.max to what the broker takes, or ask for fewer",
			broker->name, broker->pp2_max);
}

/* Bytes of a header of the PROXY protocol, at @header. */
static size_t introduce(struct mqg_session *s, uint8_t header[MQG_PP2_MAX])
{
	const struct mqg_broker *broker = s->port->uplink->config;
	SSL *ssl = s->client.ssl;
	struct mqg_pp2_facts facts = { .sport = s->entry.port, .identity = s->entry.identity };
	uint32_t left;
	size_t len;

	if (!broker->pp2_max)
		return 0;
	memcpy(facts.saddr, s->entry.addr, sizeof(facts.saddr));
	local_address(s->client.fd, facts.daddr, &facts.dport);
	if (ssl) {
		facts.server_name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
		facts.tls_version = SSL_get_version(ssl);
		facts.cipher = SSL_get_cipher_name(ssl);
		facts.resumed = SSL_session_reused(ssl);
		facts.cn = s->realm->config->identity_from == MQG_FROM_CN;
	}
	len = mqg_pp2_build(&facts, broker->pp2_tlvs, broker->pp2_max, &left, header);
	if (left)
		note_left(broker);
	return len;
}

/* The CONNECT begins its way; it is kept until it is known to whom the client belongs. */
static enum mqg_step forward(struct mqg_session *s)
{
	struct mqg_intake *in = s->intake;
	size_t connect = in->len - in->behind, len;
	uint8_t header[MQG_PP2_MAX], *data;

	mqg_hold_begin(s);
	/* Where there is TLS, it came before that. */
	len = s->broker.ssl ? 0 : introduce(s, header);
	data = malloc(len + connect);
	if (!data)
		return mqg_session_close(s);
	memcpy(data, header, len);
	memcpy(data + len, in->data, connect);
	mqg_half_adopt(&s->up, data, len + connect);
	s->state = MQG_REPLY;
	/* There is no other; what is stored waits for what was left behind. */
	if (s->port->uplink->routes.n == 1 && !mqg_hold_is_away(s) &&
	    !(s->hold && s->hold->keep.store) && !mqg_broker_bind(s))
		return mqg_session_refuse(s, s->refused);
	return MQG_STEP_ON;
}

bool mqg_broker_bind(struct mqg_session *s)
{
	struct mqg_intake *in = s->intake;
	bool fine;

	if (!in)
		return true;
	fine = mqg_packets_take(s, in->data + in->len - in->behind, in->behind);
	mqg_intake_drop(s);
	return fine;
}

/* The header goes ahead of TLS: whoever reads it does so before he looks at anything else. */
static bool announce(struct mqg_session *s)
{
	uint8_t header[MQG_PP2_MAX];
	size_t len = introduce(s, header);

	/* It is the first that is sent: the socket has room for it. */
	return !len || mqg_stream_write(&s->broker, header, len) == (ssize_t)len;
}

/* TLS towards the server. */
static enum mqg_step secure(struct mqg_session *s)
{
	struct mqg_uplink *uplink = s->port->uplink;
	const struct mqg_routes *routes = &uplink->routes;
	const char *why = strerror(ENOMEM);
	size_t i = s->dialled.place;
	int err = 0;

	/* The servers may have changed while it was dialled. */
	if (i >= routes->n || routes->list[i].state != s->dialled.server) {
		mqg_broker_close(s);
		return mqg_broker_dial(s);
	}
	if (!s->broker.ssl && !announce(s))
		return failed(s, "cannot be written to");
	if (!s->broker.ssl)
		err = mqg_secure_start(&s->broker, routes->tls, uplink->config->tls,
				       routes->list[i].config, s->dialled.server);
	if (!err)
		err = mqg_secure_step(&s->broker, &why);
	if (err == -EAGAIN)
		return MQG_STEP_WAIT;
	return err ? failed(s, why) : MQG_STEP_ON;
}

enum mqg_step mqg_broker_step(struct mqg_session *s)
{
	enum mqg_step next;
	int err;

	if (!s->broker.may_write)
		return MQG_STEP_WAIT;
	err = s->broker.ssl ? 0 : mqg_dial_result(s->broker.fd);
	if (err == EINPROGRESS) {
		s->broker.may_write = false;
		return MQG_STEP_WAIT;
	}
	if (err)
		return failed(s, strerror(err));
	/* It is there, and meant this client. */
	if (s->hold && s->hold->probes) {
		mqg_broker_close(s);
		return mqg_session_finish(s);
	}
	if (s->port->uplink->routes.tls) {
		next = secure(s);
		if (next != MQG_STEP_ON || !s->broker.ssl)
			return next;
	}
	mqg_counter_add(&s->port->uplink->connections, 1);
	atomic_fetch_add_explicit(&s->dialled.server->made, 1, memory_order_relaxed);
	mqg_timer_arm(&s->timer, &s->port->uplink->timeout, s->worker->now);
	return forward(s);
}

enum mqg_step mqg_broker_timeout(struct mqg_session *s)
{
	if (s->state == MQG_DIAL)
		return failed(s, strerror(ETIMEDOUT));
	if (mqg_hold_is_away(s) && mqg_message_lags(&s->message))
		return mqg_session_refuse(s, MQGATE_REASON_HOLD_TIME);
	count_failure(s, "does not answer a CONNECT");
	return mqg_broker_lost(s, MQGATE_REASON_BROKER_UNREACHABLE);
}
