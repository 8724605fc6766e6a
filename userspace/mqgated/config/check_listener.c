/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checking pass over one listener. Called by mqg_config_check() in the main thread; no lock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/network.h"
#include "config/check.h"
#include "config/endpoint.h"

#define MS_LEAST	100
#define MS_MOST		600000
#define NS_PER_MS	1000000ULL

#define complain(check, ...) mqg_complain(&(check)->complaint, __VA_ARGS__)

static void join(char path[MQG_PATH_MAX], size_t i, const char *key)
{
	snprintf(path, MQG_PATH_MAX, "listeners[%zu].%s", i, key);
}

static int check_name(const struct mqg_check *check, size_t i)
{
	const char *name = check->raw->listeners[i].name;
	char path[MQG_PATH_MAX];
	int err;

	join(path, i, "name");
	err = mqg_check_name(check, path, name);
	for (size_t j = 0; !err && j < i; j++)
		if (!strcmp(check->config->listeners[j].name, name))
			err = complain(check, path, "\"%s\" is already the name of listeners[%zu]; "
						    "choose another", name, j);
	return err;
}

static int check_address(struct mqg_check *check, size_t i)
{
	struct mqg_listener *to = &check->config->listeners[i];
	char path[MQG_PATH_MAX], why[256];
	uint16_t port;
	int err;

	join(path, i, "address");
	err = mqg_endpoint_parse(check->raw->listeners[i].address, false, &to->address, why,
				 sizeof(why));
	if (err)
		return err == -EINVAL ? complain(check, path, "%s", why) : err;
	port = mqg_endpoint_port(&to->address);
	for (size_t j = 0; j < i; j++)
		if (mqg_endpoint_port(&check->config->listeners[j].address) == port)
			return complain(check, path, "port %u is already that of listeners[%zu]; a "
						     "port is one service", port, j);
	return mqg_check_number_service(check, path, port, &to->service);
}

static int check_broker(struct mqg_check *check, size_t i)
{
	const char *name = check->raw->listeners[i].broker;
	struct mqg_config *config = check->config;
	char path[MQG_PATH_MAX];

	join(path, i, "broker");
	for (size_t j = 0; j < config->n_brokers; j++)
		if (!strcmp(config->brokers[j].name, name))
			config->listeners[i].broker = &config->brokers[j];
	if (!config->listeners[i].broker)
		return complain(check, path, "there is no broker \"%s\"; name one of \"brokers\"",
				name);
	return 0;
}

static int check_limits(struct mqg_check *check, size_t i)
{
	const struct raw_listener *from = &check->raw->listeners[i];
	struct mqg_listener *to = &check->config->listeners[i];
	const struct {
		const char	*key;
		const uint32_t	*value;
		uint32_t	fallback, least, most;
		uint32_t	*out;
	} numbers[] = {
		/* 12 bytes is the shortest CONNECT (MQTT 3.1.1, empty identifier). */
		{ "connect_max", from->connect_max, 65536, 12, 268435455, &to->connect_max },
		{ "sessions_max", from->sessions_max, 100000, 1, 100000000, &to->sessions_max },
		{ "allow_pps", from->allow_pps, MQGATE_DEFAULT_ALLOW_PPS, 1, 100000000,
		  &to->allow_pps },
		{ "allow_burst", from->allow_burst, MQGATE_DEFAULT_ALLOW_BURST, 1, 100000000,
		  &to->allow_burst },
	};
	const struct {
		const char	*key;
		const char	*text;
		uint32_t	*out;
	} times[] = {
		{ "handshake_timeout", from->handshake_timeout, &to->handshake_timeout_ms },
		{ "connect_timeout", from->connect_timeout, &to->connect_timeout_ms },
	};
	char path[MQG_PATH_MAX];
	uint64_t ns;
	int err;

	for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
		join(path, i, numbers[n].key);
		err = mqg_check_number(check, path, numbers[n].value, numbers[n].fallback,
				       numbers[n].least, numbers[n].most, numbers[n].out);
		if (err)
			return err;
	}
	for (size_t n = 0; n < sizeof(times) / sizeof(times[0]); n++) {
		join(path, i, times[n].key);
		err = mqg_check_duration(check, path, times[n].text, 10000 * NS_PER_MS,
					 MS_LEAST * NS_PER_MS, MS_MOST * NS_PER_MS, &ns);
		if (err)
			return err;
		*times[n].out = (uint32_t)(ns / NS_PER_MS);
	}
	return 0;
}

