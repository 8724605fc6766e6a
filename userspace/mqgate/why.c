// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate why`: all that is held for and against an address or a client identifier, from the
 * maps, from the daemon and from the kernel module. Gathered as JSON; the text is made from it.
 * Called by main().
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/names.h"
#include "mqgate/cmd.h"
#include "mqgate/verdict.h"
#include "mqgate/why.h"

/* ---- gathering -------------------------------------------------------------- */

struct flows {
	const struct mqgate_source_key	*key;
	size_t				prefix;
	uint64_t			now;
	json_t				*list;
};

static int add_flow(const struct mqgate_flow_key *flow, const struct mqgate_allow *allow, void *arg)
{
	char source[MQG_ADDR_STRLEN], service[MQG_ADDR_STRLEN];
	struct flows *f = arg;

	if (memcmp(flow->saddr, f->key->addr, f->prefix) ||
	    (allow->expires && allow->expires <= f->now))
		return 0;
	json_array_append_new(
		f->list, json_pack("{s:s, s:i, s:s, s:i, s:I, s:I, s:I, s:o}", "source",
				   mqg_addr_format(flow->saddr, source), "sport", flow->sport,
				   "destination", mqg_addr_format(flow->daddr, service), "dport",
				   flow->dport, "service", (json_int_t)allow->service, "identity",
				   (json_int_t)allow->identity, "packets",
				   (json_int_t)allow->packets, "expires",
				   allow->expires ? mqg_json_seconds(allow->expires - f->now) :
						    json_null()));
	return 0;
}

static int add_verdict(const struct mqg_net *net, const struct mqgate_verdict *verdict, void *list)
{
	json_array_append_new(list, mqg_verdict_json(net, verdict, mqg_boottime_ns()));
	return 0;
}

static bool is_network(const struct mqgate_source_key *key)
{
	static const uint8_t zero[8];

	return !mqg_addr_is_v4(key->addr) && !memcmp(key->addr + 8, zero, 8);
}

/* In the order in which XDP asks: the exact address, its /64, then the longest prefix. */
static void gather_maps(const struct mqg_pins *pins, const struct mqgate_source_key *key,
			json_t *answer)
{
	uint64_t now = mqg_boottime_ns();
	struct flows flows = { key, is_network(key) ? 8 : sizeof(key->addr), now, json_array() };
	json_t *verdicts = json_array();

	mqg_net_match(pins, key->addr, now, add_verdict, verdicts);
	mqg_allow_each(pins, add_flow, &flows);
	json_object_set_new(answer, "verdicts", verdicts);
	json_object_set_new(answer, "allowed", flows.list);
}

/* Return: 1 with its answer, 0 when no daemon runs, negative after refusing. */
static int gather_daemon(const char *subject, json_t *answer)
{
	struct mqg_control control;
	json_t *said = NULL, *request;
	char why[1024];
	int running = mqg_cmd_daemon(&control), err;

	if (running <= 0) {
		json_object_set_new(answer, "daemon", json_null());
		return running;
	}
	request = json_pack("{s:s, s:s}", "do", "why", "subject", subject);
	err = mqg_control_ask(&control, request, &said, why, sizeof(why));
	mqg_control_close(&control);
	if (err == -EREMOTEIO) {
		json_object_set_new(answer, "daemon", json_pack("{s:s}", "error", why));
		return 1;
	}
	if (err) {
		mqg_refuse("%s", why);
		return err;
	}
	json_object_del(said, "ok");
	json_object_set_new(answer, "daemon", said);
	return 1;
}

static bool anything(const json_t *answer)
{
	const json_t *daemon = json_object_get(answer, "daemon");
	const json_t *module = json_object_get(answer, "module");

	return json_array_size(json_object_get(module, "clients")) ||
	       json_array_size(json_object_get(daemon, "violations")) ||
	       json_array_size(json_object_get(answer, "verdicts")) ||
	       json_array_size(json_object_get(answer, "allowed")) ||
	       json_array_size(json_object_get(daemon, "evidence")) ||
	       json_array_size(json_object_get(daemon, "sessions")) ||
	       json_array_size(json_object_get(daemon, "refusals")) ||
	       json_number_value(json_object_get(daemon, "score")) > 0;
}

/* ---- words ------------------------------------------------------------------ */

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && *text ? text : "-";
}

static long long number_of(const json_t *object, const char *name)
{
	return (long long)json_number_value(json_object_get(object, name));
}

static const char *span(const json_t *object, const char *name, char *buf, size_t size)
{
	double seconds = json_number_value(json_object_get(object, name));

	return mqg_duration_format(seconds > 0.001 ? (uint64_t)(seconds * 1e9) : 1, buf, size);
}

static void print_verdict(const json_t *v, bool decides)
{
	const char *word = text_of(v, "reason");
	int reason = mqg_reason_parse(word);
	char age[32], left[32], rate[32] = "";

	if (json_is_integer(json_object_get(v, "rate")))
		snprintf(rate, sizeof(rate), " to %lld/s", number_of(v, "rate"));
	printf("verdict    %s%s on %s by %s, because of %s (%s)%s\n", text_of(v, "action"),
	       rate, text_of(v, "source"), text_of(v, "origin"), word,
	       reason < 0 ? "?" : mqg_reason_text((uint32_t)reason),
	       decides ? "" : "; the one above comes first");
	if (strcmp(text_of(v, "text"), "-"))
		printf("           %s\n", text_of(v, "text"));
	printf("           since %s, ", span(v, "age", age, sizeof(age)));
	if (json_is_null(json_object_get(v, "expires")))
		printf("for ever");
	else
		printf("for another %s", span(v, "expires", left, sizeof(left)));
	printf(", decided %lld packets", number_of(v, "hits"));
	if (number_of(v, "strikes"))
		printf(", strikes %lld", number_of(v, "strikes"));
	printf("\n");
}

