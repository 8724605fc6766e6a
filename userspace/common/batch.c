// SPDX-License-Identifier: BSD-2-Clause
/*
 * Walking a hash map in batches. Called by the operations on verdicts and ALLOW entries and
 * by the counting of entries; no state, no lock.
 */
#include "common/batch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <bpf/bpf.h>

#define BATCH	4096U

struct buffers {
	char		*keys, *values;
	uint32_t	room;		/* entries */
};

static int resize(struct buffers *b, const struct bpf_map_info *info, uint32_t room)
{
	free(b->keys);
	free(b->values);
	b->keys = malloc((size_t)room * info->key_size);
	b->values = malloc((size_t)room * info->value_size);
	b->room = room;
	return b->keys && b->values ? 0 : -ENOMEM;
}

int mqg_batch_each(int fd, mqg_batch_fn fn, void *arg)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), token = 0, got;
	struct buffers b = {};
	bool first = true, last = false;
	int err, answer;

	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	if (!err)
		err = resize(&b, &info, BATCH);

	while (!err && !last) {
		got = b.room;
		err = bpf_map_lookup_batch(fd, first ? NULL : &token, &token, b.keys, b.values,
					   &got, NULL);
		/* One bucket holds more than fits: nothing was copied, ask with more room. */
		if (err == -ENOSPC && b.room < info.max_entries) {
			err = resize(&b, &info, b.room * 2);
			continue;
		}
		last = err == -ENOENT;
		if (err && !last)
			break;
		err = 0;
		first = false;
		answer = got ? fn(b.keys, b.values, got, arg) : 0;
		if (answer) {
			err = answer;
			break;
		}
	}
	free(b.keys);
	free(b.values);
	return err;
}
