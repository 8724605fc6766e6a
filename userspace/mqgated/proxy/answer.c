// SPDX-License-Identifier: BSD-2-Clause
/*
 * Answers by protocol version and reason. Stateless; any thread may call it.
 */
#include "proxy/answer.h"

#include <string.h>

#define BRIDGE_BIT 0x80

/*
 * Codes of MQTT 5 in CONNACK (table 3-1) and in DISCONNECT (table 3-10), which has others for some.
 * 0 = nothing to say.
 */
static const struct {
	uint8_t	connack, disconnect;
} codes[MQGATE_REASON_MAX] = {
#define BOTH(reason, code) [MQGATE_REASON_##reason] = { code, code }
#define EACH(reason, connack, disconnect) [MQGATE_REASON_##reason] = { connack, disconnect }
	/* Malformed Packet */
	BOTH(MQTT_FLAGS, 0x81),
	BOTH(MQTT_LENGTH_ENCODING, 0x81),
	BOTH(MQTT_TOO_SHORT, 0x81),
	BOTH(MQTT_TOO_LONG, 0x81),
	BOTH(MQTT_CONNECT_FLAGS, 0x81),
	BOTH(MQTT_UTF8, 0x81),
	BOTH(MQTT_PROPERTY_LENGTH, 0x81),
	BOTH(MQTT_PROPERTY_ID, 0x81),
	BOTH(MQTT_TYPE, 0x81),
	BOTH(MQTT_QOS, 0x81),
	/* Protocol Error */
	BOTH(MQTT_PROPERTY_TWICE, 0x82),
	BOTH(MQTT_PROPERTY_VALUE, 0x82),
	BOTH(MQTT_WILL_TOPIC, 0x82),
	BOTH(MQTT_DIRECTION, 0x82),
	BOTH(MQTT_ORDER, 0x82),
	BOTH(MQTT_PACKET_ID, 0x82),
	BOTH(MQTT_OPTIONS, 0x82),
	BOTH(MQTT_REASON_CODE, 0x82),
	BOTH(CONNECT_AGAIN, 0x82),
	/* Topic Filter invalid, Topic Name invalid, Quota exceeded */
	EACH(MQTT_FILTER, 0x82, 0x8f),
	BOTH(MQTT_TOPIC, 0x90),
	BOTH(MQTT_LEVELS, 0x97),
	BOTH(LIMIT_TOPIC, 0x97),
	BOTH(LIMIT_FILTERS, 0x97),
	BOTH(LIMIT_PROPERTIES, 0x97),
	/* Topic Alias invalid, Receive Maximum exceeded, Packet too large */
	BOTH(MQTT_FLOW, 0x82),
	BOTH(MQTT_UNAVAILABLE, 0x82),
	EACH(MQTT_ALIAS, 0x82, 0x94),
	EACH(LIMIT_INFLIGHT, 0x97, 0x93),
	BOTH(LIMIT_PACKET, 0x95),
	/* Message rate too high, Keep Alive timeout */
	EACH(LIMIT_RATE, 0x97, 0x96),
	EACH(KEEP_ALIVE, 0, 0x8d),
	/* Client Identifier not valid */
	BOTH(MQTT_CLIENT_ID, 0x85),
	BOTH(LIMIT_CLIENT_ID, 0x85),
	/* Not authorized */
	BOTH(IDENTITY_NONE, 0x87),
	BOTH(IDENTITY_CLIENT_ID, 0x87),
	BOTH(IDENTITY_USERNAME, 0x87),
	BOTH(CREDENTIAL_CLEAR, 0x87),
	BOTH(CERT_EXPIRED, 0x87),
	BOTH(CERT_NOT_YET_VALID, 0x87),
	BOTH(CERT_REVOKED, 0x87),
	BOTH(CERT_UNTRUSTED, 0x87),
	BOTH(CERT_PURPOSE, 0x87),
	BOTH(CERT_OTHER, 0x87),
	BOTH(CERT_WEAK, 0x87),
	BOTH(CERT_SUPERSEDED, 0x87),
	BOTH(TLS_POLICY, 0x87),
	BOTH(REVOKED, 0x87),
	BOTH(POLICY_CONNECT, 0x87),
	BOTH(POLICY_PUBLISH, 0x87),
	BOTH(POLICY_SUBSCRIBE, 0x87),
	BOTH(POLICY_WILL, 0x87),
	BOTH(POLICY_RETAIN, 0x87),
	/* Server unavailable; DISCONNECT has Unspecified error and Administrative action */
	EACH(BROKER_UNREACHABLE, 0x88, 0x80),
	EACH(BROKER_CLOSED, 0x88, 0x80),
	EACH(MQTT_CONNACK, 0x88, 0x80),
	EACH(MQTT_BROKER, 0x88, 0x80),
	EACH(CERT_OCSP, 0x88, 0x80),
	EACH(CONFIG, 0x88, 0x98),
	/* Server unavailable, Server shutting down; Quota exceeded */
	EACH(HOLD_TIME, 0x88, 0x8b),
	EACH(HOLD_SESSION, 0x88, 0x8b),
	BOTH(HOLD_FULL, 0x97),
	EACH(STOPPING, 0x88, 0x8b),
	/* Server busy */
	BOTH(LIMIT_SESSIONS, 0x89),
	BOTH(BROKER_FULL, 0x89),
	BOTH(STREAM_MEMORY, 0x89),
#undef BOTH
#undef EACH
};

/* MQTT 3.1.1, table 3.1: what has a code there of what has one in MQTT 5. 0 = nothing to say. */
static uint8_t code_v3(enum mqgate_reason reason)
{
	if (reason == MQGATE_REASON_MQTT_LEVEL)
		return 1; /* unacceptable protocol version */
	switch (codes[reason].connack) {
	case 0x85:
		return 2; /* identifier rejected */
	case 0x87:
		return 5; /* not authorized */
	case 0x88:
	case 0x89:
		return 3; /* Server unavailable */
	default:
		return 0;
	}
}

size_t mqg_answer_build(uint8_t level, enum mqgate_reason reason, uint8_t out[MQG_ANSWER_MAX])
{
	const uint8_t v3[] = { 0x20, 2, 0, code_v3(reason) };
	const uint8_t v5[] = { 0x20, 3, 0, codes[reason].connack, 0 };

	if (level == 0 && reason != MQGATE_REASON_MQTT_LEVEL)
		return 0;
	/* A bad level says nothing of the format, not even when it reads 5 (after "MQIsdp"). */
	if ((level & ~BRIDGE_BIT) == 5 && reason != MQGATE_REASON_MQTT_LEVEL) {
		memcpy(out, v5, sizeof(v5));
		return v5[3] ? sizeof(v5) : 0;
	}
	memcpy(out, v3, sizeof(v3));
	return v3[3] ? sizeof(v3) : 0;
}

size_t mqg_answer_disconnect(uint8_t level, enum mqgate_reason reason, uint8_t out[MQG_ANSWER_MAX])
{
	/* The property length may be left out where there are none (3.14.2.2.1). */
	const uint8_t v5[] = { 0xe0, 1, codes[reason].disconnect };

	if ((level & ~BRIDGE_BIT) != 5)
		return 0;
	memcpy(out, v5, sizeof(v5));
	return out[2] ? sizeof(v5) : 0;
}
