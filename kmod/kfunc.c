// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's kfuncs, for programs of type XDP: bpf/mqgate_ext.bpf.c asks what is known of a
 * flow. Called in softirq for each packet that XDP cannot decide alone; see kfunc.h.
 *
 * Lock. RCU alone for a client: what is read of it is one word a field, and an answer is as old as
 * the last packet that passed the hooks anyway. A bucket's lock for the half-open table.
 */
#include "kfunc.h"

#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/filter.h>
#include <linux/mqgate_ask.h>
#include <net/xdp.h>

#include "client.h"
#include "half.h"
#include "net.h"
#include "settings.h"
#include "table.h"

static void tell_client(struct mqgate_ask *ask, const struct mqg_client *client)
{
	const struct mqg_side *side = &client->side[MQGATE_FROM_CLIENT];

	ask->known = MQGATE_KNOWN_CLIENT;
	ask->next = READ_ONCE(side->next);
	ask->flags = READ_ONCE(client->flags) & MQG_CLIENT_SHOWN;
	ask->phase = READ_ONCE(client->phase);
	ask->reason = READ_ONCE(client->reason);
	if (READ_ONCE(side->flags) & MQG_SIDE_BEGUN)
		ask->state |= MQGATE_ASK_F_BEGUN;
}

static void tell(struct mqg_net *net, const struct mqgate_flow_key *key, struct mqgate_ask *ask)
{
	const struct mqg_settings *settings = rcu_dereference(net->settings);
	const struct mqg_client *client;

	if (!mqg_settings_service(settings, key->dport))
		return;
	client = mqg_table_lookup(net, key);
	if (client && !mqg_client_dead(client)) {
		tell_client(ask, client);
		return;
	}
	ask->known = mqg_half_peek(net, key, &ask->next);
	/* Who gets no entry must not be taken for somebody who never made a handshake. */
	if (ask->known == MQGATE_KNOWN_NOTHING &&
	    atomic_read(&net->clients) >= settings->max_clients)
		ask->known = MQGATE_KNOWN_UNFOLLOWED;
}

__bpf_kfunc_start_defs();

/**
 * bpf_mqgate_client_ask - what the module knows of a flow
 * @xdp_ctx: the frame; the flow is looked for in the namespace of the device that received it
 * @key: the direction from client to service, as in mqgate_flows
 * @key__sz: size of @key
 * @ask: all zero; holds the answer afterwards
 * @ask__sz: size of @ask
 *
 * Context: XDP. Return: 0; -EINVAL where a size or a reserved field is not of this version.
 */
__bpf_kfunc int bpf_mqgate_client_ask(struct xdp_md *xdp_ctx, const struct mqgate_flow_key *key,
				      u32 key__sz, struct mqgate_ask *ask, u32 ask__sz)
{
	const struct xdp_buff *ctx = (const struct xdp_buff *)xdp_ctx;

	if (key__sz != sizeof(*key) || ask__sz != sizeof(*ask) ||
	    memchr_inv(ask, 0, sizeof(*ask)))
		return -EINVAL;
	rcu_read_lock();
	tell(mqg_net(dev_net(ctx->rxq->dev)), key, ask);
	rcu_read_unlock();
	return 0;
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(mqg_kfuncs)
BTF_ID_FLAGS(func, bpf_mqgate_client_ask)
BTF_KFUNCS_END(mqg_kfuncs)

static const struct btf_kfunc_id_set set = {
	.owner	= THIS_MODULE,
	.set	= &mqg_kfuncs,
};

/**
 * mqg_kfunc_register - let BPF programs call what is here
 *
 * They go with the module, which a loaded program that calls them keeps. A module built without
 * BTF does its work all the same: nobody finds the calls.
 *
 * Context: process, at load, when every namespace is set up. Return: 0 or a negative errno.
 */
int mqg_kfunc_register(void)
{
	int err = register_btf_kfunc_id_set(BPF_PROG_TYPE_XDP, &set);

	return err == -ENOENT ? 0 : err;
}
