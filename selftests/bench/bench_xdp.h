/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The groups of rows that bench_xdp prints: each appends its own. Single-threaded.
 */
#ifndef MQG_BENCH_XDP_H
#define MQG_BENCH_XDP_H

#include "gauge.h"
#include "rows.h"

#define BENCH_ROWS	96

struct bench {
	struct stage	stage;
	struct row	rows[BENCH_ROWS];
	size_t		n_rows;
	uint32_t	packets;		/* of one measurement */
};

/* A fresh row with text of its own. @against: what limit is. */
struct row *bench_row(struct bench *b, const char *better, const char *against,
		      const char *id, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Says in @row why it does not count, or how noisy it was, from what was measured in run @i. */
void bench_judge(struct row *row, const struct gauge *g, uint32_t sources);

void bench_drops(struct bench *b);	/* against the bare programs: rows_drop.c */
void bench_peers(struct bench *b);	/* against filters of others: rows_peer.c */
void bench_haproxy(struct bench *b);	/* against a proxy: rows_haproxy.c */
void bench_latency(struct bench *b);	/* what clients feel of it: rows_latency.c */
void bench_growth(struct bench *b);	/* of reloads and teardowns: rows_growth.c */

#endif
