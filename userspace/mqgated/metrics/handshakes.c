// SPDX-License-Identifier: BSD-2-Clause
/*
 * Metrics of the admission to TLS handshakes: how many are under way, wait, and were refused before
 * they began. Main thread; what is read are atomics.
 */
#include <stdio.h>

#include "metrics/metrics.h"

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP mqgate_tls_handshakes_%s %s\n# TYPE mqgate_tls_handshakes_%s %s\n",
		name, help, name, type);
}

static void one(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
	head(out, name, type, help);
	fprintf(out, "mqgate_tls_handshakes_%s %llu\n", name, (unsigned long long)value);
}

void mqg_metrics_handshakes(const struct mqg_metrics_sources *sources, FILE *out)
{
	struct mqg_handshake_counts c = { 0 };

	if (sources->proxy)
		mqg_proxy_handshake_counts(sources->proxy, &c);
	one(out, "started_total", "counter", "TLS handshakes that OpenSSL was asked for.", c.begun);
	one(out, "in_flight", "gauge", "TLS handshakes that have begun and are not over.",
	    c.in_flight);
	one(out, "waiting", "gauge", "Clients that wait for a place for their TLS handshake.",
	    (uint64_t)c.waiting + c.waiting_known);
	one(out, "waiting_known", "gauge", "Of those, from sources that had a session lately.",
	    c.waiting_known);
	one(out, "waited_total", "counter", "Clients that had to wait for a place.", c.waited);
	head(out, "refused_total", "counter",
	     "Clients refused before their TLS handshake began, by reason.");
	fprintf(out, "mqgate_tls_handshakes_refused_total{reason=\"handshake-source\"} %llu\n",
		(unsigned long long)c.refused_source);
	fprintf(out, "mqgate_tls_handshakes_refused_total{reason=\"handshake-rate\"} %llu\n",
		(unsigned long long)c.refused_rate);
	one(out, "cut_total", "counter",
	     "TLS handshakes of strangers that gave their place to those who waited.", c.cut);
}
