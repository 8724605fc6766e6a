// SPDX-License-Identifier: BSD-2-Clause
/*
 * Issues client certificates that openssl(1) will not: names given in hex (with an embedded NUL,
 * say), and as many as wanted. `oddcert CA.pem CA.key OUT KIND:HEX...` writes OUT.pem and OUT.key;
 * KIND is cn, or dns, uri or email of subjectAltName. Only the scripts of this directory call it.
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

static void add_cn(X509_NAME *name, const unsigned char *text, long len)
{
	if (!X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING, text, (int)len, -1,
					0))
		errx(1, "cannot add a common name");
}

static void add_alternative(GENERAL_NAMES *names, int type, const unsigned char *text, long len)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *string = ASN1_IA5STRING_new();

	if (!name || !string || !ASN1_STRING_set(string, text, (int)len))
		errx(1, "no memory");
	GENERAL_NAME_set0_value(name, type, string);
	if (!sk_GENERAL_NAME_push(names, name))
		errx(1, "no memory");
}

/* "KIND:HEX" */
static void add(X509_NAME *subject, GENERAL_NAMES *alternatives, const char *what)
{
	static const struct { const char *word; int type; } kinds[] = {
		{ "cn:", -1 }, { "dns:", GEN_DNS }, { "uri:", GEN_URI }, { "email:", GEN_EMAIL },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i].word);
		unsigned char *text;
		long len;

		if (strncmp(what, kinds[i].word, n))
			continue;
		text = OPENSSL_hexstr2buf(what + n, &len);
		if (!text)
			errx(1, "%s: not a name in hex", what);
		if (kinds[i].type < 0)
			add_cn(subject, text, len);
		else
			add_alternative(alternatives, kinds[i].type, text, len);
		OPENSSL_free(text);
		return;
	}
	errx(2, "%s: not KIND:HEX", what);
}

int main(int argc, char **argv)
{
	FILE *f;
	X509 *ca, *cert = X509_new();
	EVP_PKEY *ca_key, *key = EVP_EC_gen("P-256");
	GENERAL_NAMES *alternatives = GENERAL_NAMES_new();
	int i;

	if (argc < 5)
		errx(2, "oddcert CA.pem CA.key OUT KIND:HEX...");
	f = file(argv[1], "", "r");
	ca = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	f = file(argv[2], "", "r");
	ca_key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	if (!ca || !ca_key || !cert || !key || !alternatives)
		errx(1, "cannot read the CA");

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 777);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 24 * 3600);
	X509_set_issuer_name(cert, X509_get_subject_name(ca));
	for (i = 4; i < argc; i++)
		add(X509_get_subject_name(cert), alternatives, argv[i]);
	if (sk_GENERAL_NAME_num(alternatives) &&
	    X509_add1_ext_i2d(cert, NID_subject_alt_name, alternatives, 0, 0) != 1)
		errx(1, "cannot add names");
	X509_set_pubkey(cert, key);
	if (!X509_sign(cert, ca_key, EVP_sha256()))
		errx(1, "cannot sign");

	f = file(argv[3], ".pem", "w");
	PEM_write_X509(f, cert);
	fclose(f);
	f = file(argv[3], ".key", "w");
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	GENERAL_NAMES_free(alternatives);
	X509_free(cert);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
	return 0;
}
