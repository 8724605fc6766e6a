// SPDX-License-Identifier: BSD-2-Clause
/*
 * The proxy with a judge that tells everything it hears, one JSON object a line on stdout. The
 * scripts of this directory drive it: they name listeners and brokers by options and ask through
 * stdin ("counts", "sessions", "handshakes", "change OPTION...", "revoke KIND VALUE", "drain
 * [SERVER]", "resume [SERVER]", "later SECONDS", "quit").
 * Only tests call it; stdout is guarded by its own lock.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/ssl.h>

#include "common/names.h"
#include "common/network.h"
#include "config/material.h"
#include "config/servernames.h"
#include "config/ticketfile.h"
#include "judge/flows.h"
#include "proxy/proxy.h"
#include "proxy/record_memory.h"
#include "revoke/revoked.h"
#include "rig_rules.h"

#define LISTENERS 4
#define BROKERS 4
#define SERVERS 8
#define NAMES 8

struct mqg_judge {
	_Atomic uint64_t tickets;
};

struct rig {
	struct mqg_proxy	*proxy;
	struct mqg_config	*config;
	struct mqg_revoked	*revoked;
};

static void say(json_t *object)
{
	char *line = json_dumps(object, JSON_COMPACT);

	if (!line)
		errx(1, "an answer is not JSON");
	flockfile(stdout);
	puts(line);
	fflush(stdout);
	funlockfile(stdout);
	free(line);
	json_decref(object);
}

static json_t *address(const uint8_t addr[16])
{
	char text[MQG_ADDR_STRLEN];

	return json_string(mqg_addr_format(addr, text));
}

void mqg_judge_refused(struct mqg_judge *judge, const struct mqg_refusal *r)
{
	(void)judge;
	say(json_pack("{s:s, s:o, s:i, s:b, s:s*, s:s*}", "refused", mqg_reason_word(r->reason),
		      "addr", address(r->addr), "service", (int)r->service, "spared", r->spared,
		      "client_id", r->client_id, "identity", r->identity));
}

int mqg_judge_allowed(struct mqg_judge *judge, const struct mqgate_flow_key *flow,
		      uint32_t service, uint32_t identity, const struct mqg_said *said,
		      uint64_t *ticket)
{
	json_t *told = said ? json_pack("{s:s%, s:i, s:i, s:b}", "id", said->id,
					(size_t)said->id_length, "level", said->level, "keep_alive",
					said->keep_alive, "cut", said->id_cut) : NULL;

	*ticket = atomic_fetch_add(&judge->tickets, 1) + 1;
	say(json_pack("{s:I, s:o, s:i, s:o, s:i, s:i, s:i, s:I, s:o*}", "allowed",
		      (json_int_t)*ticket, "saddr", address(flow->saddr), "sport", flow->sport,
		      "daddr", address(flow->daddr), "dport", flow->dport, "proto",
		      (int)flow->proto, "service", (int)service, "identity",
		      (json_int_t)identity, "said", told));
	return 0;
}

void mqg_judge_closed(struct mqg_judge *judge, uint64_t ticket)
{
	(void)judge;
	say(json_pack("{s:I}", "closed", (json_int_t)ticket));
}

void mqg_judge_ended(struct mqg_judge *judge, const struct mqg_refusal *r, uint64_t ticket)
{
	(void)judge;
	say(json_pack("{s:s, s:I, s:o, s:s*, s:s*}", "ended", mqg_reason_word(r->reason), "ticket",
		      (json_int_t)ticket, "addr", address(r->addr), "client_id", r->client_id,
		      "identity", r->identity));
}

static int add_session(const struct mqg_session_info *info, void *arg)
{
	return json_array_append_new(arg,
		json_pack("{s:s, s:s, s:o, s:i, s:i, s:b, s:b}", "client_id", info->client_id,
			  "identity", info->identity, "addr", address(info->addr), "port",
			  info->port, "listener", (int)info->listener, "connected",
			  info->connected, "allowed", info->allowed));
}

static json_t *ocsp_counts(struct mqg_proxy *proxy)
{
	struct mqg_ocsp_counts c;
	json_t *told;

	mqg_proxy_ocsp_counts(proxy, &c);
	told = json_pack("{s:I, s:I, s:I}", "known", (json_int_t)c.known, "spared",
			 (json_int_t)c.spared, "entries", (json_int_t)c.entries);
	for (size_t i = 0; i < sizeof(c.answers) / sizeof(c.answers[0]); i++)
		json_object_set_new(told, mqg_ocsp_answer_word(i),
				    json_integer((json_int_t)c.answers[i]));
	return told;
}

static json_t *servers(struct mqg_proxy *proxy, const struct mqg_config *config, size_t broker)
{
	json_t *list = json_array();

	for (size_t i = 0; i < config->brokers[broker].n_servers; i++) {
		struct mqg_server_counts c;

		mqg_proxy_server_counts(proxy, broker, i, &c);
		json_array_append_new(list,
			json_pack("{s:b, s:b, s:i, s:I, s:I, s:I, s:I}", "up", c.up, "draining",
				  c.draining, "open", (int)c.open, "made", (json_int_t)c.made,
				  "failed", (json_int_t)c.failed, "checks", (json_int_t)c.checks,
				  "checks_failed", (json_int_t)c.checks_failed));
	}
	return list;
}

static json_t *messages_refused(struct mqg_proxy *proxy, size_t listener)
{
	uint64_t counts[MQGATE_REASON_MAX];
	json_t *told = json_object();

	mqg_proxy_messages_refused(proxy, listener, counts);
	for (uint32_t i = 0; i < MQGATE_REASON_MAX; i++)
		if (counts[i])
			json_object_set_new(told, mqg_reason_word(i),
					    json_integer((json_int_t)counts[i]));
	return told;
}

static json_t *groups_paused(struct mqg_proxy *proxy)
{
	json_t *groups = json_object();
	const char *name;
	uint64_t paused;

	for (size_t i = 0; (name = mqg_proxy_group(proxy, i, &paused)); i++)
		json_object_set_new(groups, name, json_integer((json_int_t)paused));
	return groups;
}

static json_t *counts(struct mqg_proxy *proxy, const struct mqg_config *config)
{
	json_t *listeners = json_array(), *brokers = json_array();
	size_t i;

	for (i = 0; i < config->n_listeners; i++) {
		struct mqg_listener_counts c;
		json_t *declined = json_object();

		mqg_proxy_listener_counts(proxy, i, &c);
		for (int n = 0; n < MQG_TICKET_DECLINED; n++)
			json_object_set_new(declined, mqg_ticket_word(n),
					    json_integer((json_int_t)c.declined[n]));
		json_array_append_new(listeners,
			json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, "
				  "s:o, s:I}",
				  "paused", (json_int_t)c.paused, "stripped",
				  (json_int_t)c.stripped, "accepted",
				  (json_int_t)c.accepted, "refused", (json_int_t)c.refused,
				  "sessions", (json_int_t)c.sessions, "bytes_in",
				  (json_int_t)c.bytes_in, "bytes_out", (json_int_t)c.bytes_out,
				  "chain_hits", (json_int_t)c.chain_hits, "chain_misses",
				  (json_int_t)c.chain_misses, "full", (json_int_t)c.full,
				  "resumed", (json_int_t)c.resumed, "declined", declined,
				  "messages",
				  messages_refused(proxy, i), "delayed",
				  (json_int_t)c.delayed));
	}
	for (i = 0; i < config->n_brokers; i++) {
		struct mqg_broker_counts c;

		mqg_proxy_broker_counts(proxy, i, &c);
		json_array_append_new(brokers,
			json_pack("{s:I, s:I, s:b, s:i, s:I, s:i, s:I, s:I, s:I, s:I, s:I, s:I, "
				  "s:I, s:I, s:I, s:o}", "connections",
				  (json_int_t)c.connections, "failures", (json_int_t)c.failures,
				  "up", c.up, "waiting", (int)c.waiting, "answered",
				  (json_int_t)c.answered, "held", (int)c.held, "lost",
				  (json_int_t)c.lost, "resumed", (json_int_t)c.resumed, "kept",
				  (json_int_t)c.kept, "again", (json_int_t)c.again, "dropped",
				  (json_int_t)c.dropped, "replayed", (json_int_t)c.replayed,
				  "stored", (json_int_t)c.parked, "stored_delivered",
				  (json_int_t)c.delivered, "stored_refused",
				  (json_int_t)c.refused,
				  "servers", servers(proxy, config, i)));
	}
	return json_pack("{s:o, s:o, s:o, s:I, s:o}", "listeners", listeners, "brokers", brokers,
			 "groups", groups_paused(proxy),
			 "chains", (json_int_t)mqg_proxy_chains(proxy), "ocsp", ocsp_counts(proxy));
}

static json_t *handshakes(struct mqg_proxy *proxy)
{
	struct mqg_handshake_counts c;

	mqg_proxy_handshake_counts(proxy, &c);
	return json_pack("{s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I}", "in_flight", (int)c.in_flight,
			 "waiting", (int)c.waiting, "waiting_known", (int)c.waiting_known, "begun",
			 (json_int_t)c.begun, "waited", (json_int_t)c.waited, "refused_source",
			 (json_int_t)c.refused_source, "refused_rate", (json_int_t)c.refused_rate,
			 "cut", (json_int_t)c.cut);
}

/* "127.0.0.1:1883" or "[::]:8883" */
static void endpoint(const char *text, struct mqg_endpoint *out)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->addr;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&out->addr;
	char host[64];
	int port;

	out->text = strdup(text);
	if (sscanf(text, "[%63[^]]]:%d", host, &port) == 2) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		out->addrlen = sizeof(*v6);
		if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1)
			return;
	} else if (sscanf(text, "%63[^:]:%d", host, &port) == 2) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		out->addrlen = sizeof(*v4);
		if (inet_pton(AF_INET, host, &v4->sin_addr) == 1)
			return;
	}
	errx(2, "%s: not ADDRESS:PORT", text);
}

