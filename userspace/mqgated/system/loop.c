/* SPDX-License-Identifier: BSD-2-Clause */
/* The main thread's event loop. Main thread only; no lock. */
#include "system/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

int mqg_loop_init(struct mqg_loop *loop)
{
	loop->stop = false;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll < 0 ? -errno : 0;
}

void mqg_loop_exit(struct mqg_loop *loop)
{
	if (loop->epoll >= 0)
		close(loop->epoll);
	loop->epoll = -1;
}

static int control(struct mqg_loop *loop, int op, struct mqg_watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	return epoll_ctl(loop->epoll, op, watch->fd, &event) ? -errno : 0;
}

int mqg_loop_add(struct mqg_loop *loop, struct mqg_watch *watch, int fd, uint32_t events)
{
	int err;

	watch->fd = fd;
	err = control(loop, EPOLL_CTL_ADD, watch, events);
	if (err)
		watch->fd = -1;
	return err;
}

int mqg_loop_change(struct mqg_loop *loop, struct mqg_watch *watch, uint32_t events)
{
	return control(loop, EPOLL_CTL_MOD, watch, events);
}

void mqg_loop_remove(struct mqg_loop *loop, struct mqg_watch *watch)
{
	/* A descriptor that has been closed left the set by itself. */
	if (watch->fd >= 0)
		control(loop, EPOLL_CTL_DEL, watch, 0);
	watch->fd = -1;
}

int mqg_loop_run(struct mqg_loop *loop)
{
	while (!loop->stop) {
		struct epoll_event event;
		int n = epoll_wait(loop->epoll, &event, 1, -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 1) {
			struct mqg_watch *watch = event.data.ptr;

			watch->ready(watch, event.events);
		}
	}
	return 0;
}
