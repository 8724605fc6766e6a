// SPDX-License-Identifier: BSD-2-Clause
/*
 * A journal's workers' side: what they put waits in memory for the thread. Start and end are the
 * main thread's.
 */
#include "hold/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hold/journal_state.h"

#define SEGMENT_MIN	(1ULL << 20)
#define SEGMENT_MAX	(8ULL << 20)
/* Of a worker, that the disk has not taken; one record may be larger. */
#define WAITING_MAX	(32ULL << 20)

/* ---- start and end --------------------------------------------------------------------------- */

static int make(const char *dir, char *why, size_t size)
{
	int err;

	if (!mkdir(dir, 0700) || errno == EEXIST)
		return 0;
	err = -errno;
	snprintf(why, size, "store %s: cannot be made: %s; make the directory above it, or choose "
			    "another with store: directory:", dir, strerror(-err));
	return err;
}

int mqg_journal_prepare(const char *dir, const char *user, char *why, size_t size)
{
	int err = make(dir, why, size), fd;
	const struct passwd *pw;
	struct stat st;

	if (err || geteuid())
		return err;
	pw = getpwnam(user);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	/* That there is no such user is said by who becomes it. */
	if (fd < 0 || fstat(fd, &st) ||
	    (pw && st.st_uid != pw->pw_uid && fchown(fd, pw->pw_uid, pw->pw_gid))) {
		err = -errno;
		snprintf(why, size, "store %s: cannot be given to user \"%s\": %s", dir, user,
			 strerror(-err));
	}
	if (fd >= 0)
		close(fd);
	return err;
}

static int open_dir(struct mqg_journal *journal, char *why, size_t size)
{
	int err = make(journal->dir, why, size);
	struct stat st;

	if (err)
		return err;
	journal->dirfd = open(journal->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (journal->dirfd < 0 || fstat(journal->dirfd, &st)) {
		err = -errno;
		snprintf(why, size, "store %s: cannot be opened: %s", journal->dir, strerror(-err));
		return err;
	}
	if (st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(why, size, "store %s: belongs to uid %u with mode %03o; it has to belong "
				    "to the daemon's user (%u), and nobody else may write there",
			 journal->dir, st.st_uid, st.st_mode & 0777, geteuid());
		return -EPERM;
	}
	return 0;
}

static int start(struct mqg_journal *journal)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&journal->thread, NULL, mqg_journal_write_on, journal);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return -err;
	journal->started = true;
	pthread_setname_np(journal->thread, "journal");
	return 0;
}

static int open_lanes(struct mqg_journal *journal, size_t workers)
{
	journal->wakefd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (; journal->workers < workers; journal->workers++) {
		struct mqg_lane *lane = &journal->lanes[journal->workers];

		pthread_mutex_init(&lane->lock, NULL);
		lane->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (lane->fd < 0)
			return -errno;
	}
	return journal->wakefd < 0 ? -errno : 0;
}

int mqg_journal_open(const char *dir, uint64_t limit, size_t workers, struct mqg_journal **journal,
		     char *why, size_t size)
{
	size_t bytes = sizeof(struct mqg_journal) + workers * sizeof(struct mqg_lane);
	struct mqg_journal *j = aligned_alloc(_Alignof(struct mqg_journal), bytes);
	int err;

	if (!j) {
		snprintf(why, size, "store %s: no memory", dir);
		return -ENOMEM;
	}
	memset(j, 0, bytes);
	j->dirfd = j->lockfd = j->wakefd = -1;
	j->limit = limit;
	j->segment_size = limit / 16 < SEGMENT_MIN ? SEGMENT_MIN :
			  limit / 16 > SEGMENT_MAX ? SEGMENT_MAX : limit / 16;
	j->dir = strdup(dir);
	err = j->dir ? open_dir(j, why, size) : -ENOMEM;
	if (!err)
		err = mqg_journal_own(j, why, size);
	if (!err) {
		err = open_lanes(j, workers);
		if (!err)
			err = start(j);
		if (err)
			snprintf(why, size, "store %s: its thread cannot be started: %s", dir,
				 strerror(-err));
	}
	if (err) {
		mqg_journal_close(j);
		return err;
	}
	*journal = j;
	return 0;
}

static void free_batch(struct mqg_batch *batch)
{
	free(batch->data);
	free(batch->done);
}

void mqg_journal_close(struct mqg_journal *journal)
{
	if (!journal)
		return;
	if (journal->started) {
		atomic_store(&journal->stop, true);
		eventfd_write(journal->wakefd, 1);
		pthread_join(journal->thread, NULL);
	}
	while (journal->first) {
		struct mqg_segment *next = journal->first->next;

		mqg_segment_free(journal->first);
		journal->first = next;
	}
	for (size_t i = 0; i < journal->workers; i++) {
		free_batch(&journal->lanes[i].filling);
		free_batch(&journal->lanes[i].taken);
		close(journal->lanes[i].fd);
		pthread_mutex_destroy(&journal->lanes[i].lock);
	}
	mqg_journal_index_exit(&journal->index);
	free(journal->placed);
	free(journal->late);
	free(journal->done);
	free(journal->claimed);
	free(journal->dir);
	if (journal->wakefd >= 0)
		close(journal->wakefd);
	if (journal->dirfd >= 0)
		close(journal->dirfd);
	/* The last: from here on what is left is somebody else's. */
	if (journal->lockfd >= 0)
		close(journal->lockfd);
	free(journal);
}

