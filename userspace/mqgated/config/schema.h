/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration as it is written: what libcyaml fills in before anything is checked. A pointer
 * that is NULL was left out. Made by mqg_config_load(), used by the checking pass only.
 */
#ifndef MQG_CONFIG_SCHEMA_H
#define MQG_CONFIG_SCHEMA_H

#include <stdint.h>

#include <cyaml/cyaml.h>

#include <linux/mqgate.h>

#include "policy/fields.h"

enum raw_kind {
	RAW_KIND_MQTT,
	RAW_KIND_MQTTS,
	RAW_KIND_MQTTSN,
	RAW_KIND_COAP,
	RAW_KIND_COAPS,
	RAW_KIND_UNPROTECTED,
};

struct raw_proxy_protocol {
	char		**tlvs;
	unsigned int	tlvs_count;
	uint32_t	*max;
};

struct raw_server {
	char		*address;
	uint32_t	*weight, *max_connections;
};

struct raw_health {
	int		*kind, *on_down;
	char		*interval, *timeout;
	uint32_t	*fall, *rise;
};

struct raw_away {
	uint32_t	*answers, *waiting, *reconnects;
	int		*hold;
	char		*hold_time;
	uint32_t	*hold_messages, *hold_bytes, *hold_total;
};

struct raw_broker_tls {
	char		*ca, *certificate, *key, *server_name;
	int		*min_version;
};

struct raw_broker {
	char				*name, *address, *connect_timeout, *slow_start;
	char				*username, *password, *password_file;
	struct raw_server		*servers;
	unsigned int			servers_count;
	int				*balance;
	struct raw_health		*health;
	struct raw_away			*away;
	struct raw_broker_tls		*tls;
	struct raw_proxy_protocol	*proxy_protocol;
};

struct raw_class {
	char		*identity;
	char		**groups, **ciphers;
	unsigned int	groups_count, ciphers_count;
};

struct raw_client_keys {
	uint32_t	*rsa_min;
	char		**curves;
	unsigned int	curves_count;
};

struct raw_ocsp {
	int		policy, *nonce;
	char		*responder, *timeout, *max_age, *skew;
	char		**aia;
	unsigned int	aia_count;
};

struct raw_tls {
	char		*certificate, *key, *pin_file, *client_ca, *crl;
	int		*min_version, *crl_stale, *partial_chain, *ktls;
	char		**pins;
	unsigned int	pins_count;
	int		*max_version;
	char		**groups, **ciphers, **signatures;
	unsigned int	groups_count, ciphers_count, signatures_count;
	struct raw_client_keys *client_keys;
	struct raw_ocsp	*ocsp;
	struct raw_class *classes;
	unsigned int	classes_count;
};

struct raw_identity {
	int		*from, *client_id, *username, *renewal;
	char		*user_property;
};

struct raw_sni {
	char		*name;
	char		**server_names;
	unsigned int	server_names_count;
	struct raw_tls	*tls;
	struct raw_identity *identity;
};

struct raw_syn {
	uint32_t	*per_source, *rate;
	char		*calm;
	int		*cookies;
};

struct raw_budgets {
	uint32_t	*per_source, *per_source_burst, *rate, *burst;
};

struct raw_suspect {
	uint32_t	*bytes, *segments;
	char		*time;
};

/* What listeners and services have in common. */
struct raw_guard {
	struct raw_syn	*syn;
	struct raw_budgets *connects;
	struct raw_suspect *suspect;
	int		*on_malformed;
	uint32_t	*reset_rate;
	int		*fragments;
	char		**destinations;
	unsigned int	destinations_count;
};

struct raw_proxies {
	char		**from;
	unsigned int	from_count;
};

struct raw_limits {
	uint32_t	*packet_size, *topic_length, *topic_levels, *topic_alias, *inflight;
	uint32_t	*subscriptions, *filters, *user_properties, *client_id, *keep_alive;
	uint32_t	*messages_rate, *messages_burst, *bytes_rate, *bytes_burst;
	uint32_t	*all_messages_rate, *all_messages_burst, *all_bytes_rate, *all_bytes_burst;
	int		*over_rate, *on_refused;
};

