// SPDX-License-Identifier: BSD-2-Clause
/*
 * The module's events, and the news of whether it is there at all; see module.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/genetlink.h>
#include <linux/mqgate_netlink.h>

#include "common/module_handle.h"
#include "common/module_read.h"

int mqg_module_join(struct mqg_module *module, char *why, size_t size)
{
	int group = (int)module->group, err;

	if (!mnl_socket_setsockopt(module->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		return 0;
	err = -errno;
	if (err != -EPERM)
		return mqg_module_explain(err, "listening to its events", why, size);
	snprintf(why, size, "the module: events need CAP_NET_ADMIN (try as root)");
	return err;
}

/* Messages of one datagram. Return: what @each returned. */
static int tell(struct mqg_module *module, size_t got,
		int (*each)(const struct mqg_module_event *event, void *arg), void *arg)
{
	const struct nlmsghdr *message = (const struct nlmsghdr *)module->room;
	struct mqg_module_event event;
	int left = (int)got, err = 0;
	uint64_t number;

	for (; !err && mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
		if (message->nlmsg_type != module->family ||
		    !mqg_module_read_event(message, &event, &number))
			continue;
		event.lost = module->expected && number > module->expected ?
			     number - module->expected : 0;
		module->expected = number + 1;
		err = each(&event, arg);
	}
	return err;
}

int mqg_module_watch(struct mqg_module *module,
		     int (*each)(const struct mqg_module_event *event, void *arg), void *arg,
		     char *why, size_t size)
{
	int err = mqg_module_join(module, why, size);

	while (!err) {
		ssize_t got = mnl_socket_recvfrom(module->socket, module->room, MQG_MODULE_ROOM);

		if (got > 0)
			err = tell(module, (size_t)got, each, arg);
		/* What was lost shows in the number of the next event. */
		else if (got < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			err = mqg_module_explain(-errno, "listening to its events", why, size);
	}
	return err;
}

int mqg_module_listen(struct mqg_module *module, int buffer, char *why, size_t size)
{
	int fd = mnl_socket_get_fd(module->socket);

	/* FORCE goes over net.core.rmem_max, and wants CAP_NET_ADMIN. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer)))
		return mqg_module_explain(-errno, "room for its events", why, size);
	return mqg_module_join(module, why, size);
}

int mqg_module_events_read(struct mqg_module *module, unsigned int datagrams,
			   int (*each)(const struct mqg_module_event *event, void *arg), void *arg)
{
	int fd = mnl_socket_get_fd(module->socket);

	while (datagrams--) {
		ssize_t got = recv(fd, module->room, sizeof(module->room), MSG_DONTWAIT);

		if (got < 0 && errno == EAGAIN)
			return 0;
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EPIPE;
		tell(module, (size_t)got, each, arg);
	}
	return 1;
}

/* ---- news ------------------------------------------------------------------- */

int mqg_module_news_open(struct mqg_module **news, char *why, size_t size)
{
	int err = mqg_module_socket(news, why, size);

	if (!err)
		err = mqg_module_family(*news, "nlctrl", "notify", why, size);
	if (!err)
		err = mqg_module_join(*news, why, size);
	if (err) {
		mqg_module_close(*news);
		*news = NULL;
	}
	return err;
}

/* Whether the message is of our family; *@here: it has come, else it goes. */
static bool is_news(const struct nlmsghdr *message, bool *here)
{
	const struct genlmsghdr *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr;

	if (message->nlmsg_type != GENL_ID_CTRL ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*header) ||
	    (header->cmd != CTRL_CMD_NEWFAMILY && header->cmd != CTRL_CMD_DELFAMILY))
		return false;
	*here = header->cmd == CTRL_CMD_NEWFAMILY;
	mnl_attr_for_each(attr, message, sizeof(*header))
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_NAME &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			return !strcmp(mnl_attr_get_str(attr), MQGATE_FAMILY_NAME);
	return false;
}

int mqg_module_news_read(struct mqg_module *news, void (*each)(bool here, void *arg), void *arg)
{
	int fd = mnl_socket_get_fd(news->socket);

	for (;;) {
		ssize_t got = recv(fd, news->room, sizeof(news->room), MSG_DONTWAIT);
		const struct nlmsghdr *message = (const struct nlmsghdr *)news->room;
		int left = (int)got;
		bool here;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 && errno == EAGAIN ? 0 : got ? -errno : -EPIPE;
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
			if (is_news(message, &here))
				each(here, arg);
	}
}
