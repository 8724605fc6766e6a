// SPDX-License-Identifier: BSD-2-Clause
/*
 * Draws a frame of the live view, or tells it as JSON. Called by top.c; no state.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/names.h"
#include "mqgate/cmd.h"
#include "mqgate/feed.h"
#include "mqgate/screen.h"
#include "mqgate/top.h"

#define REASONS_SHOWN	8
#define REFUSALS_SHOWN	5
#define BAR_CELLS	24

/* Packets a second between the two looks; 0 when the counters began anew. */
static double rate(const struct mqg_top *top, uint64_t now, uint64_t before)
{
	double seconds = (double)(top->now->time - top->before->time) / 1e9;

	return now > before && seconds > 0 ? (double)(now - before) / seconds : 0;
}

static double reason_rate(const struct mqg_top *top, uint32_t service, uint32_t reason)
{
	const struct mqgate_stat *now = &top->now->stat[service][reason];
	const struct mqgate_stat *before = &top->before->stat[service][reason];

	return rate(top, now->packets + now->observed, before->packets + before->observed);
}

struct busy {
	uint32_t	reason;
	double		rate;
	uint64_t	total;
};

static int by_rate(const void *a, const void *b)
{
	const struct busy *x = a, *y = b;

	if (x->rate != y->rate)
		return x->rate < y->rate ? 1 : -1;
	if (x->total != y->total)
		return x->total < y->total ? 1 : -1;
	return x->reason < y->reason ? -1 : 1;
}

/* The reasons for which packets were dropped, or would have been, the busiest first. */
static size_t drop_reasons(const struct mqg_top *top, uint32_t service,
			   struct busy busy[MQGATE_REASON_PACKET_MAX])
{
	size_t n = 0;

	for (uint32_t r = MQGATE_REASON_FIRST_DROP; r < MQGATE_REASON_PACKET_MAX; r++) {
		const struct mqgate_stat *stat = &top->now->stat[service][r];

		if (stat->packets || stat->observed)
			busy[n++] = (struct busy){ r, reason_rate(top, service, r),
						   stat->packets + stat->observed };
	}
	qsort(busy, n, sizeof(*busy), by_rate);
	return n;
}

static long long number_of(const json_t *object, const char *name)
{
	return (long long)json_number_value(json_object_get(object, name));
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && *text ? text : "-";
}

static void draw_head(const struct mqg_top *top)
{
	char host[64] = "", clock[16], span[32], list[256] = "";
	const json_t *interface;
	time_t now = time(NULL);
	size_t i, used = 0;
	struct tm tm;

	gethostname(host, sizeof(host) - 1);
	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &tm));
	mqg_screen_line("%smqgate " MQG_VERSION "%s  %s  %s  every %s%s",
			mqg_screen_style(MQG_BOLD), mqg_screen_style(MQG_PLAIN), host, clock,
			mqg_duration_format(top->interval, span, sizeof(span)),
			isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? ", q quits" : "");
	json_array_foreach(top->interfaces, i, interface)
		if (used < sizeof(list))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s %s",
						 i ? ", " : "", text_of(interface, "name"),
						 text_of(interface, "mode"));
	mqg_screen_line("on       %s", list[0] ? list : "no interface: mqgate attach IF");
	if (top->daemon)
		mqg_screen_line("daemon   pid %lld, up %s, %lld sessions, %lld sources scored%s",
				number_of(top->daemon, "pid"),
				mqg_duration_format((uint64_t)number_of(top->daemon, "uptime") *
						    1000000000ULL + 1, span, sizeof(span)),
				number_of(top->daemon, "sessions"),
				number_of(top->daemon, "sources_scored"),
				json_is_true(json_object_get(top->daemon, "pins")) ? "" :
				"; it does not use the pins");
	else
		mqg_screen_line("daemon   not running: filters go on with what is in the maps");
	mqg_screen_line(
		"verdicts %u drop, %u reset, %u pass, %u limit; %u entries of %u. "
		"ALLOWed flows %u of %u",
		top->now->verdicts[MQGATE_ACTION_DROP], top->now->verdicts[MQGATE_ACTION_RESET],
		top->now->verdicts[MQGATE_ACTION_PASS], top->now->verdicts[MQGATE_ACTION_LIMIT],
		top->now->sources.entries,
		top->now->sources.max, top->now->allow.entries, top->now->allow.max);
}

