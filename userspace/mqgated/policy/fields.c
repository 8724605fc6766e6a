// SPDX-License-Identifier: BSD-2-Clause
/* What is known of a client; see fields.h. */
#include "policy/fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

static const char *const words[MQG_FIELDS] = {
#define WORD(symbol, member, word) word,
	MQG_FIELD_LIST(WORD)
#undef WORD
};

const char *mqg_field_word(enum mqg_field field)
{
	return words[field];
}

int mqg_field_parse(const char *word, size_t len)
{
	for (int i = 0; i < MQG_FIELDS; i++)
		if (strlen(words[i]) == len && !memcmp(words[i], word, len))
			return i;
	return -EINVAL;
}

static int add(struct mqg_fields *fields, enum mqg_field field, const void *text, size_t len,
	       bool odd)
{
	struct mqg_value *value = malloc(sizeof(*value) + len + 1);

	if (!value)
		return -ENOMEM;
	value->next = fields->of[field];
	value->len = len;
	value->odd = odd || memchr(text, 0, len);
	memcpy(value->text, text, len);
	value->text[len] = '\0';
	fields->of[field] = value;
	return 0;
}

static int add_string(struct mqg_fields *fields, enum mqg_field field, const ASN1_STRING *string)
{
	int type = ASN1_STRING_type(string);

	/* The other string types read differently in different programs (RFC 5280, 4.1.2.4). */
	return add(fields, field, ASN1_STRING_get0_data(string),
		   (size_t)ASN1_STRING_length(string),
		   type != V_ASN1_UTF8STRING && type != V_ASN1_PRINTABLESTRING &&
		   type != V_ASN1_IA5STRING);
}

static int add_name(struct mqg_fields *fields, enum mqg_field field, const X509_NAME *name, int nid)
{
	int at = -1, err = 0;

	while (!err && (at = X509_NAME_get_index_by_NID(name, nid, at)) >= 0)
		err = add_string(fields, field,
				 X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	return err;
}

static int add_alternatives(struct mqg_fields *fields, uint32_t wanted, X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int err = 0;

	for (int i = 0; !err && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		enum mqg_field field = name->type == GEN_DNS ? MQG_FIELD_SAN_DNS :
				       name->type == GEN_URI ? MQG_FIELD_SAN_URI :
				       name->type == GEN_EMAIL ? MQG_FIELD_SAN_EMAIL : MQG_FIELDS;

		if (field < MQG_FIELDS && wanted & MQG_FIELD_BIT(field))
			err = add_string(fields, field, name->d.ia5);
	}
	GENERAL_NAMES_free(names);
	return err;
}

static int add_hex(struct mqg_fields *fields, enum mqg_field field, const uint8_t *bytes,
		   size_t len)
{
	char text[2 * EVP_MAX_MD_SIZE];

	if (len > EVP_MAX_MD_SIZE)
		return 0;
	for (size_t i = 0; i < len; i++) {
		text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	return add(fields, field, text, 2 * len, false);
}

static int add_certificate(struct mqg_fields *fields, uint32_t wanted, X509 *cert)
{
	const struct {
		enum mqg_field	field;
		X509_NAME	*name;
		int		nid;
	} names[] = {
		{ MQG_FIELD_CN, X509_get_subject_name(cert), NID_commonName },
		{ MQG_FIELD_O, X509_get_subject_name(cert), NID_organizationName },
		{ MQG_FIELD_OU, X509_get_subject_name(cert), NID_organizationalUnitName },
		{ MQG_FIELD_C, X509_get_subject_name(cert), NID_countryName },
		{ MQG_FIELD_ISSUER_CN, X509_get_issuer_name(cert), NID_commonName },
		{ MQG_FIELD_ISSUER_O, X509_get_issuer_name(cert), NID_organizationName },
	};
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len;
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(names) / sizeof(names[0]); i++)
		if (wanted & MQG_FIELD_BIT(names[i].field))
			err = add_name(fields, names[i].field, names[i].name, names[i].nid);
	if (!err && wanted & (MQG_FIELD_BIT(MQG_FIELD_SAN_DNS) | MQG_FIELD_BIT(MQG_FIELD_SAN_URI) |
			      MQG_FIELD_BIT(MQG_FIELD_SAN_EMAIL)))
		err = add_alternatives(fields, wanted, cert);
	if (!err && wanted & MQG_FIELD_BIT(MQG_FIELD_SERIAL))
		err = add_hex(fields, MQG_FIELD_SERIAL, ASN1_STRING_get0_data(serial),
			      (size_t)ASN1_STRING_length(serial));
	if (!err && wanted & MQG_FIELD_BIT(MQG_FIELD_FINGERPRINT) &&
	    X509_digest(cert, EVP_sha256(), digest, &len))
		err = add_hex(fields, MQG_FIELD_FINGERPRINT, digest, len);
	return err;
}

int mqg_fields_read(const struct mqg_subject *subject, uint32_t wanted, struct mqg_fields *fields)
{
	const struct {
		enum mqg_field	field;
		const char	*text;
	} plain[] = {
		{ MQG_FIELD_IDENTITY, subject->identity },
		{ MQG_FIELD_CLIENT_ID, subject->client_id },
		{ MQG_FIELD_USERNAME, subject->username },
		{ MQG_FIELD_LISTENER, subject->listener },
	};
	int err = 0;

	memset(fields, 0, sizeof(*fields));
	for (size_t i = 0; !err && i < sizeof(plain) / sizeof(plain[0]); i++)
		if (plain[i].text && wanted & MQG_FIELD_BIT(plain[i].field))
			err = add(fields, plain[i].field, plain[i].text, strlen(plain[i].text),
				  false);
	if (!err && subject->cert)
		err = add_certificate(fields, wanted, subject->cert);
	if (err)
		mqg_fields_free(fields);
	return err;
}

void mqg_fields_free(struct mqg_fields *fields)
{
	for (int i = 0; i < MQG_FIELDS; i++) {
		struct mqg_value *value = fields->of[i], *next;

		for (; value; value = next) {
			next = value->next;
			free(value);
		}
		fields->of[i] = NULL;
	}
}
