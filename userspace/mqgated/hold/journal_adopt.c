// SPDX-License-Identifier: BSD-2-Clause
/*
 * Records of processes that have gone: read, replayed, and handed to the thread, which goes on with
 * the files as they are. On the thread of who calls mqg_journal_adopt().
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hold/journal_state.h"
#include "system/log.h"

static void say(struct mqg_journal *journal, enum mqg_log_level level,
		const struct mqg_segment *segment, uint64_t at, uint64_t bytes, const char *what)
{
	char name[MQG_SEGMENT_NAME];

	mqg_segment_name(segment, name);
	mqg_log(level, MQG_LOG_ALWAYS, "store %s/%s: at %" PRIu64 ", %" PRIu64 " bytes %s",
		journal->dir, name, at, bytes, what);
}

/* ---- reading --------------------------------------------------------------------------------- */

static int note_data(struct mqg_adoption *to, struct mqg_segment *segment,
		     const struct mqg_segment_walk *walk)
{
	struct mqg_place place = { walk->sequence, segment, (uint32_t)walk->at,
				   (uint32_t)walk->size }, before;

	if (mqg_journal_index_reserve(&to->index, 1))
		return -ENOMEM;
	before = mqg_journal_index_set(&to->index, &place);
	if (before.sequence) {
		before.segment->live--;
		to->live_bytes -= before.size;
	}
	segment->live++;
	to->live_bytes += place.size;
	return 0;
}

static void note_done(struct mqg_adoption *to, const struct mqg_segment_walk *walk)
{
	for (size_t i = 0; i < walk->body_len / 8; i++) {
		struct mqg_place place = mqg_journal_index_del(&to->index,
							       mqg_record_done(walk, i));

		if (!place.sequence)
			continue;
		place.segment->live--;
		to->live_bytes -= place.size;
	}
}

/* What was being written when its owner went. */
static void cut(struct mqg_journal *journal, struct mqg_segment *segment, uint64_t at)
{
	char name[MQG_SEGMENT_NAME];
	int fd;

	say(journal, MQG_LOG_NOTICE, segment, at, segment->size - at,
	    "at the end are no whole record, and are cut off");
	mqg_segment_name(segment, name);
	fd = openat(journal->dirfd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && !ftruncate(fd, (off_t)at))
		segment->size = at;
	if (fd >= 0)
		close(fd);
}

static int walk_through(struct mqg_journal *journal, struct mqg_adoption *to,
			struct mqg_segment *segment, struct mqg_segment_walk *walk, uint64_t *last)
{
	enum mqg_segment_found found;
	int err = 0;

	while (!err && (found = mqg_segment_next(walk)) != MQG_SEGMENT_END) {
		if (found == MQG_SEGMENT_TORN) {
			cut(journal, segment, walk->at);
		} else if (found == MQG_SEGMENT_DAMAGE) {
			say(journal, MQG_LOG_ERR, segment, walk->at, walk->size,
			    "are damaged: what they held is lost; what stands behind is read. "
			    "Look after the disk");
			atomic_fetch_add(&journal->damaged, 1);
		} else if (walk->type == MQG_RECORD_DONE) {
			note_done(to, walk);
		} else {
			*last = *last < walk->sequence ? walk->sequence : *last;
			err = note_data(to, segment, walk);
		}
	}
	return err;
}

/* Return: 0, -EAGAIN: it is not counted and stays where it is; -ENOMEM. */
static int read_one(struct mqg_journal *journal, struct mqg_adoption *to,
		    struct mqg_segment *segment, uint64_t *last)
{
	struct mqg_segment_walk walk;
	uint8_t *bytes = NULL;
	uint32_t mark;
	size_t len;
	int err = mqg_segment_read(journal, segment, &bytes, &len);

	if (err == -ENOMEM)
		return err;
	segment->size = err ? 0 : len;
	if (!err)
		err = mqg_segment_check(bytes, len, &mark);
	/* Nothing was confirmed before the head was. */
	if (err == -EBADMSG && len <= MQG_SEGMENT_BEGIN) {
		free(bytes);
		return 0;
	}
	if (!err) {
		walk = mqg_segment_walk(bytes, len, mark);
		err = walk_through(journal, to, segment, &walk, last);
		free(bytes);
		return err;
	}
	say(journal, MQG_LOG_ERR, segment, 0, segment->size,
	    err == -EPROTONOSUPPORT ? "are of another version of mqgated; left as they are: "
				      "start that one to have them sent"
	    : err == -EBADMSG	    ? "are no segment; left as they are"
				    : strerror(-err));
	atomic_fetch_add(&journal->damaged, 1);
	free(bytes);
	return -EAGAIN;
}

static void free_all(struct mqg_segment *segments)
{
	while (segments) {
		struct mqg_segment *next = segments->next;

		mqg_segment_free(segments);
		segments = next;
	}
}

/* Of *@from, which is empty afterwards. */
static int read_segments(struct mqg_journal *journal, struct mqg_adoption *to,
			 struct mqg_segment **from)
{
	struct mqg_segment **end = &to->segments, *segment;
	uint64_t last = 0, now;

	while ((segment = *from)) {
		int err = read_one(journal, to, segment, &last);

		if (err == -ENOMEM)
			return err;
		*from = segment->next;
		segment->next = NULL;
		if (err) {
			mqg_segment_free(segment);
			continue;
		}
		to->bytes += segment->size;
		*end = segment;
		end = &segment->next;
	}
	now = atomic_load(&journal->sequence);
	while (now <= last && !atomic_compare_exchange_weak(&journal->sequence, &now, last + 1))
		;
	return 0;
}

