// SPDX-License-Identifier: BSD-2-Clause
/* The list of sessions that others may read: printing identifiers, and walking while it changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/registry.h"

#define MANY 1000

static void print(const char *id, size_t len, const char *wanted)
{
	char *got = mqg_client_id_print((const uint8_t *)id, len);

	assert_non_null(got);
	assert_string_equal(wanted, got);
	free(got);
}

static void unprintable_bytes_are_escaped(void **state)
{
	(void)state;
	print("device-1", 8, "device-1");
	print("", 0, "");
	print("a\n\x1b[2J\x7f", 7, "a\\x0a\\x1b[2J\\x7f");
	print("\xc3\xa4", 2, "\\xc3\\xa4");
	print("\\x41", 4, "\\x5cx41");
}

static void long_identifiers_are_cut_with_a_tilde(void **state)
{
	char id[300], wanted[128];

	(void)state;
	memset(id, 'd', sizeof(id));
	memset(wanted, 'd', sizeof(wanted));
	wanted[127] = '\0';
	print(id, 127, wanted);
	wanted[126] = '~';
	print(id, 128, wanted);
	print(id, 300, wanted);

	/* An escape is not cut in two. */
	id[124] = '\n';
	strcpy(wanted + 124, "~");
	print(id, 126, wanted);
	id[123] = '\n';
	id[124] = 'd';
	strcpy(wanted + 123, "\\x0a");
	print(id, 124, wanted);
	/* With one more byte to come the "~" would have no room. */
	strcpy(wanted + 123, "~");
	print(id, 126, wanted);
}

static struct mqg_registry registry;
static struct mqg_entry entries[MANY];

static int fill(void **state)
{
	size_t i;

	(void)state;
	memset(entries, 0, sizeof(entries));
	mqg_registry_init(&registry);
	for (i = 0; i < MANY; i++) {
		entries[i].port = i;
		mqg_registry_add(&registry, &entries[i]);
	}
	return 0;
}

static int drop(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < MANY; i++)
		if (entries[i].link.next)
			mqg_registry_remove(&registry, &entries[i]);
	assert_true(mqg_list_empty(&registry.entries));
	mqg_registry_exit(&registry);
	return 0;
}

static int count(const struct mqg_session_info *info, void *arg)
{
	unsigned int *seen = arg;

	seen[info->port]++;
	return 0;
}

static void walk_sees_each_session_once(void **state)
{
	unsigned int seen[MANY] = { 0 };
	size_t i;

	(void)state;
	assert_int_equal(0, mqg_registry_each(&registry, count, seen));
	for (i = 0; i < MANY; i++)
		assert_int_equal(1, seen[i]);
}

static int stop_at_500(const struct mqg_session_info *info, void *arg)
{
	++*(unsigned int *)arg;
	return info->port == 500 ? -42 : 0;
}

static void walk_stops_when_told(void **state)
{
	unsigned int calls = 0;

	(void)state;
	assert_int_equal(-42, mqg_registry_each(&registry, stop_at_500, &calls));
	assert_int_equal(501, calls);
}

/* Takes away sessions behind, at and before the place of the walk. */
static int remove_around(const struct mqg_session_info *info, void *arg)
{
	unsigned int at = info->port;

	count(info, arg);
	if (at % 100 == 50) {
		mqg_registry_remove(&registry, &entries[at]);
		mqg_registry_remove(&registry, &entries[at - 20]);
		if (at + 200 < MANY)
			mqg_registry_remove(&registry, &entries[at + 149]);
	}
	return 0;
}

static void walk_survives_sessions_that_end(void **state)
{
	unsigned int seen[MANY] = { 0 };
	size_t i;

	(void)state;
	assert_int_equal(0, mqg_registry_each(&registry, remove_around, seen));
	for (i = 0; i < MANY; i++)
		assert_int_equal(i >= 199 && i % 100 == 99 && i < 950 ? 0 : 1, seen[i]);
}

static int look(const struct mqg_session_info *info, void *arg)
{
	memcpy(arg, info, sizeof(*info));
	return info->port == 7;
}

static void fields_are_told_as_they_were_set(void **state)
{
	struct mqg_session_info info;

	(void)state;
	mqg_registry_client_id(&registry, &entries[7], strdup("first"));
	mqg_registry_client_id(&registry, &entries[7], strdup("device-7"));
	mqg_registry_identity(&registry, &entries[7], strdup("CN of 7"));
	mqg_registry_connected(&registry, &entries[7], true);
	assert_int_equal(1, mqg_registry_each(&registry, look, &info));
	assert_string_equal("device-7", info.client_id);
	assert_string_equal("CN of 7", info.identity);
	assert_true(info.connected && info.allowed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unprintable_bytes_are_escaped),
		cmocka_unit_test(long_identifiers_are_cut_with_a_tilde),
		cmocka_unit_test_setup_teardown(walk_sees_each_session_once, fill, drop),
		cmocka_unit_test_setup_teardown(walk_stops_when_told, fill, drop),
		cmocka_unit_test_setup_teardown(walk_survives_sessions_that_end, fill, drop),
		cmocka_unit_test_setup_teardown(fields_are_told_as_they_were_set, fill, drop),
	};

	return cmocka_run_group_tests_name("registry", tests, NULL, NULL) ? 1 : 0;
}
