/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where each record that is not done stands on disk. A table of open places, by sequence. Owned by
 * one thread; no lock.
 */
#ifndef MQG_HOLD_JOURNAL_INDEX_H
#define MQG_HOLD_JOURNAL_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct mqg_segment;

struct mqg_place {
	uint64_t		sequence;	/* 0: nobody's */
	struct mqg_segment	*segment;
	uint32_t		at, size;	/* of the whole record */
};

struct mqg_journal_index {
	struct mqg_place	*places;
	size_t			room, n;	/* room: a power of two, or 0 */
};

/* Room for @more besides those that are there. 0 or -ENOMEM. */
int mqg_journal_index_reserve(struct mqg_journal_index *index, size_t more);
/* There has to be room. Return: where it stood before, its sequence 0 where it did not. */
struct mqg_place mqg_journal_index_set(struct mqg_journal_index *index,
				       const struct mqg_place *place);
/* NULL: not there. */
const struct mqg_place *mqg_journal_index_get(const struct mqg_journal_index *index,
					      uint64_t sequence);
/* Return: as with _set(). */
struct mqg_place mqg_journal_index_del(struct mqg_journal_index *index, uint64_t sequence);
void mqg_journal_index_exit(struct mqg_journal_index *index);

#endif
