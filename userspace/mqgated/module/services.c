/* SPDX-License-Identifier: BSD-2-Clause */
/* From listeners and services to the module's settings; see services.h. */
#include "module/services.h"

#include <stdbool.h>
#include <string.h>

#include "config/endpoint.h"

/*
 * The module knows no destinations: where XDP guards only some, it drops nothing of that port.
 * @guard: NULL = wherever it goes to
 */
static void add(struct mqg_module_settings *settings, uint16_t port, uint32_t number,
		enum mqgate_kind kind, enum mqgate_mode mode, const struct mqg_guard *guard)
{
	settings->services[settings->n_services++] = (struct mqg_module_service){
		.port = port,
		.number = (uint8_t)number,
		.kind = kind,
		.observe = mode == MQGATE_MODE_OBSERVE || (guard && guard->destinations),
	};
}

static bool mentioned(const struct mqg_config *config, uint16_t port)
{
	for (size_t i = 0; i < config->n_listeners; i++)
		if (mqg_endpoint_port(&config->listeners[i].address) == port)
			return true;
	for (size_t i = 0; i < config->n_services; i++)
		if (config->services[i].port == port &&
		    config->services[i].kind < MQGATE_KIND_FIRST_UDP)
			return true;
	return false;
}

void mqg_module_services(const struct mqg_config *config, struct mqg_module_settings *settings)
{
	memset(settings, 0, sizeof(*settings));
	settings->mark = config->mark;
	settings->enforce = config->module.enforce;
	settings->source_sessions = config->module.source_sessions;
	settings->source_connect_rate = config->module.source_connect_rate;
	for (size_t i = 0; i < config->n_listeners; i++)
		add(settings, mqg_endpoint_port(&config->listeners[i].address),
		    config->listeners[i].service, config->listeners[i].kind,
		    config->listeners[i].mode, &config->listeners[i].guard);
	for (size_t i = 0; i < config->n_services; i++)
		if (config->services[i].kind == MQGATE_KIND_MQTT ||
		    config->services[i].kind == MQGATE_KIND_MQTTS)
			add(settings, config->services[i].port, config->services[i].number,
			    config->services[i].kind, config->services[i].mode,
			    &config->services[i].guard);
	/* As XDP has them: what nobody mentions is guarded by default. */
	if (!mentioned(config, MQGATE_PORT_MQTT))
		add(settings, MQGATE_PORT_MQTT, MQGATE_SVC_MQTT, MQGATE_KIND_MQTT,
		    MQGATE_MODE_ENFORCE, NULL);
	if (!mentioned(config, MQGATE_PORT_MQTTS))
		add(settings, MQGATE_PORT_MQTTS, MQGATE_SVC_MQTTS, MQGATE_KIND_MQTTS,
		    MQGATE_MODE_ENFORCE, NULL);
	/* A list without services says nothing to the module: then at least nothing is dropped. */
	if (!settings->n_services)
		settings->enforce = 0;
}

static const struct mqg_guard *guard_of(const struct mqg_config *config, uint16_t port)
{
	for (size_t i = 0; i < config->n_listeners; i++)
		if (mqg_endpoint_port(&config->listeners[i].address) == port)
			return &config->listeners[i].guard;
	for (size_t i = 0; i < config->n_services; i++)
		if (config->services[i].port == port &&
		    config->services[i].kind < MQGATE_KIND_FIRST_UDP)
			return &config->services[i].guard;
	return NULL;
}

static bool covers(const struct mqgate_destination *network, const uint8_t addr[16])
{
	for (size_t i = 0; i < sizeof(network->addr); i++)
		if ((addr[i] & network->mask[i]) != network->addr[i])
			return false;
	return true;
}

bool mqg_module_guarded(const struct mqg_config *config, const struct mqgate_flow_key *flow)
{
	const struct mqg_guard *guard = guard_of(config, flow->dport);

	if (!guard || !guard->destinations)
		return true;
	for (uint32_t i = 0; i < guard->destinations; i++)
		if (covers(&guard->destination[i], flow->daddr))
			return true;
	return false;
}
