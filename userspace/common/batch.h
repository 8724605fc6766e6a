/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walking a hash map in batches: one system call for thousands of entries. Stateless; any
 * thread may call it. Entries that others add or remove meanwhile may be seen or not.
 */
#ifndef MQG_BATCH_H
#define MQG_BATCH_H

#include <stdint.h>

typedef int (*mqg_batch_fn)(const void *keys, const void *values, uint32_t count, void *arg);

/**
 * mqg_batch_each() - hand every entry of a hash map to a function, many at a time
 * @fd:  a BPF_MAP_TYPE_HASH or BPF_MAP_TYPE_LRU_HASH
 * @fn:  called with arrays of keys and values; it may change the map; non-zero stops the walk
 * @arg: for @fn
 *
 * Return: 0, the first non-zero answer of @fn, or -errno.
 */
int mqg_batch_each(int fd, mqg_batch_fn fn, void *arg);

#endif
