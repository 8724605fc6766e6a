/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers in JSON. Called by the verbs in the main thread; what they read locks itself. */
#include "control/tell.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/names.h"
#include "common/net.h"
#include "judge/manage.h"

static json_t *seconds(uint64_t ns)
{
	return json_real((double)(ns / 1000000) / 1000.0);
}

static uint64_t since(uint64_t then, uint64_t now)
{
	return now > then ? now - then : 0;
}

/* Text of which a stranger chose some: what is not UTF-8 would make jansson refuse it. */
static json_t *text(const char *value)
{
	json_t *string = json_string(value);

	return string ? string : json_string("?");
}

struct selection {
	const struct mqg_verb_context	*context;
	const struct mqgate_source_key	*key;
	const char			*client_id;
	uint64_t			now;
	json_t				*list;
};

static bool selected(const struct selection *s, const uint8_t addr[16], const char *client_id)
{
	if (s->key)
		return mqg_source_covers(s->key, addr);
	return !s->client_id || !strcmp(s->client_id, client_id);
}

/* Of a listener that a reload has taken away, sessions are about to end. */
static const char *listener_name(const struct mqg_verb_context *context, size_t listener)
{
	return listener < context->config->n_listeners ? context->config->listeners[listener].name
						       : "-";
}

static int add_session(const struct mqg_session_info *info, void *arg)
{
	struct selection *s = arg;
	char addr[MQG_ADDR_STRLEN];

	if (!selected(s, info->addr, info->client_id))
		return 0;
	json_array_append_new(s->list, json_pack(
		"{s:o, s:o, s:s, s:i, s:s, s:o, s:b, s:b}", "client_id", text(info->client_id),
		"identity", text(info->identity), "source", mqg_addr_format(info->addr, addr),
		"port", (int)info->port, "listener", listener_name(s->context, info->listener),
		"since", seconds(since(info->since, s->now)), "connected", (int)info->connected,
		"allowed", (int)info->allowed));
	return 0;
}

json_t *mqg_tell_sessions(struct mqg_verb_context *context, const struct mqgate_source_key *key,
			  const char *client_id)
{
	struct selection s = { context, key, client_id, mqg_boottime_ns(), json_array() };

	if (s.list && context->proxy)
		mqg_proxy_session_each(context->proxy, add_session, &s);
	return s.list;
}

static int add_refusal(const struct mqg_refusal_note *note, void *arg)
{
	struct selection *s = arg;
	char addr[MQG_ADDR_STRLEN];

	if (!selected(s, note->addr, note->client_id))
		return 0;
	json_array_append_new(s->list, json_pack(
		"{s:o, s:s, s:o, s:o, s:s}", "age", seconds(since(note->time, s->now)), "source",
		mqg_addr_format(note->addr, addr), "client_id", text(note->client_id), "identity",
		text(note->identity), "reason", mqg_reason_word(note->reason)));
	return 0;
}

json_t *mqg_tell_refusals(struct mqg_verb_context *context, const struct mqgate_source_key *key,
			  const char *client_id)
{
	struct selection s = { context, key, client_id, mqg_boottime_ns(), json_array() };

	if (s.list)
		mqg_judge_refusal_each(context->judge, add_refusal, &s);
	return s.list;
}

/* What the kernel module held against it; dropped or only observed. */
static json_t *tell_violations(struct mqg_verb_context *context,
			       const struct mqgate_source_key *key, const char *client_id)
{
	struct selection s = { context, key, client_id, mqg_boottime_ns(), json_array() };

	if (s.list)
		mqg_tracker_violation_each(context->tracker, add_refusal, &s);
	return s.list;
}

static json_t *tell_verdict(const struct mqg_net *net, const struct mqgate_verdict *verdict,
			    uint64_t now)
{
	char addr[MQG_ADDR_STRLEN];

	if (verdict->action == MQGATE_ACTION_NONE)
		return json_null();
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:I, s:I}", "source",
			 mqg_net_format(net, addr), "action", mqg_action_word(verdict->action),
			 "origin", mqg_origin_word(verdict->origin), "reason",
			 mqg_reason_word(verdict->reason), "age",
			 seconds(since(verdict->since, now)), "expires",
			 verdict->expires ? seconds(since(now, verdict->expires)) : json_null(),
			 "hits", (json_int_t)verdict->hits, "strikes",
			 (json_int_t)verdict->strikes);
}

static json_t *tell_evidence(const struct mqg_score_view *view, uint64_t now)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < view->n_evidence; i++)
		json_array_append_new(list, json_pack(
			"{s:o, s:s, s:i}", "age", seconds(since(view->evidence[i].time, now)),
			"reason", mqg_reason_word(view->evidence[i].reason), "points",
			(int)view->evidence[i].points));
	return list;
}

json_t *mqg_tell_why(struct mqg_verb_context *context, const char *subject)
{
	uint32_t threshold = context->config->score.threshold;
	struct mqgate_source_key key;
	struct mqgate_verdict verdict;
	struct mqg_net net;
	struct mqg_score_view view;
	uint64_t now = mqg_boottime_ns();
	const char *ignored;

	if (mqg_source_parse(subject, &key, &ignored))
		return json_pack("{s:b, s:n, s:i, s:i, s:n, s:[], s:o, s:o, s:o}", "ok", 1, "score",
				 "threshold", (int)threshold, "strikes", 0, "verdict", "evidence",
				 "sessions", mqg_tell_sessions(context, NULL, subject), "refusals",
				 mqg_tell_refusals(context, NULL, subject), "violations",
				 tell_violations(context, NULL, subject));
	mqg_judge_why(context->judge, &key, &view, &net, &verdict);
	return json_pack("{s:b, s:f, s:i, s:i, s:o, s:o, s:o, s:o, s:o}", "ok", 1, "score",
			 (double)(int64_t)(view.points * 100.0 + 0.5) / 100.0, "threshold",
			 (int)threshold, "strikes", (int)view.strikes, "verdict",
			 tell_verdict(&net, &verdict, now), "evidence", tell_evidence(&view, now),
			 "sessions", mqg_tell_sessions(context, &key, NULL), "refusals",
			 mqg_tell_refusals(context, &key, NULL), "violations",
			 tell_violations(context, &key, NULL));
}

