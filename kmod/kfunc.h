/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What BPF programs may call in the module: all of it is in kfunc.c. Caller of the registration:
 * main.c. For the stability of the calls see include/uapi/linux/mqgate_ask.h.
 */
#ifndef MQG_KFUNC_H
#define MQG_KFUNC_H

#include <linux/types.h>

struct mqgate_ask;
struct mqgate_flow_key;
struct xdp_md;

int bpf_mqgate_client_ask(struct xdp_md *xdp_ctx, const struct mqgate_flow_key *key, u32 key__sz,
			  struct mqgate_ask *ask, u32 ask__sz);

int mqg_kfunc_register(void);

#endif /* MQG_KFUNC_H */
