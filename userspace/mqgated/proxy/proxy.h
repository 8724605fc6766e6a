/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The proxy: listeners, one epoll worker a core, TLS, the first CONNECT, the relay. It owns every
 * client and broker socket. Control calls the functions below from the main thread.
 */
#ifndef MQG_PROXY_H
#define MQG_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "judge/judge.h"
#include "proxy/renewal.h"
#include "proxy/ticket.h"
#include "proxy/ticket_keys.h"

struct mqg_proxy;
struct mqg_plan;
struct mqg_revoked;
struct mqg_taps;

/*
 * Opens sockets and TLS contexts (needs the privileges of start-up); no client is served yet.
 * @config and @revoked (which may be NULL) stay until a change has put others in their place.
 */
int mqg_proxy_setup(const struct mqg_config *config, const struct mqg_revoked *revoked,
		    struct mqg_judge *judge, struct mqg_proxy **proxy, char *why, size_t size);
/*
 * Opens the journal of @config, where there is one, and takes what processes that are gone have
 * left there. Before mqg_proxy_start(), as the user that the daemon stays. 0 or -errno; @why: in
 * words.
 */
int mqg_proxy_store(struct mqg_proxy *proxy, const struct mqg_config *config, char *why,
		    size_t size);

/*
 * What is tapped, NULL: nothing. Workers that run go over to it with the next mqg_proxy_commit(),
 * behind which those of before are used no more.
 */
void mqg_proxy_taps(struct mqg_proxy *proxy, struct mqg_taps *taps);
/* Starts the workers. */
int mqg_proxy_start(struct mqg_proxy *proxy);
/*
 * Nobody is accepted any more, and every session is told to go, spread over @ms; not for a proxy
 * that gets listeners yet. mqg_proxy_left(): no session is left.
 */
void mqg_proxy_leave(struct mqg_proxy *proxy, uint32_t ms);
bool mqg_proxy_left(const struct mqg_proxy *proxy);
/* Stops accepting, closes every session, joins the workers, frees all. */
void mqg_proxy_teardown(struct mqg_proxy *proxy);

/**
 * mqg_proxy_prepare() - make everything that a change needs, beside what is in force
 * @config: to come; may be the one in force, whose material has changed
 * @renew:  which listeners of it get new TLS contexts; NULL = all. New listeners do in any case
 * @plan:   out: mqg_proxy_commit() or mqg_proxy_abandon() it
 * @why:    out on error, a sentence with the remedy
 * @size:   of @why
 *
 * Listeners are the same where address and kind are, brokers where the name is.
 * Return: 0, or -errno: nothing has changed.
 */
int mqg_proxy_prepare(struct mqg_proxy *proxy, const struct mqg_config *config, const bool *renew,
		      struct mqg_plan **plan, char *why, size_t size);
/*
 * Makes every worker go by it, with another list of revocations, before it returns; cannot fail.
 * What was in force before is not used any more, but for what the workers hold of its
 * configuration. A new trust epoch: sessions are judged again in the workers' next turns.
 */
void mqg_proxy_commit(struct mqg_proxy *proxy, struct mqg_plan *plan,
		      const struct mqg_revoked *revoked);
void mqg_proxy_abandon(struct mqg_plan *plan);
/* Counts the changes; 1 from the start. */
uint64_t mqg_proxy_epoch(const struct mqg_proxy *proxy);

/* What one message takes (SCM_MAX_FD is 253). */
#define MQG_SOCKETS_MAX	250

/* The listening sockets of a listener, one a worker: to @fds. Return: how many. */
size_t mqg_proxy_sockets(struct mqg_proxy *proxy, size_t listener, int fds[MQG_SOCKETS_MAX]);

struct mqg_listener_counts {
	uint64_t	accepted, refused, sessions, bytes_in, bytes_out;
	uint64_t	stripped;		/* of their passwords */
	uint64_t	chain_hits, chain_misses;
	uint64_t	paused;			/* reads after which a client had to wait */
	uint64_t	delayed;		/* deliveries that had to wait for a client */
	uint64_t	full, resumed;		/* TLS handshakes that were finished */
	uint64_t	declined[MQG_TICKET_DECLINED];	/* tickets, by why */
};
void mqg_proxy_listener_counts(struct mqg_proxy *proxy, size_t listener,
			       struct mqg_listener_counts *counts);

/*
 * The name of the @i-th group that has had a limit since the start, and how many reads of its
 * members were followed by a pause for it; NULL: there are no more.
 */
const char *mqg_proxy_group(struct mqg_proxy *proxy, size_t i, uint64_t *paused);

