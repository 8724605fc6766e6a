/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A second reading of frames, from the RFCs and docs/architecture.md, written for clarity on bytes
 * and sharing nothing with bpf/parse.h. Stateless.
 */
#ifndef MQG_TEST_REFERENCE_H
#define MQG_TEST_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/mqgate.h>

struct reading {
	bool			ours;		/* to 1883/tcp or 5683/udp, and so far whole */
	uint32_t		reason;		/* for which its headers are to be dropped, or 0 */
	uint8_t			flags;		/* of TCP */
	size_t			payload, length;
	struct mqgate_flow_key	flow;
};

void reference_read(const uint8_t *frame, size_t len, struct reading *r);

#endif
