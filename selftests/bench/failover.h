/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two servers of the benchmark of failover, and what they have of the devices' messages. One
 * thread starts and ends them.
 */
#ifndef MQG_BENCH_FAILOVER_H
#define MQG_BENCH_FAILOVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAILOVER_DEVICES	50
#define FAILOVER_NUMBERS	65536U
/* A message of a device: topic t, the device and a number of two bytes. */
#define FAILOVER_PAYLOAD	3

/* By device and number: not 0 where a server has it. */
extern _Atomic uint8_t (*failover_kept)[FAILOVER_NUMBERS];

void failover_prepare(void);

bool failover_take(int fd, void *to, size_t len);
bool failover_give(int fd, const void *from, size_t len);

/*
 * Starts both: the benchmark's own, of which each has what the other one has acknowledged, or
 * mosquittos, with a subscriber at each that tells what it was sent.
 */
void failover_start(const char *dir, bool mosquitto);
/* SIGKILL, for the first one. */
void failover_kill(void);
void failover_stop(void);

#endif
