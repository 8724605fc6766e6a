// SPDX-License-Identifier: BSD-2-Clause
/*
 * Asks rtnetlink for the XDP programs of all interfaces. Called by attach, detach and status;
 * one dump instead of one a interface, so that a host with thousands of them answers at once.
 * No state, no lock.
 */
#include "common/xdp.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>

#define DUMP_BYTES	(64U << 10)

const char *mqg_xdp_mode_word(enum mqg_xdp_mode mode)
{
	static const char *const words[] = {
		[MQG_XDP_NONE] = "none",
		[MQG_XDP_NATIVE] = "native",
		[MQG_XDP_GENERIC] = "generic",
		[MQG_XDP_OFFLOAD] = "offload",
	};

	return words[mode];
}

static int report_link(const struct nlmsghdr *msg, mqg_xdp_fn fn, void *arg)
{
	static const struct {
		int			attr;
		enum mqg_xdp_mode	mode;
	} kinds[] = {
		{ IFLA_XDP_DRV_PROG_ID, MQG_XDP_NATIVE },
		{ IFLA_XDP_SKB_PROG_ID, MQG_XDP_GENERIC },
		{ IFLA_XDP_HW_PROG_ID, MQG_XDP_OFFLOAD },
	};
	const struct ifinfomsg *info = NLMSG_DATA(msg);
	struct mqg_xdp xdp = { .ifindex = (uint32_t)info->ifi_index };
	const struct rtattr *nested = NULL;
	int left = (int)IFLA_PAYLOAD(msg), answer = 0;

	for (const struct rtattr *a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == IFLA_IFNAME)
			snprintf(xdp.ifname, sizeof(xdp.ifname), "%.*s", (int)RTA_PAYLOAD(a),
				 (const char *)RTA_DATA(a));
		if ((a->rta_type & NLA_TYPE_MASK) == IFLA_XDP)
			nested = a;
	}
	if (!nested)
		return 0;
	left = (int)RTA_PAYLOAD(nested);
	for (const struct rtattr *a = RTA_DATA(nested); RTA_OK(a, left) && !answer;
	     a = RTA_NEXT(a, left)) {
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			if (a->rta_type != kinds[i].attr || RTA_PAYLOAD(a) < sizeof(uint32_t))
				continue;
			memcpy(&xdp.prog_id, RTA_DATA(a), sizeof(xdp.prog_id));
			xdp.mode = kinds[i].mode;
			if (xdp.prog_id)
				answer = fn(&xdp, arg);
		}
	}
	return answer;
}

/* Return: 1 while more is to come, 0 at the end, the answer of @fn, or -errno. */
static int report_chunk(const char *buf, size_t len, mqg_xdp_fn fn, void *arg, int *answer)
{
	const struct nlmsghdr *msg = (const struct nlmsghdr *)buf;
	int left = (int)len;

	for (; NLMSG_OK(msg, left); msg = NLMSG_NEXT(msg, left)) {
		if (msg->nlmsg_type == NLMSG_DONE)
			return 0;
		if (msg->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *error = NLMSG_DATA(msg);

			return error->error ? error->error : 0;
		}
		if (msg->nlmsg_type == RTM_NEWLINK && !*answer)
			*answer = report_link(msg, fn, arg);
	}
	return 1;
}

int mqg_xdp_each(mqg_xdp_fn fn, void *arg)
{
	struct {
		struct nlmsghdr		head;
		struct ifinfomsg	info;
	} request = {
		.head = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETLINK,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.info = { .ifi_family = AF_UNSPEC },
	};
	static __thread char buf[DUMP_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	int fd, answer = 0, more = 1;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	if (send(fd, &request, sizeof(request), 0) < 0)
		more = -errno;
	while (more > 0) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);

		if (n < 0 && errno == EINTR)
			continue;
		more = n < 0 ? -errno : report_chunk(buf, (size_t)n, fn, arg, &answer);
	}
	close(fd);
	return more ? more : answer;
}

struct search {
	uint32_t	ifindex;
	struct mqg_xdp	*found;
};

static int match(const struct mqg_xdp *xdp, void *arg)
{
	struct search *search = arg;

	if (xdp->ifindex != search->ifindex)
		return 0;
	*search->found = *xdp;
	return 1;
}

