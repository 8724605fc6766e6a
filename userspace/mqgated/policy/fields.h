/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is known of a client and may be named in policies, to choose them (match) and to fill
 * variables (${cn}). Read once a client, on its worker's thread; the values live until
 * mqg_fields_free().
 */
#ifndef MQG_POLICY_FIELDS_H
#define MQG_POLICY_FIELDS_H

#include "policy/rights.h"

/* X(symbol, member, word) */
#define MQG_FIELD_LIST(X)			\
	X(IDENTITY, identity, "identity")	\
	X(CLIENT_ID, client_id, "client_id")	\
	X(USERNAME, username, "username")	\
	X(LISTENER, listener, "listener")	\
	X(CN, cn, "cn")				\
	X(O, o, "o")				\
	X(OU, ou, "ou")				\
	X(C, c, "c")				\
	X(SERIAL, serial, "serial")		\
	X(ISSUER_CN, issuer_cn, "issuer.cn")	\
	X(ISSUER_O, issuer_o, "issuer.o")	\
	X(SAN_DNS, san_dns, "san.dns")		\
	X(SAN_URI, san_uri, "san.uri")		\
	X(SAN_EMAIL, san_email, "san.email")	\
	X(FINGERPRINT, fingerprint, "fingerprint")

enum mqg_field {
#define MQG_FIELD_ENUM(symbol, member, word) MQG_FIELD_##symbol,
	MQG_FIELD_LIST(MQG_FIELD_ENUM)
#undef MQG_FIELD_ENUM
	MQG_FIELDS,
};

#define MQG_FIELD_BIT(field)	(1U << (field))

/* One value; a name in a certificate may have several. */
struct mqg_value {
	struct mqg_value	*next;
	size_t			len;
	bool			odd;		/* read in several ways, or with a NUL */
	char			text[];		/* and a NUL behind it */
};

struct mqg_fields {
	struct mqg_value	*of[MQG_FIELDS];
};

const char *mqg_field_word(enum mqg_field field);
/* -EINVAL: there is no such field. */
int mqg_field_parse(const char *word, size_t len);

/* Those of @wanted (bits) that @subject has. Return: 0 or -ENOMEM. */
int mqg_fields_read(const struct mqg_subject *subject, uint32_t wanted, struct mqg_fields *fields);
void mqg_fields_free(struct mqg_fields *fields);

#endif
