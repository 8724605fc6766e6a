// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate verdict`: add, del, flush. The daemon is the only writer of verdicts while it runs, so
 * changes go to it; without one they are written here, under the writer's lock. Called by
 * main(); list and explain are in verdict_list.c, load in verdict_load.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <time.h>
#include <unistd.h>

#include "common/line.h"
#include "common/lock.h"
#include "common/names.h"
#include "common/state.h"
#include "common/upgrade.h"
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
	w->lock = mqg_lock_take(MQG_LOCK_WRITER, LOCK_WAIT_MS, why, sizeof(why));
	if (w->lock < 0)
		return mqg_refuse("%s", why);
	/* Verdicts shall go where the programs look for them. */
	if (mqg_upgrade_finish(why, sizeof(why))) {
		close(w->lock);
		return mqg_refuse("%s", why);
	}
	if (mqg_cmd_pins(&w->pins)) {
		close(w->lock);
		return MQG_REFUSED;
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

static int read_address(const char *verb, int argc, char **argv, struct mqg_net *net)
{
	const char *why;

	if (!argc)
		return mqg_misuse("verdict %s: name an address or a prefix", verb);
	if (mqg_net_parse(argv[0], net, &why))
		return mqg_misuse("%s: %s", argv[0], why);
	return MQG_DONE;
}

/* The words are one line of a list (common/line.h), but for the action, which has to be said. */
static int read_addition(int argc, char **argv, char buf[MQG_LINE_MAX + 1], struct mqg_line *add)
{
	uint64_t now = (uint64_t)time(NULL);
	size_t used = 0;
	char why[512];
	int found;

	buf[0] = '\0';
	for (int i = 0; i < argc; i++) {
		size_t len = strlen(argv[i]);

		if (len + 1 > MQG_LINE_MAX - used)
			return mqg_misuse("verdict add: more than %d bytes", MQG_LINE_MAX);
		if (used)
			buf[used++] = ' ';
		memcpy(buf + used, argv[i], len + 1);
		used += len;
	}
	found = mqg_line_parse(buf, add, why, sizeof(why));
	if (found < 0)
		return mqg_misuse("verdict add: %s", why);
	if (!found)
		return mqg_misuse("verdict add: name an address or a prefix");
	if (add->action == MQGATE_ACTION_NONE)
		return mqg_misuse("verdict add %s: say drop, reset, limit or pass", argv[0]);
	if (add->until) {
		if (add->until <= now)
			return mqg_misuse("verdict add: until %llu: that is over",
					  (unsigned long long)add->until);
		add->ns = (add->until - now) * 1000000000ULL;
	}
	return MQG_DONE;
}

/*
 * The ban goes in before the ALLOW entries come out: the other way round a flow that is
 * allowed between the two would outlive it.
 */
static int write_addition(const struct mqg_pins *pins, const struct mqg_line *add, bool *replaced,
			  int *removed, char *unsaved, size_t size)
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
	unsaved[0] = '\0';
	mqg_state_change(pins, &add->net, &v, add->text, unsaved, size);
	*removed = mqg_action_refuses(add->action) ? mqg_allow_remove_net(pins, &add->net) : 0;
	return *removed < 0 ? *removed : 0;
}

/* Why the daemon could not write its state directory, "" where it did. */
static void take_unsaved(const json_t *answer, char *unsaved, size_t size)
{
	const char *text = json_string_value(json_object_get(answer, "unsaved"));

	snprintf(unsaved, size, "%s", text ? text : "");
}

