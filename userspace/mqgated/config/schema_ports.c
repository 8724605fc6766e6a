/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The schema of ports: listeners, services, and how XDP guards both. Constant; used while loading,
 * by the main thread.
 */
#include "config/schema_make.h"

#include "config/config.h"

const cyaml_strval_t mqg_modes[MQG_MODES] = {
	{ "enforce", MQGATE_MODE_ENFORCE },
	{ "observe", MQGATE_MODE_OBSERVE },
};

static const cyaml_strval_t listener_kinds[] = {
	{ "mqtts", RAW_KIND_MQTTS },
	{ "mqtt", RAW_KIND_MQTT },
};

static const cyaml_strval_t service_kinds[] = {
	{ "mqtt", RAW_KIND_MQTT },
	{ "mqtts", RAW_KIND_MQTTS },
	{ "mqtt-sn", RAW_KIND_MQTTSN },
	{ "coap", RAW_KIND_COAP },
	{ "coaps", RAW_KIND_COAPS },
	{ "unprotected", RAW_KIND_UNPROTECTED },
};

static const cyaml_strval_t password_rules[] = {
	{ "refuse", MQG_PASSWORD_REFUSE },
	{ "strip", MQG_PASSWORD_STRIP },
	{ "allow", MQG_PASSWORD_ALLOW },
};

static const cyaml_strval_t unknown_name_rules[] = {
	{ "default", 0 },
	{ "refuse", 1 },
};

static const cyaml_strval_t flow_rules[] = {
	{ "lenient", 0 },
	{ "strict", 1 },
};

static const cyaml_strval_t away_rules[] = {
	{ "open", 0 },
	{ "closed", 1 },
};

static const cyaml_strval_t fragment_rules[] = {
	{ "drop", 0 },
	{ "pass", 1 },
};

static const cyaml_strval_t malformed_rules[] = {
	{ "drop", 0 },
	{ "reset", 1 },
};

static const cyaml_strval_t cookie_rules[] = {
	{ "auto", MQG_COOKIES_AUTO },
	{ "on", MQG_COOKIES_ON },
	{ "off", MQG_COOKIES_OFF },
};

static const cyaml_schema_field_t syn_fields[] = {
	NUMBER("per_source", struct raw_syn, per_source),
	NUMBER("rate", struct raw_syn, rate),
	TEXT("calm", MAY, struct raw_syn, calm),
	WORD_MAY("cookies", struct raw_syn, cookies, cookie_rules),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t budgets_fields[] = {
	NUMBER("per_source", struct raw_budgets, per_source),
	NUMBER("per_source_burst", struct raw_budgets, per_source_burst),
	NUMBER("rate", struct raw_budgets, rate),
	NUMBER("burst", struct raw_budgets, burst),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t suspect_fields[] = {
	NUMBER("bytes", struct raw_suspect, bytes),
	NUMBER("segments", struct raw_suspect, segments),
	TEXT("time", MAY, struct raw_suspect, time),
	CYAML_FIELD_END
};

/* The members of a struct raw_guard in @holder. */
#define GUARD_FIELDS(holder)									\
	WORD_MAY("fragments", holder, guard.fragments, fragment_rules),				\
	CYAML_FIELD_MAPPING_PTR("syn", CYAML_FLAG_POINTER | MAY, holder, guard.syn,		\
				syn_fields),							\
	CYAML_FIELD_MAPPING_PTR("connects", CYAML_FLAG_POINTER | MAY, holder, guard.connects,	\
				budgets_fields),						\
	CYAML_FIELD_MAPPING_PTR("suspect", CYAML_FLAG_POINTER | MAY, holder, guard.suspect,	\
				suspect_fields),						\
	WORD_MAY("on_malformed", holder, guard.on_malformed, malformed_rules),			\
	NUMBER("reset_rate", holder, guard.reset_rate),						\
	TEXTS("destinations", holder, guard.destinations)

static const cyaml_schema_field_t proxies_fields[] = {
	TEXTS("from", struct raw_proxies, from),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t listener_fields[] = {
	TEXT("name", MUST, struct raw_listener, name),
	TEXT("address", MUST, struct raw_listener, address),
	WORD("kind", MUST, struct raw_listener, kind, listener_kinds),
	TEXT("broker", MUST, struct raw_listener, broker),
	WORD_MAY("mode", struct raw_listener, mode, mqg_modes),
	CYAML_FIELD_MAPPING_PTR("tls", CYAML_FLAG_POINTER | MAY, struct raw_listener, tls,
				mqg_tls_fields),
	CYAML_FIELD_MAPPING_PTR("identity", CYAML_FLAG_POINTER | MAY, struct raw_listener,
				identity, mqg_identity_fields),
	CYAML_FIELD_SEQUENCE("sni", CYAML_FLAG_POINTER | MAY, struct raw_listener, sni,
			     &mqg_sni_value, 0, CYAML_UNLIMITED),
	WORD_MAY("sni_unknown", struct raw_listener, sni_unknown, unknown_name_rules),
	WORD_MAY("passwords", struct raw_listener, passwords, password_rules),
	TEXT("handshake_timeout", MAY, struct raw_listener, handshake_timeout),
	TEXT("connect_timeout", MAY, struct raw_listener, connect_timeout),
	NUMBER("connect_max", struct raw_listener, connect_max),
	NUMBER("sessions_max", struct raw_listener, sessions_max),
	NUMBER("allow_pps", struct raw_listener, allow_pps),
	NUMBER("allow_burst", struct raw_listener, allow_burst),
	CYAML_FIELD_MAPPING_PTR("proxy_protocol_in", CYAML_FLAG_POINTER | MAY,
				struct raw_listener, proxy_protocol_in, proxies_fields),
	CYAML_FIELD_MAPPING_PTR("limits", CYAML_FLAG_POINTER | MAY, struct raw_listener, limits,
				mqg_limits_fields),
	GUARD_FIELDS(struct raw_listener),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t service_fields[] = {
	TEXT("name", MUST, struct raw_service, name),
	CYAML_FIELD_UINT("port", MUST, struct raw_service, port),
	WORD("kind", MUST, struct raw_service, kind, service_kinds),
	WORD_MAY("mode", struct raw_service, mode, mqg_modes),
	WORD_MAY("unknown_flows", struct raw_service, unknown_flows, flow_rules),
	WORD_MAY("when_daemon_away", struct raw_service, when_daemon_away, away_rules),
	NUMBER("connect_max", struct raw_service, connect_max),
	NUMBER("allow_pps", struct raw_service, allow_pps),
	NUMBER("allow_burst", struct raw_service, allow_burst),
	CYAML_FIELD_MAPPING_PTR("datagrams", CYAML_FLAG_POINTER | MAY, struct raw_service,
				datagrams, budgets_fields),
	GUARD_FIELDS(struct raw_service),
	CYAML_FIELD_END
};

const cyaml_schema_value_t mqg_listener_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_listener, listener_fields),
};

const cyaml_schema_value_t mqg_service_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_service, service_fields),
};