static char *file_in(const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		err(2, "asprintf");
	return path;
}

static void add_pin(struct mqg_policy *p, const char *hex)
{
	long len;
	unsigned char *pin = OPENSSL_hexstr2buf(hex, &len);

	if (!pin || len != MQG_PIN_SIZE)
		errx(2, "-P %s: no pin", hex);
	p->pins = malloc(MQG_PIN_SIZE);
	memcpy(p->pins, pin, MQG_PIN_SIZE);
	p->n_pins = 1;
	OPENSSL_free(pin);
}

/* A policy to be made: @rules borrows its texts, and file names are in the directory of options. */
struct model {
	struct mqg_policy	rules;
	const char		*server, *pin;	/* SERVER.pem and SERVER.key */
	char			*ocsp;		/* see ask() */
	char			*names;		/* of servers, with ',' between them; NULL = [0] */
};

/* "hard|soft,NONCE,TIMEOUT,MAX_AGE,url|aia,ADDRESS:PORT": nonces as their enum, times in ms */
static void ask(struct mqg_policy *p, const char *text)
{
	struct mqg_ocsp *ocsp = calloc(1, sizeof(*ocsp));
	char policy[8], from[8], address[64];
	int nonce;

	if (sscanf(text, "%7[^,],%d,%" SCNu32 ",%" SCNu32 ",%7[^,],%63s", policy, &nonce,
		   &ocsp->timeout_ms, &ocsp->max_age_ms, from, address) != 6)
		errx(2, "-o %s: cannot be read", text);
	p->ocsp = ocsp;
	ocsp->hard = !strcmp(policy, "hard");
	ocsp->nonce = (enum mqg_ocsp_nonce)nonce;
	ocsp->skew_ms = 1000;
	ocsp->aia = !strcmp(from, "aia");
	ocsp->responders = calloc(1, sizeof(*ocsp->responders));
	ocsp->n_responders = 1;
	ocsp->responders[0].path = ocsp->aia ? NULL : strdup("/");
	endpoint(address, &ocsp->responders[0].address);
}

