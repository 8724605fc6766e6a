/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Well-formed first payloads, chance, and mutations of bytes; and what the parser in user space
 * says of the result. One stream of numbers, seeded by MQGATE_SEED; single-threaded.
 */
#ifndef MQG_TEST_MUTATE_H
#define MQG_TEST_MUTATE_H

#include <stddef.h>
#include <stdint.h>

#define MUTATE_LONGEST	700	/* bytes of a payload, before and after */

/* NULL ends them; in the notation of pkt_bytes(). */
extern const char *const mutate_connects[];
extern const char *const mutate_hellos[];

/* Seeds from MQGATE_SEED and prints the seed. Return: MQGATE_RUNS, or @runs unless set. */
unsigned long mutate_begin(unsigned long runs);
/* 0 to @below - 1. */
uint32_t chance(uint32_t below);
/*
 * Up to @most changes of @data, half of them in its first @head bytes; one in eight times none.
 * Return: the new length, at most MUTATE_LONGEST.
 */
size_t mutate(uint8_t *data, size_t len, uint32_t most, size_t head);
/* One of the well-formed payloads into @data (MUTATE_LONGEST). Return: its length. */
size_t mutate_base(int tls, uint8_t *data);

/* The full parse: enum mqw_status, its reason, and at which byte it ended. */
int mutate_parse(int tls, const uint8_t *data, uint32_t len, uint32_t *reason, uint32_t *pos);
/* The reason for which XDP must drop a first payload of a strict service, or 0. */
uint32_t mutate_expected(int tls, const uint8_t *data, uint32_t len);

void mutate_show(const char *what, const uint8_t *data, size_t len);

#endif
