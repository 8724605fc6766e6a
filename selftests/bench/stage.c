// SPDX-License-Identifier: BSD-2-Clause
/* The stage of the XDP benchmarks; see stage.h. Called by bench_xdp.c and what it is made of. */
#include "stage.h"

#include <arpa/inet.h>
#include <err.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <linux/mqgate.h>
#include <mqgate/flow_filter.h>

#include "../bpf/packet.h"
#include "command.h"

#define BATCH		4096U
#define SERVER4		"192.0.2.1"
#define SERVER6		"2001:db8:2::1"

void stage_pin(pid_t pid, int cpu, bool first)
{
	struct sched_param param = { .sched_priority = first ? 1 : 0 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(pid, sizeof(set), &set) ||
	    sched_setscheduler(pid, first ? SCHED_FIFO : SCHED_OTHER, &param))
		err(1, "CPU %d", cpu);
}

static struct bpf_object *object_open(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);

	if (!object)
		err(1, "%s", path);
	return object;
}

int stage_program(struct bpf_object *object, const char *name)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(object, name);

	if (!prog)
		errx(1, "no program %s", name);
	return bpf_program__fd(prog);
}

static int map_of(struct bpf_object *object, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(object, name);

	if (fd < 0)
		errx(1, "no map %s", name);
	return fd;
}

static void read_mac(struct stage *s)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/address", s->in_name);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &s->mac[0], &s->mac[1], &s->mac[2],
			 &s->mac[3], &s->mac[4], &s->mac[5]) != 6)
		errx(1, "%s cannot be read", path);
	fclose(f);
}

/* A second sysfs: the first one shows the devices of another namespace. */
static void wire(struct stage *s)
{
	snprintf(s->out_name, sizeof(s->out_name), "mqo%d", getpid());
	snprintf(s->in_name, sizeof(s->in_name), "mqi%d", getpid());
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL) ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL))
		err(1, "namespaces");
	command_run("ip link set lo up && ip link add %s type veth peer name %s && "
		  "ip link set %s up && ip link set %s up && "
		  "ip addr add " SERVER4 "/24 dev %s && ip addr add " SERVER6 "/64 dev %s nodad",
		  s->out_name, s->in_name, s->out_name, s->in_name, s->in_name, s->in_name);
	s->out = if_nametoindex(s->out_name);
	s->in = if_nametoindex(s->in_name);
	read_mac(s);
}

void stage_init(struct stage *s, const char *top, const char *output)
{
	char path[4096];

	s->top = top;
	s->output = output;
	s->measured_cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
	if (s->measured_cpu < 1)
		errx(1, "two CPUs are needed: one sends, the other is measured");
	wire(s);
	snprintf(path, sizeof(path), "%s/traffic.bpf.o", output);
	s->traffic = object_open(path);
	if (bpf_object__load(s->traffic))
		err(1, "%s: load", path);
}

/* ---- maps ------------------------------------------------------------------------------- */

static void put32(uint8_t *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, sizeof(value));
}

/* The address number @i, of those who send (TRAFFIC_NET) or of others. */
static void address(uint8_t addr[16], uint32_t net, uint32_t i, bool v6)
{
	memset(addr, 0, 16);
	if (v6) {
		put32(addr, TRAFFIC_NET6);
		put32(addr + 4, 0x00180000);
	} else {
		addr[10] = addr[11] = 0xFF;
	}
	put32(addr + 12, net | i);
}

static void flow_key(struct mqgate_flow_key *key, uint32_t net, uint32_t i, bool v6)
{
	memset(key, 0, sizeof(*key));
	address(key->saddr, net, i, v6);
	pkt_addr(v6 ? SERVER6 : SERVER4, key->daddr);
	key->sport = TRAFFIC_SPORT(i);
	key->dport = MQGATE_PORT_MQTT;
	key->proto = IPPROTO_TCP;
}

enum table { SOURCES, ALLOW, FLOWS };

static const char *const names[] = {
	[SOURCES] = MQGATE_MAP_SOURCES, [ALLOW] = MQGATE_MAP_ALLOW, [FLOWS] = MQGATE_MAP_FLOWS,
};

/* A bit for every flow of two tables of @entries, and sixteen times that: as the loader does. */
static uint32_t known_order(uint32_t entries)
{
	uint32_t order = MQGATE_KNOWN_ORDER_DEFAULT;

	while (64ULL << order < 32ULL * entries)
		order++;
	return order;
}

