/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads the ring buffer of sampled drops: a drop from a source that finished a TCP handshake is
 * evidence against it; every event goes to whoever watches. Main thread; the lock is taken by the
 * piece of evidence.
 */
#include <errno.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "common/lock.h"
#include "judge/state.h"
#include "system/log.h"

/*
 * In mode observe the packet goes on to the daemon's own listener, which refuses and scores it
 * there: counting it here as well would count it twice.
 */
static bool judged_again(const struct mqg_judge *judge, const struct mqgate_event *event)
{
	if (!(event->flags & MQGATE_EVENT_F_OBSERVED))
		return false;
	for (size_t i = 0; i < judge->config->n_listeners; i++)
		if (judge->config->listeners[i].service == event->service)
			return true;
	return false;
}

static int take(void *ctx, void *data, size_t size)
{
	const struct mqgate_event *event = data;
	struct mqg_judge *judge = ctx;

	if (size < sizeof(*event))
		return 0;
	pthread_mutex_lock(&judge->lock);
	judge->counts.events++;
	if (event->flags & MQGATE_EVENT_F_PROVEN) {
		judge->counts.events_proven++;
		if (!judged_again(judge, event))
			mqg_judge_evidence(judge, event->flow.saddr, event->reason,
					   judge->clock());
	}
	pthread_mutex_unlock(&judge->lock);
	if (judge->event_fn)
		judge->event_fn(event, judge->event_arg);
	return 0;
}

static void say(struct mqg_judge *judge, const char *why)
{
	if (!judge->events_said)
		mqg_log(MQG_LOG_WARNING, MQG_LOG_PINS, "sampled drops cannot be read: %s", why);
	judge->events_said = true;
}

void mqg_judge_events_open(struct mqg_judge *judge)
{
	char why[256];

	if (judge->ring)
		return;
	if (judge->events_lock < 0)
		judge->events_lock = mqg_lock_take(MQG_LOCK_EVENTS, 0, why, sizeof(why));
	if (judge->events_lock < 0) {
		say(judge, why);
		return;
	}
	judge->ring = ring_buffer__new(judge->pins.events, take, judge, NULL);
	if (!judge->ring) {
		say(judge, strerror(errno));
		return;
	}
	judge->ring_generation++;
	judge->events_said = false;
}

void mqg_judge_events_close(struct mqg_judge *judge)
{
	if (!judge->ring)
		return;
	ring_buffer__free(judge->ring);
	judge->ring = NULL;
	judge->ring_generation++;
}

void mqg_judge_events_watch(struct mqg_judge *judge, mqg_event_fn fn, void *arg)
{
	judge->event_fn = fn;
	judge->event_arg = arg;
}

int mqg_judge_events_fd(const struct mqg_judge *judge, unsigned int *generation)
{
	*generation = judge->ring_generation;
	return judge->ring ? ring_buffer__epoll_fd(judge->ring) : -1;
}

void mqg_judge_events_consume(struct mqg_judge *judge)
{
	if (judge->ring)
		ring_buffer__consume(judge->ring);
}
