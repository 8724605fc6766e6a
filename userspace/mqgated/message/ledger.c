// SPDX-License-Identifier: BSD-2-Clause
/* States of sessions, and the spare ones of a worker; see ledger.h. */
#include "message/ledger.h"

#include <stdlib.h>

#define SPARE_MOST	64U

struct mqg_ledger *mqg_ledger_get(struct mqg_message *m)
{
	struct mqg_desk *desk = m->desk;
	struct mqg_ledger *ledger = desk->spare;

	if (m->ledger)
		return m->ledger;
	if (ledger) {
		desk->spare = ledger->next;
		desk->n_spare--;
	} else {
		ledger = calloc(1, sizeof(*ledger));
		if (!ledger)
			return NULL;
		mqg_flows_init(&ledger->flows[MQG_UP]);
		mqg_flows_init(&ledger->flows[MQG_DOWN]);
	}
	m->ledger = ledger;
	return ledger;
}

static void give_back(struct mqg_message *m)
{
	struct mqg_desk *desk = m->desk;
	struct mqg_ledger *ledger = m->ledger;

	m->ledger = NULL;
	if (desk->n_spare == SPARE_MOST) {
		free(ledger);
		return;
	}
	ledger->next = desk->spare;
	desk->spare = ledger;
	desk->n_spare++;
}

void mqg_ledger_settle(struct mqg_message *m)
{
	struct mqg_ledger *s = m->ledger;

	if (s && !s->flows[MQG_UP].n && !s->flows[MQG_DOWN].n && !s->aliases[MQG_UP].size &&
	    !s->aliases[MQG_DOWN].size && !s->subscriptions.n && !s->own[MQG_UP].data &&
	    !s->own[MQG_DOWN].data)
		give_back(m);
}

void mqg_ledger_drop(struct mqg_message *m)
{
	struct mqg_ledger *s = m->ledger;

	if (!s)
		return;
	for (int way = 0; way < 2; way++) {
		mqg_flows_exit(&s->flows[way]);
		mqg_aliases_exit(&s->aliases[way]);
		free(s->own[way].data);
		s->own[way] = (struct mqg_own){ 0 };
	}
	mqg_subscriptions_exit(&s->subscriptions);
	mqg_backlog_exit(&s->backlog);
	give_back(m);
}

void mqg_desk_exit(struct mqg_desk *desk)
{
	while (desk->spare) {
		struct mqg_ledger *next = desk->spare->next;

		free(desk->spare);
		desk->spare = next;
	}
	desk->n_spare = 0;
}
