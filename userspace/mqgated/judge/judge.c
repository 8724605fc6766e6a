/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What workers ask of the judge: refusals, authenticated flows, and the decision to ban. This file
 * and those beside it are the only ones in the daemon that write verdicts. One lock guards all of
 * it; under it there is nothing slower than a map system call.
 */
#include "judge/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "common/names.h"
#include "system/log.h"

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct mqgate_source_key));
}

bool mqg_judge_allow_listed(const struct mqg_judge *judge, const struct mqgate_source_key *key)
{
	return judge->config->n_allow &&
	       bsearch(key, judge->allow, judge->config->n_allow, sizeof(*key), compare);
}

bool mqg_source_covers(const struct mqgate_source_key *key, const uint8_t addr[16])
{
	struct mqgate_source_key scored;

	if (!memcmp(key->addr, addr, 16))
		return true;
	mqg_source_scored(addr, &scored);
	return !memcmp(key, &scored, sizeof(scored));
}

/* As mqg_judge_counts.entries has them. */
static size_t map_of(const struct mqg_net *net)
{
	struct mqgate_source_key key;

	return mqg_net_source(net, &key) ? 0 : mqg_net_is_v4(net) ? 1 : 2;
}

int mqg_judge_verdict_write(struct mqg_judge *judge, const struct mqg_net *net,
			    const struct mqgate_verdict *verdict)
{
	char full[256];
	int err;

	if (!judge->have_pins)
		return -ENOENT;
	err = mqg_net_put(&judge->pins, net, verdict);
	if (err == -E2BIG) {
		judge->counts.verdicts_full[map_of(net)]++;
		mqg_log(MQG_LOG_WARNING, MQG_LOG_MAP_FULL, "a verdict is not written, what it is "
			"on passes: %s", mqg_net_full(&judge->pins, net, full, sizeof(full)));
	} else if (err) {
		mqg_log(MQG_LOG_ERR, MQG_LOG_MAPS, "a verdict cannot be written: %s",
			strerror(-err));
	}
	return err;
}

static int is_operators_ban(const struct mqg_net *net, const struct mqgate_verdict *verdict,
			    void *arg)
{
	(void)net;
	*(bool *)arg = mqg_action_refuses(verdict->action) &&
		       verdict->origin != MQGATE_ORIGIN_DAEMON;
	return 1;
}

bool mqg_judge_operator_bans(struct mqg_judge *judge, const uint8_t addr[16], uint64_t now)
{
	bool bans = false;

	if (judge->have_pins)
		mqg_net_match(&judge->pins, addr, now, is_operators_ban, &bans);
	return bans;
}

/* The first that is not by score: the operator's, a peer's, or somebody's by hand. */
static int is_passed(const struct mqg_net *net, const struct mqgate_verdict *verdict, void *arg)
{
	(void)net;
	*(bool *)arg = verdict->action == MQGATE_ACTION_PASS;
	return verdict->origin != MQGATE_ORIGIN_DAEMON;
}

/* A PASS on the network that a source lies in stands against a ban, as one on itself does. */
static bool passed(struct mqg_judge *judge, const struct mqgate_source_key *key, uint64_t now)
{
	bool pass = false;

	if (judge->have_pins)
		mqg_net_match(&judge->pins, key->addr, now, is_passed, &pass);
	return pass;
}

/*
 * What the map has of a source. Return: false where somebody else's word holds, which no score
 * changes. @strikes: the table may have forgotten what the entry still tells.
 */
static bool look_up(struct mqg_judge *judge, const struct mqgate_source_key *key, uint64_t now,
		    bool *dropped, uint32_t *strikes)
{
	struct mqgate_verdict found;
	bool live;

	*dropped = false;
	*strikes = 0;
	if (!judge->have_pins || mqg_verdict_get(&judge->pins, key, &found))
		return true;
	live = mqg_verdict_live(&found, now);
	if (found.origin != MQGATE_ORIGIN_DAEMON)
		return !live;
	*dropped = live && found.action == MQGATE_ACTION_DROP;
	if (live || (now - found.expires) / 2 <= judge->config->score.ban_max_ns)
		*strikes = found.strikes;
	return true;
}

