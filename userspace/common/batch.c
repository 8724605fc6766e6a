// SPDX-License-Identifier: BSD-2-Clause
/*
 * Walking a hash map in batches. Called by the operations on verdicts and ALLOW entries and
 * by the counting of entries; no state, no lock.
 */
#include "common/batch.h"

#include <errno.h>
#include <stdlib.h>

#include <bpf/bpf.h>

#define BATCH	4096U

static int resize(struct mqg_walk *walk, uint32_t room)
{
	free(walk->keys);
	free(walk->values);
	walk->keys = malloc((size_t)room * walk->key_size);
	walk->values = malloc((size_t)room * walk->value_size);
	walk->room = room;
	return walk->keys && walk->values ? 0 : -ENOMEM;
}

int mqg_walk_begin(struct mqg_walk *walk, int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	int err = bpf_obj_get_info_by_fd(fd, &info, &len);

	*walk = (struct mqg_walk){ .fd = fd, .key_size = info.key_size,
				   .value_size = info.value_size,
				   .max_entries = info.max_entries };
	return err ? err : resize(walk, BATCH);
}

int mqg_walk_next(struct mqg_walk *walk)
{
	__u32 got;
	int err;

	while (!walk->ended) {
		got = walk->room;
		err = bpf_map_lookup_batch(walk->fd, walk->begun ? &walk->token : NULL,
					   &walk->token, walk->keys, walk->values, &got, NULL);
		/* One bucket holds more than fits: nothing was copied, ask with more room. */
		if (err == -ENOSPC && walk->room < walk->max_entries) {
			err = resize(walk, walk->room * 2);
			if (err)
				return err;
			continue;
		}
		walk->ended = err == -ENOENT;
		if (err && !walk->ended)
			return err;
		walk->begun = true;
		if (got)
			return (int)got;
	}
	return 0;
}

void mqg_walk_end(struct mqg_walk *walk)
{
	free(walk->keys);
	free(walk->values);
	walk->keys = walk->values = NULL;
}

int mqg_batch_each(int fd, mqg_batch_fn fn, void *arg)
{
	struct mqg_walk walk;
	int err = mqg_walk_begin(&walk, fd), got;

	while (!err) {
		got = mqg_walk_next(&walk);
		if (got <= 0) {
			err = got;
			break;
		}
		err = fn(walk.keys, walk.values, (uint32_t)got, arg);
	}
	mqg_walk_end(&walk);
	return err;
}
