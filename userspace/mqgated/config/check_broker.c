/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checking pass over brokers: servers, choice among them, health, what is done while none is
 * there. Called by mqg_config_check() in the main thread; no lock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include "config/check.h"
#include "config/endpoint.h"
#include "config/secret.h"
#include "config/tlsfiles.h"

#define NS_PER_MS	1000000ULL
#define SECOND		(1000 * NS_PER_MS)
#define MINUTE		(60 * SECOND)

#define complain(check, ...) mqg_complain(&(check)->complaint, __VA_ARGS__)

static void join(char path[MQG_PATH_MAX], size_t i, const char *key)
{
	snprintf(path, MQG_PATH_MAX, "brokers[%zu].%s", i, key);
}

/* A duration of broker @i in milliseconds. */
static int check_time(const struct mqg_check *check, size_t i, const char *key, const char *text,
		      uint64_t fallback, uint64_t least, uint64_t most, uint32_t *out)
{
	char path[MQG_PATH_MAX];
	uint64_t ns = fallback;
	int err;

	join(path, i, key);
	err = mqg_check_duration(check, path, text, fallback, least, most, &ns);
	*out = (uint32_t)(ns / NS_PER_MS);
	return err;
}

/* The words of haproxy's proxy-v2-options where it has the same. */
static const struct {
	const char	*word;
	uint32_t	bit;
} tlv_words[] = {
	{ "none", 0 }, { "identity", MQG_PP2_IDENTITY }, { "ssl", MQG_PP2_SSL },
	{ "cert-cn", MQG_PP2_SSL | MQG_PP2_CN }, { "ssl-cipher", MQG_PP2_SSL | MQG_PP2_CIPHER },
	{ "authority", MQG_PP2_AUTHORITY }, { "crc32c", MQG_PP2_CRC32C },
};

static int check_proxy_protocol(struct mqg_check *check, size_t number, struct mqg_broker *to)
{
	const struct raw_proxy_protocol *from = check->raw->brokers[number].proxy_protocol;
	char path[MQG_PATH_MAX];

	if (!from)
		return 0;
	to->pp2_tlvs = from->tlvs_count ? 0 : MQG_PP2_IDENTITY | MQG_PP2_SSL | MQG_PP2_CN;
	for (unsigned int i = 0; i < from->tlvs_count; i++) {
		size_t n = 0;

		while (n < sizeof(tlv_words) / sizeof(tlv_words[0]) &&
		       strcmp(from->tlvs[i], tlv_words[n].word))
			n++;
		snprintf(path, sizeof(path), "brokers[%zu].proxy_protocol.tlvs[%u]", number, i);
		if (n == sizeof(tlv_words) / sizeof(tlv_words[0]))
			return complain(check, path, "\"%s\" is none; there are identity, ssl, "
				"cert-cn, ssl-cipher, authority, crc32c, none", from->tlvs[i]);
		to->pp2_tlvs |= tlv_words[n].bit;
	}
	join(path, number, "proxy_protocol.max");
	return mqg_check_number(check, path, from->max, MQG_PP2_DEFAULT, MQG_PP2_MIN, MQG_PP2_MAX,
				&to->pp2_max);
}

static int check_name(struct mqg_check *check, size_t i)
{
	const struct raw_config *raw = check->raw;
	const char *name = raw->brokers[i].name;
	char path[MQG_PATH_MAX];
	int err;

	join(path, i, "name");
	err = mqg_check_name(check, path, name);
	for (size_t j = 0; !err && j < i; j++)
		if (!strcmp(raw->brokers[j].name, name))
			err = complain(check, path, "\"%s\" is already the name of brokers[%zu]; "
						    "choose another", name, j);
	return err ? err : mqg_check_copy(name, &check->config->brokers[i].name);
}

static int add_server(struct mqg_check *check, struct mqg_broker *to, const char *path,
		      const char *text)
{
	struct mqg_server *server = &to->servers[to->n_servers];
	char why[256];
	int err = mqg_endpoint_parse(text, true, &server->address, why, sizeof(why));

	if (err)
		return err == -EINVAL ? complain(check, path, "%s", why) : err;
	server->weight = 1;
	to->n_servers++;
	if (mqg_endpoint_host(&server->address, &server->host))
		return -ENOMEM;
	for (size_t i = 0; i + 1 < to->n_servers; i++)
		if (!strcmp(to->servers[i].address.text, text))
			return complain(check, path, "\"%s\" is already servers[%zu]; leave one "
						     "of the two out", text, i);
	return 0;
}

static int check_server(struct mqg_check *check, size_t broker, unsigned int i)
{
	const struct raw_server *from = &check->raw->brokers[broker].servers[i];
	struct mqg_broker *to = &check->config->brokers[broker];
	char path[MQG_PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "brokers[%zu].servers[%u].address", broker, i);
	err = add_server(check, to, path, from->address);
	snprintf(path, sizeof(path), "brokers[%zu].servers[%u].weight", broker, i);
	if (!err)
		err = mqg_check_number(check, path, from->weight, 1, 1, 1000,
				       &to->servers[i].weight);
	snprintf(path, sizeof(path), "brokers[%zu].servers[%u].max_connections", broker, i);
	if (!err)
		err = mqg_check_number(check, path, from->max_connections, 0, 0, 100000000,
				       &to->servers[i].connections_max);
	return err;
}

