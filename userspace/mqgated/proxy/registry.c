// SPDX-License-Identifier: BSD-2-Clause
/*
 * The sessions of one worker as others may see them. Called by sessions (worker's thread) and by
 * mqg_proxy_session_each() (main thread); registry->lock guards list and entries.
 */
#include "proxy/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Entries copied for one hold of the lock. */
#define BATCH 64

void mqg_registry_init(struct mqg_registry *registry)
{
	pthread_mutex_init(&registry->lock, NULL);
	mqg_list_init(&registry->entries);
}

void mqg_registry_exit(struct mqg_registry *registry)
{
	pthread_mutex_destroy(&registry->lock);
}

void mqg_registry_add(struct mqg_registry *registry, struct mqg_entry *entry)
{
	pthread_mutex_lock(&registry->lock);
	mqg_list_append(&registry->entries, &entry->link);
	pthread_mutex_unlock(&registry->lock);
}

void mqg_registry_remove(struct mqg_registry *registry, struct mqg_entry *entry)
{
	pthread_mutex_lock(&registry->lock);
	mqg_list_remove(&entry->link);
	pthread_mutex_unlock(&registry->lock);
	free(entry->client_id);
	free(entry->identity);
	entry->client_id = NULL;
	entry->identity = NULL;
}

void mqg_registry_client_id(struct mqg_registry *registry, struct mqg_entry *entry, char *text)
{
	pthread_mutex_lock(&registry->lock);
	free(entry->client_id);
	entry->client_id = text;
	pthread_mutex_unlock(&registry->lock);
}

void mqg_registry_identity(struct mqg_registry *registry, struct mqg_entry *entry, char *text)
{
	pthread_mutex_lock(&registry->lock);
	free(entry->identity);
	entry->identity = text;
	pthread_mutex_unlock(&registry->lock);
}

void mqg_registry_address(struct mqg_registry *registry, struct mqg_entry *entry,
			  const uint8_t addr[16], uint16_t port)
{
	pthread_mutex_lock(&registry->lock);
	memcpy(entry->addr, addr, sizeof(entry->addr));
	entry->port = port;
	pthread_mutex_unlock(&registry->lock);
}

void mqg_registry_ktls(struct mqg_registry *registry, struct mqg_entry *entry, bool sends,
		       bool receives)
{
	pthread_mutex_lock(&registry->lock);
	entry->ktls_sends = sends;
	entry->ktls_receives = receives;
	pthread_mutex_unlock(&registry->lock);
}

void mqg_registry_connected(struct mqg_registry *registry, struct mqg_entry *entry, bool allowed)
{
	pthread_mutex_lock(&registry->lock);
	entry->connected = true;
	entry->allowed = allowed;
	pthread_mutex_unlock(&registry->lock);
}

static void describe(const struct mqg_entry *entry, struct mqg_session_info *info)
{
	memset(info, 0, sizeof(*info));
	snprintf(info->client_id, sizeof(info->client_id), "%s",
		 entry->client_id ? entry->client_id : "");
	snprintf(info->identity, sizeof(info->identity), "%s",
		 entry->identity ? entry->identity : "");
	memcpy(info->addr, entry->addr, sizeof(info->addr));
	info->port = entry->port;
	info->since = entry->since;
	info->listener = entry->listener;
	info->connected = entry->connected;
	info->allowed = entry->allowed;
	info->ktls_sends = entry->ktls_sends;
	info->ktls_receives = entry->ktls_receives;
}

/* Copies up to BATCH entries behind @walker and moves it behind them. */
static size_t advance(struct mqg_registry *registry, struct mqg_entry *walker,
		      struct mqg_session_info *batch)
{
	size_t count = 0;
	struct mqg_list *at;

	pthread_mutex_lock(&registry->lock);
	at = walker->link.next;
	mqg_list_remove(&walker->link);
	while (at != &registry->entries && count < BATCH) {
		struct mqg_entry *entry = mqg_container_of(at, struct mqg_entry, link);

		if (!entry->walker)
			describe(entry, &batch[count++]);
		at = at->next;
	}
	if (count)
		mqg_list_append(at, &walker->link);
	pthread_mutex_unlock(&registry->lock);
	return count;
}

int mqg_registry_each(struct mqg_registry *registry, mqg_session_fn fn, void *arg)
{
	struct mqg_entry walker = { .walker = true };
	struct mqg_session_info batch[BATCH];
	size_t count, i;
	int ret = 0;

	pthread_mutex_lock(&registry->lock);
	mqg_list_insert(&registry->entries, &walker.link);
	pthread_mutex_unlock(&registry->lock);
	while (!ret && (count = advance(registry, &walker, batch)))
		for (i = 0; i < count && !ret; i++)
			ret = fn(&batch[i], arg);
	pthread_mutex_lock(&registry->lock);
	mqg_list_remove(&walker.link);
	pthread_mutex_unlock(&registry->lock);
	return ret;
}

char *mqg_client_id_print(const uint8_t *id, size_t len)
{
	char text[sizeof(((struct mqg_session_info *)0)->client_id)];
	size_t at = 0, i;

	for (i = 0; i < len; i++) {
		bool plain = id[i] >= 0x20 && id[i] < 0x7f && id[i] != '\\';
		size_t need = plain ? 1 : 4;
		/* The last character keeps room for the "~" and the NUL unless nothing follows. */
		size_t spare = i + 1 < len ? 2 : 1;

		if (need > sizeof(text) - spare - at) {
			text[at++] = '~';
			break;
		}
		if (plain)
			text[at++] = id[i];
		else
			at += sprintf(text + at, "\\x%02x", id[i]);
	}
	text[at] = '\0';
	return strdup(text);
}
