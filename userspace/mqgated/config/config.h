/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's configuration as it is after reading, checking and filling in defaults. Written only
 * while it is loaded; everybody else reads it. Counted: a reload puts another one in its place, and
 * what still serves by the old one holds it.
 */
#ifndef MQG_CONFIG_H
#define MQG_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/mqgate.h>

#include "config/broker.h"
#include "config/crypto.h"
#include "config/endpoint.h"
#include "config/limits.h"

enum mqg_identity_from {
	MQG_FROM_CN,			/* the one commonName of the subject */
	MQG_FROM_SAN_DNS,		/* the one dNSName of subjectAltName (RFC 5280, 4.2.1.6) */
	MQG_FROM_SAN_URI,		/* the one uniformResourceIdentifier */
	MQG_FROM_FINGERPRINT,		/* SHA-256 of the DER certificate, lower-case hex */
	MQG_FROM_SAN_EMAIL,		/* the one rfc822Name */
	MQG_FROM_SPIFFE,		/* the one uniformResourceIdentifier, a SPIFFE ID */
	MQG_FROM_ISSUER_SERIAL,		/* SHA-256 of the issuer's DER name, '-', serial, in hex */
};

enum mqg_client_id_rule {
	MQG_CLIENT_ID_EQUAL,		/* client identifier == identity */
	MQG_CLIENT_ID_PREFIX,		/* == identity, or goes on with '-', '/' or ':' */
	MQG_CLIENT_ID_ANY,
	MQG_CLIENT_ID_INJECT,		/* the broker gets the identity in its place */
};

enum mqg_username_rule {
	MQG_USERNAME_EQUAL,		/* none, or == identity */
	MQG_USERNAME_PREFIX,		/* none, or as with client identifiers */
	MQG_USERNAME_ANY,
	MQG_USERNAME_INJECT,		/* the broker gets the identity in its place */
};

enum mqg_password_rule {
	MQG_PASSWORD_REFUSE,		/* a CONNECT with a password in clear text */
	MQG_PASSWORD_STRIP,		/* the broker gets neither it nor the username */
	MQG_PASSWORD_ALLOW,
};

#define MQG_PIN_SIZE	32	/* SHA-256 */

struct mqg_material;
struct mqg_rights;
struct mqg_tap_config;
struct mqg_ticket_file;

enum mqg_cookies {
	MQG_COOKIES_AUTO,		/* listeners: on, services: off */
	MQG_COOKIES_ON,			/* a listener of this host takes the connections */
	MQG_COOKIES_OFF,
};

/* What XDP is told of a service besides its kind and mode; numbers as in struct mqgate_service. */
struct mqg_guard {
	uint32_t		syn_source;	/* SYNs/s */
	uint32_t		syn_rate;
	uint32_t		syn_calm_ms;
	enum mqg_cookies	cookies;
	/* First payloads/s, over UDP datagrams/s, and at once; 0: no budget, as many as the rate */
	uint32_t		source_rate, source_burst;
	uint32_t		service_rate, service_burst;
	uint32_t		suspect_bytes;	/* 0: by what the first payload declares */
	uint32_t		suspect_segments;
	uint32_t		suspect_ms;
	uint32_t		reset_rate;
	bool			reset;		/* on_malformed: reset */
	struct mqgate_destination destination[MQGATE_DESTINATIONS];
	uint32_t		destinations;	/* 0: wherever it goes to */
	bool			fragments;	/* fragments: pass */
};

enum mqg_ocsp_nonce {
	MQG_NONCE_OFF,			/* none is sent */
	MQG_NONCE_OPTIONAL,		/* sent; an answer has the same or none */
	MQG_NONCE_REQUIRE,		/* an answer has the same */
};

/* Who may be asked about a certificate. */
struct mqg_responder {
	struct mqg_endpoint	address;	/* its text: HOST:PORT as in URLs */
	char			*path;		/* NULL = what the certificate says */
};

/* OCSP for client certificates. */
struct mqg_ocsp {
	bool			hard;		/* without a good answer nobody comes in */
	bool			aia;		/* whom to ask the certificate says */
	enum mqg_ocsp_nonce	nonce;
	uint32_t		timeout_ms;
	uint32_t		max_age_ms;	/* how long an answer is used at most */
	uint32_t		skew_ms;
	struct mqg_responder	*responders;	/* the one, or those that AIA may name */
	size_t			n_responders;
};

