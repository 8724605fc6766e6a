/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking a person for a "yes" within a time. Used by attach, which undoes everything without
 * one.
 */
#ifndef MQG_CONFIRM_H
#define MQG_CONFIRM_H

#include <stdint.h>

enum mqg_confirmed {
	MQG_CONFIRMED,
	MQG_CONFIRM_LATE,	/* the time ran out */
	MQG_CONFIRM_EOF,	/* nobody can answer: the input ended */
	MQG_CONFIRM_NO,		/* something else than yes */
	MQG_CONFIRM_SIGNAL,	/* SIGINT, SIGTERM, SIGHUP, SIGQUIT */
};

/* From here on the signals only end mqg_confirm_wait(). Call it before there is much to undo. */
void mqg_confirm_prepare(void);

/* Waits for a line "yes" on standard input, for at most @ns nanoseconds. */
enum mqg_confirmed mqg_confirm_wait(uint64_t ns);

#endif
