/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checking pass over everything but brokers, listeners and services: allow list, score and the
 * single values. Called by mqg_config_load() in the main thread; no lock.
 */
#include "config/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/names.h"
#include "config/check_rights.h"
#include "config/endpoint.h"
#include "config/key.h"
#include "config/weights.h"

#define SECOND		1000000000ULL
#define MINUTE		(60 * SECOND)
#define HOUR		(60 * MINUTE)
#define DAY		(24 * HOUR)
#define MARK_DEFAULT	0x6d71		/* "mq" */
#define WORKERS_MAX	256

#define complain(check, ...) mqg_complain(&(check)->complaint, __VA_ARGS__)

/* The numbers of check->before; the one of @port in *@own, 0 = it has none there. */
static uint32_t numbers_before(const struct mqg_check *check, uint32_t port, uint32_t *own)
{
	const struct mqg_config *before = check->before;
	uint32_t taken = 0;

	*own = 0;
	for (size_t i = 0; before && i < before->n_listeners; i++) {
		const struct mqg_listener *l = &before->listeners[i];

		taken |= 1U << l->service;
		if (MQGATE_PORTS_TCP(mqg_endpoint_port(&l->address)) == port)
			*own = l->service;
	}
	for (size_t i = 0; before && i < before->n_services; i++) {
		const struct mqg_service *s = &before->services[i];

		if (s->number == MQGATE_SVC_UNPROTECTED)
			continue;
		taken |= 1U << s->number;
		if (mqg_ports_index(s->kind, s->port) == port)
			*own = s->number;
	}
	return taken;
}

static uint32_t first_free(uint32_t taken)
{
	uint32_t n = MQGATE_SVC_FIRST_FREE;

	while (n < MQGATE_SERVICES && taken & (1U << n))
		n++;
	return n;
}

/* What is counted under a number should stay what it was. */
static uint32_t choose_number(const struct mqg_check *check, uint32_t port)
{
	uint32_t own, before = numbers_before(check, port, &own), n;

	if (own >= MQGATE_SVC_FIRST_FREE && !(check->services & (1U << own)))
		return own;
	n = first_free(check->services | before);
	return n < MQGATE_SERVICES ? n : first_free(check->services);
}

int mqg_check_number_service(struct mqg_check *check, const char *path, uint32_t port,
			     uint32_t *number)
{
	uint32_t n = MQGATE_SVC_FIRST_FREE;

	if (port == MQGATE_PORT_MQTT)
		n = MQGATE_SVC_MQTT;
	else if (port == MQGATE_PORT_MQTTS)
		n = MQGATE_SVC_MQTTS;
	else
		n = choose_number(check, port);
	if (n == MQGATE_SERVICES)
		return complain(check, path, "too many listeners and services; besides ports 1883 "
					     "and 8883 there may be %d",
				MQGATE_SERVICES - MQGATE_SVC_FIRST_FREE);
	check->services |= 1U << n;
	*number = n;
	return 0;
}

static int check_allow(struct mqg_check *check)
{
	const struct raw_config *raw = check->raw;
	struct mqg_config *config = check->config;

	for (size_t i = 0; i < raw->allow_count; i++) {
		char path[MQG_PATH_MAX];
		const char *why = NULL;

		snprintf(path, sizeof(path), "allow[%zu]", i);
		if (mqg_source_parse(raw->allow[i], &config->allow[i], &why))
			return complain(check, path, "\"%s\": %s", raw->allow[i],
					why ? why : "not an address; write 192.0.2.1, 2001:db8::1 "
						    "or 2001:db8::/64");
		config->n_allow = i + 1;
	}
	return 0;
}

static int check_weights(const struct mqg_check *check, const struct raw_weights *raw,
			 struct mqg_score_config *score)
{
	char path[MQG_PATH_MAX];
	int err = 0;

	for (uint32_t i = 0; i < MQGATE_REASON_MAX; i++)
		score->weight[i] = mqg_weight_default(i);
	if (!raw)
		return 0;
#define WEIGHT(number, symbol, word, text)							\
	if (!err && raw->symbol) {								\
		snprintf(path, sizeof(path), "score.weights.%s", word);			\
		err = mqg_check_number(check, path, raw->symbol, 0, 0, 1000000,		\
				       &score->weight[number]);					\
	}
	MQGATE_REASON_LIST(WEIGHT)
#undef WEIGHT
	return err;
}

static int check_score(struct mqg_check *check)
{
	static const struct raw_score none;
	const struct raw_score *raw = check->raw->score ? check->raw->score : &none;
	struct mqg_score_config *score = &check->config->score;
	int err;

	err = mqg_check_number(check, "score.threshold", raw->threshold, 100, 1, 1000000000,
			       &score->threshold);
	if (!err)
		err = mqg_check_number(check, "score.limit", raw->limit, score->threshold / 2, 0,
				       1000000000, &score->limit);
	if (!err && score->limit > score->threshold)
		err = complain(check, "score.limit", "is above score.threshold; write at most "
			       "that, or 0: nobody is limited who has no session");
	if (!err)
		err = mqg_check_number(check, "score.limit_rate", raw->limit_rate,
				       MQGATE_DEFAULT_LIMIT_PPS, 1, 1000000, &score->limit_rate);
	if (!err)
		err = mqg_check_duration(check, "score.half_life", raw->half_life, MINUTE, SECOND,
					 DAY, &score->half_life_ns);
	if (!err)
		err = mqg_check_duration(check, "score.ban", raw->ban, 30 * SECOND, SECOND,
					 365 * DAY, &score->ban_ns);
	if (!err)
		err = mqg_check_duration(check, "score.ban_max", raw->ban_max,
					 score->ban_ns > HOUR ? score->ban_ns : HOUR, SECOND,
					 365 * DAY, &score->ban_max_ns);
	if (!err && score->ban_max_ns < score->ban_ns)
		err = complain(check, "score.ban_max", "is shorter than score.ban; write at least "
						       "the length of the first ban");
	if (!err)
		err = mqg_check_number(check, "score.sources_max", raw->sources_max, 100000, 1,
				       10000000, &score->sources_max);
	return err ? err : check_weights(check, raw->weights, score);
}

