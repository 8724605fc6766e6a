// SPDX-License-Identifier: BSD-2-Clause
/*
 * The words of a driver that refuses XDP, and the remedies. Called by attach.c under the writer's
 * lock; no state.
 */
#include "common/refusal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include <bpf/libbpf.h>

/* The kernel's own number for "not supported", which leaks to user space from some drivers. */
#define KERNEL_ENOTSUPP	524

/* ---- asking ----------------------------------------------------------------------- */

struct request {
	struct nlmsghdr		head;
	struct ifinfomsg	info;
	struct nlattr		xdp;
	struct nlattr		fd_head;
	int32_t			fd;
	struct nlattr		flags_head;
	uint32_t		flags;
};

/* NLMSGERR_ATTR_MSG of an answer that says no. The request may be repeated in front of it. */
static void take_words(const struct nlmsghdr *msg, char *words, size_t size)
{
	const struct nlmsgerr *error = NLMSG_DATA(msg);
	const char *at = (const char *)(error + 1), *end = (const char *)msg + msg->nlmsg_len;

	if (!(msg->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(msg->nlmsg_flags & NLM_F_CAPPED))
		at += NLMSG_ALIGN(error->msg.nlmsg_len) - sizeof(error->msg);
	while (at < end && (size_t)(end - at) >= sizeof(struct nlattr)) {
		const struct nlattr *attr = (const struct nlattr *)at;

		if (attr->nla_len < sizeof(*attr) || attr->nla_len > end - at)
			return;
		if ((attr->nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG)
			snprintf(words, size, "%.*s", (int)(attr->nla_len - sizeof(*attr)),
				 at + sizeof(*attr));
		at += NLA_ALIGN(attr->nla_len);
	}
}

/* Return: 0 where it was taken, -errno with @words where it was not. */
static int try(uint32_t ifindex, int prog_fd, uint32_t flags, char *words, size_t size)
{
	struct request request = {
		.head = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_SETLINK,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.info = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex },
		.xdp = { .nla_len = sizeof(request) - offsetof(struct request, xdp),
			 .nla_type = IFLA_XDP | NLA_F_NESTED },
		.fd_head = { .nla_len = NLA_HDRLEN + sizeof(request.fd), .nla_type = IFLA_XDP_FD },
		.fd = prog_fd,
		.flags_head = { .nla_len = NLA_HDRLEN + sizeof(request.flags),
				.nla_type = IFLA_XDP_FLAGS },
		.flags = flags | XDP_FLAGS_UPDATE_IF_NOEXIST,
	};
	char buf[4096] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *msg = (const struct nlmsghdr *)buf;
	int fd, one = 1, err = -EIO;
	ssize_t n;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	if (send(fd, &request, sizeof(request), 0) < 0)
		n = -1;
	else
		n = recv(fd, buf, sizeof(buf), 0);
	if (n > 0 && NLMSG_OK(msg, (size_t)n) && msg->nlmsg_type == NLMSG_ERROR &&
	    msg->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr))) {
		err = ((const struct nlmsgerr *)NLMSG_DATA(msg))->error;
		if (err)
			take_words(msg, words, size);
	}
	close(fd);
	return err;
}

/* ioctl(2) of an interface by its name. */
static int ask_device(const char *ifname, unsigned long what, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", ifname);
	err = ioctl(fd, what, ifr) ? -errno : 0;
	close(fd);
	return err;
}

void mqg_refusal_ask(const char *ifname, uint32_t ifindex, int prog_fd, uint32_t flags,
		     struct mqg_refusal *refusal)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ethtool_value features = { .cmd = ETHTOOL_GFLAGS };
	struct ifreq ifr = {};
	int err = refusal->err;

	memset(refusal, 0, sizeof(*refusal));
	refusal->err = err;
	if (!try(ifindex, prog_fd, flags, refusal->words, sizeof(refusal->words))) {
		LIBBPF_OPTS(bpf_xdp_attach_opts, old, .old_prog_fd = prog_fd);

		bpf_xdp_detach((int)ifindex, flags, &old);
	}
	if (!ask_device(ifname, SIOCGIFMTU, &ifr))
		refusal->mtu = (uint32_t)ifr.ifr_mtu;
	ifr.ifr_data = (void *)&info;
	if (!ask_device(ifname, SIOCETHTOOL, &ifr))
		snprintf(refusal->driver, sizeof(refusal->driver), "%.31s", info.driver);
	ifr.ifr_data = (void *)&features;
	if (!ask_device(ifname, SIOCETHTOOL, &ifr))
		refusal->lro = features.data & ETH_FLAG_LRO;
}

bool mqg_refusal_down(const char *ifname)
{
	struct ifreq ifr = {};

	return !ask_device(ifname, SIOCGIFFLAGS, &ifr) && !(ifr.ifr_flags & IFF_UP);
}

/* ---- words -------------------------------------------------------------------------- */

static bool says(const struct mqg_refusal *refusal, const char *part)
{
	return strcasestr(refusal->words, part);
}

bool mqg_refusal_final(const struct mqg_refusal *refusal)
{
	if (refusal->err != -EOPNOTSUPP && refusal->err != -KERNEL_ENOTSUPP)
		return false;
	/* The kernel's words for "no driver function"; a driver's own are of something else. */
	return !refusal->words[0] || says(refusal, "does not support XDP in native mode");
}

const char *mqg_refusal_say(const struct mqg_refusal *refusal, char *text, size_t size)
{
	const char *words = refusal->words[0] ? refusal->words :
			    refusal->err == -KERNEL_ENOTSUPP ? strerror(EOPNOTSUPP) :
			    strerror(-refusal->err);

	snprintf(text, size, "driver%s%s%s refuses native XDP: %s", refusal->driver[0] ? " (" : "",
		 refusal->driver, refusal->driver[0] ? ")" : "", words);
	return text;
}

const char *mqg_refusal_remedy(const struct mqg_refusal *refusal, const char *ifname, char *text,
			       size_t size)
{
	if (says(refusal, "peer") && says(refusal, "mtu"))
		snprintf(text, size, "make the MTU of the other end of the pair smaller: ip link "
			 "set dev PEER mtu 1500");
	else if (says(refusal, "peer") && says(refusal, "queue"))
		snprintf(text, size, "give it as many receive queues as its peer has to send "
			 "(ethtool -L %s rx N), or the peer fewer (ethtool -L PEER tx 1)", ifname);
	else if (says(refusal, "mtu") || says(refusal, "frags") || says(refusal, "single-buffer"))
		snprintf(text, size, "make its MTU of %u smaller: ip link set dev %s mtu 1500",
			 refusal->mtu, ifname);
	else if (says(refusal, "lro") || says(refusal, "gro_hw") || says(refusal, "gro-hw") ||
		 refusal->lro)
		snprintf(text, size, "turn off what merges segments in the device: ethtool -K %s "
			 "lro off rx-gro-hw off", ifname);
	else if (says(refusal, "queue") || says(refusal, "channel") || says(refusal, "rings"))
		snprintf(text, size, "leave it queues for XDP: ethtool -L %s combined N, N being "
			 "at most half of what ethtool -l %s calls the maximum", ifname, ifname);
	else if (says(refusal, "slave") || says(refusal, "bond"))
		snprintf(text, size, "attach to the bond itself, not to a port of it");
	else
		snprintf(text, size, "dmesg may say more; mostly the MTU, the number of queues or "
			 "an offload stands against it (ethtool -k %s)", ifname);
	return text;
}
