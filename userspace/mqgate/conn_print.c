// SPDX-License-Identifier: BSD-2-Clause
/*
 * A client, and what happens to it, as text and as JSON; see conn.h.
 */
#include "mqgate/conn.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/names.h"
#include "mqgate/cmd.h"

static const struct {
	uint32_t	flag;
	const char	*word;
} flags[] = {
	{ MQGATE_CLIENT_F_LOCAL, "local" },
	{ MQGATE_CLIENT_F_BRIDGED, "bridged" },
	{ MQGATE_CLIENT_F_PICKUP, "pickup" },
	{ MQGATE_CLIENT_F_UNVALIDATED, "unvalidated" },
	{ MQGATE_CLIENT_F_BOUND, "bound" },
	{ MQGATE_CLIENT_F_TLS, "tls" },
	{ MQGATE_CLIENT_F_KILLED, "killed" },
	{ MQGATE_CLIENT_F_ID_CUT, "id-cut" },
	{ MQGATE_CLIENT_F_ID_SHARED, "id-shared" },
	{ MQGATE_CLIENT_F_BRIDGE, "bridge" },
	{ MQGATE_CLIENT_F_SESSION_PRESENT, "session-present" },
	{ MQGATE_CLIENT_F_RECONNECT, "reconnect" },
	{ MQGATE_CLIENT_F_TWO_HOLDERS, "two-holders" },
};

static const char *level_word(uint8_t level)
{
	static const char *const words[] = { "-", "?", "?", "3.1", "3.1.1", "5" };

	return level < sizeof(words) / sizeof(words[0]) ? words[level] : "?";
}

static json_t *flags_json(const struct mqg_module_client *client)
{
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (client->flags & flags[i].flag)
			json_array_append_new(list, json_string(flags[i].word));
	return list;
}

/* The kernel keeps what is UTF-8 only; should it ever not be, the bytes are shown one by one. */
static json_t *id_json(const struct mqg_module_client *client)
{
	char latin[2 * MQGATE_CLIENT_ID_KEPT];
	json_t *text;
	size_t used = 0;

	if (client->id_length < 0)
		return json_null();
	text = json_stringn(client->id, (size_t)client->id_length);
	if (text)
		return text;
	for (int i = 0; i < client->id_length; i++) {
		unsigned char c = (unsigned char)client->id[i];

		if (c >= 0x80)
			latin[used++] = (char)(0xc0 | c >> 6);
		latin[used++] = (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c);
	}
	return json_stringn(latin, used);
}

static json_t *pair_json(uint64_t in, uint64_t out)
{
	return json_pack("{s:I, s:I}", "in", (json_int_t)in, "out", (json_int_t)out);
}

json_t *mqg_conn_json(const struct mqg_module_client *client)
{
	const struct mqgate_flow_key *flow = &client->flow;
	uint64_t now = mqg_boottime_ns();
	char source[MQG_ADDR_STRLEN], target[MQG_ADDR_STRLEN];
	json_t *json;

	json = json_pack("{s:s, s:i, s:s, s:i, s:i, s:s, s:o, s:i, s:i, s:i}",
			 "source", mqg_addr_format(flow->saddr, source), "sport", flow->sport,
			 "target", mqg_addr_format(flow->daddr, target), "dport", flow->dport,
			 "service", client->service, "phase", mqg_phase_word(client->phase),
			 "client_id", id_json(client), "level", client->level,
			 "keep_alive", client->keep_alive, "connect_flags", client->connect_flags);
	if (!json)
		return NULL;
	json_object_set_new(json, "age",
			    mqg_json_seconds(now > client->first ? now - client->first : 0));
	json_object_set_new(json, "idle", json_real((double)client->idle_ms / 1000.0));
	json_object_set_new(json, "packets", pair_json(client->packets[MQGATE_FROM_CLIENT],
						       client->packets[MQGATE_FROM_SERVER]));
	json_object_set_new(json, "bytes", pair_json(client->bytes[MQGATE_FROM_CLIENT],
						     client->bytes[MQGATE_FROM_SERVER]));
	json_object_set_new(json, "in_flight", pair_json(client->in_flight[MQGATE_FROM_CLIENT],
							 client->in_flight[MQGATE_FROM_SERVER]));
	json_object_set_new(json, "identity", json_integer(client->identity));
	json_object_set_new(json, "verdict", json_string(mqg_action_word(client->verdict)));
	json_object_set_new(json, "offences", json_integer(client->offences));
	json_object_set_new(json, "reason", json_string(mqg_reason_word(client->reason)));
	json_object_set_new(json, "flags", flags_json(client));
	json_object_set_new(json, "slot", json_integer(client->slot));
	return json;
}

/* For a terminal: control characters, which an identifier may well hold, become '?'. */
static const char *id_text(const struct mqg_module_client *client, char *buf, size_t size)
{
	json_t *id = id_json(client);

	mqg_json_tame(id);
	snprintf(buf, size, "%s", json_is_string(id) ? json_string_value(id) : "-");
	json_decref(id);
	return buf;
}

static const char *end_text(const uint8_t addr[16], uint16_t port, char *buf, size_t size)
{
	char text[MQG_ADDR_STRLEN];
	bool v4 = mqg_addr_is_v4(addr);

	mqg_addr_format(addr, text);
	snprintf(buf, size, "%s%s%s:%u", v4 ? "" : "[", text, v4 ? "" : "]", port);
	return buf;
}

#define END_SIZE	(MQG_ADDR_STRLEN + 10)
#define ID_SIZE		(2 * MQGATE_CLIENT_ID_KEPT + 1)

