/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SYN cookies in place of the host's own stack: a SYN becomes the SYN-ACK that the listener would
 * have sent with a cookie, in the frame that it came in, and an ACK is asked whether it brings one
 * back. The kernel makes and checks the cookies (bpf_tcp_gen_syncookie(), _check_syncookie()), so
 * that it takes the connection up as if it had answered itself. Called by syn.h in a flood.
 *
 * The SYN-ACK carries MSS and nothing else: a cookie has no room for the options of the SYN, and
 * the listener would put them into timestamps that XDP does not know. VLAN tags stay as they are.
 */
#ifndef MQG_BPF_COOKIE_H
#define MQG_BPF_COOKIE_H

#include "socket.h"
#include "sum.h"

#define MQG_SYNACK_LEN		24	/* TCP header with MSS option */
#define MQG_SYNACK_WINDOW	64240	/* 44 segments of 1460 bytes, as Linux begins with */
#define MQG_SYNACK_TTL		64
#define MQG_FRAME_MIN		60	/* IEEE 802.3 without FCS */
#define MQG_TARGET_NS		(10 * MQG_MS_NS)	/* so long a route is believed */
#define MQG_MTU			1500	/* more is not announced, whatever the interface takes */

/* The TCP header of a SYN-ACK; RFC 9293, 3.1. */
struct synack {
	__be16			source;
	__be16			dest;
	__be32			seq;
	__be32			ack;
	__be16			flags;
	__be16			window;
	__be16			check;
	__be16			urgent;
	__be16			option;		/* kind 2, length 4 */
	__be16			mss;
};

/*
 * An IP header as the cookie helpers read it: version and addresses. The one in the packet may
 * have options or extension headers in front of TCP. Return: its length.
 */
static __always_inline __u32 put_ip(const struct packet *p, struct scratch *s)
{
	if (p->v4) {
		s->ip[0] = 0x45;
		__builtin_memcpy(s->ip + 12, p->flow.saddr + 12, 4);
		__builtin_memcpy(s->ip + 16, p->flow.daddr + 12, 4);
		return sizeof(struct iphdr);
	}
	s->ip[0] = 0x60;
	__builtin_memcpy(s->ip + 8, p->flow.saddr, 16);
	__builtin_memcpy(s->ip + 24, p->flow.daddr, 16);
	return sizeof(struct ipv6hdr);
}

/*
 * A listener takes what is for any address of the host, and the look-up knows none of them: the
 * routing table is asked, and the MTU of the interface. Return: 0, where memory fails.
 */
