/* SPDX-License-Identifier: BSD-2-Clause */
/* Queue and table of the daemon's own clients; see bindings.h for who holds which. */
#include "module/bindings.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "module/flowhash.h"

struct note {
	struct note		*next;
	struct mqg_live_flow	flow;
	uint64_t		ticket;
	bool			open;
};

struct binding {
	struct mqgate_flow_key	key;
	uint64_t		ticket;
	uint32_t		identity;
	UT_hash_handle		hh;
};

struct mqg_bindings {
	pthread_mutex_t	lock;
	struct note	*first, **last;
	int		wake;			/* eventfd */
	struct binding	*table;
};

struct mqg_bindings *mqg_bindings_alloc(void)
{
	struct mqg_bindings *bindings = calloc(1, sizeof(*bindings));

	if (!bindings)
		return NULL;
	pthread_mutex_init(&bindings->lock, NULL);
	bindings->last = &bindings->first;
	bindings->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (bindings->wake >= 0 && flow_seed_init())
		return bindings;
	mqg_bindings_free(bindings);
	return NULL;
}

void mqg_bindings_free(struct mqg_bindings *bindings)
{
	struct binding *binding, *next;

	if (!bindings)
		return;
	HASH_ITER(hh, bindings->table, binding, next) {
		HASH_DEL(bindings->table, binding);
		free(binding);
	}
	while (bindings->first) {
		struct note *note = bindings->first;

		bindings->first = note->next;
		free(note);
	}
	if (bindings->wake >= 0)
		close(bindings->wake);
	pthread_mutex_destroy(&bindings->lock);
	free(bindings);
}

int mqg_bindings_fd(const struct mqg_bindings *bindings)
{
	return bindings->wake;
}

void mqg_bindings_note(const struct mqg_live_flow *flow, uint64_t ticket, bool open, void *arg)
{
	struct mqg_bindings *bindings = arg;
	struct note *note = malloc(sizeof(*note));
	bool empty;

	if (!note)
		return;
	*note = (struct note){ .flow = *flow, .ticket = ticket, .open = open };
	pthread_mutex_lock(&bindings->lock);
	empty = !bindings->first;
	*bindings->last = note;
	bindings->last = &note->next;
	pthread_mutex_unlock(&bindings->lock);
	if (empty)
		eventfd_write(bindings->wake, 1);
}

static struct binding *find(const struct mqg_bindings *bindings,
			    const struct mqgate_flow_key *key)
{
	struct binding *binding;

	HASH_FIND(hh, bindings->table, key, sizeof(*key), binding);
	return binding;
}

/* Return: false where there is no memory for it. */
static bool enter(struct mqg_bindings *bindings, const struct note *note)
{
	struct binding *binding = find(bindings, &note->flow.key);

	if (!binding) {
		binding = calloc(1, sizeof(*binding));
		if (!binding)
			return false;
		binding->key = note->flow.key;
		HASH_ADD(hh, bindings->table, key, sizeof(binding->key), binding);
		if (!binding->hh.tbl) {
			free(binding);
			return false;
		}
	}
	binding->ticket = note->ticket;
	binding->identity = note->flow.identity;
	return true;
}

/* Another worker may have a new connection on the same ports already: then it is that one's. */
static void leave(struct mqg_bindings *bindings, const struct note *note)
{
	struct binding *binding = find(bindings, &note->flow.key);

	if (!binding || binding->ticket != note->ticket)
		return;
	HASH_DEL(bindings->table, binding);
	free(binding);
}

void mqg_bindings_take(struct mqg_bindings *bindings, mqg_binding_fn fn, void *arg)
{
	struct note *note, *next;
	eventfd_t ignored;

	/* First: a note that comes after this one wakes us again. */
	eventfd_read(bindings->wake, &ignored);
	pthread_mutex_lock(&bindings->lock);
	note = bindings->first;
	bindings->first = NULL;
	bindings->last = &bindings->first;
	pthread_mutex_unlock(&bindings->lock);
	for (; note; note = next) {
		next = note->next;
		if (!note->open)
			leave(bindings, note);
		else if (enter(bindings, note))
			fn(&note->flow, arg);
		free(note);
	}
}

bool mqg_bindings_find(const struct mqg_bindings *bindings, const struct mqgate_flow_key *flow,
		       uint32_t *identity, uint64_t *ticket)
{
	const struct binding *binding = find(bindings, flow);

	if (!binding)
		return false;
	*identity = binding->identity;
	*ticket = binding->ticket;
	return true;
}

size_t mqg_bindings_count(const struct mqg_bindings *bindings)
{
	return HASH_COUNT(bindings->table);
}
