/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the configuration says of TLS: files, crypto policy, identity.
 */
#include "config_stage.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/objects.h>
#include <openssl/ssl.h>

#include "config/servernames.h"
#include "config/ticketfile.h"

#define SNI_TLS "        tls: {certificate: @/server.pem, key: @/server.key, client_ca: @/ca.pem}"
#define SNI(name, names) \
	"    sni:\n      - name: " name "\n        server_names: " names "\n" SNI_TLS

static const struct broken cases[] = {
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
	BROKEN("a renewal by no rule", 18, 18, "      renewal: never",
	       "18: listeners[0].identity.renewal: \"never\" is not known; write one of: overlap, "
	       "newest"),
	BROKEN("renewal of what is another with each certificate", 18, 18,
	       "      from: fingerprint\n      renewal: newest",
	       "19: listeners[0].identity.renewal: every certificate has an identity of its own"),
	/* chain cache */
	BROKEN("a cache beyond all memory", 52, 52, "chain_cache: {size: 16777217}",
	       "52: chain_cache.size: 16777217 is out of range; write 0 to 16777216"),
	BROKEN("a cache for ever", 52, 52, "chain_cache: {time: 8d}",
	       "52: chain_cache.time: 8d is out of range; write 1s to 7d"),
	/* policies by server name */
	BROKEN("sni on a plain listener", 30, 30, "    sni: [{name: a, server_names: [a.b], tls: "
	       "{certificate: x, key: x, client_ca: x}}]",
	       "30: listeners[1].sni: belongs to kind mqtts"),
	BROKEN("sni_unknown without sni", 20, 20, "    sni_unknown: refuse",
	       "20: listeners[0].sni_unknown: has no meaning without sni"),
	BROKEN("a policy without names", 20, 20, SNI("a", "[]"),
	       "22: listeners[0].sni[0].server_names: missing: no client could ask"),
	BROKEN("a server name that is an address", 20, 20, SNI("a", "[b.c, 192.0.2.1]"),
	       "22: listeners[0].sni[0].server_names[1]: \"192.0.2.1\" is no host name"),
	BROKEN("a wildcard in the middle", 20, 20, SNI("a", "[a.*.c]"),
	       "22: listeners[0].sni[0].server_names[0]: \"a.*.c\" is no host name"),
	BROKEN("a final dot", 20, 20, SNI("a", "[a.b.]"),
	       "22: listeners[0].sni[0].server_names[0]: \"a.b.\" is no host name"),
	BROKEN("a label that ends with a dash", 20, 20, SNI("a", "[a-.b]"),
	       "22: listeners[0].sni[0].server_names[0]: \"a-.b\" is no host name"),
	BROKEN("a server name twice", 20, 20, SNI("a", "[a.b, c.d, A.B]"),
	       "22: listeners[0].sni[0].server_names[2]: \"A.B\" is already a server name of "
	       "\"a\""),
	BROKEN("two policies of one name", 20, 20, SNI("a", "[a.b]") "\n      - name: a\n"
	       "        server_names: [b.c]\n" SNI_TLS,
	       "24: listeners[0].sni[1].name: \"a\" is already the name of another policy"),
	BROKEN("a policy whose name is none", 20, 20, SNI("a/b", "[a.b]"),
	       "21: listeners[0].sni[0].name: \"a/b\" is no name"),
	BROKEN("a policy without tls", 20, 20, "    sni:\n      - {name: a, server_names: [a.b]}",
	       "21: listeners[0].sni[0].tls: missing"),
	BROKEN("a file that is none in a policy", 20, 20,
	       "    sni:\n      - name: a\n        server_names: [a.b]\n        tls:\n"
	       "          certificate: @/server.pem\n          key: @/server.key\n"
	       "          client_ca: @/none.pem",
	       "26: listeners[0].sni[0].tls.client_ca: @/none.pem: No such file"),
	/* handshakes */
	BROKEN("a burst without a rate", 52, 52, "handshakes: {per_source: 0, per_source_burst: 5}",
	       "52: handshakes.per_source_burst: has no meaning without per_source"),
	BROKEN("a burst of all without a rate", 52, 52, "handshakes: {rate: 0, burst: 5}",
	       "52: handshakes.burst: has no meaning without rate"),
	BROKEN("a burst that lets nobody in", 52, 52, "handshakes: {burst: 0}",
	       "52: handshakes.burst: 0 is out of range; write 1 to 10000000"),
	BROKEN("a queue without an end", 52, 52, "handshakes: {queue_time: 11m}",
	       "52: handshakes.queue_time: 11m is out of range; write 10ms to 10m"),
	/* resumption */
	BROKEN("a ticket for longer than a week", 52, 52, "resumption: {lifetime: 8d}",
	       "52: resumption.lifetime: 8d is out of range; write 1s to 7d"),
	BROKEN("more keys than are kept", 52, 52, "resumption:\n  lifetime: 1h\n  rotate: 4m",
	       "54: resumption.rotate: is less than a 14th of resumption.lifetime"),
	BROKEN("resumption that is neither on nor off", 52, 52, "resumption: {use: maybe}",
	       "52: resumption.use: \"maybe\" is not known; write one of: on, off"),
	BROKEN("keys for nothing", 52, 52, "resumption:\n  use: off\n  keys: @/tickets",
	       "54: resumption.keys: has no meaning with use: off"),
	BROKEN("keys that nobody rotates", 52, 52, "resumption:\n  rotate: 1h\n  keys: @/tickets",
	       "53: resumption.rotate: has no meaning with keys"),
	BROKEN("no file of keys", 52, 52, "resumption: {keys: @/none}",
	       "52: resumption.keys: @/none: No such file or directory; write one with: openssl "
	       "rand -hex 80 > FILE"),
	BROKEN("a directory of keys", 52, 52, "resumption: {keys: @}",
	       "52: resumption.keys: @: is no regular file; write one with: openssl rand"),
	BROKEN("keys that anybody may read", 52, 52, "resumption: {keys: @/tickets.open}",
	       "52: resumption.keys: @/tickets.open: mode 0644 lets others read or write it, and "
	       "who has it can be any device; chmod 0640, group mqgate"),
	BROKEN("a file without a key", 52, 52, "resumption: {keys: @/tickets.none}",
	       "52: resumption.keys: @/tickets.none: holds no key; write one with: openssl rand "
	       "-hex 80 > @/tickets.none"),
	BROKEN("a key that is too short", 52, 52, "resumption: {keys: @/tickets.short}",
	       "52: resumption.keys: @/tickets.short:2: no key of 160 hex digits; write one with: "
	       "openssl rand -hex 80"),
	BROKEN("a key twice", 52, 52, "resumption: {keys: @/tickets.twice}",
	       "52: resumption.keys: @/tickets.twice:2: the first 32 digits are those of a key "
	       "above"),
	BROKEN("too many keys", 52, 52, "resumption: {keys: @/tickets.many}",
	       "52: resumption.keys: @/tickets.many:17: more than 16 keys; take the oldest out"),
	/* OCSP */
	BROKEN("OCSP without a policy", 16, 16, "      ocsp: {responder: \"http://127.0.0.1/\"}",
	       "16: listeners[0].tls.ocsp.policy: missing"),
	BROKEN("OCSP of nobody", 16, 16, "      ocsp: {policy: hard}",
	       "16: listeners[0].tls.ocsp: says not whom to ask; give it responder"),
	BROKEN("OCSP of two", 16, 16, "      ocsp:\n        policy: hard\n"
	       "        responder: http://127.0.0.1/\n        aia: [\"127.0.0.1:80\"]",
	       "16: listeners[0].tls.ocsp: says twice whom to ask"),
	BROKEN("OCSP over TLS", 16, 16, "      ocsp: {policy: hard, responder: \"https://a/\"}",
	       "16: listeners[0].tls.ocsp.responder: \"https://a/\" is no URL of HTTP"),
	BROKEN("a responder with a path in aia", 16, 16,
	       "      ocsp: {policy: hard, aia: [\"127.0.0.1:80/x\"]}",
	       "16: listeners[0].tls.ocsp.aia[0]: \"127.0.0.1:80/x\" is no HOST:PORT"),
	BROKEN("OCSP that waits for ever", 16, 16,
	       "      ocsp:\n        policy: hard\n        responder: http://127.0.0.1/\n"
	       "        timeout: 1h",
	       "19: listeners[0].tls.ocsp.timeout: 1h is out of range; write 100ms to 30s"),
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
	BROKEN("a key in a token without its module", 13, 13, "      key: pkcs11:token=gate",
	       "13: listeners[0].tls.key: pkcs11:token=gate: no PKCS#11 module is configured; name "
	       "the token's with hardware.pkcs11_module"),
	BROKEN("a PKCS#11 module that is not there", 56, 61,
	       "hardware: {pkcs11_module: libsofthsm2.so}",
	       "56: hardware.pkcs11_module: \"libsofthsm2.so\" is no absolute path"),
	BROKEN("a PIN in the configuration", 13, 13,
	       "      key: pkcs11:token=gate;pin-value=1234\n      pin_file: @/junk",
	       "13: listeners[0].tls.key: its PIN does not belong into the configuration, which "),
	BROKEN("a PIN of a key that needs none", 13, 13,
	       "      key: @/server.key\n      pin_file: @/junk",
	       "14: listeners[0].tls.pin_file: belongs to a key in a token or TPM, and "
	       "@/server.key is a key by itself"),
	BROKEN("no file of a PIN", 13, 13, "      key: @/server.key\n      pin_file: @/none",
	       "14: listeners[0].tls.pin_file: @/none: No such file or directory"),
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
		"      user_property: device\n"
		"      renewal: newest", "" };
	const struct mqg_crypto *crypto;
	struct mqg_config *c;

	(void)state;
	write_config(&policy);
	c = load();
	crypto = c->listeners[0].policies[0].crypto;
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
	assert_int_equal(c->listeners[0].policies[0].identity_from, MQG_FROM_SPIFFE);
	assert_int_equal(c->listeners[0].policies[0].username_rule, MQG_USERNAME_INJECT);
	assert_string_equal(c->listeners[0].policies[0].user_property, "device");
	assert_true(c->listeners[0].policies[0].newest);
	mqg_config_put(c);
}

