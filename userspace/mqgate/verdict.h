/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of `mqgate verdict` share, and a verdict as JSON, the same in `verdict list`
 * and in `why`.
 */
#ifndef MQG_CMD_VERDICT_H
#define MQG_CMD_VERDICT_H

#include <jansson.h>

#include "common/load.h"
#include "common/net.h"
#include "mqgate/cmd.h"

/* @now: CLOCK_BOOTTIME; the verdict must be live then. Ages and times left are seconds. */
json_t *mqg_verdict_json(const struct mqg_net *net, const struct mqgate_verdict *v, uint64_t now);

/* The operator's words for it, "" for none. */
const char *mqg_verdict_text(const struct mqg_net *net, const struct mqgate_verdict *v);

/* "drop", "limit 20/s". Returns buf. */
const char *mqg_verdict_action(const struct mqgate_verdict *v, char buf[32]);

int mqg_verdict_list(const struct mqg_cmd *cmd, int argc, char **argv);
int mqg_verdict_explain(const struct mqg_cmd *cmd, int argc, char **argv);
int mqg_verdict_load(const struct mqg_cmd *cmd, int argc, char **argv);

/*
 * Loads a set into the maps, from begin to end. @tell: called now and then, may be NULL. Refuses
 * in words; then the exit code is returned, else MQG_DONE.
 */
int mqg_load_here(const struct mqg_pins *pins, struct mqg_set *set,
		  void (*tell)(const struct mqg_load *load), struct mqg_load_done *done);

/*
 * Where a change goes: to the daemon, or into the maps under the lock. A daemon that starts
 * between the two reads the maps when it is up, and so takes over what was written here.
 */
struct mqg_writer {
	struct mqg_control	control;
	bool			daemon;
	struct mqg_pins		pins;
	int			lock;
};

/* Refuses in words; then the exit code is returned, else MQG_DONE. */
int mqg_writer_open(struct mqg_writer *w);
void mqg_writer_close(struct mqg_writer *w);
/* Hands out the answer of the daemon, or refuses in its words. Takes @request. */
int mqg_writer_ask(struct mqg_writer *w, json_t *request, json_t **answer);

#endif
