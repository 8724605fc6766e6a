/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of maps of this ABI: what a map must look like to be used by this build, and how
 * large the loader makes it. pins.c checks descriptors against it, attach.c sizes and pins by
 * it. Constant data; any thread may read it.
 */
#ifndef MQG_LAYOUT_H
#define MQG_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/bpf.h>

/* Entries that the loader gives the hash maps; the object declares fewer for bare `ip link`. */
#define MQG_SOURCES_ENTRIES	131072
#define MQG_PREFIXES_ENTRIES	65536
#define MQG_INDEX4_ENTRIES	(1U << 19)
#define MQG_INDEX6_ENTRIES	(1U << 17)
#define MQG_BUDGETS_ENTRIES	131072
#define MQG_ALLOW_ENTRIES	65536
#define MQG_FLOWS_ENTRIES	262144
#define MQG_KNOWN_ORDER		17	/* of as many ALLOWed and other flows: see known.h */

struct mqg_map_layout {
	const char	*name;		/* of the map and of its pin */
	size_t		fd_offset;	/* of its descriptor in struct mqg_pins */
	uint32_t	type;
	uint32_t	key_size;
	uint32_t	value_size;
	uint32_t	entries;	/* exact number, 0 = any */
	uint32_t	enlarge;	/* entries that the loader sets, 0 = leave as declared */
	uint32_t	flags;		/* BPF_F_* that it must have */
};

#define MQG_MAPS	16
extern const struct mqg_map_layout mqg_map_layouts[MQG_MAPS];

/*
 * Maps of the loader alone: pinned beside the others, opened by nobody else (whoever holds a
 * program array keeps what is in its slots). They come and go with the program.
 */
enum mqg_own_map {
	MQG_OWN_EXT,
	MQG_OWN_EXT_FRAGS,
	MQG_OWN_CROSSING,
	MQG_OWN_MAPS,
};

/* All maps of the object that have a pin: those of the table, then the loader's own. */
#define MQG_OBJECT_MAPS	(MQG_MAPS + MQG_OWN_MAPS)
const char *mqg_object_map_name(size_t i);

struct btf;

/**
 * mqg_layout_alike() - do two builds mean the same by a struct that is not of the ABI?
 * @map_fd: a map whose values are such structs
 * @btf:    of the other build
 * @name:   of the struct
 *
 * Return: true, or false also where one of them does not tell.
 */
bool mqg_layout_alike(int map_fd, const struct btf *btf, const char *name);

/**
 * mqg_layout_check() - does a map look the way this build means it?
 * @layout: what is expected
 * @info:   what the kernel says of the map
 * @why:    buffer for the difference in words ("value of 44 bytes, this build has 40")
 * @size:   of @why
 *
 * Return: 0 or -EPROTO.
 */
int mqg_layout_check(const struct mqg_map_layout *layout, const struct bpf_map_info *info,
		     char *why, size_t size);

#endif
