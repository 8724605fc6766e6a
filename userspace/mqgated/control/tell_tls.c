// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the verbs "identities" and "tls" of the control socket tell. Main thread; what is read locks
 * itself.
 */
#include "control/tell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>

#include "config/cpu.h"
#include "config/material.h"
#include "proxy/inventory.h"
#include "proxy/ktls.h"

static const char *version_word(int version)
{
	return version == TLS1_3_VERSION ? "1.3" : version == TLS1_2_VERSION ? "1.2" : "?";
}

static json_t *weaknesses(const struct mqg_certificate_info *info)
{
	json_t *list = json_array();

	if (info->weak_key)
		json_array_append_new(list, info->bits && !strncmp(info->key, "RSA", 3)
			? json_sprintf("RSA below %d bits", MQG_INVENTORY_RSA_WEAK)
			: json_string("a key of an unknown kind"));
	if (info->weak_signature)
		json_array_append_new(list, json_string("signed with SHA-1 or MD5"));
	return list;
}

static json_t *stamp(time_t at)
{
	char text[32];
	struct tm tm;

	if (!gmtime_r(&at, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_null();
	return json_string(text);
}

static json_t *line(const struct mqg_seen *seen, const struct mqg_certificate_info *info,
		    time_t now)
{
	return json_pack("{s:s?, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:o, s:I, s:I, s:I, s:I, s:I, "
			 "s:b, s:s, s:s, s:s, s:s, s:o}",
			 "identity", info->identity, "subject", info->subject, "issuer",
			 info->issuer, "serial", info->serial, "fingerprint", info->fingerprint,
			 "key", info->key, "bits", info->bits, "signature", info->signature,
			 "not_after", stamp(info->not_after), "expires",
			 (json_int_t)(info->not_after - now), "last_seen",
			 (json_int_t)(now - seen->last.last_seen), "first_seen",
			 (json_int_t)(now - info->first_seen), "handshakes",
			 (json_int_t)seen->last.handshakes, "resumed",
			 (json_int_t)seen->last.resumed, "superseded", (int)seen->superseded,
			 "tls", version_word(seen->last.version), "group",
			 mqg_crypto_group_word(seen->last.group), "cipher", seen->last.cipher,
			 "handshake_signature", OBJ_nid2ln(seen->last.signature), "weak",
			 weaknesses(info));
}

json_t *mqg_tell_identities(int64_t expires, bool weak)
{
	json_t *list = json_array();
	struct mqg_seen *seen;
	time_t now = time(NULL);
	size_t count;

	if (mqg_inventory_copy(&seen, &count)) {
		json_decref(list);
		return NULL;
	}
	for (size_t i = count; i-- > 0;) {
		struct mqg_certificate_info info;
		bool late, poor;

		mqg_inventory_describe(seen[i].certificate, &info);
		/* With neither everything; with both who needs another one for either reason. */
		late = expires >= 0 && info.not_after - now <= expires;
		poor = weak && (info.weak_key || info.weak_signature);
		/* Whose device has come with another one since fails nobody. */
		if ((expires >= 0 || weak) && (seen[i].superseded || !(late || poor)))
			continue;
		json_array_append_new(list, line(&seen[i], &info, now));
	}
	mqg_inventory_free(seen, count);
	return json_pack("{s:b, s:o, s:I, s:I, s:I}", "ok", 1, "identities", list, "known",
			 (json_int_t)count, "limit", (json_int_t)MQG_INVENTORY_MAX, "dropped",
			 (json_int_t)mqg_inventory_dropped());
}

/* ---- tls -------------------------------------------------------------------------------- */

static void add(json_t *counts, const char *word)
{
	json_int_t n = json_integer_value(json_object_get(counts, word));

	json_object_set_new(counts, word, json_integer(n + 1));
}

/* Of the certificates that are known: what the last handshake of each agreed on. */
static json_t *in_use(void)
{
	json_t *versions = json_object(), *ciphers = json_object(), *groups = json_object(),
	       *keys = json_object();
	struct mqg_seen *seen;
	size_t count;

	if (!mqg_inventory_copy(&seen, &count)) {
		for (size_t i = 0; i < count; i++) {
			struct mqg_certificate_info info;

			mqg_inventory_describe(seen[i].certificate, &info);
			add(versions, version_word(seen[i].last.version));
			add(ciphers, seen[i].last.cipher);
			add(groups, mqg_crypto_group_word(seen[i].last.group));
			add(keys, info.key);
		}
		mqg_inventory_free(seen, count);
	}
	return json_pack("{s:o, s:o, s:o, s:o}", "versions", versions, "ciphers", ciphers,
			 "groups", groups, "keys", keys);
}

/* As they are written in the configuration. */
static json_t *server_names(const struct mqg_listener *l, size_t policy)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n_server_names; i++)
		if (l->server_names[i].policy == policy)
			json_array_append_new(list, json_sprintf("%s%s",
				l->server_names[i].wildcard ? "*." : "", l->server_names[i].name));
	return list;
}

