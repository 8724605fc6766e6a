// SPDX-License-Identifier: BSD-2-Clause
/* See journal_format.h. */
#include "hold/journal_format.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "common/crc32c.h"

#define MAGIC	"MQGHOLD\n"
#define SUMMED	offsetof(struct mqg_record_head, len)

_Static_assert(sizeof(struct mqg_segment_head) == 40, "as it is on disk");
_Static_assert(sizeof(struct mqg_record_head) == 32, "as it is on disk");

/* Of a record of @size bytes that is sealed with @mark. */
static uint32_t sum_of(const void *record, size_t size, uint32_t mark)
{
	return mqg_crc32c(mark, (const uint8_t *)record + SUMMED, size - SUMMED);
}

size_t mqg_record_size_of(const void *record)
{
	const struct mqg_record_head *head = record;

	return mqg_record_size(le32toh(head->len));
}

uint64_t mqg_record_sequence_of(const void *record)
{
	return le64toh(((const struct mqg_record_head *)record)->sequence);
}

void mqg_record_begin(void *record, enum mqg_record_type type, uint16_t kind, uint64_t owner,
		      uint64_t sequence, size_t len)
{
	size_t size = mqg_record_size(len), filling = size - sizeof(struct mqg_record_head) - len;
	struct mqg_record_head *head = record;

	*head = (struct mqg_record_head){
		.len = htole32((uint32_t)len), .kind = htole16(kind),
		.type = htole16((uint16_t)type), .sequence = htole64(sequence),
		.owner = htole64(owner),
	};
	memset((uint8_t *)record + size - filling, 0, filling);
}

void mqg_record_done_begin(void *record, const uint64_t *sequences, size_t n)
{
	uint8_t *to = (uint8_t *)record + sizeof(struct mqg_record_head);

	mqg_record_begin(record, MQG_RECORD_DONE, 0, 0, 0, 8 * n);
	for (size_t i = 0; i < n; i++) {
		uint64_t sequence = htole64(sequences[i]);

		memcpy(to + 8 * i, &sequence, sizeof(sequence));
	}
}

void mqg_record_seal(void *record, uint32_t mark)
{
	struct mqg_record_head *head = record;

	head->mark = htole32(mark);
	head->sum = htole32(sum_of(record, mqg_record_size_of(record), mark));
}

static uint32_t sum_of_head(const struct mqg_segment_head *head)
{
	return mqg_crc32c(0, head, offsetof(struct mqg_segment_head, sum));
}

void mqg_segment_begin(void *bytes, uint64_t owner, uint64_t stamp, uint32_t mark)
{
	struct mqg_segment_head head = {
		.version = htole32(MQG_SEGMENT_VERSION), .mark = htole32(mark),
		.owner = htole64(owner), .stamp = htole64(stamp),
	};

	memcpy(head.magic, MAGIC, sizeof(head.magic));
	head.sum = htole32(sum_of_head(&head));
	memcpy(bytes, &head, sizeof(head));
	memcpy((uint8_t *)bytes + sizeof(head), &head, sizeof(head));
}

int mqg_segment_check(const void *bytes, size_t len, uint32_t *mark)
{
	const struct mqg_segment_head *heads = bytes;

	for (size_t i = 0; i < 2 && len >= (i + 1) * sizeof(*heads); i++) {
		if (memcmp(heads[i].magic, MAGIC, sizeof(heads[i].magic)) ||
		    le32toh(heads[i].sum) != sum_of_head(&heads[i]))
			continue;
		*mark = le32toh(heads[i].mark);
		return le32toh(heads[i].version) == MQG_SEGMENT_VERSION ? 0 : -EPROTONOSUPPORT;
	}
	return -EBADMSG;
}

static bool is_record(const struct mqg_segment_walk *walk, size_t at)
{
	const struct mqg_record_head *head = (const void *)(walk->bytes + at);
	size_t left = walk->len - at;

	return left >= sizeof(*head) && le32toh(head->mark) == walk->mark &&
	       le32toh(head->len) <= MQG_RECORD_BODY_MAX &&
	       mqg_record_size_of(head) <= left &&
	       le32toh(head->sum) == sum_of(head, mqg_record_size_of(head), walk->mark);
}

/* Where the next record begins; the end where there is none. */
static size_t look_on(const struct mqg_segment_walk *walk)
{
	for (size_t at = walk->at + 8; at < walk->len; at += 8)
		if (is_record(walk, at))
			return at;
	return walk->len;
}

enum mqg_segment_found mqg_segment_next(struct mqg_segment_walk *walk)
{
	size_t next;

	walk->at += walk->size;
	walk->size = 0;
	if (walk->at >= walk->len)
		return MQG_SEGMENT_END;
	if (!is_record(walk, walk->at)) {
		next = look_on(walk);
		walk->size = next - walk->at;
		return next < walk->len ? MQG_SEGMENT_DAMAGE : MQG_SEGMENT_TORN;
	}
	walk->record = (const void *)(walk->bytes + walk->at);
	walk->size = mqg_record_size_of(walk->record);
	walk->body_len = le32toh(walk->record->len);
	walk->kind = le16toh(walk->record->kind);
	walk->type = le16toh(walk->record->type);
	walk->owner = le64toh(walk->record->owner);
	walk->sequence = le64toh(walk->record->sequence);
	return MQG_SEGMENT_RECORD;
}

uint64_t mqg_record_done(const struct mqg_segment_walk *walk, size_t i)
{
	uint64_t sequence;

	memcpy(&sequence, (const uint8_t *)(walk->record + 1) + 8 * i, sizeof(sequence));
	return le64toh(sequence);
}
