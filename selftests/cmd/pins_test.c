// SPDX-License-Identifier: BSD-2-Clause
/*
 * The pinned maps, with real maps pinned in a directory of this process on bpffs: layouts are
 * checked and refused in words, and every operation does to the maps what it says. Needs root.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "common/batch.h"
#include "common/layout.h"
#include "common/names.h"
#include "common/net.h"
#include "common/pins.h"

#define SOURCES	20000	/* more than the batch of mqg_batch_each(), several times */

static char dir[64];

static void path_of(const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", dir, name);
}

static void pin_map(const char *name, uint32_t type, uint32_t key, uint32_t value, uint32_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts,
		    .map_flags = strcmp(name, MQGATE_MAP_KNOWN) ? 0 : BPF_F_MMAPABLE);
	char path[128];
	int fd = bpf_map_create((enum bpf_map_type)type, name, key, value, entries, &opts);

	if (fd < 0)
		fail_msg("map %s cannot be made: %s", name, strerror(-fd));
	path_of(name, path);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	close(fd);
}

static void pin_layout(const struct mqg_map_layout *l)
{
	uint32_t entries = l->entries ? l->entries : 32768;

	if (l->type == BPF_MAP_TYPE_RINGBUF)
		entries = 65536;
	if (!strcmp(l->name, MQGATE_MAP_KNOWN))
		entries = l->enlarge;
	pin_map(l->name, l->type, l->key_size, l->value_size, entries);
}

static void unpin(const char *name)
{
	char path[128];

	path_of(name, path);
	unlink(path);
}

static int make_pins(void **state)
{
	(void)state;
	if (mkdir(dir, 0700))
		return -1;
	for (size_t i = 0; i < MQG_MAPS; i++)
		pin_layout(&mqg_map_layouts[i]);
	return 0;
}

static int remove_pins(void **state)
{
	struct dirent *entry;
	DIR *d = opendir(dir);

	(void)state;
	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	return rmdir(dir);
}

static void open_pins(struct mqg_pins *pins)
{
	char why[512] = "";

	if (mqg_pins_open(pins, why, sizeof(why)))
		fail_msg("%s", why);
}

static void source(const char *text, struct mqgate_source_key *key)
{
	assert_int_equal(mqg_source_parse(text, key, NULL), 0);
}

static void net(const char *text, struct mqg_net *out)
{
	assert_int_equal(mqg_net_parse(text, out, NULL), 0);
}

/* ---- opening ------------------------------------------------------------------ */

static void opens_what_is_right(void **state)
{
	struct mqg_pins pins;

	(void)state;
	open_pins(&pins);
	assert_true(pins.ports >= 0 && pins.svc >= 0 && pins.sources >= 0 && pins.allow >= 0);
	assert_true(pins.flows >= 0 && pins.stats >= 0 && pins.events >= 0);
	assert_true(pins.cpus >= 1);
	assert_int_equal(pins.abi_version, 0);
	mqg_pins_close(&pins);
	assert_int_equal(pins.sources, -1);
}

static void says_what_is_missing(void **state)
{
	struct mqg_pins pins;
	char why[512];

	(void)state;
	unpin(MQGATE_MAP_STATS);
	assert_int_equal(mqg_pins_open(&pins, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, MQGATE_MAP_STATS));
	assert_non_null(strstr(why, "mqgate attach"));
	assert_int_equal(pins.sources, -1);
	mqg_pins_close(&pins);
}

struct wrong {
	const char *name;
	uint32_t type, key, value, entries;
	const char *part;
};

static void refuses_other_layouts_in_words(void **state)
{
	static const struct wrong rows[] = {
		{ MQGATE_MAP_SOURCES, BPF_MAP_TYPE_HASH, 16, 48, 64,
		  "a value of 48 bytes, this build has 64" },
		{ MQGATE_MAP_SOURCES, BPF_MAP_TYPE_HASH, 4, 64, 64,
		  "a key of 4 bytes, this build has 16" },
		{ MQGATE_MAP_SOURCES, BPF_MAP_TYPE_LRU_HASH, 16, 64, 64, "a map of type lru_hash" },
		{ MQGATE_MAP_SVC, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct mqgate_service), 16,
		  "16 entries, this build has 32" },
		{ MQGATE_MAP_STATS, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct mqgate_stat),
		  MQGATE_STATS_ENTRIES, "a map of type array" },
		{ MQGATE_MAP_ALLOW, BPF_MAP_TYPE_LRU_HASH, 40, 32, 64, "a map of type lru_hash" },
	};
	struct mqg_pins pins;
	char why[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct wrong *w = &rows[i];

		unpin(w->name);
		pin_map(w->name, w->type, w->key, w->value, w->entries);
		assert_int_equal(mqg_pins_open(&pins, why, sizeof(why)), -EPROTO);
		if (!strstr(why, w->part) || !strstr(why, w->name) ||
		    !strstr(why, "mqgate detach all"))
			fail_msg("%s was refused with: %s", w->name, why);
		unpin(w->name);
		for (size_t m = 0; m < MQG_MAPS; m++)
			if (!strcmp(mqg_map_layouts[m].name, w->name))
				pin_layout(&mqg_map_layouts[m]);
	}
	open_pins(&pins);
	mqg_pins_close(&pins);
}

