// SPDX-License-Identifier: BSD-2-Clause
/*
 * Copies maps of an older ABI; see migrate.h. Called by attach.c under the writer's lock; no
 * state. XDP writes the old maps meanwhile: what it counts between copy and change of programs
 * is lost.
 */
#include "common/migrate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <linux/mqgate.h>

#include "common/batch.h"
#include "common/known.h"
#include "common/net.h"
#include "common/pindir.h"

#define FIELDS		256
#define FIELD_NAME	96

/* What has a name, a place and no parts; of an array of numbers the whole. */
struct field {
	char		name[FIELD_NAME];	/* "destination[3].addr" */
	uint32_t	offset, size;
};

struct shape {
	struct field	field[FIELDS];
	size_t		count;
	bool		too_many;
};

/* ---- shapes ----------------------------------------------------------------- */

static void add_type(const struct btf *btf, uint32_t id, const char *name, uint32_t offset,
		     struct shape *shape);

static void add_field(struct shape *shape, const char *name, uint32_t offset, uint32_t size)
{
	struct field *field = &shape->field[shape->count];

	if (shape->count == FIELDS) {
		shape->too_many = true;
		return;
	}
	snprintf(field->name, sizeof(field->name), "%s", name);
	field->offset = offset;
	field->size = size;
	shape->count++;
}

static void add_members(const struct btf *btf, const struct btf_type *t, const char *name,
			uint32_t offset, struct shape *shape)
{
	const struct btf_member *m = btf_members(t);

	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		char path[FIELD_NAME];

		snprintf(path, sizeof(path), "%s%s%s", name, *name ? "." : "",
			 btf__name_by_offset(btf, m[i].name_off));
		add_type(btf, m[i].type, path, offset + btf_member_bit_offset(t, i) / 8, shape);
	}
}

static void add_array(const struct btf *btf, uint32_t id, const char *name, uint32_t offset,
		      struct shape *shape)
{
	const struct btf_array *array = btf_array(btf__type_by_id(btf, id));
	int element = btf__resolve_type(btf, array->type);
	int64_t size = element < 0 ? element : btf__resolve_size(btf, (uint32_t)element);

	if (size < 0 || !btf_is_composite(btf__type_by_id(btf, (uint32_t)element))) {
		add_field(shape, name, offset, size < 0 ? 0 : (uint32_t)size * array->nelems);
		return;
	}
	for (uint32_t i = 0; i < array->nelems; i++) {
		char path[FIELD_NAME];

		snprintf(path, sizeof(path), "%s[%u]", name, i);
		add_type(btf, (uint32_t)element, path, offset + i * (uint32_t)size, shape);
	}
}

static void add_type(const struct btf *btf, uint32_t id, const char *name, uint32_t offset,
		     struct shape *shape)
{
	int resolved = btf__resolve_type(btf, id);
	const struct btf_type *t = resolved < 0 ? NULL : btf__type_by_id(btf, (uint32_t)resolved);

	if (!t)
		shape->too_many = true;
	else if (btf_is_composite(t))
		add_members(btf, t, name, offset, shape);
	else if (btf_is_array(t))
		add_array(btf, (uint32_t)resolved, name, offset, shape);
	else
		add_field(shape, name, offset, t->size);
}

struct side {
	int			fd;
	struct bpf_map_info	info;
	struct shape		key, value;
};

static int read_side(int fd, struct side *side)
{
	__u32 len = sizeof(side->info);
	struct btf *btf;
	int err;

	side->fd = fd;
	err = bpf_obj_get_info_by_fd(fd, &side->info, &len);
	if (err)
		return err;
	btf = side->info.btf_id ? btf__load_from_kernel_by_id(side->info.btf_id) : NULL;
	if (!btf)
		return -ENODATA;
	add_type(btf, side->info.btf_key_type_id, "", 0, &side->key);
	add_type(btf, side->info.btf_value_type_id, "", 0, &side->value);
	btf__free(btf);
	return side->key.too_many || side->value.too_many ? -ENODATA : 0;
}

/* ---- one map ---------------------------------------------------------------- */

struct copy {
	const char	*name;
	bool		may_lose;		/* what XDP alone keeps */
	struct side	from, to;
	int		place[FIELDS];		/* of each old field in the new value, -1 = none */
	uint32_t	cpus;			/* 0 = one value an entry */
	char		*key, *value;		/* of the new map */
	char		*why;
	size_t		size;
};

