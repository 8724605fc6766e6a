/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The extension of the XDP program, which asks the kernel module: put into the slots of the
 * pinned program, and taken out again before the module may go. Called by the command and by
 * attach.c; the calls without "locked" take the writer's lock themselves.
 */
#ifndef MQG_EXTENSION_H
#define MQG_EXTENSION_H

#include <stdbool.h>
#include <stddef.h>

/* 1 when XDP asks the module, 0 when not, -ENOENT where nothing is attached, or -errno. */
int mqg_extension_linked(void);
/* The same of pins in another directory. */
int mqg_extension_linked_in(const char *dir);

/**
 * mqg_extension_link() - let XDP ask the module about routed flows
 * @already: out; it did so before
 * @why:     buffer for what is missing and how to get it
 * @size:    of @why
 *
 * Return: 0, -ENODEV (module not there, or without BTF), -ENOENT (nothing attached), -EPROTO (of
 * another build than the program), or another -errno.
 */
int mqg_extension_link(bool *already, char *why, size_t size);

/* The same for who holds the writer's lock. */
int mqg_extension_link_locked(bool *already, char *why, size_t size);

/**
 * mqg_extension_unlink() - let XDP decide alone
 * @already: out; it did so before
 * @why:     buffer for what is wrong
 * @size:    of @why
 *
 * Returns when the module is held no more, or after two seconds. Return: 0 or -errno.
 */
int mqg_extension_unlink(bool *already, char *why, size_t size);

#endif
