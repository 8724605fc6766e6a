// SPDX-License-Identifier: BSD-2-Clause
/* Sessions whose messages are stored; see storing.h. */
#include "proxy/storing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include "hold/record.h"
#include "message/ledger.h"
#include "proxy/change.h"
#include "proxy/session.h"
#include "system/log.h"

static struct mqg_session *session_of(struct mqg_message *message)
{
	return mqg_container_of(message, struct mqg_session, message);
}

static struct mqg_record_owner owner_of(const struct mqg_session *s)
{
	return (struct mqg_record_owner){ .broker = s->hold->pool->name, .client = s->names };
}

static uint64_t put(struct mqg_message *message, const struct mqg_kept *kept)
{
	struct mqg_session *s = session_of(message);
	struct mqg_record_owner owner = owner_of(s);

	return mqg_record_put(s->worker->storing.journal, s->worker->number, &owner, kept);
}

static uint64_t put_id(struct mqg_message *message, uint16_t id)
{
	struct mqg_session *s = session_of(message);
	struct mqg_record_owner owner = owner_of(s);

	return mqg_record_put_id(s->worker->storing.journal, s->worker->number, &owner, id);
}

static void done(struct mqg_message *message, uint64_t record)
{
	struct mqg_worker *worker = session_of(message)->worker;

	mqg_journal_done(worker->storing.journal, worker->number, record);
}

static void await(struct mqg_message *message)
{
	struct mqg_session *s = session_of(message);

	if (mqg_list_empty(&s->hold->awaits))
		mqg_list_append(&s->worker->storing.awaiting, &s->hold->awaits);
}

static const struct mqg_store_ops ops = {
	.put = put, .put_id = put_id, .done = done, .await = await,
};

/* The disk has confirmed something. */
static void confirmed(struct mqg_watch *watch, uint32_t events)
{
	struct mqg_storing *storing = mqg_container_of(watch, struct mqg_storing, watch);
	struct mqg_worker *worker = mqg_container_of(storing, struct mqg_worker, storing);
	uint64_t durable;
	struct mqg_list *at, *next;
	eventfd_t ignored;

	(void)events;
	/* First: what is confirmed after this is told again. */
	eventfd_read(mqg_journal_fd(storing->journal, worker->number), &ignored);
	durable = mqg_journal_durable(storing->journal, worker->number);
	for (at = storing->awaiting.next; at != &storing->awaiting; at = next) {
		struct mqg_hold *hold = mqg_container_of(at, struct mqg_hold, awaits);

		next = at->next;
		if (!mqg_store_confirm(&hold->session->message, durable))
			mqg_list_remove(at);
	}
	mqg_stream_doubt();
}

void mqg_storing_begin(struct mqg_session *s)
{
	/* Who has no name cannot be known again: the server's word is waited for. */
	if (s->port->uplink->config->away.hold == MQG_HOLD_STORE && s->worker->storing.journal &&
	    s->names && *s->names)
		s->hold->keep.store = &ops;
}

static void forget_ids(struct mqg_session *s, struct mqg_estate *estate)
{
	while (estate->ids) {
		struct mqg_parked_id *id = estate->ids;

		estate->ids = id->next;
		done(&s->message, id->record);
		free(id);
	}
}

/* MQTT 5, 4.1: they are part of the session that the server still has. */
static void restore_ids(struct mqg_session *s, struct mqg_estate *estate)
{
	while (estate->ids) {
		struct mqg_parked_id *id = estate->ids;

		if (!mqg_store_restore(&s->message, id->id, id->record))
			return;
		estate->ids = id->next;
		free(id);
	}
}

void mqg_storing_adopt(struct mqg_session *s)
{
	struct mqg_storing *storing = &s->worker->storing;
	struct mqg_keep *keep = s->message.keep;
	struct mqg_estate estate;

	if (!keep || !keep->store ||
	    !mqg_parked_take(storing->parked, s->hold->pool->name, s->names, &estate))
		return;
	if (keep->older)
		restore_ids(s, &estate);
	forget_ids(s, &estate);
	while (estate.first) {
		struct mqg_kept *kept = estate.first;

		estate.first = kept->next;
		mqg_keep_append(keep, kept);
	}
}

