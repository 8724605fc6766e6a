// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading a packet; see packet.h.
 */
#include "packet.h"

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "key.h"

/* The packet's own words on where it begins and ends. */
struct frame {
	u8	saddr[16];
	u8	daddr[16];
	u32	tcp_offset;
	u32	end;		/* from skb->data: padding of a bridged frame lies behind */
	bool	fragment;
};

/* A packet beyond 64 kB (BIG TCP) says 0; the skb is cut to the packet by then. */
static u32 end_of(const struct sk_buff *skb, u32 offset, u32 said)
{
	return said && said < skb->len - offset ? offset + said : skb->len;
}

static bool read_ipv4(struct frame *frame, const struct sk_buff *skb, u32 offset)
{
	const struct iphdr *iph;
	struct iphdr buffer;

	iph = skb_header_pointer(skb, offset, sizeof(buffer), &buffer);
	if (!iph || iph->version != 4 || iph->ihl < 5 || iph->protocol != IPPROTO_TCP)
		return false;
	if (iph->frag_off & htons(IP_OFFSET))
		return false;
	frame->fragment = iph->frag_off & htons(IP_MF);
	frame->tcp_offset = offset + iph->ihl * 4;
	frame->end = end_of(skb, offset, ntohs(iph->tot_len));
	mqg_key_set_ipv4(frame->saddr, iph->saddr);
	mqg_key_set_ipv4(frame->daddr, iph->daddr);
	return true;
}

static bool read_ipv6(struct frame *frame, const struct sk_buff *skb, u32 offset)
{
	const struct ipv6hdr *iph;
	struct ipv6hdr buffer;
	__be16 frag_off = 0;
	u32 said;
	int start;
	u8 next;

	iph = skb_header_pointer(skb, offset, sizeof(buffer), &buffer);
	if (!iph || iph->version != 6)
		return false;
	next = iph->nexthdr;
	start = ipv6_skip_exthdr(skb, offset + sizeof(*iph), &next, &frag_off);
	if (start < 0 || next != IPPROTO_TCP || (frag_off & htons(IP6_OFFSET)))
		return false;
	said = ntohs(iph->payload_len);
	frame->fragment = frag_off & htons(IP6_MF);
	frame->tcp_offset = start;
	frame->end = end_of(skb, offset, said ? said + sizeof(*iph) : 0);
	memcpy(frame->saddr, &iph->saddr, sizeof(frame->saddr));
	memcpy(frame->daddr, &iph->daddr, sizeof(frame->daddr));
	return true;
}

/* Whose segment it is: the destination decides when both ports are services. */
static const struct mqg_service *service_of(const struct mqg_settings *settings,
					    enum mqg_path path, u16 sport, u16 dport, u8 *dir)
{
	const struct mqg_service *service = NULL;

	*dir = MQGATE_FROM_CLIENT;
	if (path != MQG_PATH_OUT)
		service = mqg_settings_service(settings, dport);
	if (!service && path != MQG_PATH_IN) {
		*dir = MQGATE_FROM_SERVER;
		service = mqg_settings_service(settings, sport);
	}
	return service;
}

static u8 read_wscale(const struct sk_buff *skb, u32 offset, u32 length)
{
	u8 buffer[MAX_TCP_OPTION_SPACE];
	const u8 *options;
	u32 at = 0;

	options = length ? skb_header_pointer(skb, offset, length, buffer) : NULL;
	if (!options)
		return 0;
	while (at < length && options[at] != TCPOPT_EOL) {
		if (options[at] == TCPOPT_NOP) {
			at++;
			continue;
		}
		if (length - at < 2 || options[at + 1] < 2 || options[at + 1] > length - at)
			return 0;
		if (options[at] == TCPOPT_WINDOW && options[at + 1] == TCPOLEN_WINDOW)
			return min_t(u8, options[at + 2], TCP_MAX_WSCALE);
		at += options[at + 1];
	}
	return 0;
}

