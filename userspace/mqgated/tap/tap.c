// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a worker does for a tap: to choose, and to copy. See tap.h; the writing thread is in
 * writer.c.
 */
#include "tap/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tap/filter.h"

static int alloc_tap(struct mqg_tap *tap, const struct mqg_tap_config *config, size_t workers)
{
	tap->config = config;
	/* Each has lines of the cache for itself. */
	tap->ends = aligned_alloc(64, workers * sizeof(*tap->ends));
	if (!tap->ends)
		return -ENOMEM;
	memset(tap->ends, 0, workers * sizeof(*tap->ends));
	for (size_t w = 0; w < workers; w++)
		if (mqg_ring_init(&tap->ends[w].ring, config->queue))
			return -ENOMEM;
	return mqg_sink_init(&tap->sink, config);
}

int mqg_taps_alloc(const struct mqg_config *config, size_t workers, struct mqg_taps **out)
{
	struct mqg_taps *taps;
	int err = 0;

	*out = NULL;
	if (!config->n_taps)
		return 0;
	taps = calloc(1, sizeof(*taps) + config->n_taps * sizeof(taps->taps[0]));
	if (!taps)
		return -ENOMEM;
	taps->workers = workers;
	taps->wakefd = -1;
	for (; !err && taps->n < config->n_taps; taps->n++)
		err = alloc_tap(&taps->taps[taps->n], &config->taps[taps->n], workers);
	if (err) {
		mqg_taps_free(taps);
		return err;
	}
	*out = taps;
	return 0;
}

void mqg_taps_free(struct mqg_taps *taps)
{
	if (!taps)
		return;
	for (size_t i = 0; i < taps->n; i++) {
		for (size_t w = 0; taps->taps[i].ends && w < taps->workers; w++)
			mqg_ring_exit(&taps->taps[i].ends[w].ring);
		free(taps->taps[i].ends);
		mqg_sink_exit(&taps->taps[i].sink);
	}
	free(taps);
}

void mqg_taps_counts(const struct mqg_taps *taps, size_t i, struct mqg_tap_counts *counts)
{
	struct mqg_tap *tap = (struct mqg_tap *)&taps->taps[i];

	*counts = tap->before;
	counts->sent += mqg_counter_get(&tap->sent);
	counts->lost += mqg_counter_get(&tap->lost);
	counts->up = atomic_load_explicit(&tap->up, memory_order_relaxed);
	for (size_t w = 0; w < taps->workers; w++) {
		counts->full += mqg_counter_get(&tap->ends[w].full);
		counts->limited += mqg_counter_get(&tap->ends[w].limited);
	}
}

void mqg_taps_inherit(struct mqg_taps *taps, const struct mqg_taps *before)
{
	for (size_t i = 0; taps && i < taps->n; i++)
		for (size_t k = 0; before && k < before->n; k++)
			if (!strcmp(taps->taps[i].config->name, before->taps[k].config->name))
				mqg_taps_counts(before, k, &taps->taps[i].before);
}

static bool is_wanted(const struct mqg_tap_config *config, const struct mqg_tapped *m)
{
	if (!(m->up ? config->up : config->down))
		return false;
	for (size_t i = 0; i < config->n_topics; i++)
		if (mqg_filter_matches(config->topics[i], m->topic, m->topic_len))
			return true;
	return !config->n_topics;
}

/* A second's worth at once. */
static bool is_within(struct mqg_tap_end *end, uint32_t rate, uint64_t now)
{
	const uint64_t second = 1000000000ULL;

	if (!rate)
		return true;
	if (now - end->since >= second) {
		end->since = now;
		end->in_second = 0;
	}
	if (end->in_second >= rate) {
		mqg_counter_add(&end->limited, 1);
		return false;
	}
	end->in_second++;
	return true;
}

static uint16_t length(const char *text)
{
	size_t len = text ? strlen(text) : 0;

	return len > UINT16_MAX ? UINT16_MAX : (uint16_t)len;
}

static void put(uint8_t **at, const void *data, size_t len)
{
	if (len)
		memcpy(*at, data, len);
	*at += len;
}

static void copy(struct mqg_tap_end *end, const struct mqg_tap_config *config,
		 const struct mqg_tapped *m, uint64_t now)
{
	struct mqg_tap_record head = {
		.time = now, .payload_len = (uint32_t)m->payload_len,
		.listener_len = length(m->listener), .identity_len = length(m->identity),
		.client_id_len = length(m->client_id), .topic_len = (uint16_t)m->topic_len,
		.qos = m->qos, .up = m->up, .retain = m->retain, .dup = m->dup,
	};
	uint8_t *at;
	size_t len;

	if (config->payload)
		head.payload_here = (uint32_t)(m->payload_here > config->payload_max ?
					       config->payload_max : m->payload_here);
	len = sizeof(head) + head.listener_len + head.identity_len + head.client_id_len +
	      head.topic_len + head.payload_here;
	at = mqg_ring_reserve(&end->ring, len);
	if (!at) {
		mqg_counter_add(&end->full, 1);
		return;
	}
	put(&at, &head, sizeof(head));
	put(&at, m->listener, head.listener_len);
	put(&at, m->identity, head.identity_len);
	put(&at, m->client_id, head.client_id_len);
	put(&at, m->topic, head.topic_len);
	put(&at, m->payload, head.payload_here);
	mqg_ring_commit(&end->ring, len);
}

static uint64_t realtime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

void mqg_taps_note(struct mqg_taps *taps, size_t worker, const struct mqg_tapped *m)
{
	for (size_t i = 0; taps && i < taps->n; i++) {
		const struct mqg_tap_config *config = taps->taps[i].config;
		struct mqg_tap_end *end = &taps->taps[i].ends[worker];
		uint64_t now;

		if (!is_wanted(config, m))
			continue;
		if (config->sample > 1 && end->seen++ % config->sample)
			continue;
		now = realtime();
		if (is_within(end, config->rate, now))
			copy(end, config, m, now);
	}
}
