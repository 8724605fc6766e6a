/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration as a whole: a good file gives the documented values, what is left out has its
 * default, and what is no YAML, not of the schema, named twice or out of range is refused.
 */
#include "config_stage.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include "config/endpoint.h"
#include "config/weights.h"

static const struct broken cases[] = {
	/* the file as YAML */
	BROKEN("syntax", 8, 8, "    kind: [mqtts", "9: not YAML"),
	BROKEN("tab", 8, 8, "\tkind: mqtts", "8: not YAML"),
	BROKEN("empty file", 1, LINES, "# nothing",
	       "1: the file is empty; see the example configuration"),
	BROKEN("no mapping", 1, LINES, "hello", "1: the file is no mapping"),
	BROKEN("a list", 1, LINES, "- hello",
	       "1: takes a mapping (\"key: value\" lines), but a list "),
	BROKEN("second document", 55, 55, "---\nuser: x", "55: a second YAML document"),
	BROKEN("alias", 53, 54, "user: &a nobody\ngroup: *a", "54: aliases are not accepted"),
	BROKEN("key given twice", 54, 54, "user: root",
	       "54: user: given twice, first on line 53; remove one of them"),
	BROKEN("nested key given twice", 25, 25, "    allow_pps: 7",
	       "25: listeners[0].allow_pps: given twice, first on line 24"),
	BROKEN("key that is a list", 53, 53, "? [a]\n: b", "53: a key must be a word"),
	BROKEN("a value with a byte of zero", 53, 53, "user: \"nobody\\0root\"",
	       "53: a byte of zero in a key or value; remove it"),
	BROKEN("too deep", 53, 53, "user: [[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]",
	       "53: keys nest too deep"),
	/* the kernel module */
	BROKEN("module used how", 57, 57, "  use: on",
	       "57: module.use: \"on\" is not known; write one of: off, auto"),
	BROKEN("mode of the module", 58, 58, "  mode: enforced",
	       "58: module.mode: \"enforced\" is not known; write one of: enforce, observe"),
	BROKEN("mode of a module that is not used", 57, 57, "  use: off",
	       "58: module.mode: has no meaning with use: off; leave one of the two out"),
	BROKEN("no room for events", 59, 59, "  events_buffer: 100",
	       "59: module.events_buffer: 100 is out of range; write 4096 to 1073741824"),
	BROKEN("more than the module can count", 61, 61, "  source_connect_rate: 15001",
	       "61: module.source_connect_rate: 15001 is out of range; write 0 to 15000"),
	BROKEN("unknown key of the module", 58, 58, "  modes: enforce",
	       "58: module.modes: unknown key; did you mean mode?"),
	/* the store */
	BROKEN("store at a place that moves", 51, 51, "workers: 3\nstore: {directory: hold}",
	       "52: store.directory: \"hold\" is no absolute path; write for instance /var/lib/"),
	BROKEN("store of no size", 51, 51, "workers: 3\nstore: {size: 1GB}",
	       "52: store.size: \"1GB\" is no size; write for instance 512M or 1G"),
	BROKEN("store of a negative size", 51, 51, "workers: 3\nstore: {size: -1G}",
	       "52: store.size: \"-1G\" is no size"),
	BROKEN("store of a small size", 51, 51, "workers: 3\nstore: {size: 16383k}",
	       "52: store.size: 16383k is out of range; write 16M to 64G"),
	BROKEN("store of more than there are bytes", 51, 51,
	       "workers: 3\nstore: {size: 99999999T}",
	       "52: store.size: \"99999999T\" is no size"),
	/* the schema */
	BROKEN("unknown key at the top", 53, 53, "usr: nobody",
	       "53: usr: unknown key; did you mean user?"),
	BROKEN("unknown nested key, near", 14, 14, "      clientca: @/ca.pem",
	       "14: listeners[0].tls.clientca: unknown key; did you mean client_ca?"),
	BROKEN("unknown nested key, far", 19, 19, "      whatever: prefix",
	       "19: listeners[0].identity.whatever: unknown key; known here: from, client_id, "
	       "username, user_property"),
	BROKEN("unknown key in a service", 35, 35, "    unknown_flow: strict",
	       "35: services[0].unknown_flow: unknown key; did you mean unknown_flows?"),
	BROKEN("unknown reason", 50, 50, "    cert-revokd: 3",
	       "50: score.weights.cert-revokd: unknown key; did you mean cert-revoked?"),
	BROKEN("missing key", 13, 13, "",
	       "11: listeners[0].tls.key: missing; add a line \"key: ...\""),
	BROKEN("missing key of the second entry", 38, 38, "", "37: services[1].port: missing"),
	BROKEN("missing kind", 28, 28, "", "26: listeners[1].kind: missing"),
	BROKEN("unknown word", 8, 8, "    kind: mqttss",
	       "8: listeners[0].kind: \"mqttss\" is not known; write one of: mqtts, mqtt"),
	BROKEN("unknown mode", 10, 10, "    mode: enforcing",
	       "10: listeners[0].mode: \"enforcing\" is not known; write one of: enforce, observe"),
	BROKEN("unknown TLS version", 16, 16, "      min_version: 1.1",
	       "16: listeners[0].tls.min_version: \"1.1\" is not known; write one of: 1.2, 1.3"),
	BROKEN("list for a value", 53, 53, "user: [a]",
	       "53: user: takes a single value, but a list (\"- ...\" lines) is given"),
	BROKEN("value for a list", 40, 42, "allow: 192.0.2.77",
	       "40: allow: takes a list (\"- ...\" lines), but a single value is given"),
	BROKEN("value for a mapping", 17, 19, "    identity: cn",
	       "17: listeners[0].identity: takes a mapping"),
	BROKEN("no number", 33, 33, "    port: mqtt",
	       "33: services[0].port: \"mqtt\" is not a whole number"),
	BROKEN("negative number", 44, 44, "  threshold: -1",
	       "44: score.threshold: \"-1\" is not a whole number"),
	BROKEN("number with a unit", 24, 24, "    allow_pps: 50/s",
	       "24: listeners[0].allow_pps: \"50/s\" is not a whole number; write digits alone"),
	BROKEN("two numbers", 33, 33, "    port: 18 83",
	       "33: services[0].port: \"18 83\" is not a whole number; write digits alone"),
	BROKEN("number with a zero in front", 50, 50, "    cert-revoked: 010",
	       "50: score.weights.cert-revoked: \"010\" is not a whole number; write digits"),
	BROKEN("hexadecimal digit that is none", 52, 52, "mark: 0x1g",
	       "52: mark: \"0x1g\" is not a whole number; write digits alone"),
	BROKEN("number with a fraction", 51, 51, "workers: 3.5",
	       "51: workers: \"3.5\" is not a whole number; write digits alone"),
	BROKEN("number beyond 32 bits", 22, 22, "    connect_max: 4294967296",
	       "22: listeners[0].connect_max: \"4294967296\" is not a whole number"),
	BROKEN("empty value", 53, 53, "user: \"\"", "53: user: is empty; give a value"),
	/* names, numbers, references */
	BROKEN("long name", 6, 6, "  - name: sixteen-letters-",
	       "6: listeners[0].name: \"sixteen-letters-\" has 16 characters; a name has 1 to 15"),
	BROKEN("name with a space", 32, 32, "  - name: a b",
	       "32: services[0].name: \"a b\" is no name; use letters"),
	BROKEN("broker named twice", 4, 4, "    connect_timeout: 5s\n  - name: main\n"
	       "    address: \"127.0.0.1:1885\"",
	       "5: brokers[1].name: \"main\" is already the name of brokers[0]; choose another"),
	BROKEN("listener named twice", 26, 26, "  - name: mqtts",
	       "26: listeners[1].name: \"mqtts\" is already the name of listeners[0]"),
	BROKEN("service named as a listener", 32, 32, "  - name: plain",
	       "32: services[0].name: \"plain\" is already the name of listeners[1]"),
	BROKEN("service named twice", 37, 37, "  - name: routed",
	       "37: services[1].name: \"routed\" is already the name of services[0]"),
	BROKEN("listeners' port twice", 27, 27, "    address: \"127.0.0.2:8883\"",
	       "27: listeners[1].address: port 8883 is already that of listeners[0]; a port is one "
	       "service"),
	BROKEN("listener's port as a service", 33, 33, "    port: 8883",
	       "33: services[0].port: port 8883 is already that of listeners[0]"),
	BROKEN("service's port twice", 38, 38, "    port: 1883",
	       "38: services[1].port: port 1883 is already that of services[0]"),
	BROKEN("port of the metrics", 55, 55, "http: \"127.0.0.1:8883\"",
	       "55: http: port 8883 is already that of listeners[0]; choose another"),
	BROKEN("unknown broker", 29, 29, "    broker: other",
	       "29: listeners[1].broker: there is no broker \"other\"; name one of \"brokers\""),
	BROKEN("address without a port", 7, 7, "    address: 127.0.0.1",
	       "7: listeners[0].address: \"127.0.0.1\" is not ADDRESS:PORT"),
	BROKEN("port 0", 7, 7, "    address: \"127.0.0.1:0\"",
	       "7: listeners[0].address: \"0\" is not a port; write a number from 1 to 65535"),
	BROKEN("port 65536", 3, 3, "    address: \"127.0.0.1:65536\"",
	       "3: brokers[0].address: \"65536\" is not a port"),
	BROKEN("port with a sign", 7, 7, "    address: \"127.0.0.1:+1\"",
	       "7: listeners[0].address: \"+1\" is not a port"),
	BROKEN("IPv6 without brackets", 27, 27, "    address: \"::1:2883\"",
	       "27: listeners[1].address: \"::1:2883\" has more than one colon; write IPv6 as "
	       "\"[2001:db8::1]:1883\""),
	BROKEN("name for a listener's address", 7, 7, "    address: \"localhost:8883\"",
	       "7: listeners[0].address: \"localhost\" is not an address"),
	BROKEN("service port 0", 33, 33, "    port: 0", "33: services[0].port: 0 is not a port"),
	BROKEN("service port 70000", 33, 33, "    port: 70000",
	       "33: services[0].port: 70000 is not a port; write a number from 1 to 65535"),
	BROKEN("allow list entry", 41, 41, "  - 192.0.2.777", "41: allow[0]: \"192.0.2.777\": "),
	BROKEN("allow list /48", 42, 42, "  - 2001:db8::/48", "42: allow[1]: \"2001:db8::/48\": "),
	BROKEN("http without a port", 55, 55, "http: on", "55: http: \"on\" is not ADDRESS:PORT"),
	/* ranges */
	BROKEN("duration without sense", 20, 20, "    handshake_timeout: soon",
	       "20: listeners[0].handshake_timeout: \"soon\" is not a duration; write for instance "
	       "500ms, 30s, 10m or 1h"),
	BROKEN("duration too short", 21, 21, "    connect_timeout: 10ms",
	       "21: listeners[0].connect_timeout: 10ms is out of range; write 100ms to 10m"),
	BROKEN("broker's duration too long", 4, 4, "    connect_timeout: 1h",
	       "4: brokers[0].connect_timeout: 1h is out of range"),
	BROKEN("a header that has no room for addresses", 4, 4, "    proxy_protocol: {max: 51}",
	       "4: brokers[0].proxy_protocol.max: 51 is out of range; write 52 to 1024"),
	BROKEN("a TLV that is not there", 4, 4, "    proxy_protocol: {tlvs: [ssl, cert-sig]}",
	       "4: brokers[0].proxy_protocol.tlvs[1]: \"cert-sig\" is none; there are identity"),
	BROKEN("neither address nor servers", 3, 4, "    connect_timeout: 2s",
	       "2: brokers[0].address: missing; give the address of the broker, or servers"),
	BROKEN("address beside servers", 4, 4, "    servers: [{address: \"127.0.0.1:1\"}]",
	       "3: brokers[0].address: stands beside servers; leave one of the two out"),
	BROKEN("a server twice", 3, 3,
	       "    servers: [{address: \"127.0.0.1:1\"}, {address: \"127.0.0.1:1\"}]",
	       "3: brokers[0].servers[1].address: \"127.0.0.1:1\" is already servers[0]"),
	BROKEN("a server without weight", 3, 3,
	       "    servers: [{address: \"127.0.0.1:1\", weight: 0}]",
	       "3: brokers[0].servers[0].weight: 0 is out of range; write 1 to 1000"),
	BROKEN("a choice of one", 4, 4, "    balance: client-id",
	       "4: brokers[0].balance: has no meaning with address: one server"),
	BROKEN("questions that are not asked", 4, 4, "    health: {kind: off, fall: 3}",
	       "4: brokers[0].health: says when to ask, and kind is off"),
	BROKEN("what is done when nobody looks", 4, 4, "    health: {on_down: close}",
	       "4: brokers[0].health: says when to ask, and kind is off"),
	BROKEN("checks too often", 4, 4, "    health: {kind: tcp, interval: 10ms}",
	       "4: brokers[0].health.interval: 10ms is out of range; write 50ms to 1h"),
	BROKEN("a certificate without its key", 4, 4, "    tls: {ca: @/ca.pem, certificate: @/c}",
	       "4: brokers[0].tls.certificate: certificate and key go together"),
	BROKEN("a CA that is not there", 4, 4, "    tls: {ca: @/none.pem}",
	       "4: brokers[0].tls.ca: "),
	BROKEN("a key of another certificate", 4, 4,
	       "    tls: {ca: @/ca.pem, certificate: @/server.pem, key: @/ca.pem}",
	       "4: brokers[0].tls.key: "),
	BROKEN("nobody is believed", 22, 22, "    proxy_protocol_in: {}",
	       "22: listeners[0].proxy_protocol_in: from is missing"),
	BROKEN("a proxy that is no network", 22, 22,
	       "    proxy_protocol_in: {from: [10.0.0.0/8, 10.0.0.1/33]}",
	       "22: listeners[0].proxy_protocol_in.from[1]: \"10.0.0.1/33\" "),
	BROKEN("nobody is answered", 4, 4, "    away: {answers: 0}",
	       "4: brokers[0].away.answers: 0 is out of range; write 1 to 1000000"),
	BROKEN("connect_max too small", 22, 22, "    connect_max: 11",
	       "22: listeners[0].connect_max: 11 is out of range; write 12 to 268435455"),
	BROKEN("connect_max too large", 22, 22, "    connect_max: 268435456",
	       "22: listeners[0].connect_max: 268435456 is out of range"),
	BROKEN("no sessions", 23, 23, "    sessions_max: 0",
	       "23: listeners[0].sessions_max: 0 is out of range"),
	BROKEN("no packets", 24, 24, "    allow_pps: 0",
	       "24: listeners[0].allow_pps: 0 is out of range"),
	BROKEN("threshold 0", 44, 44, "  threshold: 0",
	       "44: score.threshold: 0 is out of range; write 1 to 1000000000"),
	BROKEN("limit above the threshold", 45, 45, "  limit: 81",
	       "45: score.limit: is above score.threshold; write at most that"),
	BROKEN("no packets for a limited source", 45, 45, "  limit_rate: 0",
	       "45: score.limit_rate: 0 is out of range; write 1 to 1000000"),
	BROKEN("half-life 0", 45, 45, "  half_life: 0s", "45: score.half_life: "),
	BROKEN("longest ban below the first", 47, 47, "  ban_max: 5s",
	       "47: score.ban_max: is shorter than score.ban"),
	BROKEN("no sources", 48, 48, "  sources_max: 0",
	       "48: score.sources_max: 0 is out of range"),
	BROKEN("heavy weight", 50, 50, "    cert-revoked: 1000001",
	       "50: score.weights.cert-revoked: 1000001 is out of range; write 0 to 1000000"),
	BROKEN("workers", 51, 51, "workers: 257",
	       "51: workers: 257 is out of range; write 0 to 256"),
};

