/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verbs of the control socket. Each takes a request whose fields are known to be known, and
 * answers. Changes are logged with who asked for them. Main thread; no lock.
 */
#include "control/verbs.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/names.h"
#include "common/net.h"
#include "control/tell.h"
#include "judge/manage.h"
#include "system/log.h"

#define SECONDS_MOST	315360000.0	/* ten years, as mqg_duration_parse() */

json_t *mqg_verb_refuse(const char *remedy, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return json_pack("{s:b, s:s%, s:s}", "ok", 0, "error", text, strlen(text), "remedy",
			 remedy);
}

static json_t *no_maps(const struct mqg_verb_context *context)
{
	const char *error = mqg_judge_pins_error(context->judge);

	return mqg_verb_refuse("attach first: mqgate attach IF", "no maps are open: %s",
			       error ? error : "not yet");
}

/* @net: the one that met a full map, or NULL. */
static json_t *failed(const struct mqg_verb_context *context, int err, const struct mqg_net *net)
{
	const struct mqg_pins *pins = mqg_judge_pins(context->judge);
	char text[400];

	if (err == -ENOENT && mqg_judge_pins_error(context->judge))
		return no_maps(context);
	if (err == -E2BIG && net && pins)
		return mqg_verb_refuse("", "%s", mqg_net_full(pins, net, text, sizeof(text)));
	if (err == -EBUSY)
		return mqg_verb_refuse("try again when it is done", "a list is being loaded");
	return mqg_verb_refuse("see the daemon's log", "the maps refuse: %s", strerror(-err));
}

/* Reads the field "source". NULL and *@refusal set where it is missing or wrong. */
static const char *source_of(const json_t *request, struct mqg_net *net, json_t **refusal)
{
	const char *text = json_string_value(json_object_get(request, "source"));
	const char *why = NULL;

	*refusal = NULL;
	if (!text)
		*refusal = mqg_verb_refuse("give \"source\" as text, for instance \"192.0.2.1\"",
					   "the field \"source\" is missing or no text");
	else if (mqg_net_parse(text, net, &why))
		*refusal = mqg_verb_refuse("write 192.0.2.1, 10.0.0.0/8, 2001:db8::1 or "
					   "2001:db8::/32",
					   "\"%s\" is no source: %s", text,
					   why ? why : "not an address");
	return *refusal ? NULL : text;
}

static json_t *verdict_add(struct mqg_verb_context *context, const json_t *request)
{
	const char *word = json_string_value(json_object_get(request, "action"));
	const json_t *seconds = json_object_get(request, "seconds");
	const json_t *text = json_object_get(request, "text");
	char addr[MQG_ADDR_STRLEN], length[32], note[200];
	const json_t *rate = json_object_get(request, "rate");
	json_int_t pps = json_integer_value(rate);
	struct mqg_verdict_done done;
	struct mqg_word said = { .ns = 0 };
	json_t *refusal;
	double s = json_number_value(seconds);
	int action = word ? mqg_action_parse(word) : -ENOENT, err;

	if (!source_of(request, &said.net, &refusal))
		return refusal;
	if (action < MQGATE_ACTION_PASS || action > MQGATE_ACTION_DROP)
		return mqg_verb_refuse("give \"action\" as \"drop\", \"reset\", \"limit\" or "
				       "\"pass\"", "\"action\" is \"%s\"", word ? word : "missing");
	if (rate && (action != MQGATE_ACTION_LIMIT || !json_is_integer(rate) || pps < 1 ||
		     pps > MQG_RATE_MAX))
		return mqg_verb_refuse("give \"rate\" with \"limit\" alone, as packets a second "
				       "from 1 to 1000000", "\"rate\" is no such rate");
	if (!json_is_number(seconds) || !isfinite(s) || s < 0 || s > SECONDS_MOST)
		return mqg_verb_refuse("give \"seconds\" from 0 (for ever) to 315360000",
				       "\"seconds\" is missing or no length of time");
	if (text && !json_is_string(text))
		return mqg_verb_refuse("give \"text\" as text or leave it out",
				       "\"text\" is no text");
	said.action = (enum mqgate_action)action;
	said.rate = (uint32_t)pps;
	said.ns = (uint64_t)(s * 1e9);
	said.text = json_string_value(text);
	if (said.text && !mqg_text_shows(said.text))
		return mqg_verb_refuse("write it in 255 bytes at most", "\"text\" is too long, or "
				       "has control characters");
	err = mqg_judge_verdict_add(context->judge, &said, &done);
	if (err)
		return failed(context, err, &said.net);
	mqg_printable(json_string_value(text), note, sizeof(note));
	mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS, "uid %u (pid %d): verdict add %s %s for %s%s%s",
		context->uid, context->pid, mqg_action_word((uint32_t)action),
		mqg_net_format(&said.net, addr),
		said.ns ? mqg_duration_format(said.ns, length, sizeof(length)) : "ever",
		note[0] ? ": " : "", note);
	return json_pack("{s:b, s:b, s:i, s:b, s:s}", "ok", 1, "replaced", (int)done.replaced,
			 "allow_removed", done.allow_removed, "persistent", !done.unsaved[0],
			 "unsaved", done.unsaved);
}

