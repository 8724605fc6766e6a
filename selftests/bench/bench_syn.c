// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a spoofed SYN costs that is answered with a SYN cookie: by bpf/mqgate.bpf.o, as built, in a
 * SYN flood, and by the kernel itself with tcp_syncookies=2 and no XDP that answers. Native frames
 * (BPF_F_TEST_XDP_LIVE_FRAMES) are redirected into a veth pair; all of the way is counted, and the
 * way of the answer back to the first end. There a native program takes ours, which a veth needs
 * for XDP_TX; the kernel's are thrown away by the stack there, which is cheaper for it.
 *
 * The listener is bound to any address and the host forwards, as a gateway does. Costs are CPU
 * time of this thread, in whose context the softirqs run, and of the CPU's ksoftirqd. Five runs,
 * the two taking turns. Every answer is counted: ours by mqgate_stats, and as it comes back; the
 * kernel's by SyncookiesSent.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <linux/if_link.h>
#include <linux/in.h>
#include <linux/mqgate.h>

#include "rows.h"
#include "syn.h"

#define REPEAT	1000000U

static struct {
	struct bpf_object	*ours, *traffic;
	int			answer, send, take, pass;	/* programs */
	int			stats, svc, state;		/* maps */
	int			cpus, ksoftirqd;
	uint32_t		out, in;			/* the veth pair */
} b;

static int program_of(struct bpf_object *object, const char *name)
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

static struct bpf_object *load(const char *dir, const char *name)
{
	struct bpf_object *object;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	object = bpf_object__open_file(path, NULL);
	if (!object || bpf_object__load(object))
		err(1, "%s", path);
	return object;
}

static void load_all(const char *top, const char *output)
{
	struct mqgate_service svc = { .flags = MQGATE_SVC_F_COOKIES, .syn_rate = 1000 };

	b.ours = load(top, "bpf/mqgate.bpf.o");
	b.answer = program_of(b.ours, "mqgate_xdp");
	b.stats = map_of(b.ours, MQGATE_MAP_STATS);
	b.svc = map_of(b.ours, MQGATE_MAP_SVC);
	b.traffic = load(output, "syn.bpf.o");
	b.send = program_of(b.traffic, "send_syn");
	b.take = program_of(b.traffic, "take_answer");
	b.pass = program_of(b.traffic, "pass");
	b.state = map_of(b.traffic, "syn_traffic");
	if (bpf_map_update_elem(b.svc, &(uint32_t){ MQGATE_SVC_MQTT }, &svc, 0))
		err(1, "mqgate_svc");
}

/* A network namespace with the pair, a listener, and neighbours for the way back. */
static void stage(void)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(1883) };
	int fd;

	if (unshare(CLONE_NEWNET))
		err(1, "network namespace");
	if (system("ip link set lo up && ip link add out type veth peer name in && "
		   "sysctl -qw net.ipv6.conf.in.accept_dad=0 net.ipv4.tcp_syncookies=2 "
		   "net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.in.rp_filter=0 "
		   "net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 && "
		   "ip link set out address 02:00:00:00:00:01 up && "
		   "ip link set in address 02:00:00:00:00:02 up && "
		   "ip addr add 10.9.0.1/24 dev in && ip addr add fd00:9::1/64 dev in nodad && "
		   "ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:03 dev in && "
		   "ip neigh add fd00:9::2 lladdr 02:00:00:00:00:03 dev in && "
		   "ip route add 198.18.0.0/15 via 10.9.0.2 dev in && "
		   "ip -6 route add 2001:db8::/32 via fd00:9::2 dev in"))
		errx(1, "the stage cannot be set");
	b.out = if_nametoindex("out");
	b.in = if_nametoindex("in");
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 128))
		err(1, "listener");
}

static void pin_to_last_cpu(void)
{
	int cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
	char path[64], name[32], comm[32];
	cpu_set_t set;
	FILE *f;

	b.cpus = libbpf_num_possible_cpus();
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "affinity");
	snprintf(name, sizeof(name), "ksoftirqd/%d\n", cpu);
	for (int pid = 2; pid < 1000 && !b.ksoftirqd; pid++) {
		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fgets(comm, sizeof(comm), f) && !strcmp(comm, name))
			b.ksoftirqd = pid;
		fclose(f);
	}
}

/* ---- the SYN ------------------------------------------------------------------------------ */

/* Words as they lie in memory, which is how the program sums them. */
static uint32_t sum(const void *from, size_t bytes, uint32_t start)
{
	const uint8_t *at = from;

	for (size_t i = 0; i < bytes; i += 2) {
		uint16_t word;

		memcpy(&word, at + i, 2);
		start += word;
	}
	return start;
}

/* Into @t the SYN and the sums of what never changes in it. Return: its length. */
static uint32_t describe(struct syn_traffic *t, bool v6)
{
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	uint8_t *ip = t->frame + 14, *tcp = ip + (v6 ? 40 : 20);

	memset(t->frame, 0, sizeof(t->frame));
	memcpy(t->frame, macs, 12);
	if (v6) {
		memcpy(t->frame + 12, "\x86\xdd\x60\0\0\0\0\x18\x06\x40", 10);
		inet_pton(AF_INET6, "2001:db8::7", ip + 8);
		inet_pton(AF_INET6, "fd00:9::1", ip + 24);
	} else {
		memcpy(t->frame + 12, "\x08\0\x45\0\0\x2c\0\0\x40\0\x40\x06", 12);
		inet_pton(AF_INET, "10.9.0.1", ip + 16);
		t->ip_sum = sum(ip, 20, 0);
	}
	memcpy(tcp + 2, "\x07\x5b", 2);
	memcpy(tcp + 12, "\x60\x02\xfa\xf0", 4);
	memcpy(tcp + 20, "\x02\x04\x05\xb4", 4);
	t->tcp_sum = sum(tcp, 24, htons(IPPROTO_TCP) + htons(24));
	t->tcp_sum = sum(v6 ? ip + 8 : ip + 12, v6 ? 32 : 8, t->tcp_sum);
	t->v6 = v6;
	t->ifindex = b.out;
	return (uint32_t)(tcp + 24 - t->frame);
}