static void ocsp_is_read(void **state)
{
	const struct broken from = { "ocsp", 16, 16,
		"      ocsp:\n        policy: hard\n        max_age: 10m\n        nonce: require\n"
		"        responder: \"http://[::1]/a?b=c\"", "" };
	const struct mqg_ocsp *ocsp;
	struct mqg_config *c;

	(void)state;
	write_config(&from);
	c = load();
	ocsp = c->listeners[0].policies[0].ocsp;
	assert_true(ocsp->hard);
	assert_false(ocsp->aia);
	assert_int_equal(ocsp->nonce, MQG_NONCE_REQUIRE);
	assert_int_equal(ocsp->timeout_ms, 3000);
	assert_int_equal(ocsp->max_age_ms, 600000);
	assert_int_equal(ocsp->skew_ms, 300000);
	assert_int_equal(ocsp->n_responders, 1);
	assert_string_equal(ocsp->responders[0].address.text, "[::1]:80");
	assert_string_equal(ocsp->responders[0].path, "/a?b=c");
	mqg_config_put(c);
}

static void policies_by_server_name_are_read(void **state)
{
	const struct broken policies = { "sni", 20, 20,
		SNI("plant-b", "[B.example.org, \"*.b.example.org\"]") "\n"
		"        identity: {from: spiffe}\n"
		"      - name: plant-c\n        server_names: [c]\n" SNI_TLS "\n"
		"    sni_unknown: refuse", "" };
	const struct mqg_listener *l;
	struct mqg_config *c;

	(void)state;
	write_config(&policies);
	c = load();
	l = &c->listeners[0];
	assert_int_equal(l->n_policies, 3);
	assert_string_equal(l->policies[0].title, "mqtts");
	assert_null(l->policies[0].name);
	assert_int_equal(l->policies[0].identity_from, MQG_FROM_SAN_URI);
	assert_string_equal(l->policies[1].title, "mqtts/plant-b");
	assert_string_equal(l->policies[1].name, "plant-b");
	assert_int_equal(l->policies[1].identity_from, MQG_FROM_SPIFFE);
	assert_int_equal(l->policies[1].client_id_rule, MQG_CLIENT_ID_EQUAL);
	assert_int_equal(l->policies[1].tls_min, TLS1_2_VERSION);
	assert_null(l->policies[1].crl);
	assert_non_null(l->policies[2].material);
	assert_int_equal(l->n_server_names, 3);
	assert_true(l->refuse_unknown);
	assert_int_equal(mqg_server_name_find(l, "b.EXAMPLE.org", 13), 1);
	assert_int_equal(mqg_server_name_find(l, "x.b.example.org", 15), 1);
	assert_int_equal(mqg_server_name_find(l, "c", 1), 2);
	assert_int_equal(mqg_server_name_find(l, "d", 1), MQG_POLICY_NONE);
	mqg_config_put(c);
}

