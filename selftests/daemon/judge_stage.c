/* SPDX-License-Identifier: BSD-2-Clause */
/* The stage of the judge's tests. One thread, no lock. */
#include "judge_stage.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/magic.h>

#include "common/layout.h"
#include "common/names.h"
#include "config/weights.h"

uint64_t now;
struct mqg_judge *judge;
char dir[128];
uint32_t sources_entries, prefixes_entries, allow_entries;

static char run[128];

static struct mqg_broker broker = { .name = (char *)"b" };
static struct mqg_listener listeners[] = {
	{ .name = (char *)"tls", .kind = MQGATE_KIND_MQTTS, .mode = MQGATE_MODE_OBSERVE,
	  .service = 3, .broker = &broker, .allow_pps = 70, .allow_burst = 90,
	  .connect_max = 4096 },
	{ .name = (char *)"plain", .kind = MQGATE_KIND_MQTT, .service = 4, .broker = &broker,
	  .connect_max = 4096 },
};
static struct mqg_service services[] = {
	{ .name = (char *)"routed", .port = 1883, .kind = MQGATE_KIND_MQTT, .strict = true,
	  .fail_closed = true, .number = 1 },
	{ .name = (char *)"mine", .port = 8883, .number = MQGATE_SVC_UNPROTECTED },
	{ .name = (char *)"coap", .port = 5683, .kind = MQGATE_KIND_COAP, .number = 5,
	  .guard = { .fragments = true, .destinations = 1,
		     .destination = { { .addr = { 0x20, 1 }, .mask = { 0xff, 0xff } } } } },
};
static struct mqgate_source_key allow[3];
static struct mqg_config config;
struct mqg_score_config *scores = &config.score;

static uint64_t test_clock(void)
{
	return now;
}

struct mqgate_source_key key_of(const char *text)
{
	struct mqgate_source_key key;
	const char *why;

	assert_int_equal(mqg_source_parse(text, &key, &why), 0);
	return key;
}

/* ---- maps ---------------------------------------------------------------------------- */

void make_maps(void)
{
	char path[256];

	for (size_t i = 0; i < MQG_MAPS; i++) {
		const struct mqg_map_layout *l = &mqg_map_layouts[i];
		LIBBPF_OPTS(bpf_map_create_opts, opts);
		uint32_t entries = l->entries ? l->entries
				   : l->type == BPF_MAP_TYPE_RINGBUF ? 4096 : 1024;
		int fd;

		if (!strcmp(l->name, MQGATE_MAP_SOURCES))
			entries = sources_entries;
		else if (!strcmp(l->name, MQGATE_MAP_KNOWN))
			entries = MQGATE_KNOWN_ENTRIES(KNOWN_ORDER);
		if (!strcmp(l->name, MQGATE_MAP_PREFIX4) || !strcmp(l->name, MQGATE_MAP_PREFIX6))
			entries = prefixes_entries;
		if (!strcmp(l->name, MQGATE_MAP_ALLOW))
			entries = allow_entries;
		opts.map_flags = l->flags;
		fd = bpf_map_create((enum bpf_map_type)l->type, l->name, l->key_size,
				    l->value_size, entries, &opts);
		assert_true(fd >= 0);
		snprintf(path, sizeof(path), "%s/%s", dir, l->name);
		assert_int_equal(bpf_obj_pin(fd, path), 0);
		close(fd);
	}
}

void remove_maps(void)
{
	char path[256];

	for (size_t i = 0; i < MQG_MAPS; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, mqg_map_layouts[i].name);
		unlink(path);
	}
}

const struct mqg_pins *pins(void)
{
	const struct mqg_pins *p = mqg_judge_pins(judge);

	assert_non_null(p);
	return p;
}

struct mqg_net net_of(const char *text)
{
	struct mqg_net net;
	const char *why;

	assert_int_equal(mqg_net_parse(text, &net, &why), 0);
	return net;
}

int say_net(const char *text, enum mqgate_action action, uint64_t ns,
	    struct mqg_verdict_done *done)
{
	const struct mqg_word word = { .net = net_of(text), .action = action, .ns = ns };

	return mqg_judge_verdict_add(judge, &word, done);
}

int say(const struct mqgate_source_key *key, enum mqgate_action action, uint64_t ns,
	struct mqg_verdict_done *done)
{
	struct mqg_word word = { .action = action, .ns = ns };

	mqg_net_of_source(key, &word.net);
	return mqg_judge_verdict_add(judge, &word, done);
}

int unsay(const struct mqgate_source_key *key)
{
	struct mqg_verdict_done done;
	struct mqg_net net;

	mqg_net_of_source(key, &net);
	return mqg_judge_verdict_del(judge, &net, &done);
}

