/* SPDX-License-Identifier: BSD-2-Clause */
/* The checking pass over one service. Called by mqg_config_check() in the main thread; no lock. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/names.h"
#include "config/check.h"
#include "config/endpoint.h"

#define complain(check, ...) mqg_complain(&(check)->complaint, __VA_ARGS__)

static const enum mqgate_kind kinds[] = {
	[RAW_KIND_MQTT] = MQGATE_KIND_MQTT,
	[RAW_KIND_MQTTS] = MQGATE_KIND_MQTTS,
	[RAW_KIND_MQTTSN] = MQGATE_KIND_MQTTSN,
	[RAW_KIND_COAP] = MQGATE_KIND_COAP,
	[RAW_KIND_COAPS] = MQGATE_KIND_COAPS,
	[RAW_KIND_UNPROTECTED] = MQGATE_KIND_DEFAULT,
};

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

/* Of TCP alone; a word that asks for nothing may stand anywhere. */
static const char *tcp_key(const struct raw_service *from)
{
	if (from->unknown_flows && *from->unknown_flows)
		return "unknown_flows";
	if (from->guard.syn)
		return "syn";
	if (from->guard.connects)
		return "connects";
	if (from->guard.suspect)
		return "suspect";
	if (from->guard.on_malformed && *from->guard.on_malformed)
		return "on_malformed";
	if (from->guard.reset_rate)
		return "reset_rate";
	if (from->allow_pps)
		return "allow_pps";
	return from->allow_burst ? "allow_burst" : NULL;
}

/* Of whatever is protected. */
static const char *guarded_key(const struct raw_service *from)
{
	if (from->when_daemon_away && *from->when_daemon_away)
		return "when_daemon_away";
	if (from->guard.destinations)
		return "destinations";
	if (from->guard.fragments && *from->guard.fragments)
		return "fragments";
	if (from->datagrams)
		return "datagrams";
	return from->connect_max ? "connect_max" : tcp_key(from);
}

/* A key that says nothing here would be believed to do something. */
static int check_meaning(const struct mqg_check *check, size_t i)
{
	const struct raw_service *from = &check->raw->services[i];
	enum mqgate_kind kind = kinds[from->kind];
	bool udp = kind >= MQGATE_KIND_FIRST_UDP;
	char path[MQG_PATH_MAX];
	const char *key = NULL;

	if (kind == MQGATE_KIND_DEFAULT)
		key = guarded_key(from);
	else if (from->connect_max && kind != MQGATE_KIND_MQTT)
		key = "connect_max";
	else if (udp)
		key = tcp_key(from);
	else if (from->datagrams)
		key = "datagrams";
	if (!key)
		return 0;
	snprintf(path, sizeof(path), "services[%zu].%s", i, key);
	if (kind == MQGATE_KIND_DEFAULT)
		return complain(check, path, "has no meaning on an unprotected port; leave it out");
	if (!strcmp(key, "connect_max"))
		return complain(check, path, "has no meaning for kind %s, whose CONNECTs XDP does "
					     "not see; leave it out", mqg_kind_word(kind));
	if (udp && !strcmp(key, "connects"))
		return complain(check, path, "has no meaning over UDP (kind %s); write datagrams",
				mqg_kind_word(kind));
	if (udp)
		return complain(check, path, "has no meaning over UDP (kind %s); leave it out",
				mqg_kind_word(kind));
	return complain(check, path, "has no meaning over TCP (kind %s); write connects",
			mqg_kind_word(kind));
}

static int check_limits(const struct mqg_check *check, size_t i)
{
	const struct raw_service *from = &check->raw->services[i];
	struct mqg_service *to = &check->config->services[i];
	const struct {
		const char	*key;
		const uint32_t	*value;
		uint32_t	fallback, least, most;
		uint32_t	*out;
	} numbers[] = {
		/* 12 bytes is the shortest CONNECT (MQTT 3.1.1, empty identifier). */
		{ "connect_max", from->connect_max, MQGATE_DEFAULT_CONNECT_MAX, 12, 268435455,
		  &to->connect_max },
		{ "allow_pps", from->allow_pps, MQGATE_DEFAULT_ALLOW_PPS, 1, 100000000,
		  &to->allow_pps },
		{ "allow_burst", from->allow_burst, MQGATE_DEFAULT_ALLOW_BURST, 1, 100000000,
		  &to->allow_burst },
	};
	char path[MQG_PATH_MAX];
	int err = 0;

	for (size_t n = 0; !err && n < sizeof(numbers) / sizeof(numbers[0]); n++) {
		snprintf(path, sizeof(path), "services[%zu].%s", i, numbers[n].key);
		err = mqg_check_number(check, path, numbers[n].value, numbers[n].fallback,
				       numbers[n].least, numbers[n].most, numbers[n].out);
	}
	return err;
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
	if (!err)
		err = check_limits(check, i);
	if (err)
		return err;
	if (to->kind == MQGATE_KIND_DEFAULT) {
		to->number = MQGATE_SVC_UNPROTECTED;
		return 0;
	}
	err = mqg_check_number_service(check, path, mqg_ports_index(to->kind, to->port),
				       &to->number);
	snprintf(path, sizeof(path), "services[%zu]", i);
	if (!err)
		err = mqg_check_guard(check, path, &from->guard, &to->guard);
	if (err || !from->datagrams)
		return err;
	snprintf(path, sizeof(path), "services[%zu].datagrams", i);
	return mqg_check_budgets(check, path, from->datagrams, &to->guard);
}
