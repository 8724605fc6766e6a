// SPDX-License-Identifier: BSD-2-Clause
/*
 * Counters, services and ports out of the pinned maps. Called by the command and by the
 * daemon (metrics, configuration); no state, no lock.
 */
#include "common/pins.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

/* Counters per system call: with 128 CPUs this is 1.3 MB. */
#define STATS_BATCH	256U

static void sum_cpus(const struct mqgate_stat *values, uint32_t cpus, struct mqgate_stat *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (uint32_t i = 0; i < cpus; i++) {
		sum->packets += values[i].packets;
		sum->bytes += values[i].bytes;
		sum->observed += values[i].observed;
		sum->lost += values[i].lost;
		if (values[i].sampled > sum->sampled)
			sum->sampled = values[i].sampled;
	}
}

int mqg_stat_read(const struct mqg_pins *pins, uint32_t service, uint32_t reason,
		  struct mqgate_stat *sum)
{
	__u32 index = MQGATE_STATS_INDEX(service, reason);
	struct mqgate_stat *values;
	int err;

	if (service >= MQGATE_SERVICES || reason >= MQGATE_REASON_PACKET_MAX)
		return -EINVAL;
	values = calloc(pins->cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	err = bpf_map_lookup_elem(pins->stats, &index, values);
	if (!err) {
		sum_cpus(values, pins->cpus, sum);
		sum->service = service;
		sum->reason = (enum mqgate_reason)reason;
	}
	free(values);
	return err;
}

int mqg_stat_each(const struct mqg_pins *pins, mqg_stat_fn fn, void *arg)
{
	struct mqgate_stat *values, sum;
	__u32 keys[STATS_BATCH], token = 0, got;
	bool first = true, last = false;
	int err = 0;

	values = calloc((size_t)STATS_BATCH * pins->cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	while (!err && !last) {
		got = STATS_BATCH;
		err = bpf_map_lookup_batch(pins->stats, first ? NULL : &token, &token, keys,
					   values, &got, NULL);
		last = err == -ENOENT;
		if (err && !last)
			break;
		err = 0;
		first = false;
		for (__u32 i = 0; i < got && !err; i++) {
			sum_cpus(values + (size_t)i * pins->cpus, pins->cpus, &sum);
			if (!sum.packets && !sum.observed)
				continue;
			sum.service = keys[i] / MQGATE_REASON_PACKET_MAX;
			sum.reason = (enum mqgate_reason)(keys[i] % MQGATE_REASON_PACKET_MAX);
			err = fn(&sum, arg);
		}
	}
	free(values);
	return err;
}

static void fill_zero(__u32 *field, __u32 value)
{
	if (!*field)
		*field = value;
}

int mqg_service_read(const struct mqg_pins *pins, uint32_t number, struct mqgate_service *svc)
{
	int err;

	if (number >= MQGATE_SERVICES)
		return -EINVAL;
	err = bpf_map_lookup_elem(pins->svc, &number, svc);
	if (err)
		return err;

	svc->name[sizeof(svc->name) - 1] = '\0';
	if (svc->kind == MQGATE_KIND_DEFAULT && number == MQGATE_SVC_MQTT)
		svc->kind = MQGATE_KIND_MQTT;
	if (svc->kind == MQGATE_KIND_DEFAULT && number == MQGATE_SVC_MQTTS)
		svc->kind = MQGATE_KIND_MQTTS;
	if (!svc->name[0] && number == MQGATE_SVC_MQTT)
		strcpy(svc->name, "mqtt");
	if (!svc->name[0] && number == MQGATE_SVC_MQTTS)
		strcpy(svc->name, "mqtts");
	if (!svc->name[0])
		snprintf(svc->name, sizeof(svc->name), "service-%u", number);

	fill_zero(&svc->first_max, svc->kind == MQGATE_KIND_MQTTS ? MQGATE_DEFAULT_HELLO_MAX :
								    MQGATE_DEFAULT_CONNECT_MAX);
	fill_zero(&svc->suspect_segments, MQGATE_DEFAULT_SUSPECT_SEGMENTS);
	fill_zero(&svc->suspect_ms, MQGATE_DEFAULT_SUSPECT_MS);
	fill_zero(&svc->reset_rate, MQGATE_DEFAULT_RESET_RATE);
	fill_zero(&svc->allow_pps, MQGATE_DEFAULT_ALLOW_PPS);
	fill_zero(&svc->allow_burst, MQGATE_DEFAULT_ALLOW_BURST);
	fill_zero(&svc->syn_source, MQGATE_DEFAULT_SYN_SOURCE);
	fill_zero(&svc->syn_rate, MQGATE_DEFAULT_SYN_RATE);
	fill_zero(&svc->syn_calm_ms, MQGATE_DEFAULT_SYN_CALM_MS);
	return 0;
}

int mqg_syn_read(const struct mqg_pins *pins, uint32_t number, struct mqgate_syn *syn)
{
	return number < MQGATE_SERVICES ? bpf_map_lookup_elem(pins->syn, &number, syn) : -EINVAL;
}

bool mqg_syn_flooded(const struct mqgate_syn *syn, const struct mqgate_service *svc, uint64_t now)
{
	return syn->busy && (syn->busy > now || now - syn->busy < svc->syn_calm_ms * 1000000ULL);
}

int mqg_service_write(const struct mqg_pins *pins, uint32_t number,
		      const struct mqgate_service *svc)
{
	if (!number || number >= MQGATE_SERVICES)
		return -EINVAL;
	return bpf_map_update_elem(pins->svc, &number, svc, BPF_ANY);
}

int mqg_port_read(const struct mqg_pins *pins, uint32_t index)
{
	__u32 service = 0;
	int err = bpf_map_lookup_elem(pins->ports, &index, &service);

	if (err)
		return err;
	if (service == MQGATE_SVC_DEFAULT && index == MQGATE_PORTS_TCP(MQGATE_PORT_MQTT))
		return MQGATE_SVC_MQTT;
	if (service == MQGATE_SVC_DEFAULT && index == MQGATE_PORTS_TCP(MQGATE_PORT_MQTTS))
		return MQGATE_SVC_MQTTS;
	return (int)service;
}

int mqg_port_write(const struct mqg_pins *pins, uint32_t index, uint32_t service)
{
	if (service >= MQGATE_SERVICES && service != MQGATE_SVC_UNPROTECTED)
		return -EINVAL;
	return bpf_map_update_elem(pins->ports, &index, &service, BPF_ANY);
}
