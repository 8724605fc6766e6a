/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What survives a restart of the machine: the operator's single verdicts and the loaded set, as
 * text files (line.h) below the state directory, with times by the wall clock. They also keep the
 * reasons, for which the maps have no room. Written by the writer of verdicts (net.h); whoever is
 * in the group may read them. Each file is replaced as a whole, and ends with a line that tells
 * whether it is.
 */
#ifndef MQG_STATE_H
#define MQG_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/pins.h"
#include "common/set.h"

#define MQG_STATE_DIR		"/var/lib/mqgate"
#define MQG_STATE_SINGLES	"verdicts"
#define MQG_STATE_LOADED	"loaded"

/*
 * $MQGATE_STATE, or "state" below $MQGATE_RUN (another run directory is another mqgate), or
 * MQG_STATE_DIR.
 */
void mqg_state_dir(char *path, size_t size);

/* A file that is being written beside the one that it will replace. */
struct mqg_state_file {
	int		fd;			/* -1 = none */
	char		path[512], temp[528];
	char		*buf;
	size_t		len, unsynced;
	uint64_t	sum, count;
	int		err;			/* the first that came; the rest does nothing */
};

/*
 * Failures are kept until mqg_state_commit(), which returns the first of them. @name:
 * MQG_STATE_*. The caller ends with _commit() or _drop().
 */
void mqg_state_begin(struct mqg_state_file *file, const char *name);
/* @expires: CLOCK_BOOTTIME, 0 = never. Waits for the disk now and then, for a megabyte. */
void mqg_state_put(struct mqg_state_file *file, const struct mqg_net *net,
		   const struct mqgate_verdict *verdict, uint64_t expires, const char *text);
int mqg_state_commit(struct mqg_state_file *file, char *why, size_t size);
void mqg_state_drop(struct mqg_state_file *file);

/**
 * mqg_state_read() - read a file
 * @name: MQG_STATE_*
 * @set:  out, united; what has expired meanwhile is left out. mqg_set_free() gives it back
 * @why:  buffer for what is wrong
 * @size: of @why
 *
 * A file that is damaged is renamed, to NAME.damaged, and @why says so: then -EBADMSG.
 * Return: 0, -ENOENT, -EBADMSG, another -errno.
 */
int mqg_state_read(const char *name, struct mqg_set *set, char *why, size_t size);

/* As mqg_state_read(), of somebody who only looks: a damaged file stays where it is. */
int mqg_state_look(const char *name, struct mqg_set *set);

/**
 * mqg_state_change() - write one single verdict of the operator, or take it out
 * @pins:    maps, from which the file is made anew where there is none that is whole
 * @net:     NULL: all of them go
 * @verdict: NULL: it goes
 * @text:    of the reason; NULL or "" = none
 * @why:     buffer for what is wrong and what that means; "" where nothing is
 * @size:    of @why
 *
 * Return: 0 (with @why where the file was damaged), or -errno: then the change is in the maps
 * alone.
 */
int mqg_state_change(const struct mqg_pins *pins, const struct mqg_net *net,
		     const struct mqgate_verdict *verdict, const char *text, char *why,
		     size_t size);

/* The verdict is one that mqg_state_change() writes: single, the operator's word, still live. */
bool mqg_state_keeps(const struct mqgate_verdict *verdict, uint64_t now);

/*
 * Writes the single verdicts of the file that the maps do not have. Return: how many, or -errno
 * with @why filled (also where the file was damaged, or does not fit).
 */
int mqg_state_restore(const struct mqg_pins *pins, char *why, size_t size);

#endif
