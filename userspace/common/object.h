/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The XDP object and its extension on disk and in the kernel: found, opened, maps enlarged or
 * taken over from pins, programs loaded. Used by attach.c and extension.c, under the writer's
 * lock.
 */
#ifndef MQG_OBJECT_H
#define MQG_OBJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/layout.h"
#include "common/sizes.h"

#define MQG_PROG	"mqgate_xdp"
#define MQG_PROG_FRAGS	"mqgate_xdp_frags"
#define MQG_EXT		"mqgate_answer"
#define MQG_EXT_FRAGS	"mqgate_answer_f"

struct bpf_object;

struct mqg_object {
	struct bpf_object	*obj;
	int			prog_fd;	/* all of these belong to @obj */
	int			twin_fd;	/* of the extension: its program with frags */
	int			rodata_fd;
	int			map_fd[MQG_OBJECT_MAPS];
};

/**
 * mqg_object_find() - where the XDP object is
 * @path: out
 * @size: of @path
 *
 * $MQGATE_OBJ, else ../bpf/mqgate.bpf.o beside the directory of the running program (a build
 * tree), else /usr/lib/mqgate/mqgate.bpf.o.
 */
void mqg_object_find(char *path, size_t size);

/**
 * mqg_object_load() - load one program of the object into the kernel
 * @object: out; safe to pass to mqg_object_unload() whatever is returned
 * @path:   of the object
 * @frags:  the twin that takes packets of several buffers, instead of the plain one
 * @reuse:  descriptors of maps to use instead of new ones, -1 = make it; NULL = make all; by
 *          mqg_object_map_name()
 * @sizes:  of the maps that are made
 * @why:    buffer for what is wrong and the remedy
 * @size:   of @why
 *
 * Return: 0, -ENOENT, -EPROTO (object of another ABI), or another -errno.
 */
int mqg_object_load(struct mqg_object *object, const char *path, bool frags, const int *reuse,
		    const struct mqg_sizes *sizes, char *why, size_t size);

/* Where the extension is: beside the XDP object. 0 or -ENAMETOOLONG. */
int mqg_object_find_extension(char *path, size_t size);

/**
 * mqg_object_load_extension() - load both programs of the extension
 * @object: out; safe to pass to mqg_object_unload() whatever is returned
 * @path:   of the extension
 * @reuse:  descriptors of the maps that the XDP program uses, by mqg_object_map_name()
 * @rodata: its read-only data, -1 where nobody pinned it
 * @why:    buffer for what is wrong and the remedy
 * @size:   of @why
 *
 * Return: 0, -ENOENT, -EPROTO (of another build than the program), or another -errno.
 */
int mqg_object_load_extension(struct mqg_object *object, const char *path, const int *reuse,
			      int rodata, char *why, size_t size);

void mqg_object_unload(struct mqg_object *object);

#endif
