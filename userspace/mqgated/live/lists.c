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

/* Puts @crls in the place of the listener's, which must be in force before it is freed. */
static int go_by(struct mqg_live *live, size_t i, struct mqg_crls *crls, char *why, size_t size)
{
	struct mqg_material *material = live->config->listeners[i].material;
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

static void refresh(struct mqg_live *live, size_t i, uint64_t stamp)
{
	const struct mqg_listener *l = &live->config->listeners[i];
	struct mqg_watched *w = &live->watched[i];
	char why[512] = "out of memory";
	struct mqg_crls *crls;
	int err = mqg_crls_load(l->crl, &crls, why, sizeof(why));

	if (!err && !mqg_crls_belong(crls, l->material->authorities)) {
		mqg_crls_free(crls);
		snprintf(why, sizeof(why), "%s: no list in it is signed by a CA of %s", l->crl,
			 l->client_ca);
		err = -EINVAL;
	}
	if (!err)
		err = go_by(live, i, crls, why, sizeof(why));
	if (err) {
		/* Not tried again before it is another file: it may be half written now. */
		w->tried = stamp;
		live->counts.lists_failed++;
		mqg_log(MQG_LOG_ERR, MQG_LOG_ALWAYS,
			"listener %s: new revocation lists refused, the old ones hold: %s",
			l->name, why);
		return;
	}
	*w = (struct mqg_watched){ .tried = 0 };
	live->counts.lists++;
	mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS,
		"listener %s: revocation lists read anew from %s, trust epoch %llu", l->name,
		l->crl, (unsigned long long)mqg_proxy_epoch(live->users.proxy));
}

static void watch_end(struct mqg_live *live, size_t i)
{
	const struct mqg_listener *l = &live->config->listeners[i];
	const struct mqg_crls *crls = l->material->crls;
	struct mqg_watched *w = &live->watched[i];
	time_t now = time(NULL), before = (crls->first_out - crls->first_issued) / 10;

	if (!crls->first_out)
		return;
	if (before > WARN_BEFORE)
		before = WARN_BEFORE;
	if (now >= crls->first_out && !w->late) {
		w->late = true;
		mqg_log(MQG_LOG_ERR, MQG_LOG_ALWAYS,
			"listener %s: a revocation list in %s is out of date: %s; fetch a new one",
			l->name, l->crl,
			l->crl_stale ? "what it says still holds (crl_stale: accept)"
				     : "clients of its CA are refused");
	} else if (now >= crls->first_out - before && !w->warned && !w->late) {
		w->warned = true;
		mqg_log(MQG_LOG_WARNING, MQG_LOG_ALWAYS,
			"listener %s: a revocation list in %s will be out of date in %lld s; "
			"fetch a new one", l->name, l->crl, (long long)(crls->first_out - now));
	}
}

void mqg_live_tick(struct mqg_live *live)
{
	size_t n = live->config->n_listeners;

	if (!live->watched)
		live->watched = calloc(n + 1, sizeof(*live->watched));
	for (size_t i = 0; live->watched && i < n; i++) {
		const struct mqg_listener *l = &live->config->listeners[i];
		uint64_t stamp;

		if (!l->material || !l->material->crls)
			continue;
		stamp = mqg_crls_stamp(l->crl);
		if (stamp && stamp != l->material->crls->stamp &&
		    stamp != live->watched[i].tried)
			refresh(live, i, stamp);
		watch_end(live, i);
	}
}
