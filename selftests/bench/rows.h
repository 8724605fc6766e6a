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

struct row {
	const char	*id, *what, *unit;
	const char	*better;		/* "higher" or "lower" */
	const char	*against;		/* what limit is */
	const char	*peer;			/* whose limit is, where it is a peer's */
	double		ours[ROW_RUNS];
	double		limit[ROW_RUNS];
	double		target;			/* for the ratio; 0 = none was set */
	bool		absolute;		/* the target is for ours itself */
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
