// SPDX-License-Identifier: BSD-2-Clause
/*
 * The words of `mqgate pki`; see pki.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mqgate/pki.h"

/* RFC 5280, 5.3.1. */
static const struct {
	const char	*word;
	int		code;
} reasons[] = {
	{ "unspecified", 0 },
	{ "key-compromise", 1 },
	{ "superseded", 4 },
	{ "ceased", 5 },
};

static int read_days(struct mqg_pki_words *words, const char *value)
{
	char *end;
	unsigned long days = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end || !days || days > MQG_PKI_DAYS_MAX)
		return mqg_misuse("days: \"%s\" is not a number of 1 to %d", value,
				  MQG_PKI_DAYS_MAX);
	words->days = (unsigned int)days;
	return MQG_DONE;
}

static int read_reason(struct mqg_pki_words *words, const char *value)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (strcmp(reasons[i].word, value))
			continue;
		words->reason = reasons[i].code;
		return MQG_DONE;
	}
	return mqg_misuse("reason: \"%s\" is not unspecified, key-compromise, superseded or "
			  "ceased", value);
}

static int read_name(struct mqg_pki_words *words, const char *verb, const char *word,
		     const char *value)
{
	char why[512];

	if (mqg_pki_name_add(words->names, !strcmp(verb, "issue server"), word, value, why,
			     sizeof(why)))
		return mqg_misuse("%s", why);
	if (!words->first)
		words->first = value;
	return MQG_DONE;
}

static int read_pair(struct mqg_pki_words *words, const char *verb, const char *word,
		     const char *value)
{
	char why[512];

	if (!strcmp(word, "days"))
		return read_days(words, value);
	if (!strcmp(word, "reason"))
		return read_reason(words, value);
	if (!strcmp(word, "key")) {
		words->key = value;
		return mqg_pki_key_known(value) ? MQG_DONE
						: mqg_misuse("key: \"%s\" is not " MQG_PKI_KEYS,
							     value);
	}
	if (!strcmp(word, "cn")) {
		words->cn = value;
		return mqg_pki_cn_check(value, why, sizeof(why)) ? mqg_misuse("%s", why) : MQG_DONE;
	}
	if (!strcmp(word, "file")) {
		words->file = value;
		return mqg_pki_file_name(value)
			       ? MQG_DONE
			       : mqg_misuse("file: \"%s\" is no name of a file; use letters, "
					    "digits, '.', '_', '-', ':' and '@'", value);
	}
	return read_name(words, verb, word, value);
}

int mqg_pki_words_read(struct mqg_pki_words *words, const char *verb, const char *known, int argc,
		       char **argv)
{
	int code = MQG_DONE;

	*words = (struct mqg_pki_words){ .reason = -1, .names = sk_GENERAL_NAME_new_null() };
	if (!words->names)
		return mqg_refuse("out of memory");
	for (int i = 0; i < argc && code == MQG_DONE; i += 2) {
		char padded[32];

		snprintf(padded, sizeof(padded), " %s ", argv[i]);
		if (!strstr(known, padded))
			return mqg_misuse("pki %s: \"%s\" not understood; it takes%s", verb,
					  argv[i], known);
		if (i + 1 == argc)
			return mqg_misuse("pki %s: %s needs a value", verb, argv[i]);
		code = read_pair(words, verb, argv[i], argv[i + 1]);
	}
	return code;
}

void mqg_pki_words_free(struct mqg_pki_words *words)
{
	sk_GENERAL_NAME_pop_free(words->names, GENERAL_NAME_free);
	words->names = NULL;
}
