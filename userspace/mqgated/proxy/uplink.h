/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of an uplink: a broker as one worker reaches it. Made by the main thread for a change,
 * then its worker's alone.
 */
#ifndef MQG_UPLINK_H
#define MQG_UPLINK_H

#include "proxy/worker.h"

/* NULL: no memory. */
struct mqg_uplink *mqg_uplink_alloc(struct mqg_worker *worker, struct mqg_pool *pool,
				    const struct mqg_broker *broker);
/* NULL is nothing. */
void mqg_uplink_free(struct mqg_uplink *uplink);

/* Goes by @broker and by @routes, which has those of before then. On the worker's thread. */
void mqg_uplink_apply(struct mqg_uplink *uplink, const struct mqg_config *config,
		      const struct mqg_broker *broker, struct mqg_routes *routes);
/* A change has taken it away; @config is what it belongs to. */
void mqg_uplink_leave(struct mqg_uplink *uplink, const struct mqg_config *config);
/* True where nobody needs it any more; it is freed then. */
bool mqg_uplink_bury(struct mqg_uplink *uplink);

#endif
