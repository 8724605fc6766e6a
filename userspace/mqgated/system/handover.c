// SPDX-License-Identifier: BSD-2-Clause
/*
 * See handover.h. Directly, the one that comes binds a datagram socket in the run directory and
 * asks by the control socket; each message that it gets has the name of a listener and its sockets.
 */
#include "system/handover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "common/names.h"
#include "common/pins.h"
#include "config/config.h"
#include "proxy/inherit.h"
#include "proxy/proxy.h"

#define SOCKET_NAME	"hand-over.sock"
#define NAME_MAX_BYTES	64
#define REQUEST		"{\"do\":\"hand-over\"}\n"
#define PATIENCE_S	5

void mqg_handover_given(void)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	for (int i = 0; i < n; i++) {
		mqg_inherit_add(SD_LISTEN_FDS_START + i, names && names[i] ? names[i] : "");
		if (names)
			free(names[i]);
	}
	free(names);
}

void mqg_handover_keep(struct mqg_proxy *proxy, const struct mqg_config *config,
		       const struct mqg_config *before)
{
	int fds[MQG_SOCKETS_MAX];
	char state[128];

	for (size_t i = 0; before && i < before->n_listeners; i++)
		sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", before->listeners[i].name);
	for (size_t i = 0; i < config->n_listeners; i++) {
		size_t n = mqg_proxy_sockets(proxy, i, fds);

		snprintf(state, sizeof(state), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s",
			 config->listeners[i].name);
		sd_pid_notify_with_fds(0, 0, state, fds, (unsigned int)n);
	}
}

/* ---- without a service manager --------------------------------------------------------------- */

static int name(struct sockaddr_un *at, const char *file)
{
	int len = snprintf(at->sun_path, sizeof(at->sun_path), "%s/%s", mqg_run_dir(), file);

	at->sun_family = AF_UNIX;
	return len < (int)sizeof(at->sun_path) ? 0 : -ENAMETOOLONG;
}

union descriptors {
	struct cmsghdr	align;
	char		bytes[CMSG_SPACE(MQG_SOCKETS_MAX * sizeof(int)) +
			      CMSG_SPACE(sizeof(struct ucred))];
};

int mqg_handover_give(struct mqg_proxy *proxy, const struct mqg_config *config)
{
	int fds[MQG_SOCKETS_MAX], fd, err;
	struct sockaddr_un at;

	err = name(&at, SOCKET_NAME);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (!err && fd < 0)
		err = -errno;
	for (size_t i = 0; !err && i < config->n_listeners; i++) {
		const char *text = config->listeners[i].name;
		struct iovec data = { (char *)text, strlen(text) };
		union descriptors control = { 0 };
		struct msghdr message = { &at, sizeof(at), &data, 1, control.bytes, 0, 0 };
		size_t bytes = mqg_proxy_sockets(proxy, i, fds) * sizeof(int);

		message.msg_controllen = CMSG_SPACE(bytes);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(bytes);
		memcpy(CMSG_DATA(&control.align), fds, bytes);
		if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
			err = -errno;
	}
	if (fd >= 0)
		close(fd);
	return err;
}

/* Return: whether @one is a descriptor that @from has sent. */
static bool is_from(const struct cmsghdr *one, pid_t from)
{
	struct ucred who;

	if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_CREDENTIALS)
		return false;
	memcpy(&who, CMSG_DATA(one), sizeof(who));
	return who.pid == from;
}

static void add(const struct cmsghdr *c, const char *text, bool good)
{
	for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
		int one;

		memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(one));
		if (good)
			mqg_inherit_add(one, text);
		else
			close(one);
	}
}

/*
 * One message, which the whole group may have sent: only that of @from counts. Return: 0, -ENODATA
 * where there is none, or another -errno.
 */
static int take(int fd, pid_t from)
{
	char text[NAME_MAX_BYTES + 1];
	struct iovec data = { text, NAME_MAX_BYTES };
	union descriptors control;
	bool good = false;
	struct msghdr message = { NULL, 0, &data, 1, control.bytes, sizeof(control.bytes), 0 };
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;

	if (n < 0)
		return errno == EAGAIN ? -ENODATA : -errno;
	text[n] = '\0';
	for (c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
		good |= is_from(c, from);
	for (c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			add(c, text, good);
	return 0;
}

/* The daemon that runs says yes when it has sent them. @from: out, its pid. */
static int request(pid_t *from, char *why, size_t size)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	struct sockaddr_un at;
	char answer[1024];
	ssize_t n = -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err = name(&at, "control.sock");

	if (fd < 0 || err)
		return fd < 0 ? -errno : err;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)))
		snprintf(why, size, "%s: %s: no mqgated runs whose place could be taken; start "
			 "without --take-over", at.sun_path, strerror(errno));
	else if (send(fd, REQUEST, strlen(REQUEST), MSG_NOSIGNAL) < 0 ||
		 (n = recv(fd, answer, sizeof(answer) - 1, 0)) <= 0)
		snprintf(why, size, "%s: mqgated does not answer; stop it, and start without "
			 "--take-over", at.sun_path);
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	*from = peer.pid;
	close(fd);
	if (n <= 0)
		return -EIO;
	answer[n] = '\0';
	if (strstr(answer, "\"ok\":true"))
		return 0;
	snprintf(why, size, "the mqgated that runs refuses: %s", answer);
	return -EPERM;
}

int mqg_handover_ask(char *why, size_t size)
{
	struct sockaddr_un at;
	pid_t from = 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = name(&at, SOCKET_NAME);
	int on = 1;

	snprintf(why, size, "%s: a socket cannot be made there", mqg_run_dir());
	if (fd < 0 || err)
		return fd < 0 ? -errno : err;
	unlink(at.sun_path);
	/* The directory says who may come near. */
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || chmod(at.sun_path, 0666) ||
	    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)))
		err = -errno;
	if (!err)
		err = request(&from, why, size);
	while (!err)
		err = take(fd, from);
	unlink(at.sun_path);
	close(fd);
	return err == -ENODATA ? 0 : err;
}
