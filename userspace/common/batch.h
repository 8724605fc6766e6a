/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walking a hash map in batches: one system call for thousands of entries. Stateless; any
 * thread may call it. Entries that others add or remove meanwhile may be seen or not.
 */
#ifndef MQG_BATCH_H
#define MQG_BATCH_H

#include <stdbool.h>
#include <stdint.h>

/* A walk that may be interrupted; belongs to one thread. */
struct mqg_walk {
	int		fd;
	uint32_t	token, room;		/* entries that fit the buffers */
	uint32_t	key_size, value_size, max_entries;
	char		*keys, *values;		/* of the last batch */
	bool		begun, ended;
};

/* Return: 0 or -errno. mqg_walk_end() gives memory back, also after a failure. */
int mqg_walk_begin(struct mqg_walk *walk, int fd);
/* Return: how many entries are in the buffers now, 0 at the end, or -errno. */
int mqg_walk_next(struct mqg_walk *walk);
void mqg_walk_end(struct mqg_walk *walk);

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
