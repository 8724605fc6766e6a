/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading a set of verdicts in place of the loaded set before, in steps that are short: the
 * daemon makes them between other work. Packets are judged by the old set until the generation
 * flips, and by the new one after it. Single verdicts survive, and come first.
 *
 * The caller is the only writer of verdicts (net.h) for as long as it takes, and makes each step
 * under the lock that other threads of its process take around a write.
 */
#ifndef MQG_LOAD_H
#define MQG_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/pins.h"
#include "common/set.h"

struct mqg_load;

struct mqg_load_done {
	bool		flipped;		/* the new set holds */
	uint32_t	generation;		/* of the new set */
	size_t		sources, prefix4, prefix6;	/* of it, in each map */
	size_t		twice;			/* lines whose network came again */
	size_t		below;			/* of it, that a single verdict comes before */
	size_t		reaped;			/* entries that were removed */
	size_t		entries[3];		/* that are left: sources, prefix4, prefix6 */
	size_t		allow_removed;		/* ALLOWed flows of sources that it drops */
	bool		persistent;		/* it will be there after a restart */
	char		unsaved[700];		/* why it will not */
};

/**
 * mqg_load_begin() - prepare to load a set
 * @pins: open maps; must stay as they are until mqg_load_free()
 * @set:  what is loaded, taken over and left empty; NULL: only what is over is reaped
 * @save: write it to the state directory, too
 * @clock: boot time in nanoseconds; NULL = mqg_boottime_ns()
 * @load: out
 * @why:  buffer for what is wrong and the remedy
 * @size: of @why
 *
 * Return: 0, -E2BIG where it cannot fit a map, -ENOMEM, another -errno.
 */
int mqg_load_begin(const struct mqg_pins *pins, struct mqg_set *set, bool save,
		   uint64_t (*clock)(void), struct mqg_load **load, char *why, size_t size);

/*
 * Makes a step, of about a millisecond. Return: nanoseconds until the next one is due (1: at
 * once), 0 at the end, also where it failed: then what it had written has been taken back.
 */
uint64_t mqg_load_step(struct mqg_load *load);

/*
 * Loads the set of the state directory into maps that never had one, at one go. Return: 0,
 * -ENOENT where there is none, another -errno with @why filled.
 */
int mqg_load_restore(const struct mqg_pins *pins, struct mqg_load_done *done, char *why,
		     size_t size);

/* What is being done, for a person ("written"), and how much of it. */
const char *mqg_load_progress(const struct mqg_load *load, size_t *done, size_t *of);

/* True from the flip on: steps after it remove the ALLOW entries of whom the new set drops. */
bool mqg_load_flipped(const struct mqg_load *load);

/* At the end. Return: 0, or -errno with @why filled; then the set before holds as it did. */
int mqg_load_result(const struct mqg_load *load, struct mqg_load_done *done, char *why,
		    size_t size);
void mqg_load_free(struct mqg_load *load);

#endif
