// SPDX-License-Identifier: BSD-2-Clause
/* See inherit.h. */
#include "proxy/inherit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/endpoint.h"
#include "system/log.h"

struct inherited {
	char			name[64];
	struct mqg_endpoint	at;
	int			fd;
	bool			taken;
};

static struct inherited *sockets;
static size_t n_sockets;

static bool listens(int fd)
{
	int on = 0, type = 0;
	socklen_t len = sizeof(on), size = sizeof(type);

	return !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) && on &&
	       !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) && type == SOCK_STREAM;
}

void mqg_inherit_add(int fd, const char *name)
{
	struct inherited *all = reallocarray(sockets, n_sockets + 1, sizeof(*sockets)), *one;

	if (all)
		sockets = all;
	if (!all || !listens(fd)) {
		mqg_log(MQG_LOG_WARNING, MQG_LOG_ALWAYS, "a descriptor named \"%s\" was handed "
			"over that is no listening socket; it is closed", name);
		close(fd);
		return;
	}
	one = &sockets[n_sockets++];
	*one = (struct inherited){ .fd = fd, .at.addrlen = sizeof(one->at.addr) };
	snprintf(one->name, sizeof(one->name), "%s", name);
	getsockname(fd, (struct sockaddr *)&one->at.addr, &one->at.addrlen);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static bool fits(const struct inherited *one, const struct mqg_listener *l)
{
	if (one->at.addr.ss_family == l->address.addr.ss_family &&
	    one->at.addrlen == l->address.addrlen &&
	    !memcmp(&one->at.addr, &l->address.addr, l->address.addrlen))
		return true;
	return (one->at.addr.ss_family == AF_INET || one->at.addr.ss_family == AF_INET6) &&
	       !strcmp(one->name, l->name) &&
	       mqg_endpoint_port(&one->at) == mqg_endpoint_port(&l->address);
}

int mqg_inherit_find(const struct mqg_listener *l, size_t worker)
{
	size_t n = 0, k = 0;

	for (size_t i = 0; i < n_sockets; i++)
		n += fits(&sockets[i], l);
	for (size_t i = 0; n && i < n_sockets; i++) {
		if (!fits(&sockets[i], l) || k++ != worker % n)
			continue;
		sockets[i].taken = true;
		return sockets[i].fd;
	}
	return -1;
}

void mqg_inherit_end(void)
{
	for (size_t i = 0; i < n_sockets; i++) {
		if (!sockets[i].taken)
			mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS, "a listening socket named \"%s\", "
				"port %u, was handed over and is nobody's; it is closed",
				sockets[i].name, mqg_endpoint_port(&sockets[i].at));
		close(sockets[i].fd);
	}
	free(sockets);
	sockets = NULL;
	n_sockets = 0;
}
