/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The metrics in Prometheus' text format (version 0.0.4): prefix mqgate_, base units, _total for
 * counters. Labels are services, reasons, listeners, brokers, their servers and maps, never a
 * client or its address: their number is bounded by the configuration. Main thread; what is read
 * locks itself.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "common/pins.h"
#include "config/material.h"
#include "judge/manage.h"
#include "metrics/metrics.h"

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP mqgate_%s %s\n# TYPE mqgate_%s %s\n", name, help, name, type);
}

static void one(FILE *out, const char *name, const char *type, const char *help, double value)
{
	head(out, name, type, help);
	fprintf(out, "mqgate_%s %.17g\n", name, value);
}

/* The name of a service; safe as a label, for configured names are and others are checked. */
static void service_name(const struct mqg_metrics_sources *sources, const struct mqg_pins *pins,
			 uint32_t number, char name[sizeof(((struct mqgate_service *)0)->name)])
{
	struct mqgate_service svc;

	snprintf(name, sizeof(svc.name), "%u", number);
	for (size_t i = 0; i < sources->config->n_listeners; i++)
		if (sources->config->listeners[i].service == number)
			snprintf(name, sizeof(svc.name), "%s", sources->config->listeners[i].name);
	for (size_t i = 0; i < sources->config->n_services; i++)
		if (sources->config->services[i].number == number)
			snprintf(name, sizeof(svc.name), "%s", sources->config->services[i].name);
	if (name[0] < '0' || name[0] > '9' || !pins || mqg_service_read(pins, number, &svc))
		return;
	/* Not configured: a default of XDP, or written by somebody else. */
	svc.name[sizeof(svc.name) - 1] = '\0';
	if (svc.name[0] && !strpbrk(svc.name, "\"\\\n"))
		snprintf(name, sizeof(svc.name), "%s", svc.name);
}

struct xdp_walk {
	const struct mqg_metrics_sources	*sources;
	const struct mqg_pins			*pins;
	FILE					*out;
	int					what;	/* 0 packets, 1 bytes, 2 observed, 3 lost */
};

static int tell_stat(const struct mqgate_stat *sum, void *arg)
{
	static const char *const names[] = { "xdp_packets_total", "xdp_bytes_total",
					     "xdp_observed_packets_total",
					     "xdp_events_lost_total" };
	const struct xdp_walk *walk = arg;
	const uint64_t values[] = { sum->packets, sum->bytes, sum->observed, sum->lost };
	char name[sizeof(((struct mqgate_service *)0)->name)];

	if (!values[walk->what])
		return 0;
	service_name(walk->sources, walk->pins, sum->service, name);
	fprintf(walk->out, "mqgate_%s{service=\"%s\",reason=\"%s\",verdict=\"%s\"} %llu\n",
		names[walk->what], name, mqg_reason_word(sum->reason),
		sum->reason < MQGATE_REASON_FIRST_DROP ? "pass" :
		MQGATE_REASON_ANSWERS(sum->reason) ? "answer" : "drop",
		(unsigned long long)values[walk->what]);
	return 0;
}

static void tell_xdp(const struct mqg_metrics_sources *sources, const struct mqg_pins *pins,
		     FILE *out)
{
	struct xdp_walk walk = { sources, pins, out, 0 };

	head(out, "xdp_packets_total", "counter",
	     "Packets that XDP judged, by service and reason.");
	mqg_stat_each(pins, tell_stat, &walk);
	walk.what = 1;
	head(out, "xdp_bytes_total", "counter", "Bytes on the wire of those packets.");
	mqg_stat_each(pins, tell_stat, &walk);
	walk.what = 2;
	head(out, "xdp_observed_packets_total", "counter",
	     "Packets that mode observe let pass though the reason speaks against them.");
	mqg_stat_each(pins, tell_stat, &walk);
	walk.what = 3;
	head(out, "xdp_events_lost_total", "counter",
	     "Sampled drops that found the ring buffer full; the drops themselves are counted.");
	mqg_stat_each(pins, tell_stat, &walk);
}

