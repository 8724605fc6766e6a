/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What must hold for any stream of packets: the same properties for the vectors and for the
 * fuzzer. No lock: one thread.
 */
#ifndef PACKET_PROPS_H
#define PACKET_PROPS_H

#include <mqgate/mqtt_packet.h>

#define PACKET_MAX	(128U << 20)
#define LEVELS_MAX	200U

/* A stream on its way, and a digest of every packet that ended in it. */
struct walk {
	struct mqp_stream	s;
	int			status;		/* of the last byte; OK when there was none */
	__u32			taken;
	__u32			packets;
	__u64			digest;
};

void walk_begin(struct walk *w, __u32 level, __u32 from);
void walk_feed(struct walk *w, const __u8 *data, __u32 len);

/* A complaint, or NULL when the property holds for these bytes. */
const char *packet_steps(__u32 level, __u32 from, const __u8 *data, __u32 len);
const char *packet_cut(__u32 level, __u32 from, const __u8 *data, __u32 len, __u32 cut);
const char *packet_second_opinion(__u32 level, __u32 from, const __u8 *data, __u32 len);

#endif