static void set_key(struct mqgate_flow_key *key, const struct frame *frame,
		    const struct tcphdr *th, u8 dir)
{
	bool from_client = dir == MQGATE_FROM_CLIENT;

	memcpy(key->saddr, from_client ? frame->saddr : frame->daddr, sizeof(key->saddr));
	memcpy(key->daddr, from_client ? frame->daddr : frame->saddr, sizeof(key->daddr));
	key->sport = ntohs(from_client ? th->source : th->dest);
	key->dport = ntohs(from_client ? th->dest : th->source);
	key->proto = IPPROTO_TCP;
}

static bool read_tcp(struct mqg_packet *packet, const struct sk_buff *skb,
		     const struct frame *frame, const struct tcphdr *th)
{
	u32 header = th->doff * 4;
	struct mqg_segment *segment = &packet->segment;

	if (header < sizeof(*th) || header > frame->end - frame->tcp_offset)
		return false;
	segment->seq = ntohl(th->seq);
	segment->ack = ntohl(th->ack_seq);
	segment->window = ntohs(th->window);
	segment->flags = tcp_flag_byte(th);
	segment->urgent = th->urg ? ntohs(th->urg_ptr) : 0;
	segment->offset = frame->tcp_offset + header;
	segment->length = frame->end - segment->offset;
	packet->wscale = 0;
	if (th->syn)
		packet->wscale = read_wscale(skb, frame->tcp_offset + sizeof(*th),
					     header - sizeof(*th));
	return true;
}

/**
 * mqg_packet_read - is this a segment of a service, and what does it say
 * @packet: filled in; all of it only for MQG_PACKET_SEGMENT
 * @skb: nonlinear, perhaps an aggregate of many segments
 * @protocol: ETH_P_IP or ETH_P_IPV6
 * @path: which way it goes
 * @settings: the namespace's; packet->service points into them
 *
 * Context: RCU.
 */
enum mqg_packet_kind mqg_packet_read(struct mqg_packet *packet, const struct sk_buff *skb,
				     __be16 protocol, enum mqg_path path,
				     const struct mqg_settings *settings)
{
	u32 offset = skb_network_offset(skb);
	const struct tcphdr *th;
	struct tcphdr buffer;
	struct frame frame;
	bool ours;

	if (protocol == htons(ETH_P_IP))
		ours = read_ipv4(&frame, skb, offset);
	else
		ours = protocol == htons(ETH_P_IPV6) && read_ipv6(&frame, skb, offset);
	if (!ours)
		return MQG_PACKET_OTHER;
	th = skb_header_pointer(skb, frame.tcp_offset, sizeof(buffer), &buffer);
	if (!th)
		return MQG_PACKET_OTHER;
	packet->service = service_of(settings, path, ntohs(th->source), ntohs(th->dest),
				     &packet->segment.dir);
	if (!packet->service)
		return MQG_PACKET_OTHER;
	packet->fragment = frame.fragment;
	packet->ip_offset = offset;
	packet->tcp_offset = frame.tcp_offset;
	packet->segment.enforce = mqg_service_enforced(settings, packet->service);
	if (frame.tcp_offset > frame.end || !read_tcp(packet, skb, &frame, th))
		return MQG_PACKET_BAD;
	set_key(&packet->key, &frame, th, packet->segment.dir);
	return MQG_PACKET_SEGMENT;
}

/**
 * mqg_packet_checksum_good - will the receiver take this segment's bytes for good
 * @packet: as read
 * @skb: what was learnt about its checksum is kept there
 *
 * Without this a segment with a wrong checksum would put bytes into our view of the stream
 * that no receiver has. By LOCAL_IN's rules on every path: in FORWARD the stack has already
 * put away a device's sum over bytes that were changed since.
 *
 * Context: softirq.
 */
bool mqg_packet_checksum_good(const struct mqg_packet *packet, struct sk_buff *skb)
{
	u8 family = mqg_key_is_ipv4(packet->key.saddr) ? AF_INET : AF_INET6;

	if (skb_csum_unnecessary(skb))
		return true;
	return !nf_checksum(skb, NF_INET_LOCAL_IN, packet->tcp_offset, IPPROTO_TCP, family);
}
