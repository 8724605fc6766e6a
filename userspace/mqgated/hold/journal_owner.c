// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who lives. Each process has a number, which is in the names of its files, and holds a lock on the
 * byte of that number in one lock file; whoever gets the lock of another's number knows that this
 * one is gone, and takes its place. Locks belong to the open file, so that a process loses its own
 * and those that it took over at the same moment: nobody finds the records of one without what the
 * other says is done. Who looks for the gone holds byte 0, so that one process gets them all.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hold/journal_state.h"

#define LOCK_NAME	"lock"
#define CLAIMS		0ULL	/* the byte of who looks */
#define PATIENCE	500	/* for that, times 10 ms */
/* How many sequences a process has to itself, from its number on; in nanoseconds 5 minutes. */
#define APART		(1ULL << 38)

static int set_lock(const struct mqg_journal *journal, uint64_t byte, uint64_t len, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)byte,
			      .l_len = (off_t)len };

	return fcntl(journal->lockfd, F_OFD_SETLK, &lock) ? -errno : 0;
}

/* ---- what is there --------------------------------------------------------------------------- */

typedef int (*each_fn)(struct mqg_journal *journal, uint64_t owner, uint64_t stamp, void *arg);

/* Stops where @each does not return 0. */
static int each_file(struct mqg_journal *journal, each_fn each, void *arg)
{
	int fd = openat(journal->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	uint64_t owner, stamp;
	struct dirent *entry;

	if (!dir) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	while (!err && (errno = 0, entry = readdir(dir)))
		if (mqg_segment_parse(entry->d_name, &owner, &stamp))
			err = each(journal, owner, stamp, arg);
	if (!err)
		err = -errno;
	closedir(dir);
	return err;
}

static int find_newest(struct mqg_journal *journal, uint64_t owner, uint64_t stamp, void *arg)
{
	uint64_t *newest = arg;

	(void)journal;
	if (*newest < owner)
		*newest = owner;
	if (*newest < stamp)
		*newest = stamp;
	return 0;
}

int mqg_journal_own(struct mqg_journal *journal, char *why, size_t size)
{
	uint64_t newest = 0, own;
	struct timespec now;
	int err;

	journal->lockfd = openat(journal->dirfd, LOCK_NAME,
				 O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	err = journal->lockfd < 0 ? -errno : each_file(journal, find_newest, &newest);
	if (err) {
		snprintf(why, size, "store %s: %s; it has to belong to the daemon's user, on a "
				    "file system that is not read-only", journal->dir,
			 strerror(-err));
		return err;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	own = (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
	if (own < newest + APART)
		own = newest + APART;
	while ((err = set_lock(journal, own, APART, F_WRLCK)) == -EAGAIN || err == -EACCES)
		own += APART;
	if (err) {
		snprintf(why, size, "store %s: its lock file cannot be locked: %s; choose a local "
				    "file system", journal->dir, strerror(-err));
		return err;
	}
	journal->own = own;
	atomic_store(&journal->sequence, own);
	return 0;
}

/* ---- those that have gone -------------------------------------------------------------------- */

static bool is_ours(const struct mqg_journal *journal, uint64_t owner)
{
	for (size_t i = 0; i < journal->n_claimed; i++)
		if (journal->claimed[i] == owner)
			return true;
	return owner == journal->own;
}

static int find_foreign(struct mqg_journal *journal, uint64_t owner, uint64_t stamp, void *arg)
{
	(void)stamp;
	(void)arg;
	return !is_ours(journal, owner);
}

static int claim_one(struct mqg_journal *journal, uint64_t owner, uint64_t stamp, void *arg)
{
	bool *any = arg;
	uint64_t *more;
	int err;

	(void)stamp;
	if (is_ours(journal, owner))
		return 0;
	err = set_lock(journal, owner, 1, F_WRLCK);
	if (err)
		return err == -EAGAIN || err == -EACCES ? 0 : err;
	more = realloc(journal->claimed, (journal->n_claimed + 1) * sizeof(*more));
	if (!more) {
		set_lock(journal, owner, 1, F_UNLCK);
		return -ENOMEM;
	}
	journal->claimed = more;
	journal->claimed[journal->n_claimed++] = owner;
	*any = true;
	return 0;
}

struct gathering {
	size_t			from;		/* in journal->claimed */
	struct mqg_segment	**segments;
};

static int gather(struct mqg_journal *journal, uint64_t owner, uint64_t stamp, void *arg)
{
	struct gathering *gathering = arg;
	struct mqg_segment **at = gathering->segments, *s;
	size_t i = gathering->from;

	while (i < journal->n_claimed && journal->claimed[i] != owner)
		i++;
	if (i == journal->n_claimed)
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->owner = owner;
	s->stamp = stamp;
	s->fd = -1;
	while (*at && (*at)->stamp < stamp)
		at = &(*at)->next;
	s->next = *at;
	*at = s;
	return 0;
}

static int claim_all(struct mqg_journal *journal, struct mqg_segment **segments)
{
	struct gathering gathering = { journal->n_claimed, segments };
	bool any;
	int err;

	/* One that dies while this looks may have taken over what was asked for before. */
	do {
		any = false;
		err = each_file(journal, claim_one, &any);
	} while (!err && any);
	return err ? err : each_file(journal, gather, &gathering);
}

int mqg_journal_claim(struct mqg_journal *journal, struct mqg_segment **segments)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int err = each_file(journal, find_foreign, NULL), tries = 0;

	*segments = NULL;
	if (err <= 0)
		return err;
	while ((err = set_lock(journal, CLAIMS, 1, F_WRLCK)) && ++tries < PATIENCE)
		nanosleep(&pause, NULL);
	if (err)
		return err;
	err = claim_all(journal, segments);
	set_lock(journal, CLAIMS, 1, F_UNLCK);
	return err;
}

void mqg_journal_unclaim(struct mqg_journal *journal, size_t n)
{
	while (journal->n_claimed > n)
		set_lock(journal, journal->claimed[--journal->n_claimed], 1, F_UNLCK);
}
