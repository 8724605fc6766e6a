/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What changes while the daemon runs: another configuration (main thread), and sessions that are
 * ended because of it (any thread). The lock is held for as long as pointers are exchanged.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "judge/services.h"
#include "judge/sizes.h"
#include "judge/state.h"
#include "system/log.h"

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct mqgate_source_key));
}

/* What the allow list of the file wrote, and does not say any more. */
static bool taken_back(const struct mqg_found *found, const void *arg)
{
	struct mqgate_source_key key;

	return mqg_net_source(&found->net, &key) && found->verdict.action == MQGATE_ACTION_PASS &&
	       found->verdict.origin == MQGATE_ORIGIN_OPERATOR &&
	       found->verdict.reason == MQGATE_REASON_NONE && !mqg_judge_allow_listed(arg, &key);
}

static int write_maps(struct mqg_judge *judge, uint64_t now)
{
	struct mqg_found_list old;
	int err;

	mqg_judge_sizes_tell(judge->config, &judge->pins);
	err = mqg_found_collect(&judge->pins, taken_back, judge, &old);

	for (size_t i = 0; !err && i < old.n; i++) {
		pthread_mutex_lock(&judge->lock);
		err = mqg_net_remove(&judge->pins, &old.items[i].net);
		pthread_mutex_unlock(&judge->lock);
		if (err == -ENOENT)
			err = 0;
	}
	free(old.items);
	if (!err)
		err = mqg_judge_allow_list_write(judge, &judge->pins, now);
	if (!err)
		err = mqg_services_write(judge->config, &judge->pins, now + LEASE_FOR);
	return err;
}

int mqg_judge_configure(struct mqg_judge *judge, const struct mqg_config *config)
{
	struct mqgate_source_key *allow, *before;
	int err;

	allow = calloc(config->n_allow + 1, sizeof(*allow));
	if (!allow)
		return -ENOMEM;
	if (config->n_allow) {
		memcpy(allow, config->allow, config->n_allow * sizeof(*allow));
		qsort(allow, config->n_allow, sizeof(*allow), compare);
	}
	pthread_mutex_lock(&judge->lock);
	before = judge->allow;
	judge->allow = allow;
	judge->config = config;
	mqg_score_configure(judge->score, &config->score);
	pthread_mutex_unlock(&judge->lock);
	free(before);
	err = judge->have_pins ? write_maps(judge, judge->clock()) : 0;
	if (err)
		mqg_log(MQG_LOG_ERR, MQG_LOG_MAPS, "services or allow list cannot be written: %s",
			strerror(-err));
	return 0;
}

void mqg_judge_ended(struct mqg_judge *judge, const struct mqg_refusal *refusal, uint64_t ticket)
{
	char addr[MQG_ADDR_STRLEN], id[64], who[64];
	struct mqg_live_flow flow;

	pthread_mutex_lock(&judge->lock);
	if (refusal->service < MQGATE_SERVICES && refusal->reason < MQGATE_REASON_MAX)
		judge->refused[refusal->service][refusal->reason]++;
	mqg_refusals_add(judge->refusals, refusal, judge->clock());
	if (!mqg_flows_end(judge->flows, ticket, &flow) && judge->have_pins)
		mqg_allow_remove(&judge->pins, &flow.key);
	pthread_mutex_unlock(&judge->lock);

	mqg_printable(refusal->client_id, id, sizeof(id));
	mqg_printable(refusal->identity, who, sizeof(who));
	mqg_log(MQG_LOG_INFO, MQG_LOG_REFUSED, "ended %s: %s (%s)%s%s%s%s",
		mqg_addr_format(refusal->addr, addr), mqg_reason_word(refusal->reason),
		mqg_reason_text(refusal->reason), who[0] ? ", identity " : "", who,
		id[0] ? ", client " : "", id);
}
