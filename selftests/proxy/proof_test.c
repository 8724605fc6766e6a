// SPDX-License-Identifier: BSD-2-Clause
/* The chain that a session keeps in the place of OpenSSL's, over handshakes in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "proxy/proof.h"

struct party {
	X509		*cert;
	EVP_PKEY	*key;
};

static struct party root, issuer, device, stranger;

/* @by NULL: signed by itself. */
static struct party party(const char *name, const struct party *by)
{
	struct party p = { X509_new(), EVP_EC_gen("P-256") };
	static long serial;
	X509_EXTENSION *ca;

	assert_true(X509_set_version(p.cert, X509_VERSION_3));
	assert_true(ASN1_INTEGER_set(X509_get_serialNumber(p.cert), ++serial));
	assert_true(X509_NAME_add_entry_by_txt(X509_get_subject_name(p.cert), "CN", MBSTRING_UTF8,
					       (const unsigned char *)name, -1, -1, 0));
	assert_true(X509_set_issuer_name(p.cert, X509_get_subject_name((by ? by : &p)->cert)));
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(p.cert), -60));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(p.cert), 3600));
	assert_true(X509_set_pubkey(p.cert, p.key));
	if (strcmp(name, "device")) {
		ca = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
		assert_true(X509_add_ext(p.cert, ca, -1));
		X509_EXTENSION_free(ca);
	}
	assert_true(X509_sign(p.cert, (by ? by : &p)->key, EVP_sha256()));
	return p;
}

static int setup(void **state)
{
	(void)state;
	root = party("root", NULL);
	issuer = party("issuer", &root);
	device = party("device", &issuer);
	stranger = party("stranger", NULL);
	return 0;
}

static void party_free(struct party *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
}

static int teardown(void **state)
{
	(void)state;
	party_free(&root);
	party_free(&issuer);
	party_free(&device);
	party_free(&stranger);
	return 0;
}

struct wire {
	SSL_CTX	*contexts[2];
	SSL	*server, *client;
};

/* A handshake by @version is over; @extra is sent behind the issuer. */
static void shake(struct wire *w, int version, X509 *extra)
{
	SSL_CTX *server = SSL_CTX_new(TLS_server_method()), *client =
		SSL_CTX_new(TLS_client_method());
	BIO *left, *right;
	int a = 0, b = 0;

	assert_true(SSL_CTX_use_certificate(server, issuer.cert) &&
		    SSL_CTX_use_PrivateKey(server, issuer.key));
	assert_true(X509_STORE_add_cert(SSL_CTX_get_cert_store(server), root.cert));
	SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	assert_true(SSL_CTX_use_certificate(client, device.cert) &&
		    SSL_CTX_use_PrivateKey(client, device.key) &&
		    SSL_CTX_add1_chain_cert(client, issuer.cert));
	if (extra)
		assert_true(SSL_CTX_add1_chain_cert(client, extra));
	SSL_CTX_set_min_proto_version(client, version);
	SSL_CTX_set_max_proto_version(client, version);
	w->contexts[0] = server;
	w->contexts[1] = client;
	w->server = SSL_new(server);
	w->client = SSL_new(client);
	assert_true(BIO_new_bio_pair(&left, 0, &right, 0));
	SSL_set_bio(w->server, left, left);
	SSL_set_bio(w->client, right, right);
	SSL_set_accept_state(w->server);
	SSL_set_connect_state(w->client);
	for (int i = 0; i < 20 && (a != 1 || b != 1); i++) {
		b = SSL_do_handshake(w->client);
		a = SSL_do_handshake(w->server);
	}
	assert_int_equal(1, a);
	assert_int_equal(1, b);
}

static void hang_up(struct wire *w)
{
	SSL_free(w->server);
	SSL_free(w->client);
	SSL_CTX_free(w->contexts[0]);
	SSL_CTX_free(w->contexts[1]);
}

static void talk(SSL *from, SSL *to)
{
	char got[8] = "";

	assert_int_equal(5, SSL_write(from, "hello", 5));
	assert_int_equal(5, SSL_read(to, got, sizeof(got)));
	assert_string_equal("hello", got);
}

static void same(STACK_OF(X509) *a, STACK_OF(X509) *b)
{
	assert_int_equal(sk_X509_num(a), sk_X509_num(b));
	for (int i = 0; i < sk_X509_num(a); i++)
		assert_int_equal(0, X509_cmp(sk_X509_value(a, i), sk_X509_value(b, i)));
}

static void taken(int version)
{
	struct mqg_proof proof = { 0 };
	STACK_OF(X509) *before, *after;
	const SSL_CIPHER *cipher;
	int signature, group;
	struct wire w;

	shake(&w, version, NULL);
	before = X509_chain_up_ref(SSL_get0_verified_chain(w.server));
	assert_int_equal(3, sk_X509_num(before));
	cipher = SSL_get_current_cipher(w.server);
	group = SSL_get_negotiated_group(w.server);
	assert_true(SSL_get_peer_signature_type_nid(w.server, &signature));

	mqg_proof_take(&proof, w.server, before);
	assert_null(SSL_get0_peer_certificate(w.server));
	assert_int_equal(0, sk_X509_num(SSL_get_peer_cert_chain(w.server)));
	assert_int_equal(0, sk_X509_num(SSL_get0_verified_chain(w.server)));
	after = mqg_proof_chain(&proof);
	same(before, after);
	sk_X509_pop_free(after, X509_free);

	assert_ptr_equal(cipher, SSL_get_current_cipher(w.server));
	assert_int_equal(version, SSL_version(w.server));
	assert_int_equal(group, SSL_get_negotiated_group(w.server));
	assert_int_equal(X509_V_OK, SSL_get_verify_result(w.server));
	talk(w.client, w.server);
	talk(w.server, w.client);
	if (version == TLS1_3_VERSION) {
		assert_true(SSL_key_update(w.client, SSL_KEY_UPDATE_REQUESTED));
		talk(w.client, w.server);
		talk(w.server, w.client);
		talk(w.client, w.server);
	}
	assert_true(SSL_shutdown(w.server) >= 0);
	hang_up(&w);
	/* What is kept does not live by the connection. */
	after = mqg_proof_chain(&proof);
	same(before, after);
	sk_X509_pop_free(after, X509_free);
	sk_X509_pop_free(before, X509_free);
	mqg_proof_drop(&proof);
	assert_null(proof.leaf);
	mqg_proof_drop(&proof);
}

static void the_chain_is_taken_and_the_connection_goes_on(void **state)
{
	(void)state;
	taken(TLS1_2_VERSION);
	taken(TLS1_3_VERSION);
}

/* Another policy may need what this one did not. */
static void a_certificate_too_many_leaves_it_all_there(void **state)
{
	struct mqg_proof proof = { 0 };
	STACK_OF(X509) *chain;
	struct wire w;

	(void)state;
	shake(&w, TLS1_3_VERSION, stranger.cert);
	chain = X509_chain_up_ref(SSL_get0_verified_chain(w.server));
	mqg_proof_take(&proof, w.server, chain);
	assert_null(proof.leaf);
	assert_null(proof.path);
	assert_non_null(SSL_get0_peer_certificate(w.server));
	assert_int_equal(2, sk_X509_num(SSL_get_peer_cert_chain(w.server)));
	sk_X509_pop_free(chain, X509_free);
	hang_up(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_chain_is_taken_and_the_connection_goes_on),
		cmocka_unit_test(a_certificate_too_many_leaves_it_all_there),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
