/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which service a port belongs to, with the built-in defaults that protect 1883 and 8883
 * when nobody ever wrote a map. Called once a packet, by guard().
 */
#ifndef MQG_BPF_SERVICE_H
#define MQG_BPF_SERVICE_H

#include "parse.h"

static __always_inline __u32 or_default(__u32 value, __u32 fallback)
{
	return value ? value : fallback;
}

/* Sets service and kind of @p. Return: the service, or NULL where the port is not protected. */
static __always_inline struct mqgate_service *service_of(struct packet *p)
{
	__u32 key = MQGATE_PORTS_TCP(p->flow.dport);
	struct mqgate_service *svc;
	__u32 *port, number;

	port = bpf_map_lookup_elem(&mqgate_ports, &key);
	if (!port)
		return NULL;
	number = *port;
	if (number == MQGATE_SVC_DEFAULT) {
		if (p->flow.dport == MQGATE_PORT_MQTT)
			number = MQGATE_SVC_MQTT;
		else if (p->flow.dport == MQGATE_PORT_MQTTS)
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
	return p->kind == MQGATE_KIND_MQTT || p->kind == MQGATE_KIND_MQTTS ? svc : NULL;
}

/* The service fails closed, and its daemon has not been heard of in time. */
static __always_inline bool daemon_away(const struct packet *p, const struct mqgate_service *svc)
{
	return svc->lease && p->now > svc->lease;
}

#endif