/* As last counted: a scrape does not walk maps of a million entries. */
static void tell_maps(const struct mqg_metrics_sources *sources, const struct mqg_pins *pins,
		      FILE *out)
{
	struct mqg_judge_counts counts;
	const struct {
		const char	*name;
		int		fd;
		const size_t	*entries;
	} maps[] = {
		{ MQGATE_MAP_SOURCES, pins->sources, &counts.entries[0] },
		{ MQGATE_MAP_PREFIX4, pins->prefix4, &counts.entries[1] },
		{ MQGATE_MAP_PREFIX6, pins->prefix6, &counts.entries[2] },
		{ MQGATE_MAP_ALLOW, pins->allow, &counts.held[0] },
		{ MQGATE_MAP_FLOWS, pins->flows, &counts.held[1] },
		{ MQGATE_MAP_BUDGETS, pins->budgets, &counts.held[2] },
	};
	uint32_t room;

	mqg_judge_counts_read(sources->judge, &counts);
	head(out, "map_entries", "gauge", "Entries in a map, when it was last counted.");
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		fprintf(out, "mqgate_map_entries{map=\"%s\"} %zu\n", maps[i].name,
			*maps[i].entries);
	head(out, "map_entries_max", "gauge",
	     "Entries that a map holds. Of flows and budgets the least used give way then.");
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		if (!mqg_map_room(maps[i].fd, &room))
			fprintf(out, "mqgate_map_entries_max{map=\"%s\"} %u\n", maps[i].name,
				room);
}

static void tell_refusals(const struct mqg_metrics_sources *sources, const struct mqg_pins *pins,
			  FILE *out)
{
	head(out, "refusals_total", "counter",
	     "Connections that the daemon refused or ended, by service and reason.");
	for (uint32_t s = 0; s < MQGATE_SERVICES; s++) {
		for (uint32_t r = 0; r < MQGATE_REASON_MAX; r++) {
			uint64_t n = mqg_judge_refused_read(sources->judge, s, r);
			char name[sizeof(((struct mqgate_service *)0)->name)];

			if (!n)
				continue;
			service_name(sources, pins, s, name);
			fprintf(out, "mqgate_refusals_total{service=\"%s\",reason=\"%s\"} %llu\n",
				name, mqg_reason_word(r), (unsigned long long)n);
		}
	}
}

static void tell_listeners(const struct mqg_metrics_sources *sources, FILE *out)
{
	static const struct {
		const char	*name, *type, *help;
		size_t		offset;
	} rows[] = {
		{ "connections_accepted_total", "counter", "Connections accepted.",
		  offsetof(struct mqg_listener_counts, accepted) },
		{ "connections_refused_total", "counter", "Connections refused.",
		  offsetof(struct mqg_listener_counts, refused) },
		{ "passwords_stripped_total", "counter",
		  "Passwords in clear text that the broker did not get.",
		  offsetof(struct mqg_listener_counts, stripped) },
		{ "sessions", "gauge", "Sessions open now.",
		  offsetof(struct mqg_listener_counts, sessions) },
		{ "received_bytes_total", "counter", "Bytes from clients to the broker.",
		  offsetof(struct mqg_listener_counts, bytes_in) },
		{ "sent_bytes_total", "counter", "Bytes from the broker to clients.",
		  offsetof(struct mqg_listener_counts, bytes_out) },
		{ "reads_paused_total", "counter",
		  "Reads after which a client had to wait, for a rate of limits.",
		  offsetof(struct mqg_listener_counts, paused) },
		{ "deliveries_delayed_total", "counter",
		  "Messages that were kept until the client's Receive Maximum had room.",
		  offsetof(struct mqg_listener_counts, delayed) },
		{ "tls_chain_cache_hits_total", "counter",
		  "Chains of clients that were known, so that they were not verified again.",
		  offsetof(struct mqg_listener_counts, chain_hits) },
		{ "tls_chain_cache_misses_total", "counter",
		  "Chains of clients that were verified, or refused.",
		  offsetof(struct mqg_listener_counts, chain_misses) },
	};

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		head(out, rows[r].name, rows[r].type, rows[r].help);
		for (size_t i = 0; i < sources->config->n_listeners; i++) {
			struct mqg_listener_counts counts;
			uint64_t value;

			memset(&counts, 0, sizeof(counts));
			if (sources->proxy)
				mqg_proxy_listener_counts(sources->proxy, i, &counts);
			memcpy(&value, (const char *)&counts + rows[r].offset, sizeof(value));
			fprintf(out, "mqgate_%s{listener=\"%s\"} %llu\n", rows[r].name,
				sources->config->listeners[i].name, (unsigned long long)value);
		}
	}
}

