// SPDX-License-Identifier: BSD-2-Clause
/*
 * One round of the thread that writes: takes what the workers have put, writes it, has the disk
 * confirm it, tells. What fails is undone, stays in memory, and is written anew into another file:
 * a disk that has failed to confirm once may have dropped what it did not write, and says nothing
 * of it the next time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "hold/journal_state.h"
#include "system/log.h"

#define RETRY_NS	1000000000ULL
/* A worker's buffer above this is given back. */
#define BUFFER_KEPT	(256U << 10)

static uint64_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* ---- taking ---------------------------------------------------------------------------------- */

/* What an earlier round could not write is still there. */
static void take(struct mqg_journal *journal)
{
	for (size_t i = 0; i < journal->workers; i++) {
		struct mqg_lane *lane = &journal->lanes[i];
		struct mqg_batch empty = lane->taken;

		if (empty.len || empty.n_done)
			continue;
		pthread_mutex_lock(&lane->lock);
		lane->taken = lane->filling;
		lane->filling = empty;
		pthread_mutex_unlock(&lane->lock);
		journal->taken += lane->taken.len;
		atomic_fetch_sub(&journal->marked, lane->taken.n_done);
	}
}

static void empty(struct mqg_batch *batch)
{
	if (batch->room > BUFFER_KEPT) {
		free(batch->data);
		batch->data = NULL;
		batch->room = 0;
	}
	if (batch->done_room > BUFFER_KEPT / sizeof(*batch->done)) {
		free(batch->done);
		batch->done = NULL;
		batch->done_room = 0;
	}
	batch->len = batch->n_done = batch->n = 0;
}

