/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a journal consists of, between the files journal*.c.
 *
 * Segments are files in the order of their stamps. They go from the front only: what says that a
 * record is done stands behind it, so it is never gone while the record is there. The front goes
 * when nothing in it is live; a few live ones are copied to the end with their sequence, and of two
 * copies, which a crash may leave, the reader takes the one behind.
 */
#ifndef MQG_HOLD_JOURNAL_STATE_H
#define MQG_HOLD_JOURNAL_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "hold/journal.h"
#include "hold/journal_format.h"
#include "hold/journal_index.h"
#include "proxy/counter.h"

struct mqg_segment {
	struct mqg_segment	*next;
	uint64_t		owner, stamp;	/* its name */
	uint32_t		mark;
	int			fd;		/* -1: nothing more is written */
	uint64_t		size;
	uint64_t		kept;		/* of that, what stays where a round fails */
	uint64_t		live;		/* records */
	bool			dirty;		/* the disk has not confirmed it */
};

/* What a worker has put. */
struct mqg_batch {
	uint8_t			*data;		/* records, not sealed */
	size_t			len, room;
	uint64_t		*done;
	size_t			n_done, done_room;
	uint64_t		n, last;	/* records, the last one's sequence */
};

struct mqg_lane {
	pthread_mutex_t		lock;		/* for a copy or an exchange, never for the disk */
	struct mqg_batch	filling;
	struct mqg_batch	taken;		/* the thread's, until the disk has it */
	_Atomic uint64_t	durable;
	int			fd;		/* eventfd */
} __attribute__((aligned(64)));

/* Files of others, on their way from who read them to the thread. */
struct mqg_adoption {
	struct mqg_adoption	*next;
	struct mqg_segment	*segments;
	struct mqg_journal_index index;
	uint64_t		bytes, live_bytes;
};

/* A record that was said to be done before the thread knew it. */
struct mqg_late {
	uint64_t		sequence;
	unsigned int		rounds;
};

enum mqg_journal_sleep {
	MQG_AWAKE,
	MQG_DOZES,		/* records wake it */
	MQG_SLEEPS,		/* so does what is done */
};

struct mqg_journal {
	char			*dir;
	int			dirfd, lockfd, wakefd;
	uint64_t		limit, segment_size;
	uint64_t		own;		/* the owner that this process is */
	uint64_t		*claimed;	/* whose files are ours as well; who adopts */
	size_t			n_claimed;
	pthread_t		thread;
	bool			started;

	_Atomic uint64_t	sequence;	/* the next */
	_Atomic uint64_t	put;		/* bytes, ever */
	_Atomic uint64_t	marked;		/* what is done and no round has taken */
	_Atomic int		sleep;		/* enum mqg_journal_sleep */
	atomic_bool		failed, stop, adopting;
	struct mqg_adoption *_Atomic mailbox;

	/* The thread's. */
	struct mqg_segment	*first, *current;
	struct mqg_journal_index index;
	struct mqg_adoption	*arrived;
	struct mqg_place	*placed;	/* of this round */
	size_t			n_placed, placed_room;
	struct mqg_late		*late;
	size_t			n_late, late_room;
	uint64_t		*done;		/* in the index, not written yet */
	size_t			n_done, done_room;
	uint64_t		taken;		/* of `put` */
	uint64_t		newest;		/* stamp */
	uint64_t		retry_at;
	bool			new_names;	/* the directory is not synced */
	bool			stuck;		/* the front cannot be read */
	bool			compacting;	/* it was copied in this round */

	/* Written by the thread but for `refused` and `adopted`. */
	mqg_counter		disk, live_bytes, live;
	/* Behind `put`: on disk, less those of `put` that are there. So the sum is what is used. */
	mqg_counter		balance;
	mqg_counter		written, copied, syncs, failures;
	_Atomic uint64_t	refused, adopted, damaged;

	size_t			workers;
	struct mqg_lane		lanes[];
};

/* ---- journal_segment.c: files. Return 0 or -errno --------------------------------------- */

#define MQG_SEGMENT_NAME	64

void mqg_segment_name(const struct mqg_segment *segment, char name[MQG_SEGMENT_NAME]);
bool mqg_segment_parse(const char *name, uint64_t *owner, uint64_t *stamp);
/* A new one, empty but for its head, open; not in the list. */
int mqg_segment_create(struct mqg_journal *journal, struct mqg_segment **segment);
/* Puts it where its stamp says. */
void mqg_segment_insert(struct mqg_journal *journal, struct mqg_segment *segment);
int mqg_segment_write(struct mqg_segment *segment, const void *data, size_t len);
/* The whole file, for free(). */
int mqg_segment_read(const struct mqg_journal *journal, const struct mqg_segment *segment,
		     uint8_t **bytes, size_t *len);
/* Removes its file and, being the first, itself. */
void mqg_segment_drop_first(struct mqg_journal *journal);
void mqg_segment_free(struct mqg_segment *segment);

/* ---- journal_owner.c: who lives --------------------------------------------------------- */

/* Opens the lock file and chooses journal->own. */
int mqg_journal_own(struct mqg_journal *journal, char *why, size_t size);
/* *@segments: of all owners that have just been found gone; theirs are claimed. */
int mqg_journal_claim(struct mqg_journal *journal, struct mqg_segment **segments);
/* Gives back those that were claimed since there were @n. */
void mqg_journal_unclaim(struct mqg_journal *journal, size_t n);

/* ---- journal.c: any thread -------------------------------------------------------------- */

void mqg_journal_wake(struct mqg_journal *journal);
/* Room for @n elements of @size at *@at, which has room for *@have. 0 or -ENOMEM. */
int mqg_journal_room(void *at, size_t *have, size_t n, size_t size);

/* ---- journal_writer.c, _round.c, _marks.c, _compact.c: on the thread that writes ---------- */

void *mqg_journal_write_on(void *journal);

/* Writes what is there; @sync: confirmed by the disk also where it is only what was done. */
void mqg_journal_round(struct mqg_journal *journal, bool sync);

/* Writes records behind the last one. @data: notes in journal->placed where, which has room. */
int mqg_journal_append(struct mqg_journal *journal, uint8_t *records, size_t len, bool data);
/* The same for @n records of data, with the room for them there and in the index. */
int mqg_journal_append_data(struct mqg_journal *journal, uint8_t *records, size_t len, size_t n);

/* Fills journal->done. @keep: files are being adopted, whose records are not known yet. */
int mqg_journal_marks_gather(struct mqg_journal *journal, bool keep);
int mqg_journal_marks_write(struct mqg_journal *journal);

bool mqg_journal_compact_wanted(const struct mqg_journal *journal);
/* Appends what is live in the first segment. */
int mqg_journal_compact_copy(struct mqg_journal *journal);
/* The copies are confirmed. */
void mqg_journal_compact_end(struct mqg_journal *journal);

/* There is no such record any more. */
void mqg_journal_forget(struct mqg_journal *journal, uint64_t sequence);

#endif