static void pin_rodata(uint32_t version, size_t size)
{
	struct mqgate_rodata *rodata = calloc(1, size > sizeof(*rodata) ? size : sizeof(*rodata));
	char path[128];
	__u32 zero = 0;
	int fd;

	rodata->abi_version = version;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "rodata", 4, (uint32_t)size, 1, NULL);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(fd, &zero, rodata, 0), 0);
	path_of(MQGATE_PIN_RODATA, path);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	close(fd);
	free(rodata);
}

static void compares_the_abi(void **state)
{
	struct mqg_pins pins;
	char why[512], want[32];

	(void)state;
	pin_rodata(MQGATE_ABI_VERSION, sizeof(struct mqgate_rodata) + 40);
	open_pins(&pins);
	assert_int_equal(pins.abi_version, MQGATE_ABI_VERSION);
	mqg_pins_close(&pins);
	unpin(MQGATE_PIN_RODATA);

	pin_rodata(MQGATE_ABI_VERSION + 6, sizeof(struct mqgate_rodata));
	assert_int_equal(mqg_pins_open(&pins, why, sizeof(why)), -EPROTO);
	snprintf(want, sizeof(want), "ABI %d", MQGATE_ABI_VERSION + 6);
	assert_non_null(strstr(why, want));
	assert_non_null(strstr(why, "mqgate detach all"));
	unpin(MQGATE_PIN_RODATA);

	pin_rodata(MQGATE_ABI_VERSION, 8);
	assert_int_equal(mqg_pins_open(&pins, why, sizeof(why)), -EPROTO);
	assert_non_null(strstr(why, MQGATE_PIN_RODATA));
}

/* ---- verdicts ------------------------------------------------------------------- */

static void puts_gets_and_removes_verdicts(void **state)
{
	struct mqgate_verdict v = { .since = 5, .action = MQGATE_ACTION_DROP, .hits = 7,
				    .origin = MQGATE_ORIGIN_DAEMON }, got;
	struct mqgate_source_key key, other;
	struct mqg_pins pins;

	(void)state;
	open_pins(&pins);
	source("192.0.2.1", &key);
	source("192.0.2.2", &other);
	assert_int_equal(mqg_verdict_get(&pins, &key, &got), -ENOENT);
	assert_int_equal(mqg_verdict_put(&pins, &key, &v), 0);
	v.hits = 0;
	v.origin = MQGATE_ORIGIN_OPERATOR;
	assert_int_equal(mqg_verdict_put(&pins, &key, &v), 0);
	assert_int_equal(mqg_verdict_get(&pins, &key, &got), 0);
	assert_int_equal(got.origin, MQGATE_ORIGIN_OPERATOR);
	assert_int_equal(got.hits, 7);
	assert_int_equal(mqg_verdict_get(&pins, &other, &got), -ENOENT);
	assert_int_equal(mqg_verdict_remove(&pins, &key), 0);
	assert_int_equal(mqg_verdict_remove(&pins, &key), -ENOENT);
	mqg_pins_close(&pins);
}

static void tells_live_verdicts_from_expired(void **state)
{
	struct mqgate_verdict v = { .action = MQGATE_ACTION_DROP };

	(void)state;
	assert_true(mqg_verdict_live(&v, UINT64_MAX));
	v.expires = 100;
	assert_true(mqg_verdict_live(&v, 99));
	assert_false(mqg_verdict_live(&v, 100));
	v.action = MQGATE_ACTION_NONE;
	assert_false(mqg_verdict_live(&v, 1));
}

static void says_when_the_map_is_full(void **state)
{
	struct mqgate_verdict v = { .action = MQGATE_ACTION_DROP };
	struct mqgate_source_key key = {};
	struct mqg_pins pins;

	(void)state;
	unpin(MQGATE_MAP_SOURCES);
	pin_map(MQGATE_MAP_SOURCES, BPF_MAP_TYPE_HASH, 16, 64, 2);
	open_pins(&pins);
	for (key.addr[15] = 1; key.addr[15] <= 2; key.addr[15]++)
		assert_int_equal(mqg_verdict_put(&pins, &key, &v), 0);
	assert_int_equal(mqg_verdict_put(&pins, &key, &v), -E2BIG);
	mqg_pins_close(&pins);
}

struct seen {
	uint8_t		flags[SOURCES];
	uint32_t	count, stop_after;
};

