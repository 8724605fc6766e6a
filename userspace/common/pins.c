// SPDX-License-Identifier: BSD-2-Clause
/*
 * Opens the pinned maps and refuses, in words, those of another layout. Called by the daemon
 * and the command; the struct is written here once and only read afterwards, so no lock.
 */
#include "common/pins.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "common/batch.h"
#include "common/known.h"
#include "common/layout.h"
#include "common/migrate.h"

const char *mqg_bpffs_dir(void)
{
	const char *dir = getenv("MQGATE_BPFFS");

	return dir && *dir ? dir : MQGATE_BPFFS_DIR;
}

const char *mqg_run_dir(void)
{
	const char *dir = getenv("MQGATE_RUN");

	return dir && *dir ? dir : MQGATE_RUN_DIR;
}

static int *descriptor(struct mqg_pins *pins, size_t i)
{
	return (int *)((char *)pins + mqg_map_layouts[i].fd_offset);
}

static int say_open_error(int err, const char *dir, const char *pin, char *why, size_t size)
{
	if (err == -ENOENT)
		snprintf(why, size, "%s/%s: there is no such pin, so nothing is attached; "
			 "attach first: mqgate attach IF", dir, pin);
	else if (err == -EACCES || err == -EPERM)
		snprintf(why, size, "%s/%s: permission denied; this needs root or group mqgate",
			 dir, pin);
	else
		snprintf(why, size, "%s/%s: %s; if it is not a map of mqgate, remove it and run "
			 "mqgate attach IF again", dir, pin, strerror(-err));
	return err;
}

static int open_map(struct mqg_pins *pins, size_t i, char *why, size_t size)
{
	const struct mqg_map_layout *layout = &mqg_map_layouts[i];
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	char path[512], text[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", pins->dir, layout->name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return say_open_error(fd, pins->dir, layout->name, why, size);
	*descriptor(pins, i) = fd;

	/* A pinned program or link answers too, with an info that means something else. */
	if (bpf_obj_get_info_by_fd(fd, &info, &len) || !info.id ||
	    mqg_layout_check(layout, &info, text, sizeof(text))) {
		if (!info.id)
			snprintf(text, sizeof(text), "something that is not a map");
		snprintf(
			why, size,
			"%s: the pin holds %s; another version of mqgate made it. "
			"Detach that one (mqgate detach all) and attach again: verdicts start anew",
			path, text);
		return -EPROTO;
	}
	return 0;
}

int mqg_pins_abi(uint32_t *abi, char *why, size_t size)
{
	const char *dir = mqg_bpffs_dir();
	struct bpf_map_info info = {};
	struct mqgate_rodata rodata;
	__u32 len = sizeof(info), zero = 0;
	void *value;
	int fd, err = 0;
	char path[512];

	*abi = 0;
	snprintf(path, sizeof(path), "%s/%s", dir, MQGATE_PIN_RODATA);
	fd = bpf_obj_get_opts(path, &(struct bpf_obj_get_opts){
					    .sz = sizeof(struct bpf_obj_get_opts),
					    .file_flags = BPF_F_RDONLY });
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return say_open_error(fd, dir, MQGATE_PIN_RODATA, why, size);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) || info.type != BPF_MAP_TYPE_ARRAY ||
	    info.key_size != sizeof(zero) || info.value_size < sizeof(rodata)) {
		snprintf(why, size, "%s: the pin does not hold the read-only data of mqgate; "
			 "mqgate detach all, then attach again", path);
		close(fd);
		return -EPROTO;
	}
	value = malloc(info.value_size);
	if (!value)
		err = -ENOMEM;
	else
		err = bpf_map_lookup_elem(fd, &zero, value);
	close(fd);
	if (err) {
		free(value);
		snprintf(why, size, "%s: cannot be read: %s", path, strerror(-err));
		return err;
	}
	memcpy(&rodata, value, sizeof(rodata));
	free(value);
	*abi = rodata.abi_version;
	return 0;
}

/* Before any map is looked at: a layout of another version is no surprise then. */
static int check_abi(struct mqg_pins *pins, char *why, size_t size)
{
	int err = mqg_pins_abi(&pins->abi_version, why, size);
	uint32_t abi = pins->abi_version;

	if (err || !abi || abi == MQGATE_ABI_VERSION)
		return err;
	snprintf(why, size, "%s/%s: the pinned program speaks ABI %u, this build speaks %u; %s",
		 pins->dir, MQGATE_PIN_RODATA, abi, MQGATE_ABI_VERSION,
		 abi < MQGATE_ABI_VERSION && abi >= MQG_ABI_OLDEST ?
		 "mqgate attach IF, of an interface that is attached, replaces it and carries "
		 "its verdicts over; or use the version of mqgate that attached it" :
		 "use the version of mqgate that attached it, or mqgate detach all and attach "
		 "again");
	return -EPROTO;
}

int mqg_pins_open(struct mqg_pins *pins, char *why, size_t size)
{
	int err, cpus;

	memset(pins, 0, sizeof(*pins));
	for (size_t i = 0; i < MQG_MAPS; i++)
		*descriptor(pins, i) = -1;

	if (strlen(mqg_bpffs_dir()) >= sizeof(pins->dir)) {
		snprintf(why, size, "MQGATE_BPFFS: longer than %zu bytes", sizeof(pins->dir) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(pins->dir, mqg_bpffs_dir());

	cpus = libbpf_num_possible_cpus();
	if (cpus < 0) {
		snprintf(why, size, "cannot count the CPUs: %s", strerror(-cpus));
		return cpus;
	}
	pins->cpus = (uint32_t)cpus;

	err = check_abi(pins, why, size);
	for (size_t i = 0; !err && i < MQG_MAPS; i++)
		err = open_map(pins, i, why, size);
	if (!err) {
		err = mqg_known_open(pins);
		if (err)
			snprintf(why, size, "%s/%s: cannot be mapped: %s; mqgate detach all, then "
				 "attach again", pins->dir, MQGATE_MAP_KNOWN, strerror(-err));
	}
	if (err)
		mqg_pins_close(pins);
	return err;
}

void mqg_pins_close(struct mqg_pins *pins)
{
	mqg_known_close(pins);
	for (size_t i = 0; i < MQG_MAPS; i++) {
		if (*descriptor(pins, i) >= 0)
			close(*descriptor(pins, i));
		*descriptor(pins, i) = -1;
	}
}

static int add_count(const void *keys, const void *values, uint32_t count, void *arg)
{
	uint32_t *sum = arg;

	(void)keys;
	(void)values;
	*sum += count;
	return 0;
}

int mqg_map_room(int fd, uint32_t *room)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	int err = bpf_obj_get_info_by_fd(fd, &info, &len);

	*room = err ? 0 : info.max_entries;
	return err;
}

int mqg_map_count(int fd, uint32_t *count)
{
	*count = 0;
	return mqg_batch_each(fd, add_count, count);
}
