/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration: a good file gives the documented values, and each way to break it gives one
 * line with file, line, key, and the remedy. A case replaces lines of the good file below.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "config/config.h"
#include "config/endpoint.h"
#include "config/weights.h"
#include "pki.h"

/* "@" stands for the directory of the test's files. */
static const char *const good[] = {
	/*  1 */ "brokers:",
	/*  2 */ "  - name: main",
	/*  3 */ "    address: \"127.0.0.1:1884\"",
	/*  4 */ "    connect_timeout: 1500ms",
	/*  5 */ "listeners:",
	/*  6 */ "  - name: mqtts",
	/*  7 */ "    address: \"127.0.0.1:8883\"",
	/*  8 */ "    kind: mqtts",
	/*  9 */ "    broker: main",
	/* 10 */ "    mode: observe",
	/* 11 */ "    tls:",
	/* 12 */ "      certificate: @/server.pem",
	/* 13 */ "      key: @/server.key",
	/* 14 */ "      client_ca: @/ca.pem",
	/* 15 */ "      crl: @/crl.pem",
	/* 16 */ "      min_version: \"1.3\"",
	/* 17 */ "    identity:",
	/* 18 */ "      from: san.uri",
	/* 19 */ "      client_id: prefix",
	/* 20 */ "    handshake_timeout: 3s",
	/* 21 */ "    connect_timeout: 4s",
	/* 22 */ "    connect_max: 4096",
	/* 23 */ "    sessions_max: 1000",
	/* 24 */ "    allow_pps: 50",
	/* 25 */ "    allow_burst: 100",
	/* 26 */ "  - name: plain",
	/* 27 */ "    address: \"[::1]:2883\"",
	/* 28 */ "    kind: mqtt",
	/* 29 */ "    broker: main",
	/* 30 */ "    passwords: allow",
	/* 31 */ "services:",
	/* 32 */ "  - name: routed",
	/* 33 */ "    port: 1883",
	/* 34 */ "    kind: mqtt",
	/* 35 */ "    unknown_flows: strict",
	/* 36 */ "    when_daemon_away: closed",
	/* 37 */ "  - name: mine",
	/* 38 */ "    port: 3883",
	/* 39 */ "    kind: unprotected",
	/* 40 */ "allow:",
	/* 41 */ "  - 192.0.2.77",
	/* 42 */ "  - 2001:db8:7::/64",
	/* 43 */ "score:",
	/* 44 */ "  threshold: 80",
	/* 45 */ "  half_life: 30s",
	/* 46 */ "  ban: 10s",
	/* 47 */ "  ban_max: 2h",
	/* 48 */ "  sources_max: 500",
	/* 49 */ "  weights:",
	/* 50 */ "    cert-revoked: 33",
	/* 51 */ "workers: 3",
	/* 52 */ "mark: 0x10",
	/* 53 */ "user: nobody",
	/* 54 */ "group: nogroup",
	/* 55 */ "http: \"127.0.0.1:9983\"",
	/* 56 */ "module:",
	/* 57 */ "  use: auto",
	/* 58 */ "  mode: enforce",
	/* 59 */ "  events_buffer: 65536",
	/* 60 */ "  source_sessions: 20",
	/* 61 */ "  source_connect_rate: 600",
};

#define LINES (sizeof(good) / sizeof(good[0]))

/* Lines @first to @last (0: none) become @text; the message is "FILE:" + @want, "@" as above. */
struct broken {
	const char	*name;
	size_t		first, last;
	const char	*text;
	const char	*want;
};

