// SPDX-License-Identifier: BSD-2-Clause
/*
 * The proxy with a judge that tells everything it hears, one JSON object a line on stdout. The
 * scripts of this directory drive it: they name listeners and brokers by options and ask through
 * stdin ("counts", "sessions", "quit"). Only tests call it; stdout is guarded by its own lock.
 */
#include <arpa/inet.h>
#include <err.h>
#include <getopt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/ssl.h>

#include "common/names.h"
#include "judge/flows.h"
#include "proxy/proxy.h"

#define LISTENERS 4
#define BROKERS 4

struct mqg_judge {
	_Atomic uint64_t tickets;
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
	say(json_pack("{s:s, s:o, s:i, s:s*, s:s*}", "refused", mqg_reason_word(r->reason), "addr",
		      address(r->addr), "service", (int)r->service, "client_id", r->client_id,
		      "identity", r->identity));
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

static int add_session(const struct mqg_session_info *info, void *arg)
{
	return json_array_append_new(arg,
		json_pack("{s:s, s:s, s:o, s:i, s:i, s:b, s:b}", "client_id", info->client_id,
			  "identity", info->identity, "addr", address(info->addr), "port",
			  info->port, "listener", (int)info->listener, "connected",
			  info->connected, "allowed", info->allowed));
}

static json_t *counts(struct mqg_proxy *proxy, const struct mqg_config *config)
{
	json_t *listeners = json_array(), *brokers = json_array();
	size_t i;

	for (i = 0; i < config->n_listeners; i++) {
		struct mqg_listener_counts c;

		mqg_proxy_listener_counts(proxy, i, &c);
		json_array_append_new(listeners,
			json_pack("{s:I, s:I, s:I, s:I, s:I}", "accepted", (json_int_t)c.accepted,
				  "refused", (json_int_t)c.refused, "sessions",
				  (json_int_t)c.sessions, "bytes_in", (json_int_t)c.bytes_in,
				  "bytes_out", (json_int_t)c.bytes_out));
	}
	for (i = 0; i < config->n_brokers; i++) {
		struct mqg_broker_counts c;

		mqg_proxy_broker_counts(proxy, i, &c);
		json_array_append_new(brokers,
			json_pack("{s:I, s:I, s:b}", "connections", (json_int_t)c.connections,
				  "failures", (json_int_t)c.failures, "up", c.up));
	}
	return json_pack("{s:o, s:o}", "listeners", listeners, "brokers", brokers);
}

static void serve(struct mqg_proxy *proxy, const struct mqg_config *config)
{
	char line[64];

	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "quit\n"))
			return;
		if (!strcmp(line, "counts\n")) {
			say(json_pack("{s:o}", "answer", counts(proxy, config)));
		} else if (!strcmp(line, "sessions\n")) {
			json_t *all = json_array();

			mqg_proxy_session_each(proxy, add_session, all);
			say(json_pack("{s:o}", "answer", all));
		}
	}
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

static void listener(struct mqg_config *config, const struct mqg_listener *model,
		     enum mqgate_kind kind, const char *text, const char *pki)
{
	struct mqg_listener *l = &config->listeners[config->n_listeners];