MQG_BORDER int mqg_target_learn(struct xdp_md *ctx, struct packet *p)
{
	struct scratch *s = scratch_get();
	const __u64 *daddr;
	__u32 mtu = 0;

	if (!s || !p)
		return 0;
	daddr = (const __u64 *)p->flow.daddr;
	if (bpf_check_mtu(ctx, 0, &mtu, 0, 0) < 0 || mtu > MQG_MTU)
		mtu = MQG_MTU;
	s->target.addr[0] = daddr[0];
	s->target.addr[1] = daddr[1];
	s->target.ifindex = ctx->ingress_ifindex;
	s->target.mss = mtu - sizeof(struct tcphdr) -
			(p->v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
	s->target.here = !mqg_address_elsewhere(ctx, p);
	s->target.until = p->now + MQG_TARGET_NS;
	return 1;
}

static __always_inline bool here(struct xdp_md *ctx, struct packet *p, const struct scratch *s)
{
	const __u64 *daddr = (const __u64 *)p->flow.daddr;

	if (p->now >= s->target.until || s->target.addr[0] != daddr[0] ||
	    s->target.addr[1] != daddr[1] || s->target.ifindex != ctx->ingress_ifindex)
		mqg_target_learn(ctx, p);
	return s->target.here;
}

/* Return: MQGATE_SYN_COOKIES with a cookie for this SYN in @cookie, or why there is none. */
static __always_inline __u32 make(struct xdp_md *ctx, struct packet *p, __u32 *cookie)
{
	__u32 answer = MQGATE_SYN_ELSEWHERE, size, n = p->doff;
	struct scratch *s = scratch_get();
	struct bpf_sock *sk;
	__s64 made;

	if (!s || n < sizeof(struct tcphdr) ||
	    bpf_xdp_load_bytes(ctx, p->l4, s->tcp, ((n - 1) & (sizeof(s->tcp) - 1)) + 1))
		return MQGATE_SYN_FRAME;
	size = put_ip(p, s);
	sk = socket_find(ctx, p);
	if (!sk)
		return answer;
	if (sk->state == BPF_TCP_LISTEN && here(ctx, p, s)) {
		made = bpf_tcp_gen_syncookie(sk, s->ip, size, (struct tcphdr *)s->tcp,
					     ((n - 1) & (sizeof(s->tcp) - 1)) + 1);
		answer = made < 0 ? MQGATE_SYN_REFUSED : MQGATE_SYN_COOKIES;
		*cookie = made;
	}
	bpf_sk_release(sk);
	return answer;
}

/*
 * Return: where the IP header is, or 0 where TCP does not follow it at once in the one buffer, or
 * the frame came to many: no SYN to a group is answered (RFC 1122, 4.2.3.10).
 */
static __always_inline __u32 plain(struct xdp_md *ctx, const struct packet *p)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 off = 2 * ETH_ALEN;

#pragma unroll
	for (int i = 0; i <= MQG_VLANS; i++) {
		__be16 *proto = data + off;

		if ((void *)(proto + 1) > end)
			return 0;
		off += sizeof(*proto);
		if (*proto != bpf_htons(ETH_P_8021Q) && *proto != bpf_htons(ETH_P_8021AD))
			break;
		off += 2;
	}
	if (end - data != p->wire || (*(__u8 *)data & 1) ||
	    p->l4 - off != (p->v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)))
		return 0;
	return off;
}

/* The frame becomes as long as the answer, padded where it was. Return: false for no room. */
static __always_inline bool resize(struct xdp_md *ctx, const struct packet *p)
{
	__u32 len = p->l4 + MQG_SYNACK_LEN;

	if (len < MQG_FRAME_MIN && p->wire > len)
		len = p->wire < MQG_FRAME_MIN ? p->wire : MQG_FRAME_MIN;
	return len == p->wire || !bpf_xdp_adjust_tail(ctx, (int)len - (int)p->wire);
}

static __always_inline void put_tcp(const struct packet *p, __u32 cookie, __u32 mss,
				    struct synack *tcp)
{
	*tcp = (struct synack){
		.source = bpf_htons(p->flow.dport),
		.dest = bpf_htons(p->flow.sport),
		.seq = bpf_htonl(cookie),
		.ack = bpf_htonl(p->seq + 1),
		.flags = bpf_htons((MQG_SYNACK_LEN / 4) << 12 | MQG_TCP_SYN | MQG_TCP_ACK),
		.window = bpf_htons(MQG_SYNACK_WINDOW),
		.option = bpf_htons(2 << 8 | 4),
	};
	tcp->mss = bpf_htons(mss);
}

/* Return: false where the frame is too short, which resize() has seen to. */
static __always_inline bool put_v4(struct xdp_md *ctx, const struct packet *p, __u32 off,
				   struct synack *tcp)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + (off & MQG_OFFSET_MASK);
	__u16 *pad;
	struct iphdr new = {
		.version = 4,
		.ihl = 5,
		.tot_len = bpf_htons(sizeof(*ip) + MQG_SYNACK_LEN),
		.frag_off = bpf_htons(0x4000),
		.ttl = MQG_SYNACK_TTL,
		.protocol = IPPROTO_TCP,
	};

	if ((void *)(ip + 1) + sizeof(*tcp) > end)
		return false;
	__builtin_memcpy(&new.saddr, p->flow.daddr + 12, 4);
	__builtin_memcpy(&new.daddr, p->flow.saddr + 12, 4);
	new.check = fold(add_words(&new, sizeof(new)));
	tcp->check = fold(add_words(tcp, sizeof(*tcp)) + new.saddr + new.daddr +
			  bpf_htonl(IPPROTO_TCP << 16 | MQG_SYNACK_LEN));
	*ip = new;
	__builtin_memcpy(ip + 1, tcp, sizeof(*tcp));
	/* Without VLAN tag the frame is padded, with what was part of the SYN. */
	pad = (void *)(ip + 1) + sizeof(*tcp);
	if ((void *)(pad + 1) <= end)
		*pad = 0;
	return true;
}

