// SPDX-License-Identifier: BSD-2-Clause
/* Beginning a connection to a server; see dial.h. */
#include "upstream/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/stream.h"
#include "system/log.h"

/* The mark serves routing and firewall rules; a broker can be reached without it. */
static void set_mark(int fd, uint32_t value)
{
	static atomic_flag said = ATOMIC_FLAG_INIT;

	if (!value || !setsockopt(fd, SOL_SOCKET, SO_MARK, &value, sizeof(value)))
		return;
	if (!atomic_flag_test_and_set(&said))
		mqg_log(MQG_LOG_WARNING, MQG_LOG_PROXY, "mark: 0x%x not set on connections to "
			"brokers: %s; give the daemon CAP_NET_ADMIN, or set mark: 0", value,
			strerror(errno));
}

int mqg_dial(const struct mqg_endpoint *to, uint32_t mark, int epfd, struct mqg_watch *watch)
{
	struct epoll_event event = {
		.events = MQG_STREAM_EVENTS,
		.data.ptr = watch,
	};
	int fd = socket(to->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, err = 0;

	if (fd < 0)
		return -errno;
	set_mark(fd, mark);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	if ((connect(fd, (const struct sockaddr *)&to->addr, to->addrlen) &&
	     errno != EINPROGRESS) || epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event))
		err = errno;
	if (!err)
		return fd;
	close(fd);
	return -err;
}

int mqg_dial_result(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(int), size = sizeof(peer);
	int err = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return errno;
	/* An event may be that of another socket which had the same watch. */
	if (!err && getpeername(fd, (struct sockaddr *)&peer, &size))
		return errno == ENOTCONN ? EINPROGRESS : errno;
	return err;
}
