// SPDX-License-Identifier: BSD-2-Clause
/* See journal_stage.h. */
#include "journal_stage.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

char dir[64];
char why[512];
struct disk disk;
struct seen seen[20000];
size_t n_seen;

/* ---- the disk -------------------------------------------------------------------------------- */

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
ssize_t __real_pwrite(int fd, const void *data, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t at);

void rest_a_bit(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

int __wrap_fdatasync(int fd)
{
	while (atomic_load(&disk.held)) {
		atomic_store(&disk.waits, true);
		rest_a_bit();
	}
	atomic_fetch_add(&disk.syncs, 1);
	if (atomic_load(&disk.fail_sync)) {
		atomic_fetch_sub(&disk.fail_sync, 1);
		errno = EIO;
		return -1;
	}
	if (__real_fdatasync(fd))
		return -1;
	if (disk.synced)
		disk.synced(fd);
	return 0;
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t at)
{
	long room = atomic_load(&disk.room);

	if (room >= 0 && len > (size_t)room)
		len = (size_t)room;
	if (!len) {
		errno = ENOSPC;
		return -1;
	}
	if (room >= 0)
		atomic_fetch_sub(&disk.room, (long)len);
	return __real_pwrite(fd, data, len, at);
}

/* ---- journals -------------------------------------------------------------------------------- */

static void clear(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char path[400];

	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_name[0] != '.')
			unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

int stage(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/mqgate-journal.%d", getpid());
	clear();
	atomic_store(&disk.held, false);
	atomic_store(&disk.waits, false);
	atomic_store(&disk.fail_sync, 0);
	atomic_store(&disk.room, -1);
	disk.synced = NULL;
	n_seen = 0;
	return 0;
}

int strike(void **state)
{
	(void)state;
	clear();
	return 0;
}

struct mqg_journal *open_journal(void)
{
	struct mqg_journal *journal = NULL;

	if (mqg_journal_open(dir, LIMIT, 2, &journal, why, sizeof(why)))
		fail_msg("%s", why);
	return journal;
}

uint64_t put_text(struct mqg_journal *journal, const char *text)
{
	const struct iovec parts[] = {
		{ (void *)(uintptr_t)text, strlen(text) / 2 },
		{ (void *)(uintptr_t)(text + strlen(text) / 2), strlen(text) - strlen(text) / 2 },
	};

	return mqg_journal_put(journal, 0, 7, 4711, parts, 2);
}

uint64_t put_bytes(struct mqg_journal *journal, size_t len)
{
	static uint8_t bytes[1 << 20];
	const struct iovec part = { bytes, len };

	return mqg_journal_put(journal, 0, 8, len, &part, 1);
}

void await(const struct mqg_journal *journal, uint64_t sequence)
{
	AWAIT(mqg_journal_durable(journal, 0) >= sequence);
}

static void note(void *ctx, const struct mqg_journal_record *record)
{
	struct seen *to = &seen[n_seen];

	(void)ctx;
	assert_true(n_seen < sizeof(seen) / sizeof(seen[0]));
	*to = (struct seen){ record->sequence, record->owner, record->kind, record->len, "" };
	assert_int_equal(0, (uintptr_t)record->data & 7);
	if (record->len < sizeof(to->text))
		memcpy(to->text, record->data, record->len);
	assert_true(!n_seen || seen[n_seen - 1].sequence < to->sequence);
	n_seen++;
}

size_t adopt(struct mqg_journal *journal)
{
	int64_t n;

	n_seen = 0;
	n = mqg_journal_adopt(journal, note, NULL);
	assert_int_equal(n, n_seen);
	return n_seen;
}

const char *texts(void)
{
	static char all[4096];
	size_t at = 0;

	all[0] = '\0';
	for (size_t i = 0; i < n_seen && at < sizeof(all) - 64; i++)
		at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%s", i ? "," : "",
				       seen[i].text);
	return all;
}

/* ---- files ----------------------------------------------------------------------------------- */

static int by_stamp(const void *a, const void *b)
{
	/* Behind the owner, sixteen digits. */
	return strcmp(strrchr(a, '-'), strrchr(b, '-'));
}

size_t segments(char paths[][160], size_t most)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		if (strstr(e->d_name, ".journal") && n++ < most)
			snprintf(paths[n - 1], 160, "%s/%.60s", dir, e->d_name);
	closedir(d);
	if (n > 1 && n <= most)
		qsort(paths, n, 160, by_stamp);
	return n;
}

pid_t fork_child(void)
{
	pid_t pid = fork();

	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

void in_a_dying_process(void (*what)(void))
{
	pid_t pid = fork_child();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		what();
		raise(SIGKILL);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
