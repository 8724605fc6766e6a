/* SPDX-License-Identifier: BSD-2-Clause */
/* Queue and table of the daemon's own clients; see bindings.h for who holds which. */
#include "module/bindings.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "module/flowhash.h"

struct binding {
	struct mqg_bound	bound;
	UT_hash_handle		hh;
	uint8_t			id[];
};

/* @binding: to be entered; NULL: what has @key and @ticket is over. */
struct note {
	struct note		*next;
	struct mqgate_flow_key	key;
	uint64_t		ticket;
	bool			ended;
	struct binding		*binding;
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
		free(note->binding);
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

static struct binding *remember(const struct mqg_live_flow *flow, const struct mqg_said *said,
				uint64_t ticket)
{
	size_t length = said && said->id ? said->id_length : 0;
	struct binding *binding = calloc(1, sizeof(*binding) + length);

	if (!binding)
		return NULL;
	binding->bound = (struct mqg_bound){
		.key = flow->key, .ticket = ticket, .identity = flow->identity,
	};
	if (said)
		binding->bound.said = *said;
	if (said && said->id) {
		memcpy(binding->id, said->id, length);
		binding->bound.said.id = binding->id;
	}
	return binding;
}

static void append(struct mqg_bindings *bindings, struct note *note)
{
	bool empty;

	pthread_mutex_lock(&bindings->lock);
	empty = !bindings->first;
	*bindings->last = note;
	bindings->last = &note->next;
	pthread_mutex_unlock(&bindings->lock);
	if (empty)
		eventfd_write(bindings->wake, 1);
}

void mqg_bindings_note(const struct mqg_live_flow *flow, const struct mqg_said *said,
		       uint64_t ticket, bool open, void *arg)
{
	struct note *note = calloc(1, sizeof(*note));

	if (!note)
		return;
	note->key = flow->key;
	note->ticket = ticket;
	note->ended = flow->ended;
	if (open)
		note->binding = remember(flow, said, ticket);
	if (open && !note->binding)
		free(note);
	else
		append(arg, note);
}

static struct binding *find(const struct mqg_bindings *bindings,
			    const struct mqgate_flow_key *key)
{
	struct binding *binding;

	HASH_FIND(hh, bindings->table, key, sizeof(*key), binding);
	return binding;
}

/* Takes @binding over. Return: false where there is no memory for it. */
static bool enter(struct mqg_bindings *bindings, struct binding *binding)
{
	struct binding *before = find(bindings, &binding->bound.key);

	if (before) {
		HASH_DEL(bindings->table, before);
		free(before);
	}
	HASH_ADD(hh, bindings->table, bound.key, sizeof(binding->bound.key), binding);
	if (binding->hh.tbl)
		return true;
	free(binding);
	return false;
}

/* Another worker may have a new connection on the same ports already: then it is that one's. */
static void leave(struct mqg_bindings *bindings, const struct note *note, mqg_binding_fn ended,
		  void *arg)
{
	struct binding *binding = find(bindings, &note->key);

	if (!binding || binding->bound.ticket != note->ticket)
		return;
	if (note->ended)
		ended(&binding->bound, arg);
	HASH_DEL(bindings->table, binding);
	free(binding);
}

void mqg_bindings_take(struct mqg_bindings *bindings, mqg_binding_fn fn, mqg_binding_fn ended,
		       void *arg)
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
		if (!note->binding)
			leave(bindings, note, ended, arg);
		else if (enter(bindings, note->binding))
			fn(&note->binding->bound, arg);
		free(note);
	}
}

const struct mqg_bound *mqg_bindings_find(const struct mqg_bindings *bindings,
					  const struct mqgate_flow_key *flow)
{
	const struct binding *binding = find(bindings, flow);

	return binding ? &binding->bound : NULL;
}

size_t mqg_bindings_count(const struct mqg_bindings *bindings)
{
	return HASH_COUNT(bindings->table);
}
