// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table of certificates; see inventory.h. `lock` guards the table, every reference count and
 * struct mqg_handshake; what a certificate says is written before it is in the table.
 */
#include "proxy/inventory.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <uthash.h>

#include "proxy/crypto.h"

#define DIGEST	32

struct mqg_certificate {
	UT_hash_handle		hh;		/* the one not seen for longest first */
	unsigned char		digest[DIGEST];	/* SHA-256; the key */
	char			fingerprint[2 * DIGEST + 1];
	char			*identity, *subject, *issuer, *serial;
	const char		*key, *signature;
	int			bits;
	time_t			not_after, first_seen;
	bool			weak_key, weak_signature;
	struct mqg_handshake	last;
	unsigned int		references;	/* the table's and those of copies */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mqg_certificate *table;
static uint64_t dropped;

static void put(struct mqg_certificate *c)
{
	if (--c->references)
		return;
	free(c->identity);
	free(c->subject);
	free(c->issuer);
	OPENSSL_free(c->serial);
	free(c);
}

/* RFC 4514, in ASCII: for people. Who somebody is was never read from this. */
static char *print(const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text = NULL;
	long len;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
		len = BIO_get_mem_data(bio, &data);
		text = strndup(data, len > 255 ? 255 : (size_t)len);
	}
	BIO_free(bio);
	return text;
}

static const char *key_word(const EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "RSA"))
		return "RSA";
	if (EVP_PKEY_is_a(key, "RSA-PSS"))
		return "RSA-PSS";
	return mqg_crypto_group_word(mqg_crypto_curve_of(key));
}

static void judge(struct mqg_certificate *c, const X509 *cert, const EVP_PKEY *key)
{
	int digest = NID_undef;

	c->key = key ? key_word(key) : "?";
	c->bits = key ? EVP_PKEY_get_bits(key) : 0;
	c->weak_key = !strncmp(c->key, "RSA", 3) ? c->bits < MQG_INVENTORY_RSA_WEAK
						 : !strcmp(c->key, "?");
	c->signature = OBJ_nid2ln(X509_get_signature_nid(cert));
	X509_get_signature_info((X509 *)cert, &digest, NULL, NULL, NULL);
	c->weak_signature = digest == NID_sha1 || digest == NID_md5;
}

static struct mqg_certificate *describe(X509 *cert, const unsigned char digest[DIGEST],
					const char *identity)
{
	struct mqg_certificate *c = calloc(1, sizeof(*c));
	BIGNUM *serial = NULL;
	struct tm tm;

	if (!c)
		return NULL;
	c->references = 1;
	memcpy(c->digest, digest, DIGEST);
	for (size_t i = 0; i < DIGEST; i++) {
		c->fingerprint[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		c->fingerprint[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	c->identity = identity ? strdup(identity) : NULL;
	c->subject = print(X509_get_subject_name(cert));
	c->issuer = print(X509_get_issuer_name(cert));
	serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	c->serial = serial ? BN_bn2hex(serial) : NULL;
	BN_free(serial);
	if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm))
		c->not_after = timegm(&tm);
	c->first_seen = time(NULL);
	judge(c, cert, X509_get0_pubkey(cert));
	if (c->subject && c->issuer && c->serial && (c->identity || !identity))
		return c;
	put(c);
	return NULL;
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static struct mqg_handshake agreed(SSL *ssl)
{
	struct mqg_handshake last = {
		.version = SSL_version(ssl),
		.group = SSL_get_negotiated_group(ssl),
		.cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)),
		.last_seen = time(NULL),
		.resumed = (uint64_t)SSL_session_reused(ssl),
	};

	SSL_get_peer_signature_type_nid(ssl, &last.signature);
	return last;
}

void mqg_inventory_note(SSL *ssl, X509 *cert, const char *identity)
{
	mqg_inventory_add(cert, agreed(ssl), identity);
}

/* What @last adds to what was known. */
static struct mqg_handshake sum(const struct mqg_handshake *before, struct mqg_handshake last)
{
	last.handshakes = before->handshakes + 1;
	/* Who resumes signs nothing. */
	if (last.resumed)
		last.signature = before->signature;
	last.resumed += before->resumed;
	return last;
}

