/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection to a server, begun without waiting for it. Called by the workers for clients and by
 * the health checks; it owns nothing.
 */
#ifndef MQG_DIAL_H
#define MQG_DIAL_H

#include <stdint.h>

#include "config/endpoint.h"

struct mqg_watch;

/**
 * mqg_dial() - begin to connect
 * @to:    whom to
 * @mark:  SO_MARK for routing and firewall rules; 0 = none
 * @epfd:  the set that the socket is watched in, edge-triggered both ways
 * @watch: what epoll is to point to
 *
 * Return: the descriptor, or -errno; mqg_dial_result() says how it ended.
 */
int mqg_dial(const struct mqg_endpoint *to, uint32_t mark, int epfd, struct mqg_watch *watch);

/* 0, EINPROGRESS, or the errno that the connection has failed with. */
int mqg_dial_result(int fd);

#endif
