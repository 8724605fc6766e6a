/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A circular list whose links lie inside its members, as the kernel's list_head. It owns nothing;
 * the list's user says what guards it.
 */
#ifndef MQG_LIST_H
#define MQG_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct mqg_list {
	struct mqg_list *prev, *next;
};

#define mqg_container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

static inline void mqg_list_init(struct mqg_list *list)
{
	list->prev = list;
	list->next = list;
}

static inline bool mqg_list_empty(const struct mqg_list *list)
{
	return list->next == list;
}

/* Puts @item behind @place; with the list's head that is the front, with head->prev the tail. */
static inline void mqg_list_insert(struct mqg_list *place, struct mqg_list *item)
{
	item->prev = place;
	item->next = place->next;
	place->next->prev = item;
	place->next = item;
}

static inline void mqg_list_append(struct mqg_list *list, struct mqg_list *item)
{
	mqg_list_insert(list->prev, item);
}

/* Leaves @item a list of its own, so that removing it twice is harmless. */
static inline void mqg_list_remove(struct mqg_list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	mqg_list_init(item);
}

/* Moves every member of @from to the end of @to. */
static inline void mqg_list_splice(struct mqg_list *to, struct mqg_list *from)
{
	if (mqg_list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	mqg_list_init(from);
}

#endif
