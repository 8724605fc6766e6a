// SPDX-License-Identifier: BSD-2-Clause
/* A list with bounds; see keep.h. Most often it is the first that a server acknowledges. */
#include "message/keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "message/flows.h"

void mqg_keep_init(struct mqg_keep *keep, const struct mqg_keep_limits *limits,
		   struct mqg_keep_counts *counts, uint8_t level)
{
	*keep = (struct mqg_keep){ .limits = *limits, .counts = counts, .level = level };
	keep->end = &keep->first;
}

static bool is_message(const struct mqg_kept *kept)
{
	return kept->kind == MQG_FLOW_QOS1 || kept->kind == MQG_FLOW_QOS2;
}

static void uncount(struct mqg_keep *keep, uint32_t len)
{
	keep->n--;
	keep->bytes -= len;
	atomic_fetch_sub_explicit(&keep->counts->bytes, len, memory_order_relaxed);
}

void mqg_keep_exit(struct mqg_keep *keep)
{
	while (keep->first)
		mqg_keep_remove(keep, keep->first);
	mqg_filters_exit(&keep->filters);
	free(keep->assigned);
}

static bool has_room(const struct mqg_keep *keep, uint32_t len)
{
	const struct mqg_keep_limits *limits = &keep->limits;
	uint64_t total = atomic_load_explicit(&keep->counts->bytes, memory_order_relaxed);

	return keep->n < limits->messages && keep->bytes <= limits->bytes &&
	       len <= limits->bytes - keep->bytes && total <= limits->total &&
	       len <= limits->total - total;
}

/* What is not kept may go on all the same. */
static bool may_pass(const struct mqg_keep *keep)
{
	return mqg_keep_linked(keep) && !keep->store;
}

bool mqg_keep_full(const struct mqg_keep *keep)
{
	/* What has begun has its room. */
	return !may_pass(keep) && !keep->filling && !has_room(keep, 1);
}

/* For packets of a chunk that was read before it was full. */
#define SLACK	(64U << 10)

static bool has_slack(const struct mqg_keep *keep, uint32_t len)
{
	const struct mqg_keep_limits *limits = &keep->limits;
	uint64_t total = atomic_load_explicit(&keep->counts->bytes, memory_order_relaxed);

	return len <= limits->bytes && keep->bytes <= limits->bytes + SLACK &&
	       total <= limits->total && len <= limits->total - total;
}

int mqg_keep_add(struct mqg_keep *keep, uint8_t kind, uint16_t id, uint32_t len,
		 struct mqg_kept **out)
{
	struct mqg_kept *kept;

	*out = NULL;
	if (may_pass(keep) && !has_room(keep, len))
		return 0;
	if (!may_pass(keep) && !has_slack(keep, len))
		return -ENOSPC;
	kept = malloc(sizeof(*kept) + len);
	if (!kept)
		return -ENOMEM;
	*kept = (struct mqg_kept){
		.len = len, .id = id, .client_id = id, .kind = kind,
		.level = keep->level, .due = true,
	};
	mqg_keep_append(keep, kept);
	*out = kept;
	return 0;
}

void mqg_keep_append(struct mqg_keep *keep, struct mqg_kept *kept)
{
	kept->next = NULL;
	*keep->end = kept;
	keep->end = &kept->next;
	keep->n++;
	keep->n_due += kept->due;
	keep->bytes += kept->len;
	atomic_fetch_add_explicit(&keep->counts->bytes, kept->len, memory_order_relaxed);
}

struct mqg_kept *mqg_keep_find(struct mqg_keep *keep, uint8_t kind, uint16_t id)
{
	struct mqg_kept *kept = keep->first;

	while (kept && (kept->id != id || kept->kind != kind))
		kept = kept->next;
	return kept;
}

struct mqg_kept *mqg_keep_find_client(struct mqg_keep *keep, uint8_t kind, uint16_t id)
{
	struct mqg_kept *kept = keep->first;

	while (kept && (kept->client_id != id || kept->kind != kind))
		kept = kept->next;
	return kept;
}

void mqg_keep_take(struct mqg_keep *keep, struct mqg_kept *kept)
{
	struct mqg_kept **at = &keep->first;

	while (*at != kept)
		at = &(*at)->next;
	*at = kept->next;
	if (keep->end == &kept->next)
		keep->end = at;
	if (keep->filling == kept)
		keep->filling = NULL;
	keep->n_due -= kept->due;
	keep->under_way -= is_message(kept) && !kept->due;
	uncount(keep, kept->len);
}

void mqg_keep_remove(struct mqg_keep *keep, struct mqg_kept *kept)
{
	if (!kept)
		return;
	mqg_keep_take(keep, kept);
	free(kept);
}

void mqg_keep_sent(struct mqg_keep *keep, struct mqg_kept *kept)
{
	kept->sent = true;
	if (!kept->due)
		return;
	kept->due = false;
	keep->n_due--;
	keep->under_way += is_message(kept);
}

void mqg_keep_due(struct mqg_keep *keep)
{
	for (struct mqg_kept *kept = keep->first; kept; kept = kept->next) {
		keep->n_due += !kept->due;
		kept->due = true;
	}
	keep->under_way = 0;
}

void mqg_keep_fill(struct mqg_keep *keep, const uint8_t *data, size_t len, bool ends)
{
	struct mqg_kept *kept = keep->filling;

	memcpy(kept->packet + kept->filled, data, len);
	kept->filled += (uint32_t)len;
	if (ends)
		keep->filling = NULL;
}
