/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a configuration that has been read. Any thread may take and give references.
 */
#include "config/config.h"

#include <stdlib.h>

#include "config/crypto.h"
#include "config/material.h"
#include "config/tap.h"
#include "config/ticketfile.h"
#include "policy/build.h"

const struct mqg_config *mqg_config_get(const struct mqg_config *config)
{
	atomic_fetch_add(&((struct mqg_config *)config)->references, 1);
	return config;
}

static void free_ocsp(struct mqg_ocsp *ocsp)
{
	if (!ocsp)
		return;
	for (size_t i = 0; i < ocsp->n_responders; i++) {
		free(ocsp->responders[i].address.text);
		free(ocsp->responders[i].path);
	}
	free(ocsp->responders);
	free(ocsp);
}

static void free_policy(struct mqg_policy *p)
{
	free(p->title);
	free(p->certificate);
	free(p->key);
	free(p->pin_file);
	free(p->client_ca);
	free(p->crl);
	free(p->pins);
	free_ocsp(p->ocsp);
	free(p->user_property);
	mqg_crypto_free(p->crypto);
	mqg_material_free(p->material);
}

static void free_listener(struct mqg_listener *l)
{
	free(l->name);
	free(l->address.text);
	for (size_t i = 0; i < l->n_policies; i++)
		free_policy(&l->policies[i]);
	free(l->policies);
	for (size_t i = 0; i < l->n_server_names; i++)
		free(l->server_names[i].name);
	free(l->server_names);
	free(l->proxies);
}

static void free_list(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static void free_tap(struct mqg_tap_config *tap)
{
	free(tap->name);
	free_list(tap->topics, tap->n_topics);
	free_list(tap->redact, tap->n_redact);
	free(tap->place);
	free(tap->address.text);
	free(tap->topic);
}

void mqg_config_put(const struct mqg_config *shared)
{
	struct mqg_config *config = (struct mqg_config *)shared;

	/* Counted from 0: the one who made it has the last. */
	if (!config || atomic_fetch_sub(&config->references, 1))
		return;
	for (size_t i = 0; i < config->n_listeners; i++)
		free_listener(&config->listeners[i]);
	for (size_t i = 0; i < config->n_brokers; i++)
		mqg_broker_clear(&config->brokers[i]);
	for (size_t i = 0; i < config->n_services; i++)
		free(config->services[i].name);
	for (size_t i = 0; i < config->n_taps; i++)
		free_tap(&config->taps[i]);
	free(config->taps);
	free(config->listeners);
	free(config->brokers);
	free(config->services);
	free(config->allow);
	free(config->user);
	free(config->group);
	free(config->http.text);
	free(config->hardware.pkcs11_module);
	free(config->hardware.tpm);
	free(config->ticket_path);
	free(config->store.directory);
	mqg_ticket_file_free(config->ticket_file);
	mqg_rights_free(config->rights);
	free(config->path);
	free(config);
}
