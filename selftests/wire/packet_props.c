// SPDX-License-Identifier: BSD-2-Clause
/*
 * The properties of packet_props.h. Used by packet_test.c and fuzz_packet.c; no state.
 */
#include "packet_props.h"

#include <stdbool.h>
#include <string.h>

#include "packet_ref.h"

void walk_begin(struct walk *w, __u32 level, __u32 from)
{
	memset(w, 0, sizeof(*w));
	mqp_init(&w->s, level, from, PACKET_MAX, LEVELS_MAX);
}

static void note(struct walk *w)
{
	const struct mqp_stream *s = &w->s;
	__u64 facts = (__u64)s->type << 56 | (__u64)s->flags << 48 | (__u64)s->code << 40 |
		      (__u64)s->packet_id << 16;

	w->packets++;
	w->digest = (w->digest ^ facts ^ s->total ^ w->taken) * 0x100000001B3ULL;
}

void walk_feed(struct walk *w, const __u8 *data, __u32 len)
{
	__u32 used;

	while (len && w->status != MQW_MALFORMED) {
		w->status = mqp_feed(&w->s, data, len, &used);
		w->taken += used;
		data += used;
		len -= used;
		if (w->status == MQW_OK)
			note(w);
		if (w->status == MQW_NEED_MORE)
			w->taken += len << 31;	/* nothing may be left then */
	}
}

/* Between two packets only the answers to the last one are anybody's business. */
static bool same(const struct mqp_stream *a, const struct mqp_stream *b)
{
	if (!mqp_between(a) || !mqp_between(b))
		return !memcmp(a, b, sizeof(*a));
	return a->total == b->total && a->reason == b->reason && a->packet_id == b->packet_id &&
	       a->type == b->type && a->flags == b->flags && a->code == b->code;
}

static const char *differ(const struct walk *a, const struct walk *b)
{
	if (a->status != b->status || a->taken != b->taken || a->packets != b->packets ||
	    a->digest != b->digest || !same(&a->s, &b->s))
		return "cut differently, judged differently";
	return NULL;
}

const char *packet_steps(__u32 level, __u32 from, const __u8 *data, __u32 len)
{
	struct walk whole, one;

	walk_begin(&whole, level, from);
	walk_feed(&whole, data, len);
	walk_begin(&one, level, from);
	for (__u32 i = 0; i < len && one.status != MQW_MALFORMED; i++) {
		one.status = mqp_step(&one.s, data[i]);
		one.taken++;
		if (one.status == MQW_OK)
			note(&one);
		if ((one.status == MQW_OK) != mqp_between(&one.s))
			return "OK, and not between two packets";
	}
	if ((whole.status == MQW_MALFORMED) != (whole.s.reason >= MQGATE_REASON_FIRST_DROP))
		return "reason and answer contradict each other";
	if (whole.taken > len || (whole.status != MQW_MALFORMED && whole.taken != len))
		return "bytes taken are not the bytes given";
	if (whole.status == MQW_MALFORMED && mqp_step(&whole.s, 0) != MQW_MALFORMED)
		return "a final answer changes with a further byte";
	return differ(&whole, &one);
}

const char *packet_cut(__u32 level, __u32 from, const __u8 *data, __u32 len, __u32 cut)
{
	struct walk whole, parts;

	walk_begin(&whole, level, from);
	walk_feed(&whole, data, len);
	walk_begin(&parts, level, from);
	walk_feed(&parts, data, cut);
	walk_feed(&parts, data + cut, len - cut);
	return differ(&whole, &parts);
}

/* Packet by packet, as far as they are whole: both say the same, and end at the same byte. */
const char *packet_second_opinion(__u32 level, __u32 from, const __u8 *data, __u32 len)
{
	struct mqp_stream s;
	int status;

	mqp_init(&s, level, from, PACKET_MAX, LEVELS_MAX);
	while (len) {
		long total = ref_length(data, len);
		__u32 used;
		bool good;

		status = mqp_feed(&s, data, len, &used);
		if (total < 0)
			return status == MQW_MALFORMED ? NULL : "accepts a length that is none";
		if (total == 0 || (__u32)total > len)
			return status == MQW_OK ? "ends a packet that has not ended" : NULL;
		good = ref_good(data, (size_t)total, (int)level, (int)from, LEVELS_MAX);
		if (good != (status == MQW_OK))
			return good ? "refuses what the second opinion accepts" :
				      "accepts what the second opinion refuses";
		if (!good)
			return NULL;
		if (used != (__u32)total || s.total != used)
			return "ends elsewhere than at the packet's length";
		data += used;
		len -= used;
	}
	return NULL;
}
