/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The schema of mqgate.yaml as libcyaml tables: which keys there are, where each is optional, and
 * which words an enumeration takes. Constant; used while loading, by the main thread.
 */
#include "config/schema.h"

#include "config/config.h"
#include "config/schema_make.h"
#include "config/tap.h"

static const cyaml_strval_t on_off[] = {
	{ "on", 1 },
	{ "off", 0 },
};

const cyaml_schema_value_t mqg_text_value = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED),
};

static const cyaml_strval_t module_uses[] = {
	{ "off", 0 },
	{ "auto", 1 },
};

static const cyaml_schema_field_t proxy_protocol_fields[] = {
	TEXTS("tlvs", struct raw_proxy_protocol, tlvs),
	NUMBER("max", struct raw_proxy_protocol, max),
	CYAML_FIELD_END
};

static const cyaml_strval_t balances[] = {
	{ "least-connections", MQG_BALANCE_LEAST },
	{ "round-robin", MQG_BALANCE_TURNS },
	{ "client-id", MQG_BALANCE_CLIENT },
};

static const cyaml_strval_t health_kinds[] = {
	{ "off", MQG_HEALTH_OFF },
	{ "tcp", MQG_HEALTH_TCP },
	{ "mqtt", MQG_HEALTH_MQTT },
};

static const cyaml_schema_field_t server_fields[] = {
	TEXT("address", MUST, struct raw_server, address),
	NUMBER("weight", struct raw_server, weight),
	NUMBER("max_connections", struct raw_server, max_connections),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t server_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_server, server_fields),
};

static const cyaml_strval_t down_rules[] = {
	{ "keep", MQG_DOWN_KEEP },
	{ "close", MQG_DOWN_CLOSE },
	{ "move", MQG_DOWN_MOVE },
};

static const cyaml_schema_field_t health_fields[] = {
	WORD_MAY("kind", struct raw_health, kind, health_kinds),
	WORD_MAY("on_down", struct raw_health, on_down, down_rules),
	TEXT("interval", MAY, struct raw_health, interval),
	TEXT("timeout", MAY, struct raw_health, timeout),
	NUMBER("fall", struct raw_health, fall),
	NUMBER("rise", struct raw_health, rise),
	CYAML_FIELD_END
};

static const cyaml_strval_t holds[] = {
	{ "off", MQG_HOLD_OFF },
	{ "memory", MQG_HOLD_MEMORY },
	{ "store", MQG_HOLD_STORE },
};