#define BROKEN(name, first, last, text, want) { name, first, last, text, want }

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
	BROKEN("half-life 0", 45, 45, "  half_life: 0s", "45: score.half_life: "),
	BROKEN("longest ban below the first", 47, 47, "  ban_max: 5s",
	       "47: score.ban_max: is shorter than score.ban"),
	BROKEN("no sources", 48, 48, "  sources_max: 0",
	       "48: score.sources_max: 0 is out of range"),
	BROKEN("heavy weight", 50, 50, "    cert-revoked: 1000001",
	       "50: score.weights.cert-revoked: 1000001 is out of range; write 0 to 1000000"),
	BROKEN("workers", 51, 51, "workers: 257",
	       "51: workers: 257 is out of range; write 0 to 256"),
	/* what belongs together */
	BROKEN("TLS listener without tls", 11, 16, "",
	       "6: listeners[0].tls: missing, and this listener is kind mqtts"),
	BROKEN("passwords on a TLS listener", 10, 10, "    passwords: refuse",
	       "10: listeners[0].passwords: belongs to kind mqtt"),
	BROKEN("tls on a plain listener", 8, 8, "    kind: mqtt",
	       "11: listeners[0].tls: belongs to kind mqtts"),
	BROKEN("identity on a plain listener", 30, 30, "    identity:\n      from: cn",
	       "30: listeners[1].identity: belongs to kind mqtts"),
	BROKEN("handshake_timeout on a plain listener", 30, 30, "    handshake_timeout: 5s",
	       "30: listeners[1].handshake_timeout: belongs to kind mqtts"),
	BROKEN("strict on an unprotected port", 39, 39,
	       "    kind: unprotected\n    unknown_flows: strict",
	       "40: services[1].unknown_flows: has no meaning on an unprotected port"),
	BROKEN("closed on an unprotected port", 39, 39,
	       "    kind: unprotected\n    when_daemon_away: closed",
	       "40: services[1].when_daemon_away: has no meaning on an unprotected port"),
	BROKEN("destinations on an unprotected port", 39, 39,
	       "    kind: unprotected\n    destinations:\n      - 192.0.2.1",
	       "40: services[1].destinations: has no meaning on an unprotected port"),
	BROKEN("fragments on an unprotected port", 39, 39,
	       "    kind: unprotected\n    fragments: pass",
	       "40: services[1].fragments: has no meaning on an unprotected port"),
	BROKEN("strict over UDP", 34, 34, "    kind: coap",
	       "35: services[0].unknown_flows: has no meaning over UDP (kind coap); leave it out"),
	BROKEN("two services on a UDP port", 37, 39,
	       "  - name: sn\n    port: 1884\n    kind: mqtt-sn\n"
	       "  - name: co\n    port: 1884\n    kind: coap",
	       "41: services[2].port: port 1884 is already that of services[1]"),
	BROKEN("a destination that is none", 36, 36, "    destinations:\n      - broker",
	       "37: services[0].destinations[0]: \"broker\" is not a network; write for instance"),
	BROKEN("a destination with bits behind its length", 36, 36,
	       "    destinations:\n      - 192.0.2.0/24\n      - 192.0.2.1/24",
	       "38: services[0].destinations[1]: \"192.0.2.1/24\" has bits set beyond its length"),
	BROKEN("a destination with too long a length", 25, 25,
	       "    destinations:\n      - 192.0.2.0/33",
	       "26: listeners[0].destinations[0]: \"192.0.2.0/33\" has no length from 0 to 32"),
	BROKEN("nine destinations", 25, 25,
	       "    destinations: [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6,"
	       " 10.0.0.7, 10.0.0.8, 10.0.0.9]",
	       "25: listeners[0].destinations: 9 networks, and there may be 8; leave the key out"),
	BROKEN("an unknown rule for fragments", 36, 36, "    fragments: reassemble",
	       "36: services[0].fragments: \"reassemble\" is not known; write one of: drop, pass"),
	BROKEN("a SYN budget out of range", 36, 36, "    syn: {per_source: 10000001}",
	       "36: services[0].syn.per_source: 10000001 is out of range; write 0 to 10000000"),
	BROKEN("a SYN rate that is none", 25, 25, "    syn:\n      rate: fast",
	       "26: listeners[0].syn.rate: "),
	BROKEN("a calm that is too short", 25, 25, "    syn:\n      calm: 99ms",
	       "26: listeners[0].syn.calm: 99ms is out of range; write 100ms to 1h"),
	BROKEN("an unknown rule for cookies", 25, 25, "    syn:\n      cookies: always",
	       "26: listeners[0].syn.cookies: \"always\" is not known; write one of: auto, on,"),
	BROKEN("cookies without a rate", 36, 36, "    syn:\n      rate: 0\n      cookies: on",
	       "38: services[0].syn.cookies: on has no meaning with rate: 0"),
	BROKEN("an unknown key of syn", 25, 25, "    syn:\n      cookie: on",
	       "26: listeners[0].syn.cookie: "),
	BROKEN("syn over UDP", 34, 35, "    kind: coap\n    syn: {rate: 5}",
	       "35: services[0].syn: has no meaning over UDP (kind coap); leave it out"),
	/* crypto policy */
	BROKEN("a group that is none", 16, 16, "      groups: [P-256, P-255]",
	       "16: listeners[0].tls.groups[1]: \"P-255\" is no group that OpenSSL "),