/* Sessions of the listener @i, and those whose records the kernel makes or opens. */
struct counting {
	size_t		i;
	json_int_t	sessions, send, receive;
};

static int count(const struct mqg_session_info *info, void *arg)
{
	struct counting *c = arg;

	if (info->listener != c->i)
		return 0;
	c->sessions++;
	c->send += info->ktls_sends;
	c->receive += info->ktls_receives;
	return 0;
}

/* Those of a listener are counted together, whatever policies they have. */
static json_t *ktls_of(const struct mqg_verb_context *context, size_t i, size_t policy,
		       const char *missing)
{
	const struct mqg_listener *l = &context->config->listeners[i];
	const char *reason = !l->policies[policy].ktls ? "tls.ktls is off" : missing;
	struct counting c = { .i = i };

	if (context->proxy)
		mqg_proxy_session_each(context->proxy, count, &c);
	return json_pack("{s:b, s:s?, s:I, s:I, s:I}", "used", !reason, "reason", reason,
			 "sessions", c.sessions, "send", c.send, "receive", c.receive);
}

static json_t *policy_line(const struct mqg_verb_context *context, size_t i, size_t n,
			   const char *no_ktls)
{
	const struct mqg_listener *l = &context->config->listeners[i];
	const struct mqg_policy *p = &l->policies[n];

	return json_pack("{s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:o}",
			 "name", p->title, "server_names", server_names(l, n),
			 "min_version", version_word(p->tls_min),
			 "max_version", version_word(p->crypto->max_version),
			 "groups", p->crypto->groups, "ciphers_1_2", p->crypto->ciphers,
			 "ciphers_1_3", p->crypto->suites,
			 "signature_algorithms", p->crypto->signatures,
			 "key", mqg_key_store_word(p->material->key.store),
			 "ocsp", !p->ocsp ? "off" : p->ocsp->hard ? "hard" : "soft",
			 "rsa_min", (int)p->crypto->rsa_min,
			 "classes", (int)p->crypto->n_classes,
			 "ktls", ktls_of(context, i, n, no_ktls));
}

static json_t *listeners(const struct mqg_verb_context *context, const char *no_ktls)
{
	const struct mqg_config *config = context->config;
	json_t *list = json_array();

	for (size_t i = 0; i < config->n_listeners; i++)
		for (size_t n = 0; n < config->listeners[i].n_policies; n++)
			json_array_append_new(list, policy_line(context, i, n, no_ktls));
	return list;
}

static int add_provider(OSSL_PROVIDER *provider, void *list)
{
	json_array_append_new(list, json_string(OSSL_PROVIDER_get0_name(provider)));
	return 1;
}

/* Of everything but keys in tokens and TPMs, which their listeners tell. */
static json_t *providers(void)
{
	json_t *list = json_array();

	OSSL_PROVIDER_do_all(NULL, add_provider, list);
	return list;
}

