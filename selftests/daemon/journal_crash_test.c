// SPDX-License-Identifier: BSD-2-Clause
/*
 * The journal: a process is killed under load, again and again, and with it goes of its files what
 * the disk had not confirmed, as where the power fails. What was told to be durable is there.
 */
#include "journal_stage.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS	60
#define RECORDS	300000U
#define FILES	4096U
#define MOST	2000U		/* that wait to be done, at once */

enum { NOTHING, PUT, DURABLE, DONE };

/* What survives the process. */
static struct world {
	_Atomic uint8_t		state[RECORDS];
	uint8_t			replayed[RECORDS];	/* in the round of this number */
	_Atomic uint32_t	next;
	struct {
		_Atomic uint64_t	inode, size;	/* that the disk has confirmed */
		atomic_bool		named;		/* and its name */
	} files[FILES];
	atomic_uint		n_files;
	uint8_t			round;
	atomic_bool		ready;
} *world;

/* ---- a disk that knows what it confirmed ----------------------------------------------------- */

int __real_fsync(int fd);
int __wrap_fsync(int fd);

static unsigned int file_of(uint64_t inode)
{
	unsigned int n = atomic_load(&world->n_files), i = 0;

	while (i < n && atomic_load(&world->files[i].inode) != inode)
		i++;
	return i;
}

static void note_size(int fd)
{
	struct stat st;
	unsigned int i;

	assert_int_equal(0, fstat(fd, &st));
	i = file_of(st.st_ino);
	if (i == atomic_load(&world->n_files)) {
		assert_true(i < FILES);
		atomic_store(&world->files[i].named, false);
		atomic_store(&world->files[i].inode, st.st_ino);
		atomic_fetch_add(&world->n_files, 1);
	}
	atomic_store(&world->files[i].size, (uint64_t)st.st_size);
}

int __wrap_fsync(int fd)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY);
	DIR *d = fdopendir(again);
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d))) {
		unsigned int i = file_of(e->d_ino);

		if (i < atomic_load(&world->n_files))
			atomic_store(&world->files[i].named, true);
	}
	closedir(d);
	return __real_fsync(fd);
}

/* What was not confirmed is there in part, not at all, or as something else. */
static void fail_power(void)
{
	static char paths[512][160];
	size_t n = segments(paths, 512);

	assert_true(n <= 512);
	for (size_t k = 0; k < n; k++) {
		unsigned int i;
		uint64_t kept, size;
		struct stat st;
		int fd;

		assert_int_equal(0, stat(paths[k], &st));
		i = file_of(st.st_ino);
		size = (uint64_t)st.st_size;
		if (i == atomic_load(&world->n_files) || !atomic_load(&world->files[i].named)) {
			unlink(paths[k]);
			continue;
		}
		kept = atomic_load(&world->files[i].size);
		if (kept >= size)
			continue;
		fd = open(paths[k], O_RDWR);
		assert_true(fd >= 0);
		kept += (uint64_t)random() % (size - kept + 1);
		assert_int_equal(0, ftruncate(fd, (off_t)kept));
		if (random() & 1)
			assert_int_equal(0, ftruncate(fd, (off_t)size));
		close(fd);
	}
	/* Inodes are used again. */
	atomic_store(&world->n_files, 0);
	n = segments(paths, 512);
	for (size_t k = 0; k < n; k++) {
		int fd = open(paths[k], O_RDONLY);

		note_size(fd);
		atomic_store(&world->files[k].named, true);
		close(fd);
	}
}

/* ---- a process under load -------------------------------------------------------------------- */

static struct waiting {
	uint32_t	id;
	uint64_t	sequence;
} waiting[RECORDS];
static size_t n_waiting, first_waiting;

static void wait_for_done(uint32_t id, uint64_t sequence)
{
	assert_true(n_waiting < RECORDS);
	waiting[n_waiting++] = (struct waiting){ id, sequence };
}

