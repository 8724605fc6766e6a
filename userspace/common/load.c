// SPDX-License-Identifier: BSD-2-Clause
/*
 * The steps of loading a set: its file, index, entries, those below single verdicts, flip, then
 * ALLOW entries, old entries and the index again. An entry that is written says what held before it
 * (struct mqgate_verdict), so that until the flip nothing changes for packets, and whoever dies
 * on the way leaves entries that never hold: the next one reaps them. Called by the command
 * under its lock file, and by the daemon's main thread under the judge's lock.
 */
#include "common/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "common/batch.h"
#include "common/index.h"
#include "common/layout.h"
#include "common/net.h"
#include "common/state.h"

#define CHUNK		1024U	/* entries of a step */
#define FLOWS		128U	/* ALLOW entries of a step, whose sources are asked for */
#define AT_ONCE		1
/* A packet is judged in microseconds: after this none sees what held before the flip. */
#define SETTLE_NS	100000000ULL

enum phase {
	SWEEP,			/* what one that died has left */
	SAVE, INDEX, ENTRIES, BELOW, FLIP, SETTLE, FLOWS_OUT,
	REAP, REINDEX_READ, REINDEX, END,
};

struct mqg_load {
	const struct mqg_pins	*pins;
	uint64_t		(*clock)(void);
	struct mqg_set		set;
	enum phase		phase;
	bool			loads;		/* there is a set */
	struct mqg_state_file	file;
	bool			saving;
	uint32_t		before;		/* generation that holds at the beginning */
	size_t			at;		/* items done */
	struct mqg_index	index;
	bool			have_index;
	uint32_t		*below;		/* items on which there is a single verdict */
	size_t			below_room;
	struct mqg_walk		walk;
	bool			walking;
	int			map;		/* of those that are walked */
	size_t			batch;		/* ALLOW entries in the walk's buffers */
	bool			prefixes_gone;
	int			tries;
	int			err;
	char			why[512];
	struct mqg_load_done	done;
};

static uint64_t fail(struct mqg_load *load, int err, const char *what)
{
	if (!load->err) {
		load->err = err;
		snprintf(load->why, sizeof(load->why), "%s: %s", what, strerror(-err));
	}
	if (load->walking)
		mqg_walk_end(&load->walk);
	load->walking = false;
	load->phase = load->done.flipped || !load->loads ? END : REAP;
	load->map = 0;
	return load->phase == END ? 0 : AT_ONCE;
}

static int map_fd(const struct mqg_load *load, int map)
{
	const int fds[] = { load->pins->sources, load->pins->prefix4, load->pins->prefix6 };

	return fds[map];
}

#define MAPS	3

static const char *const map_names[MAPS] = {
	MQGATE_MAP_SOURCES, MQGATE_MAP_PREFIX4, MQGATE_MAP_PREFIX6,
};

static const char *const size_words[MAPS] = { "sources", "prefixes", "prefixes" };

static uint32_t entries_of(int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.max_entries;
}

static void say_full(const struct mqg_load *load, int map, size_t wanted, char *why, size_t size)
{
	uint32_t room = entries_of(map_fd(load, map));

	snprintf(why, size, "%s has room for %u verdicts, and the list has %zu there%s; make it "
		 "larger: mqgate detach all, then mqgate attach IF %s %zu", map_names[map], room,
		 wanted, wanted > room ? "" : ", besides those that hold until it is loaded",
		 size_words[map], 2 * wanted);
}

static size_t *counter(struct mqg_load_done *done, int map)
{
	return map == 0 ? &done->sources : map == 1 ? &done->prefix4 : &done->prefix6;
}

static int map_of(const struct mqg_net *net)
{
	struct mqgate_source_key key;

	if (mqg_net_source(net, &key))
		return 0;
	return mqg_net_is_v4(net) ? 1 : 2;
}

static int read_control(const struct mqg_pins *pins, struct mqgate_control *control)
{
	return bpf_map_lookup_elem(pins->control, &(__u32){ 0 }, control);
}

