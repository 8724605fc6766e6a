// SPDX-License-Identifier: BSD-2-Clause
/*
 * Going over to a change, and then judging the sessions that are older. On the worker's thread; but
 * mqg_worker_change() is the main thread's, which waits meanwhile.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#include "common/names.h"
#include "proxy/listener.h"
#include "proxy/session.h"
#include "proxy/uplink.h"
#include "system/log.h"

/* Time that a sweep takes from the other work of a turn. */
#define SWEEP_NS	2000000ULL
/* Sessions between two looks at the clock. */
#define SWEEP_ROUND	16

static bool stays(void *const *table, size_t n, const void *item)
{
	for (size_t i = 0; i < n; i++)
		if (table[i] == item)
			return true;
	return false;
}

static void leave(struct mqg_worker *worker, const struct mqg_change *change)
{
	const struct mqg_config *before = worker->config, *now = change->config;

	for (size_t i = 0; before && i < before->n_listeners; i++) {
		struct mqg_port *port = worker->ports[i];

		if (stays((void *const *)change->ports, now->n_listeners, port))
			continue;
		mqg_port_close(port);
		port->held = mqg_config_get(before);
		for (size_t n = 0; n < port->realms.n; n++)
			port->realms.list[n]->held = mqg_config_get(before);
		mqg_list_append(&worker->gone_ports, &port->gone);
	}
	for (size_t i = 0; before && i < before->n_brokers; i++) {
		struct mqg_uplink *uplink = worker->uplinks[i];

		if (stays((void *const *)change->uplinks, now->n_brokers, uplink))
			continue;
		mqg_uplink_leave(uplink, before);
	}
}

static void set_time(struct mqg_worker *worker, struct mqg_timer_class *class, uint32_t ms)
{
	if (class->link.next)
		mqg_timer_class_change(class, ms, worker->now);
	else
		mqg_timer_class_init(&worker->timers, class, ms);
}

static void close_realm(struct mqg_realm *realm)
{
	if (realm->ocsp_timeout.link.next)
		mqg_timer_class_exit(&realm->ocsp_timeout);
}

/* Exchanges the realms of @port with those of @facing, which have got their contexts then. */
static void take_realms(struct mqg_worker *worker, struct mqg_port *port, struct mqg_facing *facing)
{
	struct mqg_realms before = port->realms;

	for (size_t i = 0; i < facing->realms.n; i++) {
		struct mqg_realm *realm = facing->realms.list[i];
		SSL_CTX *tls = realm->tls;

		realm->config = &port->config->policies[i];
		if (realm->config->ocsp)
			set_time(worker, &realm->ocsp_timeout, realm->config->ocsp->timeout_ms);
		if (facing->tls[i]) {
			realm->tls = facing->tls[i];
			facing->tls[i] = tls;
		}
	}
	port->realms = facing->realms;
	facing->realms = before;
	for (size_t i = 0; i < before.n; i++) {
		struct mqg_realm *realm = before.list[i];

		if (mqg_realms_have(&port->realms, realm))
			continue;
		realm->held = mqg_config_get(worker->config);
		mqg_list_append(&worker->gone_realms, &realm->gone);
	}
}

static void take_port(struct mqg_worker *worker, struct mqg_change *change, size_t i)
{
	struct mqg_port *port = change->ports[i];

	port->config = &change->config->listeners[i];
	port->index = i;
	port->uplink = change->uplinks[port->config->broker - change->config->brokers];
	set_time(worker, &port->handshake, port->config->handshake_timeout_ms);
	set_time(worker, &port->connect, port->config->connect_timeout_ms);
	take_realms(worker, port, &change->facing[i]);
	if (!worker->resting)
		mqg_port_listen(port, true);
}

/* What others are told of sessions names their listener by its place. */
static void rename_listeners(struct mqg_worker *worker)
{
	pthread_mutex_lock(&worker->registry.lock);
	for (struct mqg_list *at = worker->older.next; at != &worker->older; at = at->next) {
		struct mqg_session *s = mqg_container_of(at, struct mqg_session, link);

		s->entry.listener = s->port->held ? SIZE_MAX : s->port->index;
	}
	pthread_mutex_unlock(&worker->registry.lock);
}

