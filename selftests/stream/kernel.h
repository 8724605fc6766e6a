/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As much of the kernel as kmod/client.h, net.h, session.c and packets.c name, for user space.
 * Included before everything by the Makefile; the kernel's headers are empty files then.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;

typedef struct { int unused; } spinlock_t, atomic_t, atomic64_t;
struct rhash_head { void *next; };
struct rhashtable { int unused; };
struct hlist_node { void *next, *pprev; };
struct hlist_head { void *first; };
struct rcu_head { void *next, *function; };
struct mutex { int unused; };
struct xarray { int unused; };
struct delayed_work { int unused; };
struct net;

/* Payload is in one piece here; session_test.c hands it out in small ones. */
struct sk_buff {
	const u8	*data;
	u32		length;
};

#define __rcu
#define __percpu
#define READ_ONCE(x)		(x)
#define WRITE_ONCE(x, value)	((x) = (value))
#define rcu_dereference(p)	(p)
#define fallthrough		__attribute__((__fallthrough__))
#define min(a, b)		((a) < (b) ? (a) : (b))
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define U16_MAX			0xFFFF
#define GFP_ATOMIC		0
#define __GFP_NOWARN		0
#define this_cpu_inc(x)		((x)++)

extern unsigned long jiffies;

void *kzalloc(size_t size, int flags);
void kfree(const void *memory);
void *net_generic(const struct net *net, unsigned int id);

#endif
