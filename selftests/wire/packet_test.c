// SPDX-License-Identifier: BSD-2-Clause
/*
 * The vectors of packet.vec: the answer and the reason expected, the same byte by byte and cut
 * in two at every byte, the fields of the last packet, and no contradiction from the second
 * opinion of packet_ref.c. A test point a vector; its name carries the line of the attack list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "packet_props.h"
#include "vec.h"

#define LEAST		200U	/* vectors that must be there: a lost file is no success */

/* Long packets are cut at every byte of both ends and now and then between them. */
#define CUT_EVERY	700U
#define CUT_STRIDE	997U

#define FAIL(...) do { printf("# " __VA_ARGS__); putchar('\n'); fail(); } while (0)

static void want(const struct vec *v, const char *key, unsigned long got)
{
	char buf[64];

	if (vec_field(v, key, buf, sizeof(buf)) && strtoul(buf, NULL, 10) != got)
		FAIL("%s: found %lu, wanted %s", key, got, buf);
}

static void fields(const struct vec *v, const struct walk *w)
{
	want(v, "type", w->s.type);
	want(v, "flags", w->s.flags);
	want(v, "id", w->s.packet_id);
	want(v, "code", w->s.code);
	want(v, "total", w->s.total);
	want(v, "count", w->packets);
}

static void test_vector(void **state)
{
	const struct vec *v = *state;
	__u32 level = (__u32)abs(v->number), from = v->number < 0;
	const char *why;
	struct walk w;

	walk_begin(&w, level, from);
	walk_feed(&w, v->bytes, v->len);
	if (w.status != v->status || w.s.reason != v->reason)
		FAIL("answer %d (%s), wanted %d (%s), after %u of %u bytes", w.status,
		     vec_reason_word(w.s.reason), v->status, vec_reason_word(v->reason), w.taken,
		     v->len);
	if (w.status == MQW_MALFORMED && w.taken > v->len)
		FAIL("took more than there is");
	if (w.status != MQW_MALFORMED)
		fields(v, &w);
	why = packet_steps(level, from, v->bytes, v->len);
	if (!why)
		why = packet_second_opinion(level, from, v->bytes, v->len);
	for (__u32 cut = 0; !why && cut <= v->len; cut++) {
		if (cut > CUT_EVERY && v->len - cut > CUT_EVERY && cut % CUT_STRIDE)
			continue;
		why = packet_cut(level, from, v->bytes, v->len, cut);
		if (why)
			printf("# cut at %u\n", cut);
	}
	if (why)
		FAIL("%s", why);
}

static void test_count(void **state)
{
	if (*(size_t *)*state < LEAST)
		FAIL("packet.vec has %zu vectors, wanted %u", *(size_t *)*state, LEAST);
}

int main(void)
{
	struct CMUnitTest *tests;
	struct vec *vecs;
	size_t n;
	int rc;

	if (vec_load("packet.vec", &vecs, &n))
		return 1;
	tests = calloc(n + 1, sizeof(*tests));
	if (!tests)
		return 1;
	tests[0] = (struct CMUnitTest){ "packet.vec", test_count, NULL, NULL, &n };
	for (size_t i = 0; i < n; i++)
		tests[i + 1] = (struct CMUnitTest){ vecs[i].name, test_vector, NULL, NULL,
						    &vecs[i] };
	rc = _cmocka_run_group_tests("packets", tests, n + 1, NULL, NULL);
	free(tests);
	vec_free(vecs, n);
	return rc != 0;
}
