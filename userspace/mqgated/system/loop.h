/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The main thread's event loop: epoll, one event at a time, so that whoever is called may remove
 * any watch, its own too. Main thread only; no lock.
 */
#ifndef MQG_SYSTEM_LOOP_H
#define MQG_SYSTEM_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct mqg_watch {
	void	(*ready)(struct mqg_watch *watch, uint32_t events);
	int	fd;			/* -1 = not watched */
};

struct mqg_loop {
	int	epoll;
	bool	stop;
};

int mqg_loop_init(struct mqg_loop *loop);
void mqg_loop_exit(struct mqg_loop *loop);

/* @events: EPOLL*. @watch must stay where it is until removed. Return: 0 or -errno. */
int mqg_loop_add(struct mqg_loop *loop, struct mqg_watch *watch, int fd, uint32_t events);
int mqg_loop_change(struct mqg_loop *loop, struct mqg_watch *watch, uint32_t events);
/* Forgets the watch, does not close its descriptor. */
void mqg_loop_remove(struct mqg_loop *loop, struct mqg_watch *watch);

/* Runs until loop->stop. Return: 0 or -errno. */
int mqg_loop_run(struct mqg_loop *loop);

#endif
