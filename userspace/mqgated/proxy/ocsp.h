/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OCSP for client certificates: who is asked, what was answered, and who waits for it. A worker has
 * one of these and nobody else touches it but for the counters, so that there is no lock.
 *
 * The question goes out when the handshake is over; the CONNECT is held when it comes first. What
 * was answered holds for every session with the same certificate under the same policy, until it
 * runs out; then it is asked again where sessions live by it, a few at a time. A new trust epoch
 * makes every answer one that has run out.
 */
#ifndef MQG_OCSP_H
#define MQG_OCSP_H

#include <stdatomic.h>

#include "proxy/counter.h"
#include "proxy/list.h"
#include "proxy/ocsp_answer.h"
#include "proxy/timer.h"

/* Questions that a worker has open at once, and that wait for their turn. */
#define MQG_OCSP_OPEN		32
#define MQG_OCSP_WAITING	4096
/* Answers kept that nobody lives by now. */
#define MQG_OCSP_IDLE		4096

struct mqg_session;
struct mqg_worker;
struct mqg_ocsp_entry;

struct mqg_ocsp_client {
	struct mqg_ocsp_entry	*table;		/* by certificate and realm */
	struct mqg_list		all;		/* entries; the one looked at last at the end */
	struct mqg_list		idle;		/* without sessions; the oldest first */
	struct mqg_list		waiting;	/* questions to be asked */
	struct mqg_list		dead;		/* closed in this turn; epoll may still name them */
	struct mqg_timer	tick;
	struct mqg_timer_class	every;
	uint32_t		n_idle, n_waiting, n_open;
	bool			starting;	/* questions; one that fails starts no other */
	mqg_counter		answers[MQG_OCSP_WORDS];	/* of questions */
	mqg_counter		known;		/* sessions that an answer of before served */
	mqg_counter		spared;		/* let in without a good answer: policy soft */
	_Atomic uint32_t	entries;
};

void mqg_ocsp_init(struct mqg_worker *worker);
/* All sessions are closed. */
void mqg_ocsp_exit(struct mqg_worker *worker);
/* A new trust epoch. */
void mqg_ocsp_change(struct mqg_worker *worker);
/* Frees what was closed in this turn. */
void mqg_ocsp_bury(struct mqg_worker *worker);

/* The handshake of @session is over, or its policy has changed: asks, where the policy says so. */
void mqg_ocsp_ask(struct mqg_session *session);
/* It is closed. */
void mqg_ocsp_leave(struct mqg_session *session);

/* ---- between ocsp.c and ocsp_query.c --------------------------------------------------------- */

struct mqg_ocsp_query;

/* Begins a question. NULL: it could not. */
struct mqg_ocsp_query *mqg_ocsp_query_start(struct mqg_ocsp_entry *entry, struct mqg_worker *worker,
					    OCSP_CERTID *id, const struct mqg_responder *to,
					    const char *path, bool nonce);
/* Gives it up, or what is left of it. */
void mqg_ocsp_query_close(struct mqg_ocsp_query *query, struct mqg_ocsp_client *client);
/* Frees those of client->dead. */
void mqg_ocsp_query_bury(struct mqg_ocsp_client *client);
OCSP_REQUEST *mqg_ocsp_query_request(struct mqg_ocsp_query *query);
/* The query is over; @response is NULL where none came. The caller closes the query. */
void mqg_ocsp_query_done(struct mqg_ocsp_entry *entry, OCSP_RESPONSE *response);

#endif
