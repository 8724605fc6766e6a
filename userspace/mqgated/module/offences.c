/* SPDX-License-Identifier: BSD-2-Clause */
/* Violations, kills and refusals of the module; see offences.h. */
#include "module/offences.h"

#include <stdlib.h>
#include <string.h>

#include "config/endpoint.h"

struct mqg_offences *mqg_offences_alloc(const struct mqg_config *config, struct mqg_judge *judge)
{
	struct mqg_offences *offences = calloc(1, sizeof(*offences));

	if (!offences)
		return NULL;
	offences->config = config;
	offences->judge = judge;
	return offences;
}

/* A client of one of our listeners, of which the proxy sees what the module sees. */
static bool ours(const struct mqg_config *config, const struct mqg_module_client *client)
{
	if (!(client->flags & MQGATE_CLIENT_F_LOCAL))
		return false;
	for (size_t i = 0; i < config->n_listeners; i++)
		if (mqg_endpoint_port(&config->listeners[i].address) == client->flow.dport)
			return true;
	return false;
}

/* What identifiers look like to people; a NUL would end it. */
static void describe(const struct mqg_module_client *client, char *id, size_t size)
{
	size_t length = client->id_length > 0 ? (size_t)client->id_length : 0;

	if (length > size - 1)
		length = size - 1;
	memcpy(id, client->id, length);
	id[length] = '\0';
}

static void violation(struct mqg_offences *offences, const struct mqg_module_event *event,
		      uint64_t ticket, uint64_t now)
{
	const struct mqg_module_client *client = &event->client;
	char id[MQGATE_CLIENT_ID_KEPT + 1];
	struct mqg_refusal refusal = {
		.reason = (enum mqgate_reason)event->reason,
		.service = client->service,
		.client_id = id,
	};

	describe(client, id, sizeof(id));
	memcpy(refusal.addr, client->flow.saddr, sizeof(refusal.addr));
	if (client->service < MQGATE_SERVICES)
		offences->count[event->dropped][client->service][event->reason]++;
	mqg_refusals_add(&offences->latest, &refusal, now);
	if (event->dropped)
		mqg_judge_flow_refused(offences->judge, &client->flow, ticket, refusal.reason);
	/* What the server sends is not its client's fault. */
	if (event->direction != MQGATE_FROM_CLIENT)
		return;
	if (event->dropped)
		mqg_judge_refused(offences->judge, &refusal);
	/* Until the broker's yes the proxy judges the same bytes, and the same silence. */
	else if (!ours(offences->config, client) || client->phase >= MQGATE_PHASE_CONNECTED)
		mqg_judge_observed(offences->judge, refusal.addr, refusal.reason);
}

/* The broker's no. That of our own broker the proxy has reported. */
static void broker_refused(struct mqg_offences *offences, const struct mqg_module_client *client)
{
	char id[MQGATE_CLIENT_ID_KEPT + 1];
	struct mqg_refusal refusal = {
		.reason = MQGATE_REASON_BROKER_REFUSED,
		.service = client->service,
		.client_id = id,
	};

	if (ours(offences->config, client))
		return;
	describe(client, id, sizeof(id));
	memcpy(refusal.addr, client->flow.saddr, sizeof(refusal.addr));
	mqg_judge_refused(offences->judge, &refusal);
}

void mqg_offences_event(struct mqg_offences *offences, const struct mqg_module_event *event,
			uint64_t ticket, uint64_t now)
{
	const struct mqg_module_client *client = &event->client;

	if (!strcmp(event->what, "violation"))
		violation(offences, event, ticket, now);
	else if (!strcmp(event->what, "phase") && client->phase == MQGATE_PHASE_REFUSED &&
		 !(client->flags & MQGATE_CLIENT_F_KILLED))
		broker_refused(offences, client);
	else if (!strcmp(event->what, "phase"))
		mqg_offences_client(offences, client, ticket);
}

void mqg_offences_client(struct mqg_offences *offences, const struct mqg_module_client *client,
			 uint64_t ticket)
{
	if (client->phase == MQGATE_PHASE_REFUSED && client->flags & MQGATE_CLIENT_F_KILLED)
		mqg_judge_flow_refused(offences->judge, &client->flow, ticket,
				       (enum mqgate_reason)client->reason);
}

void mqg_offences_source(struct mqg_offences *offences, const struct mqg_module_source *source)
{
	if (source->over & MQGATE_SOURCE_OVER_SESSIONS)
		mqg_judge_observed(offences->judge, source->addr, MQGATE_REASON_SOURCE_SESSIONS);
	if (source->over & MQGATE_SOURCE_OVER_RATE)
		mqg_judge_observed(offences->judge, source->addr, MQGATE_REASON_SOURCE_RATE);
}
