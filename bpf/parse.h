/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From frame to TCP segment or UDP datagram. Owns struct packet, which the other headers read.
 * Two steps: mqg_packet_locate() finds out whether this may be ours and touches nothing that is
 * not; examine(), called once the destination port is known to be protected, says what in it is
 * impossible.
 *
 * What cannot be identified as TCP or UDP to a port is passed by the caller and never counted:
 *   - more than two VLAN tags, anything but IPv4 and IPv6, an IP header that does not lead
 *     to a port (version, header length, total length 0 of BIG TCP, IPv4 inside AH);
 *   - later fragments: they carry no port. Where their first fragment is dropped, the rest
 *     never becomes a packet;
 *   - more than MQG_EXT_HEADERS IPv6 extension headers, or other ones than the five below (ESP
 *     hides the port): a drop would touch traffic that may not be ours.
 */
#ifndef MQG_BPF_PARSE_H
#define MQG_BPF_PARSE_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "maps.h"

#define MQG_VLANS		2
/* As many as RFC 8200, 4.1 puts in front of TCP: each once, destination options twice. */
#define MQG_EXT_HEADERS		6

/*
 * No header begins further in: 14 + 2 tags of 4 + 40 + 6 extension headers of at most 2048 +
 * 60. Masking with it tells the verifier what was lost on the way through memory.
 */
#define MQG_OFFSET_MASK		0x3FFF

#define MQG_IP_OFFSET		0x1FFF	/* RFC 791, 3.1 */
#define MQG_IP_MORE		0x2000
#define MQG_IP6_OFFSET		0xFFF8	/* RFC 8200, 4.5 */
#define MQG_IP6_MORE		0x0001

#define MQG_TCP_FIN		0x01
#define MQG_TCP_SYN		0x02
#define MQG_TCP_RST		0x04
#define MQG_TCP_ACK		0x10
#define MQG_TCP_URG		0x20
#define MQG_TCP_JUDGED \
	(MQG_TCP_FIN | MQG_TCP_SYN | MQG_TCP_RST | MQG_TCP_ACK | MQG_TCP_URG)

struct packet {
	struct mqgate_flow_key	flow;
	struct head		head;		/* first bytes of the payload */
	__u64			now;		/* 0 = the clock has not been read: see stamp() */
	__u32			frags;		/* 1 in the program for frames in several buffers */
	__u32			wire;		/* bytes of the frame */
	__u32			l4;		/* offset of the TCP or UDP header */
	__u32			ip_end;		/* offset behind the IP packet, by its header */
	__u32			payload;	/* offset */
	__u32			payload_len;
	__u32			seq;
	__u32			service;
	__u32			kind;
	__u8			flags;		/* of TCP */
	__u8			doff;		/* bytes of the TCP or UDP header; 0 = cut off */
	__u8			v4;
	__u8			first_fragment;
	__u8			proven;		/* the source finished a TCP handshake */
	__u8			judged;		/* the payload itself gave the reason */
	__u16			udp_len;	/* as its header says */
	__u16			l3;		/* offset of the IP header */
	__u8			reset;		/* MQG_RESET_*, owed for what is dropped */
	__u8			known;		/* a table may have the flow */
};

/*
 * A place that is loaded and stored in words: clang takes what it cannot know to be aligned byte
 * by byte, which is three instructions for each, and stalls whoever reads the words behind it.
 * The verifier allows any alignment in a packet where the machine does (x86, arm64), and none
 * that is not kept on the stack.
 */
static __always_inline void *words(const void *at)
{
	return __builtin_assume_aligned(at, 8);
}

/* Copies @len (constant) bytes at @off; false where the frame is shorter. */
static __always_inline bool pull(struct xdp_md *ctx, __u32 frags, __u32 off, void *to,
				 const __u32 len)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	off &= MQG_OFFSET_MASK;
	/* The form that the verifier understands; @off is bounded, so that it cannot wrap. */
	if (data + off + len <= end) {
		__builtin_memcpy(to, words(data + off), len);
		return true;
	}
	return frags && !bpf_xdp_load_bytes(ctx, off, to, len);
}

#define MQG_LINE		64	/* bytes of a cache line */

/*
 * The first payload lies in the second cache line of a frame, which came by DMA or from another
 * CPU: asked for at once, it arrives with the headers and not after them.
 */
static __always_inline void look_ahead(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (data + MQG_LINE < end)
		*(volatile __u8 *)(data + MQG_LINE);
}

/*
 * Reading the clock waits for all that was loaded before, and so undoes what the processor does
 * ahead. A flood of one packet after another is dropped without.
 */
static __always_inline void stamp(struct packet *p)
{
	if (!p->now)
		p->now = bpf_ktime_get_boot_ns();
}

