// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate stats`: counters by service and reason, in words. Called by main().
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "mqgate/cmd.h"
#include "mqgate/survey.h"

static int find_service(const struct mqg_survey *s, const char *word)
{
	char *end;
	unsigned long number = strtoul(word, &end, 10);

	if (word[0] >= '0' && word[0] <= '9' && !*end)
		return number < MQGATE_SERVICES ? (int)number : -ENOENT;
	for (int i = 0; i < MQGATE_SERVICES; i++)
		if (s->service[i].shown && !strcmp(s->service[i].svc.name, word))
			return i;
	return -ENOENT;
}

static json_t *stat_json(const struct mqg_survey_service *service, const struct mqgate_stat *stat)
{
	return json_pack("{s:I, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I}", "service",
			 (json_int_t)stat->service, "name", service->svc.name, "reason",
			 mqg_reason_word(stat->reason), "text", mqg_reason_text(stat->reason),
			 "passed", stat->reason < MQGATE_REASON_FIRST_DROP, "packets",
			 (json_int_t)stat->packets, "bytes", (json_int_t)stat->bytes, "would_drop",
			 (json_int_t)stat->observed, "events_lost", (json_int_t)stat->lost);
}

static const char *outcome(uint32_t reason)
{
	if (reason < MQGATE_REASON_FIRST_DROP)
		return "passed";
	return MQGATE_REASON_ANSWERS(reason) ? "replied" : "dropped";
}

static void print_stat(const struct mqgate_stat *stat)
{
	char bytes[32];

	printf("  %-7s %-21s %13llu %10s  %s\n", outcome(stat->reason),
	       mqg_reason_word(stat->reason), (unsigned long long)stat->packets,
	       mqg_bytes_format(stat->bytes, bytes, sizeof(bytes)), mqg_reason_text(stat->reason));
	if (stat->observed)
		printf("  %-7s %-21s %13llu %10s  would have been %s in mode enforce\n",
		       "passed", mqg_reason_word(stat->reason), (unsigned long long)stat->observed,
		       "", outcome(stat->reason));
	if (stat->lost)
		printf("  %-7s %-21s %13llu %10s  events of them, for their buffer was full\n",
		       "lost", mqg_reason_word(stat->reason), (unsigned long long)stat->lost, "");
}

static void show_service(const struct mqg_survey *s, int number, json_t *list)
{
	const struct mqg_survey_service *service = &s->service[number];
	char ports[64];
	bool any = false;

	if (!list)
		printf("service %d %s: port %s, %s, %s\n", number, service->svc.name,
		       mqg_survey_ports(service, ports, sizeof(ports)),
		       mqg_kind_word(service->svc.kind), mqg_mode_word(service->svc.mode));
	for (int reason = 0; reason < MQGATE_REASON_PACKET_MAX; reason++) {
		const struct mqgate_stat *stat = &s->stat[number][reason];

		if (!stat->packets && !stat->observed)
			continue;
		any = true;
		if (list)
			json_array_append_new(list, stat_json(service, stat));
		else
			print_stat(stat);
	}
	if (!any && !list)
		printf("  no packets so far\n");
}

int mqg_run_stats(const struct mqg_cmd *cmd, int argc, char **argv)
{
	struct mqg_survey *s;
	struct mqg_pins pins;
	json_t *list = NULL;
	int code, err, only = -1;

	if (argc && (argc != 2 || strcmp(argv[0], "service")))
		return mqg_misuse("stats: %s: not understood; mqgate stats [service NAME|NUMBER]",
				  argv[0]);
	code = mqg_cmd_pins(&pins);
	if (code)
		return code;
	s = calloc(1, sizeof(*s));
	err = s ? mqg_survey_take(&pins, MQG_SURVEY_WITH_PORTS, s) : -ENOMEM;
	mqg_pins_close(&pins);
	if (err) {
		free(s);
		return mqg_refuse("stats: the maps cannot be read: %s", strerror(-err));
	}
	if (argc) {
		only = find_service(s, argv[1]);
		if (only < 0) {
			free(s);
			return mqg_refuse("stats: service %s: there is none; mqgate status lists "
					  "them", argv[1]);
		}
	}
	if (cmd->json)
		list = json_array();
	for (int i = 0; i < MQGATE_SERVICES; i++)
		if (only < 0 ? s->service[i].shown : i == only)
			show_service(s, i, list);
	free(s);
	return cmd->json ? mqg_json_print(cmd, list) : MQG_DONE;
}
