// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate verdict`: add, del, flush. The daemon is the only writer of verdicts while it runs, so
 * changes go to it; without one they are written here, under the writer's lock. Called by
 * main(); list and explain are in verdict_list.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "common/lock.h"
#include "common/names.h"
#include "mqgate/verdict.h"

#define LOCK_WAIT_MS	5000

int mqg_writer_open(struct mqg_writer *w)
{
	char why[512];
	int running;

	*w = (struct mqg_writer){ .control = MQG_CONTROL_INIT, .lock = -1 };
	running = mqg_cmd_daemon(&w->control);
	if (running < 0)
		return MQG_REFUSED;
	w->daemon = running;
	if (w->daemon)
		return MQG_DONE;
	if (mqg_cmd_pins(&w->pins))
		return MQG_REFUSED;
	w->lock = mqg_lock_take(MQG_LOCK_WRITER, LOCK_WAIT_MS, why, sizeof(why));
	if (w->lock < 0) {
		mqg_pins_close(&w->pins);
		return mqg_refuse("%s", why);
	}
	return MQG_DONE;
}

void mqg_writer_close(struct mqg_writer *w)
{
	if (w->daemon) {
		mqg_control_close(&w->control);
		return;
	}
	mqg_pins_close(&w->pins);
	close(w->lock);
}

int mqg_writer_ask(struct mqg_writer *w, json_t *request, json_t **answer)
{
	char why[1024];

	if (mqg_control_ask(&w->control, request, answer, why, sizeof(why)))
		return mqg_refuse("%s", why);
	return MQG_DONE;
}

struct addition {
	struct mqg_net		net;
	enum mqgate_action	action;
	uint32_t		rate;		/* of LIMIT; 0 = default */
	uint64_t		ns;		/* 0 = for ever */
	char			text[256];
};

static int read_address(const char *verb, int argc, char **argv, struct mqg_net *net)
{
	const char *why;

	if (!argc)
		return mqg_misuse("verdict %s: name an address or a prefix", verb);
	if (mqg_net_parse(argv[0], net, &why))
		return mqg_misuse("%s: %s", argv[0], why);
	return MQG_DONE;
}

static int read_rate(const char *text, uint32_t *rate)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || strcmp(end, "/s") || !value || value > MQG_RATE_MAX)
		return mqg_misuse("verdict add: %s: not a rate; write 20/s, up to %u/s", text,
				  MQG_RATE_MAX);
	*rate = (uint32_t)value;
	return MQG_DONE;
}

static int read_addition(int argc, char **argv, struct addition *add)
{
	int code = read_address("add", argc, argv, &add->net), i = 2;
	size_t used = 0;

	if (code)
		return code;
	if (argc < 2)
		return mqg_misuse("verdict add %s: say drop, limit or pass", argv[0]);
	if (!strcmp(argv[1], "drop"))
		add->action = MQGATE_ACTION_DROP;
	else if (!strcmp(argv[1], "pass"))
		add->action = MQGATE_ACTION_PASS;
	else if (!strcmp(argv[1], "limit"))
		add->action = MQGATE_ACTION_LIMIT;
	else
		return mqg_misuse("verdict add %s %s: an operator can say drop, limit or pass",
				  argv[0], argv[1]);
	if (add->action == MQGATE_ACTION_LIMIT && i < argc && strstr(argv[i], "/s")) {
		code = read_rate(argv[i++], &add->rate);
		if (code)
			return code;
	}
	if (i < argc && !strcmp(argv[i], "forever")) {
		i++;
	} else if (i < argc && strcmp(argv[i], "reason")) {
		code = mqg_duration_parse(argv[i], &add->ns);
		if (code == -ERANGE)
			return mqg_misuse("verdict add: %s: longer than 10 years; write forever",
					  argv[i]);
		if (code || !add->ns)
			return mqg_misuse("verdict add: %s: not a duration; write 500ms, 30s, 10m, "
					  "1h, 7d, seconds, or forever", argv[i]);
		i++;
	}
	if (i < argc && strcmp(argv[i], "reason"))
		return mqg_misuse("verdict add: %s: not understood; mqgate verdict help", argv[i]);
	if (i < argc && i + 1 == argc)
		return mqg_misuse("verdict add: reason: say one");
	for (i++; i < argc; i++) {
		size_t len = strlen(argv[i]);

		if (len + 2 > sizeof(add->text) - used)
			return mqg_misuse("verdict add: the reason has more than %zu bytes",
					  sizeof(add->text) - 2);
		if (used)
			add->text[used++] = ' ';
		memcpy(add->text + used, argv[i], len + 1);
		used += len;
	}
	return MQG_DONE;
}

