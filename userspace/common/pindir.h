/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The directory of pins on bpffs as attach and detach change it: which pins are there, who may
 * open them, the links of the interfaces. Callers hold the writer's lock (lock.h) around every
 * change; listing needs none.
 */
#ifndef MQG_PINDIR_H
#define MQG_PINDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <net/if.h>

#include "common/layout.h"

#define MQG_PATH	512

/* What a pin of one interface says. */
struct mqg_link {
	char		ifname[IF_NAMESIZE];	/* as when it was attached */
	char		path[MQG_PATH];
	bool		readable;	/* false: who asks may not open the pin; the rest is zero */
	uint32_t	id;
	uint32_t	prog_id;
	uint32_t	ifindex;	/* 0: the interface is gone */
};

/*
 * bpffs refuses names with a dot ("eth0.100"), so '.', '/' and '%' are written %2E, %2F, %25.
 * Returns 0 or -ENAMETOOLONG.
 */
int mqg_link_path(const char *ifname, char *path, size_t size);
/* The interface name of a pin "link_..."; false where @pin is no such name. */
bool mqg_link_name(const char *pin, char ifname[IF_NAMESIZE]);

/* Reads the pin of one interface. 0, -ENOENT, or -errno (-EPROTO: not a link of XDP). */
int mqg_link_read(const char *ifname, struct mqg_link *link);

typedef int (*mqg_link_fn)(const struct mqg_link *link, void *arg);
/* Every link pin, in the order of names; stops at the first non-zero answer and returns it. */
int mqg_link_each(mqg_link_fn fn, void *arg);

/**
 * mqg_pindir_check() - may the pins that are there be believed?
 * @dir:  directory
 * @why:  buffer for what is wrong and the remedy
 * @size: of @why
 *
 * bpffs may be writable for everybody, as /tmp is: a directory that root does not own, or a
 * symbolic link, was put there by somebody, and so were the maps in it.
 * Return: 0 (also where there is no directory), -EPERM, or another -errno.
 */
int mqg_pindir_check(const char *dir, char *why, size_t size);

/**
 * mqg_pindir_make() - make a directory, for root and the group alone
 * @dir:  directory
 * @gid:  who may enter besides root, (gid_t)-1 = nobody
 * @note: buffer for what a person should know of the change, "" for nothing
 * @size: of @note and of @why
 * @why:  buffer for what is wrong and the remedy
 *
 * Where the mount point above lets only root pass (systemd mounts bpffs so), others get the
 * permission to pass through it, and @note says so. Return: 0 or -errno.
 */
int mqg_pindir_make(const char *dir, gid_t gid, char *note, char *why, size_t size);

/**
 * mqg_pindir_open() - open the maps that are pinned already
 * @map_fd: out, -1 where there is no pin; the caller closes them
 * @why:    buffer for what is wrong and the remedy
 * @size:   of @why
 *
 * Return: how many are there, -EPROTO when one of them, or the program, is of another ABI, or
 * another -errno (then nothing is open).
 */
int mqg_pindir_open(int map_fd[MQG_MAPS], char *why, size_t size);

/* Pins @fd under @name, unless that name is taken, and gives it owner and mode. 1 = pinned now. */
int mqg_pindir_pin(const char *dir, int fd, const char *name, gid_t gid, char *why, size_t size);

/*
 * Removes the program's and the maps' pins, and the directory. Returns how many files of
 * others are left in it, or -errno.
 */
int mqg_pindir_remove(const char *dir);

/* What is not of mqgate moves from one directory to another. 0 or -errno. */
int mqg_pindir_hand_over(const char *from, const char *to);

#endif
