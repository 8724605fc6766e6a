// SPDX-License-Identifier: GPL-2.0-only
/*
 * Policies, operations and groups of the family; see netlink-gen.h. An attribute that a table
 * does not name is refused by the kernel's strict validation.
 */
#include "netlink-gen.h"

#include <linux/mqgate.h>
#include <linux/mqgate_client.h>

const struct nla_policy mqg_nl_client_get[MQGATE_A_CLIENT_FIRST + 1] = {
	[MQGATE_A_CLIENT_SLOT] = NLA_POLICY_MIN(NLA_U32, 1),
	[MQGATE_A_CLIENT_SADDR] = NLA_POLICY_EXACT_LEN(16),
	[MQGATE_A_CLIENT_DADDR] = NLA_POLICY_EXACT_LEN(16),
	[MQGATE_A_CLIENT_SPORT] = NLA_POLICY_MIN(NLA_U16, 1),
	[MQGATE_A_CLIENT_DPORT] = NLA_POLICY_MIN(NLA_U16, 1),
	[MQGATE_A_CLIENT_FIRST] = { .type = NLA_U64, },
};

const struct nla_policy mqg_nl_client_kill[MQGATE_A_CLIENT_REASON + 1] = {
	[MQGATE_A_CLIENT_SADDR] = NLA_POLICY_EXACT_LEN(16),
	[MQGATE_A_CLIENT_DADDR] = NLA_POLICY_EXACT_LEN(16),
	[MQGATE_A_CLIENT_SPORT] = NLA_POLICY_MIN(NLA_U16, 1),
	[MQGATE_A_CLIENT_DPORT] = NLA_POLICY_MIN(NLA_U16, 1),
	[MQGATE_A_CLIENT_FIRST] = { .type = NLA_U64, },
	[MQGATE_A_CLIENT_REASON] = NLA_POLICY_MIN(NLA_U8, MQGATE_REASON_FIRST_DROP),
};

const struct nla_policy mqg_nl_client_bind[MQGATE_A_CLIENT_VERDICT + 1] = {
	[MQGATE_A_CLIENT_SADDR] = NLA_POLICY_EXACT_LEN(16),
	[MQGATE_A_CLIENT_DADDR] = NLA_POLICY_EXACT_LEN(16),
	[MQGATE_A_CLIENT_SPORT] = NLA_POLICY_MIN(NLA_U16, 1),
	[MQGATE_A_CLIENT_DPORT] = NLA_POLICY_MIN(NLA_U16, 1),
	[MQGATE_A_CLIENT_FIRST] = { .type = NLA_U64, },
	[MQGATE_A_CLIENT_LEVEL] = NLA_POLICY_RANGE(NLA_U8, 3, 5),
	[MQGATE_A_CLIENT_ID] = { .type = NLA_BINARY, .len = MQGATE_CLIENT_ID_KEPT, },
	[MQGATE_A_CLIENT_KEEP_ALIVE] = { .type = NLA_U16, },
	[MQGATE_A_CLIENT_FLAGS] = NLA_POLICY_MASK(NLA_U32, MQGATE_CLIENT_F_ID_CUT),
	[MQGATE_A_CLIENT_IDENTITY] = { .type = NLA_U32, },
	[MQGATE_A_CLIENT_VERDICT] = NLA_POLICY_MAX(NLA_U8, MQGATE_ACTION_DROP),
};

const struct nla_policy mqg_nl_filter[MQGATE_A_FILTER_MAX + 1] = {
	[MQGATE_A_FILTER_SADDR] = NLA_POLICY_EXACT_LEN(16),
	[MQGATE_A_FILTER_PREFIX] = NLA_POLICY_MAX(NLA_U8, 128),
	[MQGATE_A_FILTER_ID] = { .type = NLA_BINARY, .len = MQGATE_CLIENT_ID_KEPT, },
	[MQGATE_A_FILTER_PHASE] = NLA_POLICY_RANGE(NLA_U8, MQGATE_PHASE_HANDSHAKE,
						   MQGATE_PHASE_COUNT - 1),
	[MQGATE_A_FILTER_IDLE_OVER] = { .type = NLA_U64, },
	[MQGATE_A_FILTER_SERVICE] = NLA_POLICY_RANGE(NLA_U8, 1, MQGATE_SERVICES - 1),
};

const struct nla_policy mqg_nl_service[MQGATE_A_SERVICE_MAX + 1] = {
	[MQGATE_A_SERVICE_PORT] = NLA_POLICY_MIN(NLA_U16, 1),
	[MQGATE_A_SERVICE_NUMBER] = NLA_POLICY_RANGE(NLA_U8, 1, MQGATE_SERVICES - 1),
	[MQGATE_A_SERVICE_KIND] = NLA_POLICY_RANGE(NLA_U8, MQGATE_KIND_MQTT, MQGATE_KIND_MQTTS),
	[MQGATE_A_SERVICE_OBSERVE] = NLA_POLICY_MAX(NLA_U8, 1),
};

