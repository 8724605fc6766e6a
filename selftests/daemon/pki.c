/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes the files that a TLS listener names, good ones and bad ones. One thread, no lock. */
#include "pki.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static void must(int fine, const char *what)
{
	if (fine)
		return;
	fprintf(stderr, "# pki: %s\n", what);
	exit(1);
}

static FILE *create(const char *dir, const char *name)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	must(file != NULL, path);
	return file;
}

static void write_key(const char *dir, const char *name, EVP_PKEY *key, const EVP_CIPHER *cipher)
{
	FILE *file = create(dir, name);

	must(PEM_write_PrivateKey(file, key, cipher, (unsigned char *)(cipher ? "secret" : NULL),
				  cipher ? 6 : 0, NULL, NULL), name);
	fclose(file);
}

static X509 *certify(EVP_PKEY *key, const char *subject, EVP_PKEY *ca_key, const char *issuer)
{
	X509_NAME *name = X509_NAME_new();
	X509 *cert = X509_new();

	must(name && cert && X509_set_version(cert, 2) &&
	     ASN1_INTEGER_set(X509_get_serialNumber(cert), 7) &&
	     X509_gmtime_adj(X509_getm_notBefore(cert), -3600) &&
	     X509_gmtime_adj(X509_getm_notAfter(cert), 86400) && X509_set_pubkey(cert, key),
	     "certificate");
	must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)subject,
					-1, -1, 0) && X509_set_subject_name(cert, name), subject);
	X509_NAME_free(name);
	name = X509_NAME_new();
	must(name && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
						(const unsigned char *)issuer, -1, -1, 0) &&
	     X509_set_issuer_name(cert, name) && X509_sign(cert, ca_key, EVP_sha256()), issuer);
	X509_NAME_free(name);
	return cert;
}

static void write_cert(const char *dir, const char *name, X509 *cert)
{
	FILE *file = create(dir, name);

	must(PEM_write_X509(file, cert), name);
	fclose(file);
}

static void write_crl(const char *dir, const char *name, X509 *ca, EVP_PKEY *key)
{
	FILE *file = create(dir, name);
	ASN1_TIME *now = X509_gmtime_adj(NULL, 0), *next = X509_gmtime_adj(NULL, 86400);
	X509_CRL *crl = X509_CRL_new();

	must(crl && now && next && X509_CRL_set_version(crl, 1) &&
	     X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca)) &&
	     X509_CRL_set1_lastUpdate(crl, now) && X509_CRL_set1_nextUpdate(crl, next) &&
	     X509_CRL_sign(crl, key, EVP_sha256()) && PEM_write_X509_CRL(file, crl), name);
	ASN1_TIME_free(now);
	ASN1_TIME_free(next);
	X509_CRL_free(crl);
	fclose(file);
}

void pki_make(const char *dir)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	EVP_PKEY *other_key = EVP_EC_gen("P-256");
	X509 *ca, *other, *server;
	FILE *file;

	must(ca_key && key && other_key, "keys");
	ca = certify(ca_key, "device CA", ca_key, "device CA");
	/* The same name: only the signature tells that its list is not the CA's. */
	other = certify(other_key, "device CA", other_key, "device CA");
	server = certify(key, "gateway", ca_key, "device CA");
	write_cert(dir, "ca.pem", ca);
	write_cert(dir, "otherca.pem", other);
	write_cert(dir, "server.pem", server);
	write_key(dir, "server.key", key, NULL);
	write_key(dir, "other.key", other_key, NULL);
	write_key(dir, "locked.key", key, EVP_aes_128_cbc());
	write_crl(dir, "crl.pem", ca, ca_key);
	write_crl(dir, "othercrl.pem", other, other_key);
	file = create(dir, "junk");
	fputs("neither certificate nor key\n", file);
	fclose(file);
	X509_free(ca);
	X509_free(other);
	X509_free(server);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
}
