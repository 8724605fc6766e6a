// SPDX-License-Identifier: GPL-2.0-only
/*
 * The segments of the clients; see feed.h. Owns where each client's two streams stand.
 */
#include "feed.h"

#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/vmalloc.h>
#include <net/ip.h>
#include <net/tcp.h>

#define PORT	1883
#define ROOM	128		/* before the packet, as drivers leave it */

#define SEQ_CLIENT	0
#define SEQ_SERVER	1

const char *const feed_kind_names[FEED_KINDS] = {
	[FEED_SYN]		= "syn",
	[FEED_SYN_ACK]		= "syn-ack",
	[FEED_HANDSHAKE_ACK]	= "handshake-ack",
	[FEED_CONNECT]		= "connect",
	[FEED_CONNACK]		= "connack",
	[FEED_CONNACK_ACK]	= "connack-ack",
	[FEED_UP]		= "up",
	[FEED_UP_ACK]		= "up-ack",
	[FEED_DOWN]		= "down",
	[FEED_DOWN_ACK]		= "down-ack",
};

/* MQTT 3.1.1, clean session, keep alive 20 minutes, an identifier of 23 bytes */
#define ID_AT	14
#define ID_BYTES	23
static const u8 connect_bytes[ID_AT + ID_BYTES + 1] =
	"\x10\x23\x00\x04MQTT\x04\x02\x04\xb0\x00\x17" "device-0123456789abcdef";
static const u8 connack_bytes[] = { 0x20, 2, 0, 0 };
static const u8 publish_bytes[64 + 1] =
	"\x30\x3e\x00\x18" "plant/7/pump/temperature"
	"{\"value\": 21.5, \"unit\": \"C\", \"n\": 1}";

static u32 (*streams)[2];

/* A stream's first number. */
static u32 isn(u32 client, int stream)
{
	return feed_mix(2 * client + stream);
}

int feed_frames_init(void)
{
	BUILD_BUG_ON(sizeof(connect_bytes) - 1 != 0x23 + 2);
	streams = vzalloc(array_size(FEED_CLIENTS, sizeof(*streams)));
	return streams ? 0 : -ENOMEM;
}

void feed_frames_exit(void)
{
	vfree(streams);
}

static u32 source_of(u32 client, enum feed_sources sources)
{
	return sources == FEED_OWN ? 0x0a000000U + client : 0x0a000001U;
}

static u32 broker_of(u32 client, enum feed_sources sources)
{
	return 0xac100001U + (sources == FEED_OWN ? 0 : client / 50000);
}

static u16 port_of(u32 client, enum feed_sources sources)
{
	return 10000 + (sources == FEED_OWN ? feed_mix(client) : client) % 50000;
}

/**
 * feed_key - a client's flow, as the module keys it
 * @key: filled in
 * @client: its number
 * @sources: how clients are spread over addresses
 */
void feed_key(struct mqgate_flow_key *key, u32 client, enum feed_sources sources)
{
	__be32 saddr = htonl(source_of(client, sources)), daddr = htonl(broker_of(client, sources));

	memset(key, 0, sizeof(*key));
	memset(key->saddr + 10, 0xff, 2);
	memset(key->daddr + 10, 0xff, 2);
	memcpy(key->saddr + 12, &saddr, sizeof(saddr));
	memcpy(key->daddr + 12, &daddr, sizeof(daddr));
	key->sport = port_of(client, sources);
	key->dport = PORT;
	key->proto = IPPROTO_TCP;
}

static bool from_server(enum feed_kind kind)
{
	return kind == FEED_SYN_ACK || kind == FEED_CONNACK || kind == FEED_UP_ACK ||
	       kind == FEED_DOWN;
}

static const u8 *payload_of(enum feed_kind kind, u32 *length)
{
	switch (kind) {
	case FEED_CONNECT:
		*length = sizeof(connect_bytes) - 1;
		return connect_bytes;
	case FEED_CONNACK:
		*length = sizeof(connack_bytes);
		return connack_bytes;
	case FEED_UP:
	case FEED_DOWN:
		*length = sizeof(publish_bytes) - 1;
		return publish_bytes;
	default:
		*length = 0;
		return NULL;
	}
}