static const cyaml_schema_field_t away_fields[] = {
	NUMBER("answers", struct raw_away, answers),
	NUMBER("waiting", struct raw_away, waiting),
	NUMBER("reconnects", struct raw_away, reconnects),
	WORD_MAY("hold", struct raw_away, hold, holds),
	TEXT("hold_time", MAY, struct raw_away, hold_time),
	NUMBER("hold_messages", struct raw_away, hold_messages),
	NUMBER("hold_bytes", struct raw_away, hold_bytes),
	NUMBER("hold_total", struct raw_away, hold_total),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t broker_tls_fields[] = {
	TEXT("ca", MUST, struct raw_broker_tls, ca),
	TEXT("certificate", MAY, struct raw_broker_tls, certificate),
	TEXT("key", MAY, struct raw_broker_tls, key),
	TEXT("server_name", MAY, struct raw_broker_tls, server_name),
	WORD_MAY("min_version", struct raw_broker_tls, min_version, mqg_tls_versions),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t broker_fields[] = {
	TEXT("name", MUST, struct raw_broker, name),
	TEXT("address", MAY, struct raw_broker, address),
	CYAML_FIELD_SEQUENCE("servers", CYAML_FLAG_POINTER | MAY, struct raw_broker, servers,
			     &server_value, 0, CYAML_UNLIMITED),
	WORD_MAY("balance", struct raw_broker, balance, balances),
	TEXT("slow_start", MAY, struct raw_broker, slow_start),
	CYAML_FIELD_MAPPING_PTR("health", CYAML_FLAG_POINTER | MAY, struct raw_broker, health,
				health_fields),
	CYAML_FIELD_MAPPING_PTR("away", CYAML_FLAG_POINTER | MAY, struct raw_broker, away,
				away_fields),
	CYAML_FIELD_MAPPING_PTR("tls", CYAML_FLAG_POINTER | MAY, struct raw_broker, tls,
				broker_tls_fields),
	TEXT("connect_timeout", MAY, struct raw_broker, connect_timeout),
	TEXT("username", MAY, struct raw_broker, username),
	TEXT("password", MAY, struct raw_broker, password),
	TEXT("password_file", MAY, struct raw_broker, password_file),
	CYAML_FIELD_MAPPING_PTR("proxy_protocol", CYAML_FLAG_POINTER | MAY, struct raw_broker,
				proxy_protocol, proxy_protocol_fields),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t weight_fields[] = {
#define WEIGHT(number, symbol, word, text) NUMBER(word, struct raw_weights, symbol),
	MQGATE_REASON_LIST(WEIGHT)
#undef WEIGHT
	CYAML_FIELD_END
};

static const cyaml_schema_field_t score_fields[] = {
	NUMBER("threshold", struct raw_score, threshold),
	NUMBER("limit", struct raw_score, limit),
	NUMBER("limit_rate", struct raw_score, limit_rate),
	TEXT("half_life", MAY, struct raw_score, half_life),
	TEXT("ban", MAY, struct raw_score, ban),
	TEXT("ban_max", MAY, struct raw_score, ban_max),
	NUMBER("sources_max", struct raw_score, sources_max),
	CYAML_FIELD_MAPPING_PTR("weights", CYAML_FLAG_POINTER | MAY, struct raw_score, weights,
				weight_fields),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t module_fields[] = {
	WORD_MAY("use", struct raw_module, use, module_uses),
	WORD_MAY("mode", struct raw_module, mode, mqg_modes),
	NUMBER("events_buffer", struct raw_module, events_buffer),
	NUMBER("source_sessions", struct raw_module, source_sessions),
	NUMBER("source_connect_rate", struct raw_module, source_connect_rate),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t chain_cache_fields[] = {
	NUMBER("size", struct raw_chain_cache, size),
	TEXT("time", MAY, struct raw_chain_cache, time),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t hardware_fields[] = {
	TEXT("pkcs11_module", MAY, struct raw_hardware, pkcs11_module),
	TEXT("tpm", MAY, struct raw_hardware, tpm),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t handshakes_fields[] = {
	NUMBER("per_source", struct raw_handshakes, per_source),
	NUMBER("per_source_burst", struct raw_handshakes, per_source_burst),
	NUMBER("per_source_in_flight", struct raw_handshakes, per_source_in_flight),
	NUMBER("rate", struct raw_handshakes, rate),
	NUMBER("burst", struct raw_handshakes, burst),
	NUMBER("in_flight", struct raw_handshakes, in_flight),
	NUMBER("queue", struct raw_handshakes, queue),
	TEXT("queue_time", MAY, struct raw_handshakes, queue_time),
	TEXT("patience", MAY, struct raw_handshakes, patience),
	TEXT("known_for", MAY, struct raw_handshakes, known_for),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t resumption_fields[] = {
	WORD_MAY("use", struct raw_resumption, use, on_off),
	TEXT("lifetime", MAY, struct raw_resumption, lifetime),
	TEXT("rotate", MAY, struct raw_resumption, rotate),
	TEXT("keys", MAY, struct raw_resumption, keys),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t store_fields[] = {
	TEXT("directory", MAY, struct raw_store, directory),
	TEXT("size", MAY, struct raw_store, size),
	CYAML_FIELD_END
};

/* 1: from clients, 2: from brokers. */
static const cyaml_strval_t directions[] = {
	{ "up", 1 },
	{ "down", 2 },
	{ "both", 3 },
};

static const cyaml_strval_t tapped[] = {
	{ "metadata", 0 },
	{ "payload", 1 },
};

static const cyaml_strval_t identity_forms[] = {
	{ "plain", MQG_TAP_PLAIN },
	{ "hash", MQG_TAP_HASH },
	{ "omit", MQG_TAP_OMIT },
};

static const cyaml_schema_field_t tap_fields[] = {
	TEXT("name", MUST, struct raw_tap, name),
	TEXT("to", MUST, struct raw_tap, to),
	TEXT("topic", MAY, struct raw_tap, topic),
	TEXTS("topics", struct raw_tap, topics),
	WORD_MAY("direction", struct raw_tap, direction, directions),
	NUMBER("sample", struct raw_tap, sample),
	NUMBER("rate", struct raw_tap, rate),
	WORD_MAY("what", struct raw_tap, what, tapped),
	NUMBER("payload_max", struct raw_tap, payload_max),
	WORD_MAY("identities", struct raw_tap, identities, identity_forms),
	TEXTS("redact", struct raw_tap, redact),
	NUMBER("queue", struct raw_tap, queue),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t tap_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_tap, tap_fields),
};

static const cyaml_schema_value_t broker_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_broker, broker_fields),
};

static const cyaml_schema_value_t source_value = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t top_fields[] = {
	CYAML_FIELD_SEQUENCE("brokers", CYAML_FLAG_POINTER | MAY, struct raw_config, brokers,
			     &broker_value, 0, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("listeners", CYAML_FLAG_POINTER | MAY, struct raw_config, listeners,
			     &mqg_listener_value, 0, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("services", CYAML_FLAG_POINTER | MAY, struct raw_config, services,
			     &mqg_service_value, 0, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("allow", CYAML_FLAG_POINTER | MAY, struct raw_config, allow,
			     &source_value, 0, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("groups", CYAML_FLAG_POINTER | MAY, struct raw_config, groups,
			     &mqg_group_value, 0, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("policies", CYAML_FLAG_POINTER | MAY, struct raw_config, policies,
			     &mqg_policy_value, 0, CYAML_UNLIMITED),
	CYAML_FIELD_MAPPING_PTR("score", CYAML_FLAG_POINTER | MAY, struct raw_config, score,
				score_fields),
	CYAML_FIELD_MAPPING_PTR("module", CYAML_FLAG_POINTER | MAY, struct raw_config, module,
				module_fields),
	CYAML_FIELD_MAPPING_PTR("chain_cache", CYAML_FLAG_POINTER | MAY, struct raw_config,
				chain_cache, chain_cache_fields),
	CYAML_FIELD_MAPPING_PTR("hardware", CYAML_FLAG_POINTER | MAY, struct raw_config, hardware,
				hardware_fields),
	CYAML_FIELD_MAPPING_PTR("handshakes", CYAML_FLAG_POINTER | MAY, struct raw_config,
				handshakes, handshakes_fields),
	CYAML_FIELD_MAPPING_PTR("resumption", CYAML_FLAG_POINTER | MAY, struct raw_config,
				resumption, resumption_fields),
	CYAML_FIELD_MAPPING_PTR("store", CYAML_FLAG_POINTER | MAY, struct raw_config, store,
				store_fields),
	CYAML_FIELD_SEQUENCE("tap", CYAML_FLAG_POINTER | MAY, struct raw_config, tap, &tap_value,
			     0, CYAML_UNLIMITED),
	NUMBER("workers", struct raw_config, workers),
	NUMBER("mark", struct raw_config, mark),
	TEXT("drain_time", MAY, struct raw_config, drain_time),
	TEXT("user", MAY, struct raw_config, user),
	TEXT("group", MAY, struct raw_config, group),
	TEXT("http", MAY, struct raw_config, http),
	CYAML_FIELD_END
};

const cyaml_schema_value_t mqg_config_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_config, top_fields),
};
