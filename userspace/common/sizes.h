/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many entries the maps have that an operator may size: the words of `mqgate attach`, and
 * what follows from them for the indexes of prefixes. No state.
 */
#ifndef MQG_SIZES_H
#define MQG_SIZES_H

#include <stddef.h>
#include <stdint.h>

#define MQG_SIZE_LEAST	1024U
#define MQG_SIZE_MOST	16777216U

/* 0 = as mqg_map_layouts says. */
struct mqg_sizes {
	uint32_t	sources, prefixes, allow, flows, budgets;
};

/**
 * mqg_sizes_read() - "sources" "1000000"
 * @sizes: in and out
 * @word:  which size
 * @value: a number, "64k" or "2M" (of 1000), or NULL
 * @why:   buffer for what is wrong and what is accepted
 * @size:  of @why
 *
 * Return: 1, 0 where @word is no size, -EINVAL.
 */
int mqg_sizes_read(struct mqg_sizes *sizes, const char *word, const char *value, char *why,
		   size_t size);

/*
 * Entries of the map at @i of mqg_map_layouts: what is asked for, else what is the rule there,
 * else 0: as the object declares it.
 */
uint32_t mqg_sizes_of(const struct mqg_sizes *sizes, size_t i);

/*
 * Compares maps that are there already, by mqg_map_layouts, with what is asked for. Return: 0,
 * or -EEXIST with @why filled.
 */
int mqg_sizes_check(const struct mqg_sizes *sizes, const int *map_fd, char *why, size_t size);

#endif
