/* SPDX-License-Identifier: BSD-2-Clause */
/* Reloads and local revocations; see live.h. Main thread; no lock. */
#include "live/live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config/material.h"
#include "control/control.h"
#include "live/state.h"
#include "metrics/metrics.h"
#include "system/handover.h"
#include "system/log.h"

int mqg_live_setup(const struct mqg_config *config, struct mqg_live **out, char *why, size_t size)
{
	struct mqg_live *live = calloc(1, sizeof(*live));

	*out = live;
	if (!live) {
		mqg_config_put(config);
		snprintf(why, size, "no memory for the configuration");
		return -ENOMEM;
	}
	live->config = config;
	return mqg_revoked_load(&live->revoked, why, size);
}

void mqg_live_teardown(struct mqg_live *live)
{
	if (!live)
		return;
	mqg_live_taps_drop(live->taps);
	mqg_revoked_free(live->revoked);
	mqg_config_put(live->config);
	free(live->watched);
	free(live);
}

void mqg_live_users(struct mqg_live *live, const struct mqg_live_users *users)
{
	live->users = *users;
}

const struct mqg_config *mqg_live_config(const struct mqg_live *live)
{
	return live->config;
}

const struct mqg_revoked *mqg_live_revoked(const struct mqg_live *live)
{
	return live->revoked;
}

void mqg_live_counts(const struct mqg_live *live, struct mqg_live_counts *counts)
{
	*counts = live->counts;
	counts->revoked = live->revoked ? live->revoked->n : 0;
}

static void warn_of(const char *path, const char *what)
{
	if (path && access(path, R_OK) && errno == EACCES)
		mqg_log(MQG_LOG_WARNING, MQG_LOG_ALWAYS,
			"%s: the daemon's user may not read it: %s", path, what);
}

static const char refused[] = "a reload will be refused; let its group read it";

static void warn_of_policy(const struct mqg_policy *policy)
{
	warn_of(policy->certificate, refused);
	warn_of(policy->client_ca, refused);
	warn_of(policy->crl, "a new list is not seen, and a reload will be refused; let its group "
			     "read it");
	warn_of(policy->pin_file, "a reload keeps the key that was opened at the start; let its "
				  "group read it to open another without a restart");
	if (!mqg_key_is_path(policy->key))
		return;
	warn_of(policy->key, "a reload keeps the key for as long as it belongs to the certificate; "
			     "let its group read it to renew it without a restart");
}

void mqg_live_check_access(const struct mqg_live *live)
{
	warn_of(live->config->path, refused);
	warn_of(live->config->ticket_path, refused);
	for (size_t i = 0; i < live->config->n_listeners; i++) {
		const struct mqg_listener *l = &live->config->listeners[i];

		for (size_t n = 0; n < l->n_policies; n++)
			warn_of_policy(&l->policies[n]);
	}
}

/* ---- reload --------------------------------------------------------------------------------- */

static bool differs(const char *a, const char *b)
{
	return !a != !b || (a && strcmp(a, b));
}

/* Names the keys that only a restart brings about. */
static void name_restart(const struct mqg_config *old, const struct mqg_config *new, char *out,
			 size_t size)
{
	const struct {
		const char	*key;
		bool		changed;
	} keys[] = {
		{ "workers", old->workers != new->workers },
		{ "user", differs(old->user, new->user) },
		{ "group", differs(old->group, new->group) },
		{ "http", differs(old->http.text, new->http.text) },
		{ "hardware.pkcs11_module", differs(old->hardware.pkcs11_module,
						    new->hardware.pkcs11_module) },
		{ "hardware.tpm", differs(old->hardware.tpm, new->hardware.tpm) },
		{ "store", differs(old->store.directory, new->store.directory) ||
			   old->store.size != new->store.size },
		{ "module.use", old->module.use != new->module.use },
		{ "module.events_buffer", old->module.events_buffer != new->module.events_buffer },
	};
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].changed && at < size)
			at += (size_t)snprintf(out + at, size - at, "%s%s", at ? ", " : "",
					       keys[i].key);
}

/* Everybody but the proxy, and then the proxy, whose workers may ask the others. */
static int hand_over(struct mqg_live *live, struct mqg_config *config, struct mqg_plan *plan,
		     struct mqg_taps *taps)
{
	const struct mqg_live_users *users = &live->users;
	int err = mqg_judge_configure(users->judge, config);