static json_t *chain_cache(const struct mqg_config *config, struct mqg_proxy *proxy)
{
	uint64_t hits = 0, misses = 0;

	for (size_t i = 0; proxy && i < config->n_listeners; i++) {
		struct mqg_listener_counts counts;

		mqg_proxy_listener_counts(proxy, i, &counts);
		hits += counts.chain_hits;
		misses += counts.chain_misses;
	}
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "size",
			 (json_int_t)config->chain_cache_size, "time",
			 (json_int_t)(config->chain_cache_ns / 1000000000ULL), "entries",
			 (json_int_t)(proxy ? mqg_proxy_chains(proxy) : 0), "hits",
			 (json_int_t)hits, "misses", (json_int_t)misses);
}

static json_t *resumption(const struct mqg_config *config, struct mqg_proxy *proxy)
{
	struct mqg_tickets_info info = { .on = false };
	uint64_t full = 0, resumed = 0, declined[MQG_TICKET_DECLINED] = {};
	json_t *reasons = json_object();

	if (proxy)
		mqg_proxy_tickets(proxy, &info);
	for (size_t i = 0; proxy && i < config->n_listeners; i++) {
		struct mqg_listener_counts counts;

		mqg_proxy_listener_counts(proxy, i, &counts);
		full += counts.full;
		resumed += counts.resumed;
		for (int n = 0; n < MQG_TICKET_DECLINED; n++)
			declined[n] += counts.declined[n];
	}
	for (int n = 0; n < MQG_TICKET_DECLINED; n++)
		json_object_set_new(reasons, mqg_ticket_word(n),
				    json_integer((json_int_t)declined[n]));
	return json_pack("{s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "used", (int)info.on, "reason",
			 !info.on ? "resumption.use is off" :
			 info.from_file ? "by tickets, with keys of a file" : "by tickets",
			 "lifetime", (json_int_t)info.lifetime, "keys", (json_int_t)info.keys,
			 "rotations", (json_int_t)info.rotations, "full", (json_int_t)full,
			 "resumed", (json_int_t)resumed, "declined", reasons);
}

static json_t *ocsp(struct mqg_proxy *proxy)
{
	struct mqg_ocsp_counts counts = { .known = 0 };
	json_t *told;

	if (proxy)
		mqg_proxy_ocsp_counts(proxy, &counts);
	told = json_pack("{s:I, s:I, s:I}", "entries", (json_int_t)counts.entries, "known",
			 (json_int_t)counts.known, "spared", (json_int_t)counts.spared);
	for (size_t i = 0; i < sizeof(counts.answers) / sizeof(counts.answers[0]); i++)
		json_object_set_new(told, mqg_ocsp_answer_word(i),
				    json_integer((json_int_t)counts.answers[i]));
	return told;
}

json_t *mqg_tell_tls(const struct mqg_verb_context *context)
{
	const struct mqg_config *config = context->config;
	const char *no_ktls = mqg_ktls_missing();
	char cpu[128];

	mqg_cpu_features(cpu, sizeof(cpu));
	return json_pack("{s:b, s:s, s:s, s:o, s:b, s:{s:b, s:s?}, s:o, s:b, s:o, s:o, s:o, s:o, "
			 "s:o}", "ok", 1, "openssl", OpenSSL_version(OPENSSL_VERSION), "cpu", cpu,
			 "providers", providers(), "aes_instructions", (int)mqg_cpu_has_aes(),
			 "ktls", "used", !no_ktls, "reason", no_ktls, "resumption",
			 resumption(config, context->proxy), "early_data", 0,
			 "chain_cache", chain_cache(config, context->proxy),
			 "handshakes", mqg_tell_handshakes(context), "ocsp",
			 ocsp(context->proxy), "listeners", listeners(context, no_ktls), "in_use",
			 in_use());
}