#if OPENSSL_VERSION_NUMBER < 0x30500000L
	BROKEN("a hybrid group before OpenSSL has it", 16, 16, "      groups: [X25519MLKEM768]",
	       "16: listeners[0].tls.groups[0]: \"X25519MLKEM768\" is no group that OpenSSL "),
#endif
	BROKEN("a group twice", 16, 16, "      groups:\n        - P-256\n        - P-256",
	       "18: listeners[0].tls.groups[1]: P-256 is there already; leave it out"),
	BROKEN("a cipher that is none", 16, 16, "      ciphers: [rc4]",
	       "16: listeners[0].tls.ciphers[0]: \"rc4\" is no cipher; there are aes-128-gcm, "
	       "aes-256-gcm and chacha20-poly1305"),
	BROKEN("a signature that is weak", 16, 16, "      signature_algorithms: [rsa_pkcs1_sha1]",
	       "16: listeners[0].tls.signature_algorithms[0]: \"rsa_pkcs1_sha1\" is no signature "
	       "algorithm; there are ecdsa_secp256r1_sha256, "),
	BROKEN("short RSA keys", 16, 16, "      client_keys:\n        rsa_min: 1024",
	       "17: listeners[0].tls.client_keys.rsa_min: 1024 is out of range; write 2048 to "
	       "16384"),
	BROKEN("a curve that is none", 16, 16, "      client_keys: {curves: [P-192]}",
	       "16: listeners[0].tls.client_keys.curves[0]: \"P-192\" is no curve; there are "
	       "P-256"),
	BROKEN("versions that leave none", 16, 16,
	       "      min_version: \"1.3\"\n      max_version: \"1.2\"",
	       "17: listeners[0].tls.max_version: is below min_version; no client could connect"),
	BROKEN("a class of nobody", 16, 16,
	       "      classes:\n        - identity: \"a*b\"\n          groups: [P-256]",
	       "17: listeners[0].tls.classes[0].identity: \"a*b\" is no identity; write one"),
	BROKEN("a class that says nothing", 16, 16, "      classes:\n        - identity: a",
	       "17: listeners[0].tls.classes[0]: says nothing; give it groups or ciphers"),
	BROKEN("a class without identity", 16, 16, "      classes:\n        - groups: [P-256]",
	       "17: listeners[0].tls.classes[0].identity: missing"),
	BROKEN("a class with a cipher that is none", 16, 16,
	       "      classes:\n        - identity: a\n          ciphers: [des]",
	       "18: listeners[0].tls.classes[0].ciphers[0]: \"des\" is no cipher"),
	/* identity */
	BROKEN("an identity from nowhere", 18, 18, "      from: dn",
	       "18: listeners[0].identity.from: \"dn\" is not known; write one of: cn, san.dns, "
	       "san.uri, san.email, spiffe, fingerprint, issuer-serial"),
	BROKEN("a username by no rule", 18, 18, "      username: some",
	       "18: listeners[0].identity.username: \"some\" is not known; write one of: equal, "
	       "prefix, inject, any"),
	BROKEN("a property with a space", 18, 18, "      user_property: a b",
	       "18: listeners[0].identity.user_property: \"a b\" is no name of a property"),
	/* files */
	BROKEN("no certificate file", 12, 12, "      certificate: @/none.pem",
	       "12: listeners[0].tls.certificate: @/none.pem: No such file or directory; write the "
	       "path of a PEM file"),
	BROKEN("certificate file without one", 12, 12, "      certificate: @/junk",
	       "12: listeners[0].tls.certificate: @/junk: holds no PEM certificate"),
	BROKEN("no key file", 13, 13, "      key: @/none.key",
	       "13: listeners[0].tls.key: @/none.key: No such file or directory"),
	BROKEN("key file without one", 13, 13, "      key: @/server.pem",
	       "13: listeners[0].tls.key: @/server.pem: holds no PEM private key"),
	BROKEN("key of another certificate", 13, 13, "      key: @/other.key",
	       "13: listeners[0].tls.key: @/other.key: does not belong to the certificate "
	       "@/server.pem"),
	BROKEN("key with a passphrase", 13, 13, "      key: @/locked.key",
	       "13: listeners[0].tls.key: @/locked.key: needs a passphrase"),
	BROKEN("no CA file", 14, 14, "      client_ca: @/none.pem",
	       "14: listeners[0].tls.client_ca: @/none.pem: No such file"),
	BROKEN("CA file without a certificate", 14, 14, "      client_ca: @/crl.pem",
	       "14: listeners[0].tls.client_ca: @/crl.pem: holds no PEM certificate"),
	BROKEN("CA file of junk", 14, 14, "      client_ca: @/junk",
	       "14: listeners[0].tls.client_ca: @/junk: holds no PEM certificate"),
	BROKEN("no CRL file", 15, 15, "      crl: @/none.pem",
	       "15: listeners[0].tls.crl: @/none.pem: No such file"),
	BROKEN("CRL file without one", 15, 15, "      crl: @/ca.pem",
	       "15: listeners[0].tls.crl: @/ca.pem: holds no certificate revocation list in PEM or "
	       "DER form"),
	BROKEN("CRL of another CA", 15, 15, "      crl: @/othercrl.pem",
	       "15: listeners[0].tls.crl: @/othercrl.pem: no list in it is signed by a CA of "
	       "@/ca.pem"),
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

