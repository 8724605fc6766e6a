// SPDX-License-Identifier: BSD-2-Clause
/*
 * Preparing a change: sockets of new listeners, TLS contexts, tables. Main thread; it touches
 * nothing that a worker reads, until the worker takes the change over.
 */
#include "proxy/change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/endpoint.h"
#include "policy/rights.h"
#include "proxy/inherit.h"
#include "proxy/listener.h"
#include "proxy/ticket_keys.h"
#include "proxy/tls.h"
#include "proxy/uplink.h"
#include "upstream/secure.h"

struct mqg_plan {
	const struct mqg_config	*config;	/* to come */
	size_t			*kept;		/* index before; SIZE_MAX: a new listener */
	size_t			*kept_broker;
	struct mqg_tempo_all	**groups;	/* NULL: a group without a limit */
	struct mqg_change	*changes;	/* one a worker */
	size_t			n_changes;
};

static bool same_address(const struct mqg_endpoint *a, const struct mqg_endpoint *b)
{
	return a->addrlen == b->addrlen && !memcmp(&a->addr, &b->addr, a->addrlen);
}

/* The listener of before on the same address; SIZE_MAX: none. */
static size_t find_address(const struct mqg_config *before, const struct mqg_listener *l)
{
	for (size_t i = 0; before && i < before->n_listeners; i++)
		if (same_address(&before->listeners[i].address, &l->address))
			return i;
	return SIZE_MAX;
}

static size_t find_broker(const struct mqg_config *before, const char *name)
{
	for (size_t i = 0; before && i < before->n_brokers; i++)
		if (!strcmp(before->brokers[i].name, name))
			return i;
	return SIZE_MAX;
}

static struct mqg_common *common(struct mqg_common **list, const char *name)
{
	struct mqg_common *c;

	for (c = *list; c; c = c->next)
		if (!strcmp(c->name, name))
			return c;
	c = calloc(1, sizeof(*c) + strlen(name) + 1);
	if (!c)
		return NULL;
	strcpy(c->name, name);
	c->next = *list;
	*list = c;
	return c;
}

static int no_memory(char *why, size_t size)
{
	snprintf(why, size, "no memory for the proxy");
	return -ENOMEM;
}

/* The buckets of groups that go by a name which had them before are those. */
static int plan_groups(struct mqg_proxy *proxy, struct mqg_plan *plan, char *why, size_t size)
{
	const struct mqg_rights *rights = plan->config->rights;
	const struct mqg_rates *rates;

	plan->groups = calloc(mqg_rights_groups(rights) + 1U, sizeof(struct mqg_tempo_all *));
	if (!plan->groups)
		return no_memory(why, size);
	for (uint32_t i = 0; i < mqg_rights_groups(rights); i++) {
		const char *name = mqg_rights_limited(rights, i, &rates);
		struct mqg_common *c = name ? common(&proxy->groups, name) : NULL;

		if (name && !c)
			return no_memory(why, size);
		plan->groups[i] = c ? &c->tempo : NULL;
	}
	return 0;
}

/* The rates that buckets are filled at, before anybody goes by the rest. */
static void commit_rates(const struct mqg_plan *plan)
{
	const struct mqg_config *config = plan->config;
	const struct mqg_rates *rates;

	for (size_t i = 0; plan->n_changes && i < config->n_listeners; i++)
		mqg_tempo_set(plan->changes[0].ports[i]->tempo, &config->listeners[i].limits.all);
	for (uint32_t i = 0; i < mqg_rights_groups(config->rights); i++)
		if (mqg_rights_limited(config->rights, i, &rates))
			mqg_tempo_set(plan->groups[i], rates);
}

/* A port whose socket listens and is in the worker's epoll set, but not watched yet. */
static int new_port(struct mqg_proxy *proxy, struct mqg_worker *worker,
		    const struct mqg_listener *l, int like, struct mqg_port **out, char *why,
		    size_t size)
{
	struct mqg_port *port = calloc(1, sizeof(*port));
	struct mqg_common *c = common(&proxy->listeners, l->address.text);

	*out = port;
	if (!port || !c)
		return no_memory(why, size);
	port->worker = worker;
	port->config = l;
	port->sessions = &c->sessions;
	port->tempo = &c->tempo;
	port->fd = -1;
	mqg_list_init(&port->gone);
	return mqg_port_open(port, like, why, size);
}

static int plan_realms(const struct mqg_listener *l, const struct mqg_port *port, bool renew,
		       struct mqg_facing *facing, char *why, size_t size)
{
	int err = 0;

