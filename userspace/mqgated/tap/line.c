// SPDX-License-Identifier: BSD-2-Clause
/* See line.h. */
#include "tap/line.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#define HIDDEN		"***"
#define HASH_BYTES	16

struct text {
	const char	*at;
	size_t		len;
};

/* ---- identities ------------------------------------------------------------------------------ */

static unsigned char key[32];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool keyed;

static void make_key(void)
{
	keyed = RAND_bytes(key, sizeof(key)) == 1;
}

/* @out: 2 * HASH_BYTES + 1 */
static void hash(const struct text *text, char *out)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	pthread_once(&once, make_key);
	if (!keyed || !HMAC(EVP_sha256(), key, sizeof(key), (const unsigned char *)text->at,
			    text->len, mac, &len) || len < HASH_BYTES) {
		strcpy(out, HIDDEN);
		return;
	}
	for (int i = 0; i < HASH_BYTES; i++)
		sprintf(out + 2 * i, "%02x", mac[i]);
}

/* What stands in the place of @text; @room: 2 * HASH_BYTES + 1 */
static struct text disguised(const struct mqg_tap_config *tap, const struct text *text, char *room)
{
	if (tap->identities == MQG_TAP_PLAIN)
		return *text;
	if (tap->identities == MQG_TAP_OMIT)
		strcpy(room, HIDDEN);
	else
		hash(text, room);
	return (struct text){ room, strlen(room) };
}

static bool same(const struct text *a, const struct text *b)
{
	return a->len && a->len == b->len && !memcmp(a->at, b->at, a->len);
}

static json_t *text_json(const struct text *text)
{
	json_t *json = text->len ? json_stringn(text->at, text->len) : NULL;

	return json ? json : json_null();
}

static json_t *name_json(const struct mqg_tap_config *tap, const struct text *name)
{
	char room[2 * HASH_BYTES + 1];
	struct text shown;

	if (!name->len || tap->identities == MQG_TAP_OMIT)
		return json_null();
	shown = disguised(tap, name, room);
	return text_json(&shown);
}

static json_t *topic_json(const struct mqg_tap_config *tap, const struct text *topic,
			  const struct text *identity, const struct text *client_id)
{
	char room[2 * HASH_BYTES + 1], *out = NULL;
	size_t size = 0;
	FILE *f;
	struct text whole;
	json_t *json;

	if (tap->identities == MQG_TAP_PLAIN)
		return text_json(topic);
	f = open_memstream(&out, &size);
	if (!f)
		return json_null();
	for (const char *at = topic->at, *end = at + topic->len; at <= end;) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		struct text level = { at, (size_t)((slash ? slash : end) - at) };

		if (same(&level, identity) || same(&level, client_id))
			level = disguised(tap, &level, room);
		fwrite(level.at, 1, level.len, f);
		if (!slash)
			break;
		fputc('/', f);
		at = slash + 1;
	}
	fclose(f);
	whole = (struct text){ out, size };
	json = text_json(&whole);
	free(out);
	return json;
}

/* ---- payloads -------------------------------------------------------------------------------- */

static bool is_hidden(const struct mqg_tap_config *tap, const char *name)
{
	for (size_t i = 0; i < tap->n_redact; i++)
		if (!strcmp(tap->redact[i], name))
			return true;
	return false;
}

/* As deep as jansson takes it: its parser bounds that. */
static void redact(const struct mqg_tap_config *tap, json_t *json)
{
	const char *name;
	json_t *value;
	size_t i;
	void *next;

	json_object_foreach_safe(json, next, name, value) {
		if (is_hidden(tap, name))
			json_object_set_new(json, name, json_string(HIDDEN));
		else
			redact(tap, value);
	}
	json_array_foreach(json, i, value)
		redact(tap, value);
}

static json_t *base64(const struct text *payload)
{
	unsigned char *out = malloc(payload->len / 3 * 4 + 5);
	json_t *json = NULL;

	if (out) {
		EVP_EncodeBlock(out, (const unsigned char *)payload->at, (int)payload->len);
		json = json_string((char *)out);
	}
	free(out);
	return json;
}

static void add_payload(const struct mqg_tap_config *tap, const struct mqg_tap_record *r,
			const struct text *payload, json_t *line)
{
	bool cut = r->payload_here < r->payload_len;
	json_t *json = cut ? NULL : json_loadb(payload->at, payload->len, JSON_DECODE_ANY, NULL);

	if (json) {
		redact(tap, json);
		json_object_set_new(line, "json", json);
		return;
	}
	if (tap->n_redact) {
		json_object_set_new(line, "left_out", json_string(cut ? "cut" : "not JSON"));
		return;
	}
	if (cut)
		json_object_set_new(line, "cut", json_true());
	json = json_stringn(payload->at, payload->len);
	if (json)
		json_object_set_new(line, "text", json);
	else
		json_object_set_new(line, "base64", base64(payload));
}

/* ---- the line -------------------------------------------------------------------------------- */

static struct text next(const char **at, size_t len)
{
	struct text text = { *at, len };

	*at += len;
	return text;
}

static json_t *time_json(uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000ULL);
	char day[32], text[64];
	struct tm tm;

	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
	snprintf(text, sizeof(text), "%s.%06uZ", day, (unsigned int)(ns % 1000000000ULL / 1000));
	return json_string(text);
}

char *mqg_tap_line(const struct mqg_tap_config *tap, const struct mqg_tap_record *r)
{
	const char *at = (const char *)(r + 1);
	struct text listener = next(&at, r->listener_len), identity = next(&at, r->identity_len);
	struct text client_id = next(&at, r->client_id_len), topic = next(&at, r->topic_len);
	struct text payload = next(&at, r->payload_here);
	json_t *line = json_object();
	char *out;

	json_object_set_new(line, "time", time_json(r->time));
	json_object_set_new(line, "tap", json_string(tap->name));
	json_object_set_new(line, "listener", text_json(&listener));
	json_object_set_new(line, "direction", json_string(r->up ? "up" : "down"));
	json_object_set_new(line, "identity", name_json(tap, &identity));
	json_object_set_new(line, "client_id", name_json(tap, &client_id));
	json_object_set_new(line, "topic", topic_json(tap, &topic, &identity, &client_id));
	json_object_set_new(line, "qos", json_integer(r->qos));
	json_object_set_new(line, "retain", json_boolean(r->retain));
	json_object_set_new(line, "dup", json_boolean(r->dup));
	json_object_set_new(line, "size", json_integer(r->payload_len));
	if (tap->payload)
		add_payload(tap, r, &payload, line);
	out = json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER);
	json_decref(line);
	return out;
}