static void known_map(struct stage *s, uint32_t order)
{
	s->known = mmap(NULL, MQGATE_KNOWN_ENTRIES(order) * sizeof(*s->known),
			PROT_READ | PROT_WRITE, MAP_SHARED, map_of(s->ours, MQGATE_MAP_KNOWN), 0);
	if (s->known == MAP_FAILED)
		err(1, MQGATE_MAP_KNOWN);
	s->known[0] = (uint64_t)order << MQGATE_KNOWN_ORDER_SHIFT;
	s->known_order = order;
}

static void known_add(struct stage *s, const struct mqgate_flow_key *key)
{
	__u64 words[5], hash;

	memcpy(words, key, sizeof(words));
	hash = mqgf_hash(words);
	s->known[mqgf_word(s->known[0], 0, hash)] |= mqgf_bit(hash);
}

/* Puts the addresses @from..@to - 1 of @net into a table. */
static void put_many(struct stage *s, enum table table, uint32_t net, uint32_t from, uint32_t to,
		     bool v6)
{
	static struct mqgate_source_key sources[BATCH];
	static struct mqgate_flow_key flows[BATCH];
	static union {
		struct mqgate_verdict	verdicts[BATCH];
		struct mqgate_allow	allows[BATCH];
		struct mqgate_flow	flows[BATCH];
	} values;
	int fd = map_of(s->ours, names[table]);

	memset(&values, 0, sizeof(values));
	for (uint32_t k = 0; k < BATCH; k++) {
		if (table == SOURCES)
			values.verdicts[k] = (struct mqgate_verdict){
				.action = MQGATE_ACTION_DROP, .expires = ~0ULL };
		else if (table == ALLOW)
			values.allows[k] = (struct mqgate_allow){ .expires = ~0ULL, .service = 1 };
		else
			values.flows[k].state = MQGATE_FLOW_SEEN;
	}
	while (from < to) {
		uint32_t n = to - from < BATCH ? to - from : BATCH, done = n;

		for (uint32_t k = 0; k < n; k++) {
			address(sources[k].addr, net, from + k, v6);
			flow_key(&flows[k], net, from + k, v6);
			if (table != SOURCES)
				known_add(s, &flows[k]);
		}
		if (bpf_map_update_batch(fd, table == SOURCES ? (void *)sources : (void *)flows,
					 &values, &done, NULL))
			err(1, "%s: %u of %u", names[table], done, n);
		from += n;
	}
}

static void share_map(struct stage *s, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(s->bare, name);

	if (!map || bpf_map__reuse_fd(map, map_of(s->ours, name)))
		err(1, "%s: share", name);
}

#define OTHERS	0x0A000000U	/* 10.0.0.0/8: in the tables, and never sends */

void stage_load(struct stage *s, uint32_t entries, bool v6)
{
	struct mqgate_service svc = { .allow_pps = 100000000, .allow_burst = 100000000 };
	uint32_t number = MQGATE_SVC_MQTT;
	char path[4096];

	snprintf(path, sizeof(path), "%s/bpf/mqgate.bpf.o", s->top);
	s->ours = object_open(path);
	for (int i = 0; i < 3; i++)
		bpf_map__set_max_entries(bpf_object__find_map_by_name(s->ours, names[i]), entries);
	bpf_map__set_max_entries(bpf_object__find_map_by_name(s->ours, MQGATE_MAP_KNOWN),
				 MQGATE_KNOWN_ENTRIES(known_order(entries)));
	if (bpf_object__load(s->ours))
		err(1, "%s: load", path);
	known_map(s, known_order(entries));
	/* A thousand flows take all of the packets here: more than a device may send. */
	if (bpf_map_update_elem(map_of(s->ours, MQGATE_MAP_SVC), &number, &svc, 0))
		err(1, "mqgate_svc");
	snprintf(path, sizeof(path), "%s/bare.bpf.o", s->output);
	s->bare = object_open(path);
	for (int i = 0; i < 3; i++)
		share_map(s, names[i]);
	if (bpf_object__load(s->bare))
		err(1, "%s: load", path);
	put_many(s, FLOWS, OTHERS, 0, entries, v6);
}

void stage_unload(struct stage *s)
{
	munmap(s->known, MQGATE_KNOWN_ENTRIES(s->known_order) * sizeof(*s->known));
	bpf_object__close(s->ours);
	bpf_object__close(s->bare);
	s->ours = s->bare = NULL;
}

