// SPDX-License-Identifier: BSD-2-Clause
/* See journal_index.h. What collides stands behind; a gap is closed when one goes. */
#include "hold/journal_index.h"

#include <errno.h>
#include <stdlib.h>

#define LEAST	1024U

static size_t home(const struct mqg_journal_index *index, uint64_t sequence)
{
	return (size_t)(sequence * 0x9E3779B97F4A7C15ULL >> 20) & (index->room - 1);
}

/* Of @sequence, or the open place where it would stand. */
static struct mqg_place *find(const struct mqg_journal_index *index, uint64_t sequence)
{
	size_t i = home(index, sequence);

	while (index->places[i].sequence && index->places[i].sequence != sequence)
		i = (i + 1) & (index->room - 1);
	return &index->places[i];
}

static int resize(struct mqg_journal_index *index, size_t room)
{
	struct mqg_journal_index to = { calloc(room, sizeof(*to.places)), room, index->n };

	if (!to.places)
		return -ENOMEM;
	for (size_t i = 0; i < index->room; i++)
		if (index->places[i].sequence)
			*find(&to, index->places[i].sequence) = index->places[i];
	free(index->places);
	*index = to;
	return 0;
}

int mqg_journal_index_reserve(struct mqg_journal_index *index, size_t more)
{
	size_t need = (index->n + more) / 3 * 4 + 4, room = index->room ? index->room : LEAST;

	while (room < need)
		room *= 2;
	/* What a long time away took is given back. */
	while (room > LEAST && room / 8 > need)
		room /= 2;
	if (room > index->room)
		return resize(index, room);
	if (room < index->room)
		(void)resize(index, room);
	return 0;
}

struct mqg_place mqg_journal_index_set(struct mqg_journal_index *index,
				       const struct mqg_place *place)
{
	struct mqg_place *at = find(index, place->sequence), before = *at;

	index->n += !before.sequence;
	*at = *place;
	return before;
}

const struct mqg_place *mqg_journal_index_get(const struct mqg_journal_index *index,
					      uint64_t sequence)
{
	const struct mqg_place *at = index->room ? find(index, sequence) : NULL;

	return at && at->sequence ? at : NULL;
}

struct mqg_place mqg_journal_index_del(struct mqg_journal_index *index, uint64_t sequence)
{
	struct mqg_place none = { 0 }, before;
	size_t mask = index->room - 1, gap;

	if (!mqg_journal_index_get(index, sequence))
		return none;
	gap = (size_t)(find(index, sequence) - index->places);
	before = index->places[gap];
	for (size_t i = (gap + 1) & mask; index->places[i].sequence; i = (i + 1) & mask) {
		size_t own = home(index, index->places[i].sequence);

		/* It may go into the gap where that is not in front of its home. */
		if (((i - own) & mask) >= ((i - gap) & mask)) {
			index->places[gap] = index->places[i];
			gap = i;
		}
	}
	index->places[gap] = none;
	index->n--;
	return before;
}

void mqg_journal_index_exit(struct mqg_journal_index *index)
{
	free(index->places);
	*index = (struct mqg_journal_index){ 0 };
}
