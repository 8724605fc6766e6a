// SPDX-License-Identifier: BSD-2-Clause
/* Open addressing with linear probing, and removal that leaves no marks; see flows.h. */
#include "message/flows.h"

#include <stdlib.h>
#include <string.h>

void mqg_flows_init(struct mqg_flows *flows)
{
	memset(flows, 0, sizeof(*flows));
	flows->table = flows->first;
	flows->size = MQG_FLOWS_FIRST;
}

void mqg_flows_exit(struct mqg_flows *flows)
{
	for (uint32_t i = 0; flows->n && i < flows->size; i++)
		free(flows->table[i].copy);
	if (flows->table != flows->first)
		free(flows->table);
	mqg_flows_init(flows);
}

/* Clients count upwards: neighbours in number are neighbours here. */
static uint32_t place(const struct mqg_flows *flows, uint16_t id)
{
	return id & (flows->size - 1);
}

struct mqg_flow *mqg_flow_find(struct mqg_flows *flows, uint16_t id, enum mqg_flow_kind kind)
{
	uint32_t mask = flows->size - 1;

	for (uint32_t i = place(flows, id); flows->table[i].kind; i = (i + 1) & mask)
		if (flows->table[i].id == id && flows->table[i].kind == kind)
			return &flows->table[i];
	return NULL;
}

static struct mqg_flow *empty(struct mqg_flows *flows, uint16_t id)
{
	uint32_t i = place(flows, id);

	while (flows->table[i].kind)
		i = (i + 1) & (flows->size - 1);
	return &flows->table[i];
}

static bool grow(struct mqg_flows *flows)
{
	struct mqg_flow *before = flows->table;
	uint32_t size = flows->size;
	struct mqg_flow *table = calloc(2 * (size_t)size, sizeof(*table));

	if (!table)
		return false;
	flows->table = table;
	flows->size = 2 * size;
	for (uint32_t i = 0; i < size; i++)
		if (before[i].kind)
			*empty(flows, before[i].id) = before[i];
	if (before != flows->first)
		free(before);
	return true;
}

static bool publishes(const struct mqg_flow *flow)
{
	return flow->kind == MQG_FLOW_QOS1 || flow->kind == MQG_FLOW_QOS2;
}

struct mqg_flow *mqg_flow_add(struct mqg_flows *flows, uint16_t id, enum mqg_flow_kind kind)
{
	struct mqg_flow *flow;

	/* One place always stays empty: that ends a search. */
	if (flows->n >= flows->size - flows->size / 4 && !grow(flows))
		return NULL;
	flow = empty(flows, id);
	*flow = (struct mqg_flow){ .id = id, .kind = (uint8_t)kind, .count = 1 };
	flows->n++;
	flows->messages += publishes(flow);
	return flow;
}

void mqg_flow_remove(struct mqg_flows *flows, struct mqg_flow *flow)
{
	uint32_t mask = flows->size - 1, hole = (uint32_t)(flow - flows->table), i = hole;

	free(flow->copy);
	flows->n--;
	flows->messages -= publishes(flow);
	/* What would not be found any more across the hole moves into it. */
	for (i = (i + 1) & mask; flows->table[i].kind; i = (i + 1) & mask) {
		uint32_t home = place(flows, flows->table[i].id);

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		flows->table[hole] = flows->table[i];
		hole = i;
	}
	memset(&flows->table[hole], 0, sizeof(flows->table[hole]));
	if (!flows->n)
		mqg_flows_exit(flows);
}
