/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log. The lock guards the budgets; a line is one write(), so lines of two threads do not mix.
 */
#include "system/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/names.h"

#define NS_PER_S	1000000000ULL

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct mqg_log_budget budgets[MQG_LOG_KINDS] = {
	[MQG_LOG_REFUSED]	= { NS_PER_S / 5, 50, 0, 0 },
	[MQG_LOG_BAN]		= { NS_PER_S / 5, 50, 0, 0 },
	[MQG_LOG_MAP_FULL]	= { 60 * NS_PER_S, 1, 0, 0 },
	[MQG_LOG_MAPS]		= { 10 * NS_PER_S, 3, 0, 0 },
	[MQG_LOG_PINS]		= { NS_PER_S, 10, 0, 0 },
	[MQG_LOG_CONTROL]	= { NS_PER_S / 5, 20, 0, 0 },
	[MQG_LOG_PROXY]		= { NS_PER_S / 5, 50, 0, 0 },
	[MQG_LOG_MODULE]	= { NS_PER_S, 10, 0, 0 },
	[MQG_LOG_FLOOD]		= { 10 * NS_PER_S, 20, 0, 0 },
};

uint64_t mqg_log_budget_take(struct mqg_log_budget *budget, uint64_t now)
{
	uint64_t left_out = budget->left_out;

	if (budget->full_at < now)
		budget->full_at = now;
	if (budget->full_at - now > (budget->burst - 1) * budget->interval_ns) {
		budget->left_out++;
		return 0;
	}
	budget->full_at += budget->interval_ns;
	budget->left_out = 0;
	return 1 + left_out;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool for_journal;

static void look_for_journal(void)
{
	for_journal = getenv("JOURNAL_STREAM") || getenv("INVOCATION_ID");
}

void mqg_log(enum mqg_log_level level, enum mqg_log_kind kind, const char *format, ...)
{
	uint64_t taken = 1;
	char line[1024];
	size_t len = 0;
	va_list args;
	ssize_t n;

	if (kind != MQG_LOG_ALWAYS) {
		pthread_mutex_lock(&lock);
		taken = mqg_log_budget_take(&budgets[kind], mqg_boottime_ns());
		pthread_mutex_unlock(&lock);
		if (!taken)
			return;
	}
	pthread_once(&once, look_for_journal);
	if (for_journal)
		len = (size_t)snprintf(line, sizeof(line), "<%d>", (int)level);
	va_start(args, format);
	n = vsnprintf(line + len, sizeof(line) - len, format, args);
	va_end(args);
	if (n < 0)
		return;
	len = strlen(line);
	if (taken > 1 && len < sizeof(line) - 1)
		len += (size_t)snprintf(line + len, sizeof(line) - len,
					" (and %llu more of this kind)",
					(unsigned long long)(taken - 1));
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	/* Nobody is left to be told that the log cannot be written. */
	n = write(STDERR_FILENO, line, len);
	(void)n;
}
