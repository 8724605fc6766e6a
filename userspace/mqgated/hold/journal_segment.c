// SPDX-License-Identifier: BSD-2-Clause
/*
 * Segments as files: OWNER-STAMP.journal, both in hexadecimal digits. Called by the thread that
 * writes; reading, also by who adopts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hold/journal_state.h"

#define SUFFIX	".journal"

void mqg_segment_name(const struct mqg_segment *segment, char name[MQG_SEGMENT_NAME])
{
	snprintf(name, MQG_SEGMENT_NAME, "%016llx-%016llx" SUFFIX,
		 (unsigned long long)segment->owner, (unsigned long long)segment->stamp);
}

bool mqg_segment_parse(const char *name, uint64_t *owner, uint64_t *stamp)
{
	unsigned long long a, b;
	char again[MQG_SEGMENT_NAME];

	if (sscanf(name, "%16llx-%16llx" SUFFIX, &a, &b) != 2 || !a || a > INT64_MAX)
		return false;
	mqg_segment_name(&(struct mqg_segment){ .owner = a, .stamp = b }, again);
	*owner = a;
	*stamp = b;
	return !strcmp(name, again);
}

/* Behind every other, and not before what has been put. */
static uint64_t next_stamp(struct mqg_journal *journal)
{
	uint64_t now = atomic_load(&journal->sequence);

	journal->newest = journal->newest < now ? now : journal->newest + 1;
	return journal->newest;
}

void mqg_segment_free(struct mqg_segment *segment)
{
	if (segment && segment->fd >= 0)
		close(segment->fd);
	free(segment);
}

int mqg_segment_create(struct mqg_journal *journal, struct mqg_segment **segment)
{
	struct mqg_segment *s = calloc(1, sizeof(*s));
	uint8_t head[MQG_SEGMENT_BEGIN];
	char name[MQG_SEGMENT_NAME];
	int err;

	if (!s)
		return -ENOMEM;
	s->owner = journal->own;
	s->stamp = next_stamp(journal);
	mqg_segment_name(s, name);
	if (getrandom(&s->mark, sizeof(s->mark), 0) != sizeof(s->mark))
		s->fd = -1;
	else
		s->fd = openat(journal->dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (s->fd < 0) {
		err = -errno;
		free(s);
		return err;
	}
	journal->new_names = true;
	mqg_segment_begin(head, s->owner, s->stamp, s->mark);
	err = mqg_segment_write(s, head, sizeof(head));
	if (err) {
		unlinkat(journal->dirfd, name, 0);
		mqg_segment_free(s);
		return err;
	}
	*segment = s;
	return 0;
}

void mqg_segment_insert(struct mqg_journal *journal, struct mqg_segment *segment)
{
	struct mqg_segment **at = &journal->first;

	while (*at && (*at)->stamp < segment->stamp)
		at = &(*at)->next;
	segment->next = *at;
	*at = segment;
	if (journal->newest < segment->stamp)
		journal->newest = segment->stamp;
}

int mqg_segment_write(struct mqg_segment *segment, const void *data, size_t len)
{
	const uint8_t *from = data;
	size_t off = 0;

	segment->dirty = true;
	while (off < len) {
		ssize_t n = pwrite(segment->fd, from + off, len - off,
				   (off_t)(segment->size + off));

		if (n < 0 && errno != EINTR)
			return -errno;
		off += n > 0 ? (size_t)n : 0;
	}
	segment->size += len;
	return 0;
}

static int read_all(int fd, uint8_t *bytes, size_t *len)
{
	size_t off = 0;

	while (off < *len) {
		ssize_t n = read(fd, bytes + off, *len - off);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			break;
		off += n > 0 ? (size_t)n : 0;
	}
	*len = off;
	return 0;
}

int mqg_segment_read(const struct mqg_journal *journal, const struct mqg_segment *segment,
		     uint8_t **bytes, size_t *len)
{
	char name[MQG_SEGMENT_NAME];
	struct stat st;
	int fd, err;

	mqg_segment_name(segment, name);
	fd = openat(journal->dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st)) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	*len = (size_t)st.st_size;
	*bytes = malloc(*len + 1);
	err = *bytes ? read_all(fd, *bytes, len) : -ENOMEM;
	close(fd);
	if (err)
		free(*bytes);
	return err;
}

void mqg_segment_drop_first(struct mqg_journal *journal)
{
	struct mqg_segment *segment = journal->first;
	char name[MQG_SEGMENT_NAME];

	mqg_segment_name(segment, name);
	unlinkat(journal->dirfd, name, 0);
	mqg_counter_add(&journal->disk, -segment->kept);
	mqg_counter_add(&journal->balance, -segment->kept);
	journal->first = segment->next;
	if (journal->current == segment)
		journal->current = NULL;
	mqg_segment_free(segment);
}