static void good_file_gives_its_values(void **state)
{
	const uint8_t net[16] = { 0x20, 1, 0xd, 0xb8, 0, 7 };
	const struct mqg_listener *l;
	struct mqg_config *c;

	(void)state;
	write_config(NULL);
	c = load();
	assert_int_equal(c->n_brokers, 1);
	assert_string_equal(c->brokers[0].name, "main");
	assert_int_equal(mqg_endpoint_port(&c->brokers[0].servers[0].address), 1884);
	assert_int_equal(c->brokers[0].connect_timeout_ms, 1500);
	assert_int_equal(c->n_listeners, 2);
	l = &c->listeners[0];
	assert_string_equal(l->name, "mqtts");
	assert_string_equal(l->address.text, "127.0.0.1:8883");
	assert_int_equal(l->kind, MQGATE_KIND_MQTTS);
	assert_int_equal(l->mode, MQGATE_MODE_OBSERVE);
	assert_int_equal(l->service, 2);
	assert_ptr_equal(l->broker, &c->brokers[0]);
	assert_int_equal(l->handshake_timeout_ms, 3000);
	assert_int_equal(l->connect_timeout_ms, 4000);
	assert_int_equal(l->connect_max, 4096);
	assert_int_equal(l->sessions_max, 1000);
	assert_int_equal(l->allow_pps, 50);
	assert_int_equal(l->allow_burst, 100);
	assert_non_null(strstr(l->policies[0].crl, "/crl.pem"));
	assert_int_equal(l->policies[0].tls_min, TLS1_3_VERSION);
	assert_int_equal(l->policies[0].identity_from, MQG_FROM_SAN_URI);
	assert_int_equal(l->policies[0].client_id_rule, MQG_CLIENT_ID_PREFIX);
	l = &c->listeners[1];
	assert_int_equal(l->kind, MQGATE_KIND_MQTT);
	assert_int_equal(l->address.addr.ss_family, AF_INET6);
	assert_int_equal(l->service, 3);
	assert_int_equal(l->password_rule, MQG_PASSWORD_ALLOW);
	assert_int_equal(l->n_policies, 0);
	assert_int_equal(c->n_services, 2);
	assert_int_equal(c->services[0].number, 1);
	assert_true(c->services[0].strict);
	assert_true(c->services[0].fail_closed);
	assert_int_equal(c->services[1].number, MQGATE_SVC_UNPROTECTED);
	assert_int_equal(c->services[1].kind, MQGATE_KIND_DEFAULT);
	assert_int_equal(c->n_allow, 2);
	assert_memory_equal(c->allow[1].addr, net, 16);
	assert_int_equal(c->score.threshold, 80);
	assert_int_equal(c->score.limit, 40);
	assert_int_equal(c->score.limit_rate, 20);
	assert_int_equal(c->score.half_life_ns, 30000000000);
	assert_int_equal(c->score.ban_ns, 10000000000);
	assert_int_equal(c->score.ban_max_ns, 7200000000000);
	assert_int_equal(c->score.sources_max, 500);
	assert_int_equal(c->score.weight[MQGATE_REASON_CERT_REVOKED], 33);
	assert_int_equal(c->score.weight[MQGATE_REASON_MQTT_NAME],
			 mqg_weight_default(MQGATE_REASON_MQTT_NAME));
	assert_int_equal(c->workers, 3);
	assert_int_equal(c->mark, 0x10);
	assert_string_equal(c->user, "nobody");
	assert_string_equal(c->group, "nogroup");
	assert_int_equal(mqg_endpoint_port(&c->http), 9983);
	assert_true(c->module.use);
	assert_int_equal(c->module.enforce, 1);
	assert_int_equal(c->module.events_buffer, 65536);
	assert_int_equal(c->module.source_sessions, 20);
	assert_int_equal(c->module.source_connect_rate, 600);
	mqg_config_put(c);
}

