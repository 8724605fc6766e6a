// SPDX-License-Identifier: BSD-2-Clause
/*
 * The directory of pins: making, listing and emptying it. Called by attach.c and by the
 * command under the writer's lock; listing is done without it.
 */
#include "common/pindir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <linux/magic.h>
#include <linux/mqgate.h>

#include "common/pins.h"

static const char hex[] = "0123456789ABCDEF";

int mqg_link_path(const char *ifname, char *path, size_t size)
{
	char name[3 * IF_NAMESIZE + 1];
	size_t n = 0;

	for (const char *p = ifname; *p; p++) {
		if (n > sizeof(name) - 4)
			return -ENAMETOOLONG;
		if (strchr("./%", *p)) {
			name[n++] = '%';
			name[n++] = hex[(unsigned char)*p >> 4];
			name[n++] = hex[*p & 15];
		} else {
			name[n++] = *p;
		}
	}
	name[n] = '\0';
	n = (size_t)snprintf(path, size, "%s/" MQGATE_PIN_LINK_PREFIX "%s", mqg_bpffs_dir(), name);
	return n < size ? 0 : -ENAMETOOLONG;
}

static int digit(char c)
{
	const char *at = c ? strchr(hex, c) : NULL;

	return at ? (int)(at - hex) : -1;
}

bool mqg_link_name(const char *pin, char ifname[IF_NAMESIZE])
{
	const size_t prefix = sizeof(MQGATE_PIN_LINK_PREFIX) - 1;
	size_t n = 0;

	if (strncmp(pin, MQGATE_PIN_LINK_PREFIX, prefix))
		return false;
	for (const char *p = pin + prefix; *p; p++) {
		if (n == IF_NAMESIZE - 1)
			return false;
		if (*p == '%') {
			int high = digit(p[1]), low = high < 0 ? -1 : digit(p[2]);

			if (low < 0)
				return false;
			ifname[n++] = (char)(high << 4 | low);
			p += 2;
		} else {
			ifname[n++] = *p;
		}
	}
	ifname[n] = '\0';
	return n > 0;
}

int mqg_link_read(const char *ifname, struct mqg_link *link)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	int fd, err;

	memset(link, 0, sizeof(*link));
	snprintf(link->ifname, sizeof(link->ifname), "%s", ifname);
	err = mqg_link_path(ifname, link->path, sizeof(link->path));
	if (err)
		return err;
	fd = bpf_obj_get(link->path);
	/* The group reads maps, not links: who holds a link can take the program off. */
	if (fd == -EACCES || fd == -EPERM)
		return access(link->path, F_OK) ? -errno : 0;
	if (fd < 0)
		return fd;
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	close(fd);
	if (err)
		return err;
	if (info.type != BPF_LINK_TYPE_XDP)
		return -EPROTO;
	link->readable = true;
	link->id = info.id;
	link->prog_id = info.prog_id;
	link->ifindex = info.xdp.ifindex;
	return 0;
}

static int is_link(const struct dirent *entry)
{
	char ifname[IF_NAMESIZE];

	return mqg_link_name(entry->d_name, ifname);
}

int mqg_link_each(mqg_link_fn fn, void *arg)
{
	struct dirent **entries;
	int count, answer = 0;

	count = scandir(mqg_bpffs_dir(), &entries, is_link, alphasort);
	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		char ifname[IF_NAMESIZE];
		struct mqg_link link;

		if (!answer && mqg_link_name(entries[i]->d_name, ifname) &&
		    !mqg_link_read(ifname, &link))
			answer = fn(&link, arg);
		free(entries[i]);
	}
	free(entries);
	return answer;
}

static void parent_of(const char *dir, char parent[MQG_PATH])
{
	char *slash;

	snprintf(parent, MQG_PATH, "%s", dir);
	slash = strrchr(parent, '/');
	if (slash && slash != parent)
		*slash = '\0';
	else
		strcpy(parent, slash ? "/" : ".");
}

static int say_no_bpffs(const char *dir, char *why, size_t size)
{
	snprintf(why, size,
		 "%s: not on a BPF file system; mount one (mount -t bpf bpf /sys/fs/bpf), "
		 "and in a network namespace use nsenter --net=FILE, as ip netns exec hides it",
		 dir);
	return -ENOTDIR;
}

int mqg_pindir_check(const char *dir, char *why, size_t size)
{
	struct stat st;

	if (lstat(dir, &st)) {
		if (errno == ENOENT)
			return 0;
		snprintf(why, size, "%s: %s", dir, strerror(errno));
		return -errno;
	}
	if (S_ISDIR(st.st_mode) && !st.st_uid && !(st.st_mode & S_IWOTH))
		return 0;
	if (st.st_uid)
		snprintf(why, size,
			 "%s: it belongs to user %u, so its maps cannot be trusted; find "
			 "out who made it, and remove it",
			 dir, st.st_uid);
	else
		snprintf(why, size, "%s: it is no directory that root alone writes, so its maps "
			 "cannot be trusted; find out who made it, and remove it", dir);
	return -EPERM;
}

