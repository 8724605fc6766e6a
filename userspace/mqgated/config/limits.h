/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client may send, and how much of it: the mapping `limits` of a listener, and that of a
 * group. Written while the configuration is loaded; everybody else reads it.
 */
#ifndef MQG_CONFIG_LIMITS_H
#define MQG_CONFIG_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

/* Tokens a second, and at once. */
struct mqg_rate {
	uint32_t	rate;			/* 0 = no limit */
	uint32_t	burst;			/* at least 1 where there is a rate */
};

struct mqg_rates {
	struct mqg_rate	messages, bytes;
};

struct mqg_limits {
	uint32_t	packet_size;		/* bytes of a whole packet of a client */
	uint32_t	topic_length;		/* bytes of a topic or filter */
	uint32_t	topic_levels;
	uint32_t	topic_alias;		/* largest alias of a client */
	uint32_t	inflight;		/* of a client under way, QoS 1 and 2 */
	uint32_t	subscriptions;		/* of a client; 0: no limit */
	uint32_t	filters;		/* of a SUBSCRIBE or UNSUBSCRIBE */
	uint32_t	user_properties;	/* of a packet */
	uint32_t	client_id;		/* bytes */
	uint32_t	keep_alive;		/* s; 0: any, and none */
	struct mqg_rates own, all;		/* of a client, and of all together */
	bool		close_over_rate;	/* else it is not read from for a while */
	bool		close_on_refusal;	/* policy refuses: the session ends */
};

/* Of a listener that does not say: mosquitto's defaults where it has one. */
#define MQG_LIMITS_DEFAULT {								\
	.packet_size = 2000000, .topic_length = 65535, .topic_levels = 200,		\
	.topic_alias = 10, .inflight = 1000, .subscriptions = 0, .filters = 1000,	\
	.user_properties = 100, .client_id = 65535, .keep_alive = 65535,		\
}

#endif
