/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `mqgate conn` reads and prints: words of a filter, a client as text and as JSON. Called by
 * conn.c; stateless.
 */
#ifndef MQG_CONN_H
#define MQG_CONN_H

#include <stdbool.h>

#include <jansson.h>

#include "common/module.h"

/**
 * struct mqg_conn_words - what was asked for
 * @filter: which clients
 * @count:  events to show; 0 no limit
 * @given:  there was a word of a filter, or "all"
 */
struct mqg_conn_words {
	struct mqg_module_filter	filter;
	unsigned long			count;
	bool				given;
};

/* Return: MQG_DONE, or an exit code after saying what is wrong. */
int mqg_conn_words_read(const char *verb, int argc, char **argv, struct mqg_conn_words *words);

/* Return: a new reference; NULL without memory. */
json_t *mqg_conn_json(const struct mqg_module_client *client);
json_t *mqg_conn_event_json(const struct mqg_module_event *event);

void mqg_conn_print_line(const struct mqg_module_client *client, bool heading);
void mqg_conn_print_all(const struct mqg_module_client *client);
void mqg_conn_print_event(const struct mqg_module_event *event);

#endif