static void draw_service(const struct mqg_top *top, uint32_t number, double most)
{
	const struct mqg_survey_service *now = &top->now->service[number];
	const struct mqg_survey_service *before = &top->before->service[number];
	char ports[64], passed[16], dropped[16], total[16], bar[4 * BAR_CELLS + 1];
	struct busy busy[MQGATE_REASON_PACKET_MAX];
	double drops = rate(top, now->dropped, before->dropped);
	size_t n;

	mqg_screen_line(
		"%s%-15s%s %-14s %-8s %s%9s%s %s%9s %s%s %9s %8u", mqg_screen_style(MQG_BOLD),
		now->svc.name, mqg_screen_style(MQG_PLAIN),
		mqg_survey_ports(now, ports, sizeof(ports)), mqg_mode_word(now->svc.mode),
		mqg_screen_style(MQG_GREEN),
		mqg_count_format(rate(top, now->passed, before->passed), passed, sizeof(passed)),
		mqg_screen_style(MQG_PLAIN), mqg_screen_style(drops > 0 ? MQG_RED : MQG_PLAIN),
		mqg_count_format(drops, dropped, sizeof(dropped)),
		mqg_screen_bar(most > 0 ? drops / most : 0, BAR_CELLS, bar, sizeof(bar)),
		mqg_screen_style(MQG_PLAIN),
		mqg_count_format((double)now->dropped, total, sizeof(total)), now->allowed);
	n = drop_reasons(top, number, busy);
	for (size_t i = 0; i < n && i < REASONS_SHOWN; i++)
		mqg_screen_line("  %-47s %s%9s %s%s %9s",
				mqg_reason_word(busy[i].reason),
				mqg_screen_style(busy[i].rate > 0 ? MQG_RED : MQG_DIM),
				mqg_count_format(busy[i].rate, dropped, sizeof(dropped)),
				mqg_screen_bar(most > 0 ? busy[i].rate / most : 0, BAR_CELLS, bar,
					       sizeof(bar)),
				mqg_screen_style(MQG_PLAIN),
				mqg_count_format((double)busy[i].total, total, sizeof(total)));
	if (n > REASONS_SHOWN)
		mqg_screen_line("  and %zu more: mqgate stats service %s", n - REASONS_SHOWN,
				now->svc.name);
}

static void draw_services(const struct mqg_top *top)
{
	double most = 0;

	for (uint32_t i = 0; i < MQGATE_SERVICES; i++) {
		double drops = rate(top, top->now->service[i].dropped,
				    top->before->service[i].dropped);

		if (drops > most)
			most = drops;
		/* In mode observe nothing is dropped, and the reasons have rates all the same. */
		for (uint32_t r = MQGATE_REASON_FIRST_DROP; r < MQGATE_REASON_PACKET_MAX; r++)
			if (reason_rate(top, i, r) > most)
				most = reason_rate(top, i, r);
	}
	mqg_screen_line("%s", "");
	mqg_screen_line("%s%-15s %-14s %-8s %9s %9s %-*s %9s %8s%s", mqg_screen_style(MQG_DIM),
			"SERVICE", "PORTS", "MODE", "PASSED/s", "DROPPED/s", BAR_CELLS, "",
			"IN ALL", "ALLOWED", mqg_screen_style(MQG_PLAIN));
	for (uint32_t i = 0; i < MQGATE_SERVICES; i++)
		if (top->now->service[i].shown)
			draw_service(top, i, most);
}

