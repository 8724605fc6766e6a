/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A segment of the journal as bytes: a head, then records. Numbers are little-endian. No state, no
 * system call; called by whoever writes or reads segments.
 *
 * Each segment has a mark of its own, drawn by lot, before every record: behind a damaged place a
 * record is looked for by it, and nobody who puts payloads into the journal can write one that
 * would pass for a record.
 */
#ifndef MQG_HOLD_JOURNAL_FORMAT_H
#define MQG_HOLD_JOURNAL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MQG_SEGMENT_VERSION	1U

struct mqg_segment_head {
	char		magic[8];
	uint32_t	version;
	uint32_t	mark;
	uint64_t	owner, stamp;	/* as in its name */
	uint32_t	reserved;
	uint32_t	sum;		/* CRC32C of what stands before it */
};

/* There twice, so that one bad place does not cost the whole. */
#define MQG_SEGMENT_BEGIN	(2 * sizeof(struct mqg_segment_head))

enum mqg_record_type {
	MQG_RECORD_DATA		= 1,
	MQG_RECORD_DONE		= 2,	/* the body: sequences of 8 bytes each */
};

/* Body and record are filled up to a multiple of 8 with zeros. */
struct mqg_record_head {
	uint32_t	mark;
	uint32_t	sum;		/* CRC32C of what follows, the filling included */
	uint32_t	len;		/* of the body */
	uint16_t	kind, type;
	uint64_t	sequence, owner;
};

#define MQG_RECORD_BODY_MAX	(1U << 30)

static inline size_t mqg_record_size(size_t len)
{
	return sizeof(struct mqg_record_head) + ((len + 7) & ~(size_t)7);
}

/* Of one that was made by mqg_record_begin(). */
size_t mqg_record_size_of(const void *record);
uint64_t mqg_record_sequence_of(const void *record);
/* Writes the head, but for mark and sum, and the filling; the body goes behind it. */
void mqg_record_begin(void *record, enum mqg_record_type type, uint16_t kind, uint64_t owner,
		      uint64_t sequence, size_t len);
/* One of MQG_RECORD_DONE; mqg_record_size(8 * n) bytes. */
void mqg_record_done_begin(void *record, const uint64_t *sequences, size_t n);
void mqg_record_seal(void *record, uint32_t mark);

/* Writes MQG_SEGMENT_BEGIN bytes. */
void mqg_segment_begin(void *bytes, uint64_t owner, uint64_t stamp, uint32_t mark);
/* 0 and *@mark, -EBADMSG, or -EPROTONOSUPPORT: another version. @len bytes are there. */
int mqg_segment_check(const void *bytes, size_t len, uint32_t *mark);

enum mqg_segment_found {
	MQG_SEGMENT_RECORD,	/* at @at, @size bytes */
	MQG_SEGMENT_DAMAGE,	/* likewise; a record follows */
	MQG_SEGMENT_TORN,	/* from @at on nothing is a record */
	MQG_SEGMENT_END,
};

/* A way through the records of a segment. Begins with @size 0 at MQG_SEGMENT_BEGIN. */
struct mqg_segment_walk {
	const uint8_t	*bytes;		/* aligned to 8 */
	size_t		len;
	uint32_t	mark;
	size_t		at, size;
	const struct mqg_record_head *record;	/* of MQG_SEGMENT_RECORD; host's byte order: */
	uint32_t	body_len;
	uint16_t	kind, type;
	uint64_t	owner, sequence;
};

static inline struct mqg_segment_walk mqg_segment_walk(const void *bytes, size_t len, uint32_t mark)
{
	return (struct mqg_segment_walk){ .bytes = bytes, .len = len, .mark = mark,
					  .at = MQG_SEGMENT_BEGIN };
}

enum mqg_segment_found mqg_segment_next(struct mqg_segment_walk *walk);

/* The @i-th sequence of a record that says what is done. */
uint64_t mqg_record_done(const struct mqg_segment_walk *walk, size_t i);

#endif
