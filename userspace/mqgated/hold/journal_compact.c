// SPDX-License-Identifier: BSD-2-Clause
/*
 * Keeps what is dead from filling the disk: where there is much of it, what lives in the first
 * segment is copied to the end, with its sequence, and the segment goes. On the thread that writes;
 * one segment a round, confirmed together with what the round writes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hold/journal_state.h"
#include "system/log.h"

/* More is dead than lives; or the journal is nearly full, and an eighth of it is dead. */
bool mqg_journal_compact_wanted(const struct mqg_journal *journal)
{
	struct mqg_journal *j = (struct mqg_journal *)journal;
	uint64_t disk = mqg_counter_get(&j->disk), live = mqg_counter_get(&j->live_bytes);
	uint64_t dead = disk - live;

	if (j->stuck || !j->first || j->first == j->current || j->first->dirty)
		return false;
	return (dead > live && dead > 4 * j->segment_size) ||
	       (disk > j->limit / 4 * 3 && dead > j->limit / 8);
}

static bool is_live(const struct mqg_journal *journal, const struct mqg_segment *segment,
		    const struct mqg_segment_walk *walk)
{
	const struct mqg_place *place = mqg_journal_index_get(&journal->index, walk->sequence);

	return walk->type == MQG_RECORD_DATA && place && place->segment == segment &&
	       place->at == walk->at;
}

/* Moves what lives to the front of @bytes. Return: how many records; *@to: their bytes. */
static size_t sift(const struct mqg_journal *journal, uint8_t *bytes, size_t len, uint32_t mark,
		   size_t *to)
{
	struct mqg_segment_walk walk = mqg_segment_walk(bytes, len, mark);
	enum mqg_segment_found found;
	size_t n = 0;

	*to = 0;
	while ((found = mqg_segment_next(&walk)) != MQG_SEGMENT_END) {
		if (found != MQG_SEGMENT_RECORD || !is_live(journal, journal->first, &walk))
			continue;
		memmove(bytes + *to, bytes + walk.at, walk.size);
		*to += walk.size;
		n++;
	}
	return n;
}

int mqg_journal_compact_copy(struct mqg_journal *journal)
{
	uint8_t *bytes = NULL;
	size_t len, n;
	uint32_t mark;
	int err = mqg_segment_read(journal, journal->first, &bytes, &len);

	if (!err)
		err = mqg_segment_check(bytes, len, &mark);
	if (err) {
		char name[MQG_SEGMENT_NAME];

		mqg_segment_name(journal->first, name);
		mqg_log(MQG_LOG_ERR, MQG_LOG_ALWAYS, "store %s/%s: cannot be read: %s; nothing is "
			"made room for from now on: look after the disk and restart mqgated",
			journal->dir, name, strerror(-err));
		journal->stuck = true;
		free(bytes);
		return 0;
	}
	n = sift(journal, bytes, len, mark, &len);
	err = n ? mqg_journal_append_data(journal, bytes, len, n) : 0;
	if (!err) {
		mqg_counter_add(&journal->copied, n);
		journal->compacting = true;
	}
	free(bytes);
	return err;
}

/* What could not be read there is lost. */
void mqg_journal_compact_end(struct mqg_journal *journal)
{
	struct mqg_segment *segment = journal->first;
	char name[MQG_SEGMENT_NAME];
	size_t i = 0;

	if (!journal->compacting)
		return;
	journal->compacting = false;
	if (!segment->live)
		return;
	mqg_segment_name(segment, name);
	mqg_log(MQG_LOG_ERR, MQG_LOG_ALWAYS, "store %s/%s: %" PRIu64 " records in it are damaged "
		"and lost; look after the disk", journal->dir, name, segment->live);
	atomic_fetch_add(&journal->damaged, segment->live);
	while (segment->live && i < journal->index.room) {
		const struct mqg_place *place = &journal->index.places[i];

		/* Another may come into its place. */
		if (place->sequence && place->segment == segment)
			mqg_journal_forget(journal, place->sequence);
		else
			i++;
	}
}
