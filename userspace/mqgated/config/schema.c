/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The schema of mqgate.yaml as libcyaml tables: which keys there are, where each is optional, and
 * which words an enumeration takes. Constant; used while loading, by the main thread.
 */
#include "config/schema.h"

#include <openssl/ssl.h>

#include "config/config.h"
#include "config/schema_make.h"
#include "config/tap.h"

static const cyaml_strval_t modes[] = {
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

static const cyaml_strval_t tls_versions[] = {
	{ "1.2", TLS1_2_VERSION },
	{ "1.3", TLS1_3_VERSION },
};

static const cyaml_strval_t stale_rules[] = {
	{ "refuse", 0 },
	{ "accept", 1 },
};

static const cyaml_strval_t ktls_rules[] = {
	{ "off", 0 },
	{ "auto", 1 },
};

static const cyaml_strval_t chain_rules[] = {
	{ "whole", 0 },
	{ "partial", 1 },
};

static const cyaml_strval_t identity_sources[] = {
	{ "cn", MQG_FROM_CN },
	{ "san.dns", MQG_FROM_SAN_DNS },
	{ "san.uri", MQG_FROM_SAN_URI },
	{ "san.email", MQG_FROM_SAN_EMAIL },
	{ "spiffe", MQG_FROM_SPIFFE },
	{ "fingerprint", MQG_FROM_FINGERPRINT },
	{ "issuer-serial", MQG_FROM_ISSUER_SERIAL },
};

static const cyaml_strval_t client_id_rules[] = {
	{ "equal", MQG_CLIENT_ID_EQUAL },
	{ "prefix", MQG_CLIENT_ID_PREFIX },
	{ "inject", MQG_CLIENT_ID_INJECT },
	{ "any", MQG_CLIENT_ID_ANY },
};

static const cyaml_strval_t username_rules[] = {
	{ "equal", MQG_USERNAME_EQUAL },
	{ "prefix", MQG_USERNAME_PREFIX },
	{ "inject", MQG_USERNAME_INJECT },
	{ "any", MQG_USERNAME_ANY },
};

static const cyaml_strval_t renewal_rules[] = {
	{ "overlap", 0 },
	{ "newest", 1 },
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

static const cyaml_strval_t on_off[] = {
	{ "on", 1 },
	{ "off", 0 },
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

const cyaml_schema_value_t mqg_text_value = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED),
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
	{											\
		.key = "destinations",								\
		.value = {									\
			.type = CYAML_SEQUENCE,							\
			.flags = CYAML_FLAG_POINTER | MAY,					\
			.data_size = sizeof(char *),						\
			.sequence = { .entry = &mqg_text_value, .max = CYAML_UNLIMITED },	\
		},										\
		.data_offset = offsetof(holder, guard.destinations),				\
		.count_size = sizeof(((holder *)0)->guard.destinations_count),			\
		.count_offset = offsetof(holder, guard.destinations_count),			\
	}

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
	{ "keep", 0 },
	{ "close", 1 },
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

static const cyaml_schema_field_t away_fields[] = {
	NUMBER("answers", struct raw_away, answers),
	NUMBER("waiting", struct raw_away, waiting),
	NUMBER("reconnects", struct raw_away, reconnects),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t broker_tls_fields[] = {
	TEXT("ca", MUST, struct raw_broker_tls, ca),
	TEXT("certificate", MAY, struct raw_broker_tls, certificate),
	TEXT("key", MAY, struct raw_broker_tls, key),
	TEXT("server_name", MAY, struct raw_broker_tls, server_name),
	WORD_MAY("min_version", struct raw_broker_tls, min_version, tls_versions),
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

static const cyaml_schema_field_t class_fields[] = {
	TEXT("identity", MUST, struct raw_class, identity),
	TEXTS("groups", struct raw_class, groups),
	TEXTS("ciphers", struct raw_class, ciphers),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t class_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_class, class_fields),
};

static const cyaml_schema_field_t client_keys_fields[] = {
	NUMBER("rsa_min", struct raw_client_keys, rsa_min),
	TEXTS("curves", struct raw_client_keys, curves),
	CYAML_FIELD_END
};

static const cyaml_strval_t ocsp_rules[] = {
	{ "soft", 0 },
	{ "hard", 1 },
};

static const cyaml_strval_t nonce_rules[] = {
	{ "off", MQG_NONCE_OFF },
	{ "optional", MQG_NONCE_OPTIONAL },
	{ "require", MQG_NONCE_REQUIRE },
};

static const cyaml_schema_field_t ocsp_fields[] = {
	WORD("policy", MUST, struct raw_ocsp, policy, ocsp_rules),
	TEXT("responder", MAY, struct raw_ocsp, responder),
	TEXTS("aia", struct raw_ocsp, aia),
	TEXT("timeout", MAY, struct raw_ocsp, timeout),
	WORD_MAY("nonce", struct raw_ocsp, nonce, nonce_rules),
	TEXT("max_age", MAY, struct raw_ocsp, max_age),
	TEXT("skew", MAY, struct raw_ocsp, skew),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t tls_fields[] = {
	TEXT("certificate", MUST, struct raw_tls, certificate),
	TEXT("key", MUST, struct raw_tls, key),
	TEXT("pin_file", MAY, struct raw_tls, pin_file),
	TEXT("client_ca", MUST, struct raw_tls, client_ca),
	TEXT("crl", MAY, struct raw_tls, crl),
	WORD_MAY("crl_stale", struct raw_tls, crl_stale, stale_rules),
	WORD_MAY("chain", struct raw_tls, partial_chain, chain_rules),
	WORD_MAY("ktls", struct raw_tls, ktls, ktls_rules),
	{
		.key = "pins",
		.value = {
			.type = CYAML_SEQUENCE,
			.flags = CYAML_FLAG_POINTER | MAY,
			.data_size = sizeof(char *),
			.sequence = { .entry = &mqg_text_value, .max = CYAML_UNLIMITED },
		},
		.data_offset = offsetof(struct raw_tls, pins),
		.count_size = sizeof(((struct raw_tls *)0)->pins_count),
		.count_offset = offsetof(struct raw_tls, pins_count),
	},
	WORD_MAY("min_version", struct raw_tls, min_version, tls_versions),
	WORD_MAY("max_version", struct raw_tls, max_version, tls_versions),
	TEXTS("groups", struct raw_tls, groups),
	TEXTS("ciphers", struct raw_tls, ciphers),
	TEXTS("signature_algorithms", struct raw_tls, signatures),
	CYAML_FIELD_MAPPING_PTR("client_keys", CYAML_FLAG_POINTER | MAY, struct raw_tls,
				client_keys, client_keys_fields),
	CYAML_FIELD_MAPPING_PTR("ocsp", CYAML_FLAG_POINTER | MAY, struct raw_tls, ocsp,
				ocsp_fields),
	CYAML_FIELD_SEQUENCE("classes", CYAML_FLAG_POINTER | MAY, struct raw_tls, classes,
			     &class_value, 0, CYAML_UNLIMITED),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t identity_fields[] = {
	WORD_MAY("from", struct raw_identity, from, identity_sources),
	WORD_MAY("client_id", struct raw_identity, client_id, client_id_rules),
	WORD_MAY("username", struct raw_identity, username, username_rules),
	TEXT("user_property", MAY, struct raw_identity, user_property),
	WORD_MAY("renewal", struct raw_identity, renewal, renewal_rules),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t sni_fields[] = {
	TEXT("name", MUST, struct raw_sni, name),
	TEXTS("server_names", struct raw_sni, server_names),
	CYAML_FIELD_MAPPING_PTR("tls", CYAML_FLAG_POINTER, struct raw_sni, tls, tls_fields),
	CYAML_FIELD_MAPPING_PTR("identity", CYAML_FLAG_POINTER | MAY, struct raw_sni, identity,
				identity_fields),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t sni_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_sni, sni_fields),
};

static const cyaml_schema_field_t proxies_fields[] = {
	TEXTS("from", struct raw_proxies, from),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t listener_fields[] = {
	TEXT("name", MUST, struct raw_listener, name),
	TEXT("address", MUST, struct raw_listener, address),
	WORD("kind", MUST, struct raw_listener, kind, listener_kinds),
	TEXT("broker", MUST, struct raw_listener, broker),
	WORD_MAY("mode", struct raw_listener, mode, modes),
	CYAML_FIELD_MAPPING_PTR("tls", CYAML_FLAG_POINTER | MAY, struct raw_listener, tls,
				tls_fields),
	CYAML_FIELD_MAPPING_PTR("identity", CYAML_FLAG_POINTER | MAY, struct raw_listener,
				identity, identity_fields),
	CYAML_FIELD_SEQUENCE("sni", CYAML_FLAG_POINTER | MAY, struct raw_listener, sni, &sni_value,
			     0, CYAML_UNLIMITED),
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
	WORD_MAY("mode", struct raw_service, mode, modes),
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
	WORD_MAY("mode", struct raw_module, mode, modes),
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

static const cyaml_schema_value_t listener_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_listener, listener_fields),
};

static const cyaml_schema_value_t service_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_service, service_fields),
};

static const cyaml_schema_value_t source_value = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t top_fields[] = {
	CYAML_FIELD_SEQUENCE("brokers", CYAML_FLAG_POINTER | MAY, struct raw_config, brokers,
			     &broker_value, 0, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("listeners", CYAML_FLAG_POINTER | MAY, struct raw_config, listeners,
			     &listener_value, 0, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("services", CYAML_FLAG_POINTER | MAY, struct raw_config, services,
			     &service_value, 0, CYAML_UNLIMITED),
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
