// SPDX-License-Identifier: BSD-2-Clause
/*
 * Moving bytes between two connections with back-pressure: nothing is read while something is kept.
 * Called by the stages of a session, on the thread of its worker; no locks.
 */
#include "proxy/half.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

void mqg_half_drop(struct mqg_half *half)
{
	if (half->data && half->secret)
		OPENSSL_cleanse(half->data, half->len);
	free(half->data);
	half->data = NULL;
	half->off = 0;
	half->len = 0;
	half->secret = false;
}

void mqg_half_adopt(struct mqg_half *half, uint8_t *data, size_t len)
{
	half->data = data;
	half->off = 0;
	half->len = len;
	half->secret = true;
}

enum mqg_pump mqg_half_flush(struct mqg_half *half)
{
	while (half->off < half->len) {
		ssize_t n = mqg_stream_write(half->to, half->data + half->off,
					     half->len - half->off);

		if (n == -EAGAIN)
			return MQG_PUMP_WAIT;
		if (n < 0) {
			half->failed = true;
			return MQG_PUMP_WRITE_FAILED;
		}
		half->off += n;
	}
	mqg_half_drop(half);
	return MQG_PUMP_END;
}

/* Behind what is kept already. Not by realloc(): it would leave a copy of a secret behind. */
static bool keep(struct mqg_half *half, const uint8_t *data, size_t len)
{
	size_t before = half->len - half->off;
	uint8_t *both = malloc(before + len);
	bool secret = half->secret;

	if (!both)
		return false;
	if (before)
		memcpy(both, half->data + half->off, before);
	memcpy(both + before, data, len);
	mqg_half_drop(half);
	half->data = both;
	half->len = before + len;
	half->secret = secret;
	return true;
}

enum mqg_pump mqg_half_send(struct mqg_half *half, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t done = 0;

	while (!half->data && !half->failed && done < len) {
		ssize_t n = mqg_stream_write(half->to, p + done, len - done);

		if (n == -EAGAIN)
			break;
		if (n < 0)
			half->failed = true;
		else
			done += n;
	}
	if (!half->failed && done < len)
		half->failed = !keep(half, p + done, len - done);
	if (half->failed)
		return MQG_PUMP_WRITE_FAILED;
	return half->data ? MQG_PUMP_WAIT : MQG_PUMP_END;
}

enum mqg_pump mqg_half_pump(struct mqg_half *half, uint8_t *scratch, uint64_t *moved)
{
	enum mqg_pump ret;
	unsigned int round;

	if (half->ended)
		return MQG_PUMP_END;
	ret = mqg_half_flush(half);
	if (ret != MQG_PUMP_END)
		return ret;
	for (round = 0; round < MQG_ROUNDS; round++) {
		ssize_t n = mqg_stream_read(half->from, scratch, MQG_CHUNK);

		if (n == -EAGAIN)
			return MQG_PUMP_WAIT;
		if (n < 0)
			return MQG_PUMP_READ_FAILED;
		if (n == 0) {
			half->ended = true;
			return MQG_PUMP_END;
		}
		*moved += n;
		ret = half->take ? half->take(half, scratch, n) : mqg_half_send(half, scratch, n);
		if (ret != MQG_PUMP_END)
			return ret;
	}
	return MQG_PUMP_MORE;
}
