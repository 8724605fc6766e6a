/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The judge's life and its periodic work: finding the maps, the lease of services that fail
 * closed, refreshing ALLOW entries, reaping what has expired. Main thread; takes the lock for
 * short pieces of work, so that no worker waits for a walk over a map.
 */
#include "judge/manage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/names.h"
#include "judge/services.h"
#include "judge/state.h"
#include "system/log.h"

#define CHUNK	64	/* flows refreshed under one hold of the lock */

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct mqgate_source_key));
}

struct mqg_judge *mqg_judge_alloc(const struct mqg_config *config, uint64_t (*clock)(void))
{
	size_t n = config->n_allow;
	struct mqg_judge *judge = calloc(1, sizeof(*judge));

	if (!judge)
		return NULL;
	pthread_mutex_init(&judge->lock, NULL);
	judge->events_lock = -1;
	judge->config = config;
	judge->clock = clock ? clock : mqg_boottime_ns;
	judge->score = mqg_score_alloc(&config->score);
	judge->flows = mqg_flows_alloc();
	judge->refusals = calloc(1, sizeof(*judge->refusals));
	judge->allow = calloc(n ? n : 1, sizeof(*judge->allow));
	snprintf(judge->pins_error, sizeof(judge->pins_error), "the maps have not been opened yet");
	if (!judge->score || !judge->flows || !judge->refusals || !judge->allow ||
	    mqg_bulk_setup(judge)) {
		mqg_judge_free(judge);
		return NULL;
	}
	if (n) {
		memcpy(judge->allow, config->allow, n * sizeof(*judge->allow));
		qsort(judge->allow, n, sizeof(*judge->allow), compare);
	}
	return judge;
}

void mqg_judge_free(struct mqg_judge *judge)
{
	if (!judge)
		return;
	mqg_bulk_teardown(judge);
	mqg_judge_fill_stop(judge);
	mqg_judge_events_close(judge);
	if (judge->events_lock >= 0)
		close(judge->events_lock);
	if (judge->have_pins)
		mqg_pins_close(&judge->pins);
	mqg_score_free(judge->score);
	mqg_flows_free(judge->flows);
	free(judge->refusals);
	free(judge->allow);
	pthread_mutex_destroy(&judge->lock);
	free(judge);
}

void mqg_judge_flows_watch(struct mqg_judge *judge, mqg_flow_fn fn, void *arg)
{
	judge->flow_fn = fn;
	judge->flow_arg = arg;
}

const char *mqg_judge_pins_error(const struct mqg_judge *judge)
{
	return judge->have_pins ? NULL : judge->pins_error;
}

const struct mqg_pins *mqg_judge_pins(const struct mqg_judge *judge)
{
	return judge->have_pins ? &judge->pins : NULL;
}

/* The inode of a pin tells one map from another that took its name. 0 = there is none. */
static uint64_t inode_of_pin(void)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", mqg_bpffs_dir(), MQGATE_MAP_SOURCES);
	return stat(path, &st) ? 0 : st.st_ino;
}

static void lose_pins(struct mqg_judge *judge)
{
	struct mqg_pins old;

	mqg_bulk_stop(judge);
	mqg_judge_fill_stop(judge);
	mqg_judge_events_close(judge);
	pthread_mutex_lock(&judge->lock);
	old = judge->pins;
	judge->have_pins = false;
	pthread_mutex_unlock(&judge->lock);
	mqg_pins_close(&old);
}

/* Remembers why there are no maps, and logs it when it is another reason than before. */
static void no_pins(struct mqg_judge *judge, const char *why)
{
	if (!strcmp(why, judge->pins_error))
		return;
	snprintf(judge->pins_error, sizeof(judge->pins_error), "%s", why);
	mqg_log(MQG_LOG_WARNING, MQG_LOG_PINS, "%s", why);
}

static void note_ban(const struct mqgate_source_key *key, const struct mqgate_verdict *verdict,
		     void *arg)
{
	struct mqg_found_list *bans = arg;

	if (bans->n < bans->room) {
		mqg_net_of_source(key, &bans->items[bans->n].net);
		bans->items[bans->n++].verdict = *verdict;
	}
}

