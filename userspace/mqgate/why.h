/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `mqgate why` has from the kernel module. Called by why.c; stateless.
 */
#ifndef MQG_WHY_H
#define MQG_WHY_H

#include <jansson.h>

#include <linux/mqgate.h>

/*
 * The clients of a source, or where @key is NULL those of a client identifier, as
 * {"count", "clients"}; {"error"} where the module does not say, null where there is none.
 */
json_t *mqg_why_module(const struct mqgate_source_key *key, const char *client_id);

void mqg_why_module_print(const json_t *module);

#endif
