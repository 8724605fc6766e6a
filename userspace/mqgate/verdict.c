// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate verdict`: list, add, del, flush. The daemon is the only writer of verdicts while it
 * runs, so changes go to it; without one they are written here, under the writer's lock.
 * Called by main().
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "common/lock.h"
#include "common/names.h"
#include "mqgate/cmd.h"
#include "mqgate/verdict.h"

#define LOCK_WAIT_MS	5000

json_t *mqg_verdict_json(const struct mqgate_source_key *key, const struct mqgate_verdict *v,
			 uint64_t now)
{
	char source[MQG_ADDR_STRLEN];

	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:I, s:I}", "source",
			 mqg_source_format(key, source), "action", mqg_action_word(v->action),
			 "origin", mqg_origin_word(v->origin), "reason", mqg_reason_word(v->reason),
			 "age", mqg_json_seconds(now > v->since ? now - v->since : 0), "expires",
			 v->expires ? mqg_json_seconds(v->expires - now) : json_null(), "hits",
			 (json_int_t)v->hits, "strikes", (json_int_t)v->strikes);
}

/* ---- list ------------------------------------------------------------------- */

struct listing {
	uint64_t	now;
	int		origin, action;		/* -1 = any */
	json_t		*json;			/* NULL = text */
	uint32_t	count;
};

static int list_one(const struct mqgate_source_key *key, const struct mqgate_verdict *v, void *arg)
{
	char source[MQG_ADDR_STRLEN], expires[32], age[32];
	struct listing *l = arg;

	if (!mqg_verdict_live(v, l->now) || (l->origin >= 0 && (int)v->origin != l->origin) ||
	    (l->action >= 0 && (int)v->action != l->action))
		return 0;
	if (l->json) {
		json_array_append_new(l->json, mqg_verdict_json(key, v, l->now));
		return 0;
	}
	if (!l->count++)
		printf("%-24s %-6s %-9s %-20s %-9s %-9s %10s %7s\n", "SOURCE", "ACTION", "ORIGIN",
		       "REASON", "EXPIRES", "AGE", "PACKETS", "STRIKES");
	printf("%-24s %-6s %-9s %-20s %-9s %-9s %10llu %7u\n", mqg_source_format(key, source),
	       mqg_action_word(v->action), mqg_origin_word(v->origin), mqg_reason_word(v->reason),
	       mqg_duration_format(v->expires ? v->expires - l->now : 0, expires, sizeof(expires)),
	       mqg_duration_format(l->now > v->since ? l->now - v->since : 1, age, sizeof(age)),
	       (unsigned long long)v->hits, v->strikes);
	return 0;
}

static int list(const struct mqg_cmd *cmd, int argc, char **argv)
{
	struct listing l = { .now = mqg_boottime_ns(), .origin = -1, .action = -1 };
	struct mqg_pins pins;
	int code, err;

	for (int i = 0; i < argc; i += 2) {
		bool origin = !strcmp(argv[i], "origin");

		if (!origin && strcmp(argv[i], "action"))
			return mqg_misuse("verdict list: %s: not understood; mqgate verdict help",
					  argv[i]);
		if (i + 1 == argc)
			return mqg_misuse("verdict list: %s: name one; mqgate verdict help",
					  argv[i]);
		err = origin ? mqg_origin_parse(argv[i + 1]) : mqg_action_parse(argv[i + 1]);
		if (err < 0)
			return mqg_misuse("verdict list: %s %s: there is none of that name; mqgate "
					  "verdict help lists them", argv[i], argv[i + 1]);
		if (origin)
			l.origin = err;
		else
			l.action = err;
	}
	code = mqg_cmd_pins(&pins);
	if (code)
		return code;
	if (cmd->json)
		l.json = json_array();
	err = mqg_verdict_each(&pins, list_one, &l);
	mqg_pins_close(&pins);
	if (err) {
		json_decref(l.json);
		return mqg_refuse("verdict list: the map cannot be read: %s", strerror(-err));
	}
	if (cmd->json)
		return mqg_json_print(cmd, l.json);
	if (!l.count)
		printf("no verdicts\n");
	return MQG_DONE;
}

/* ---- changes ---------------------------------------------------------------- */

/*
 * Where a change goes: to the daemon, or into the maps under the lock. A daemon that starts
 * between the two reads the maps when it is up, and so takes over what was written here.
 */
struct writer {
	struct mqg_control	control;
	bool			daemon;
	struct mqg_pins		pins;
	int			lock;
};

