// SPDX-License-Identifier: BSD-2-Clause
/*
 * Devices that publish with QoS 0, and the broker's end of their sessions; one thread. A message
 * is a PUBLISH of its device's topic; all of a rung have the same length, so that bytes are enough
 * to count them. See stream.h.
 */
#include "stream.h"

#include <arpa/inet.h>
#include <err.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tls.h"

#define TOPIC		"devices/%010u/telemetry/t"
#define TOPIC_MAX	64U
#define RECORD_MAX	16384U
#define STUCK_MS	10000
#define UNDER_WAY	4096U	/* messages of a device whose times are known: a power of two */
#define EVENTS		64

struct device {
	SSL		*ssl;
	int		out;		/* where its messages arrive */
	unsigned char	record[RECORD_MAX];
	size_t		len;		/* of that */
	size_t		due;		/* bytes sent that have not arrived */
	size_t		part;		/* bytes that have arrived of a message, where they count */
	uint32_t	sent, arrived;	/* messages, of which the times are kept */
	double		times[UNDER_WAY];
};

struct stream_load {
	struct tls_clients	*clients;
	const char		*name;
	struct device		*devices;
	uint32_t		n;
	int			listener, all;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* Length of one message; @batch of them are the record. */
static size_t fill(struct device *d, uint32_t number, const struct stream_rung *rung)
{
	char topic[TOPIC_MAX];
	size_t name = (size_t)snprintf(topic, sizeof(topic), TOPIC, number);
	size_t left = 2 + name + rung->payload, len = 1;
	unsigned char *p = d->record;

	p[0] = 0x30;
	do {
		p[len++] = (unsigned char)((left & 127) | (left > 127 ? 128 : 0));
	} while (left >>= 7);
	p[len++] = 0;
	p[len++] = (unsigned char)name;
	memcpy(p + len, topic, name);
	len += name;
	memset(p + len, 'm', rung->payload);
	len += rung->payload;
	if (len > RECORD_MAX / rung->batch)
		errx(1, "%s: a record does not hold it", rung->id);
	for (uint32_t i = 1; i < rung->batch; i++)
		memcpy(p + i * len, p, len);
	d->len = rung->batch * len;
	return len;
}

static size_t fill_all(struct stream_load *load, const struct stream_rung *rung)
{
	size_t len = 0;

	for (uint32_t i = 0; i < load->n; i++)
		len = fill(&load->devices[i], i, rung);
	return len;
}

static void publish(struct stream_load *load, struct device *d)
{
	if (SSL_write(d->ssl, d->record, (int)d->len) != (int)d->len)
		errx(1, "%s ended a session", load->name);
	d->due += d->len;
}

/* Discarded unread. */
static size_t take(struct stream_load *load, struct device *d)
{
	ssize_t n = recv(d->out, NULL, 1 << 20, MSG_TRUNC | MSG_DONTWAIT);

	if (n <= 0)
		errx(1, "%s ended a session", load->name);
	if ((size_t)n > d->due)
		errx(1, "%s sends what no device sent", load->name);
	d->due -= (size_t)n;
	return (size_t)n;
}

static int wait_for(struct stream_load *load, struct epoll_event got[EVENTS], int ms)
{
	int n = epoll_wait(load->all, got, EVENTS, ms);

	if (!n && ms)
		errx(1, "%s keeps messages back", load->name);
	return n;
}

/* ---- sessions ---------------------------------------------------------------------------- */

static void receive(struct stream_load *load, int fd, void *data, size_t len)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };
	char *p = data;

	while (len) {
		ssize_t n = poll(&one, 1, STUCK_MS) == 1 ? recv(fd, p, len, 0) : -1;

		if (n <= 0)
			errx(1, "%s: what was to come to the broker does not", load->name);
		p += n;
		len -= (size_t)n;
	}
}

/* A device's connection out of a relay. Who says nothing in his asks for the health of a broker. */
static int accept_relayed(struct stream_load *load, const unsigned char packet[TLS_CONNECT])
{
	unsigned char got[TLS_CONNECT];
	struct pollfd one = { .fd = load->listener, .events = POLLIN };

	for (;;) {
		int fd;

		if (poll(&one, 1, STUCK_MS) != 1)
			errx(1, "%s does not dial", load->name);
		fd = accept4(load->listener, NULL, NULL, SOCK_CLOEXEC);
		one.fd = fd;
		if (fd >= 0 && poll(&one, 1, STUCK_MS) == 1 &&
		    recv(fd, got, sizeof(got), MSG_PEEK) > 0) {
			receive(load, fd, got, sizeof(got));
			if (memcmp(got, packet, sizeof(got)))
				errx(1, "%s: not the CONNECT that was sent", load->name);
			send(fd, "\x20\x02\0", 4, MSG_NOSIGNAL);
			return fd;
		}
		close(fd);
		one.fd = load->listener;
	}
}

