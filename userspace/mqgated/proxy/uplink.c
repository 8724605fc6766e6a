// SPDX-License-Identifier: BSD-2-Clause
/* The life of an uplink; see uplink.h. */
#include "proxy/uplink.h"

#include <stdlib.h>

#include "proxy/session.h"

struct mqg_uplink *mqg_uplink_alloc(struct mqg_worker *worker, struct mqg_pool *pool,
				    const struct mqg_broker *broker)
{
	struct mqg_uplink *uplink = calloc(1, sizeof(*uplink));

	if (!uplink)
		return NULL;
	uplink->worker = worker;
	uplink->pool = pool;
	uplink->config = broker;
	mqg_list_init(&uplink->gone);
	mqg_list_init(&uplink->waiting);
	mqg_list_init(&uplink->lost);
	mqg_timer_init(&uplink->look, mqg_away_look);
	mqg_timer_init(&uplink->cut, mqg_cut_look);
	return uplink;
}

void mqg_uplink_free(struct mqg_uplink *uplink)
{
	if (!uplink)
		return;
	if (uplink->checks.checker)
		mqg_checks_stop(&uplink->checks);
	mqg_courier_stop(&uplink->courier);
	mqg_routes_free(&uplink->routes);
	mqg_config_put(uplink->held);
	free(uplink);
}

void mqg_uplink_apply(struct mqg_uplink *uplink, const struct mqg_config *config,
		      const struct mqg_broker *broker, struct mqg_routes *routes)
{
	struct mqg_worker *worker = uplink->worker;
	struct mqg_routes before = uplink->routes;

	uplink->config = broker;
	uplink->routes = *routes;
	*routes = before;
	if (!uplink->timeout.link.next)
		mqg_timer_class_init(&worker->timers, &uplink->timeout, 0);
	mqg_timer_class_change(&uplink->timeout, broker->connect_timeout_ms, worker->now);
	mqg_timer_disarm(&uplink->cut);
	if (broker->health.down != MQG_DOWN_KEEP)
		mqg_timer_arm(&uplink->cut, &worker->cutting, worker->now);
	if (!worker->asks)
		return;
	if (!uplink->checks.checker) {
		mqg_checks_init(&uplink->checks, &worker->checker, &worker->timers);
		mqg_courier_init(&uplink->courier, &(struct mqg_courier_place){
			.storing = &worker->storing, .worker = worker->number,
			.epfd = worker->epfd, .now = &worker->now, .timers = &worker->timers,
		}, uplink->pool);
	}
	mqg_checks_start(&uplink->checks, broker, &uplink->routes, config->mark);
	if (config->store.directory)
		mqg_courier_start(&uplink->courier, broker, &uplink->routes, config->mark);
}

void mqg_uplink_leave(struct mqg_uplink *uplink, const struct mqg_config *config)
{
	uplink->held = mqg_config_get(config);
	mqg_timer_disarm(&uplink->cut);
	if (uplink->checks.checker)
		mqg_checks_stop(&uplink->checks);
	mqg_courier_stop(&uplink->courier);
	mqg_list_append(&uplink->worker->gone_uplinks, &uplink->gone);
}

bool mqg_uplink_bury(struct mqg_uplink *uplink)
{
	if (!mqg_list_empty(&uplink->timeout.queue) || !mqg_list_empty(&uplink->waiting) ||
	    !mqg_list_empty(&uplink->lost))
		return false;
	mqg_list_remove(&uplink->gone);
	mqg_timer_disarm(&uplink->look);
	mqg_timer_class_exit(&uplink->timeout);
	if (uplink->checks.checker) {
		mqg_checks_exit(&uplink->checks);
		mqg_courier_exit(&uplink->courier);
	}
	mqg_uplink_free(uplink);
	return true;
}
