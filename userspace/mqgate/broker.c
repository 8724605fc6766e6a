// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate broker`: servers of the brokers, shown and taken out. All is the daemon's. Called by
 * main().
 */
#include <stdio.h>
#include <string.h>

#include "mqgate/cmd.h"

static long long number_of(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

static void print_server(const json_t *server)
{
	long long most = number_of(server, "max_connections");
	char limit[32] = "";

	if (most)
		snprintf(limit, sizeof(limit), " of %lld", most);
	printf("  %-28s %-5s%-10s weight %lld, %lld%s open, %lld made, %lld failed, %lld of %lld "
	       "checks failed\n", text_of(server, "address"),
	       json_is_true(json_object_get(server, "up")) ? "up" : "down",
	       json_is_true(json_object_get(server, "draining")) ? " draining" : "",
	       number_of(server, "weight"), number_of(server, "open"), limit,
	       number_of(server, "made"), number_of(server, "failed"),
	       number_of(server, "checks_failed"), number_of(server, "checks"));
}

static int list(const struct mqg_cmd *cmd)
{
	json_t *answer, *all, *broker, *server;
	size_t i, n;
	int code = mqg_cmd_ask("broker list", json_pack("{s:s}", "do", "brokers"), &answer);

	if (code)
		return code;
	all = json_object_get(answer, "brokers");
	if (cmd->json) {
		json_incref(all);
		json_decref(answer);
		return mqg_json_print(cmd, all);
	}
	json_array_foreach(all, i, broker) {
		printf("%s: %s, checks %s, %lld clients wait, %lld answered unavailable\n",
		       text_of(broker, "name"), text_of(broker, "balance"),
		       text_of(broker, "health"), number_of(broker, "waiting"),
		       number_of(broker, "answered"));
		printf("  held: %lld sessions without a server, %lld lost theirs, %lld went on; "
		       "%lld bytes kept, %lld messages sent again\n", number_of(broker, "held"),
		       number_of(broker, "lost"), number_of(broker, "resumed"),
		       number_of(broker, "kept"), number_of(broker, "again"));
		if (number_of(broker, "stored") || number_of(broker, "stored_delivered") ||
		    number_of(broker, "stored_refused"))
			printf("  stored: %lld messages of absent clients wait, %lld delivered, "
			       "%lld refused\n", number_of(broker, "stored"),
			       number_of(broker, "stored_delivered"),
			       number_of(broker, "stored_refused"));
		json_array_foreach(json_object_get(broker, "servers"), n, server)
			print_server(server);
	}
	json_decref(answer);
	return MQG_DONE;
}

static int change(const struct mqg_cmd *cmd, const char *verb, int argc, char **argv)
{
	char what[32], request_verb[32];
	json_t *request, *answer;
	long long servers;
	int code;

	snprintf(what, sizeof(what), "broker %s", verb);
	snprintf(request_verb, sizeof(request_verb), "broker-%s", verb);
	if (argc < 1 || argc > 2)
		return mqg_misuse("%s: name a broker, and one of its servers if it is not all; "
				  "mqgate broker list shows them", what);
	request = json_pack("{s:s, s:s}", "do", request_verb, "broker", argv[0]);
	if (!request || (argc > 1 && json_object_set_new(request, "server",
							 json_string(argv[1])))) {
		json_decref(request);
		return mqg_misuse("%s: %s is not UTF-8", what, argv[argc - 1]);
	}
	code = mqg_cmd_ask(what, request, &answer);
	if (code)
		return code;
	servers = number_of(answer, "servers");
	if (cmd->json)
		return mqg_json_print(cmd, answer);
	json_decref(answer);
	printf("%s: %s: %lld server%s\n", strcmp(verb, "drain") ? "takes clients again" :
	       "draining", argv[0], servers, servers == 1 ? "" : "s");
	return MQG_DONE;
}

int mqg_run_broker(const struct mqg_cmd *cmd, int argc, char **argv)
{
	static const char *const verbs[] = { "drain", "resume" };

	if (argc == 1 && mqg_word_is(argv[0], "list", 1))
		return list(cmd);
	for (size_t i = 0; argc && i < 2; i++)
		if (mqg_word_is(argv[0], verbs[i], 1))
			return change(cmd, verbs[i], argc - 1, argv + 1);
	return mqg_misuse("broker: it has list, drain and resume; see mqgate help broker");
}
