// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate reload` and `mqgate revoke`: what the daemon goes by, changed while it runs. Both are the
 * daemon's work; without one there is nothing to change. Called by main().
 */
#include <stdio.h>
#include <string.h>

#include "common/names.h"
#include "mqgate/cmd.h"

int mqg_run_reload(const struct mqg_cmd *cmd, int argc, char **argv)
{
	const char *restart;
	json_t *answer;
	int code;

	if (argc)
		return mqg_misuse("reload: %s: takes no word", argv[0]);
	code = mqg_cmd_ask("reload", json_pack("{s:s}", "do", "reload"), &answer);
	if (code)
		return code;
	if (cmd->json)
		return mqg_json_print(cmd, answer);
	restart = json_string_value(json_object_get(answer, "restart"));
	printf("reloaded, trust epoch %lld\n",
	       (long long)json_integer_value(json_object_get(answer, "epoch")));
	if (restart && *restart)
		mqg_remark("only a restart of mqgated changes: %s", restart);
	json_decref(answer);
	return MQG_DONE;
}

static bool is_fingerprint(const char *value)
{
	size_t digits = 0;

	for (; *value; value++) {
		if (*value == ':' && digits && digits % 2 == 0)
			continue;
		if (!strchr("0123456789abcdefABCDEF", *value))
			return false;
		digits++;
	}
	return digits == 64;
}

/* Takes [identity|serial|fingerprint] VALUE off the words; without a word the form of it tells. */
static int read_subject(const char *verb, int *argc, char ***argv, const char **kind,
			const char **value)
{
	static const char *const kinds[] = { "identity", "serial", "fingerprint" };

	*kind = NULL;
	for (size_t i = 0; *argc > 1 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp((*argv)[0], kinds[i]))
			*kind = kinds[i];
	if (*kind) {
		(*argc)--;
		(*argv)++;
	}
	if (!*argc)
		return mqg_misuse("%s: name an identity, a serial number or a fingerprint", verb);
	*value = (*argv)[0];
	(*argc)--;
	(*argv)++;
	if (!*kind)
		*kind = is_fingerprint(*value) ? kinds[2] : !strncmp(*value, "0x", 2) ? kinds[1]
										       : kinds[0];
	return MQG_DONE;
}

static int tell_done(const struct mqg_cmd *cmd, json_t *answer, const char *what, const char *kind,
		     const char *value)
{
	bool kept = json_is_true(json_object_get(answer, "kept"));
	const char *error = json_string_value(json_object_get(answer, "error"));
	int code = MQG_DONE;

	if (!cmd->json)
		printf("%s: %s %s\n", what, kind, value);
	if (!kept)
		code = mqg_refuse("in force, but only until mqgated ends: %s", error ? error : "?");
	if (cmd->json)
		mqg_json_print(cmd, answer);
	else
		json_decref(answer);
	return code;
}

static int change(const struct mqg_cmd *cmd, const char *verb, const char *request_verb, int argc,
		  char **argv)
{
	bool add = !strcmp(request_verb, "revoke-add");
	const char *kind = NULL, *value = NULL;
	char text[256] = "";
	json_t *request, *answer;
	int code = read_subject(verb, &argc, &argv, &kind, &value);
	size_t used = 0;

	if (code)
		return code;
	if (argc && (!add || strcmp(argv[0], "reason")))
		return mqg_misuse("%s: %s: not understood; see mqgate help revoke", verb, argv[0]);
	if (argc == 1)
		return mqg_misuse("%s: reason: write some text behind it", verb);
	for (int i = 1; i < argc && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
					 i > 1 ? " " : "", argv[i]);
	if (used >= sizeof(text))
		return mqg_misuse("%s: the reason is longer than 200 bytes", verb);
	request = json_pack("{s:s, s:s, s:s}", "do", request_verb, "kind", kind, "value", value);
	if (!request)
		return mqg_misuse("%s: %s is not UTF-8", verb, kind);
	if (*text)
		json_object_set_new(request, "text", json_string(text));
	code = mqg_cmd_ask(verb, request, &answer);
	return code ? code : tell_done(cmd, answer, add ? "revoked" : "no longer revoked", kind,
				       value);
}

static int list(const struct mqg_cmd *cmd, int argc, char **argv)
{
	json_t *answer, *all, *item;
	size_t i;
	int code;

	if (argc)
		return mqg_misuse("revoke list: %s: takes no word", argv[0]);
	code = mqg_cmd_ask("revoke list", json_pack("{s:s}", "do", "revoke-list"), &answer);
	if (code)
		return code;
	all = json_object_get(answer, "revoked");
	if (cmd->json) {
		json_incref(all);
		json_decref(answer);
		return mqg_json_print(cmd, all);
	}
	if (json_array_size(all))
		printf("%-12s %-10s %s\n", "KIND", "AGE", "VALUE");
	json_array_foreach(all, i, item) {
		const char *text = json_string_value(json_object_get(item, "text"));
		uint64_t ns = (uint64_t)json_integer_value(json_object_get(item, "age")) *
			      1000000000ULL;
		char age[32];

		printf("%-12s %-10s %s%s%s\n",
		       json_string_value(json_object_get(item, "kind")),
		       mqg_duration_format(ns, age, sizeof(age)),
		       json_string_value(json_object_get(item, "value")),
		       text && *text ? "  # " : "", text ? text : "");
	}
	json_decref(answer);
	return MQG_DONE;
}

int mqg_run_revoke(const struct mqg_cmd *cmd, int argc, char **argv)
{
	if (argc && !strcmp(argv[0], "list"))
		return list(cmd, argc - 1, argv + 1);
	if (argc && !strcmp(argv[0], "del"))
		return change(cmd, "revoke del", "revoke-del", argc - 1, argv + 1);
	return change(cmd, "revoke", "revoke-add", argc, argv);
}