static void print_flow(const json_t *flow)
{
	char left[32];

	printf("allowed    %s:%lld -> %s:%lld, service %lld, %lld packets", text_of(flow, "source"),
	       number_of(flow, "sport"), text_of(flow, "destination"), number_of(flow, "dport"),
	       number_of(flow, "service"), number_of(flow, "packets"));
	if (!json_is_null(json_object_get(flow, "expires")))
		printf(", for another %s", span(flow, "expires", left, sizeof(left)));
	printf("\n");
}

static void print_daemon(const json_t *daemon)
{
	const json_t *item;
	char age[32];
	size_t i;

	if (json_is_null(daemon)) {
		printf("daemon     not running: no score, evidence or sessions to tell\n");
		return;
	}
	if (json_object_get(daemon, "error")) {
		printf("daemon     %s\n", text_of(daemon, "error"));
		return;
	}
	if (json_is_number(json_object_get(daemon, "score")))
		printf("score      %lld of %lld, strikes %lld\n", number_of(daemon, "score"),
		       number_of(daemon, "threshold"), number_of(daemon, "strikes"));
	json_array_foreach(json_object_get(daemon, "evidence"), i, item)
		printf("evidence   %s ago: %s, %lld points\n", span(item, "age", age, sizeof(age)),
		       text_of(item, "reason"), number_of(item, "points"));
	json_array_foreach(json_object_get(daemon, "sessions"), i, item) {
		bool allowed = json_is_true(json_object_get(item, "allowed"));

		printf("session    %s as %s from %s on %s, since %s, %s\n",
		       text_of(item, "client_id"), text_of(item, "identity"),
		       text_of(item, "source"), text_of(item, "listener"),
		       span(item, "since", age, sizeof(age)),
		       allowed ? "ALLOWed" : "not ALLOWed yet");
	}
	json_array_foreach(json_object_get(daemon, "refusals"), i, item)
		printf("refused    %s ago: %s, from %s, client %s as %s\n",
		       span(item, "age", age, sizeof(age)), text_of(item, "reason"),
		       text_of(item, "source"), text_of(item, "client_id"),
		       text_of(item, "identity"));
}

static void print_violations(const json_t *daemon)
{
	const json_t *item;
	char age[32];
	size_t i;

	json_array_foreach(json_object_get(daemon, "violations"), i, item)
		printf("violation  %s ago: %s, from %s, client %s\n",
		       span(item, "age", age, sizeof(age)), text_of(item, "reason"),
		       text_of(item, "source"), text_of(item, "client_id"));
}

static void print_text(const json_t *answer)
{
	const json_t *verdicts = json_object_get(answer, "verdicts"), *item;
	size_t i;

	printf("%s\n", text_of(answer, "subject"));
	json_array_foreach(verdicts, i, item)
		print_verdict(item, i == 0);
	if (verdicts && !json_array_size(verdicts))
		printf("verdict    none: judged by what it sends\n");
	json_array_foreach(json_object_get(answer, "allowed"), i, item)
		print_flow(item);
	print_daemon(json_object_get(answer, "daemon"));
	print_violations(json_object_get(answer, "daemon"));
	mqg_why_module_print(json_object_get(answer, "module"));
}

/* "10.0.0" and "2001:db8::1/48" are addresses that went wrong, not client identifiers. */
static bool looks_like_address(const char *subject)
{
	return !subject[strspn(subject, "0123456789./")] ||
	       (strchr(subject, ':') && !subject[strspn(subject, "0123456789abcdefABCDEF:./")]);
}

int mqg_run_why(const struct mqg_cmd *cmd, int argc, char **argv)
{
	struct mqgate_source_key key;
	const char *wrong;
	bool address;
	json_t *answer;
	int running, code;

	if (argc != 1)
		return mqg_misuse("why: name one address or client identifier");
	address = !mqg_source_parse(argv[0], &key, &wrong);

	answer = json_pack("{s:s}", "subject", argv[0]);
	if (!answer)
		return mqg_misuse("why: the client identifier is not valid UTF-8");
	running = gather_daemon(argv[0], answer);
	if (running < 0) {
		json_decref(answer);
		return MQG_REFUSED;
	}
	json_object_set_new(answer, "module", mqg_why_module(address ? &key : NULL, argv[0]));
	if (!address && !running && !json_object_get(json_object_get(answer, "module"), "count")) {
		json_decref(answer);
		if (looks_like_address(argv[0]))
			return mqg_misuse("%s: %s", argv[0], wrong);
		return mqg_refuse("%s: not an address, and no daemon runs and no kernel module is "
				  "loaded that would know client identifiers; start mqgated",
				  argv[0]);
	}
	if (address) {
		struct mqg_pins pins;
		char why[512];
		int err = mqg_pins_open(&pins, why, sizeof(why));

		/* Without pins the daemon may still know the source. */
		if (err && (err != -ENOENT || !running)) {
			json_decref(answer);
			return mqg_refuse("%s", why);
		}
		if (!err) {
			gather_maps(&pins, &key, answer);
			mqg_pins_close(&pins);
		}
	}
	code = anything(answer) ? MQG_DONE : MQG_REFUSED;
	if (cmd->json) {
		mqg_json_print(cmd, answer);
		return code;
	}
	mqg_json_tame(answer);
	print_text(answer);
	if (code)
		printf("nothing is known of it\n");
	json_decref(answer);
	return code;
}