static void what_is_left_out_has_the_documented_default(void **state)
{
	const struct broken least = { "least", 1, LINES,
		"brokers: [{name: b, address: \"127.0.0.1:1\"}]\n"
		"listeners:\n"
		"- {name: t, address: \"0.0.0.0:8883\", kind: mqtts, broker: b, tls: {\n"
		"   certificate: @/server.pem, key: @/server.key, client_ca: @/ca.pem}}\n"
		"- {name: p, address: \"0.0.0.0:1883\", kind: mqtt, broker: b}", "" };
	const struct mqg_listener *l;
	struct mqg_config *c;

	(void)state;
	write_config(&least);
	c = load();
	assert_int_equal(c->brokers[0].connect_timeout_ms, 5000);
	assert_int_equal(c->brokers[0].pp2_max, 0);
	assert_int_equal(c->brokers[0].n_servers, 1);
	assert_int_equal(c->brokers[0].health.kind, MQG_HEALTH_OFF);
	assert_int_equal(c->brokers[0].away.answers, 1000);
	assert_int_equal(c->brokers[0].away.waiting, 10000);
	assert_int_equal(c->brokers[0].away.reconnects, 1000);
	l = &c->listeners[0];
	assert_int_equal(l->mode, MQGATE_MODE_ENFORCE);
	assert_int_equal(l->handshake_timeout_ms, 10000);
	assert_int_equal(l->connect_timeout_ms, 10000);
	assert_int_equal(l->connect_max, 65536);
	assert_int_equal(l->sessions_max, 100000);
	assert_int_equal(l->allow_pps, MQGATE_DEFAULT_ALLOW_PPS);
	assert_int_equal(l->allow_burst, MQGATE_DEFAULT_ALLOW_BURST);
	assert_null(l->policies[0].crl);
	assert_int_equal(l->policies[0].tls_min, TLS1_2_VERSION);
	assert_int_equal(l->policies[0].identity_from, MQG_FROM_CN);
	assert_int_equal(l->policies[0].client_id_rule, MQG_CLIENT_ID_EQUAL);
	assert_int_equal(l->policies[0].username_rule, MQG_USERNAME_EQUAL);
	assert_null(l->policies[0].user_property);
	assert_int_equal(l->policies[0].crypto->max_version, TLS1_3_VERSION);
	assert_non_null(strstr(l->policies[0].crypto->groups, "X25519:P-256:P-384"));
	assert_null(strstr(l->policies[0].crypto->groups, "ffdhe"));
	assert_null(strstr(l->policies[0].crypto->signatures, "sha1"));
	assert_int_equal(l->policies[0].crypto->rsa_min, 2048);
	assert_int_equal(l->policies[0].crypto->n_curves, 5);
	assert_int_equal(c->listeners[1].service, 1);
	assert_int_equal(c->listeners[1].password_rule, MQG_PASSWORD_REFUSE);
	assert_true(c->module.use);
	assert_int_equal(c->module.enforce, -1);
	assert_int_equal(c->module.events_buffer, 4 << 20);
	assert_int_equal(c->module.source_sessions, 0);
	assert_int_equal(c->module.source_connect_rate, 0);
	assert_int_equal(c->score.threshold, 100);
	assert_int_equal(c->score.limit, 50);
	assert_int_equal(c->score.half_life_ns, 60000000000);
	assert_int_equal(c->score.ban_ns, 30000000000);
	assert_int_equal(c->score.ban_max_ns, 3600000000000);
	assert_int_equal(c->score.sources_max, 100000);
	assert_int_equal(c->mark, 0x6d71);
	assert_string_equal(c->user, "mqgate");
	assert_string_equal(c->group, "mqgate");
	assert_string_equal(c->http.text, "127.0.0.1:9883");
	assert_true(c->workers >= 1);
	mqg_config_put(c);
}