static json_t *verdict_del(struct mqg_verb_context *context, const json_t *request)
{
	struct mqg_verdict_done done;
	struct mqg_net net;
	char addr[MQG_ADDR_STRLEN];
	json_t *refusal;
	int err;

	if (!source_of(request, &net, &refusal))
		return refusal;
	mqg_net_format(&net, addr);
	err = mqg_judge_verdict_del(context->judge, &net, &done);
	if (err == -ENOENT && !mqg_judge_pins_error(context->judge))
		return mqg_verb_refuse("mqgate verdict list shows all", "there is no verdict on %s",
				       addr);
	if (err == -EBUSY)
		return mqg_verb_refuse("remove it from allow: in the configuration, then: "
				       "mqgate reload", "%s is on the configured allow list", addr);
	if (err == -EROFS)
		return mqg_verb_refuse("load a list without it, or let it pass with a verdict of "
				       "its own", "%s is of the loaded set", addr);
	if (err)
		return failed(context, err, NULL);
	mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS, "uid %u (pid %d): verdict del %s", context->uid,
		context->pid, addr);
	return json_pack("{s:b, s:b, s:b, s:s}", "ok", 1, "uncovered", (int)done.uncovered,
			 "persistent", !done.unsaved[0], "unsaved", done.unsaved);
}

static json_t *verdict_flush(struct mqg_verb_context *context, const json_t *request)
{
	static const char *const words[] = {
		[MQG_OPERATORS] = "operator",
		[MQG_DAEMONS] = "daemon",
		[MQG_LOADED] = "loaded",
		[MQG_EVERYBODYS] = "all",
	};
	const char *word = json_string_value(json_object_get(request, "origin"));
	struct mqg_verdict_done done;
	int whose = 0, removed;

	while (word && whose <= MQG_EVERYBODYS && strcmp(word, words[whose]))
		whose++;
	if (!word || whose > MQG_EVERYBODYS)
		return mqg_verb_refuse("give \"origin\" as \"operator\", \"daemon\", \"loaded\" or "
				       "\"all\"", "\"origin\" is \"%s\"", word ? word : "missing");
	removed = mqg_judge_verdict_flush(context->judge, (enum mqg_whose)whose, &done);
	if (removed < 0)
		return failed(context, removed, NULL);
	mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS, "uid %u (pid %d): verdict flush %s: %d removed",
		context->uid, context->pid, word, removed);
	return json_pack("{s:b, s:i, s:b, s:s}", "ok", 1, "removed", removed, "persistent",
			 !done.unsaved[0], "unsaved", done.unsaved);
}

static json_t *list_state(struct mqg_verb_context *context)
{
	struct mqg_list_state list;
	const struct mqg_load_done *done = &list.done;

	mqg_judge_list_state(context->judge, &list);
	switch (list.state) {
	case MQG_LIST_LOADING:
		return json_pack("{s:b, s:s, s:s, s:I, s:I}", "ok", 1, "state", "loading", "what",
				 list.what ? list.what : "", "done", (json_int_t)list.n, "of",
				 (json_int_t)list.of);
	case MQG_LIST_FAILED:
		return json_pack("{s:b, s:s, s:s}", "ok", 1, "state", "failed", "error",
				 list.error);
	case MQG_LIST_DONE:
		return json_pack("{s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:s}",
				 "ok", 1, "state", "done", "sources", (json_int_t)done->sources,
				 "prefixes4", (json_int_t)done->prefix4, "prefixes6",
				 (json_int_t)done->prefix6, "twice", (json_int_t)done->twice,
				 "below", (json_int_t)done->below, "reaped",
				 (json_int_t)done->reaped, "allow_removed",
				 (json_int_t)done->allow_removed, "generation",
				 (json_int_t)done->generation, "persistent",
				 (int)done->persistent, "unsaved", done->unsaved);
	case MQG_LIST_NONE:
		break;
	}
	return json_pack("{s:b, s:s}", "ok", 1, "state", "none");
}

static json_t *verdict_load(struct mqg_verb_context *context, const json_t *request)
{
	const char *word = json_string_value(json_object_get(request, "step"));
	const json_t *text = json_object_get(request, "text");
	char why[700] = "\"step\" is missing";
	int err = -EINVAL;

	if (word && !strcmp(word, "state"))
		return list_state(context);
	if (word && !strcmp(word, "begin"))
		err = mqg_judge_list_begin(context->judge, context->client, why, sizeof(why));
	else if (word && !strcmp(word, "lines") && json_is_string(text))
		err = mqg_judge_list_lines(context->judge, context->client,
					   json_string_value(text),
					   json_string_length(text), why, sizeof(why));
	else if (word && !strcmp(word, "commit"))
		err = mqg_judge_list_commit(context->judge, context->client, why, sizeof(why));
	if (err == -ENOENT)
		return no_maps(context);
	if (err)
		return mqg_verb_refuse(err == -EBUSY ? "try again when it is done" :
				       "begin, lines with \"text\", commit, state", "%s", why);
	if (!strcmp(word, "commit"))
		mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS, "uid %u (pid %d): verdict load",
			context->uid, context->pid);
	return json_pack("{s:b}", "ok", 1);
}

