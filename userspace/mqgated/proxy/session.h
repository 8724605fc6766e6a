/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session: one client, at most one broker connection, and the stage that it is in. It is touched
 * by its worker's thread only; what others may see of it lies in its registry entry.
 *
 *	HELLO -> (QUEUED) -> HANDSHAKE -> CONNECT -> (OCSP) -> DIAL -> REPLY -> RELAY
 *	       (TLS listeners)              \_________\________\______\_ refused: ANSWER -> LINGER
 *
 * A proxy that is trusted says first for whom it speaks (INTRO). From DIAL and REPLY the way leads
 * to another server of the broker where one fails, and to AWAY where there is none; from there back
 * to DIAL. A session that was in RELAY when its server failed goes the same way once more, from
 * AWAY (hold.h).
 *
 * Every stage is a step function that does what can be done now. The client's answer to a refusal
 * is sent in ANSWER; LINGER reads on, a bounded time, so that unread input does not turn our close
 * into a reset that takes the answer away from the client.
 */
#ifndef MQG_SESSION_H
#define MQG_SESSION_H

#include <mqgate/mqtt_wire.h>
#include <mqgate/tls_wire.h>

#include "judge/flows.h"
#include "proxy/answer.h"
#include "proxy/delack.h"
#include "proxy/hold.h"
#include "proxy/tempo.h"
#include "proxy/tls.h"
#include "proxy/worker.h"

enum mqg_state {
	MQG_INTRO,	/* collecting what a trusted proxy says of its client */
	MQG_HELLO,	/* collecting the ClientHello */
	MQG_QUEUED,	/* its ClientHello is good, and there is no place for a handshake yet */
	MQG_HANDSHAKE,	/* OpenSSL at work */
	MQG_CONNECT,	/* collecting the CONNECT */
	MQG_OCSP,	/* the CONNECT is held until it is known whether the certificate is good */
	MQG_DIAL,	/* connecting to the broker */
	MQG_AWAY,	/* waiting for a server, or for the answer that there is none */
	MQG_REPLY,	/* CONNECT forwarded, waiting for CONNACK */
	MQG_RELAY,
	MQG_ANSWER,	/* sending what is left to send, then closing our end */
	MQG_LINGER,	/* waiting for the client to close */
};

enum mqg_step {
	MQG_STEP_WAIT,	/* for an event or the timer */
	MQG_STEP_ON,	/* the stage has changed: go on */
	MQG_STEP_MORE,	/* go on after other sessions had their turn */
	MQG_STEP_GONE,	/* the session was closed */
};

/* The first bytes of a client, until they have been judged. */
struct mqg_intake {
	uint8_t			*data;
	size_t			len, size;
	size_t			need;		/* bytes of the header that is collected */
	size_t			behind;		/* bytes of @len that came behind the CONNECT */
	union {
		struct tlsw_hello	hello;
		struct mqw_connect	connect;
	};
};

/* The way to a server of its broker. */
struct mqg_dialled {
	struct mqg_server_state	*server;	/* where it is counted; NULL = nowhere */
	size_t			place;		/* of that in the routes, while it is dialled */
	uint64_t		key;		/* of its client identifier */
	uint64_t		tried;		/* servers, by their place */
	bool			bound;		/* the client has had a word of this one */
	uint64_t		served;		/* ns: it accepted the client; 0 = not yet */
};

/* One that waits. */
struct mqg_waits {
	struct mqg_list		link;		/* in the uplink's */
	struct mqg_pool		*pool;		/* where it is counted; NULL = it does not wait */
	enum mqgate_reason	reason;
};

struct mqg_injection;

