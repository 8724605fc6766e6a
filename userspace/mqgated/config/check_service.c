/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checking pass over one service, and over what services and listeners have in common.
 * Called by mqg_config_check() and mqg_check_listener() in the main thread; no lock.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/names.h"
#include "common/network.h"
#include "config/check.h"
#include "config/endpoint.h"

#define NS_PER_MS	1000000ULL
#define SYN_MOST	10000000U	/* a second; a 10 GbE port carries 14,880,952 frames */
#define CALM_LEAST	(100 * NS_PER_MS)
#define CALM_MOST	(3600000 * NS_PER_MS)

#define complain(check, ...) mqg_complain(&(check)->complaint, __VA_ARGS__)

static const enum mqgate_kind kinds[] = {
	[RAW_KIND_MQTT] = MQGATE_KIND_MQTT,
	[RAW_KIND_MQTTS] = MQGATE_KIND_MQTTS,
	[RAW_KIND_MQTTSN] = MQGATE_KIND_MQTTSN,
	[RAW_KIND_COAP] = MQGATE_KIND_COAP,
	[RAW_KIND_COAPS] = MQGATE_KIND_COAPS,
	[RAW_KIND_UNPROTECTED] = MQGATE_KIND_DEFAULT,
};

/* 0 in the file is no budget; 0 for XDP is its default. */
static int check_budget(const struct mqg_check *check, const char *path, const uint32_t *value,
			uint32_t fallback, uint32_t *out)
{
	int err = mqg_check_number(check, path, value, fallback, 0, SYN_MOST, out);

	if (!err && !*out)
		*out = MQGATE_SYN_UNLIMITED;
	return err;
}

static int check_syn(const struct mqg_check *check, const char *owner, const struct raw_syn *from,
		     struct mqg_guard *to)
{
	static const struct raw_syn none;
	char path[MQG_PATH_MAX];
	uint64_t ns;
	int err;

	if (!from)
		from = &none;
	snprintf(path, sizeof(path), "%s.syn.per_source", owner);
	err = check_budget(check, path, from->per_source, MQGATE_DEFAULT_SYN_SOURCE,
			   &to->syn_source);
	snprintf(path, sizeof(path), "%s.syn.rate", owner);
	if (!err)
		err = check_budget(check, path, from->rate, MQGATE_DEFAULT_SYN_RATE,
				   &to->syn_rate);
	snprintf(path, sizeof(path), "%s.syn.calm", owner);
	if (!err)
		err = mqg_check_duration(check, path, from->calm,
					 MQGATE_DEFAULT_SYN_CALM_MS * NS_PER_MS, CALM_LEAST,
					 CALM_MOST, &ns);
	if (err)
		return err;
	to->syn_calm_ms = (uint32_t)(ns / NS_PER_MS);
	to->cookies = from->cookies ? (enum mqg_cookies)*from->cookies : MQG_COOKIES_AUTO;
	if (to->cookies != MQG_COOKIES_ON || to->syn_rate != MQGATE_SYN_UNLIMITED)
		return 0;
	snprintf(path, sizeof(path), "%s.syn.cookies", owner);
	return complain(check, path, "on has no meaning with rate: 0, above which they would be "
				     "used; give a rate");
}

int mqg_check_guard(struct mqg_check *check, const char *owner, const struct raw_guard *from,
		    struct mqg_guard *to)
{
	char path[MQG_PATH_MAX];
	const char *why;

	to->fragments = from->fragments && *from->fragments;
	snprintf(path, sizeof(path), "%s.destinations", owner);
	if (from->destinations_count > MQGATE_DESTINATIONS)
		return complain(check, path, "%u networks, and there may be %d; leave the key out "
					     "to guard all of them", from->destinations_count,
				MQGATE_DESTINATIONS);
	for (unsigned int i = 0; i < from->destinations_count; i++) {
		snprintf(path, sizeof(path), "%s.destinations[%u]", owner, i);
		if (mqg_network_parse(from->destinations[i], &to->destination[i], &why))
			return complain(check, path, "\"%s\" %s", from->destinations[i], why);
	}
	to->destinations = from->destinations_count;
	return check_syn(check, owner, from->syn, to);
}

