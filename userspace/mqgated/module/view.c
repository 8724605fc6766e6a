/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of vouched flows, and how a dump is reconciled with it; see view.h. */
#include "module/view.h"

#include <stdlib.h>
#include <string.h>

#include "module/flowhash.h"

/*
 * An entry without a ticket is a tombstone: an event told during a dump that the flow is over, and
 * the dump may still say otherwise. None of them outlives the dump.
 */
struct entry {
	struct mqgate_flow_key	key;
	uint64_t		first;		/* names the connection together with the key */
	uint64_t		ticket;
	uint32_t		told;		/* the dump during which an event spoke of it */
	uint32_t		seen;		/* the last dump that it was in */
	UT_hash_handle		hh;
};

struct mqg_view {
	const struct mqg_view_ops	*ops;
	void				*arg;
	struct entry			*entries;
	size_t				vouched;
	uint32_t			dump;		/* number of the last one, from 1 */
	bool				dumping;
};

struct mqg_view *mqg_view_alloc(const struct mqg_view_ops *ops, void *arg)
{
	struct mqg_view *view = calloc(1, sizeof(*view));

	if (!view || !flow_seed_init()) {
		free(view);
		return NULL;
	}
	view->ops = ops;
	view->arg = arg;
	return view;
}

void mqg_view_free(struct mqg_view *view)
{
	struct entry *entry, *next;

	if (!view)
		return;
	HASH_ITER(hh, view->entries, entry, next) {
		HASH_DEL(view->entries, entry);
		free(entry);
	}
	free(view);
}

static struct entry *find(const struct mqg_view *view, const struct mqgate_flow_key *key)
{
	struct entry *entry;

	HASH_FIND(hh, view->entries, key, sizeof(*key), entry);
	return entry;
}

static struct entry *add(struct mqg_view *view, const struct mqgate_flow_key *key)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->key = *key;
	HASH_ADD(hh, view->entries, key, sizeof(entry->key), entry);
	if (entry->hh.tbl)
		return entry;
	free(entry);
	return NULL;
}

static void withdraw(struct mqg_view *view, struct entry *entry)
{
	if (!entry->ticket)
		return;
	view->ops->close(entry->ticket, view->arg);
	entry->ticket = 0;
	view->vouched--;
}

static void discard(struct mqg_view *view, struct entry *entry)
{
	withdraw(view, entry);
	HASH_DEL(view->entries, entry);
	free(entry);
}

/* The broker has accepted that client. Return: its entry, NULL where that could not be kept. */
static struct entry *vouch(struct mqg_view *view, struct entry *entry,
			   const struct mqg_module_client *client)
{
	if (entry && entry->ticket && entry->first == client->first)
		return entry;
	if (!entry)
		entry = add(view, &client->flow);
	if (!entry)
		return NULL;
	/* Another connection with the same ports: its end was lost. */
	withdraw(view, entry);
	entry->first = client->first;
	entry->ticket = view->ops->allow(client, view->arg);
	if (entry->ticket) {
		view->vouched++;
		return entry;
	}
	discard(view, entry);
	return NULL;
}

/* That flow is over, or refused. */
static void bury(struct mqg_view *view, struct entry *entry,
		 const struct mqg_module_client *client)
{
	if (!view->dumping) {
		if (entry)
			discard(view, entry);
		return;
	}
	if (!entry)
		entry = add(view, &client->flow);
	if (!entry)
		return;
	withdraw(view, entry);
	entry->told = view->dump;
}

static bool about(const struct mqg_module_client *client)
{
	return !(client->flags & (MQGATE_CLIENT_F_LOCAL | MQGATE_CLIENT_F_TLS));
}

/* Followed from its first byte to the CONNACK. */
static bool accepted(const struct mqg_module_client *client)
{
	return client->phase == MQGATE_PHASE_CONNECTED && client->level &&
	       !(client->flags & (MQGATE_CLIENT_F_PICKUP | MQGATE_CLIENT_F_UNVALIDATED));
}

static bool is_over(const struct mqg_module_event *event)
{
	return !strcmp(event->what, "end") || event->client.phase == MQGATE_PHASE_REFUSED ||
	       (!strcmp(event->what, "violation") && event->dropped);
}

void mqg_view_event(struct mqg_view *view, const struct mqg_module_event *event)
{
	const struct mqg_module_client *client = &event->client;
	struct entry *entry;

	if (!about(client))
		return;
	entry = find(view, &client->flow);
	/* Of an earlier connection on the same ports. */
	if (entry && entry->ticket && client->first < entry->first)
		return;
	if (is_over(event)) {
		bury(view, entry, client);
		return;
	}
	if (!strcmp(event->what, "phase") && event->before == MQGATE_PHASE_CONNACK &&
	    accepted(client))
		entry = vouch(view, entry, client);
	if (entry && view->dumping)
		entry->told = view->dump;
}

void mqg_view_dump_begin(struct mqg_view *view)
{
	view->dump++;
	view->dumping = true;
}

void mqg_view_dump_client(struct mqg_view *view, const struct mqg_module_client *client)
{
	struct entry *entry;

	if (!about(client))
		return;
	entry = find(view, &client->flow);
	if (entry && entry->told == view->dump)
		return;
	/* What has been vouched for stays so until its end, also where it closes or is observed. */
	if (entry && entry->ticket && entry->first == client->first &&
	    client->phase != MQGATE_PHASE_REFUSED) {
		entry->seen = view->dump;
		return;
	}
	if (!accepted(client))
		return;
	entry = vouch(view, entry, client);
	if (entry)
		entry->seen = view->dump;
}

static void end_dump(struct mqg_view *view, bool complete)
{
	struct entry *entry, *next;

	view->dumping = false;
	HASH_ITER(hh, view->entries, entry, next)
		if (!entry->ticket ||
		    (complete && entry->seen != view->dump && entry->told != view->dump))
			discard(view, entry);
}

void mqg_view_dump_end(struct mqg_view *view)
{
	end_dump(view, true);
}

void mqg_view_dump_abort(struct mqg_view *view)
{
	end_dump(view, false);
}

void mqg_view_clear(struct mqg_view *view)
{
	struct entry *entry, *next;

	view->dumping = false;
	HASH_ITER(hh, view->entries, entry, next)
		discard(view, entry);
}

uint64_t mqg_view_ticket(const struct mqg_view *view, const struct mqgate_flow_key *flow)
{
	const struct entry *entry = find(view, flow);

	return entry ? entry->ticket : 0;
}

size_t mqg_view_count(const struct mqg_view *view)
{
	return view->vouched;
}