const struct nla_policy mqg_nl_settings[MQGATE_A_SETTINGS_MAX + 1] = {
	[MQGATE_A_SETTINGS_ENFORCE] = NLA_POLICY_MAX(NLA_U8, 1),
	[MQGATE_A_SETTINGS_RESET] = NLA_POLICY_MAX(NLA_U8, 1),
	[MQGATE_A_SETTINGS_MAX_CLIENTS] = { .type = NLA_U32, },
	[MQGATE_A_SETTINGS_CONNECT_TIMEOUT] = { .type = NLA_U32, },
	[MQGATE_A_SETTINGS_CONNACK_TIMEOUT] = { .type = NLA_U32, },
	[MQGATE_A_SETTINGS_CLOSING_TIMEOUT] = { .type = NLA_U32, },
	[MQGATE_A_SETTINGS_IDLE_TIMEOUT] = { .type = NLA_U32, },
	[MQGATE_A_SETTINGS_KEEP_ALIVE_CAP] = { .type = NLA_U32, },
	[MQGATE_A_SETTINGS_PACKET_MAX] = { .type = NLA_U32, },
	[MQGATE_A_SETTINGS_MARK] = { .type = NLA_U32, },
	[MQGATE_A_SETTINGS_SERVICE] = NLA_POLICY_NESTED(mqg_nl_service),
	[MQGATE_A_SETTINGS_SOURCE_SESSIONS] = { .type = NLA_U32, },
	[MQGATE_A_SETTINGS_SOURCE_CONNECT_RATE] = NLA_POLICY_MAX(NLA_U32, 15000),
};

const struct nla_policy mqg_nl_source_get[MQGATE_A_SOURCE_ADDR + 1] = {
	[MQGATE_A_SOURCE_ADDR] = NLA_POLICY_EXACT_LEN(16),
};

const struct nla_policy mqg_nl_source_filter[MQGATE_A_SOURCE_FILTER_MAX + 1] = {
	[MQGATE_A_SOURCE_FILTER_ADDR] = NLA_POLICY_EXACT_LEN(16),
	[MQGATE_A_SOURCE_FILTER_PREFIX] = NLA_POLICY_MAX(NLA_U8, 128),
	[MQGATE_A_SOURCE_FILTER_SESSIONS_OVER] = { .type = NLA_U32, },
	[MQGATE_A_SOURCE_FILTER_RATE_OVER] = { .type = NLA_U32, },
};

static const struct nla_policy client_get[MQGATE_A_FILTER + 1] = {
	[MQGATE_A_CLIENT] = NLA_POLICY_NESTED(mqg_nl_client_get),
	[MQGATE_A_FILTER] = NLA_POLICY_NESTED(mqg_nl_filter),
};

static const struct nla_policy client_kill[MQGATE_A_CLIENT + 1] = {
	[MQGATE_A_CLIENT] = NLA_POLICY_NESTED(mqg_nl_client_kill),
};

static const struct nla_policy client_bind[MQGATE_A_CLIENT + 1] = {
	[MQGATE_A_CLIENT] = NLA_POLICY_NESTED(mqg_nl_client_bind),
};

static const struct nla_policy settings_set[MQGATE_A_SETTINGS + 1] = {
	[MQGATE_A_SETTINGS] = NLA_POLICY_NESTED(mqg_nl_settings),
};

static const struct nla_policy source_get[MQGATE_A_SOURCE_FILTER + 1] = {
	[MQGATE_A_SOURCE] = NLA_POLICY_NESTED(mqg_nl_source_get),
	[MQGATE_A_SOURCE_FILTER] = NLA_POLICY_NESTED(mqg_nl_source_filter),
};

const struct genl_ops mqg_nl_ops[] = {
	{
		.cmd		= MQGATE_CMD_CLIENT_GET,
		.doit		= mqg_netlink_client_get_doit,
		.start		= mqg_netlink_client_get_start,
		.dumpit		= mqg_netlink_client_get_dumpit,
		.done		= mqg_netlink_client_get_done,
		.policy		= client_get,
		.maxattr	= ARRAY_SIZE(client_get) - 1,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= MQGATE_CMD_CLIENT_KILL,
		.doit		= mqg_netlink_client_kill_doit,
		.policy		= client_kill,
		.maxattr	= ARRAY_SIZE(client_kill) - 1,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= MQGATE_CMD_CLIENT_BIND,
		.doit		= mqg_netlink_client_bind_doit,
		.policy		= client_bind,
		.maxattr	= ARRAY_SIZE(client_bind) - 1,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= MQGATE_CMD_SETTINGS_GET,
		.doit		= mqg_netlink_settings_get_doit,
	},
	{
		.cmd		= MQGATE_CMD_SETTINGS_SET,
		.doit		= mqg_netlink_settings_set_doit,
		.policy		= settings_set,
		.maxattr	= ARRAY_SIZE(settings_set) - 1,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= MQGATE_CMD_STATS_GET,
		.doit		= mqg_netlink_stats_get_doit,
		.dumpit		= mqg_netlink_stats_get_dumpit,
	},
	{
		.cmd		= MQGATE_CMD_SOURCE_GET,
		.doit		= mqg_netlink_source_get_doit,
		.dumpit		= mqg_netlink_source_get_dumpit,
		.policy		= source_get,
		.maxattr	= ARRAY_SIZE(source_get) - 1,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
};

const unsigned int mqg_nl_ops_count = ARRAY_SIZE(mqg_nl_ops);

const struct genl_multicast_group mqg_nl_mcgrps[MQG_NL_MCGRPS] = {
	[MQG_NL_MCGRP_EVENTS] = {
		.name	= MQGATE_MCGRP_EVENTS,
		.flags	= GENL_MCAST_CAP_NET_ADMIN,
	},
};
