/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys of session tickets: one seals, older ones still open. One set of the process, shared by
 * all workers behind a mutex that is held while a key is copied. Changed by the main thread alone:
 * by rotation, or to what a file says.
 */
#ifndef MQG_TICKET_KEYS_H
#define MQG_TICKET_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "config/ticketfile.h"

struct mqg_tickets;

/* What the keys are, for people. */
struct mqg_tickets_info {
	bool		on, from_file;
	uint32_t	lifetime, rotate;	/* s */
	size_t		keys;
	uint64_t	rotations;
};

/* NULL: no memory, or no random numbers. */
struct mqg_tickets *mqg_tickets_alloc(void);
void mqg_tickets_free(struct mqg_tickets *tickets);

/* Goes by @config, and by the keys of its file where it names one. Main thread. */
void mqg_tickets_configure(struct mqg_tickets *tickets, const struct mqg_config *config);

/*
 * Rotates when it is time; a key that has sealed its last ticket a lifetime ago is forgotten.
 * @now: boot time, ns. Main thread, about once a second.
 */
void mqg_tickets_tick(struct mqg_tickets *tickets, uint64_t now);

bool mqg_tickets_on(struct mqg_tickets *tickets);
/* Seconds that a handshake may be resumed. */
uint32_t mqg_tickets_lifetime(struct mqg_tickets *tickets);

/* Copies the key that seals. OPENSSL_cleanse() it. */
void mqg_tickets_current(struct mqg_tickets *tickets, struct mqg_ticket_key *out);
/* The same for the key of that name; false: not known, or rotated out. */
bool mqg_tickets_find(struct mqg_tickets *tickets, const uint8_t name[16],
		      struct mqg_ticket_key *out, bool *current);

void mqg_tickets_describe(struct mqg_tickets *tickets, struct mqg_tickets_info *info);

#endif
