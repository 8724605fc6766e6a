/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Default weights. The measure: threshold 100, halved every minute. What an innocent device does
 * now and then (an expired certificate, a lost network in the middle of a handshake) may happen
 * four times at once without a ban; what no client library ever sends needs four or five of
 * them; what the broker or the gateway is to blame for is no evidence at all, and neither is what
 * a stranger can do in a client's name with a single forged segment (stream-*, tcp-urgent,
 * tls-record). Called by the loader and by --help.
 */
#include "config/weights.h"

#include <linux/mqgate.h>

uint32_t mqg_weight_default(uint32_t reason)
{
	switch (reason) {
	case MQGATE_REASON_SUSPECT_BUDGET:
	case MQGATE_REASON_CONNECT_TIMEOUT:
	case MQGATE_REASON_REVOKED:
		return 20;
	case MQGATE_REASON_TLS_HANDSHAKE:
	case MQGATE_REASON_TLS_NAME:
	case MQGATE_REASON_TLS_TIMEOUT:
		return 10;
	case MQGATE_REASON_HANDSHAKE_SOURCE: /* of strangers alone, judge.h: spared */
		return 5;
	case MQGATE_REASON_SOURCE_SESSIONS: /* told once a second, where limits are set */
	case MQGATE_REASON_SOURCE_RATE:
		return 10;
	case MQGATE_REASON_CREDENTIAL_CLEAR:
		return 5;
	case MQGATE_REASON_IDENTITY_NONE:
	case MQGATE_REASON_IDENTITY_CLIENT_ID:
	case MQGATE_REASON_IDENTITY_USERNAME:
		return 25;
	case MQGATE_REASON_CERT_WEAK:
	case MQGATE_REASON_TLS_POLICY: /* a device that is older than the policy */
	case MQGATE_REASON_CERT_SUPERSEDED: /* or has lost its new key; its CA still vouches */
		return 5;
	case MQGATE_REASON_PROXY_UNTRUSTED:
	case MQGATE_REASON_CONNECT_AGAIN:
	case MQGATE_REASON_TLS_REKEY:
		return 25;
	case MQGATE_REASON_POLICY_CONNECT:
		return 5;
	case MQGATE_REASON_POLICY_PUBLISH: /* one a second is short of the threshold */
	case MQGATE_REASON_POLICY_SUBSCRIBE:
	case MQGATE_REASON_POLICY_WILL:
	case MQGATE_REASON_POLICY_RETAIN:
		return 1;
	case MQGATE_REASON_MQTT_FLOW: /* a device that has lost count */
	case MQGATE_REASON_MQTT_ALIAS:
	case MQGATE_REASON_MQTT_UNAVAILABLE:
	case MQGATE_REASON_LIMIT_PACKET:
	case MQGATE_REASON_LIMIT_INFLIGHT:
	case MQGATE_REASON_LIMIT_FILTERS:
	case MQGATE_REASON_LIMIT_TOPIC:
	case MQGATE_REASON_LIMIT_PROPERTIES:
	case MQGATE_REASON_LIMIT_SUBSCRIPTIONS:
	case MQGATE_REASON_LIMIT_CLIENT_ID:
	case MQGATE_REASON_LIMIT_RATE:
		return 5;
	case MQGATE_REASON_MQTT_CONNACK: /* sent by the broker */
		return 0;
	}
	if (reason >= MQGATE_REASON_MQTT_NOT_CONNECT && reason <= MQGATE_REASON_MQTT_REASON_CODE)
		return 25;
	if (reason >= MQGATE_REASON_TLS_NOT_HANDSHAKE && reason <= MQGATE_REASON_TLS_ALPN)
		return 25;
	if (reason >= MQGATE_REASON_CERT_MISSING && reason <= MQGATE_REASON_CERT_OTHER)
		return 20;
	return 0;
}
