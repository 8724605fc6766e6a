// SPDX-License-Identifier: BSD-2-Clause
/*
 * The flood: TCP segments with malformed first payloads, or SYNs, from many sources, as fast as
 * one core makes them or at a given rate. It counts what the kernel took, by shape, and prints
 * that as JSON when it is done or told to stop. Run by run.sh inside the devices' namespace, and
 * by syn_flood.sh.
 *
 * One thread; `stopped` is set by the signal handler only.
 */
#include "packet.h"
#include "target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64

struct flood {
	const char	*dev;
	uint8_t		smac[6], dmac[6];
	uint64_t	count, rate, seed;
	bool		syn;			/* SYNs in place of payloads */
	uint32_t	sources;
	struct target	target[TARGETS_MAX];
	uint64_t	*shape_sent[TARGETS_MAX];
	size_t		n_targets;
	int		fd;
	uint8_t		*seen;			/* a bit a source */
	uint64_t	sent, sent4, sent6, retried;
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* splitmix64 (Steele, Lea, Flood, 2014): any seed, no state but the counter. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/*
 * Source number @n: 100.64.0.0/12 (RFC 6598) and up, or an address of its own /64 below
 * 2001:db8:f000::/36. run.sh counts by these prefixes.
 */
static struct in6_addr source(uint32_t n, bool v6, uint64_t noise)
{
	struct in6_addr a = { 0 };
	uint32_t word;

	if (!v6) {
		word = htonl(0x64400000 + n);
		memcpy(&a.s6_addr[12], &word, 4);
		return a;
	}
	memcpy(a.s6_addr, "\x20\x01\x0d\xb8\xf0", 5);
	a.s6_addr[5] = (uint8_t)(n >> 16);
	a.s6_addr[6] = (uint8_t)(n >> 8);
	a.s6_addr[7] = (uint8_t)n;
	memcpy(&a.s6_addr[8], &noise, 8);
	return a;
}

/* Builds packet number @i and says which target and shape it is for. */
static size_t build(const struct flood *f, uint64_t i, uint8_t *frame, size_t *target,
		    size_t *shape, uint32_t *number)
{
	uint64_t r = mix(f->seed ^ mix(i)), q = mix(r);
	uint32_t per_family = f->sources / 2 ? f->sources / 2 : 1;
	const struct target *t;
	struct segment s = { .hop_limit = (uint8_t)(40 + (q >> 56) % 80) };

	*target = i % f->n_targets;
	t = &f->target[*target];
	*shape = (r >> 16) % t->n_shapes;
	/* A prime stride: a target meets all sources of its family before one comes again. */
	*number = (uint32_t)(i / f->n_targets * 2654435761U % per_family);
	memcpy(s.smac, f->smac, 6);
	memcpy(s.dmac, f->dmac, 6);
	s.v6 = t->v6;
	s.saddr = source(*number, t->v6, q);
	s.daddr = t->addr;
	s.sport = (uint16_t)(1024 + (r >> 32) % 64512);
	s.dport = t->port;
	s.seq = (uint32_t)q;
	s.ack = (uint32_t)(q >> 32);
	s.timestamps = r >> 63;
	s.payload = t->shapes[*shape].bytes;
	s.length = t->shapes[*shape].length;
	if (f->syn) {
		s.syn = true;
		s.ack = 0;
		s.timestamps = false;
		s.length = 0;
	}
	if (t->v6)
		*number += per_family;
	return packet_build(&s, frame);
}

static void account(struct flood *f, size_t target, size_t shape, uint32_t number)
{
	f->shape_sent[target][shape]++;
	f->sent++;
	if (f->target[target].v6)
		f->sent6++;
	else
		f->sent4++;
	f->seen[number / 8] |= (uint8_t)(1 << number % 8);
}

/* Waits until the @sent-th packet is due. */
static void pace(const struct flood *f, uint64_t start)
{
	uint64_t due = start + f->sent * 1000000000 / f->rate;
	struct timespec until = { (time_t)(due / 1000000000), (long)(due % 1000000000) };

	if (due > now_ns())
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static int run(struct flood *f)
{
	static uint8_t frames[BATCH][PACKET_MAX];
	struct mmsghdr messages[BATCH];
	struct iovec iov[BATCH];
	size_t target[BATCH], shape[BATCH], n, k;
	uint32_t number[BATCH];
	uint64_t i = 0, start = now_ns();
	int took;

	while (!stopped && (f->count == 0 || f->sent < f->count)) {
		for (n = 0; n < BATCH && (f->count == 0 || i < f->count); n++, i++) {
			iov[n].iov_base = frames[n];
			iov[n].iov_len = build(f, i, frames[n], &target[n], &shape[n], &number[n]);
			memset(&messages[n], 0, sizeof(messages[n]));
			messages[n].msg_hdr.msg_iov = &iov[n];
			messages[n].msg_hdr.msg_iovlen = 1;
		}
		for (k = 0; k < n && !stopped;) {
			took = sendmmsg(f->fd, messages + k, (unsigned int)(n - k), 0);
			if (took > 0) {
				/* A short count stands for an error of the packet behind it. */
				f->retried += (size_t)took < n - k;
				while (took--) {
					account(f, target[k], shape[k], number[k]);
					k++;
				}
			} else if (errno == ENOBUFS || errno == EAGAIN) {
				f->retried++;	/* the ring of the veth is full: the same again */
			} else if (errno != EINTR) {
				return -errno;
			}
		}
		if (f->rate)
			pace(f, start);
	}
	return 0;
}

static void report(const struct flood *f, double seconds)
{
	uint32_t sources = 0, i;
	const char *comma = "";
	size_t t, s;

	for (i = 0; i < f->sources + 2; i++)
		sources += f->seen[i / 8] >> i % 8 & 1;
	printf("{\"sent\": %llu, \"ipv4\": %llu, \"ipv6\": %llu, \"sources\": %u, "
	       "\"seconds\": %.3f, \"rate\": %.0f, \"retried\": %llu, \"shapes\": [",
	       (unsigned long long)f->sent, (unsigned long long)f->sent4,
	       (unsigned long long)f->sent6, sources, seconds, (double)f->sent / seconds,
	       (unsigned long long)f->retried);
	for (t = 0; t < f->n_targets; t++) {
		for (s = 0; s < f->target[t].n_shapes; s++) {
			printf("%s\n  {\"family\": %d, \"port\": %u, \"line\": %d, "
			       "\"shape\": \"%s\", \"sent\": %llu}",
			       comma, f->target[t].v6 ? 6 : 4, f->target[t].port,
			       f->target[t].shapes[s].line, f->target[t].shapes[s].name,
			       (unsigned long long)f->shape_sent[t][s]);
			comma = ",";
		}
	}
	printf("\n]}\n");
}

static int open_device(struct flood *f)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET };
	struct ifreq ifr = { 0 };
	int one = 1;

