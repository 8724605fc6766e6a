/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deadlines of one worker. Every timer belongs to a class of equal length ("handshake of listener
 * 2: 10 s"), so that a class is a queue in order of expiry: arming, re-arming and disarming move a
 * link, and a tick costs only what has expired. Only the worker's own thread touches them.
 */
#ifndef MQG_TIMER_H
#define MQG_TIMER_H

#include <stdint.h>

#include "proxy/list.h"

struct mqg_timer;
typedef void (*mqg_timer_fn)(struct mqg_timer *timer);

struct mqg_timer {
	struct mqg_list		link;
	uint64_t		deadline;	/* CLOCK_MONOTONIC ns */
	mqg_timer_fn		expired;
};

struct mqg_timer_class {
	struct mqg_list		queue;
	struct mqg_list		link;		/* in struct mqg_timers */
	uint64_t		length;		/* ns */
};

struct mqg_timers {
	struct mqg_list		classes;
};

void mqg_timers_init(struct mqg_timers *timers);
void mqg_timer_class_init(struct mqg_timers *timers, struct mqg_timer_class *class,
			  uint32_t milliseconds);
/* Another length. What is armed for a later time than it allows, expires when it has passed. */
void mqg_timer_class_change(struct mqg_timer_class *class, uint32_t milliseconds, uint64_t now);
/* Only one whose queue is empty. */
void mqg_timer_class_exit(struct mqg_timer_class *class);

void mqg_timer_init(struct mqg_timer *timer, mqg_timer_fn expired);
/* Arms, or arms anew, @timer to expire when the length of @class has passed from @now. */
void mqg_timer_arm(struct mqg_timer *timer, struct mqg_timer_class *class, uint64_t now);
void mqg_timer_disarm(struct mqg_timer *timer);

/* Calls expired() of every timer whose deadline is not after @now. They may arm and disarm. */
void mqg_timers_run(struct mqg_timers *timers, uint64_t now);

/* Milliseconds until the next deadline, rounded up, for epoll_wait(); -1 when nothing is armed. */
int mqg_timers_wait(const struct mqg_timers *timers, uint64_t now);

#endif