/* As Linux has them: MSS, SACK permitted, time stamps, window scale 7; then time stamps only. */
static u32 put_options(u8 *options, bool syn)
{
	static const u8 first[20] = {
		2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7
	};
	static const u8 later[12] = { 1, 1, 8, 10, 0, 0, 0, 2, 0, 0, 0, 1 };

	if (syn)
		memcpy(options, first, sizeof(first));
	else
		memcpy(options, later, sizeof(later));
	return syn ? sizeof(first) : sizeof(later);
}

/* The digits of an identifier. */
static void put_number(u8 *to, u32 client)
{
	int i;

	for (i = 15; i >= 8; i--, client >>= 4)
		to[i] = "0123456789abcdef"[client & 15];
}

static void put_tcp(struct tcphdr *th, u32 client, enum feed_sources sources, enum feed_kind kind,
		    u32 length)
{
	bool server = from_server(kind), syn = kind == FEED_SYN || kind == FEED_SYN_ACK;
	u32 *next = streams[client];
	int own = server ? SEQ_SERVER : SEQ_CLIENT;

	if (syn)
		next[own] = isn(client, own);
	th->source = htons(server ? PORT : port_of(client, sources));
	th->dest = htons(server ? port_of(client, sources) : PORT);
	th->seq = htonl(next[own]);
	th->ack = kind != FEED_SYN;
	th->ack_seq = th->ack ? htonl(next[!own]) : 0;
	th->syn = syn;
	th->psh = length > 0;
	th->window = htons(502);
	th->doff = (sizeof(*th) + put_options((u8 *)(th + 1), syn)) / 4;
	next[own] += length + syn;
}

static void put_ip(struct iphdr *iph, u32 client, enum feed_sources sources, bool server,
		   u32 total)
{
	u32 saddr = source_of(client, sources), daddr = broker_of(client, sources);

	iph->version = 4;
	iph->ihl = 5;
	iph->tot_len = htons(total);
	iph->frag_off = htons(IP_DF);
	iph->ttl = 63;
	iph->protocol = IPPROTO_TCP;
	iph->saddr = htonl(server ? daddr : saddr);
	iph->daddr = htonl(server ? saddr : daddr);
	ip_send_check(iph);
}

/**
 * feed_frame - the next segment of a client
 * @client: below FEED_CLIENTS; those before @kind have been made
 * @sources: how clients are spread over addresses
 * @kind: of the segment
 * @checked: as of a device that verifies checksums; else CHECKSUM_NONE, with a good one
 *
 * Context: any. Return: the segment as FORWARD gets it, or NULL.
 */
struct sk_buff *feed_frame(u32 client, enum feed_sources sources, enum feed_kind kind,
			   bool checked)
{
	u32 length, headers = sizeof(struct iphdr) + sizeof(struct tcphdr) +
		(kind == FEED_SYN || kind == FEED_SYN_ACK ? 20 : 12);
	const u8 *payload = payload_of(kind, &length);
	struct sk_buff *skb = alloc_skb(ROOM + headers + length, GFP_ATOMIC);
	struct tcphdr *th;
	struct iphdr *iph;

	if (!skb)
		return NULL;
	skb_reserve(skb, ROOM);
	skb_reset_network_header(skb);
	iph = skb_put_zero(skb, headers + length);
	skb_set_transport_header(skb, sizeof(*iph));
	th = (struct tcphdr *)(iph + 1);
	put_tcp(th, client, sources, kind, length);
	put_ip(iph, client, sources, from_server(kind), headers + length);
	if (length)
		memcpy((u8 *)iph + headers, payload, length);
	if (kind == FEED_CONNECT)
		put_number((u8 *)iph + headers + ID_AT + ID_BYTES - 16, client);
	skb->protocol = htons(ETH_P_IP);
	skb->ip_summed = checked ? CHECKSUM_UNNECESSARY : CHECKSUM_NONE;
	if (!checked)
		th->check = tcp_v4_check(headers + length - sizeof(*iph), iph->saddr, iph->daddr,
					 csum_partial(th, headers + length - sizeof(*iph), 0));
	return skb;
}