	/* Protocol 0: it sends only, and nothing is queued for it to receive. */
	f->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (f->fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", f->dev);
	if (ioctl(f->fd, SIOCGIFHWADDR, &ifr) < 0)
		return -errno;
	memcpy(f->smac, ifr.ifr_hwaddr.sa_data, 6);
	ll.sll_ifindex = (int)if_nametoindex(f->dev);
	if (bind(f->fd, (struct sockaddr *)&ll, sizeof(ll)) < 0 ||
	    setsockopt(f->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) < 0)
		return -errno;
	return 0;
}

static int usage(void)
{
	fprintf(stderr,
		"usage: flood -i DEV -g GATEWAY-MAC [-n COUNT] [-r PACKETS/S] [-S SOURCES]\n"
		"             [-s SEED] [-y] TARGET...\n"
		"  -y sends SYNs in place of malformed payloads\n"
		"  TARGET is mqtt:ADDRESS:PORT or tls:ADDRESS:PORT, IPv6 in brackets;\n"
		"  COUNT 0 sends until SIGINT or SIGTERM\n");
	return 2;
}

static int parse(struct flood *f, int argc, char **argv)
{
	struct target *t;
	int c;

	while ((c = getopt(argc, argv, "i:g:n:r:S:s:y")) != -1) {
		switch (c) {
		case 'i':
			f->dev = optarg;
			break;
		case 'g':
			if (sscanf(optarg, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &f->dmac[0],
				   &f->dmac[1], &f->dmac[2], &f->dmac[3], &f->dmac[4],
				   &f->dmac[5]) != 6)
				return -EINVAL;
			break;
		case 'n':
			f->count = strtoull(optarg, NULL, 10);
			break;
		case 'r':
			f->rate = strtoull(optarg, NULL, 10);
			break;
		case 'S':
			f->sources = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'y':
			f->syn = true;
			break;
		case 's':
			f->seed = strtoull(optarg, NULL, 10);
			break;
		default:
			return -EINVAL;
		}
	}
	for (; optind < argc; optind++) {
		t = &f->target[f->n_targets];
		if (f->n_targets == TARGETS_MAX || target_parse(argv[optind], t)) {
			fprintf(stderr, "flood: %s: not a target, or one too many\n",
				argv[optind]);
			return -EINVAL;
		}
		f->shape_sent[f->n_targets++] = calloc(t->n_shapes, sizeof(uint64_t));
	}
	/* Both families have 2^20 numbers; see source(). */
	return f->dev && f->n_targets && f->sources <= 2U << 20 ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct flood f = { .count = 1000000, .sources = 131072, .seed = 1 };
	struct sigaction act = { .sa_handler = stop };
	uint64_t start;
	int err;

	if (parse(&f, argc, argv))
		return usage();
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	f.seen = calloc(1, f.sources / 8 + 2);
	err = f.seen ? open_device(&f) : -ENOMEM;
	if (err) {
		fprintf(stderr, "flood: %s: %s\n", f.dev, strerror(-err));
		return 1;
	}
	start = now_ns();
	err = run(&f);
	if (err)
		fprintf(stderr, "flood: sending on %s: %s\n", f.dev, strerror(-err));
	report(&f, (double)(now_ns() - start) / 1e9);
	return err ? 1 : 0;
}
