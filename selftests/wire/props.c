// SPDX-License-Identifier: BSD-2-Clause
/*
 * The properties of props.h. Used by vec_test.c and the fuzz targets; no lock, no state.
 */
#include "props.h"

#include <stdlib.h>
#include <string.h>

static void init_connect(union parser *p, int level)
{
	(void)level;
	mqw_connect_init(&p->connect, CONNECT_MAX);
}

static int step_connect(union parser *p, __u8 byte)
{
	return mqw_connect_step(&p->connect, byte);
}

static int feed_connect(union parser *p, const __u8 *data, __u32 len, __u32 *used)
{
	return mqw_connect_feed(&p->connect, data, len, used);
}

static __u32 reason_connect(const union parser *p)
{
	return p->connect.reason;
}

static __u32 pos_connect(const union parser *p)
{
	return p->connect.pos;
}

static __u32 total_connect(const union parser *p)
{
	return p->connect.total;
}

static int head_connect(const __u8 head[16], __u32 avail, __u32 *reason, __u32 *need)
{
	struct mqw_head out;
	int status = mqw_head_check(head, avail, CONNECT_MAX, &out);

	*reason = out.reason;
	*need = out.need;
	return status;
}

static int covers_connect(const union parser *p)
{
	return p->connect.state <= MQW_S_FLAGS;
}

const struct ops connect_ops = {
	"connect", init_connect, step_connect, feed_connect, reason_connect, pos_connect,
	total_connect, head_connect, covers_connect,
};

static void init_hello(union parser *p, int level)
{
	(void)level;
	tlsw_hello_init(&p->hello, HELLO_MAX);
}

static int step_hello(union parser *p, __u8 byte)
{
	return tlsw_hello_step(&p->hello, byte);
}

static int feed_hello(union parser *p, const __u8 *data, __u32 len, __u32 *used)
{
	return tlsw_hello_feed(&p->hello, data, len, used);
}

static __u32 reason_hello(const union parser *p)
{
	return p->hello.reason;
}

static __u32 pos_hello(const union parser *p)
{
	return p->hello.pos;
}

/* Certain only when one record holds the hello: see tlsw_hello.need. */
static __u32 total_hello(const union parser *p)
{
	return !p->hello.split && p->hello.record_left >= p->hello.left ? p->hello.need : 0;
}

static int head_hello(const __u8 head[16], __u32 avail, __u32 *reason, __u32 *need)
{
	struct tlsw_head out;
	int status = tlsw_head_check(head, avail, HELLO_MAX, &out);

	*reason = out.reason;
	*need = 0;
	if (out.need == 9U + ((__u32)head[6] << 16 | (__u32)head[7] << 8 | head[8]))
		*need = out.need;
	return status;
}

/* The first record, up to the first byte of the version and no further than it goes. */
static int covers_hello(const union parser *p)
{
	const struct tlsw_hello *h = &p->hello;

	return h->pos < 5 || (h->record_at == 5 && !h->split && h->pos < 11);
}

const struct ops hello_ops = {
	"hello", init_hello, step_hello, feed_hello, reason_hello, pos_hello,
	total_hello, head_hello, covers_hello,
};

static void init_connack(union parser *p, int level)
{
	mqw_connack_init(&p->connack, (__u8)level, CONNACK_MAX);
}

static int step_connack(union parser *p, __u8 byte)
{
	return mqw_connack_step(&p->connack, byte);
}

static int feed_connack(union parser *p, const __u8 *data, __u32 len, __u32 *used)
{
	return mqw_connack_feed(&p->connack, data, len, used);
}

static __u32 reason_connack(const union parser *p)
{
	return p->connack.reason;
}

static __u32 pos_connack(const union parser *p)
{
	return p->connack.pos;
}

static __u32 total_connack(const union parser *p)
{
	return p->connack.total;
}

const struct ops connack_ops = {
	"connack", init_connack, step_connack, feed_connack, reason_connack, pos_connack,
	total_connack, NULL, NULL,
};

static void begin(const struct ops *ops, int level, union parser *p)
{
	memset(p, 0, sizeof(*p));
	ops->init(p, level);
}

/* A reason stands exactly where a packet is malformed. */
static const char *check_reason(const struct ops *ops, const union parser *p, int status)
{
	if ((status == MQW_MALFORMED) != (ops->reason(p) >= MQGATE_REASON_FIRST_DROP))
		return "reason and answer contradict each other";
	return NULL;
}

