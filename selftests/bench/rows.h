/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows of a benchmark: kept, printed as one table, written as one JSON file a run under
 * bench-results/. Single-threaded.
 */
#ifndef MQG_BENCH_ROWS_H
#define MQG_BENCH_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#define ROW_RUNS	5
#define ROW_PEERS	10

/* What somebody else costs for the same, or why it cannot do it. */
struct peer {
	const char	*name;
	const char	*cannot;		/* why; NULL = it can */
	double		cost[ROW_RUNS];
};

struct row {
	const char	*id, *what, *unit;
	const char	*better;		/* "higher" or "lower" */
	const char	*against;		/* what limit is */
	const char	*peer;			/* whose limit is, where it is a peer's */
	double		ours[ROW_RUNS];
	double		limit[ROW_RUNS];
	double		target;			/* for the ratio; 0 = none was set */
	bool		absolute;		/* the target is for ours itself */
	char		invalid[96];		/* why it tells nothing; empty = valid */
	char		note[96];		/* what else a reader has to know */
	struct peer	peers[ROW_PEERS];
	size_t		n_peers;
};

struct spread {
	double	least, median, most;
};

/* Of ROW_RUNS values. */
struct spread spread_of(const double values[ROW_RUNS]);
/* The median of the ratios ours/limit, run by run. */
double row_ratio(const struct row *row);

void rows_print(const struct row *rows, size_t count);
/* Into @dir/NAME-TIME.json. Return: 0 or -errno, after a message. */
int rows_write(const struct row *rows, size_t count, const char *dir, const char *name);

#endif
