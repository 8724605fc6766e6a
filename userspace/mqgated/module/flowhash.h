/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uthash with flows as keys. Addresses and ports are chosen by strangers, so the bucket of one must
 * not be foreseeable: a seed, drawn once by the main thread. Included once by each file that has
 * such a table, before anything else that includes uthash.h.
 */
#ifndef MQG_MODULE_FLOWHASH_H
#define MQG_MODULE_FLOWHASH_H

#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include <linux/mqgate.h>

static uint64_t flow_seed[2];

/* Return: false when the kernel gives no random bytes. */
static inline bool flow_seed_init(void)
{
	return flow_seed[0] || getrandom(flow_seed, sizeof(flow_seed), 0) == sizeof(flow_seed);
}

static inline unsigned int flow_hash(const void *key)
{
	uint64_t word[sizeof(struct mqgate_flow_key) / sizeof(uint64_t)], h = flow_seed[0];

	memcpy(word, key, sizeof(word));
	for (unsigned int i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
		h = (h ^ word[i]) * 0x9e3779b97f4a7c15ULL;
		h ^= (h >> 29) ^ flow_seed[1];
	}
	h *= 0xbf58476d1ce4e5b9ULL;
	return (unsigned int)(h >> 32);
}

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = flow_hash(keyptr))
#include <uthash.h>

#endif