static __always_inline bool put_v6(struct xdp_md *ctx, const struct packet *p, __u32 off,
				   struct synack *tcp)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ipv6hdr *ip = data + (off & MQG_OFFSET_MASK);

	if ((void *)(ip + 1) + sizeof(*tcp) > end)
		return false;
	tcp->check = fold(add_words(tcp, sizeof(*tcp)) + add_words(p->flow.saddr, 32) +
			  bpf_htonl(MQG_SYNACK_LEN) + bpf_htonl(IPPROTO_TCP));
	*(__be32 *)ip = bpf_htonl(6U << 28);
	ip->payload_len = bpf_htons(MQG_SYNACK_LEN);
	ip->nexthdr = IPPROTO_TCP;
	ip->hop_limit = MQG_SYNACK_TTL;
	__builtin_memcpy(&ip->saddr, p->flow.daddr, 16);
	__builtin_memcpy(&ip->daddr, p->flow.saddr, 16);
	__builtin_memcpy(ip + 1, tcp, sizeof(*tcp));
	return true;
}

static __always_inline void put_ethernet(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	__u8 mac[ETH_ALEN];

	if ((void *)(eth + 1) > end)
		return;
	__builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
}

/**
 * mqg_cookie_answer() - turn a SYN into the SYN-ACK of a listener of this host
 * @ctx:   frame; is changed only where the answer is MQGATE_SYN_COOKIES
 * @p:     its segment, a SYN
 * @write: 0 to find out what would be answered, and leave the frame alone
 *
 * Return: enum mqgate_syn_answer.
 */
MQG_BORDER int mqg_cookie_answer(struct xdp_md *ctx, struct packet *p, __u32 write)
{
	struct scratch *s = scratch_get();
	__u32 cookie = 0, off, answer;
	struct synack tcp;

	if (!p || !s)
		return MQGATE_SYN_FRAME;
	off = plain(ctx, p);
	if (!off)
		return MQGATE_SYN_FRAME;
	answer = make(ctx, p, &cookie);
	if (answer != MQGATE_SYN_COOKIES || !write)
		return answer;
	if (!resize(ctx, p))
		return MQGATE_SYN_FRAME;
	put_tcp(p, cookie, s->target.mss, &tcp);
	if (!(p->v4 ? put_v4(ctx, p, off, &tcp) : put_v6(ctx, p, off, &tcp)))
		return MQGATE_SYN_FRAME;
	put_ethernet(ctx);
	return MQGATE_SYN_COOKIES;
}

/**
 * mqg_cookie_check() - does a segment without payload belong to anything here?
 * @ctx: frame
 * @p:   its segment, no SYN and no RST
 *
 * Return: MQGATE_REASON_PASS_COOKIE, _ACK_COOKIE, or 0 where a socket has it, or another host.
 */
MQG_BORDER int mqg_cookie_check(struct xdp_md *ctx, struct packet *p)
{
	struct scratch *s = scratch_get();
	__u32 reason = 0, size;
	struct bpf_sock *sk;

	if (!s || !p || !pull(ctx, p->frags, p->l4, s->tcp, sizeof(struct tcphdr)))
		return 0;
	size = put_ip(p, s);
	sk = socket_find(ctx, p);
	if (!sk)
		return mqg_address_local(ctx, p) ? MQGATE_REASON_ACK_COOKIE : 0;
	if (sk->state == BPF_TCP_LISTEN && here(ctx, p, s))
		reason = bpf_tcp_check_syncookie(sk, s->ip, size, (struct tcphdr *)s->tcp,
						 sizeof(struct tcphdr)) ?
			 MQGATE_REASON_ACK_COOKIE : MQGATE_REASON_PASS_COOKIE;
	bpf_sk_release(sk);
	return reason;
}

#endif