static char dir[64], file[96];

/* Writes @text with "@" put in place. */
static void put(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '@')
			fputs(dir, out);
		else
			fputc(*text, out);
	}
	fputc('\n', out);
}

static void write_config(const struct broken *broken)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	for (size_t i = 1; i <= LINES; i++) {
		if (!broken || i < broken->first || i > broken->last)
			put(out, good[i - 1]);
		else if (i == broken->first && broken->text[0])
			put(out, broken->text);
	}
	assert_int_equal(fclose(out), 0);
}

static void breaks(void **state)
{
	const struct broken *broken = *state;
	struct mqg_config *config = (void *)1;
	char why[1024], want[2048] = "", *at = want;

	write_config(broken);
	assert_int_equal(mqg_config_load(file, &config, why, sizeof(why)), -EINVAL);
	assert_null(config);
	at += sprintf(at, "%s:", file);
	for (const char *c = broken->want; *c; c++)
		at += *c == '@' ? sprintf(at, "%s", dir) : sprintf(at, "%c", *c);
	if (strncmp(why, want, strlen(want)))
		fail_msg("got:    %s\nwanted: %s", why, want);
	if (strchr(why, '\n'))
		fail_msg("more than one line: %s", why);
}

static struct mqg_config *load(void)
{
	struct mqg_config *config;
	char why[1024];

	if (mqg_config_load(file, &config, why, sizeof(why)))
		fail_msg("%s", why);
	return config;
}

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
	assert_int_equal(mqg_endpoint_port(&c->brokers[0].address), 1884);
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
	assert_non_null(strstr(l->crl, "/crl.pem"));
	assert_int_equal(l->tls_min, TLS1_3_VERSION);
	assert_int_equal(l->identity_from, MQG_FROM_SAN_URI);
	assert_int_equal(l->client_id_rule, MQG_CLIENT_ID_PREFIX);
	l = &c->listeners[1];
	assert_int_equal(l->kind, MQGATE_KIND_MQTT);
	assert_int_equal(l->address.addr.ss_family, AF_INET6);
	assert_int_equal(l->service, 3);
	assert_int_equal(l->password_rule, MQG_PASSWORD_ALLOW);
	assert_null(l->certificate);
	assert_int_equal(c->n_services, 2);
	assert_int_equal(c->services[0].number, 1);
	assert_true(c->services[0].strict);
	assert_true(c->services[0].fail_closed);
	assert_int_equal(c->services[1].number, MQGATE_SVC_UNPROTECTED);
	assert_int_equal(c->services[1].kind, MQGATE_KIND_DEFAULT);
	assert_int_equal(c->n_allow, 2);
	assert_memory_equal(c->allow[1].addr, net, 16);
	assert_int_equal(c->score.threshold, 80);
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

