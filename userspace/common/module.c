// SPDX-License-Identifier: BSD-2-Clause
/*
 * The module's generic netlink family by libmnl; see module.h.
 */
#include "common/module.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/mqgate_netlink.h>

#include "common/module_handle.h"
#include "common/module_read.h"

#define SILENCE_S	5

int mqg_module_explain(int err, const char *doing, char *why, size_t size)
{
	snprintf(why, size, "the module: %s: %s", doing, strerror(-err));
	return err;
}

/* ---- asking ----------------------------------------------------------------- */

struct nlmsghdr *mqg_module_prepare(struct mqg_module *module, uint16_t type, uint8_t command,
				    uint16_t flags)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(module->room);
	struct genlmsghdr *generic;

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	request->nlmsg_seq = ++module->sequence;
	generic = mnl_nlmsg_put_extra_header(request, sizeof(*generic));
	generic->cmd = command;
	generic->version = MQGATE_FAMILY_VERSION;
	return request;
}

/* The sentence of an extended acknowledgement; NULL without one. */
static const char *sentence(const struct nlmsghdr *answer)
{
	size_t skip = sizeof(int);
	const struct nlattr *attr;

	if (!(answer->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (answer->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *error = mnl_nlmsg_get_payload(answer);

		skip = sizeof(*error);
		if (!(answer->nlmsg_flags & NLM_F_CAPPED))
			skip += mnl_nlmsg_get_payload_len(answer) < sizeof(*error) ? 0 :
				error->msg.nlmsg_len - sizeof(error->msg);
	}
	if (mnl_nlmsg_get_payload_len(answer) < skip)
		return NULL;
	mnl_attr_for_each(attr, answer, skip)
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			return mnl_attr_get_str(attr);
	return NULL;
}

int mqg_module_conclude(const struct nlmsghdr *answer, const char *doing, char *why,
			size_t size)
{
	const char *words = sentence(answer);
	int err = 0;

	if (mnl_nlmsg_get_payload_len(answer) >= sizeof(err))
		memcpy(&err, mnl_nlmsg_get_payload(answer), sizeof(err));
	if (err >= 0)
		return 0;
	if (words)
		snprintf(why, size, "the module: %s", words);
	else if (err == -EPERM)
		snprintf(why, size, "the module: %s needs CAP_NET_ADMIN (try as root)", doing);
	else
		mqg_module_explain(err, doing, why, size);
	return err;
}

int mqg_module_ask(struct mqg_module *module, const struct nlmsghdr *request, const char *doing,
		   mqg_module_take_fn take, void *arg, char *why, size_t size)
{
	uint32_t port = mnl_socket_get_portid(module->socket);
	int err = 0;

	if (mnl_socket_sendto(module->socket, request, request->nlmsg_len) < 0)
		return mqg_module_explain(-errno, doing, why, size);
	for (;;) {
		ssize_t got = mnl_socket_recvfrom(module->socket, module->room, MQG_MODULE_ROOM);
		const struct nlmsghdr *answer = (const struct nlmsghdr *)module->room;
		int left = (int)got;

		if (got <= 0)
			return mqg_module_explain(got ? -errno : -EPIPE, doing, why, size);
		for (; mnl_nlmsg_ok(answer, left); answer = mnl_nlmsg_next(answer, &left)) {
			if (!mnl_nlmsg_portid_ok(answer, port) ||
			    !mnl_nlmsg_seq_ok(answer, module->sequence))
				continue;
			if (answer->nlmsg_type == NLMSG_ERROR || answer->nlmsg_type == NLMSG_DONE)
				return err ? err : mqg_module_conclude(answer, doing, why, size);
			if (!err && take)
				err = take(answer, arg);
		}
	}
}

/* ---- opening ---------------------------------------------------------------- */

struct wanted {
	struct mqg_module	*module;
	const char		*group;
};

static void take_group(const struct nlattr *attr, const struct wanted *wanted)
{
	const struct nlattr *group, *inner;

	mnl_attr_for_each_nested(group, attr) {
		const char *name = "";
		uint32_t number = 0;

		mnl_attr_for_each_nested(inner, group) {
			if (mnl_attr_get_type(inner) == CTRL_ATTR_MCAST_GRP_NAME)
				name = mnl_attr_get_str(inner);
			else if (mnl_attr_get_type(inner) == CTRL_ATTR_MCAST_GRP_ID)
				number = mnl_attr_get_u32(inner);
		}
		if (!strcmp(name, wanted->group))
			wanted->module->group = number;
	}
}

static int take_family(const struct nlmsghdr *answer, void *arg)
{
	const struct wanted *wanted = arg;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, answer, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			wanted->module->family = mnl_attr_get_u16(attr);
		else if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GROUPS)
			take_group(attr, wanted);
	}
	return 0;
}

