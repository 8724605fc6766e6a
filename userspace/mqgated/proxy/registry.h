/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which sessions a worker has, for whoever asks from outside. The worker's thread adds, changes and
 * removes entries, the main thread walks them; the registry's mutex guards the list and every field
 * of its entries. It is taken a few times in a session's life and never while bytes are relayed.
 */
#ifndef MQG_REGISTRY_H
#define MQG_REGISTRY_H

#include <pthread.h>

#include "proxy/list.h"
#include "proxy/proxy.h"

struct mqg_entry {
	struct mqg_list	link;
	bool		walker;		/* not a session but the place of a walk */
	bool		connected, allowed;
	bool		ktls_sends, ktls_receives;
	uint16_t	port;
	uint8_t		addr[16];
	uint64_t	since;
	size_t		listener;
	char		*client_id;	/* printable; owned by the entry; NULL = not known */
	char		*identity;	/* owned by the entry; NULL = none */
};

struct mqg_registry {
	pthread_mutex_t	lock;
	struct mqg_list	entries;
};

void mqg_registry_init(struct mqg_registry *registry);
void mqg_registry_exit(struct mqg_registry *registry);

void mqg_registry_add(struct mqg_registry *registry, struct mqg_entry *entry);
/* Also frees the strings. */
void mqg_registry_remove(struct mqg_registry *registry, struct mqg_entry *entry);

/* Each sets one string; the registry takes it over. */
void mqg_registry_client_id(struct mqg_registry *registry, struct mqg_entry *entry, char *text);
void mqg_registry_identity(struct mqg_registry *registry, struct mqg_entry *entry, char *text);
/* Where its client is, when that was told. */
void mqg_registry_address(struct mqg_registry *registry, struct mqg_entry *entry,
			  const uint8_t addr[16], uint16_t port);
void mqg_registry_ktls(struct mqg_registry *registry, struct mqg_entry *entry, bool sends,
		       bool receives);
void mqg_registry_connected(struct mqg_registry *registry, struct mqg_entry *entry, bool allowed);

/* Calls @fn, without the lock, for every entry; stops at its first answer that is not 0. */
int mqg_registry_each(struct mqg_registry *registry, mqg_session_fn fn, void *arg);

/* A printable copy of a client identifier, as struct mqg_session_info has it; free() it. */
char *mqg_client_id_print(const uint8_t *id, size_t len);

#endif
