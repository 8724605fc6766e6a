// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reads all the maps once. Called by status, stats and top; one thread, no lock: the counters
 * move meanwhile, and nobody minds.
 */
#include "mqgate/survey.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "common/names.h"

#define PORTS_BATCH	16384U

/* The service that a place in mqgate_ports leads to and that guards it, or NULL. */
static struct mqg_survey_service *guarding(struct mqg_survey *s, __u32 index, __u32 number)
{
	struct mqg_survey_service *service;

	if (number == MQGATE_SVC_DEFAULT && index == MQGATE_PORTS_TCP(MQGATE_PORT_MQTT))
		number = MQGATE_SVC_MQTT;
	if (number == MQGATE_SVC_DEFAULT && index == MQGATE_PORTS_TCP(MQGATE_PORT_MQTTS))
		number = MQGATE_SVC_MQTTS;
	if (number == MQGATE_SVC_DEFAULT || number >= MQGATE_SERVICES)
		return NULL;
	service = &s->service[number];
	if (index >= MQGATE_PORTS_UDP(0) && service->svc.kind < MQGATE_KIND_FIRST_UDP)
		return NULL;
	if (index < MQGATE_PORTS_UDP(0) && service->svc.kind >= MQGATE_KIND_FIRST_UDP)
		return NULL;
	return service;
}

/* The port table is an array of all ports; those that say something are few. */
static int read_ports(const struct mqg_pins *pins, struct mqg_survey *s)
{
	__u32 *keys = malloc(PORTS_BATCH * sizeof(*keys));
	__u32 *values = malloc(PORTS_BATCH * sizeof(*values));
	__u32 token = 0, got, next = 0;
	int err = keys && values ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < MQGATE_SERVICES; i++)
		s->service[i].ports = 0;
	while (!err && next < MQGATE_PORTS_ENTRIES) {
		got = PORTS_BATCH;
		err = bpf_map_lookup_batch(pins->ports, next ? &token : NULL, &token, keys, values,
					   &got, NULL);
		for (__u32 i = 0; (!err || err == -ENOENT) && i < got; i++) {
			struct mqg_survey_service *service = guarding(s, keys[i], values[i]);

			if (!service)
				continue;
			if (service->ports < MQG_SURVEY_PORTS)
				service->port[service->ports] = (uint16_t)keys[i];
			service->ports++;
		}
		next += got;
		if (!got && !err)
			err = -EIO;
	}
	free(keys);
	free(values);
	return err == -ENOENT ? 0 : err;
}

static int count_stat(const struct mqgate_stat *sum, void *arg)
{
	struct mqg_survey *s = arg;
	struct mqg_survey_service *service = &s->service[sum->service];

	s->stat[sum->service][sum->reason] = *sum;
	service->observed += sum->observed;
	s->lost += sum->lost;
	if (sum->reason < MQGATE_REASON_FIRST_DROP)
		service->passed += sum->packets;
	else if (MQGATE_REASON_ANSWERS(sum->reason))
		service->answered += sum->packets;
	else
		service->dropped += sum->packets;
	return 0;
}

static int count_allow(const struct mqgate_flow_key *key, const struct mqgate_allow *allow,
		       void *arg)
{
	struct mqg_survey *s = arg;

	(void)key;
	s->allow.entries++;
	if (allow->service < MQGATE_SERVICES && (!allow->expires || allow->expires > s->time))
		s->service[allow->service].allowed++;
	return 0;
}

static int count_verdict(const struct mqgate_source_key *key, const struct mqgate_verdict *v,
			 void *arg)
{
	struct mqg_survey *s = arg;

	(void)key;
	s->sources.entries++;
	if (mqg_verdict_live(v, s->time) && v->action <= MQGATE_ACTION_DROP)
		s->verdicts[v->action]++;
	return 0;
}

static struct mqg_survey_fill room_of(int fd)
{
	struct mqg_survey_fill fill = {};

	mqg_map_room(fd, &fill.max);
	return fill;
}

static void fill_up(struct mqg_survey_fill *fill)
{
	fill->full = fill->max && fill->entries >= fill->max;
}

/* Of an LRU map each CPU keeps up to 128 places free for itself: it is full before it looks so. */
static void fill_lru(struct mqg_survey_fill *fill, uint32_t cpus)
{
	uint32_t kept = 128 * cpus < fill->max / 8 ? 128 * cpus : fill->max / 8;

	fill->full = fill->max && fill->entries + kept >= fill->max;
}

/* Of the maps that are not walked anyway. */
static int count_rest(const struct mqg_pins *pins, struct mqg_survey *s)
{
	int err = mqg_map_count(pins->prefix4, &s->prefix4.entries);

	if (!err)
		err = mqg_map_count(pins->prefix6, &s->prefix6.entries);
	if (!err)
		err = mqg_map_count(pins->flows, &s->flows.entries);
	if (!err)
		err = mqg_map_count(pins->budgets, &s->budgets.entries);
	fill_up(&s->sources);
	fill_up(&s->prefix4);
	fill_up(&s->prefix6);
	fill_up(&s->allow);
	fill_lru(&s->flows, pins->cpus);
	fill_lru(&s->budgets, pins->cpus);
	return err;
}

int mqg_survey_take(const struct mqg_pins *pins, unsigned int flags, struct mqg_survey *s)
{
	int err = 0;

	s->time = mqg_boottime_ns();
	memset(s->stat, 0, sizeof(s->stat));
	memset(s->verdicts, 0, sizeof(s->verdicts));
	s->sources = room_of(pins->sources);
	s->allow = room_of(pins->allow);
	s->prefix4 = room_of(pins->prefix4);
	s->prefix6 = room_of(pins->prefix6);
	s->flows = room_of(pins->flows);
	s->budgets = room_of(pins->budgets);
	s->lost = 0;

	for (uint32_t i = 0; i < MQGATE_SERVICES && !err; i++) {
		struct mqg_survey_service *service = &s->service[i];

		service->passed = service->dropped = service->observed = 0;
		service->answered = 0;
		service->allowed = 0;
		err = mqg_service_read(pins, i, &service->svc);
		if (!err)
			err = mqg_syn_read(pins, i, &service->syn);
	}
	if (!err && flags & MQG_SURVEY_WITH_PORTS)
		err = read_ports(pins, s);
	if (!err)
		err = mqg_stat_each(pins, count_stat, s);
	if (!err)
		err = mqg_allow_each(pins, count_allow, s);
	if (!err)
		err = mqg_verdict_each(pins, count_verdict, s);
	if (!err && flags & MQG_SURVEY_WITH_FILL)
		err = count_rest(pins, s);

	for (uint32_t i = 0; i < MQGATE_SERVICES; i++) {
		struct mqg_survey_service *service = &s->service[i];

		service->shown = i == MQGATE_SVC_MQTT || i == MQGATE_SVC_MQTTS || service->ports ||
				 service->svc.kind != MQGATE_KIND_DEFAULT || service->passed ||
				 service->dropped || service->observed || service->allowed;
	}
	return err;
}

const char *mqg_survey_ports(const struct mqg_survey_service *service, char *buf, size_t size)
{
	uint32_t named = service->ports < 3 ? service->ports : 3;
	size_t used = 0;

	snprintf(buf, size, "-");
	for (uint32_t i = 0; i < named && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%u", i ? " " : "",
					 service->port[i]);
	if (service->ports > named && used < size)
		snprintf(buf + used, size - used, " +%u", service->ports - named);
	return buf;
}
