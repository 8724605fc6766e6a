// SPDX-License-Identifier: BSD-2-Clause
/*
 * The module's memory for kept bytes in user space: what one share takes, the others still have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "pool.h"
#include "stream.h"

#define ALL	(64L << 20)	/* stream_memory unless set */
#define OWN	(ALL / 2 / MQG_POOL_SHARES)
#define PIECE	4096L

static bool no_memory;

void *kmalloc(size_t size, int flags)
{
	(void)flags;
	return no_memory ? NULL : malloc(size);
}

void kfree(const void *memory)
{
	free((void *)memory);
}

static void *pieces[MQG_POOL_SHARES][ALL / PIECE];
static long count[MQG_POOL_SHARES];

/* Return: bytes that the share could have more. */
static long grab(u8 share, long most)
{
	long got = 0;

	while (got < most) {
		void *memory = mqg_stream_alloc(PIECE, share);

		if (!memory)
			break;
		pieces[share][count[share]++] = memory;
		got += PIECE;
	}
	return got;
}

static void give_back(u8 share)
{
	while (count[share])
		mqg_stream_free(pieces[share][--count[share]], PIECE, share);
}

static int teardown(void **unused)
{
	long after;

	(void)unused;
	no_memory = false;
	for (unsigned int share = 0; share < MQG_POOL_SHARES; share++)
		give_back((u8)share);
	after = grab(9, ALL);
	give_back(9);
	return after != ALL / 8 + OWN;
}

static void test_one(void **unused)
{
	(void)unused;
	assert_int_equal(grab(0, ALL), ALL / 8 + OWN);
	assert_int_equal(grab(1, ALL), ALL / 8 + OWN);
	give_back(0);
	assert_int_equal(grab(0, ALL), ALL / 8 + OWN);
}

static void test_all(void **unused)
{
	long sum = 0;

	(void)unused;
	for (unsigned int share = 0; share < 200; share++)
		sum += grab((u8)share, ALL);
	assert_int_equal(sum, ALL / 2 + 200 * OWN);
	for (unsigned int share = 200; share < MQG_POOL_SHARES; share++)
		assert_int_equal(grab((u8)share, ALL), OWN);
}

/* What could not be had is not charged. */
static void test_no_memory(void **unused)
{
	(void)unused;
	no_memory = true;
	for (unsigned int i = 0; i < 100000; i++)
		assert_null(mqg_stream_alloc(PIECE, (u8)i));
	no_memory = false;
	assert_int_equal(grab(3, ALL), ALL / 8 + OWN);
}

int main(void)
{
#define TEST(function, title) { title, function, NULL, teardown, NULL }
	const struct CMUnitTest tests[] = {
		TEST(test_one, "one share has an eighth, and its own (ATTACKS 13)"),
		TEST(test_all, "whoever takes all that is lent, each has its own (ATTACKS 13)"),
		TEST(test_no_memory, "without memory nothing is charged (ATTACKS 31)"),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