/* Packets of clients and brokers that went no further while their sessions did, by reason. */
void mqg_proxy_messages_refused(struct mqg_proxy *proxy, size_t listener,
				uint64_t counts[MQGATE_REASON_MAX]);

void mqg_proxy_tickets(struct mqg_proxy *proxy, struct mqg_tickets_info *info);
void mqg_proxy_renewal(struct mqg_proxy *proxy, struct mqg_renewal_info *info);
/* About once a second; @now: boot time, ns. */
void mqg_proxy_tick(struct mqg_proxy *proxy, uint64_t now);

/* Chains that the workers remember now. */
uint64_t mqg_proxy_chains(struct mqg_proxy *proxy);

struct mqg_broker_counts {
	uint64_t	connections, failures;
	uint64_t	answered;	/* clients: "server unavailable" */
	uint64_t	lost, resumed;	/* held sessions: by their server, with another */
	uint64_t	kept;		/* bytes of packets that no server has acknowledged */
	uint64_t	again, dropped;	/* messages: sent with DUP; of QoS 0, without room */
	uint64_t	replayed;	/* filters subscribed to again */
	uint32_t	waiting;	/* clients: for a server, or that answer */
	uint32_t	held;		/* sessions without a server */
	uint64_t	parked;		/* messages of absent clients that are stored */
	uint64_t	delivered, refused;	/* of those, by a server */
	bool		up;		/* at least one server, as far as is known */
};
void mqg_proxy_broker_counts(struct mqg_proxy *proxy, size_t broker,
			     struct mqg_broker_counts *counts);

struct mqg_journal_counts;
/* Of the journal. False: there is none. */
bool mqg_proxy_store_counts(struct mqg_proxy *proxy, struct mqg_journal_counts *counts);

/* Of one server of a broker, from the start. */
struct mqg_server_counts {
	bool		up;		/* as far as is known */
	bool		draining;	/* gets no clients, by the operator's word */
	uint32_t	open;		/* connections */
	uint64_t	made, failed;	/* of clients; attempts of clients */
	uint64_t	checks, checks_failed;
};
void mqg_proxy_server_counts(struct mqg_proxy *proxy, size_t broker, size_t server,
			     struct mqg_server_counts *counts);
/* No more clients for @server (NULL: all of them), or again. How many are meant. */
size_t mqg_proxy_drain(struct mqg_proxy *proxy, size_t broker, const char *server, bool drain);

/**
 * struct mqg_handshake_counts - TLS handshakes of all listeners
 * @in_flight:      begun and not over
 * @waiting:        of strangers, for a place or the rate
 * @waiting_known:  of sources that had a session lately
 * @begun:          handed to OpenSSL
 * @waited:         had to wait first
 * @refused_source: beyond what their source may begin; no OpenSSL object was made for them
 * @refused_rate:   for want of a place, likewise
 * @cut:            had to give their place up to those who waited
 */
struct mqg_handshake_counts {
	uint32_t	in_flight, waiting, waiting_known;
	uint64_t	begun, waited, refused_source, refused_rate, cut;
};
void mqg_proxy_handshake_counts(struct mqg_proxy *proxy, struct mqg_handshake_counts *counts);

/* OCSP. @answers: by enum mqg_ocsp_word; @known: sessions served by an answer of before; @spared:
 * let in without a good answer; @entries: certificates of which something is known */
struct mqg_ocsp_counts {
	uint64_t	answers[6], known, spared, entries;
};
void mqg_proxy_ocsp_counts(struct mqg_proxy *proxy, struct mqg_ocsp_counts *counts);
/* "good", "revoked", ... */
const char *mqg_ocsp_answer_word(size_t answer);

struct mqg_session_info {
	char		client_id[128];	/* cut with a "~" where longer; unprintable bytes as \xNN */
	char		identity[256];
	uint8_t		addr[16];
	uint16_t	port;
	uint64_t	since;		/* CLOCK_BOOTTIME ns */
	size_t		listener;	/* SIZE_MAX: one that a change has taken away */
	bool		connected;	/* CONNACK said yes */
	bool		allowed;	/* ALLOW written */
	bool		ktls_sends;	/* the kernel makes its records */
	bool		ktls_receives;	/* and opens them */
};

typedef int (*mqg_session_fn)(const struct mqg_session_info *info, void *arg);
/* Calls @fn for a snapshot of the sessions; stops at its first non-zero answer and returns it. */
int mqg_proxy_session_each(struct mqg_proxy *proxy, mqg_session_fn fn, void *arg);

#endif