/* ---- workers --------------------------------------------------------------------------------- */

void mqg_journal_wake(struct mqg_journal *journal)
{
	if (atomic_exchange(&journal->sleep, MQG_AWAKE) != MQG_AWAKE)
		eventfd_write(journal->wakefd, 1);
}

int mqg_journal_room(void *at, size_t *have, size_t n, size_t size)
{
	size_t want = *have ? *have : 64;
	void *bigger;

	if (n <= *have)
		return 0;
	while (want < n)
		want *= 2;
	bigger = reallocarray(*(void **)at, want, size);
	if (!bigger)
		return -ENOMEM;
	*(void **)at = bigger;
	*have = want;
	return 0;
}

static uint64_t put(struct mqg_journal *journal, struct mqg_lane *lane, uint16_t kind,
		    uint64_t owner, const struct iovec *parts, int n, size_t len)
{
	struct mqg_batch *batch = &lane->filling;
	size_t size = mqg_record_size(len);
	uint8_t *to;

	if (batch->len && (batch->len >= WAITING_MAX || size > WAITING_MAX - batch->len))
		return 0;
	if (mqg_journal_room(&batch->data, &batch->room, batch->len + size, 1))
		return 0;
	to = batch->data + batch->len;
	batch->last = atomic_fetch_add(&journal->sequence, 1);
	mqg_record_begin(to, MQG_RECORD_DATA, kind, owner, batch->last, len);
	to += sizeof(struct mqg_record_head);
	for (int i = 0; i < n; i++) {
		memcpy(to, parts[i].iov_base, parts[i].iov_len);
		to += parts[i].iov_len;
	}
	batch->len += size;
	batch->n++;
	return batch->last;
}

/* A record's worth of copies has to fit, too, so that room can be made. */
static bool has_room(struct mqg_journal *journal, size_t size)
{
	uint64_t used = atomic_load_explicit(&journal->put, memory_order_relaxed) +
			mqg_counter_get(&journal->balance);
	uint64_t most = journal->limit - journal->segment_size;

	return used < most && size <= most - used && size <= journal->limit / 4;
}

uint64_t mqg_journal_put(struct mqg_journal *journal, size_t worker, uint16_t kind, uint64_t owner,
			 const struct iovec *parts, int n)
{
	struct mqg_lane *lane = &journal->lanes[worker];
	uint64_t sequence = 0;
	size_t len = 0;

	for (int i = 0; i < n; i++)
		if (parts[i].iov_len > MQG_RECORD_BODY_MAX - len)
			len = MQG_RECORD_BODY_MAX;
		else
			len += parts[i].iov_len;
	if (len < MQG_RECORD_BODY_MAX && has_room(journal, mqg_record_size(len)) &&
	    !atomic_load_explicit(&journal->failed, memory_order_relaxed)) {
		pthread_mutex_lock(&lane->lock);
		sequence = put(journal, lane, kind, owner, parts, n, len);
		pthread_mutex_unlock(&lane->lock);
	}
	if (!sequence) {
		atomic_fetch_add_explicit(&journal->refused, 1, memory_order_relaxed);
		return 0;
	}
	/* The thread looks at it after it has said that it sleeps. */
	atomic_fetch_add(&journal->put, mqg_record_size(len));
	if (atomic_load(&journal->sleep) != MQG_AWAKE)
		mqg_journal_wake(journal);
	return sequence;
}

void mqg_journal_done(struct mqg_journal *journal, size_t worker, uint64_t sequence)
{
	struct mqg_lane *lane = &journal->lanes[worker];
	struct mqg_batch *batch = &lane->filling;
	bool noted;

	pthread_mutex_lock(&lane->lock);
	noted = !mqg_journal_room(&batch->done, &batch->done_room, batch->n_done + 1,
				  sizeof(*batch->done));
	if (noted)
		batch->done[batch->n_done++] = sequence;
	pthread_mutex_unlock(&lane->lock);
	if (!noted)
		return;
	atomic_fetch_add(&journal->marked, 1);
	if (atomic_load(&journal->sleep) == MQG_SLEEPS)
		mqg_journal_wake(journal);
}

uint64_t mqg_journal_durable(const struct mqg_journal *journal, size_t worker)
{
	return atomic_load_explicit(&journal->lanes[worker].durable, memory_order_acquire);
}

int mqg_journal_fd(const struct mqg_journal *journal, size_t worker)
{
	return journal->lanes[worker].fd;
}

void mqg_journal_counts(const struct mqg_journal *journal, struct mqg_journal_counts *counts)
{
	struct mqg_journal *j = (struct mqg_journal *)journal;

	*counts = (struct mqg_journal_counts){
		.bytes = mqg_counter_get(&j->disk), .limit = j->limit,
		.live_bytes = mqg_counter_get(&j->live_bytes), .live = mqg_counter_get(&j->live),
		.written = mqg_counter_get(&j->written), .copied = mqg_counter_get(&j->copied),
		.syncs = mqg_counter_get(&j->syncs), .failures = mqg_counter_get(&j->failures),
		.adopted = atomic_load(&j->adopted), .refused = atomic_load(&j->refused),
		.damaged = atomic_load(&j->damaged), .failed = atomic_load(&j->failed),
	};
}
