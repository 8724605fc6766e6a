/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One verdict as an operator writes it: as the words of `mqgate verdict add`, as a line of a list
 * that is loaded, and as a line of the files in the state directory.
 *
 *	NET [drop|reset|pass|limit [RATE]] [DURATION|forever|until TIME] [reason TEXT]
 *
 * No state; any thread.
 */
#ifndef MQG_LINE_H
#define MQG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/net.h"

#define MQG_LINE_MAX	1024	/* bytes of a line */
#define MQG_TEXT_MAX	256	/* bytes of a reason, with its NUL */

struct mqg_line {
	struct mqg_net		net;
	enum mqgate_action	action;		/* NONE: the line says none */
	uint32_t		rate;		/* of LIMIT, packets/s; 0 = default */
	uint64_t		ns;		/* how long; 0 = for ever */
	uint64_t		until;		/* seconds since 1970 instead; 0 = not given */
	const char		*text;		/* of the reason, within the line, or "" */
};

/* It fits a reason: not too long, UTF-8, and no control characters, which a terminal obeys. */
bool mqg_text_shows(const char *text);

/**
 * mqg_line_parse() - read one line
 * @line: NUL-terminated; words are cut apart in it
 * @out:  out
 * @why:  buffer for what is wrong and what is accepted
 * @size: of @why
 *
 * Empty lines are none, and what follows a '#' or ';' at the start of a word is a comment,
 * unless it is of the reason. Return: 1, 0 for a line that says nothing, -EINVAL.
 */
int mqg_line_parse(char *line, struct mqg_line *out, char *why, size_t size);

/**
 * mqg_line_format() - write what mqg_line_parse() reads to the same effect
 * @buf:  out
 * @size: of @buf; MQG_LINE_MAX is enough
 * @net:  the network
 * @verdict: action and rate
 * @until: seconds since 1970; 0 = for ever
 * @text: of the reason; NULL or "" = none
 *
 * Return: bytes, with the newline at the end.
 */
size_t mqg_line_format(char *buf, size_t size, const struct mqg_net *net,
		       const struct mqgate_verdict *verdict, uint64_t until, const char *text);

#endif