bool mqg_inventory_again(SSL *ssl, const unsigned char digest[DIGEST], const char *identity)
{
	struct mqg_handshake last = agreed(ssl);
	struct mqg_certificate *c;

	pthread_mutex_lock(&lock);
	HASH_FIND(hh, table, digest, DIGEST, c);
	if (c && !same(c->identity, identity))
		c = NULL;
	if (c) {
		HASH_DEL(table, c);
		c->last = sum(&c->last, last);
		HASH_ADD(hh, table, digest, DIGEST, c);
	}
	pthread_mutex_unlock(&lock);
	return c;
}

void mqg_inventory_add(X509 *cert, struct mqg_handshake last, const char *identity)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	static const struct mqg_handshake none;
	struct mqg_certificate *c, *before, *oldest;
	unsigned int len;

	if (!cert || !X509_digest(cert, EVP_sha256(), digest, &len))
		return;
	pthread_mutex_lock(&lock);
	HASH_FIND(hh, table, digest, DIGEST, before);
	c = before;
	last = sum(before ? &before->last : &none, last);
	if (before)
		HASH_DEL(table, before);
	/* By another listener's rule it is somebody else. */
	if (!before || !same(before->identity, identity))
		c = describe(cert, digest, identity);
	if (before && c != before) {
		if (c)
			c->first_seen = before->first_seen;
		put(before);
	}
	if (c) {
		c->last = last;
		HASH_ADD(hh, table, digest, DIGEST, c);
	}
	if (HASH_COUNT(table) > MQG_INVENTORY_MAX) {
		oldest = table;
		HASH_DEL(table, oldest);
		put(oldest);
		dropped++;
	}
	pthread_mutex_unlock(&lock);
}

/* One identity with the certificate that it came with last. */
struct newest {
	UT_hash_handle	hh;
	const char	*identity;
};

/* From the one seen last: who comes again has another one since. */
static void supersede(struct mqg_seen *seen, size_t count)
{
	struct newest *room = calloc(count + 1, sizeof(*room)), *known = NULL, *found;

	for (size_t i = count; room && i-- > 0;) {
		const char *identity = seen[i].certificate->identity;

		if (!identity)
			continue;
		HASH_FIND_STR(known, identity, found);
		seen[i].superseded = found != NULL;
		if (found)
			continue;
		room[i].identity = identity;
		HASH_ADD_KEYPTR(hh, known, identity, strlen(identity), &room[i]);
	}
	HASH_CLEAR(hh, known);
	free(room);
}

int mqg_inventory_copy(struct mqg_seen **out, size_t *count)
{
	struct mqg_certificate *c, *next;
	struct mqg_seen *seen;
	size_t n = 0;

	pthread_mutex_lock(&lock);
	seen = calloc(HASH_COUNT(table) + 1, sizeof(*seen));
	HASH_ITER(hh, table, c, next) {
		if (!seen)
			break;
		c->references++;
		seen[n].certificate = c;
		seen[n++].last = c->last;
	}
	pthread_mutex_unlock(&lock);
	*out = seen;
	*count = n;
	if (!seen)
		return -ENOMEM;
	supersede(seen, n);
	return 0;
}

void mqg_inventory_free(struct mqg_seen *seen, size_t count)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < count; i++)
		put((struct mqg_certificate *)seen[i].certificate);
	pthread_mutex_unlock(&lock);
	free(seen);
}

void mqg_inventory_describe(const struct mqg_certificate *c, struct mqg_certificate_info *info)
{
	*info = (struct mqg_certificate_info){
		.identity = c->identity, .subject = c->subject, .issuer = c->issuer,
		.serial = c->serial, .fingerprint = c->fingerprint, .key = c->key,
		.signature = c->signature, .bits = c->bits, .not_after = c->not_after,
		.first_seen = c->first_seen, .weak_key = c->weak_key,
		.weak_signature = c->weak_signature,
	};
}

uint64_t mqg_inventory_dropped(void)
{
	uint64_t n;

	pthread_mutex_lock(&lock);
	n = dropped;
	pthread_mutex_unlock(&lock);
	return n;
}
