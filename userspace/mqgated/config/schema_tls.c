/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The schema of a listener's TLS and identities, and of its policies by server name. Constant; used
 * while loading, by the main thread.
 */
#include "config/schema_make.h"

#include <openssl/ssl.h>

#include "config/config.h"

const cyaml_strval_t mqg_tls_versions[MQG_TLS_VERSIONS] = {
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

const cyaml_schema_field_t mqg_tls_fields[] = {
	TEXT("certificate", MUST, struct raw_tls, certificate),
	TEXT("key", MUST, struct raw_tls, key),
	TEXT("pin_file", MAY, struct raw_tls, pin_file),
	TEXT("client_ca", MUST, struct raw_tls, client_ca),
	TEXT("crl", MAY, struct raw_tls, crl),
	WORD_MAY("crl_stale", struct raw_tls, crl_stale, stale_rules),
	WORD_MAY("chain", struct raw_tls, partial_chain, chain_rules),
	WORD_MAY("ktls", struct raw_tls, ktls, ktls_rules),
	TEXTS("pins", struct raw_tls, pins),
	WORD_MAY("min_version", struct raw_tls, min_version, mqg_tls_versions),
	WORD_MAY("max_version", struct raw_tls, max_version, mqg_tls_versions),
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

const cyaml_schema_field_t mqg_identity_fields[] = {
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
	CYAML_FIELD_MAPPING_PTR("tls", CYAML_FLAG_POINTER, struct raw_sni, tls, mqg_tls_fields),
	CYAML_FIELD_MAPPING_PTR("identity", CYAML_FLAG_POINTER | MAY, struct raw_sni, identity,
				mqg_identity_fields),
	CYAML_FIELD_END
};

const cyaml_schema_value_t mqg_sni_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_sni, sni_fields),
};