static void crypto_policy_is_read(void **state)
{
	const struct broken policy = { "policy", 16, 18,
		"      max_version: \"1.2\"\n"
		"      groups: [P-384, P-256]\n"
		"      ciphers: [aes-256-gcm]\n"
		"      signature_algorithms: [ed25519, rsa_pss_rsae_sha256]\n"
		"      client_keys: {rsa_min: 3072, curves: [Ed25519]}\n"
		"      classes:\n"
		"        - {identity: \"sensor-*\", ciphers: [chacha20-poly1305]}\n"
		"        - {identity: pump, groups: [X25519]}\n"
		"    identity:\n"
		"      from: spiffe\n"
		"      username: inject\n"
		"      user_property: device", "" };
	const struct mqg_crypto *crypto;
	struct mqg_config *c;

	(void)state;
	write_config(&policy);
	c = load();
	crypto = c->listeners[0].crypto;
	assert_int_equal(crypto->max_version, TLS1_2_VERSION);
	assert_string_equal(crypto->groups, "P-384:P-256:X25519");
	assert_string_equal(crypto->suites,
			    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
	assert_string_equal(crypto->signatures, "ed25519:rsa_pss_rsae_sha256");
	assert_int_equal(crypto->rsa_min, 3072);
	assert_int_equal(crypto->n_curves, 1);
	assert_int_equal(crypto->curves[0], NID_ED25519);
	assert_int_equal(crypto->rule.n_groups, 2);
	assert_int_equal(crypto->rule.n_ciphers, 1);
	assert_int_equal(crypto->n_classes, 2);
	assert_string_equal(crypto->classes[0].identity, "sensor-");
	assert_true(crypto->classes[0].prefix);
	assert_int_equal(crypto->classes[0].rule.n_groups, 2);
	assert_int_equal(crypto->classes[0].rule.ciphers[0], NID_chacha20_poly1305);
	assert_false(crypto->classes[1].prefix);
	assert_int_equal(crypto->classes[1].rule.groups[0], NID_X25519);
	assert_int_equal(crypto->classes[1].rule.ciphers[0], NID_aes_256_gcm);
	assert_int_equal(c->listeners[0].identity_from, MQG_FROM_SPIFFE);
	assert_int_equal(c->listeners[0].username_rule, MQG_USERNAME_INJECT);
	assert_string_equal(c->listeners[0].user_property, "device");
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
	l = &c->listeners[0];
	assert_int_equal(l->mode, MQGATE_MODE_ENFORCE);
	assert_int_equal(l->handshake_timeout_ms, 10000);
	assert_int_equal(l->connect_timeout_ms, 10000);
	assert_int_equal(l->connect_max, 65536);
	assert_int_equal(l->sessions_max, 100000);
	assert_int_equal(l->allow_pps, MQGATE_DEFAULT_ALLOW_PPS);
	assert_int_equal(l->allow_burst, MQGATE_DEFAULT_ALLOW_BURST);
	assert_null(l->crl);
	assert_int_equal(l->tls_min, TLS1_2_VERSION);
	assert_int_equal(l->identity_from, MQG_FROM_CN);
	assert_int_equal(l->client_id_rule, MQG_CLIENT_ID_EQUAL);
	assert_int_equal(l->username_rule, MQG_USERNAME_EQUAL);
	assert_null(l->user_property);
	assert_int_equal(l->crypto->max_version, TLS1_3_VERSION);
	assert_non_null(strstr(l->crypto->groups, "X25519:P-256:P-384"));
	assert_null(strstr(l->crypto->groups, "ffdhe"));
	assert_null(strstr(l->crypto->signatures, "sha1"));
	assert_int_equal(l->crypto->rsa_min, 2048);
	assert_int_equal(l->crypto->n_curves, 5);
	assert_int_equal(c->listeners[1].service, 1);
	assert_int_equal(c->listeners[1].password_rule, MQG_PASSWORD_REFUSE);
	assert_true(c->module.use);
	assert_int_equal(c->module.enforce, -1);
	assert_int_equal(c->module.events_buffer, 4 << 20);
	assert_int_equal(c->module.source_sessions, 0);
	assert_int_equal(c->module.source_connect_rate, 0);
	assert_int_equal(c->score.threshold, 100);
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

static void syn_budgets_are_read(void **state)
{
	const struct broken more = { "more", 36, 36,
		"    syn: {per_source: 0, rate: 500, calm: 30s, cookies: on}\n"
		"  - {name: other, port: 2884, kind: mqtt, syn: {per_source: 7, rate: 0}}", "" };
	const struct mqg_guard *guard;
	struct mqg_config *c;

	(void)state;
	write_config(&more);
	c = load();
	guard = &c->services[0].guard;
	assert_true(guard->syn_source == MQGATE_SYN_UNLIMITED);
	assert_int_equal(guard->syn_rate, 500);
	assert_int_equal(guard->syn_calm_ms, 30000);
	assert_int_equal(guard->cookies, MQG_COOKIES_ON);
	guard = &c->services[1].guard;
	assert_int_equal(guard->syn_source, 7);
	assert_true(guard->syn_rate == MQGATE_SYN_UNLIMITED);
	assert_int_equal(guard->syn_calm_ms, MQGATE_DEFAULT_SYN_CALM_MS);
	assert_int_equal(guard->cookies, MQG_COOKIES_AUTO);
	guard = &c->listeners[0].guard;
	assert_int_equal(guard->syn_source, MQGATE_DEFAULT_SYN_SOURCE);
	assert_int_equal(guard->syn_rate, MQGATE_DEFAULT_SYN_RATE);
	mqg_config_put(c);
}

static void udp_services_and_guards_are_read(void **state)
{
	const struct broken more = { "more", 36, 36,
		"    fragments: pass\n"
		"    destinations: [192.0.2.0/24, \"2001:db8::1\"]\n"
		"  - {name: sn, port: 1883, kind: mqtt-sn, when_daemon_away: closed}\n"
		"  - {name: co, port: 5683, kind: coap}\n"
		"  - {name: cos, port: 2883, kind: coaps}", "" };
	const struct mqg_guard *guard;
	uint8_t net[16] = { [10] = 0xff, 0xff, 192, 0, 2 }, mask[16];
	struct mqg_config *c;

	(void)state;
	write_config(&more);
	c = load();
	guard = &c->services[0].guard;
	assert_true(guard->fragments);
	assert_int_equal(guard->destinations, 2);
	memset(mask, 0xff, 15);
	mask[15] = 0;
	assert_memory_equal(guard->destination[0].addr, net, 16);
	assert_memory_equal(guard->destination[0].mask, mask, 16);
	mask[15] = 0xff;
	assert_memory_equal(guard->destination[1].mask, mask, 16);
	assert_false(c->listeners[0].guard.fragments);
	assert_int_equal(c->listeners[0].guard.destinations, 0);
	/* 1883 and 2883 of UDP are no business of those who have them over TCP. */
	assert_int_equal(c->services[1].kind, MQGATE_KIND_MQTTSN);
	assert_int_equal(c->services[1].number, 4);
	assert_true(c->services[1].fail_closed);
	assert_int_equal(c->services[2].kind, MQGATE_KIND_COAP);
	assert_int_equal(c->services[3].kind, MQGATE_KIND_COAPS);
	assert_int_equal(mqg_ports_index(c->services[3].kind, 2883), MQGATE_PORTS_UDP(2883));
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
				 "configuration with -c FILE");
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

static int remove_files(void)
{
	static const char *const names[] = { "server.pem", "server.key", "other.key", "locked.key",
					     "ca.pem", "otherca.pem", "crl.pem", "othercrl.pem",
					     "junk", "mqgate.yaml" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		cmocka_unit_test(good_file_gives_its_values),
		cmocka_unit_test(crypto_policy_is_read),
		cmocka_unit_test(what_is_left_out_has_the_documented_default),
		cmocka_unit_test(syn_budgets_are_read),
		cmocka_unit_test(udp_services_and_guards_are_read),
		cmocka_unit_test(http_may_be_off),
		cmocka_unit_test(services_beyond_the_numbers_are_refused),
		cmocka_unit_test(absent_file_is_told_apart),
		cmocka_unit_test(example_is_good),
	};
	const size_t n_fixed = sizeof(fixed) / sizeof(fixed[0]);
	struct CMUnitTest tests[CASES + sizeof(fixed) / sizeof(fixed[0])];
	static char names[CASES][80];
	int failed;

	snprintf(dir, sizeof(dir), "/tmp/mqgate-config-test.%d", getpid());
	assert(!mkdir(dir, 0700));
	snprintf(file, sizeof(file), "%s/mqgate.yaml", dir);
	pki_make(dir);
	memcpy(tests, fixed, sizeof(fixed));
	for (size_t i = 0; i < CASES; i++) {
		snprintf(names[i], sizeof(names[i]), "refused with file, line and key: %s",
			 cases[i].name);
		tests[n_fixed + i] = (struct CMUnitTest){ names[i], breaks, NULL, NULL,
							  (void *)&cases[i] };
	}
	failed = cmocka_run_group_tests_name("config", tests, NULL, NULL);
	remove_files();
	return failed ? 1 : 0;
}
