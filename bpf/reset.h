/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Resets in the place of silence: the frame that is to be dropped becomes one, for the socket that
 * it was sent to, or for its sender. Who is owed one is said by `reset` of struct packet, set where
 * the reason was found; conclude() calls the rest. What changes is the frame alone.
 *
 * To the receiver goes only what stands just where the next byte is expected (p->proven says so),
 * since RFC 9293, 3.5.3 and RFC 5961, 3.2 have anything else ignored. The sender gets what
 * RFC 9293, 3.10.7.1 gives for a connection that does not exist; a RST is never answered, nor what
 * came to many at once, and all answers together have a budget: an address may be forged.
 */
#ifndef MQG_BPF_RESET_H
#define MQG_BPF_RESET_H

#include "begin.h"
#include "socket.h"
#include "sum.h"

#define MQG_RESET_HOPS	64
#define MQG_IP_WHOLE	0x4000		/* don't fragment */

static __always_inline bool resets(const struct mqgate_service *svc)
{
	return svc->flags & MQGATE_SVC_F_RESET;
}

/* A further segment of a flow that was refused. Return: its reason. */
static __always_inline __u32 flow_refused(struct packet *p, const struct mqgate_service *svc)
{
	if (!resets(svc))
		return MQGATE_REASON_FLOW_REFUSED;
	p->reset = MQG_RESET_SENDER;
	return MQGATE_REASON_FLOW_RESET;
}

/*
 * RFC 9293, 3.1. An IPv4 address in 16 bytes is a word of FFFF more, which is nothing in one's
 * complement.
 */
static __always_inline __u16 tcp_sum(const struct packet *p, const struct tcphdr *tcp)
{
	return fold(add_words(p->flow.saddr, 32) + bpf_htonl(IPPROTO_TCP) +
		    bpf_htonl(sizeof(*tcp)) + add_words(tcp, sizeof(*tcp)));
}

static __always_inline void tcp_to_receiver(const struct packet *p, struct tcphdr *tcp)
{
	(void)p;
	tcp->fin = 0;
	tcp->syn = 0;
	tcp->psh = 0;
	tcp->urg = 0;
	tcp->rst = 1;
}

/* What @tcp comes back as. SEG.LEN counts SYN and FIN (RFC 9293, 3.3.1). */
static __always_inline void tcp_to_sender(const struct packet *p, struct tcphdr *tcp)
{
	struct tcphdr back = { .source = tcp->dest, .dest = tcp->source, .rst = 1 };

	if (p->flags & MQG_TCP_ACK) {
		back.seq = tcp->ack_seq;
	} else {
		back.ack = 1;
		back.ack_seq = bpf_htonl(p->seq + p->payload_len +
					 !!(p->flags & MQG_TCP_SYN) + !!(p->flags & MQG_TCP_FIN));
	}
	*tcp = back;
}

/* The length in the IP header of a frame that now ends with a bare TCP header. */
static __always_inline bool ip_shorten(const struct packet *p, void *data, void *end)
{
	__u32 l3 = p->l3 & MQG_OFFSET_MASK, segment = p->l4 - l3 + sizeof(struct tcphdr);

	if (p->v4) {
		struct iphdr *ip = data + l3;

		if ((void *)(ip + 1) > end)
			return false;
		/* RFC 1624, 3 */
		ip->check = fold((__u64)(__u16)~ip->check + (__u16)~ip->tot_len +
				 bpf_htons(segment));
		ip->tot_len = bpf_htons(segment);
	} else {
		struct ipv6hdr *ip = data + l3;

		if ((void *)(ip + 1) > end)
			return false;
		ip->payload_len = bpf_htons(segment - sizeof(*ip));
	}
	return true;
}

/* Anew and the other way; not where options or extension headers would have to come along. */
static __always_inline bool ip_turn(const struct packet *p, void *data, void *end)
{
	__u32 l3 = p->l3 & MQG_OFFSET_MASK;

	if (p->v4) {
		struct iphdr *ip = data + l3;
		__be32 from;

		if ((void *)(ip + 1) > end || p->l4 != p->l3 + sizeof(*ip))
			return false;
		from = ip->daddr;
		ip->daddr = ip->saddr;
		ip->saddr = from;
		ip->tos = 0;
		ip->tot_len = bpf_htons(sizeof(*ip) + sizeof(struct tcphdr));
		ip->id = 0;
		ip->frag_off = bpf_htons(MQG_IP_WHOLE);
		ip->ttl = MQG_RESET_HOPS;
		ip->check = 0;
		ip->check = fold(add_words(ip, sizeof(*ip)));
	} else {
		struct ipv6hdr *ip = data + l3;

		if ((void *)(ip + 1) > end || p->l4 != p->l3 + sizeof(*ip))
			return false;
		__builtin_memcpy(&ip->saddr, p->flow.daddr, sizeof(ip->saddr));
		__builtin_memcpy(&ip->daddr, p->flow.saddr, sizeof(ip->daddr));
		ip->payload_len = bpf_htons(sizeof(struct tcphdr));
		ip->hop_limit = MQG_RESET_HOPS;
	}
	return true;
}

