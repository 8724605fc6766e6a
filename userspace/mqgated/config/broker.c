// SPDX-License-Identifier: BSD-2-Clause
/* What belongs to a broker of the configuration. No state. */
#include "config/broker.h"

#include <stdlib.h>

#include "config/material.h"
#include "config/secret.h"

const char *mqg_balance_word(enum mqg_balance balance)
{
	static const char *const words[] = {
		[MQG_BALANCE_LEAST] = "least-connections", [MQG_BALANCE_TURNS] = "round-robin",
		[MQG_BALANCE_CLIENT] = "client-id",
	};

	return words[balance];
}

const char *mqg_health_word(enum mqg_health_kind kind)
{
	static const char *const words[] = {
		[MQG_HEALTH_OFF] = "off", [MQG_HEALTH_TCP] = "tcp", [MQG_HEALTH_MQTT] = "mqtt",
	};

	return words[kind];
}

static void free_tls(struct mqg_broker_tls *tls)
{
	if (!tls)
		return;
	free(tls->ca);
	free(tls->certificate);
	free(tls->key);
	free(tls->server_name);
	mqg_material_free(tls->material);
	free(tls);
}

void mqg_broker_clear(struct mqg_broker *broker)
{
	for (size_t i = 0; i < broker->n_servers; i++) {
		free(broker->servers[i].address.text);
		free(broker->servers[i].host);
	}
	free_tls(broker->tls);
	free(broker->servers);
	free(broker->name);
	free(broker->username);
	mqg_secret_free(broker->password);
}
