// SPDX-License-Identifier: BSD-2-Clause
/*
 * The part of `mqgate why` that the kernel module answers: the clients of an address, or those that
 * call themselves so. Called by why.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/module.h"
#include "common/names.h"
#include "mqgate/conn.h"
#include "mqgate/why.h"

/* Clients shown one by one; beyond that they are counted. */
#define SHOWN	16

struct gathering {
	json_t		*list;
	uint64_t	count;
};

static int add_client(const struct mqg_module_client *client, void *arg)
{
	struct gathering *g = arg;

	if (g->count++ < SHOWN)
		json_array_append_new(g->list, mqg_conn_json(client));
	return 0;
}

static bool set_filter(struct mqg_module_filter *filter, const struct mqgate_source_key *key,
		       const char *client_id)
{
	static const uint8_t zero[8];
	size_t length = strlen(client_id);

	if (key) {
		bool network = !mqg_addr_is_v4(key->addr) && !memcmp(key->addr + 8, zero, 8);

		memcpy(filter->source, key->addr, sizeof(filter->source));
		filter->prefix = network ? 64 : 128;
		return true;
	}
	if (!length || length > sizeof(filter->id))
		return false;
	memcpy(filter->id, client_id, length);
	filter->id_length = length;
	filter->named = true;
	return true;
}

json_t *mqg_why_module(const struct mqgate_source_key *key, const char *client_id)
{
	struct gathering g = { .list = NULL };
	struct mqg_module_filter filter = {};
	struct mqg_module *module;
	char why[512];
	int err;

	if (!set_filter(&filter, key, client_id))
		return json_null();
	err = mqg_module_open(&module, why, sizeof(why));
	if (err == -ENOENT)
		return json_null();
	g.list = json_array();
	if (!err)
		err = mqg_module_dump(module, &filter, add_client, &g, why, sizeof(why));
	mqg_module_close(module);
	if (err) {
		json_decref(g.list);
		return json_pack("{s:s}", "error", why);
	}
	return json_pack("{s:I, s:o}", "count", (json_int_t)g.count, "clients", g.list);
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && *text ? text : "-";
}

static long long number_of(const json_t *object, const char *name)
{
	return (long long)json_integer_value(json_object_get(object, name));
}

static void print_client(const json_t *client)
{
	printf("client     %s:%lld -> %s:%lld, %s, client id %s", text_of(client, "source"),
	       number_of(client, "sport"), text_of(client, "target"), number_of(client, "dport"),
	       text_of(client, "phase"), text_of(client, "client_id"));
	if (number_of(client, "offences"))
		printf(", %lld violations, the last: %s", number_of(client, "offences"),
		       text_of(client, "reason"));
	printf("\n");
}

void mqg_why_module_print(const json_t *module)
{
	const json_t *list = json_object_get(module, "clients"), *client;
	size_t i;

	if (json_object_get(module, "error"))
		printf("module     %s\n", text_of(module, "error"));
	json_array_foreach(list, i, client)
		print_client(client);
	if (number_of(module, "count") > (long long)json_array_size(list))
		printf("           and %lld clients more: mqgate conn list\n",
		       number_of(module, "count") - (long long)json_array_size(list));
}
