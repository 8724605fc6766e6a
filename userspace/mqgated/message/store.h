/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages that the gateway answers for itself, once they are on disk: `hold: store`. Towards the
 * client it is the server then; towards the server it is a client that has identifiers of its own,
 * for a client may use one anew as soon as it was acknowledged. Part of a session's struct
 * mqg_keep; its owner has the journal.
 */
#ifndef MQG_MESSAGE_STORE_H
#define MQG_MESSAGE_STORE_H

#include <stdbool.h>
#include <stdint.h>

struct mqg_kept;
struct mqg_message;

/* The journal, as the message layer sees it. Numbers of records rise; 0 is none. */
struct mqg_store_ops {
	/* Takes the message down. 0: it cannot now, and the server's word is waited for. */
	uint64_t	(*put)(struct mqg_message *message, const struct mqg_kept *kept);
	/* Takes down that the client has sent QoS 2 with this identifier, and not released it. */
	uint64_t	(*put_id)(struct mqg_message *message, uint16_t id);
	void		(*done)(struct mqg_message *message, uint64_t record);
	/* Something was put: mqg_store_confirm() is wanted when it is durable. */
	void		(*await)(struct mqg_message *message);
};

/**
 * mqg_store_confirm() - acknowledges what is durable
 * @message: of a session that stores
 * @durable: every record up to this number is
 *
 * Return: true while more of it is waited for.
 */
bool mqg_store_confirm(struct mqg_message *message, uint64_t durable);

/* The client has sent QoS 2 with this identifier before, and not released it. False: no memory. */
bool mqg_store_restore(struct mqg_message *message, uint16_t id, uint64_t record);

#endif
