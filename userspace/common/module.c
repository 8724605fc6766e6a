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

#include "common/module_read.h"

/* The kernel fills messages of a dump up to what the reader has room for, 32 kB at most. */
#define ROOM		32768
#define SILENCE_S	5

/**
 * struct mqg_module - a socket of the family
 * @socket:   blocking, gives up after SILENCE_S of silence
 * @family:   number of the family
 * @group:    number of group "events"
 * @sequence: of the last request
 * @expected: number of the next event; 0 before the first one
 * @room:     what is sent and received
 */
struct mqg_module {
	struct mnl_socket	*socket;
	uint16_t		family;
	uint32_t		group;
	uint32_t		sequence;
	uint64_t		expected;
	char			room[ROOM] __attribute__((aligned(NLMSG_ALIGNTO)));
};

static int explain(int err, const char *doing, char *why, size_t size)
{
	snprintf(why, size, "the module: %s: %s", doing, strerror(-err));
	return err;
}

/* ---- asking ----------------------------------------------------------------- */

static struct nlmsghdr *prepare(struct mqg_module *module, uint16_t type, uint8_t command,
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

/* The end of an answer. Return: what it says, with the words of it in @why. */
static int conclude(const struct nlmsghdr *answer, const char *doing, char *why, size_t size)
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
		explain(err, doing, why, size);
	return err;
}

typedef int (*take_t)(const struct nlmsghdr *answer, void *arg);

/* Sends what is in module->room and hands the answer to @take, a message a call. */
static int ask(struct mqg_module *module, const struct nlmsghdr *request, const char *doing,
	       take_t take, void *arg, char *why, size_t size)
{
	uint32_t port = mnl_socket_get_portid(module->socket);
	int err = 0;

	if (mnl_socket_sendto(module->socket, request, request->nlmsg_len) < 0)
		return explain(-errno, doing, why, size);
	for (;;) {
		ssize_t got = mnl_socket_recvfrom(module->socket, module->room, ROOM);
		const struct nlmsghdr *answer = (const struct nlmsghdr *)module->room;
		int left = (int)got;

		if (got <= 0)
			return explain(got ? -errno : -EPIPE, doing, why, size);
		for (; mnl_nlmsg_ok(answer, left); answer = mnl_nlmsg_next(answer, &left)) {
			if (!mnl_nlmsg_portid_ok(answer, port) ||
			    !mnl_nlmsg_seq_ok(answer, module->sequence))
				continue;
			if (answer->nlmsg_type == NLMSG_ERROR || answer->nlmsg_type == NLMSG_DONE)
				return err ? err : conclude(answer, doing, why, size);
			if (!err && take)
				err = take(answer, arg);
		}
	}
}

/* ---- opening ---------------------------------------------------------------- */

static int take_group(const struct nlattr *attr, void *arg)
{
	struct mqg_module *module = arg;
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
		if (!strcmp(name, MQGATE_MCGRP_EVENTS))
			module->group = number;
	}
	return MNL_CB_OK;
}

static int take_family(const struct nlmsghdr *answer, void *arg)
{
	struct mqg_module *module = arg;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, answer, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			module->family = mnl_attr_get_u16(attr);
		else if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GROUPS)
			take_group(attr, module);
	}
	return 0;
}

static int find_family(struct mqg_module *module, char *why, size_t size)
{
	struct nlmsghdr *request = prepare(module, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	int err;

	mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, MQGATE_FAMILY_NAME);
	err = ask(module, request, "finding it", take_family, module, why, size);
	if (!err && !module->family)
		err = -ENOENT;
	if (err == -ENOENT)
		snprintf(why, size, "the kernel module is not loaded (modprobe mqgate)");
	return err;
}

