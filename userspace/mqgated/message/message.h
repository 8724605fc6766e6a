/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packets of a session behind its CONNECT, both ways: each is parsed as its bytes come, judged,
 * and only then forwarded. A PUBLISH is judged when its topic and properties are there, and its
 * payload streams through uncopied; every other packet is judged whole. A head that the end of a
 * chunk cuts is kept, up to MQG_HEAD_MAX bytes. It belongs to one session and is touched by that
 * session's worker only; what it needs of the session it is given.
 *
 * A chunk of judged packets leaves in one piece: what is refused is cut out of it. Packets of the
 * gateway's own go out between packets only.
 *
 * What has to be remembered between packets (identifiers under way, topic aliases) lies in
 * message/ledger.h, which is there only while there is something in it.
 */
#ifndef MQG_MESSAGE_H
#define MQG_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mqgate/mqtt_packet.h>

#include "config/limits.h"
#include "message/terms.h"

/* Most bytes of a packet that wait for the rest of what it is judged by. */
#define MQG_HEAD_MAX	(128U << 10)

struct mqg_grant;
struct mqg_keep;
struct mqg_ledger;

enum mqg_way {
	MQG_UP		= MQP_FROM_CLIENT,	/* to the broker */
	MQG_DOWN	= MQP_FROM_SERVER,	/* to the client */
};

/* What becomes of the packet under way. */
enum mqg_fate {
	MQG_JUDGING,		/* not known yet: nothing of it has been forwarded */
	MQG_PASSING,		/* the rest of its payload is forwarded */
	MQG_DROPPING,		/* the rest of its payload is not, nor was its head */
	MQG_KEEPING,		/* nor was it so far: it waits with what comes of it */
};

struct mqg_lane {
	union {
		struct mqp_stream	stream;
		struct mqw_connack	connack;	/* down, until it is complete */
	};
	uint8_t		*held;		/* the head under way as far as it is there; NULL = none */
	uint32_t	held_len, held_size;
	uint8_t		fate;		/* enum mqg_fate */
	bool		over;		/* after DISCONNECT: nothing more may come */
};

/* What the sessions of one worker have in common. */
struct mqg_desk {
	int64_t			now;		/* CLOCK_REALTIME, s */
	struct mqg_ledger	*spare;
	uint32_t		n_spare;
};

struct mqg_message;

struct mqg_message_ops {
	/* Whole packets, or a part of the payload under way, to be sent that way. */
	void	(*send)(struct mqg_message *message, enum mqg_way way, const uint8_t *data,
			size_t len);
	/*
	 * A PUBLISH is forwarded; of its payload so much has come as lies before @end. @topic: its
	 * own, or what its alias stands for
	 */
	void	(*published)(struct mqg_message *message, enum mqg_way way, const uint8_t *packet,
			     const uint8_t *end, const uint8_t *topic, size_t len);
	/* The broker has accepted the client; the CONNACK that says so is sent next. */
	void	(*accepted)(struct mqg_message *message);
	/* It has not. True: its CONNACK is not sent, the reason is BROKER_UNREACHABLE. May be
	 * NULL */
	bool	(*declined)(struct mqg_message *message, uint8_t code);
	/* Another server has accepted it; the client does not hear of it. May be NULL */
	void	(*resumed)(struct mqg_message *message);
	/* A packet that went that way was refused, and the session goes on. */
	void	(*refused)(struct mqg_message *message, enum mqg_way way,
			   enum mqgate_reason reason);
	/* A PUBLISH has to wait until the client has acknowledged others. */
	void	(*delayed)(struct mqg_message *message);
};

struct mqg_message {
	const struct mqg_message_ops *ops;
	const struct mqg_limits	*limits;	/* may be exchanged between two calls */
	struct mqg_grant	*grant;		/* NULL: all is allowed; its owner drops it */
	struct mqg_desk		*desk;
	struct mqg_ledger	*ledger;		/* NULL = nothing to remember */
	struct mqg_keep		*keep;		/* NULL = it ends with its server */
	struct mqg_lane		lanes[2];	/* by enum mqg_way */
	struct mqg_terms	terms[2];	/* [way]: of who is reached that way */
	uint32_t		published;	/* up; counted until somebody sets it to 0 */
	uint16_t		keep_alive;	/* s, as it holds now; 0 = none */
	uint8_t			level;		/* 3, 4 or 5 */
	bool			resumed;	/* either side may go on with what was before */
	bool			open;		/* CONNACK of this server has come */
	bool			answered;	/* CONNACK went to the client */
	bool			capped;		/* keep_alive is the gateway's word */
	uint8_t			opening;	/* enum in opening.c */
	uint8_t			ending;		/* enum mqgate_reason: no packet of the client's
						 * begins any more; 0 = they do */
	uint8_t			code;		/* of a DISCONNECT, where the reason has several */
	uint8_t			detail;		/* enum mqgate_reason: what was wrong with a packet
						 * of the broker */
};

/**
 * mqg_message_begin() - a CONNECT was found good
 * @message: zeroed but for ops, limits, grant and desk
 * @connect: what the parser says of it
 * @packet:  its bytes
 */
void mqg_message_begin(struct mqg_message *message, const struct mqw_connect *connect,
		       const uint8_t *packet);

/* The CONNECT goes to another server: as if nothing had been taken. */
void mqg_message_again(struct mqg_message *message);

/*
 * The server is gone. True: the session can go on with another one, which has to get a CONNECT
 * next; what the client sends meanwhile is kept. False: it cannot, and nothing has changed.
 */
bool mqg_message_lose(struct mqg_message *message);
/* Answers the pings that a lost server has left. */
void mqg_message_pong(struct mqg_message *message);
/* What a server was to be told before the client's packets waits for the client. */
bool mqg_message_lags(const struct mqg_message *message);

/**
 * mqg_message_take() - the next bytes of one direction
 * @message: begun
 * @way:     where they go
 * @data:    the bytes; they may be changed, and MQG_HEAD_MAX bytes before them as well
 * @len:     of @data
 *
 * What was judged good is handed to ops->send(), most often at one time. Return:
 * MQGATE_REASON_NONE, or why the session ends: nothing of the packet that is to blame was sent,
 * and nothing more may be given. Up, the client is to blame. Down, MQTT_BROKER or MQTT_CONNACK:
 * the broker; BROKER_REFUSED: it said no, and its CONNACK was sent; HOLD_SESSION: the server takes
 * the client, and cannot go on with its session.
 */
enum mqgate_reason mqg_message_take(struct mqg_message *message, enum mqg_way way, uint8_t *data,
				    size_t len);

/* What was sent that way ends with a packet. */
static inline bool mqg_message_between(const struct mqg_message *message, enum mqg_way way)
{
	return message->lanes[way].fate != MQG_PASSING;
}

/* So much waits for the client's acknowledgments that the broker is not to be read from. */
bool mqg_message_backlogged(const struct mqg_message *message);

/* The grant is another one: what is under way is asked of again before it goes on. */
void mqg_message_doubt(struct mqg_message *message);

/* Gives all memory back. Harmless where nothing was begun. */
void mqg_message_end(struct mqg_message *message);

/* Gives the spare ledgers back. */
void mqg_desk_exit(struct mqg_desk *desk);

#endif
