// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the interned client identifiers: one copy, counted, told apart by length and
 * service, held by the client that was accepted last, given back. See kunit.h.
 */
#include "intern.c"

#include "kunit.h"

#define TARGET	7

static struct mqg_ids *setup_ids(struct kunit *test)
{
	struct mqg_ids *ids = kunit_kzalloc(test, sizeof(*ids), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ids);
	KUNIT_ASSERT_EQ(test, mqg_ids_init(ids), 0);
	return ids;
}

static struct mqg_client_id *got(struct kunit *test, struct mqg_ids *ids, const char *bytes,
				 u16 length, u16 target)
{
	u32 holder;
	struct mqg_client_id *id = mqg_id_get(ids, bytes, length, target, &holder);

	KUNIT_ASSERT_NOT_NULL(test, id);
	return id;
}

static void one_copy(struct kunit *test)
{
	struct mqg_ids *ids = setup_ids(test);
	struct mqg_client_id *a, *b, *longer, *empty, *elsewhere;

	a = got(test, ids, "pump", 4, TARGET);
	b = got(test, ids, "pump", 4, TARGET);
	longer = got(test, ids, "pump7", 5, TARGET);
	empty = got(test, ids, "", 0, TARGET);
	/* Another broker's clients have identifiers of their own. */
	elsewhere = got(test, ids, "pump", 4, TARGET + 1);
	KUNIT_EXPECT_PTR_EQ(test, a, b);
	KUNIT_EXPECT_EQ(test, a->refs, 2U);
	KUNIT_EXPECT_EQ(test, memcmp(a->bytes, "pump", 4), 0);
	KUNIT_EXPECT_PTR_NE(test, a, longer);
	KUNIT_EXPECT_PTR_NE(test, a, elsewhere);
	KUNIT_EXPECT_EQ(test, empty->length, (u16)0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ids->table.nelems), 4);
	mqg_id_put(ids, a, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&ids->table.nelems), 4);
	mqg_id_put(ids, b, 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&ids->table.nelems), 3);
	mqg_id_put(ids, longer, 3);
	mqg_id_put(ids, empty, 4);
	mqg_id_put(ids, elsewhere, 5);
	KUNIT_EXPECT_EQ(test, atomic_read(&ids->table.nelems), 0);
	mqg_ids_exit(ids);
}

/* Who holds it is who was accepted last, for as long as that one is there. */
static void holders(struct kunit *test)
{
	struct mqg_ids *ids = setup_ids(test);
	struct mqg_client_id *id;
	u32 holder = 99, before = 99;

	id = mqg_id_get(ids, "x", 1, TARGET, &holder);
	KUNIT_ASSERT_NOT_NULL(test, id);
	KUNIT_EXPECT_EQ(test, holder, 0U);
	KUNIT_EXPECT_EQ(test, (int)mqg_id_hold(ids, id, 1, 100, false, false, &before),
			(int)MQG_HOLD_FRESH);
	KUNIT_EXPECT_EQ(test, before, 0U);
	mqg_id_get(ids, "x", 1, TARGET, &holder);
	KUNIT_EXPECT_EQ(test, holder, 1U);
	KUNIT_EXPECT_EQ(test, (int)mqg_id_hold(ids, id, 2, 200, true, true, &before),
			(int)MQG_HOLD_TAKEOVER);
	KUNIT_EXPECT_EQ(test, before, 1U);
	/* The one that lost it goes: the other one still holds it. */
	mqg_id_put(ids, id, 1);
	mqg_id_get(ids, "x", 1, TARGET, &holder);
	KUNIT_EXPECT_EQ(test, holder, 2U);
	KUNIT_EXPECT_EQ(test, (int)mqg_id_hold(ids, id, 3, 100, true, true, &before),
			(int)MQG_HOLD_TWO);
	mqg_id_put(ids, id, 3);
	mqg_id_get(ids, "x", 1, TARGET, &holder);
	KUNIT_EXPECT_EQ(test, holder, 0U);
	mqg_id_put(ids, id, 4);
	mqg_id_put(ids, id, 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&ids->table.nelems), 0);
	mqg_ids_exit(ids);
}

static void lengths(struct kunit *test)
{
	struct mqg_ids *ids = setup_ids(test);
	u8 *bytes = kunit_kzalloc(test, MQGATE_CLIENT_ID_KEPT + 1, GFP_KERNEL);
	struct mqg_client_id *id;
	u32 holder;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	id = mqg_id_get(ids, bytes, MQGATE_CLIENT_ID_KEPT + 1, TARGET, &holder);
	KUNIT_EXPECT_PTR_EQ(test, id, NULL);
	id = mqg_id_get(ids, bytes, MQGATE_CLIENT_ID_KEPT, TARGET, &holder);
	KUNIT_ASSERT_NOT_NULL(test, id);
	KUNIT_EXPECT_EQ(test, id->length, (u16)MQGATE_CLIENT_ID_KEPT);
	mqg_id_put(ids, id, 1);
	mqg_ids_exit(ids);
}

static void many(struct kunit *test)
{
	struct mqg_client_id **all = kunit_kcalloc(test, 2000, sizeof(*all), GFP_KERNEL);
	struct mqg_ids *ids = setup_ids(test);
	u32 i, holder, good = 0;

	KUNIT_ASSERT_NOT_NULL(test, all);
	for (i = 0; i < 2000; i++)
		all[i] = mqg_id_get(ids, &i, sizeof(i), TARGET, &holder);
	for (i = 0; i < 2000; i++)
		good += all[i] && mqg_id_get(ids, &i, sizeof(i), TARGET, &holder) == all[i];
	KUNIT_EXPECT_EQ(test, good, 2000U);
	for (i = 0; i < 2000; i++) {
		mqg_id_put(ids, all[i], 1);
		mqg_id_put(ids, all[i], 1);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&ids->table.nelems), 0);
	mqg_ids_exit(ids);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(one_copy),
	KUNIT_CASE(holders),
	KUNIT_CASE(lengths),
	KUNIT_CASE(many),
	{}
};

static struct kunit_suite suite = {
	.name		= "mqgate-intern",
	.test_cases	= cases,
};

kunit_test_suites(&suite);