static uint32_t tlvs_of(const char *line, uint32_t max)
{
	const struct broken good = { "proxy_protocol", 4, 4, line, "" };
	struct mqg_config *c;
	uint32_t tlvs;

	write_config(&good);
	c = load();
	assert_int_equal(c->brokers[0].pp2_max, max);
	tlvs = c->brokers[0].pp2_tlvs;
	mqg_config_put(c);
	return tlvs;
}

static void the_proxy_protocol_is_asked_for_by_word(void **state)
{
	(void)state;
	assert_int_equal(tlvs_of("    proxy_protocol: {max: 600}", 600),
			 MQG_PP2_IDENTITY | MQG_PP2_SSL | MQG_PP2_CN);
	assert_int_equal(tlvs_of("    proxy_protocol: {tlvs: [none]}", 536), 0);
	assert_int_equal(tlvs_of("    proxy_protocol: {tlvs: [authority, ssl-cipher]}", 536),
			 MQG_PP2_AUTHORITY | MQG_PP2_SSL | MQG_PP2_CIPHER);
	assert_int_equal(tlvs_of("    proxy_protocol: {tlvs: [crc32c]}", 536), MQG_PP2_CRC32C);
}

static void several_servers_have_defaults_of_their_own(void **state)
{
	const struct broken good = { "servers", 3, 4,
		"    servers:\n"
		"      - {address: \"127.0.0.1:1\", weight: 3, max_connections: 50}\n"
		"      - {address: \"[::1]:2\"}\n"
		"    balance: round-robin", "" };
	const struct mqg_broker *b;
	struct mqg_config *c;

	(void)state;
	write_config(&good);
	c = load();
	b = &c->brokers[0];
	assert_int_equal(b->n_servers, 2);
	assert_int_equal(b->balance, MQG_BALANCE_TURNS);
	assert_int_equal(b->servers[0].weight, 3);
	assert_int_equal(b->servers[0].connections_max, 50);
	assert_int_equal(b->servers[1].weight, 1);
	assert_int_equal(b->servers[1].connections_max, 0);
	assert_int_equal(mqg_endpoint_port(&b->servers[1].address), 2);
	assert_int_equal(b->connect_timeout_ms, 1000);
	assert_int_equal(b->slow_start_ms, 10000);
	assert_int_equal(b->health.kind, MQG_HEALTH_TCP);
	assert_int_equal(b->health.interval_ms, 500);
	assert_int_equal(b->health.timeout_ms, 500);
	assert_int_equal(b->health.fall, 2);
	assert_int_equal(b->health.rise, 2);
	mqg_config_put(c);
}