static int open_socket(struct mqg_module *module, char *why, size_t size)
{
	struct timeval silence = { .tv_sec = SILENCE_S };
	int on = 1;

	module->socket = mnl_socket_open(NETLINK_GENERIC);
	if (!module->socket || mnl_socket_bind(module->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(module->socket), SOL_SOCKET, SO_RCVTIMEO, &silence,
		       sizeof(silence)))
		return explain(-errno, "netlink", why, size);
	/* Without them the answers are poorer, not wrong. */
	mnl_socket_setsockopt(module->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(module->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	return 0;
}

int mqg_module_open(struct mqg_module **module, char *why, size_t size)
{
	int err;

	*module = calloc(1, sizeof(**module));
	if (!*module)
		return explain(-ENOMEM, "netlink", why, size);
	err = open_socket(*module, why, size);
	if (!err)
		err = find_family(*module, why, size);
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
	int err = 0;

	memset(about, 0, sizeof(*about));
	for (size_t i = 0; !err && i < sizeof(commands); i++)
		err = ask(module, prepare(module, module->family, commands[i], NLM_F_ACK),
			  "asking for its state", take_about, about, why, size);
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

int mqg_module_dump(struct mqg_module *module, const struct mqg_module_filter *filter,
		    int (*each)(const struct mqg_module_client *client, void *arg), void *arg,
		    char *why, size_t size)
{
	struct dumping dumping = { .filter = filter, .each = each, .arg = arg };
	struct nlmsghdr *request;

	request = prepare(module, module->family, MQGATE_CMD_CLIENT_GET, NLM_F_DUMP);
	put_filter(request, filter);
	return ask(module, request, "listing clients", take_client, &dumping, why, size);
}

/* ---- sources ---------------------------------------------------------------- */

struct sourcing {
	int	(*each)(const struct mqg_module_source *source, void *arg);
	void	*arg;
};

static int take_source(const struct nlmsghdr *answer, void *arg)
{
	const struct sourcing *sourcing = arg;
	struct mqg_module_source source;

	if (!mqg_module_read_source(answer, &source))
		return 0;
	return sourcing->each(&source, sourcing->arg);
}

int mqg_module_sources(struct mqg_module *module, const struct mqg_module_source_filter *filter,
		       int (*each)(const struct mqg_module_source *source, void *arg), void *arg,
		       char *why, size_t size)
{
	struct sourcing sourcing = { .each = each, .arg = arg };
	struct nlmsghdr *request;
	struct nlattr *nest;

	request = prepare(module, module->family, MQGATE_CMD_SOURCE_GET, NLM_F_DUMP);
	nest = mnl_attr_nest_start(request, MQGATE_A_SOURCE_FILTER);
	if (filter->prefix) {
		mnl_attr_put(request, MQGATE_A_SOURCE_FILTER_ADDR, sizeof(filter->addr),
			     filter->addr);
		mnl_attr_put_u8(request, MQGATE_A_SOURCE_FILTER_PREFIX, filter->prefix);
	}
	if (filter->sessions >= 0)
		mnl_attr_put_u32(request, MQGATE_A_SOURCE_FILTER_SESSIONS_OVER,
				 (uint32_t)filter->sessions);
	if (filter->rate >= 0)
		mnl_attr_put_u32(request, MQGATE_A_SOURCE_FILTER_RATE_OVER,
				 (uint32_t)filter->rate);
	mnl_attr_nest_end(request, nest);
	return ask(module, request, "listing sources", take_source, &sourcing, why, size);
}

/* ---- one client ------------------------------------------------------------- */

int mqg_module_kill(struct mqg_module *module, const struct mqg_module_client *client, char *why,
		    size_t size)
{
	const struct mqgate_flow_key *flow = &client->flow;
	struct nlmsghdr *request;
	struct nlattr *nest;

	request = prepare(module, module->family, MQGATE_CMD_CLIENT_KILL, NLM_F_ACK);
	nest = mnl_attr_nest_start(request, MQGATE_A_CLIENT);
	mnl_attr_put(request, MQGATE_A_CLIENT_SADDR, sizeof(flow->saddr), flow->saddr);
	mnl_attr_put(request, MQGATE_A_CLIENT_DADDR, sizeof(flow->daddr), flow->daddr);
	mnl_attr_put_u16(request, MQGATE_A_CLIENT_SPORT, flow->sport);
	mnl_attr_put_u16(request, MQGATE_A_CLIENT_DPORT, flow->dport);
	mnl_attr_put_u64(request, MQGATE_A_CLIENT_FIRST, client->first);
	mnl_attr_nest_end(request, nest);
	return ask(module, request, "killing a client", NULL, NULL, why, size);
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

/* ---- events ----------------------------------------------------------------- */

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
	int group = (int)module->group, err = 0;

	if (mnl_socket_setsockopt(module->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group))) {
		err = -errno;
		if (err == -EPERM)
			snprintf(why, size, "the module: events need CAP_NET_ADMIN (try as root)");
		else
			explain(err, "listening to its events", why, size);
		return err;
	}
	while (!err) {
		ssize_t got = mnl_socket_recvfrom(module->socket, module->room, ROOM);

		if (got > 0)
			err = tell(module, (size_t)got, each, arg);
		/* What was lost shows in the number of the next event. */
		else if (got < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			err = explain(-errno, "listening to its events", why, size);
	}
	return err;
}
