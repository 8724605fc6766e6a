/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a configuration that has been read. Any thread may take and give references.
 */
#include "config/config.h"

#include <stdlib.h>

#include "config/crypto.h"
#include "config/material.h"

const struct mqg_config *mqg_config_get(const struct mqg_config *config)
{
	atomic_fetch_add(&((struct mqg_config *)config)->references, 1);
	return config;
}

static void free_listener(struct mqg_listener *l)
{
	free(l->name);
	free(l->address.text);
	free(l->certificate);
	free(l->key);
	free(l->pin_file);
	free(l->client_ca);
	free(l->crl);
	free(l->pins);
	free(l->user_property);
	mqg_crypto_free(l->crypto);
	mqg_material_free(l->material);
}

void mqg_config_put(const struct mqg_config *shared)
{
	struct mqg_config *config = (struct mqg_config *)shared;

	/* Counted from 0: the one who made it has the last. */
	if (!config || atomic_fetch_sub(&config->references, 1))
		return;
	for (size_t i = 0; i < config->n_listeners; i++)
		free_listener(&config->listeners[i]);
	for (size_t i = 0; i < config->n_brokers; i++) {
		free(config->brokers[i].name);
		free(config->brokers[i].address.text);
	}
	for (size_t i = 0; i < config->n_services; i++)
		free(config->services[i].name);
	free(config->listeners);
	free(config->brokers);
	free(config->services);
	free(config->allow);
	free(config->user);
	free(config->group);
	free(config->http.text);
	free(config->hardware.pkcs11_module);
	free(config->hardware.tpm);
	free(config->path);
	free(config);
}
