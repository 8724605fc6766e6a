// SPDX-License-Identifier: BSD-2-Clause
/* Tickets; see ticket.h. On the worker's thread; mqg_ticket_setup() is the main thread's. */
#include "proxy/ticket.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "proxy/path.h"
#include "proxy/renewal.h"
#include "proxy/ticket_keys.h"
#include "proxy/tls.h"

#define DIGEST	MQG_TICKET_DIGEST
/* Clocks of gateways that share keys may differ by so much. */
#define SKEW	300

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int path_index = -1;
static EVP_CIPHER *cipher_alg;
static EVP_MD *digest_alg;

const char *mqg_ticket_word(enum mqg_ticket_declined declined)
{
	static const char *const words[] = { "key", "policy", "age", "expired", "revoked", "path",
					     "superseded" };

	return words[declined];
}

static void drop_path(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl,
		      void *argp)
{
	(void)parent;
	(void)data;
	(void)index;
	(void)argl;
	(void)argp;
	mqg_path_put(ptr);
}

static void prepare(void)
{
	path_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, drop_path);
	cipher_alg = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	digest_alg = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static const struct mqg_tls_policy *policy_of(const SSL *ssl)
{
	return mqg_tls_policy_of(SSL_get_SSL_CTX(ssl));
}

/* ---- scope --------------------------------------------------------------------------------- */

static bool add(EVP_MD_CTX *ctx, const void *data, size_t len)
{
	uint64_t size = len;

	return EVP_DigestUpdate(ctx, &size, sizeof(size)) && EVP_DigestUpdate(ctx, data, len);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST);
}

/* A set, in whatever order it was read. */
static bool add_set(EVP_MD_CTX *ctx, uint8_t (*digests)[DIGEST], size_t n)
{
	if (n)
		qsort(digests, n, sizeof(*digests), compare);
	return add(ctx, digests, n * sizeof(*digests));
}

static bool add_trust(EVP_MD_CTX *ctx, const struct mqg_tls_policy *policy)
{
	int cas = sk_X509_num(policy->authorities);
	int lists = policy->crls ? sk_X509_CRL_num(policy->crls) : 0;
	uint8_t (*digests)[DIGEST] = calloc((size_t)(cas + lists) + 1, sizeof(*digests));
	bool fine = digests != NULL;

	for (int i = 0; fine && i < cas; i++)
		fine = X509_digest(sk_X509_value(policy->authorities, i), digest_alg, digests[i],
				   NULL);
	fine = fine && add_set(ctx, digests, (size_t)cas);
	for (int i = 0; fine && i < lists; i++)
		fine = X509_CRL_digest(sk_X509_CRL_value(policy->crls, i), digest_alg, digests[i],
				       NULL);
	fine = fine && add_set(ctx, digests, (size_t)lists);
	free(digests);
	return fine && add(ctx, policy->pins, policy->n_pins * sizeof(*policy->pins));
}

static bool add_crypto(EVP_MD_CTX *ctx, const struct mqg_crypto *c)
{
	return add(ctx, c->groups, strlen(c->groups)) &&
	       add(ctx, c->ciphers, strlen(c->ciphers)) &&
	       add(ctx, c->suites, strlen(c->suites)) &&
	       add(ctx, c->signatures, strlen(c->signatures)) &&
	       add(ctx, c->curves, c->n_curves * sizeof(*c->curves));
}

static bool add_all(EVP_MD_CTX *ctx, const struct mqg_policy *from,
		    const struct mqg_tls_policy *policy)
{
	const uint32_t numbers[] = {
		policy->crl_stale, policy->partial_chain, (uint32_t)policy->tls_min,
		(uint32_t)from->crypto->max_version, from->crypto->rsa_min, policy->crls != NULL,
		policy->identity_from,
	};

	return add(ctx, from->title, strlen(from->title)) && add(ctx, numbers, sizeof(numbers)) &&
	       add_trust(ctx, policy) && add_crypto(ctx, from->crypto);
}

/* What a ticket holds by: the policy and the name that the client asked for (RFC 6066, 3). */
static bool scope_of(const SSL *ssl, const void *name, size_t len, uint8_t out[DIGEST])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool fine = ctx && EVP_DigestInit_ex2(ctx, digest_alg, NULL) &&
		    EVP_DigestUpdate(ctx, policy_of(ssl)->scope, DIGEST) &&
		    EVP_DigestUpdate(ctx, name, len) && EVP_DigestFinal_ex(ctx, out, NULL);

	EVP_MD_CTX_free(ctx);
	return fine;
}

