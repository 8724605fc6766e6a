/* SPDX-License-Identifier: BSD-2-Clause */
/* Refuses numbers that the schema library would read in part. Owned by one load; no lock. */
#ifndef MQG_CONFIG_NUMBERS_H
#define MQG_CONFIG_NUMBERS_H

#include "config/complain.h"

/*
 * Looks at every value whose place in @schema is a number. Return: 0, or -EINVAL with the complaint
 * written. @complaint->lines is there.
 */
int mqg_numbers_check(const struct mqg_complaint *complaint, const cyaml_schema_value_t *schema);

#endif
