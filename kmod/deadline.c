// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deadlines: CONNECT, CONNACK, keep alive x 1.5, closing, idle. See deadline.h.
 */
#include "deadline.h"

#include "client.h"
#include "net.h"
#include "reset.h"
#include "session.h"
#include "table.h"

/* Looked at again when nothing limits a client: settings may have changed by then. */
#define NO_LIMIT_S	3600U

static u32 idle_deadline(const struct mqg_client *client, const struct mqg_settings *settings)
{
	u64 idle_ms = mqg_client_idle_ms(client);
	u64 limit_ms = 1000ULL * settings->idle_s;

	if (!limit_ms)
		return (u32)jiffies + NO_LIMIT_S * HZ;
	if (idle_ms >= limit_ms)
		return jiffies;
	return (u32)jiffies + msecs_to_jiffies(limit_ms - idle_ms);
}

/* Seconds, 0 for none. A keep alive that was not seen is not made up (level 0). */
static u32 keep_alive_of(const struct mqg_client *client, const struct mqg_settings *settings)
{
	u32 cap = settings->keep_alive_cap_s;

	if (!client->level)
		return 0;
	if (cap && (!client->keep_alive || client->keep_alive > cap))
		return cap;
	return client->keep_alive;
}

/* MQTT 5.0, 3.1.2.10: one and a half times the keep alive. */
static u32 keep_alive_deadline(const struct mqg_client *client, u32 keep_alive)
{
	return client->heard + keep_alive * HZ + keep_alive * HZ / 2;
}

static bool reset_seen(const struct mqg_client *client)
{
	return mqg_session_reset_seen(client, MQGATE_FROM_CLIENT) ||
	       mqg_session_reset_seen(client, MQGATE_FROM_SERVER);
}

/* Of a handshake or CONNECT: a connection that was reset meanwhile is not waited for as long. */
static u32 opening_deadline(const struct mqg_client *client, const struct mqg_settings *settings,
			    u32 limit_ms)
{
	u32 limit = client->entered + msecs_to_jiffies(limit_ms);
	u32 closed = client->heard + msecs_to_jiffies(settings->closing_ms);

	return reset_seen(client) && (s32)(closed - limit) < 0 ? closed : limit;
}

static u32 deadline_of(const struct mqg_client *client, const struct mqg_settings *settings)
{
	u32 idle = idle_deadline(client, settings);
	u32 keep_alive, late;

	if (client->flags & MQG_CLIENT_LATE)
		return idle;
	switch (client->phase) {
	case MQGATE_PHASE_HANDSHAKE:
	case MQGATE_PHASE_CONNECT:
		return opening_deadline(client, settings, settings->connect_ms);
	case MQGATE_PHASE_CONNACK:
		return opening_deadline(client, settings, settings->connack_ms);
	case MQGATE_PHASE_CLOSING:
	case MQGATE_PHASE_REFUSED:
		return client->entered + msecs_to_jiffies(settings->closing_ms);
	}
	keep_alive = keep_alive_of(client, settings);
	if (!keep_alive)
		return idle;
	late = keep_alive_deadline(client, keep_alive);
	return (s32)(late - idle) < 0 ? late : idle;
}

/**
 * mqg_deadline_file - file a client under its deadline
 * @client: not dead, its lock held
 *
 * Context: BH disabled, RCU.
 */
void mqg_deadline_file(struct mqg_client *client)
{
	const struct mqg_settings *settings = rcu_dereference(client->net->settings);

	mqg_wheel_file(&client->net->wheel, client, deadline_of(client, settings));
}

/* In observe the offence is told once: a phase has one deadline, a keep alive starts anew. */
static void pardon(struct mqg_client *client)
{
	if (client->phase == MQGATE_PHASE_CONNECTED)
		client->heard = jiffies;
	else
		client->flags |= MQG_CLIENT_LATE;
}

