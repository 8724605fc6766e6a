// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table of maps of this ABI and the comparison with a real map. Called by pins.c and
 * attach.c; constant data, no lock.
 */
#include "common/layout.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <linux/mqgate.h>

#include "common/pins.h"

const struct mqg_map_layout mqg_map_layouts[MQG_MAPS] = {
	{ MQGATE_MAP_PORTS, offsetof(struct mqg_pins, ports), BPF_MAP_TYPE_ARRAY,
	  sizeof(__u32), sizeof(__u32), MQGATE_PORTS_ENTRIES, 0, 0 },
	{ MQGATE_MAP_SVC, offsetof(struct mqg_pins, svc), BPF_MAP_TYPE_ARRAY,
	  sizeof(__u32), sizeof(struct mqgate_service), MQGATE_SERVICES, 0, 0 },
	{ MQGATE_MAP_SOURCES, offsetof(struct mqg_pins, sources), BPF_MAP_TYPE_HASH,
	  sizeof(struct mqgate_source_key), sizeof(struct mqgate_verdict), 0, MQG_SOURCES_ENTRIES,
	  0 },
	{ MQGATE_MAP_PREFIX4, offsetof(struct mqg_pins, prefix4), BPF_MAP_TYPE_HASH,
	  sizeof(struct mqgate_prefix4_key), sizeof(struct mqgate_verdict), 0,
	  MQG_PREFIXES_ENTRIES, 0 },
	{ MQGATE_MAP_PREFIX6, offsetof(struct mqg_pins, prefix6), BPF_MAP_TYPE_HASH,
	  sizeof(struct mqgate_prefix6_key), sizeof(struct mqgate_verdict), 0,
	  MQG_PREFIXES_ENTRIES, 0 },
	{ MQGATE_MAP_INDEX4, offsetof(struct mqg_pins, index4), BPF_MAP_TYPE_ARRAY,
	  sizeof(__u32), sizeof(__u64), 0, MQG_INDEX4_ENTRIES, 0 },
	{ MQGATE_MAP_INDEX6, offsetof(struct mqg_pins, index6), BPF_MAP_TYPE_ARRAY,
	  sizeof(__u32), sizeof(__u64), 0, MQG_INDEX6_ENTRIES, 0 },
	{ MQGATE_MAP_CONTROL, offsetof(struct mqg_pins, control), BPF_MAP_TYPE_ARRAY,
	  sizeof(__u32), sizeof(struct mqgate_control), 1, 0, 0 },
	{ MQGATE_MAP_BUDGETS, offsetof(struct mqg_pins, budgets), BPF_MAP_TYPE_LRU_HASH,
	  sizeof(struct mqgate_budget_key), sizeof(struct mqgate_budget), 0,
	  MQG_BUDGETS_ENTRIES, 0 },
	{ MQGATE_MAP_SYN, offsetof(struct mqg_pins, syn), BPF_MAP_TYPE_ARRAY,
	  sizeof(__u32), sizeof(struct mqgate_syn), MQGATE_SERVICES, 0, 0 },
	{ MQGATE_MAP_ALLOW, offsetof(struct mqg_pins, allow), BPF_MAP_TYPE_HASH,
	  sizeof(struct mqgate_flow_key), sizeof(struct mqgate_allow), 0, MQG_ALLOW_ENTRIES, 0 },
	{ MQGATE_MAP_FLOWS, offsetof(struct mqg_pins, flows), BPF_MAP_TYPE_LRU_HASH,
	  sizeof(struct mqgate_flow_key), sizeof(struct mqgate_flow), 0, MQG_FLOWS_ENTRIES, 0 },
	{ MQGATE_MAP_KNOWN, offsetof(struct mqg_pins, known), BPF_MAP_TYPE_ARRAY, sizeof(__u32),
	  sizeof(__u64), 0, MQGATE_KNOWN_ENTRIES(MQG_KNOWN_ORDER), BPF_F_MMAPABLE },
	{ MQGATE_MAP_STATS, offsetof(struct mqg_pins, stats), BPF_MAP_TYPE_PERCPU_ARRAY,
	  sizeof(__u32), sizeof(struct mqgate_stat), MQGATE_STATS_ENTRIES, 0, 0 },
	{ MQGATE_MAP_TOP, offsetof(struct mqg_pins, top), BPF_MAP_TYPE_PERCPU_ARRAY,
	  sizeof(__u32), sizeof(struct mqgate_top_set), MQGATE_TOP_SETS, 0, 0 },
	{ MQGATE_MAP_EVENTS, offsetof(struct mqg_pins, events), BPF_MAP_TYPE_RINGBUF, 0, 0, 0, 0,
	  0 },
};

const char *mqg_object_map_name(size_t i)
{
	static const char *const own[MQG_OWN_MAPS] = {
		[MQG_OWN_EXT] = MQGATE_MAP_EXT,
		[MQG_OWN_EXT_FRAGS] = MQGATE_MAP_EXT_FRAGS,
		[MQG_OWN_CROSSING] = MQGATE_MAP_CROSSING,
	};

	return i < MQG_MAPS ? mqg_map_layouts[i].name : own[i - MQG_MAPS];
}

static void append(void *stream, const char *format, va_list args)
{
	vfprintf(stream, format, args);
}

/* The struct and all that it is made of, as C; NULL where it is not there. */
static char *text_of(const struct btf *btf, const char *name)
{
	LIBBPF_OPTS(btf_dump_opts, opts);
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);
	struct btf_dump *dump;
	char *text = NULL;
	size_t size = 0;
	FILE *stream;
	int err = -1;

	if (id < 0)
		return NULL;
	stream = open_memstream(&text, &size);
	if (!stream)
		return NULL;
	dump = btf_dump__new(btf, append, stream, &opts);
	if (dump)
		err = btf_dump__dump_type(dump, (__u32)id);
	btf_dump__free(dump);
	fclose(stream);
	if (err) {
		free(text);
		text = NULL;
	}
	return text;
}

bool mqg_layout_alike(int map_fd, const struct btf *btf, const char *name)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	struct btf *pinned = NULL;
	char *one = NULL, *other;
	bool alike;

	if (!bpf_obj_get_info_by_fd(map_fd, &info, &len) && info.btf_id)
		pinned = btf__load_from_kernel_by_id(info.btf_id);
	if (pinned)
		one = text_of(pinned, name);
	other = btf ? text_of(btf, name) : NULL;
	alike = one && other && !strcmp(one, other);
	free(one);
	free(other);
	btf__free(pinned);
	return alike;
}

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
	else if ((info->map_flags & layout->flags) != layout->flags)
		snprintf(why, size, "a map with flags %#x, this build needs %#x", info->map_flags,
			 layout->flags);
	else
		return 0;
	return -EPROTO;
}
