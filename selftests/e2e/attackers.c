// SPDX-License-Identifier: BSD-2-Clause
/*
 * Attackers that finish the TCP handshake first: each from an address of its own, each sends one
 * malformed first payload and waits for what comes. Prints as JSON what they saw. Run by run.sh in
 * the devices' namespace, where the prefixes below are routed to the loopback device.
 *
 * One thread, one epoll loop.
 */
#include "target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum saw {
	SAW_NOTHING_YET,
	SAW_NO_HANDSHAKE,	/* connect() failed or got no answer */
	SAW_SILENCE,		/* sent; no answer in time */
	SAW_RESET,
	SAW_CLOSE,		/* an orderly end without a byte */
	SAW_ANSWER,		/* at least one byte */
	SAW_KINDS,
};

static const char *const saw_word[SAW_KINDS] = {
	"nothing", "no_handshake", "silence", "reset", "close", "answer",
};

struct attacker {
	int			fd;
	bool			connected;
	uint64_t		deadline;
	const struct target	*target;
	const struct shape	*shape;
	enum saw		saw;
};

struct crowd {
	struct target	target[TARGETS_MAX];
	size_t		n_targets;
	uint32_t	count, at_once, base;
	uint64_t	timeout_ns;
	struct attacker	*attacker;
	uint32_t	open;
	int		epoll;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Number @n: 100.80.0.0/16 and up, or ::1 in its own /64 of 2001:db8:a000::/48. */
static socklen_t source(uint32_t n, bool v6, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
	struct sockaddr_in *four = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	if (!v6) {
		four->sin_family = AF_INET;
		four->sin_addr.s_addr = htonl(0x64500000 + n);
		return sizeof(*four);
	}
	six->sin6_family = AF_INET6;
	memcpy(six->sin6_addr.s6_addr, "\x20\x01\x0d\xb8\xa0", 5);
	six->sin6_addr.s6_addr[6] = (uint8_t)(n >> 8);
	six->sin6_addr.s6_addr[7] = (uint8_t)n;
	six->sin6_addr.s6_addr[15] = 1;
	return sizeof(*six);
}

static socklen_t destination(const struct target *t, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
	struct sockaddr_in *four = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	if (!t->v6) {
		four->sin_family = AF_INET;
		four->sin_port = htons(t->port);
		memcpy(&four->sin_addr, &t->addr.s6_addr[12], 4);
		return sizeof(*four);
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(t->port);
	six->sin6_addr = t->addr;
	return sizeof(*six);
}

/* Ends with a reset: nothing lingers that would be sent again after the count is taken. */
static void finish(struct crowd *crowd, struct attacker *a, enum saw saw)
{
	struct linger now = { .l_onoff = 1 };

	a->saw = saw;
	setsockopt(a->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(a->fd);
	a->fd = -1;
	crowd->open--;
}

static int start(struct crowd *crowd, uint32_t n)
{
	struct attacker *a = &crowd->attacker[n];
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT, .data.ptr = a };
	struct sockaddr_storage addr;
	socklen_t length;
	int one = 1;

	a->target = &crowd->target[n % crowd->n_targets];
	a->shape = &a->target->shapes[n / crowd->n_targets % a->target->n_shapes];
	a->deadline = now_ns() + crowd->timeout_ns;
	a->fd = socket(a->target->v6 ? AF_INET6 : AF_INET,
		       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (a->fd < 0)
		return -errno;
	crowd->open++;
	/* The address is on no interface, only routed here. */
	if (setsockopt(a->fd, a->target->v6 ? IPPROTO_IPV6 : IPPROTO_IP,
		       a->target->v6 ? IPV6_FREEBIND : IP_FREEBIND, &one, sizeof(one)) < 0)
		return -errno;
	length = source(crowd->base + n, a->target->v6, &addr);
	if (bind(a->fd, (struct sockaddr *)&addr, length) < 0)
		return -errno;
	length = destination(a->target, &addr);
	if (connect(a->fd, (struct sockaddr *)&addr, length) < 0 && errno != EINPROGRESS) {
		finish(crowd, a, SAW_NO_HANDSHAKE);
		return 0;
	}
	return epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, a->fd, &event) < 0 ? -errno : 0;
}

static void attack(struct crowd *crowd, struct attacker *a)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = a };
	socklen_t length = sizeof(int);
	int err = 0;

	if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &err, &length) < 0 || err) {
		finish(crowd, a, SAW_NO_HANDSHAKE);
		return;
	}
	a->connected = true;
	a->deadline = now_ns() + crowd->timeout_ns;
	epoll_ctl(crowd->epoll, EPOLL_CTL_MOD, a->fd, &event);
	if (send(a->fd, a->shape->bytes, a->shape->length, MSG_NOSIGNAL) < 0)
		finish(crowd, a, SAW_RESET);
}

