/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One look at all the maps: services with their ports and counters, verdicts, how full the
 * maps are. Taken by status, stats and top; belongs to who took it.
 */
#ifndef MQG_SURVEY_H
#define MQG_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/mqgate.h>

#include "common/pins.h"

#define MQG_SURVEY_PORTS	16	/* that are named of a service; all are counted */

struct mqg_survey_service {
	bool			shown;		/* 1, 2, has ports, a kind, or counters */
	struct mqgate_service	svc;
	uint16_t		port[MQG_SURVEY_PORTS];
	uint32_t		ports;
	struct mqgate_syn	syn;
	uint64_t		passed, dropped, observed;	/* packets */
	uint64_t		answered;	/* by XDP itself */
	uint32_t		allowed;	/* ALLOWed flows */
};

struct mqg_survey_fill {
	uint32_t		entries, max;
	bool			full;
};

struct mqg_survey {
	uint64_t			time;	/* CLOCK_BOOTTIME */
	struct mqg_survey_service	service[MQGATE_SERVICES];
	struct mqgate_stat		stat[MQGATE_SERVICES][MQGATE_REASON_PACKET_MAX];
	uint32_t verdicts[MQGATE_ACTION_DROP + 1]; /* live, by action */
	struct mqg_survey_fill		sources, prefix4, prefix6, allow;
	struct mqg_survey_fill		flows, budgets;	/* LRU: nobody is refused */
	uint64_t			lost;	/* events that found the ring buffer full */
};

/* What a survey looks at besides services and counters. */
#define MQG_SURVEY_WITH_PORTS	(1U << 0)
#define MQG_SURVEY_WITH_FILL	(1U << 1)	/* how full each map is: a walk of each */

/**
 * mqg_survey_take() - read the maps
 * @pins:   open pins
 * @flags:  MQG_SURVEY_WITH_*
 * @survey: out; without MQG_SURVEY_WITH_PORTS the ports are left as they were
 *
 * Return: 0 or -errno.
 */
int mqg_survey_take(const struct mqg_pins *pins, unsigned int flags, struct mqg_survey *survey);

/* "1883", "1883 8883", "1883 8883 +3". Returns buf. */
const char *mqg_survey_ports(const struct mqg_survey_service *service, char *buf, size_t size);

#endif
