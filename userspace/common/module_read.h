/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages of the module's netlink family, read into the structures of module.h. Called by
 * module.c; stateless.
 */
#ifndef MQG_MODULE_READ_H
#define MQG_MODULE_READ_H

#include "common/module.h"

struct nlmsghdr;

/* Return: false when there is no client, no source, or no event, in it. */
bool mqg_module_read_client(const struct nlmsghdr *message, struct mqg_module_client *client);
bool mqg_module_read_source(const struct nlmsghdr *message, struct mqg_module_source *source);
bool mqg_module_read_event(const struct nlmsghdr *message, struct mqg_module_event *event,
			   uint64_t *number);

/* Adds what the message has to tell. */
void mqg_module_read_about(const struct nlmsghdr *message, struct mqg_module_about *about);

#endif
