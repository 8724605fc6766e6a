// SPDX-License-Identifier: BSD-2-Clause
/* Asking servers how they are; see check.h. On one worker's thread. */
#include "upstream/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <mqgate/mqtt_wire.h>

#include "common/names.h"
#include "message/properties.h"
#include "proxy/pp2.h"
#include "proxy/stream.h"
#include "upstream/dial.h"
#include "upstream/secure.h"

#define KEEP_ALIVE	60
/* Type and a remaining length of four bytes. */
#define FIXED_MAX	5U

enum stage { IDLE, CONNECTING, SECURING, ASKED };

struct mqg_probe {
	struct mqg_stream	stream;
	struct mqg_list		link;		/* of its checks, or dead */
	struct mqg_timer	begin, end;
	struct mqg_checks	*checks;	/* NULL = stopped */
	const struct mqg_server	*server;
	struct mqg_server_state	*state;
	enum stage		stage;
	struct mqw_connack	connack;
};

void mqg_checker_init(struct mqg_checker *checker, int epfd, const uint64_t *now)
{
	uint32_t own = 0;

	RAND_bytes((unsigned char *)&own, sizeof(own));
	checker->epfd = epfd;
	checker->now = now;
	mqg_list_init(&checker->dead);
	snprintf(checker->client_id, sizeof(checker->client_id), "mqgate-check-%08x", own);
}

void mqg_checker_bury(struct mqg_checker *checker)
{
	while (!mqg_list_empty(&checker->dead)) {
		struct mqg_probe *p = mqg_container_of(checker->dead.next, struct mqg_probe, link);

		mqg_list_remove(&p->link);
		free(p);
	}
}

static void close_probe(struct mqg_probe *p)
{
	mqg_timer_disarm(&p->end);
	mqg_stream_close(&p->stream);
	p->stage = IDLE;
}

static void fail(struct mqg_probe *p, const char *why)
{
	mqg_server_failed(p->state, &p->checks->broker->health, *p->checks->checker->now, true,
			  why);
	close_probe(p);
}

static void pass(struct mqg_probe *p)
{
	mqg_server_passed(p->state, &p->checks->broker->health, *p->checks->checker->now, true);
	close_probe(p);
}

static uint8_t *put_text(uint8_t *at, const char *text)
{
	size_t len = strlen(text);

	*at++ = (uint8_t)(len >> 8);
	*at++ = (uint8_t)len;
	memcpy(at, text, len);
	return at + len;
}

/*
 * The header of the PROXY protocol says who asks: this gateway. The command LOCAL would, too, but
 * RabbitMQ 3.10, which Debian 12 has, crashes on it (rabbitmq-server issue 8654).
 */
static size_t introduce(const struct mqg_broker *broker, int fd, uint8_t *out)
{
	struct mqg_pp2_facts facts = { 0 };
	struct sockaddr_storage own, peer;
	socklen_t own_len = sizeof(own), peer_len = sizeof(peer);
	uint32_t left, tlvs = broker->pp2_tlvs & MQG_PP2_CRC32C;

	if (!broker->pp2_max || getsockname(fd, (struct sockaddr *)&own, &own_len) ||
	    mqg_sockaddr_split((struct sockaddr *)&own, facts.saddr, &facts.sport) ||
	    getpeername(fd, (struct sockaddr *)&peer, &peer_len) ||
	    mqg_sockaddr_split((struct sockaddr *)&peer, facts.daddr, &facts.dport))
		return 0;
	return mqg_pp2_build(&facts, tlvs, broker->pp2_max, &left, out);
}

/*
 * A CONNECT of version 3.1.1, which every broker speaks, behind the header that this one wants and
 * with the credentials that it does. Return: its bytes, to be wiped and freed; NULL for want of
 * memory.
 */