static __always_inline __u32 measure(struct xdp_md *ctx, const __u32 frags)
{
	return frags ? (__u32)bpf_xdp_get_buff_len(ctx) : ctx->data_end - ctx->data;
}

/* RFC 4291, 2.5.5.2; @addr is zero. In words: it is read in words. */
static __always_inline void map_v4(__u8 addr[16], __be32 v4)
{
	__u32 *word = words(addr);

	word[2] = bpf_htonl(0xFFFF);
	word[3] = v4;
}

static __always_inline bool locate_v4(struct xdp_md *ctx, struct packet *p, __u32 off)
{
	struct iphdr ip;
	__u32 total, len;

	if (!pull(ctx, p->frags, off, &ip, sizeof(ip)))
		return false;
	if (ip.version != 4 || ip.ihl < 5 || (ip.frag_off & bpf_htons(MQG_IP_OFFSET)) ||
	    (ip.protocol != IPPROTO_TCP && ip.protocol != IPPROTO_UDP))
		return false;
	len = ip.ihl * 4;
	total = bpf_ntohs(ip.tot_len);
	if (total < len || total - len < 4)
		return false;
	p->v4 = true;
	p->first_fragment = !!(ip.frag_off & bpf_htons(MQG_IP_MORE));
	p->l4 = off + len;
	p->ip_end = off + total;
	p->flow.proto = ip.protocol;

	map_v4(p->flow.saddr, ip.saddr);
	map_v4(p->flow.daddr, ip.daddr);
	return true;
}

static __always_inline bool locate_v6(struct xdp_md *ctx, struct packet *p, __u32 off)
{
	struct ipv6hdr ip;
	__u8 ext[4] __attribute__((aligned(4)));
	__u32 next;

	if (!pull(ctx, p->frags, off, &ip, sizeof(ip)) || ip.version != 6)
		return false;
	next = ip.nexthdr;
	off += sizeof(ip);
	p->ip_end = off + bpf_ntohs(ip.payload_len);

	for (int i = 0; i < MQG_EXT_HEADERS; i++) {
		if (next == IPPROTO_TCP || next == IPPROTO_UDP)
			break;
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING &&
		    next != IPPROTO_DSTOPTS && next != IPPROTO_FRAGMENT && next != IPPROTO_AH)
			return false;
		if (!pull(ctx, p->frags, off, ext, sizeof(ext)))
			return false;
		if (next == IPPROTO_FRAGMENT) {
			__u32 field = ext[2] << 8 | ext[3];

			if (field & MQG_IP6_OFFSET)
				return false;
			if (field & MQG_IP6_MORE)
				p->first_fragment = true;
			off += 8;
		} else if (next == IPPROTO_AH) {
			off += (ext[1] + 2U) * 4;	/* RFC 4302, 2.2 */
		} else {
			off += (ext[1] + 1U) * 8;
		}
		next = ext[0];
		/* One state a round for the verifier, whichever header it was. */
		off &= MQG_OFFSET_MASK;
	}
	if ((next != IPPROTO_TCP && next != IPPROTO_UDP) || off > p->ip_end ||
	    p->ip_end - off < 4)
		return false;
	p->l4 = off;
	p->flow.proto = next;
	__builtin_memcpy(words(p->flow.saddr), &ip.saddr, 16);
	__builtin_memcpy(words(p->flow.daddr), &ip.daddr, 16);
	return true;
}

static __always_inline bool read_tcp(struct xdp_md *ctx, struct packet *p)
{
	struct tcphdr tcp = {};

	if (pull(ctx, p->frags, p->l4, &tcp, sizeof(tcp)))
		p->doff = tcp.doff * 4;
	else if (!pull(ctx, p->frags, p->l4, &tcp, 4))
		return false;
	p->flow.sport = bpf_ntohs(tcp.source);
	p->flow.dport = bpf_ntohs(tcp.dest);
	p->seq = bpf_ntohl(tcp.seq);
	p->flags = ((__u8 *)&tcp)[13];
	return true;
}

static __always_inline bool read_udp(struct xdp_md *ctx, struct packet *p)
{
	struct udphdr udp = {};

	if (pull(ctx, p->frags, p->l4, &udp, sizeof(udp)))
		p->doff = sizeof(udp);
	else if (!pull(ctx, p->frags, p->l4, &udp, 4))
		return false;
	p->flow.sport = bpf_ntohs(udp.source);
	p->flow.dport = bpf_ntohs(udp.dest);
	p->udp_len = bpf_ntohs(udp.len);
	return true;
}

