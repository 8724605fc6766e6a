/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Putting a new program in the place of one that is attached: on every interface by one atomic
 * change of its link, so that no packet goes by unguarded; and the pins all at once, by exchanging
 * directories. Callers hold the writer's lock.
 *
 * The order is such that whoever is killed leaves something whole:
 *	1. the new pins are made in a directory beside the old one ("mqgate-next")
 *	2. where the ABI is another, the contents of the maps are carried over
 *	3. the two directories are exchanged: from here on the new set is the one that counts
 *	4. each link gets the new program
 *	5. the old pins go
 * Before 3 nothing has changed, and the next caller of mqg_upgrade_finish() removes what was
 * begun. Behind 3 an interface may still have the old program: it filters on, with the maps it
 * has, and the next caller of mqg_upgrade_finish() does 4 and 5.
 */
#ifndef MQG_UPGRADE_H
#define MQG_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/layout.h"

struct mqg_upgrade {
	int		prog_fd, twin_fd;	/* twin: -1 where no link has one */
	int		rodata_fd;
	const int	*map_fd;		/* of the new set, by mqg_object_map_name() */
	gid_t		gid;
	bool		migrate;		/* the maps are new and empty */
	int		links;			/* out: interfaces with the new program */
	char		note[384];		/* out: a sentence for a person, or "" */
};

/* True where some link has the program for packets of several buffers: the twin is needed. */
bool mqg_upgrade_wants_twin(void);

/**
 * mqg_upgrade_run() - do it
 * @upgrade: in and out
 * @why:     buffer for what is wrong and the remedy
 * @size:    of @why
 *
 * Return: 0, or -errno: then everything is as it was.
 */
int mqg_upgrade_run(struct mqg_upgrade *upgrade, char *why, size_t size);

/* Ends what somebody began and was killed over. 0 (also where there is nothing) or -errno. */
int mqg_upgrade_finish(char *why, size_t size);

#endif
