// SPDX-License-Identifier: BSD-2-Clause
/*
 * How long devices are without a broker when one of two servers is killed under load, and what was
 * acknowledged and is not there afterwards. 50 devices publish QoS 1 in clear text through mqgated,
 * each with one message under way; who is cut comes back at once and sends again. The servers are
 * the benchmark's own and share their state: what one has acknowledged the other one has. Five
 * runs; silence is the longest time between two acknowledgements of any device.
 */
#include "rows.h"
#include "tls.h"

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEVICES		50
#define NUMBERS		65536U
#define DOOR		2883
#define SERVERS		"127.0.0.2"
#define FIRST_PORT	1901
#define ENOUGH		200U	/* acknowledgements of each, before and after */
#define GIVE_UP_S	30

/* What the servers share: which messages were acknowledged by either. */
static _Atomic uint8_t (*kept)[NUMBERS];

struct device {
	pthread_t	thread;
	unsigned int	n;
	uint8_t		acked[NUMBERS];
	double		silence;	/* s */
	_Atomic uint32_t count;
};

static struct device devices[DEVICES];
static _Atomic bool over;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool take(int fd, void *to, size_t len)
{
	return recv(fd, to, len, MSG_WAITALL) == (ssize_t)len;
}

static bool give(int fd, const void *from, size_t len)
{
	return send(fd, from, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* ---- a server, in a process of its own ------------------------------------------------------ */

/* Packets here are shorter than 128 bytes. */
static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	unsigned char head[2], body[128];
	bool fine = true;

	while (fine && take(fd, head, 2) && head[1] < sizeof(body) && take(fd, body, head[1])) {
		if (head[0] >> 4 == 1) {
			fine = give(fd, "\x20\x02\0\0", 4);
		} else if (head[0] >> 4 == 3) {
			/* "\0\1t", identifier, device, number */
			const unsigned char ack[] = { 0x40, 2, body[3], body[4] };

			kept[body[5] % DEVICES][body[6] << 8 | body[7]] = 1;
			fine = give(fd, ack, sizeof(ack));
		}
	}
	close(fd);
	return NULL;
}

static pid_t start_server(uint16_t port)
{
	int door = tls_door(SERVERS, port);
	pid_t pid = fork();

	if (pid) {
		close(door);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(door, NULL, NULL);
		pthread_t thread;

		if (fd >= 0 && !pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd))
			pthread_detach(thread);
	}
}

/* ---- devices -------------------------------------------------------------------------------- */

static int come(const struct device *d)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(DOOR),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	unsigned char packet[TLS_CONNECT + 1], answer[4];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	tls_connect_packet(packet, d->n);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!connect(fd, (struct sockaddr *)&to, sizeof(to)) && give(fd, packet, TLS_CONNECT) &&
	    take(fd, answer, sizeof(answer)) && !answer[3])
		return fd;
	close(fd);
	usleep(10000);
	return -1;
}

static void *publish(void *arg)
{
	struct device *d = arg;
	unsigned int number = 1;
	double last = now();
	bool again = false;

	while (!over) {
		int fd = come(d);

		while (fd >= 0 && !over) {
			const unsigned char high = (unsigned char)(number >> 8);
			const unsigned char low = (unsigned char)number;
			const unsigned char packet[] = { again ? 0x3a : 0x32, 8, 0, 1, 't', high,
							 low, (unsigned char)d->n, high, low };
			unsigned char ack[4];

			again = true;
			if (!give(fd, packet, sizeof(packet)) || !take(fd, ack, sizeof(ack)))
				break;
			again = false;
			if (now() - last > d->silence)
				d->silence = now() - last;
			last = now();
			d->acked[number] = 1;
			d->count++;
			number = number % (NUMBERS - 1) + 1;
		}
		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

/* Until each has @more acknowledgements than it had. */
static void await(uint32_t more)
{
	double end = now() + GIVE_UP_S;
	uint32_t before[DEVICES];

	for (int i = 0; i < DEVICES; i++)
		before[i] = devices[i].count;
	for (int i = 0; i < DEVICES; i++)
		while (devices[i].count - before[i] < more) {
			if (now() > end)
				errx(1, "device %d gets no acknowledgements", i);
			usleep(1000);
		}
}

/* ---- a run ---------------------------------------------------------------------------------- */

static void measure(const char *top, const char *dir, double *silence, double *lost, double *sum)
{
	struct tls_mode mode = { .file = "stream/failover.yaml" };
	pid_t servers[2] = { start_server(FIRST_PORT), start_server(FIRST_PORT + 1) };
	struct tls_server gate;

	memset((void *)kept, 0, sizeof(*kept) * DEVICES);
	memset(devices, 0, sizeof(devices));
	over = false;
	tls_start_mqgate(&gate, top, dir, mode, (int)sysconf(_SC_NPROCESSORS_ONLN) - 1);
	for (unsigned int i = 0; i < DEVICES; i++) {
		devices[i].n = i;
		if (pthread_create(&devices[i].thread, NULL, publish, &devices[i]))
			errx(1, "pthread_create");
	}
	await(ENOUGH);
	kill(servers[0], SIGKILL);
	await(ENOUGH);
	over = true;
	*silence = *lost = 0;
	for (int i = 0; i < DEVICES; i++) {
		pthread_join(devices[i].thread, NULL);
		*sum += devices[i].count;
		if (devices[i].silence > *silence)
			*silence = devices[i].silence;
		for (unsigned int n = 0; n < NUMBERS; n++)
			*lost += devices[i].acked[n] && !kept[i][n];
	}
	tls_stop(&gate);
	kill(servers[1], SIGKILL);
	waitpid(servers[0], NULL, 0);
	waitpid(servers[1], NULL, 0);
}

int main(void)
{
	const char *top = getenv("MQGATE_TOP"), *dir;
	struct row rows[] = {
		{ .id = "failover-silence", .what = "a server dies under load: silence",
		  .unit = "ms", .better = "lower", .against = "allowed", .target = 2000,
		  .absolute = true },
		{ .id = "failover-lost", .what = "QoS 1, acknowledged and lost",
		  .unit = "messages", .better = "lower", .against = "allowed", .target = 0.5,
		  .absolute = true },
	};
	char results[4096];
	double sum = 0;

	if (!top || geteuid())
		errx(1, "run me by: sudo make bench-stream");
	signal(SIGPIPE, SIG_IGN);
	kept = mmap(NULL, sizeof(*kept) * DEVICES, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (kept == MAP_FAILED)
		err(1, "mmap");
	dir = tls_prepare(top);
	for (int run = 0; run < ROW_RUNS; run++) {
		measure(top, dir, &rows[0].ours[run], &rows[1].ours[run], &sum);
		rows[0].ours[run] *= 1e3;
		rows[0].limit[run] = 2000;
		rows[1].limit[run] = 1;
	}
	for (int i = 0; i < 2; i++)
		snprintf(rows[i].note, sizeof(rows[i].note), "servers share state; devices come "
			 "back at once; %.0f acknowledged", sum);
	rows_print(rows, 2);
	snprintf(results, sizeof(results), "%s/bench-results", top);
	return rows_write(rows, 2, results, "failover") ? 1 : 0;
}
