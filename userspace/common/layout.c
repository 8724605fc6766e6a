// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table of maps of this ABI and the comparison with a real map. Called by pins.c and
 * attach.c; constant data, no lock.
 */
#include "common/layout.h"

#include <errno.h>
#include <stdio.h>

#include <bpf/libbpf.h>

#include <linux/mqgate.h>

#include "common/pins.h"

const struct mqg_map_layout mqg_map_layouts[MQG_MAPS] = {
	{ MQGATE_MAP_PORTS, offsetof(struct mqg_pins, ports), BPF_MAP_TYPE_ARRAY,
	  sizeof(__u32), sizeof(__u32), MQGATE_PORTS_ENTRIES, 0 },
	{ MQGATE_MAP_SVC, offsetof(struct mqg_pins, svc), BPF_MAP_TYPE_ARRAY,
	  sizeof(__u32), sizeof(struct mqgate_service), MQGATE_SERVICES, 0 },
	{ MQGATE_MAP_SOURCES, offsetof(struct mqg_pins, sources), BPF_MAP_TYPE_HASH,
	  sizeof(struct mqgate_source_key), sizeof(struct mqgate_verdict), 0, MQG_SOURCES_ENTRIES },
	{ MQGATE_MAP_ALLOW, offsetof(struct mqg_pins, allow), BPF_MAP_TYPE_HASH,
	  sizeof(struct mqgate_flow_key), sizeof(struct mqgate_allow), 0, MQG_ALLOW_ENTRIES },
	{ MQGATE_MAP_FLOWS, offsetof(struct mqg_pins, flows), BPF_MAP_TYPE_LRU_HASH,
	  sizeof(struct mqgate_flow_key), sizeof(struct mqgate_flow), 0, MQG_FLOWS_ENTRIES },
	{ MQGATE_MAP_STATS, offsetof(struct mqg_pins, stats), BPF_MAP_TYPE_PERCPU_ARRAY,
	  sizeof(__u32), sizeof(struct mqgate_stat), MQGATE_STATS_ENTRIES, 0 },
	{ MQGATE_MAP_EVENTS, offsetof(struct mqg_pins, events), BPF_MAP_TYPE_RINGBUF, 0, 0, 0, 0 },
};

static const char *type_word(uint32_t type)
{
	const char *word = libbpf_bpf_map_type_str(type);

	return word ? word : "unknown";
}

int mqg_layout_check(const struct mqg_map_layout *layout, const struct bpf_map_info *info,
		     char *why, size_t size)
{
	if (info->type != layout->type)
		snprintf(why, size, "a map of type %s, this build has %s", type_word(info->type),
			 type_word(layout->type));
	else if (info->key_size != layout->key_size)
		snprintf(why, size, "a key of %u bytes, this build has %u", info->key_size,
			 layout->key_size);
	else if (info->value_size != layout->value_size)
		snprintf(why, size, "a value of %u bytes, this build has %u", info->value_size,
			 layout->value_size);
	else if (layout->entries && info->max_entries != layout->entries)
		snprintf(why, size, "%u entries, this build has %u", info->max_entries,
			 layout->entries);
	else
		return 0;
	return -EPROTO;
}
