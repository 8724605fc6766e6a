// SPDX-License-Identifier: BSD-2-Clause
/*
 * Listening sockets and accept. Opened by the main thread before the workers run; afterwards each
 * belongs to its worker's thread. The count of sessions of a listener is shared, an atomic.
 */
#include "proxy/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/names.h"
#include "proxy/session.h"

#define BACKLOG		4096
/* Connections accepted in one turn, so that a flood of them cannot starve the sessions. */
#define BATCH		64
/* A peer that vanished without a word is noticed after IDLE + COUNT * INTERVAL seconds. */
#define KEEP_IDLE	60
#define KEEP_INTERVAL	15
#define KEEP_COUNT	4

static int complain(const struct mqg_listener *listener, int err, char *why, size_t size)
{
	const char *remedy = "see socket(7)";
	uint8_t addr[16];
	uint16_t port = 0;

	mqg_sockaddr_split((const struct sockaddr *)&listener->address.addr, addr, &port);
	if (err == EADDRINUSE)
		remedy = "another program listens there (ss -ltnp names it): stop it or choose "
			 "another port; of mqgated's own port another address takes a restart";
	else if (err == EADDRNOTAVAIL)
		remedy = "no interface of this host has that address: use one of `ip addr`, or "
			 "[::] for all";
	else if (err == EACCES)
		remedy = "a port below 1024 needs CAP_NET_BIND_SERVICE, which the daemon has given "
			 "up once it runs: restart mqgated";
	snprintf(why, size, "listener %s: address: %s: %s; %s", listener->name,
		 listener->address.text, strerror(err), remedy);
	return -err;
}

/* A bound socket, not listening yet, or -errno. */
static int open_bound(const struct mqg_listener *listener, bool shared)
{
	const struct sockaddr *addr = (const struct sockaddr *)&listener->address.addr;
	int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, off = 0, err;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on))) ||
	    (addr->sa_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off))) ||
	    bind(fd, addr, listener->address.addrlen)) {
		err = errno;
		close(fd);
		return -err;
	}
	return fd;
}

int mqg_listener_probe(const struct mqg_listener *listener, char *why, size_t size)
{
	int fd = open_bound(listener, false);

	if (fd < 0)
		return complain(listener, -fd, why, size);
	close(fd);
	return 0;
}

/* Accepted sockets inherit these, which saves as many system calls a connection. */
static void tune(int fd)
{
	static const struct { int level, name, value; } options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT },
	};
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			   sizeof(options[i].value));
}

static void report_limit(struct mqg_port *port, const struct sockaddr_storage *peer)
{
	struct mqg_refusal refusal = {
		.reason = MQGATE_REASON_LIMIT_SESSIONS,
		.service = port->config->service,
	};
	uint16_t ignored;

	mqg_sockaddr_split((const struct sockaddr *)peer, refusal.addr, &ignored);
	mqg_counter_add(&port->refused, 1);
	mqg_judge_refused(port->worker->judge, &refusal);
}

void mqg_port_listen(struct mqg_port *port, bool on)
{
	struct epoll_event event = { .events = on ? EPOLLIN : 0, .data.ptr = &port->watch };

	epoll_ctl(port->worker->epfd, EPOLL_CTL_MOD, port->fd, &event);
}

static void rest(struct mqg_worker *worker)
{
	size_t i;

	for (i = 0; i < worker->config->n_listeners; i++)
		mqg_port_listen(worker->ports[i], false);
	worker->resting = true;
	mqg_timer_arm(&worker->rest, &worker->accept_rest, worker->now);
}

void mqg_port_rested(struct mqg_timer *timer)
{
	struct mqg_worker *worker = mqg_container_of(timer, struct mqg_worker, rest);
	size_t i;

	for (i = 0; i < worker->config->n_listeners; i++)
		mqg_port_listen(worker->ports[i], true);
	worker->resting = false;
}

/*
 * No descriptor is left. Left in the queue the connection would wake epoll for ever: the spare one
 * is given up to take it and turn it away. Where even that fails, accepting rests.
 */
