// SPDX-License-Identifier: BSD-2-Clause
/*
 * Certificate to identity. Stateless; any thread may call it.
 */
#include "proxy/identity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

/*
 * Takes one UTF-8 sequence (RFC 3629: shortest form, no surrogates, at most U+10FFFF) off @p.
 * Returns its code point, or -1.
 */
static int32_t take(const uint8_t **p, const uint8_t *end)
{
	static const int32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	uint8_t c = *(*p)++;
	int more, i;
	int32_t code;

	if (c < 0x80)
		return c;
	if (c >= 0xc2 && c < 0xe0) {
		more = 1;
		code = c & 0x1f;
	} else if (c >= 0xe0 && c < 0xf0) {
		more = 2;
		code = c & 0x0f;
	} else if (c >= 0xf0 && c < 0xf5) {
		more = 3;
		code = c & 0x07;
	} else {
		return -1;
	}
	if (more > end - *p)
		return -1;
	for (i = 0; i < more; i++) {
		c = *(*p)++;
		if ((c & 0xc0) != 0x80)
			return -1;
		code = code << 6 | (c & 0x3f);
	}
	if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return -1;
	return code;
}

static bool usable(const uint8_t *text, size_t len, enum mqg_identity_from from)
{
	const uint8_t *p = text, *end = text + len;

	if (len == 0 || len > MQG_IDENTITY_MAX)
		return false;
	while (p < end) {
		int32_t code = take(&p, end);

		if (code < 0x20 || (code >= 0x7f && code < 0xa0))
			return false;
		if (code == '+' || code == '#' || code == '*')
			return false;
		if (code == '/' && from != MQG_FROM_SAN_URI && from != MQG_FROM_SPIFFE)
			return false;
	}
	return true;
}

static int copy(const ASN1_STRING *string, enum mqg_identity_from from, char **out)
{
	const uint8_t *text = ASN1_STRING_get0_data(string);
	int type = ASN1_STRING_type(string);
	size_t len = ASN1_STRING_length(string), i;

	/* The other string types read differently in different programs (RFC 5280, 4.1.2.4). */
	if (type != V_ASN1_UTF8STRING && type != V_ASN1_PRINTABLESTRING &&
	    type != V_ASN1_IA5STRING)
		return -EINVAL;
	if (!usable(text, len, from))
		return -EINVAL;
	for (i = 0; type != V_ASN1_UTF8STRING && i < len; i++)
		if (text[i] >= 0x80)
			return -EINVAL;
	*out = strndup((const char *)text, len);
	return *out ? 0 : -ENOMEM;
}

static int from_cn(X509 *cert, char **out)
{
	X509_NAME *name = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);

	if (at < 0)
		return -ENOENT;
	if (X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
		return -EEXIST;
	return copy(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)), MQG_FROM_CN, out);
}

static int from_san(X509 *cert, enum mqg_identity_from from, char **out)
{
	int want = from == MQG_FROM_SAN_DNS ? GEN_DNS
		   : from == MQG_FROM_SAN_EMAIL ? GEN_EMAIL : GEN_URI;
	const ASN1_STRING *value = NULL;
	GENERAL_NAMES *names;
	int critical, i, err = 0;

	names = X509_get_ext_d2i(cert, NID_subject_alt_name, &critical, NULL);
	if (!names)
		return critical == -1 ? -ENOENT : critical == -2 ? -EEXIST : -EINVAL;
	for (i = 0; i < sk_GENERAL_NAME_num(names) && !err; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != want)
			continue;
		if (value)
			err = -EEXIST;
		value = name->d.ia5;
	}
	if (!err)
		err = value ? copy(value, from, out) : -ENOENT;
	GENERAL_NAMES_free(names);
	return err;
}

static char *put_hex(char *text, const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		*text++ = "0123456789abcdef"[bytes[i] >> 4];
		*text++ = "0123456789abcdef"[bytes[i] & 15];
	}
	*text = '\0';
	return text;
}

static int from_fingerprint(X509 *cert, char **out)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len;

	if (!X509_digest(cert, EVP_sha256(), digest, &len))
		return -EINVAL;
	*out = malloc(2 * len + 1);
	if (!*out)
		return -ENOMEM;
	put_hex(*out, digest, len);
	return 0;
}

/* The issuer by its DER: two printed names may look the same and be different. */
static int from_issuer_serial(X509 *cert, char **out)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len;
	char *at;

	/* At most 20 octets (RFC 5280, 4.1.2.2), and not negative. */
	if (ASN1_STRING_length(serial) > 20 || ASN1_STRING_length(serial) < 1 ||
	    ASN1_STRING_type(serial) != V_ASN1_INTEGER ||
	    !X509_NAME_digest(X509_get_issuer_name(cert), EVP_sha256(), digest, &len))
		return -EINVAL;
	*out = malloc(2 * len + 1 + 2 * 20 + 1);
	if (!*out)
		return -ENOMEM;
	at = put_hex(*out, digest, len);
	*at++ = '-';
	put_hex(at, ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
	return 0;
}

static size_t span(const char *text, const char *others)
{
	static const char common[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
	size_t n = 0;

	while (text[n] && (strchr(common, text[n]) || strchr(others, text[n])))
		n++;
	return n;
}

/* SPIFFE-ID, 2: spiffe://TRUST-DOMAIN/SEGMENT/..., without port, query, fragment, empty segment. */
static bool is_spiffe(const char *id)
{
	size_t n;

	if (strncmp(id, "spiffe://", 9))
		return false;
	id += 9;
	n = span(id, "");
	if (!n || id[n] != '/')
		return false;
	for (id += n; *id; id += n) {
		id++;
		n = span(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		if (!n || (id[n] && id[n] != '/') || (n == 1 && *id == '.') ||
		    (n == 2 && id[0] == '.' && id[1] == '.'))
			return false;
	}
	return true;
}

/* X509-SVID, 4.1: who authenticates by it is no CA. */
static int from_spiffe(X509 *cert, char **out)
{
	int err = from_san(cert, MQG_FROM_SPIFFE, out);

	if (err || (is_spiffe(*out) && !X509_check_ca(cert)))
		return err;
	free(*out);
	*out = NULL;
	return -EINVAL;
}

int mqg_identity_get(X509 *cert, enum mqg_identity_from from, char **out)
{
	*out = NULL;
	switch (from) {
	case MQG_FROM_CN:
		return from_cn(cert, out);
	case MQG_FROM_SAN_DNS:
	case MQG_FROM_SAN_URI:
	case MQG_FROM_SAN_EMAIL:
		return from_san(cert, from, out);
	case MQG_FROM_SPIFFE:
		return from_spiffe(cert, out);
	case MQG_FROM_FINGERPRINT:
		return from_fingerprint(cert, out);
	case MQG_FROM_ISSUER_SERIAL:
		return from_issuer_serial(cert, out);
	}
	return -EINVAL;
}

uint32_t mqg_identity_number(const char *identity)
{
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (!identity || !EVP_Digest(identity, strlen(identity), digest, NULL, EVP_sha256(), NULL))
		return 0;
	return (uint32_t)digest[0] << 24 | digest[1] << 16 | digest[2] << 8 | digest[3];
}
