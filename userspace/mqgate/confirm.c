// SPDX-License-Identifier: BSD-2-Clause
/*
 * Waits for "yes" on standard input. Called by attach, once; owns the signal handlers of the
 * process from mqg_confirm_prepare() on. One thread, no lock.
 */
#include "mqgate/confirm.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "common/names.h"

static volatile sig_atomic_t interrupted;
static sigset_t before;

static void note_signal(int number)
{
	(void)number;
	interrupted = 1;
}

void mqg_confirm_prepare(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	const struct sigaction action = { .sa_handler = note_signal };
	sigset_t blocked;

	/* Blocked but while waiting, so that none is missed between the check and the wait. */
	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaddset(&blocked, signals[i]);
		sigaction(signals[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &blocked, &before);
}

static enum mqg_confirmed judge(char *line, size_t len)
{
	while (len && strchr(" \t\r", line[len - 1]))
		len--;
	return len == 3 && !strncasecmp(line, "yes", 3) ? MQG_CONFIRMED : MQG_CONFIRM_NO;
}

enum mqg_confirmed mqg_confirm_wait(uint64_t ns)
{
	uint64_t deadline = mqg_boottime_ns() + ns;
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	char line[64], *end;
	size_t len = 0;

	for (;;) {
		uint64_t now = mqg_boottime_ns();
		uint64_t left = now < deadline ? deadline - now : 0;
		struct timespec wait = { (time_t)(left / 1000000000), (long)(left % 1000000000) };
		ssize_t n;
		int ready;

		if (interrupted)
			return MQG_CONFIRM_SIGNAL;
		if (!left)
			return MQG_CONFIRM_LATE;
		ready = ppoll(&pfd, 1, &wait, &before);
		if (ready <= 0)
			continue;
		n = read(STDIN_FILENO, line + len, sizeof(line) - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return MQG_CONFIRM_EOF;
		len += (size_t)n;
		end = memchr(line, '\n', len);
		if (end)
			return judge(line, (size_t)(end - line));
		if (len == sizeof(line))
			return MQG_CONFIRM_NO;
	}
}
