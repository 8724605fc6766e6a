// SPDX-License-Identifier: BSD-2-Clause
/*
 * The parsers for scripts. Without arguments: answers each line `connect HEX`, `hello HEX` or
 * `connackLEVEL HEX` on stdin with `ok BYTES`, `more` or the word of a reason, for `connect`
 * followed by key=value of what it found, for `hello` likewise. `packetsLEVEL[cs] HEX` is a
 * stream behind CONNECT, of a client or a server: `ok PACKETS` when it ends where a packet does.
 * `wire_parse corpus FILE DIR` writes the vectors of FILE as one file each, for the fuzzers;
 * `wire_parse list FILE` prints a line each: ANSWER HEX NAME. No lock: one thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mqgate/mqtt_packet.h>
#include <mqgate/tls_wire.h>

#include "vec.h"

static int corpus(const char *file, const char *dir)
{
	char path[1024];
	struct vec *vecs;
	size_t n;

	if (vec_load(file, &vecs, &n))
		return 1;
	for (size_t i = 0; i < n; i++) {
		FILE *out;

		snprintf(path, sizeof(path), "%s/vector-%03zu", dir, i);
		out = fopen(path, "w");
		if (!out || fwrite(vecs[i].bytes, 1, vecs[i].len, out) != vecs[i].len ||
		    fclose(out)) {
			perror(path);
			return 1;
		}
	}
	vec_free(vecs, n);
	return 0;
}

static int list(const char *file)
{
	static const char *const answers[] = { "ok", "more", "malformed" };
	struct vec *vecs;
	size_t n;

	if (vec_load(file, &vecs, &n))
		return 1;
	for (size_t i = 0; i < n; i++) {
		printf("%s ", answers[vecs[i].status]);
		for (__u32 k = 0; k < vecs[i].len; k++)
			printf("%02x", vecs[i].bytes[k]);
		printf(" %s\n", vecs[i].name);
	}
	vec_free(vecs, n);
	return 0;
}

/* Hex to @out; -1 when it is none. */
static long unhex(const char *hex, __u8 *out)
{
	long n = 0;
	unsigned int byte;

	for (; *hex && *hex != '\n'; hex += 2, n++) {
		if (sscanf(hex, "%2x", &byte) != 1)
			return -1;
		out[n] = (__u8)byte;
	}
	return n;
}

static void show(const char *key, const __u8 *data, __u32 off, __u32 len)
{
	if (!off)
		return;
	printf(" %s=", key);
	for (__u32 i = 0; i < len; i++)
		printf("%02x", data[off + i]);
}

static void answer_connect(const __u8 *data, __u32 len)
{
	struct mqw_connect c;
	__u32 used;

	mqw_connect_init(&c, MQGATE_DEFAULT_CONNECT_MAX);
	switch (mqw_connect_feed(&c, data, len, &used)) {
	case MQW_OK:
		printf("ok %u level=%u bridge=%u flags=%02x keepalive=%u", used, c.level, c.bridge,
		       c.flags, c.keep_alive);
		show("id", data, c.client_id.off, c.client_id.len);
		show("topic", data, c.will_topic.off, c.will_topic.len);
		show("payload", data, c.will_payload.off, c.will_payload.len);
		show("user", data, c.username.off, c.username.len);
		show("pass", data, c.password.off, c.password.len);
		putchar('\n');
		break;
	case MQW_NEED_MORE:
		puts("more");
		break;
	default:
		puts(vec_reason_word(c.reason));
		break;
	}
}

static void answer_hello(const __u8 *data, __u32 len)
{
	struct tlsw_hello h;
	__u32 used;

	tlsw_hello_init(&h, MQGATE_DEFAULT_HELLO_MAX);
	switch (tlsw_hello_feed(&h, data, len, &used)) {
	case MQW_OK:
		printf("ok %u max=%x split=%u", used, h.max_version, h.split);
		show("sni", data, h.sni.off, h.sni.len);
		show("alpn", data, h.alpn.off, h.alpn.len);
		putchar('\n');
		break;
	case MQW_NEED_MORE:
		puts("more");
		break;
	default:
		puts(vec_reason_word(h.reason));
		break;
	}
}

static void answer_packets(const char *word, const __u8 *data, __u32 len)
{
	struct mqp_stream s;
	__u32 used, packets = 0;
	int status = MQW_OK;

	mqp_init(&s, (__u32)(word[0] - '0'), word[1] == 's', 268435455, 0);
	while (len && status != MQW_MALFORMED) {
		status = mqp_feed(&s, data, len, &used);
		packets += status == MQW_OK;
		data += used;
		len -= used;
	}
	if (status == MQW_OK)
		printf("ok %u\n", packets);
	else
		puts(status == MQW_NEED_MORE ? "more" : vec_reason_word(s.reason));
}

static void answer_connack(__u8 level, const __u8 *data, __u32 len)
{
	struct mqw_connack a;
	__u32 used;

	mqw_connack_init(&a, level, 65536);
	switch (mqw_connack_feed(&a, data, len, &used)) {
	case MQW_OK:
		printf("ok %u code=%u present=%u\n", used, a.code, a.session_present);
		break;
	case MQW_NEED_MORE:
		puts("more");
		break;
	default:
		puts(vec_reason_word(a.reason));
		break;
	}
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t size = 0;

	if (argc == 4 && !strcmp(argv[1], "corpus"))
		return corpus(argv[2], argv[3]);
	if (argc == 3 && !strcmp(argv[1], "list"))
		return list(argv[2]);
	if (argc != 1) {
		fputs("usage: wire_parse [corpus FILE DIR | list FILE]\n", stderr);
		return 2;
	}
	while (getline(&line, &size, stdin) > 0) {
		char *hex = strchr(line, ' ');
		__u8 *data = malloc(strlen(line) + 1);
		long n = hex && data ? unhex(hex + 1, data) : -1;

		if (n < 0) {
			fputs("expected: connect|hello|connackLEVEL|packetsLEVEL[cs] HEX\n",
			      stderr);
			return 2;
		}
		if (!strncmp(line, "connect ", 8))
			answer_connect(data, (__u32)n);
		else if (!strncmp(line, "hello ", 6))
			answer_hello(data, (__u32)n);
		else if (!strncmp(line, "packets", 7))
			answer_packets(line + 7, data, (__u32)n);
		else
			answer_connack((__u8)(line[7] - '0'), data, (__u32)n);
		free(data);
	}
	free(line);
	return 0;
}
