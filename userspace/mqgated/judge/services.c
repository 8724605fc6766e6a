/* SPDX-License-Identifier: BSD-2-Clause */
/* Services and ports as XDP is to see them. Called by the judge in the main thread; no lock. */
#include "judge/services.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "config/endpoint.h"

#define BATCH		4096U

static void name_service(struct mqgate_service *svc, const char *name)
{
	memset(svc, 0, sizeof(*svc));
	strncpy(svc->name, name, sizeof(svc->name) - 1);
}

static void set_guard(const struct mqg_guard *guard, struct mqgate_service *svc)
{
	if (guard->fragments)
		svc->flags |= MQGATE_SVC_F_FRAGMENTS;
	svc->syn_source = guard->syn_source;
	svc->syn_rate = guard->syn_rate;
	svc->syn_calm_ms = guard->syn_calm_ms;
	svc->source_rate = guard->source_rate;
	svc->source_burst = guard->source_burst;
	svc->service_rate = guard->service_rate;
	svc->service_burst = guard->service_burst;
	svc->suspect_bytes = guard->suspect_bytes;
	svc->suspect_segments = guard->suspect_segments;
	svc->suspect_ms = guard->suspect_ms;
	svc->reset_rate = guard->reset_rate;
	if (guard->reset)
		svc->flags |= MQGATE_SVC_F_RESET;
	if (guard->cookies == MQG_COOKIES_ON)
		svc->flags |= MQGATE_SVC_F_COOKIES;
	svc->destinations = guard->destinations;
	memcpy(svc->destination, guard->destination, sizeof(svc->destination));
}

static void from_listener(const struct mqg_listener *listener, struct mqgate_service *svc)
{
	name_service(svc, listener->name);
	svc->kind = listener->kind;
	svc->mode = listener->mode;
	svc->flags = MQGATE_SVC_F_LOCAL;
	svc->allow_pps = listener->allow_pps;
	svc->allow_burst = listener->allow_burst;
	if (listener->kind == MQGATE_KIND_MQTT)
		svc->first_max = listener->connect_max;
	set_guard(&listener->guard, svc);
	if (listener->guard.cookies == MQG_COOKIES_AUTO)
		svc->flags |= MQGATE_SVC_F_COOKIES;
}

static void from_service(const struct mqg_service *service, uint64_t lease,
			 struct mqgate_service *svc)
{
	name_service(svc, service->name);
	svc->kind = service->kind;
	svc->mode = service->mode;
	svc->flags = service->strict ? MQGATE_SVC_F_STRICT : 0;
	svc->lease = service->fail_closed ? lease : 0;
	svc->allow_pps = service->allow_pps;
	svc->allow_burst = service->allow_burst;
	if (service->kind == MQGATE_KIND_MQTT)
		svc->first_max = service->connect_max;
	set_guard(&service->guard, svc);
}

static uint32_t index_of(const struct mqg_service *service)
{
	return mqg_ports_index(service->kind, service->port);
}

/* What a place in mqgate_ports is to lead to; 0 where the configuration does not mention it. */
static uint32_t wanted(const struct mqg_config *config, uint32_t index)
{
	for (size_t i = 0; i < config->n_listeners; i++)
		if (MQGATE_PORTS_TCP(mqg_endpoint_port(&config->listeners[i].address)) == index)
			return config->listeners[i].service;
	for (size_t i = 0; i < config->n_services; i++)
		if (index_of(&config->services[i]) == index)
			return config->services[i].number;
	return 0;
}

static int write_services(const struct mqg_config *config, const struct mqg_pins *pins,
			  uint64_t lease)
{
	struct mqgate_service all[MQGATE_SERVICES];
	int err = 0;

	memset(all, 0, sizeof(all));
	for (size_t i = 0; i < config->n_listeners; i++)
		from_listener(&config->listeners[i], &all[config->listeners[i].service]);
	for (size_t i = 0; i < config->n_services; i++)
		if (config->services[i].number != MQGATE_SVC_UNPROTECTED)
			from_service(&config->services[i], lease, &all[config->services[i].number]);
	for (uint32_t n = 1; !err && n < MQGATE_SERVICES; n++)
		err = mqg_service_write(pins, n, &all[n]);
	return err;
}

/* Sets every port that does not lead to where it should. */
static int write_ports(const struct mqg_config *config, const struct mqg_pins *pins)
{
	uint32_t *keys = calloc(BATCH, sizeof(*keys));
	uint32_t *values = calloc(BATCH, sizeof(*values));
	uint32_t token = 0, next = 0, done = 0;
	bool more = true;
	int err = keys && values ? 0 : -ENOMEM;

	for (bool first = true; !err && more && done < MQGATE_PORTS_ENTRIES; first = false) {
		uint32_t count = BATCH;

		err = bpf_map_lookup_batch(pins->ports, first ? NULL : &token, &next, keys, values,
					   &count, NULL);
		more = err != -ENOENT;
		if (err == -ENOENT)
			err = 0;
		token = next;
		done += count;
		for (uint32_t i = 0; !err && i < count; i++)
			if (values[i] && !wanted(config, keys[i]))
				err = mqg_port_write(pins, keys[i], 0);
	}
	free(keys);
	free(values);
	for (size_t i = 0; !err && i < config->n_listeners; i++)
		err = mqg_port_write(pins, mqg_endpoint_port(&config->listeners[i].address),
				     config->listeners[i].service);
	for (size_t i = 0; !err && i < config->n_services; i++)
		err = mqg_port_write(pins, index_of(&config->services[i]),
				     config->services[i].number);
	return err;
}

int mqg_services_write(const struct mqg_config *config, const struct mqg_pins *pins,
		       uint64_t lease)
{
	int err = write_services(config, pins, lease);

	return err ? err : write_ports(config, pins);
}

int mqg_services_lease(const struct mqg_config *config, const struct mqg_pins *pins,
		       uint64_t lease)
{
	struct mqgate_service svc;
	int err = 0;

	for (size_t i = 0; i < config->n_services; i++) {
		int one;

		if (!config->services[i].fail_closed)
			continue;
		from_service(&config->services[i], lease, &svc);
		one = mqg_service_write(pins, config->services[i].number, &svc);
		err = one ? one : err;
	}
	return err;
}