/**
 * mqg_packet_locate() - find the TCP segment or UDP datagram in a frame
 * @ctx: frame
 * @p:   out, all that examine() needs; @p->frags is set by the caller
 *
 * Return: 1 when @p is one with ports, else 0.
 */
MQG_BORDER int mqg_packet_locate(struct xdp_md *ctx, struct packet *p)
{
	__u32 off = 2 * ETH_ALEN;
	__be16 proto;
	__u8 tag[4] __attribute__((aligned(4)));

	if (!p || !pull(ctx, p->frags, off, &proto, sizeof(proto)))
		return 0;
	off += sizeof(proto);
#pragma unroll
	for (int i = 0; i < MQG_VLANS; i++) {
		if (proto != bpf_htons(ETH_P_8021Q) && proto != bpf_htons(ETH_P_8021AD))
			break;
		if (!pull(ctx, p->frags, off, tag, sizeof(tag)))
			return 0;
		__builtin_memcpy(&proto, tag + 2, sizeof(proto));
		off += sizeof(tag);
	}
	p->l3 = off;
	if (proto == bpf_htons(ETH_P_IP)) {
		if (!locate_v4(ctx, p, off))
			return 0;
	} else if (proto == bpf_htons(ETH_P_IPV6)) {
		if (!locate_v6(ctx, p, off))
			return 0;
	} else {
		return 0;
	}

	return p->flow.proto == IPPROTO_TCP ? read_tcp(ctx, p) : read_udp(ctx, p);
}

/*
 * The flags that a TCP can send (RFC 9293, 3.5 and 3.10.7: after the SYN every segment
 * carries ACK, but for a RST that answers one without). All else is a scan or an attack:
 * none at all, SYN with FIN or RST, FIN with RST, FIN, URG or PSH without ACK. The same set
 * as nf_conntrack's; PSH, ECE and CWR do not matter.
 */
static __always_inline bool possible(__u8 flags)
{
	const __u64 known = 1ULL << MQG_TCP_SYN |
			    1ULL << (MQG_TCP_SYN | MQG_TCP_URG) |
			    1ULL << (MQG_TCP_SYN | MQG_TCP_ACK) |
			    1ULL << MQG_TCP_RST |
			    1ULL << (MQG_TCP_RST | MQG_TCP_ACK) |
			    1ULL << (MQG_TCP_FIN | MQG_TCP_ACK) |
			    1ULL << (MQG_TCP_FIN | MQG_TCP_ACK | MQG_TCP_URG) |
			    1ULL << MQG_TCP_ACK |
			    1ULL << (MQG_TCP_ACK | MQG_TCP_URG);

	return known >> (flags & MQG_TCP_JUDGED) & 1;
}

static __always_inline __u32 examine_tcp(struct packet *p, __u32 segment)
{
	if (p->doff < sizeof(struct tcphdr) || p->doff > segment)
		return MQGATE_REASON_TCP_HEADER;
	if (!possible(p->flags))
		return MQGATE_REASON_TCP_FLAGS;
	p->payload_len = segment - p->doff;
	/* Fast Open is not offered; a client whose SYN is lost sends it again without data. */
	if ((p->flags & MQG_TCP_SYN) && p->payload_len)
		return MQGATE_REASON_SYN_DATA;
	return 0;
}

/*
 * A datagram may end before its packet does, not behind it, unless further fragments bring the
 * rest. Over IPv6 a length of 0 is that of the packet (RFC 2675, 4; Linux takes it at any size).
 */
static __always_inline __u32 examine_udp(struct packet *p, __u32 segment)
{
	__u32 len = p->udp_len;

	if (!len && !p->v4)
		len = segment;
	if (!p->doff || segment < p->doff || len < p->doff || (len > segment && !p->first_fragment))
		return MQGATE_REASON_UDP_HEADER;
	p->payload_len = (len < segment ? len : segment) - p->doff;
	return 0;
}

/*
 * What no honest sender sends to a protected port. The length of the payload comes from the
 * IP header: behind it Ethernet may pad. @fragments: the service takes first fragments, which
 * are judged by what they carry, at the least a whole TCP or UDP header. Return: the reason of
 * the drop, or 0.
 */
static __always_inline __u32 examine(struct packet *p, bool fragments)
{
	__u32 segment = p->ip_end - p->l4, reason;

	if (p->first_fragment && !fragments)
		return MQGATE_REASON_FRAGMENT;
	if (p->ip_end > p->wire)
		return MQGATE_REASON_IP_HEADER;
	if (p->flow.proto == IPPROTO_TCP)
		reason = examine_tcp(p, segment);
	else
		reason = examine_udp(p, segment);
	p->payload = p->l4 + p->doff;
	return reason;
}

#endif
