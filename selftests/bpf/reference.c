// SPDX-License-Identifier: BSD-2-Clause
/* The second reading of frames; see reference.h. Called by xdp_frames. */
#include "reference.h"

#include <string.h>

#include <netinet/in.h>

static unsigned int be16(const uint8_t *at)
{
	return (unsigned int)(at[0] << 8 | at[1]);
}

/* @n bytes at @off are there. */
static bool there(size_t len, size_t off, size_t n)
{
	return off <= len && n <= len - off;
}

struct layer {
	size_t		l4, end;	/* where TCP or UDP begins; where the IP packet ends */
	unsigned int	proto;
	bool		more;		/* a first fragment */
};

/* RFC 791, 3.1. */
static bool read_ipv4(const uint8_t *frame, size_t len, size_t off, struct layer *l,
		      struct mqgate_flow_key *flow)
{
	const uint8_t *ip = frame + off;
	size_t header, total;

	if (!there(len, off, 20) || ip[0] >> 4 != 4)
		return false;
	header = (size_t)(ip[0] & 15) * 4;
	total = be16(ip + 2);
	if (header < 20 || total < header + 4 || be16(ip + 6) & 0x1FFF)
		return false;
	l->more = ip[6] & 0x20;
	l->proto = ip[9];
	l->l4 = off + header;
	l->end = off + total;
	memset(flow->saddr + 10, 0xFF, 2);
	memset(flow->daddr + 10, 0xFF, 2);
	memcpy(flow->saddr + 12, ip + 12, 4);
	memcpy(flow->daddr + 12, ip + 16, 4);
	return true;
}

/* RFC 8200, 3 and 4; RFC 4302, 2. */
static bool read_ipv6(const uint8_t *frame, size_t len, size_t off, struct layer *l,
		      struct mqgate_flow_key *flow)
{
	const uint8_t *ip = frame + off;
	size_t at = off + 40;

	if (!there(len, off, 40) || ip[0] >> 4 != 6)
		return false;
	l->proto = ip[6];
	l->end = at + be16(ip + 4);
	for (int i = 0; i < 6 && l->proto != IPPROTO_TCP && l->proto != IPPROTO_UDP; i++) {
		const uint8_t *header = frame + at;

		if (!there(len, at, 4))
			return false;
		switch (l->proto) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			at += 8 + 8 * (size_t)header[1];
			break;
		case IPPROTO_AH:
			at += 8 + 4 * (size_t)header[1];
			break;
		case IPPROTO_FRAGMENT:
			if (be16(header + 2) >> 3)
				return false;
			if (header[3] & 1)
				l->more = true;
			at += 8;
			break;
		default:
			return false;
		}
		l->proto = header[0];
	}
	l->l4 = at;
	memcpy(flow->saddr, ip + 8, 16);
	memcpy(flow->daddr, ip + 24, 16);
	return at + 4 <= l->end;
}

/* RFC 9293, 3.1; which flags go together: SYN, SYN+ACK, RST, and anything else has ACK. */
static uint32_t read_tcp(const uint8_t *tcp, size_t have, size_t segment, struct reading *r)
{
	size_t header = have >= 20 ? (size_t)(tcp[12] >> 4) * 4 : 0;
	bool fin, syn, rst, ack, urg;

	if (header < 20 || header > segment)
		return MQGATE_REASON_TCP_HEADER;
	r->flags = tcp[13];
	fin = tcp[13] & 1;
	syn = tcp[13] & 2;
	rst = tcp[13] & 4;
	ack = tcp[13] & 16;
	urg = tcp[13] & 32;
	if ((syn && (fin || rst)) || (fin && rst) || (!ack && !syn && !rst) || (rst && urg) ||
	    (syn && ack && urg))
		return MQGATE_REASON_TCP_FLAGS;
	r->payload = header;
	r->length = segment - header;
	return syn && r->length ? MQGATE_REASON_SYN_DATA : 0;
}

/* RFC 768; RFC 2675, 4 for a length of 0. */
static uint32_t read_udp(const uint8_t *udp, size_t have, size_t segment, bool v6,
			 struct reading *r)
{
	size_t length;

	if (have < 8 || segment < 8)
		return MQGATE_REASON_UDP_HEADER;
	length = be16(udp + 4);
	if (!length && v6)
		length = segment;
	if (length < 8 || length > segment)
		return MQGATE_REASON_UDP_HEADER;
	r->payload = 8;
	r->length = length - 8;
	return 0;
}

void reference_read(const uint8_t *frame, size_t len, struct reading *r)
{
	struct layer l = {};
	size_t off = 12;
	unsigned int type;
	bool v6;

	memset(r, 0, sizeof(*r));
	for (int tags = 0;; tags++, off += 4) {
		if (!there(len, off, 2))
			return;
		type = be16(frame + off);
		if ((type != 0x8100 && type != 0x88A8) || tags == 2)
			break;
	}
	off += 2;
	v6 = type == 0x86DD;
	if (v6 ? !read_ipv6(frame, len, off, &l, &r->flow) :
	    type != 0x0800 || !read_ipv4(frame, len, off, &l, &r->flow))
		return;
	if (!there(len, l.l4, 4))
		return;
	r->flow.sport = (uint16_t)be16(frame + l.l4);
	r->flow.dport = (uint16_t)be16(frame + l.l4 + 2);
	r->flow.proto = l.proto;
	r->ours = (l.proto == IPPROTO_TCP && r->flow.dport == 1883) ||
		  (l.proto == IPPROTO_UDP && r->flow.dport == 5683);
	if (!r->ours)
		return;
	if (l.more)
		r->reason = MQGATE_REASON_FRAGMENT;
	else if (l.end > len)
		r->reason = MQGATE_REASON_IP_HEADER;
	else if (l.proto == IPPROTO_TCP)
		r->reason = read_tcp(frame + l.l4, len - l.l4, l.end - l.l4, r);
	else
		r->reason = read_udp(frame + l.l4, len - l.l4, l.end - l.l4, v6, r);
	r->payload += l.l4;
}
