/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every certificate of a client as it was seen, and what its last handshake agreed on. One table of
 * the process, behind a mutex: the workers write a line after each handshake, the main thread reads
 * copies. Of bounded size: when it is full, the certificate that was not seen for longest goes.
 */
#ifndef MQG_INVENTORY_H
#define MQG_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <openssl/ssl.h>

/* Certificates at most; each takes some 600 bytes, 1.2 kB with the longest names. */
#define MQG_INVENTORY_MAX	65536U
/* What is thought to hold until 2030 and no longer: 112 bits (NIST SP 800-57, part 1, table 2). */
#define MQG_INVENTORY_RSA_WEAK	3072

struct mqg_certificate;

/* What changes with every handshake. */
struct mqg_handshake {
	int		version;		/* TLS1_2_VERSION, ... */
	int		group;			/* as SSL_get_negotiated_group() */
	int		signature;		/* NID of the client's signature's type; of the last
						 * full handshake */
	const char	*cipher;		/* of OpenSSL; static */
	time_t		last_seen;		/* wall clock */
	uint64_t	handshakes, resumed;	/* all; those of them without a certificate */
};

/* A copy of one line. @certificate is shared and does not change. */
struct mqg_seen {
	const struct mqg_certificate *certificate;
	struct mqg_handshake	last;
	bool			superseded;	/* its identity has come with another one since */
};

/* What a certificate says. Texts are printable; NULL = none. */
struct mqg_certificate_info {
	const char	*identity, *subject, *issuer, *serial, *fingerprint;
	const char	*key;			/* "RSA", "P-256", ... */
	const char	*signature;		/* of the certificate, of OpenSSL */
	int		bits;
	time_t		not_after, first_seen;
	bool		weak_key, weak_signature;
};

/**
 * mqg_inventory_note() - a handshake was finished
 * @ssl:      its connection
 * @cert:     that was verified
 * @identity: of the client, NULL = none
 *
 * Context: any thread. Without memory the line is missing.
 */
void mqg_inventory_note(SSL *ssl, X509 *cert, const char *identity);

/*
 * The same for one that is known by its SHA-256, so that it has not to be read. False: it is not,
 * or as somebody else.
 */
bool mqg_inventory_again(SSL *ssl, const unsigned char digest[32], const char *identity);

/*
 * The same for @cert and what is known of its handshake. @last.handshakes is counted here,
 * @last.resumed is 1 where it was.
 */
void mqg_inventory_add(X509 *cert, struct mqg_handshake last, const char *identity);

/* A copy of the table, the one seen last at the end. mqg_inventory_free() it. 0 or -ENOMEM. */
int mqg_inventory_copy(struct mqg_seen **seen, size_t *count);
void mqg_inventory_free(struct mqg_seen *seen, size_t count);
void mqg_inventory_describe(const struct mqg_certificate *certificate,
			    struct mqg_certificate_info *info);

/* Certificates that made room for others. */
uint64_t mqg_inventory_dropped(void);

#endif
