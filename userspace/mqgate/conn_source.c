// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate conn sources`: where clients come from, as the kernel module counts them; see conn.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/names.h"
#include "mqgate/cmd.h"
#include "mqgate/conn.h"

#define WHY	512

struct listing {
	json_t		*json;		/* NULL = text */
	uint64_t	count;
};

const char *mqg_conn_source_text(const struct mqg_module_source *source,
				 char buf[MQG_CONN_SOURCE_STRLEN])
{
	char text[MQG_ADDR_STRLEN];

	snprintf(buf, MQG_CONN_SOURCE_STRLEN, "%s%s", mqg_addr_format(source->addr, text),
		 source->prefix == 128 ? "" : "/64");
	return buf;
}

json_t *mqg_conn_source_json(const struct mqg_module_source *source)
{
	char text[MQG_CONN_SOURCE_STRLEN];
	json_t *json, *over = json_array();

	json = json_pack("{s:s, s:I, s:I, s:I, s:i, s:i, s:o}",
			 "source", mqg_conn_source_text(source, text),
			 "sessions", (json_int_t)source->sessions,
			 "connects_per_minute", (json_int_t)source->rate,
			 "begun", (json_int_t)source->begun,
			 "violations", source->violations, "takeovers", source->takeovers,
			 "over", over);
	if (json && source->over & MQGATE_SOURCE_OVER_SESSIONS)
		json_array_append_new(over, json_string("sessions"));
	if (json && source->over & MQGATE_SOURCE_OVER_RATE)
		json_array_append_new(over, json_string("rate"));
	return json;
}

static int list_one(const struct mqg_module_source *source, void *arg)
{
	char text[MQG_CONN_SOURCE_STRLEN];
	struct listing *listing = arg;

	if (!listing->count++ && !listing->json)
		printf("%-44s %9s %13s %9s %10s %9s\n", "SOURCE", "SESSIONS", "CONNECTS/MIN",
		       "BEGUN", "VIOLATIONS", "TAKEOVERS");
	if (listing->json)
		return json_array_append_new(listing->json, mqg_conn_source_json(source)) ?
		       -ENOMEM : 0;
	printf("%-44s %9u %13u %9u %10u %9u\n", mqg_conn_source_text(source, text),
	       source->sessions, source->rate, source->begun, source->violations,
	       source->takeovers);
	return 0;
}

static int read_over(const char *word, const char *text, int64_t *value)
{
	*value = mqg_conn_number_read(text, 0, 1000000000);
	if (*value < 0)
		return mqg_misuse("conn sources: %s %s: not a number from 0 to 1000000000", word,
				  text);
	return MQG_DONE;
}

static int read_words(int argc, char **argv, struct mqg_module_source_filter *filter)
{
	int code = MQG_DONE;

	for (int i = 0; code == MQG_DONE && i < argc; i += 2) {
		if (i + 1 == argc)
			return mqg_misuse("conn sources: %s: what of it? mqgate help conn tells "
					  "more", argv[i]);
		if (mqg_word_is(argv[i], "source", 2))
			code = mqg_conn_address_read(argv[i + 1], filter->addr, &filter->prefix);
		else if (mqg_word_is(argv[i], "over", 2))
			code = read_over("over", argv[i + 1], &filter->sessions);
		else if (mqg_word_is(argv[i], "rate", 2))
			code = read_over("rate", argv[i + 1], &filter->rate);
		else
			return mqg_misuse("conn sources: %s: not understood; source, over or "
					  "rate", argv[i]);
	}
	return code;
}

static int list(const struct mqg_cmd *cmd, struct mqg_module *module,
		const struct mqg_module_source_filter *filter)
{
	struct listing listing = { .json = cmd->json ? json_array() : NULL };
	char why[WHY] = "out of memory";

	if (mqg_module_sources(module, filter, list_one, &listing, why, sizeof(why))) {
		json_decref(listing.json);
		return mqg_refuse("%s", why);
	}
	if (cmd->json)
		return mqg_json_print(cmd, listing.json);
	if (!listing.count)
		printf("no sources\n");
	return MQG_DONE;
}

int mqg_conn_sources(const struct mqg_cmd *cmd, int argc, char **argv)
{
	struct mqg_module_source_filter filter = { .sessions = -1, .rate = -1 };
	struct mqg_module *module;
	char why[WHY];
	int code;

	code = read_words(argc, argv, &filter);
	if (code != MQG_DONE)
		return code;
	if (mqg_module_open(&module, why, sizeof(why)))
		return mqg_refuse("%s", why);
	code = list(cmd, module, &filter);
	mqg_module_close(module);
	return code;
}
