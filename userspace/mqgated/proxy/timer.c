// SPDX-License-Identifier: BSD-2-Clause
/*
 * Deadlines of one worker, by classes of equal length. Called by the worker and its sessions, on
 * the worker's thread only.
 */
#include "proxy/timer.h"

#include <limits.h>

#define NS_PER_MS 1000000ULL

void mqg_timers_init(struct mqg_timers *timers)
{
	mqg_list_init(&timers->classes);
}

void mqg_timer_class_init(struct mqg_timers *timers, struct mqg_timer_class *class,
			  uint32_t milliseconds)
{
	mqg_list_init(&class->queue);
	class->length = milliseconds * NS_PER_MS;
	mqg_list_append(&timers->classes, &class->link);
}

void mqg_timer_class_change(struct mqg_timer_class *class, uint32_t milliseconds, uint64_t now)
{
	struct mqg_list *at;

	if (class->length == milliseconds * NS_PER_MS)
		return;
	class->length = milliseconds * NS_PER_MS;
	/* The queue stays in order: its deadlines rise, and are cut at one. */
	for (at = class->queue.next; at != &class->queue; at = at->next) {
		struct mqg_timer *timer = mqg_container_of(at, struct mqg_timer, link);

		if (timer->deadline > now + class->length)
			timer->deadline = now + class->length;
	}
}

void mqg_timer_class_exit(struct mqg_timer_class *class)
{
	mqg_list_remove(&class->link);
}

void mqg_timer_init(struct mqg_timer *timer, mqg_timer_fn expired)
{
	mqg_list_init(&timer->link);
	timer->deadline = 0;
	timer->expired = expired;
}

void mqg_timer_arm(struct mqg_timer *timer, struct mqg_timer_class *class, uint64_t now)
{
	mqg_list_remove(&timer->link);
	timer->deadline = now + class->length;
	mqg_list_append(&class->queue, &timer->link);
}

void mqg_timer_disarm(struct mqg_timer *timer)
{
	mqg_list_remove(&timer->link);
}

static struct mqg_timer *first(const struct mqg_timer_class *class)
{
	if (mqg_list_empty(&class->queue))
		return NULL;
	return mqg_container_of(class->queue.next, struct mqg_timer, link);
}

void mqg_timers_run(struct mqg_timers *timers, uint64_t now)
{
	struct mqg_list *at;

	for (at = timers->classes.next; at != &timers->classes; at = at->next) {
		struct mqg_timer_class *class =
			mqg_container_of(at, struct mqg_timer_class, link);
		struct mqg_timer *timer;

		while ((timer = first(class)) && timer->deadline <= now) {
			mqg_timer_disarm(timer);
			timer->expired(timer);
		}
	}
}

int mqg_timers_wait(const struct mqg_timers *timers, uint64_t now)
{
	uint64_t least = UINT64_MAX;
	const struct mqg_list *at;

	for (at = timers->classes.next; at != &timers->classes; at = at->next) {
		const struct mqg_timer *timer =
			first(mqg_container_of(at, struct mqg_timer_class, link));

		if (timer && timer->deadline < least)
			least = timer->deadline;
	}
	if (least == UINT64_MAX)
		return -1;
	if (least <= now)
		return 0;
	least = (least - now + NS_PER_MS - 1) / NS_PER_MS;
	return least > INT_MAX ? INT_MAX : (int)least;
}