struct mqg_session {
	struct mqg_list		link;		/* worker->sessions or ->dead */
	struct mqg_list		ready;		/* worker->ready */
	struct mqg_worker	*worker;
	struct mqg_port		*port;
	enum mqg_state		state;
	bool			closed;
	bool			proxied;	/* by a trusted proxy: the flow is that one's */
	uint8_t			level;		/* protocol level of the CONNECT; 0 = not known */
	struct mqg_realm	*realm;		/* that its ClientHello chose; NULL = none so far */
	struct mqg_admitted	admitted;	/* to the handshake */
	struct mqg_ocsp_entry	*ocsp;		/* of its certificate; NULL = not asked */
	struct mqg_list		ocsp_link;	/* in that */
	struct mqg_tls_client	tls;
	struct mqg_standing	standing;	/* since it was let in */
	uint64_t		epoch;		/* of the worker, when its chain was verified */
	uint32_t		linger_left;	/* bytes still read before the close */
	struct mqg_stream	client, broker;
	struct mqg_half		up, down;	/* client to broker, broker to client */
	struct mqg_message	message;	/* the packets of both, from REPLY on */
	uint8_t			refused;	/* enum mqgate_reason, after MQG_PUMP_REFUSED */
	struct mqg_tempo		tempo;
	struct mqg_delack	delack;		/* of the client */
	uint64_t		told_at;	/* the judge, of a packet that was refused */
	struct mqg_timer	timer;
	struct mqg_intake	*intake;	/* NULL once it is known which server has it */
	struct mqg_dialled	dialled;
	struct mqg_waits	away;
	struct mqg_hold		*hold;		/* NULL: it ends with its server */
	char			*names;		/* of its CONNECT, as the broker gets them: client
						 * identifier, username, the will's topic if it has
						 * one; each with its NUL */
	uint8_t			will;		/* flags of its CONNECT; 0 = none */
	const struct mqg_config	*granted_by;	/* whose rights message.grant is made of; held */
	uint8_t			*id;		/* of a proven client, as of `said` */
	struct mqg_said		said;		/* of such a one; @id is its identifier */
	struct mqg_entry	entry;
	uint64_t		ticket;		/* the judge's; 0 = none */
};

/* Takes over @fd, which the caller closes when this fails. 0 or -errno. */
int mqg_session_open(struct mqg_port *port, int fd, const struct sockaddr *peer);

/* Runs the stages until they have to wait. The session may be closed afterwards. */
void mqg_session_run(struct mqg_session *session);

/* Reports @reason, and answers the client where its protocol has an answer. */
enum mqg_step mqg_session_refuse(struct mqg_session *session, enum mqgate_reason reason);

/* Tells the judge of it. */
void mqg_session_report(struct mqg_session *session, enum mqgate_reason reason);
/* Reports @reason and closes at once: no answer, nothing left to read. */
enum mqg_step mqg_session_turn_away(struct mqg_session *session, enum mqgate_reason reason);

/*
 * The client's connection has failed. One that has asked for new keys too often, or broke the rules
 * of TLS, is refused for that; else for @otherwise, and where that is NONE it is closed.
 */
enum mqg_step mqg_session_lost(struct mqg_session *session, enum mqgate_reason otherwise);

/* Sends what is kept for the client, then closes in order. Gives the broker's connection up. */
enum mqg_step mqg_session_finish(struct mqg_session *session);

/* Judges it again by what its worker goes by now, and ends it where that says no. */
void mqg_session_recheck(struct mqg_session *session);
/* Ends one that was let in: the ALLOW goes at once, the client is told where it can be. */
void mqg_session_end(struct mqg_session *session, enum mqgate_reason reason);
/*
 * The same, but for @reason it may not have its will any more: the broker is told that it leaves in
 * order, between two packets, so that the will is not published.
 */
void mqg_session_part(struct mqg_session *session, enum mqgate_reason reason);
/* It can be told now. */
bool mqg_parting_due(const struct mqg_session *session);
enum mqg_step mqg_parting_step(struct mqg_session *session);
/* Its flow is an authenticated one now. */
void mqg_session_allow(struct mqg_session *session);

/* Closes both connections at once. The memory lives until the worker's turn ends. */
enum mqg_step mqg_session_close(struct mqg_session *session);
void mqg_session_free(struct mqg_session *session);

/* The intake begins anew, with room for @size bytes. 0 or -ENOMEM. */
int mqg_intake_renew(struct mqg_session *session, size_t size);
/* Puts @injection into the CONNECT; the parser's offsets are void then. 0 or -ENOMEM. */
int mqg_intake_inject(struct mqg_intake *intake, const struct mqg_injection *injection);
/* Doubles the room, up to @limit. 0, -ENOMEM, or -EMSGSIZE at the limit. */
int mqg_intake_grow(struct mqg_intake *intake, size_t limit);
/* Wipes and frees it. */
void mqg_intake_drop(struct mqg_session *session);

/* The stages, each in the file of its name. */
enum mqg_step mqg_intro_begin(struct mqg_session *session);
enum mqg_step mqg_intro_step(struct mqg_session *session);
/* A peer of that address has to say for whom it speaks. */
bool mqg_intro_trusts(const struct mqg_listener *listener, const uint8_t addr[16]);
/* What a client sent first is not good: the reason, or that it speaks as only trusted ones may. */
enum mqgate_reason mqg_intro_blame(const struct mqg_session *session,
				   enum mqgate_reason otherwise);