static void policy(struct mqg_listener *l, const struct model *model, const char *pki)
{
	size_t n = l->n_policies++;
	struct mqg_policy *p = &l->policies[n];
	char *names = model->names ? strdup(model->names) : NULL;

	*p = model->rules;
	if (asprintf(&p->title, "%s/%s", l->name, names ? names : "") < 0)
		err(2, "asprintf");
	p->name = names ? strchr(p->title, '/') + 1 : NULL;
	p->user_property = p->user_property ? strdup(p->user_property) : NULL;
	if (asprintf(&p->certificate, "%s/%s.pem", pki, model->server) < 0 ||
	    asprintf(&p->key, "%s/%s.key", pki, model->server) < 0)
		err(2, "asprintf");
	p->client_ca = file_in(pki, p->client_ca);
	p->crl = p->crl ? file_in(pki, p->crl) : NULL;
	p->crypto = mqg_crypto_alloc();
	if (!p->crypto)
		errx(1, "no memory");
	mqg_crypto_finish(p->crypto);
	if (model->pin)
		add_pin(p, model->pin);
	if (model->ocsp)
		ask(p, model->ocsp);
	for (char *name = names ? strtok(names, ",") : NULL; name; name = strtok(NULL, ",")) {
		struct mqg_server_name *to = &l->server_names[l->n_server_names++];

		if (l->n_server_names > NAMES)
			errx(2, "at most %d server names", NAMES);
		to->wildcard = !strncmp(name, "*.", 2);
		to->name = strdup(name + (to->wildcard ? 2 : 0));
		to->policy = n;
	}
	free(names);
}

