/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The judge keeps what the daemon knows of sources (scores, refusals) and is the only
 * writer of verdicts. Workers call it; every function here is thread-safe and none blocks
 * for longer than a map system call. The judge never calls a worker.
 */
#ifndef MQG_JUDGE_H
#define MQG_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/mqgate.h>

#include "config/config.h"

struct mqg_judge;
struct mqg_said;

/* What a client was refused for. Strings may be NULL; they are copied, and never a password. */
struct mqg_refusal {
	uint8_t			addr[16];
	enum mqgate_reason	reason;
	uint32_t		service;
	const char		*client_id;
	const char		*identity;
	bool			spared;		/* counted, and no evidence against its source */
};

/*
 * Counts the refusal (metric per service and reason), remembers it for `mqgate why`, adds the
 * weight of its reason to the score of the source, and bans the source past the threshold.
 */
void mqg_judge_refused(struct mqg_judge *judge, const struct mqg_refusal *refusal);

/*
 * A flow has been authenticated: the broker said yes. Writes ALLOW for it and counts the source as
 * one with a live authenticated flow (such a source is never DROPped by score). *@ticket is 0 only
 * when memory is out (-ENOMEM); any other ticket is taken back by mqg_judge_closed(), also where
 * the answer is -ENOENT (no pins are open; the judge writes the entry when they appear), -EPERM (an
 * operator's ban of the source is in force) or another -errno (the entry could not be written).
 * @identity is the number of the identity in the entry, 0 where nobody was proven. @said goes to
 * mqg_judge_flows_watch() as it is; NULL where it is nobody's concern.
 */
int mqg_judge_allowed(struct mqg_judge *judge, const struct mqgate_flow_key *flow,
		      uint32_t service, uint32_t identity, const struct mqg_said *said,
		      uint64_t *ticket);
void mqg_judge_closed(struct mqg_judge *judge, uint64_t ticket);

/*
 * A client that had been let in is not allowed any more: counted and remembered as a refusal, but
 * no evidence against its source, which did nothing. Its ALLOW, where it has one (@ticket not
 * 0), goes at once and does not come back. The ticket is taken back by mqg_judge_closed() as ever;
 * what mqg_judge_flows_watch() set is told then that the flow was ended.
 */
void mqg_judge_ended(struct mqg_judge *judge, const struct mqg_refusal *refusal, uint64_t ticket);

/*
 * The same for a flow that only passes through this host: the kernel module saw the broker's yes
 * and follows the flow. Nobody was proven: its identity is 0.
 */
int mqg_judge_vouched(struct mqg_judge *judge, const struct mqgate_flow_key *flow,
		      uint32_t service, uint64_t *ticket);

/*
 * The module refused a flow: XDP drops what it still sends, and its ALLOW, where it has one
 * (@ticket not 0), goes and does not come back. The ticket is taken back by mqg_judge_closed() as
 * ever.
 */
void mqg_judge_flow_refused(struct mqg_judge *judge, const struct mqgate_flow_key *flow,
			    uint64_t ticket, enum mqgate_reason reason);

/* Adds the weight of a reason to the score of a source that was not refused for it. */
void mqg_judge_observed(struct mqg_judge *judge, const uint8_t addr[16],
			enum mqgate_reason reason);

#endif
