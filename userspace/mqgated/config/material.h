/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of a TLS listener hold, read once and checked together: so that what was found
 * good is what is used, and a file that is replaced meanwhile is used whole or not at all. Main
 * thread only: the workers have copies of their own (proxy/tls.c).
 */
#ifndef MQG_CONFIG_MATERIAL_H
#define MQG_CONFIG_MATERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "config/key.h"

/*
 * Paths; @crl may be NULL, and may be a directory. @certificate may be NULL, and then @key is: of
 * one who shows none. @key may be the name of one in a token or TPM (see key.h), with @pin_file;
 * NULL: none. @ca_remedy: what @client_ca should hold; NULL: the devices' CA.
 */
struct mqg_material_files {
	const char			*certificate, *key, *pin_file, *client_ca, *crl;
	const struct mqg_hardware	*hardware;
	const char			*ca_remedy;
};

/**
 * struct mqg_crls - revocation lists
 * @list:        all that were read
 * @stamp:       changes when a file is replaced, written, added or removed
 * @first_out:   when the first of the lists that count is out of date (nextUpdate); 0 = never. Of
 *               one issuer only the newest list counts
 * @first_issued: when that one was issued
 */
struct mqg_crls {
	STACK_OF(X509_CRL)	*list;
	uint64_t		stamp;
	time_t			first_out, first_issued;
};

/**
 * struct mqg_material - all of it
 * @certificate: the server's
 * @chain:       its intermediates
 * @key:         of @certificate
 * @authorities: CA certificates that vouch for clients
 * @crls:        NULL where no list is configured
 */
struct mqg_material {
	X509			*certificate;
	STACK_OF(X509)		*chain;
	struct mqg_key		key;
	STACK_OF(X509)		*authorities;
	struct mqg_crls		*crls;
};

/**
 * mqg_material_load() - read the files of a listener
 * @files:    their paths
 * @kept_key: the key that was read from the same place before, or NULL: see mqg_key_load()
 * @out:      mqg_material_free() it
 * @which:    out on error: "certificate", "key", "pin_file", "client_ca" or "crl"
 * @why:      out on error: "FILE: what is wrong; remedy"
 * @size:     of @why
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int mqg_material_load(const struct mqg_material_files *files, const struct mqg_key *kept_key,
		      struct mqg_material **out, const char **which, char *why, size_t size);
void mqg_material_free(struct mqg_material *material);

/* @ctx shows a copy of its certificate and chain, and signs with its key. Any thread. */
bool mqg_material_show(const struct mqg_material *material, SSL_CTX *ctx);

/**
 * mqg_crls_load() - read a file of lists, or every file of a directory
 * @path: names that begin with a dot are no lists: a list may be written there and renamed
 * @out:  mqg_crls_free() it
 * @why:  out on error: "FILE: what is wrong; remedy"
 * @size: of @why
 *
 * Files are in PEM form with one list or more, or in DER form with one.
 * Return: 0, -EINVAL or -ENOMEM.
 */
int mqg_crls_load(const char *path, struct mqg_crls **out, char *why, size_t size);
void mqg_crls_free(struct mqg_crls *crls);

/* True where one of them is signed by one of @authorities. */
bool mqg_crls_belong(const struct mqg_crls *crls, STACK_OF(X509) *authorities);

/* The stamp of what is at @path now; 0 where it cannot be read. */
uint64_t mqg_crls_stamp(const char *path);

#endif