static int subscribe(struct stream_load *load, uint32_t number)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_port = htons(STREAM_SUBSCRIBERS),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	unsigned char packet[TLS_CONNECT + 1], request[TOPIC_MAX + 8] = { 0x82, 0, 0, 1, 0, 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int len = snprintf((char *)request + 6, TOPIC_MAX, TOPIC, number);

	request[1] = (unsigned char)(len + 5);
	request[5] = (unsigned char)len;
	tls_connect_packet(packet, 1000000 + number);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    send(fd, packet, TLS_CONNECT, MSG_NOSIGNAL) != TLS_CONNECT)
		errx(1, "%s takes no subscriber", load->name);
	receive(load, fd, packet, 4);
	send(fd, request, (size_t)len + 7, MSG_NOSIGNAL);
	receive(load, fd, packet, 5);
	if (packet[0] != 0x90 || packet[4])
		errx(1, "%s refuses a subscription", load->name);
	return fd;
}

static void open_device(struct stream_load *load, const struct tls_server *s, uint32_t number,
			bool broker)
{
	static const struct stream_rung first = { .payload = 64, .batch = 1 };
	struct device *d = &load->devices[number];
	unsigned char packet[TLS_CONNECT + 1], got[RECORD_MAX];
	struct epoll_event want = { .events = EPOLLIN, .data.ptr = d };

	d->ssl = tls_clients_open(load->clients, s->session_port);
	tls_connect_packet(packet, number);
	SSL_write(d->ssl, packet, TLS_CONNECT);
	d->out = broker ? subscribe(load, number) : accept_relayed(load, packet);
	if (SSL_read(d->ssl, got, 4) != 4 || got[0] != 0x20 || got[3])
		errx(1, "%s begins no session", load->name);
	fill(d, number, &first);
	publish(load, d);
	receive(load, d->out, got, d->len);
	if (memcmp(got, d->record, d->len))
		errx(1, "%s changes a message", load->name);
	d->due = 0;
	epoll_ctl(load->all, EPOLL_CTL_ADD, d->out, &want);
}

struct stream_load *stream_load_new(const char *dir, const struct tls_server *s, uint32_t devices,
				    bool broker)
{
	struct stream_load *load = calloc(1, sizeof(*load));

	load->clients = tls_clients_new(dir, "device");
	load->name = s->name;
	load->n = devices;
	load->devices = calloc(devices, sizeof(*load->devices));
	load->all = epoll_create1(EPOLL_CLOEXEC);
	load->listener = broker ? -1 : tls_door("127.0.0.2", TLS_BROKER_PORT);
	for (uint32_t i = 0; i < devices; i++)
		open_device(load, s, i, broker);
	return load;
}

void stream_load_free(struct stream_load *load)
{
	for (uint32_t i = 0; i < load->n; i++) {
		close(SSL_get_fd(load->devices[i].ssl));
		SSL_free(load->devices[i].ssl);
		close(load->devices[i].out);
	}
	if (load->listener >= 0)
		close(load->listener);
	close(load->all);
	tls_clients_free(load->clients);
	free(load->devices);
	free(load);
}

/* ---- load -------------------------------------------------------------------------------- */

void stream_load_run(struct stream_load *load, const struct stream_rung *rung, uint64_t messages)
{
	uint64_t records = messages / rung->batch, sent = 0, arrived = 0;
	struct epoll_event got[EVENTS];

	fill_all(load, rung);
	for (uint32_t i = 0; i < load->n && sent < records; i++, sent++)
		publish(load, &load->devices[i]);
	while (arrived < records) {
		int n = wait_for(load, got, STUCK_MS);

		for (int i = 0; i < n; i++) {
			struct device *d = got[i].data.ptr;

			take(load, d);
			if (d->due)
				continue;
			arrived++;
			if (sent < records) {
				publish(load, d);
				sent++;
			}
		}
	}
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Return: messages that have arrived with these bytes; how long each took, to @took. */
static uint32_t clock_in(struct stream_load *load, struct device *d, size_t len, double *took)
{
	size_t bytes = d->part + take(load, d);
	uint32_t n = (uint32_t)(bytes / len);
	double at = now();

	d->part = bytes % len;
	for (uint32_t i = 0; i < n; i++)
		took[i] = at - d->times[d->arrived++ % UNDER_WAY];
	return n;
}

double stream_load_p99(struct stream_load *load, const struct stream_rung *rung, double rate,
		       uint32_t messages)
{
	double *took = calloc(messages, sizeof(*took)), due = now(), p99;
	size_t len = fill_all(load, rung);
	uint32_t sent = 0, arrived = 0;
	struct epoll_event got[EVENTS];

	while (arrived < messages) {
		bool idle = sent == messages;
		int n;

		if (!idle && now() >= due) {
			struct device *d = &load->devices[sent++ % load->n];

			if (d->sent - d->arrived == UNDER_WAY)
				errx(1, "%s is too slow for %.0f messages/s", load->name, rate);
			d->times[d->sent++ % UNDER_WAY] = now();
			publish(load, d);
			due += 1e9 / rate;
		}
		n = wait_for(load, got, idle ? STUCK_MS : 0);
		for (int i = 0; i < n; i++)
			arrived += clock_in(load, got[i].data.ptr, len, took + arrived);
	}
	qsort(took, messages, sizeof(*took), ascending);
	p99 = took[(uint64_t)messages * 99 / 100] / 1e3;
	free(took);
	return p99;
}