void work(void)
{
	struct pollfd pfd = { .fd = mqg_judge_work_fd(judge), .events = POLLIN };
	struct itimerspec left;

	for (;;) {
		if (!poll(&pfd, 1, 0)) {
			if (timerfd_gettime(pfd.fd, &left) ||
			    (!left.it_value.tv_sec && !left.it_value.tv_nsec))
				return;
			poll(&pfd, 1, -1);
		}
		mqg_judge_work(judge);
	}
}

bool verdict_on(const char *text, struct mqgate_verdict *verdict)
{
	struct mqgate_source_key key = key_of(text);

	return !mqg_verdict_get(pins(), &key, verdict);
}


struct mqgate_flow_key flow_of(const char *text, uint16_t port)
{
	struct mqgate_flow_key flow = { .sport = port, .dport = 9883, .proto = 6 };
	struct mqgate_source_key key = key_of(text);

	memcpy(flow.saddr, key.addr, 16);
	key = key_of("198.51.100.1");
	memcpy(flow.daddr, key.addr, 16);
	return flow;
}

bool allow_of(struct mqgate_flow_key flow, struct mqgate_allow *entry)
{
	return !bpf_map_lookup_elem(pins()->allow, &flow, entry);
}

/* ---- set-up ---------------------------------------------------------------------------- */

void start(void)
{
	judge = mqg_judge_alloc(&config, test_clock);
	assert_non_null(judge);
}

void restart(void)
{
	mqg_judge_free(judge);
	start();
	assert_true(mqg_judge_pins_check(judge));
}

/* What a reboot would find. */
static void forget_state(void)
{
	static const char *const names[] = { "verdicts", "loaded", "" };
	char path[256];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/state/%s", run, names[i]);
		remove(path);
	}
}

int setup(void **state)
{
	struct sockaddr_in *sin;

	(void)state;
	now = 1000000 * S;
	sources_entries = prefixes_entries = allow_entries = 1024;
	for (int i = 0; i < 2; i++) {
		sin = (struct sockaddr_in *)&listeners[i].address.addr;
		sin->sin_family = AF_INET;
		sin->sin_port = htons(i ? 9884 : 9883);
	}
	allow[0] = key_of("192.0.2.77");
	allow[1] = key_of("2001:db8:a::5");
	allow[2] = key_of("2001:db8:b::/64");
	memset(&config, 0, sizeof(config));
	config.listeners = listeners;
	config.n_listeners = 2;
	config.services = services;
	config.n_services = 3;
	config.allow = allow;
	config.n_allow = 3;
	config.group = (char *)"root";
	config.score.threshold = 100;
	config.score.limit_rate = 20;
	config.score.half_life_ns = 60 * S;
	config.score.ban_ns = 30 * S;
	config.score.ban_max_ns = 3600 * S;
	config.score.sources_max = 1000;
	for (uint32_t i = 0; i < MQGATE_REASON_MAX; i++)
		config.score.weight[i] = mqg_weight_default(i);
	make_maps();
	start();
	assert_true(mqg_judge_pins_check(judge));
	return 0;
}

int teardown(void **state)
{
	(void)state;
	mqg_judge_free(judge);
	judge = NULL;
	remove_maps();
	forget_state();
	return 0;
}

void refuse(const char *text, enum mqgate_reason reason, int times)
{
	struct mqgate_source_key key = key_of(text);
	struct mqg_refusal refusal = { .reason = reason, .service = 3 };

	memcpy(refusal.addr, key.addr, 16);
	for (int i = 0; i < times; i++)
		mqg_judge_refused(judge, &refusal);
}

struct mqg_judge_counts counts(void)
{
	struct mqg_judge_counts c;

	mqg_judge_counts_read(judge, &c);
	return c;
}

int stage_open(void)
{
	struct statfs fs;

	if (geteuid() || statfs("/sys/fs/bpf", &fs) || fs.f_type != BPF_FS_MAGIC) {
		printf("1..0 # SKIP needs root and a BPF file system on /sys/fs/bpf\n");
		return 4;
	}
	snprintf(dir, sizeof(dir), "/sys/fs/bpf/mqgate-test-%d", getpid());
	snprintf(run, sizeof(run), "/tmp/mqgate-judge-test.%d", getpid());
	if (mkdir(dir, 0700) || mkdir(run, 0700)) {
		perror("# mkdir");
		return 1;
	}
	setenv("MQGATE_BPFFS", dir, 1);
	setenv("MQGATE_RUN", run, 1);
	return 0;
}

void stage_close(void)
{
	char path[256];

	remove_maps();
	rmdir(dir);
	snprintf(path, sizeof(path), "%s/events.lock", run);
	unlink(path);
	rmdir(run);
}
