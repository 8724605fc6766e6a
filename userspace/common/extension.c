// SPDX-License-Identifier: BSD-2-Clause
/*
 * Linking XDP and the kernel module; see extension.h.
 */
#include "common/extension.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <linux/mqgate.h>

#include "common/lock.h"
#include "common/object.h"
#include "common/pindir.h"
#include "common/pins.h"

#define LOCK_WAIT_MS	5000
#define RELEASE_MS	2000

#define MODULE_BTF	"/sys/kernel/btf/mqgate"
#define MODULE_DIR	"/sys/module/mqgate"

static const char *const slots[] = { MQGATE_MAP_EXT, MQGATE_MAP_EXT_FRAGS };

static int open_pin_in(const char *dir, const char *name, __u32 flags)
{
	char path[MQG_PATH];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return bpf_obj_get_opts(path, &(struct bpf_obj_get_opts){
				.sz = sizeof(struct bpf_obj_get_opts), .file_flags = flags });
}

static int open_pin(const char *name, __u32 flags)
{
	return open_pin_in(mqg_bpffs_dir(), name, flags);
}

/* The program in a slot, 0 where there is none, or -errno. */
static long long in_slot(const char *dir, const char *name)
{
	__u32 zero = 0, id = 0;
	int fd = open_pin_in(dir, name, BPF_F_RDONLY), err;

	if (fd < 0)
		return fd;
	err = bpf_map_lookup_elem(fd, &zero, &id);
	close(fd);
	return err == -ENOENT ? 0 : err ? err : (long long)id;
}

int mqg_extension_linked_in(const char *dir)
{
	long long id;
	int full = 0;

	for (size_t i = 0; i < 2; i++) {
		id = in_slot(dir, slots[i]);
		if (id < 0)
			return (int)id;
		full += id > 0;
	}
	return full == 2;
}

int mqg_extension_linked(void)
{
	return mqg_extension_linked_in(mqg_bpffs_dir());
}

/* ---- link ------------------------------------------------------------------- */

static int check_module(char *why, size_t size)
{
	if (!access(MODULE_BTF, F_OK))
		return 0;
	if (access("/proc/modules", F_OK))
		snprintf(why, size, "this kernel loads no modules, so there is none to ask; XDP "
			 "and daemon work without it");
	else if (access(MODULE_DIR, F_OK))
		snprintf(why, size, "the kernel module is not loaded (modprobe mqgate)");
	else if (access("/sys/kernel/btf/vmlinux", F_OK))
		snprintf(why, size, "this kernel has no BTF (CONFIG_DEBUG_INFO_BTF), so BPF finds "
			 "nothing in the module");
	else
		snprintf(why, size, "the module that is loaded has no BTF, so BPF finds nothing in "
			 "it: build it where the BTF of this kernel is (make module "
			 "BTF=/sys/kernel/btf/vmlinux), and load that");
	return -ENODEV;
}

/* Return: 0 and every descriptor of the program's maps, or -errno and none. */
static int open_maps(int map_fd[MQG_OBJECT_MAPS], char *why, size_t size)
{
	int err;

	for (size_t i = 0; i < MQG_OBJECT_MAPS; i++)
		map_fd[i] = -1;
	err = mqg_pindir_check(mqg_bpffs_dir(), why, size);
	if (err)
		return err;
	for (size_t i = 0; i < MQG_OBJECT_MAPS; i++) {
		const char *name = mqg_object_map_name(i);

		map_fd[i] = open_pin(name, 0);
		if (map_fd[i] >= 0)
			continue;
		err = map_fd[i];
		if (err == -ENOENT && i < MQG_MAPS)
			snprintf(why, size, "%s/%s: there is no such pin, so nothing is attached; "
				 "attach first: mqgate attach IF", mqg_bpffs_dir(), name);
		else if (err == -ENOENT)
			snprintf(why, size, "%s/%s: there is no such pin, so the program is of a "
				 "version that cannot ask; mqgate detach IF keep on every "
				 "interface, then attach again", mqg_bpffs_dir(), name);
		else
			snprintf(why, size, "%s/%s: %s", mqg_bpffs_dir(), name, strerror(-err));
		break;
	}
	return err;
}