void mqg_conn_print_line(const struct mqg_module_client *client, bool heading)
{
	char from[END_SIZE], to[END_SIZE], idle[32], in[32], out[32], id[ID_SIZE];

	if (heading)
		printf("%-26s %-22s %-9s %-5s %5s %9s %9s %9s %3s %s\n", "CLIENT", "SERVICE",
		       "PHASE", "MQTT", "ALIVE", "IDLE", "IN", "OUT", "OFF", "CLIENT ID");
	printf("%-26s %-22s %-9s %-5s %5u %9s %9s %9s %3u %s\n",
	       end_text(client->flow.saddr, client->flow.sport, from, sizeof(from)),
	       end_text(client->flow.daddr, client->flow.dport, to, sizeof(to)),
	       mqg_phase_word(client->phase), level_word(client->level), client->keep_alive,
	       mqg_duration_format(client->idle_ms ? client->idle_ms * 1000000 : 1, idle,
				   sizeof(idle)),
	       mqg_bytes_format(client->bytes[MQGATE_FROM_CLIENT], in, sizeof(in)),
	       mqg_bytes_format(client->bytes[MQGATE_FROM_SERVER], out, sizeof(out)),
	       client->offences, id_text(client, id, sizeof(id)));
}

static void print_words(const struct mqg_module_client *client)
{
	printf("    flags      ");
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (client->flags & flags[i].flag)
			printf(" %s", flags[i].word);
	printf("\n");
}

void mqg_conn_print_all(const struct mqg_module_client *client)
{
	char from[END_SIZE], to[END_SIZE], one[32], two[32], id[ID_SIZE];
	uint64_t now = mqg_boottime_ns();

	printf("%s -> %s, service %u\n",
	       end_text(client->flow.saddr, client->flow.sport, from, sizeof(from)),
	       end_text(client->flow.daddr, client->flow.dport, to, sizeof(to)), client->service);
	printf("    client id   %s\n", id_text(client, id, sizeof(id)));
	printf("    session     %s, MQTT %s, keep alive %u s, CONNECT flags 0x%02x\n",
	       mqg_phase_word(client->phase), level_word(client->level), client->keep_alive,
	       client->connect_flags);
	printf("    time        begun %s ago, silent for %s\n",
	       mqg_duration_format(now > client->first ? now - client->first : 1, one,
				   sizeof(one)),
	       mqg_duration_format(client->idle_ms ? client->idle_ms * 1000000 : 1, two,
				   sizeof(two)));
	for (int dir = MQGATE_FROM_CLIENT; dir <= MQGATE_FROM_SERVER; dir++)
		printf("    from %s %s in %llu segments, %u PUBLISH in flight\n",
		       dir == MQGATE_FROM_CLIENT ? "client" : "server",
		       mqg_bytes_format(client->bytes[dir], one, sizeof(one)),
		       (unsigned long long)client->packets[dir], client->in_flight[dir]);
	printf("    identity    %u, verdict %s\n", client->identity,
	       mqg_action_word(client->verdict));
	printf("    offences    %u%s%s\n", client->offences, client->reason ? ", last: " : "",
	       client->reason ? mqg_reason_text(client->reason) : "");
	print_words(client);
}

json_t *mqg_conn_event_json(const struct mqg_module_event *event)
{
	bool source = !strcmp(event->what, "source");
	json_t *json = json_pack("{s:s, s:o, s:I, s:o}", "event", event->what, "time",
				 mqg_json_seconds(event->time), "lost", (json_int_t)event->lost,
				 source ? "source" : "client",
				 source ? mqg_conn_source_json(&event->source) :
					  mqg_conn_json(&event->client));

	if (!json || source)
		return json;
	if (event->before)
		json_object_set_new(json, "before", json_string(mqg_phase_word(event->before)));
	if (!strcmp(event->what, "violation")) {
		json_object_set_new(json, "from",
				    json_string(event->direction ? "server" : "client"));
		json_object_set_new(json, "dropped", json_boolean(event->dropped));
	}
	if (event->reason)
		json_object_set_new(json, "reason", json_string(mqg_reason_word(event->reason)));
	return json;
}

static void print_source_event(const struct mqg_module_event *event)
{
	const struct mqg_module_source *source = &event->source;
	char text[MQG_CONN_SOURCE_STRLEN];

	printf("%-26s %u sessions%s, %u CONNECTs a minute%s\n", mqg_conn_source_text(source, text),
	       source->sessions, source->over & MQGATE_SOURCE_OVER_SESSIONS ? " (over)" : "",
	       source->rate, source->over & MQGATE_SOURCE_OVER_RATE ? " (over)" : "");
}

void mqg_conn_print_event(const struct mqg_module_event *event)
{
	char from[END_SIZE], to[END_SIZE], id[ID_SIZE], clock[16];
	time_t now = time(NULL);
	struct tm tm;

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &tm));
	if (!strcmp(event->what, "source")) {
		printf("%s %-9s ", clock, event->what);
		print_source_event(event);
		return;
	}
	printf("%s %-9s %-26s %-22s ", clock, event->what,
	       end_text(event->client.flow.saddr, event->client.flow.sport, from, sizeof(from)),
	       end_text(event->client.flow.daddr, event->client.flow.dport, to, sizeof(to)));
	if (event->before)
		printf("%s -> %s", mqg_phase_word(event->before),
		       mqg_phase_word(event->client.phase));
	else if (!strcmp(event->what, "violation"))
		printf("%s, by the %s, %s", mqg_reason_word(event->reason),
		       event->direction ? "server" : "client",
		       event->dropped ? "dropped" : "passed");
	else if (event->reason)
		printf("%s", mqg_reason_word(event->reason));
	else
		printf("%s", mqg_phase_word(event->client.phase));
	printf("  %s\n", id_text(&event->client, id, sizeof(id)));
}
