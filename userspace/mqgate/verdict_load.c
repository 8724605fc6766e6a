// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate verdict load`: reads a list, and only when all of it is good puts it in place of the
 * loaded set before: in the maps where no daemon runs, else by way of the daemon, which is sent
 * the lines a piece at a time and works on them between other things. Called by verdict.c.
 */
#include "mqgate/verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/names.h"
#include "common/set.h"

#define FILE_MAX	(2ULL << 30)	/* bytes of a list */
#define PIECE		32768U		/* bytes of a request, of which the daemon takes 64 kB */
#define ASK_NS		50000000L	/* between two looks at what the daemon has done */
#define TELL_NS		200000000ULL	/* between two words to a terminal */

static void tell(const struct mqg_load *load)
{
	static uint64_t last;
	uint64_t now = mqg_boottime_ns();
	size_t done, of;
	const char *what = mqg_load_progress(load, &done, &of);

	if (now - last < TELL_NS)
		return;
	last = now;
	if (of)
		fprintf(stderr, "\r%zu of %zu %s      ", done, of, what);
	else
		fprintf(stderr, "\r%zu %s      ", done, what);
}

int mqg_load_here(const struct mqg_pins *pins, struct mqg_set *set,
		  void (*tell_fn)(const struct mqg_load *load), struct mqg_load_done *done)
{
	struct mqg_load *load;
	uint64_t wait;
	char why[512];
	int err = mqg_load_begin(pins, set, true, NULL, &load, why, sizeof(why));

	if (err)
		return mqg_refuse("verdict load: %s", why);
	while ((wait = mqg_load_step(load))) {
		const struct timespec pause = { .tv_nsec = (long)wait };

		if (wait > 1)
			nanosleep(&pause, NULL);
		if (tell_fn)
			tell_fn(load);
	}
	err = mqg_load_result(load, done, why, sizeof(why));
	mqg_load_free(load);
	return err ? mqg_refuse("verdict load: %s; nothing of it was loaded", why) : MQG_DONE;
}

/* ---- reading -------------------------------------------------------------------- */

static int read_list(const char *name, char **text, size_t *len)
{
	bool std = !strcmp(name, "-");
	int fd = std ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC), code = MQG_DONE;
	size_t room = 0;

	*text = NULL;
	*len = 0;
	if (fd < 0)
		return mqg_refuse("%s: %s", name, strerror(errno));
	for (;;) {
		ssize_t n;

		if (room - *len < 65536) {
			char *more;

			room = room ? 2 * room : 1U << 20;
			more = room > FILE_MAX ? NULL : realloc(*text, room);
			if (!more) {
				code = mqg_refuse("%s: %s", name, room > FILE_MAX ?
						  "more than 2 GB; no list is as long" :
						  "no memory to read it");
				break;
			}
			*text = more;
		}
		n = read(fd, *text + *len, room - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			code = mqg_refuse("%s: %s", name, strerror(errno));
		if (n <= 0)
			break;
		*len += (size_t)n;
	}
	if (!std)
		close(fd);
	return code;
}

/* ---- by way of the daemon ------------------------------------------------------------ */

static int ask_step(struct mqg_writer *w, const char *step, json_t *text, json_t **answer)
{
	json_t *request = json_pack("{s:s, s:s}", "do", "verdict-load", "step", step);

	if (text && request)
		json_object_set_new(request, "text", text);
	return mqg_writer_ask(w, request, answer);
}

static int send_lines(struct mqg_writer *w, const char *text, size_t len)
{
	int code = MQG_DONE;

	while (!code && len) {
		size_t piece = len;
		json_t *answer = NULL, *lines;

		if (piece > PIECE) {
			const char *end = memrchr(text, '\n', PIECE);

			piece = end ? (size_t)(end - text) + 1 : PIECE;
		}
		lines = json_stringn(text, piece);
		if (!lines)
			return mqg_refuse("verdict load: a comment is not UTF-8");
		code = ask_step(w, "lines", lines, &answer);
		json_decref(answer);
		text += piece;
		len -= piece;
	}
	return code;
}

static void take_done(const json_t *answer, struct mqg_load_done *done)
{
	const char *unsaved = json_string_value(json_object_get(answer, "unsaved"));

#define TAKE(name, field) \
	done->field = (size_t)json_integer_value(json_object_get(answer, name))
	TAKE("sources", sources);
	TAKE("prefixes4", prefix4);
	TAKE("prefixes6", prefix6);
	TAKE("twice", twice);
	TAKE("below", below);
	TAKE("reaped", reaped);
	TAKE("allow_removed", allow_removed);
#undef TAKE
	done->generation = (uint32_t)json_integer_value(json_object_get(answer, "generation"));
	done->persistent = json_is_true(json_object_get(answer, "persistent"));
	snprintf(done->unsaved, sizeof(done->unsaved), "%s", unsaved ? unsaved : "");
}