static int open_writer(struct writer *w)
{
	char why[512];
	int running;

	*w = (struct writer){ .control = MQG_CONTROL_INIT, .lock = -1 };
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

static void close_writer(struct writer *w)
{
	if (w->daemon) {
		mqg_control_close(&w->control);
		return;
	}
	mqg_pins_close(&w->pins);
	close(w->lock);
}

/* Hands out the answer of the daemon, or refuses in its words. Takes @request. */
static int ask(struct writer *w, json_t *request, json_t **answer)
{
	char why[1024];

	if (mqg_control_ask(&w->control, request, answer, why, sizeof(why)))
		return mqg_refuse("%s", why);
	return MQG_DONE;
}

struct addition {
	struct mqgate_source_key	key;
	enum mqgate_action		action;
	uint64_t			ns;	/* 0 = for ever */
	char				text[256];
};

static int read_address(const char *verb, int argc, char **argv, struct mqgate_source_key *key)
{
	const char *why;

	if (!argc)
		return mqg_misuse("verdict %s: name an address", verb);
	if (mqg_source_parse(argv[0], key, &why))
		return mqg_misuse("%s: %s", argv[0], why);
	return MQG_DONE;
}

static int read_addition(int argc, char **argv, struct addition *add)
{
	int code = read_address("add", argc, argv, &add->key), i = 2;
	size_t used = 0;

	if (code)
		return code;
	if (argc < 2)
		return mqg_misuse("verdict add %s: say drop or pass", argv[0]);
	if (!strcmp(argv[1], "drop"))
		add->action = MQGATE_ACTION_DROP;
	else if (!strcmp(argv[1], "pass"))
		add->action = MQGATE_ACTION_PASS;
	else
		return mqg_misuse("verdict add %s %s: an operator can say drop or pass", argv[0],
				  argv[1]);
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
		.origin = MQGATE_ORIGIN_OPERATOR,
		.reason = MQGATE_REASON_OPERATOR,
	};
	int err;

	if (add->ns)
		v.expires = v.since + add->ns;
	*replaced = !mqg_verdict_get(pins, &add->key, &old) && mqg_verdict_live(&old, v.since);
	err = mqg_verdict_put(pins, &add->key, &v);
	if (err)
		return err;
	*removed = add->action == MQGATE_ACTION_DROP ? mqg_allow_remove_source(pins, &add->key) : 0;
	return *removed < 0 ? *removed : 0;
}

static int add(const struct mqg_cmd *cmd, int argc, char **argv)
{
	char source[MQG_ADDR_STRLEN], time[32];
	struct addition addition = {};
	bool replaced = false;
	struct writer w;
	int code, err, removed = 0;

	code = read_addition(argc, argv, &addition);
	if (!code)
		code = open_writer(&w);
	if (code)
		return code;
	mqg_source_format(&addition.key, source);

	if (w.daemon) {
		json_t *answer = NULL, *request;

		request = json_pack("{s:s, s:s, s:s, s:o}", "do", "verdict-add", "source", source,
				    "action", mqg_action_word(addition.action), "seconds",
				    mqg_json_seconds(addition.ns));
		if (addition.text[0] && request &&
		    json_object_set_new(request, "text", json_string(addition.text))) {
			json_decref(request);
			request = NULL;
		}
		code = ask(&w, request, &answer);
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
	close_writer(&w);
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
	struct mqgate_source_key key;
	struct writer w;
	int code, err;

	code = read_address("del", argc, argv, &key);
	if (code)
		return code;
	if (argc > 1)
		return mqg_misuse("verdict del: one address at a time");
	code = open_writer(&w);
	if (code)
		return code;
	mqg_source_format(&key, source);

	if (w.daemon) {
		json_t *answer = NULL;

		code = ask(&w, json_pack("{s:s, s:s}", "do", "verdict-del", "source", source),
			   &answer);
		json_decref(answer);
	} else {
		err = mqg_verdict_remove(&w.pins, &key);
		if (err == -ENOENT)
			code = mqg_refuse(
				"%s: there is no verdict on it; mqgate verdict list shows "
				"all",
				source);
		else if (err)
			code = mqg_refuse("verdict del: the map cannot be written: %s",
					  strerror(-err));
	}
	close_writer(&w);
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

static int flush_one(const struct mqgate_source_key *key, const struct mqgate_verdict *v, void *arg)
{
	struct flush *f = arg;

	if (f->origin >= 0 && (int)v->origin != f->origin)
		return 0;
	if (!mqg_verdict_remove(f->pins, key))
		f->removed++;
	return 0;
}

static int flush(const struct mqg_cmd *cmd, int argc, char **argv)
{
	const char *whose = argc ? argv[0] : "operator";
	struct writer w;
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
	code = open_writer(&w);
	if (code)
		return code;

	if (w.daemon) {
		json_t *answer = NULL;

		code = ask(&w, json_pack("{s:s, s:s}", "do", "verdict-flush", "origin", whose),
			   &answer);
		f.removed = (int)json_integer_value(json_object_get(answer, "removed"));
		json_decref(answer);
	} else {
		f.pins = &w.pins;
		err = mqg_verdict_each(&w.pins, flush_one, &f);
		if (err)
			code = mqg_refuse("verdict flush: the map cannot be read: %s",
					  strerror(-err));
	}
	close_writer(&w);
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
	} verbs[] = { { "list", list }, { "add", add }, { "del", del }, { "flush", flush } };

	if (!argc)
		return list(cmd, 0, NULL);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (mqg_word_is(argv[0], verbs[i].name, 1))
			return verbs[i].run(cmd, argc - 1, argv + 1);
	return mqg_misuse("verdict %s: no such verb; it has list, add, del and flush", argv[0]);
}