/* Writes what the table has decided; takes it back there when it cannot be written. */
static void carry_out(struct mqg_judge *judge, const struct mqgate_source_key *key,
		      const struct mqgate_verdict *verdict, uint64_t now)
{
	bool drop = verdict->action == MQGATE_ACTION_DROP;
	char text[MQG_ADDR_STRLEN], length[32], what[64];
	struct mqg_net net;
	int err;

	mqg_net_of_source(key, &net);
	err = mqg_judge_verdict_write(judge, &net, verdict);
	if (err && err != -ENOENT) {
		mqg_score_undo(judge->score, key);
		return;
	}
	if (drop)
		judge->counts.bans++;
	else
		judge->counts.limits++;
	snprintf(what, sizeof(what), "limited to %u packets/s:", verdict->rate);
	mqg_log(MQG_LOG_NOTICE, MQG_LOG_BAN, "%s %s for %s: %s, strike %u%s",
		drop ? "banned" : what, mqg_source_format(key, text),
		mqg_duration_format(verdict->expires - now, length, sizeof(length)),
		mqg_reason_word(verdict->reason), verdict->strikes,
		err ? " (nothing is attached: not in force yet)" : "");
}

/*
 * Evidence has brought the source to a step of the ladder. Asks everything that may stand against
 * it. Who has a live session is limited in place of dropped: its sessions are ALLOWed and pass, and
 * its neighbours behind the same address can still come, slowly.
 */
static void climb(struct mqg_judge *judge, const struct mqgate_source_key *key,
		  enum mqg_score_step step, uint64_t now)
{
	bool due = step == MQG_STEP_DROP, dropped;
	struct mqgate_verdict verdict;
	uint32_t strikes;

	if (mqg_judge_allow_listed(judge, key) || passed(judge, key, now)) {
		judge->counts.spared += due;
		return;
	}
	if (!look_up(judge, key, now, &dropped, &strikes))
		return;
	if (due && mqg_flows_of(judge->flows, key)) {
		judge->counts.spared++;
		step = MQG_STEP_LIMIT;
	} else if (!due && dropped) {
		return;		/* by a ban that the table has forgotten */
	}
	if (step == MQG_STEP_DROP ? mqg_score_ban(judge->score, key, strikes, now, &verdict) :
				    mqg_score_limit(judge->score, key, strikes, now, &verdict))
		return;
	carry_out(judge, key, &verdict, now);
}

/* A source that was banned while a client of it was on its way in: it has a live session now. */
static void soften(struct mqg_judge *judge, const uint8_t addr[16], uint64_t now)
{
	struct mqgate_source_key key;
	struct mqg_score_view view;
	struct mqgate_verdict verdict;
	uint32_t strikes;
	bool dropped;

	mqg_source_scored(addr, &key);
	if (!mqg_score_lookup(judge->score, &key, now, &view) || !view.banned_until ||
	    !look_up(judge, &key, now, &dropped, &strikes) ||
	    mqg_score_limit(judge->score, &key, strikes, now, &verdict))
		return;
	carry_out(judge, &key, &verdict, now);
}

void mqg_judge_evidence(struct mqg_judge *judge, const uint8_t addr[16], uint32_t reason,
			uint64_t now)
{
	struct mqgate_source_key exact, scored;
	enum mqg_score_step step;

	memcpy(exact.addr, addr, 16);
	mqg_source_scored(addr, &scored);
	/* Its neighbours in the /64 are not to pay for an address that the operator vouches for. */
	if (memcmp(&exact, &scored, sizeof(exact)) && mqg_judge_allow_listed(judge, &exact))
		return;
	step = mqg_score_add(judge->score, &scored, reason, now);
	if (step != MQG_STEP_NONE)
		climb(judge, &scored, step, now);
}

void mqg_judge_refused(struct mqg_judge *judge, const struct mqg_refusal *refusal)
{
	uint64_t now = judge->clock();
	char addr[MQG_ADDR_STRLEN], id[64], who[64];

	pthread_mutex_lock(&judge->lock);
	if (refusal->service < MQGATE_SERVICES && refusal->reason < MQGATE_REASON_MAX)
		judge->refused[refusal->service][refusal->reason]++;
	mqg_refusals_add(judge->refusals, refusal, now);
	if (!refusal->spared)
		mqg_judge_evidence(judge, refusal->addr, refusal->reason, now);
	pthread_mutex_unlock(&judge->lock);

	mqg_printable(refusal->client_id, id, sizeof(id));
	mqg_printable(refusal->identity, who, sizeof(who));
	mqg_log(MQG_LOG_INFO, MQG_LOG_REFUSED,
		"refused %s: %s (%s)%s%s%s%s", mqg_addr_format(refusal->addr, addr),
		mqg_reason_word(refusal->reason), mqg_reason_text(refusal->reason),
		who[0] ? ", identity " : "", who, id[0] ? ", client " : "", id);
}

