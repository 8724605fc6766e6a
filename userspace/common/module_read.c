// SPDX-License-Identifier: BSD-2-Clause
/*
 * From attributes to structures; see module_read.h. An attribute that is not known, or not of
 * the size that it should have, is passed over: a newer module may say more.
 */
#include "common/module_read.h"

#include <netinet/in.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/mqgate_netlink.h>

/* The attributes of a nest or a message by their number; @max is the highest one wanted. */
struct table {
	const struct nlattr	**attrs;
	uint16_t		max;
};

static void enter(const struct nlattr *attr, const struct table *table)
{
	uint16_t type = mnl_attr_get_type(attr);

	if (type <= table->max)
		table->attrs[type] = attr;
}

static void read_message(const struct nlmsghdr *message, const struct nlattr **attrs)
{
	const struct table table = { attrs, MQGATE_A_MAX };
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(struct genlmsghdr))
		return;
	mnl_attr_for_each(attr, message, sizeof(struct genlmsghdr))
		enter(attr, &table);
}

static void read_nest(const struct nlattr *nest, const struct nlattr **attrs, uint16_t max)
{
	const struct table table = { attrs, max };
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest)
		enter(attr, &table);
}

/* Copies an attribute of exactly that size; leaves @to as it is otherwise. */
static bool copy(const struct nlattr *attr, void *to, size_t size)
{
	if (!attr || mnl_attr_get_payload_len(attr) != size)
		return false;
	memcpy(to, mnl_attr_get_payload(attr), size);
	return true;
}

#define COPY(attrs, name, field)	copy((attrs)[MQGATE_A_##name], &(field), sizeof(field))

static void read_id(const struct nlattr *attr, struct mqg_module_client *client)
{
	size_t length;

	client->id_length = -1;
	if (!attr)
		return;
	length = mnl_attr_get_payload_len(attr);
	if (length > sizeof(client->id))
		return;
	memcpy(client->id, mnl_attr_get_payload(attr), length);
	client->id_length = (int)length;
}

static bool read_client(const struct nlattr *nest, struct mqg_module_client *client)
{
	const struct nlattr *attrs[MQGATE_A_CLIENT_MAX + 1] = {};

	memset(client, 0, sizeof(*client));
	if (!nest)
		return false;
	read_nest(nest, attrs, MQGATE_A_CLIENT_MAX);
	read_id(attrs[MQGATE_A_CLIENT_ID], client);
	/* The key of the maps; the module follows nothing else. */
	client->flow.proto = IPPROTO_TCP;
	COPY(attrs, CLIENT_SLOT, client->slot);
	COPY(attrs, CLIENT_LAST, client->last);
	COPY(attrs, CLIENT_SERVICE, client->service);
	COPY(attrs, CLIENT_PHASE, client->phase);
	COPY(attrs, CLIENT_LEVEL, client->level);
	COPY(attrs, CLIENT_KEEP_ALIVE, client->keep_alive);
	COPY(attrs, CLIENT_CONNECT_FLAGS, client->connect_flags);
	COPY(attrs, CLIENT_FLAGS, client->flags);
	COPY(attrs, CLIENT_IDENTITY, client->identity);
	COPY(attrs, CLIENT_VERDICT, client->verdict);
	COPY(attrs, CLIENT_REASON, client->reason);
	COPY(attrs, CLIENT_OFFENCES, client->offences);
	COPY(attrs, CLIENT_IDLE, client->idle_ms);
	COPY(attrs, CLIENT_PACKETS_IN, client->packets[MQGATE_FROM_CLIENT]);
	COPY(attrs, CLIENT_PACKETS_OUT, client->packets[MQGATE_FROM_SERVER]);
	COPY(attrs, CLIENT_BYTES_IN, client->bytes[MQGATE_FROM_CLIENT]);
	COPY(attrs, CLIENT_BYTES_OUT, client->bytes[MQGATE_FROM_SERVER]);
	COPY(attrs, CLIENT_IN_FLIGHT_IN, client->in_flight[MQGATE_FROM_CLIENT]);
	COPY(attrs, CLIENT_IN_FLIGHT_OUT, client->in_flight[MQGATE_FROM_SERVER]);
	return COPY(attrs, CLIENT_SADDR, client->flow.saddr) &&
	       COPY(attrs, CLIENT_DADDR, client->flow.daddr) &&
	       COPY(attrs, CLIENT_SPORT, client->flow.sport) &&
	       COPY(attrs, CLIENT_DPORT, client->flow.dport) &&
	       COPY(attrs, CLIENT_FIRST, client->first);
}

bool mqg_module_read_client(const struct nlmsghdr *message, struct mqg_module_client *client)
{
	const struct nlattr *attrs[MQGATE_A_MAX + 1] = {};

	read_message(message, attrs);
	return read_client(attrs[MQGATE_A_CLIENT], client);
}