static void close_maps(int map_fd[MQG_OBJECT_MAPS])
{
	for (size_t i = 0; i < MQG_OBJECT_MAPS; i++)
		if (map_fd[i] >= 0)
			close(map_fd[i]);
}

static int fill(const struct mqg_object *object, const int *map_fd, char *why, size_t size)
{
	const int progs[] = { object->prog_fd, object->twin_fd };
	__u32 zero = 0;
	int err = 0;

	for (size_t i = 0; !err && i < 2; i++)
		err = bpf_map_update_elem(map_fd[MQG_MAPS + MQG_OWN_EXT + i], &zero, &progs[i],
					  BPF_ANY);
	if (!err)
		return 0;
	for (size_t i = 0; i < 2; i++)
		bpf_map_delete_elem(map_fd[MQG_MAPS + MQG_OWN_EXT + i], &zero);
	snprintf(why, size, "%s: the kernel does not take the extension: %s", MQGATE_MAP_EXT,
		 strerror(-err));
	return err;
}

int mqg_extension_link_locked(bool *already, char *why, size_t size)
{
	int map_fd[MQG_OBJECT_MAPS], rodata, err;
	struct mqg_object object = {};
	char path[MQG_PATH];

	err = check_module(why, size);
	if (err)
		return err;
	err = open_maps(map_fd, why, size);
	*already = !err && mqg_extension_linked() == 1;
	if (err || *already)
		goto out;
	err = mqg_object_find_extension(path, sizeof(path));
	if (err) {
		snprintf(why, size, "MQGATE_OBJ: the name is too long");
		goto out;
	}
	rodata = open_pin(MQGATE_PIN_RODATA, 0);
	err = mqg_object_load_extension(&object, path, map_fd, rodata, why, size);
	if (rodata >= 0)
		close(rodata);
	if (!err)
		err = fill(&object, map_fd, why, size);
	mqg_object_unload(&object);
out:
	close_maps(map_fd);
	return err;
}

static int take_lock(char *why, size_t size)
{
	if (geteuid()) {
		snprintf(why, size, "linking XDP and module needs root");
		return -EPERM;
	}
	return mqg_lock_take(MQG_LOCK_WRITER, LOCK_WAIT_MS, why, size);
}

int mqg_extension_link(bool *already, char *why, size_t size)
{
	int lock, err;

	*already = false;
	lock = take_lock(why, size);
	if (lock < 0)
		return lock;
	err = mqg_extension_link_locked(already, why, size);
	close(lock);
	return err;
}

/* ---- unlink ----------------------------------------------------------------- */

/* Users of the module; -1 where it is not loaded. */
static long users(void)
{
	FILE *file = fopen(MODULE_DIR "/refcnt", "re");
	long count = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%ld", &count) != 1)
		count = -1;
	fclose(file);
	return count;
}

/* The kernel frees a program after a grace period, and lets go of the module then. */
static void await_release(long most)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };

	for (int ms = 0; ms < RELEASE_MS && users() > most; ms += 10)
		nanosleep(&pause, NULL);
}

int mqg_extension_unlink(bool *already, char *why, size_t size)
{
	long before, held = 0;
	__u32 zero = 0;
	int lock, err = 0;

	*already = false;
	lock = take_lock(why, size);
	if (lock < 0)
		return lock;
	before = users();
	for (size_t i = 0; !err && i < 2; i++) {
		int fd = open_pin(slots[i], 0);

		err = fd < 0 ? fd : bpf_map_delete_elem(fd, &zero);
		if (!err)
			held++;
		if (fd >= 0)
			close(fd);
		if (err == -ENOENT)
			err = 0;
		if (err)
			snprintf(why, size, "%s/%s: %s", mqg_bpffs_dir(), slots[i],
				 strerror(-err));
	}
	*already = !err && !held;
	close(lock);
	if (!err && held)
		await_release(before > held ? before - held : 0);
	return err;
}