/* Writes the bans and limits that the table knows and the new maps do not. */
static void write_bans(struct mqg_judge *judge, uint64_t now)
{
	struct mqg_found_list bans = { .n = 0 };
	struct mqgate_verdict found;

	pthread_mutex_lock(&judge->lock);
	bans.room = mqg_score_count(judge->score);
	bans.items = calloc(bans.room + 1, sizeof(*bans.items));
	if (bans.items)
		mqg_score_verdicts_each(judge->score, now, note_ban, &bans);
	pthread_mutex_unlock(&judge->lock);
	for (size_t i = 0; i < bans.n; i++) {
		pthread_mutex_lock(&judge->lock);
		/* Already there, or somebody with a better right has spoken. */
		if (mqg_net_get(&judge->pins, &bans.items[i].net, &found) ||
		    !mqg_verdict_live(&found, now))
			mqg_judge_verdict_write(judge, &bans.items[i].net, &bans.items[i].verdict);
		pthread_mutex_unlock(&judge->lock);
	}
	free(bans.items);
}

static void refresh_flows(struct mqg_judge *judge, uint64_t now)
{
	size_t slots, i = 0;

	do {
		pthread_mutex_lock(&judge->lock);
		slots = mqg_flows_slots(judge->flows);
		for (size_t end = i + CHUNK; i < end && i < slots; i++) {
			struct mqg_live_flow *flow = mqg_flows_slot(judge->flows, i);

			if (flow && !flow->withheld)
				mqg_judge_allow_write(judge, flow, now);
		}
		pthread_mutex_unlock(&judge->lock);
	} while (i < slots);
	judge->next_refresh = now + ALLOW_REFRESH;
}

bool mqg_judge_pins_check(struct mqg_judge *judge)
{
	uint64_t now = judge->clock(), inode;
	struct mqg_pins pins;
	char why[512];
	int err;

	if (judge->retired)
		return false;
	inode = inode_of_pin();
	if (judge->have_pins && inode == judge->pins_inode)
		return true;
	if (judge->have_pins) {
		lose_pins(judge);
		mqg_log(MQG_LOG_NOTICE, MQG_LOG_PINS, "the pinned maps were removed or replaced");
	}
	err = mqg_pins_open(&pins, why, sizeof(why));
	if (!err) {
		err = mqg_judge_adopt(judge, &pins, now);
		if (err)
			snprintf(why, sizeof(why), "%s: the maps cannot be adopted: %s",
				 mqg_bpffs_dir(), strerror(-err));
	}
	if (err) {
		mqg_pins_close(&pins);
		no_pins(judge, why);
		return false;
	}
	pthread_mutex_lock(&judge->lock);
	judge->pins = pins;
	judge->have_pins = true;
	pthread_mutex_unlock(&judge->lock);
	write_bans(judge, now);
	judge->pins_inode = inode;
	judge->pins_error[0] = '\0';
	refresh_flows(judge, now);
	mqg_judge_events_open(judge);
	mqg_bulk_restore(judge);
	return true;
}

void mqg_judge_retire(struct mqg_judge *judge)
{
	judge->retired = true;
	if (judge->have_pins)
		lose_pins(judge);
}

void mqg_judge_tick(struct mqg_judge *judge)
{
	uint64_t now = judge->clock();
	int err;

	if (!mqg_judge_pins_check(judge))
		return;
	mqg_judge_events_open(judge);
	err = mqg_services_lease(judge->config, &judge->pins, now + LEASE_FOR);
	if (err)
		mqg_log(MQG_LOG_ERR, MQG_LOG_MAPS,
			"the lease of a service that fails closed cannot be renewed: %s",
			strerror(-err));
	mqg_judge_floods_watch(judge, now);
	mqg_judge_fill_step(judge, now);
	if (now >= judge->next_refresh)
		refresh_flows(judge, now);
	if (now >= judge->next_reap) {
		judge->next_reap = now + REAP_EVERY;
		mqg_bulk_reap(judge);
	}
}