static bool offend(struct mqg_client *client, const struct mqg_settings *settings, u8 reason)
{
	const struct mqg_service *service;
	bool enforce;

	service = mqg_settings_service(settings, client->key.dport);
	enforce = service && mqg_service_enforced(settings, service);
	mqg_client_violation(client, MQGATE_FROM_CLIENT, reason, enforce);
	if (!enforce) {
		pardon(client);
		return false;
	}
	mqg_client_refuse(client, reason);
	return settings->reset;
}

static u8 who_closed(const struct mqg_client *client)
{
	return mqg_session_reset_seen(client, MQGATE_FROM_SERVER) ?
	       MQGATE_REASON_BROKER_CLOSED : MQGATE_REASON_CLIENT_CLOSED;
}

/* Return: whether both ends are to be reset. */
static bool punish(struct mqg_client *client, const struct mqg_settings *settings)
{
	struct mqg_net *net = client->net;
	u32 keep_alive;

	if (client->flags & MQG_CLIENT_LATE)
		goto idle;
	if (client->phase < MQGATE_PHASE_CONNECTED && reset_seen(client)) {
		mqg_client_end(client, who_closed(client));
		return false;
	}
	switch (client->phase) {
	case MQGATE_PHASE_HANDSHAKE:
	case MQGATE_PHASE_CONNECT:
		mqg_count(net, LATE_CONNECT);
		return offend(client, settings, MQGATE_REASON_CONNECT_TIMEOUT);
	case MQGATE_PHASE_CONNACK:
		return offend(client, settings, MQGATE_REASON_CONNACK_TIMEOUT);
	case MQGATE_PHASE_CLOSING:
		mqg_client_end(client, who_closed(client));
		return false;
	case MQGATE_PHASE_REFUSED:
		mqg_client_end(client, client->reason);
		return false;
	}
	keep_alive = keep_alive_of(client, settings);
	if (keep_alive && (s32)((u32)jiffies - keep_alive_deadline(client, keep_alive)) >= 0) {
		mqg_count(net, LATE_KEEP_ALIVE);
		return offend(client, settings, MQGATE_REASON_KEEP_ALIVE);
	}
idle:
	mqg_count(net, IDLE);
	mqg_client_end(client, MQGATE_REASON_IDLE);
	return false;
}

/**
 * mqg_deadline_check - the time that a client was filed under has come
 * @client: taken from the wheel; may be dead
 *
 * Context: process (the wheel's work), RCU. Takes the client's lock.
 */
void mqg_deadline_check(struct mqg_client *client)
{
	const struct mqg_settings *settings = rcu_dereference(client->net->settings);
	struct mqg_reset reset;
	bool send = false;
	u32 deadline;

	spin_lock_bh(&client->lock);
	if (mqg_client_dead(client))
		goto unlock;
	deadline = deadline_of(client, settings);
	if ((s32)((u32)jiffies - deadline) >= 0) {
		send = punish(client, settings);
		if (send)
			mqg_reset_prepare(&reset, client);
	}
	if (!mqg_client_dead(client))
		mqg_deadline_file(client);
unlock:
	spin_unlock_bh(&client->lock);
	if (send)
		mqg_reset_send(client->net, &reset);
}

static int refile_one(struct mqg_client *client, void *arg)
{
	spin_lock_bh(&client->lock);
	if (!mqg_client_dead(client))
		mqg_deadline_file(client);
	spin_unlock_bh(&client->lock);
	return 0;
}

/**
 * mqg_deadline_refile - limits have become shorter: file every client under its new deadline
 * @net: the namespace; its new settings are published
 *
 * MQG_WALK_MAX clients at a stretch. Who files by the old settings meanwhile is waited for first.
 *
 * Context: process. Sleeps.
 */
void mqg_deadline_refile(struct mqg_net *net)
{
	struct mqg_table_cursor cursor = {};

	synchronize_rcu();
	while (!cursor.done) {
		mqg_table_walk(net, &cursor, refile_one, NULL);
		cond_resched();
	}
}