/* ---- replaying ------------------------------------------------------------------------------- */

static int by_sequence(const void *a, const void *b)
{
	const struct mqg_place *one = a, *other = b;

	return (one->sequence > other->sequence) - (one->sequence < other->sequence);
}

/* The file of which a record was read last stays open. */
struct reader {
	const struct mqg_segment	*segment;
	uint32_t			mark;
	int				fd;
	uint8_t				*bytes;
	size_t				room;
};

static int turn_to(struct mqg_journal *journal, struct reader *reader,
		   const struct mqg_segment *segment)
{
	uint64_t head[MQG_SEGMENT_BEGIN / 8];
	char name[MQG_SEGMENT_NAME];
	ssize_t n;

	if (reader->segment == segment)
		return 0;
	if (reader->fd >= 0)
		close(reader->fd);
	mqg_segment_name(segment, name);
	reader->segment = NULL;
	reader->fd = openat(journal->dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (reader->fd < 0)
		return -errno;
	n = pread(reader->fd, head, sizeof(head), 0);
	if (n < 0)
		return -errno;
	reader->segment = segment;
	return mqg_segment_check(head, (size_t)n, &reader->mark);
}

/* Its head has been read before; what the disk says now is asked once more. */
static int replay_one(struct mqg_journal *journal, struct reader *reader,
		      const struct mqg_place *place, mqg_journal_replay_fn replay, void *ctx)
{
	struct mqg_segment_walk walk;
	int err = turn_to(journal, reader, place->segment);

	if (err)
		return err;
	if (reader->room < place->size) {
		free(reader->bytes);
		reader->room = place->size;
		reader->bytes = malloc(reader->room);
		if (!reader->bytes) {
			reader->room = 0;
			return -ENOMEM;
		}
	}
	if (pread(reader->fd, reader->bytes, place->size, place->at) != (ssize_t)place->size)
		return -EIO;
	walk = mqg_segment_walk(reader->bytes, place->size, reader->mark);
	walk.at = 0;
	if (mqg_segment_next(&walk) != MQG_SEGMENT_RECORD || walk.sequence != place->sequence)
		return -EBADMSG;
	replay(ctx, &(struct mqg_journal_record){
		.sequence = walk.sequence, .owner = walk.owner, .kind = walk.kind,
		.data = (const uint8_t *)(walk.record + 1), .len = walk.body_len,
	});
	return 0;
}

static int64_t replay_all(struct mqg_journal *journal, const struct mqg_adoption *adoption,
			  mqg_journal_replay_fn replay, void *ctx)
{
	size_t n = 0, total = adoption->index.n;
	struct mqg_place *places = malloc((total + 1) * sizeof(*places));
	struct reader reader = { .fd = -1 };
	int64_t replayed = 0;

	if (!places)
		return -ENOMEM;
	for (size_t i = 0; i < adoption->index.room; i++)
		if (adoption->index.places[i].sequence)
			places[n++] = adoption->index.places[i];
	qsort(places, n, sizeof(*places), by_sequence);
	for (size_t i = 0; i < n; i++) {
		int err = replay_one(journal, &reader, &places[i], replay, ctx);

		replayed += !err;
		if (!err)
			continue;
		say(journal, MQG_LOG_ERR, places[i].segment, places[i].at, places[i].size,
		    strerror(-err));
		atomic_fetch_add(&journal->damaged, 1);
	}
	if (reader.fd >= 0)
		close(reader.fd);
	free(reader.bytes);
	free(places);
	return replayed;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void hand_over(struct mqg_journal *journal, struct mqg_adoption *adoption)
{
	adoption->next = atomic_load(&journal->mailbox);
	while (!atomic_compare_exchange_weak(&journal->mailbox, &adoption->next, adoption))
		;
	mqg_journal_wake(journal);
}

static int64_t adopt(struct mqg_journal *journal, struct mqg_adoption *adoption,
		     mqg_journal_replay_fn replay, void *ctx)
{
	size_t claimed = journal->n_claimed;
	struct mqg_segment *segments;
	int64_t n = mqg_journal_claim(journal, &segments);

	if (!n && segments)
		n = read_segments(journal, adoption, &segments);
	if (!n && adoption->segments)
		n = replay_all(journal, adoption, replay, ctx);
	if (n < 0) {
		free_all(segments);
		mqg_journal_unclaim(journal, claimed);
	}
	return n;
}

int64_t mqg_journal_adopt(struct mqg_journal *journal, mqg_journal_replay_fn replay, void *ctx)
{
	struct mqg_adoption *adoption = calloc(1, sizeof(*adoption));
	int64_t n = -ENOMEM;

	if (adoption) {
		atomic_store(&journal->adopting, true);
		n = adopt(journal, adoption, replay, ctx);
	}
	if (n < 0)
		mqg_log(MQG_LOG_ERR, MQG_LOG_ALWAYS, "store %s: what others left is not taken over "
			"now: %s", journal->dir, strerror((int)-n));
	if (n > 0)
		mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS, "store %s: %" PRId64 " records that "
			"another process left are taken over", journal->dir, n);
	if (n >= 0 && adoption->segments) {
		atomic_fetch_add(&journal->adopted, (uint64_t)n);
		hand_over(journal, adoption);
	} else if (adoption) {
		free_all(adoption->segments);
		mqg_journal_index_exit(&adoption->index);
		free(adoption);
	}
	atomic_store(&journal->adopting, false);
	return n;
}
