/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Passwords that the configuration holds or names: only what no stranger can read is taken, and
 * what held one is wiped. Main thread, while loading.
 */
#ifndef MQG_CONFIG_SECRET_H
#define MQG_CONFIG_SECRET_H

#include <stddef.h>

/**
 * mqg_secret_read() - a password from a file
 * @path: its first line is the password
 * @out:  allocated; give it back with mqg_secret_free()
 * @why:  buffer for what is wrong and the remedy
 * @size: of @why
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int mqg_secret_read(const char *path, char **out, char *why, size_t size);

/* May others than its owner and group read or write @path? Return: 0, or -EINVAL and words. */
int mqg_secret_check(const char *path, char *why, size_t size);

/* Wipes and frees; NULL is fine. */
void mqg_secret_free(char *secret);

#endif
