// SPDX-License-Identifier: BSD-2-Clause
/*
 * Replaces an attached program and its pins; see upgrade.h for the order and why. Called by
 * attach.c and by those who write the pins, under the writer's lock.
 */
#include "common/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <linux/bpf.h>
#include <linux/mqgate.h>

#include "common/extension.h"
#include "common/migrate.h"
#include "common/object.h"
#include "common/pindir.h"
#include "common/pins.h"

static int next_dir(char next[MQG_PATH])
{
	int n = snprintf(next, MQG_PATH, "%s-next", mqg_bpffs_dir());

	return n < MQG_PATH ? 0 : -ENAMETOOLONG;
}

static uint32_t id_of(int prog_fd)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	return prog_fd < 0 || bpf_obj_get_info_by_fd(prog_fd, &info, &len) ? 0 : info.id;
}

/* The kernel cuts names to 15 characters: that of the twin still differs. */
static bool is_twin(uint32_t prog_id)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(prog_id), err;

	if (fd < 0)
		return false;
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	close(fd);
	return !err && !strncmp(info.name, MQG_PROG_FRAGS, sizeof(info.name) - 1);
}

static int look_for_twin(const struct mqg_link *link, void *arg)
{
	(void)arg;
	return link->ifindex && is_twin(link->prog_id);
}

bool mqg_upgrade_wants_twin(void)
{
	return mqg_link_each(look_for_twin, NULL) > 0;
}

/* ---- 1: the new pins beside the old ones ------------------------------------ */

struct staging {
	const char	*dir;
	char		*why;
	size_t		size;
};

/* When it was attached is told by the time of its pin. */
static int stage_link(const struct mqg_link *link, void *arg)
{
	const struct staging *s = arg;
	char path[MQG_PATH + sizeof(link->path)];
	struct timespec times[2];
	struct stat st;
	int fd, err;

	if (!link->ifindex)
		return 0;
	snprintf(path, sizeof(path), "%s%s", s->dir, strrchr(link->path, '/'));
	fd = bpf_obj_get(link->path);
	err = fd < 0 ? fd : bpf_obj_pin(fd, path);
	if (fd >= 0)
		close(fd);
	if (err) {
		snprintf(s->why, s->size, "%s: cannot be pinned: %s", path, strerror(-err));
		return err;
	}
	if (!stat(link->path, &st)) {
		times[0] = st.st_atim;
		times[1] = st.st_mtim;
		(void)utimensat(AT_FDCWD, path, times, 0);
	}
	return 0;
}

static int stage(const struct mqg_upgrade *u, const char *next, char *why, size_t size)
{
	struct staging s = { next, why, size };
	char note[256];
	int err;

	err = mqg_pindir_make(next, u->gid, note, why, size);
	for (size_t i = 0; err >= 0 && i < MQG_OBJECT_MAPS; i++)
		err = mqg_pindir_pin(next, u->map_fd[i], mqg_object_map_name(i),
				     i < MQG_MAPS ? u->gid : (gid_t)-1, why, size);
	if (err >= 0)
		err = mqg_pindir_pin(next, u->rodata_fd, MQGATE_PIN_RODATA, u->gid, why, size);
	if (err >= 0 && u->twin_fd >= 0)
		err = mqg_pindir_pin(next, u->twin_fd, MQGATE_PIN_PROG_FRAGS, u->gid, why, size);
	if (err >= 0)
		err = mqg_pindir_pin(next, u->prog_fd, MQGATE_PIN_PROG, u->gid, why, size);
	return err < 0 ? err : mqg_link_each(stage_link, &s);
}

/* ---- 4: the links ----------------------------------------------------------- */

struct swap {
	int		prog_fd, twin_fd;	/* -1 = none */
	uint32_t	prog_id, twin_id;
	int		count;
	char		*why;
	size_t		size;
};