	*l = *model;
	l->kind = kind;
	l->service = ++config->n_listeners;
	l->broker = &config->brokers[config->n_brokers - 1];
	l->name = strdup(kind == MQGATE_KIND_MQTTS ? "tls" : "plain");
	l->crl = NULL;
	endpoint(text, &l->address);
	if (kind != MQGATE_KIND_MQTTS)
		return;
	l->certificate = file_in(pki, "server.pem");
	l->key = file_in(pki, "server.key");
	l->client_ca = file_in(pki, "ca.pem");
	l->crl = model->crl ? file_in(pki, model->crl) : NULL;
	l->crypto = mqg_crypto_alloc();
	if (!l->crypto)
		errx(1, "no memory");
	mqg_crypto_finish(l->crypto);
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

/* Options set the model; -t and -p make a listener of it as it is then, for the latest -b. */
static void options(int argc, char **argv, struct mqg_config *config)
{
	struct mqg_listener model = {
		.handshake_timeout_ms = 5000, .connect_timeout_ms = 5000,
		.connect_max = 65536, .sessions_max = 10000, .tls_min = TLS1_2_VERSION,
		.crl = (char *)"crl.pem", .username_rule = MQG_USERNAME_ANY,
	};
	uint32_t dial_ms = 2000;
	const char *pki = ".";
	int opt;

	while ((opt = getopt(argc, argv, "w:M:d:H:T:D:m:s:i:r:u:U:c:aN3b:t:p:")) != -1) {
		switch (opt) {
		case 'w': config->workers = atoi(optarg); break;
		case 'M': config->mark = strtoul(optarg, NULL, 0); break;
		case 'd': pki = optarg; break;
		case 'H': model.handshake_timeout_ms = atoi(optarg); break;
		case 'T': model.connect_timeout_ms = atoi(optarg); break;
		case 'D': dial_ms = atoi(optarg); break;
		case 'm': model.connect_max = atoi(optarg); break;
		case 's': model.sessions_max = atoi(optarg); break;
		case 'i': model.identity_from = identity_from(optarg); break;
		case 'r': model.client_id_rule = client_id_rule(optarg); break;
		case 'u': model.username_rule = username_rule(optarg); break;
		case 'U': model.user_property = optarg; break;
		case 'c': model.crl = optarg; break;
		case 'N': model.crl = NULL; break;
		case 'a': model.password_rule = MQG_PASSWORD_ALLOW; break;
		case '3': model.tls_min = TLS1_3_VERSION; break;
		case 'b':
			if (config->n_brokers == BROKERS)
				errx(2, "at most %d brokers", BROKERS);
			config->brokers[config->n_brokers].name = strdup("broker");
			config->brokers[config->n_brokers].connect_timeout_ms = dial_ms;
			endpoint(optarg, &config->brokers[config->n_brokers++].address);
			break;
		case 't':
		case 'p':
			if (!config->n_brokers || config->n_listeners == LISTENERS)
				errx(2, "-b goes before -t and -p, of which there may be %d",
				     LISTENERS);
			listener(config, &model, opt == 't' ? MQGATE_KIND_MQTTS : MQGATE_KIND_MQTT,
				 optarg, pki);
			break;
		default:
			errx(2, "see the source for the options");
		}
	}
}

static void drop(struct mqg_config *config)
{
	size_t i;

	for (i = 0; i < config->n_listeners; i++) {
		struct mqg_listener *l = &config->listeners[i];

		free(l->name);
		free(l->address.text);
		free(l->certificate);
		free(l->key);
		free(l->client_ca);
		free(l->crl);
		mqg_crypto_free(l->crypto);
	}
	for (i = 0; i < config->n_brokers; i++) {
		free(config->brokers[i].name);
		free(config->brokers[i].address.text);
	}
}

int main(int argc, char **argv)
{
	struct mqg_listener listeners[LISTENERS] = { 0 };
	struct mqg_broker brokers[BROKERS] = { 0 };
	struct mqg_config config = { .listeners = listeners, .brokers = brokers, .workers = 2 };
	struct mqg_judge judge = { 0 };
	struct mqg_proxy *proxy;
	char why[512] = "";
	int ret;

	options(argc, argv, &config);
	ret = mqg_proxy_setup(&config, &judge, &proxy, why, sizeof(why));
	if (!ret) {
		ret = mqg_proxy_start(proxy);
		if (ret)
			errx(1, "start: %s", strerror(-ret));
		say(json_pack("{s:i}", "ready", (int)getpid()));
		serve(proxy, &config);
		mqg_proxy_teardown(proxy);
		say(json_pack("{s:b}", "stopped", 1));
	} else {
		say(json_pack("{s:i, s:s}", "error", ret, "why", why));
	}
	drop(&config);
	return ret ? 1 : 0;
}
