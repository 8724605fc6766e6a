/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A walk through the packets of one chunk; between the files of this folder. On the stack of
 * mqg_message_take().
 */
#ifndef MQG_MESSAGE_WALK_H
#define MQG_MESSAGE_WALK_H

#include "message/ledger.h"

/* Room for packets of our own before they are sent or kept. */
#define MQG_WALK_OWN	256U

struct mqg_kept;

struct mqg_walk {
	struct mqg_message	*message;
	struct mqg_lane		*lane;
	enum mqg_way		way;
	uint8_t			*at, *end;	/* bytes that have not been looked at */
	bool			mute;		/* what is judged is not sent */
	uint8_t			*out;		/* judged good, to be sent */
	size_t			out_len;
	size_t			own_len;
	uint8_t			own[MQG_WALK_OWN];	/* for the other way */
};

/* A packet whose form is good: all of it, or of a PUBLISH all but the payload. */
struct mqg_head {
	uint8_t		*begin;
	size_t		len;
};

/* What the head of a PUBLISH says. */
struct mqg_publish_head {
	const uint8_t	*topic, *behind;	/* behind the topic */
	uint16_t	len;			/* of it */
	uint16_t	id, alias;		/* 0 = none */
	uint8_t		qos;
	bool		retain;
};

/* Adds judged bytes, which lie behind those that were added before. */
void mqg_walk_emit(struct mqg_walk *walk, const uint8_t *data, size_t len);
/* Adds bytes that lie elsewhere, and are not needed afterwards. */
void mqg_walk_insert(struct mqg_walk *walk, const uint8_t *data, size_t len);
/* Sends what was added. */
void mqg_walk_flush(struct mqg_walk *walk);

/*
 * Keeps @len bytes at @data for the next chunk; the head under way goes on there. Return:
 * MQGATE_REASON_NONE, MQTT_TOO_LONG, or STREAM_MEMORY without memory.
 */
enum mqgate_reason mqg_walk_hold(struct mqg_walk *walk, const uint8_t *data, size_t len);
/* Puts what was kept before @data, where the chunk begins. Return: where the head begins. */
uint8_t *mqg_walk_rejoin(struct mqg_walk *walk, uint8_t *data);

/* The broker is the one that is answered for: which rule it broke is for the log. */
enum mqgate_reason mqg_walk_blame(struct mqg_walk *walk, enum mqgate_reason reason);
/* The packet under way goes no further; counted. */
void mqg_walk_drop(struct mqg_walk *walk, enum mqgate_reason reason);

/*
 * Answers, in the other direction: @type with the flags that it has to have, and a reason code of
 * MQTT 5, where 0 is the one that is left out. Return: MQGATE_REASON_NONE or STREAM_MEMORY.
 */
enum mqgate_reason mqg_walk_answer(struct mqg_walk *walk, uint8_t type, uint16_t id, uint8_t code);
/* Another packet of our own. */
enum mqgate_reason mqg_walk_own(struct mqg_walk *walk, const uint8_t *data, size_t len);

/* Begins to read packets of that way; nothing of one has come. */
void mqg_message_lane(struct mqg_message *message, enum mqg_way way);

/* opening.c: down, until CONNACK has come. */
enum mqgate_reason mqg_opening_step(struct mqg_walk *walk);
/*
 * resume.c: another server has answered the CONNECT; @present: it knows the session. Then, whenever
 * something has come: goes on until the client's packets go there at once. Return:
 * MQGATE_REASON_NONE, HOLD_SESSION or STREAM_MEMORY.
 */
enum mqgate_reason mqg_resume_begin(struct mqg_message *message, bool present);
enum mqgate_reason mqg_resume_step(struct mqg_message *message);

/* A packet that is to be judged whole, or the head of a PUBLISH; walk->at is its first byte. */
enum mqgate_reason mqg_walk_packet(struct mqg_walk *walk);

/* publish.c: whether policy lets it pass that way, of that topic. MQGATE_REASON_NONE: yes. */
enum mqgate_reason mqg_publish_ask(const struct mqg_message *message, enum mqg_way way,
				   const uint8_t *topic, uint16_t len, uint8_t qos, bool retain);

