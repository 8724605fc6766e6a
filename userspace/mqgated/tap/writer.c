// SPDX-License-Identifier: BSD-2-Clause
/*
 * The thread that writes what was tapped. It looks into the queues every 20 ms, so that workers
 * need no system call to hand something over.
 */
#include "tap/state.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS		20
#define ROUNDS		64	/* of one tap, before the others have their turn */
#define FAREWELL_NS	500000000ULL	/* for what waits when it is to stop */

static uint64_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* As much as its buffer takes. Return: true while something waits. */
static bool move(struct mqg_tap *tap, struct mqg_ring *ring)
{
	const struct mqg_tap_record *record;
	size_t len;

	while ((record = mqg_ring_peek(ring, &len))) {
		char *line;

		if (tap->sink.state != MQG_SINK_OPEN)
			return true;
		line = mqg_tap_line(tap->config, record);
		if (line && !mqg_sink_put(&tap->sink, line)) {
			free(line);
			return true;
		}
		if (!line)
			tap->sink.lost++;
		free(line);
		mqg_ring_release(ring);
	}
	return false;
}

/* Return: likewise. */
static bool serve(struct mqg_tap *tap, size_t workers)
{
	bool waits;
	int round = 0;

	do {
		waits = false;
		mqg_sink_run(&tap->sink, monotonic());
		for (size_t w = 0; w < workers; w++)
			waits |= move(tap, &tap->ends[w].ring);
		mqg_sink_run(&tap->sink, monotonic());
	} while (waits && mqg_sink_empty(&tap->sink) && tap->sink.state == MQG_SINK_OPEN &&
		 ++round < ROUNDS);
	atomic_store_explicit(&tap->sent, tap->sink.sent, memory_order_relaxed);
	atomic_store_explicit(&tap->lost, tap->sink.lost, memory_order_relaxed);
	atomic_store_explicit(&tap->up, tap->sink.state == MQG_SINK_OPEN, memory_order_relaxed);
	return waits || !mqg_sink_empty(&tap->sink);
}

static bool run(struct mqg_taps *taps)
{
	bool waits = false;

	for (size_t i = 0; i < taps->n; i++)
		waits |= serve(&taps->taps[i], taps->workers);
	return waits;
}

/* True where it is to stop. */
static bool rest(struct mqg_taps *taps)
{
	struct pollfd fds[1 + MQG_TAPS_MAX];

	fds[0] = (struct pollfd){ .fd = taps->wakefd, .events = POLLIN };
	for (size_t i = 0; i < taps->n; i++)
		fds[1 + i] = mqg_sink_wants(&taps->taps[i].sink);
	poll(fds, 1 + taps->n, LOOK_MS);
	return fds[0].revents;
}

static void *write_on(void *arg)
{
	struct mqg_taps *taps = arg;
	const struct timespec pause = { .tv_nsec = 1000000 };
	uint64_t until;

	do {
		run(taps);
	} while (!rest(taps));
	until = monotonic() + FAREWELL_NS;
	while (run(taps) && monotonic() < until)
		nanosleep(&pause, NULL);
	return NULL;
}

int mqg_taps_start(struct mqg_taps *taps)
{
	sigset_t all, before;
	int err;

	if (!taps)
		return 0;
	taps->wakefd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (taps->wakefd < 0)
		return -errno;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&taps->thread, NULL, write_on, taps);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return -err;
	taps->started = true;
	pthread_setname_np(taps->thread, "tap");
	return 0;
}

void mqg_taps_stop(struct mqg_taps *taps)
{
	if (!taps)
		return;
	if (taps->started) {
		eventfd_write(taps->wakefd, 1);
		pthread_join(taps->thread, NULL);
		taps->started = false;
	}
	if (taps->wakefd >= 0)
		close(taps->wakefd);
	taps->wakefd = -1;
}