int mqg_module_family(struct mqg_module *module, const char *name, const char *group, char *why,
		      size_t size)
{
	struct wanted wanted = { module, group };
	struct nlmsghdr *request;
	int err;

	request = mqg_module_prepare(module, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, name);
	err = mqg_module_ask(module, request, "finding it", take_family, &wanted, why, size);
	return !err && !module->family ? -ENOENT : err;
}

int mqg_module_socket(struct mqg_module **out, char *why, size_t size)
{
	struct timeval silence = { .tv_sec = SILENCE_S };
	struct mqg_module *module = calloc(1, sizeof(*module));
	int on = 1;

	*out = module;
	if (!module)
		return mqg_module_explain(-ENOMEM, "netlink", why, size);
	module->socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!module->socket || mnl_socket_bind(module->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(module->socket), SOL_SOCKET, SO_RCVTIMEO, &silence,
		       sizeof(silence)))
		return mqg_module_explain(-errno, "netlink", why, size);
	/* Without them the answers are poorer, not wrong. */
	mnl_socket_setsockopt(module->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(module->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	return 0;
}

int mqg_module_open(struct mqg_module **module, char *why, size_t size)
{
	int err = mqg_module_socket(module, why, size);

	if (!err)
		err = mqg_module_family(*module, MQGATE_FAMILY_NAME, MQGATE_MCGRP_EVENTS, why,
					size);
	if (err == -ENOENT)
		snprintf(why, size, "the kernel module is not loaded (modprobe mqgate)");
	if (err) {
		mqg_module_close(*module);
		*module = NULL;
	}
	return err;
}

void mqg_module_close(struct mqg_module *module)
{
	if (!module)
		return;
	if (module->socket)
		mnl_socket_close(module->socket);
	free(module);
}

/* ---- about ------------------------------------------------------------------ */

static int take_about(const struct nlmsghdr *answer, void *arg)
{
	mqg_module_read_about(answer, arg);
	return 0;
}

int mqg_module_about(struct mqg_module *module, struct mqg_module_about *about, char *why,
		     size_t size)
{
	static const uint8_t commands[] = { MQGATE_CMD_SETTINGS_GET, MQGATE_CMD_STATS_GET };
	struct nlmsghdr *request;
	int err = 0;

	memset(about, 0, sizeof(*about));
	for (size_t i = 0; !err && i < sizeof(commands); i++) {
		request = mqg_module_prepare(module, module->family, commands[i], NLM_F_ACK);
		err = mqg_module_ask(module, request, "asking for its state", take_about, about,
				     why, size);
	}
	return err;
}

/* ---- clients ---------------------------------------------------------------- */

struct dumping {
	const struct mqg_module_filter	*filter;
	int				(*each)(const struct mqg_module_client *client, void *arg);
	void				*arg;
};

static int take_client(const struct nlmsghdr *answer, void *arg)
{
	const struct dumping *dumping = arg;
	struct mqg_module_client client;

	if (!mqg_module_read_client(answer, &client) ||
	    !mqg_module_match(&client, dumping->filter))
		return 0;
	return dumping->each(&client, dumping->arg);
}

static void put_filter(struct nlmsghdr *request, const struct mqg_module_filter *filter)
{
	struct nlattr *nest = mnl_attr_nest_start(request, MQGATE_A_FILTER);

	if (filter->prefix) {
		mnl_attr_put(request, MQGATE_A_FILTER_SADDR, sizeof(filter->source),
			     filter->source);
		mnl_attr_put_u8(request, MQGATE_A_FILTER_PREFIX, filter->prefix);
	}
	if (filter->named)
		mnl_attr_put(request, MQGATE_A_FILTER_ID, filter->id_length, filter->id);
	if (filter->phase)
		mnl_attr_put_u8(request, MQGATE_A_FILTER_PHASE, filter->phase);
	if (filter->service)
		mnl_attr_put_u8(request, MQGATE_A_FILTER_SERVICE, filter->service);
	if (filter->idle_ms)
		mnl_attr_put_u64(request, MQGATE_A_FILTER_IDLE_OVER, filter->idle_ms);
	mnl_attr_nest_end(request, nest);
}

static struct nlmsghdr *request_dump(struct mqg_module *module,
				     const struct mqg_module_filter *filter)
{
	struct nlmsghdr *request = mqg_module_prepare(module, module->family,
						      MQGATE_CMD_CLIENT_GET, NLM_F_DUMP);

	put_filter(request, filter);
	return request;
}

int mqg_module_dump(struct mqg_module *module, const struct mqg_module_filter *filter,
		    int (*each)(const struct mqg_module_client *client, void *arg), void *arg,
		    char *why, size_t size)
{
	struct dumping dumping = { .filter = filter, .each = each, .arg = arg };

	return mqg_module_ask(module, request_dump(module, filter), "listing clients",
			      take_client, &dumping, why, size);
}

int mqg_module_dump_begin(struct mqg_module *module, char *why, size_t size)
{
	static const struct mqg_module_filter everybody;
	const struct nlmsghdr *request = request_dump(module, &everybody);

	if (mnl_socket_sendto(module->socket, request, request->nlmsg_len) < 0)
		return mqg_module_explain(-errno, "listing clients", why, size);
	return 0;
}

/* Return: 0 when the dump goes on, 1 when it is over, -errno. */
static int take_datagram(struct mqg_module *module, size_t got,
			 void (*each)(const struct mqg_module_client *client, void *arg),
			 void *arg, char *why, size_t size)
{
	const struct nlmsghdr *answer = (const struct nlmsghdr *)module->room;
	struct mqg_module_client client;
	int left = (int)got, err;

	for (; mnl_nlmsg_ok(answer, left); answer = mnl_nlmsg_next(answer, &left)) {
		if (!mnl_nlmsg_seq_ok(answer, module->sequence))
			continue;
		if (answer->nlmsg_type == NLMSG_ERROR || answer->nlmsg_type == NLMSG_DONE) {
			err = mqg_module_conclude(answer, "listing clients", why, size);
			return err ? err : 1;
		}
		if (mqg_module_read_client(answer, &client))
			each(&client, arg);
	}
	return 0;
}

int mqg_module_dump_read(struct mqg_module *module, unsigned int datagrams,
			 void (*each)(const struct mqg_module_client *client, void *arg),
			 void *arg, char *why, size_t size)
{
	int fd = mnl_socket_get_fd(module->socket), answer = 0;

	while (!answer && datagrams--) {
		ssize_t got = recv(fd, module->room, sizeof(module->room), MSG_DONTWAIT);

		if (got < 0 && errno == EAGAIN)
			return 0;
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return mqg_module_explain(got ? -errno : -EPIPE, "listing clients", why,
						  size);
		answer = take_datagram(module, (size_t)got, each, arg, why, size);
	}
	return answer;
}

int mqg_module_fd(const struct mqg_module *module)
{
	return mnl_socket_get_fd(module->socket);
}

static bool source_matches(const uint8_t *addr, const struct mqg_module_filter *filter)
{
	unsigned int bytes = filter->prefix / 8, bits = filter->prefix % 8;

	return !memcmp(addr, filter->source, bytes) &&
	       (!bits || !((addr[bytes] ^ filter->source[bytes]) >> (8 - bits)));
}

bool mqg_module_match(const struct mqg_module_client *client,
		      const struct mqg_module_filter *filter)
{
	if (filter->prefix && !source_matches(client->flow.saddr, filter))
		return false;
	if (filter->named && (client->id_length != (int)filter->id_length ||
			      memcmp(client->id, filter->id, filter->id_length)))
		return false;
	return (!filter->port || client->flow.sport == filter->port) &&
	       (!filter->service || client->service == filter->service) &&
	       (!filter->phase || client->phase == filter->phase) &&
	       (!filter->idle_ms || client->idle_ms > filter->idle_ms);
}
