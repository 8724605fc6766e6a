// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sums of the per-CPU counters; see stats.h.
 */
#include "stats.h"

#include <linux/cpumask.h>
#include <linux/string.h>

#include "net.h"

static void add(u64 *sum, const u64 *part, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		sum[i] += READ_ONCE(part[i]);
}

/**
 * mqg_stats_sum - what the module did in a namespace so far
 * @net: the namespace
 * @sum: filled in
 *
 * Context: process or BH; counters move meanwhile.
 */
void mqg_stats_sum(const struct mqg_net *net, struct mqg_stats *sum)
{
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu)
		add(sum->counters, per_cpu_ptr(net->stats, cpu)->counters, MQG_COUNTERS);
}

/**
 * mqg_service_stats_sum - MQTT packets of a service so far
 * @net: the namespace
 * @service: number of the service
 * @sum: filled in
 *
 * Context: as mqg_stats_sum(). Return: false when there never was such a service.
 */
bool mqg_service_stats_sum(const struct mqg_net *net, u8 service, struct mqg_service_stats *sum)
{
	struct mqg_service_stats __percpu *stats;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	if (service >= MQGATE_SERVICES)
		return false;
	stats = READ_ONCE(net->service_stats[service]);
	if (!stats)
		return false;
	BUILD_BUG_ON(sizeof(*sum) % sizeof(u64));
	for_each_possible_cpu(cpu)
		add((u64 *)sum, (const u64 *)per_cpu_ptr(stats, cpu), sizeof(*sum) / sizeof(u64));
	return true;
}
