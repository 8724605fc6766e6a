// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table and the JSON file of a benchmark; see rows.h. Called by the benchmarks,
 * single-threaded.
 */
#include "rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <jansson.h>

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct spread spread_of(const double values[ROW_RUNS])
{
	double sorted[ROW_RUNS];

	memcpy(sorted, values, sizeof(sorted));
	qsort(sorted, ROW_RUNS, sizeof(sorted[0]), ascending);
	return (struct spread){ sorted[0], sorted[ROW_RUNS / 2], sorted[ROW_RUNS - 1] };
}

double row_ratio(const struct row *row)
{
	double ratios[ROW_RUNS];

	for (int i = 0; i < ROW_RUNS; i++)
		ratios[i] = row->limit[i] > 0 ? row->ours[i] / row->limit[i] : 0;
	return spread_of(ratios).median;
}

static int met(const struct row *row)
{
	double got = row->absolute ? spread_of(row->ours).median : row_ratio(row);

	return strcmp(row->better, "lower") ? got >= row->target : got <= row->target;
}

static void peers_print(const struct row *row)
{
	for (size_t i = 0; i < row->n_peers; i++) {
		const struct peer *p = &row->peers[i];
		struct spread s = spread_of(p->cost);

		if (p->cannot)
			printf("    %-40s cannot: %s\n", p->name, p->cannot);
		else
			printf("    %-51s %.1f (%.1f..%.1f)\n", p->name, s.median, s.least, s.most);
	}
}

void rows_print(const struct row *rows, size_t count)
{
	printf("%-44s %-10s %22s %22s %7s\n", "what", "unit", "ours (min..max)", "limit (min..max)",
	       "ratio");
	for (size_t i = 0; i < count; i++) {
		struct spread ours = spread_of(rows[i].ours), limit = spread_of(rows[i].limit);
		char left[40], right[40];

		snprintf(left, sizeof(left), "%.1f (%.1f..%.1f)", ours.median, ours.least,
			 ours.most);
		snprintf(right, sizeof(right), "%.1f (%.1f..%.1f)", limit.median, limit.least,
			 limit.most);
		printf("%-44s %-10s %22s %22s %7.3f", rows[i].what, rows[i].unit, left, right,
		       row_ratio(&rows[i]));
		if (rows[i].invalid[0])
			printf("  invalid: %s", rows[i].invalid);
		else if (rows[i].target > 0)
			printf("  target %.*f: %s", rows[i].absolute ? 0 : 2, rows[i].target,
			       met(&rows[i]) ? "met" : "missed");
		printf("%s%s\n", rows[i].note[0] ? "  " : "", rows[i].note);
		peers_print(&rows[i]);
	}
}

static json_t *spread_json(const double values[ROW_RUNS])
{
	struct spread s = spread_of(values);

	return json_pack("{s:f, s:f, s:f}", "min", s.least, "median", s.median, "max", s.most);
}

static json_t *row_json(const struct row *row)
{
	json_t *target = row->target > 0 ? json_real(row->target) : json_null();
	bool judged = row->target > 0 && !row->invalid[0];
	json_t *reached = judged ? json_boolean(met(row)) : json_null();
	json_t *limit = json_real(spread_of(row->limit).median), *peers = json_object();

	if (row->peer) {
		json_object_set_new(peers, row->peer, limit);
		limit = json_null();
	}
	for (size_t i = 0; i < row->n_peers; i++) {
		const struct peer *p = &row->peers[i];

		json_object_set_new(peers, p->name, p->cannot ? json_string(p->cannot) :
				    json_real(spread_of(p->cost).median));
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:f, s:o, s:o, s:f, s:s, s:o, s:o, s:s, s:s, "
			 "s:{s:o, s:o}}",
			 "id", row->id, "what", row->what, "unit", row->unit, "better", row->better,
			 "ours", spread_of(row->ours).median, "limit", limit,
			 "peers", peers, "ratio", row_ratio(row), "against", row->against,
			 "target", target, "met", reached,
			 "invalid", row->invalid, "note", row->note,
			 "runs", "ours", spread_json(row->ours), "limit", spread_json(row->limit));
}

int rows_write(const struct row *rows, size_t count, const char *dir, const char *name)
{
	json_t *list = json_array();
	time_t now = time(NULL);
	char path[4096], when[32];
	struct tm tm;
	int rc = 0;

	if (mkdir(dir, 0755) && errno != EEXIST) {
		rc = -errno;
		fprintf(stderr, "%s: %s\n", dir, strerror(errno));
		goto out;
	}
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	snprintf(path, sizeof(path), "%s/%s-%s.json", dir, name, when);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, row_json(&rows[i]));
	if (json_dump_file(list, path, JSON_INDENT(2))) {
		rc = -EIO;
		fprintf(stderr, "%s: cannot be written\n", path);
		goto out;
	}
	printf("written: %s\n", path);
out:
	json_decref(list);
	return rc;
}
