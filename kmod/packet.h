/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading a packet: is it TCP to or from a service, and what does its header say. Callers:
 * hook.c, half.c, local.c. No state, no lock; the skb is not changed.
 */
#ifndef MQG_PACKET_H
#define MQG_PACKET_H

#include <linux/mqgate.h>
#include <linux/skbuff.h>
#include <linux/types.h>

#include "client.h"
#include "settings.h"

/* Which way a hook sees traffic pass. */
enum mqg_path {
	MQG_PATH_IN,		/* to a socket of this host: clients only */
	MQG_PATH_OUT,		/* from one: servers only */
	MQG_PATH_THROUGH,	/* routed or bridged: both */
};

/**
 * struct mqg_packet - a TCP segment to or from a service
 * @key:      the direction from client to service, whoever sent it
 * @segment:  @segment.enforce is the service's
 * @service:  of the settings it was read with
 * @wscale:   window scale option of a SYN or SYN-ACK; 0 without one (RFC 7323, 2.2)
 * @ip_offset: of the IP header from skb->data
 * @tcp_offset: of the TCP header from skb->data
 * @fragment: the first fragment of a packet that was not put together
 */
struct mqg_packet {
	struct mqgate_flow_key		key;
	struct mqg_segment		segment;
	const struct mqg_service	*service;
	u32				ip_offset;
	u32				tcp_offset;
	u8				wscale;
	bool				fragment;
};

/* What mqg_packet_read() found. */
enum mqg_packet_kind {
	MQG_PACKET_OTHER,	/* not ours */
	MQG_PACKET_BAD,		/* ours by its ports, with a header that cannot be */
	MQG_PACKET_SEGMENT,
};

enum mqg_packet_kind mqg_packet_read(struct mqg_packet *packet, const struct sk_buff *skb,
				     __be16 protocol, enum mqg_path path,
				     const struct mqg_settings *settings);
bool mqg_packet_checksum_good(const struct mqg_packet *packet, struct sk_buff *skb);

#endif /* MQG_PACKET_H */