static const struct field *find(const struct shape *shape, const struct field *field)
{
	for (size_t i = 0; i < shape->count; i++)
		if (shape->field[i].size == field->size &&
		    !strcmp(shape->field[i].name, field->name))
			return &shape->field[i];
	return NULL;
}

static int refuse(struct copy *c, const char *what, const char *field)
{
	snprintf(c->why, c->size, "%s: %s %s; let the version of mqgate that attached it go on, or "
		 "mqgate detach all, then attach again: verdicts start anew", c->name, what, field);
	return -EPROTO;
}

/* A key that is not wholly the same would be another key. */
static int compare_keys(struct copy *c)
{
	for (size_t i = 0; i < c->from.key.count; i++)
		if (!find(&c->to.key, &c->from.key.field[i]))
			return refuse(c, "this build does not know the part of its key",
				      c->from.key.field[i].name);
	if (c->from.key.count != c->to.key.count)
		return refuse(c, "its key has fewer parts than in this build", "");
	return 0;
}

static bool all_zero(const char *bytes, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

static int convert(struct copy *c, const char *old, char *new)
{
	for (size_t i = 0; i < c->from.value.count; i++) {
		const struct field *f = &c->from.value.field[i];

		if (c->place[i] >= 0)
			memcpy(new + c->to.value.field[c->place[i]].offset, old + f->offset,
			       f->size);
		else if (!c->may_lose && !all_zero(old + f->offset, f->size))
			return refuse(c, "this build has no place for", f->name);
	}
	return 0;
}

static uint32_t stride(uint32_t size)
{
	return (size + 7) & ~7U;
}

static int copy_entry(struct copy *c, const char *old_key, const char *old)
{
	uint32_t values = c->cpus ? c->cpus : 1;
	int err = 0;

	memset(c->key, 0, c->to.info.key_size);
	memset(c->value, 0, (size_t)stride(c->to.info.value_size) * values);
	for (size_t i = 0; i < c->from.key.count; i++)
		memcpy(c->key + find(&c->to.key, &c->from.key.field[i])->offset,
		       old_key + c->from.key.field[i].offset, c->from.key.field[i].size);
	for (uint32_t i = 0; !err && i < values; i++)
		err = convert(c, old + (size_t)i * stride(c->from.info.value_size),
			      c->value + (size_t)i * stride(c->to.info.value_size));
	if (err)
		return err;
	err = bpf_map_update_elem(c->to.fd, c->key, c->value, BPF_ANY);
	if (err)
		snprintf(c->why, c->size, "%s: an entry cannot be carried over: %s", c->name,
			 strerror(-err));
	return err;
}

static int copy_batch(const void *keys, const void *values, uint32_t count, void *arg)
{
	struct copy *c = arg;
	int err = 0;

	for (uint32_t i = 0; !err && i < count; i++)
		err = copy_entry(c, (const char *)keys + (size_t)i * c->from.info.key_size,
				 (const char *)values + (size_t)i * c->from.info.value_size);
	return err;
}

/* Arrays hold every index; what is zero there is so in the new map already. */
static int copy_array(struct copy *c)
{
	uint32_t bytes = c->cpus ? stride(c->from.info.value_size) * c->cpus :
				   c->from.info.value_size;
	char *value = malloc(bytes);
	int err = value ? 0 : -ENOMEM;

	if (!err && c->from.info.max_entries != c->to.info.max_entries)
		err = refuse(c, "it has another number of entries than in this build", "");
	for (__u32 i = 0; !err && i < c->from.info.max_entries; i++) {
		err = bpf_map_lookup_elem(c->from.fd, &i, value);
		if (!err && !all_zero(value, bytes))
			err = copy_entry(c, (const char *)&i, value);
	}
	free(value);
	return err;
}

static int copy_map(struct copy *c)
{
	bool array = c->from.info.type == BPF_MAP_TYPE_ARRAY ||
		     c->from.info.type == BPF_MAP_TYPE_PERCPU_ARRAY;
	int err, cpus = libbpf_num_possible_cpus();

	if (c->from.info.type != c->to.info.type)
		return refuse(c, "it is of another type than in this build", "");
	err = compare_keys(c);
	if (err)
		return err;
	for (size_t i = 0; i < c->from.value.count; i++) {
		const struct field *place = find(&c->to.value, &c->from.value.field[i]);

		c->place[i] = place ? (int)(place - c->to.value.field) : -1;
	}
	if (c->from.info.type == BPF_MAP_TYPE_PERCPU_ARRAY)
		c->cpus = (uint32_t)cpus;
	c->key = malloc(c->to.info.key_size);
	c->value = malloc((size_t)stride(c->to.info.value_size) * (c->cpus ? c->cpus : 1));
	err = !c->key || !c->value || cpus < 0 ? -ENOMEM :
	      array ? copy_array(c) : mqg_batch_each(c->from.fd, copy_batch, c);
	free(c->key);
	free(c->value);
	if (err && err != -EPROTO && !*c->why)
		snprintf(c->why, c->size, "%s: cannot be carried over: %s", c->name,
			 strerror(-err));
	return err;
}

static int open_old(const char *dir, const char *name)
{
	char path[MQG_PATH];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return bpf_obj_get(path);
}

static int migrate_map(const char *dir, const char *name, bool may_lose, int to, char *why,
		       size_t size)
{
	struct copy *c = calloc(1, sizeof(*c));
	int fd = open_old(dir, name), err = c ? 0 : -ENOMEM;

	*why = '\0';
	/* An ABI that did not have it yet. */
	if (fd == -ENOENT) {
		free(c);
		return err;
	}
	if (c) {
		c->name = name;
		c->may_lose = may_lose;
		c->why = why;
		c->size = size;
		err = fd < 0 ? fd : read_side(fd, &c->from);
		if (!err)
			err = read_side(to, &c->to);
		if (err == -ENODATA)
			err = refuse(c, "it does not tell (BTF) what is in it", "");
		else if (!err)
			err = copy_map(c);
	}
	if (err && !*why)
		snprintf(why, size, "%s/%s: cannot be read: %s", dir, name, strerror(-err));
	if (fd >= 0)
		close(fd);
	free(c);
	return err;
}

/* ---- all of them ------------------------------------------------------------ */

/*
 * The indexes are made anew from the prefixes, the filter of known flows from the flows; a ring
 * buffer is read, not kept.
 */
static const struct {
	const char	*name;
	bool		may_lose;
} carried[] = {
	{ MQGATE_MAP_PORTS, false }, { MQGATE_MAP_SVC, false }, { MQGATE_MAP_SOURCES, false },
	{ MQGATE_MAP_PREFIX4, false }, { MQGATE_MAP_PREFIX6, false },
	{ MQGATE_MAP_CONTROL, false }, { MQGATE_MAP_ALLOW, false }, { MQGATE_MAP_BUDGETS, true },
	{ MQGATE_MAP_FLOWS, true }, { MQGATE_MAP_STATS, true },
};

static size_t number_of(const char *name)
{
	size_t i = 0;

	while (strcmp(mqg_object_map_name(i), name))
		i++;
	return i;
}

/* @size: in and out; of one that is not asked for, what the table of layouts says counts. */
static void at_least(const char *dir, const char *name, uint32_t *size)
{
	uint32_t rule = mqg_map_layouts[number_of(name)].enlarge;
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	int fd = open_old(dir, name);

	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len) &&
	    info.max_entries > (*size > rule ? *size : rule))
		*size = info.max_entries;
	close(fd);
}

