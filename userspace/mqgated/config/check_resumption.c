// SPDX-License-Identifier: BSD-2-Clause
/*
 * The checking pass over what is remembered of clients' certificates: verified chains and session
 * tickets. Called by check.c in the main thread; no lock.
 */
#include <errno.h>
#include <stdio.h>

#include "config/check.h"
#include "config/ticketfile.h"

#define SECOND	1000000000ULL
#define HOUR	(3600 * SECOND)
#define DAY	(24 * HOUR)

#define complain(check, ...) mqg_complain(&(check)->complaint, __VA_ARGS__)

int mqg_check_chain_cache(const struct mqg_check *check)
{
	static const struct raw_chain_cache none;
	const struct raw_chain_cache *raw = check->raw->chain_cache ? check->raw->chain_cache
								    : &none;
	struct mqg_config *config = check->config;
	int err = mqg_check_number(check, "chain_cache.size", raw->size, 16384, 0, 16U << 20,
				   &config->chain_cache_size);

	return err ? err : mqg_check_duration(check, "chain_cache.time", raw->time, HOUR, SECOND,
					      7 * DAY, &config->chain_cache_ns);
}

static int check_times(const struct mqg_check *check, const struct raw_resumption *raw)
{
	struct mqg_config *config = check->config;
	uint64_t lifetime, rotate;
	/* RFC 8446, 4.6.1: a week at most. */
	int err = mqg_check_duration(check, "resumption.lifetime", raw->lifetime, 8 * HOUR, SECOND,
				     7 * DAY, &lifetime);

	if (!err)
		err = mqg_check_duration(check, "resumption.rotate", raw->rotate,
					 lifetime > 8 * HOUR ? lifetime / 8 : HOUR, SECOND,
					 7 * DAY, &rotate);
	if (err)
		return err;
	if (lifetime / rotate > MQG_TICKET_KEYS - 2)
		return complain(check, "resumption.rotate", "is less than a 14th of "
				"resumption.lifetime: more keys than are kept would still open "
				"tickets; rotate less often, or shorten the lifetime");
	config->ticket_lifetime = (uint32_t)(lifetime / SECOND);
	config->ticket_rotate = (uint32_t)(rotate / SECOND);
	return 0;
}

int mqg_check_resumption(const struct mqg_check *check)
{
	static const struct raw_resumption none;
	const struct raw_resumption *raw = check->raw->resumption ? check->raw->resumption : &none;
	struct mqg_config *config = check->config;
	char why[512];
	int err = check_times(check, raw);

	if (err)
		return err;
	config->resumption = !raw->use || *raw->use;
	if (!raw->keys)
		return 0;
	if (!config->resumption)
		return complain(check, "resumption.keys", "has no meaning with use: off; leave one "
							  "of the two out");
	if (raw->rotate)
		return complain(check, "resumption.rotate", "has no meaning with keys: whoever "
				"writes that file rotates them; leave one of the two out");
	err = mqg_check_copy(raw->keys, &config->ticket_path);
	if (err)
		return err;
	err = mqg_ticket_file_load(raw->keys, &config->ticket_file, why, sizeof(why));
	return err == -EINVAL ? complain(check, "resumption.keys", "%s", why) : err;
}
