/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The certificates that the operator has revoked here, apart from what their CA says: by identity,
 * serial number or fingerprint. A list that has been made is never changed: workers read it without
 * a lock until they are given another one.
 */
#ifndef MQG_REVOKED_H
#define MQG_REVOKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <openssl/x509.h>

#include "config/config.h"

enum mqg_revoked_kind {
	MQG_REVOKED_IDENTITY,		/* as the listener's rule takes it from the certificate */
	MQG_REVOKED_SERIAL,		/* of whatever issuer; hex, lower case, no leading zeros */
	MQG_REVOKED_FINGERPRINT,	/* SHA-256 of the DER certificate, hex, lower case */
	MQG_REVOKED_KINDS
};

struct mqg_revocation {
	enum mqg_revoked_kind	kind;
	time_t			since;		/* wall clock */
	char			*value;
	char			*text;		/* the operator's; "" = none */
};

/* @item: sorted by kind and value */
struct mqg_revoked {
	size_t			n;
	struct mqg_revocation	*item;
};

/* "identity", "serial", "fingerprint"; -1 for another word. */
const char *mqg_revoked_word(enum mqg_revoked_kind kind);
int mqg_revoked_parse(const char *word);

/**
 * mqg_revoked_normal() - bring what an operator wrote into the list's form
 * @kind:  says which
 * @value: an identity as it is; a serial number as hex, with 0x or colons or without; a
 *         fingerprint likewise
 * @out:   free() it
 *
 * Return: 0, -EINVAL where it is none, or -ENOMEM.
 */
int mqg_revoked_normal(enum mqg_revoked_kind kind, const char *value, char **out);

/* What the list says of @kind and @value (in its form); NULL = nothing. @list may be NULL. */
const struct mqg_revocation *mqg_revoked_find(const struct mqg_revoked *list,
					      enum mqg_revoked_kind kind, const char *value);

/*
 * What it says of a certificate, whose identity is taken by the rule @from. A certificate whose
 * facts cannot be read for want of memory is taken for revoked. @list may be NULL.
 */
bool mqg_revoked_certificate(const struct mqg_revoked *list, X509 *cert,
			     enum mqg_identity_from from);

/* The same where the facts are known in the list's form; NULL = it has none. */
struct mqg_revoked_facts {
	const char	*identity, *serial, *fingerprint;
};
bool mqg_revoked_has(const struct mqg_revoked *list, const struct mqg_revoked_facts *facts);

/*
 * A copy with one more (replacing one of the same kind and value), or with one less (-ENOENT
 * where it is not there). @list may be NULL. 0 or -ENOMEM.
 */
int mqg_revoked_with(const struct mqg_revoked *list, const struct mqg_revocation *item,
		     struct mqg_revoked **out);
int mqg_revoked_without(const struct mqg_revoked *list, enum mqg_revoked_kind kind,
			const char *value, struct mqg_revoked **out);
void mqg_revoked_free(struct mqg_revoked *list);

/**
 * mqg_revoked_load() - read the list that was kept
 * @out:  the list; empty where there is no file
 * @why:  out on error: "FILE:LINE: what is wrong; remedy"
 * @size: of @why
 *
 * Return: 0, -EINVAL, -ENOMEM or another -errno.
 */
int mqg_revoked_load(struct mqg_revoked **out, char *why, size_t size);

/* Replaces the file as a whole, or leaves it as it is. Return: 0 or -errno with @why. */
int mqg_revoked_store(const struct mqg_revoked *list, char *why, size_t size);

#endif
