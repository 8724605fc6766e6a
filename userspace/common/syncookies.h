/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net.ipv4.tcp_syncookies of this network namespace, set for XDP and set back. What it was is kept
 * in a file of the run directory, which outlives the command, a crash, and every process, but not
 * a reboot, just like the value itself. Called by the command; takes the writer's lock.
 */
#ifndef MQG_SYNCOOKIES_H
#define MQG_SYNCOOKIES_H

#include <stddef.h>

/* The value now, or -errno. */
int mqg_syncookies_read(void);

/**
 * mqg_syncookies_set() - let the kernel make SYN cookies whenever XDP asks for one
 * @ifname: the interface that asks for it; is attached
 * @said:   buffer for sentences of what was done, one a line
 * @why:    buffer for what is wrong and the remedy
 * @size:   of either
 *
 * Sets the value to 2 for every listener of the network namespace, and where no daemon runs allows
 * cookies for the services 1 and 2. Return: 0 or -errno.
 */
int mqg_syncookies_set(const char *ifname, char *said, char *why, size_t size);

/**
 * mqg_syncookies_restore() - undo that, where no interface that asked for it is attached any more
 * @said: buffer for a sentence of what was done, "" for nothing
 * @why:  buffer for what is wrong and the remedy
 * @size: of either
 *
 * A value that somebody else has set meanwhile stays. Return: 0 or -errno.
 */
int mqg_syncookies_restore(char *said, char *why, size_t size);

#endif