static int see(const struct mqgate_source_key *key, const struct mqgate_verdict *v, void *arg)
{
	struct seen *seen = arg;
	uint32_t number;

	memcpy(&number, key->addr, sizeof(number));
	assert_true(number < SOURCES);
	assert_int_equal(v->strikes, number);
	assert_int_equal(seen->flags[number], 0);
	seen->flags[number] = 1;
	return ++seen->count == seen->stop_after ? 42 : 0;
}

static void walks_every_verdict_once(void **state)
{
	struct mqgate_verdict v = { .action = MQGATE_ACTION_DROP };
	struct mqgate_source_key key = { .addr = { [15] = 1 } };
	struct seen *seen = calloc(1, sizeof(*seen));
	struct mqg_pins pins;
	uint32_t count;

	(void)state;
	open_pins(&pins);
	assert_int_equal(mqg_verdict_each(&pins, see, seen), 0);
	assert_int_equal(seen->count, 0);
	assert_int_equal(mqg_map_count(pins.sources, &count), 0);
	assert_int_equal(count, 0);
	for (uint32_t i = 0; i < SOURCES; i++) {
		memcpy(key.addr, &i, sizeof(i));
		v.strikes = i;
		assert_int_equal(mqg_verdict_put(&pins, &key, &v), 0);
	}
	assert_int_equal(mqg_verdict_each(&pins, see, seen), 0);
	assert_int_equal(seen->count, SOURCES);
	assert_int_equal(mqg_map_count(pins.sources, &count), 0);
	assert_int_equal(count, SOURCES);

	memset(seen, 0, sizeof(*seen));
	seen->stop_after = 10;
	assert_int_equal(mqg_verdict_each(&pins, see, seen), 42);
	assert_int_equal(seen->count, 10);
	free(seen);
	mqg_pins_close(&pins);
}

/* ---- ALLOW entries ---------------------------------------------------------------- */

static void allow(const struct mqg_pins *pins, const char *from, uint16_t sport)
{
	struct mqgate_allow value = { .service = MQGATE_SVC_MQTTS };
	struct mqgate_flow_key flow = { .sport = sport, .dport = 8883, .proto = 6 };
	struct mqgate_source_key key;

	source(from, &key);
	memcpy(flow.saddr, key.addr, 16);
	assert_int_equal(mqg_allow_put(pins, &flow, &value), 0);
}

static void removes_allow_entries_of_a_source(void **state)
{
	struct mqg_net from;
	struct mqg_pins pins;
	uint32_t left;

	(void)state;
	open_pins(&pins);
	allow(&pins, "192.0.2.1", 1000);
	allow(&pins, "192.0.2.1", 1001);
	allow(&pins, "192.0.2.2", 1000);
	allow(&pins, "2001:db8::1", 1000);
	allow(&pins, "2001:db8::2", 1000);
	allow(&pins, "2001:db8:0:1::1", 1000);

	net("192.0.2.9", &from);
	assert_int_equal(mqg_allow_remove_net(&pins, &from), 0);
	net("192.0.2.1", &from);
	assert_int_equal(mqg_allow_remove_net(&pins, &from), 2);
	net("2001:db8::1", &from);
	assert_int_equal(mqg_allow_remove_net(&pins, &from), 1);
	allow(&pins, "2001:db8::1", 1000);
	net("2001:db8::/64", &from);
	assert_int_equal(mqg_allow_remove_net(&pins, &from), 2);
	assert_int_equal(mqg_map_count(pins.allow, &left), 0);
	assert_int_equal(left, 2);
	mqg_pins_close(&pins);
}

/* ---- counters, services, ports ------------------------------------------------------- */

static int add_up(const struct mqgate_stat *sum, void *arg)
{
	uint64_t *total = arg;

	assert_int_equal(sum->service, 31);
	assert_int_equal(sum->reason, 127);
	*total += sum->packets;
	return 0;
}

static void sums_counters_over_cpus(void **state)
{
	__u32 index = MQGATE_STATS_INDEX(31, 127);
	struct mqgate_stat *values, sum;
	struct mqg_pins pins;
	uint64_t total = 0;

	(void)state;
	open_pins(&pins);
	values = calloc(pins.cpus, sizeof(*values));
	for (uint32_t i = 0; i < pins.cpus; i++)
		values[i] = (struct mqgate_stat){ .packets = i + 1, .bytes = 100, .observed = 2,
						  .sampled = 1000 - i, .lost = 3 };
	assert_int_equal(mqg_stat_each(&pins, add_up, &total), 0);
	assert_int_equal(total, 0);
	assert_int_equal(bpf_map_update_elem(pins.stats, &index, values, 0), 0);
	assert_int_equal(mqg_stat_read(&pins, 31, 127, &sum), 0);
	assert_int_equal(sum.packets, pins.cpus * (pins.cpus + 1) / 2);
	assert_int_equal(sum.bytes, 100 * pins.cpus);
	assert_int_equal(sum.observed, 2 * pins.cpus);
	assert_int_equal(sum.lost, 3 * pins.cpus);
	assert_int_equal(sum.sampled, 1000);
	assert_int_equal(mqg_stat_each(&pins, add_up, &total), 0);
	assert_int_equal(total, sum.packets);
	assert_int_equal(mqg_stat_read(&pins, 32, 0, &sum), -EINVAL);
	assert_int_equal(mqg_stat_read(&pins, 0, 128, &sum), -EINVAL);
	free(values);
	mqg_pins_close(&pins);
}