static int check_module(const struct mqg_check *check)
{
	static const struct raw_module none;
	const struct raw_module *raw = check->raw->module ? check->raw->module : &none;
	struct mqg_module_config *module = &check->config->module;
	int err;

	module->use = !raw->use || *raw->use;
	module->enforce = raw->mode ? *raw->mode == MQGATE_MODE_ENFORCE : -1;
	if (raw->mode && !module->use)
		return complain(check, "module.mode", "has no meaning with use: off; leave one of "
						      "the two out");
	err = mqg_check_number(check, "module.events_buffer", raw->events_buffer, 4U << 20, 4096,
			       1U << 30, &module->events_buffer);
	if (!err)
		err = mqg_check_number(check, "module.source_sessions", raw->source_sessions, 0, 0,
				       16U << 20, &module->source_sessions);
	if (!err)
		err = mqg_check_number(check, "module.source_connect_rate",
				       raw->source_connect_rate, 0, 0, 15000,
				       &module->source_connect_rate);
	return err;
}

static int check_hardware(struct mqg_check *check)
{
	const struct raw_hardware *raw = check->raw->hardware;
	struct mqg_hardware *hardware = &check->config->hardware;

	if (raw && raw->pkcs11_module && raw->pkcs11_module[0] != '/')
		return complain(check, "hardware.pkcs11_module", "\"%s\" is no absolute path; "
				"write that of the token's shared object", raw->pkcs11_module);
	if (raw && raw->pkcs11_module &&
	    mqg_check_copy(raw->pkcs11_module, &hardware->pkcs11_module))
		return -ENOMEM;
	if (raw && raw->tpm && mqg_check_copy(raw->tpm, &hardware->tpm))
		return -ENOMEM;
	if (!check->before)
		mqg_key_setup(hardware);
	return 0;
}

static int check_http(struct mqg_check *check)
{
	const char *text = check->raw->http ? check->raw->http : "127.0.0.1:9883";
	struct mqg_config *config = check->config;
	char why[256];
	int err;

	if (!strcmp(text, "off"))
		return 0;
	err = mqg_endpoint_parse(text, false, &config->http, why, sizeof(why));
	if (err)
		return err == -EINVAL ? complain(check, "http", "%s, or \"off\"", why) : err;
	for (size_t i = 0; i < config->n_listeners; i++)
		if (mqg_endpoint_port(&config->listeners[i].address) ==
		    mqg_endpoint_port(&config->http))
			return complain(check, "http", "port %u is already that of listeners[%zu]; "
						       "choose another",
					mqg_endpoint_port(&config->http), i);
	return 0;
}

static int check_values(struct mqg_check *check)
{
	const struct raw_config *raw = check->raw;
	struct mqg_config *config = check->config;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t ns;
	int err;

	err = mqg_check_number(check, "workers", raw->workers, 0, 0, WORKERS_MAX,
			       &config->workers);
	if (err)
		return err;
	if (!config->workers)
		config->workers = cores < 1 ? 1 : cores > WORKERS_MAX ? WORKERS_MAX
								      : (uint32_t)cores;
	err = mqg_check_duration(check, "drain_time", raw->drain_time, 5 * SECOND, 0, 10 * MINUTE,
				 &ns);
	if (err)
		return err;
	config->drain_ms = (uint32_t)(ns / 1000000);
	config->mark = raw->mark ? *raw->mark : MARK_DEFAULT;
	err = mqg_check_handshakes(check);
	if (!err)
		err = mqg_check_copy(raw->user ? raw->user : "mqgate", &config->user);
	if (!err)
		err = mqg_check_copy(raw->group ? raw->group : "mqgate", &config->group);
	return err ? err : check_http(check);
}

/* Zeroed room for @n elements; never NULL for n = 0 alone. */
static int room(size_t n, size_t size, void *out)
{
	void *p = calloc(n ? n : 1, size);

	*(void **)out = p;
	return p ? 0 : -ENOMEM;
}

int mqg_config_check(struct mqg_check *check)
{
	const struct raw_config *raw = check->raw;
	struct mqg_config *config = check->config;
	int err;

	if (room(raw->brokers_count, sizeof(*config->brokers), &config->brokers) ||
	    room(raw->listeners_count, sizeof(*config->listeners), &config->listeners) ||
	    room(raw->services_count, sizeof(*config->services), &config->services) ||
	    room(raw->allow_count, sizeof(*config->allow), &config->allow))
		return -ENOMEM;
	err = check_hardware(check);
	if (!err)
		err = mqg_check_brokers(check);
	for (size_t i = 0; !err && i < raw->listeners_count; i++)
		err = mqg_check_listener(check, i);
	for (size_t i = 0; !err && i < raw->services_count; i++)
		err = mqg_check_service(check, i);
	if (!err)
		err = check_allow(check);
	if (!err)
		err = check_score(check);
	if (!err)
		err = mqg_check_rights(check);
	if (!err)
		err = check_module(check);
	if (!err)
		err = mqg_check_chain_cache(check);
	if (!err)
		err = mqg_check_resumption(check);
	if (!err)
		err = mqg_check_taps(check);
	if (!err)
		err = mqg_check_store(check);
	return err ? err : check_values(check);
}