static void chain_cache_is_read(void **state)
{
	const struct broken small = { "small", 52, 52, "chain_cache: {size: 7, time: 90s}", "" };
	struct mqg_config *c;

	(void)state;
	write_config(NULL);
	c = load();
	assert_int_equal(c->chain_cache_size, 16384);
	assert_int_equal(c->chain_cache_ns, 3600 * 1000000000ULL);
	mqg_config_put(c);
	write_config(&small);
	c = load();
	assert_int_equal(c->chain_cache_size, 7);
	assert_int_equal(c->chain_cache_ns, 90 * 1000000000ULL);
	mqg_config_put(c);
}

static void handshakes_are_read(void **state)
{
	const struct broken some = { "some", 52, 52, "handshakes: {per_source: 7, rate: 0, "
				     "in_flight: 10, patience: 500ms}", "" };
	struct mqg_config *c;

	(void)state;
	write_config(NULL);
	c = load();
	assert_int_equal(c->handshakes.source_rate, 200);
	assert_int_equal(c->handshakes.source_burst, 1000);
	assert_int_equal(c->handshakes.rate, 3 * 2000);
	assert_int_equal(c->handshakes.burst, 3 * 2000);
	assert_int_equal(c->handshakes.in_flight, 2000);
	assert_int_equal(c->handshakes.source_in_flight, 500);
	assert_int_equal(c->handshakes.queue, 4000);
	assert_int_equal(c->handshakes.queue_time_ms, 3000);
	assert_int_equal(c->handshakes.patience_ms, 2000);
	assert_int_equal(c->handshakes.known_for_ms, 3600000);
	mqg_config_put(c);
	write_config(&some);
	c = load();
	assert_int_equal(c->handshakes.source_rate, 7);
	assert_int_equal(c->handshakes.source_burst, 35);
	assert_int_equal(c->handshakes.rate, 0);
	assert_int_equal(c->handshakes.burst, 1);
	assert_int_equal(c->handshakes.in_flight, 10);
	assert_int_equal(c->handshakes.source_in_flight, 3);
	assert_int_equal(c->handshakes.patience_ms, 500);
	mqg_config_put(c);
}