static void tell_messages(const struct mqg_metrics_sources *sources, FILE *out)
{
	const struct mqg_config *config = sources->config;
	uint64_t counts[MQGATE_REASON_MAX];

	head(out, "messages_refused_total", "counter",
	     "Packets that went no further while their sessions went on, by listener and reason.");
	for (size_t i = 0; sources->proxy && i < config->n_listeners; i++) {
		mqg_proxy_messages_refused(sources->proxy, i, counts);
		for (uint32_t r = 0; r < MQGATE_REASON_MAX; r++)
			if (counts[r])
				fprintf(out, "mqgate_messages_refused_total{listener=\"%s\","
					"reason=\"%s\"} %llu\n", config->listeners[i].name,
					mqg_reason_word(r), (unsigned long long)counts[r]);
	}
}

static void tell_handshakes(const struct mqg_metrics_sources *sources, FILE *out)
{
	const struct mqg_config *config = sources->config;
	struct mqg_listener_counts counts;

	head(out, "tls_handshakes_total", "counter",
	     "Handshakes that were finished: full ones, and those that resumed a session.");
	for (size_t i = 0; sources->proxy && i < config->n_listeners; i++) {
		mqg_proxy_listener_counts(sources->proxy, i, &counts);
		fprintf(out, "mqgate_tls_handshakes_total{listener=\"%s\",kind=\"full\"} %llu\n"
			"mqgate_tls_handshakes_total{listener=\"%s\",kind=\"resumed\"} %llu\n",
			config->listeners[i].name, (unsigned long long)counts.full,
			config->listeners[i].name, (unsigned long long)counts.resumed);
	}
	head(out, "tls_tickets_declined_total", "counter",
	     "Session tickets that were not taken, so that a full handshake followed, by why.");
	for (size_t i = 0; sources->proxy && i < config->n_listeners; i++) {
		mqg_proxy_listener_counts(sources->proxy, i, &counts);
		for (int n = 0; n < MQG_TICKET_DECLINED; n++)
			fprintf(out, "mqgate_tls_tickets_declined_total{listener=\"%s\","
				"reason=\"%s\"} %llu\n", config->listeners[i].name,
				mqg_ticket_word(n), (unsigned long long)counts.declined[n]);
	}
}