	facing->realms.list = calloc(l->n_policies + 1, sizeof(*facing->realms.list));
	facing->tls = calloc(l->n_policies + 1, sizeof(SSL_CTX *));
	if (!facing->realms.list || !facing->tls)
		return no_memory(why, size);
	for (size_t i = 0; i < l->n_policies && !err; i++) {
		const struct mqg_policy *policy = &l->policies[i];
		struct mqg_realm *realm = mqg_realms_find(&port->realms, policy);
		bool fresh = !realm;

		if (fresh)
			realm = mqg_realm_alloc(policy);
		if (!realm)
			return no_memory(why, size);
		facing->realms.list[i] = realm;
		facing->realms.n = i + 1;
		if (renew || fresh)
			err = mqg_tls_context(policy, &facing->tls[i], why, size);
	}
	return err;
}

static int plan_port(struct mqg_proxy *proxy, struct mqg_plan *plan, size_t w, size_t i,
		     bool renew, char *why, size_t size)
{
	const struct mqg_listener *l = &plan->config->listeners[i];
	size_t before = find_address(proxy->config, l);
	struct mqg_worker *worker = proxy->workers[w];
	struct mqg_change *change = &plan->changes[w];
	int err = 0;

	if (before != SIZE_MAX && proxy->config->listeners[before].kind == l->kind) {
		change->ports[i] = worker->ports[before];
		plan->kept[i] = before;
	} else {
		int like = before != SIZE_MAX ? worker->ports[before]->fd
					      : mqg_inherit_find(l, w);

		plan->kept[i] = SIZE_MAX;
		err = new_port(proxy, worker, l, like, &change->ports[i], why, size);
		renew = true;
	}
	if (!err)
		err = plan_realms(l, change->ports[i], renew, &change->facing[i], why, size);
	return err;
}

static int plan_uplink(struct mqg_proxy *proxy, struct mqg_plan *plan, size_t w, size_t i,
		       char *why, size_t size)
{
	const struct mqg_broker *broker = &plan->config->brokers[i];
	struct mqg_change *change = &plan->changes[w];
	struct mqg_pool *pool = mqg_pool_get(&proxy->pools, broker->name);
	size_t before = find_broker(proxy->config, broker->name);
	SSL_CTX *tls = NULL;

	if (!pool || mqg_routes_make(&change->routes[i], pool, broker))
		return no_memory(why, size);
	plan->kept_broker[i] = before;
	if (before != SIZE_MAX) {
		change->uplinks[i] = proxy->workers[w]->uplinks[before];
		tls = change->uplinks[i]->routes.tls;
	}
	/* The same configuration has the same files. */
	if (tls && plan->config == proxy->config && SSL_CTX_up_ref(tls))
		change->routes[i].tls = tls;
	else if (broker->tls && mqg_secure_context(broker, &change->routes[i].tls, why, size))
		return -ENOMEM;
	if (before != SIZE_MAX)
		return 0;
	change->uplinks[i] = mqg_uplink_alloc(proxy->workers[w], pool, broker);
	return change->uplinks[i] ? 0 : no_memory(why, size);
}

static int plan_worker(struct mqg_proxy *proxy, struct mqg_plan *plan, size_t w,
		       const bool *renew, char *why, size_t size)
{
	const struct mqg_config *config = plan->config;
	struct mqg_change *change = &plan->changes[w];
	int err = 0;

	plan->n_changes = w + 1;
	change->config = config;
	change->epoch = proxy->epoch + 1;
	change->groups = plan->groups;
	change->ports = calloc(config->n_listeners + 1, sizeof(*change->ports));
	change->facing = calloc(config->n_listeners + 1, sizeof(*change->facing));
	change->uplinks = calloc(config->n_brokers + 1, sizeof(*change->uplinks));
	change->routes = calloc(config->n_brokers + 1, sizeof(*change->routes));
	if (!change->ports || !change->facing || !change->uplinks || !change->routes)
		return no_memory(why, size);
	for (size_t i = 0; i < config->n_brokers && !err; i++)
		err = plan_uplink(proxy, plan, w, i, why, size);
	for (size_t i = 0; i < config->n_listeners && !err; i++)
		err = plan_port(proxy, plan, w, i, !renew || renew[i], why, size);
	return err;
}

