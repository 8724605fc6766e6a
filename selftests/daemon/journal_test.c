// SPDX-License-Identifier: BSD-2-Clause
/* The journal: what comes back and in what order, when it is durable, and what is damaged. */
#include "journal_stage.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/crc32c.h"
#include "hold/journal_format.h"

static struct mqg_journal_counts counts_of(const struct mqg_journal *journal)
{
	struct mqg_journal_counts counts;

	mqg_journal_counts(journal, &counts);
	return counts;
}

/* ---- what comes back ------------------------------------------------------------------------- */

static void put_five(void)
{
	struct mqg_journal *journal = open_journal();
	uint64_t last = 0;
	static const char *const words[] = {
		"one", "two", "three", "", "five-and-more-than-eight",
	};

	for (size_t i = 0; i < 5; i++) {
		uint64_t sequence = put_text(journal, words[i]);

		assert_true(sequence > last);
		last = sequence;
	}
	await(journal, last);
}

static void what_is_not_done_comes_back_in_order(void **state)
{
	struct mqg_journal *journal;
	struct stat st;
	char paths[2][160];

	(void)state;
	in_a_dying_process(put_five);
	journal = open_journal();
	adopt(journal);
	assert_string_equal("one,two,three,,five-and-more-than-eight", texts());
	assert_int_equal(7, seen[0].kind);
	assert_int_equal(4711, seen[0].owner);
	assert_int_equal(0, adopt(journal));
	assert_int_equal(1, segments(paths, 2));
	assert_int_equal(0, stat(paths[0], &st));
	assert_int_equal(0600, st.st_mode & 07777);
	assert_int_equal(0, stat(dir, &st));
	assert_int_equal(0700, st.st_mode & 07777);
	mqg_journal_close(journal);
}

static uint64_t third;

static void finish_the_third(void *ctx, const struct mqg_journal_record *record)
{
	if (record->len == 5 && !memcmp(record->data, "three", 5))
		mqg_journal_done(ctx, 1, third = record->sequence);
}

/* Also while it is replayed, and put anew with a process that ends by itself. */
static void what_is_done_does_not(void **state)
{
	struct mqg_journal *journal;
	uint64_t more;

	(void)state;
	in_a_dying_process(put_five);
	journal = open_journal();
	assert_int_equal(5, mqg_journal_adopt(journal, finish_the_third, journal));
	more = put_text(journal, "six");
	assert_true(more > third);
	await(journal, more);
	AWAIT(counts_of(journal).live == 5);
	mqg_journal_close(journal);

	journal = open_journal();
	adopt(journal);
	assert_string_equal("one,two,,five-and-more-than-eight,six", texts());
	for (size_t i = 0; i < n_seen; i++)
		mqg_journal_done(journal, 0, seen[i].sequence);
	mqg_journal_close(journal);

	journal = open_journal();
	assert_int_equal(0, adopt(journal));
	assert_int_equal(0, segments(NULL, 0));
	mqg_journal_close(journal);
}

/* One that is done before the thread has ever seen it. */
static void what_is_done_at_once_does_not(void **state)
{
	struct mqg_journal *journal = open_journal();
	uint64_t last = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		last = put_text(journal, "brief");
		mqg_journal_done(journal, i & 1, last);
	}
	await(journal, last);
	AWAIT(!counts_of(journal).live);
	assert_int_equal(1000, counts_of(journal).written);
	mqg_journal_close(journal);
}

/* ---- durable --------------------------------------------------------------------------------- */

static void durable_is_what_the_disk_confirmed(void **state)
{
	struct mqg_journal *journal = open_journal();
	struct pollfd one = { .fd = mqg_journal_fd(journal, 0), .events = POLLIN };
	uint64_t first, last = 0;
	unsigned int syncs;
	eventfd_t ignored;

	(void)state;
	atomic_store(&disk.held, true);
	first = put_text(journal, "first");
	AWAIT(atomic_load(&disk.waits));
	for (int i = 0; i < 100; i++)
		last = put_text(journal, "more");
	assert_int_equal(0, mqg_journal_durable(journal, 0));
	assert_int_equal(0, poll(&one, 1, 0));
	syncs = atomic_load(&disk.syncs);
	atomic_store(&disk.held, false);
	assert_int_equal(1, poll(&one, 1, 10000));
	assert_int_equal(0, eventfd_read(one.fd, &ignored));
	assert_true(mqg_journal_durable(journal, 0) >= first);
	await(journal, last);
	/* The other hundred went together. */
	assert_int_equal(syncs + 2, atomic_load(&disk.syncs));
	assert_int_equal(0, mqg_journal_durable(journal, 1));
	mqg_journal_close(journal);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static uint8_t *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes = malloc(1 << 20);

	assert_non_null(f);
	*len = fread(bytes, 1, 1 << 20, f);
	fclose(f);
	return bytes;
}

static void write_file(const char *path, const uint8_t *bytes, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(len, fwrite(bytes, 1, len, f));
	fclose(f);
}

/* The only segment of put_five(). */
static uint8_t *five(char path[160], size_t *len)
{
	char paths[2][160];

	in_a_dying_process(put_five);
	assert_int_equal(1, segments(paths, 2));
	strcpy(path, paths[0]);
	return read_file(path, len);
}