static int check_servers(struct mqg_check *check, size_t i)
{
	const struct raw_broker *from = &check->raw->brokers[i];
	struct mqg_broker *to = &check->config->brokers[i];
	char path[MQG_PATH_MAX];
	int err = 0;

	join(path, i, "address");
	if (!from->address == !from->servers_count)
		return complain(check, path, from->address ? "stands beside servers; leave one of "
							     "the two out"
							   : "missing; give the address of the "
							     "broker, or servers");
	if (from->servers_count > MQG_SERVERS_MAX) {
		join(path, i, "servers");
		return complain(check, path, "are %u; there may be %u", from->servers_count,
				MQG_SERVERS_MAX);
	}
	to->servers = calloc(from->address ? 1 : from->servers_count, sizeof(*to->servers));
	if (!to->servers)
		return -ENOMEM;
	if (from->address)
		return add_server(check, to, path, from->address);
	for (unsigned int n = 0; n < from->servers_count && !err; n++)
		err = check_server(check, i, n);
	return err;
}

/* Of one server a choice says nothing, and nobody would be better off for asking how it is. */
static int check_choice(struct mqg_check *check, size_t i)
{
	const struct raw_broker *from = &check->raw->brokers[i];
	struct mqg_broker *to = &check->config->brokers[i];
	bool several = from->servers_count;
	char path[MQG_PATH_MAX];
	int err;

	join(path, i, from->balance ? "balance" : "slow_start");
	if (!several && (from->balance || from->slow_start))
		return complain(check, path, "has no meaning with address: one server; leave it "
					     "out, or give servers");
	to->balance = from->balance ? (enum mqg_balance)*from->balance : MQG_BALANCE_LEAST;
	err = check_time(check, i, "slow_start", from->slow_start, several ? 10 * SECOND : 0, 0,
			 60 * MINUTE, &to->slow_start_ms);
	if (!err)
		err = check_time(check, i, "connect_timeout", from->connect_timeout,
				 several ? SECOND : 5 * SECOND, SECOND / 10, 10 * MINUTE,
				 &to->connect_timeout_ms);
	return err;
}

static int check_health(struct mqg_check *check, size_t i)
{
	static const struct raw_health none;
	const struct raw_broker *broker = &check->raw->brokers[i];
	const struct raw_health *from = broker->health ? broker->health : &none;
	struct mqg_health *to = &check->config->brokers[i].health;
	char path[MQG_PATH_MAX];
	int err;

	to->kind = broker->servers_count ? MQG_HEALTH_TCP : MQG_HEALTH_OFF;
	if (from->kind)
		to->kind = (enum mqg_health_kind)*from->kind;
	if (to->kind == MQG_HEALTH_OFF &&
	    (from->interval || from->timeout || from->fall || from->rise || from->on_down)) {
		join(path, i, "health");
		return complain(check, path, "says when to ask, and kind is off; write kind: tcp "
					     "or kind: mqtt, or leave the rest out");
	}
	to->down = from->on_down ? (enum mqg_down_rule)*from->on_down : MQG_DOWN_KEEP;
	err = check_time(check, i, "health.interval", from->interval, SECOND / 2, SECOND / 20,
			 60 * MINUTE, &to->interval_ms);
	if (!err)
		err = check_time(check, i, "health.timeout", from->timeout, SECOND / 2,
				 SECOND / 20, MINUTE, &to->timeout_ms);
	join(path, i, "health.fall");
	if (!err)
		err = mqg_check_number(check, path, from->fall, 2, 1, 100, &to->fall);
	join(path, i, "health.rise");
	if (!err)
		err = mqg_check_number(check, path, from->rise, 2, 1, 100, &to->rise);
	return err;
}

