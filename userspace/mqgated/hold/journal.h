/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A journal on disk: what was put there is there again after a crash, until it is said to be done.
 * It knows nothing of MQTT; records are opaque.
 *
 * One a process, in a directory that processes may share: files belong to who wrote them while that
 * one lives, and to the next that looks once it does not (mqg_journal_adopt()), so that a gateway
 * can take over from one that still drains. Nothing is replayed while its owner lives, and by one
 * process only.
 *
 * A worker puts records into memory and goes on. One thread (journal_writer.c) writes what all
 * workers have put, has the disk confirm it once for all, and tells: mqg_journal_durable() rises,
 * and the worker's eventfd becomes readable. What is put meanwhile goes with the next time.
 *
 * Payloads are on disk as they were put, in files that their user alone may read. Never put a
 * password.
 */
#ifndef MQG_HOLD_JOURNAL_H
#define MQG_HOLD_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define MQG_JOURNAL_LIMIT_MIN	(16ULL << 20)

struct mqg_journal;

/**
 * struct mqg_journal_record - what was put, when it comes back
 * @sequence: rises; for mqg_journal_done(). No two records of a directory have the same, and what
 *            was put later has a higher one, also where it was put by another worker or process
 *            (as far as the wall clock does not go back between their starts)
 * @owner:    as it was put
 * @kind:     likewise
 * @data:     the parts in one; aligned to 8 bytes, valid during the call
 * @len:      of @data
 */
struct mqg_journal_record {
	uint64_t	sequence, owner;
	uint16_t	kind;
	const uint8_t	*data;
	size_t		len;
};

typedef void (*mqg_journal_replay_fn)(void *ctx, const struct mqg_journal_record *record);

/**
 * mqg_journal_prepare() - the directory, for the user that the daemon will be
 * @dir:  made with mode 0700 where it is missing; the one above is there
 * @user: whose it is to be; nothing changes where the caller is not root
 * @why:  out on error, a sentence with the remedy
 * @size: of @why
 *
 * Called before privileges are given up. Return: 0 or -errno.
 */
int mqg_journal_prepare(const char *dir, const char *user, char *why, size_t size);

/**
 * mqg_journal_open() - open a directory and start the thread that writes
 * @dir:     made with mode 0700 where it is missing
 * @limit:   bytes on disk at most, live and dead, MQG_JOURNAL_LIMIT_MIN at least; what is adopted
 *           counts and is kept also beyond it
 * @workers: that put
 * @journal: out
 * @why:     out on error, a sentence with the remedy
 * @size:    of @why
 *
 * Replays nothing: mqg_journal_adopt() does. Main thread. Return: 0 or -errno.
 */
int mqg_journal_open(const char *dir, uint64_t limit, size_t workers, struct mqg_journal **journal,
		     char *why, size_t size);

/* Writes what was put, confirmed by the disk, and ends. Nobody puts any more. NULL is nothing. */
void mqg_journal_close(struct mqg_journal *journal);

/**
 * mqg_journal_adopt() - take over the files of processes that have gone
 * @journal: of this process
 * @replay:  called for each of their records that is not done, in the order of their sequence,
 *           before this returns. May put, and may call what it gets done
 * @ctx:     for @replay
 *
 * At the start, and now and then while another process may still drain: costs a look into the
 * directory where there is nothing to adopt. What is damaged is named in the log, and the records
 * around it are replayed. One thread at a time, which waits for the disk: not a worker.
 *
 * Return: how many records were replayed, or -errno, logged.
 */
int64_t mqg_journal_adopt(struct mqg_journal *journal, mqg_journal_replay_fn replay, void *ctx);

/**
 * mqg_journal_put() - keep a record
 * @worker: its number, below those of mqg_journal_open(); whose eventfd will tell
 * @kind:   for the reader
 * @owner:  likewise
 * @parts:  the record's bytes, one after the other, copied
 * @n:      how many parts
 *
 * Any thread; makes no system call but to wake the thread that writes where that one sleeps.
 * Return: its sequence, above all others that this worker has got; it is durable once
 * mqg_journal_durable() is as high. 0: it was not taken, because the journal is full, the disk does
 * not keep up, or it fails.
 */
uint64_t mqg_journal_put(struct mqg_journal *journal, size_t worker, uint16_t kind, uint64_t owner,
			 const struct iovec *parts, int n);

/*
 * The record is not needed any more; also one that is not durable yet. Written when there is
 * occasion: after a crash a record may come back that was done shortly before. Any thread, with any
 * worker's number, never refused.
 */
void mqg_journal_done(struct mqg_journal *journal, size_t worker, uint64_t sequence);

/*
 * Everything that @worker has put up to this sequence outlives a crash. While the disk fails it
 * stays where it is, and rises again when what was put before has been written elsewhere. Any
 * thread; an atomic load.
 */
uint64_t mqg_journal_durable(const struct mqg_journal *journal, size_t worker);

/* The eventfd of @worker, for its epoll set: readable when the above has risen. Nonblocking. */
int mqg_journal_fd(const struct mqg_journal *journal, size_t worker);

/**
 * struct mqg_journal_counts - as they stand
 * @bytes:      on disk
 * @limit:      of them
 * @live_bytes: of records that are not done
 * @live:       such records, durable ones
 * @written:    records
 * @adopted:    records that were replayed
 * @copied:     records that were written again, so that their file could go
 * @refused:    that were not taken
 * @syncs:      confirmations by the disk
 * @failures:   writes and confirmations that failed
 * @damaged:    places in files that could not be read
 * @failed:     nothing can be put at the moment
 */
struct mqg_journal_counts {
	uint64_t	bytes, limit, live_bytes, live;
	uint64_t	written, adopted, copied, refused, syncs, failures, damaged;
	bool		failed;
};
/* Any thread. */
void mqg_journal_counts(const struct mqg_journal *journal, struct mqg_journal_counts *counts);

#endif
