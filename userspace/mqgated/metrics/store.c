// SPDX-License-Identifier: BSD-2-Clause
/* Metrics of the journal, where there is one. Main thread; what is read are atomics. */
#include <stdio.h>

#include "hold/journal.h"
#include "metrics/metrics.h"

#define AT(field)	offsetof(struct mqg_journal_counts, field)

static const struct {
	const char	*name, *type, *help;
	size_t		offset;
} rows[] = {
	{ "bytes", "gauge", "Bytes of the store on disk.", AT(bytes) },
	{ "limit_bytes", "gauge", "Bytes that it may have.", AT(limit) },
	{ "live_bytes", "gauge", "Bytes of records that are still needed.", AT(live_bytes) },
	{ "records", "gauge", "Records that are still needed: messages that no server has "
			      "taken, identifiers that no client has released.", AT(live) },
	{ "written_total", "counter", "Records written.", AT(written) },
	{ "adopted_total", "counter", "Records taken over from processes that are gone.",
	  AT(adopted) },
	{ "copied_total", "counter", "Records written again so that their file could go.",
	  AT(copied) },
	{ "refused_total", "counter", "Records refused because the store was full, or the disk "
				      "slow or broken.", AT(refused) },
	{ "syncs_total", "counter", "Confirmations by the disk.", AT(syncs) },
	{ "failures_total", "counter", "Writes and confirmations that failed.", AT(failures) },
	{ "damaged_total", "counter", "Places in files that could not be read.", AT(damaged) },
};

void mqg_metrics_store(const struct mqg_metrics_sources *sources, FILE *out)
{
	struct mqg_journal_counts counts;

	if (!sources->proxy || !mqg_proxy_store_counts(sources->proxy, &counts))
		return;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
		fprintf(out, "# HELP mqgate_store_%s %s\n# TYPE mqgate_store_%s %s\n"
			"mqgate_store_%s %llu\n", rows[r].name, rows[r].help, rows[r].name,
			rows[r].type, rows[r].name, (unsigned long long)
			*(const uint64_t *)((const char *)&counts + rows[r].offset));
	fprintf(out, "# HELP mqgate_store_failed 1 while the disk fails.\n"
		"# TYPE mqgate_store_failed gauge\nmqgate_store_failed %d\n", counts.failed);
}