static int write_control(const struct mqg_pins *pins, const struct mqgate_control *control)
{
	return bpf_map_update_elem(pins->control, &(__u32){ 0 }, control, BPF_ANY);
}

/* Counts what goes where, and refuses what cannot fit even alone. */
static int count(struct mqg_load *load, char *why, size_t size)
{
	int err = mqg_set_unite(&load->set, &load->done.twice);

	if (err) {
		snprintf(why, size, "no memory to sort the list");
		return err;
	}
	for (size_t i = 0; i < load->set.count; i++)
		++*counter(&load->done, map_of(&load->set.items[i].net));
	for (int map = 0; map < MAPS; map++) {
		size_t wanted = *counter(&load->done, map);

		if (wanted > entries_of(map_fd(load, map))) {
			say_full(load, map, wanted, why, size);
			return -E2BIG;
		}
	}
	return 0;
}

int mqg_load_begin(const struct mqg_pins *pins, struct mqg_set *set, bool save,
		   uint64_t (*clock)(void), struct mqg_load **out, char *why, size_t size)
{
	struct mqg_load *load = calloc(1, sizeof(*load));
	struct mqgate_control control;
	int err;

	*out = NULL;
	if (!load) {
		snprintf(why, size, "no memory to load a list");
		return -ENOMEM;
	}
	load->pins = pins;
	load->clock = clock ? clock : mqg_boottime_ns;
	load->loads = set;
	if (set) {
		load->set = *set;
		memset(set, 0, sizeof(*set));
	}
	err = read_control(pins, &control);
	if (err)
		snprintf(why, size, MQGATE_MAP_CONTROL ": cannot be read: %s", strerror(-err));
	else
		err = count(load, why, size);
	load->before = control.generation;
	load->phase = !set ? REAP : control.begun > control.generation ? SWEEP : SAVE;
	load->done.generation = (control.begun > control.generation ? control.begun :
								      control.generation) + 1;
	if (!err && set) {
		/* From here on entries may have it, and no later set shall. */
		control.begun = load->done.generation;
		err = write_control(pins, &control);
		if (err)
			snprintf(why, size, MQGATE_MAP_CONTROL ": cannot be written: %s",
				 strerror(-err));
	}
	if (err) {
		mqg_load_free(load);
		return err;
	}
	if (set && save) {
		mqg_state_begin(&load->file, MQG_STATE_LOADED);
		load->saving = true;
	}
	*out = load;
	return 0;
}

/* ---- the file that survives a restart ------------------------------------------------------- */

static void verdict_of(const struct mqg_load *load, const struct mqg_item *item, uint64_t now,
		       struct mqgate_verdict *verdict)
{
	*verdict = (struct mqgate_verdict){
		.expires = item->expires,
		.since = now,
		.action = (enum mqgate_action)item->action,
		.origin = MQGATE_ORIGIN_OPERATOR,
		.reason = MQGATE_REASON_OPERATOR,
		.rate = item->rate,
		.generation = load->done.generation,
	};
}

static uint64_t step_save(struct mqg_load *load)
{
	struct mqgate_verdict verdict;

	if (!load->saving || load->at == load->set.count) {
		load->phase = INDEX;
		load->at = 0;
		return AT_ONCE;
	}
	for (uint32_t n = 0; n < CHUNK && load->at < load->set.count; n++, load->at++) {
		const struct mqg_item *item = &load->set.items[load->at];

		verdict_of(load, item, 0, &verdict);
		mqg_state_put(&load->file, &item->net, &verdict, item->expires,
			      mqg_set_text(&load->set, item));
	}
	return AT_ONCE;
}

/* ---- the index, before the entries ---------------------------------------------------- */

