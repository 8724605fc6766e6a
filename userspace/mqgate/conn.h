/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `mqgate conn` reads and prints: words of a filter, a client or a source as text and as
 * JSON. Called by conn.c; stateless.
 */
#ifndef MQG_CONN_H
#define MQG_CONN_H

#include <stdbool.h>

#include <jansson.h>

#include "common/module.h"
#include "mqgate/cmd.h"

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

/* ADDRESS[/BITS], to 16 bytes and how many bits of them count. Return: as above. */
int mqg_conn_address_read(char *text, uint8_t addr[16], uint8_t *prefix);

/* Return: the number, or -1 when @text is none from @least to @most. */
long mqg_conn_number_read(const char *text, long least, long most);

/* `mqgate conn sources`. Return: an exit code. */
int mqg_conn_sources(const struct mqg_cmd *cmd, int argc, char **argv);

/* Return: a new reference; NULL without memory. */
json_t *mqg_conn_source_json(const struct mqg_module_source *source);
json_t *mqg_conn_json(const struct mqg_module_client *client);
json_t *mqg_conn_event_json(const struct mqg_module_event *event);

void mqg_conn_print_line(const struct mqg_module_client *client, bool heading);
void mqg_conn_print_all(const struct mqg_module_client *client);
/* Room for mqg_conn_source_text(). */
#define MQG_CONN_SOURCE_STRLEN	64

const char *mqg_conn_source_text(const struct mqg_module_source *source,
				 char buf[MQG_CONN_SOURCE_STRLEN]);
void mqg_conn_print_event(const struct mqg_module_event *event);

#endif
