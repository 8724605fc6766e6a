// SPDX-License-Identifier: BSD-2-Clause
/* Notes of tickets; see ticket_note.h. */
#include "proxy/ticket_note.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/identity.h"
#include "proxy/path.h"
#include "proxy/proof.h"
#include "proxy/tls.h"

/* A serial number that can be listed has at most 20 octets (RFC 5280, 4.1.2.2). */
#define SERIAL	44

/*
 * Behind it come the identity with its NUL, and the certificate as DER. Numbers are big endian. The
 * rule for the identity is in the scope.
 */
struct note {
	uint8_t	version;
	uint8_t	proven[8];		/* as in struct mqg_ticket_says */
	uint8_t	until[8];
	uint8_t	since[8];
	uint8_t	scope[MQG_TICKET_DIGEST];
	uint8_t	above[MQG_PATH_DIGEST];
	uint8_t	digest[MQG_TICKET_DIGEST];
	char	serial[SERIAL];
	uint8_t	identity[2];		/* its length, the NUL included; 1 = there is none */
};

#define VERSION	2
#define ROOM	(sizeof(struct note) + MQG_IDENTITY_MAX + 1 + MQG_TLS_CHAIN_MAX)

_Static_assert(sizeof(struct note) == 123 + SERIAL, "no padding: gateways read each other's");

static void put64(uint8_t out[8], uint64_t value)
{
	for (int i = 7; i >= 0; i--, value >>= 8)
		out[i] = (uint8_t)value;
}

static uint64_t get64(const uint8_t in[8])
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | in[i];
	return value;
}

/* As `mqgate revoke` keeps it; "" where it is longer than any that can be listed. */
static bool fill_serial(X509 *cert, char out[SERIAL])
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = number ? BN_bn2hex(number) : NULL, *normal = NULL;
	int err = hex ? mqg_revoked_normal(MQG_REVOKED_SERIAL, hex, &normal) : -ENOMEM;

	memset(out, 0, SERIAL);
	if (normal && strlen(normal) < SERIAL)
		strcpy(out, normal);
	free(normal);
	OPENSSL_free(hex);
	BN_free(number);
	return err != -ENOMEM;
}

static const struct mqg_tls_policy *policy_of(const SSL *ssl)
{
	return mqg_tls_policy_of(SSL_get_SSL_CTX(ssl));
}

static bool fill(SSL *ssl, STACK_OF(X509) *chain, struct note *note)
{
	X509 *cert = sk_X509_value(chain, 0);
	struct mqg_path *path = mqg_path_of(chain);

	if (!path)
		return false;
	note->version = VERSION;
	put64(note->proven, (uint64_t)time(NULL));
	put64(note->until, (uint64_t)mqg_chain_term(chain, policy_of(ssl)).until);
	put64(note->since, (uint64_t)mqg_certificate_term(cert).since);
	memcpy(note->above, mqg_path_digest(path), sizeof(note->above));
	mqg_path_put(path);
	return X509_digest(cert, EVP_sha256(), note->digest, NULL) &&
	       fill_serial(cert, note->serial);
}

/* The identity with its NUL. Returns its length; 0: no memory. */
static size_t name(X509 *cert, const struct mqg_tls_policy *policy, struct note *note)
{
	char *identity = NULL, *to = (char *)(note + 1);
	size_t len = 1;

	if (mqg_identity_get(cert, policy->identity_from, &identity) == -ENOMEM)
		return 0;
	*to = '\0';
	if (identity) {
		len = strlen(identity) + 1;
		memcpy(to, identity, len);
	}
	free(identity);
	note->identity[0] = (uint8_t)(len >> 8);
	note->identity[1] = (uint8_t)len;
	return len;
}

bool mqg_ticket_note(SSL *ssl, const uint8_t scope[MQG_TICKET_DIGEST])
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	X509 *cert = chain ? sk_X509_value(chain, 0) : NULL;
	uint8_t room[ROOM], *at = room + sizeof(struct note);
	struct note *note = (struct note *)room;
	size_t len;

	if (!cert || i2d_X509(cert, NULL) > MQG_TLS_CHAIN_MAX || !fill(ssl, chain, note))
		return false;
	memcpy(note->scope, scope, sizeof(note->scope));
	len = name(cert, policy_of(ssl), note);
	at += len;
	return len && i2d_X509(cert, &at) > 0 && mqg_proof_forget(ssl) &&
	       SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), room, (size_t)(at - room));
}

/* Only what this gateway's like have sealed comes here; it is read with care nevertheless. */
bool mqg_ticket_note_read(SSL_SESSION *session, struct mqg_ticket_says *says)
{
	const struct note *note;
	const char *identity;
	size_t size, len;
	void *data;

	if (!SSL_SESSION_get0_ticket_appdata(session, &data, &size) || size < sizeof(*note))
		return false;
	note = data;
	size -= sizeof(*note);
	len = (size_t)note->identity[0] << 8 | note->identity[1];
	identity = (const char *)(note + 1);
	if (note->version != VERSION || !len || len >= size || note->serial[SERIAL - 1] ||
	    memchr(identity, '\0', len) != identity + len - 1)
		return false;
	*says = (struct mqg_ticket_says){
		.proven = get64(note->proven), .until = get64(note->until),
		.since = (int64_t)get64(note->since), .scope = note->scope,
		.above = note->above, .digest = note->digest,
		.serial = note->serial[0] ? note->serial : NULL,
		.identity = len > 1 ? identity : NULL,
		.leaf = (const unsigned char *)identity + len, .len = size - len,
	};
	return true;
}