static uint8_t *write_connect(const struct mqg_probe *p, size_t *len)
{
	static const uint8_t head[] = { 0, 4, 'M', 'Q', 'T', 'T', 4, MQW_CONNECT_CLEAN, 0,
					KEEP_ALIVE };
	const struct mqg_broker *broker = p->checks->broker;
	const char *texts[] = { p->checks->checker->client_id, broker->username,
				broker->password };
	uint8_t *packet, *at, *flags;
	size_t body = sizeof(head);

	for (int i = 0; i < 3; i++)
		body += texts[i] ? 2 + strlen(texts[i]) : 0;
	packet = malloc(broker->pp2_max + FIXED_MAX + body);
	if (!packet)
		return NULL;
	at = packet + (p->stream.ssl ? 0 : introduce(broker, p->stream.fd, packet));
	*at++ = 0x10;
	at = mqg_varint_write(at, (uint32_t)body);
	memcpy(at, head, sizeof(head));
	flags = at + 7;
	at += sizeof(head);
	*flags |= (texts[1] ? MQW_CONNECT_USERNAME : 0) | (texts[2] ? MQW_CONNECT_PASSWORD : 0);
	for (int i = 0; i < 3; i++)
		if (texts[i])
			at = put_text(at, texts[i]);
	*len = (size_t)(at - packet);
	return packet;
}

static void ask(struct mqg_probe *p)
{
	size_t len;
	uint8_t *packet = write_connect(p, &len);
	bool sent;

	if (!packet) {
		fail(p, strerror(ENOMEM));
		return;
	}
	mqw_connack_init(&p->connack, 4, 16);
	p->stage = ASKED;
	/* It is the first that is sent: the socket has room for it. */
	sent = mqg_stream_write(&p->stream, packet, len) == (ssize_t)len;
	OPENSSL_cleanse(packet, len);
	free(packet);
	if (!sent)
		fail(p, "cannot be written to");
}

static void hear(struct mqg_probe *p)
{
	static const uint8_t bye[] = { 0xe0, 0 };
	uint8_t answer[16];
	__u32 used;
	ssize_t n = mqg_stream_read(&p->stream, answer, sizeof(answer));

	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		fail(p, n ? strerror((int)-n) : "closed the connection of a check");
		return;
	}
	switch (mqw_connack_feed(&p->connack, answer, (__u32)n, &used)) {
	case MQW_NEED_MORE:
		return;
	case MQW_OK:
		if (p->connack.code)
			break;
		(void)!mqg_stream_write(&p->stream, bye, sizeof(bye));
		pass(p);
		return;
	default:
		break;
	}
	fail(p, "refused the CONNECT of a check");
}

/* The way to it is there. */
static void reached(struct mqg_probe *p)
{
	if (p->checks->broker->health.kind == MQG_HEALTH_TCP)
		pass(p);
	else
		ask(p);
}

static void secure(struct mqg_probe *p)
{
	const char *why;
	int err = mqg_secure_step(&p->stream, &why);

	if (!err)
		reached(p);
	else if (err != -EAGAIN)
		fail(p, why);
}

static void connected(struct mqg_probe *p)
{
	struct mqg_checks *checks = p->checks;
	uint8_t header[MQG_PP2_MAX];
	size_t len;

	if (!checks->tls) {
		reached(p);
		return;
	}
	p->stage = SECURING;
	len = introduce(checks->broker, p->stream.fd, header);
	if (len && mqg_stream_write(&p->stream, header, len) != (ssize_t)len)
		fail(p, "cannot be written to");
	else if (mqg_secure_start(&p->stream, checks->tls, checks->broker->tls, p->server,
				  p->state))
		fail(p, strerror(ENOMEM));
}

static void ready(struct mqg_watch *watch, uint32_t events)
{
	struct mqg_probe *p = mqg_container_of(watch, struct mqg_probe, stream.watch);
	int err;

	if (!p->checks || p->stage == IDLE)
		return;
	mqg_stream_wake(&p->stream, events);
	if (p->stage == CONNECTING) {
		if (!p->stream.may_write)
			return;
		err = mqg_dial_result(p->stream.fd);
		if (err == EINPROGRESS)
			return;
		if (err) {
			fail(p, strerror(err));
			return;
		}
		connected(p);
	}
	if (p->stage == SECURING)
		secure(p);
	if (p->stage == ASKED)
		hear(p);
}

static void late(struct mqg_timer *timer)
{
	struct mqg_probe *p = mqg_container_of(timer, struct mqg_probe, end);

	fail(p, p->stage != ASKED ? strerror(ETIMEDOUT) : "does not answer a CONNECT");
}

