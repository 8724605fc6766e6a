/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What must hold for any input whatever: the same properties for the vectors and for the
 * fuzzers, over one table of operations a parser. No lock: one thread.
 */
#ifndef PROPS_H
#define PROPS_H

#include <stddef.h>

#include <mqgate/mqtt_wire.h>
#include <mqgate/tls_wire.h>

#define CONNECT_MAX	MQGATE_DEFAULT_CONNECT_MAX
#define HELLO_MAX	MQGATE_DEFAULT_HELLO_MAX
#define CONNACK_MAX	65536U

union parser {
	struct mqw_connect	connect;
	struct tlsw_hello	hello;
	struct mqw_connack	connack;
};

struct ops {
	const char	*name;
	void		(*init)(union parser *p, int level);
	int		(*step)(union parser *p, __u8 byte);
	int		(*feed)(union parser *p, const __u8 *data, __u32 len, __u32 *used);
	__u32		(*reason)(const union parser *p);
	__u32		(*pos)(const union parser *p);
	/* bytes of the packet once they are known for certain, else 0 */
	__u32		(*total)(const union parser *p);
	/* NULL when there is no check of the first bytes; else its answer and its findings */
	int		(*head)(const __u8 head[16], __u32 avail, __u32 *reason, __u32 *need);
	/* would the check of the first bytes have looked at the byte that comes next? */
	int		(*head_covers)(const union parser *p);
};

extern const struct ops connect_ops, hello_ops, connack_ops;

/* A complaint, or NULL when the property holds for these bytes. */
const char *props_steps(const struct ops *ops, int level, const __u8 *data, __u32 len);
const char *props_cut(const struct ops *ops, int level, const __u8 *data, __u32 len, __u32 cut);
const char *props_again(const struct ops *ops, int level, const __u8 *data, __u32 len);
const char *props_head(const struct ops *ops, int level, const __u8 *data, __u32 len);

#endif
