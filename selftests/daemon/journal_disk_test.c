// SPDX-License-Identifier: BSD-2-Clause
/* The journal: a disk that fails or is full, what is dead, and who may have whose files. */
#include "journal_stage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/privileges.h"

static struct mqg_journal_counts counts_of(const struct mqg_journal *journal)
{
	struct mqg_journal_counts counts;

	mqg_journal_counts(journal, &counts);
	return counts;
}

/* What a process finds that comes after @journal. */
static const char *left_by(struct mqg_journal *journal)
{
	mqg_journal_close(journal);
	journal = open_journal();
	adopt(journal);
	mqg_journal_close(journal);
	return texts();
}

/* ---- a disk that fails ----------------------------------------------------------------------- */

/* Not the file that it failed for is asked again: what was not written may be gone by then. */
static void a_failed_sync_is_never_believed(void **state)
{
	struct mqg_journal *journal = open_journal();
	uint64_t before, lost, durable;
	char paths[3][160], first[160];

	(void)state;
	before = put_text(journal, "before");
	await(journal, before);
	assert_int_equal(1, segments(paths, 3));
	strcpy(first, paths[0]);
	atomic_store(&disk.fail_sync, 1);
	lost = put_text(journal, "not lost");
	assert_true(lost > before);
	AWAIT(counts_of(journal).failed);
	assert_int_equal(0, put_text(journal, "refused"));
	durable = mqg_journal_durable(journal, 0);
	assert_int_equal(before, durable);
	await(journal, lost);
	assert_int_equal(1, counts_of(journal).failures);
	assert_int_equal(1, counts_of(journal).refused);
	assert_int_equal(2, segments(paths, 3));
	assert_string_equal(first, paths[0]);
	await(journal, put_text(journal, "after"));
	assert_false(counts_of(journal).failed);
	assert_string_equal("before,not lost,after", left_by(journal));
}

