/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `mqgate pki`: a small certification authority for trials and tests, a root and an intermediate in
 * one directory. It is no production CA, and says so in every certificate: its keys lie
 * unencrypted beside each other. Called by pki.c; one thread; the directory has a lock.
 *
 *	DIR/README			what this is
 *	DIR/lock			held while something is written
 *	DIR/root.pem, root.key		what devices trust
 *	DIR/ca.pem, ca.key		intermediate and root: what tls.client_ca names
 *	DIR/crl.pem			revocation lists of both: what tls.crl names
 *	DIR/servers/, DIR/devices/	NAME.pem (with the intermediate), NAME.key
 */
#ifndef MQG_PKI_H
#define MQG_PKI_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "mqgate/cmd.h"

#define MQG_PKI_ORGANIZATION	"mqgate trial PKI, not for production"
#define MQG_PKI_NOTICE		"mqgate pki: for trials and tests only, not a production CA"
#define MQG_PKI_CA_DAYS		730
#define MQG_PKI_LEAF_DAYS	365
#define MQG_PKI_CRL_DAYS	30
#define MQG_PKI_DAYS_MAX	3650

/* ---- pki_dir.c: the directory ------------------------------------------------------- */

struct mqg_pki_dir {
	char	path[512];	/* as the user named it */
	char	made[520];	/* while it is being made: where; else empty */
	int	fd, lock;	/* -1: not open */
};

#define MQG_PKI_DIR_INIT	{ .fd = -1, .lock = -1 }

/*
 * A new directory, mode 0700, filled under another name: mqg_pki_dir_finish() gives it its own,
 * and never takes the place of something that is there. Until then mqg_pki_dir_close() removes it.
 * Return: 0 or -errno and @why.
 */
int mqg_pki_dir_make(struct mqg_pki_dir *dir, const char *path, char *why, size_t size);
int mqg_pki_dir_finish(struct mqg_pki_dir *dir, char *why, size_t size);

/* An existing one, locked; waits for whoever holds the lock. 0 or -errno and @why. */
int mqg_pki_dir_open(struct mqg_pki_dir *dir, const char *path, char *why, size_t size);
void mqg_pki_dir_close(struct mqg_pki_dir *dir);

/*
 * Writes DIR/@name whole or not at all, on disk when this returns. An existing file is refused
 * (-EEXIST) unless @replace. @text stays the caller's.
 */
int mqg_pki_write(const struct mqg_pki_dir *dir, const char *name, unsigned int mode, BIO *text,
		  bool replace, char *why, size_t size);

/* DIR/@name for reading, or NULL and @why. */
BIO *mqg_pki_read(const struct mqg_pki_dir *dir, const char *name, char *why, size_t size);
bool mqg_pki_exists(const struct mqg_pki_dir *dir, const char *name);

/* ---- pki_key.c: keys and their files ------------------------------------------------ */

/* The words for `key`, as a list for people. */
#define MQG_PKI_KEYS	"p256, p384, ed25519, rsa2048, rsa3072 or rsa4096"

/* True when @word is one of MQG_PKI_KEYS. */
bool mqg_pki_key_known(const char *word);
/* A new key. NULL: OpenSSL could not. */
EVP_PKEY *mqg_pki_key_make(const char *word);
/* What a key signs with; NULL where the algorithm says so itself (Ed25519). */
const EVP_MD *mqg_pki_key_digest(const EVP_PKEY *key);
/* Writes a key (PKCS #8, PEM, not encrypted) with mode 0600, never over another file. */
int mqg_pki_key_write(const struct mqg_pki_dir *dir, const char *name, EVP_PKEY *key, char *why,
		      size_t size);
EVP_PKEY *mqg_pki_key_read(const struct mqg_pki_dir *dir, const char *name, char *why,
			   size_t size);
/* The first certificate of a file. */
X509 *mqg_pki_cert_read(const struct mqg_pki_dir *dir, const char *name, char *why, size_t size);

/* ---- pki_cert.c: certificates -------------------------------------------------------- */

enum mqg_pki_profile {
	MQG_PKI_ROOT,
	MQG_PKI_INTERMEDIATE,
	MQG_PKI_SERVER,
	MQG_PKI_DEVICE,
};