static void tell_judge(const struct mqg_metrics_sources *sources, FILE *out)
{
	static const char *const verdicts[] = { MQGATE_MAP_SOURCES, MQGATE_MAP_PREFIX4,
						MQGATE_MAP_PREFIX6 };
	struct mqg_judge_counts counts;

	mqg_judge_counts_read(sources->judge, &counts);
	one(out, "bans_total", "counter", "Sources banned by score.", (double)counts.bans);
	one(out, "limits_total", "counter", "Times that a source was limited by score.",
	    (double)counts.limits);
	one(out, "bans_spared_total", "counter",
	    "Bans not written: allow list, or limited for a live authenticated flow.",
	    (double)counts.spared);
	head(out, "map_full_total", "counter", "Writes that a full map refused.");
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		fprintf(out, "mqgate_map_full_total{map=\"%s\"} %llu\n", verdicts[i],
			(unsigned long long)counts.verdicts_full[i]);
	fprintf(out, "mqgate_map_full_total{map=\"" MQGATE_MAP_ALLOW "\"} %llu\n",
		(unsigned long long)counts.allow_full);
	one(out, "xdp_events_total", "counter", "Sampled drops read from XDP.",
	    (double)counts.events);
	one(out, "xdp_events_proven_total", "counter",
	    "Of those, from sources that finished a TCP handshake.",
	    (double)counts.events_proven);
	one(out, "events_lost_total", "counter",
	    "Events that slow readers of the control socket lost.",
	    sources->control ? (double)mqg_control_events_lost(sources->control) : 0);
	one(out, "flows_allowed_total", "counter", "Authenticated flows that were given ALLOW.",
	    (double)counts.allowed);
	one(out, "flows_allowed", "gauge", "Authenticated flows alive now.", (double)counts.flows);
	one(out, "sources_scored", "gauge", "Sources in the score table.", (double)counts.sources);
}

/* How long lists still hold, and what has been changed while running. */
static void tell_live(const struct mqg_metrics_sources *sources, FILE *out)
{
	struct mqg_live_counts counts;

	mqg_live_counts(sources->live, &counts);
	head(out, "reloads_total", "counter", "Reloads of the configuration, by result.");
	fprintf(out, "mqgate_reloads_total{result=\"done\"} %llu\n",
		(unsigned long long)counts.reloads);
	fprintf(out, "mqgate_reloads_total{result=\"refused\"} %llu\n",
		(unsigned long long)counts.failed);
	head(out, "crl_reads_total", "counter",
	     "Times that revocation lists had changed and were read anew, by result.");
	fprintf(out, "mqgate_crl_reads_total{result=\"done\"} %llu\n",
		(unsigned long long)counts.lists);
	fprintf(out, "mqgate_crl_reads_total{result=\"refused\"} %llu\n",
		(unsigned long long)counts.lists_failed);
	one(out, "revoked_here", "gauge", "Local revocations in force.", (double)counts.revoked);
	one(out, "trust_epoch", "gauge", "Changes of what sessions are judged by; 1 at the start.",
	    sources->proxy ? (double)mqg_proxy_epoch(sources->proxy) : 0);
	head(out, "crl_next_update_timestamp_seconds", "gauge",
	     "When the first revocation list of a listener is out of date, Unix time.");
	for (size_t i = 0; i < sources->config->n_listeners; i++) {
		const struct mqg_listener *l = &sources->config->listeners[i];

		for (size_t n = 0; n < l->n_policies; n++) {
			const struct mqg_crls *crls = l->policies[n].material->crls;

			if (crls && crls->first_out)
				fprintf(out, "mqgate_crl_next_update_timestamp_seconds"
					"{listener=\"%s\"} %lld\n", l->policies[n].title,
					(long long)crls->first_out);
		}
	}
}

static void tell_violations(const struct mqg_metrics_sources *sources,
			    const struct mqg_pins *pins, FILE *out)
{
	static const char *const enforced[] = { "observed", "dropped" };

	head(out, "module_violations_total", "counter",
	     "Violations that the kernel module told of, by service, reason and what was done.");
	for (uint32_t s = 0; s < MQGATE_SERVICES; s++) {
		for (uint32_t r = 0; r < 2 * MQGATE_REASON_MAX; r++) {
			uint64_t n = mqg_tracker_violations(sources->tracker, s, r / 2, r % 2);
			char name[sizeof(((struct mqgate_service *)0)->name)];

			if (!n)
				continue;
			service_name(sources, pins, s, name);
			fprintf(out, "mqgate_module_violations_total{service=\"%s\","
				"reason=\"%s\",verdict=\"%s\"} %llu\n", name,
				mqg_reason_word(r / 2), enforced[r % 2], (unsigned long long)n);
		}
	}
}

