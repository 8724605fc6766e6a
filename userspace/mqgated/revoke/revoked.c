/* SPDX-License-Identifier: BSD-2-Clause */
/* The list itself; see revoked.h. Making one is the main thread's, reading it anybody's. */
#include "revoke/revoked.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>

#include "proxy/identity.h"

/* RFC 5280, 4.1.2.2: a serial number has at most 20 bytes. */
#define SERIAL_DIGITS		40
#define FINGERPRINT_DIGITS	64

static const char *const words[] = { "identity", "serial", "fingerprint" };

const char *mqg_revoked_word(enum mqg_revoked_kind kind)
{
	return words[kind];
}

int mqg_revoked_parse(const char *word)
{
	for (int i = 0; i < MQG_REVOKED_KINDS; i++)
		if (!strcmp(word, words[i]))
			return i;
	return -1;
}

static int normal_hex(enum mqg_revoked_kind kind, const char *value, char **out)
{
	char digits[FINGERPRINT_DIGITS + 1];
	size_t n = 0, most = kind == MQG_REVOKED_SERIAL ? SERIAL_DIGITS : FINGERPRINT_DIGITS;

	if (value[0] == '0' && (value[1] == 'x' || value[1] == 'X'))
		value += 2;
	for (; *value; value++) {
		if (*value == ':')
			continue;
		if (!isxdigit((unsigned char)*value))
			return -EINVAL;
		if (kind == MQG_REVOKED_SERIAL && !n && *value == '0' && value[1])
			continue;
		if (n == most)
			return -EINVAL;
		digits[n++] = (char)tolower((unsigned char)*value);
	}
	if (!n || (kind == MQG_REVOKED_FINGERPRINT && n != most))
		return -EINVAL;
	digits[n] = '\0';
	*out = strdup(digits);
	return *out ? 0 : -ENOMEM;
}

int mqg_revoked_normal(enum mqg_revoked_kind kind, const char *value, char **out)
{
	*out = NULL;
	if (kind != MQG_REVOKED_IDENTITY)
		return normal_hex(kind, value, out);
	if (!*value || strlen(value) > MQG_IDENTITY_MAX)
		return -EINVAL;
	/* No identity has a control character, and the file has one a line. */
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return -EINVAL;
	*out = strdup(value);
	return *out ? 0 : -ENOMEM;
}

static int compare(const struct mqg_revocation *item, enum mqg_revoked_kind kind,
		   const char *value)
{
	if (item->kind != kind)
		return item->kind < kind ? -1 : 1;
	return strcmp(item->value, value);
}

/* The place of @kind and @value, or where they would be. */
static size_t place(const struct mqg_revoked *list, enum mqg_revoked_kind kind, const char *value)
{
	size_t low = 0, high = list ? list->n : 0;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare(&list->item[mid], kind, value) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct mqg_revocation *mqg_revoked_find(const struct mqg_revoked *list,
					      enum mqg_revoked_kind kind, const char *value)
{
	size_t at = place(list, kind, value);

	if (!list || at == list->n || compare(&list->item[at], kind, value))
		return NULL;
	return &list->item[at];
}

static bool has(const struct mqg_revoked *list, enum mqg_revoked_kind kind)
{
	size_t at = place(list, kind, "");

	return at < list->n && list->item[at].kind == kind;
}

static bool listed_serial(const struct mqg_revoked *list, X509 *cert)
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = number ? BN_bn2hex(number) : NULL, *normal = NULL;
	bool listed = true;

	/* A serial number longer than any that can be listed is not listed. */
	if (hex && mqg_revoked_normal(MQG_REVOKED_SERIAL, hex, &normal) != -ENOMEM)
		listed = normal && mqg_revoked_find(list, MQG_REVOKED_SERIAL, normal);
	free(normal);
	OPENSSL_free(hex);
	BN_free(number);
	return listed;
}

static bool listed_identity(const struct mqg_revoked *list, enum mqg_revoked_kind kind,
			    X509 *cert, enum mqg_identity_from from)
{
	char *identity;
	int err = mqg_identity_get(cert, from, &identity);
	bool listed;

	/* Without a usable identity it is nobody, and will be told so. */
	if (err)
		return err == -ENOMEM;
	listed = mqg_revoked_find(list, kind, identity);
	free(identity);
	return listed;
}

bool mqg_revoked_certificate(const struct mqg_revoked *list, X509 *cert,
			     enum mqg_identity_from from)
{
	if (!list || !list->n)
		return false;
	if (has(list, MQG_REVOKED_SERIAL) && listed_serial(list, cert))
		return true;
	if (has(list, MQG_REVOKED_FINGERPRINT) &&
	    listed_identity(list, MQG_REVOKED_FINGERPRINT, cert, MQG_FROM_FINGERPRINT))
		return true;
	return has(list, MQG_REVOKED_IDENTITY) &&
	       listed_identity(list, MQG_REVOKED_IDENTITY, cert, from);
}

bool mqg_revoked_has(const struct mqg_revoked *list, const struct mqg_revoked_facts *facts)
{
	return (facts->serial && mqg_revoked_find(list, MQG_REVOKED_SERIAL, facts->serial)) ||
	       (facts->fingerprint &&
		mqg_revoked_find(list, MQG_REVOKED_FINGERPRINT, facts->fingerprint)) ||
	       (facts->identity && mqg_revoked_find(list, MQG_REVOKED_IDENTITY, facts->identity));
}

static int copy(const struct mqg_revocation *from, struct mqg_revocation *to)
{
	*to = *from;
	to->value = strdup(from->value);
	to->text = strdup(from->text);
	return to->value && to->text ? 0 : -ENOMEM;
}

/* Copies @list with @item at @at, in place of @skip items. */
static int rebuild(const struct mqg_revoked *list, size_t at, size_t skip,
		   const struct mqg_revocation *item, struct mqg_revoked **out)
{
	size_t had = list ? list->n : 0;
	struct mqg_revoked *made = calloc(1, sizeof(*made));
	int err = 0;

	*out = NULL;
	if (made)
		made->item = calloc(had + 1, sizeof(*made->item));
	if (!made || !made->item) {
		free(made);
		return -ENOMEM;
	}
	for (size_t i = 0; i <= had && !err; i++) {
		if (i == at && item)
			err = copy(item, &made->item[made->n++]);
		if (!err && i < had && (i < at || i >= at + skip))
			err = copy(&list->item[i], &made->item[made->n++]);
	}
	if (err)
		mqg_revoked_free(made);
	else
		*out = made;
	return err;
}

int mqg_revoked_with(const struct mqg_revoked *list, const struct mqg_revocation *item,
		     struct mqg_revoked **out)
{
	return rebuild(list, place(list, item->kind, item->value),
		       mqg_revoked_find(list, item->kind, item->value) != NULL, item, out);
}

int mqg_revoked_without(const struct mqg_revoked *list, enum mqg_revoked_kind kind,
			const char *value, struct mqg_revoked **out)
{
	*out = NULL;
	if (!mqg_revoked_find(list, kind, value))
		return -ENOENT;
	return rebuild(list, place(list, kind, value), 1, NULL, out);
}

void mqg_revoked_free(struct mqg_revoked *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->n; i++) {
		free(list->item[i].value);
		free(list->item[i].text);
	}
	free(list->item);
	free(list);
}
