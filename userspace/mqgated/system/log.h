/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's log: one line a message on stderr, with systemd's "<N>" prefix where the journal
 * reads it. Any thread may log. Each kind of message has its own budget, so that an attack that
 * provokes one kind can neither fill a disk nor silence the others; what was left out is counted
 * in the next line of that kind. Never pass a credential.
 */
#ifndef MQG_SYSTEM_LOG_H
#define MQG_SYSTEM_LOG_H

#include <stdint.h>

enum mqg_log_level {		/* syslog's numbers (RFC 5424, 6.2.1) */
	MQG_LOG_ERR	= 3,
	MQG_LOG_WARNING	= 4,
	MQG_LOG_NOTICE	= 5,
	MQG_LOG_INFO	= 6,
};

enum mqg_log_kind {
	MQG_LOG_ALWAYS,		/* start, stop, what an operator did: no budget */
	MQG_LOG_REFUSED,
	MQG_LOG_BAN,
	MQG_LOG_MAP_FULL,	/* once a minute */
	MQG_LOG_MAPS,
	MQG_LOG_PINS,
	MQG_LOG_CONTROL,
	MQG_LOG_PROXY,
	MQG_LOG_MODULE,
	MQG_LOG_FLOOD,		/* begin and end of SYN floods */
	MQG_LOG_KINDS
};

__attribute__((format(printf, 3, 4)))
void mqg_log(enum mqg_log_level level, enum mqg_log_kind kind, const char *format, ...);

/* ---- the budget, apart from the clock ------------------------------------------------- */

struct mqg_log_budget {
	uint64_t	interval_ns;	/* one message is earned in this time */
	uint32_t	burst;
	uint64_t	full_at;	/* when the budget is whole again */
	uint64_t	left_out;
};

/* Return: 1 + messages left out before this one, or 0 when this one is to be left out. */
uint64_t mqg_log_budget_take(struct mqg_log_budget *budget, uint64_t now);

#endif