/* @digits of the key with this number, a line. */
static void write_key(FILE *out, int number, int digits)
{
	for (int i = 0; i < digits; i++)
		fprintf(out, "%x", i < 2 ? number >> 4 * (1 - i) & 15 : i & 15);
	fputc('\n', out);
}

static FILE *ticket_file(const char *name, mode_t mode)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fchmod(fileno(out), mode), 0);
	return out;
}

/* The files that the broken cases name. */
static int write_ticket_files(void **state)
{
	FILE *out = ticket_file("tickets", 0640);

	(void)state;
	fputs("# of two gateways\n\n", out);
	write_key(out, 1, 160);
	write_key(out, 2, 160);
	fclose(out);
	out = ticket_file("tickets.open", 0644);
	write_key(out, 1, 160);
	fclose(out);
	fclose(ticket_file("tickets.none", 0600));
	out = ticket_file("tickets.short", 0600);
	write_key(out, 1, 160);
	write_key(out, 2, 158);
	fclose(out);
	out = ticket_file("tickets.twice", 0600);
	write_key(out, 1, 160);
	write_key(out, 1, 160);
	fclose(out);
	out = ticket_file("tickets.many", 0600);
	for (int i = 0; i < 17; i++)
		write_key(out, i, 160);
	fclose(out);
	return 0;
}

static void resumption_is_read(void **state)
{
	const struct broken some = { "some", 52, 52, "resumption: {lifetime: 2d}", "" };
	const struct broken keys = { "keys", 52, 52,
		"resumption: {lifetime: 30m, keys: @/tickets}", "" };
	const struct broken off = { "off", 52, 52, "resumption: {use: off}", "" };
	struct mqg_config *c;

	write_config(NULL);
	c = load();
	assert_true(c->resumption);
	assert_int_equal(c->ticket_lifetime, 8 * 3600);
	assert_int_equal(c->ticket_rotate, 3600);
	assert_null(c->ticket_file);
	mqg_config_put(c);
	write_config(&some);
	c = load();
	assert_int_equal(c->ticket_rotate, 2 * 86400 / 8);
	mqg_config_put(c);
	write_ticket_files(state);
	write_config(&keys);
	c = load();
	assert_int_equal(c->ticket_lifetime, 1800);
	assert_int_equal(c->ticket_file->n, 2);
	assert_int_equal(c->ticket_file->key[1].name[0], 2);
	assert_int_equal(c->ticket_file->key[1].name[1], 0x23);
	assert_int_equal(c->ticket_file->key[1].mac[31], 0xef);
	mqg_config_put(c);
	write_config(&off);
	c = load();
	assert_false(c->resumption);
	mqg_config_put(c);
}

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		cmocka_unit_test(policies_by_server_name_are_read),
		cmocka_unit_test(ocsp_is_read),
		cmocka_unit_test(crypto_policy_is_read),
		cmocka_unit_test(chain_cache_is_read),
		cmocka_unit_test(handshakes_are_read),
		cmocka_unit_test(resumption_is_read),
	};

	return run_config_tests("config of TLS", fixed, sizeof(fixed) / sizeof(fixed[0]), cases,
				sizeof(cases) / sizeof(cases[0]));
}
