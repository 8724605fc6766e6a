/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A broker as the configuration has it: one server or several that share the work, how one is
 * chosen, how it is found out which are there, and what clients meet while none is. Part of struct
 * mqg_config and like that constant once it is loaded.
 */
#ifndef MQG_CONFIG_BROKER_H
#define MQG_CONFIG_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/endpoint.h"

/* What a broker is told of a client by the PROXY protocol, besides addresses; bits. */
enum mqg_pp2_tlv {
	MQG_PP2_CRC32C = 1 << 0,
	MQG_PP2_IDENTITY = 1 << 1,	/* a TLV of our own */
	MQG_PP2_SSL = 1 << 2,		/* that it was TLS, and which version */
	MQG_PP2_CN = 1 << 3,		/* the identity, where it is the commonName */
	MQG_PP2_CIPHER = 1 << 4,
	MQG_PP2_AUTHORITY = 1 << 5,	/* the server name that it asked for */
};

#define MQG_PP2_MIN	52U	/* bytes of a header with addresses alone */
#define MQG_PP2_MAX	1024U	/* with the longest of everything */
#define MQG_PP2_DEFAULT	536U	/* what one segment carries on any path */

/* Servers of one broker: a dial remembers in 64 bits which it has tried. */
#define MQG_SERVERS_MAX	64U

enum mqg_balance {
	MQG_BALANCE_LEAST,		/* the fewest connections, by weight */
	MQG_BALANCE_TURNS,		/* one after the other, by weight */
	MQG_BALANCE_CLIENT,		/* by client identifier: always the same while it is up */
};

struct mqg_server {
	struct mqg_endpoint	address;
	char			*host;		/* of that, as written */
	uint32_t		weight;
	uint32_t		connections_max;	/* 0 = no limit */
};

enum mqg_health_kind {
	MQG_HEALTH_OFF,			/* only what clients' connections meet */
	MQG_HEALTH_TCP,			/* a connection is made */
	MQG_HEALTH_MQTT,		/* and a CONNECT accepted */
};

/* What becomes of the sessions of a server that is found dead. */
enum mqg_down_rule {
	MQG_DOWN_KEEP,			/* they stay: the checks may be wrong */
	MQG_DOWN_CLOSE,			/* the connection ends; a held session goes on */
	MQG_DOWN_MOVE,			/* likewise, while another server is up */
};

struct mqg_health {
	enum mqg_health_kind	kind;
	uint32_t		interval_ms, timeout_ms;
	uint32_t		fall, rise;	/* in a row */
	enum mqg_down_rule	down;
};

/* What becomes of a session whose server fails. */
enum mqg_hold_rule {
	MQG_HOLD_OFF,			/* it ends */
	MQG_HOLD_MEMORY,		/* it goes on with the next; a PUBACK is a broker's */
	MQG_HOLD_STORE,			/* likewise; a PUBACK is given for what is on disk */
};

/* What clients meet while no server of the broker takes them. */
struct mqg_away {
	uint32_t		answers;	/* "server unavailable" a second */
	uint32_t		waiting;	/* clients that wait for theirs */
	uint32_t		reconnects;	/* of those that waited or are held, a second */
	enum mqg_hold_rule	hold;
	uint32_t		hold_ms;	/* for so long at most */
	uint32_t		hold_messages, hold_bytes;	/* of a session */
	uint64_t		hold_total;	/* bytes, of all sessions */
};

struct mqg_material;

/* TLS towards a broker. */
struct mqg_broker_tls {
	char			*ca;
	char			*certificate, *key;	/* of this gateway; NULL = it shows none */
	char			*server_name;	/* NULL = the host of each server's address */
	int			min;		/* TLS1_2_VERSION or TLS1_3_VERSION */
	struct mqg_material	*material;	/* what the files hold; main thread */
};

struct mqg_broker {
	char			*name;
	struct mqg_server	*servers;
	size_t			n_servers;	/* at least 1 */
	enum mqg_balance	balance;
	uint32_t		connect_timeout_ms;	/* of one server */
	uint32_t		slow_start_ms;	/* of one that came back */
	struct mqg_health	health;
	struct mqg_away		away;
	struct mqg_broker_tls	*tls;		/* NULL = clear text */
	uint32_t		pp2_tlvs;	/* enum mqg_pp2_tlv */
	uint32_t		pp2_max;	/* bytes; 0: the protocol is not spoken */
	char			*username;	/* in the place of clients' own; NULL: theirs */
	char			*password;	/* likewise, with a username; never told */
};

/* As the configuration writes them. */
const char *mqg_balance_word(enum mqg_balance balance);
const char *mqg_health_word(enum mqg_health_kind kind);

/* Frees what it holds. */
void mqg_broker_clear(struct mqg_broker *broker);

#endif