static int check_hold(struct mqg_check *check, size_t i, const struct raw_away *from)
{
	struct mqg_broker *broker = &check->config->brokers[i];
	struct mqg_away *to = &broker->away;
	char path[MQG_PATH_MAX];
	uint32_t total = 0;
	int err;

	to->hold = from->hold ? (enum mqg_hold_rule)*from->hold : MQG_HOLD_MEMORY;
	join(path, i, "away.hold");
	if (to->hold == MQG_HOLD_OFF && (from->hold_time || from->hold_messages ||
					 from->hold_bytes || from->hold_total))
		return complain(check, path, "is off, and it is said how much is held; write "
					     "memory, or leave the others out");
	if (to->hold == MQG_HOLD_STORE && !check->raw->store)
		return complain(check, path, "is store, and nothing says where; add the section "
					     "store with a directory, or write memory");
	err = check_time(check, i, "away.hold_time", from->hold_time, MINUTE, SECOND,
			 24 * 60 * MINUTE, &to->hold_ms);
	join(path, i, "away.hold_messages");
	if (!err)
		err = mqg_check_number(check, path, from->hold_messages, 1000, 1, 1000000,
				       &to->hold_messages);
	join(path, i, "away.hold_bytes");
	if (!err)
		err = mqg_check_number(check, path, from->hold_bytes, 1U << 20, 1024, 1U << 30,
				       &to->hold_bytes);
	join(path, i, "away.hold_total");
	if (!err)
		err = mqg_check_number(check, path, from->hold_total, 256U << 20, 1024,
				       UINT32_MAX, &total);
	to->hold_total = total;
	/* Who is held loses nothing by a check that is wrong. */
	if (to->hold != MQG_HOLD_OFF && broker->health.kind != MQG_HEALTH_OFF &&
	    !(check->raw->brokers[i].health && check->raw->brokers[i].health->on_down))
		broker->health.down = MQG_DOWN_MOVE;
	return err;
}

static int check_away(struct mqg_check *check, size_t i)
{
	static const struct raw_away none;
	const struct raw_away *from = check->raw->brokers[i].away;
	struct mqg_away *to = &check->config->brokers[i].away;
	char path[MQG_PATH_MAX];
	int err;

	if (!from)
		from = &none;
	join(path, i, "away.answers");
	err = mqg_check_number(check, path, from->answers, 1000, 1, 1000000, &to->answers);
	/* Ten seconds of answers, so that nobody waits longer. */
	join(path, i, "away.waiting");
	if (!err)
		err = mqg_check_number(check, path, from->waiting,
				       to->answers > 100000 ? 1000000 : 10 * to->answers, 0,
				       1000000, &to->waiting);
	join(path, i, "away.reconnects");
	if (!err)
		err = mqg_check_number(check, path, from->reconnects, 1000, 1, 1000000,
				       &to->reconnects);
	return err ? err : check_hold(check, i, from);
}

/* What the broker is told in the place of a client's username and password. */
static int check_credentials(struct mqg_check *check, size_t i)
{
	const struct raw_broker *from = &check->raw->brokers[i];
	struct mqg_broker *to = &check->config->brokers[i];
	char path[MQG_PATH_MAX], why[256];
	int err = 0;

	join(path, i, from->password ? "password" : "password_file");
	if (from->password && from->password_file)
		return complain(check, path, "stands beside password_file; leave one of the two "
					     "out");
	if ((from->password || from->password_file) && !from->username)
		return complain(check, path, "without a username; MQTT 3.1.1 has no such CONNECT, "
					     "so write username as well");
	if (from->username)
		err = mqg_check_copy(from->username, &to->username);
	if (!err && from->password) {
		if (mqg_secret_check(check->complaint.file, why, sizeof(why)))
			return complain(check, path, "%s, or write the password into a "
						     "password_file", why);
		err = mqg_check_copy(from->password, &to->password);
	}
	if (!err && from->password_file) {
		err = mqg_secret_read(from->password_file, &to->password, why, sizeof(why));
		if (err == -EINVAL)
			return complain(check, path, "%s", why);
	}
	return err;
}

static int check_tls(struct mqg_check *check, size_t i)
{
	const struct raw_broker_tls *from = check->raw->brokers[i].tls;
	struct mqg_broker_tls *to;
	char path[MQG_PATH_MAX];

	if (!from)
		return 0;
	join(path, i, from->key ? "tls.key" : "tls.certificate");
	if (!from->certificate != !from->key)
		return complain(check, path, "certificate and key go together; give both, or leave "
					     "both out");
	to = check->config->brokers[i].tls = calloc(1, sizeof(*to));
	if (!to || mqg_check_copy(from->ca, &to->ca) ||
	    (from->key && mqg_check_copy(from->key, &to->key)) ||
	    (from->certificate && mqg_check_copy(from->certificate, &to->certificate)) ||
	    (from->server_name && mqg_check_copy(from->server_name, &to->server_name)))
		return -ENOMEM;
	to->min = from->min_version ? *from->min_version : TLS1_2_VERSION;
	join(path, i, "tls");
	return mqg_broker_files_load(check, path, to);
}

int mqg_check_brokers(struct mqg_check *check)
{
	int err = 0;

	for (size_t i = 0; i < check->raw->brokers_count && !err; i++) {
		/* Counted from here on, so that mqg_config_put() sees what it already owns. */
		check->config->n_brokers = i + 1;
		err = check_name(check, i);
		if (!err)
			err = check_servers(check, i);
		if (!err)
			err = check_choice(check, i);
		if (!err)
			err = check_health(check, i);
		if (!err)
			err = check_away(check, i);
		if (!err)
			err = check_tls(check, i);
		if (!err)
			err = check_proxy_protocol(check, i, &check->config->brokers[i]);
		if (!err)
			err = check_credentials(check, i);
	}
	return err;
}
