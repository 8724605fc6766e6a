// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate events`: sampled drops as they happen, a line each. Called by main().
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/names.h"
#include "mqgate/cmd.h"
#include "mqgate/feed.h"

#define POLL_MS	1000

struct printing {
	const struct mqg_cmd	*cmd;
	unsigned long		left;		/* events to go; 0 = no limit */
};

static size_t unhex(const char *hex, uint8_t *bytes, size_t room)
{
	size_t n = 0;
	unsigned int byte;

	while (n < room && sscanf(hex + 2 * n, "%2x", &byte) == 1)
		bytes[n++] = (uint8_t)byte;
	return n;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "?";
}

static int number_of(const json_t *object, const char *name)
{
	return (int)json_integer_value(json_object_get(object, name));
}

/* As hexdump -C has it: what is not printable ASCII is a dot, and speaks to no terminal. */
static const char *ascii(const uint8_t *bytes, size_t len, char text[MQGATE_EVENT_BYTES + 1])
{
	for (size_t i = 0; i < len; i++)
		text[i] = bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char)bytes[i] : '.';
	text[len] = '\0';
	return text;
}

static void print_text(const json_t *e)
{
	double when = json_number_value(json_object_get(e, "time"));
	const char *hex = text_of(e, "bytes");
	uint8_t bytes[MQGATE_EVENT_BYTES];
	char clock[32], words[256], text[MQGATE_EVENT_BYTES + 1];
	time_t seconds = (time_t)when;
	struct tm tm;
	size_t len;

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&seconds, &tm));
	printf("%s.%03d %-8s %s %-20s %s %d -> %s %d%s, %d bytes\n", clock,
	       (int)((when - (double)seconds) * 1000), text_of(e, "service"),
	       json_is_true(json_object_get(e, "observed")) ? "would drop" : "dropped",
	       text_of(e, "reason"), text_of(e, "source"), number_of(e, "sport"),
	       text_of(e, "daddr"), number_of(e, "dport"),
	       json_is_true(json_object_get(e, "proven")) ? ", source proven" : "",
	       number_of(e, "length"));
	len = unhex(hex, bytes, sizeof(bytes));
	if (len)
		printf("             %s  |%s|  %s\n", hex, ascii(bytes, len, text),
		       mqg_feed_decode(bytes, len, words, sizeof(words)));
}

static int print(json_t *event, void *arg)
{
	struct printing *p = arg;
	const json_t *lost = json_object_get(event, "lost");

	if (p->cmd->json) {
		mqg_json_write(p->cmd, event);
	} else if (lost) {
		printf("(%lld events lost: this reader was too slow)\n",
		       (long long)json_integer_value(lost));
	} else {
		mqg_json_tame(event);
		print_text(event);
	}
	/* Somebody may read this through a pipe and wait for it. */
	if (fflush(stdout))
		return -EPIPE;
	return !lost && p->left && !--p->left ? -ECANCELED : 0;
}

int mqg_run_events(const struct mqg_cmd *cmd, int argc, char **argv)
{
	struct printing p = { .cmd = cmd };
	struct mqg_feed *feed;
	struct mqg_pins pins;
	char why[1024], *end;
	int code, err;

	if (argc) {
		if (argc != 2 || !mqg_word_is(argv[0], "count", 1))
			return mqg_misuse("events: %s: not understood; mqgate events [count N]",
					  argv[0]);
		p.left = strtoul(argv[1], &end, 10);
		if (argv[1][0] < '0' || argv[1][0] > '9' || *end || !p.left)
			return mqg_misuse("events: count %s: not a number above 0", argv[1]);
	}
	code = mqg_cmd_pins(&pins);
	if (code)
		return code;
	err = mqg_feed_open(&pins, &feed, why, sizeof(why));
	if (err) {
		mqg_pins_close(&pins);
		return mqg_refuse("%s", why);
	}
	do {
		err = mqg_feed_poll(feed, POLL_MS, print, &p);
	} while (err >= 0 || err == -EINTR);
	mqg_feed_close(feed);
	mqg_pins_close(&pins);
	if (err == -ECANCELED)
		return MQG_DONE;
	return mqg_refuse("events: %s",
			  err == -EPIPE ? "the other end was closed" : strerror(-err));
}
