/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Networks: what an operator can have a verdict on, from one address to a whole prefix; read,
 * written, compared, and kept in the pinned maps. Verdicts on an address or an IPv6 /64 are in
 * mqgate_sources, all shorter prefixes in mqgate_prefix4 and mqgate_prefix6 with their indexes.
 * The daemon calls the changing functions as the only writer while it runs (under the judge's
 * lock), else the command under the lock file.
 */
#ifndef MQG_NET_H
#define MQG_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/mqgate.h>

#include "common/names.h"
#include "common/pins.h"

#define MQG_RATE_MAX	1000000		/* packets/s of a LIMIT */

struct mqg_net {
	uint8_t		addr[16];	/* IPv4 mapped; zero beyond `bits` */
	uint32_t	bits;		/* of the 16 bytes: an IPv4 /8 has 104 */
};

/**
 * mqg_net_parse() - read an address or a prefix
 * @text: "192.0.2.1", "10.0.0.0/8", "2001:db8::1", "2001:db8::/32", ...
 * @net:  out
 * @why:  out, NULL or a sentence that says what is wrong and what is accepted
 *
 * IPv6 prefixes end at /64: behind it one sender moves as it likes. Return: 0 or -EINVAL.
 */
int mqg_net_parse(const char *text, struct mqg_net *net, const char **why);

/* "10.0.0.0/8"; without a length for one address. Returns buf. */
const char *mqg_net_format(const struct mqg_net *net, char buf[MQG_ADDR_STRLEN]);

bool mqg_net_is_v4(const struct mqg_net *net);
bool mqg_net_covers(const struct mqg_net *net, const uint8_t addr[16]);

/* True where it is one address or an IPv6 /64: a key of mqgate_sources, then in @key. */
bool mqg_net_source(const struct mqg_net *net, struct mqgate_source_key *key);
void mqg_net_of_source(const struct mqgate_source_key *key, struct mqg_net *net);

/* ---- in the maps ------------------------------------------------------------------ */

union mqg_net_key {
	struct mqgate_source_key	source;
	struct mqgate_prefix4_key	v4;
	struct mqgate_prefix6_key	v6;
};

/* The network of a key, which the size of the key tells the map of. */
void mqg_net_of_key(size_t key_size, const void *key, struct mqg_net *net);

/* The map that a network belongs in, and its key there. Return: the descriptor. */
int mqg_net_map(const struct mqg_pins *pins, const struct mqg_net *net, union mqg_net_key *key);

/* Adds or replaces, with its generation as given. -E2BIG when the map is full. */
int mqg_net_put(const struct mqg_pins *pins, const struct mqg_net *net,
		const struct mqgate_verdict *verdict);
/* After -E2BIG: which map is full and which size to raise. Returns buf. */
const char *mqg_net_full(const struct mqg_pins *pins, const struct mqg_net *net, char *buf,
			 size_t size);
/* As it holds now: see mqg_verdict_get(). */
int mqg_net_get(const struct mqg_pins *pins, const struct mqg_net *net,
		struct mqgate_verdict *verdict);
/* Return: 0, 1 where what the loaded set says of it holds now, -ENOENT, another -errno. */
int mqg_net_remove(const struct mqg_pins *pins, const struct mqg_net *net);

typedef int (*mqg_net_fn)(const struct mqg_net *net, const struct mqgate_verdict *verdict,
			  void *arg);
/* Every entry of the three maps as it holds now; stops at the first non-zero answer. */
int mqg_net_each(const struct mqg_pins *pins, mqg_net_fn fn, void *arg);
/* Of the two of prefixes alone. */
int mqg_net_prefix_each(const struct mqg_pins *pins, mqg_net_fn fn, void *arg);

typedef int (*mqg_net_hit_fn)(const struct mqg_net *net, const struct mqgate_verdict *verdict,
			      void *arg);
/**
 * mqg_net_match() - the live verdicts on an address, in the order in which XDP asks
 * @pins: open maps
 * @addr: 16 bytes; an IPv6 /64 key stands for its network
 * @now:  CLOCK_BOOTTIME, ns
 * @fn:   called for each; the first is the one that decides; non-zero stops
 * @arg:  for @fn
 *
 * Return: 0, the answer of @fn, or -errno.
 */
int mqg_net_match(const struct mqg_pins *pins, const uint8_t addr[16], uint64_t now,
		  mqg_net_hit_fn fn, void *arg);

/* The ALLOW entries of a network go. Return: how many were removed, or -errno. */
int mqg_allow_remove_net(const struct mqg_pins *pins, const struct mqg_net *net);

/* Makes the indexes anew from the prefixes that are there: stale bits only cost look-ups. */
int mqg_net_reindex(const struct mqg_pins *pins);

/* Lets XDP know of @count prefixes that are about to be written. Return: 0 or -errno. */
int mqg_net_announce(const struct mqg_pins *pins, const struct mqg_net *nets, size_t count);

#endif
