// SPDX-License-Identifier: BSD-2-Clause
/* The list of local revocations: what operators write, finding, changing, and the file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/state.h"
#include "revoke/revoked.h"

#define FINGERPRINT "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static char dir[] = "/tmp/mqgate-revoked-XXXXXX";

/* Where common/state.c, which needs libbpf, would say it. */
void mqg_state_dir(char *path, size_t size)
{
	snprintf(path, size, "%s", dir);
}

static void normal(enum mqg_revoked_kind kind, const char *value, const char *want)
{
	char *got;

	assert_int_equal(mqg_revoked_normal(kind, value, &got), want ? 0 : -EINVAL);
	if (want)
		assert_string_equal(got, want);
	free(got);
}

static void values_have_one_form(void **state)
{
	(void)state;
	normal(MQG_REVOKED_SERIAL, "0x00AB:cd", "abcd");
	normal(MQG_REVOKED_SERIAL, "00", "0");
	normal(MQG_REVOKED_SERIAL, "", NULL);
	normal(MQG_REVOKED_SERIAL, "12g4", NULL);
	normal(MQG_REVOKED_SERIAL, "11111111111111111111111111111111111111111", NULL);
	normal(MQG_REVOKED_FINGERPRINT, FINGERPRINT, FINGERPRINT);
	normal(MQG_REVOKED_FINGERPRINT, FINGERPRINT "0", NULL);
	normal(MQG_REVOKED_FINGERPRINT, "0011", NULL);
	normal(MQG_REVOKED_IDENTITY, "sensor 1", "sensor 1");
	normal(MQG_REVOKED_IDENTITY, "sensor\n1", NULL);
	normal(MQG_REVOKED_IDENTITY, "", NULL);
}

static struct mqg_revoked *add(struct mqg_revoked *list, enum mqg_revoked_kind kind,
			       const char *value, const char *text)
{
	const struct mqg_revocation item = { kind, 1700000000, (char *)value, (char *)text };
	struct mqg_revoked *made;

	assert_int_equal(mqg_revoked_with(list, &item, &made), 0);
	mqg_revoked_free(list);
	return made;
}

static struct mqg_revoked *some(void)
{
	struct mqg_revoked *list = NULL;

	list = add(list, MQG_REVOKED_IDENTITY, "zeta", "");
	list = add(list, MQG_REVOKED_FINGERPRINT, FINGERPRINT, "stolen, 3rd floor");
	list = add(list, MQG_REVOKED_IDENTITY, "alpha one", "lost\"");
	list = add(list, MQG_REVOKED_SERIAL, "1000", "");
	return add(list, MQG_REVOKED_IDENTITY, "zeta", "again");
}

static void what_is_listed_is_found(void **state)
{
	struct mqg_revoked *list = some(), *less;

	(void)state;
	assert_int_equal(list->n, 4);
	assert_string_equal(mqg_revoked_find(list, MQG_REVOKED_IDENTITY, "zeta")->text, "again");
	assert_non_null(mqg_revoked_find(list, MQG_REVOKED_SERIAL, "1000"));
	assert_null(mqg_revoked_find(list, MQG_REVOKED_SERIAL, "zeta"));
	assert_null(mqg_revoked_find(list, MQG_REVOKED_IDENTITY, "1000"));
	assert_null(mqg_revoked_find(NULL, MQG_REVOKED_IDENTITY, "zeta"));
	assert_int_equal(mqg_revoked_without(list, MQG_REVOKED_SERIAL, "1001", &less), -ENOENT);
	assert_int_equal(mqg_revoked_without(list, MQG_REVOKED_SERIAL, "1000", &less), 0);
	assert_int_equal(less->n, 3);
	assert_null(mqg_revoked_find(less, MQG_REVOKED_SERIAL, "1000"));
	assert_non_null(mqg_revoked_find(less, MQG_REVOKED_FINGERPRINT, FINGERPRINT));
	mqg_revoked_free(less);
	mqg_revoked_free(list);
}

static void the_file_gives_back_what_was_stored(void **state)
{
	struct mqg_revoked *list = some(), *again;
	char why[256] = "";

	(void)state;
	assert_int_equal(mqg_revoked_load(&again, why, sizeof(why)), 0);
	assert_null(again);
	assert_int_equal(mqg_revoked_store(list, why, sizeof(why)), 0);
	assert_int_equal(mqg_revoked_load(&again, why, sizeof(why)), 0);
	assert_int_equal(again->n, list->n);
	for (size_t i = 0; i < list->n; i++) {
		assert_int_equal(again->item[i].kind, list->item[i].kind);
		assert_int_equal(again->item[i].since, list->item[i].since);
		assert_string_equal(again->item[i].value, list->item[i].value);
		assert_string_equal(again->item[i].text, list->item[i].text);
	}
	mqg_revoked_free(again);
	mqg_revoked_free(list);
}

static void damage_is_told_by_file_and_line(void **state)
{
	struct mqg_revoked *list;
	char path[64], why[256] = "";
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/revoked", dir);
	file = fopen(path, "w");
	fputs("# fine\nserial 1 10ab\t\nserial x 10ab\t\n", file);
	fclose(file);
	assert_int_equal(mqg_revoked_load(&list, why, sizeof(why)), -EINVAL);
	assert_null(list);
	assert_non_null(strstr(why, "revoked:3: "));
	unlink(path);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_have_one_form),
		cmocka_unit_test(what_is_listed_is_found),
		cmocka_unit_test(the_file_gives_back_what_was_stored),
		cmocka_unit_test(damage_is_told_by_file_and_line),
	};

	return cmocka_run_group_tests_name("revoked", tests, make_dir, drop_dir) ? 1 : 0;
}
