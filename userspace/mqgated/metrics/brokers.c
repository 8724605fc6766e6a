// SPDX-License-Identifier: BSD-2-Clause
/*
 * Metrics of brokers and their servers. Labels are names and addresses of the configuration. Main
 * thread; what is read are atomics.
 */
#include <stdio.h>

#include "metrics/metrics.h"

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP mqgate_broker_%s %s\n# TYPE mqgate_broker_%s %s\n", name, help, name,
		type);
}

static unsigned long long broker_value(const struct mqg_broker_counts *c, size_t row)
{
	const uint64_t values[] = {
		c->up, c->connections, c->failures, c->waiting, c->answered, c->held, c->lost,
		c->resumed, c->kept, c->again, c->dropped, c->replayed, c->parked, c->delivered,
		c->refused,
	};

	return (unsigned long long)values[row];
}

static void tell_brokers(const struct mqg_metrics_sources *sources, FILE *out)
{
	/* In the order of broker_value(). */
	static const char *const names[][3] = {
		{ "up", "gauge", "1 while at least one server of the broker is up." },
		{ "connections_total", "counter", "Connections made to the broker for clients." },
		{ "failures_total", "counter", "Attempts to connect to the broker for a client "
					       "that failed." },
		{ "waiting", "gauge", "Clients that wait for a server of the broker, or for the "
				      "answer that there is none." },
		{ "answered_total", "counter", "Clients answered that no server of the broker "
					       "takes them." },
		{ "held", "gauge", "Sessions that have lost their server and wait for another." },
		{ "held_lost_total", "counter", "Sessions that lost their server and were held." },
		{ "held_resumed_total", "counter", "Sessions that went on with another server." },
		{ "held_bytes", "gauge", "Packets kept until a server has acknowledged them." },
		{ "held_again_total", "counter", "Messages sent again, with DUP." },
		{ "held_dropped_total", "counter", "Messages of QoS 0 dropped for want of room "
						   "while there was no server." },
		{ "held_replayed_total", "counter", "Topic filters subscribed to again." },
		{ "stored", "gauge", "Messages of absent clients that are stored for it." },
		{ "stored_delivered_total", "counter", "Of those, taken by a server." },
		{ "stored_refused_total", "counter", "Of those, refused by a server and "
						     "dropped." },
	};

	for (size_t r = 0; r < sizeof(names) / sizeof(names[0]); r++) {
		head(out, names[r][0], names[r][1], names[r][2]);
		for (size_t i = 0; i < sources->config->n_brokers; i++) {
			struct mqg_broker_counts c = { 0 };

			if (sources->proxy)
				mqg_proxy_broker_counts(sources->proxy, i, &c);
			fprintf(out, "mqgate_broker_%s{broker=\"%s\"} %llu\n", names[r][0],
				sources->config->brokers[i].name, broker_value(&c, r));
		}
	}
}

static unsigned long long value(const struct mqg_server_counts *c, size_t row)
{
	switch (row) {
	case 0:
		return c->up;
	case 1:
		return c->draining;
	case 2:
		return c->open;
	case 3:
		return c->made;
	case 4:
		return c->failed;
	case 5:
		return c->checks;
	default:
		return c->checks_failed;
	}
}

void mqg_metrics_brokers(const struct mqg_metrics_sources *sources, FILE *out)
{
	static const char *const names[][3] = {
		{ "server_up", "gauge", "1 while the server is up, as far as is known." },
		{ "server_draining", "gauge", "1 while it gets no clients, by an operator's "
					      "word." },
		{ "server_connections", "gauge", "Connections to it that are open, for clients." },
		{ "server_connections_total", "counter", "Connections made to it for clients." },
		{ "server_failures_total", "counter", "Attempts to connect to it for a client that "
						      "failed." },
		{ "server_checks_total", "counter", "Health checks of it." },
		{ "server_checks_failed_total", "counter", "Health checks of it that failed." },
	};

	tell_brokers(sources, out);
	for (size_t r = 0; r < sizeof(names) / sizeof(names[0]); r++) {
		head(out, names[r][0], names[r][1], names[r][2]);
		for (size_t i = 0; sources->proxy && i < sources->config->n_brokers; i++) {
			const struct mqg_broker *broker = &sources->config->brokers[i];

			for (size_t n = 0; n < broker->n_servers; n++) {
				struct mqg_server_counts c;

				mqg_proxy_server_counts(sources->proxy, i, n, &c);
				fprintf(out, "mqgate_broker_%s{broker=\"%s\",server=\"%s\"} %llu\n",
					names[r][0], broker->name, broker->servers[n].address.text,
					value(&c, r));
			}
		}
	}
}
