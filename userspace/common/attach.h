/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attaching and detaching: one program and one set of maps, pinned, shared by as many
 * interfaces as are attached. Called by the command; takes the writer's lock itself. A struct
 * mqg_attach belongs to one thread.
 */
#ifndef MQG_ATTACH_H
#define MQG_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/object.h"
#include "common/xdp.h"

struct mqg_attach {
	/* what is asked */
	const char		*ifname;
	enum mqg_xdp_mode	wanted;		/* MQG_XDP_NONE: native, else generic */
	const char		*group;		/* who may open the pins */
	struct mqg_sizes	sizes;		/* of maps that are made */
	bool			keep;		/* pin the link at once, with nobody to confirm */
	/* what came of it */
	uint32_t		ifindex;
	uint32_t		prog_id;
	enum mqg_xdp_mode	mode;
	bool			already;	/* it was attached before this call */
	bool			frags;		/* the twin for packets of several buffers */
	bool			shared;		/* the program other interfaces have, too */
	int			adopted;	/* maps taken over from an earlier run */
	int			upgraded;	/* interfaces whose program was replaced */
	uint32_t		from_abi;	/* maps were carried over from it, or 0 */
	uint32_t		restored;	/* verdicts of the state directory */
	char			note[2048];	/* sentences for a person, one a line, or "" */
	/* private */
	struct mqg_object	object, twin;
	int			prog_fd, link_fd, rodata_fd;
	bool			pinned;		/* what goes with a new program */
	bool			replaces;	/* a program that others have, or an older ABI */
	int			map_fd[MQG_OBJECT_MAPS];
	gid_t			gid;
	bool			first;		/* no pins were there: undoing removes them */
};

/**
 * mqg_attach_begin() - load or share the program, attach it, pin program and maps
 * @attach: in and out
 * @why:    buffer for what is wrong and the remedy
 * @size:   of @why
 *
 * Without @keep the link is not pinned: the program falls off when this process ends, however
 * it ends, unless mqg_attach_keep() pins it. Never displaces another program. Tries native
 * mode, then native mode with the twin, then generic mode, and says in @note what did not work.
 *
 * With @keep the object on disk becomes the program of all interfaces that are attached, where it
 * is another than theirs (upgrade.h); without, the interface shares the program that they have.
 *
 * Return: 0; -EEXIST (already attached, or another program is there), -EPROTO (pins or object
 * of another ABI), -EOPNOTSUPP (mode not supported), -EBUSY (lock), or another -errno. On
 * failure nothing is left behind.
 */
int mqg_attach_begin(struct mqg_attach *attach, char *why, size_t size);

/* Pins the link, and again the pins that somebody removed meanwhile. 0 or -errno and @why. */
int mqg_attach_keep(struct mqg_attach *attach, char *why, size_t size);

/* Takes the program off again, and the pins if mqg_attach_begin() made the first of them. */
void mqg_attach_undo(struct mqg_attach *attach);

/* Gives descriptors and memory back. What is pinned stays. */
void mqg_attach_end(struct mqg_attach *attach);

struct mqg_detach {
	bool	keep;		/* in: the pins of program and maps stay with the last link */
	int	detached;	/* out: interfaces */
	int	left;		/* out: interfaces that are still attached */
	bool	removed;	/* out: the pins are gone, and the verdicts with them */
	int	foreign;	/* out: files in the directory that are not of mqgate */
};

/**
 * mqg_detach() - take the program off one interface, or off all
 * @ifname: NULL for all: then the pins go, too, whatever their ABI
 * @detach: in and out
 * @why:    buffer for what is wrong and the remedy
 * @size:   of @why
 *
 * Return: 0, -ENOENT when it is not attached, or another -errno.
 */
int mqg_detach(const char *ifname, struct mqg_detach *detach, char *why, size_t size);

#endif
