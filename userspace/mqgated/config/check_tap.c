// SPDX-License-Identifier: BSD-2-Clause
/*
 * The checking pass over `tap`. Called by mqg_config_check() in the main thread; no lock.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <mqgate/mqtt_text.h>

#include "config/check.h"
#include "config/endpoint.h"
#include "config/tap.h"

#define QUEUE_DEFAULT	(256U << 10)
#define QUEUE_LEAST	(64U << 10)
#define QUEUE_MOST	(64U << 20)
#define PAYLOAD_DEFAULT	4096U
/* Of what is read at once; a message that comes in pieces is cut behind the first. */
#define PAYLOAD_MOST	16384U

#define complain(check, ...) mqg_complain(&(check)->complaint, __VA_ARGS__)

static bool is_text(const char *text, enum mqp_text_kind kind)
{
	struct mqp_text state;
	size_t len = strlen(text);

	mqp_text_init(&state, kind, 0);
	for (size_t i = 0; i < len; i++)
		if (mqp_text_step(&state, (unsigned char)text[i], 0))
			return false;
	return len && len < 65536 && !mqp_text_end(&state);
}

static int copy_list(char *const *from, unsigned int count, char ***to, size_t *n)
{
	*to = calloc(count + 1, sizeof(**to));
	if (!*to)
		return -ENOMEM;
	for (; *n < count; ++*n)
		if (mqg_check_copy(from[*n], &(*to)[*n]))
			return -ENOMEM;
	return 0;
}

static int check_place(const struct mqg_check *check, const char *owner, const struct raw_tap *from,
		       struct mqg_tap_config *to)
{
	static const char *const words[] = {
		[MQG_TAP_FILE] = "file:", [MQG_TAP_UNIX] = "unix:", [MQG_TAP_TCP] = "tcp:",
		[MQG_TAP_MQTT] = "mqtt:",
	};
	char path[MQG_PATH_MAX], why[256];
	const char *place = NULL;
	int err;

	snprintf(path, sizeof(path), "%s.to", owner);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strncmp(from->to, words[i], strlen(words[i])))
			continue;
		to->to = (enum mqg_tap_to)i;
		place = from->to + strlen(words[i]);
	}
	if (!place)
		return complain(check, path, "\"%s\" is no place; write \"file:/PATH\", "
				"\"unix:/PATH\", \"tcp:ADDRESS:PORT\" or \"mqtt:ADDRESS:PORT\"",
				from->to);
	if (mqg_check_copy(place, &to->place))
		return -ENOMEM;
	if (to->to == MQG_TAP_FILE || to->to == MQG_TAP_UNIX) {
		size_t most = to->to == MQG_TAP_UNIX ? sizeof(((struct sockaddr_un *)0)->sun_path)
						     : PATH_MAX;

		if (place[0] == '/' && strlen(place) < most)
			return 0;
		return complain(check, path, "\"%s\" is no absolute path of less than %zu bytes",
				place, most);
	}
	err = mqg_endpoint_parse(place, true, &to->address, why, sizeof(why));
	return err == -EINVAL ? complain(check, path, "%s", why) : err;
}

static int check_topics(const struct mqg_check *check, const char *owner,
			const struct raw_tap *from, struct mqg_tap_config *to)
{
	char path[MQG_PATH_MAX], own[64];

	for (unsigned int i = 0; i < from->topics_count; i++) {
		if (is_text(from->topics[i], MQP_T_FILTER))
			continue;
		snprintf(path, sizeof(path), "%s.topics[%u]", owner, i);
		return complain(check, path, "\"%s\" is no topic filter; \"+\" and \"#\" stand "
				"for whole levels, \"#\" for the last ones", from->topics[i]);
	}
	snprintf(path, sizeof(path), "%s.topic", owner);
	if (from->topic && to->to != MQG_TAP_MQTT)
		return complain(check, path, "has no meaning without to: \"mqtt:...\"; leave it "
				"out");
	if (from->topic && !is_text(from->topic, MQP_T_TOPIC))
		return complain(check, path, "\"%s\" is no topic that can be published to",
				from->topic);
	snprintf(own, sizeof(own), "mqgate/tap/%s", to->name);
	if (mqg_check_copy(from->topic ? from->topic : own, &to->topic))
		return -ENOMEM;
	return copy_list(from->topics, from->topics_count, &to->topics, &to->n_topics);
}

/* What of a message leaves. */
static int check_what(const struct mqg_check *check, const char *owner, const struct raw_tap *from,
		      struct mqg_tap_config *to)
{
	char path[MQG_PATH_MAX];

	to->payload = from->what && *from->what;
	to->identities = from->identities ? (enum mqg_tap_identities)*from->identities
					  : MQG_TAP_PLAIN;
	snprintf(path, sizeof(path), "%s.redact", owner);
	if (from->redact_count && !to->payload)
		return complain(check, path, "has no meaning without what: payload; leave it out");
	if (copy_list(from->redact, from->redact_count, &to->redact, &to->n_redact))
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s.payload_max", owner);
	if (from->payload_max && !to->payload)
		return complain(check, path, "has no meaning without what: payload; leave it out");
	return mqg_check_number(check, path, from->payload_max, PAYLOAD_DEFAULT, 1, PAYLOAD_MOST,
				&to->payload_max);
}

static int check_one(const struct mqg_check *check, unsigned int i, struct mqg_tap_config *to)
{
	const struct raw_tap *from = &check->raw->tap[i];
	char owner[32], path[MQG_PATH_MAX];
	int err, direction = from->direction ? *from->direction : 1;

	snprintf(owner, sizeof(owner), "tap[%u]", i);
	snprintf(path, sizeof(path), "%s.name", owner);
	err = mqg_check_name(check, path, from->name);
	for (unsigned int k = 0; !err && k < i; k++)
		if (!strcmp(check->raw->tap[k].name, from->name))
			err = complain(check, path, "\"%s\" is already that of tap[%u]; choose "
						    "another", from->name, k);
	if (!err)
		err = mqg_check_copy(from->name, &to->name);
	to->up = direction & 1;
	to->down = direction & 2;
	if (!err)
		err = check_place(check, owner, from, to);
	if (!err)
		err = check_topics(check, owner, from, to);
	if (!err)
		err = check_what(check, owner, from, to);
	snprintf(path, sizeof(path), "%s.sample", owner);
	if (!err)
		err = mqg_check_number(check, path, from->sample, 1, 1, 1000000000, &to->sample);
	snprintf(path, sizeof(path), "%s.rate", owner);
	if (!err)
		err = mqg_check_number(check, path, from->rate, 0, 0, 1000000000, &to->rate);
	snprintf(path, sizeof(path), "%s.queue", owner);
	if (!err)
		err = mqg_check_number(check, path, from->queue, QUEUE_DEFAULT, QUEUE_LEAST,
				       QUEUE_MOST, &to->queue);
	return err;
}

int mqg_check_taps(const struct mqg_check *check)
{
	const struct raw_config *raw = check->raw;
	struct mqg_config *config = check->config;
	int err = 0;

	if (raw->tap_count > MQG_TAPS_MAX)
		return complain(check, "tap", "%u taps, and there may be %u", raw->tap_count,
				MQG_TAPS_MAX);
	config->taps = calloc(raw->tap_count + 1, sizeof(*config->taps));
	if (!config->taps)
		return -ENOMEM;
	for (unsigned int i = 0; !err && i < raw->tap_count; i++) {
		config->n_taps = i + 1;
		err = check_one(check, i, &config->taps[i]);
	}
	return err;
}
