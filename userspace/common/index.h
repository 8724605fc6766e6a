/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The indexes that tell XDP which prefix lengths are worth asking for: mqgate_index4 and
 * mqgate_index6. A bit is set before its prefix is written, so that XDP never misses one; it
 * stays when the prefix goes, until the index is made anew: a bit too many costs a look-up.
 * Changes by one writer at a time (net.h says who).
 */
#ifndef MQG_INDEX_H
#define MQG_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/net.h"
#include "common/pins.h"

/* Both indexes in memory, for many prefixes at once. */
struct mqg_index {
	uint32_t	bits4, slots6;		/* blocks as a power of two, and slots */
	uint64_t	*words4, *words6;
	uint32_t	n4, n6;			/* words */
	uint64_t	lengths6;		/* below MQGATE_INDEX6_FIRST */
	bool		any4, any6;
	uint32_t	at;			/* words written so far, of both */
	unsigned int	announced;		/* mqg_index_announced() as it was at the start */
};

/* Of the size of the maps, and empty. Return: 0, -ENOMEM, another -errno. */
int mqg_index_alloc(const struct mqg_pins *pins, struct mqg_index *index);
void mqg_index_free(struct mqg_index *index);

/* A prefix: no source. */
void mqg_index_add(struct mqg_index *index, const struct mqg_net *net);

/*
 * A slice of the work of adding what is in @index to the maps, or (@anew) of putting it in their
 * place. Return: 1 while there is more to do, 0, -EAGAIN where @anew and somebody announced a
 * prefix meanwhile, which @index does not have, or another -errno.
 */
int mqg_index_write(const struct mqg_pins *pins, struct mqg_index *index, bool anew);

/* Changes with every prefix that this process announces. */
unsigned int mqg_index_announced(void);

uint64_t mqg_addr_high(const uint8_t addr[16]);	/* the first 64 bits, as a number */
uint32_t mqg_addr_v4(const uint8_t addr[16]);	/* the last 32 */

#endif
