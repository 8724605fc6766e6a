// SPDX-License-Identifier: BSD-2-Clause
/*
 * The sources that are dropped most, for a frame of the live view: from what XDP noted at two
 * looks to rates, each with its error and the verdict that holds. Called by top.c and
 * top_draw.c; one thread.
 */
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "common/net.h"
#include "mqgate/screen.h"
#include "mqgate/top.h"
#include "mqgate/verdict.h"

#define SOURCES_TOLD	50
#define SOURCES_SHOWN	10

struct rated {
	const struct mqg_offender	*offender;
	double				rate, error;	/* packets/s */
};

/* Since the look before, or since it is noted where it was not there then. */
static struct rated rate_of(const struct mqg_top *top, const struct mqg_offender *now)
{
	const struct mqg_offender *before = mqg_offenders_find(&top->noted_before, now->addr);
	struct rated r = { .offender = now };
	uint64_t from = top->before->time, packets = now->packets, spread = now->spread;
	double seconds;

	if (before && before->since == now->since && before->packets <= packets) {
		packets -= before->packets;
		spread -= before->spread;
	} else {
		from = now->since;
	}
	seconds = top->now->time > from ? (double)(top->now->time - from) / 1e9 : 0;
	if (seconds > 0) {
		r.rate = (double)packets / seconds;
		r.error = mqg_offender_error(spread) / seconds;
	}
	return r;
}

static int by_rate(const void *a, const void *b)
{
	const struct rated *x = a, *y = b;

	if (x->rate != y->rate)
		return x->rate < y->rate ? 1 : -1;
	if (x->offender->packets != y->offender->packets)
		return x->offender->packets < y->offender->packets ? 1 : -1;
	return memcmp(x->offender->addr, y->offender->addr, sizeof(x->offender->addr));
}

struct deciding {
	json_t		*verdict;
	uint64_t	now;
};

static int take_first(const struct mqg_net *net, const struct mqgate_verdict *v, void *arg)
{
	struct deciding *d = arg;

	d->verdict = mqg_verdict_json(net, v, d->now);
	return 1;
}

static json_t *tell(const struct mqg_top *top, const struct rated *r)
{
	const struct mqg_offender *o = r->offender;
	struct deciding d = { .now = top->now->time };
	struct mqgate_source_key key;
	char source[MQG_ADDR_STRLEN];

	memcpy(key.addr, o->addr, sizeof(key.addr));
	mqg_net_match(&top->pins, o->addr, d.now, take_first, &d);
	return json_pack("{s:s, s:f, s:f, s:I, s:f, s:o, s:s, s:s, s:b, s:o}", "source",
			 mqg_source_format(&key, source), "packets_per_second", r->rate,
			 "error_per_second", r->error, "packets", (json_int_t)o->packets, "error",
			 mqg_offender_error(o->spread), "seconds",
			 mqg_json_seconds(top->now->time > o->since ?
					  top->now->time - o->since : 0),
			 "reason", mqg_reason_word(o->reason), "service",
			 top->now->service[o->service % MQGATE_SERVICES].svc.name, "proven",
			 o->proven, "verdict", d.verdict ? d.verdict : json_null());
}

json_t *mqg_top_sources(const struct mqg_top *top)
{
	size_t count = top->noted_now.count;
	struct rated *rated = calloc(count ? count : 1, sizeof(*rated));
	json_t *list = json_array();

	for (size_t i = 0; rated && i < count; i++)
		rated[i] = rate_of(top, &top->noted_now.list[i]);
	if (rated)
		qsort(rated, count, sizeof(*rated), by_rate);
	for (size_t i = 0; rated && i < count && i < SOURCES_TOLD; i++)
		json_array_append_new(list, tell(top, &rated[i]));
	free(rated);
	return list;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && *text ? text : "-";
}

static void draw_source(const json_t *source)
{
	double rate = json_number_value(json_object_get(source, "packets_per_second"));
	const json_t *verdict = json_object_get(source, "verdict");
	char each[16], error[16], total[16];

	mqg_screen_line("  %-24s %s%9s%s ±%-8s %9s %-21s %-15s %s%s%s", text_of(source, "source"),
			mqg_screen_style(rate > 0 ? MQG_RED : MQG_DIM),
			mqg_count_format(rate, each, sizeof(each)), mqg_screen_style(MQG_PLAIN),
			mqg_count_format(json_number_value(json_object_get(source,
									   "error_per_second")),
					 error, sizeof(error)),
			mqg_count_format(json_number_value(json_object_get(source, "packets")),
					 total, sizeof(total)),
			text_of(source, "reason"), text_of(source, "service"),
			json_is_object(verdict) ? text_of(verdict, "action") : "-",
			json_is_object(verdict) ? " by " : "",
			json_is_object(verdict) ? text_of(verdict, "origin") : "");
}

void mqg_top_draw_sources(const struct mqg_top *top)
{
	const json_t *source;
	size_t i;

	if (!json_array_size(top->sources))
		return;
	mqg_screen_line("%s", "");
	mqg_screen_line("%s%-26s %9s %-9s %9s %-21s %-15s %s%s", mqg_screen_style(MQG_DIM),
			"TOP SOURCES", "DROPPED/s", "", "IN ALL", "MOSTLY FOR", "SERVICE",
			"VERDICT", mqg_screen_style(MQG_PLAIN));
	json_array_foreach(top->sources, i, source) {
		if (i == SOURCES_SHOWN)
			break;
		draw_source(source);
	}
}
