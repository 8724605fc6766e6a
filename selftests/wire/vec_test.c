// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every vector in user space: the answer and the reason expected, the same byte by byte and
 * cut in two at every byte, no contradiction from the check of the first bytes, the fields
 * where they are said to be. A test point a vector; its name carries the line of the attack list.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "props.h"
#include "vec.h"

/* Long packets are cut at every byte of both ends and now and then between them. */
#define CUT_EVERY	700U
#define CUT_STRIDE	997U

/* cmocka's TAP output swallows the message of fail_msg(). */
#define FAIL(...) do { printf("# "); printf(__VA_ARGS__); putchar('\n'); fail(); } while (0)

struct suite {
	const struct ops	*ops;
	const char		*file;
	size_t			least;	/* vectors that must be there: a lost file is no success */
	void			(*fields)(const struct vec *v, const union parser *p);
	struct vec		*vecs;
	size_t			n;
};

static void want_number(const struct vec *v, const char *key, unsigned long got, int base)
{
	char buf[200];

	if (vec_field(v, key, buf, sizeof(buf)) && strtoul(buf, NULL, base) != got)
		FAIL(base == 16 ? "%s: found %lx, wanted %s" : "%s: found %lu, wanted %s", key,
		     got, buf);
}

/* %HH stands for a byte. */
static size_t unescape(char *s)
{
	char *start = s, *out = s;

	for (; *s; s++) {
		if (s[0] == '%' && isxdigit((unsigned char)s[1])) {
			char hex[3] = { s[1], s[2], 0 };

			*out++ = (char)strtoul(hex, NULL, 16);
			s += 2;
		} else {
			*out++ = *s;
		}
	}
	return (size_t)(out - start);
}

static void want_text(const struct vec *v, const char *key, __u32 off, __u32 len)
{
	char buf[200];
	size_t wanted;

	if (!vec_field(v, key, buf, sizeof(buf)))
		return;
	if (!strcmp(buf, "-")) {
		if (off || len)
			FAIL("%s: found at %u, wanted none", key, off);
		return;
	}
	wanted = unescape(buf);
	if (!off || off > v->len || len > v->len - off)
		FAIL("%s: %u bytes at %u of %u", key, len, off, v->len);
	if (len != wanted || memcmp(v->bytes + off, buf, len))
		FAIL("%s: found '%.*s', wanted '%.*s'", key, (int)len, v->bytes + off,
			 (int)wanted, buf);
}

static void fields_connect(const struct vec *v, const union parser *p)
{
	const struct mqw_connect *c = &p->connect;

	want_number(v, "level", c->level, 10);
	want_number(v, "bridge", c->bridge, 10);
	want_number(v, "flags", c->flags, 10);
	want_number(v, "keepalive", c->keep_alive, 10);
	want_number(v, "total", c->total, 10);
	want_text(v, "id", c->client_id.off, c->client_id.len);
	want_text(v, "topic", c->will_topic.off, c->will_topic.len);
	want_text(v, "payload", c->will_payload.off, c->will_payload.len);
	want_text(v, "user", c->username.off, c->username.len);
	want_text(v, "pass", c->password.off, c->password.len);
}

static void fields_hello(const struct vec *v, const union parser *p)
{
	const struct tlsw_hello *h = &p->hello;

	want_number(v, "record", h->record_version, 16);
	want_number(v, "legacy", h->legacy_version, 16);
	want_number(v, "max", h->max_version, 16);
	want_number(v, "split", h->split, 10);
	want_number(v, "sid", h->session_id.len, 10);
	want_number(v, "suites", h->suites.len, 10);
	want_number(v, "total", h->pos, 10);
	want_text(v, "sni", h->sni.off, h->sni.len);
	want_text(v, "alpn", h->alpn.off, h->alpn.len);
	if (h->need != h->pos)
		FAIL("need: found %u at the end, %u bytes on", h->need, h->pos);
}

