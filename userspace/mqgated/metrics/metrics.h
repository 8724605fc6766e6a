/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prometheus text and the status page, served by libmicrohttpd inside the main loop: no thread of
 * its own. Main thread only; no lock.
 */
#ifndef MQG_METRICS_H
#define MQG_METRICS_H

#include <stddef.h>
#include <stdio.h>

#include "config/config.h"
#include "control/control.h"
#include "judge/judge.h"
#include "live/live.h"
#include "module/tracker.h"
#include "proxy/proxy.h"
#include "system/loop.h"

struct mqg_metrics;

/* What is told of. Everything outlives the server; proxy may change to NULL. */
struct mqg_metrics_sources {
	const struct mqg_config		*config;
	struct mqg_judge		*judge;
	struct mqg_tracker		*tracker;
	struct mqg_proxy		*proxy;
	const struct mqg_control	*control;
	const struct mqg_live		*live;
	uint64_t			started;	/* boot time */
};

/* Binds config->http and serves it from @loop. Return: 0 (also where it is off) or -errno. */
int mqg_metrics_setup(const struct mqg_metrics_sources *sources, struct mqg_loop *loop,
		      struct mqg_metrics **metrics, char *why, size_t size);
void mqg_metrics_teardown(struct mqg_metrics *metrics);

/* About once a second: closes connections that were idle too long. */
void mqg_metrics_tick(struct mqg_metrics *metrics);

/* The two pages as text; to be freed. NULL when memory is out. */
char *mqg_metrics_text(const struct mqg_metrics_sources *sources, size_t *len);
char *mqg_metrics_page(const struct mqg_metrics_sources *sources, size_t *len);

/* Of groups, and of taps. For mqg_metrics_text(). */
void mqg_metrics_groups(const struct mqg_metrics_sources *sources, FILE *out);
void mqg_metrics_taps(const struct mqg_metrics_sources *sources, FILE *out);

/* Of the inventory of certificates: counts, never who. For mqg_metrics_text(). */
void mqg_metrics_identities(const struct mqg_metrics_sources *sources, FILE *out);
/* Of the admission to TLS handshakes, likewise. */
void mqg_metrics_handshakes(const struct mqg_metrics_sources *sources, FILE *out);
/* Of brokers and their servers. */
void mqg_metrics_brokers(const struct mqg_metrics_sources *sources, FILE *out);
/* Of what is stored for them. */
void mqg_metrics_store(const struct mqg_metrics_sources *sources, FILE *out);

#endif
