/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Certificates, keys and CAs of a TLS listener, read and compared. Called by the configuration's
 * checking pass in the main thread; no lock.
 */
#include "config/material.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

struct loading {
	const struct mqg_material_files	*files;
	struct mqg_material		*material;
	const char			**which;
	char				*why;
	size_t				size;
};

__attribute__((format(printf, 3, 4))) static int refuse(const struct loading *l, const char *which,
							const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(l->why, l->size, format, args);
	va_end(args);
	*l->which = which;
	ERR_clear_error();
	return -EINVAL;
}

static int cannot_open(const struct loading *l, const char *which, const char *name, int error)
{
	return refuse(l, which, "%s: %s; %s", name, strerror(error),
		      error == EACCES ? "mqgated must be able to read it, as root when it starts "
					"and as its user when it reloads"
				      : "write the path of a PEM file");
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

/* Every certificate of a PEM file; NULL after a complaint. */
static STACK_OF(X509) *read_certificates(const struct loading *l, const char *which,
					 const char *name, const char *remedy)
{
	STACK_OF(X509) *list = sk_X509_new_null();
	FILE *file = fopen(name, "re");
	bool asked = false;
	unsigned long end;
	X509 *cert;

	if (!file || !list) {
		if (!file)
			cannot_open(l, which, name, errno);
		else
			fclose(file);
		sk_X509_free(list);
		return NULL;
	}
	while ((cert = PEM_read_X509(file, NULL, no_passphrase, &asked)) &&
	       sk_X509_push(list, cert))
		;
	fclose(file);
	end = ERR_peek_last_error();
	ERR_clear_error();
	if (!cert && sk_X509_num(list) && ERR_GET_REASON(end) == PEM_R_NO_START_LINE)
		return list;
	if (cert)
		X509_free(cert);
	else if (sk_X509_num(list))
		refuse(l, which, "%s: a certificate in it is damaged; %s", name, remedy);
	else
		refuse(l, which, "%s: holds no PEM certificate; %s", name, remedy);
	sk_X509_pop_free(list, X509_free);
	return NULL;
}

static int load_own(const struct loading *l, const struct mqg_key *kept)
{
	const struct mqg_material_files *files = l->files;
	const struct mqg_key_source source = { files->key, files->pin_file, files->certificate,
					       files->hardware };
	struct mqg_material *m = l->material;

	m->chain = read_certificates(l, "certificate", files->certificate,
				     "write the server's certificate, then its intermediates");
	if (!m->chain)
		return *l->which ? -EINVAL : -ENOMEM;
	m->certificate = sk_X509_shift(m->chain);
	return mqg_key_load(&source, m->certificate, kept, &m->key, l->which, l->why, l->size);
}

static int load_all(const struct loading *l, const struct mqg_key *kept)
{
	const struct mqg_material_files *files = l->files;
	struct mqg_material *m = l->material;
	int err = 0;

	if (files->certificate)
		err = load_own(l, kept);
	if (err)
		return err;
	m->authorities = read_certificates(l, "client_ca", files->client_ca, files->ca_remedy ?
					   files->ca_remedy :
					   "write the CA that issues the devices' certificates");
	if (!m->authorities)
		return *l->which ? -EINVAL : -ENOMEM;
	if (!files->crl)
		return 0;
	err = mqg_crls_load(files->crl, &m->crls, l->why, l->size);
	if (err == -EINVAL)
		*l->which = "crl";
	return err;
}

int mqg_material_load(const struct mqg_material_files *files, const struct mqg_key *kept_key,
		      struct mqg_material **out, const char **which, char *why, size_t size)
{
	struct loading l = { files, calloc(1, sizeof(*l.material)), which, why, size };
	int err;

	*out = NULL;
	*which = NULL;
	if (!l.material)
		return -ENOMEM;
	err = load_all(&l, kept_key);
	if (err) {
		mqg_material_free(l.material);
		return err;
	}
	*out = l.material;
	return 0;
}

void mqg_material_free(struct mqg_material *m)
{
	if (!m)
		return;
	X509_free(m->certificate);
	sk_X509_pop_free(m->chain, X509_free);
	mqg_key_free(&m->key);
	sk_X509_pop_free(m->authorities, X509_free);
	mqg_crls_free(m->crls);
	free(m);
}

bool mqg_material_show(const struct mqg_material *m, SSL_CTX *ctx)
{
	STACK_OF(X509) *chain = sk_X509_deep_copy(m->chain, X509_dup, X509_free);
	X509 *certificate = X509_dup(m->certificate);
	EVP_PKEY *key = mqg_key_share(&m->key);
	bool fine = chain && certificate && key &&
		    SSL_CTX_use_cert_and_key(ctx, certificate, key, chain, 1) == 1;

	sk_X509_pop_free(chain, X509_free);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return fine;
}
