/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which service a port belongs to, with the built-in defaults that protect 1883 and 8883
 * of TCP when nobody ever wrote a map, and whether the service guards this destination. Called
 * once a packet, by guard().
 */
#ifndef MQG_BPF_SERVICE_H
#define MQG_BPF_SERVICE_H

#include "parse.h"

static __always_inline __u32 or_default(__u32 value, __u32 fallback)
{
	return value ? value : fallback;
}

/**
 * mqg_destination_listed() - is a packet for an address that its service guards?
 * @p:   packet
 * @svc: its service, with destinations
 *
 * Return: 1 or 0.
 */
MQG_BORDER int mqg_destination_listed(struct packet *p, struct mqgate_service *svc)
{
	__u32 count;

	if (!p || !svc)
		return 1;
	count = svc->destinations;
	for (__u32 i = 0; i < MQGATE_DESTINATIONS && i < count; i++) {
		const __u64 *addr = (const __u64 *)svc->destination[i].addr;
		const __u64 *mask = (const __u64 *)svc->destination[i].mask;
		const __u64 *daddr = (const __u64 *)p->flow.daddr;

		if ((daddr[0] & mask[0]) == addr[0] && (daddr[1] & mask[1]) == addr[1])
			return 1;
	}
	return 0;
}

/* A service guards one transport: its kind says which. */
static __always_inline bool speaks(const struct packet *p)
{
	if (p->flow.proto == IPPROTO_TCP)
		return p->kind == MQGATE_KIND_MQTT || p->kind == MQGATE_KIND_MQTTS;
	return p->kind >= MQGATE_KIND_FIRST_UDP && p->kind <= MQGATE_KIND_COAPS;
}

/* Sets service and kind of @p. Return: the service, or NULL where the packet is not its own. */
static __always_inline struct mqgate_service *service_of(struct packet *p)
{
	bool tcp = p->flow.proto == IPPROTO_TCP;
	__u32 key = tcp ? MQGATE_PORTS_TCP(p->flow.dport) : MQGATE_PORTS_UDP(p->flow.dport);
	struct mqgate_service *svc;
	__u32 *port, number;

	port = bpf_map_lookup_elem(&mqgate_ports, &key);
	if (!port)
		return NULL;
	number = *port;
	if (number == MQGATE_SVC_DEFAULT) {
		if (tcp && p->flow.dport == MQGATE_PORT_MQTT)
			number = MQGATE_SVC_MQTT;
		else if (tcp && p->flow.dport == MQGATE_PORT_MQTTS)
			number = MQGATE_SVC_MQTTS;
		else
			return NULL;
	}
	/* MQGATE_SVC_UNPROTECTED lies beyond the table. */
	svc = bpf_map_lookup_elem(&mqgate_svc, &number);
	if (!svc)
		return NULL;
	p->service = number;
	p->kind = svc->kind;
	if (p->kind == MQGATE_KIND_DEFAULT) {
		if (number == MQGATE_SVC_MQTT)
			p->kind = MQGATE_KIND_MQTT;
		else if (number == MQGATE_SVC_MQTTS)
			p->kind = MQGATE_KIND_MQTTS;
	}
	if (!speaks(p) || (svc->destinations && !mqg_destination_listed(p, svc)))
		return NULL;
	return svc;
}

/* The service fails closed, and its daemon has not been heard of in time. */
static __always_inline bool daemon_away(const struct packet *p, const struct mqgate_service *svc)
{
	return svc->lease && p->now > svc->lease;
}

#endif