static json_t *tell_listeners(const struct mqg_verb_context *context, uint64_t *sessions)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < context->config->n_listeners; i++) {
		const struct mqg_listener *l = &context->config->listeners[i];
		struct mqg_listener_counts counts;

		memset(&counts, 0, sizeof(counts));
		if (context->proxy)
			mqg_proxy_listener_counts(context->proxy, i, &counts);
		*sessions += counts.sessions;
		json_array_append_new(list, json_pack(
			"{s:s, s:s, s:s, s:I, s:I, s:I, s:s}", "name", l->name, "address",
			l->address.text, "kind", mqg_kind_word(l->kind), "sessions",
			(json_int_t)counts.sessions, "accepted", (json_int_t)counts.accepted,
			"refused", (json_int_t)counts.refused, "broker", l->broker->name));
	}
	return list;
}

/* "ADDRESS, ADDRESS" */
static void addresses(const struct mqg_broker *broker, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < broker->n_servers && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "",
				       broker->servers[i].address.text);
}

static json_t *tell_brokers(const struct mqg_verb_context *context)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < context->config->n_brokers; i++) {
		const struct mqg_broker *b = &context->config->brokers[i];
		struct mqg_broker_counts counts;
		char text[512];

		memset(&counts, 0, sizeof(counts));
		if (context->proxy)
			mqg_proxy_broker_counts(context->proxy, i, &counts);
		addresses(b, text, sizeof(text));
		json_array_append_new(list, json_pack(
			"{s:s, s:s, s:b, s:I}", "name", b->name, "address", text, "up",
			(int)counts.up, "connections", (json_int_t)counts.connections));
	}
	return list;
}

static json_t *tell_module(const struct mqg_verb_context *context)
{
	struct mqg_tracker_state state;

	mqg_tracker_state(context->tracker, &state);
	return json_pack("{s:s, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "use",
			 state.use ? "auto" : "off", "followed", (int)state.followed, "complete",
			 (int)state.complete, "clients", (json_int_t)state.about.clients,
			 "vouched", (json_int_t)state.vouched, "bound", (json_int_t)state.bound,
			 "events", (json_int_t)state.events, "losses", (json_int_t)state.lost,
			 "rebuilds", (json_int_t)state.rebuilds, "error", state.error);
}

json_t *mqg_tell_status(struct mqg_verb_context *context)
{
	const char *error = mqg_judge_pins_error(context->judge);
	struct mqg_judge_counts counts;
	json_t *listeners, *brokers;
	uint64_t sessions = 0;

	mqg_judge_counts_read(context->judge, &counts);
	listeners = tell_listeners(context, &sessions);
	brokers = tell_brokers(context);
	return json_pack("{s:b, s:s, s:i, s:i, s:o, s:s, s:i, s:b, s:s, s:I, s:I, s:o, s:o, s:o}",
			 "ok", 1, "version", MQG_VERSION, "abi", MQGATE_ABI_VERSION, "pid",
			 (int)getpid(), "uptime",
			 seconds(since(context->started, mqg_boottime_ns())), "config",
			 context->config->path, "workers", (int)context->config->workers, "pins",
			 error == NULL, "pins_error", error ? error : "", "sources_scored",
			 (json_int_t)counts.sources, "sessions", (json_int_t)sessions, "listeners",
			 listeners, "brokers", brokers, "module", tell_module(context));
}

static double wall_clock(uint64_t boot)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9 +
	       ((double)boot - (double)mqg_boottime_ns()) / 1e9;
}

json_t *mqg_verb_event(struct mqg_judge *judge, const struct mqgate_event *event)
{
	const struct mqg_pins *pins = mqg_judge_pins(judge);
	char source[MQG_ADDR_STRLEN], dest[MQG_ADDR_STRLEN];
	char hex[2 * MQGATE_EVENT_BYTES + 1] = "";
	uint32_t captured = event->captured;
	struct mqgate_service svc;

	if (!pins || mqg_service_read(pins, event->service, &svc))
		snprintf(svc.name, sizeof(svc.name), "%u", event->service);
	if (captured > MQGATE_EVENT_BYTES)
		captured = MQGATE_EVENT_BYTES;
	for (uint32_t i = 0; i < captured; i++)
		snprintf(hex + 2 * i, 3, "%02x", event->bytes[i]);
	return json_pack("{s:f, s:s, s:s, s:s, s:i, s:s, s:i, s:I, s:b, s:b, s:I, s:s}", "time",
			 wall_clock(event->time), "service", svc.name, "reason",
			 mqg_reason_word(event->reason), "source",
			 mqg_addr_format(event->flow.saddr, source), "sport",
			 (int)event->flow.sport, "daddr",
			 mqg_addr_format(event->flow.daddr, dest), "dport",
			 (int)event->flow.dport, "ifindex", (json_int_t)event->ifindex, "observed",
			 !!(event->flags & MQGATE_EVENT_F_OBSERVED), "proven",
			 !!(event->flags & MQGATE_EVENT_F_PROVEN), "length",
			 (json_int_t)event->length, "bytes", hex);
}