int mqg_xdp_lookup(uint32_t ifindex, struct mqg_xdp *xdp)
{
	struct search search = { ifindex, xdp };
	int err;

	memset(xdp, 0, sizeof(*xdp));
	err = mqg_xdp_each(match, &search);
	return err < 0 ? err : 0;
}

/* Calls @fn with every link that may be looked at, until it answers other than 0. */
static int each_link(int (*fn)(const struct bpf_link_info *info, void *arg), void *arg)
{
	uint32_t id = 0;
	int answer = 0;

	while (!answer && !bpf_link_get_next_id(id, &id)) {
		struct bpf_link_info info = {};
		__u32 len = sizeof(info);
		int fd = bpf_link_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(fd, &info, &len))
			answer = fn(&info, arg);
		close(fd);
	}
	return answer;
}

static int holds_program(const struct bpf_link_info *info, void *arg)
{
	const struct mqg_xdp *xdp = arg;

	return info->type == BPF_LINK_TYPE_XDP && info->prog_id == xdp->prog_id &&
	       info->xdp.ifindex == xdp->ifindex ? (int)info->id : 0;
}

/* The id of the link that holds the program on the interface, 0 where netlink attached it. */
static uint32_t find_link(const struct mqg_xdp *xdp)
{
	return (uint32_t)each_link(holds_program, (void *)xdp);
}

static void name_of(uint32_t prog_id, char name[BPF_OBJ_NAME_LEN])
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(prog_id);

	if (fd >= 0) {
		(void)bpf_obj_get_info_by_fd(fd, &info, &len);
		close(fd);
	}
	snprintf(name, BPF_OBJ_NAME_LEN, "%s", info.name[0] ? info.name : "without a name");
}

#define DISPATCHER	"xdp_dispatcher"

struct chain {
	uint32_t	dispatcher;
	char		names[160];
};

/* Those in libxdp's chain replace a function of the dispatcher each. */
static int add_to_chain(const struct bpf_link_info *info, void *arg)
{
	struct chain *chain = arg;
	size_t used = strlen(chain->names);
	char name[BPF_OBJ_NAME_LEN];

	if (info->type != BPF_LINK_TYPE_TRACING ||
	    info->tracing.target_obj_id != chain->dispatcher)
		return 0;
	name_of(info->prog_id, name);
	snprintf(chain->names + used, sizeof(chain->names) - used, "%s%s", used ? ", " : "", name);
	return 0;
}

void mqg_xdp_remedy(const struct mqg_xdp *xdp, char *text, size_t size)
{
	uint32_t link = find_link(xdp);
	char name[BPF_OBJ_NAME_LEN];

	name_of(xdp->prog_id, name);
	if (link)
		snprintf(text, size, "bpftool link detach id %u", link);
	else if (!strcmp(name, DISPATCHER))
		snprintf(text, size, "xdp-loader unload %s --all", xdp->ifname);
	else
		snprintf(text, size, "ip link set dev %s %s off", xdp->ifname,
			 xdp->mode == MQG_XDP_GENERIC ? "xdpgeneric" :
			 xdp->mode == MQG_XDP_OFFLOAD ? "xdpoffload" : "xdp");
}

void mqg_xdp_describe(const struct mqg_xdp *xdp, char *text, size_t size)
{
	struct chain chain = { .dispatcher = xdp->prog_id };
	char name[BPF_OBJ_NAME_LEN], remedy[96];

	name_of(xdp->prog_id, name);
	mqg_xdp_remedy(xdp, remedy, sizeof(remedy));
	if (strcmp(name, DISPATCHER)) {
		snprintf(text, size, "another XDP program (id %u, %s, %s) is attached; mqgate "
			 "never displaces it. Detach it first: %s", xdp->prog_id, name,
			 mqg_xdp_mode_word(xdp->mode), remedy);
		return;
	}
	each_link(add_to_chain, &chain);
	snprintf(text, size, "another XDP program (id %u, %s, %s) is attached, with the chain of "
		 "libxdp (%s); mqgate never displaces it. Detach it first: %s; or let xdp-loader "
		 "put the object of mqgate into that chain", xdp->prog_id, name,
		 mqg_xdp_mode_word(xdp->mode), chain.names, remedy);
}