static void listener(struct mqg_config *config, const struct mqg_listener *like,
		     enum mqgate_kind kind, const char *text, const struct model *models,
		     size_t n_models, const char *pki)
{
	struct mqg_listener *l = &config->listeners[config->n_listeners];

	*l = *like;
	if (like->proxies) {
		l->proxies = malloc(sizeof(*l->proxies));
		*l->proxies = *like->proxies;
	}
	l->kind = kind;
	l->service = ++config->n_listeners;
	l->broker = &config->brokers[config->n_brokers - 1];
	if (asprintf(&l->name, "%s%zu", kind == MQGATE_KIND_MQTTS ? "tls" : "plain",
		     config->n_listeners) < 0)
		err(2, "asprintf");
	endpoint(text, &l->address);
	if (kind != MQGATE_KIND_MQTTS)
		return;
	l->policies = calloc(n_models, sizeof(*l->policies));
	l->server_names = calloc(NAMES, sizeof(*l->server_names));
	for (size_t i = 0; i < n_models; i++)
		policy(l, &models[i], pki);
	qsort(l->server_names, l->n_server_names, sizeof(*l->server_names), mqg_server_name_order);
}

static enum mqg_identity_from identity_from(const char *word)
{
	static const char *const words[] = { "cn", "san.dns", "san.uri", "fingerprint",
					     "san.email", "spiffe", "issuer-serial" };
	int i;

	for (i = 0; i < 7; i++)
		if (!strcmp(word, words[i]))
			return i;
	errx(2, "-i %s: unknown", word);
}

static enum mqg_client_id_rule client_id_rule(const char *word)
{
	return !strcmp(word, "any") ? MQG_CLIENT_ID_ANY :
	       !strcmp(word, "inject") ? MQG_CLIENT_ID_INJECT :
	       !strcmp(word, "prefix") ? MQG_CLIENT_ID_PREFIX : MQG_CLIENT_ID_EQUAL;
}

static enum mqg_username_rule username_rule(const char *word)
{
	return !strcmp(word, "any") ? MQG_USERNAME_ANY :
	       !strcmp(word, "inject") ? MQG_USERNAME_INJECT :
	       !strcmp(word, "prefix") ? MQG_USERNAME_PREFIX : MQG_USERNAME_EQUAL;
}

/* "CHAINS,MILLISECONDS" */
static void chain_cache(struct mqg_config *config, const char *text)
{
	unsigned long ms;

	if (sscanf(text, "%" SCNu32 ",%lu", &config->chain_cache_size, &ms) != 2)
		errx(2, "-k %s: not CHAINS,MILLISECONDS", text);
	config->chain_cache_ns = ms * 1000000ULL;
}

