// SPDX-License-Identifier: BSD-2-Clause
/*
 * The words of `mqgate conn`; see conn.h.
 */
#include "mqgate/conn.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "mqgate/cmd.h"

long mqg_conn_number_read(const char *text, long least, long most)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value < least || value > most)
		return -1;
	return value;
}

int mqg_conn_address_read(char *text, uint8_t addr[16], uint8_t *prefix)
{
	char *slash = strchr(text, '/');
	bool v4 = false;
	long bits;

	if (slash)
		*slash = '\0';
	if (inet_pton(AF_INET, text, addr + 12) == 1) {
		memset(addr, 0, 10);
		memset(addr + 10, 0xff, 2);
		v4 = true;
	} else if (inet_pton(AF_INET6, text, addr) != 1) {
		return mqg_misuse("%s: not an address; write 192.0.2.1, 192.0.2.0/24 or "
				  "2001:db8::/64", text);
	}
	bits = slash ? mqg_conn_number_read(slash + 1, 1, v4 ? 32 : 128) : v4 ? 32 : 128;
	if (bits < 0)
		return mqg_misuse("%s/%s: a prefix has 1 to %d bits", text, slash + 1,
				  v4 ? 32 : 128);
	*prefix = (uint8_t)(v4 ? 96 + bits : bits);
	return MQG_DONE;
}

static int read_id(const char *text, struct mqg_module_filter *filter)
{
	filter->id_length = strlen(text);
	if (filter->id_length > sizeof(filter->id))
		return mqg_misuse("id: of a client identifier 256 bytes are kept at most");
	memcpy(filter->id, text, filter->id_length);
	filter->named = true;
	return MQG_DONE;
}

static int read_phase(const char *text, struct mqg_module_filter *filter)
{
	int phase = mqg_phase_parse(text);

	if (phase <= 0)
		return mqg_misuse("phase %s: handshake, connect, connack, connected, closing or "
				  "refused", text);
	filter->phase = (uint8_t)phase;
	return MQG_DONE;
}

static int read_idle(const char *text, struct mqg_module_filter *filter)
{
	uint64_t ns;

	if (mqg_duration_parse(text, &ns) || ns < 1000000)
		return mqg_misuse("idle %s: not a duration; write 500ms, 30s, 10m or 1h", text);
	filter->idle_ms = ns / 1000000;
	return MQG_DONE;
}

static int read_number(const char *word, const char *text, long most, long *value)
{
	*value = mqg_conn_number_read(text, 1, most);
	if (*value < 0)
		return mqg_misuse("%s %s: not a number from 1 to %ld", word, text, most);
	return MQG_DONE;
}

static int read_pair(const char *verb, const char *word, char *text,
		     struct mqg_conn_words *words)
{
	struct mqg_module_filter *filter = &words->filter;
	long value = 0;
	int code;

	words->given = true;
	if (mqg_word_is(word, "source", 2))
		return mqg_conn_address_read(text, filter->source, &filter->prefix);
	if (!strcmp(word, "id"))
		return read_id(text, filter);
	if (mqg_word_is(word, "phase", 2))
		return read_phase(text, filter);
	if (mqg_word_is(word, "idle", 3))
		return read_idle(text, filter);
	if (mqg_word_is(word, "port", 2)) {
		code = read_number("port", text, 65535, &value);
		filter->port = (uint16_t)value;
		return code;
	}
	if (mqg_word_is(word, "service", 2)) {
		code = read_number("service", text, MQGATE_SERVICES - 1, &value);
		filter->service = (uint8_t)value;
		return code;
	}
	if (!strcmp(verb, "watch") && mqg_word_is(word, "count", 1)) {
		code = read_number("count", text, 1000000000, &value);
		words->count = (unsigned long)value;
		return code;
	}
	return mqg_misuse("conn %s: %s: not understood; mqgate help conn tells the words", verb,
			  word);
}

int mqg_conn_words_read(const char *verb, int argc, char **argv, struct mqg_conn_words *words)
{
	int code;

	memset(words, 0, sizeof(*words));
	for (int i = 0; i < argc; i += 2) {
		if (!strcmp(argv[i], "all")) {
			words->given = true;
			i--;
			continue;
		}
		if (i + 1 == argc)
			return mqg_misuse("conn %s: %s: what of it? mqgate help conn tells more",
					  verb, argv[i]);
		code = read_pair(verb, argv[i], argv[i + 1], words);
		if (code != MQG_DONE)
			return code;
	}
	return MQG_DONE;
}