/* Whom a TLS listener trusts, as what it shows itself, and how a client is named. */
struct mqg_policy {
	char			*title;		/* for people: LISTENER, or LISTENER/NAME */
	const char		*name;		/* within @title, of one under sni; NULL = [0] */
	char			*certificate, *key, *client_ca, *crl;	/* paths; crl may be NULL */
	char			*pin_file;	/* of the key; NULL: none */
	struct mqg_material	*material;	/* what these hold; main thread */
	int			tls_min;	/* TLS1_2_VERSION or TLS1_3_VERSION */
	struct mqg_crypto	*crypto;
	struct mqg_ocsp		*ocsp;		/* NULL = nobody is asked */
	bool			crl_stale;	/* accept what a list says that is out of date */
	bool			ktls;		/* where the kernel has it */
	bool			partial_chain;	/* client_ca may hold intermediates alone */
	uint8_t			(*pins)[MQG_PIN_SIZE];	/* of public keys */
	size_t			n_pins;		/* one of them in every chain; 0 = any chain */
	enum mqg_identity_from	identity_from;
	enum mqg_client_id_rule	client_id_rule;
	enum mqg_username_rule	username_rule;
	char			*user_property;	/* of MQTT 5, with the identity; NULL = none */
	bool			newest;		/* older certificates of an identity: refused */
};

/* A name by which a client may ask for a policy (RFC 6066, 3), or all with one label before it. */
struct mqg_server_name {
	char			*name;		/* lower case; "*." not included */
	bool			wildcard;
	size_t			policy;		/* its place in the listener's */
};

struct mqg_listener {
	char			*name;		/* at most 15 bytes: also the service's name */
	struct mqg_endpoint	address;
	enum mqgate_kind	kind;		/* MQGATE_KIND_MQTT or MQGATE_KIND_MQTTS */
	enum mqgate_mode	mode;		/* of its XDP service */
	uint32_t		service;	/* its service number, assigned while loading */
	const struct mqg_broker	*broker;
	uint32_t		handshake_timeout_ms;
	uint32_t		connect_timeout_ms;
	uint32_t		connect_max;	/* bytes of remaining length of a CONNECT */
	uint32_t		sessions_max;
	uint32_t		allow_pps, allow_burst;
	struct mqg_guard	guard;
	struct mqg_policy	*policies;	/* of TLS; [0] is the listener's own */
	size_t			n_policies;	/* 0 = a plain listener */
	struct mqg_server_name	*server_names;	/* sorted by mqg_server_name_order() */
	size_t			n_server_names;
	bool			refuse_unknown;	/* server names that are none of these */
	enum mqg_password_rule	password_rule;	/* plain listeners */
	struct mqg_limits	limits;
	struct mqgate_destination *proxies;	/* networks whose peers speak the PROXY protocol */
	size_t			n_proxies;
};

/* A service that XDP guards and the daemon does not terminate (routed), or a change of its mode. */
struct mqg_service {
	char			*name;
	uint16_t		port;
	enum mqgate_kind	kind;		/* says TCP or UDP; _DEFAULT: unprotected */
	enum mqgate_mode	mode;
	bool			strict;		/* unknown_flows: strict */
	bool			fail_closed;	/* when_daemon_away: closed */
	uint32_t		connect_max;	/* kind MQTT: bytes, as XDP has it */
	uint32_t		allow_pps, allow_burst;
	uint32_t		number;		/* assigned while loading */
	struct mqg_guard	guard;
};

/* The place of a port of that kind in mqgate_ports. */
static inline uint32_t mqg_ports_index(enum mqgate_kind kind, uint16_t port)
{
	return kind >= MQGATE_KIND_FIRST_UDP ? MQGATE_PORTS_UDP(port) : MQGATE_PORTS_TCP(port);
}

