/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the wire parsers have in common: the three answers and the compiler's dialect.
 * Included by mqtt_wire.h and tls_wire.h, by nobody else; no lock, no state.
 */
#ifndef MQGATE_WIRE_H
#define MQGATE_WIRE_H

#include <linux/types.h>
#include <linux/mqgate.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((__always_inline__))
#endif

/**
 * enum mqw_status - the answer of every parser
 * @MQW_OK:        complete and acceptable
 * @MQW_NEED_MORE: nothing wrong so far; incomplete is not invalid
 * @MQW_MALFORMED: no continuation can make it acceptable
 */
enum mqw_status {
	MQW_OK		= 0,
	MQW_NEED_MORE	= 1,
	MQW_MALFORMED	= 2,
};

#endif /* MQGATE_WIRE_H */
