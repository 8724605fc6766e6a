// SPDX-License-Identifier: BSD-2-Clause
/*
 * The model of model.h, and the hooks that kmod/stream.c asks for.
 */
#include "model.h"

#include <stdlib.h>
#include <string.h>

/* Payload comes in pieces of this many bytes, as from a nonlinear skb. */
#define PIECE	7U

struct mqg_payload {
	const uint8_t	*bytes;
	uint32_t	length;
};

long model_allocated;
unsigned int model_fail_every;

const void *mqg_payload_at(const struct mqg_payload *payload, __u32 offset, __u32 *length,
			   __u8 buffer[MQG_PAYLOAD_BUFFER])
{
	uint32_t n = PIECE - offset % PIECE;

	if (offset > payload->length || *length > payload->length - offset || !*length)
		abort();
	if (n > *length)
		n = *length;
	*length = n;
	memcpy(buffer, payload->bytes + offset, n);
	return buffer;
}

void *mqg_stream_alloc(size_t size, __u8 share)
{
	static unsigned int count;

	(void)share;
	if (model_fail_every && ++count % model_fail_every == 0)
		return NULL;
	model_allocated += (long)size;
	return malloc(size);
}

void mqg_stream_free(void *memory, size_t size, __u8 share)
{
	(void)share;
	model_allocated -= (long)size;
	free(memory);
}

void model_begin(struct model *m, uint32_t start, uint32_t limit, uint32_t window, uint8_t flags,
		 enum model_policy policy)
{
	memset(m, 0, sizeof(*m));
	m->start = start;
	m->limit = limit;
	m->window = window;
	m->policy = policy;
	mqg_stream_begin(&m->side, start, 0, flags);
}

void model_end(struct model *m)
{
	mqg_stream_end(&m->side);
}

/* The receiver's side: what lies in its window is kept, the rest is ignored. */
static void receive(struct model *m, const struct model_segment *segment)
{
	for (uint32_t i = 0; i < segment->length; i++) {
		uint32_t at = segment->at + i;

		if (at < m->next || at - m->next >= m->window || at >= MODEL_BYTES)
			continue;
		if (m->closed || (m->fin_seen && at >= m->fin))
			continue;
		if (m->have[at] && m->policy == MODEL_FIRST_WINS)
			continue;
		m->got[at] = segment->bytes[i];
		m->have[at] = true;
	}
	if (segment->fin && !m->fin_seen && segment->at + segment->length >= m->next) {
		m->fin_seen = true;
		m->fin = segment->at + segment->length;
	}
	while (m->next < MODEL_BYTES && m->have[m->next] && !(m->fin_seen && m->next == m->fin))
		m->next++;
	if (m->fin_seen && m->next == m->fin)
		m->closed = true;
}

int model_send(struct model *m, const struct model_segment *segment)
{
	struct mqg_payload payload = { segment->bytes, segment->length };
	struct mqg_offer offer = {
		.payload = &payload,
		.limit = m->limit,
		.seq = m->start + segment->at,
		.length = segment->length,
		.fin = segment->fin,
	};
	struct mqg_side before = m->side;
	__u8 buffer[MQG_PAYLOAD_BUFFER];
	struct mqg_taken taken;
	const __u8 *data;
	__u32 n;

	taken = mqg_stream_take(&m->side, &offer);
	if (taken.status != MQG_STREAM_TAKEN) {
		if (memcmp(&before, &m->side, sizeof(before)))
			abort();
		if (taken.status == MQG_STREAM_LIE)
			m->lies++;
		else
			m->dropped++;
		return taken.status;
	}
	while ((n = mqg_stream_read(&m->side, &offer, &taken, &data, buffer))) {
		if (n > MODEL_BYTES - m->read_len)
			abort();
		memcpy(m->read + m->read_len, data, n);
		m->read_len += n;
	}
	mqg_stream_done(&m->side);
	if (!segment->lost)
		receive(m, segment);
	return taken.status;
}

void model_ack(struct model *m)
{
	if (mqg_stream_ack(&m->side, m->start + m->next + m->closed, m->window))
		abort();
}

const char *model_agrees(const struct model *m)
{
	if (m->read_len != m->side.next - m->start)
		return "delivered another number of bytes than it counted";
	if (m->next > m->read_len)
		return "the receiver has bytes that were not looked at";
	if (memcmp(m->got, m->read, m->next))
		return "the receiver has other bytes than were looked at";
	if (m->side.held > m->limit)
		return "holds more than its limit";
	if (m->closed && !mqg_stream_finished(&m->side))
		return "the receiver saw an end that was not seen here";
	return NULL;
}
