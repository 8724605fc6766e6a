// SPDX-License-Identifier: BSD-2-Clause
/*
 * See ring.h. A record has its length before it, and both are multiples of eight bytes; one that
 * does not fit in front of the end begins at the beginning, and SKIP says so.
 */
#include "tap/ring.h"

#include <errno.h>
#include <stdlib.h>

#define HEAD	sizeof(uint64_t)
#define SKIP	UINT64_MAX

static size_t whole(size_t len)
{
	return HEAD + ((len + 7) & ~(size_t)7);
}

static uint64_t *head_at(struct mqg_ring *ring, size_t at)
{
	return (uint64_t *)(void *)(ring->data + (at & (ring->size - 1)));
}

int mqg_ring_init(struct mqg_ring *ring, size_t least)
{
	size_t size = 4096;

	while (size < least)
		size *= 2;
	ring->size = size;
	ring->data = malloc(size);
	atomic_init(&ring->put, 0);
	atomic_init(&ring->taken, 0);
	return ring->data ? 0 : -ENOMEM;
}

void mqg_ring_exit(struct mqg_ring *ring)
{
	free(ring->data);
	ring->data = NULL;
}

void *mqg_ring_reserve(struct mqg_ring *ring, size_t len)
{
	size_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);
	size_t room = ring->size - (put - atomic_load_explicit(&ring->taken, memory_order_acquire));
	size_t need = whole(len), end = ring->size - (put & (ring->size - 1));

	if (len > ring->size || need > room)
		return NULL;
	if (need > end) {
		if (need > room - end)
			return NULL;
		*head_at(ring, put) = SKIP;
		atomic_store_explicit(&ring->put, put + end, memory_order_release);
		put += end;
	}
	*head_at(ring, put) = len;
	return head_at(ring, put) + 1;
}

void mqg_ring_commit(struct mqg_ring *ring, size_t len)
{
	size_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);

	atomic_store_explicit(&ring->put, put + whole(len), memory_order_release);
}

const void *mqg_ring_peek(struct mqg_ring *ring, size_t *len)
{
	size_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
	size_t put = atomic_load_explicit(&ring->put, memory_order_acquire);

	if (taken != put && *head_at(ring, taken) == SKIP) {
		taken += ring->size - (taken & (ring->size - 1));
		atomic_store_explicit(&ring->taken, taken, memory_order_release);
	}
	if (taken == put)
		return NULL;
	*len = (size_t)*head_at(ring, taken);
	return head_at(ring, taken) + 1;
}

void mqg_ring_release(struct mqg_ring *ring)
{
	size_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);

	atomic_store_explicit(&ring->taken, taken + whole((size_t)*head_at(ring, taken)),
			      memory_order_release);
}
