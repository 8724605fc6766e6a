/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Revocation lists that change: looked for once a second by what stat(2) tells, which works over
 * every file system and through every link; read when something differs; told of before they run
 * out. Main thread; no lock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/material.h"
#include "live/state.h"
#include "system/log.h"

/* Warned of when less than a tenth of its life is left, and at most this long before. */
#define WARN_BEFORE	86400

void mqg_live_watch_lists(struct mqg_live *live)
{
	free(live->watched);
	live->watched = NULL;
}

/* Puts @crls in the place of the policy's, which must be in force before it is freed. */
static int go_by(struct mqg_live *live, size_t i, size_t n, struct mqg_crls *crls, char *why,
		 size_t size)
{
	struct mqg_material *material = live->config->listeners[i].policies[n].material;
	bool *renew = calloc(live->config->n_listeners + 1, sizeof(*renew));
	struct mqg_crls *before = material->crls;
	struct mqg_plan *plan;
	int err = -ENOMEM;

	if (renew) {
		renew[i] = true;
		material->crls = crls;
		err = mqg_proxy_prepare(live->users.proxy, live->config, renew, &plan, why, size);
	}
	if (err)
		material->crls = before;
	else
		mqg_proxy_commit(live->users.proxy, plan, live->revoked);
	mqg_crls_free(err ? crls : before);
	free(renew);
	return err;
}

static void refresh(struct mqg_live *live, size_t i, size_t n, struct mqg_watched *w,
		    uint64_t stamp)
{
	const struct mqg_policy *policy = &live->config->listeners[i].policies[n];
	char why[512] = "out of memory";
	struct mqg_crls *crls;
	int err = mqg_crls_load(policy->crl, &crls, why, sizeof(why));

	if (!err && !mqg_crls_belong(crls, policy->material->authorities)) {
		mqg_crls_free(crls);
		snprintf(why, sizeof(why), "%s: no list in it is signed by a CA of %s", policy->crl,
			 policy->client_ca);
		err = -EINVAL;
	}
	if (!err)
		err = go_by(live, i, n, crls, why, sizeof(why));
	if (err) {
		/* Not tried again before it is another file: it may be half written now. */
		w->tried = stamp;
		live->counts.lists_failed++;
		mqg_log(MQG_LOG_ERR, MQG_LOG_ALWAYS,
			"listener %s: new revocation lists refused, the old ones hold: %s",
			policy->title, why);
		return;
	}
	*w = (struct mqg_watched){ .tried = 0 };
	live->counts.lists++;
	mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS,
		"listener %s: revocation lists read anew from %s, trust epoch %llu", policy->title,
		policy->crl, (unsigned long long)mqg_proxy_epoch(live->users.proxy));
}

static void watch_end(const struct mqg_policy *policy, struct mqg_watched *w)
{
	const struct mqg_crls *crls = policy->material->crls;
	time_t now = time(NULL), before = (crls->first_out - crls->first_issued) / 10;

	if (!crls->first_out)
		return;
	if (before > WARN_BEFORE)
		before = WARN_BEFORE;
	if (now >= crls->first_out && !w->late) {
		w->late = true;
		mqg_log(MQG_LOG_ERR, MQG_LOG_ALWAYS,
			"listener %s: a revocation list in %s is out of date: %s; fetch a new one",
			policy->title, policy->crl,
			policy->crl_stale ? "what it says still holds (crl_stale: accept)"
					  : "clients of its CA are refused");
	} else if (now >= crls->first_out - before && !w->warned && !w->late) {
		w->warned = true;
		mqg_log(MQG_LOG_WARNING, MQG_LOG_ALWAYS,
			"listener %s: a revocation list in %s will be out of date in %lld s; "
			"fetch a new one", policy->title, policy->crl,
			(long long)(crls->first_out - now));
	}
}

static void watch_policy(struct mqg_live *live, size_t i, size_t n, struct mqg_watched *w)
{
	const struct mqg_policy *policy = &live->config->listeners[i].policies[n];
	uint64_t stamp;

	if (!policy->material->crls)
		return;
	stamp = mqg_crls_stamp(policy->crl);
	if (stamp && stamp != policy->material->crls->stamp && stamp != w->tried)
		refresh(live, i, n, w, stamp);
	watch_end(policy, w);
}

void mqg_live_tick(struct mqg_live *live)
{
	size_t listeners = live->config->n_listeners, policies = 0;

	for (size_t i = 0; i < listeners; i++)
		policies += live->config->listeners[i].n_policies;
	if (!live->watched)
		live->watched = calloc(policies + 1, sizeof(*live->watched));
	policies = 0;
	for (size_t i = 0; live->watched && i < listeners; i++)
		for (size_t n = 0; n < live->config->listeners[i].n_policies; n++)
			watch_policy(live, i, n, &live->watched[policies++]);
}
