// SPDX-License-Identifier: BSD-2-Clause
/*
 * What says that records are done: gathered from the workers, and written. On the thread that
 * writes, for its rounds.
 */
#include <errno.h>
#include <stdlib.h>

#include "hold/journal_state.h"

/* So long may a record be behind the word that it is done. */
#define LATE_ROUNDS	2U
/* Of one record. */
#define DONE_MAX	8192U

/* Of a record that is not known yet the next rounds will know. */
static void sort_out(struct mqg_journal *journal, struct mqg_late mark, bool keep)
{
	if (mqg_journal_index_get(&journal->index, mark.sequence)) {
		journal->done[journal->n_done++] = mark.sequence;
	} else if (mark.rounds < LATE_ROUNDS || keep) {
		mark.rounds++;
		journal->late[journal->n_late++] = mark;
	}
}

int mqg_journal_marks_gather(struct mqg_journal *journal, bool keep)
{
	size_t late = journal->n_late, n = late;
	int err;

	for (size_t w = 0; w < journal->workers; w++)
		n += journal->lanes[w].taken.n_done;
	err = mqg_journal_room(&journal->late, &journal->late_room, n, sizeof(*journal->late));
	if (!err)
		err = mqg_journal_room(&journal->done, &journal->done_room, journal->n_done + n,
				       sizeof(*journal->done));
	if (err)
		return err;
	journal->n_late = 0;
	for (size_t i = 0; i < late; i++)
		sort_out(journal, journal->late[i], keep);
	for (size_t w = 0; w < journal->workers; w++) {
		struct mqg_batch *batch = &journal->lanes[w].taken;

		for (size_t i = 0; i < batch->n_done; i++)
			sort_out(journal, (struct mqg_late){ batch->done[i], 0 }, keep);
		batch->n_done = 0;
	}
	return 0;
}

int mqg_journal_marks_write(struct mqg_journal *journal)
{
	size_t most = journal->n_done < DONE_MAX ? journal->n_done : DONE_MAX;
	uint8_t *record = most ? malloc(mqg_record_size(8 * most)) : NULL;
	int err = most && !record ? -ENOMEM : 0;

	for (size_t i = 0, n; !err && i < journal->n_done; i += n) {
		n = journal->n_done - i < most ? journal->n_done - i : most;
		mqg_record_done_begin(record, &journal->done[i], n);
		err = mqg_journal_append(journal, record, mqg_record_size(8 * n), false);
	}
	free(record);
	return err;
}
