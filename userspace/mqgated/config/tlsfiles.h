/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks into the files that a TLS listener names, so that a mistake is told when the configuration
 * is tested and not by the first device that cannot connect. Main thread, while loading.
 */
#ifndef MQG_CONFIG_TLSFILES_H
#define MQG_CONFIG_TLSFILES_H

#include "config/complain.h"
#include "config/schema.h"

/* @path: of the tls mapping, for instance "listeners[0].tls". Return: 0 or -EINVAL, -ENOMEM. */
int mqg_tls_files_check(const struct mqg_complaint *complaint, const char *path,
			const struct raw_tls *tls);

#endif
