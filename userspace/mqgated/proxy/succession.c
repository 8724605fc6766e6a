// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sessions and the newest certificate of their identity; see renewal.h. Called by the stages, the
 * sweep and the tick of a worker, on its thread.
 */
#include "proxy/renewal.h"

#include <errno.h>

#include "proxy/session.h"

/* A session that a newer certificate has superseded is ended within a second of it. */
#define TICK_MS		250

void mqg_succession_leave(struct mqg_session *s)
{
	struct mqg_succession *own = &s->worker->succession;

	if (!s->standing.of)
		return;
	mqg_renewal_leave(own->renewal, &s->standing);
	if (!--own->sessions)
		mqg_timer_disarm(&own->tick);
}

int mqg_succession_judge(struct mqg_session *s, const X509 *cert)
{
	struct mqg_succession *own = &s->worker->succession;
	const struct mqg_policy *policy = s->realm->config;
	int err;

	mqg_succession_leave(s);
	if (!policy->newest)
		return 0;
	err = mqg_renewal_enter(own->renewal, policy->title, s->entry.identity, cert, &s->standing);
	if (!err && !own->sessions++)
		mqg_timer_arm(&own->tick, &own->every, s->worker->now);
	return err;
}

enum mqg_step mqg_succession_step(struct mqg_session *s)
{
	STACK_OF(X509) *chain;
	int err;

	if (!s->client.ssl || !s->realm->config->newest)
		return mqg_broker_dial(s);
	chain = mqg_tls_chain(s->client.ssl);
	err = chain ? mqg_succession_judge(s, sk_X509_value(chain, 0)) : -ENOMEM;
	sk_X509_pop_free(chain, X509_free);
	if (err == -ESTALE)
		return mqg_session_refuse(s, MQGATE_REASON_CERT_SUPERSEDED);
	return err ? mqg_session_close(s) : mqg_broker_dial(s);
}

/* What is judged again after a change anyway is not in this list. */
static void end_older(struct mqg_worker *worker)
{
	struct mqg_list *at, *next;

	for (at = worker->sessions.next; at != &worker->sessions; at = next) {
		struct mqg_session *s = mqg_container_of(at, struct mqg_session, link);

		next = at->next;
		if (mqg_renewal_over(&s->standing))
			mqg_session_end(s, MQGATE_REASON_CERT_SUPERSEDED);
	}
}

static void look(struct mqg_timer *timer)
{
	struct mqg_succession *own = mqg_container_of(timer, struct mqg_succession, tick);
	struct mqg_worker *worker = mqg_container_of(own, struct mqg_worker, succession);
	uint64_t raised = mqg_renewal_raised(own->renewal);

	if (raised != own->raised) {
		own->raised = raised;
		end_older(worker);
	}
	if (own->sessions)
		mqg_timer_arm(&own->tick, &own->every, worker->now);
}

void mqg_succession_init(struct mqg_worker *worker)
{
	struct mqg_succession *own = &worker->succession;

	mqg_timer_class_init(&worker->timers, &own->every, TICK_MS);
	mqg_timer_init(&own->tick, look);
}
