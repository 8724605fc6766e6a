/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As much of the kernel as kmod/client.h, net.h, session.c, packets.c, source.c and pool.c name,
 * for user space. Included before everything by the Makefile; the kernel's headers are empty
 * files then.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <endian.h>
#include <linux/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;

typedef struct { int unused; } spinlock_t, atomic_t, atomic64_t;
typedef struct { long n; } atomic_long_t;
struct rhash_head { void *next; };
struct rhashtable { int unused; };
struct hlist_node { void *next, *pprev; };
struct hlist_head { void *first; };
struct rcu_head { void *next, *function; };
struct mutex { int unused; };
struct xarray { void *entries[1024]; };
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
#define static_assert(condition)	_Static_assert(condition, #condition)
#define fallthrough		__attribute__((__fallthrough__))
#define min(a, b)		((a) < (b) ? (a) : (b))
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define clamp(value, low, high)	min(max(value, low), high)
#define U8_MAX			0xFF
#define U16_MAX			0xFFFF
#define U32_MAX			0xFFFFFFFFU
#define PAGE_SIZE		4096U
#define GFP_ATOMIC		0
#define __GFP_NOWARN		0
#define __GFP_ACCOUNT		0
#define module_param(name, type, mode)
#define MODULE_PARM_DESC(name, text)
#define cpu_to_be64(x)		htobe64(x)
#define be64_to_cpu(x)		be64toh(x)
#define spin_lock_init(lock)	((void)(lock))
#define spin_lock(lock)		((void)(lock))
#define spin_unlock(lock)	((void)(lock))
#define spin_lock_bh(lock)	((void)(lock))
#define spin_unlock_bh(lock)	((void)(lock))
#define this_cpu_inc(x)		((x)++)
#define this_cpu_read(x)	(x)
#define this_cpu_write(x, value) ((x) = (value))
#define DEFINE_PER_CPU(type, name) type name
#define per_cpu(x, cpu)		(x)
#define for_each_possible_cpu(cpu) for ((cpu) = 0; (cpu) < 1; (cpu)++)

#define xa_init(xa)		((void)(xa))
#define xa_destroy(xa)		((void)(xa))
#define xa_load(xa, index)	((xa)->entries[index])
#define xa_store(xa, index, entry, gfp)	((xa)->entries[index] = (entry), (void *)NULL)
#define xa_err(entry)		((entry) ? -ENOMEM : 0)
#define xa_for_each(xa, index, entry)						\
	for ((index) = 0; (index) < 1024; (index)++)				\
		if (((entry) = (xa)->entries[index]))

static inline u32 rounddown_pow_of_two(u32 n)
{
	return 1U << (31 - __builtin_clz(n));
}

static inline u32 roundup_pow_of_two(u32 n)
{
	return n < 2 ? 1 : 2 * rounddown_pow_of_two(n - 1);
}

/* Of the two address families the key's own words are the whole truth. */
static inline bool ipv6_addr_v4mapped(const void *addr)
{
	static const u8 mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(addr, mapped, sizeof(mapped));
}

struct in6_addr;
u64 ktime_get_seconds(void);

extern unsigned long jiffies;

#define ATOMIC_LONG_INIT(value)	{ value }
#define ____cacheline_aligned_in_smp	__attribute__((__aligned__(64)))
#define atomic_long_add_return(value, a)	((a)->n += (value))
#define atomic_long_sub_return(value, a)	((a)->n -= (value))
#define atomic_long_sub(value, a)	((void)((a)->n -= (value)))

void *kmalloc(size_t size, int flags);
void *kzalloc(size_t size, int flags);
void kfree(const void *memory);
void *net_generic(const struct net *net, unsigned int id);

#endif