/* Of a ClientHello that OpenSSL has not looked into yet: one host_name, or none. */
static size_t name_of_hello(SSL *ssl, const unsigned char **name)
{
	const unsigned char *ext;
	size_t len;

	*name = NULL;
	if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &ext, &len) || len < 5)
		return 0;
	*name = ext + 5;
	return len - 5;
}

/* ---- giving --------------------------------------------------------------------------------- */

static uint64_t end_of(SSL *ssl, const struct mqg_ticket_says *says)
{
	const struct mqg_tls_client *client = SSL_get_app_data(ssl);
	uint64_t end = says->proven + mqg_tickets_lifetime(client->tickets);

	return says->until < end ? says->until : end;
}

static bool write_note(SSL *ssl)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	uint8_t scope[DIGEST];

	return scope_of(ssl, name, name ? strlen(name) : 0, scope) && mqg_ticket_note(ssl, scope);
}

/* A session without a note is never taken up. */
static int seal(SSL *ssl, void *unused)
{
	SSL_SESSION *session = SSL_get_session(ssl);
	struct mqg_ticket_says says;
	long left;

	(void)unused;
	if ((!SSL_session_reused(ssl) && !write_note(ssl)) || !mqg_ticket_note_read(session, &says))
		return 1;
	/* What the client is told; it is asked again when the ticket comes. */
	left = (long)(end_of(ssl, &says) - (uint64_t)SSL_SESSION_get_time(session));
	SSL_SESSION_set_timeout(session, left > 0 ? left : 1);
	return 1;
}

/* ---- taking --------------------------------------------------------------------------------- */

/* By the operator's word, of any of the three facts. */
static bool revoked(const struct mqg_tls_client *client, const struct mqg_ticket_says *says)
{
	char fingerprint[2 * DIGEST + 1];
	const struct mqg_revoked_facts facts = {
		.identity = says->identity,
		.serial = says->serial,
		.fingerprint = fingerprint,
	};

	for (size_t i = 0; i < DIGEST; i++) {
		fingerprint[2 * i] = "0123456789abcdef"[says->digest[i] >> 4];
		fingerprint[2 * i + 1] = "0123456789abcdef"[says->digest[i] & 15];
	}
	fingerprint[2 * DIGEST] = '\0';
	return mqg_revoked_has(*client->revoked, &facts);
}

static bool superseded(const struct mqg_tls_client *client, const struct mqg_tls_policy *policy,
		       const struct mqg_ticket_says *says)
{
	return policy->newest && says->identity &&
	       mqg_renewal_superseded(client->renewal, policy->newest, says->identity,
				      says->since);
}

/* MQG_TICKET_DECLINED: it is good. */
static enum mqg_ticket_declined judge(SSL *ssl, SSL_SESSION *session)
{
	const struct mqg_tls_client *client = SSL_get_app_data(ssl);
	struct mqg_ticket_says says;
	uint64_t now = (uint64_t)time(NULL);
	const unsigned char *name;
	uint8_t scope[DIGEST];
	struct mqg_path *path;
	size_t len = name_of_hello(ssl, &name);

	if (!mqg_ticket_note_read(session, &says) || !scope_of(ssl, name, len, scope) ||
	    memcmp(scope, says.scope, sizeof(scope)))
		return MQG_TICKET_POLICY;
	if (now + SKEW < says.proven ||
	    now >= says.proven + mqg_tickets_lifetime(client->tickets))
		return MQG_TICKET_AGE;
	if (now >= says.until)
		return MQG_TICKET_EXPIRED;
	if (revoked(client, &says))
		return MQG_TICKET_REVOKED;
	if (superseded(client, policy_of(ssl), &says))
		return MQG_TICKET_SUPERSEDED;
	path = mqg_path_find(says.above);
	if (!path)
		return MQG_TICKET_PATH;
	mqg_path_put(SSL_get_ex_data(ssl, path_index));
	SSL_set_ex_data(ssl, path_index, path);
	return MQG_TICKET_DECLINED;
}

/*
 * A TLS 1.2 session without extended master secret is bound to nothing that its handshake showed:
 * it gets no ticket, and brings none (RFC 7627, 5.3; triple handshake).
 */
static bool unbound(SSL *ssl)
{
	const unsigned char *ext;
	size_t len;

	return SSL_version(ssl) < TLS1_3_VERSION &&
	       !SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_extended_master_secret, &ext, &len);
}

