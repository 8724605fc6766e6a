/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A frame of text and the terminal that it is drawn on: lines are cut to the width, the
 * cursor and the typed keys are given back however the program ends. One screen a process.
 */
#ifndef MQG_SCREEN_H
#define MQG_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mqg_style {
	MQG_PLAIN,
	MQG_BOLD,
	MQG_DIM,
	MQG_RED,
	MQG_GREEN,
};

/* Takes the terminal, if standard output is one. Puts handlers on SIGINT, SIGTERM, SIGHUP. */
void mqg_screen_open(void);
/* Gives it back. Safe to call twice; also called at exit. */
void mqg_screen_close(void);

/* True after one of the signals, or when q was typed. */
bool mqg_screen_ended(void);

/* Waits for a key, a signal, or the time to pass. */
void mqg_screen_wait(int ms);

/* A frame: begin, lines, end. Without a terminal, an empty line follows the frame. */
void mqg_screen_begin(void);
/* One line. Styles are marked in the text by mqg_screen_style(). */
void mqg_screen_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Returns 0, or -EPIPE when nobody reads any more. */
int mqg_screen_end(void);

/* Lines that still fit, and columns. Large where there is no terminal. */
int mqg_screen_left(void);
int mqg_screen_width(void);

/* The escape sequence that begins a style; "" where there is no terminal. */
const char *mqg_screen_style(enum mqg_style style);

/* A bar of up to @cells cells for @share of 1. Returns buf. */
const char *mqg_screen_bar(double share, int cells, char *buf, size_t size);

#endif
