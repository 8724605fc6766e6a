/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks certificate, key, CA and CRL files of a TLS listener. Called by the configuration's
 * checking pass in the main thread; no lock.
 */
#include "config/tlsfiles.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

struct tls_check {
	const struct mqg_complaint	*complaint;
	const char			*path;	/* of the tls mapping */
};

__attribute__((format(printf, 3, 4))) static int refuse(const struct tls_check *check,
							const char *key, const char *format, ...)
{
	char path[MQG_PATH_MAX], text[512];
	va_list args;

	snprintf(path, sizeof(path), "%s.%s", check->path, key);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ERR_clear_error();
	return mqg_complain(check->complaint, path, "%s", text);
}

static FILE *open_file(const struct tls_check *check, const char *key, const char *name)
{
	FILE *file = fopen(name, "re");

	if (!file)
		refuse(check, key, "%s: %s; %s", name, strerror(errno),
		       errno == EACCES ? "mqgated must be able to read it when it starts"
				       : "write the path of a PEM file");
	return file;
}

/* A key with a passphrase must not ask at the terminal of a service. */
static int no_passphrase(char *buf, int size, int rwflag, void *asked)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	*(bool *)asked = true;
	return -1;
}

static int check_pair(const struct tls_check *check, const struct raw_tls *tls)
{
	bool asked = false;
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	FILE *file;
	int err;

	file = open_file(check, "certificate", tls->certificate);
	if (!file)
		return -EINVAL;
	cert = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	if (!cert)
		return refuse(check, "certificate", "%s: holds no PEM certificate; write the "
						    "server's certificate, then its intermediates",
			      tls->certificate);
	err = -EINVAL;
	file = open_file(check, "key", tls->key);
	if (!file)
		goto out;
	key = PEM_read_PrivateKey(file, NULL, no_passphrase, &asked);
	fclose(file);
	if (!key && asked)
		refuse(check, "key", "%s: needs a passphrase; store it without one, mode 0600",
		       tls->key);
	else if (!key)
		refuse(check, "key", "%s: holds no PEM private key; write the key of the "
				     "certificate", tls->key);
	else if (X509_check_private_key(cert, key) != 1)
		refuse(check, "key", "%s: does not belong to the certificate %s; name the key it "
				     "was issued for", tls->key, tls->certificate);
	else
		err = 0;
out:
	EVP_PKEY_free(key);
	X509_free(cert);
	return err;
}

/* Reads every certificate and CRL of a PEM file. */
static STACK_OF(X509_INFO) *read_all(const struct tls_check *check, const char *key,
				     const char *name)
{
	STACK_OF(X509_INFO) *list;
	FILE *file = open_file(check, key, name);

	if (!file)
		return NULL;
	list = PEM_X509_INFO_read(file, NULL, NULL, NULL);
	fclose(file);
	if (!list)
		refuse(check, key, "%s: cannot be parsed; write a file in PEM form", name);
	return list;
}

static bool issued_by(X509_CRL *crl, STACK_OF(X509_INFO) *authorities)
{
	for (int i = 0; i < sk_X509_INFO_num(authorities); i++) {
		X509 *ca = sk_X509_INFO_value(authorities, i)->x509;

		if (ca && !X509_NAME_cmp(X509_get_subject_name(ca), X509_CRL_get_issuer(crl)) &&
		    X509_CRL_verify(crl, X509_get0_pubkey(ca)) == 1)
			return true;
	}
	return false;
}

static int check_crl(const struct tls_check *check, const struct raw_tls *tls,
		     STACK_OF(X509_INFO) *authorities)
{
	STACK_OF(X509_INFO) *list = read_all(check, "crl", tls->crl);
	bool found = false;
	int crls = 0;

	if (!list)
		return -EINVAL;
	for (int i = 0; i < sk_X509_INFO_num(list); i++) {
		X509_CRL *crl = sk_X509_INFO_value(list, i)->crl;

		if (!crl)
			continue;
		crls++;
		found = found || issued_by(crl, authorities);
	}
	sk_X509_INFO_pop_free(list, X509_INFO_free);
	if (!crls)
		return refuse(check, "crl", "%s: holds no PEM certificate revocation list; write "
					    "one, or leave crl out to check no revocation",
			      tls->crl);
	if (!found)
		return refuse(check, "crl", "%s: no list in it is signed by a CA of %s; write the "
					    "list of that CA", tls->crl, tls->client_ca);
	ERR_clear_error();
	return 0;
}

static int check_authorities(const struct tls_check *check, const struct raw_tls *tls)
{
	STACK_OF(X509_INFO) *list = read_all(check, "client_ca", tls->client_ca);
	int certificates = 0, err = 0;

	if (!list)
		return -EINVAL;
	for (int i = 0; i < sk_X509_INFO_num(list); i++)
		certificates += sk_X509_INFO_value(list, i)->x509 != NULL;
	if (!certificates)
		err = refuse(check, "client_ca", "%s: holds no PEM certificate; write the CA that "
						 "issues the devices' certificates",
			     tls->client_ca);
	else if (tls->crl)
		err = check_crl(check, tls, list);
	sk_X509_INFO_pop_free(list, X509_INFO_free);
	return err;
}

int mqg_tls_files_check(const struct mqg_complaint *complaint, const char *path,
			const struct raw_tls *tls)
{
	struct tls_check check = { .complaint = complaint, .path = path };
	int err = check_pair(&check, tls);

	return err ? err : check_authorities(&check, tls);
}