/* "KEY=NUMBER", the keys as the configuration has them, times in ms. */
static void limit(struct mqg_handshakes *h, const char *text)
{
	const struct {
		const char	*key;
		uint32_t	*value;
	} keys[] = {
		{ "per_source=", &h->source_rate }, { "per_source_burst=", &h->source_burst },
		{ "per_source_in_flight=", &h->source_in_flight }, { "rate=", &h->rate },
		{ "burst=", &h->burst }, { "in_flight=", &h->in_flight }, { "queue=", &h->queue },
		{ "queue_time=", &h->queue_time_ms }, { "patience=", &h->patience_ms },
		{ "known_for=", &h->known_for_ms },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strncmp(text, keys[i].key, strlen(keys[i].key)))
			continue;
		*keys[i].value = strtoul(text + strlen(keys[i].key), NULL, 10);
		return;
	}
	errx(2, "-B %s: unknown", text);
}

/* "KEY=NUMBER": what the brokers of later -b are like; times in ms, words as their enum. */
static void broker_setting(struct mqg_broker *b, struct mqg_server *s, const char *text)
{
	const struct {
		const char	*key;
		uint32_t	*value;
	} keys[] = {
		{ "weight=", &s->weight }, { "max_connections=", &s->connections_max },
		{ "balance=", (uint32_t *)&b->balance }, { "slow_start=", &b->slow_start_ms },
		{ "health=", (uint32_t *)&b->health.kind },
		{ "interval=", &b->health.interval_ms }, { "timeout=", &b->health.timeout_ms },
		{ "cut=", (uint32_t *)&b->health.down },
		{ "fall=", &b->health.fall }, { "rise=", &b->health.rise },
		{ "answers=", &b->away.answers }, { "waiting=", &b->away.waiting },
		{ "reconnects=", &b->away.reconnects },
		{ "hold=", (uint32_t *)&b->away.hold }, { "hold_time=", &b->away.hold_ms },
		{ "hold_messages=", &b->away.hold_messages },
		{ "hold_bytes=", &b->away.hold_bytes },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strncmp(text, keys[i].key, strlen(keys[i].key)))
			continue;
		*keys[i].value = strtoul(text + strlen(keys[i].key), NULL, 10);
		return;
	}
	if (sscanf(text, "hold_total=%" SCNu64, &b->away.hold_total) != 1)
		errx(2, "-O %s: unknown", text);
}

/* "CA,CERTIFICATE,SERVER_NAME,VERSION", names of files without .pem; either of two may be "-" */
static struct mqg_broker_tls *broker_tls(const char *text, const char *pki)
{
	struct mqg_broker_tls *tls = calloc(1, sizeof(*tls));
	char ca[32], cert[32], name[64], why[512];
	struct mqg_material_files files = { 0 };
	const char *which;
	int minor;

	if (sscanf(text, "%31[^,],%31[^,],%63[^,],1.%d", ca, cert, name, &minor) != 4)
		errx(2, "-Z %s: cannot be read", text);
	tls->min = minor == 3 ? TLS1_3_VERSION : TLS1_2_VERSION;
	tls->server_name = strcmp(name, "-") ? strdup(name) : NULL;
	if (asprintf(&tls->ca, "%s/%s.pem", pki, ca) < 0 ||
	    (strcmp(cert, "-") && (asprintf(&tls->certificate, "%s/%s.pem", pki, cert) < 0 ||
				   asprintf(&tls->key, "%s/%s.key", pki, cert) < 0)))
		err(2, "asprintf");
	files.client_ca = tls->ca;
	files.certificate = tls->certificate;
	files.key = tls->key;
	if (mqg_material_load(&files, NULL, &tls->material, &which, why, sizeof(why)))
		errx(2, "-Z %s", why);
	return tls;
}