/*
 * The ban goes in before the ALLOW entries come out: the other way round a flow that is
 * allowed between the two would outlive it.
 */
static int write_addition(const struct mqg_pins *pins, const struct addition *add, bool *replaced,
			  int *removed)
{
	struct mqgate_verdict old, v = {
		.since = mqg_boottime_ns(),
		.action = add->action,
		.rate = add->rate,
		.origin = MQGATE_ORIGIN_OPERATOR,
		.reason = MQGATE_REASON_OPERATOR,
	};
	int err;

	if (add->ns)
		v.expires = v.since + add->ns;
	*replaced = !mqg_net_get(pins, &add->net, &old) && mqg_verdict_live(&old, v.since);
	err = mqg_net_put(pins, &add->net, &v);
	if (err)
		return err;
	*removed = add->action == MQGATE_ACTION_DROP ? mqg_allow_remove_net(pins, &add->net) : 0;
	return *removed < 0 ? *removed : 0;
}

static int add(const struct mqg_cmd *cmd, int argc, char **argv)
{
	char source[MQG_ADDR_STRLEN], time[32];
	struct addition addition = {};
	bool replaced = false;
	struct mqg_writer w;
	int code, err, removed = 0;

	code = read_addition(argc, argv, &addition);
	if (!code)
		code = mqg_writer_open(&w);
	if (code)
		return code;
	mqg_net_format(&addition.net, source);

	if (w.daemon) {
		json_t *answer = NULL, *request;

		request = json_pack("{s:s, s:s, s:s, s:o}", "do", "verdict-add", "source", source,
				    "action", mqg_action_word(addition.action), "seconds",
				    mqg_json_seconds(addition.ns));
		if (addition.rate && request &&
		    json_object_set_new(request, "rate", json_integer(addition.rate))) {
			json_decref(request);
			request = NULL;
		}
		if (addition.text[0] && request &&
		    json_object_set_new(request, "text", json_string(addition.text))) {
			json_decref(request);
			request = NULL;
		}
		code = mqg_writer_ask(&w, request, &answer);
		replaced = json_is_true(json_object_get(answer, "replaced"));
		removed = (int)json_integer_value(json_object_get(answer, "allow_removed"));
		json_decref(answer);
	} else {
		err = write_addition(&w.pins, &addition, &replaced, &removed);
		if (err == -E2BIG)
			code = mqg_refuse(
				"verdict add: the map of verdicts is full; mqgate verdict "
				"list shows what could go");
		else if (err)
			code = mqg_refuse("verdict add: the map cannot be written: %s",
					  strerror(-err));
		if (!code && addition.text[0])
			mqg_remark("no daemon runs, which would keep the reason: it is forgotten");
	}
	mqg_writer_close(&w);
	if (code)
		return code;
	if (cmd->json)
		return mqg_json_print(cmd, json_pack("{s:s, s:s, s:o, s:b, s:i, s:b}", "source",
						     source, "action",
						     mqg_action_word(addition.action), "seconds",
						     mqg_json_seconds(addition.ns), "replaced",
						     replaced, "allow_removed", removed, "daemon",
						     w.daemon));
	printf("%s: %s %s%s", source, mqg_action_word(addition.action),
	       addition.ns ? "for " : "for ever",
	       addition.ns ? mqg_duration_format(addition.ns, time, sizeof(time)) : "");
	if (replaced)
		printf(", in place of the verdict before");
	if (removed)
		printf("; %d ALLOWed flow%s removed", removed, removed == 1 ? "" : "s");
	printf("\n");
	return MQG_DONE;
}