/* plain.c: its head with its topic and without an alias. Return: bytes at @out */
size_t mqg_publish_plain(const struct mqg_walk *walk, const struct mqg_head *head,
			 const struct mqg_publish_head *publish, uint8_t *out);
/* At most so many: two lengths may grow. */
#define MQG_PLAIN_MOST(head, publish)	((head)->len + (publish)->len + 8)

/* backlog.c: whether a delivery that was just begun has to wait. */
bool mqg_backlog_due(const struct mqg_message *message, const struct mqg_flow *flow);
enum mqgate_reason mqg_backlog_keep(struct mqg_walk *walk, const struct mqg_head *head,
				    const struct mqg_publish_head *publish, struct mqg_flow *flow);
/* More of the payload of the last one. */
enum mqgate_reason mqg_backlog_more(struct mqg_message *message, const uint8_t *data, size_t len);
/* As if the broker had sent nothing of it. */
void mqg_backlog_unsend(struct mqg_message *message);
/* Adds what the client has room for by now; nothing else has been added. */
enum mqgate_reason mqg_backlog_release(struct mqg_walk *down);
/*
 * asked.c: a SUBSCRIBE or UNSUBSCRIBE, as it is sent, is kept until it has been answered; the codes
 * of its answer say what the client has subscribed to.
 */
enum mqgate_reason mqg_asked_keep(struct mqg_walk *walk, const struct mqg_flow *flow,
				  const struct mqg_head *head);
/* Of its answer: the identifier is the client's from then on. */
uint16_t mqg_asked_id(struct mqg_message *message, const struct mqg_head *head,
		      enum mqg_flow_kind kind, uint16_t id);
void mqg_asked_note(struct mqg_message *message, const struct mqg_flow *flow, const uint8_t *codes,
		    const uint8_t *end);
/* Subscribes again to all; and the SUBACK of a part of that, which is not the client's. */
void mqg_asked_replay(struct mqg_message *message);
void mqg_asked_again(struct mqg_message *message, const struct mqg_head *suback);

/* store.c, where there is a journal: the identifier towards the server. */
uint16_t mqg_store_id(const struct mqg_message *message, uint16_t id);
/* The server takes no more at the moment. */
bool mqg_store_waits(const struct mqg_message *message);
/* A message of the client's is whole. */
void mqg_store_put(struct mqg_message *message, struct mqg_kept *kept);
/* A server is sent what was put while there was none. */
void mqg_store_begun(struct mqg_message *message, struct mqg_kept *kept);
/* Sends what has its turn. */
void mqg_store_send(struct mqg_message *message);
/* The client has sent QoS 2 once more. */
enum mqgate_reason mqg_store_again(struct mqg_walk *walk, struct mqg_flow *flow);
/* PUBACK, PUBREC and PUBCOMP of the server; PUBREL of the client. */
enum mqgate_reason mqg_store_ack(struct mqg_walk *walk);
enum mqgate_reason mqg_store_release(struct mqg_walk *walk);
/* The server has done with it, or does not get it: the client hears @code if it has not before. */
void mqg_store_finish(struct mqg_message *message, struct mqg_kept *kept, uint8_t code);

/* Sends it to the server that there is. */
void mqg_keep_send(struct mqg_message *message, struct mqg_kept *kept);
/* resume.c: the first server has answered, and others have left something for it. */
void mqg_resume_adopted(struct mqg_message *message, bool present);

/* A walk of no bytes: for what the gateway has to say by itself. */
void mqg_walk_start(struct mqg_walk *walk, struct mqg_message *message, enum mqg_way way);
void mqg_walk_finish(struct mqg_walk *walk);

/* By type: each adds the packet, or what becomes of it, or drops it. */
enum mqgate_reason mqg_publish_judge(struct mqg_walk *walk, const struct mqg_head *head);
enum mqgate_reason mqg_ack_judge(struct mqg_walk *walk, const struct mqg_head *head);
enum mqgate_reason mqg_subscribe_judge(struct mqg_walk *walk, const struct mqg_head *head);
enum mqgate_reason mqg_suback_judge(struct mqg_walk *walk, const struct mqg_head *head);

#endif
