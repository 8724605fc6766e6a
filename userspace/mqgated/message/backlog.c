// SPDX-License-Identifier: BSD-2-Clause
/* Receive Maximum towards the client: see backlog.h. Called by walk.c and judge_publish.c. */
#include "message/backlog.h"

#include <stdlib.h>
#include <string.h>

#include "message/properties.h"
#include "message/publish.h"
#include "message/walk.h"

static struct mqg_delayed *new_kept(size_t len)
{
	struct mqg_delayed *kept = malloc(sizeof(*kept) + len);

	if (kept)
		*kept = (struct mqg_delayed){ .len = (uint32_t)len };
	return kept;
}

static void append(struct mqg_backlog *backlog, struct mqg_delayed *kept)
{
	if (backlog->last)
		backlog->last->next = kept;
	else
		backlog->first = kept;
	backlog->last = kept;
	backlog->n += kept->begins;
	backlog->bytes += kept->len;
}

static void remove_first(struct mqg_backlog *backlog)
{
	struct mqg_delayed *kept = backlog->first;

	backlog->first = kept->next;
	if (!backlog->first)
		backlog->last = NULL;
	backlog->n -= kept->begins;
	backlog->bytes -= kept->len;
	free(kept);
}

void mqg_backlog_exit(struct mqg_backlog *backlog)
{
	while (backlog->first)
		remove_first(backlog);
}

static bool has_room(const struct mqg_message *m)
{
	uint32_t seen = m->ledger->flows[MQG_DOWN].messages - m->ledger->backlog.n;

	return seen < m->terms[MQG_DOWN].receive_max;
}

/* Some message will go on when the client has said something. */
static bool waits_for_client(const struct mqg_flows *flows)
{
	for (uint32_t i = 0; i < flows->size; i++) {
		const struct mqg_flow *flow = &flows->table[i];

		if (flow->kind && flow->stage != MQG_FLOW_KEPT && flow->stage != MQG_FLOW_RECEIVED)
			return true;
	}
	return false;
}

bool mqg_backlog_due(const struct mqg_message *m, const struct mqg_flow *flow)
{
	const struct mqg_ledger *ledger = m->ledger;

	/* One that is sent again the client has already. */
	if (flow->count > 1)
		return false;
	return ledger->backlog.n ||
	       ledger->flows[MQG_DOWN].messages > m->terms[MQG_DOWN].receive_max;
}

bool mqg_message_backlogged(const struct mqg_message *m)
{
	return m->ledger && m->ledger->backlog.bytes > MQG_BACKLOG_MAX &&
	       waits_for_client(&m->ledger->flows[MQG_DOWN]);
}

static struct mqg_delayed *copy_head(const struct mqg_walk *w, const struct mqg_head *head,
				     const struct mqg_publish_head *p)
{
	struct mqg_delayed *kept = new_kept(MQG_PLAIN_MOST(head, p));

	if (!kept)
		return NULL;
	kept->len = (uint32_t)mqg_publish_plain(w, head, p, kept->data);
	kept->begins = true;
	return kept;
}

enum mqgate_reason mqg_backlog_keep(struct mqg_walk *w, const struct mqg_head *head,
				    const struct mqg_publish_head *p, struct mqg_flow *flow)
{
	struct mqg_delayed *kept = copy_head(w, head, p);

	if (!kept)
		return MQGATE_REASON_STREAM_MEMORY;
	append(&w->message->ledger->backlog, kept);
	flow->stage = MQG_FLOW_KEPT;
	w->lane->fate = MQG_KEEPING;
	w->message->ops->delayed(w->message);
	return MQGATE_REASON_NONE;
}

enum mqgate_reason mqg_backlog_more(struct mqg_message *m, const uint8_t *data, size_t len)
{
	struct mqg_delayed *kept = new_kept(len);

	if (!kept)
		return MQGATE_REASON_STREAM_MEMORY;
	memcpy(kept->data, data, len);
	append(&m->ledger->backlog, kept);
	return MQGATE_REASON_NONE;
}

static struct mqg_flow *flow_of(const struct mqg_message *m, const struct mqg_delayed *kept,
				struct mqg_publish *p)
{
	mqg_publish_read(p, m->level, kept->data, kept->data + kept->len);
	return mqg_flow_find(&m->ledger->flows[MQG_DOWN],
			     (uint16_t)mqg_read_two(p->topic + p->topic_len),
			     p->qos == 1 ? MQG_FLOW_QOS1 : MQG_FLOW_QOS2);
}

/* As if the broker had not sent the first one. */
static void unsend_first(struct mqg_message *m)
{
	struct mqg_backlog *backlog = &m->ledger->backlog;
	struct mqg_publish p;

	mqg_flow_remove(&m->ledger->flows[MQG_DOWN], flow_of(m, backlog->first, &p));
	do
		remove_first(backlog);
	while (backlog->first && !backlog->first->begins);
}

void mqg_backlog_unsend(struct mqg_message *m)
{
	while (m->ledger && m->ledger->backlog.first)
		unsend_first(m);
}

/* The first one: it goes on, or rights that have changed since say that it does not. */
static enum mqgate_reason settle_first(struct mqg_walk *w)
{
	struct mqg_message *m = w->message;
	struct mqg_backlog *backlog = &m->ledger->backlog;
	struct mqg_flows *flows = &m->ledger->flows[MQG_DOWN];
	bool partly = backlog->n == 1 && w->lane->fate == MQG_KEEPING;
	enum mqgate_reason refused, reason = MQGATE_REASON_NONE;
	struct mqg_publish p;
	struct mqg_flow *flow;
	uint16_t id;

	flow = flow_of(m, backlog->first, &p);
	id = flow->id;
	refused = mqg_publish_ask(m, MQG_DOWN, p.topic, (uint16_t)p.topic_len, p.qos, p.retain);
	if (refused) {
		m->ops->refused(m, MQG_DOWN, refused);
		mqg_flow_remove(flows, flow);
		reason = mqg_walk_answer(w, p.qos == 1 ? MQP_PUBACK : MQP_PUBREC, id, 0x87);
	} else {
		flow->stage = MQG_FLOW_PUBLISHED;
	}
	if (partly)
		w->lane->fate = refused ? MQG_DROPPING : MQG_PASSING;
	do {
		if (!refused)
			mqg_walk_insert(w, backlog->first->data, backlog->first->len);
		remove_first(backlog);
	} while (backlog->first && !backlog->first->begins);
	return reason;
}

enum mqgate_reason mqg_backlog_release(struct mqg_walk *w)
{
	struct mqg_message *m = w->message;
	enum mqgate_reason reason = MQGATE_REASON_NONE;

	while (!reason && m->ledger->backlog.n && mqg_message_between(m, MQG_DOWN) &&
	       (has_room(m) || (m->ledger->backlog.bytes > MQG_BACKLOG_MAX &&
				!waits_for_client(&m->ledger->flows[MQG_DOWN]))))
		reason = settle_first(w);
	return reason;
}
