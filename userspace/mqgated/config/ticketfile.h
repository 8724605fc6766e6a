/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file of ticket keys, by which gateways take each other's tickets. Read by the configuration's
 * checking pass in the main thread; constant afterwards.
 */
#ifndef MQG_CONFIG_TICKETFILE_H
#define MQG_CONFIG_TICKETFILE_H

#include <stddef.h>
#include <stdint.h>

#define MQG_TICKET_KEYS	16	/* at most, of a file or of this process */

/* As in the file: 80 bytes. */
struct mqg_ticket_key {
	uint8_t	name[16];	/* is sent in clear */
	uint8_t	cipher[32];	/* AES-256-CBC */
	uint8_t	mac[32];	/* HMAC-SHA256 */
};

_Static_assert(sizeof(struct mqg_ticket_key) == 80, "a line of the file");

struct mqg_ticket_file {
	size_t			n;
	struct mqg_ticket_key	key[MQG_TICKET_KEYS];	/* [0]: of new tickets */
};

/**
 * mqg_ticket_file_load() - read a file of ticket keys
 * @path: a text file: a key a line, 160 hex digits; empty lines and those that begin with '#' are
 *        skipped. The first key seals new tickets, the others open older ones. Nobody but owner and
 *        group may read it, nobody but the owner write it
 * @out:  mqg_ticket_file_free() it
 * @why:  out on error: "FILE:LINE: what is wrong; remedy"
 * @size: of @why
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int mqg_ticket_file_load(const char *path, struct mqg_ticket_file **out, char *why, size_t size);
/* Wipes it. NULL is nothing. */
void mqg_ticket_file_free(struct mqg_ticket_file *file);

#endif