static void listen_to(struct crowd *crowd, struct attacker *a)
{
	char answer[64];
	ssize_t n = recv(a->fd, answer, sizeof(answer), 0);

	if (n > 0)
		finish(crowd, a, SAW_ANSWER);
	else if (n == 0)
		finish(crowd, a, SAW_CLOSE);
	else if (errno != EAGAIN && errno != EINTR)
		finish(crowd, a, SAW_RESET);
}

static void expire(struct crowd *crowd, uint32_t started)
{
	uint64_t now = now_ns();
	uint32_t i;

	for (i = 0; i < started; i++) {
		struct attacker *a = &crowd->attacker[i];

		if (a->fd >= 0 && now >= a->deadline)
			finish(crowd, a, a->connected ? SAW_SILENCE : SAW_NO_HANDSHAKE);
	}
}

static int run(struct crowd *crowd)
{
	struct epoll_event events[64];
	uint32_t started = 0;
	int n, err;

	while (started < crowd->count || crowd->open) {
		while (started < crowd->count && crowd->open < crowd->at_once) {
			err = start(crowd, started++);
			if (err)
				return err;
		}
		n = epoll_wait(crowd->epoll, events, 64, 20);
		while (n-- > 0) {
			struct attacker *a = events[n].data.ptr;

			if (a->fd >= 0 && !a->connected)
				attack(crowd, a);
			else if (a->fd >= 0)
				listen_to(crowd, a);
		}
		expire(crowd, started);
	}
	return 0;
}

static void report(const struct crowd *crowd)
{
	uint32_t plain[SAW_KINDS] = { 0 }, tls[SAW_KINDS] = { 0 }, i;
	uint32_t handshakes = 0, k;

	for (i = 0; i < crowd->count; i++) {
		const struct attacker *a = &crowd->attacker[i];

		handshakes += a->connected;
		(a->target->tls ? tls : plain)[a->saw]++;
	}
	printf("{\"attackers\": %u, \"handshakes\": %u", crowd->count, handshakes);
	for (k = SAW_NO_HANDSHAKE; k < SAW_KINDS; k++)
		printf(", \"%s\": %u", saw_word[k], plain[k] + tls[k]);
	printf(",\n \"mqtt\": {");
	for (k = SAW_NO_HANDSHAKE; k < SAW_KINDS; k++)
		printf("%s\"%s\": %u", k > SAW_NO_HANDSHAKE ? ", " : "", saw_word[k], plain[k]);
	printf("},\n \"tls\": {");
	for (k = SAW_NO_HANDSHAKE; k < SAW_KINDS; k++)
		printf("%s\"%s\": %u", k > SAW_NO_HANDSHAKE ? ", " : "", saw_word[k], tls[k]);
	printf("}}\n");
}

static int usage(void)
{
	fprintf(stderr,
		"usage: attackers [-n COUNT] [-c AT-ONCE] [-t MILLISECONDS] [-b FIRST] TARGET...\n"
		"  TARGET is mqtt:ADDRESS:PORT or tls:ADDRESS:PORT, IPv6 in brackets;\n"
		"  FIRST is the number of the first source address\n");
	return 2;
}

static int parse(struct crowd *crowd, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "n:c:t:b:")) != -1) {
		switch (c) {
		case 'n':
			crowd->count = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'c':
			crowd->at_once = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 't':
			crowd->timeout_ns = strtoull(optarg, NULL, 10) * 1000000;
			break;
		case 'b':
			crowd->base = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		default:
			return -EINVAL;
		}
	}
	for (; optind < argc; optind++) {
		if (crowd->n_targets == TARGETS_MAX ||
		    target_parse(argv[optind], &crowd->target[crowd->n_targets])) {
			fprintf(stderr, "attackers: %s: not a target, or one too many\n",
				argv[optind]);
			return -EINVAL;
		}
		crowd->n_targets++;
	}
	/* source() has 2^16 numbers */
	if (crowd->base > 65536 || crowd->count > 65536 - crowd->base)
		return -EINVAL;
	return crowd->n_targets && crowd->at_once ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct crowd crowd = { .count = 1000, .at_once = 250, .timeout_ns = 3000000000 };
	struct rlimit files = { 4096, 4096 };
	uint32_t i;
	int err;

	if (parse(&crowd, argc, argv))
		return usage();
	setrlimit(RLIMIT_NOFILE, &files);
	crowd.attacker = calloc(crowd.count, sizeof(*crowd.attacker));
	crowd.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!crowd.attacker || crowd.epoll < 0) {
		fprintf(stderr, "attackers: %s\n", strerror(errno));
		return 1;
	}
	for (i = 0; i < crowd.count; i++)
		crowd.attacker[i].fd = -1;
	err = run(&crowd);
	if (err) {
		fprintf(stderr, "attackers: %s\n", strerror(-err));
		return 1;
	}
	report(&crowd);
	return 0;
}