static void draw_event(const json_t *event)
{
	double when = json_number_value(json_object_get(event, "time"));
	time_t seconds = (time_t)when;
	char clock[16];
	struct tm tm;

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&seconds, &tm));
	mqg_screen_line("  %s %-8s %-21s %s %lld -> %lld%s", clock, text_of(event, "service"),
			text_of(event, "reason"), text_of(event, "source"),
			number_of(event, "sport"), number_of(event, "dport"),
			json_is_true(json_object_get(event, "observed")) ? " (passed: observe)"
									 : "");
}

static void draw_latest(const struct mqg_top *top)
{
	const json_t *list = json_object_get(top->refusals, "refusals"), *refusal;
	char age[32];
	size_t i;

	if (json_array_size(list)) {
		mqg_screen_line("%s", "");
		mqg_screen_line("%sLATEST REFUSALS%s", mqg_screen_style(MQG_DIM),
				mqg_screen_style(MQG_PLAIN));
	}
	json_array_foreach(list, i, refusal) {
		double seconds = json_number_value(json_object_get(refusal, "age"));

		if (i == REFUSALS_SHOWN)
			break;
		mqg_screen_line(
			"  %8s ago %-21s %s, client %s as %s",
			mqg_duration_format((uint64_t)(seconds * 1e9) + 1, age, sizeof(age)),
			text_of(refusal, "reason"), text_of(refusal, "source"),
			text_of(refusal, "client_id"), text_of(refusal, "identity"));
	}
	if (!top->event[0] && !top->feed_error[0])
		return;
	mqg_screen_line("%s", "");
	mqg_screen_line("%sLATEST DROPS (a sample)%s", mqg_screen_style(MQG_DIM),
			mqg_screen_style(MQG_PLAIN));
	if (top->feed_error[0])
		mqg_screen_line("  %s", top->feed_error);
	for (i = 0; i < MQG_TOP_EVENTS && top->event[i]; i++)
		draw_event(top->event[i]);
}

int mqg_top_draw(const struct mqg_top *top)
{
	mqg_screen_begin();
	draw_head(top);
	draw_services(top);
	mqg_top_draw_sources(top);
	draw_latest(top);
	return mqg_screen_end();
}

json_t *mqg_top_json(const struct mqg_top *top)
{
	json_t *services = json_array();

	for (uint32_t i = 0; i < MQGATE_SERVICES; i++) {
		const struct mqg_survey_service *now = &top->now->service[i];
		const struct mqg_survey_service *before = &top->before->service[i];
		struct busy busy[MQGATE_REASON_PACKET_MAX];
		json_t *reasons;
		size_t n;

		if (!now->shown)
			continue;
		reasons = json_array();
		n = drop_reasons(top, i, busy);
		for (size_t r = 0; r < n; r++)
			json_array_append_new(reasons,
					      json_pack("{s:s, s:f, s:I}", "reason",
							mqg_reason_word(busy[r].reason),
							"packets_per_second", busy[r].rate,
							"packets", (json_int_t)busy[r].total));
		json_array_append_new(
			services,
			json_pack("{s:I, s:s, s:f, s:f, s:I, s:I, s:I, s:o}", "number",
				  (json_int_t)i, "name", now->svc.name, "passed_per_second",
				  rate(top, now->passed, before->passed), "dropped_per_second",
				  rate(top, now->dropped, before->dropped), "passed",
				  (json_int_t)now->passed, "dropped", (json_int_t)now->dropped,
				  "allowed", (json_int_t)now->allowed, "reasons", reasons));
	}
	return json_pack("{s:f, s:{s:I, s:I, s:I, s:I}, s:I, s:O?, s:o, s:O}", "interval",
			 (double)(top->now->time - top->before->time) / 1e9, "verdicts", "drop",
			 (json_int_t)top->now->verdicts[MQGATE_ACTION_DROP], "reset",
			 (json_int_t)top->now->verdicts[MQGATE_ACTION_RESET], "pass",
			 (json_int_t)top->now->verdicts[MQGATE_ACTION_PASS], "limit",
			 (json_int_t)top->now->verdicts[MQGATE_ACTION_LIMIT], "allowed",
			 (json_int_t)top->now->allow.entries, "daemon", top->daemon, "services",
			 services, "sources", top->sources);
}