struct mqg_score_config {
	uint32_t		threshold;	/* points at which a source is banned */
	uint32_t		limit;		/* limited; 0 = never before it would be banned */
	uint32_t		limit_rate;	/* packets/s */
	uint64_t		half_life_ns;
	uint64_t		ban_ns;		/* first ban; doubles */
	uint64_t		ban_max_ns;
	uint32_t		sources_max;	/* scored at once; the least scored makes room */
	uint32_t		weight[MQGATE_REASON_MAX];
};

/* The kernel module as the daemon uses it. */
struct mqg_module_config {
	bool			use;		/* when it is there */
	int			enforce;	/* 1, 0, or -1: as the module has it */
	uint32_t		events_buffer;	/* bytes of events that may wait */
	uint32_t		source_sessions;	/* of one source at most; 0: no limit */
	uint32_t		source_connect_rate;	/* a minute; 0: no limit */
};

/* What keys of servers may be kept in. */
struct mqg_hardware {
	char			*pkcs11_module;	/* path of the shared object; NULL: none */
	char			*tpm;		/* its TCTI; NULL: the default */
};

/* TLS handshakes of all listeners together; where it says so, 0 is no limit. */
struct mqg_handshakes {
	uint32_t		source_rate;	/* a second of one source, or 0 */
	uint32_t		source_burst;	/* at least 1 */
	uint32_t		source_in_flight;	/* under way or waiting, or 0 */
	uint32_t		rate;		/* a second of all, or 0 */
	uint32_t		burst;		/* at least 1 */
	uint32_t		in_flight;	/* under way, or 0 */
	uint32_t		queue;		/* that wait for the two above */
	uint32_t		queue_time_ms;
	uint32_t		patience_ms;	/* one's own, while others wait */
	uint32_t		known_for_ms;	/* after its last session a source stays known */
};

/* Messages on disk that brokers which are away have not taken. */
struct mqg_store {
	char			*directory;	/* absolute; NULL: there is none */
	uint64_t		size;		/* bytes */
};

struct mqg_config {
	atomic_uint		references;	/* besides the maker's */
	char			*path;
	struct mqg_listener	*listeners;
	size_t			n_listeners;
	struct mqg_broker	*brokers;
	size_t			n_brokers;
	struct mqg_service	*services;
	size_t			n_services;
	struct mqgate_source_key *allow;	/* the operator's allow list */
	size_t			n_allow;
	struct mqg_score_config	score;
	struct mqg_module_config module;
	struct mqg_hardware	hardware;
	struct mqg_handshakes	handshakes;
	struct mqg_rights	*rights;	/* NULL = no policies: everything is allowed */
	struct mqg_store	store;
	struct mqg_tap_config	*taps;
	size_t			n_taps;
	uint32_t		drain_ms;	/* at a stop, until everybody was told to go */
	uint32_t		workers;	/* 0 in the file means one a core; resolved here */
	uint32_t		mark;		/* SO_MARK of upstream sockets */
	uint32_t		chain_cache_size;	/* verified chains a worker; 0 = none */
	uint64_t		chain_cache_ns;
	bool			resumption;	/* by tickets */
	uint32_t		ticket_lifetime, ticket_rotate;	/* s */
	char			*ticket_path;	/* of their keys; NULL = made by each process */
	struct mqg_ticket_file	*ticket_file;
	char			*user;		/* whom to become when started as root */
	char			*group;		/* of the control socket */
	struct mqg_endpoint	http;		/* text NULL = off */
};

/**
 * mqg_config_load() - read and check a configuration
 * @path:   YAML file
 * @config: out
 * @why:    buffer for "FILE:LINE: KEY: what is wrong; remedy"
 * @size:   of @why
 *
 * Files that the configuration names (certificates, keys, CRLs) are read and compared.
 * Return: 0 or -EINVAL, -ENOENT, -EACCES, -ENOMEM.
 */
int mqg_config_load(const char *path, struct mqg_config **config, char *why, size_t size);

/*
 * The same for one that is to follow @before: ports keep their service numbers, and a key that can
 * no longer be read is taken from there. Main thread.
 */
int mqg_config_reload(const struct mqg_config *before, struct mqg_config **config, char *why,
		      size_t size);

/* Takes one more reference; gives one back, and frees it with the last. Any thread. */
const struct mqg_config *mqg_config_get(const struct mqg_config *config);
void mqg_config_put(const struct mqg_config *config);

#endif