int mqg_pindir_make(const char *dir, gid_t gid, char *note, char *why, size_t size)
{
	char parent[MQG_PATH];
	struct statfs fs;
	struct stat st;

	*note = '\0';
	parent_of(dir, parent);
	if (statfs(parent, &fs) || fs.f_type != BPF_FS_MAGIC)
		return say_no_bpffs(dir, why, size);
	if (mkdir(dir, 0750) && errno != EEXIST)
		goto fail;
	if (gid == (gid_t)-1 ? chmod(dir, 0700) : (chown(dir, 0, gid) || chmod(dir, 0750)))
		goto fail;
	if (gid == (gid_t)-1)
		return 0;
	if (!stat(parent, &st) && !(st.st_mode & S_IXOTH) && st.st_gid != gid) {
		if (chmod(parent, (st.st_mode & 07777) | S_IXOTH))
			goto fail;
		snprintf(note, size, "%s let only root pass; others may pass now (not list), so "
			 "that the group reaches its pins", parent);
	}
	return 0;
fail:
	snprintf(why, size, "%s: cannot be prepared: %s; this needs root", dir, strerror(errno));
	return -errno;
}

static void close_maps(int map_fd[MQG_MAPS])
{
	for (size_t i = 0; i < MQG_MAPS; i++) {
		if (map_fd[i] >= 0)
			close(map_fd[i]);
		map_fd[i] = -1;
	}
}

int mqg_pindir_open(int map_fd[MQG_MAPS], char *why, size_t size)
{
	struct mqg_pins pins;
	int found = 0, err = 0;

	for (size_t i = 0; i < MQG_MAPS; i++)
		map_fd[i] = -1;

	/* One judge of layouts and ABI for everybody; here a missing pin is no fault. */
	err = mqg_pins_open(&pins, why, size);
	mqg_pins_close(&pins);
	if (err && err != -ENOENT)
		return err;

	for (size_t i = 0; i < MQG_MAPS; i++) {
		struct bpf_map_info info = {};
		__u32 len = sizeof(info);
		char path[MQG_PATH], text[128] = "something that is not a map";

		snprintf(path, sizeof(path), "%s/%s", mqg_bpffs_dir(), mqg_map_layouts[i].name);
		map_fd[i] = bpf_obj_get(path);
		if (map_fd[i] == -ENOENT)
			continue;
		if (map_fd[i] < 0 || bpf_obj_get_info_by_fd(map_fd[i], &info, &len) ||
		    mqg_layout_check(&mqg_map_layouts[i], &info, text, sizeof(text))) {
			snprintf(why, size, "%s: the pin holds %s; another version of mqgate made "
				 "it. Detach that one (mqgate detach all) and attach again: "
				 "verdicts start anew", path, text);
			close_maps(map_fd);
			return -EPROTO;
		}
		found++;
	}
	return found;
}

int mqg_pindir_pin(const char *dir, int fd, const char *name, gid_t gid, char *why, size_t size)
{
	char path[MQG_PATH];
	int err, made = 1;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	err = bpf_obj_pin(fd, path);
	if (err == -EEXIST)
		made = err = 0;
	if (!err && gid != (gid_t)-1 && (chown(path, 0, gid) || chmod(path, 0660)))
		err = -errno;
	if (!err)
		return made;
	if (made)
		unlink(path);
	snprintf(why, size, "%s: cannot be pinned: %s", path, strerror(-err));
	return err;
}

static bool is_ours(const char *name)
{
	char ifname[IF_NAMESIZE];

	return !strcmp(name, MQGATE_PIN_PROG) || !strcmp(name, MQGATE_PIN_PROG_FRAGS) ||
	       !strncmp(name, "mqgate_", strlen("mqgate_")) ||
	       mqg_link_name(name, ifname);
}

static bool is_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

int mqg_pindir_remove(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int left = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir)))
		if (!is_dot(entry->d_name) &&
		    (!is_ours(entry->d_name) || unlinkat(dirfd(dir), entry->d_name, 0)))
			left++;
	closedir(dir);
	if (!left && rmdir(path) && errno != ENOENT)
		return -errno;
	return left;
}

int mqg_pindir_hand_over(const char *from, const char *to)
{
	DIR *dir = opendir(from), *other = opendir(to);
	const struct dirent *entry;
	int err = dir && other ? 0 : -errno;

	while (!err && (entry = readdir(dir)))
		if (!is_dot(entry->d_name) && !is_ours(entry->d_name) &&
		    renameat(dirfd(dir), entry->d_name, dirfd(other), entry->d_name))
			err = -errno;
	if (dir)
		closedir(dir);
	if (other)
		closedir(other);
	return err;
}
