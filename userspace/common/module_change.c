// SPDX-License-Identifier: BSD-2-Clause
/*
 * What user space changes in the module: killing and binding clients, settings. See module.h.
 */
#include <linux/mqgate_netlink.h>

#include "common/module_handle.h"

struct nlattr *mqg_module_put_flow(struct nlmsghdr *request, const struct mqgate_flow_key *flow,
				   uint64_t first)
{
	struct nlattr *nest = mnl_attr_nest_start(request, MQGATE_A_CLIENT);

	mnl_attr_put(request, MQGATE_A_CLIENT_SADDR, sizeof(flow->saddr), flow->saddr);
	mnl_attr_put(request, MQGATE_A_CLIENT_DADDR, sizeof(flow->daddr), flow->daddr);
	mnl_attr_put_u16(request, MQGATE_A_CLIENT_SPORT, flow->sport);
	mnl_attr_put_u16(request, MQGATE_A_CLIENT_DPORT, flow->dport);
	if (first)
		mnl_attr_put_u64(request, MQGATE_A_CLIENT_FIRST, first);
	return nest;
}

int mqg_module_kill(struct mqg_module *module, const struct mqg_module_client *client, char *why,
		    size_t size)
{
	struct nlmsghdr *request;

	request = mqg_module_prepare(module, module->family, MQGATE_CMD_CLIENT_KILL, NLM_F_ACK);
	mnl_attr_nest_end(request, mqg_module_put_flow(request, &client->flow, client->first));
	return mqg_module_ask(module, request, "killing a client", NULL, NULL, why, size);
}

static void put_said(struct nlmsghdr *request, const struct mqg_module_binding *binding)
{
	if (binding->id) {
		mnl_attr_put(request, MQGATE_A_CLIENT_ID, binding->id_length, binding->id);
		mnl_attr_put_u32(request, MQGATE_A_CLIENT_FLAGS,
				 binding->id_cut ? MQGATE_CLIENT_F_ID_CUT : 0);
	}
	if (binding->level) {
		mnl_attr_put_u8(request, MQGATE_A_CLIENT_LEVEL, binding->level);
		mnl_attr_put_u16(request, MQGATE_A_CLIENT_KEEP_ALIVE, binding->keep_alive);
	}
}

int mqg_module_bind(struct mqg_module *module, const struct mqgate_flow_key *flow,
		    const struct mqg_module_binding *binding, char *why, size_t size)
{
	struct nlmsghdr *request;
	struct nlattr *nest;

	request = mqg_module_prepare(module, module->family, MQGATE_CMD_CLIENT_BIND, NLM_F_ACK);
	nest = mqg_module_put_flow(request, flow, 0);
	mnl_attr_put_u32(request, MQGATE_A_CLIENT_IDENTITY, binding->identity);
	mnl_attr_put_u8(request, MQGATE_A_CLIENT_VERDICT, (uint8_t)binding->verdict);
	if (binding->identity)
		put_said(request, binding);
	mnl_attr_nest_end(request, nest);
	return mqg_module_ask(module, request, "binding a client", NULL, NULL, why, size);
}

static void put_service(struct nlmsghdr *request, const struct mqg_module_service *service)
{
	struct nlattr *nest = mnl_attr_nest_start(request, MQGATE_A_SETTINGS_SERVICE);

	mnl_attr_put_u16(request, MQGATE_A_SERVICE_PORT, service->port);
	mnl_attr_put_u8(request, MQGATE_A_SERVICE_NUMBER, service->number);
	mnl_attr_put_u8(request, MQGATE_A_SERVICE_KIND, (uint8_t)service->kind);
	mnl_attr_put_u8(request, MQGATE_A_SERVICE_OBSERVE, service->observe);
	mnl_attr_nest_end(request, nest);
}

int mqg_module_settings_set(struct mqg_module *module, const struct mqg_module_settings *settings,
			    char *why, size_t size)
{
	struct nlmsghdr *request;
	struct nlattr *nest;

	request = mqg_module_prepare(module, module->family, MQGATE_CMD_SETTINGS_SET, NLM_F_ACK);
	nest = mnl_attr_nest_start(request, MQGATE_A_SETTINGS);
	mnl_attr_put_u32(request, MQGATE_A_SETTINGS_MARK, settings->mark);
	if (settings->enforce >= 0)
		mnl_attr_put_u8(request, MQGATE_A_SETTINGS_ENFORCE, settings->enforce > 0);
	mnl_attr_put_u32(request, MQGATE_A_SETTINGS_SOURCE_SESSIONS, settings->source_sessions);
	mnl_attr_put_u32(request, MQGATE_A_SETTINGS_SOURCE_CONNECT_RATE,
			 settings->source_connect_rate);
	for (size_t i = 0; i < settings->n_services; i++)
		put_service(request, &settings->services[i]);
	mnl_attr_nest_end(request, nest);
	return mqg_module_ask(module, request, "changing its settings", NULL, NULL, why, size);
}
