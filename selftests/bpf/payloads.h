/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The half of the table of xdp_packets.c that is about first payloads: what they say, and what
 * of it one packet does not tell. No state.
 */
#ifndef MQG_TEST_PAYLOADS_H
#define MQG_TEST_PAYLOADS_H

#include "harness.h"

extern const struct scene payload_scenes[];
extern const size_t payload_count;

#endif
