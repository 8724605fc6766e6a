// SPDX-License-Identifier: BSD-2-Clause
/*
 * Answers by protocol version and reason. Stateless; any thread may call it.
 */
#include "proxy/answer.h"

#include <string.h>

#define BRIDGE_BIT 0x80

/* MQTT 5, table 3-1. 0 = nothing to say. */
static uint8_t code_v5(enum mqgate_reason reason)
{
	switch (reason) {
	case MQGATE_REASON_MQTT_FLAGS:
	case MQGATE_REASON_MQTT_LENGTH_ENCODING:
	case MQGATE_REASON_MQTT_TOO_SHORT:
	case MQGATE_REASON_MQTT_TOO_LONG:
	case MQGATE_REASON_MQTT_CONNECT_FLAGS:
	case MQGATE_REASON_MQTT_UTF8:
	case MQGATE_REASON_MQTT_PROPERTY_LENGTH:
	case MQGATE_REASON_MQTT_PROPERTY_ID:
		return 0x81; /* Malformed Packet */
	case MQGATE_REASON_MQTT_PROPERTY_TWICE:
	case MQGATE_REASON_MQTT_PROPERTY_VALUE:
	case MQGATE_REASON_MQTT_WILL_TOPIC:
		return 0x82; /* Protocol Error */
	case MQGATE_REASON_MQTT_CLIENT_ID:
		return 0x85; /* Client Identifier not valid */
	case MQGATE_REASON_IDENTITY_NONE:
	case MQGATE_REASON_IDENTITY_CLIENT_ID:
	case MQGATE_REASON_IDENTITY_USERNAME:
	case MQGATE_REASON_CREDENTIAL_CLEAR:
	case MQGATE_REASON_CERT_EXPIRED:
	case MQGATE_REASON_CERT_NOT_YET_VALID:
	case MQGATE_REASON_CERT_REVOKED:
	case MQGATE_REASON_CERT_UNTRUSTED:
	case MQGATE_REASON_CERT_PURPOSE:
	case MQGATE_REASON_CERT_OTHER:
	case MQGATE_REASON_CERT_WEAK:
	case MQGATE_REASON_CERT_SUPERSEDED:
	case MQGATE_REASON_TLS_POLICY:
	case MQGATE_REASON_REVOKED:
	case MQGATE_REASON_POLICY_CONNECT:
	case MQGATE_REASON_POLICY_PUBLISH:
	case MQGATE_REASON_POLICY_SUBSCRIBE:
	case MQGATE_REASON_POLICY_WILL:
	case MQGATE_REASON_POLICY_RETAIN:
		return 0x87; /* Not authorized */
	case MQGATE_REASON_BROKER_UNREACHABLE:
	case MQGATE_REASON_BROKER_CLOSED:
	case MQGATE_REASON_MQTT_CONNACK:
	case MQGATE_REASON_CONFIG:
	case MQGATE_REASON_CERT_OCSP:
		return 0x88; /* Server unavailable */
	case MQGATE_REASON_LIMIT_SESSIONS:
		return 0x89; /* Server busy */
	default:
		return 0;
	}
}

/* MQTT 3.1.1, table 3.1: what has a code there of what has one in MQTT 5. 0 = nothing to say. */
static uint8_t code_v3(enum mqgate_reason reason)
{
	if (reason == MQGATE_REASON_MQTT_LEVEL)
		return 1; /* unacceptable protocol version */
	switch (code_v5(reason)) {
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
	const uint8_t v5[] = { 0x20, 3, 0, code_v5(reason), 0 };

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
	const uint8_t v5[] = { 0xe0, 1, code_v5(reason) };

	if ((level & ~BRIDGE_BIT) != 5)
		return 0;
	memcpy(out, v5, sizeof(v5));
	/* In DISCONNECT there is a code for what an operator did (table 3-10). */
	if (reason == MQGATE_REASON_CONFIG)
		out[2] = 0x98; /* Administrative action */
	return out[2] ? sizeof(v5) : 0;
}