static int add(const struct mqg_cmd *cmd, int argc, char **argv)
{
	char source[MQG_ADDR_STRLEN], length[32], buf[MQG_LINE_MAX + 1], unsaved[700] = "";
	struct mqg_line line;
	bool replaced = false;
	struct mqg_writer w;
	int code, err, removed = 0;

	code = read_addition(argc, argv, buf, &line);
	if (!code)
		code = mqg_writer_open(&w);
	if (code)
		return code;
	mqg_net_format(&line.net, source);

	if (w.daemon) {
		json_t *answer = NULL, *request;

		request = json_pack("{s:s, s:s, s:s, s:o}", "do", "verdict-add", "source", source,
				    "action", mqg_action_word(line.action), "seconds",
				    mqg_json_seconds(line.ns));
		if (line.rate && request)
			json_object_set_new(request, "rate", json_integer(line.rate));
		if (line.text[0] && request)
			json_object_set_new(request, "text", json_string(line.text));
		code = mqg_writer_ask(&w, request, &answer);
		replaced = json_is_true(json_object_get(answer, "replaced"));
		removed = (int)json_integer_value(json_object_get(answer, "allow_removed"));
		take_unsaved(answer, unsaved, sizeof(unsaved));
		json_decref(answer);
	} else {
		err = write_addition(&w.pins, &line, &replaced, &removed, unsaved,
				     sizeof(unsaved));
		if (err == -E2BIG)
			code = mqg_refuse("verdict add: %s", mqg_net_full(&w.pins, &line.net, buf,
									  sizeof(buf)));
		else if (err)
			code = mqg_refuse("verdict add: the map cannot be written: %s",
					  strerror(-err));
	}
	mqg_writer_close(&w);
	if (code)
		return code;
	if (cmd->json)
		return mqg_json_print(cmd, json_pack(
			"{s:s, s:s, s:o, s:b, s:i, s:b, s:b, s:s}", "source", source, "action",
			mqg_action_word(line.action), "seconds", mqg_json_seconds(line.ns),
			"replaced", replaced, "allow_removed", removed, "daemon", w.daemon,
			"persistent", !unsaved[0], "unsaved", unsaved));
	printf("%s: %s %s%s", source, mqg_action_word(line.action),
	       line.ns ? "for " : "for ever",
	       line.ns ? mqg_duration_format(line.ns, length, sizeof(length)) : "");
	if (replaced)
		printf(", in place of the verdict before");
	if (removed)
		printf("; %d ALLOWed flow%s removed", removed, removed == 1 ? "" : "s");
	printf("\n");
	if (unsaved[0])
		mqg_remark("%s", unsaved);
	return MQG_DONE;
}

static int remove_one(const struct mqg_pins *pins, const struct mqg_net *net, const char *source,
		      bool *uncovered, char *unsaved, size_t size)
{
	struct mqgate_verdict found;
	int err = mqg_net_get(pins, net, &found);

	if (!err && mqg_verdict_set(&found))
		return mqg_refuse("%s: it is of the loaded set; load a list without it, or let it "
				  "pass: mqgate verdict add %s pass", source, source);
	if (!err)
		err = mqg_net_remove(pins, net);
	if (err == -ENOENT)
		return mqg_refuse("%s: there is no verdict on it; mqgate verdict list shows all",
				  source);
	if (err < 0)
		return mqg_refuse("verdict del: the map cannot be written: %s", strerror(-err));
	*uncovered = err;
	mqg_state_change(pins, net, NULL, NULL, unsaved, size);
	return MQG_DONE;
}

static int del(const struct mqg_cmd *cmd, int argc, char **argv)
{
	char source[MQG_ADDR_STRLEN], unsaved[700] = "";
	bool uncovered = false;
	struct mqg_writer w;
	struct mqg_net net;
	int code;

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
		uncovered = json_is_true(json_object_get(answer, "uncovered"));
		take_unsaved(answer, unsaved, sizeof(unsaved));
		json_decref(answer);
	} else {
		code = remove_one(&w.pins, &net, source, &uncovered, unsaved, sizeof(unsaved));
	}
	mqg_writer_close(&w);
	if (code)
		return code;
	if (cmd->json)
		return mqg_json_print(cmd, json_pack("{s:s, s:b, s:b, s:b}", "source", source,
						     "daemon", w.daemon, "uncovered", uncovered,
						     "persistent", !unsaved[0]));
	printf("%s: verdict removed%s\n", source,
	       uncovered ? "; what the loaded set says of it holds again" : "");
	if (unsaved[0])
		mqg_remark("%s", unsaved);
	return MQG_DONE;
}

