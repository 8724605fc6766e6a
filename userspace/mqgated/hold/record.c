// SPDX-License-Identifier: BSD-2-Clause
/* The form of records; see record.h. Integers as this machine has them: a journal stays on it. */
#include "hold/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Before the two names, and the packet behind them. */
struct form {
	uint8_t		version, level, kind;
	uint8_t		sent;			/* QoS 2: a server may know it */
	uint16_t	id, reserved;
	uint32_t	broker, client;		/* bytes, NUL included */
	uint32_t	packet;
};

#define VERSION	1U

static uint64_t put(struct mqg_journal *journal, size_t worker, uint16_t kind,
		    const struct mqg_record_owner *owner, struct form *form, const void *packet)
{
	form->version = VERSION;
	form->broker = (uint32_t)strlen(owner->broker) + 1;
	form->client = (uint32_t)strlen(owner->client) + 1;

	const struct iovec parts[] = {
		{ form, sizeof(*form) },
		{ (void *)owner->broker, form->broker },
		{ (void *)owner->client, form->client },
		{ (void *)packet, form->packet },
	};

	return mqg_journal_put(journal, worker, kind, 0, parts, packet ? 4 : 3);
}

uint64_t mqg_record_put(struct mqg_journal *journal, size_t worker,
			const struct mqg_record_owner *owner, const struct mqg_kept *kept)
{
	struct form form = {
		.level = kept->level, .kind = kept->kind, .id = kept->id,
		.sent = kept->sent, .packet = kept->filled,
	};

	return put(journal, worker, MQG_RECORD_MESSAGE, owner, &form, kept->packet);
}

uint64_t mqg_record_put_id(struct mqg_journal *journal, size_t worker,
			   const struct mqg_record_owner *owner, uint16_t id)
{
	struct form form = { .kind = MQG_FLOW_QOS2, .id = id };

	return put(journal, worker, MQG_RECORD_ID, owner, &form, NULL);
}

static bool is_text(const uint8_t *at, uint32_t len)
{
	return len && memchr(at, '\0', len) == at + len - 1;
}

static struct mqg_kept *read_message(const struct form *form, const uint8_t *packet,
				     uint64_t sequence)
{
	struct mqg_kept *kept = malloc(sizeof(*kept) + form->packet);

	if (!kept)
		return NULL;
	/* Whether a server had seen QoS 1 nobody knows any more: it may come twice. */
	*kept = (struct mqg_kept){
		.len = form->packet, .filled = form->packet, .record = sequence,
		.id = form->id, .kind = form->kind, .level = form->level,
		.sent = form->sent || form->kind == MQG_FLOW_QOS1,
		.due = true, .acknowledged = true,
	};
	memcpy(kept->packet, packet, form->packet);
	return kept;
}

static bool is_good(const struct mqg_journal_record *record, const struct form *form)
{
	const uint8_t *names = record->data + sizeof(*form);
	size_t left = record->len - sizeof(*form);

	if (form->version != VERSION || !form->id || form->broker > left ||
	    form->client > left - form->broker ||
	    form->packet != left - form->broker - form->client)
		return false;
	if (record->kind == MQG_RECORD_MESSAGE && form->kind != MQG_FLOW_QOS1 &&
	    form->kind != MQG_FLOW_QOS2)
		return false;
	return is_text(names, form->broker) && is_text(names + form->broker, form->client) &&
	       (record->kind == MQG_RECORD_ID || form->packet > 4);
}

int mqg_record_read(const struct mqg_journal_record *record, struct mqg_record_owner *owner,
		    struct mqg_estate *estate)
{
	const uint8_t *names = record->data + sizeof(struct form);
	struct form form;

	*estate = (struct mqg_estate){ 0 };
	if (record->len < sizeof(form) ||
	    (record->kind != MQG_RECORD_MESSAGE && record->kind != MQG_RECORD_ID))
		return -EBADMSG;
	memcpy(&form, record->data, sizeof(form));
	if (!is_good(record, &form))
		return -EBADMSG;
	owner->broker = (const char *)names;
	owner->client = (const char *)names + form.broker;
	if (record->kind == MQG_RECORD_MESSAGE) {
		estate->first = read_message(&form, names + form.broker + form.client,
					     record->sequence);
		return estate->first ? 0 : -ENOMEM;
	}
	estate->ids = malloc(sizeof(*estate->ids));
	if (!estate->ids)
		return -ENOMEM;
	*estate->ids = (struct mqg_parked_id){ .id = form.id, .record = record->sequence };
	return 0;
}
