/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads the files that a TLS listener names, so that a mistake is told when the configuration is
 * tested and not by the first device that cannot connect. Main thread, while loading.
 */
#ifndef MQG_CONFIG_TLSFILES_H
#define MQG_CONFIG_TLSFILES_H

#include "config/check.h"

/*
 * Fills in @policy->material. @path: of the tls mapping, for instance "listeners[0].tls".
 * Return: 0 or -EINVAL, -ENOMEM.
 */
int mqg_tls_files_load(const struct mqg_check *check, const char *path, struct mqg_policy *policy);

/* The same for TLS towards a broker; @path: "brokers[0].tls". */
int mqg_broker_files_load(const struct mqg_check *check, const char *path,
			  struct mqg_broker_tls *tls);

#endif