/* ---- flush ------------------------------------------------------------------ */

struct flush {
	const struct mqg_pins	*pins;
	int			origin;		/* -1 = all */
	int			removed;
};

/* The loaded set goes as a whole, by the flip to an empty one. */
static int flush_one(const struct mqg_net *net, const struct mqgate_verdict *v, void *arg)
{
	struct flush *f = arg;

	if (mqg_verdict_set(v) || (f->origin >= 0 && (int)v->origin != f->origin))
		return 0;
	if (mqg_net_remove(f->pins, net) >= 0)
		f->removed++;
	return 0;
}

static int flush_here(struct flush *f, bool singles, bool loaded, char *unsaved, size_t size)
{
	struct mqg_load_done done = {};
	int err = 0, code = MQG_DONE;

	if (singles)
		err = mqg_net_each(f->pins, flush_one, f);
	if (!err && singles && f->origin != MQGATE_ORIGIN_DAEMON)
		mqg_state_change(f->pins, NULL, NULL, NULL, unsaved, size);
	if (!err && loaded && mqg_generation(f->pins)) {
		struct mqg_set none = {};

		code = mqg_load_here(f->pins, &none, NULL, &done);
		f->removed += (int)done.reaped;
		if (done.unsaved[0])
			snprintf(unsaved, size, "%s", done.unsaved);
	}
	if (!err && !code)
		err = mqg_net_reindex(f->pins);
	return err ? mqg_refuse("verdict flush: the map cannot be read: %s", strerror(-err)) : code;
}

static int flush(const struct mqg_cmd *cmd, int argc, char **argv)
{
	const char *whose = argc ? argv[0] : "operator";
	bool singles = true, loaded = true;
	char unsaved[700] = "";
	struct mqg_writer w;
	struct flush f = { .origin = -1 };
	int code;

	if (argc > 1)
		return mqg_misuse("verdict flush: %s: not understood; mqgate verdict help",
				  argv[1]);
	if (!strcmp(whose, "operator")) {
		f.origin = MQGATE_ORIGIN_OPERATOR;
	} else if (!strcmp(whose, "daemon")) {
		f.origin = MQGATE_ORIGIN_DAEMON;
		loaded = false;
	} else if (!strcmp(whose, "loaded")) {
		singles = false;
	} else if (strcmp(whose, "all")) {
		return mqg_misuse("verdict flush %s: say operator, daemon, loaded or all", whose);
	}
	code = mqg_writer_open(&w);
	if (code)
		return code;

	if (w.daemon) {
		json_t *answer = NULL;

		code = mqg_writer_ask(&w, json_pack("{s:s, s:s}", "do", "verdict-flush", "origin",
						    whose), &answer);
		f.removed = (int)json_integer_value(json_object_get(answer, "removed"));
		take_unsaved(answer, unsaved, sizeof(unsaved));
		json_decref(answer);
	} else {
		f.pins = &w.pins;
		code = flush_here(&f, singles, loaded, unsaved, sizeof(unsaved));
	}
	mqg_writer_close(&w);
	if (code)
		return code;
	if (cmd->json)
		return mqg_json_print(cmd, json_pack("{s:s, s:i, s:b, s:b}", "origin", whose,
						     "removed", f.removed, "daemon", w.daemon,
						     "persistent", !unsaved[0]));
	printf("%d verdict%s removed\n", f.removed, f.removed == 1 ? "" : "s");
	if (unsaved[0])
		mqg_remark("%s", unsaved);
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
		{ "load", mqg_verdict_load },
		{ "explain", mqg_verdict_explain },
	};

	if (!argc)
		return mqg_verdict_list(cmd, 0, NULL);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (mqg_word_is(argv[0], verbs[i].name, 1))
			return verbs[i].run(cmd, argc - 1, argv + 1);
	return mqg_misuse("verdict %s: no such verb; it has list, add, del, flush, load and "
			  "explain", argv[0]);
}
