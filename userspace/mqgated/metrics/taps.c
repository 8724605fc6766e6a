// SPDX-License-Identifier: BSD-2-Clause
/* Metrics of taps. Main thread; what is read are atomics. */
#include <stdio.h>

#include "config/tap.h"
#include "metrics/metrics.h"
#include "tap/tap.h"

static const struct {
	const char	*name, *type, *help;
	size_t		offset;
	const char	*why;
} rows[] = {
	{ "sent_total", "counter", "Messages handed to the endpoint of a tap.",
	  offsetof(struct mqg_tap_counts, sent), NULL },
	{ "dropped_total", "counter", "Messages that were chosen and did not leave, by why.",
	  offsetof(struct mqg_tap_counts, full), "queue" },
	{ "dropped_total", NULL, NULL, offsetof(struct mqg_tap_counts, limited), "rate" },
	{ "dropped_total", NULL, NULL, offsetof(struct mqg_tap_counts, lost), "endpoint" },
};

void mqg_metrics_taps(const struct mqg_metrics_sources *sources, FILE *out)
{
	const struct mqg_config *config = sources->config;
	const struct mqg_taps *taps = mqg_live_taps(sources->live);
	struct mqg_tap_counts counts;

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		if (rows[r].help)
			fprintf(out, "# HELP mqgate_tap_%s %s\n# TYPE mqgate_tap_%s %s\n",
				rows[r].name, rows[r].help, rows[r].name, rows[r].type);
		for (size_t i = 0; taps && i < config->n_taps; i++) {
			mqg_taps_counts(taps, i, &counts);
			fprintf(out, "mqgate_tap_%s{tap=\"%s\"", rows[r].name,
				config->taps[i].name);
			if (rows[r].why)
				fprintf(out, ",why=\"%s\"", rows[r].why);
			fprintf(out, "} %llu\n", (unsigned long long)
				*(const uint64_t *)((const char *)&counts + rows[r].offset));
		}
	}
	fprintf(out, "# HELP mqgate_tap_up 1 while the endpoint of a tap is reached.\n"
		"# TYPE mqgate_tap_up gauge\n");
	for (size_t i = 0; taps && i < config->n_taps; i++) {
		mqg_taps_counts(taps, i, &counts);
		fprintf(out, "mqgate_tap_up{tap=\"%s\"} %d\n", config->taps[i].name, counts.up);
	}
}
