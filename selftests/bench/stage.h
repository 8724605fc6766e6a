/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where packets are measured: mqgate's object as built, with full maps, beside the bare programs
 * of bare.bpf.c on the same maps; and a veth pair in namespaces of this process's own, whose far
 * end is polled by a kernel thread on a CPU of its own. Single-threaded.
 */
#ifndef MQG_BENCH_STAGE_H
#define MQG_BENCH_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "traffic.h"

#define STAGE_FRAME	128

struct traffic_kind;

struct stage {
	const char	*top, *output;
	struct bpf_object *ours, *bare, *traffic;
	int		send_cpu, measured_cpu;
	uint32_t	out, in;		/* the veth pair */
	char		out_name[16], in_name[16];
	uint8_t		mac[6];			/* of the far end */
	pid_t		poller;			/* the kernel thread, while a program is attached */
	uint8_t		frame[STAGE_FRAME];
	uint32_t	frame_len;
	uint64_t	*known;		/* mqgate_known of ours */
	uint32_t	known_order;
};

/* Namespaces, veth pair, the programs that make traffic. Exits with a message on failure. */
void stage_init(struct stage *s, const char *top, const char *output);

/*
 * Loads ours and the bare programs, with tables of @entries each, filled with entries of others;
 * stage_unload() forgets them.
 */
void stage_load(struct stage *s, uint32_t entries, bool v6);
void stage_unload(struct stage *s);

/*
 * Fills both tables anew: DROP verdicts on the first @bans sources of traffic, ALLOWs of the flows
 * of the first @allows; and others of whom nothing comes, until the tables are full.
 */
void stage_fill(struct stage *s, uint32_t bans, uint32_t allows, bool v6);

/* What is sent from now on: @shapes in turn, from @sources of them. */
void stage_aim(struct stage *s, const struct traffic_kind *kind, uint32_t sources, bool v6);

int stage_program(struct bpf_object *object, const char *name);

/* Packets that ours has counted so far, with reasons that drop or that pass. */
uint64_t stage_counted(struct stage *s, bool dropped);
uint64_t stage_counted_in(int stats, bool dropped);

/* A thread runs on @cpu from now on; before all others, where @first. */
void stage_pin(pid_t pid, int cpu, bool first);

/* ---- what is sent -------------------------------------------------------------------- */

struct traffic_kind {
	const char	*id, *what;
	struct {
		const char	*data;		/* as in ../bpf/packet.h; NULL = none */
		uint8_t		flags;		/* 0 = PSH|ACK with payload, ACK without */
	} shapes[TRAFFIC_SHAPES];
};

extern const struct traffic_kind kind_malformed, kind_contents, kind_banned, kind_allowed;

#endif