/* "ADDRESS:PORT[*WEIGHT][,...]" */
static void broker(struct mqg_config *config, const struct mqg_broker *like,
		   const struct mqg_server *server, const char *text)
{
	struct mqg_broker *b = &config->brokers[config->n_brokers++];
	char *copy = strdup(text);

	if (config->n_brokers > BROKERS)
		errx(2, "at most %d brokers", BROKERS);
	*b = *like;
	b->username = like->username ? strdup(like->username) : NULL;
	b->password = like->password ? strdup(like->password) : NULL;
	if (asprintf(&b->name, "broker%zu", config->n_brokers) < 0)
		err(2, "asprintf");
	b->servers = calloc(SERVERS, sizeof(*b->servers));
	for (char *at = strtok(copy, ","); at; at = strtok(NULL, ",")) {
		char *weight = strchr(at, '*');

		if (b->n_servers == SERVERS)
			errx(2, "at most %d servers", SERVERS);
		b->servers[b->n_servers] = *server;
		if (weight) {
			*weight = '\0';
			b->servers[b->n_servers].weight = strtoul(weight + 1, NULL, 10);
		}
		endpoint(at, &b->servers[b->n_servers].address);
		b->servers[b->n_servers].host = strdup(at);
		*strrchr(b->servers[b->n_servers++].host, ':') = '\0';
	}
	free(copy);
}

static void ticket_keys(struct mqg_config *config, const char *path)
{
	char why[512];

	mqg_ticket_file_free(config->ticket_file);
	if (mqg_ticket_file_load(path, &config->ticket_file, why, sizeof(why)))
		errx(2, "-f %s", why);
}

/*
 * Options set the model; -n takes what it is then for the server names that it lists, and -t and -p
 * make a listener, for the latest -b, of the model and of the -n before it.
 */
static void options(int argc, char **argv, struct mqg_config *config)
{
	struct mqg_listener like = {
		.handshake_timeout_ms = 5000, .connect_timeout_ms = 5000,
		.connect_max = 65536, .sessions_max = 10000, .limits = RIG_LIMITS,
	};
	struct model models[1 + NAMES] = { {
		.server = "server",
		.rules = {
			.tls_min = TLS1_2_VERSION, .client_ca = (char *)"ca.pem",
			.crl = (char *)"crl.pem", .username_rule = MQG_USERNAME_ANY,
			/* For runs by hand of any script, where the kernel has it. */
			.ktls = getenv("MQGATE_KTLS") != NULL,
		},
	} };
	struct mqg_policy *rules = &models[0].rules;
	struct mqg_broker to = {
		.connect_timeout_ms = 2000,
		.health = { .interval_ms = 50, .timeout_ms = 500, .fall = 2, .rise = 2 },
		.away = { .answers = 1000, .waiting = 10000, .reconnects = 1000,
			  .hold = MQG_HOLD_MEMORY, .hold_ms = 60000, .hold_messages = 1000,
			  .hold_bytes = 1 << 20, .hold_total = 256 << 20 },
	};
	struct mqg_server server = { .weight = 1 };
	struct mqgate_destination proxies;
	const char *pki = ".", *why;
	size_t n_models = 1;
	int opt;

	while ((opt = getopt(argc, argv, "J:w:M:L:G:d:H:T:D:m:s:i:r:u:U:A:c:P:k:l:f:agC:N3SxEK:o:n:"
					 "RB:X:O:Z:I:b:t:p:")) != -1) {
		switch (opt) {
		case 'L': rig_limit(&like.limits, optarg); break;
		case 'G': rig_rule(config, optarg); break;
		case 'J':
			config->store = (struct mqg_store){ strdup(optarg), 64 << 20 };
			break;
		case 'B': limit(&config->handshakes, optarg); break;
		case 'w': config->workers = atoi(optarg); break;
		case 'M': config->mark = strtoul(optarg, NULL, 0); break;
		case 'd': pki = optarg; break;
		case 'H': like.handshake_timeout_ms = atoi(optarg); break;
		case 'T': like.connect_timeout_ms = atoi(optarg); break;
		case 'D': to.connect_timeout_ms = atoi(optarg); break;
		case 'O': broker_setting(&to, &server, optarg); break;
		case 'm': like.connect_max = atoi(optarg); break;
		case 's': like.sessions_max = atoi(optarg); break;
		case 'a': like.password_rule = MQG_PASSWORD_ALLOW; break;
		case 'g': like.password_rule = MQG_PASSWORD_STRIP; break;
		case 'C':
			to.username = strsep(&optarg, ":");
			to.password = optarg;
			break;
		case 'R': like.refuse_unknown = true; break;
		case 'i': rules->identity_from = identity_from(optarg); break;
		case 'r': rules->client_id_rule = client_id_rule(optarg); break;
		case 'u': rules->username_rule = username_rule(optarg); break;
		case 'U': rules->user_property = optarg; break;
		case 'c': rules->crl = optarg; break;
		case 'A': rules->client_ca = optarg; break;
		case 'N': rules->crl = NULL; break;
		case 'P': models[0].pin = optarg; break;
		case 'S': rules->crl_stale = true; break;
		case 'x': rules->partial_chain = true; break;
		case 'E': rules->newest = true; break;
		case '3': rules->tls_min = TLS1_3_VERSION; break;
		case 'k': chain_cache(config, optarg); break;
		case 'l': config->ticket_lifetime = atoi(optarg); break;
		case 'f': ticket_keys(config, optarg); break;
		case 'o': models[0].ocsp = optarg; break;
		case 'K': models[0].server = optarg; break;
		case 'n':
			if (n_models > NAMES)
				errx(2, "-n: at most %d", NAMES);
			models[n_models] = models[0];
			models[n_models++].names = optarg;
			break;
		case 'X':
			if (sscanf(optarg, "%x,%u", &to.pp2_tlvs, &to.pp2_max) != 2)
				errx(2, "-X TLVS,MAX");
			break;
		case 'I':
			if (mqg_network_parse(optarg, &proxies, &why))
				errx(2, "-I %s %s", optarg, why);
			like.proxies = &proxies;
			like.n_proxies = 1;
			break;
		case 'Z':
			to.tls = broker_tls(optarg, pki);
			break;
		case 'b':
			broker(config, &to, &server, optarg);
			to.tls = NULL;
			break;
		case 't':
		case 'p':
			if (!config->n_brokers || config->n_listeners == LISTENERS)
				errx(2, "-b goes before -t and -p, of which there may be %d",
				     LISTENERS);
			listener(config, &like, opt == 't' ? MQGATE_KIND_MQTTS : MQGATE_KIND_MQTT,
				 optarg, models, n_models, pki);
			break;
		default:
			errx(2, "see the source for the options");
		}
	}
}