/* Byte by byte: the same as at once, and an answer stays what it is. */
const char *props_steps(const struct ops *ops, int level, const __u8 *data, __u32 len)
{
	union parser whole, one;
	__u32 used, i, total = 0;
	int status, last = MQW_NEED_MORE;

	begin(ops, level, &whole);
	status = ops->feed(&whole, data, len, &used);
	if (used > len || used != ops->pos(&whole))
		return "bytes used are not the bytes taken";
	if (status == MQW_NEED_MORE && used != len)
		return "asks for more without having taken all";
	begin(ops, level, &one);
	for (i = 0; i < len && last == MQW_NEED_MORE; i++) {
		last = ops->step(&one, data[i]);
		if (total && ops->total(&one) && total != ops->total(&one))
			return "the total length changes on the way";
		total = ops->total(&one);
		if (last == MQW_NEED_MORE && total && ops->pos(&one) >= total)
			return "asks for more than the packet has";
	}
	if (last != status || memcmp(&whole, &one, sizeof(one)))
		return "at once and byte by byte differ";
	if (last == MQW_OK && total && ops->pos(&one) != total)
		return "ends elsewhere than at its total length";
	if (last != MQW_NEED_MORE && (ops->step(&one, 0) != last ||
				      memcmp(&whole, &one, sizeof(one))))
		return "a final answer changes with a further byte";
	return check_reason(ops, &whole, status);
}

/* In two pieces: the same as at once. */
const char *props_cut(const struct ops *ops, int level, const __u8 *data, __u32 len, __u32 cut)
{
	union parser whole, parts;
	__u32 used, first, second = 0;
	int status, last;

	begin(ops, level, &whole);
	status = ops->feed(&whole, data, len, &used);
	begin(ops, level, &parts);
	last = ops->feed(&parts, data, cut, &first);
	if (cut < used && last != MQW_NEED_MORE)
		return "a prefix is answered before the byte that decides";
	if (last == MQW_NEED_MORE)
		last = ops->feed(&parts, data + cut, len - cut, &second);
	if (last != status || first + second != used || memcmp(&whole, &parts, sizeof(whole)))
		return "at once and in two pieces differ";
	return NULL;
}

/* OK means that exactly these bytes are OK, alone in memory. */
const char *props_again(const struct ops *ops, int level, const __u8 *data, __u32 len)
{
	union parser whole, again;
	const char *why = NULL;
	__u32 used, second;
	__u8 *copy;

	begin(ops, level, &whole);
	if (ops->feed(&whole, data, len, &used) != MQW_OK)
		return NULL;
	copy = malloc(used);
	if (!copy)
		return "no memory";
	memcpy(copy, data, used);
	begin(ops, level, &again);
	if (ops->feed(&again, copy, used, &second) != MQW_OK || second != used ||
	    memcmp(&whole, &again, sizeof(whole)))
		why = "the packet alone is not OK again";
	begin(ops, level, &again);
	if (!why && ops->feed(&again, copy, used - 1, &second) != MQW_NEED_MORE)
		why = "OK before its last byte";
	free(copy);
	return why;
}

/* The check of the first bytes answers what the machine answers for them, at every length. */
const char *props_head(const struct ops *ops, int level, const __u8 *data, __u32 len)
{
	for (__u32 avail = 0; ops->head && avail <= len && avail <= 16; avail++) {
		__u8 head[16] = { 0 };
		__u32 reason, need, want = 0, i;
		union parser p;
		int status, last = MQW_NEED_MORE, covered = 1;

		memcpy(head, data, avail);
		status = ops->head(head, avail, &reason, &need);
		begin(ops, level, &p);
		for (i = 0; i < avail && last == MQW_NEED_MORE; i++) {
			covered = ops->head_covers(&p);
			last = covered ? ops->step(&p, data[i]) : last;
			if (!covered)
				break;
		}
		want = last == MQW_MALFORMED ? ops->reason(&p) : 0;
		if (want != reason || (status == MQW_MALFORMED) != (last == MQW_MALFORMED))
			return "the check of the first bytes contradicts the machine";
		if (status == MQW_OK && ops->head_covers(&p))
			return "the check of the first bytes is OK before it has seen them";
		if (status == MQW_NEED_MORE && !ops->head_covers(&p))
			return "the check of the first bytes asks for more than it looks at";
		if (need && ops->total(&p) && need != ops->total(&p))
			return "the check of the first bytes knows another total length";
	}
	return NULL;
}
