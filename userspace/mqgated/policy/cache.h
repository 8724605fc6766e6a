/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last decisions of one client, of fixed size: the topics that a device uses are few. Made when
 * it is first of use, dies with the grant; belongs to its worker.
 */
#ifndef MQG_POLICY_CACHE_H
#define MQG_POLICY_CACHE_H

#include "policy/rights.h"

struct mqg_cache;

/* Longer topics are not kept. */
#define MQG_CACHE_TOPIC 80U

struct mqg_cache *mqg_cache_alloc(void);
void mqg_cache_free(struct mqg_cache *cache);
void mqg_cache_clear(struct mqg_cache *cache);

/* NULL: not known. */
const struct mqg_decision *mqg_cache_find(struct mqg_cache *cache, enum mqg_right right,
					  const uint8_t *topic, size_t len);
/* In place of the oldest that it may displace. */
void mqg_cache_keep(struct mqg_cache *cache, enum mqg_right right, const uint8_t *topic,
		    size_t len, struct mqg_decision decision);

#endif
