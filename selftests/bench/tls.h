/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benchmark of TLS: who is measured, and the clients that ask. Everything is on loopback in a
 * network namespace of the benchmark's own; servers run on the last CPU, clients on the first.
 */
#ifndef MQG_BENCH_TLS_H
#define MQG_BENCH_TLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <openssl/ssl.h>

#define TLS_HANDSHAKE_PORT	8883	/* nothing follows the handshake */
#define TLS_SESSION_PORT	8884	/* a CONNECT is answered; mqgated has one port for both */
#define TLS_BROKER_PORT		1883	/* of 127.0.0.2 */

/*
 * Goes into a namespace of its own, and into a directory with an authority, a device, a server and
 * mqgated's directories, which is removed at the end; takes descriptors and CPU 0. @top: of the
 * source. Return: the directory. tls_place.c
 */
const char *tls_prepare(const char *top);

/* ---- servers: tls_server.c --------------------------------------------------------------- */

struct tls_server {
	const char	*name;
	pid_t		pid;		/* 0 = it is not there */
	uint16_t	session_port;
	const char	*cannot;	/* why it is not there */
};

/* What a server is started for. */
struct tls_mode {
	const char	*file;	/* its configuration, of peers/; NULL = its own in tls/ */
	bool	tickets;
	bool	no_cache;	/* the gateway verifies every chain anew */
	bool	refuse;		/* the gateway takes one handshake a second */
	const char *hold;	/* what becomes of sessions whose server fails; NULL = they end */
};

/*
 * Start on the CPU @cpu, with files of @dir; return when they listen. The configurations are
 * peers/tls/NAME with @DIR@, @TICKETS@ and so on replaced. mqgated is the one of @build.
 */
void tls_start_mqgate(struct tls_server *s, const char *top, const char *dir, struct tls_mode mode,
		      int cpu);

enum tls_peer { TLS_HAPROXY, TLS_NGINX, TLS_MOSQUITTO, TLS_STUNNEL, TLS_HITCH, TLS_PEERS };

const char *tls_peer_name(enum tls_peer peer);
void tls_start_peer(struct tls_server *s, enum tls_peer peer, const char *top, const char *dir,
		    struct tls_mode mode, int cpu);
/* The least that a server can do with libssl: tls_bare.c. */
void tls_start_bare(struct tls_server *s, const char *dir, struct tls_mode mode, int cpu);
/* A broker that answers CONNECT and PINGREQ. */
void tls_start_broker(struct tls_server *s, int cpu);
void tls_stop(struct tls_server *s);

/* CPU time of all its threads, those that have ended too; ns. */
double tls_cpu(const struct tls_server *s);
/* Memory of its own, bytes: proportional share. */
double tls_memory(const struct tls_server *s);

/* A program of the benchmark's own: @run in a process of its own, that listens on @port. */
void tls_start_own(struct tls_server *s, const char *name, int cpu, uint16_t port,
		   void (*run)(const char *dir), const char *dir);

/* ---- in a child of the benchmark: tls_bare.c --------------------------------------------- */

__attribute__((noreturn)) void tls_bare_run(const char *dir, struct tls_mode mode);
__attribute__((noreturn)) void tls_broker_run(void);
/* What it serves with: everything is libssl's own, but what all servers have in common. */
SSL_CTX *tls_bare_context(const char *dir, struct tls_mode mode);
/* A socket that listens. */
int tls_door(const char *address, uint16_t port);

/* ---- clients: tls_client.c --------------------------------------------------------------- */

struct tls_clients;

/*
 * @certificate: in @dir, with or without its intermediate; @resume: one full handshake takes a
 * ticket, which all others offer.
 */
struct tls_clients *tls_clients_new(const char *dir, const char *certificate);
void tls_clients_free(struct tls_clients *c);

enum tls_want { TLS_FULL, TLS_RESUMED, TLS_REFUSED };

/*
 * @count handshakes, eight at a time, each on a connection of its own that ends behind it. Exits
 * with a message where one does not end as it should: refused, not resumed, let in (one in fifty
 * may be, of those that are to be refused).
 */
void tls_clients_shake(struct tls_clients *c, uint32_t count, enum tls_want want);

/* A handshake on a connection of its own, that stays: the caller's. */
SSL *tls_clients_open(struct tls_clients *c, uint16_t port);

#define TLS_CONNECT	24U
/* A CONNECT of MQTT 3.1.1 whose client identifier is @number with ten digits. */
void tls_connect_packet(unsigned char packet[TLS_CONNECT + 1], uint32_t number);

/* @count more sessions, each with a CONNECT that was answered, that stay. */
void tls_clients_hold(struct tls_clients *c, uint16_t port, uint32_t count);
/* us that a PINGREQ of the last one took. */
double tls_clients_ping(struct tls_clients *c);
/* How many of those held have been ended by the server. */
uint32_t tls_clients_lost(struct tls_clients *c);

#endif