/* Exchanges what is in @change with what is in force. */
static void apply(struct mqg_worker *worker, struct mqg_change *change)
{
	struct mqg_port **ports = worker->ports;
	struct mqg_uplink **uplinks = worker->uplinks;

	leave(worker, change);
	for (size_t i = 0; i < change->config->n_brokers; i++)
		mqg_uplink_apply(change->uplinks[i], change->config, &change->config->brokers[i],
				 &change->routes[i]);
	for (size_t i = 0; i < change->config->n_listeners; i++)
		take_port(worker, change, i);
	worker->config = change->config;
	worker->revoked = change->revoked;
	worker->taps = change->taps;
	worker->groups = change->groups;
	worker->epoch = change->epoch;
	worker->ended = 0;
	mqg_chain_cache_change(&worker->chains, change->epoch, change->config->chain_cache_size,
			       change->config->chain_cache_ns);
	worker->ports = change->ports;
	worker->uplinks = change->uplinks;
	change->ports = ports;
	change->uplinks = uplinks;
	mqg_ocsp_change(worker);
	mqg_list_splice(&worker->older, &worker->sessions);
	mqg_list_splice(&worker->older, &worker->drain.waiting);
	rename_listeners(worker);
}

void mqg_worker_mail(struct mqg_worker *worker)
{
	struct mqg_mail *mail = &worker->mail;

	pthread_mutex_lock(&mail->lock);
	worker->stopping = mail->stop;
	if (mail->drain)
		mqg_worker_drain(worker, mail->drain_ns);
	mail->drain = false;
	if (mail->change) {
		apply(worker, mail->change);
		mail->change = NULL;
		pthread_cond_signal(&mail->applied);
	}
	pthread_mutex_unlock(&mail->lock);
}

void mqg_worker_change(struct mqg_worker *worker, struct mqg_change *change)
{
	struct mqg_mail *mail = &worker->mail;

	if (!worker->started) {
		apply(worker, change);
		return;
	}
	pthread_mutex_lock(&mail->lock);
	mail->change = change;
	mqg_worker_wake(worker);
	while (mail->change)
		pthread_cond_wait(&mail->applied, &mail->lock);
	pthread_mutex_unlock(&mail->lock);
}

bool mqg_worker_sweep(struct mqg_worker *worker)
{
	uint64_t until = mqg_boottime_ns() + SWEEP_NS;

	while (!mqg_list_empty(&worker->older)) {
		for (int i = 0; i < SWEEP_ROUND && !mqg_list_empty(&worker->older); i++) {
			struct mqg_session *s = mqg_container_of(worker->older.next,
								 struct mqg_session, link);

			mqg_list_remove(&s->link);
			mqg_list_append(&worker->sessions, &s->link);
			mqg_session_recheck(s);
		}
		if (mqg_boottime_ns() >= until)
			return !mqg_list_empty(&worker->older);
	}
	if (worker->ended)
		mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS,
			"%u sessions ended that are no longer allowed (trust epoch %llu)",
			worker->ended, (unsigned long long)worker->epoch);
	worker->ended = 0;
	return false;
}

void mqg_worker_bury(struct mqg_worker *worker)
{
	struct mqg_list *at, *next;

	for (at = worker->gone_ports.next; at != &worker->gone_ports; at = next) {
		struct mqg_port *port = mqg_container_of(at, struct mqg_port, gone);

		next = at->next;
		if (port->open)
			continue;
		mqg_list_remove(&port->gone);
		mqg_timer_class_exit(&port->handshake);
		mqg_timer_class_exit(&port->connect);
		for (size_t i = 0; i < port->realms.n; i++)
			close_realm(port->realms.list[i]);
		mqg_port_free(port);
	}
	for (at = worker->gone_realms.next; at != &worker->gone_realms; at = next) {
		struct mqg_realm *realm = mqg_container_of(at, struct mqg_realm, gone);

		next = at->next;
		if (realm->open)
			continue;
		mqg_list_remove(&realm->gone);
		close_realm(realm);
		mqg_realm_free(realm);
	}
	/* A port that has gone may still lead to an uplink that has. */
	if (!mqg_list_empty(&worker->gone_ports))
		return;
	for (at = worker->gone_uplinks.next; at != &worker->gone_uplinks; at = next) {
		struct mqg_uplink *uplink = mqg_container_of(at, struct mqg_uplink, gone);

		next = at->next;
		mqg_uplink_bury(uplink);
	}
}
