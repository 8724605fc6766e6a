// SPDX-License-Identifier: BSD-2-Clause
/*
 * What it costs to keep messages on disk: records of 64 bytes and 4 kB that are put as fast as the
 * disk confirms them, against the same bytes written and confirmed as often by a bare loop; one
 * record alone; and what the worker's thread has to do for one. Part of `make bench-stream`.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "hold/journal.h"
#include "rows.h"

#define LIMIT	(512ULL << 20)

static char dir[4000], bare[4096];

static double now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "bench_journal: %s\n", what);
	exit(1);
}

/* One run: time, time on the processor of who puts, confirmations. */
struct run {
	double		ns, worker_ns;
	uint64_t	syncs;
};

static void await(const struct mqg_journal *journal, uint64_t sequence)
{
	struct pollfd one = { .fd = mqg_journal_fd(journal, 0), .events = POLLIN };
	eventfd_t ignored;

	while (mqg_journal_durable(journal, 0) < sequence) {
		need(poll(&one, 1, 10000) == 1, "the disk does not confirm");
		eventfd_read(one.fd, &ignored);
	}
}

/* @window: records that may be without confirmation. */
static struct run ours(uint64_t records, size_t len, uint64_t window)
{
	static uint8_t bytes[4096];
	const struct iovec part = { bytes, len };
	struct mqg_journal_counts counts;
	struct mqg_journal *journal;
	uint64_t first = 0, last = 0;
	struct run run;
	char why[512];

	need(!mqg_journal_open(dir, LIMIT, 1, &journal, why, sizeof(why)), why);
	run.ns = now(CLOCK_MONOTONIC);
	run.worker_ns = now(CLOCK_THREAD_CPUTIME_ID);
	for (uint64_t i = 0; i < records; i++) {
		last = mqg_journal_put(journal, 0, 1, i, &part, 1);
		need(last, "a record is refused");
		first = first ? first : last;
		if (i >= window)
			await(journal, last - window);
	}
	run.worker_ns = now(CLOCK_THREAD_CPUTIME_ID) - run.worker_ns;
	await(journal, last);
	run.ns = now(CLOCK_MONOTONIC) - run.ns;
	mqg_journal_counts(journal, &counts);
	run.syncs = counts.syncs;
	for (; first <= last; first++)
		mqg_journal_done(journal, 0, first);
	mqg_journal_close(journal);
	return run;
}

static double by_hand(uint64_t records, size_t len, uint64_t syncs)
{
	size_t bytes = records / syncs * len;
	uint8_t *data = calloc(1, bytes);
	double began;
	int fd;

	need(data, "out of memory");
	unlink(bare);
	fd = open(bare, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	need(fd >= 0, bare);
	began = now(CLOCK_MONOTONIC);
	for (uint64_t i = 0; i < syncs; i++)
		need(pwrite(fd, data, bytes, (off_t)(i * bytes)) == (ssize_t)bytes &&
		     !fdatasync(fd), bare);
	began = now(CLOCK_MONOTONIC) - began;
	close(fd);
	unlink(bare);
	free(data);
	return began;
}

static const struct {
	uint64_t	records, window;
	size_t		len;
} loads[] = { { 100000, 1000, 64 }, { 10000, 1000, 4096 }, { 200, 0, 64 } };

int main(void)
{
	struct row rows[] = {
		{ .id = "journal-64", .what = "records of 64 B, 1000 at once", .unit = "1/s" },
		{ .id = "journal-4k", .what = "records of 4 kB, 1000 at once", .unit = "1/s" },
		{ .id = "journal-alone", .what = "records of 64 B, one at a time", .unit = "1/s" },
	};
	const char *top = getenv("MQGATE_TOP"), *output = getenv("MQGATE_OUTPUT");
	char results[4096];

	snprintf(dir, sizeof(dir), "%s/journal.%d", output ? output : "/var/tmp", getpid());
	snprintf(bare, sizeof(bare), "%s.bare", dir);
	for (int run = -1; run < ROW_RUNS; run++)
		for (size_t i = 0; i < 3; i++) {
			struct run r = ours(loads[i].records, loads[i].len, loads[i].window);
			double hand = by_hand(loads[i].records, loads[i].len, r.syncs);

			if (run < 0)
				continue;
			rows[i].better = "higher";
			rows[i].against = "as many bytes and fdatasync() in a loop";
			rows[i].ours[run] = (double)loads[i].records * 1e9 / r.ns;
			rows[i].limit[run] = (double)loads[i].records * 1e9 / hand;
			snprintf(rows[i].note, sizeof(rows[i].note),
				 "%.0f records a confirmation; the worker's thread: %.2f us each",
				 (double)loads[i].records / (double)r.syncs,
				 r.worker_ns / 1e3 / (double)loads[i].records);
		}
	unlink(bare);
	snprintf(results, sizeof(results), "%s/lock", dir);
	unlink(results);
	rmdir(dir);
	rows_print(rows, 3);
	snprintf(results, sizeof(results), "%s/bench-results", top ? top : ".");
	return rows_write(rows, 3, results, "journal") ? 1 : 0;
}
