// SPDX-License-Identifier: BSD-2-Clause
/*
 * The stage DIAL: the connection to the broker, made only for a client whose CONNECT was found
 * good. Runs on the worker's thread.
 */
#include "proxy/session.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <openssl/crypto.h>

#include "proxy/pp2.h"
#include "system/log.h"

/* Says it when the answer is another than last time, of whichever worker. */
static void note(struct mqg_uplink *uplink, int err)
{
	const struct mqg_broker *broker = uplink->config;

	mqg_counter_add(err ? &uplink->failures : &uplink->connections, 1);
	if (atomic_load_explicit(uplink->up, memory_order_relaxed) == !err ||
	    atomic_exchange_explicit(uplink->up, !err, memory_order_relaxed) == !err)
		return;
	if (err)
		mqg_log(MQG_LOG_ERR, MQG_LOG_PROXY, "broker %s: %s: %s; clients are answered "
			"\"server unavailable\" until it is back", broker->name,
			broker->address.text, strerror(err));
	else
		mqg_log(MQG_LOG_NOTICE, MQG_LOG_PROXY, "broker %s: %s: reached again",
			broker->name, broker->address.text);
}

static enum mqg_step failed(struct mqg_session *s, int err)
{
	note(s->port->uplink, err);
	return mqg_session_refuse(s, MQGATE_REASON_BROKER_UNREACHABLE);
}

/* The mark serves routing and firewall rules; a broker can be reached without it. */
static void mark(int fd, uint32_t value)
{
	static atomic_flag said = ATOMIC_FLAG_INIT;

	if (!value || !setsockopt(fd, SOL_SOCKET, SO_MARK, &value, sizeof(value)))
		return;
	if (!atomic_flag_test_and_set(&said))
		mqg_log(MQG_LOG_WARNING, MQG_LOG_PROXY, "mark: 0x%x not set on connections to "
			"brokers: %s; give the daemon CAP_NET_ADMIN, or set mark: 0", value,
			strerror(errno));
}

enum mqg_step mqg_broker_dial(struct mqg_session *s)
{
	const struct mqg_endpoint *to = &s->port->uplink->config->address;
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = &s->broker.watch,
	};
	int fd = socket(to->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return mqg_session_refuse(s, MQGATE_REASON_LIMIT_SESSIONS);
	s->broker.fd = fd;
	mark(fd, s->worker->config->mark);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	if (connect(fd, (const struct sockaddr *)&to->addr, to->addrlen) && errno != EINPROGRESS)
		return failed(s, errno);
	if (epoll_ctl(s->worker->epfd, EPOLL_CTL_ADD, fd, &event))
		return mqg_session_refuse(s, MQGATE_REASON_LIMIT_SESSIONS);
	mqg_timer_arm(&s->timer, &s->port->uplink->timeout, s->worker->now);
	s->state = MQG_DIAL;
	return MQG_STEP_WAIT;
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

/* Puts the header of the PROXY protocol before the CONNECT. 0 or -ENOMEM. */
static int introduce(struct mqg_session *s)
{
	const struct mqg_broker *broker = s->port->uplink->config;
	struct mqg_intake *in = s->intake;
	SSL *ssl = s->client.ssl;
	struct mqg_pp2_facts facts = { .sport = s->entry.port, .identity = s->entry.identity };
	uint8_t header[MQG_PP2_MAX], *both;
	uint32_t left;
	size_t len;

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
	both = malloc(len + in->len);
	if (!both)
		return -ENOMEM;
	memcpy(both, header, len);
	memcpy(both + len, in->data, in->len);
	OPENSSL_cleanse(in->data, in->len);
	free(in->data);
	in->data = both;
	in->size = in->len += len;
	return 0;
}

/* The CONNECT is the broker's; what came behind it has to be judged like all that follows. */
static enum mqg_step introduced(struct mqg_session *s)
{
	struct mqg_intake *in = s->intake;
	size_t len = in->len - in->behind, behind = in->behind;
	uint8_t *rest = malloc(behind + 1);
	bool fine;

	if (!rest)
		return mqg_session_close(s);
	memcpy(rest, in->data + len, behind);
	mqg_half_adopt(&s->up, in->data, len);
	free(in);
	s->intake = NULL;
	s->state = MQG_REPLY;
	mqg_packets_begin(s);
	fine = mqg_packets_take(s, rest, behind);
	free(rest);
	return fine ? MQG_STEP_ON : mqg_session_refuse(s, s->refused);
}

enum mqg_step mqg_broker_step(struct mqg_session *s)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (!s->broker.may_write)
		return MQG_STEP_WAIT;
	if (getsockopt(s->broker.fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (err)
		return failed(s, err);
	note(s->port->uplink, 0);
	if (s->port->uplink->config->pp2_max && introduce(s))
		return mqg_session_close(s);
	return introduced(s);
}

enum mqg_step mqg_broker_timeout(struct mqg_session *s)
{
	return failed(s, ETIMEDOUT);
}