/* Somebody else's listener on the address of a new one would share its connections. */
static int probe(const struct mqg_proxy *proxy, const struct mqg_config *config, char *why,
		 size_t size)
{
	int err = 0;

	for (size_t i = 0; i < config->n_listeners && !err; i++)
		if (find_address(proxy->config, &config->listeners[i]) == SIZE_MAX &&
		    mqg_inherit_find(&config->listeners[i], 0) < 0)
			err = mqg_listener_probe(&config->listeners[i], why, size);
	return err;
}

/* Realms that were made for it are freed where @port has not got them; NULL: they are in use. */
static void drop_facing(struct mqg_facing *facing, size_t contexts, const struct mqg_port *port)
{
	for (size_t i = 0; i < facing->realms.n; i++)
		if (port && !mqg_realms_have(&port->realms, facing->realms.list[i]))
			mqg_realm_free(facing->realms.list[i]);
	for (size_t i = 0; facing->tls && i < contexts; i++)
		SSL_CTX_free(facing->tls[i]);
	free(facing->realms.list);
	free(facing->tls);
}

static void drop_tables(struct mqg_plan *plan, struct mqg_change *change)
{
	for (size_t i = 0; change->routes && i < plan->config->n_brokers; i++)
		mqg_routes_free(&change->routes[i]);
	free(change->routes);
	free(change->ports);
	free(change->facing);
	free(change->uplinks);
}

/* What is only the plan's; after the workers went over to it, what was theirs before. */
static void drop_change(struct mqg_plan *plan, struct mqg_change *change)
{
	for (size_t i = 0; change->facing && change->ports && i < plan->config->n_listeners; i++)
		drop_facing(&change->facing[i], plan->config->listeners[i].n_policies,
			    change->ports[i]);
	for (size_t i = 0; change->ports && i < plan->config->n_listeners; i++)
		if (change->ports[i] && plan->kept[i] == SIZE_MAX)
			mqg_port_free(change->ports[i]);
	for (size_t i = 0; change->uplinks && i < plan->config->n_brokers; i++)
		if (plan->kept_broker[i] == SIZE_MAX)
			mqg_uplink_free(change->uplinks[i]);
	drop_tables(plan, change);
}

void mqg_proxy_abandon(struct mqg_plan *plan)
{
	if (!plan)
		return;
	for (size_t w = 0; w < plan->n_changes; w++)
		drop_change(plan, &plan->changes[w]);
	free(plan->changes);
	free(plan->kept);
	free(plan->kept_broker);
	free(plan->groups);
	free(plan);
}

int mqg_proxy_prepare(struct mqg_proxy *proxy, const struct mqg_config *config, const bool *renew,
		      struct mqg_plan **out, char *why, size_t size)
{
	struct mqg_plan *plan = calloc(1, sizeof(*plan));
	int err;

	*out = NULL;
	if (!plan)
		return no_memory(why, size);
	plan->config = config;
	plan->kept = calloc(config->n_listeners + 1, sizeof(*plan->kept));
	plan->kept_broker = calloc(config->n_brokers + 1, sizeof(*plan->kept_broker));
	plan->changes = calloc(proxy->n_workers + 1, sizeof(*plan->changes));
	if (plan->kept && plan->kept_broker && plan->changes)
		err = probe(proxy, config, why, size);
	else
		err = no_memory(why, size);
	if (!err)
		err = plan_groups(proxy, plan, why, size);
	for (size_t w = 0; w < proxy->n_workers && !err; w++)
		err = plan_worker(proxy, plan, w, renew, why, size);
	if (err) {
		mqg_proxy_abandon(plan);
		return err;
	}
	*out = plan;
	return 0;
}

void mqg_proxy_commit(struct mqg_proxy *proxy, struct mqg_plan *plan,
		      const struct mqg_revoked *revoked)
{
	mqg_tickets_configure(proxy->tickets, plan->config);
	commit_rates(plan);
	for (size_t w = 0; w < plan->n_changes; w++) {
		struct mqg_change *change = &plan->changes[w];

		change->revoked = revoked;
		change->taps = proxy->taps;
		mqg_worker_change(proxy->workers[w], change);
		/* The tables are those of before now; what the worker let go it frees itself. */
		for (size_t i = 0; i < plan->config->n_listeners; i++)
			drop_facing(&change->facing[i],
				    plan->config->listeners[i].n_policies, NULL);
		drop_tables(plan, change);
	}
	free(proxy->group_tempo);
	proxy->group_tempo = plan->groups;
	plan->groups = NULL;
	proxy->config = plan->config;
	proxy->epoch++;
	plan->n_changes = 0;
	mqg_proxy_abandon(plan);
}
