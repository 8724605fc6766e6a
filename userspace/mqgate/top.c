// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate top`: rates, verdicts, sessions and the latest events and refusals, a frame an
 * interval. Called by main(); everything here belongs to its one thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "common/names.h"
#include "mqgate/cmd.h"
#include "mqgate/feed.h"
#include "mqgate/screen.h"
#include "mqgate/status.h"
#include "mqgate/survey.h"
#include "mqgate/top.h"

#define INTERVAL_NS	1000000000ULL
#define INTERVAL_MIN_NS	50000000ULL
#define INTERVAL_MAX_NS	3600000000000ULL
#define KEY_MS		50

struct words {
	uint64_t	interval;
	unsigned long	frames;		/* 0 = until told to stop */
};

static int read_words(int argc, char **argv, struct words *w)
{
	char *end;

	for (int i = 0; i < argc; i += 2) {
		const char *value = argv[i + 1];	/* NULL after the last word */

		if (!value)
			return mqg_misuse("top: %s: not understood; mqgate top [interval DURATION] "
					  "[count N]", argv[i]);
		if (mqg_word_is(argv[i], "interval", 1)) {
			if (mqg_duration_parse(value, &w->interval) ||
			    w->interval < INTERVAL_MIN_NS || w->interval > INTERVAL_MAX_NS)
				return mqg_misuse("top: interval %s: from 50ms to 1h", value);
		} else if (mqg_word_is(argv[i], "count", 1)) {
			w->frames = strtoul(value, &end, 10);
			if (value[0] < '0' || value[0] > '9' || *end || !w->frames)
				return mqg_misuse("top: count %s: not a number above 0", value);
		} else {
			return mqg_misuse("top: %s: not understood; mqgate top [interval DURATION] "
					  "[count N]", argv[i]);
		}
	}
	return MQG_DONE;
}

static int remember(json_t *event, void *arg)
{
	struct mqg_top *top = arg;

	if (json_object_get(event, "lost"))
		return 0;
	json_decref(top->event[MQG_TOP_EVENTS - 1]);
	memmove(top->event + 1, top->event, sizeof(top->event) - sizeof(top->event[0]));
	top->event[0] = json_incref(event);
	mqg_json_tame(event);
	return 0;
}

/* A feed that broke is opened again with the next frame: a daemon may be restarting. */
static void follow(struct mqg_top *top)
{
	if (!top->feed &&
	    mqg_feed_open(&top->pins, &top->feed, top->feed_error, sizeof(top->feed_error)))
		return;
	top->feed_error[0] = '\0';
	if (mqg_feed_poll(top->feed, 0, remember, top) >= 0)
		return;
	mqg_feed_close(top->feed);
	top->feed = NULL;
}

static json_t *ask(struct mqg_control *control, const char *what)
{
	json_t *answer = NULL;
	char why[512];

	if (mqg_control_ask(control, json_pack("{s:s}", "do", what), &answer, why, sizeof(why)))
		return NULL;
	mqg_json_tame(answer);
	return answer;
}

static void ask_daemon(struct mqg_top *top)
{
	struct mqg_control control;
	char why[512];

	json_decref(top->daemon);
	json_decref(top->refusals);
	top->daemon = top->refusals = NULL;
	if (!mqg_control_open(&control, why, sizeof(why))) {
		top->daemon = ask(&control, "status");
		if (top->daemon)
			top->refusals = ask(&control, "refusals");
	}
	mqg_control_close(&control);
}

static uint32_t id_of(int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

/* After a detach and an attach the pins are of other maps; the old ones stand still. */
static int renew_pins(struct mqg_top *top, char *why, size_t size)
{
	struct mqg_pins fresh;
	int err = mqg_pins_open(&fresh, why, size);

	if (err)
		return err;
	if (id_of(fresh.stats) == id_of(top->pins.stats)) {
		mqg_pins_close(&fresh);
		return 0;
	}
	mqg_feed_close(top->feed);
	top->feed = NULL;
	mqg_pins_close(&top->pins);
	top->pins = fresh;
	return 0;
}

static int look(struct mqg_top *top, char *why, size_t size)
{
	struct mqg_survey *before = top->before;
	uint32_t prog_id;
	int err;

	err = renew_pins(top, why, size);
	if (err)
		return err;
	top->before = top->now;
	top->now = before;
	memcpy(top->now->service, top->before->service, sizeof(top->now->service));
	mqg_offenders_free(&top->noted_before);
	top->noted_before = top->noted_now;
	top->noted_now = (struct mqg_offenders){};
	err = mqg_survey_take(&top->pins, MQG_SURVEY_WITH_PORTS, top->now);
	if (!err)
		err = mqg_offenders_read(&top->pins, top->now->time, &top->noted_now);
	if (err) {
		snprintf(why, size, "%s: the maps cannot be read: %s", top->pins.dir,
			 strerror(-err));
		return err;
	}
	json_decref(top->sources);
	top->sources = mqg_top_sources(top);
	json_decref(mqg_status_program(&top->pins, &prog_id));
	json_decref(top->interfaces);
	top->interfaces = mqg_status_interfaces(prog_id);
	ask_daemon(top);
	return 0;
}

static int run(const struct mqg_cmd *cmd, struct mqg_top *top, const struct words *w)
{
	char why[512];
	int err = look(top, why, sizeof(why));

	if (!cmd->json)
		mqg_screen_open();
	for (unsigned long frame = 0; !err && (!w->frames || frame < w->frames); frame++) {
		uint64_t next = top->now->time + w->interval;

		while (!mqg_screen_ended() && mqg_boottime_ns() < next) {
			uint64_t left = (next - mqg_boottime_ns()) / 1000000 + 1;

			mqg_screen_wait(left < KEY_MS ? (int)left : KEY_MS);
			follow(top);
		}
		if (mqg_screen_ended())
			break;
		err = look(top, why, sizeof(why));
		if (err)
			break;
		if (cmd->json) {
			json_t *json = mqg_top_json(top);

			mqg_json_write(cmd, json);
			json_decref(json);
			fflush(stdout);
		} else if (mqg_top_draw(top)) {
			break;
		}
	}
	mqg_feed_close(top->feed);
	mqg_screen_close();
	return err ? mqg_refuse("%s", why) : MQG_DONE;
}

int mqg_run_top(const struct mqg_cmd *cmd, int argc, char **argv)
{
	struct words w = { .interval = INTERVAL_NS };
	struct mqg_top *top;
	int code;

	code = read_words(argc, argv, &w);
	if (code)
		return code;
	top = calloc(1, sizeof(*top));
	if (!top)
		return mqg_refuse("out of memory");
	code = mqg_cmd_pins(&top->pins);
	if (!code) {
		top->interval = w.interval;
		top->now = calloc(1, sizeof(*top->now));
		top->before = calloc(1, sizeof(*top->before));
		code = top->now && top->before ? run(cmd, top, &w) : mqg_refuse("out of memory");
		mqg_pins_close(&top->pins);
	}
	for (size_t i = 0; i < MQG_TOP_EVENTS; i++)
		json_decref(top->event[i]);
	mqg_offenders_free(&top->noted_now);
	mqg_offenders_free(&top->noted_before);
	json_decref(top->sources);
	json_decref(top->interfaces);
	json_decref(top->daemon);
	json_decref(top->refusals);
	free(top->now);
	free(top->before);
	free(top);
	return code;
}
