/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The status page: one screen of plain HTML without scripts. Everything that is not a number is
 * escaped, although only the operator can have chosen it. Main thread; what is read locks itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "judge/manage.h"
#include "metrics/metrics.h"

static void escape(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

static void row(FILE *out, const char *name, const char *value)
{
	fputs("<tr><th>", out);
	escape(out, name);
	fputs("</th><td>", out);
	escape(out, value);
	fputs("</td></tr>\n", out);
}

static void row_count(FILE *out, const char *name, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	row(out, name, text);
}

static void tell_server(const struct mqg_metrics_sources *sources, size_t broker, size_t server,
			FILE *out)
{
	struct mqg_server_counts counts;
	char text[256];

	mqg_proxy_server_counts(sources->proxy, broker, server, &counts);
	snprintf(text, sizeof(text), "%s%s, %u open, %llu checks failed", counts.up ? "up" : "down",
		 counts.draining ? ", draining" : "", counts.open,
		 (unsigned long long)counts.checks_failed);
	row(out, sources->config->brokers[broker].servers[server].address.text, text);
}

static void tell_listeners(const struct mqg_metrics_sources *sources, FILE *out)
{
	char text[256];

	for (size_t i = 0; i < sources->config->n_listeners; i++) {
		const struct mqg_listener *l = &sources->config->listeners[i];
		struct mqg_listener_counts counts;

		memset(&counts, 0, sizeof(counts));
		if (sources->proxy)
			mqg_proxy_listener_counts(sources->proxy, i, &counts);
		snprintf(text, sizeof(text), "%s, %llu sessions, %llu accepted, %llu refused",
			 l->address.text, (unsigned long long)counts.sessions,
			 (unsigned long long)counts.accepted, (unsigned long long)counts.refused);
		row(out, l->name, text);
	}
	for (size_t i = 0; i < sources->config->n_brokers; i++) {
		const struct mqg_broker *b = &sources->config->brokers[i];
		struct mqg_broker_counts counts;

		memset(&counts, 0, sizeof(counts));
		if (sources->proxy)
			mqg_proxy_broker_counts(sources->proxy, i, &counts);
		snprintf(text, sizeof(text), "%s, %llu connections, %llu failures, %u clients "
			 "wait", counts.up ? "up" : "down", (unsigned long long)counts.connections,
			 (unsigned long long)counts.failures, counts.waiting);
		row(out, b->name, text);
		for (size_t n = 0; sources->proxy && n < b->n_servers; n++)
			tell_server(sources, i, n, out);
	}
}

static void tell_module(const struct mqg_metrics_sources *sources, FILE *out)
{
	struct mqg_tracker_state state;
	char text[128];

	mqg_tracker_state(sources->tracker, &state);
	if (!state.use)
		row(out, "kernel module", "not used");
	else if (!state.followed)
		row(out, "kernel module", *state.error ? state.error : "not loaded");
	else {
		snprintf(text, sizeof(text), "mode %s, %u clients, %zu flows vouched for%s",
			 state.about.enforce ? "enforce" : "observe", state.about.clients,
			 state.vouched, state.complete ? "" : ", events are missing");
		row(out, "kernel module", text);
	}
}

char *mqg_metrics_page(const struct mqg_metrics_sources *sources, size_t *len)
{
	const char *error = mqg_judge_pins_error(sources->judge);
	struct mqg_judge_counts counts;
	char uptime[32], *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (!out)
		return NULL;
	mqg_judge_counts_read(sources->judge, &counts);
	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	      "<title>mqgate</title><style>body{font-family:sans-serif}"
	      "th{text-align:left;padding-right:2em}</style></head><body>\n"
	      "<h1>mqgate</h1>\n<table>\n", out);
	row(out, "version", MQG_VERSION);
	row(out, "configuration", sources->config->path);
	row(out, "up for", mqg_duration_format(mqg_boottime_ns() - sources->started, uptime,
					       sizeof(uptime)));
	row(out, "maps", error ? error : "open");
	tell_module(sources, out);
	tell_listeners(sources, out);
	row_count(out, "bans by score", counts.bans);
	row_count(out, "limits by score", counts.limits);
	row_count(out, "bans spared", counts.spared);
	row_count(out, "sources scored", counts.sources);
	row_count(out, "flows allowed now", counts.flows);
	fputs("</table>\n<p><a href=\"/metrics\">metrics</a></p>\n</body></html>\n", out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