/* A record says its number, and the rest of it does, too. */
static void take_back(void *ctx, const struct mqg_journal_record *record)
{
	uint32_t id;

	(void)ctx;
	assert_true(record->len >= sizeof(id));
	memcpy(&id, record->data, sizeof(id));
	assert_true(id < atomic_load(&world->next));
	assert_int_equal(id, record->owner);
	for (size_t i = sizeof(id); i < record->len; i++)
		assert_int_equal((uint8_t)(id + i), record->data[i]);
	assert_int_not_equal(NOTHING, atomic_load(&world->state[id]));
	assert_int_not_equal(world->round, world->replayed[id]);
	world->replayed[id] = world->round;
	atomic_store(&world->state[id], DURABLE);
	wait_for_done(id, record->sequence);
}

static bool put_next(struct mqg_journal *journal)
{
	uint32_t id = atomic_load(&world->next);
	uint8_t bytes[3000];
	struct iovec part = { bytes, 4 + (size_t)random() % (random() % 50 ? 200 : 2900) };
	uint64_t sequence;

	if (id == RECORDS)
		return false;
	memcpy(bytes, &id, sizeof(id));
	for (size_t i = sizeof(id); i < part.iov_len; i++)
		bytes[i] = (uint8_t)(id + i);
	atomic_store(&world->state[id], PUT);
	atomic_store(&world->next, id + 1);
	sequence = mqg_journal_put(journal, 0, 1, id, &part, 1);
	if (sequence)
		wait_for_done(id, sequence);
	return sequence;
}

static void work(void)
{
	struct mqg_journal *journal = open_journal();
	size_t told;

	mqg_journal_adopt(journal, take_back, NULL);
	told = n_waiting;
	atomic_store(&world->ready, true);
	for (;;) {
		uint64_t durable = mqg_journal_durable(journal, 0);

		for (; told < n_waiting && waiting[told].sequence <= durable; told++)
			atomic_store(&world->state[waiting[told].id], DURABLE);
		while (n_waiting - first_waiting < MOST && put_next(journal))
			;
		/* Most of them in order, some never. */
		for (int i = 0; i < 100 && first_waiting < told; i++, first_waiting++) {
			struct waiting *w = &waiting[first_waiting];

			if (w->id % 100 == 7)
				continue;
			atomic_store(&world->state[w->id], DONE);
			mqg_journal_done(journal, w->id & 1, w->sequence);
		}
	}
}

static void run_and_kill(void)
{
	uint32_t before = atomic_load(&world->next);
	struct timespec life = { .tv_nsec = 1000000 + random() % 40000000 };
	pid_t pid;
	int status;

	atomic_store(&world->ready, false);
	world->round++;
	pid = fork_child();
	assert_true(pid >= 0);
	if (!pid) {
		work();
		_exit(0);
	}
	while (!atomic_load(&world->ready)) {
		assert_int_equal(0, waitpid(pid, &status, WNOHANG));
		rest_a_bit();
	}
	AWAIT(atomic_load(&world->next) > before || before == RECORDS);
	nanosleep(&life, NULL);
	kill(pid, SIGKILL);
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFSIGNALED(status));
}

static void check(void)
{
	uint32_t n = atomic_load(&world->next), durable = 0;

	for (uint32_t id = 0; id < n; id++) {
		if (atomic_load(&world->state[id]) != DURABLE)
			continue;
		durable++;
		if (world->replayed[id] != world->round)
			fail_msg("record %u of %u was durable and is lost", id, n);
	}
	print_message("# %u records put, %u of them left\n", n, durable);
}

static void what_was_durable_is_there(void **state)
{
	struct mqg_journal *journal;

	(void)state;
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	assert_true(world != MAP_FAILED);
	disk.synced = note_size;
	srandom(1);
	for (int round = 0; round < ROUNDS; round++) {
		run_and_kill();
		fail_power();
		n_waiting = first_waiting = 0;
		if (round % 10 != 9)
			continue;
		/* Seen by nobody but the test, which dies as well. */
		world->round++;
		journal = open_journal();
		mqg_journal_adopt(journal, take_back, NULL);
		check();
		mqg_journal_close(journal);
		n_waiting = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_durable_is_there, stage, strike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