static int wait_for(struct mqg_writer *w, bool words, struct mqg_load_done *done)
{
	const struct timespec pause = { .tv_nsec = ASK_NS };

	for (;;) {
		json_t *answer = NULL;
		int code = ask_step(w, "state", NULL, &answer);
		const char *state = json_string_value(json_object_get(answer, "state"));
		const char *error = json_string_value(json_object_get(answer, "error"));

		if (!code && state && !strcmp(state, "done")) {
			take_done(answer, done);
			json_decref(answer);
			return MQG_DONE;
		}
		if (!code && (!state || strcmp(state, "loading")))
			code = mqg_refuse("verdict load: %s; nothing of it was loaded",
					  error ? error : "the daemon has given it up");
		if (!code && words)
			fprintf(stderr, "\r%lld of %lld %s      ",
				json_integer_value(json_object_get(answer, "done")),
				json_integer_value(json_object_get(answer, "of")),
				json_string_value(json_object_get(answer, "what")));
		json_decref(answer);
		if (code)
			return code;
		nanosleep(&pause, NULL);
	}
}

static int load_there(struct mqg_writer *w, const char *text, size_t len, bool words,
		      struct mqg_load_done *done)
{
	json_t *answer = NULL;
	int code = ask_step(w, "begin", NULL, &answer);

	json_decref(answer);
	answer = NULL;
	if (!code)
		code = send_lines(w, text, len);
	if (!code)
		code = ask_step(w, "commit", NULL, &answer);
	json_decref(answer);
	return code ? code : wait_for(w, words, done);
}

/* ---- the verb ---------------------------------------------------------------------------- */

static void print_done(const struct mqg_load_done *done, double seconds)
{
	printf("%zu verdicts loaded in %.1fs: %zu sources, %zu IPv4 prefixes, %zu IPv6 prefixes\n",
	       done->sources + done->prefix4 + done->prefix6, seconds, done->sources,
	       done->prefix4, done->prefix6);
	if (done->twice)
		printf("%zu lines named a network again: the last one of each counts\n",
		       done->twice);
	if (done->below)
		printf("%zu of them lie below single verdicts, which come first\n", done->below);
	if (done->reaped)
		printf("%zu entries of the set before are gone\n", done->reaped);
	if (done->allow_removed)
		printf("%zu ALLOWed flow%s removed\n", done->allow_removed,
		       done->allow_removed == 1 ? "" : "s");
}

static int report(const struct mqg_cmd *cmd, const struct mqg_load_done *done, double seconds,
		  bool daemon)
{
	if (cmd->json)
		return mqg_json_print(cmd, json_pack(
			"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:b, s:b, s:s}",
			"loaded", (json_int_t)(done->sources + done->prefix4 + done->prefix6),
			"sources", (json_int_t)done->sources, "prefixes4",
			(json_int_t)done->prefix4, "prefixes6", (json_int_t)done->prefix6, "twice",
			(json_int_t)done->twice, "below", (json_int_t)done->below, "reaped",
			(json_int_t)done->reaped, "allow_removed",
			(json_int_t)done->allow_removed, "generation",
			(json_int_t)done->generation, "seconds", seconds, "daemon", daemon,
			"persistent", done->persistent, "unsaved", done->unsaved));
	print_done(done, seconds);
	if (!done->persistent)
		mqg_remark("%s", done->unsaved);
	return MQG_DONE;
}

int mqg_verdict_load(const struct mqg_cmd *cmd, int argc, char **argv)
{
	bool words = !cmd->json && isatty(STDERR_FILENO), empty = false;
	uint64_t begin = mqg_boottime_ns();
	struct mqg_load_done done = {};
	struct mqg_writer w = {};
	struct mqg_set set = {};
	char *text, why[700];
	size_t len;
	int code;

	if (!argc)
		return mqg_misuse("verdict load: name a file, or - for the standard input");
	if (argc == 2 && !strcmp(argv[1], "empty"))
		empty = true;
	else if (argc > 1)
		return mqg_misuse("verdict load: %s: not understood; mqgate verdict help", argv[1]);
	code = read_list(argv[0], &text, &len);
	if (!code && mqg_set_read(&set, text, len, argv[0], why, sizeof(why)))
		code = mqg_refuse("%s; nothing of the list was loaded", why);
	if (!code && !set.count && !empty)
		code = mqg_refuse("%s: there is no verdict in it; to empty the loaded set, say so: "
				  "mqgate verdict load %s empty", argv[0], argv[0]);
	if (!code)
		code = mqg_writer_open(&w);
	if (code) {
		free(text);
		mqg_set_free(&set);
		return code;
	}
	if (w.daemon)
		code = load_there(&w, text, len, words, &done);
	else
		code = mqg_load_here(&w.pins, &set, words ? tell : NULL, &done);
	if (words)
		fprintf(stderr, "\r%40s\r", "");
	if (!code)
		code = report(cmd, &done, (double)(mqg_boottime_ns() - begin) / 1e9, w.daemon);
	mqg_writer_close(&w);
	mqg_set_free(&set);
	free(text);
	return code;
}
