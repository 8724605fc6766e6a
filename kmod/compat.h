/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels that the module is built for, each named after the
 * feature that it covers; included before every file by kmod/Kbuild. Nothing else in kmod/
 * asks for a version.
 */
#ifndef MQG_COMPAT_H
#define MQG_COMPAT_H

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/version.h>
#include <net/genetlink.h>

/* GENL_MCAST_CAP_NET_ADMIN: before it, a group's flags were those of an operation. */
#ifndef GENL_MCAST_CAP_NET_ADMIN
#define GENL_MCAST_CAP_NET_ADMIN GENL_UNS_ADMIN_PERM
#endif

/* DUMP_ATTRS: where the attributes of a dump request are (struct genl_info since 6.6). */
static inline struct nlattr **mqg_genl_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	return genl_info_dump(cb)->attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

/* COOKIE_ARGUMENT: the cookie is the ACK number less one, and no longer given apart since 6.8. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define mqg_cookie_v4_check(iph, th) __cookie_v4_check(iph, th)
#define mqg_cookie_v6_check(iph, th) __cookie_v6_check(iph, th)
#else
#define mqg_cookie_v4_check(iph, th) __cookie_v4_check(iph, th, ntohl((th)->ack_seq) - 1)
#define mqg_cookie_v6_check(iph, th) __cookie_v6_check(iph, th, ntohl((th)->ack_seq) - 1)
#endif

/* KFUNC_DEFINITIONS: __bpf_kfunc since 6.3, the marks around since 6.7, the set since 6.9. */
#include <linux/btf.h>
#include <linux/btf_ids.h>
#ifndef __bpf_kfunc
#define __bpf_kfunc __used noinline
#endif
#ifndef __bpf_kfunc_start_defs
#define __bpf_kfunc_start_defs()						\
	__diag_push();								\
	__diag_ignore(GCC, 8, "-Wmissing-prototypes",				\
		      "BPF finds them by BTF")
#define __bpf_kfunc_end_defs() __diag_pop()
#endif
#ifndef BTF_KFUNCS_START
#define BTF_KFUNCS_START(name) BTF_SET8_START(name)
#define BTF_KFUNCS_END(name) BTF_SET8_END(name)
#endif

#endif /* MQG_COMPAT_H */
