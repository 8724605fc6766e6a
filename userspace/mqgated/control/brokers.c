// SPDX-License-Identifier: BSD-2-Clause
/* The verbs about brokers and their servers. Main thread; no lock. */
#include <string.h>

#include "control/verbs.h"
#include "system/log.h"

static json_t *tell_server(struct mqg_proxy *proxy, const struct mqg_broker *broker, size_t b,
			   size_t s)
{
	const struct mqg_server *server = &broker->servers[s];
	struct mqg_server_counts counts = { 0 };

	if (proxy)
		mqg_proxy_server_counts(proxy, b, s, &counts);
	return json_pack("{s:s, s:b, s:b, s:i, s:I, s:I, s:I, s:I, s:I, s:I}", "address",
			 server->address.text, "up", (int)counts.up, "draining",
			 (int)counts.draining, "weight", (int)server->weight, "max_connections",
			 (json_int_t)server->connections_max, "open", (json_int_t)counts.open,
			 "made", (json_int_t)counts.made, "failed", (json_int_t)counts.failed,
			 "checks", (json_int_t)counts.checks, "checks_failed",
			 (json_int_t)counts.checks_failed);
}

json_t *mqg_verb_brokers(struct mqg_verb_context *context, const json_t *request)
{
	json_t *list = json_array();

	(void)request;
	for (size_t i = 0; list && i < context->config->n_brokers; i++) {
		const struct mqg_broker *broker = &context->config->brokers[i];
		struct mqg_broker_counts counts = { 0 };
		json_t *servers = json_array();

		if (context->proxy)
			mqg_proxy_broker_counts(context->proxy, i, &counts);
		for (size_t n = 0; servers && n < broker->n_servers; n++)
			json_array_append_new(servers, tell_server(context->proxy, broker, i, n));
		json_array_append_new(list, json_pack(
			"{s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
			"s:I, s:I, s:I, s:I, s:o}", "name", broker->name,
			"balance", mqg_balance_word(broker->balance), "health",
			mqg_health_word(broker->health.kind), "up", (int)counts.up, "connections",
			(json_int_t)counts.connections, "failures", (json_int_t)counts.failures,
			"waiting", (json_int_t)counts.waiting, "answered",
			(json_int_t)counts.answered, "held", (json_int_t)counts.held, "lost",
			(json_int_t)counts.lost, "resumed", (json_int_t)counts.resumed, "kept",
			(json_int_t)counts.kept, "again", (json_int_t)counts.again, "dropped",
			(json_int_t)counts.dropped, "replayed", (json_int_t)counts.replayed,
			"stored", (json_int_t)counts.parked, "stored_delivered",
			(json_int_t)counts.delivered, "stored_refused",
			(json_int_t)counts.refused,
			"servers", servers));
	}
	return json_pack("{s:b, s:o}", "ok", 1, "brokers", list);
}

static json_t *drain(struct mqg_verb_context *context, const json_t *request, bool out)
{
	const char *name = json_string_value(json_object_get(request, "broker"));
	const json_t *server = json_object_get(request, "server");
	const char *address = json_string_value(server);
	size_t i = 0, done;

	if (!name || (server && !address))
		return mqg_verb_refuse("give \"broker\" as text, and \"server\" as text or not at "
				       "all", "\"broker\" or \"server\" is missing or no text");
	while (i < context->config->n_brokers &&
	       strcmp(context->config->brokers[i].name, name))
		i++;
	if (i == context->config->n_brokers)
		return mqg_verb_refuse("mqgate broker list shows all", "there is no broker "
				       "\"%.64s\"", name);
	if (!context->proxy)
		return mqg_verb_refuse("try again when it has started", "no client is served yet");
	done = mqg_proxy_drain(context->proxy, i, address, out);
	if (!done)
		return mqg_verb_refuse("mqgate broker list shows all; write the address as it is "
				       "there", "the broker %s has no server \"%.128s\"", name,
				       address);
	mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS, "uid %u (pid %d): broker %s %s%s%s", context->uid,
		context->pid, out ? "drain" : "resume", name, address ? " " : "",
		address ? address : "");
	return json_pack("{s:b, s:I}", "ok", 1, "servers", (json_int_t)done);
}

json_t *mqg_verb_broker_drain(struct mqg_verb_context *context, const json_t *request)
{
	return drain(context, request, true);
}

json_t *mqg_verb_broker_resume(struct mqg_verb_context *context, const json_t *request)
{
	return drain(context, request, false);
}