static void a_store_is_there_where_it_is_asked_for(void **state)
{
	const struct broken some = BROKEN("", 51, 51, "store: {directory: /srv/x}", "");
	const struct broken exact = BROKEN("", 51, 51, "store: {size: 16777217}", "");
	struct mqg_config *c;

	(void)state;
	write_config(NULL);
	c = load();
	assert_null(c->store.directory);
	mqg_config_put(c);
	write_config(&some);
	c = load();
	assert_string_equal("/srv/x", c->store.directory);
	assert_int_equal(1 << 30, c->store.size);
	mqg_config_put(c);
	write_config(&exact);
	c = load();
	assert_string_equal("/var/lib/mqgate/hold", c->store.directory);
	assert_int_equal(16777217, c->store.size);
	mqg_config_put(c);
}

static void http_may_be_off(void **state)
{
	const struct broken off = { "off", 55, 55, "http: \"off\"", "" };
	struct mqg_config *c;

	(void)state;
	write_config(&off);
	c = load();
	assert_null(c->http.text);
	mqg_config_put(c);
}

/* 29 ports beside 1883 and 8883 have numbers; the 30th has none left. */
static void services_beyond_the_numbers_are_refused(void **state)
{
	char text[8192] = "services:", why[1024], want[64];
	struct broken many = { "many", 1, LINES, text, "" };
	struct mqg_config *c;
	size_t len;

	(void)state;
	for (int i = 0; i < 29; i++) {
		len = strlen(text);
		snprintf(text + len, sizeof(text) - len,
			 "\n  - name: s%d\n    port: %d\n    kind: mqtt", i, 5000 + i);
	}
	len = strlen(text);
	snprintf(text + len, sizeof(text) - len,
		 "\n  - name: a\n    port: 1883\n    kind: mqtt\n  - name: b\n    port: 8883\n"
		 "    kind: mqtts");
	write_config(&many);
	c = load();
	assert_int_equal(c->services[28].number, 31);
	assert_int_equal(c->services[29].number, 1);
	assert_int_equal(c->services[30].number, 2);
	mqg_config_put(c);
	len = strlen(text);
	snprintf(text + len, sizeof(text) - len, "\n  - name: c\n    port: 6000\n    kind: mqtt");
	write_config(&many);
	assert_int_equal(mqg_config_load(file, &c, why, sizeof(why)), -EINVAL);
	snprintf(want, sizeof(want), ":96: services[31].port: too many listeners and services");
	if (!strstr(why, want))
		fail_msg("%s", why);
}