static uint32_t room(struct stage *s, const char *name)
{
	return bpf_map__max_entries(bpf_object__find_map_by_name(s->ours, name));
}

static void empty(struct stage *s, const char *name)
{
	int fd = map_of(s->ours, name), rc;
	uint8_t key[64], next[64];

	rc = bpf_map_get_next_key(fd, NULL, key);
	while (!rc) {
		rc = bpf_map_get_next_key(fd, key, next);
		bpf_map_delete_elem(fd, key);
		memcpy(key, next, sizeof(key));
	}
}

void stage_fill(struct stage *s, uint32_t bans, uint32_t allows, bool v6)
{
	empty(s, MQGATE_MAP_SOURCES);
	empty(s, MQGATE_MAP_ALLOW);
	/* As the daemon makes it anew: without the bits of those. */
	memset(s->known + MQGATE_KNOWN_HEADER, 0, sizeof(*s->known) << s->known_order);
	for (uint32_t i = 0; i < room(s, MQGATE_MAP_FLOWS); i++) {
		struct mqgate_flow_key key;

		flow_key(&key, OTHERS, i, v6);
		known_add(s, &key);
	}
	put_many(s, SOURCES, TRAFFIC_NET, 0, bans, v6);
	put_many(s, SOURCES, OTHERS, bans, room(s, MQGATE_MAP_SOURCES), v6);
	put_many(s, ALLOW, TRAFFIC_NET, 0, allows, v6);
	put_many(s, ALLOW, OTHERS, allows, room(s, MQGATE_MAP_ALLOW), v6);
}

uint64_t stage_counted(struct stage *s, bool dropped)
{
	return stage_counted_in(map_of(s->ours, MQGATE_MAP_STATS), dropped);
}

uint64_t stage_counted_in(int fd, bool dropped)
{
	struct mqgate_stat all[64];
	int cpus = libbpf_num_possible_cpus();
	uint32_t first = dropped ? MQGATE_REASON_FIRST_DROP : 0;
	uint32_t end = dropped ? MQGATE_REASON_PACKET_MAX : MQGATE_REASON_FIRST_DROP;
	uint64_t sum = 0;

	if (cpus > 64)
		errx(1, "more than 64 CPUs");
	for (uint32_t i = first; i < end; i++) {
		uint32_t index = MQGATE_STATS_INDEX(MQGATE_SVC_MQTT, i);

		if (bpf_map_lookup_elem(fd, &index, all))
			err(1, "mqgate_stats");
		for (int k = 0; k < cpus; k++)
			sum += all[k].packets;
	}
	return sum;
}

/* ---- traffic ------------------------------------------------------------------------------ */

static uint32_t header_sum(const uint8_t *ip)
{
	uint32_t sum = 0;
	uint16_t word;

	for (int i = 0; i < 20; i += 2) {
		if (i == 2 || i == 10 || i == 12 || i == 14)
			continue;
		memcpy(&word, ip + i, sizeof(word));
		sum += word;
	}
	return sum;
}

void stage_aim(struct stage *s, const struct traffic_kind *kind, uint32_t sources, bool v6)
{
	struct traffic t = { .sources = sources, .v6 = v6, .ifindex = s->out };
	char src[64];
	uint8_t frame[PKT_MAX];
	struct pkt p = { .data = "00*32", .v6 = v6, .src = src };
	uint32_t zero = 0;

	snprintf(src, sizeof(src), v6 ? "2001:db8:18::1" : "198.18.0.1");
	s->frame_len = (uint32_t)pkt_build(&p, frame);
	memcpy(frame, s->mac, sizeof(s->mac));
	memcpy(s->frame, frame, s->frame_len);
	t.sum = v6 ? 0 : header_sum(frame + 14);
	for (int i = 0; i < TRAFFIC_SHAPES; i++) {
		struct traffic_shape *shape = &t.shapes[i];
		const char *data = kind->shapes[i].data;

		if (data)
			shape->length = (uint16_t)pkt_bytes(data, shape->payload,
							    sizeof(shape->payload));
		shape->flags = kind->shapes[i].flags;
		if (!shape->flags)
			shape->flags = data ? PSH | ACK : ACK;
	}
	if (bpf_map_update_elem(map_of(s->traffic, "traffic"), &zero, &t, 0))
		err(1, "traffic");
}
