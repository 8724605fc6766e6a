/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of verdicts in memory: a list that an operator loads, or what a state file holds. Belongs
 * to one thread; its text is read with the grammar of line.h.
 */
#ifndef MQG_SET_H
#define MQG_SET_H

#include <stddef.h>
#include <stdint.h>

#include "common/line.h"

/* Entries that a set may have, whatever the maps hold: memory for more is not asked for. */
#define MQG_SET_MAX	16000000U

struct mqg_item {
	struct mqg_net		net;
	uint32_t		rate;
	uint64_t		expires;	/* CLOCK_BOOTTIME, ns; 0 = never */
	uint32_t		action;		/* enum mqgate_action */
	uint32_t		text;		/* where its reason is in texts; 0 = none */
};

struct mqg_set {
	struct mqg_item	*items;
	size_t		count, room;
	char		*texts;			/* NUL-terminated, one after the other; [0] is "" */
	size_t		texts_len, texts_room;
	uint64_t	lines;			/* that have been read, for messages */
	size_t		expired;		/* of `until`: left out */
};

void mqg_set_free(struct mqg_set *set);

/* The text of an item's reason, "" for none. */
const char *mqg_set_text(const struct mqg_set *set, const struct mqg_item *item);

/* Appends what a line says; without an action it is a drop. Return: 0 or -ENOMEM, -E2BIG. */
int mqg_set_add(struct mqg_set *set, const struct mqg_line *line);

/**
 * mqg_set_read() - append the lines of a text
 * @set:  in and out; what was in it stays, also on failure
 * @text: @len bytes, whole lines; the last one may lack its newline
 * @len:  bytes
 * @name: of the file, for messages
 * @why:  buffer for "FILE:LINE: what is wrong; what is accepted"
 * @size: of @why
 *
 * Return: 0, -EINVAL, -E2BIG or -ENOMEM.
 */
int mqg_set_read(struct mqg_set *set, const char *text, size_t len, const char *name, char *why,
		 size_t size);

/* Sorts by network and keeps of each the one that was read last. Return: 0 or -ENOMEM. */
int mqg_set_unite(struct mqg_set *set, size_t *twice);

/* The item of a network in a set that is united, or NULL. */
const struct mqg_item *mqg_set_find(const struct mqg_set *set, const struct mqg_net *net);

#endif
