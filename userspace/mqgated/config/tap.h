/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tap as it is configured: which messages leave for analysis, what of them, and where to. Made by
 * the checking pass (check_tap.c); constant afterwards.
 */
#ifndef MQG_CONFIG_TAP_H
#define MQG_CONFIG_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

#define MQG_TAPS_MAX	16U

enum mqg_tap_to {
	MQG_TAP_FILE,
	MQG_TAP_UNIX,		/* a stream socket */
	MQG_TAP_TCP,
	MQG_TAP_MQTT,		/* messages to a broker, QoS 0 */
};

enum mqg_tap_identities {
	MQG_TAP_PLAIN,
	MQG_TAP_HASH,		/* HMAC-SHA256 with a key of this process, its first 16 bytes */
	MQG_TAP_OMIT,
};

struct mqg_tap_config {
	char			*name;
	char			**topics;	/* filters, checked; n_topics 0: every topic */
	size_t			n_topics;
	bool			up, down;	/* from clients, from brokers */
	uint32_t		sample;		/* one of so many, of each worker */
	uint32_t		rate;		/* a second at most, of each worker; 0: no limit */
	bool			payload;
	uint32_t		payload_max;	/* bytes; the rest is cut */
	enum mqg_tap_identities	identities;
	char			**redact;	/* keys of JSON objects */
	size_t			n_redact;
	uint32_t		queue;		/* bytes that may wait, of each worker */
	enum mqg_tap_to		to;
	char			*place;		/* as configured, behind "file:" and so on */
	struct mqg_endpoint	address;	/* TCP and MQTT */
	char			*topic;		/* MQTT */
};

#endif
