// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate verdict list` and `explain`: verdicts as they hold now, read from the pinned maps; no
 * daemon is asked. Called by verdict.c.
 */
#include "mqgate/verdict.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/state.h"

/*
 * The reasons, which the maps have no room for: read when the first one is asked for, and kept as
 * long as the command runs. Whoever may not read the state directory is told none.
 */
const char *mqg_verdict_text(const struct mqg_net *net, const struct mqgate_verdict *v)
{
	static struct mqg_set sets[2];
	static bool read[2];
	bool loaded = mqg_verdict_set(v);
	const struct mqg_item *item;

	if (v->origin != MQGATE_ORIGIN_OPERATOR || v->reason != MQGATE_REASON_OPERATOR)
		return "";
	if (!read[loaded])
		mqg_state_look(loaded ? MQG_STATE_LOADED : MQG_STATE_SINGLES, &sets[loaded]);
	read[loaded] = true;
	item = mqg_set_find(&sets[loaded], net);
	return item ? mqg_set_text(&sets[loaded], item) : "";
}

json_t *mqg_verdict_json(const struct mqg_net *net, const struct mqgate_verdict *v, uint64_t now)
{
	bool limit = v->action == MQGATE_ACTION_LIMIT;
	char source[MQG_ADDR_STRLEN];

	return json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:b}", "source",
			 mqg_net_format(net, source), "action", mqg_action_word(v->action), "rate",
			 limit ? json_integer(v->rate ? v->rate : MQGATE_DEFAULT_LIMIT_PPS) :
				 json_null(),
			 "origin", mqg_origin_word(v->origin), "reason", mqg_reason_word(v->reason),
			 "text", mqg_verdict_text(net, v), "age",
			 mqg_json_seconds(now > v->since ? now - v->since : 0), "expires",
			 v->expires ? mqg_json_seconds(v->expires - now) : json_null(), "hits",
			 (json_int_t)v->hits, "strikes", (json_int_t)v->strikes, "loaded",
			 mqg_verdict_set(v) != 0);
}

const char *mqg_verdict_action(const struct mqgate_verdict *v, char buf[32])
{
	if (v->action == MQGATE_ACTION_LIMIT)
		snprintf(buf, 32, "limit %u/s", v->rate ? v->rate : MQGATE_DEFAULT_LIMIT_PPS);
	else
		snprintf(buf, 32, "%s", mqg_action_word(v->action));
	return buf;
}

/* ---- list ------------------------------------------------------------------- */

struct listing {
	uint64_t	now;
	int		origin, action;		/* -1 = any */
	bool		within;			/* only what lies in or covers @net */
	struct mqg_net	net;
	json_t		*json;			/* NULL = text */
	uint32_t	count;
};

static bool wanted(const struct listing *l, const struct mqg_net *net,
		   const struct mqgate_verdict *v)
{
	if (!mqg_verdict_live(v, l->now) || (l->origin >= 0 && (int)v->origin != l->origin) ||
	    (l->action >= 0 && (int)v->action != l->action))
		return false;
	return !l->within || mqg_net_covers(net, l->net.addr) || mqg_net_covers(&l->net, net->addr);
}

static int list_one(const struct mqg_net *net, const struct mqgate_verdict *v, void *arg)
{
	char source[MQG_ADDR_STRLEN], expires[32], age[32], action[32];
	struct listing *l = arg;

	if (!wanted(l, net, v))
		return 0;
	if (l->json) {
		json_array_append_new(l->json, mqg_verdict_json(net, v, l->now));
		return 0;
	}
	if (!l->count++)
		printf("%-24s %-10s %-9s %-20s %-9s %-9s %10s %7s  %s\n", "SOURCE", "ACTION",
		       "ORIGIN", "REASON", "EXPIRES", "AGE", "PACKETS", "STRIKES", "TEXT");
	printf("%-24s %-10s %-9s %-20s %-9s %-9s %10llu %7u  %s\n", mqg_net_format(net, source),
	       mqg_verdict_action(v, action), mqg_origin_word(v->origin),
	       mqg_verdict_set(v) ? "loaded" : mqg_reason_word(v->reason),
	       mqg_duration_format(v->expires ? v->expires - l->now : 0, expires, sizeof(expires)),
	       mqg_duration_format(l->now > v->since ? l->now - v->since : 1, age, sizeof(age)),
	       (unsigned long long)v->hits, v->strikes, mqg_verdict_text(net, v));
	return 0;
}