static int swap_link(const struct mqg_link *link, void *arg)
{
	LIBBPF_OPTS(bpf_link_update_opts, opts, .flags = BPF_F_REPLACE);
	struct swap *s = arg;
	int fd, old, new, err;

	if (!link->readable || !link->ifindex || link->prog_id == s->prog_id ||
	    (s->twin_id && link->prog_id == s->twin_id))
		return 0;
	new = is_twin(link->prog_id) ? s->twin_fd : s->prog_fd;
	if (new < 0)
		return 0;
	fd = bpf_obj_get(link->path);
	old = bpf_prog_get_fd_by_id(link->prog_id);
	opts.old_prog_fd = (__u32)old;
	err = fd < 0 ? fd : old < 0 ? old : bpf_link_update(fd, new, &opts);
	if (fd >= 0)
		close(fd);
	if (old >= 0)
		close(old);
	/* Removed this moment: nothing to guard. */
	if (err == -ENOLINK)
		err = 0;
	if (err)
		snprintf(s->why, s->size, "%s: its driver does not take the new program in the "
			 "place of the old one: %s", link->ifname, strerror(-err));
	else
		s->count++;
	return err;
}

static int open_pin(const char *dir, const char *name)
{
	char path[MQG_PATH];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return bpf_obj_get(path);
}

/* Every link that has neither the pinned program nor its twin gets the one of its kind. */
static int swap_links(const char *dir, int *count, char *why, size_t size)
{
	struct swap s = { .why = why, .size = size };
	int err;

	s.prog_fd = open_pin(dir, MQGATE_PIN_PROG);
	s.twin_fd = open_pin(dir, MQGATE_PIN_PROG_FRAGS);
	s.prog_id = id_of(s.prog_fd);
	s.twin_id = id_of(s.twin_fd);
	err = mqg_link_each(swap_link, &s);
	if (s.prog_fd >= 0)
		close(s.prog_fd);
	if (s.twin_fd >= 0)
		close(s.twin_fd);
	*count = s.count;
	return err;
}

/* ---- 3 to 5 ----------------------------------------------------------------- */

static int exchange(const char *next, char *why, size_t size)
{
	if (!renameat2(AT_FDCWD, mqg_bpffs_dir(), AT_FDCWD, next, RENAME_EXCHANGE))
		return 0;
	snprintf(why, size, "%s: cannot be exchanged with %s: %s", mqg_bpffs_dir(), next,
		 strerror(errno));
	return -errno;
}

/* What XDP asked the module before it shall ask it again, before the program is in use. */
static void link_extension(const char *old, char *note, size_t size)
{
	char trouble[256];
	bool already;

	if (mqg_extension_linked_in(old) == 1 && mqg_extension_linked() == 0 &&
	    mqg_extension_link_locked(&already, trouble, sizeof(trouble)))
		snprintf(note, size, "XDP asked the module before and does no more: %s", trouble);
}

static int remove_old(const char *next, char *why, size_t size)
{
	int err = mqg_pindir_hand_over(next, mqg_bpffs_dir());

	if (!err)
		err = mqg_pindir_remove(next);
	if (err)
		snprintf(why, size, "%s: the pins of the version before cannot be removed: %s; "
			 "look what else is in there", next,
			 err < 0 ? strerror(-err) : "somebody's files");
	return err > 0 ? -ENOTEMPTY : err;
}

int mqg_upgrade_finish(char *why, size_t size)
{
	char next[MQG_PATH], note[384];
	int err = next_dir(next), count;

	/* The group may write verdicts, and change no links. */
	if (err || geteuid() || access(next, F_OK))
		return 0;
	err = mqg_pindir_check(next, why, size);
	if (err)
		return err;
	link_extension(next, note, sizeof(note));
	err = swap_links(mqg_bpffs_dir(), &count, why, size);
	return err ? err : remove_old(next, why, size);
}

int mqg_upgrade_run(struct mqg_upgrade *u, char *why, size_t size)
{
	char next[MQG_PATH], again[256];
	int err = next_dir(next), count;

	u->links = 0;
	u->note[0] = '\0';
	if (err) {
		snprintf(why, size, "MQGATE_BPFFS: the name is too long");
		return err;
	}
	err = stage(u, next, why, size);
	if (!err && u->migrate)
		err = mqg_migrate(mqg_bpffs_dir(), u->map_fd, why, size);
	if (!err)
		err = exchange(next, why, size);
	if (err) {
		mqg_pindir_remove(next);
		return err;
	}
	link_extension(next, u->note, sizeof(u->note));
	err = swap_links(mqg_bpffs_dir(), &u->links, why, size);
	if (err) {
		/* Back: the old pins count again, and what has the new program gets the old one. */
		if (!exchange(next, again, sizeof(again)))
			swap_links(mqg_bpffs_dir(), &count, again, sizeof(again));
		mqg_pindir_remove(next);
		return err;
	}
	return remove_old(next, why, size);
}
