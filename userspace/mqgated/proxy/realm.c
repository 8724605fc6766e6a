// SPDX-License-Identifier: BSD-2-Clause
/* Making, finding and freeing realms; see realm.h. */
#include "proxy/realm.h"

#include <stdlib.h>
#include <string.h>

struct mqg_realm *mqg_realm_alloc(const struct mqg_policy *policy)
{
	struct mqg_realm *realm = calloc(1, sizeof(*realm));

	if (!realm)
		return NULL;
	realm->config = policy;
	mqg_list_init(&realm->gone);
	return realm;
}

void mqg_realm_free(struct mqg_realm *realm)
{
	if (!realm)
		return;
	SSL_CTX_free(realm->tls);
	mqg_config_put(realm->held);
	free(realm);
}

struct mqg_realm *mqg_realms_find(const struct mqg_realms *realms, const struct mqg_policy *policy)
{
	for (size_t i = 0; i < realms->n; i++) {
		const char *name = realms->list[i]->config->name;

		if (name && policy->name ? !strcmp(name, policy->name) : name == policy->name)
			return realms->list[i];
	}
	return NULL;
}

bool mqg_realms_have(const struct mqg_realms *realms, const struct mqg_realm *realm)
{
	for (size_t i = 0; i < realms->n; i++)
		if (realms->list[i] == realm)
			return true;
	return false;
}