static void fields_connack(const struct vec *v, const union parser *p)
{
	want_number(v, "code", p->connack.code, 10);
	want_number(v, "present", p->connack.session_present, 10);
	want_number(v, "total", p->connack.total, 10);
}

static struct suite suites[] = {
	{ &connect_ops, "connect.vec", 250, fields_connect, NULL, 0 },
	{ &hello_ops, "hello.vec", 100, fields_hello, NULL, 0 },
	{ &connack_ops, "connack.vec", 40, fields_connack, NULL, 0 },
};
#define SUITES (sizeof(suites) / sizeof(suites[0]))

struct point {
	const struct suite	*suite;
	const struct vec	*vec;
};

static void holds(const char *why, const char *what, __u32 at)
{
	if (why)
		FAIL("%s (%s %u)", why, what, at);
}

static void test_vector(void **state)
{
	const struct point *point = *state;
	const struct ops *ops = point->suite->ops;
	const struct vec *v = point->vec;
	__u32 used, cut;
	union parser p;
	int status;

	memset(&p, 0, sizeof(p));
	ops->init(&p, v->number);
	status = ops->feed(&p, v->bytes, v->len, &used);
	if (status != v->status || ops->reason(&p) != v->reason)
		FAIL("answer %d (%s), wanted %d (%s), after %u of %u bytes", status,
			 vec_reason_word(ops->reason(&p)), v->status, vec_reason_word(v->reason),
			 used, v->len);
	if (status == MQW_OK)
		point->suite->fields(v, &p);
	want_number(v, "at", used, 10);

	holds(props_steps(ops, v->number, v->bytes, v->len), "of", v->len);
	holds(props_again(ops, v->number, v->bytes, v->len), "of", v->len);
	holds(props_head(ops, v->number, v->bytes, v->len), "of", v->len);
	for (cut = 0; cut <= v->len; cut++) {
		if (cut > CUT_EVERY && v->len - cut > CUT_EVERY && cut % CUT_STRIDE)
			continue;
		holds(props_cut(ops, v->number, v->bytes, v->len, cut), "cut at", cut);
	}
}

static void test_count(void **state)
{
	const struct suite *suite = *state;

	if (suite->n < suite->least)
		FAIL("%s has %zu vectors, wanted %zu", suite->file, suite->n, suite->least);
}

static char *name_of(const struct suite *suite, const struct vec *v)
{
	char *name;

	if (v->number && suite->ops != &connack_ops) {
		if (asprintf(&name, "%s: %s (ATTACKS %d)", suite->ops->name, v->name,
			     v->number) < 0)
			return NULL;
	} else if (asprintf(&name, "%s: %s", suite->ops->name, v->name) < 0) {
		return NULL;
	}
	return name;
}

int main(void)
{
	struct CMUnitTest *tests;
	struct point *points;
	size_t total = 0, n = 0;
	int rc;

	for (size_t i = 0; i < SUITES; i++) {
		if (vec_load(suites[i].file, &suites[i].vecs, &suites[i].n))
			return 1;
		total += suites[i].n + 1;
	}
	tests = calloc(total, sizeof(*tests));
	points = calloc(total, sizeof(*points));
	if (!tests || !points)
		return 1;
	for (size_t i = 0; i < SUITES; i++) {
		struct suite *suite = &suites[i];

		tests[n++] = (struct CMUnitTest){ suite->file, test_count, NULL, NULL, suite };
		for (size_t k = 0; k < suite->n; k++, n++) {
			points[n] = (struct point){ suite, &suite->vecs[k] };
			tests[n] = (struct CMUnitTest){
				name_of(suite, &suite->vecs[k]), test_vector, NULL, NULL,
				&points[n],
			};
		}
	}
	rc = _cmocka_run_group_tests("vectors", tests, n, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		if (points[i].vec)
			free((char *)tests[i].name);
	for (size_t i = 0; i < SUITES; i++)
		vec_free(suites[i].vecs, suites[i].n);
	free(tests);
	free(points);
	return rc != 0;
}