int mqg_judge_allow_write(struct mqg_judge *judge, const struct mqg_live_flow *flow, uint64_t now)
{
	struct mqgate_allow entry;
	int err;

	if (!judge->have_pins)
		return -ENOENT;
	if (flow->refused)
		return -EPERM;
	/* XDP writes tat and packets: a refresh must carry them over. */
	if (bpf_map_lookup_elem(judge->pins.allow, &flow->key, &entry))
		memset(&entry, 0, sizeof(entry));
	entry.service = flow->service;
	entry.identity = flow->identity;
	entry.expires = now + ALLOW_FOR;
	err = mqg_allow_put(&judge->pins, &flow->key, &entry);
	if (err == -E2BIG) {
		judge->counts.allow_full++;
		mqg_log(MQG_LOG_WARNING, MQG_LOG_MAP_FULL,
			"the map of allowed flows is full: further flows are judged like any "
			"other; lower sessions_max to what it holds, or make it larger: mqgate "
			"detach all, then mqgate attach IF allow N");
	}
	return err;
}

static int allow(struct mqg_judge *judge, struct mqg_live_flow *live, uint64_t *ticket)
{
	uint64_t now = judge->clock();
	int err;

	*ticket = 0;
	pthread_mutex_lock(&judge->lock);
	live->withheld = mqg_judge_operator_bans(judge, live->key.saddr, now);
	err = mqg_flows_add(judge->flows, live, ticket);
	if (!err) {
		judge->counts.allowed++;
		err = live->withheld ? -EPERM : mqg_judge_allow_write(judge, live, now);
		soften(judge, live->key.saddr, now);
	}
	pthread_mutex_unlock(&judge->lock);
	return err;
}

int mqg_judge_allowed(struct mqg_judge *judge, const struct mqgate_flow_key *flow,
		      uint32_t service, uint32_t identity, const struct mqg_said *said,
		      uint64_t *ticket)
{
	struct mqg_live_flow live = { .key = *flow, .service = service, .identity = identity };
	int err = allow(judge, &live, ticket);

	if (*ticket && judge->flow_fn)
		judge->flow_fn(&live, said, *ticket, true, judge->flow_arg);
	return err;
}

int mqg_judge_vouched(struct mqg_judge *judge, const struct mqgate_flow_key *flow,
		      uint32_t service, uint64_t *ticket)
{
	struct mqg_live_flow live = { .key = *flow, .service = service, .vouched = true };

	return allow(judge, &live, ticket);
}

void mqg_judge_closed(struct mqg_judge *judge, uint64_t ticket)
{
	struct mqg_live_flow flow;
	int err;

	pthread_mutex_lock(&judge->lock);
	err = mqg_flows_remove(judge->flows, ticket, &flow);
	if (!err && judge->have_pins)
		mqg_allow_remove(&judge->pins, &flow.key);
	pthread_mutex_unlock(&judge->lock);
	if (!err && !flow.vouched && judge->flow_fn)
		judge->flow_fn(&flow, NULL, ticket, false, judge->flow_arg);
}

void mqg_judge_flow_refused(struct mqg_judge *judge, const struct mqgate_flow_key *flow,
			    uint64_t ticket, enum mqgate_reason reason)
{
	int err = -ENOENT;

	pthread_mutex_lock(&judge->lock);
	mqg_flows_refuse(judge->flows, ticket);
	if (judge->have_pins) {
		mqg_allow_remove(&judge->pins, flow);
		err = mqg_flow_refuse(&judge->pins, flow, reason, judge->clock());
	}
	pthread_mutex_unlock(&judge->lock);
	if (err && err != -ENOENT)
		mqg_log(MQG_LOG_ERR, MQG_LOG_MAPS, "a refused flow cannot be written: %s",
			strerror(-err));
}

void mqg_judge_observed(struct mqg_judge *judge, const uint8_t addr[16],
			enum mqgate_reason reason)
{
	pthread_mutex_lock(&judge->lock);
	mqg_judge_evidence(judge, addr, reason, judge->clock());
	pthread_mutex_unlock(&judge->lock);
}
