/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the paths of a tls mapping to what the files hold. Called by the configuration's checking
 * pass in the main thread; no lock.
 */
#include "config/tlsfiles.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/material.h"

/* The key that the configuration before this one read from the same place. */
static const struct mqg_key *kept_key(const struct mqg_config *before, const char *place)
{
	for (size_t i = 0; before && i < before->n_listeners; i++) {
		const struct mqg_listener *l = &before->listeners[i];

		for (size_t n = 0; n < l->n_policies; n++)
			if (!strcmp(l->policies[n].key, place))
				return &l->policies[n].material->key;
	}
	for (size_t i = 0; before && i < before->n_brokers; i++) {
		const struct mqg_broker_tls *tls = before->brokers[i].tls;

		if (tls && tls->key && !strcmp(tls->key, place))
			return &tls->material->key;
	}
	return NULL;
}

int mqg_broker_files_load(const struct mqg_check *check, const char *path,
			  struct mqg_broker_tls *tls)
{
	const struct mqg_material_files files = {
		.certificate = tls->certificate, .key = tls->key, .client_ca = tls->ca,
		.hardware = &check->config->hardware,
		.ca_remedy = "write the CA that issues the brokers' certificates",
	};
	char key[MQG_PATH_MAX], why[768];
	const char *which;
	int err = mqg_material_load(&files, tls->key ? kept_key(check->before, tls->key) : NULL,
				    &tls->material, &which, why, sizeof(why));

	if (err != -EINVAL)
		return err;
	snprintf(key, sizeof(key), "%s.%s", path, strcmp(which, "client_ca") ? which : "ca");
	return mqg_complain(&check->complaint, key, "%s", why);
}

int mqg_tls_files_load(const struct mqg_check *check, const char *path, struct mqg_policy *policy)
{
	const struct mqg_material_files files = {
		.certificate = policy->certificate, .key = policy->key,
		.pin_file = policy->pin_file, .client_ca = policy->client_ca,
		.crl = policy->crl, .hardware = &check->config->hardware,
	};
	char key[MQG_PATH_MAX], why[768];
	const char *which;
	int err = mqg_material_load(&files, kept_key(check->before, policy->key),
				    &policy->material, &which, why, sizeof(why));

	if (!err && policy->material->crls &&
	    !mqg_crls_belong(policy->material->crls, policy->material->authorities)) {
		snprintf(why, sizeof(why), "%s: no list in it is signed by a CA of %s; write the "
					   "list of that CA", policy->crl, policy->client_ca);
		which = "crl";
		err = -EINVAL;
	}
	if (err != -EINVAL)
		return err;
	snprintf(key, sizeof(key), "%s.%s", path, which);
	return mqg_complain(&check->complaint, key, "%s", why);
}
