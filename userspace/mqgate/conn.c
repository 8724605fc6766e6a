// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate conn`: the clients as the kernel module follows them. Called by main().
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/module.h"
#include "mqgate/cmd.h"
#include "mqgate/conn.h"

#define WHY	512

/* ---- list and show ---------------------------------------------------------- */

struct listing {
	json_t		*json;		/* NULL = text */
	bool		all;		/* every field */
	uint64_t	count;
};

static int list_one(const struct mqg_module_client *client, void *arg)
{
	struct listing *listing = arg;

	listing->count++;
	if (listing->json)
		return json_array_append_new(listing->json, mqg_conn_json(client)) ? -ENOMEM : 0;
	if (listing->all)
		mqg_conn_print_all(client);
	else
		mqg_conn_print_line(client, listing->count == 1);
	return 0;
}

static int list(const struct mqg_cmd *cmd, struct mqg_module *module,
		const struct mqg_conn_words *words, bool all)
{
	struct listing listing = { .all = all };
	char why[WHY] = "out of memory";
	int err;

	if (cmd->json)
		listing.json = json_array();
	err = mqg_module_dump(module, &words->filter, list_one, &listing, why, sizeof(why));
	if (err) {
		json_decref(listing.json);
		return mqg_refuse("%s", why);
	}
	if (all && !listing.count) {
		json_decref(listing.json);
		return mqg_refuse("conn show: no client matches");
	}
	if (cmd->json)
		return mqg_json_print(cmd, listing.json);
	if (!listing.count)
		printf("no clients\n");
	return MQG_DONE;
}

/* ---- kill ------------------------------------------------------------------- */

/* A dump and a request do not go over one socket at a time: kills have one of their own. */
struct killing {
	struct mqg_module	*module;
	uint64_t		killed;
	char			why[WHY];
};

static int kill_one(const struct mqg_module_client *client, void *arg)
{
	struct killing *killing = arg;
	int err;

	if (client->phase == MQGATE_PHASE_REFUSED)
		return 0;
	err = mqg_module_kill(killing->module, client, killing->why, sizeof(killing->why));
	/* It ended by itself meanwhile. */
	if (err == -ENOENT || err == -ESTALE)
		return 0;
	killing->killed += !err;
	return err;
}

static int kill_matching(const struct mqg_cmd *cmd, struct mqg_module *module,
			 const struct mqg_conn_words *words)
{
	struct killing killing = {};
	char why[WHY] = "";
	int err;

	err = mqg_module_open(&killing.module, why, sizeof(why));
	if (!err)
		err = mqg_module_dump(module, &words->filter, kill_one, &killing, why,
				      sizeof(why));
	mqg_module_close(killing.module);
	if (err)
		return mqg_refuse("%s", *why ? why : killing.why);
	if (!killing.killed)
		return mqg_refuse("conn kill: no client matches");
	if (cmd->json)
		return mqg_json_print(cmd, json_pack("{s:I}", "killed",
						     (json_int_t)killing.killed));
	printf("%llu killed\n", (unsigned long long)killing.killed);
	return MQG_DONE;
}

/* ---- watch ------------------------------------------------------------------ */

struct watching {
	const struct mqg_cmd			*cmd;
	const struct mqg_conn_words		*words;
	unsigned long				left;	/* events to go; 0 = no limit */
};

/* A source is no client: only a filter for its address, or none, is about it. */
static bool shown(const struct mqg_module_event *event, const struct mqg_module_filter *filter)
{
	struct mqg_module_client client = { .id_length = -1 };

	if (strcmp(event->what, "source"))
		return mqg_module_match(&event->client, filter);
	memcpy(client.flow.saddr, event->source.addr, sizeof(client.flow.saddr));
	return mqg_module_match(&client, filter);
}

static int show_event(const struct mqg_module_event *event, void *arg)
{
	struct watching *watching = arg;
	json_t *json;

	if (event->lost)
		mqg_remark("%llu events lost: this reader was too slow",
			   (unsigned long long)event->lost);
	if (!shown(event, &watching->words->filter))
		return 0;
	if (watching->cmd->json) {
		json = mqg_conn_event_json(event);
		if (!json)
			return -ENOMEM;
		mqg_json_write(watching->cmd, json);
		json_decref(json);
	} else {
		mqg_conn_print_event(event);
	}
	/* Somebody may read this through a pipe and wait for it. */
	if (fflush(stdout))
		return -EPIPE;
	return watching->left && !--watching->left ? -ECANCELED : 0;
}

static int watch(const struct mqg_cmd *cmd, struct mqg_module *module,
		 const struct mqg_conn_words *words)
{
	struct watching watching = { .cmd = cmd, .words = words, .left = words->count };
	char why[WHY] = "";
	int err = mqg_module_watch(module, show_event, &watching, why, sizeof(why));

	if (err == -ECANCELED)
		return MQG_DONE;
	return mqg_refuse("%s", *why ? why : strerror(-err));
}

/* ---- words ------------------------------------------------------------------ */

static const struct {
	const char	*word;
	bool		filtered;	/* wants to know which clients */
} verbs[] = {
	{ "list", false },
	{ "show", true },
	{ "kill", true },
	{ "watch", false },
	{ "sources", false },
};

static int find_verb(const char *word)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (mqg_word_is(word, verbs[i].word, 1))
			return (int)i;
	return -1;
}

static int run(const struct mqg_cmd *cmd, struct mqg_module *module, char verb,
	       const struct mqg_conn_words *words)
{
	switch (verb) {
	case 'l':
		return list(cmd, module, words, false);
	case 's':
		return list(cmd, module, words, true);
	case 'k':
		return kill_matching(cmd, module, words);
	default:
		return watch(cmd, module, words);
	}
}

int mqg_run_conn(const struct mqg_cmd *cmd, int argc, char **argv)
{
	struct mqg_conn_words words;
	struct mqg_module *module;
	char why[WHY];
	int verb, code;

	verb = argc ? find_verb(argv[0]) : -1;
	if (verb < 0)
		return mqg_misuse("conn: list, show, kill, watch or sources");
	if (!strcmp(verbs[verb].word, "sources"))
		return mqg_conn_sources(cmd, argc - 1, argv + 1);
	code = mqg_conn_words_read(verbs[verb].word, argc - 1, argv + 1, &words);
	if (code != MQG_DONE)
		return code;
	if (verbs[verb].filtered && !words.given)
		return mqg_misuse("conn %s: which clients? source, port, id, phase, idle, "
				  "service, or all", verbs[verb].word);
	if (mqg_module_open(&module, why, sizeof(why)))
		return mqg_refuse("%s", why);
	code = run(cmd, module, *verbs[verb].word, &words);
	mqg_module_close(module);
	return code;
}
