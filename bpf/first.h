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
	bool			names_mqtt;	/* says "MQTT" where a CONNECT says it */
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

/* The first @avail (at most 16) bytes of a payload. OK says: nothing wrong so far. */
static __always_inline void head_judge(const struct packet *p, const struct mqgate_service *svc,
				       const __u8 *head, __u32 avail, struct judgement *j)
{
	__u32 max = first_max(p, svc);

	if (p->kind == MQGATE_KIND_MQTTS) {
		struct tlsw_head tls;

		j->status = tlsw_head_check(head, avail, max, &tls);
		j->reason = tls.reason;
		j->need = tls.need;
		j->names_mqtt = false;
	} else {
		struct mqw_head mqtt;

		j->status = mqw_head_check(head, avail, max, &mqtt);
		j->reason = mqtt.reason;
		j->need = mqtt.need;
		j->names_mqtt = mqtt.names_mqtt;
	}
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

/*
 * The whole payload, after head_judge() found nothing wrong with its first bytes. What does
 * not end within the copy is NEED_MORE.
 */
static __always_inline void full_judge(struct xdp_md *ctx, const struct packet *p,
				       const struct mqgate_service *svc, struct judgement *j)
{
	struct parse parse = { .scratch = scratch_get(), .status = MQW_NEED_MORE };
	struct scratch *s = parse.scratch;
	__u32 n = p->payload_len;

	if (!s)
		return;
	if (n > MQG_COPY_BYTES)
		n = MQG_COPY_BYTES;
	/* 6.1's verifier takes a size that this form bounds, and no test of n == 0. */
	if (bpf_xdp_load_bytes(ctx, p->payload, s->bytes, ((n - 1) & (MQG_COPY_BYTES - 1)) + 1))
		return;
	if (p->kind == MQGATE_KIND_MQTTS) {
		tlsw_hello_init(&s->hello, first_max(p, svc));
		bpf_loop(n, hello_byte, &parse, 0);
		j->reason = s->hello.reason;
		j->need = s->hello.need;
	} else {
		mqw_connect_init(&s->connect, first_max(p, svc));
		bpf_loop(n, connect_byte, &parse, 0);
		j->reason = s->connect.reason;
		j->need = s->connect.total;
	}
	j->status = parse.status;
	forgive_answered(j);
}

#endif