/* The name and port of service @i must be new among listeners and services before it. */
static int check_clash(const struct mqg_check *check, size_t i)
{
	const struct raw_service *from = &check->raw->services[i];
	const struct mqg_config *config = check->config;
	uint32_t index = mqg_ports_index(kinds[from->kind], (uint16_t)from->port);
	char name[MQG_PATH_MAX], port[MQG_PATH_MAX];

	snprintf(name, sizeof(name), "services[%zu].name", i);
	snprintf(port, sizeof(port), "services[%zu].port", i);
	for (size_t j = 0; j < config->n_listeners; j++) {
		if (!strcmp(config->listeners[j].name, from->name))
			return complain(check, name, "\"%s\" is already the name of "
						     "listeners[%zu]; choose another",
					from->name, j);
		if (mqg_endpoint_port(&config->listeners[j].address) == index)
			return complain(check, port, "port %u is already that of listeners[%zu]; "
						     "a port is one service", from->port, j);
	}
	for (size_t j = 0; j < i; j++) {
		const struct mqg_service *other = &config->services[j];

		if (!strcmp(other->name, from->name))
			return complain(check, name, "\"%s\" is already the name of services[%zu]; "
						     "choose another", from->name, j);
		if (mqg_ports_index(other->kind, other->port) == index)
			return complain(check, port, "port %u is already that of services[%zu]; a "
						     "port is one service", from->port, j);
	}
	return 0;
}

/* A key that says nothing here would be believed to do something. */
static int check_meaning(const struct mqg_check *check, size_t i)
{
	const struct raw_service *from = &check->raw->services[i];
	enum mqgate_kind kind = kinds[from->kind];
	char path[MQG_PATH_MAX];
	const char *key = NULL;

	if (kind == MQGATE_KIND_DEFAULT) {
		if (from->when_daemon_away && *from->when_daemon_away)
			key = "when_daemon_away";
		if (from->guard.destinations)
			key = "destinations";
		if (from->guard.fragments && *from->guard.fragments)
			key = "fragments";
	}
	if ((kind == MQGATE_KIND_DEFAULT || kind >= MQGATE_KIND_FIRST_UDP) &&
	    from->unknown_flows && *from->unknown_flows)
		key = "unknown_flows";
	if ((kind == MQGATE_KIND_DEFAULT || kind >= MQGATE_KIND_FIRST_UDP) && from->guard.syn)
		key = "syn";
	if (!key)
		return 0;
	snprintf(path, sizeof(path), "services[%zu].%s", i, key);
	if (kind == MQGATE_KIND_DEFAULT)
		return complain(check, path, "has no meaning on an unprotected port; leave it out");
	return complain(check, path, "has no meaning over UDP (kind %s); leave it out",
			mqg_kind_word(kind));
}

int mqg_check_service(struct mqg_check *check, size_t i)
{
	const struct raw_service *from = &check->raw->services[i];
	struct mqg_service *to = &check->config->services[i];
	char path[MQG_PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "services[%zu].name", i);
	err = mqg_check_name(check, path, from->name);
	if (err)
		return err;
	snprintf(path, sizeof(path), "services[%zu].port", i);
	if (!from->port || from->port > 65535)
		return complain(check, path, "%u is not a port; write a number from 1 to 65535",
				from->port);
	err = check_clash(check, i);
	if (err)
		return err;
	to->port = (uint16_t)from->port;
	to->kind = kinds[from->kind];
	to->mode = from->mode ? (enum mqgate_mode)*from->mode : MQGATE_MODE_ENFORCE;
	to->strict = from->unknown_flows && *from->unknown_flows;
	to->fail_closed = from->when_daemon_away && *from->when_daemon_away;
	check->config->n_services = i + 1;
	err = mqg_check_copy(from->name, &to->name);
	if (!err)
		err = check_meaning(check, i);
	if (err)
		return err;
	if (to->kind == MQGATE_KIND_DEFAULT) {
		to->number = MQGATE_SVC_UNPROTECTED;
		return 0;
	}
	err = mqg_check_number_service(check, path, mqg_ports_index(to->kind, to->port),
				       &to->number);
	snprintf(path, sizeof(path), "services[%zu]", i);
	return err ? err : mqg_check_guard(check, path, &from->guard, &to->guard);
}
