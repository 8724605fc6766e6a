/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A second opinion on one whole packet, made in another way than mqtt_packet.h: the packet is in
 * memory, and what is allowed stands in tables. Used by packet_test.c and fuzz_packet.c.
 */
#ifndef PACKET_REF_H
#define PACKET_REF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the packet that begins at @data; 0: cannot be told yet; -1: never. */
long ref_length(const uint8_t *data, size_t len);

/* Is the packet of exactly @len bytes well-formed? @from: 0 client, 1 server */
bool ref_good(const uint8_t *data, size_t len, int level, int from, unsigned int max_levels);

#endif