static SSL_TICKET_RETURN take(SSL *ssl, SSL_SESSION *session, const unsigned char *key_name,
			      size_t len, SSL_TICKET_STATUS status, void *unused)
{
	struct mqg_tls_client *client = SSL_get_app_data(ssl);
	enum mqg_ticket_declined declined = MQG_TICKET_KEY;

	(void)key_name;
	(void)len;
	(void)unused;
	if (unbound(ssl))
		return SSL_TICKET_RETURN_IGNORE;
	if (status == SSL_TICKET_EMPTY)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	if (status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW)
		declined = judge(ssl, session);
	else if (status != SSL_TICKET_NO_DECRYPT)
		return SSL_TICKET_RETURN_IGNORE;
	if (declined != MQG_TICKET_DECLINED) {
		mqg_counter_add(&client->counts->declined[declined], 1);
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	}
	/* In TLS 1.3 a ticket is to be used once (RFC 8446, C.4). */
	return SSL_version(ssl) == TLS1_3_VERSION || status == SSL_TICKET_SUCCESS_RENEW
		       ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_USE;
}

/* ---- sealing -------------------------------------------------------------------------------- */

static bool start_ciphers(const struct mqg_ticket_key *key, unsigned char *iv,
			  EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key->mac,
						  sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params) &&
	       EVP_CipherInit_ex2(cipher, cipher_alg, key->cipher, iv, sealing, NULL);
}

static int begin_sealing(SSL *ssl, unsigned char name[16], unsigned char *iv,
			 struct mqg_ticket_key *key)
{
	const struct mqg_tls_client *client = SSL_get_app_data(ssl);

	mqg_tickets_current(client->tickets, key);
	memcpy(name, key->name, sizeof(key->name));
	return RAND_bytes(iv, EVP_CIPHER_get_iv_length(cipher_alg)) == 1 ? 1 : -1;
}

static int on_key(SSL *ssl, unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher,
		  EVP_MAC_CTX *mac, int sealing)
{
	const struct mqg_tls_client *client = SSL_get_app_data(ssl);
	struct mqg_ticket_key key;
	bool current = true;
	int ret = 1;

	if (sealing)
		ret = begin_sealing(ssl, name, iv, &key);
	else if (!mqg_tickets_find(client->tickets, name, &key, &current))
		ret = 0;
	if (ret > 0 && !start_ciphers(&key, iv, cipher, mac, sealing))
		ret = -1;
	OPENSSL_cleanse(&key, sizeof(key));
	return ret > 0 && !current ? 2 : ret;
}

/* ---- setting up ----------------------------------------------------------------------------- */

int mqg_ticket_setup(SSL_CTX *ctx, const struct mqg_policy *from, struct mqg_tls_policy *policy)
{
	/* Of every listener: the scope is ours to compare, and to count. */
	static const unsigned char context[] = "mqgate";
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	bool fine;

	pthread_once(&once, prepare);
	fine = hash && path_index >= 0 && cipher_alg && digest_alg &&
	       EVP_DigestInit_ex2(hash, digest_alg, NULL) && add_all(hash, from, policy) &&
	       EVP_DigestFinal_ex(hash, policy->scope, NULL) &&
	       SSL_CTX_set_session_id_context(ctx, context, sizeof(context) - 1) &&
	       SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_key) &&
	       SSL_CTX_set_session_ticket_cb(ctx, seal, take, NULL) &&
	       SSL_CTX_set_num_tickets(ctx, 1) && SSL_CTX_set_max_early_data(ctx, 0);
	EVP_MD_CTX_free(hash);
	return fine ? 0 : -ENOMEM;
}

void mqg_ticket_start(SSL *ssl)
{
	const struct mqg_tls_client *client = SSL_get_app_data(ssl);

	if (mqg_tickets_on(client->tickets))
		return;
	SSL_set_options(ssl, SSL_OP_NO_TICKET);
	SSL_set_num_tickets(ssl, 0);
}

bool mqg_ticket_read(const SSL *ssl, struct mqg_ticket_says *says)
{
	if (!SSL_session_reused(ssl) || !mqg_ticket_note_read(SSL_get_session(ssl), says))
		return false;
	says->path = SSL_get_ex_data(ssl, path_index);
	return says->path;
}

void mqg_ticket_over(SSL *ssl)
{
	SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), NULL, 0);
}
