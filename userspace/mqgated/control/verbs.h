/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the verbs of the control socket do, apart from sockets and buffers. Main thread; no lock.
 */
#ifndef MQG_CONTROL_VERBS_H
#define MQG_CONTROL_VERBS_H

#include <stdbool.h>
#include <sys/types.h>

#include <jansson.h>

#include "config/config.h"
#include "judge/judge.h"
#include "live/live.h"
#include "module/tracker.h"
#include "proxy/proxy.h"

struct mqg_verb_context {
	const struct mqg_config	*config;
	struct mqg_judge	*judge;
	struct mqg_tracker	*tracker;
	struct mqg_live		*live;
	struct mqg_proxy	*proxy;		/* NULL: not started, or stopping */
	uint64_t		started;	/* boot time */
	uid_t			uid;		/* who asks */
	pid_t			pid;
	const void		*client;	/* tells one connection from another */
	bool			subscribe;	/* out: the answer is followed by events */
};

/* Return: the answer, a new object; NULL when memory is out. */
json_t *mqg_verb_answer(struct mqg_verb_context *context, const json_t *request);

/* The verbs of live.h, in live.c. */
json_t *mqg_verb_reload(struct mqg_verb_context *context, const json_t *request);
json_t *mqg_verb_revoke_add(struct mqg_verb_context *context, const json_t *request);
json_t *mqg_verb_revoke_del(struct mqg_verb_context *context, const json_t *request);
json_t *mqg_verb_revoke_list(struct mqg_verb_context *context, const json_t *request);

json_t *mqg_verb_hand_over(struct mqg_verb_context *context, const json_t *request);

/* The verbs about brokers, in brokers.c. */
json_t *mqg_verb_brokers(struct mqg_verb_context *context, const json_t *request);
json_t *mqg_verb_broker_drain(struct mqg_verb_context *context, const json_t *request);
json_t *mqg_verb_broker_resume(struct mqg_verb_context *context, const json_t *request);

/* An answer with "ok": false. */
json_t *mqg_verb_refuse(const char *remedy, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* One sampled drop as a line of the events verb. NULL when memory is out. */
json_t *mqg_verb_event(struct mqg_judge *judge, const struct mqgate_event *event);

#endif