static uint64_t step_index(struct mqg_load *load)
{
	int err = 0;

	if (!load->have_index) {
		if (!load->done.prefix4 && !load->done.prefix6) {
			load->phase = ENTRIES;
			return AT_ONCE;
		}
		err = mqg_index_alloc(load->pins, &load->index);
		if (err)
			return fail(load, err, "the index of prefixes");
		load->have_index = true;
		load->at = 0;
	}
	if (load->at < load->set.count) {
		size_t end = load->at + 8 * CHUNK;

		for (; load->at < end && load->at < load->set.count; load->at++) {
			const struct mqg_net *net = &load->set.items[load->at].net;

			if (map_of(net))
				mqg_index_add(&load->index, net);
		}
		return AT_ONCE;
	}
	err = mqg_index_write(load->pins, &load->index, false);
	if (err < 0)
		return fail(load, err, "the index of prefixes cannot be written");
	if (!err) {
		mqg_index_free(&load->index);
		load->have_index = false;
		load->phase = ENTRIES;
		load->at = 0;
	}
	return AT_ONCE;
}

/* ---- entries ---------------------------------------------------------------------------- */

/* A single verdict that comes before a loaded one; a ban by score does not. */
static bool comes_before(const struct mqgate_verdict *old, uint64_t now)
{
	return !mqg_verdict_set(old) && old->origin != MQGATE_ORIGIN_DAEMON &&
	       mqg_verdict_live(old, now);
}

static void replace(struct mqgate_verdict *new, struct mqgate_verdict *old, uint32_t generation,
		    uint64_t now)
{
	new->hits = old->hits;
	mqg_verdict_resolve(old, generation, now);
	if (!mqg_verdict_live(old, now))
		return;
	new->before = old->action;
	new->before_expires = old->expires;
	new->before_rate = old->rate;
}

static int keep_for_later(struct mqg_load *load, size_t item)
{
	if (load->done.below == load->below_room) {
		size_t room = load->below_room ? 2 * load->below_room : 256;
		uint32_t *below = reallocarray(load->below, room, sizeof(*below));

		if (!below)
			return -ENOMEM;
		load->below = below;
		load->below_room = room;
	}
	load->below[load->done.below++] = (uint32_t)item;
	return 0;
}

/* Writes items from load->at on, as long as they are of one map. */
static int write_some(struct mqg_load *load)
{
	char keys[CHUNK * sizeof(union mqg_net_key)];
	struct mqgate_verdict values[CHUNK], old;
	int map = map_of(&load->set.items[load->at].net), fd = map_fd(load, map), err = 0;
	const size_t sizes[MAPS] = { sizeof(struct mqgate_source_key),
				     sizeof(struct mqgate_prefix4_key),
				     sizeof(struct mqgate_prefix6_key) };
	uint64_t now = load->clock();
	__u32 n = 0, wanted;

	for (; !err && n < CHUNK && load->at < load->set.count; load->at++) {
		const struct mqg_item *item = &load->set.items[load->at];
		union mqg_net_key key;

		if (map_of(&item->net) != map)
			break;
		mqg_net_map(load->pins, &item->net, &key);
		verdict_of(load, item, now, &values[n]);
		if (!bpf_map_lookup_elem(fd, &key, &old)) {
			if (comes_before(&old, now)) {
				err = keep_for_later(load, load->at);
				continue;
			}
			replace(&values[n], &old, load->before, now);
		}
		memcpy(keys + n++ * sizes[map], &key, sizes[map]);
	}
	wanted = n;
	if (!err && n)
		err = bpf_map_update_batch(fd, keys, values, &n, NULL);
	if (err == -E2BIG && !load->err) {
		load->err = err;
		say_full(load, map, *counter(&load->done, map), load->why, sizeof(load->why));
	}
	return err ? err : n == wanted ? 0 : -EIO;
}

static uint64_t step_entries(struct mqg_load *load)
{
	int err;

	if (load->at == load->set.count) {
		load->phase = BELOW;
		load->at = 0;
		return AT_ONCE;
	}
	err = write_some(load);
	return err ? fail(load, err, "the verdicts cannot be written") : AT_ONCE;
}

