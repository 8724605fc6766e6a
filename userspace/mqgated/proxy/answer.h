/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client is told when its CONNECT is refused, or its session ended: by the packet of its own
 * protocol version. Stateless; called by the sessions.
 */
#ifndef MQG_ANSWER_H
#define MQG_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include <linux/mqgate.h>

#define MQG_ANSWER_MAX 5

/* DISCONNECT (MQTT 5, 3.14) for one that was let in before. 0: its version has no such packet. */
size_t mqg_answer_disconnect(uint8_t level, enum mqgate_reason reason,
			     uint8_t out[MQG_ANSWER_MAX]);

/**
 * mqg_answer_build() - CONNACK for a refused CONNECT
 * @level:  protocol level byte of the CONNECT (the bridge bit 0x80 is allowed); 0 = not known,
 *          because its protocol name was not read or is none. Not looked at for MQTT_LEVEL
 * @reason: why it was refused
 * @out:    the packet
 *
 * MQTT 3.1 and 3.1.1 (3.2.2.3) have codes for few reasons and want the others closed in silence;
 * MQTT 5 (3.2.2.2) has one for each. A level that exists in no version is answered as 3.1.1 has it.
 *
 * Return: bytes in @out, 0 = close without an answer.
 */
size_t mqg_answer_build(uint8_t level, enum mqgate_reason reason, uint8_t out[MQG_ANSWER_MAX]);

#endif