static void absent_file_is_told_apart(void **state)
{
	struct mqg_config *c;
	char why[1024];

	(void)state;
	assert_int_equal(mqg_config_load("/nonexistent/mqgate.yaml", &c, why, sizeof(why)),
			 -ENOENT);
	assert_string_equal(why, "/nonexistent/mqgate.yaml: No such file or directory; name a "
				 "configuration that can be read");
}

/* The example that is installed, with the paths of this test in place of /etc/mqgate. */
static void example_is_good(void **state)
{
	const char *top = getenv("MQGATE_TOP");
	char path[PATH_MAX], line[512];
	struct mqg_config *c;
	FILE *in, *out;

	(void)state;
	snprintf(path, sizeof(path), "%s/userspace/mqgated/mqgate.yaml.example",
		 top ? top : "../..");
	in = fopen(path, "r");
	out = fopen(file, "w");
	assert_non_null(in);
	assert_non_null(out);
	while (fgets(line, sizeof(line), in)) {
		static const char *const names[][2] = {
			{ "/etc/mqgate/client-ca.crl.pem", "crl.pem" },
			{ "/etc/mqgate/client-ca.pem", "ca.pem" },
			{ "/etc/mqgate/server", "server" },
		};
		char *at = NULL;

		for (size_t i = 0; !at && i < 3; i++) {
			at = strstr(line, names[i][0]);
			if (at)
				fprintf(out, "%.*s%s/%s%s", (int)(at - line), line, dir,
					names[i][1], at + strlen(names[i][0]));
		}
		if (!at)
			fputs(line, out);
	}
	fclose(in);
	fclose(out);
	c = load();
	assert_int_equal(c->n_listeners, 1);
	assert_int_equal(c->n_services, 1);
	assert_string_equal(c->http.text, "127.0.0.1:9883");
	mqg_config_put(c);
}

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		cmocka_unit_test(good_file_gives_its_values),
		cmocka_unit_test(what_is_left_out_has_the_documented_default),
		cmocka_unit_test(the_proxy_protocol_is_asked_for_by_word),
		cmocka_unit_test(several_servers_have_defaults_of_their_own),
		cmocka_unit_test(a_store_is_there_where_it_is_asked_for),
		cmocka_unit_test(http_may_be_off),
		cmocka_unit_test(services_beyond_the_numbers_are_refused),
		cmocka_unit_test(absent_file_is_told_apart),
		cmocka_unit_test(example_is_good),
	};

	return run_config_tests("config", fixed, sizeof(fixed) / sizeof(fixed[0]), cases,
				sizeof(cases) / sizeof(cases[0]));
}