/* False where the frame came to many: RFC 1122, 4.2.3.10. */
static __always_inline bool ethernet_turn(void *data, void *end)
{
	__u8 to[ETH_ALEN], *mac = data;

	/* The headers behind were checked already: clang 19 would leave this check out. */
	asm volatile("" : "+r"(mac));
	if (mac + 2 * ETH_ALEN > (__u8 *)end || (mac[0] & 1))
		return false;
	__builtin_memcpy(to, mac, ETH_ALEN);
	__builtin_memcpy(mac, mac + ETH_ALEN, ETH_ALEN);
	__builtin_memcpy(mac + ETH_ALEN, to, ETH_ALEN);
	return true;
}

/**
 * mqg_reset_send() - make a reset of the frame
 * @ctx: frame
 * @p:   its segment; @p->reset says for whom
 *
 * Headers that lie in several buffers are not put together for this. Return: what XDP is to do:
 * XDP_PASS (on to the receiver), XDP_TX (back to the sender), or XDP_DROP where it cannot be.
 */
MQG_BORDER int mqg_reset_send(struct xdp_md *ctx, struct packet *p)
{
	struct tcphdr tcp, *to;
	bool back;
	void *data, *end;
	__u32 l4;

	if (!p || p->first_fragment)
		return XDP_DROP;
	back = p->reset == MQG_RESET_SENDER;
	l4 = p->l4 & MQG_OFFSET_MASK;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + l4 + sizeof(tcp) > end)
		return XDP_DROP;
	if (bpf_xdp_adjust_tail(ctx, (int)(l4 + sizeof(tcp)) - (int)p->wire))
		return XDP_DROP;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	to = data + l4;
	if ((void *)(to + 1) > end)
		return XDP_DROP;
	tcp = *to;
	if (back)
		tcp_to_sender(p, &tcp);
	else
		tcp_to_receiver(p, &tcp);
	tcp.doff = sizeof(tcp) / 4;
	tcp.window = 0;
	tcp.urg_ptr = 0;
	tcp.check = 0;
	tcp.check = tcp_sum(p, &tcp);
	*to = tcp;
	if (!back)
		return ip_shorten(p, data, end) ? XDP_PASS : XDP_DROP;
	return ip_turn(p, data, end) && ethernet_turn(data, end) ? XDP_TX : XDP_DROP;
}

/**
 * mqg_reset_judge() - is a reset sent for this segment, and to whom?
 * @ctx:    frame
 * @p:      its segment; @p->reset is who is owed one; out: who gets it, 0 = nobody
 * @svc:    its service
 * @reason: for which it is dropped
 *
 * Return: @reason, or MQGATE_REASON_RESET_BUDGET.
 */
MQG_BORDER int mqg_reset_judge(struct xdp_md *ctx, struct packet *p, struct mqgate_service *svc,
			       __u32 reason)
{
	struct scratch *s = scratch_get();

	if (!p || !svc || !s)
		return reason;
	/* What goes on to the socket reflects nothing, and spends nothing. */
	if (p->reset == MQG_RESET_RECEIVER)
		return reason;
	if (p->flow.proto != IPPROTO_TCP || (p->flags & MQG_TCP_RST)) {
		p->reset = 0;
		return reason;
	}
	bucket_of_service(s, p, MQGATE_BUDGET_RESETS);
	if (!mqg_budget_take(or_default(svc->reset_rate, MQGATE_DEFAULT_RESET_RATE), 0, p->now)) {
		p->reset = 0;
		return MQGATE_REASON_RESET_BUDGET;
	}
	if (p->reset == MQG_RESET_EITHER) {
		if (!(p->flags & MQG_TCP_SYN))
			mqg_socket_ask(ctx, p);
		p->reset = p->proven ? MQG_RESET_RECEIVER : MQG_RESET_SENDER;
		/* The verdict stands already: this is no evidence. */
		p->proven = false;
	}
	return reason;
}

#endif