static void collect_ids(struct mqg_session *s, struct mqg_estate *estate)
{
	struct mqg_ledger *ledger = s->message.ledger;
	struct mqg_flows *flows = ledger ? &ledger->flows[MQG_UP] : NULL;

	for (uint32_t i = 0; flows && i < flows->size; i++) {
		struct mqg_parked_id *id;

		if (!flows->table[i].record)
			continue;
		/* Without memory it is on disk, until the next start. */
		id = malloc(sizeof(*id));
		if (!id)
			continue;
		*id = (struct mqg_parked_id){
			.next = estate->ids, .id = flows->table[i].id,
			.record = flows->table[i].record,
		};
		estate->ids = id;
	}
}

/*
 * The server's session ends with this connection, and QoS 2 that was begun in it; what was released
 * counts as taken. True: there is nothing left to do.
 */
static bool is_over(struct mqg_session *s, struct mqg_kept *kept)
{
	if (s->hold->lives || kept->kind != MQG_FLOW_QOS2 || !kept->sent)
		return false;
	if (kept->stage == MQG_FLOW_RELEASED) {
		done(&s->message, kept->record);
		return true;
	}
	kept->sent = false;
	return false;
}

void mqg_storing_park(struct mqg_session *s)
{
	struct mqg_keep *keep = s->message.keep;
	struct mqg_estate estate = { 0 };
	struct mqg_kept *kept, *next, **end = &estate.first;

	if (!keep || !keep->store)
		return;
	mqg_list_remove(&s->hold->awaits);
	for (kept = keep->first; kept; kept = next) {
		next = kept->next;
		if (!kept->record || is_over(s, kept))
			continue;
		mqg_keep_take(keep, kept);
		kept->next = NULL;
		kept->due = true;
		kept->acknowledged = true;
		kept->client_id = 0;
		*end = kept;
		end = &kept->next;
	}
	collect_ids(s, &estate);
	if (!s->hold->lives)
		forget_ids(s, &estate);
	mqg_parked_leave(s->worker->storing.parked, s->hold->pool->name, s->names, &estate,
			 s->worker->now);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static void replay(void *ctx, const struct mqg_journal_record *record)
{
	struct mqg_proxy *proxy = ctx;
	struct mqg_record_owner owner;
	struct mqg_estate estate;
	int err = mqg_record_read(record, &owner, &estate);

	if (!err) {
		mqg_parked_leave(proxy->parked, owner.broker, owner.client, &estate, now_ns());
		return;
	}
	mqg_log(MQG_LOG_ERR, MQG_LOG_PROXY, "store: record %llu cannot be read (%s); it stays on "
		"disk", (unsigned long long)record->sequence,
		err == -ENOMEM ? strerror(ENOMEM) : "another version has written it");
}

static int watch(struct mqg_proxy *proxy, size_t i)
{
	struct mqg_worker *worker = proxy->workers[i];
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &worker->storing.watch };

	worker->storing.watch.ready = confirmed;
	worker->storing.journal = proxy->journal;
	worker->storing.parked = proxy->parked;
	return epoll_ctl(worker->epfd, EPOLL_CTL_ADD, mqg_journal_fd(proxy->journal, i), &event) ?
	       -errno : 0;
}

int mqg_storing_open(struct mqg_proxy *proxy, const struct mqg_config *config, char *why,
		     size_t size)
{
	int64_t n;
	int err;

	if (!config->store.directory)
		return 0;
	err = mqg_journal_open(config->store.directory, config->store.size, proxy->n_workers,
			       &proxy->journal, why, size);
	if (err)
		return err;
	proxy->parked = mqg_parked_alloc();
	if (!proxy->parked) {
		snprintf(why, size, "store: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	n = mqg_journal_adopt(proxy->journal, replay, proxy);
	if (n > 0)
		mqg_log(MQG_LOG_NOTICE, MQG_LOG_PROXY, "store: %lld records that no broker has "
			"taken yet", (long long)n);
	for (size_t i = 0; i < proxy->n_workers && !err; i++)
		err = watch(proxy, i);
	if (err)
		snprintf(why, size, "store: epoll_ctl: %s", strerror(-err));
	return err;
}

void mqg_storing_look(struct mqg_proxy *proxy)
{
	if (proxy->journal)
		mqg_journal_adopt(proxy->journal, replay, proxy);
}

void mqg_storing_close(struct mqg_proxy *proxy)
{
	mqg_journal_close(proxy->journal);
	mqg_parked_free(proxy->parked);
}
