/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the journal share: a directory, a disk that can be told to fail or to wait, and
 * what was replayed. The linker puts the disk's functions in the place of the C library's.
 */
#ifndef MQG_TEST_JOURNAL_STAGE_H
#define MQG_TEST_JOURNAL_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "hold/journal.h"

#define LIMIT	MQG_JOURNAL_LIMIT_MIN

extern char dir[64];
extern char why[512];

/* ---- the disk -------------------------------------------------------------------------------- */

struct disk {
	atomic_bool	held;		/* fdatasync() does not return, ... */
	atomic_bool	waits;		/* ... and somebody is in it */
	atomic_int	fail_sync;	/* how often it fails, EIO */
	atomic_long	room;		/* bytes that can be written; then ENOSPC. Below 0: any */
	atomic_uint	syncs;
	void		(*synced)(int fd);	/* before it returns */
};
extern struct disk disk;

/* ---- journals -------------------------------------------------------------------------------- */

/* Of a directory that is empty at the beginning of each test. */
int stage(void **state);
int strike(void **state);

struct mqg_journal *open_journal(void);
uint64_t put_text(struct mqg_journal *journal, const char *text);
uint64_t put_bytes(struct mqg_journal *journal, size_t len);
/* Until all that worker 0 has put up to @sequence is durable; fails after ten seconds. */
void await(const struct mqg_journal *journal, uint64_t sequence);
/* Until @holds says so. */
#define AWAIT(holds) do {							\
	for (int tries = 0; !(holds); tries++) {				\
		assert_true(tries < 10000);					\
		rest_a_bit();							\
	}									\
} while (0)
void rest_a_bit(void);

/* What was replayed, in this order. */
struct seen {
	uint64_t	sequence, owner;
	uint16_t	kind;
	size_t		len;
	char		text[40];
};
extern struct seen seen[];
extern size_t n_seen;

/* Adopts and fills seen[]; fails where that fails. */
size_t adopt(struct mqg_journal *journal);
/* The texts of seen[], with commas. */
const char *texts(void);

/* ---- files ----------------------------------------------------------------------------------- */

/* How many segments there are; and their paths, the oldest first, where there are @most. */
size_t segments(char paths[][160], size_t most);
/* fork(); what it makes ends with the test, also where that fails. */
pid_t fork_child(void);
/* A process that runs @what and is killed when it says so, as is whatever else it did. */
void in_a_dying_process(void (*what)(void));

#endif
