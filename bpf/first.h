/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Judging a first payload with the shared parsers: the straight-line check of its first 16
 * bytes, and the whole of it, byte by byte, as far as MQG_COPY_BYTES reach. The copy and the
 * parser live in the per-CPU scratch: on the stack the verifier would follow their contents.
 */
#ifndef MQG_BPF_FIRST_H
#define MQG_BPF_FIRST_H

#include "service.h"

struct judgement {
	__u32			status;		/* enum mqw_status */
	__u32			reason;		/* when malformed */
	__u32			need;		/* bytes of the whole packet; 0 = not yet known */
	__u32			names_mqtt;	/* says "MQTT" where a CONNECT says it */
};

static __always_inline __u32 first_max(const struct packet *p, const struct mqgate_service *svc)
{
	return or_default(svc->first_max, p->kind == MQGATE_KIND_MQTTS ?
			  MQGATE_DEFAULT_HELLO_MAX : MQGATE_DEFAULT_CONNECT_MAX);
}

/*
 * MQTT 3.1.1, 3.1.3-8: some refusals are owed a CONNACK. Whoever drops in silence lets them
 * through to the one that can answer.
 */
static __always_inline void forgive_answered(struct judgement *j)
{
	if (j->status == MQW_MALFORMED && mqw_reason_answered(j->reason))
		j->status = MQW_OK;
}

/**
 * mqg_head_judge() - judge the first bytes of a payload
 * @kind:  enum mqgate_kind of the service
 * @max:   largest packet, see first_max()
 * @head:  the bytes, zero where the payload is shorter
 * @avail: how many of them are payload, at most 16
 * @j:     out
 *
 * Return: @j->status, where MQW_OK says: nothing wrong so far.
 */
MQG_BORDER int mqg_head_judge(__u32 kind, __u32 max, struct head *head, __u32 avail,
			      struct judgement *j)
{
	if (!head || !j)
		return MQW_NEED_MORE;
	if (kind == MQGATE_KIND_MQTTS) {
		struct tlsw_head tls;

		j->status = tlsw_head_check(head->bytes, avail, max, &tls);
		j->reason = tls.reason;
		j->need = tls.need;
		j->names_mqtt = 0;
	} else {
		struct mqw_head mqtt;

		j->status = mqw_head_words_check(bpf_be64_to_cpu(head->words[0]),
						 bpf_be64_to_cpu(head->words[1]), avail, max,
						 &mqtt);
		j->reason = mqtt.reason;
		j->need = mqtt.need;
		/*
		 * From 80 on the first byte may be one of the remaining length, where a client
		 * sent the packet type in a segment of its own.
		 */
		j->names_mqtt = mqtt.names_mqtt && head->bytes[0] < 0x80;
	}
	return j->status;
}

struct parse {
	struct scratch		*scratch;
	__u32			status;
};

static int connect_byte(__u32 i, void *arg)
{
	struct parse *parse = arg;
	struct scratch *s = parse->scratch;

	parse->status = mqw_connect_step(&s->connect, s->bytes[i & (MQG_COPY_BYTES - 1)]);
	return parse->status != MQW_NEED_MORE;
}

static int hello_byte(__u32 i, void *arg)
{
	struct parse *parse = arg;
	struct scratch *s = parse->scratch;

	parse->status = tlsw_hello_step(&s->hello, s->bytes[i & (MQG_COPY_BYTES - 1)]);
	return parse->status != MQW_NEED_MORE;
}

/**
 * mqg_payload_parse() - judge the whole payload, after its first bytes
 * @ctx: frame
 * @p:   its segment, with a payload
 * @max: largest packet, see first_max()
 * @j:   what mqg_head_judge() found, nothing wrong; out: what the whole says
 *
 * What does not end within the copy is MQW_NEED_MORE. Return: @j->status.
 */
MQG_BORDER int mqg_payload_parse(struct xdp_md *ctx, struct packet *p, __u32 max,
				 struct judgement *j)
{
	struct parse parse = { .scratch = scratch_get(), .status = MQW_NEED_MORE };
	struct scratch *s = parse.scratch;
	__u32 n;

	if (!s || !p || !j)
		return MQW_NEED_MORE;
	n = p->payload_len;
	if (n > MQG_COPY_BYTES)
		n = MQG_COPY_BYTES;
	/* 6.1's verifier takes a size that this form bounds, and no test of n == 0. */
	if (bpf_xdp_load_bytes(ctx, p->payload, s->bytes, ((n - 1) & (MQG_COPY_BYTES - 1)) + 1))
		return MQW_NEED_MORE;
	if (p->kind == MQGATE_KIND_MQTTS) {
		tlsw_hello_init(&s->hello, max);
		bpf_loop(n, hello_byte, &parse, 0);
		j->reason = s->hello.reason;
		j->need = s->hello.need;
	} else {
		mqw_connect_init(&s->connect, max);
		bpf_loop(n, connect_byte, &parse, 0);
		j->reason = s->connect.reason;
		j->need = s->connect.total;
	}
	j->status = parse.status;
	forgive_answered(j);
	return j->status;
}

#endif