static void a_full_disk_is_tried_again(void **state)
{
	struct mqg_journal *journal = open_journal();
	uint64_t last = 0, more;
	int n = 0;

	(void)state;
	atomic_store(&disk.room, 5000);
	while ((more = put_text(journal, "abcdefgh"))) {
		last = more;
		n++;
		if (!(n & 7))
			rest_a_bit();
	}
	AWAIT(counts_of(journal).failed);
	assert_true(mqg_journal_durable(journal, 0) < last);
	/* It fails once more, and then does not. */
	AWAIT(counts_of(journal).failures == 2);
	assert_true(mqg_journal_durable(journal, 0) < last);
	atomic_store(&disk.room, -1);
	await(journal, last);
	assert_int_equal(n, counts_of(journal).live);
	left_by(journal);
	assert_int_equal(n, n_seen);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static void a_full_journal_takes_nothing_more(void **state)
{
	struct mqg_journal *journal = open_journal();
	uint64_t last = 0, more;
	size_t n = 0;

	(void)state;
	while ((more = put_bytes(journal, 50000))) {
		last = more;
		n++;
	}
	assert_true(n > LIMIT / 50000 * 3 / 4);
	await(journal, last);
	assert_true(counts_of(journal).bytes <= LIMIT);
	assert_int_equal(0, put_bytes(journal, 50000));
	assert_false(counts_of(journal).failed);
	for (uint64_t s = last - n + 1; s <= last; s++)
		mqg_journal_done(journal, 0, s);
	AWAIT((last = put_text(journal, "again")));
	await(journal, last);
	AWAIT(counts_of(journal).bytes < LIMIT / 4);
	assert_string_equal("again", left_by(journal));
}

/* Of four times as much as there may be, a thousandth stays alive, spread over all of it. */
static void what_lives_does_not_keep_what_is_dead(void **state)
{
	struct mqg_journal *journal = open_journal();
	uint64_t last = 0;
	size_t kept = 0;

	(void)state;
	for (int i = 0; i < 13000; i++) {
		if (!(i % 500)) {
			AWAIT((last = put_text(journal, "kept")));
			kept++;
		}
		AWAIT((last = put_bytes(journal, 5000)));
		mqg_journal_done(journal, 1, last);
		assert_true(counts_of(journal).bytes <= LIMIT);
	}
	await(journal, last);
	AWAIT(counts_of(journal).live == kept);
	assert_true(counts_of(journal).copied >= kept / 2);
	left_by(journal);
	assert_int_equal(kept, n_seen);
	for (size_t i = 0; i < n_seen; i++)
		assert_string_equal("kept", seen[i].text);
}

static void a_record_may_be_large_but_not_all(void **state)
{
	static uint8_t large[LIMIT / 4 + 1];
	const struct iovec all = { large, sizeof(large) }, most = { large, LIMIT / 4 - 64 };
	struct mqg_journal *journal = open_journal();
	uint64_t sequence;

	(void)state;
	assert_int_equal(0, mqg_journal_put(journal, 0, 1, 1, &all, 1));
	sequence = mqg_journal_put(journal, 0, 1, 1, &most, 1);
	assert_true(sequence);
	await(journal, put_text(journal, "behind"));
	mqg_journal_close(journal);
	journal = open_journal();
	assert_int_equal(2, adopt(journal));
	assert_int_equal(most.iov_len, seen[0].len);
	mqg_journal_close(journal);
}

/* ---- whose ----------------------------------------------------------------------------------- */

static int to_parent[2], to_child[2];

static void say(char c)
{
	assert_int_equal(1, write(to_parent[1], &c, 1));
}

static void hear(int fd)
{
	char c;

	assert_int_equal(1, read(fd, &c, 1));
}

static pid_t begin(void (*what)(void))
{
	pid_t pid;

	assert_int_equal(0, pipe(to_parent));
	assert_int_equal(0, pipe(to_child));
	pid = fork_child();
	assert_true(pid >= 0);
	if (!pid) {
		what();
		say('r');
		hear(to_child[0]);
		raise(SIGKILL);
	}
	hear(to_parent[0]);
	return pid;
}

static void end(pid_t pid)
{
	assert_int_equal(1, write(to_child[1], "x", 1));
	assert_int_equal(pid, waitpid(pid, NULL, 0));
	for (int i = 0; i < 2; i++) {
		close(to_parent[i]);
		close(to_child[i]);
	}
}

static void put_three(void)
{
	struct mqg_journal *journal = open_journal();

	put_text(journal, "a");
	put_text(journal, "b");
	await(journal, put_text(journal, "c"));
}

/* Takes over a, b and c, ends b, and puts d. */
static void go_on(void)
{
	struct mqg_journal *journal = open_journal();

	assert_int_equal(3, adopt(journal));
	mqg_journal_done(journal, 0, seen[1].sequence);
	await(journal, put_text(journal, "d"));
	AWAIT(counts_of(journal).live == 3);
}

static void nothing_is_taken_from_who_lives(void **state)
{
	pid_t pid = begin(put_three);
	struct mqg_journal *journal = open_journal();

	(void)state;
	assert_int_equal(0, adopt(journal));
	await(journal, put_text(journal, "mine"));
	assert_int_equal(0, adopt(journal));
	end(pid);
	assert_int_equal(3, adopt(journal));
	assert_string_equal("a,b,c", texts());
	assert_int_equal(0, adopt(journal));
	AWAIT(counts_of(journal).live == 4);
	/* What is written from now on says what of theirs is done. */
	mqg_journal_done(journal, 0, seen[0].sequence);
	AWAIT(counts_of(journal).live == 3);
	left_by(journal);
	assert_int_equal(3, n_seen);
	assert_string_equal("b", seen[0].text);
}

/* Nor from who took over from another. */
static void who_took_over_is_followed_as_a_whole(void **state)
{
	struct mqg_journal *journal;
	pid_t pid;

	(void)state;
	in_a_dying_process(put_three);
	pid = begin(go_on);
	journal = open_journal();
	assert_int_equal(0, adopt(journal));
	end(pid);
	assert_int_equal(3, adopt(journal));
	assert_string_equal("a,c,d", texts());
	mqg_journal_close(journal);
}

#define RACERS 8

/* Of many that look at the same moment one gets it all. */
static void one_of_many_takes_over(void **state)
{
	int gate[2], got[2], total = 0;
	pid_t pids[RACERS];

	(void)state;
	for (int round = 0; round < 5; round++) {
		in_a_dying_process(put_three);
		assert_int_equal(0, pipe(gate));
		assert_int_equal(0, pipe(got));
		for (int i = 0; i < RACERS; i++) {
			pids[i] = fork_child();
			if (!pids[i]) {
				struct mqg_journal *journal = open_journal();
				char n;

				close(gate[1]);
				assert_int_equal(0, read(gate[0], &n, 1));
				n = (char)adopt(journal);
				assert_int_equal(1, write(got[1], &n, 1));
				pause();
			}
		}
		close(gate[0]);
		close(gate[1]);
		for (int i = 0; i < RACERS; i++) {
			char n;

			assert_int_equal(1, read(got[0], &n, 1));
			assert_true(!n || n == 3 * (round + 1));
			total += n;
		}
		for (int i = 0; i < RACERS; i++) {
			kill(pids[i], SIGKILL);
			waitpid(pids[i], NULL, 0);
		}
		assert_int_equal(3 * (round + 1) * (round + 2) / 2, total);
		close(got[0]);
		close(got[1]);
	}
}

/* Whatever system call it needs the daemon may make. */
static void behind_the_filter(void)
{
	struct mqg_journal *journal;

	assert_int_equal(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	assert_int_equal(0, mqg_seccomp_install());
	journal = open_journal();
	assert_int_equal(3, adopt(journal));
	mqg_journal_done(journal, 0, seen[0].sequence);
	await(journal, put_text(journal, "d"));
	atomic_store(&disk.fail_sync, 1);
	await(journal, put_text(journal, "e"));
	mqg_journal_close(journal);
}

static void the_filter_of_system_calls_lets_it_work(void **state)
{
	struct mqg_journal *journal;
	char paths[1][160];
	FILE *f;

	(void)state;
	in_a_dying_process(put_three);
	assert_int_equal(1, segments(paths, 1));
	f = fopen(paths[0], "ab");
	assert_non_null(f);
	assert_int_equal(4, fwrite("torn", 1, 4, f));
	fclose(f);
	in_a_dying_process(behind_the_filter);
	journal = open_journal();
	assert_int_equal(4, adopt(journal));
	assert_string_equal("b,c,d,e", texts());
	assert_int_equal(0, counts_of(journal).damaged);
	mqg_journal_close(journal);
}

static void who_may_not_write_there_is_told(void **state)
{
	struct mqg_journal *journal;

	(void)state;
	assert_int_equal(0, mkdir(dir, 0700));
	assert_int_equal(0, chmod(dir, 0770));
	assert_int_not_equal(0, mqg_journal_open(dir, LIMIT, 1, &journal, why, sizeof(why)));
	assert_non_null(strstr(why, dir));
	assert_non_null(strstr(why, "mode 770"));
	strcat(dir, "/a/b");
	assert_int_not_equal(0, mqg_journal_open(dir, LIMIT, 1, &journal, why, sizeof(why)));
	assert_non_null(strstr(why, "make the directory above it"));
	*strchr(dir + 5, '/') = '\0';
}

#define T(test) cmocka_unit_test_setup_teardown(test, stage, strike)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_failed_sync_is_never_believed),
		T(a_full_disk_is_tried_again),
		T(a_full_journal_takes_nothing_more),
		T(what_lives_does_not_keep_what_is_dead),
		T(a_record_may_be_large_but_not_all),
		T(nothing_is_taken_from_who_lives),
		T(who_took_over_is_followed_as_a_whole),
		T(one_of_many_takes_over),
		T(the_filter_of_system_calls_lets_it_work),
		T(who_may_not_write_there_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
