/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Workers and the main thread on one judge at the same time, under the thread sanitizer: refusals,
 * flows that come and go, periodic work, the operator, and maps that disappear meanwhile. What is
 * asserted is that nothing is lost: every refusal counted, every flow gone at the end.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/magic.h>

#include "common/layout.h"
#include "common/names.h"
#include "config/weights.h"
#include "judge/manage.h"

#define WORKERS	3
#define ROUNDS	2000

static struct mqg_config config;
static struct mqg_judge *judge;
static char dir[128], run[128];
static _Atomic int running = WORKERS;

static void *work(void *arg)
{
	uint8_t who = (uint8_t)(uintptr_t)arg;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct mqgate_flow_key flow = { .sport = (uint16_t)i, .dport = 1, .proto = 6 };
		struct mqg_refusal refusal = { .reason = MQGATE_REASON_MQTT_NAME, .service = 3,
					       .client_id = "x" };
		uint64_t ticket;

		memcpy(flow.saddr, (uint8_t[]){ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, who,
						0, (uint8_t)i }, 16);
		memcpy(refusal.addr, flow.saddr, 16);
		/* With and without a live flow: limited, and banned. */
		if (i % 2)
			mqg_judge_refused(judge, &refusal);
		mqg_judge_allowed(judge, &flow, 3, 0, NULL, &ticket);
		if (!(i % 2))
			mqg_judge_refused(judge, &refusal);
		if (ticket)
			mqg_judge_closed(judge, ticket);
	}
	running--;
	return NULL;
}

static void maps(bool there)
{
	char path[256];

	for (size_t i = 0; i < MQG_MAPS; i++) {
		const struct mqg_map_layout *l = &mqg_map_layouts[i];
		LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = l->flags);
		uint32_t entries = l->entries ? l->entries : 4096;
		int fd;

		snprintf(path, sizeof(path), "%s/%s", dir, l->name);
		if (!there) {
			unlink(path);
			continue;
		}
		if (!strcmp(l->name, MQGATE_MAP_KNOWN))
			entries = MQGATE_KNOWN_ENTRIES(8);
		fd = bpf_map_create((enum bpf_map_type)l->type, l->name, l->key_size,
				    l->value_size, entries, &opts);
		if (fd < 0 || bpf_obj_pin(fd, path)) {
			perror("# map");
			exit(1);
		}
		close(fd);
	}
}

static int count_refusal(const struct mqg_refusal_note *note, void *arg)
{
	(void)note;
	++*(int *)arg;
	return 0;
}

/* Everything that the main thread does, over and over while the workers run. */
static void manage(void)
{
	struct mqgate_source_key key;
	struct mqg_verdict_done done;
	struct mqgate_verdict verdict;
	struct mqg_judge_counts counts;
	struct mqg_score_view view;
	const char *why;
	int n = 0;
	struct mqg_word word = { .action = MQGATE_ACTION_DROP };
	struct mqg_net net;

	mqg_source_parse("10.1.0.7", &key, &why);
	mqg_net_of_source(&key, &word.net);
	for (unsigned int i = 0; running; i++) {
		if (i % 16 == 8)
			maps(false);
		if (i % 16 == 12)
			maps(true);
		mqg_judge_tick(judge);
		word.ns = i % 2;
		mqg_judge_verdict_add(judge, &word, &done);
		mqg_judge_why(judge, &key, &view, &net, &verdict);
		mqg_judge_counts_read(judge, &counts);
		mqg_judge_refusal_each(judge, count_refusal, &n);
		mqg_judge_verdict_flush(judge, MQG_EVERYBODYS, &done);
		mqg_judge_work(judge);
	}
}

static int check(const char *name, bool fine, int number)
{
	printf("%s %d %s\n", fine ? "ok" : "not ok", number, name);
	return fine ? 0 : 1;
}

int main(void)
{
	struct mqg_judge_counts counts;
	pthread_t threads[WORKERS];
	struct statfs fs;
	char path[256];
	int failed;

	printf("TAP version 13\n");
	if (geteuid() || statfs("/sys/fs/bpf", &fs) || fs.f_type != BPF_FS_MAGIC) {
		printf("1..0 # SKIP needs root and a BPF file system on /sys/fs/bpf\n");
		return 4;
	}
	snprintf(dir, sizeof(dir), "/sys/fs/bpf/mqgate-test-%d", getpid());
	snprintf(run, sizeof(run), "/tmp/mqgate-race-test.%d", getpid());
	if (mkdir(dir, 0700) || mkdir(run, 0700))
		return 1;
	setenv("MQGATE_BPFFS", dir, 1);
	setenv("MQGATE_RUN", run, 1);
	config.score = (struct mqg_score_config){ .threshold = 100, .limit = 50,
						  .limit_rate = 20, .half_life_ns = 60000000000,
						  .ban_ns = 30000000000,
						  .ban_max_ns = 3600000000000, .sources_max = 64 };
	for (uint32_t i = 0; i < MQGATE_REASON_MAX; i++)
		config.score.weight[i] = mqg_weight_default(i);
	maps(true);
	judge = mqg_judge_alloc(&config, NULL);
	for (uintptr_t i = 0; i < WORKERS; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	manage();
	for (int i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	mqg_judge_counts_read(judge, &counts);
	printf("1..3\n");
	failed = check("every refusal is counted",
		       mqg_judge_refused_read(judge, 3, MQGATE_REASON_MQTT_NAME) ==
			       WORKERS * ROUNDS, 1);
	failed += check("every flow was allowed and is gone",
			counts.allowed == WORKERS * ROUNDS && !counts.flows, 2);
	failed += check("the score table stays within its bound", counts.sources <= 64, 3);
	mqg_judge_free(judge);
	maps(false);
	rmdir(dir);
	snprintf(path, sizeof(path), "%s/events.lock", run);
	unlink(path);
	rmdir(run);
	return failed ? 1 : 0;
}