static void a_torn_tail_is_cut_wherever_it_tore(void **state)
{
	size_t len, size = mqg_record_size(strlen("five-and-more-than-eight"));
	char path[160];
	uint8_t *bytes = five(path, &len);

	(void)state;
	for (size_t cut = 0; cut <= size; cut++) {
		struct mqg_journal *journal;
		struct stat st;

		write_file(path, bytes, len - cut);
		journal = open_journal();
		adopt(journal);
		assert_string_equal(cut ? "one,two,three," : "one,two,three,,five-and-more-than-"
							     "eight", texts());
		assert_int_equal(0, stat(path, &st));
		assert_int_equal(cut ? len - size : len, st.st_size);
		assert_int_equal(0, counts_of(journal).damaged);
		mqg_journal_close(journal);
	}
	free(bytes);
}

static void a_flipped_bit_costs_its_record(void **state)
{
	static const char *const left[] = {
		"two,three,,five-and-more-than-eight", "one,three,,five-and-more-than-eight",
		"one,two,,five-and-more-than-eight", "one,two,three,five-and-more-than-eight",
	};
	size_t len, at = MQG_SEGMENT_BEGIN, sizes[] = { 40, 40, 40, 32 };
	char path[160];
	uint8_t *bytes = five(path, &len);

	(void)state;
	for (size_t i = 0; i < 4; at += sizes[i++])
		for (size_t bit = 0; bit < 8 * sizes[i]; bit += 5) {
			struct mqg_journal *journal;

			bytes[at + bit / 8] ^= (uint8_t)(1 << bit % 8);
			write_file(path, bytes, len);
			bytes[at + bit / 8] ^= (uint8_t)(1 << bit % 8);
			journal = open_journal();
			adopt(journal);
			assert_string_equal(left[i], texts());
			assert_int_equal(1, counts_of(journal).damaged);
			mqg_journal_close(journal);
		}
	free(bytes);
}

static void a_head_is_there_twice(void **state)
{
	static const size_t places[] = { 0, 9, 13, 20, 30, 39, 40, 60, 79 };
	size_t len;
	char path[160];
	uint8_t *bytes = five(path, &len);
	struct mqg_journal *journal;

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		bytes[places[i]] ^= 4;
		write_file(path, bytes, len);
		bytes[places[i]] ^= 4;
		journal = open_journal();
		assert_int_equal(5, adopt(journal));
		mqg_journal_close(journal);
	}
	/* Neither is good: it stays where it is, and is nobody's. */
	bytes[0] ^= 4;
	bytes[40] ^= 4;
	write_file(path, bytes, len);
	journal = open_journal();
	assert_int_equal(0, adopt(journal));
	assert_int_equal(1, counts_of(journal).damaged);
	mqg_journal_close(journal);
	assert_int_equal(0, access(path, F_OK));
	free(bytes);
}

static void another_version_is_left_alone(void **state)
{
	size_t len;
	char path[160];
	uint8_t *bytes = five(path, &len);
	struct mqg_segment_head *heads = (void *)bytes;
	struct mqg_journal *journal;

	(void)state;
	for (int i = 0; i < 2; i++) {
		heads[i].version = MQG_SEGMENT_VERSION + 1;
		heads[i].sum = mqg_crc32c(0, &heads[i], offsetof(struct mqg_segment_head, sum));
	}
	write_file(path, bytes, len);
	free(bytes);
	journal = open_journal();
	assert_int_equal(0, adopt(journal));
	await(journal, put_text(journal, "mine"));
	mqg_journal_close(journal);
	bytes = read_file(path, &len);
	heads = (void *)bytes;
	assert_int_equal(MQG_SEGMENT_VERSION + 1, heads[0].version);
	free(bytes);
}

static void put_a_lie(void)
{
	uint8_t lie[256] = { 0 };
	const struct iovec part = { lie, sizeof(lie) };
	struct mqg_journal *journal = open_journal();

	mqg_record_begin(lie + 64, MQG_RECORD_DATA, 9, 9, 1, 8);
	mqg_record_seal(lie + 64, 0);
	mqg_journal_put(journal, 0, 1, 1, &part, 1);
	await(journal, put_text(journal, "behind"));
}

/* What looks like a record in a payload is none, also where its own record is damaged. */
static void a_payload_is_never_a_record(void **state)
{
	struct mqg_journal *journal;
	char paths[1][160];
	uint8_t *bytes;
	size_t len;

	(void)state;
	in_a_dying_process(put_a_lie);
	assert_int_equal(1, segments(paths, 1));
	bytes = read_file(paths[0], &len);
	bytes[MQG_SEGMENT_BEGIN + 40] ^= 1;
	write_file(paths[0], bytes, len);
	free(bytes);
	journal = open_journal();
	adopt(journal);
	assert_string_equal("behind", texts());
	mqg_journal_close(journal);
}

/* The processor's instruction takes eight bytes at once, the table the rest. */
static void sums_are_what_they_should_be(void **state)
{
	uint8_t bytes[64];

	(void)state;
	assert_int_equal(0xE3069283, mqg_crc32c(0, "123456789", 9));
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * i + 7);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		uint32_t sum = 5;

		for (size_t k = 0; k < i; k++)
			sum = mqg_crc32c(sum, bytes + k, 1);
		assert_int_equal(sum, mqg_crc32c(5, bytes, i));
	}
}

#define T(test) cmocka_unit_test_setup_teardown(test, stage, strike)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_not_done_comes_back_in_order),
		T(what_is_done_does_not),
		T(what_is_done_at_once_does_not),
		T(durable_is_what_the_disk_confirmed),
		T(a_torn_tail_is_cut_wherever_it_tore),
		T(a_flipped_bit_costs_its_record),
		T(a_head_is_there_twice),
		T(another_version_is_left_alone),
		T(a_payload_is_never_a_record),
		T(sums_are_what_they_should_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