/* Last, and over what is there: this cannot meet a full map. */
static int write_below(struct mqg_load *load, const struct mqg_item *item)
{
	struct mqgate_verdict old, new;
	uint64_t now = load->clock();
	union mqg_net_key key;
	int fd = mqg_net_map(load->pins, &item->net, &key);

	verdict_of(load, item, now, &new);
	if (!bpf_map_lookup_elem(fd, &key, &old)) {
		if (comes_before(&old, now)) {
			old.before = new.action;
			old.before_expires = new.expires;
			old.before_rate = new.rate;
			old.generation = new.generation | MQGATE_GENERATION_SINGLE;
			return bpf_map_update_elem(fd, &key, &old, BPF_ANY);
		}
		replace(&new, &old, load->before, now);
	}
	return bpf_map_update_elem(fd, &key, &new, BPF_ANY);
}

static uint64_t step_below(struct mqg_load *load)
{
	for (int n = 0; n < 256 && load->at < load->done.below; n++, load->at++) {
		int err = write_below(load, &load->set.items[load->below[load->at]]);

		if (err)
			return fail(load, err, "the verdicts below single ones cannot be written");
	}
	if (load->at == load->done.below)
		load->phase = FLIP;
	return AT_ONCE;
}

static uint64_t step_flip(struct mqg_load *load)
{
	struct mqgate_control control;
	int err = read_control(load->pins, &control);

	if (!err) {
		control.generation = load->done.generation;
		err = write_control(load->pins, &control);
	}
	if (err)
		return fail(load, err, MQGATE_MAP_CONTROL " cannot be written");
	load->done.flipped = true;
	load->done.persistent = load->saving && !mqg_state_commit(&load->file, load->done.unsaved,
								  sizeof(load->done.unsaved));
	load->saving = false;
	load->phase = SETTLE;
	return SETTLE_NS;
}

/* ---- after it --------------------------------------------------------------------------- */

static int is_operators_ban(const struct mqg_net *net, const struct mqgate_verdict *verdict,
			    void *arg)
{
	(void)net;
	*(bool *)arg = mqg_action_refuses(verdict->action) &&
		       verdict->origin != MQGATE_ORIGIN_DAEMON;
	return 1;
}

static int start_walk(struct mqg_load *load, int fd)
{
	int err = 0;

	if (!load->walking)
		err = mqg_walk_begin(&load->walk, fd);
	load->walking = true;
	return err;
}

static void stop_walk(struct mqg_load *load)
{
	if (load->walking)
		mqg_walk_end(&load->walk);
	load->walking = false;
}

/* A batch is kept between steps: its flows are asked about a few at a time. */
static uint64_t step_flows(struct mqg_load *load)
{
	const struct mqgate_flow_key *keys;
	uint64_t now = load->clock();
	int err = start_walk(load, load->pins->allow), got = (int)load->batch;

	if (!err && load->at == 0)
		got = mqg_walk_next(&load->walk);
	if (err || got <= 0) {
		stop_walk(load);
		if (err || got < 0)
			return fail(load, err ? err : got, "the ALLOW entries cannot be read");
		load->phase = REAP;
		load->map = 0;
		return AT_ONCE;
	}
	load->batch = (size_t)got;
	keys = (const struct mqgate_flow_key *)load->walk.keys;
	for (uint32_t n = 0; n < FLOWS && load->at < (size_t)got; n++, load->at++) {
		bool drops = false;

		mqg_net_match(load->pins, keys[load->at].saddr, now, is_operators_ban, &drops);
		if (drops && !mqg_allow_remove(load->pins, &keys[load->at]))
			load->done.allow_removed++;
	}
	if (load->at == (size_t)got)
		load->at = 0;
	return AT_ONCE;
}

/* What is left of a load that came to no flip goes back to what it was. */
static bool take_back(const struct mqgate_verdict *v, uint32_t generation, uint64_t now,
		      struct mqgate_verdict *fixed)
{
	*fixed = *v;
	fixed->before = MQGATE_ACTION_NONE;
	fixed->before_expires = 0;
	fixed->before_rate = 0;
	fixed->generation = v->generation & MQGATE_GENERATION_SINGLE ? 0 : generation;
	if (v->generation & MQGATE_GENERATION_SINGLE)
		return mqg_verdict_live(v, now);
	fixed->action = v->before;
	fixed->expires = v->before_expires;
	fixed->rate = v->before_rate;
	if (!generation) {
		/* No set held: then only a ban by score can have been there. */
		fixed->origin = MQGATE_ORIGIN_DAEMON;
		fixed->reason = MQGATE_REASON_SCORE;
	}
	return mqg_verdict_live(fixed, now);
}