static int check_proxies(struct mqg_check *check, size_t i)
{
	const struct raw_proxies *from = check->raw->listeners[i].proxy_protocol_in;
	struct mqg_listener *to = &check->config->listeners[i];
	char path[MQG_PATH_MAX];
	const char *why;

	if (!from)
		return 0;
	join(path, i, "proxy_protocol_in");
	if (!from->from_count)
		return complain(check, path, "from is missing; name the networks of the proxies, "
					     "whose word will be believed");
	to->proxies = calloc(from->from_count, sizeof(*to->proxies));
	if (!to->proxies)
		return -ENOMEM;
	for (unsigned int n = 0; n < from->from_count; n++) {
		snprintf(path, sizeof(path), "listeners[%zu].proxy_protocol_in.from[%u]", i, n);
		if (mqg_network_parse(from->from[n], &to->proxies[n], &why))
			return complain(check, path, "\"%s\" %s", from->from[n], why);
		to->n_proxies = n + 1;
	}
	return 0;
}

static int check_plain(struct mqg_check *check, size_t i)
{
	const struct raw_listener *from = &check->raw->listeners[i];
	struct mqg_listener *to = &check->config->listeners[i];
	char path[MQG_PATH_MAX];

	join(path, i, from->tls ? "tls" : from->identity ? "identity" : from->sni_count ? "sni" :
		      from->sni_unknown ? "sni_unknown" : "handshake_timeout");
	if (from->tls || from->identity || from->sni_count || from->sni_unknown ||
	    from->handshake_timeout)
		return complain(check, path, "belongs to kind mqtts, and this listener is kind "
					     "mqtt; leave it out or write kind: mqtts");
	to->kind = MQGATE_KIND_MQTT;
	to->password_rule = from->passwords ? (enum mqg_password_rule)*from->passwords
					    : MQG_PASSWORD_REFUSE;
	return 0;
}

static int check_tls(struct mqg_check *check, size_t i)
{
	const struct raw_listener *from = &check->raw->listeners[i];
	struct mqg_listener *to = &check->config->listeners[i];
	char path[MQG_PATH_MAX];
	int err;

	join(path, i, "tls");
	if (!from->tls)
		return complain(check, path, "missing, and this listener is kind mqtts; give it "
					     "certificate, key and client_ca");
	join(path, i, "passwords");
	if (from->passwords)
		return complain(check, path, "belongs to kind mqtt: a password inside TLS is not "
					     "in clear text; leave it out");
	to->kind = MQGATE_KIND_MQTTS;
	to->password_rule = MQG_PASSWORD_ALLOW;
	to->policies = calloc(from->sni_count + 1, sizeof(*to->policies));
	if (!to->policies)
		return -ENOMEM;
	to->n_policies = 1;
	snprintf(path, sizeof(path), "listeners[%zu]", i);
	err = mqg_check_copy(from->name, &to->policies[0].title);
	if (!err)
		err = mqg_check_policy(check, path, from->tls, from->identity, &to->policies[0]);
	return err ? err : mqg_check_sni(check, path, from, to);
}

int mqg_check_listener(struct mqg_check *check, size_t i)
{
	const struct raw_listener *from = &check->raw->listeners[i];
	struct mqg_listener *to = &check->config->listeners[i];
	char path[MQG_PATH_MAX];
	int err;

	/* Counted from here on, so that mqg_config_put() sees what it already owns. */
	check->config->n_listeners = i + 1;
	to->mode = from->mode ? (enum mqgate_mode)*from->mode : MQGATE_MODE_ENFORCE;
	err = check_name(check, i);
	if (!err)
		err = mqg_check_copy(from->name, &to->name);
	if (!err)
		err = check_address(check, i);
	if (!err)
		err = check_broker(check, i);
	if (!err)
		err = check_limits(check, i);
	if (!err)
		err = check_proxies(check, i);
	snprintf(path, sizeof(path), "listeners[%zu].limits", i);
	if (!err)
		err = mqg_check_limits(check, path, from->limits, &to->limits);
	snprintf(path, sizeof(path), "listeners[%zu]", i);
	if (!err)
		err = mqg_check_guard(check, path, &from->guard, &to->guard);
	if (err)
		return err;
	return from->kind == RAW_KIND_MQTTS ? check_tls(check, i) : check_plain(check, i);
}