static void fills_in_the_defaults_of_services(void **state)
{
	struct mqgate_service svc;
	struct mqg_pins pins;

	(void)state;
	open_pins(&pins);
	assert_int_equal(mqg_service_read(&pins, MQGATE_SVC_MQTT, &svc), 0);
	assert_string_equal(svc.name, "mqtt");
	assert_int_equal(svc.kind, MQGATE_KIND_MQTT);
	assert_int_equal(svc.first_max, MQGATE_DEFAULT_CONNECT_MAX);
	assert_int_equal(svc.allow_pps, MQGATE_DEFAULT_ALLOW_PPS);
	assert_int_equal(mqg_service_read(&pins, MQGATE_SVC_MQTTS, &svc), 0);
	assert_string_equal(svc.name, "mqtts");
	assert_int_equal(svc.kind, MQGATE_KIND_MQTTS);
	assert_int_equal(svc.first_max, MQGATE_DEFAULT_HELLO_MAX);
	assert_int_equal(mqg_service_read(&pins, 9, &svc), 0);
	assert_int_equal(svc.kind, MQGATE_KIND_DEFAULT);
	assert_int_equal(mqg_service_read(&pins, MQGATE_SERVICES, &svc), -EINVAL);

	svc = (struct mqgate_service){ .name = "mine", .kind = MQGATE_KIND_MQTT, .suspect_ms = 5 };
	assert_int_equal(mqg_service_write(&pins, 9, &svc), 0);
	assert_int_equal(mqg_service_read(&pins, 9, &svc), 0);
	assert_string_equal(svc.name, "mine");
	assert_int_equal(svc.suspect_ms, 5);
	assert_int_equal(mqg_service_write(&pins, 0, &svc), -EINVAL);
	assert_int_equal(mqg_service_write(&pins, MQGATE_SERVICES, &svc), -EINVAL);
	mqg_pins_close(&pins);
}

static void leads_ports_to_services(void **state)
{
	struct mqg_pins pins;
	__u32 udp = MQGATE_PORTS_UDP(1883), value = 1;

	(void)state;
	open_pins(&pins);
	assert_int_equal(mqg_port_read(&pins, 1883), MQGATE_SVC_MQTT);
	assert_int_equal(mqg_port_read(&pins, 8883), MQGATE_SVC_MQTTS);
	assert_int_equal(mqg_port_read(&pins, 22), 0);
	assert_int_equal(mqg_port_write(&pins, 1883, MQGATE_SVC_UNPROTECTED), 0);
	assert_int_equal(mqg_port_read(&pins, 1883), MQGATE_SVC_UNPROTECTED);
	assert_int_equal(mqg_port_write(&pins, 65535, 31), 0);
	assert_int_equal(mqg_port_read(&pins, 65535), 31);
	assert_int_equal(mqg_port_write(&pins, 1, MQGATE_SERVICES), -EINVAL);
	assert_int_equal(bpf_map_lookup_elem(pins.ports, &udp, &value), 0);
	assert_int_equal(value, 0);
	mqg_pins_close(&pins);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_pins, remove_pins)
	const struct CMUnitTest tests[] = {
		TEST(opens_what_is_right),
		TEST(says_what_is_missing),
		TEST(refuses_other_layouts_in_words),
		TEST(compares_the_abi),
		TEST(puts_gets_and_removes_verdicts),
		TEST(tells_live_verdicts_from_expired),
		TEST(says_when_the_map_is_full),
		TEST(walks_every_verdict_once),
		TEST(removes_allow_entries_of_a_source),
		TEST(sums_counters_over_cpus),
		TEST(fills_in_the_defaults_of_services),
		TEST(leads_ports_to_services),
	};

	if (geteuid() || access("/sys/fs/bpf", W_OK)) {
		printf("TAP version 13\n1..0 # SKIP needs root and bpffs on /sys/fs/bpf\n");
		return 4;
	}
	snprintf(dir, sizeof(dir), "/sys/fs/bpf/mqgate-test-%d", getpid());
	setenv("MQGATE_BPFFS", dir, 1);
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
