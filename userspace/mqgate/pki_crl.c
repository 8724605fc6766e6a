// SPDX-License-Identifier: BSD-2-Clause
/*
 * Revocation lists of `mqgate pki` (RFC 5280, 5). The last list is the only record of what is
 * revoked; the next one takes everything over. Called by the verbs of pki.c under the lock.
 */
#include <stdio.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "mqgate/pki.h"

static bool copy(X509_CRL *to, X509_CRL *from)
{
	STACK_OF(X509_REVOKED) *entries = from ? X509_CRL_get_REVOKED(from) : NULL;

	for (int i = 0; i < sk_X509_REVOKED_num(entries); i++) {
		X509_REVOKED *entry = X509_REVOKED_dup(sk_X509_REVOKED_value(entries, i));

		if (!entry || !X509_CRL_add0_revoked(to, entry)) {
			X509_REVOKED_free(entry);
			return false;
		}
	}
	return true;
}

static bool add(X509_CRL *crl, X509 *cert, int reason, const ASN1_TIME *now)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_ENUMERATED *code = reason >= 0 ? ASN1_ENUMERATED_new() : NULL;
	bool done = entry && X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(cert)) &&
		    X509_REVOKED_set_revocationDate(entry, (ASN1_TIME *)now) &&
		    (reason < 0 || (code && ASN1_ENUMERATED_set(code, reason) &&
				    X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, code, 0,
							      0) == 1)) &&
		    X509_CRL_add0_revoked(crl, entry);

	ASN1_ENUMERATED_free(code);
	if (!done)
		X509_REVOKED_free(entry);
	return done;
}

/* cRLNumber (5.2.3): one more than the last list's. */
static bool number(X509_CRL *crl, X509_CRL *last)
{
	ASN1_INTEGER *before = last ? X509_CRL_get_ext_d2i(last, NID_crl_number, NULL, NULL) : NULL;
	BIGNUM *n = before ? ASN1_INTEGER_to_BN(before, NULL) : BN_new();
	ASN1_INTEGER *now = n && BN_add_word(n, 1) ? BN_to_ASN1_INTEGER(n, NULL) : NULL;
	bool done = now && X509_CRL_add1_ext_i2d(crl, NID_crl_number, now, 0, 0) == 1;

	ASN1_INTEGER_free(before);
	ASN1_INTEGER_free(now);
	BN_free(n);
	return done;
}

static bool key_identifier(X509_CRL *crl, X509 *issuer)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;
	bool done;

	X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
	done = extension && X509_CRL_add_ext(crl, extension, -1);
	X509_EXTENSION_free(extension);
	return done;
}

X509_CRL *mqg_pki_crl_next(const struct mqg_pki_authority *authority, X509 *revoked, int reason,
			   unsigned int days)
{
	ASN1_TIME *now = X509_gmtime_adj(NULL, 0), *next = X509_gmtime_adj(NULL, days * 86400L);
	X509_CRL *crl = X509_CRL_new();
	bool done = now && next && crl && X509_CRL_set_version(crl, X509_CRL_VERSION_2) &&
		    X509_CRL_set_issuer_name(crl, X509_get_subject_name(authority->cert)) &&
		    X509_CRL_set1_lastUpdate(crl, now) && X509_CRL_set1_nextUpdate(crl, next) &&
		    copy(crl, authority->crl) && (!revoked || add(crl, revoked, reason, now)) &&
		    X509_CRL_sort(crl) && number(crl, authority->crl) &&
		    key_identifier(crl, authority->cert) &&
		    X509_CRL_sign(crl, authority->key, mqg_pki_key_digest(authority->key));

	ASN1_TIME_free(now);
	ASN1_TIME_free(next);
	if (done)
		return crl;
	X509_CRL_free(crl);
	return NULL;
}

int mqg_pki_crl_write(const struct mqg_pki_dir *dir, X509_CRL *lists[2], char *why, size_t size)
{
	BIO *text = BIO_new(BIO_s_mem());
	int err = -1;

	snprintf(why, size, "%s/crl.pem: no memory", dir->path);
	if (text && PEM_write_bio_X509_CRL(text, lists[0]) == 1 &&
	    PEM_write_bio_X509_CRL(text, lists[1]) == 1)
		err = mqg_pki_write(dir, "crl.pem", 0644, text, true, why, size);
	BIO_free(text);
	return err;
}

int mqg_pki_crl_read(const struct mqg_pki_dir *dir, X509_CRL *lists[2], char *why, size_t size)
{
	BIO *bio = mqg_pki_read(dir, "crl.pem", why, size);

	if (!bio)
		return -1;
	lists[0] = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
	lists[1] = lists[0] ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	if (lists[1])
		return 0;
	/* Writing a list without what was revoked before would take revocations back. */
	snprintf(why, size, "%s/crl.pem: does not hold the two lists of this PKI; put the file "
		 "back from where it was copied", dir->path);
	X509_CRL_free(lists[0]);
	lists[0] = NULL;
	return -1;
}
