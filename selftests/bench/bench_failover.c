// SPDX-License-Identifier: BSD-2-Clause
/*
 * How long devices are without a broker when one of two servers is killed under load, what was
 * acknowledged and is not there afterwards, and whose connections have ended. 50 devices publish
 * QoS 1 in clear text through mqgated, each with one message under way; who is cut comes back at
 * once and sends again. Servers that share their state are the benchmark's own; mosquittos share
 * nothing. Five runs of each; silence is the longest time between two acknowledgements of any
 * device.
 */
#include "failover.h"
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
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DEVICES		FAILOVER_DEVICES
#define NUMBERS		FAILOVER_NUMBERS
#define DOOR		2883
#define ENOUGH		200U	/* acknowledgements of each, before and after */
#define GIVE_UP_S	30

struct device {
	pthread_t	thread;
	unsigned int	n;
	uint8_t		acked[NUMBERS];
	double		silence;	/* s */
	unsigned int	cut;		/* times that its connection ended */
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

/* ---- devices -------------------------------------------------------------------------------- */

static int come(const struct device *d)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(DOOR),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	unsigned char packet[TLS_CONNECT + 1], answer[4];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	tls_connect_packet(packet, d->n);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!connect(fd, (struct sockaddr *)&to, sizeof(to)) &&
	    failover_give(fd, packet, TLS_CONNECT) &&
	    failover_take(fd, answer, sizeof(answer)) && !answer[3])
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
			if (!failover_give(fd, packet, sizeof(packet)) ||
			    !failover_take(fd, ack, sizeof(ack)))
				break;
			again = false;
			if (now() - last > d->silence)
				d->silence = now() - last;
			last = now();
			d->acked[number] = 1;
			d->count++;
			number = number % (NUMBERS - 1) + 1;
		}
		if (fd < 0)
			continue;
		close(fd);
		d->cut += !over;
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

enum { SILENCE, LOST, CUT, RESULTS };

struct scene {
	const char	*name;
	bool		mosquitto;
	const char	*hold;
	const char	*ids[RESULTS], *what[RESULTS];
	double		allowed[RESULTS];	/* less than that; 0: whatever it is */
};

static const struct scene scenes[] = {
	{ "servers that share state", false, "memory",
	  { "failover-silence", "failover-lost", "failover-cut" },
	  { "a server dies under load: silence", "QoS 1, acknowledged and lost",
	    "connections of devices that ended" }, { 2000, 0.5, 0.5 } },
	{ "mosquittos, hold: memory", true, "memory",
	  { "failover-mosquitto-silence", "failover-mosquitto-lost", "failover-mosquitto-cut" },
	  { "a mosquitto dies under load: silence", "QoS 1, acknowledged and lost",
	    "connections of devices that ended" }, { 2000, 0.5, 0.5 } },
	{ "mosquittos, hold: store", true, "store",
	  { "failover-store-silence", "failover-store-lost", "failover-store-cut" },
	  { "the same, hold: store: silence", "QoS 1, acknowledged and lost",
	    "connections of devices that ended" }, { 2000, 0.5, 0.5 } },
	{ "mosquittos, hold: off", true, "off",
	  { "failover-off-silence", "failover-off-lost", "failover-off-cut" },
	  { "the same, hold: off: silence", "QoS 1, acknowledged and lost",
	    "connections of devices that ended" }, { 2000, 0.5, 0 } },
};

#define SCENES (sizeof(scenes) / sizeof(scenes[0]))

static double lost(void)
{
	double n = 0;

	for (int i = 0; i < DEVICES; i++)
		for (unsigned int k = 0; k < NUMBERS; k++)
			n += devices[i].acked[k] && !failover_kept[i][k];
	return n;
}

static void measure(const char *top, const char *dir, const struct scene *scene,
		    double result[RESULTS], double *sum)
{
	struct tls_mode mode = { .file = "stream/failover.yaml", .hold = scene->hold };
	struct tls_server gate;
	double end;

	memset((void *)failover_kept, 0, sizeof(*failover_kept) * DEVICES);
	memset(devices, 0, sizeof(devices));
	over = false;
	failover_start(dir, scene->mosquitto);
	tls_start_mqgate(&gate, top, dir, mode, (int)sysconf(_SC_NPROCESSORS_ONLN) - 1);
	for (unsigned int i = 0; i < DEVICES; i++) {
		devices[i].n = i;
		if (pthread_create(&devices[i].thread, NULL, publish, &devices[i]))
			errx(1, "pthread_create");
	}
	await(ENOUGH);
	failover_kill();
	await(ENOUGH);
	over = true;
	for (int i = 0; i < DEVICES; i++) {
		pthread_join(devices[i].thread, NULL);
		*sum += devices[i].count;
		if (1e3 * devices[i].silence > result[SILENCE])
			result[SILENCE] = 1e3 * devices[i].silence;
		result[CUT] += devices[i].cut;
	}
	/* What a subscriber was sent may be on its way. */
	for (end = now() + 2; lost() > 0 && now() < end;)
		usleep(1000);
	result[LOST] = lost();
	fprintf(stderr, "%s: %.0f ms, %.0f lost, %.0f cut\n", scene->name, result[SILENCE],
		result[LOST], result[CUT]);
	tls_stop(&gate);
	failover_stop();
}

int main(void)
{
	static const char *const units[RESULTS] = { "ms", "messages", "connections" };
	const char *top = getenv("MQGATE_TOP"), *dir;
	struct row rows[SCENES * RESULTS];
	double sums[SCENES] = { 0 };
	char results[4096];
	size_t n = SCENES * RESULTS;

	if (!top || geteuid())
		errx(1, "run me by: sudo make bench-stream");
	signal(SIGPIPE, SIG_IGN);
	failover_prepare();
	dir = tls_prepare(top);
	for (size_t i = 0; i < n; i++) {
		const struct scene *scene = &scenes[i / RESULTS];

		rows[i] = (struct row){
			.id = scene->ids[i % RESULTS], .what = scene->what[i % RESULTS],
			.unit = units[i % RESULTS], .better = "lower", .against = "allowed",
			.target = scene->allowed[i % RESULTS], .absolute = true,
		};
	}
	for (size_t i = 0; i < SCENES * ROW_RUNS; i++) {
		const size_t k = i % SCENES, run = i / SCENES;
		double result[RESULTS] = { 0 };

		measure(top, dir, &scenes[k], result, &sums[k]);
		for (size_t r = 0; r < RESULTS; r++) {
			rows[k * RESULTS + r].ours[run] = result[r];
			rows[k * RESULTS + r].limit[run] = r == SILENCE ? 2000 : 1;
		}
	}
	for (size_t i = 0; i < n; i++)
		snprintf(rows[i].note, sizeof(rows[i].note), "%s; who is cut comes back at once; "
			 "%.0f acknowledged", scenes[i / RESULTS].name, sums[i / RESULTS]);
	rows_print(rows, n);
	snprintf(results, sizeof(results), "%s/bench-results", top);
	return rows_write(rows, n, results, "failover") ? 1 : 0;
}
