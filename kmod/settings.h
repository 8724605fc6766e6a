/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Settings: which ports are services, what is enforced, limits and times. Module
 * parameters give a new namespace its first ones; netlink replaces them a namespace at a
 * time.
 *
 * Lock. A struct mqg_settings never changes once published: readers hold RCU, writers copy
 * it, change the copy and publish it with mqg_settings_replace() (process context; takes
 * mqg_net.settings_lock).
 */
#ifndef MQG_SETTINGS_H
#define MQG_SETTINGS_H

#include <linux/mqgate.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct mqg_net;
struct netlink_ext_ack;

/* mqg_service.flags */
#define MQG_SERVICE_OBSERVE	(1U << 0)	/* never enforced, whatever the namespace says */

/**
 * struct mqg_service - one port
 * @port:   TCP, host byte order
 * @number: 1..31, as in mqgate_svc
 * @kind:   MQGATE_KIND_MQTT or MQGATE_KIND_MQTTS
 * @flags:  MQG_SERVICE_*
 */
struct mqg_service {
	u16	port;
	u8	number;
	u8	kind;
	u32	flags;
};

#define MQG_SERVICES_MAX	(MQGATE_SERVICES - 1)

/**
 * struct mqg_settings - of one namespace
 * @enforce:        drop violations; false: count them, emit events, pass (the default)
 * @reset:          when enforced, reset both ends at a violation or deadline
 * @max_clients:    entries at most, 1 .. MQG_CLIENTS_LIMIT
 * @connect_ms:     from begin to a complete CONNECT (plain) or the handshake's end (TLS)
 * @connack_ms:     from CONNECT to the broker's CONNACK
 * @closing_ms:     from DISCONNECT, refusal or the first FIN to the end of the connection
 * @idle_s:         entry without a segment in either direction; 0 never
 * @keep_alive_cap_s: keep alive used for a client that asks for more, or for none; 0: as asked
 * @packet_max:     largest MQTT packet from a client, bytes of remaining length
 * @mark:           skbs and sockets with this mark are not looked at; 0: none
 * @source_sessions: an event when a source has more sessions; 0 never
 * @source_connect_rate: an event when it has more CONNECTs a minute; 0 never
 * @services_count: of @services
 */
struct mqg_settings {
	struct rcu_head		rcu;
	bool			enforce;
	bool			reset;
	u32			max_clients;
	u32			connect_ms;
	u32			connack_ms;
	u32			closing_ms;
	u32			idle_s;
	u32			keep_alive_cap_s;
	u32			packet_max;
	u32			mark;
	u32			source_sessions;
	u32			source_connect_rate;
	u32			services_count;
	struct mqg_service	services[MQG_SERVICES_MAX];
};

#define MQG_CLIENTS_LIMIT	(16U << 20)
#define MQG_TIME_MS_MIN		100U
#define MQG_TIME_MS_MAX		(24U * 3600 * 1000)
#define MQG_IDLE_S_MAX		(7U * 24 * 3600)
#define MQG_PACKET_LIMIT	268435455U	/* MQTT 5.0, 1.5.5 */
#define MQG_DEFAULT_MARK	0x6d71U

/* The service at @port, or NULL. Context: RCU. */
static inline const struct mqg_service *mqg_settings_service(const struct mqg_settings *settings,
							      u16 port)
{
	u32 i;

	for (i = 0; i < settings->services_count; i++)
		if (settings->services[i].port == port)
			return &settings->services[i];
	return NULL;
}

static inline bool mqg_service_enforced(const struct mqg_settings *settings,
					const struct mqg_service *service)
{
	return settings->enforce && !(service->flags & MQG_SERVICE_OBSERVE);
}

struct mqg_settings *mqg_settings_copy(struct mqg_net *net);
int mqg_settings_replace(struct mqg_net *net, struct mqg_settings *settings,
			 struct netlink_ext_ack *extack);
int mqg_settings_init(struct mqg_net *net);
void mqg_settings_exit(struct mqg_net *net);
int mqg_settings_check_parameters(void);

#endif /* MQG_SETTINGS_H */
