/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tables of the generic netlink family, as docs/netlink/mqgate.yaml specifies them; a test
 * compares the two. Handlers are in netlink.c, netlink-dump.c, netlink-settings.c and
 * netlink-source.c.
 * Everything here is constant.
 */
#ifndef MQG_NETLINK_GEN_H
#define MQG_NETLINK_GEN_H

#include <linux/mqgate_netlink.h>
#include <net/genetlink.h>
#include <net/netlink.h>

enum {
	MQG_NL_MCGRP_EVENTS,
	MQG_NL_MCGRPS,
};

/* What of a nest a request may hold, by operation. */
extern const struct nla_policy mqg_nl_client_get[MQGATE_A_CLIENT_FIRST + 1];
extern const struct nla_policy mqg_nl_client_kill[MQGATE_A_CLIENT_REASON + 1];
extern const struct nla_policy mqg_nl_client_bind[MQGATE_A_CLIENT_VERDICT + 1];
extern const struct nla_policy mqg_nl_filter[MQGATE_A_FILTER_MAX + 1];
extern const struct nla_policy mqg_nl_settings[MQGATE_A_SETTINGS_MAX + 1];
extern const struct nla_policy mqg_nl_service[MQGATE_A_SERVICE_MAX + 1];
extern const struct nla_policy mqg_nl_source_get[MQGATE_A_SOURCE_ADDR + 1];
extern const struct nla_policy mqg_nl_source_filter[MQGATE_A_SOURCE_FILTER_MAX + 1];

extern const struct genl_ops mqg_nl_ops[];
extern const unsigned int mqg_nl_ops_count;
extern const struct genl_multicast_group mqg_nl_mcgrps[MQG_NL_MCGRPS];

int mqg_netlink_client_get_doit(struct sk_buff *skb, struct genl_info *info);
int mqg_netlink_client_kill_doit(struct sk_buff *skb, struct genl_info *info);
int mqg_netlink_client_bind_doit(struct sk_buff *skb, struct genl_info *info);
int mqg_netlink_client_get_start(struct netlink_callback *cb);
int mqg_netlink_client_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int mqg_netlink_client_get_done(struct netlink_callback *cb);
int mqg_netlink_settings_get_doit(struct sk_buff *skb, struct genl_info *info);
int mqg_netlink_settings_set_doit(struct sk_buff *skb, struct genl_info *info);
int mqg_netlink_stats_get_doit(struct sk_buff *skb, struct genl_info *info);
int mqg_netlink_stats_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int mqg_netlink_source_get_doit(struct sk_buff *skb, struct genl_info *info);
int mqg_netlink_source_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* MQG_NETLINK_GEN_H */
