/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the verbs of the command share: how a verb is declared, how it prints, how it refuses.
 * One process, one thread, one verb a run.
 */
#ifndef MQG_CMD_H
#define MQG_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/control.h"
#include "common/pins.h"

/* Exit codes. */
enum mqg_exit {
	MQG_DONE = 0,
	MQG_REFUSED = 1,	/* or not found */
	MQG_USAGE = 2,
};

struct mqg_cmd {
	bool	json;
	bool	pretty;
};

struct mqg_object_verb {
	const char	*name;
	int		(*run)(const struct mqg_cmd *cmd, int argc, char **argv);
	const char	*usage;		/* after "mqgate ", one form a line */
	const char	*text;		/* what it does, in one line */
	const char	*help;		/* more, for `mqgate help NAME`; may be NULL */
};

/* "mqgate: " + the words, to stderr. Each returns its exit code. */
int mqg_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
int mqg_misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
void mqg_remark(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints @value the way -j and -p ask for. */
void mqg_json_write(const struct mqg_cmd *cmd, const json_t *value);

/* Prints @value the way -j and -p ask for, gives its reference back, returns MQG_DONE. */
int mqg_json_print(const struct mqg_cmd *cmd, json_t *value);

/* True when @word is @name or an abbreviation of it of at least @least bytes. */
bool mqg_word_is(const char *word, const char *name, size_t least);

/* Opens the pins or refuses in words; then the exit code is returned, else MQG_DONE. */
int mqg_cmd_pins(struct mqg_pins *pins);

/*
 * Connects to the daemon: 1 when it runs, 0 when none does, negative after refusing in words
 * (it runs and may not be asked, or hangs).
 */
int mqg_cmd_daemon(struct mqg_control *control);

/*
 * Asks the daemon, which has to run; takes @request over. @what: the words of the user, "reload".
 * MQG_DONE and *@answer, or the exit code after refusing in words.
 */
int mqg_cmd_ask(const char *what, json_t *request, json_t **answer);

/*
 * Makes the daemon's words safe for a terminal: client identifiers come from the network and
 * may hold escape sequences. Control characters in every string below @value become '?'.
 */
void mqg_json_tame(json_t *value);

/* Seconds with milliseconds, as JSON. */
json_t *mqg_json_seconds(uint64_t ns);

/* "12", "3.4k", "5.6M": a number for a narrow column. Returns buf. */
const char *mqg_count_format(double value, char *buf, size_t size);
/* "512 B", "3.4 kB", ... Returns buf. */
const char *mqg_bytes_format(uint64_t bytes, char *buf, size_t size);

/* The table of verbs, ended by a NULL name. */
extern const struct mqg_object_verb mqg_verbs[];

/* Prints the usage of one verb, or of all for NULL, to stdout. */
void mqg_help_print(const struct mqg_object_verb *verb);

#define MQG_RUN(name) int name(const struct mqg_cmd *cmd, int argc, char **argv)
MQG_RUN(mqg_run_attach);
MQG_RUN(mqg_run_detach);
MQG_RUN(mqg_run_status);
MQG_RUN(mqg_run_why);
MQG_RUN(mqg_run_verdict);
MQG_RUN(mqg_run_conn);
MQG_RUN(mqg_run_module);
MQG_RUN(mqg_run_stats);
MQG_RUN(mqg_run_events);
MQG_RUN(mqg_run_top);
MQG_RUN(mqg_run_check);
MQG_RUN(mqg_run_identity);
MQG_RUN(mqg_run_tls);
MQG_RUN(mqg_run_pki);
MQG_RUN(mqg_run_policy);
MQG_RUN(mqg_run_reload);
MQG_RUN(mqg_run_revoke);
MQG_RUN(mqg_run_broker);
MQG_RUN(mqg_run_version);
MQG_RUN(mqg_run_help);

#endif