enum mqg_step mqg_hello_begin(struct mqg_session *session);
enum mqg_step mqg_hello_step(struct mqg_session *session);
/* Its turn has come: out of QUEUED, and goes on as far as it can. */
void mqg_hello_admitted(struct mqg_session *session);
enum mqg_step mqg_handshake_step(struct mqg_session *session);
enum mqg_step mqg_connect_begin(struct mqg_session *session);
enum mqg_step mqg_connect_step(struct mqg_session *session);
enum mqg_step mqg_ocsp_step(struct mqg_session *session);
/* Whether a newer certificate of its identity was let in; the last that is asked of a client. */
enum mqg_step mqg_succession_step(struct mqg_session *session);
/* What the choice of a server goes by: the client identifier as the broker gets it. */
void mqg_broker_key(struct mqg_session *session, const void *id, size_t len);
enum mqg_step mqg_broker_dial(struct mqg_session *session);
enum mqg_step mqg_broker_step(struct mqg_session *session);
enum mqg_step mqg_broker_timeout(struct mqg_session *session);
/* No CONNACK came. Goes on with another server, or refuses it for @reason. */
enum mqg_step mqg_broker_lost(struct mqg_session *session, enum mqgate_reason reason);
/*
 * It stays with this server: what came behind the CONNECT goes there, and the CONNECT is wiped.
 * False: a packet of it may not pass, s->refused says why.
 */
bool mqg_broker_bind(struct mqg_session *session);
/* Its CONNECT was accepted. */
void mqg_broker_settled(struct mqg_session *session);
/* Gives the connection up. */
void mqg_broker_close(struct mqg_session *session);
/* hold.c: the intake has what the server gets; whether the session can go on with another one. */
void mqg_hold_begin(struct mqg_session *session);
void mqg_hold_leave(struct mqg_session *session);
static inline bool mqg_hold_is_away(const struct mqg_session *session)
{
	return session->hold && session->hold->away;
}
/* Its server is gone; @dead: that is known. False: it cannot go on, and nothing has changed. */
bool mqg_hold_lost(struct mqg_session *session, bool dead);
/* There is no server for it yet. */
enum mqg_step mqg_hold_wait(struct mqg_session *session);
/* What the client sends meanwhile. */
enum mqg_step mqg_hold_listen(struct mqg_session *session);
/* In the stage REPLY: the next server answers. */
enum mqg_step mqg_hold_reply(struct mqg_session *session);
/* Looks after those who wait. */
void mqg_hold_look(struct mqg_uplink *uplink);

/* No server takes it: it is answered, or waits. */
enum mqg_step mqg_away_wait(struct mqg_session *session, enum mqgate_reason reason);
void mqg_away_leave(struct mqg_session *session);
/* Somebody was served. */
void mqg_away_over(struct mqg_pool *pool);
/* Looks after those who wait. A mqg_timer_fn: uplink->look has expired. */
void mqg_away_look(struct mqg_timer *timer);
/* Ends sessions of servers that are dead. A mqg_timer_fn: uplink->cut has expired. */
void mqg_cut_look(struct mqg_timer *timer);
enum mqg_step mqg_reply_step(struct mqg_session *session);
enum mqg_step mqg_relay_begin(struct mqg_session *session);
enum mqg_step mqg_relay_step(struct mqg_session *session);

/* Client to broker and back, in the stages REPLY and RELAY alike. */
enum mqg_pump mqg_relay_up(struct mqg_session *session, uint64_t *moved);
enum mqg_pump mqg_relay_down(struct mqg_session *session, uint64_t *moved);

/* packets.c: what the two carry is to be judged by the CONNECT that the intake holds. */
void mqg_packets_begin(struct mqg_session *session);
/* Of the client, as if it had just been read. False: refused, for session->refused. */
bool mqg_packets_take(struct mqg_session *session, const uint8_t *data, size_t len);

/* authority.c: takes the grant of a client, and asks whether it may connect, with this will. */
enum mqgate_reason mqg_authority_begin(struct mqg_session *session,
				       const struct mqw_connect *connect, const uint8_t *packet);
/* By the configuration that is in force now; @cert: its certificate, or NULL. */
enum mqgate_reason mqg_authority_again(struct mqg_session *session, X509 *cert);
void mqg_authority_drop(struct mqg_session *session);

/* What the client is told when it is refused or ended, where there is a place for it: bytes. */
size_t mqg_session_last_word(const struct mqg_session *session, enum mqgate_reason reason,
			     uint8_t out[MQG_ANSWER_MAX]);

#endif
