/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the records of the journal say: see parked.h. They have no password in them, and payloads as
 * they came. Stateless.
 */
#ifndef MQG_HOLD_RECORD_H
#define MQG_HOLD_RECORD_H

#include "hold/journal.h"
#include "hold/parked.h"

enum mqg_record_kind {
	MQG_RECORD_MESSAGE = 1,		/* a PUBLISH of QoS 1 or 2 */
	MQG_RECORD_ID = 2,		/* an identifier of QoS 2 that was not released */
};

/* Whose it is; both texts end with NUL. */
struct mqg_record_owner {
	const char	*broker, *client;
};

/* Return: its sequence, or 0, as mqg_journal_put(). */
uint64_t mqg_record_put(struct mqg_journal *journal, size_t worker,
			const struct mqg_record_owner *owner, const struct mqg_kept *kept);
uint64_t mqg_record_put_id(struct mqg_journal *journal, size_t worker,
			   const struct mqg_record_owner *owner, uint16_t id);

/**
 * mqg_record_read() - what was put, when it comes back
 * @record: of the journal
 * @owner:  out: points into @record
 * @estate: out: with the one message or identifier
 *
 * Return: 0, -EBADMSG: it is none that this version writes; or -ENOMEM.
 */
int mqg_record_read(const struct mqg_journal_record *record, struct mqg_record_owner *owner,
		    struct mqg_estate *estate);

#endif
