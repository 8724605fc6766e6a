/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What BPF programs may call in the module: all of it is in kfunc.c. Caller of the registration:
 * main.c. For the stability of the calls see include/uapi/linux/mqgate_ask.h.
 */
#ifndef MQG_KFUNC_H
#define MQG_KFUNC_H

int mqg_kfunc_register(void);

#endif /* MQG_KFUNC_H */
