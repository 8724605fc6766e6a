/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checking pass over groups and policies. Main thread, while loading; no lock.
 */
#ifndef MQG_CONFIG_CHECK_RIGHTS_H
#define MQG_CONFIG_CHECK_RIGHTS_H

#include "config/check.h"
#include "policy/build.h"

/* Fills check->config->rights; NULL where there are no policies. */
int mqg_check_rights(struct mqg_check *check);

/* ---- check_match.c; @owner: "policies[0]" ------------------------------------------------- */

int mqg_check_match(const struct mqg_check *check, const char *owner,
		    const struct raw_match *from, const struct mqg_rights *rights,
		    struct mqg_match *to);
int mqg_check_valid(const struct mqg_check *check, const char *owner,
		    const struct raw_valid *from, struct mqg_hours *to);

#endif
