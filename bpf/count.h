/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one way out: every judged packet is counted once, with its service and reason, and a
 * sample of the drops goes to the ring buffer. Owns mqgate_stats and mqgate_events; the
 * counters are per CPU and need no lock.
 */
#ifndef MQG_BPF_COUNT_H
#define MQG_BPF_COUNT_H

#include "reset.h"
#include "service.h"
#include "top.h"

/* Of a CONNECT no more than this is shown: what follows may be a credential. */
#define MQG_EVENT_CONNECT_BYTES	16

/*
 * How many payload bytes an event shows. On a clear-text service a payload that was not
 * itself judged may be any part of a CONNECT, or of a message: none of it is shown.
 */
static __always_inline __u32 shown(const struct packet *p)
{
	__u32 most = MQGATE_EVENT_BYTES;

	if (p->kind == MQGATE_KIND_MQTTSN || p->kind == MQGATE_KIND_COAP)
		return 0;
	if (p->kind == MQGATE_KIND_MQTT) {
		if (!p->judged)
			return 0;
		if ((p->head.bytes[0] & 0xF0) == 0x10)
			most = MQG_EVENT_CONNECT_BYTES;
	}
	return p->payload_len < most ? p->payload_len : most;
}

/* Not inlined: its signature is what puts struct mqgate_event into the object's BTF. */
static __noinline int describe(struct xdp_md *ctx, const struct packet *p,
			       struct mqgate_event *event, __u32 reason, __u32 observe)
{
	__u32 n = shown(p);

	event->time = p->now;
	event->flow = p->flow;
	event->ifindex = ctx->ingress_ifindex;
	event->service = p->service;
	event->reason = reason;
	event->flags = (observe ? MQGATE_EVENT_F_OBSERVED : 0) |
		       (p->proven ? MQGATE_EVENT_F_PROVEN : 0);
	event->length = p->payload_len;
	event->captured = 0;
	__builtin_memset(event->bytes, 0, sizeof(event->bytes));
	if (n && !bpf_xdp_load_bytes(ctx, p->payload, event->bytes,
				     ((n - 1) & (MQGATE_EVENT_BYTES - 1)) + 1))
		event->captured = n;
	return 0;
}

static __always_inline void report(struct xdp_md *ctx, const struct packet *p,
				   struct mqgate_stat *stat, __u32 reason, __u32 observe)
{
	__u64 least = p->proven ? mqgate_rodata.sample_proven_ns : mqgate_rodata.sample_ns;
	struct mqgate_event *event;

	if (!p->now || p->now - stat->sampled < least)
		return;
	/* Before the reservation: a full buffer must not cost its lock for every packet. */
	stat->sampled = p->now;
	event = bpf_ringbuf_reserve(&mqgate_events, sizeof(*event), 0);
	if (!event) {
		stat->lost++;
		return;
	}
	describe(ctx, p, event, reason, observe);
	bpf_ringbuf_submit(event, 0);
}

/* Counts @reason and turns it into what XDP does. */
static __always_inline int conclude(struct xdp_md *ctx, struct packet *p,
				    struct mqgate_service *svc, __u32 reason)
{
	__u32 observe = svc->mode == MQGATE_MODE_OBSERVE;
	__u32 drop = reason >= MQGATE_REASON_FIRST_DROP;
	struct mqgate_stat *stat;
	__u32 index;

	if (p->reset)
		reason = mqg_reset_judge(ctx, p, svc, reason);
	index = MQGATE_STATS_INDEX(p->service, reason);
	stat = bpf_map_lookup_elem(&mqgate_stats, &index);
	if (stat) {
		stat->service = p->service;
		stat->reason = reason;
		if (drop && observe) {
			stat->observed++;
		} else {
			stat->packets++;
			stat->bytes += p->wire;
		}
		if (drop) {
			top_note(p, stat, reason);
			report(ctx, p, stat, reason, observe);
		}
	}
	if (!drop || observe)
		return XDP_PASS;
	if (MQGATE_REASON_ANSWERS(reason))
		return XDP_TX;
	return p->reset ? mqg_reset_send(ctx, p) : XDP_DROP;
}

#endif
