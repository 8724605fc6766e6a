// SPDX-License-Identifier: BSD-2-Clause
/*
 * Issues client certificates that openssl(1) will not: a common name given in hex (with an embedded
 * NUL, say), or more than one. `oddcert CA.pem CA.key OUT HEX...` writes OUT.pem and OUT.key. Only
 * the scripts of this directory call it.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static FILE *file(const char *name, const char *suffix, const char *mode)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", name, suffix);
	f = fopen(path, mode);
	if (!f)
		err(1, "%s", path);
	return f;
}

static void add_name(X509_NAME *name, const char *hex)
{
	long len;
	unsigned char *text = OPENSSL_hexstr2buf(hex, &len);

	if (!text || !X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING, text, len,
						 -1, 0))
		errx(1, "%s: not a name in hex", hex);
	OPENSSL_free(text);
}

int main(int argc, char **argv)
{
	FILE *f;
	X509 *ca, *cert = X509_new();
	EVP_PKEY *ca_key, *key = EVP_EC_gen("P-256");
	int i;

	if (argc < 5)
		errx(2, "oddcert CA.pem CA.key OUT HEX...");
	f = file(argv[1], "", "r");
	ca = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	f = file(argv[2], "", "r");
	ca_key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	if (!ca || !ca_key || !cert || !key)
		errx(1, "cannot read the CA");

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 777);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 24 * 3600);
	X509_set_issuer_name(cert, X509_get_subject_name(ca));
	for (i = 4; i < argc; i++)
		add_name(X509_get_subject_name(cert), argv[i]);
	X509_set_pubkey(cert, key);
	if (!X509_sign(cert, ca_key, EVP_sha256()))
		errx(1, "cannot sign");

	f = file(argv[3], ".pem", "w");
	PEM_write_X509(f, cert);
	fclose(f);
	f = file(argv[3], ".key", "w");
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	X509_free(cert);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
	return 0;
}
