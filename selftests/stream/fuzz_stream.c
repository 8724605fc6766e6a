// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzz target: the TCP follower. The input is a script of segments with few different bytes, so
 * that copies agree as often as they differ; run by fuzz.sh, properties in model.c.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define OP_BYTES	5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void step(struct model *m, const uint8_t *op)
{
	struct model_segment segment = { 0 };
	uint8_t bytes[64];

	if (op[0] & 1) {
		model_ack(m);
		return;
	}
	segment.at = m->next + op[1] - (op[0] >> 4);
	segment.length = op[2] & 63;
	if (segment.at > MODEL_BYTES - 512)
		return;
	for (uint32_t i = 0; i < segment.length; i++)
		bytes[i] = (uint8_t)((segment.at + i) * 7 & 0xFF);
	if (op[3] < segment.length)
		bytes[op[3]] ^= op[4];
	segment.bytes = bytes;
	segment.fin = (op[0] & 0x0E) == 0x0E;
	segment.lost = op[0] & 2;
	model_send(m, &segment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model m;
	const char *why = NULL;

	if (size < 4)
		return 0;
	model_fail_every = data[3] & 0x1F;
	model_begin(&m, 0u - data[0], 64 + 16u * data[1], 1 + 2u * data[2],
		    data[3] & 0x40 ? 0 : MQG_SIDE_COMPARE, data[3] >> 7);
	for (size_t i = 4; size - i >= OP_BYTES && !why; i += OP_BYTES) {
		/* A trusted side does not lie: that is what trust is. */
		uint8_t op[OP_BYTES];

		memcpy(op, data + i, OP_BYTES);
		if (data[3] & 0x40)
			op[4] = 0;
		step(&m, op);
		why = model_agrees(&m);
	}
	model_end(&m);
	if (!why && model_allocated)
		why = "memory is left behind";
	if (why) {
		fprintf(stderr, "property broken: %s\n", why);
		abort();
	}
	return 0;
}
