// SPDX-License-Identifier: BSD-2-Clause
/*
 * The thread that writes: when it has a round to do, when it sleeps, and its end. What is put
 * while it waits for the disk goes with the next round, all of it at once.
 */
#include <inttypes.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>

#include "hold/journal_state.h"
#include "system/log.h"

/* What is done waits so long for records that are written anyway. */
#define LAZY_MS		1000
#define FINAL_ROUNDS	4

static int ms_until(uint64_t at)
{
	struct timespec ts;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
	return at > now ? (int)((at - now) / 1000000) + 1 : 0;
}

/* A round has something to do at once. */
static bool presses(struct mqg_journal *journal)
{
	return !atomic_load(&journal->failed) &&
	       (atomic_load(&journal->put) != journal->taken || atomic_load(&journal->mailbox) ||
		journal->arrived || mqg_journal_compact_wanted(journal));
}

static bool has_marks(struct mqg_journal *journal)
{
	return atomic_load(&journal->marked) || journal->n_late || journal->n_done;
}

/* Return: true where what can wait has waited. */
static bool rest(struct mqg_journal *journal)
{
	struct pollfd one = { .fd = journal->wakefd, .events = POLLIN };
	bool failed = atomic_load(&journal->failed), lazy = has_marks(journal);
	eventfd_t ignored;
	int n = 1;

	/* What comes after this wakes it, and what came before is seen below. */
	atomic_store(&journal->sleep, failed || lazy ? MQG_DOZES : MQG_SLEEPS);
	lazy = has_marks(journal);
	if (!atomic_load(&journal->stop) && !presses(journal))
		n = poll(&one, 1, failed ? ms_until(journal->retry_at) : lazy ? LAZY_MS : -1);
	atomic_store(&journal->sleep, MQG_AWAKE);
	if (one.revents)
		eventfd_read(journal->wakefd, &ignored);
	return !n;
}

/* Nothing comes any more. */
static void finish(struct mqg_journal *journal)
{
	for (int i = 0; i < FINAL_ROUNDS; i++)
		mqg_journal_round(journal, true);
	if (atomic_load(&journal->failed)) {
		mqg_log(MQG_LOG_ERR, MQG_LOG_ALWAYS, "store %s: ends without what could not be "
			"written, %" PRIu64 " bytes", journal->dir,
			atomic_load(&journal->put) + mqg_counter_get(&journal->balance) -
			mqg_counter_get(&journal->disk));
		return;
	}
	while (!journal->index.n && journal->first)
		mqg_segment_drop_first(journal);
}

void *mqg_journal_write_on(void *arg)
{
	struct mqg_journal *journal = arg;

	while (!atomic_load(&journal->stop)) {
		bool due = rest(journal);

		if (due || presses(journal))
			mqg_journal_round(journal, false);
	}
	finish(journal);
	return NULL;
}
