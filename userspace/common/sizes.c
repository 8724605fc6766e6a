// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sizes of maps. Called by the command's attach and by the loading of the object; no state.
 */
#include "common/sizes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include <linux/mqgate.h>

#include "common/known.h"
#include "common/layout.h"

static const struct {
	const char	*word;
	size_t		offset;
	const char	*maps[2];
} rows[] = {
	{ "sources", offsetof(struct mqg_sizes, sources), { MQGATE_MAP_SOURCES } },
	{ "prefixes", offsetof(struct mqg_sizes, prefixes),
	  { MQGATE_MAP_PREFIX4, MQGATE_MAP_PREFIX6 } },
	{ "allow", offsetof(struct mqg_sizes, allow), { MQGATE_MAP_ALLOW } },
	{ "flows", offsetof(struct mqg_sizes, flows), { MQGATE_MAP_FLOWS } },
	{ "budgets", offsetof(struct mqg_sizes, budgets), { MQGATE_MAP_BUDGETS } },
};

#define ROWS	(sizeof(rows) / sizeof(rows[0]))

static uint32_t value_at(const struct mqg_sizes *sizes, size_t row)
{
	uint32_t value;

	memcpy(&value, (const char *)sizes + rows[row].offset, sizeof(value));
	return value;
}

int mqg_sizes_read(struct mqg_sizes *sizes, const char *word, const char *value, char *why,
		   size_t size)
{
	unsigned long number;
	uint32_t entries;
	char *end;

	for (size_t i = 0; i < ROWS; i++) {
		if (strcmp(word, rows[i].word))
			continue;
		number = value && *value >= '0' && *value <= '9' ? strtoul(value, &end, 10) : 0;
		if (number && (*end == 'k' || *end == 'M') && !end[1] && number <= MQG_SIZE_MOST)
			number *= *end == 'k' ? 1000 : 1000000;
		else if (number && *end)
			number = 0;
		if (number < MQG_SIZE_LEAST || number > MQG_SIZE_MOST) {
			snprintf(why, size, "%s %s: not a number of entries; write %u to %u, for "
				 "instance 200000, 64k or 2M", word, value ? value : "",
				 MQG_SIZE_LEAST, MQG_SIZE_MOST);
			return -EINVAL;
		}
		entries = (uint32_t)number;
		memcpy((char *)sizes + rows[i].offset, &entries, sizeof(entries));
		return 1;
	}
	return 0;
}

/* With four slots for each of many prefixes few blocks of the index say more than is true. */
static uint32_t index_words(const struct mqg_sizes *sizes, bool v6)
{
	uint32_t least = v6 ? MQG_INDEX6_ENTRIES : MQG_INDEX4_ENTRIES, slots = 4 * least;

	if (!v6)
		return sizes->prefixes > 2 * MQG_PREFIXES_ENTRIES ? 4 * least : least;
	while (slots < 4 * sizes->prefixes && slots < 1U << 24)
		slots *= 2;
	return slots / 4;
}

static uint32_t known_order(const struct mqg_sizes *sizes)
{
	return mqg_known_order((sizes->allow ? sizes->allow : MQG_ALLOW_ENTRIES) +
			       (sizes->flows ? sizes->flows : MQG_FLOWS_ENTRIES));
}

uint32_t mqg_sizes_of(const struct mqg_sizes *sizes, size_t i)
{
	const char *name = mqg_map_layouts[i].name;

	for (size_t row = 0; row < ROWS; row++)
		for (size_t n = 0; n < 2 && rows[row].maps[n]; n++)
			if (!strcmp(name, rows[row].maps[n]) && value_at(sizes, row))
				return value_at(sizes, row);
	if (!strcmp(name, MQGATE_MAP_INDEX4))
		return index_words(sizes, false);
	if (!strcmp(name, MQGATE_MAP_INDEX6))
		return index_words(sizes, true);
	if (!strcmp(name, MQGATE_MAP_KNOWN))
		return MQGATE_KNOWN_ENTRIES(known_order(sizes));
	return mqg_map_layouts[i].enlarge;
}

int mqg_sizes_check(const struct mqg_sizes *sizes, const int *map_fd, char *why, size_t size)
{
	for (size_t row = 0; row < ROWS; row++) {
		for (size_t i = 0; value_at(sizes, row) && i < MQG_MAPS; i++) {
			struct bpf_map_info info = {};
			__u32 len = sizeof(info);

			if (strcmp(mqg_map_layouts[i].name, rows[row].maps[0]) || map_fd[i] < 0 ||
			    bpf_obj_get_info_by_fd(map_fd[i], &info, &len) ||
			    info.max_entries == value_at(sizes, row))
				continue;
			snprintf(why, size, "%s is there with %u entries, and does not change its "
				 "size; mqgate detach all, then attach with %s %u: what the "
				 "operator said comes back, bans by score begin anew",
				 rows[row].maps[0], info.max_entries, rows[row].word,
				 value_at(sizes, row));
			return -EEXIST;
		}
	}
	return 0;
}