enum fate { KEEP, CHANGE, REMOVE };

/*
 * Expired verdicts of the daemon and the operator go, and those of sets that hold no longer;
 * others reap their own.
 */
static enum fate judge(const struct mqgate_verdict *v, uint32_t generation, uint64_t now,
		       struct mqgate_verdict *fixed)
{
	uint32_t set = v->generation & ~MQGATE_GENERATION_SINGLE;

	if (set > generation)
		return take_back(v, generation, now, fixed) ? CHANGE : REMOVE;
	*fixed = *v;
	mqg_verdict_resolve(fixed, generation, now);
	if (mqg_verdict_live(fixed, now))
		return KEEP;
	return v->origin == MQGATE_ORIGIN_DAEMON || v->origin == MQGATE_ORIGIN_OPERATOR ? REMOVE :
											  KEEP;
}

/* Deletes @n keys; one that somebody else deleted first is left out. */
static int delete_some(int fd, const char *keys, uint32_t key_size, uint32_t n)
{
	int err = 0;

	while (!err && n) {
		__u32 did = n;

		err = bpf_map_delete_batch(fd, keys, &did, NULL);
		if (err == -ENOENT) {
			err = 0;
			did++;
		}
		if (did > n)
			did = n;
		keys += (size_t)did * key_size;
		n -= did;
	}
	return err;
}

static int reap_batch(struct mqg_load *load, uint32_t got)
{
	const struct mqgate_verdict *values = (const struct mqgate_verdict *)load->walk.values;
	uint32_t key_size = load->walk.key_size, dead = 0, generation = load->done.flipped ?
						       load->done.generation : load->before;
	uint64_t now = load->clock();
	char *keys = load->walk.keys;
	int err = 0;

	for (uint32_t i = 0; !err && i < got; i++) {
		struct mqgate_verdict fixed;
		enum fate fate = judge(&values[i], generation, now, &fixed);

		if (fate == REMOVE)
			memmove(keys + (size_t)dead++ * key_size, keys + (size_t)i * key_size,
				key_size);
		else if (fate == CHANGE)
			err = bpf_map_update_elem(load->walk.fd, keys + (size_t)i * key_size,
						  &fixed, BPF_EXIST);
	}
	if (err == -ENOENT)
		err = 0;
	load->done.reaped += dead;
	load->done.entries[load->map] += got - dead;
	load->prefixes_gone |= dead && load->map > 0;
	return err ? err : delete_some(load->walk.fd, keys, key_size, dead);
}

static uint64_t step_reap(struct mqg_load *load)
{
	int err = start_walk(load, map_fd(load, load->map)), got = 0;

	if (!err)
		got = mqg_walk_next(&load->walk);
	if (!err && got > 0)
		err = reap_batch(load, (uint32_t)got);
	if (err || got < 0) {
		fail(load, err ? err : got, "what is over cannot be removed");
		stop_walk(load);
		load->phase = END;
		return 0;
	}
	if (got)
		return AT_ONCE;
	stop_walk(load);
	if (++load->map < MAPS)
		return AT_ONCE;
	load->map = 0;
	if (load->phase == SWEEP) {
		memset(load->done.entries, 0, sizeof(load->done.entries));
		load->phase = SAVE;
	} else {
		load->phase = load->prefixes_gone ? REINDEX_READ : END;
		load->map = 1;
	}
	return load->phase == END ? 0 : AT_ONCE;
}

/* ---- the index anew ----------------------------------------------------------------------- */

static void drop_index(struct mqg_load *load)
{
	if (load->have_index)
		mqg_index_free(&load->index);
	load->have_index = false;
}