static int del(const struct mqg_cmd *cmd, int argc, char **argv)
{
	char source[MQG_ADDR_STRLEN];
	struct mqg_net net;
	struct mqg_writer w;
	int code, err;

	code = read_address("del", argc, argv, &net);
	if (code)
		return code;
	if (argc > 1)
		return mqg_misuse("verdict del: one address at a time");
	code = mqg_writer_open(&w);
	if (code)
		return code;
	mqg_net_format(&net, source);

	if (w.daemon) {
		json_t *answer = NULL;

		code = mqg_writer_ask(&w, json_pack("{s:s, s:s}", "do", "verdict-del", "source",
						    source), &answer);
		json_decref(answer);
	} else {
		err = mqg_net_remove(&w.pins, &net);
		if (err == -ENOENT)
			code = mqg_refuse(
				"%s: there is no verdict on it; mqgate verdict list shows "
				"all",
				source);
		else if (err < 0)
			code = mqg_refuse("verdict del: the map cannot be written: %s",
					  strerror(-err));
	}
	mqg_writer_close(&w);
	if (code)
		return code;
	if (cmd->json)
		return mqg_json_print(cmd, json_pack("{s:s, s:b}", "source", source, "daemon",
						     w.daemon));
	printf("%s: verdict removed\n", source);
	return MQG_DONE;
}

/* ---- flush ------------------------------------------------------------------ */

struct flush {
	const struct mqg_pins	*pins;
	int			origin;		/* -1 = all */
	int			removed;
};

static int flush_one(const struct mqg_net *net, const struct mqgate_verdict *v, void *arg)
{
	struct flush *f = arg;

	if (f->origin >= 0 && (int)v->origin != f->origin)
		return 0;
	if (mqg_net_remove(f->pins, net) >= 0)
		f->removed++;
	return 0;
}

static int flush(const struct mqg_cmd *cmd, int argc, char **argv)
{
	const char *whose = argc ? argv[0] : "operator";
	struct mqg_writer w;
	struct flush f = { .origin = -1 };
	int code, err;

	if (argc > 1)
		return mqg_misuse("verdict flush: %s: not understood; mqgate verdict help",
				  argv[1]);
	if (!strcmp(whose, "operator"))
		f.origin = MQGATE_ORIGIN_OPERATOR;
	else if (!strcmp(whose, "daemon"))
		f.origin = MQGATE_ORIGIN_DAEMON;
	else if (strcmp(whose, "all"))
		return mqg_misuse("verdict flush %s: say operator, daemon or all", whose);
	code = mqg_writer_open(&w);
	if (code)
		return code;

	if (w.daemon) {
		json_t *answer = NULL;

		code = mqg_writer_ask(&w, json_pack("{s:s, s:s}", "do", "verdict-flush", "origin",
						    whose), &answer);
		f.removed = (int)json_integer_value(json_object_get(answer, "removed"));
		json_decref(answer);
	} else {
		f.pins = &w.pins;
		err = mqg_net_each(&w.pins, flush_one, &f);
		if (!err)
			err = mqg_net_reindex(&w.pins);
		if (err)
			code = mqg_refuse("verdict flush: the map cannot be read: %s",
					  strerror(-err));
	}
	mqg_writer_close(&w);
	if (code)
		return code;
	if (cmd->json)
		return mqg_json_print(cmd, json_pack("{s:s, s:i, s:b}", "origin", whose, "removed",
						     f.removed, "daemon", w.daemon));
	printf("%d verdict%s removed\n", f.removed, f.removed == 1 ? "" : "s");
	return MQG_DONE;
}

int mqg_run_verdict(const struct mqg_cmd *cmd, int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct mqg_cmd *cmd, int argc, char **argv);
	} verbs[] = {
		{ "list", mqg_verdict_list },
		{ "add", add },
		{ "del", del },
		{ "flush", flush },
		{ "explain", mqg_verdict_explain },
	};

	if (!argc)
		return mqg_verdict_list(cmd, 0, NULL);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (mqg_word_is(argv[0], verbs[i].name, 1))
			return verbs[i].run(cmd, argc - 1, argv + 1);
	return mqg_misuse("verdict %s: no such verb; it has list, add, del, flush and explain",
			  argv[0]);
}