static json_t *why(struct mqg_verb_context *context, const json_t *request)
{
	const char *subject = json_string_value(json_object_get(request, "subject"));

	if (!subject || !*subject)
		return mqg_verb_refuse("give \"subject\" as an address or a client identifier",
				       "the field \"subject\" is missing or no text");
	return mqg_tell_why(context, subject);
}

static json_t *sessions(struct mqg_verb_context *context, const json_t *request)
{
	(void)request;
	return json_pack("{s:b, s:o}", "ok", 1, "sessions",
			 mqg_tell_sessions(context, NULL, NULL));
}

static json_t *refusals(struct mqg_verb_context *context, const json_t *request)
{
	(void)request;
	return json_pack("{s:b, s:o}", "ok", 1, "refusals",
			 mqg_tell_refusals(context, NULL, NULL));
}

static json_t *identities(struct mqg_verb_context *context, const json_t *request)
{
	const json_t *expires = json_object_get(request, "expires");
	const json_t *weak = json_object_get(request, "weak");

	(void)context;
	if (expires && (!json_is_integer(expires) || json_integer_value(expires) < 0))
		return mqg_verb_refuse("give \"expires\" as seconds", "\"expires\" is no number of "
				       "seconds");
	if (weak && !json_is_boolean(weak))
		return mqg_verb_refuse("give \"weak\" as true or false", "\"weak\" is neither");
	return mqg_tell_identities(expires ? json_integer_value(expires) : -1,
				   json_is_true(weak));
}

static json_t *tls(struct mqg_verb_context *context, const json_t *request)
{
	(void)request;
	return mqg_tell_tls(context);
}

static json_t *status(struct mqg_verb_context *context, const json_t *request)
{
	(void)request;
	return mqg_tell_status(context);
}

static json_t *events(struct mqg_verb_context *context, const json_t *request)
{
	(void)request;
	context->subscribe = true;
	return json_pack("{s:b}", "ok", 1);
}

static json_t *pins(struct mqg_verb_context *context, const json_t *request)
{
	(void)request;
	return json_pack("{s:b, s:b}", "ok", 1, "pins",
			 (int)mqg_judge_pins_check(context->judge));
}

static const struct verb {
	const char	*name;
	json_t		*(*run)(struct mqg_verb_context *context, const json_t *request);
	const char	*fields[6];
} verbs[] = {
	{ "status", status, { NULL } },
	{ "verdict-add", verdict_add, { "source", "action", "rate", "seconds", "text" } },
	{ "verdict-del", verdict_del, { "source" } },
	{ "verdict-flush", verdict_flush, { "origin" } },
	{ "verdict-load", verdict_load, { "step", "text" } },
	{ "why", why, { "subject" } },
	{ "sessions", sessions, { NULL } },
	{ "refusals", refusals, { NULL } },
	{ "identities", identities, { "expires", "weak" } },
	{ "tls", tls, { NULL } },
	{ "events", events, { NULL } },
	{ "pins", pins, { NULL } },
	{ "reload", mqg_verb_reload, { NULL } },
	{ "hand-over", mqg_verb_hand_over, { NULL } },
	{ "revoke-add", mqg_verb_revoke_add, { "kind", "value", "text" } },
	{ "revoke-del", mqg_verb_revoke_del, { "kind", "value" } },
	{ "revoke-list", mqg_verb_revoke_list, { NULL } },
	{ "brokers", mqg_verb_brokers, { NULL } },
	{ "broker-drain", mqg_verb_broker_drain, { "broker", "server" } },
	{ "broker-resume", mqg_verb_broker_resume, { "broker", "server" } },
};

#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

/* NULL where every field of the request is one that the verb knows. */
static json_t *check_fields(const struct verb *verb, const json_t *request)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)request, name, value) {
		bool known = !strcmp(name, "do");

		for (size_t i = 0; !known && verb->fields[i]; i++)
			known = !strcmp(name, verb->fields[i]);
		if (!known)
			return mqg_verb_refuse("leave it out; docs/control-protocol.md lists the "
					       "fields", "%s has no field \"%.64s\"", verb->name,
					       name);
	}
	return NULL;
}

json_t *mqg_verb_answer(struct mqg_verb_context *context, const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "do"));
	json_t *refusal;

	for (size_t i = 0; name && i < N_VERBS; i++) {
		if (strcmp(name, verbs[i].name))
			continue;
		refusal = check_fields(&verbs[i], request);
		return refusal ? refusal : verbs[i].run(context, request);
	}
	return mqg_verb_refuse("one of: status, verdict-add, verdict-del, verdict-flush, "
			       "verdict-load, why, sessions, refusals, identities, tls, events, "
			       "pins, reload, hand-over, revoke-add, revoke-del, revoke-list, "
			       "brokers, broker-drain, broker-resume",
			       "\"do\" is \"%.64s\"", name ? name : "missing");
}
