/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the workers share of TLS handshakes: how fast sources may begin them, how many there are at
 * once, and which sources are known for sessions that were authenticated. Any worker's thread;
 * sources have locks of their own, the rest are atomics. Asked once a handshake, never a message.
 *
 * Of a bounded size: what a source may take is remembered for MQG_BUDGET_SOURCES of them, the
 * emptiest bucket makes room, and where all have handshakes under way the source is held to what
 * all may take together. A source is an address, of IPv6 a /64.
 */
#ifndef MQG_BUDGET_H
#define MQG_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/mqgate.h>

#include "config/config.h"

#define MQG_BUDGET_SOURCES	65536
/* Known sources have a table of their own: strangers cannot displace them. */
#define MQG_BUDGET_KNOWN	65536

struct mqg_budget;

/* Return: NULL when memory or randomness is out. */
struct mqg_budget *mqg_budget_alloc(void);
void mqg_budget_free(struct mqg_budget *budget);

/**
 * mqg_budget_source_take() - may this source begin one more?
 * @limits:  of the configuration
 * @now:     CLOCK_MONOTONIC, ns
 * @counted: out: mqg_budget_source_give() is due when the handshake is over
 */
bool mqg_budget_source_take(struct mqg_budget *budget, const struct mqg_handshakes *limits,
			    const struct mqgate_source_key *source, uint64_t now, bool *counted);
/*
 * Has it begun all that its rate gives? Takes nothing. How many it has under way is not asked: that
 * may be another number when its ClientHello is there.
 */
bool mqg_budget_source_spent(struct mqg_budget *budget, const struct mqg_handshakes *limits,
			     const struct mqgate_source_key *source, uint64_t now);
void mqg_budget_source_give(struct mqg_budget *budget, const struct mqgate_source_key *source);

/*
 * A place among those under way, and a token of the rate of all. Of both a quarter is kept for
 * sources that are known. True: mqg_budget_place_give() is due.
 */
bool mqg_budget_place_take(struct mqg_budget *budget, const struct mqg_handshakes *limits,
			   bool known, uint64_t now);
void mqg_budget_place_give(struct mqg_budget *budget);
uint32_t mqg_budget_places(struct mqg_budget *budget);

/*
 * A session of @source was authenticated, and is over. Begin returns whether it is remembered: only
 * then is end due. After its last one a source stays known for @keep ns.
 */
bool mqg_budget_known_begin(struct mqg_budget *budget, const struct mqgate_source_key *source,
			    uint64_t now);
void mqg_budget_known_end(struct mqg_budget *budget, const struct mqgate_source_key *source,
			  uint64_t now, uint64_t keep);
bool mqg_budget_known(struct mqg_budget *budget, const struct mqgate_source_key *source,
		      uint64_t now);

#endif
