/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes mqgate_ports and mqgate_svc say what the configuration says. While a daemon runs, the
 * configuration is the truth: whatever else stands there is reset to the built-in defaults.
 * Main thread; no lock.
 */
#ifndef MQG_JUDGE_SERVICES_H
#define MQG_JUDGE_SERVICES_H

#include "common/pins.h"
#include "config/config.h"

/* @lease: time until which services that fail closed are served. Return: 0 or -errno. */
int mqg_services_write(const struct mqg_config *config, const struct mqg_pins *pins,
		       uint64_t lease);

/* Renews the lease of the services that fail closed. Return: 0 or the last -errno. */
int mqg_services_lease(const struct mqg_config *config, const struct mqg_pins *pins,
		       uint64_t lease);

#endif