static void begin(struct mqg_timer *timer)
{
	struct mqg_probe *p = mqg_container_of(timer, struct mqg_probe, begin);
	struct mqg_checks *checks = p->checks;
	uint64_t now = *checks->checker->now;
	int fd;

	mqg_timer_arm(&p->begin, &checks->every, now);
	if (p->stage != IDLE)
		return;
	atomic_fetch_add_explicit(&p->state->checks, 1, memory_order_relaxed);
	p->stream = (struct mqg_stream){ .watch.ready = ready, .fd = -1 };
	fd = mqg_dial(&p->server->address, checks->mark, checks->checker->epfd,
		      &p->stream.watch);
	if (fd < 0) {
		fail(p, strerror(-fd));
		return;
	}
	p->stream.fd = fd;
	p->stage = CONNECTING;
	mqg_timer_arm(&p->end, &checks->timeout, now);
}


void mqg_checks_init(struct mqg_checks *checks, struct mqg_checker *checker,
		     struct mqg_timers *timers)
{
	checks->checker = checker;
	mqg_timer_class_init(timers, &checks->every, 0);
	mqg_timer_class_init(timers, &checks->timeout, 0);
	mqg_list_init(&checks->probes);
}

static void stop(struct mqg_probe *p)
{
	close_probe(p);
	mqg_timer_disarm(&p->begin);
	mqg_list_remove(&p->link);
	mqg_list_append(&p->checks->checker->dead, &p->link);
	p->checks = NULL;
}

static void add(struct mqg_checks *checks, const struct mqg_route *route)
{
	struct mqg_probe *p = calloc(1, sizeof(*p));

	if (!p)
		return;
	p->checks = checks;
	p->server = route->config;
	p->state = route->state;
	p->stream.fd = -1;
	mqg_timer_init(&p->begin, begin);
	mqg_timer_init(&p->end, late);
	mqg_list_append(&checks->probes, &p->link);
	mqg_timer_arm(&p->begin, &checks->every, *checks->checker->now);
}

/* Asks on where a server has stayed. */
static bool keep(struct mqg_checks *checks, const struct mqg_route *route)
{
	for (struct mqg_list *at = checks->probes.next; at != &checks->probes; at = at->next) {
		struct mqg_probe *p = mqg_container_of(at, struct mqg_probe, link);

		if (p->state != route->state)
			continue;
		p->server = route->config;
		return true;
	}
	return false;
}

static bool is_there(const struct mqg_routes *routes, const struct mqg_server_state *state)
{
	for (size_t i = 0; i < routes->n; i++)
		if (routes->list[i].state == state)
			return true;
	return false;
}

void mqg_checks_start(struct mqg_checks *checks, const struct mqg_broker *broker,
		      const struct mqg_routes *routes, uint32_t mark)
{
	uint64_t now = *checks->checker->now;

	for (struct mqg_list *at = checks->probes.next, *next; at != &checks->probes; at = next) {
		struct mqg_probe *p = mqg_container_of(at, struct mqg_probe, link);

		next = at->next;
		if (broker->health.kind == MQG_HEALTH_OFF || !is_there(routes, p->state))
			stop(p);
	}
	checks->broker = broker;
	checks->tls = routes->tls;
	checks->mark = mark;
	mqg_timer_class_change(&checks->every, broker->health.interval_ms, now);
	mqg_timer_class_change(&checks->timeout, broker->health.timeout_ms, now);
	for (size_t i = 0; broker->health.kind != MQG_HEALTH_OFF && i < routes->n; i++)
		if (!keep(checks, &routes->list[i]))
			add(checks, &routes->list[i]);
}

void mqg_checks_stop(struct mqg_checks *checks)
{
	while (!mqg_list_empty(&checks->probes))
		stop(mqg_container_of(checks->probes.next, struct mqg_probe, link));
}

void mqg_checks_exit(struct mqg_checks *checks)
{
	mqg_checks_stop(checks);
	mqg_timer_class_exit(&checks->every);
	mqg_timer_class_exit(&checks->timeout);
}
