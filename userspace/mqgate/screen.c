// SPDX-License-Identifier: BSD-2-Clause
/*
 * Frames on a terminal, with plain ANSI sequences (ECMA-48) and the alternate screen that
 * every terminal of today has. Called by top, from one thread; owns the terminal's settings
 * between mqg_screen_open() and mqg_screen_close().
 */
#include "mqgate/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define WIDTH_WITHOUT_TTY	110
#define LINE_MAX_BYTES		1024

static bool tty, keys, utf8, opened;
static struct termios typed;
static volatile sig_atomic_t ended;
static int width = WIDTH_WITHOUT_TTY, left = 1 << 20;

static void note_signal(int number)
{
	(void)number;
	ended = 1;
}

static bool speaks_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return false;
}

void mqg_screen_open(void)
{
	const struct sigaction action = { .sa_handler = note_signal };
	struct termios raw;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	utf8 = speaks_utf8();
	tty = isatty(STDOUT_FILENO);
	keys = tty && isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &typed);
	if (keys) {
		raw = typed;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	opened = true;
	atexit(mqg_screen_close);
	if (tty)
		fputs("\033[?1049h\033[?25l", stdout);
}

void mqg_screen_close(void)
{
	if (!opened)
		return;
	opened = false;
	if (tty)
		fputs("\033[0m\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	if (keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &typed);
}

bool mqg_screen_ended(void)
{
	return ended;
}

void mqg_screen_wait(int ms)
{
	struct pollfd pfd = { .fd = keys ? STDIN_FILENO : -1, .events = POLLIN };
	char key;

	if (ended || poll(&pfd, 1, ms) <= 0)
		return;
	if (read(STDIN_FILENO, &key, 1) <= 0)
		keys = false;
	else if (key == 'q' || key == 'Q')
		ended = 1;
}

void mqg_screen_begin(void)
{
	struct winsize size;

	if (!tty)
		return;
	width = WIDTH_WITHOUT_TTY;
	left = 24;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col && size.ws_row) {
		width = size.ws_col;
		left = size.ws_row;
	}
	fputs("\033[H", stdout);
}

/* Bytes of @text that fill at most @columns; escape sequences and UTF-8 tails take none. */
static size_t cut(const char *text, int columns)
{
	const char *p = text;

	while (*p) {
		if (*p == '\033') {
			p += strcspn(p, "mhlHJK");
			p += *p != '\0';
			continue;
		}
		if (((unsigned char)*p & 0xc0) != 0x80 && columns-- == 0)
			break;
		p++;
	}
	return (size_t)(p - text);
}

void mqg_screen_line(const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	va_list args;

	if (left <= 0)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!tty) {
		puts(text);
		return;
	}
	/* The last line has no newline after it: the terminal would scroll. */
	left--;
	printf("%.*s\033[0m\033[K%s", (int)cut(text, width), text, left ? "\n" : "");
}

int mqg_screen_end(void)
{
	fputs(tty ? "\033[J" : "\n", stdout);
	return fflush(stdout) || ferror(stdout) ? -EPIPE : 0;
}

int mqg_screen_left(void)
{
	return left;
}

int mqg_screen_width(void)
{
	return width;
}

const char *mqg_screen_style(enum mqg_style style)
{
	static const char *const sequences[] = {
		[MQG_PLAIN] = "\033[0m",
		[MQG_BOLD] = "\033[1m",
		[MQG_DIM] = "\033[2m",
		[MQG_RED] = "\033[31m",
		[MQG_GREEN] = "\033[32m",
	};

	return tty ? sequences[style] : "";
}

const char *mqg_screen_bar(double share, int cells, char *buf, size_t size)
{
	const char *cell = utf8 ? "\u2588" : "#";
	int full = (int)(share * cells + 0.5);
	size_t used = 0;

	buf[0] = '\0';
	if (share > 0 && !full)
		full = 1;
	for (int i = 0; i < cells && used + 4 < size; i++) {
		const char *add = i < full ? cell : " ";

		strcpy(buf + used, add);
		used += strlen(add);
	}
	return buf;
}