/* ---- measuring -------------------------------------------------------------------------- */

static double cpu_ns(void)
{
	unsigned long long softirqd = 0;
	struct timespec ts;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", b.ksoftirqd);
	f = b.ksoftirqd ? fopen(path, "r") : NULL;
	if (f && fscanf(f, "%llu", &softirqd) != 1)
		errx(1, "%s cannot be read", path);
	if (f)
		fclose(f);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec + (double)softirqd;
}

static uint64_t by_xdp(void)
{
	uint32_t index = MQGATE_STATS_INDEX(MQGATE_SVC_MQTT, MQGATE_REASON_SYN_COOKIE);
	struct mqgate_stat *all = calloc((size_t)b.cpus, sizeof(*all));
	uint64_t packets = 0;

	if (!all || bpf_map_lookup_elem(b.stats, &index, all))
		err(1, "mqgate_stats");
	for (int i = 0; i < b.cpus; i++)
		packets += all[i].packets;
	free(all);
	return packets;
}

/* SyncookiesSent is the first value of TcpExt. */
static uint64_t by_kernel(void)
{
	unsigned long long sent = 0;
	bool found = false;
	char line[8192];
	FILE *f = fopen("/proc/net/netstat", "r");

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "TcpExt: %llu", &sent) == 1;
	if (!found)
		errx(1, "/proc/net/netstat has no SyncookiesSent");
	fclose(f);
	return sent;
}

/* Writes the state of every CPU, or reads how many answers came back. */
static uint64_t traffic(const struct syn_traffic *one)
{
	struct syn_traffic *all = calloc((size_t)b.cpus, sizeof(*all));
	uint64_t answers = 0;

	if (!all)
		err(1, "calloc");
	for (int i = 0; one && i < b.cpus; i++)
		all[i] = *one;
	if (one ? bpf_map_update_elem(b.state, &(uint32_t){ 0 }, all, 0) :
		  bpf_map_lookup_elem(b.state, &(uint32_t){ 0 }, all))
		err(1, "syn_traffic");
	for (int i = 0; i < b.cpus; i++)
		answers += all[i].answers;
	free(all);
	return answers;
}

static void attach(uint32_t ifindex, int prog)
{
	if (bpf_xdp_attach((int)ifindex, prog, XDP_FLAGS_DRV_MODE, NULL))
		err(1, "attach to veth");
}

static void detach(uint32_t ifindex)
{
	if (bpf_xdp_detach((int)ifindex, XDP_FLAGS_DRV_MODE, NULL))
		err(1, "detach from veth");
}

static void must_answer(const char *who, uint64_t count)
{
	if (count < REPEAT - REPEAT / 100)
		errx(1, "%s answered %llu of %u SYNs", who, (unsigned long long)count, REPEAT);
}

/* CPU ns a SYN, answered by @prog on the far end, or by the kernel behind it. */
static double run(bool ours, const struct syn_traffic *t, uint32_t len)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = t->frame, .data_size_in = len,
		    .repeat = REPEAT, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	uint64_t before;
	double ns;

	traffic(t);
	attach(b.in, ours ? b.answer : b.pass);
	if (ours)
		attach(b.out, b.take);
	before = ours ? by_xdp() : by_kernel();
	ns = cpu_ns();
	if (bpf_prog_test_run_opts(b.send, &opts))
		err(1, "BPF_PROG_TEST_RUN");
	ns = cpu_ns() - ns;
	must_answer(ours ? "XDP" : "the kernel", (ours ? by_xdp() : by_kernel()) - before);
	if (ours)
		must_answer("XDP, as it came back,", traffic(NULL));
	if (ours)
		detach(b.out);
	detach(b.in);
	return ns / REPEAT;
}

static void measure(bool v6, struct row *row)
{
	struct syn_traffic t = {};
	uint32_t len = describe(&t, v6);

	for (int i = 0; i < ROW_RUNS; i++) {
		row->limit[i] = run(false, &t, len);
		row->ours[i] = run(true, &t, len);
	}
}

int main(void)
{
	const char *top = getenv("MQGATE_TOP"), *output = getenv("MQGATE_OUTPUT");
	struct row rows[2] = {
		{ .id = "xdp-syn-cookie-v4", .what = "spoofed SYN answered, IPv4" },
		{ .id = "xdp-syn-cookie-v6", .what = "spoofed SYN answered, IPv6" },
	};
	char dir[4096];

	if (!top || !output)
		errx(1, "run me by: make bench-xdp");
	if (geteuid() != 0)
		errx(1, "loading BPF needs root: sudo make bench-xdp");
	pin_to_last_cpu();
	load_all(top, output);
	stage();
	for (int i = 0; i < 2; i++) {
		rows[i].unit = "CPU ns/pkt";
		rows[i].better = "lower";
		rows[i].against = rows[i].peer = "kernel SYN cookies";
		rows[i].target = 0.2;
		measure(i == 1, &rows[i]);
	}
	printf("SYN flood over veth, both ways counted; limit: the kernel's own SYN cookies; "
	       "%d runs, medians\n", ROW_RUNS);
	rows_print(rows, 2);
	snprintf(dir, sizeof(dir), "%s/bench-results", top);
	return rows_write(rows, 2, dir, "syn") ? 1 : 0;
}