struct raw_listener {
	char			*name, *address, *broker;
	int			kind;
	int			*mode, *passwords;
	struct raw_tls		*tls;
	struct raw_identity	*identity;
	struct raw_sni		*sni;
	unsigned int		sni_count;
	int			*sni_unknown;
	char			*handshake_timeout, *connect_timeout;
	uint32_t		*connect_max, *sessions_max, *allow_pps, *allow_burst;
	struct raw_proxies	*proxy_protocol_in;
	struct raw_limits	*limits;
	struct raw_guard	guard;
};

struct raw_service {
	char		*name;
	uint32_t	port;
	int		kind;
	int		*mode, *unknown_flows, *when_daemon_away;
	uint32_t	*connect_max, *allow_pps, *allow_burst;
	struct raw_budgets *datagrams;
	struct raw_guard guard;
};

/* One pointer a reason, so that every weight may be left out. */
struct raw_weights {
#define MQG_RAW_WEIGHT(number, symbol, word, text) uint32_t *symbol;
	MQGATE_REASON_LIST(MQG_RAW_WEIGHT)
#undef MQG_RAW_WEIGHT
};

struct raw_score {
	uint32_t		*threshold, *limit, *limit_rate, *sources_max;
	char			*half_life, *ban, *ban_max;
	struct raw_weights	*weights;
};

struct raw_module {
	int			*use, *mode;
	uint32_t		*events_buffer, *source_sessions, *source_connect_rate;
};

struct raw_chain_cache {
	uint32_t		*size;
	char			*time;
};

struct raw_hardware {
	char			*pkcs11_module, *tpm;
};

struct raw_handshakes {
	uint32_t		*per_source, *per_source_burst, *per_source_in_flight;
	uint32_t		*rate, *burst, *in_flight, *queue;
	char			*queue_time, *patience, *known_for;
};

struct raw_tap {
	char			*name, *to, *topic;
	char			**topics, **redact;
	unsigned int		topics_count, redact_count;
	int			*direction, *what, *identities;
	uint32_t		*sample, *rate, *payload_max, *queue;
};

struct raw_resumption {
	int			*use;
	char			*lifetime, *rotate, *keys;
};

struct raw_store {
	char			*directory, *size;
};

struct raw_group {
	char			*name, **identities;
	unsigned int		identities_count;
	struct raw_limits	*limits;	/* without what is a listener's alone */
};

struct raw_match {
#define MQG_RAW_FIELD(symbol, member, word)	\
	char			**member;	\
	unsigned int		member##_count;
	MQG_FIELD_LIST(MQG_RAW_FIELD)
#undef MQG_RAW_FIELD
	char			**group, **source;
	unsigned int		group_count, source_count;
};

struct raw_valid {
	char			*from, *until, **weekly;
	unsigned int		weekly_count;
};

struct raw_rule {
	char			**allow, **deny, **topics;
	unsigned int		allow_count, deny_count, topics_count;
	uint32_t		*qos;
};

struct raw_policy {
	char			*name, *acl_file;
	struct raw_match	*match;
	struct raw_valid	*valid;
	struct raw_rule		*rules;
	unsigned int		rules_count;
};

struct raw_config {
	struct raw_broker	*brokers;
	struct raw_listener	*listeners;
	struct raw_service	*services;
	struct raw_tap		*tap;
	char			**allow;
	unsigned int		brokers_count, listeners_count, services_count, allow_count;
	struct raw_group	*groups;
	struct raw_policy	*policies;
	unsigned int		groups_count, policies_count;
	unsigned int		tap_count;
	struct raw_score	*score;
	struct raw_module	*module;
	struct raw_chain_cache	*chain_cache;
	struct raw_hardware	*hardware;
	struct raw_handshakes	*handshakes;
	struct raw_resumption	*resumption;
	struct raw_store	*store;
	uint32_t		*workers, *mark;
	char			*user, *group, *http, *drain_time;
};

/* Schema of the whole file; its value is a struct raw_config *. */
extern const cyaml_schema_value_t mqg_config_schema;

#endif
