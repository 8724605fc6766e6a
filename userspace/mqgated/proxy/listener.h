/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Listening sockets: one for each worker and listener, spread by SO_REUSEPORT; accepting from
 * them, and what happens when sessions or descriptors run out. Opened by the main thread, then
 * touched by their worker's thread only; no lock.
 */
#ifndef MQG_LISTENER_H
#define MQG_LISTENER_H

#include "proxy/worker.h"

/*
 * Fails when somebody else listens on the address already: SO_REUSEPORT alone would share its
 * connections with, for instance, a second daemon of the same user. 0 or -errno and @why.
 */
int mqg_listener_probe(const struct mqg_listener *listener, char *why, size_t size);

/*
 * Opens the socket of @port, or takes another descriptor of @like (-1: none), which listens on the
 * same address. It is in the worker's epoll set then and watched for nothing. Main thread.
 * 0 or -errno and @why.
 */
int mqg_port_open(struct mqg_port *port, int like, char *why, size_t size);
/* Accepts, or does not. */
void mqg_port_listen(struct mqg_port *port, bool on);
/* Closes the socket. */
void mqg_port_close(struct mqg_port *port);
/* Closes and frees all. NULL is nothing. */
void mqg_port_free(struct mqg_port *port);

/* Goes on accepting after a rest. A mqg_timer_fn: worker->rest has expired. */
void mqg_port_rested(struct mqg_timer *timer);

#endif