static bool turn_away(struct mqg_port *port)
{
	struct mqg_worker *worker = port->worker;
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	int fd = -1;

	if (worker->spare >= 0) {
		close(worker->spare);
		fd = accept4(port->fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);
	}
	if (fd >= 0) {
		mqg_counter_add(&port->accepted, 1);
		report_limit(port, &peer);
		close(fd);
	}
	worker->spare = fcntl(worker->wakefd, F_DUPFD_CLOEXEC, 0);
	if (fd >= 0 && worker->spare >= 0)
		return true;
	rest(worker);
	return false;
}

/* Its source has handshakes enough: nothing is read and nothing made for it. */
static bool is_too_much(struct mqg_port *port, const struct sockaddr_storage *peer)
{
	struct mqg_refusal refusal = {
		.reason = MQGATE_REASON_HANDSHAKE_SOURCE,
		.service = port->config->service,
	};
	uint16_t ignored;

	if (port->config->kind != MQGATE_KIND_MQTTS)
		return false;
	mqg_sockaddr_split((const struct sockaddr *)peer, refusal.addr, &ignored);
	/* A proxy stands for many; whom it speaks for is asked when it is known. */
	if (mqg_intro_trusts(port->config, refusal.addr))
		return false;
	if (!mqg_admission_spent(port->worker, refusal.addr, &refusal.spared))
		return false;
	mqg_counter_add(&port->refused, 1);
	mqg_judge_refused(port->worker->judge, &refusal);
	return true;
}

static void take(struct mqg_port *port, int fd, const struct sockaddr_storage *peer)
{
	uint32_t open;

	if (is_too_much(port, peer)) {
		mqg_counter_add(&port->accepted, 1);
		close(fd);
		return;
	}
	open = atomic_fetch_add_explicit(port->sessions, 1, memory_order_relaxed);
	mqg_counter_add(&port->accepted, 1);
	if (open >= port->config->sessions_max) {
		atomic_fetch_sub_explicit(port->sessions, 1, memory_order_relaxed);
		report_limit(port, peer);
		close(fd);
		return;
	}
	if (mqg_session_open(port, fd, (const struct sockaddr *)peer)) {
		atomic_fetch_sub_explicit(port->sessions, 1, memory_order_relaxed);
		report_limit(port, peer);
		close(fd);
	}
}

static void ready(struct mqg_watch *watch, uint32_t events)
{
	struct mqg_port *port = mqg_container_of(watch, struct mqg_port, watch);
	unsigned int i;

	(void)events;
	for (i = 0; i < BATCH && !port->worker->resting; i++) {
		struct sockaddr_storage peer;
		socklen_t len = sizeof(peer);
		int fd = accept4(port->fd, (struct sockaddr *)&peer, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			take(port, fd, &peer);
			continue;
		}
		switch (errno) {
		case EAGAIN:
			return;
		case EMFILE:
		case ENFILE:
			if (!turn_away(port))
				return;
			break;
		case ENOBUFS:
		case ENOMEM:
			rest(port->worker);
			return;
		default:
			/* An error of the connection that was next, accept(2): on to others. */
			break;
		}
	}
}

int mqg_port_open(struct mqg_port *port, int like, char *why, size_t size)
{
	struct epoll_event event = { .data.ptr = &port->watch };

	port->watch.ready = ready;
	if (like >= 0) {
		port->fd = fcntl(like, F_DUPFD_CLOEXEC, 0);
		if (port->fd < 0)
			return complain(port->config, errno, why, size);
	} else {
		port->fd = open_bound(port->config, true);
		if (port->fd < 0)
			return complain(port->config, -port->fd, why, size);
	}
	tune(port->fd);
	if ((like < 0 && listen(port->fd, BACKLOG)) ||
	    epoll_ctl(port->worker->epfd, EPOLL_CTL_ADD, port->fd, &event))
		return complain(port->config, errno, why, size);
	return 0;
}

void mqg_port_close(struct mqg_port *port)
{
	if (port->fd < 0)
		return;
	/* The listening socket may live on under another descriptor. */
	epoll_ctl(port->worker->epfd, EPOLL_CTL_DEL, port->fd, NULL);
	close(port->fd);
	port->fd = -1;
}

void mqg_port_free(struct mqg_port *port)
{
	if (!port)
		return;
	mqg_port_close(port);
	for (size_t i = 0; i < port->realms.n; i++)
		mqg_realm_free(port->realms.list[i]);
	free(port->realms.list);
	mqg_config_put(port->held);
	free(port);
}