static int read_filter(struct listing *l, const char *name, const char *value)
{
	const char *why;
	int number;

	if (!strcmp(name, "in")) {
		l->within = true;
		return mqg_net_parse(value, &l->net, &why) ? mqg_misuse("%s: %s", value, why) :
							      MQG_DONE;
	}
	number = !strcmp(name, "origin") ? mqg_origin_parse(value) : mqg_action_parse(value);
	if (number < 0)
		return mqg_misuse("verdict list: %s %s: there is none of that name; mqgate verdict "
				  "help lists them", name, value);
	if (!strcmp(name, "origin"))
		l->origin = number;
	else
		l->action = number;
	return MQG_DONE;
}

int mqg_verdict_list(const struct mqg_cmd *cmd, int argc, char **argv)
{
	struct listing l = { .now = mqg_boottime_ns(), .origin = -1, .action = -1 };
	struct mqg_pins pins;
	int code, err;

	for (int i = 0; i < argc; i += 2) {
		if (strcmp(argv[i], "origin") && strcmp(argv[i], "action") && strcmp(argv[i], "in"))
			return mqg_misuse("verdict list: %s: not understood; mqgate verdict help",
					  argv[i]);
		if (i + 1 == argc)
			return mqg_misuse("verdict list: %s: name one; mqgate verdict help",
					  argv[i]);
		code = read_filter(&l, argv[i], argv[i + 1]);
		if (code)
			return code;
	}
	code = mqg_cmd_pins(&pins);
	if (code)
		return code;
	if (cmd->json)
		l.json = json_array();
	err = mqg_net_each(&pins, list_one, &l);
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

/* ---- explain ---------------------------------------------------------------- */

static int explain_one(const struct mqg_net *net, const struct mqgate_verdict *v, void *arg)
{
	json_array_append_new(arg, mqg_verdict_json(net, v, mqg_boottime_ns()));
	return 0;
}

static const char *outcome(const char *action)
{
	if (!action)
		return "judged by what it sends";
	if (!strcmp(action, "drop"))
		return "dropped, but for flows that are ALLOWed";
	if (!strcmp(action, "reset"))
		return "dropped and over TCP answered with resets, within the service's budget of "
		       "them, but for flows that are ALLOWed";
	if (!strcmp(action, "limit"))
		return "SYNs, payloads and datagrams above the rate are dropped, but for flows "
		       "that are ALLOWed";
	return "passed, but for a malformed CONNECT";
}

static void explain_line(const json_t *item, size_t i)
{
	const char *text = json_string_value(json_object_get(item, "text"));
	bool loaded = json_is_true(json_object_get(item, "loaded"));

	printf("  %u. %s on %s by %s%s%s%s%s\n", (unsigned int)i + 1,
	       json_string_value(json_object_get(item, "action")),
	       json_string_value(json_object_get(item, "source")),
	       json_string_value(json_object_get(item, "origin")), loaded ? "'s list" : "",
	       i ? ", which the one above hides" : ": this one decides",
	       text && *text ? "; reason: " : "", text ? text : "");
}

int mqg_verdict_explain(const struct mqg_cmd *cmd, int argc, char **argv)
{
	const char *why, *action = NULL;
	struct mqgate_source_key key;
	struct mqg_pins pins;
	struct mqg_net net;
	json_t *list, *item;
	size_t i;
	int code, err;

	if (argc != 1)
		return mqg_misuse("verdict explain: name one address");
	if (mqg_net_parse(argv[0], &net, &why))
		return mqg_misuse("%s: %s", argv[0], why);
	if (!mqg_net_source(&net, &key))
		return mqg_misuse("%s: packets come from addresses; name one, or an IPv6 /64",
				  argv[0]);
	code = mqg_cmd_pins(&pins);
	if (code)
		return code;
	list = json_array();
	err = mqg_net_match(&pins, net.addr, mqg_boottime_ns(), explain_one, list);
	mqg_pins_close(&pins);
	if (err) {
		json_decref(list);
		return mqg_refuse("verdict explain: the maps cannot be read: %s", strerror(-err));
	}
	if (json_array_size(list))
		action = json_string_value(json_object_get(json_array_get(list, 0), "action"));
	if (cmd->json)
		return mqg_json_print(cmd, json_pack("{s:s, s:s, s:o}", "subject", argv[0],
						     "outcome", outcome(action), "verdicts", list));
	printf("%s: %s\n", argv[0], outcome(action));
	json_array_foreach(list, i, item)
		explain_line(item, i);
	json_decref(list);
	return MQG_DONE;
}