void mqg_migrate_sizes(const char *dir, struct mqg_sizes *sizes)
{
	at_least(dir, MQGATE_MAP_SOURCES, &sizes->sources);
	at_least(dir, MQGATE_MAP_PREFIX4, &sizes->prefixes);
	at_least(dir, MQGATE_MAP_PREFIX6, &sizes->prefixes);
	at_least(dir, MQGATE_MAP_ALLOW, &sizes->allow);
	at_least(dir, MQGATE_MAP_FLOWS, &sizes->flows);
	at_least(dir, MQGATE_MAP_BUDGETS, &sizes->budgets);
}

int mqg_migrate(const char *dir, const int map_fd[MQG_OBJECT_MAPS], char *why, size_t size)
{
	struct mqg_pins pins = {};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(carried) / sizeof(carried[0]); i++)
		err = migrate_map(dir, carried[i].name, carried[i].may_lose,
				  map_fd[number_of(carried[i].name)], why, size);
	if (err)
		return err;
	for (size_t i = 0; i < MQG_MAPS; i++)
		*(int *)((char *)&pins + mqg_map_layouts[i].fd_offset) = map_fd[i];
	err = mqg_net_reindex(&pins);
	if (err) {
		snprintf(why, size, "the indexes of prefixes cannot be made: %s", strerror(-err));
		return err;
	}
	err = mqg_known_open(&pins);
	if (!err)
		err = mqg_refill(&pins);
	mqg_known_close(&pins);
	if (err)
		snprintf(why, size, "%s cannot be filled: %s", MQGATE_MAP_KNOWN, strerror(-err));
	return err;
}