static bool read_source(const struct nlattr *nest, struct mqg_module_source *source)
{
	const struct nlattr *attrs[MQGATE_A_SOURCE_MAX + 1] = {};

	memset(source, 0, sizeof(*source));
	if (!nest)
		return false;
	read_nest(nest, attrs, MQGATE_A_SOURCE_MAX);
	COPY(attrs, SOURCE_SESSIONS, source->sessions);
	COPY(attrs, SOURCE_RATE, source->rate);
	COPY(attrs, SOURCE_BEGUN, source->begun);
	COPY(attrs, SOURCE_VIOLATIONS, source->violations);
	COPY(attrs, SOURCE_TAKEOVERS, source->takeovers);
	COPY(attrs, SOURCE_OVER, source->over);
	return COPY(attrs, SOURCE_ADDR, source->addr) &&
	       COPY(attrs, SOURCE_PREFIX, source->prefix);
}

bool mqg_module_read_source(const struct nlmsghdr *message, struct mqg_module_source *source)
{
	const struct nlattr *attrs[MQGATE_A_MAX + 1] = {};

	read_message(message, attrs);
	return read_source(attrs[MQGATE_A_SOURCE], source);
}

static const char *what_of(const struct nlmsghdr *message)
{
	const struct genlmsghdr *header = mnl_nlmsg_get_payload(message);

	switch (header->cmd) {
	case MQGATE_CMD_CLIENT_BEGIN_NTF:
		return "begin";
	case MQGATE_CMD_CLIENT_PHASE_NTF:
		return "phase";
	case MQGATE_CMD_CLIENT_VIOLATION_NTF:
		return "violation";
	case MQGATE_CMD_CLIENT_END_NTF:
		return "end";
	case MQGATE_CMD_CLIENT_HOLDERS_NTF:
		return "holders";
	case MQGATE_CMD_SOURCE_NTF:
		return "source";
	}
	return NULL;
}

bool mqg_module_read_event(const struct nlmsghdr *message, struct mqg_module_event *event,
			   uint64_t *number)
{
	const struct nlattr *outer[MQGATE_A_MAX + 1] = {};
	const struct nlattr *attrs[MQGATE_A_EVENT_MAX + 1] = {};
	uint8_t dropped = 0;

	memset(event, 0, sizeof(*event));
	read_message(message, outer);
	event->what = what_of(message);
	if (!event->what || !outer[MQGATE_A_EVENT])
		return false;
	if (strcmp(event->what, "source") ?
	    !read_client(outer[MQGATE_A_CLIENT], &event->client) :
	    !read_source(outer[MQGATE_A_SOURCE], &event->source))
		return false;
	read_nest(outer[MQGATE_A_EVENT], attrs, MQGATE_A_EVENT_MAX);
	COPY(attrs, EVENT_TIME, event->time);
	COPY(attrs, EVENT_BEFORE, event->before);
	COPY(attrs, EVENT_DIRECTION, event->direction);
	COPY(attrs, EVENT_REASON, event->reason);
	COPY(attrs, EVENT_DROPPED, dropped);
	event->dropped = dropped;
	return COPY(attrs, EVENT_SEQ, *number);
}

static void read_counter(const struct nlattr *nest, struct mqg_module_about *about)
{
	const struct nlattr *attrs[MQGATE_A_COUNTER_MAX + 1] = {};
	const struct nlattr *name;
	const struct {
		const char	*word;
		uint64_t	*value;
	} wanted[] = {
		{ "begun", &about->begun },
		{ "violations", &about->violations },
		{ "dropped", &about->dropped },
	};

	read_nest(nest, attrs, MQGATE_A_COUNTER_MAX);
	name = attrs[MQGATE_A_COUNTER_NAME];
	if (!name || mnl_attr_validate(name, MNL_TYPE_NUL_STRING) < 0)
		return;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!strcmp(mnl_attr_get_str(name), wanted[i].word))
			COPY(attrs, COUNTER_VALUE, *wanted[i].value);
}

void mqg_module_read_about(const struct nlmsghdr *message, struct mqg_module_about *about)
{
	const struct nlattr *outer[MQGATE_A_MAX + 1] = {};
	const struct nlattr *attrs[MQGATE_A_SETTINGS_MAX + 1] = {};
	const struct nlattr *attr;
	uint8_t enforce = 0;

	read_message(message, outer);
	COPY(outer, ABI, about->abi);
	if (outer[MQGATE_A_VERSION] &&
	    mnl_attr_validate(outer[MQGATE_A_VERSION], MNL_TYPE_NUL_STRING) >= 0)
		strncpy(about->version, mnl_attr_get_str(outer[MQGATE_A_VERSION]),
			sizeof(about->version) - 1);
	if (outer[MQGATE_A_SETTINGS]) {
		read_nest(outer[MQGATE_A_SETTINGS], attrs, MQGATE_A_SETTINGS_MAX);
		COPY(attrs, SETTINGS_MAX_CLIENTS, about->max_clients);
		if (COPY(attrs, SETTINGS_ENFORCE, enforce))
			about->enforce = enforce;
	}
	if (!outer[MQGATE_A_STATS])
		return;
	mnl_attr_for_each_nested(attr, outer[MQGATE_A_STATS]) {
		if (mnl_attr_get_type(attr) == MQGATE_A_STATS_CLIENTS)
			copy(attr, &about->clients, sizeof(about->clients));
		else if (mnl_attr_get_type(attr) == MQGATE_A_STATS_COUNTER)
			read_counter(attr, about);
	}
}