struct mqg_pki_request {
	enum mqg_pki_profile	profile;
	const char		*cn;		/* NULL: the subject has none */
	const GENERAL_NAMES	*names;		/* NULL or empty: no subjectAltName */
	unsigned int		days;		/* 0: MQG_PKI_LEAF_DAYS, a CA the longest; until
						 * the issuer ends at most */
	EVP_PKEY		*key;		/* of the subject */
};

/*
 * Signs; @issuer NULL: by itself. The serial number has 126 random bits. NULL and @why, for
 * instance when it would outlive its issuer.
 */
X509 *mqg_pki_certify(const struct mqg_pki_request *request, X509 *issuer, EVP_PKEY *issuer_key,
		      char *why, size_t size);

/* ---- pki_crl.c: revocation lists ------------------------------------------------------ */

struct mqg_pki_authority {
	X509		*cert;
	EVP_PKEY	*key;
	X509_CRL	*crl;		/* NULL before its first list */
};

/*
 * The next list of an authority: what the last one had, and @revoked (may be NULL) with @reason, a
 * CRLReason of RFC 5280, 5.3.1, or -1. Good for @days. NULL: no memory.
 */
X509_CRL *mqg_pki_crl_next(const struct mqg_pki_authority *authority, X509 *revoked, int reason,
			   unsigned int days);

/* Writes the lists of the intermediate and of the root in the place of crl.pem. */
int mqg_pki_crl_write(const struct mqg_pki_dir *dir, X509_CRL *lists[2], char *why, size_t size);
/* Reads them in the same order. */
int mqg_pki_crl_read(const struct mqg_pki_dir *dir, X509_CRL *lists[2], char *why, size_t size);

/* ---- pki_names.c: what may stand in a certificate -------------------------------------- */

/*
 * Adds one subjectAltName, @kind "dns", "uri", "email" or "ip". 0, -EINVAL and @why, or -ENOMEM.
 * @wildcards: a dns may begin with "*.", which is for servers.
 */
int mqg_pki_name_add(GENERAL_NAMES *names, bool wildcards, const char *kind, const char *value,
		     char *why, size_t size);
/* 0, or -EINVAL and @why: a device's name that mqgated would refuse at binding is refused here. */
int mqg_pki_cn_check(const char *cn, char *why, size_t size);
/* Whether @name does as the name of a file. */
bool mqg_pki_file_name(const char *name);

/* ---- pki_words.c: what follows the verb ------------------------------------------------ */

struct mqg_pki_words {
	const char	*key, *cn, *file;	/* NULL: not said */
	const char	*first;			/* value of the first subjectAltName, or NULL */
	GENERAL_NAMES	*names;
	unsigned int	days;			/* 0: not said */
	int		reason;			/* CRLReason; -1: not said */
};

/*
 * Reads "WORD VALUE" pairs; @known: the words that the verb @verb takes, a space around each.
 * MQG_DONE, or the exit code of a refusal in words; mqg_pki_words_free() is due in either case.
 */
int mqg_pki_words_read(struct mqg_pki_words *words, const char *verb, const char *known, int argc,
		       char **argv);
void mqg_pki_words_free(struct mqg_pki_words *words);

/* ---- pki_init.c, pki_issue.c, pki_revoke.c: the verbs; @argv begins behind the directory ---- */

int mqg_pki_init(const struct mqg_cmd *cmd, const char *path, int argc, char **argv);
int mqg_pki_issue(const struct mqg_cmd *cmd, struct mqg_pki_dir *dir, int argc, char **argv);
int mqg_pki_revoke(const struct mqg_cmd *cmd, struct mqg_pki_dir *dir, int argc, char **argv);
int mqg_pki_crl(const struct mqg_cmd *cmd, struct mqg_pki_dir *dir, int argc, char **argv);

/* ---- pki.c: what they say ------------------------------------------------------------- */

/* "2027-03-01T12:00:00Z", or "?". Returns @text. */
const char *mqg_pki_time(const ASN1_TIME *time, char text[32]);
/* The serial number as `openssl x509 -serial` writes it; OPENSSL_free() it. */
char *mqg_pki_serial(X509 *cert);
/* For people: what every certificate says as well. Not printed with -j. */
void mqg_pki_remind(const struct mqg_cmd *cmd);

#endif