static void tell_module(const struct mqg_metrics_sources *sources, const struct mqg_pins *pins,
			FILE *out)
{
	struct mqg_tracker_state state;

	mqg_tracker_state(sources->tracker, &state);
	one(out, "module_followed", "gauge", "1 while the daemon follows the kernel module.",
	    state.followed);
	one(out, "module_complete", "gauge",
	    "1 while no event of the module is missing that a dump has not made good for.",
	    state.complete);
	one(out, "module_clients", "gauge", "Clients that the module follows now.",
	    state.about.clients);
	one(out, "module_flows_vouched", "gauge",
	    "Routed flows ALLOWed by the module's word, now.", (double)state.vouched);
	one(out, "module_events_total", "counter", "Events read from the module.",
	    (double)state.events);
	one(out, "module_losses_total", "counter", "Times that events of the module were lost.",
	    (double)state.lost);
	one(out, "module_rebuilds_total", "counter",
	    "Dumps of the module's clients that came to their end.", (double)state.rebuilds);
	tell_violations(sources, pins, out);
}

static void tell_ocsp(const struct mqg_metrics_sources *sources, FILE *out)
{
	struct mqg_ocsp_counts counts = { .known = 0 };

	if (sources->proxy)
		mqg_proxy_ocsp_counts(sources->proxy, &counts);
	head(out, "ocsp_answers_total", "counter",
	     "Questions by OCSP, by answer; late: not in time, unasked: nobody to ask.");
	for (size_t i = 0; i < sizeof(counts.answers) / sizeof(counts.answers[0]); i++)
		fprintf(out, "mqgate_ocsp_answers_total{answer=\"%s\"} %llu\n",
			mqg_ocsp_answer_word(i), (unsigned long long)counts.answers[i]);
	one(out, "ocsp_known_total", "counter", "Clients judged by an OCSP answer of before.",
	    (double)counts.known);
	one(out, "ocsp_spared_total", "counter",
	    "Clients let in without a good OCSP answer (policy soft).", (double)counts.spared);
	one(out, "ocsp_entries", "gauge", "Certificates whose OCSP answer is known or awaited.",
	    (double)counts.entries);
}

char *mqg_metrics_text(const struct mqg_metrics_sources *sources, size_t *len)
{
	const struct mqg_pins *pins = mqg_judge_pins(sources->judge);
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (!out)
		return NULL;
	head(out, "build_info", "gauge", "1, with the version and the ABI of this daemon.");
	fprintf(out, "mqgate_build_info{version=\"%s\",abi=\"%d\"} 1\n", MQG_VERSION,
		MQGATE_ABI_VERSION);
	one(out, "uptime_seconds", "gauge", "Time since the daemon started.",
	    (double)(mqg_boottime_ns() - sources->started) / 1e9);
	one(out, "pins_open", "gauge", "1 while the daemon has the pinned maps open.", !!pins);
	tell_listeners(sources, out);
	tell_messages(sources, out);
	mqg_metrics_groups(sources, out);
	tell_handshakes(sources, out);
	one(out, "tls_chain_cache_entries", "gauge", "Chains that the workers remember now.",
	    sources->proxy ? (double)mqg_proxy_chains(sources->proxy) : 0);
	tell_ocsp(sources, out);
	mqg_metrics_brokers(sources, out);
	mqg_metrics_store(sources, out);
	mqg_metrics_taps(sources, out);
	tell_refusals(sources, pins, out);
	tell_judge(sources, out);
	mqg_metrics_identities(sources, out);
	mqg_metrics_handshakes(sources, out);
	tell_live(sources, out);
	tell_module(sources, pins, out);
	if (pins) {
		tell_maps(sources, pins, out);
		tell_xdp(sources, pins, out);
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