static uint64_t step_reindex_read(struct mqg_load *load)
{
	int err = 0, got = 0;

	if (!load->have_index)
		err = mqg_index_alloc(load->pins, &load->index);
	load->have_index = !err;
	if (!err)
		err = start_walk(load, map_fd(load, load->map));
	if (!err)
		got = mqg_walk_next(&load->walk);
	for (int i = 0; !err && i < got; i++) {
		struct mqg_net net;

		mqg_net_of_key(load->walk.key_size,
			       load->walk.keys + (size_t)i * load->walk.key_size, &net);
		mqg_index_add(&load->index, &net);
	}
	if (err || got < 0) {
		stop_walk(load);
		drop_index(load);
		/* The bits that stay cost look-ups and nothing else. */
		load->phase = END;
		return 0;
	}
	if (got)
		return AT_ONCE;
	stop_walk(load);
	if (++load->map == MAPS)
		load->phase = REINDEX;
	return AT_ONCE;
}

static uint64_t step_reindex(struct mqg_load *load)
{
	int err = mqg_index_write(load->pins, &load->index, true);

	if (err > 0)
		return AT_ONCE;
	drop_index(load);
	/* A prefix came meanwhile that was not read. */
	if (err == -EAGAIN && load->tries++ < 8) {
		load->phase = REINDEX_READ;
		load->map = 1;
		return AT_ONCE;
	}
	load->phase = END;
	return 0;
}

uint64_t mqg_load_step(struct mqg_load *load)
{
	switch (load->phase) {
	case SAVE:
		return step_save(load);
	case INDEX:
		return step_index(load);
	case ENTRIES:
		return step_entries(load);
	case BELOW:
		return step_below(load);
	case FLIP:
		return step_flip(load);
	case SETTLE:
		load->phase = FLOWS_OUT;
		load->at = 0;
		return AT_ONCE;
	case FLOWS_OUT:
		return step_flows(load);
	case SWEEP:
	case REAP:
		return step_reap(load);
	case REINDEX_READ:
		return step_reindex_read(load);
	case REINDEX:
		return step_reindex(load);
	case END:
		break;
	}
	return 0;
}

const char *mqg_load_progress(const struct mqg_load *load, size_t *done, size_t *of)
{
	*done = load->at;
	*of = load->set.count;
	switch (load->phase) {
	case SAVE:
		return "saved";
	case INDEX:
		return "indexed";
	case ENTRIES:
		return "written";
	default:
		*done = load->done.reaped;
		*of = 0;
		return "removed";
	}
}

bool mqg_load_flipped(const struct mqg_load *load)
{
	return load->done.flipped;
}

int mqg_load_result(const struct mqg_load *load, struct mqg_load_done *done, char *why, size_t size)
{
	*done = load->done;
	if (load->err)
		snprintf(why, size, "%s", load->why);
	return load->err;
}

void mqg_load_free(struct mqg_load *load)
{
	if (!load)
		return;
	stop_walk(load);
	drop_index(load);
	if (load->saving)
		mqg_state_drop(&load->file);
	mqg_set_free(&load->set);
	free(load->below);
	free(load);
}

int mqg_load_restore(const struct mqg_pins *pins, struct mqg_load_done *done, char *why,
		     size_t size)
{
	struct mqg_load *load;
	struct mqg_set set;
	int err = mqg_state_read(MQG_STATE_LOADED, &set, why, size);
	uint64_t wait;

	if (!err && !set.count)
		err = -ENOENT;
	if (!err)
		err = mqg_load_begin(pins, &set, false, NULL, &load, why, size);
	if (err) {
		mqg_set_free(&set);
		return err;
	}
	while ((wait = mqg_load_step(load))) {
		const struct timespec pause = { .tv_nsec = (long)wait };

		if (wait > AT_ONCE)
			nanosleep(&pause, NULL);
	}
	err = mqg_load_result(load, done, why, size);
	mqg_load_free(load);
	return err;
}
