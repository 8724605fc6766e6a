// SPDX-License-Identifier: BSD-2-Clause
/* Rules and limits out of options; see rig_rules.h. */
#include "rig_rules.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/build.h"

static uint8_t rights_of(char *words)
{
	static const char *const names[] = { "connect", "publish", "subscribe", "receive", "will",
					     "retain" };
	uint8_t rights = 0;

	for (char *word = strtok(words, "+"); word; word = strtok(NULL, "+")) {
		if (!strcmp(word, "all"))
			rights = 0x3f;
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (!strcmp(word, names[i]))
				rights |= (uint8_t)(1U << i);
	}
	return rights;
}

static void group(struct mqg_config *config, const char *text)
{
	struct mqg_rates rates = { 0 };
	char name[32], identities[64], *list = identities;

	if (sscanf(text, "group,%31[^,],%63[^,],%u,%u,%u,%u", name, identities,
		   &rates.messages.rate, &rates.messages.burst, &rates.bytes.rate,
		   &rates.bytes.burst) != 6)
		errx(2, "-G %s: cannot be read", text);
	if (mqg_rights_group(config->rights, name, &list, 1) ||
	    mqg_rights_group_limit(config->rights, name, &rates))
		errx(2, "-G %s: no memory", text);
}

void rig_rule(struct mqg_config *config, const char *text)
{
	struct mqg_match match = { .hours = { .from = INT64_MIN, .until = INT64_MAX } };
	struct mqg_wording said = { .line = 1, .style = MQG_VARIABLES_NAMED };
	char verb[8], words[64], topic[256];
	const char *why = "is malformed";
	int64_t number, scope;
	unsigned int qos;

	if (!config->rights) {
		config->rights = mqg_rights_alloc();
		mqg_rights_file(config->rights, "options");
	}
	if (!strncmp(text, "group,", 6)) {
		group(config, text);
		return;
	}
	if (sscanf(text, "%7[^,],%63[^,],%u,%255s", verb, words, &qos, topic) != 4)
		errx(2, "-G %s: cannot be read", text);
	said.deny = !strcmp(verb, "deny");
	said.qos = (uint8_t)qos;
	said.rights = rights_of(words);
	match.name = strdup("rule");
	number = mqg_rights_match(config->rights, &match);
	scope = mqg_rights_scope(config->rights, (uint32_t)number);
	if (number < 0 || scope < 0 || mqg_rights_rule(config->rights, &said) < 0)
		errx(2, "-G %s: no memory", text);
	if ((said.rights & 1U << MQG_MAY_CONNECT &&
	     mqg_rights_topic(config->rights, (uint32_t)scope, &said, NULL, &why)) ||
	    mqg_rights_topic(config->rights, (uint32_t)scope, &said, topic, &why))
		errx(2, "-G %s: %s", text, why);
}

void rig_rules_finish(struct mqg_config *config)
{
	if (config->rights && mqg_rights_finish(config->rights))
		errx(2, "rules: no memory");
}

void rig_limit(struct mqg_limits *l, const char *text)
{
	const struct {
		const char	*key;
		uint32_t	*value;
	} keys[] = {
		{ "packet_size=", &l->packet_size }, { "topic_length=", &l->topic_length },
		{ "topic_levels=", &l->topic_levels }, { "topic_alias=", &l->topic_alias },
		{ "inflight=", &l->inflight }, { "filters=", &l->filters },
		{ "user_properties=", &l->user_properties },
		{ "subscriptions=", &l->subscriptions }, { "client_id=", &l->client_id },
		{ "keep_alive=", &l->keep_alive },
		{ "messages_rate=", &l->own.messages.rate },
		{ "messages_burst=", &l->own.messages.burst },
		{ "bytes_rate=", &l->own.bytes.rate }, { "bytes_burst=", &l->own.bytes.burst },
		{ "all_messages_rate=", &l->all.messages.rate },
		{ "all_messages_burst=", &l->all.messages.burst },
		{ "all_bytes_rate=", &l->all.bytes.rate },
		{ "all_bytes_burst=", &l->all.bytes.burst },
	};

	if (!strcmp(text, "close")) {
		l->close_on_refusal = true;
		return;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strncmp(text, keys[i].key, strlen(keys[i].key)))
			continue;
		*keys[i].value = strtoul(text + strlen(keys[i].key), NULL, 10);
		return;
	}
	if (!strcmp(text, "close_over_rate"))
		l->close_over_rate = true;
	else
		errx(2, "-L %s: unknown", text);
}
