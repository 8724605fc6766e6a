// SPDX-License-Identifier: BSD-2-Clause
/* Records of the journal: what is put comes back, and nothing else is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "hold/record.h"

static const struct mqg_record_owner owner = { "main", "device-1" };
static _Alignas(8) uint8_t bytes[256];
static struct mqg_journal_record record = { .sequence = 77, .data = bytes };

/* In the place of the journal's. */
uint64_t mqg_journal_put(struct mqg_journal *journal, size_t worker, uint16_t kind,
			 uint64_t whose, const struct iovec *parts, int n)
{
	(void)journal, (void)worker;
	record.kind = kind;
	record.owner = whose;
	record.len = 0;
	for (int i = 0; i < n; i++) {
		memcpy(bytes + record.len, parts[i].iov_base, parts[i].iov_len);
		record.len += parts[i].iov_len;
	}
	return record.sequence;
}

static void put(enum mqg_flow_kind kind, bool sent)
{
	struct mqg_kept *kept = calloc(1, sizeof(*kept) + 9);

	kept->len = 9;
	kept->filled = 8;
	kept->id = 0x1234;
	kept->kind = (uint8_t)kind;
	kept->level = 5;
	kept->sent = sent;
	memcpy(kept->packet, "\x32\6\0\1t\x12\x34.", 8);
	assert_int_equal(77, mqg_record_put(NULL, 0, &owner, kept));
	free(kept);
}

static int read_it(struct mqg_estate *estate)
{
	struct mqg_record_owner whose;
	int err = mqg_record_read(&record, &whose, estate);

	if (!err) {
		assert_string_equal("main", whose.broker);
		assert_string_equal("device-1", whose.client);
	} else {
		assert_null(estate->first);
		assert_null(estate->ids);
	}
	return err;
}

static void a_message_comes_back(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		enum mqg_flow_kind kind = i & 1 ? MQG_FLOW_QOS2 : MQG_FLOW_QOS1;
		struct mqg_estate estate;
		const struct mqg_kept *kept;

		put(kind, i & 2);
		assert_int_equal(0, read_it(&estate));
		kept = estate.first;
		assert_null(kept->next);
		assert_null(estate.ids);
		assert_int_equal(8, kept->filled);
		assert_memory_equal("\x32\6\0\1t\x12\x34.", kept->packet, 8);
		assert_int_equal(77, kept->record);
		assert_int_equal(0x1234, kept->id);
		assert_int_equal(kind, kept->kind);
		assert_int_equal(5, kept->level);
		assert_true(kept->acknowledged && kept->due);
		/* Of QoS 1 it does not matter. */
		assert_int_equal(kind == MQG_FLOW_QOS1 || i & 2, kept->sent);
		mqg_estate_free(&estate);
	}
}

static void an_identifier_comes_back(void **state)
{
	struct mqg_estate estate;

	(void)state;
	assert_int_equal(77, mqg_record_put_id(NULL, 0, &owner, 9));
	assert_int_equal(0, read_it(&estate));
	assert_null(estate.first);
	assert_int_equal(9, estate.ids->id);
	assert_int_equal(77, estate.ids->record);
	mqg_estate_free(&estate);
}

static void nothing_shorter_or_longer_is_believed(void **state)
{
	struct mqg_estate estate;
	size_t whole;

	(void)state;
	for (int id = 0; id < 2; id++) {
		if (id)
			mqg_record_put_id(NULL, 0, &owner, 9);
		else
			put(MQG_FLOW_QOS1, false);
		whole = record.len;
		for (size_t len = 0; len < whole; len++) {
			uint8_t *copy = malloc(len + 1);

			/* So that a reader beyond the end is seen. */
			memcpy(copy, bytes, len);
			record.data = copy;
			record.len = len;
			assert_int_equal(-EBADMSG, read_it(&estate));
			free(copy);
		}
		record.data = bytes;
		record.len = whole + 1;
		bytes[whole] = 0;
		assert_int_equal(-EBADMSG, read_it(&estate));
	}
}

/* Any byte of what is in front of the names may be anything: an answer, and no crash. */
static void no_head_is_believed(void **state)
{
	struct mqg_estate estate;
	unsigned int taken = 0;

	(void)state;
	put(MQG_FLOW_QOS2, false);
	for (size_t i = 0; i < 20; i++) {
		uint8_t good = bytes[i];

		for (unsigned int value = 0; value < 256; value++) {
			struct mqg_record_owner whose;

			bytes[i] = (uint8_t)value;
			if (mqg_record_read(&record, &whose, &estate))
				continue;
			/* Lengths have one value: not those three fields of four bytes. */
			assert_true(i < 8 || value == good);
			taken++;
			mqg_estate_free(&estate);
		}
		bytes[i] = good;
	}
	assert_true(taken > 0);
	for (size_t i = 20; i < 20 + sizeof("main") + sizeof("device-1"); i++) {
		uint8_t good = bytes[i];

		/* An end where none belongs, or none where one does. */
		bytes[i] = good ? 0 : 'x';
		assert_int_equal(-EBADMSG, read_it(&estate));
		bytes[i] = good;
	}
	record.kind = 3;
	assert_int_equal(-EBADMSG, read_it(&estate));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_comes_back),
		cmocka_unit_test(an_identifier_comes_back),
		cmocka_unit_test(nothing_shorter_or_longer_is_believed),
		cmocka_unit_test(no_head_is_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
