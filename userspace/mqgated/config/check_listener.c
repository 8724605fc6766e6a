/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checking pass over one listener. Called by mqg_config_check() in the main thread; no lock.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include "config/check.h"
#include "config/endpoint.h"
#include "config/tlsfiles.h"

#define MS_LEAST	100
#define MS_MOST		600000
#define NS_PER_MS	1000000ULL

static const char hex_digits[] = "0123456789abcdef";

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

static int check_plain(struct mqg_check *check, size_t i)
{
	const struct raw_listener *from = &check->raw->listeners[i];
	struct mqg_listener *to = &check->config->listeners[i];
	char path[MQG_PATH_MAX];

	join(path, i, from->tls ? "tls" : from->identity ? "identity" : "handshake_timeout");
	if (from->tls || from->identity || from->handshake_timeout)
		return complain(check, path, "belongs to kind mqtts, and this listener is kind "
					     "mqtt; leave it out or write kind: mqtts");
	to->kind = MQGATE_KIND_MQTT;
	to->client_id_rule = MQG_CLIENT_ID_ANY;
	to->password_rule = from->passwords ? (enum mqg_password_rule)*from->passwords
					    : MQG_PASSWORD_REFUSE;
	return 0;
}

static int check_username(struct mqg_check *check, size_t i)
{
	const struct raw_identity *identity = check->raw->listeners[i].identity;
	struct mqg_listener *to = &check->config->listeners[i];
	char path[MQG_PATH_MAX];

	to->username_rule = identity && identity->username
				    ? (enum mqg_username_rule)*identity->username
				    : MQG_USERNAME_EQUAL;
	if (!identity || !identity->user_property)
		return 0;
	join(path, i, "identity.user_property");
	if (strlen(identity->user_property) > 64)
		return complain(check, path, "is longer than 64 bytes; choose a shorter name");
	for (const char *p = identity->user_property; *p; p++)
		if (*p <= ' ' || *p > '~')
			return complain(check, path, "\"%s\" is no name of a property; write "
						     "printable ASCII without spaces",
					identity->user_property);
	return mqg_check_copy(identity->user_property, &to->user_property);
}

/* As `openssl dgst` and fingerprints write it: 64 hex digits, with colons or without. */
static bool read_pin(const char *text, uint8_t pin[MQG_PIN_SIZE])
{
	size_t digits = 0;

	for (; *text; text++) {
		const char *at = strchr(hex_digits, tolower((unsigned char)*text));

		if (*text == ':' && digits % 2 == 0 && digits)
			continue;
		if (!at || digits == 2 * MQG_PIN_SIZE)
			return false;
		pin[digits / 2] = (uint8_t)(pin[digits / 2] << 4 | (at - hex_digits));
		digits++;
	}
	return digits == 2 * MQG_PIN_SIZE;
}

static int check_pins(struct mqg_check *check, size_t i, const struct raw_tls *tls,
		      struct mqg_listener *to)
{
	char path[MQG_PATH_MAX];

	if (!tls->pins_count)
		return 0;
	to->pins = calloc(tls->pins_count, sizeof(*to->pins));
	if (!to->pins)
		return -ENOMEM;
	to->n_pins = tls->pins_count;
	for (unsigned int n = 0; n < tls->pins_count; n++) {
		snprintf(path, sizeof(path), "listeners[%zu].tls.pins[%u]", i, n);
		if (!read_pin(tls->pins[n], to->pins[n]))
			return complain(check, path, "\"%s\" is no pin; write the SHA-256 of a "
						     "public key (DER) as 64 hex digits",
					tls->pins[n]);
	}
	return 0;
}

static int check_tls(struct mqg_check *check, size_t i)
{
	const struct raw_listener *from = &check->raw->listeners[i];
	struct mqg_listener *to = &check->config->listeners[i];
	const struct raw_tls *tls = from->tls;
	const struct raw_identity *identity = from->identity;
	char path[MQG_PATH_MAX];
	int err;

	join(path, i, "tls");
	if (!tls)
		return complain(check, path, "missing, and this listener is kind mqtts; give it "
					     "certificate, key and client_ca");
	join(path, i, "passwords");
	if (from->passwords)
		return complain(check, path, "belongs to kind mqtt: a password inside TLS is not "
					     "in clear text; leave it out");
	to->kind = MQGATE_KIND_MQTTS;
	to->tls_min = tls->min_version ? *tls->min_version : TLS1_2_VERSION;
	to->crl_stale = tls->crl_stale && *tls->crl_stale;
	to->partial_chain = tls->partial_chain && *tls->partial_chain;
	join(path, i, "tls.crl_stale");
	if (tls->crl_stale && !tls->crl)
		return complain(check, path, "has no meaning without tls.crl; leave it out");
	to->identity_from = identity && identity->from ? (enum mqg_identity_from)*identity->from
						       : MQG_FROM_CN;
	to->client_id_rule = identity && identity->client_id
				     ? (enum mqg_client_id_rule)*identity->client_id
				     : MQG_CLIENT_ID_EQUAL;
	err = check_username(check, i);
	if (err)
		return err;
	to->password_rule = MQG_PASSWORD_ALLOW;
	if (mqg_check_copy(tls->certificate, &to->certificate) ||
	    mqg_check_copy(tls->key, &to->key) || mqg_check_copy(tls->client_ca, &to->client_ca) ||
	    (tls->crl && mqg_check_copy(tls->crl, &to->crl)) ||
	    (tls->pin_file && mqg_check_copy(tls->pin_file, &to->pin_file)))
		return -ENOMEM;
	join(path, i, "tls");
	err = check_pins(check, i, tls, to);
	if (!err)
		err = mqg_tls_files_load(check, path, to);
	return err ? err : mqg_check_crypto(check, path, tls, to);
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
	snprintf(path, sizeof(path), "listeners[%zu]", i);
	if (!err)
		err = mqg_check_guard(check, path, &from->guard, &to->guard);
	if (err)
		return err;
	return from->kind == RAW_KIND_MQTTS ? check_tls(check, i) : check_plain(check, i);
}
