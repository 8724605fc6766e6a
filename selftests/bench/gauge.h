/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet costs on the stage, in nanoseconds of CPU time:
 *
 *	alone	BPF_PROG_TEST_RUN of a program that makes another packet each time and calls the
 *		measured one, on the measured CPU
 *	wired	native frames (BPF_F_TEST_XDP_LIVE_FRAMES), made on one CPU and redirected into a
 *		veth pair, whose far end a kernel thread polls on the other: all of its time
 *
 * Both go before whatever else wants the CPU (SCHED_FIFO), for the fraction of a second they take.
 */
#ifndef MQG_BENCH_GAUGE_H
#define MQG_BENCH_GAUGE_H

#include "stage.h"

struct gauge {
	double	ns;		/* a packet */
	double	pps;
	double	busy;		/* of the measured CPU, 0..1: it ran or wanted to */
	double	disturbed;	/* share of the time that something else had the CPU, 0..1 */
};

double gauge_alone(struct stage *s, int prog, uint32_t packets, uint32_t verdict);
struct gauge gauge_wired(struct stage *s, int prog, uint32_t packets);

/* Attaches to the far end (-1: leaves what is there), and finds and pins its thread. */
void gauge_attach(struct stage *s, int prog);
/* The same without counting what the far end takes, in whose namespace this is called. */
void gauge_attach_alone(struct stage *s, int prog);
/* From now on frames leave through @s->out, @rate a second; 0 = as fast as it goes. */
void gauge_pace(struct stage *s, double rate);
uint64_t gauge_received(struct stage *s);

/* ns that a thread has run, and has waited for a CPU. */
void gauge_time(pid_t pid, double *ran, double *waited);
double gauge_now(void);

#endif
