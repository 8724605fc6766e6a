/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the host's own sockets know of a flow that mqgate_flows does not. Owns the only
 * socket look-up; its reference is given back on the one way out.
 *
 * No socket is taken for "routed or bridged", also where the address is this host's own: a
 * local address may be translated to a broker elsewhere (DNAT is how container hosts publish
 * a port). Only where the daemon has said that the service ends here, MQGATE_SVC_F_LOCAL, does
 * an address of this host without a socket mean that nobody expects the payload: its daemon is
 * dead, and the stack would answer a flood with a RST each.
 *
 * A listener is taken for the end of the flow. Where its port is translated all the same (a
 * container host's user space proxy listens on every published port), flows older than the
 * attach are dropped, since nothing tells them from strangers.
 */
#ifndef MQG_BPF_SOCKET_H
#define MQG_BPF_SOCKET_H

#include "parse.h"

#define MQG_AF_INET	2
#define MQG_AF_INET6	10

enum ground {
	GROUND_NONE,		/* no socket here */
	GROUND_FIRST,		/* established, nothing received so far, and this comes next */
	GROUND_OPENING,		/* listener, or a handshake that this may complete: unproven */
	GROUND_SEEN,		/* established, and bytes went before */
	GROUND_ELSEWHERE,	/* out of order, old, TIME_WAIT: the stack's to answer */
};

/* Of the kernel's structures just the members that are read; libbpf relocates them. */
struct tcp_sock {
	__u32			rcv_nxt;
	__u64			bytes_received;
} __attribute__((preserve_access_index));

struct tcp_request_sock {
	__u32			rcv_nxt;
} __attribute__((preserve_access_index));

static __always_inline enum ground ground_of(struct packet *p, struct bpf_sock *sk)
{
	struct tcp_request_sock *request;
	struct tcp_sock *tcp;

	switch (sk->state) {
	case BPF_TCP_LISTEN:
		return GROUND_OPENING;
	case BPF_TCP_NEW_SYN_RECV:
		request = bpf_skc_to_tcp_request_sock(sk);
		if (request && request->rcv_nxt == p->seq)
			return GROUND_OPENING;
		return GROUND_ELSEWHERE;
	}
	tcp = bpf_skc_to_tcp_sock(sk);
	/* TIME_WAIT is no full socket. */
	if (!tcp)
		return GROUND_ELSEWHERE;
	/* Only who knows the sequence number is the peer of the handshake: others may spoof. */
	p->proven = tcp->rcv_nxt == p->seq;
	if (tcp->bytes_received)
		return GROUND_SEEN;
	return p->proven ? GROUND_FIRST : GROUND_ELSEWHERE;
}

/* The socket of a flow in the network namespace of the interface; is to be released. */
static __always_inline struct bpf_sock *socket_find(struct xdp_md *ctx, const struct packet *p)
{
	struct bpf_sock_tuple tuple = {};
	__u32 size;

	if (p->v4) {
		size = sizeof(tuple.ipv4);
		__builtin_memcpy(&tuple.ipv4.saddr, p->flow.saddr + 12, 4);
		__builtin_memcpy(&tuple.ipv4.daddr, p->flow.daddr + 12, 4);
		tuple.ipv4.sport = bpf_htons(p->flow.sport);
		tuple.ipv4.dport = bpf_htons(p->flow.dport);
	} else {
		size = sizeof(tuple.ipv6);
		__builtin_memcpy(tuple.ipv6.saddr, p->flow.saddr, 16);
		__builtin_memcpy(tuple.ipv6.daddr, p->flow.daddr, 16);
		tuple.ipv6.sport = bpf_htons(p->flow.sport);
		tuple.ipv6.dport = bpf_htons(p->flow.dport);
	}
	return bpf_skc_lookup_tcp(ctx, &tuple, size, BPF_F_CURRENT_NETNS, 0);
}

/**
 * mqg_socket_ask() - ask the socket of a flow, in the network namespace of the interface
 * @ctx: frame
 * @p:   its segment; @p->proven is set
 *
 * Return: enum ground.
 */
MQG_BORDER int mqg_socket_ask(struct xdp_md *ctx, struct packet *p)
{
	struct bpf_sock *sk;
	int ground;

	if (!p)
		return GROUND_NONE;
	sk = socket_find(ctx, p);
	if (!sk)
		return GROUND_NONE;
	ground = ground_of(p, sk);
	bpf_sk_release(sk);
	return ground;
}

/* What the routing table does with a packet: BPF_FIB_LKUP_RET_*. */
static __always_inline long route(struct xdp_md *ctx, const struct packet *p)
{
	struct bpf_fib_lookup fib = {};

	fib.ifindex = ctx->ingress_ifindex;
	fib.l4_protocol = IPPROTO_TCP;
	if (p->v4) {
		fib.family = MQG_AF_INET;
		__builtin_memcpy(&fib.ipv4_src, p->flow.saddr + 12, 4);
		__builtin_memcpy(&fib.ipv4_dst, p->flow.daddr + 12, 4);
	} else {
		fib.family = MQG_AF_INET6;
		__builtin_memcpy(fib.ipv6_src, p->flow.saddr, 16);
		__builtin_memcpy(fib.ipv6_dst, p->flow.daddr, 16);
	}
	return bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
}

/**
 * mqg_address_local() - does the routing table deliver this packet to the host itself?
 * @ctx: frame
 * @p:   its segment
 *
 * False where the interface does not forward: there the table is not asked, and a bridge may
 * carry the packet on.
 * Return: 1 or 0.
 */
MQG_BORDER int mqg_address_local(struct xdp_md *ctx, struct packet *p)
{
	return p && route(ctx, p) == BPF_FIB_LKUP_RET_NOT_FWDED;
}

/**
 * mqg_address_elsewhere() - does the routing table send this packet on?
 * @ctx: frame
 * @p:   its segment
 *
 * Not the opposite of mqg_address_local(): false where the interface does not forward. What comes
 * there is for this host, but for a bridge's ports.
 * Return: 1 or 0.
 */
MQG_BORDER int mqg_address_elsewhere(struct xdp_md *ctx, struct packet *p)
{
	long found;

	if (!p)
		return 1;
	found = route(ctx, p);
	return found != BPF_FIB_LKUP_RET_NOT_FWDED && found != BPF_FIB_LKUP_RET_FWD_DISABLED;
}

#endif