static void read_files(struct mqg_config *config, struct mqg_policy *p)
{
	const struct mqg_material_files files = {
		.certificate = p->certificate, .key = p->key, .client_ca = p->client_ca,
		.crl = p->crl,
	};
	const char *which;
	char why[512];

	if (mqg_material_load(&files, NULL, &p->material, &which, why, sizeof(why))) {
		say(json_pack("{s:i, s:s}", "error", -EINVAL, "why", why));
		mqg_config_put(config);
		exit(1);
	}
}

/* A configuration as the options say it, with what the files hold now. */
static struct mqg_config *configure(int argc, char **argv)
{
	struct mqg_config *config = calloc(1, sizeof(*config));

	config->listeners = calloc(LISTENERS, sizeof(*config->listeners));
	config->brokers = calloc(BROKERS + 1, sizeof(*config->brokers));
	config->workers = 2;
	config->chain_cache_size = 64;
	config->chain_cache_ns = 3600 * 1000000000ULL;
	config->handshakes = (struct mqg_handshakes){
		.source_burst = 1, .burst = 1, .queue = 100, .queue_time_ms = 3000,
		.patience_ms = 60000, .known_for_ms = 60000,
	};
	config->ticket_lifetime = 3600;
	config->ticket_rotate = 600;
	optind = 0;
	options(argc, argv, config);
	rig_rules_finish(config);
	config->resumption = config->ticket_lifetime > 0;
	for (size_t i = 0; i < config->n_listeners; i++) {
		struct mqg_listener *l = &config->listeners[i];

		for (size_t n = 0; n < l->n_policies; n++)
			read_files(config, &l->policies[n]);
	}
	return config;
}