/* What is written from now on is behind what has come, and so is what says that it is done. */
static int merge(struct mqg_journal *journal)
{
	struct mqg_adoption *a, *more = atomic_exchange(&journal->mailbox, NULL);

	while ((a = more)) {
		more = a->next;
		a->next = journal->arrived;
		journal->arrived = a;
	}
	while ((a = journal->arrived)) {
		if (mqg_journal_index_reserve(&journal->index, a->index.n))
			return -ENOMEM;
		journal->arrived = a->next;
		for (size_t i = 0; i < a->index.room; i++)
			if (a->index.places[i].sequence)
				mqg_journal_index_set(&journal->index, &a->index.places[i]);
		while (a->segments) {
			struct mqg_segment *segment = a->segments;

			a->segments = segment->next;
			segment->kept = segment->size;
			mqg_segment_insert(journal, segment);
		}
		journal->current = NULL;
		mqg_counter_add(&journal->disk, a->bytes);
		mqg_counter_add(&journal->balance, a->bytes);
		mqg_counter_add(&journal->live_bytes, a->live_bytes);
		mqg_counter_add(&journal->live, a->index.n);
		mqg_journal_index_exit(&a->index);
		free(a);
	}
	return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int open_current(struct mqg_journal *journal)
{
	int err;

	if (journal->current && journal->current->size < journal->segment_size)
		return 0;
	err = mqg_segment_create(journal, &journal->current);
	if (!err)
		mqg_segment_insert(journal, journal->current);
	return err;
}

/* As many records as go into the current segment. Return: their size, or -errno. */
static int64_t append_run(struct mqg_journal *journal, uint8_t *records, size_t len, bool data)
{
	struct mqg_segment *segment = journal->current;
	size_t run = 0;
	int err;

	do {
		size_t size = mqg_record_size_of(records + run);

		mqg_record_seal(records + run, segment->mark);
		if (data)
			journal->placed[journal->n_placed++] = (struct mqg_place){
				.sequence = mqg_record_sequence_of(records + run),
				.segment = segment, .at = (uint32_t)(segment->size + run),
				.size = (uint32_t)size,
			};
		run += size;
	} while (run < len && segment->size + run < journal->segment_size);
	err = mqg_segment_write(segment, records, run);
	return err ? err : (int64_t)run;
}

int mqg_journal_append(struct mqg_journal *journal, uint8_t *records, size_t len, bool data)
{
	while (len) {
		int64_t n = open_current(journal);

		if (!n)
			n = append_run(journal, records, len, data);
		if (n < 0)
			return (int)n;
		records += n;
		len -= (size_t)n;
	}
	return 0;
}

int mqg_journal_append_data(struct mqg_journal *journal, uint8_t *records, size_t len, size_t n)
{
	int err = mqg_journal_room(&journal->placed, &journal->placed_room, journal->n_placed + n,
				   sizeof(*journal->placed));

	if (!err)
		err = mqg_journal_index_reserve(&journal->index, journal->n_placed + n);
	return err ? err : mqg_journal_append(journal, records, len, true);
}

/* ---- the end of a round ---------------------------------------------------------------------- */

static int sync_all(struct mqg_journal *journal)
{
	for (struct mqg_segment *s = journal->first; s; s = s->next) {
		if (!s->dirty)
			continue;
		if (fdatasync(s->fd))
			return -errno;
		s->dirty = false;
		mqg_counter_add(&journal->syncs, 1);
	}
	if (journal->new_names && fsync(journal->dirfd))
		return -errno;
	journal->new_names = false;
	return 0;
}

void mqg_journal_forget(struct mqg_journal *journal, uint64_t sequence)
{
	struct mqg_place place = mqg_journal_index_del(&journal->index, sequence);

	if (!place.sequence)
		return;
	place.segment->live--;
	mqg_counter_add(&journal->live_bytes, -(uint64_t)place.size);
	mqg_counter_add(&journal->live, -1ULL);
}

static void settle(struct mqg_journal *journal)
{
	uint64_t more = 0, put = 0;

	for (size_t i = 0; i < journal->n_placed; i++) {
		const struct mqg_place *place = &journal->placed[i];
		struct mqg_place before = mqg_journal_index_set(&journal->index, place);

		place->segment->live++;
		if (before.sequence) {
			before.segment->live--;
			continue;
		}
		mqg_counter_add(&journal->live_bytes, place->size);
		mqg_counter_add(&journal->live, 1);
	}
	for (size_t i = 0; i < journal->n_done; i++)
		mqg_journal_forget(journal, journal->done[i]);
	journal->n_placed = journal->n_done = 0;
	for (struct mqg_segment *s = journal->first; s; s = s->next) {
		more += s->size - s->kept;
		s->kept = s->size;
		if (s->fd >= 0 && !s->dirty && s != journal->current) {
			close(s->fd);
			s->fd = -1;
		}
	}
	for (size_t i = 0; i < journal->workers; i++)
		put += journal->lanes[i].taken.len;
	mqg_counter_add(&journal->disk, more);
	mqg_counter_add(&journal->balance, more - put);
}

static void tell(struct mqg_journal *journal)
{
	for (size_t i = 0; i < journal->workers; i++) {
		struct mqg_lane *lane = &journal->lanes[i];
		uint64_t n = lane->taken.n;

		if (n)
			atomic_store_explicit(&lane->durable, lane->taken.last,
					      memory_order_release);
		empty(&lane->taken);
		mqg_counter_add(&journal->written, n);
		if (n)
			eventfd_write(lane->fd, 1);
	}
}

static void undo(struct mqg_journal *journal)
{
	struct mqg_segment **at = &journal->first, *s;

	while ((s = *at)) {
		char name[MQG_SEGMENT_NAME];

		if (s->fd < 0) {
			at = &s->next;
			continue;
		}
		if (s->kept) {
			/* Where that fails the reader finds what was written twice. */
			(void)!ftruncate(s->fd, (off_t)s->kept);
			s->size = s->kept;
			close(s->fd);
			s->fd = -1;
			s->dirty = false;
			at = &s->next;
			continue;
		}
		mqg_segment_name(s, name);
		unlinkat(journal->dirfd, name, 0);
		*at = s->next;
		mqg_segment_free(s);
	}
	journal->current = NULL;
	journal->n_placed = 0;
	journal->compacting = false;
}

static void fail(struct mqg_journal *journal, int err)
{
	bool full = err == -ENOSPC || err == -EDQUOT || err == -EFBIG;

	undo(journal);
	mqg_counter_add(&journal->failures, 1);
	journal->retry_at = monotonic() + RETRY_NS;
	if (!atomic_exchange(&journal->failed, true))
		mqg_log(MQG_LOG_ERR, MQG_LOG_ALWAYS, "store %s: cannot be written: %s; nothing new "
			"is kept there until it can, which is tried every second: %s",
			journal->dir, strerror(-err),
			full ? "make room on its file system" :
			err == -ENOMEM ? "the machine is short of memory" :
			"look after the disk, or choose another directory");
}

static void succeed(struct mqg_journal *journal)
{
	if (atomic_exchange(&journal->failed, false))
		mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS, "store %s: is written again",
			journal->dir);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int write_all(struct mqg_journal *journal, bool *sync)
{
	int err = 0;

	/* What failed is tried even where nothing waits. */
	if (atomic_load(&journal->failed))
		err = open_current(journal);
	if (!err && mqg_journal_compact_wanted(journal))
		err = mqg_journal_compact_copy(journal);
	for (size_t i = 0; !err && i < journal->workers; i++) {
		struct mqg_batch *batch = &journal->lanes[i].taken;

		if (batch->n)
			err = mqg_journal_append_data(journal, batch->data, batch->len,
						      batch->n);
	}
	*sync |= journal->n_placed || atomic_load(&journal->failed);
	return err ? err : mqg_journal_marks_write(journal);
}

void mqg_journal_round(struct mqg_journal *journal, bool sync)
{
	bool adopting = atomic_load(&journal->adopting);
	int err;

	take(journal);
	err = merge(journal);
	if (!err)
		err = mqg_journal_marks_gather(journal, adopting);
	if (!err)
		err = write_all(journal, &sync);
	if (!err && sync)
		err = sync_all(journal);
	if (err) {
		fail(journal, err);
		return;
	}
	settle(journal);
	mqg_journal_compact_end(journal);
	while (journal->first && journal->first != journal->current && !journal->first->live)
		mqg_segment_drop_first(journal);
	tell(journal);
	succeed(journal);
}
