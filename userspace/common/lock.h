/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lock files below the run directory. "lock": who writes the pinned maps while no daemon
 * runs, and who attaches or detaches. "events.lock": who reads the ring buffer, which has one
 * reader. The kernel gives a lock back when its holder dies.
 */
#ifndef MQG_LOCK_H
#define MQG_LOCK_H

#include <stddef.h>
#include <sys/types.h>

#define MQG_LOCK_WRITER	"lock"
#define MQG_LOCK_EVENTS	"events.lock"
#define MQG_GROUP	"mqgate"

/**
 * mqg_lock_take() - take a lock file, waiting a bounded time for it
 * @name:    MQG_LOCK_WRITER or MQG_LOCK_EVENTS
 * @wait_ms: how long to wait for another holder; 0 does not wait
 * @why:     buffer for a sentence that names the file and the remedy
 * @size:    of @why
 *
 * Makes the run directory where it is missing. Return: a descriptor that holds the lock until
 * it is closed, or -EBUSY (another process holds it), -EACCES, another -errno.
 */
int mqg_lock_take(const char *name, unsigned int wait_ms, char *why, size_t size);

/* The group's number, or -1 where this host has no such group. */
gid_t mqg_group_lookup(const char *name);

#endif
