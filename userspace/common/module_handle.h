/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of struct mqg_module, for the files that speak the module's netlink family (module.c,
 * module_change.c, module_events.c). Guarded by whoever owns the handle, see module.h.
 */
#ifndef MQG_MODULE_HANDLE_H
#define MQG_MODULE_HANDLE_H

#include <libmnl/libmnl.h>

#include "common/module.h"

/* The kernel fills messages of a dump up to what the reader has room for, 32 kB at most. */
#define MQG_MODULE_ROOM		32768

/**
 * struct mqg_module - a socket of the family
 * @socket:   blocking, gives up after some seconds of silence
 * @family:   number of the family
 * @group:    number of group "events"
 * @sequence: of the last request
 * @expected: number of the next event; 0 before the first one
 * @room:     what is sent and received
 */
struct mqg_module {
	struct mnl_socket	*socket;
	uint16_t		family;
	uint32_t		group;
	uint32_t		sequence;
	uint64_t		expected;
	char			room[MQG_MODULE_ROOM] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/* Says that @doing failed. Return: @err. */
int mqg_module_explain(int err, const char *doing, char *why, size_t size);

/* A handle that knows no family yet. Return: as in module.h; close it whatever is returned. */
int mqg_module_socket(struct mqg_module **module, char *why, size_t size);

/*
 * Asks the controller for a family; @group is the one whose number is wanted. Return: as in
 * module.h; -ENOENT where there is no such family.
 */
int mqg_module_family(struct mqg_module *module, const char *name, const char *group, char *why,
		      size_t size);

/* A request in module->room, to which attributes are added. */
struct nlmsghdr *mqg_module_prepare(struct mqg_module *module, uint16_t type, uint8_t command,
				    uint16_t flags);

typedef int (*mqg_module_take_fn)(const struct nlmsghdr *answer, void *arg);

/* Sends what is in module->room and hands the answer to @take, a message a call. */
int mqg_module_ask(struct mqg_module *module, const struct nlmsghdr *request, const char *doing,
		   mqg_module_take_fn take, void *arg, char *why, size_t size);

/* The end of an answer. Return: what it says, with the words of it in @why. */
int mqg_module_conclude(const struct nlmsghdr *answer, const char *doing, char *why,
			size_t size);

/* Puts the nest that names a connection; @first 0 = whichever has that flow now. */
struct nlattr *mqg_module_put_flow(struct nlmsghdr *request, const struct mqgate_flow_key *flow,
				   uint64_t first);

/* Joins a multicast group. Return: 0 or -errno, explained. */
int mqg_module_join(struct mqg_module *module, char *why, size_t size);

#endif
