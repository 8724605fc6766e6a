/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packets of a session behind its CONNECT, both ways: each is parsed as its bytes come, judged,
 * and only then forwarded. A PUBLISH is judged when its topic and properties are there, and its
 * payload streams through uncopied; every other packet is judged whole. A head that the end of a
 * chunk cuts is kept, up to MQG_HEAD_MAX bytes; nothing else is. It belongs to one session and is
 * touched by that session's worker only; what it needs of the session it is given.
 *
 * A chunk of judged packets leaves in one piece: what is refused is cut out of it. Packets of the
 * gateway's own go out between packets only, see mqg_message_between().
 */
#ifndef MQG_MESSAGE_H
#define MQG_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mqgate/mqtt_packet.h>

/* Most bytes of a packet that wait for the rest of what it is judged by. */
#define MQG_HEAD_MAX	(128U << 10)

enum mqg_way {
	MQG_UP		= MQP_FROM_CLIENT,	/* to the broker */
	MQG_DOWN	= MQP_FROM_SERVER,	/* to the client */
};

/* What becomes of the packet under way. */
enum mqg_fate {
	MQG_JUDGING,		/* not known yet: nothing of it has been forwarded */
	MQG_PASSING,		/* the rest of its payload is forwarded */
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

struct mqg_message;

struct mqg_message_ops {
	/* Whole packets, or a part of the payload under way, to be sent that way. */
	void	(*send)(struct mqg_message *message, enum mqg_way way, const uint8_t *data,
			size_t len);
	/* A PUBLISH is forwarded; of its payload so much has come as lies before @end. */
	void	(*published)(struct mqg_message *message, enum mqg_way way, const uint8_t *packet,
			     const uint8_t *end);
	/* The broker has accepted the client; the CONNACK that says so is sent next. */
	void	(*accepted)(struct mqg_message *message);
	/* It has not. True: its CONNACK is not sent, the reason is BROKER_UNREACHABLE. May be
	 * NULL */
	bool	(*declined)(struct mqg_message *message, uint8_t code);
};

struct mqg_message {
	const struct mqg_message_ops *ops;
	struct mqg_lane		lanes[2];	/* by enum mqg_way */
	uint8_t			level;		/* 3, 4 or 5 */
	bool			answered;	/* CONNACK went to the client */
	uint8_t			opening;	/* enum in opening.c */
	uint8_t			detail;		/* enum mqgate_reason: what was wrong with a packet
						 * of the broker */
};

/**
 * mqg_message_begin() - a CONNECT was found good
 * @message: zeroed
 * @ops:     whom it calls; outlives it
 * @level:   3, 4 or 5
 */
void mqg_message_begin(struct mqg_message *message, const struct mqg_message_ops *ops,
		       uint8_t level);

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
 * the broker; BROKER_REFUSED: it said no, and its CONNACK was sent.
 */
enum mqgate_reason mqg_message_take(struct mqg_message *message, enum mqg_way way, uint8_t *data,
				    size_t len);

/* What was sent that way ends with a packet. */
static inline bool mqg_message_between(const struct mqg_message *message, enum mqg_way way)
{
	return message->lanes[way].fate == MQG_JUDGING;
}

/* Gives all memory back. Harmless where nothing was begun. */
void mqg_message_end(struct mqg_message *message);

#endif
