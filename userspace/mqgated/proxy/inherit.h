/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Listening sockets that were there before this process: the service manager's, or those of the
 * gateway whose place it takes. Filled before the proxy is set up, which listens by copies of them
 * in place of new ones; given up when it has been. Main thread.
 */
#ifndef MQG_INHERIT_H
#define MQG_INHERIT_H

#include "config/config.h"

/* Takes over @fd; closes it where it is no listening stream socket. @name: of a listener, or "". */
void mqg_inherit_add(int fd, const char *name);

/*
 * The socket for worker @worker of @listener: one on its address, or on its port with its name.
 * Several are dealt out in turn. -1: there is none.
 */
int mqg_inherit_find(const struct mqg_listener *listener, size_t worker);

/* Closes all of them, and says which no listener has taken. */
void mqg_inherit_end(void);

#endif