	if (err)
		return err;
	mqg_tracker_configure(users->tracker, config);
	mqg_control_config(users->control, config);
	users->sources->config = config;
	mqg_proxy_taps(users->proxy, taps);
	mqg_proxy_commit(users->proxy, plan, live->revoked);
	mqg_live_taps_exchange(live, taps);
	mqg_handover_keep(users->proxy, config, live->config);
	mqg_config_put(live->config);
	live->config = config;
	mqg_live_watch_lists(live);
	return 0;
}

static int reload(struct mqg_live *live, char *restart, size_t rsize, char *why, size_t size)
{
	struct mqg_taps *taps = NULL;
	struct mqg_config *config;
	struct mqg_plan *plan;
	int err;

	if (live->stopping) {
		snprintf(why, size, "mqgated is stopping; start it anew");
		return -ESHUTDOWN;
	}
	err = mqg_config_reload(live->config, &config, why, size);
	if (err)
		return err;
	name_restart(live->config, config, restart, rsize);
	/* Their number is the proxy's; what else only a restart changes nobody looks at again. */
	config->workers = live->config->workers;
	err = mqg_live_taps_prepare(config, &taps, why, size);
	if (!err)
		err = mqg_proxy_prepare(live->users.proxy, config, NULL, &plan, why, size);
	if (!err) {
		err = hand_over(live, config, plan, taps);
		if (err) {
			snprintf(why, size, "no memory for the judge");
			mqg_proxy_abandon(plan);
		}
	}
	if (err) {
		mqg_live_taps_drop(taps);
		mqg_config_put(config);
	}
	return err;
}

void mqg_live_stopping(struct mqg_live *live)
{
	live->stopping = true;
}

int mqg_live_hand_over(struct mqg_live *live)
{
	int err = live->stopping ? -ESHUTDOWN : mqg_handover_give(live->users.proxy, live->config);

	if (!err)
		live->stopping = live->handed_over = true;
	return err;
}

bool mqg_live_handed_over(const struct mqg_live *live)
{
	return live->handed_over;
}

int mqg_live_reload(struct mqg_live *live, char *restart, size_t rsize, char *why, size_t size)
{
	int err = reload(live, restart, rsize, why, size);

	if (err) {
		live->counts.failed++;
		mqg_log(MQG_LOG_ERR, MQG_LOG_ALWAYS,
			"not reloaded, all goes on as before: %s", why);
		return err;
	}
	live->counts.reloads++;
	mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS,
		"reloaded %s: %zu listeners, trust epoch %llu%s%s", live->config->path,
		live->config->n_listeners, (unsigned long long)mqg_proxy_epoch(live->users.proxy),
		restart[0] ? "; only a restart changes " : "", restart);
	mqg_live_check_access(live);
	return 0;
}

/* ---- local revocations ---------------------------------------------------------------------- */

/* Goes by @fresh, and keeps it. */
static int put_in_force(struct mqg_live *live, struct mqg_revoked *fresh, char *why, size_t size)
{
	bool *renew = calloc(live->config->n_listeners + 1, sizeof(*renew));
	struct mqg_plan *plan;
	int err;

	err = renew ? mqg_proxy_prepare(live->users.proxy, live->config, renew, &plan, why, size)
		    : -ENOMEM;
	free(renew);
	if (err) {
		mqg_revoked_free(fresh);
		snprintf(why, size, "no memory for the revocation");
		return -ENOMEM;
	}
	mqg_proxy_commit(live->users.proxy, plan, fresh);
	mqg_revoked_free(live->revoked);
	live->revoked = fresh;
	return mqg_revoked_store(fresh, why, size) ? -EROFS : 0;
}

int mqg_live_revoke(struct mqg_live *live, enum mqg_revoked_kind kind, const char *value,
		    const char *text, char *why, size_t size)
{
	struct mqg_revocation item = {
		.kind = kind, .since = time(NULL), .text = (char *)(text ? text : ""),
	};
	struct mqg_revoked *fresh;
	int err = mqg_revoked_normal(kind, value, &item.value);

	snprintf(why, size, "no memory for the revocation");
	if (!err)
		err = mqg_revoked_with(live->revoked, &item, &fresh);
	free(item.value);
	return err ? err : put_in_force(live, fresh, why, size);
}

int mqg_live_unrevoke(struct mqg_live *live, enum mqg_revoked_kind kind, const char *value,
		      char *why, size_t size)
{
	struct mqg_revoked *fresh;
	char *normal;
	int err = mqg_revoked_normal(kind, value, &normal);

	snprintf(why, size, "no memory for the revocation");
	if (!err)
		err = mqg_revoked_without(live->revoked, kind, normal, &fresh);
	free(normal);
	return err ? err : put_in_force(live, fresh, why, size);
}
