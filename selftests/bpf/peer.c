// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sockets for XDP to find; see peer.h. Called by xdp_socket.c, single-threaded. What cannot
 * fail on a working machine ends the test with a message when it does.
 */
#include "peer.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_tun.h>

#define PATIENCE_MS	5000

union address {
	struct sockaddr		any;
	struct sockaddr_in	v4;
	struct sockaddr_in6	v6;
};

static socklen_t address_set(union address *a, const char *text, uint16_t port)
{
	memset(a, 0, sizeof(*a));
	if (strchr(text, ':')) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = htons(port);
		if (inet_pton(AF_INET6, text, &a->v6.sin6_addr) != 1)
			errx(1, "not an address: %s", text);
		return sizeof(a->v6);
	}
	a->v4.sin_family = AF_INET;
	a->v4.sin_port = htons(port);
	if (inet_pton(AF_INET, text, &a->v4.sin_addr) != 1)
		errx(1, "not an address: %s", text);
	return sizeof(a->v4);
}

static void interface_up(int fd, const char *name)
{
	struct ifreq ifr = {};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		err(1, "%s up", name);
}

int peer_namespace(void)
{
	int fd;

	if (unshare(CLONE_NEWNET))
		return -errno;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0)
		err(1, "socket");
	interface_up(fd, "lo");
	close(fd);
	/* a router: what is not its own goes on, by two routes of its own */
	return system("sysctl -qw net.ipv4.conf.all.forwarding=1 net.ipv6.conf.all.forwarding=1 &&"
		      " ip route add 192.0.2.9 dev lo && ip -6 route add 2001:db8::9 dev lo") ?
		-EIO : 0;
}

int peer_listen(const char *addr, uint16_t port)
{
	union address a;
	socklen_t len = address_set(&a, addr, port);
	int fd = socket(a.any.sa_family, SOCK_STREAM, 0);
	int only = strcmp(addr, "::") != 0;

	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (a.any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
	if (bind(fd, &a.any, len) || listen(fd, 64))
		err(1, "listen on %s port %u", addr, port);
	return fd;
}

void peer_connect(struct peer *peer, int listener, const char *addr, uint16_t port)
{
	union address a, self;
	socklen_t len = address_set(&a, addr, port), self_len = sizeof(self);

	memset(peer, 0, sizeof(*peer));
	peer->client = socket(a.any.sa_family, SOCK_STREAM, 0);
	if (peer->client < 0 || connect(peer->client, &a.any, len))
		err(1, "connect to %s port %u", addr, port);
	peer->server = accept(listener, NULL, NULL);
	if (peer->server < 0)
		err(1, "accept");
	setsockopt(peer->client, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	if (getsockname(peer->client, &self.any, &self_len))
		err(1, "getsockname");
	snprintf(peer->src, sizeof(peer->src), "%s", addr);
	snprintf(peer->dst, sizeof(peer->dst), "%s", addr);
	peer->flow = (struct pkt){
		.src = peer->src, .dst = peer->dst, .dport = port,
		.sport = ntohs(self.any.sa_family == AF_INET ? self.v4.sin_port :
							      self.v6.sin6_port),
	};
}

void peer_close(struct peer *peer)
{
	/* A reset: no TIME_WAIT is left behind for the next test. */
	struct linger now = { .l_onoff = 1 };

	for (int i = 0; i < 2; i++) {
		int fd = i ? peer->server : peer->client;

		if (fd <= 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(fd);
	}
	peer->client = -1;
	peer->server = -1;
}

uint32_t peer_next(const struct peer *peer)
{
	uint32_t seq = 0;
	socklen_t len = sizeof(seq);
	int fd = peer->server;

	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &(int){ TCP_REPAIR_ON }, sizeof(int)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &(int){ TCP_RECV_QUEUE }, sizeof(int)) ||
	    getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &seq, &len) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &(int){ TCP_REPAIR_OFF_NO_WP }, sizeof(int)))
		err(1, "TCP_REPAIR");
	return seq;
}

static void await(int fd, short what, const char *text)
{
	struct pollfd p = { .fd = fd, .events = what };

	if (poll(&p, 1, PATIENCE_MS) != 1)
		errx(1, "%s: nothing within %d ms", text, PATIENCE_MS);
}

void peer_send(struct peer *peer, const char *text)
{
	uint8_t bytes[256];
	size_t len = pkt_bytes(text, bytes, sizeof(bytes));

	if (send(peer->client, bytes, len, 0) != (ssize_t)len)
		err(1, "send");
	await(peer->server, POLLIN, "receive");
}

void peer_time_wait(struct peer *peer)
{
	char byte;

	close(peer->server);
	peer->server = -1;
	await(peer->client, POLLIN, "end of the connection");
	if (recv(peer->client, &byte, 1, 0) != 0)
		err(1, "the server did not close");
	close(peer->client);
	peer->client = -1;
}

/* ---- half open ------------------------------------------------------------------------ */

#define TUN_ADDR	"198.18.77.1"
#define TUN_PEER	"198.18.77.7"

static int tun_open(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	struct sockaddr_in *a = (struct sockaddr_in *)&ifr.ifr_addr;
	int fd = open("/dev/net/tun", O_RDWR), sock;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, TUNSETIFF, &ifr)) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	sock = socket(AF_INET, SOCK_DGRAM, 0);
	if (sock < 0)
		err(1, "socket");
	a->sin_family = AF_INET;
	inet_pton(AF_INET, TUN_ADDR, &a->sin_addr);
	if (ioctl(sock, SIOCSIFADDR, &ifr))
		err(1, "address of %s", ifr.ifr_name);
	inet_pton(AF_INET, "255.255.255.0", &a->sin_addr);
	if (ioctl(sock, SIOCSIFNETMASK, &ifr))
		err(1, "netmask of %s", ifr.ifr_name);
	interface_up(sock, ifr.ifr_name);
	close(sock);
	return fd;
}

int peer_half_open(struct peer *peer, uint16_t port, uint32_t isn)
{
	uint8_t frame[PKT_MAX], answer[256], *ip = frame + 14, *tcp = ip + 20;
	int fd = tun_open();
	uint32_t sum;

	if (fd < 0)
		return fd;
	memset(peer, 0, sizeof(*peer));
	peer->client = fd;
	strcpy(peer->src, TUN_PEER);
	strcpy(peer->dst, TUN_ADDR);
	peer->flow = (struct pkt){ .src = peer->src, .dst = peer->dst, .sport = 40077,
				   .dport = port, .seq = isn, .flags = SYN };
	pkt_build(&peer->flow, frame);
	sum = ~pkt_sum(tcp, 20, pkt_sum(ip + 12, 8, IPPROTO_TCP + 20));
	tcp[16] = (uint8_t)(sum >> 8);
	tcp[17] = (uint8_t)sum;
	if (write(fd, ip, 40) != 40)
		err(1, "write to TUN");
	do {
		await(fd, POLLIN, "SYN+ACK");
		if (read(fd, answer, sizeof(answer)) < 40)
			continue;
	} while (answer[0] != 0x45 || answer[9] != IPPROTO_TCP || answer[33] != (SYN | ACK));
	peer->flow.flags = 0;
	return 0;
}
