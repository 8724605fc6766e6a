// SPDX-License-Identifier: BSD-2-Clause
/*
 * What `mqgate pki` lets into a certificate as a name. Called by the verbs of pki.c.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "mqgate/pki.h"

#define CN_MAX		64	/* ub-common-name (RFC 5280, appendix A) */
#define NAME_MAX_BYTES	255
#define FILE_NAME_MAX	100

static bool only(const char *value, const char *others)
{
	for (const unsigned char *p = (const unsigned char *)value; *p; p++)
		if (*p > 0x7e || (!isalnum(*p) && !strchr(others, *p)))
			return false;
	return *value;
}

bool mqg_pki_file_name(const char *name)
{
	return *name != '.' && *name != '-' && strlen(name) <= FILE_NAME_MAX &&
	       only(name, "._-:@");
}

static bool utf8(const char *text)
{
	json_t *string = json_string(text);
	bool fine = string != NULL;

	json_decref(string);
	return fine;
}

int mqg_pki_cn_check(const char *cn, char *why, size_t size)
{
	size_t characters = 0;

	if (!utf8(cn)) {
		snprintf(why, size, "cn: is not well-formed UTF-8");
		return -EINVAL;
	}
	for (const unsigned char *p = (const unsigned char *)cn; *p; p++) {
		characters += (*p & 0xc0) != 0x80;
		if (*p < 0x20 || *p == 0x7f || strchr("+#/", *p)) {
			snprintf(why, size, "cn: holds a control character, '+', '#' or '/', which "
				 "mqgated refuses in an identity; leave it out");
			return -EINVAL;
		}
	}
	if (characters && characters <= CN_MAX)
		return 0;
	snprintf(why, size, "cn: has %zu characters; write 1 to %d", characters, CN_MAX);
	return -EINVAL;
}

static bool good_dns(const char *value, bool wildcard)
{
	if (wildcard && !strncmp(value, "*.", 2))
		value += 2;
	return only(value, ".-_") && *value != '.' && *value != '-';
}

/* A scheme (RFC 3986, 3.1) and characters that need no escape. */
static bool good_uri(const char *value)
{
	const char *colon = strchr(value, ':');

	return colon && isalpha((unsigned char)*value) && colon[1] &&
	       only(value, ":/?[]@!$&'()*,;=-._~%");
}

static bool good_email(const char *value)
{
	const char *at = strchr(value, '@');

	return at && at != value && at[1] && !strchr(at + 1, '@') &&
	       only(value, "@.!$&'*-=?^_`{|}~%");
}

int mqg_pki_name_add(GENERAL_NAMES *names, bool wildcards, const char *kind, const char *value,
		     char *why, size_t size)
{
	const char *wanted = NULL;
	GENERAL_NAME *name;
	int type;

	if (!strcmp(kind, "ip")) {
		type = GEN_IPADD;
		wanted = "an IPv4 or IPv6 address";
	} else if (!strcmp(kind, "dns")) {
		type = GEN_DNS;
		wanted = good_dns(value, wildcards) ? NULL : "a host name";
	} else if (!strcmp(kind, "uri")) {
		type = GEN_URI;
		wanted = good_uri(value) ? NULL : "a URI in ASCII, without '+' and '#'";
	} else {
		type = GEN_EMAIL;
		wanted = good_email(value) ? NULL : "a mail address in ASCII without '+', "
							  "'#' and '/'";
	}
	name = GENERAL_NAME_new();
	if (!name)
		return -ENOMEM;
	if (type == GEN_IPADD) {
		ASN1_OCTET_STRING *address = a2i_IPADDRESS(value);

		if (address) {
			wanted = NULL;
			GENERAL_NAME_set0_value(name, type, address);
		}
	} else if (!wanted && strlen(value) <= NAME_MAX_BYTES) {
		ASN1_IA5STRING *text = ASN1_IA5STRING_new();

		if (!text || !ASN1_STRING_set(text, value, -1)) {
			ASN1_IA5STRING_free(text);
			GENERAL_NAME_free(name);
			return -ENOMEM;
		}
		GENERAL_NAME_set0_value(name, type, text);
	} else if (!wanted) {
		wanted = "at most 255 bytes";
	}
	if (wanted) {
		GENERAL_NAME_free(name);
		snprintf(why, size, "%s: \"%s\" is not what is wanted; write %s", kind, value,
			 wanted);
		return -EINVAL;
	}
	if (sk_GENERAL_NAME_push(names, name))
		return 0;
	GENERAL_NAME_free(name);
	return -ENOMEM;
}
