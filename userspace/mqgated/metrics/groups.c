// SPDX-License-Identifier: BSD-2-Clause
/* Metrics of groups that have limits. Main thread; what is read are atomics. */
#include "metrics/metrics.h"

void mqg_metrics_groups(const struct mqg_metrics_sources *sources, FILE *out)
{
	const char *name;
	uint64_t paused;

	fprintf(out, "# HELP mqgate_group_reads_paused_total Reads after which a client had to "
		"wait, for a rate of its group.\n# TYPE mqgate_group_reads_paused_total counter\n");
	for (size_t i = 0; sources->proxy; i++) {
		name = mqg_proxy_group(sources->proxy, i, &paused);
		if (!name)
			break;
		fprintf(out, "mqgate_group_reads_paused_total{group=\"%s\"} %llu\n", name,
			(unsigned long long)paused);
	}
}