/* Goes over to another configuration, or only to another list where @next is the same. */
static void change(struct rig *rig, struct mqg_config *next, struct mqg_revoked *revoked)
{
	struct mqg_plan *plan;
	char why[512] = "";
	int ret = mqg_proxy_prepare(rig->proxy, next, NULL, &plan, why, sizeof(why));

	if (!ret)
		mqg_proxy_commit(rig->proxy, plan, revoked);
	if (next != rig->config)
		mqg_config_put(ret ? next : rig->config);
	if (!ret) {
		rig->config = next;
		if (revoked != rig->revoked)
			mqg_revoked_free(rig->revoked);
		rig->revoked = revoked;
	}
	say(json_pack("{s:{s:i, s:s, s:I}}", "answer", "error", ret, "why", why, "epoch",
		      (json_int_t)mqg_proxy_epoch(rig->proxy)));
}

/* "revoke KIND VALUE" */
static void take_back(struct rig *rig, char *line)
{
	char *kind = strtok(line, " \n"), *value = strtok(NULL, "\n");
	struct mqg_revocation item = { .text = (char *)"" };
	struct mqg_revoked *list;

	item.kind = (enum mqg_revoked_kind)mqg_revoked_parse(kind);
	if (mqg_revoked_normal(item.kind, value, &item.value) ||
	    mqg_revoked_with(rig->revoked, &item, &list))
		errx(2, "revoke %s %s: impossible", kind, value);
	free(item.value);
	change(rig, rig->config, list);
}

/* "change OPTION...": the configuration that they say */
static void reload(struct rig *rig, char *line)
{
	char *argv[64] = { (char *)"rig" };
	int argc = 1;

	for (char *word = strtok(line, " \n"); word && argc < 63; word = strtok(NULL, " \n"))
		argv[argc++] = word;
	change(rig, configure(argc, argv), rig->revoked);
}

static void serve(struct rig *rig)
{
	char line[1024];

	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "quit\n"))
			return;
		if (!strcmp(line, "counts\n")) {
			say(json_pack("{s:o}", "answer", counts(rig->proxy, rig->config)));
		} else if (!strcmp(line, "sessions\n")) {
			json_t *all = json_array();

			mqg_proxy_session_each(rig->proxy, add_session, all);
			say(json_pack("{s:o}", "answer", all));
		} else if (!strcmp(line, "handshakes\n")) {
			say(json_pack("{s:o}", "answer", handshakes(rig->proxy)));
		} else if (!strncmp(line, "drain ", 6) || !strncmp(line, "resume ", 7)) {
			char *server = strchr(line, ' ') + 1;

			server[strcspn(server, "\n")] = '\0';
			say(json_pack("{s:I}", "answer", (json_int_t)mqg_proxy_drain(
				rig->proxy, 0, *server ? server : NULL, *line == 'd')));
		} else if (!strncmp(line, "later ", 6)) {
			struct mqg_tickets_info info;

			mqg_proxy_tick(rig->proxy, mqg_boottime_ns() +
						   strtoull(line + 6, NULL, 0) * 1000000000ULL);
			mqg_proxy_tickets(rig->proxy, &info);
			say(json_pack("{s:I}", "answer", (json_int_t)info.keys));
		} else if (!strncmp(line, "revoke ", 7)) {
			take_back(rig, line + 7);
		} else if (!strncmp(line, "change ", 7)) {
			reload(rig, line + 7);
		}
	}
}

int main(int argc, char **argv)
{
	struct rig rig = { 0 };
	struct mqg_judge judge = { 0 };
	char why[512] = "";
	int ret;

	mqg_record_memory_setup();
	rig.config = configure(argc, argv);
	ret = mqg_proxy_setup(rig.config, NULL, &judge, &rig.proxy, why, sizeof(why));
	if (!ret)
		ret = mqg_proxy_store(rig.proxy, rig.config, why, sizeof(why));
	if (!ret) {
		ret = mqg_proxy_start(rig.proxy);
		if (ret)
			errx(1, "start: %s", strerror(-ret));
		say(json_pack("{s:i}", "ready", (int)getpid()));
		serve(&rig);
		mqg_proxy_teardown(rig.proxy);
		say(json_pack("{s:b}", "stopped", 1));
	} else {
		say(json_pack("{s:i, s:s}", "error", ret, "why", why));
	}
	mqg_revoked_free(rig.revoked);
	mqg_config_put(rig.config);
	return ret ? 1 : 0;
}
