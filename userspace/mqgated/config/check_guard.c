/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checking pass over what services and listeners have in common: what XDP is told of a port.
 * Called by mqg_check_service() and mqg_check_listener() in the main thread; no lock.
 */
#include <stdio.h>

#include "common/network.h"
#include "config/check.h"

#define NS_PER_MS	1000000ULL
#define RATE_MOST	10000000U	/* a second; a 10 GbE port carries 14,880,952 frames */
#define CALM_LEAST	(100 * NS_PER_MS)
#define CALM_MOST	(3600000 * NS_PER_MS)
/* A ClientHello with a post-quantum key share is longer than one segment. */
#define SEGMENTS_LEAST	2U
#define SEGMENTS_MOST	1000000U
#define BYTES_LEAST	1024U
#define BYTES_MOST	(1U << 30)
#define TIME_LEAST	(100 * NS_PER_MS)
#define TIME_MOST	(600000 * NS_PER_MS)

#define complain(check, ...) mqg_complain(&(check)->complaint, __VA_ARGS__)

/* 0 in the file is no budget; 0 for XDP is its default. */
static int check_budget(const struct mqg_check *check, const char *path, const uint32_t *value,
			uint32_t fallback, uint32_t *out)
{
	int err = mqg_check_number(check, path, value, fallback, 0, RATE_MOST, out);

	if (!err && !*out)
		*out = MQGATE_SYN_UNLIMITED;
	return err;
}

static int check_syn(const struct mqg_check *check, const char *owner, const struct raw_syn *from,
		     struct mqg_guard *to)
{
	static const struct raw_syn none;
	char path[MQG_PATH_MAX];
	uint64_t ns;
	int err;

	if (!from)
		from = &none;
	snprintf(path, sizeof(path), "%s.syn.per_source", owner);
	err = check_budget(check, path, from->per_source, MQGATE_DEFAULT_SYN_SOURCE,
			   &to->syn_source);
	snprintf(path, sizeof(path), "%s.syn.rate", owner);
	if (!err)
		err = check_budget(check, path, from->rate, MQGATE_DEFAULT_SYN_RATE,
				   &to->syn_rate);
	snprintf(path, sizeof(path), "%s.syn.calm", owner);
	if (!err)
		err = mqg_check_duration(check, path, from->calm,
					 MQGATE_DEFAULT_SYN_CALM_MS * NS_PER_MS, CALM_LEAST,
					 CALM_MOST, &ns);
	if (err)
		return err;
	to->syn_calm_ms = (uint32_t)(ns / NS_PER_MS);
	to->cookies = from->cookies ? (enum mqg_cookies)*from->cookies : MQG_COOKIES_AUTO;
	if (to->cookies != MQG_COOKIES_ON || to->syn_rate != MQGATE_SYN_UNLIMITED)
		return 0;
	snprintf(path, sizeof(path), "%s.syn.cookies", owner);
	return complain(check, path, "on has no meaning with rate: 0, above which they would be "
				     "used; give a rate");
}

static int check_burst(const struct mqg_check *check, const char *path, const char *key,
		       const char *rate_key, uint32_t rate, const uint32_t *value, uint32_t *out)
{
	char full[MQG_PATH_MAX];

	if (!value)
		return 0;
	snprintf(full, sizeof(full), "%s.%s", path, key);
	if (!rate)
		return complain(check, full, "has no meaning without %s; give it a rate, or leave "
					     "this out", rate_key);
	return mqg_check_number(check, full, value, 0, 1, RATE_MOST, out);
}

int mqg_check_budgets(const struct mqg_check *check, const char *path,
		      const struct raw_budgets *from, struct mqg_guard *to)
{
	char full[MQG_PATH_MAX];
	int err;

	snprintf(full, sizeof(full), "%s.per_source", path);
	err = mqg_check_number(check, full, from->per_source, 0, 0, RATE_MOST, &to->source_rate);
	snprintf(full, sizeof(full), "%s.rate", path);
	if (!err)
		err = mqg_check_number(check, full, from->rate, 0, 0, RATE_MOST,
				       &to->service_rate);
	if (!err)
		err = check_burst(check, path, "per_source_burst", "per_source", to->source_rate,
				  from->per_source_burst, &to->source_burst);
	if (!err)
		err = check_burst(check, path, "burst", "rate", to->service_rate, from->burst,
				  &to->service_burst);
	return err;
}

static int check_suspect(const struct mqg_check *check, const char *owner,
			 const struct raw_suspect *from, struct mqg_guard *to)
{
	static const struct raw_suspect none;
	char path[MQG_PATH_MAX];
	uint64_t ns;
	int err = 0;

	if (!from)
		from = &none;
	snprintf(path, sizeof(path), "%s.suspect.bytes", owner);
	if (from->bytes)
		err = mqg_check_number(check, path, from->bytes, 0, BYTES_LEAST, BYTES_MOST,
				       &to->suspect_bytes);
	snprintf(path, sizeof(path), "%s.suspect.segments", owner);
	if (!err)
		err = mqg_check_number(check, path, from->segments,
				       MQGATE_DEFAULT_SUSPECT_SEGMENTS, SEGMENTS_LEAST,
				       SEGMENTS_MOST, &to->suspect_segments);
	snprintf(path, sizeof(path), "%s.suspect.time", owner);
	if (!err)
		err = mqg_check_duration(check, path, from->time,
					 MQGATE_DEFAULT_SUSPECT_MS * NS_PER_MS, TIME_LEAST,
					 TIME_MOST, &ns);
	if (!err)
		to->suspect_ms = (uint32_t)(ns / NS_PER_MS);
	return err;
}

static int check_destinations(const struct mqg_check *check, const char *owner,
			      const struct raw_guard *from, struct mqg_guard *to)
{
	char path[MQG_PATH_MAX];
	const char *why;

	snprintf(path, sizeof(path), "%s.destinations", owner);
	if (from->destinations_count > MQGATE_DESTINATIONS)
		return complain(check, path, "%u networks, and there may be %d; leave the key out "
					     "to guard all of them", from->destinations_count,
				MQGATE_DESTINATIONS);
	for (unsigned int i = 0; i < from->destinations_count; i++) {
		snprintf(path, sizeof(path), "%s.destinations[%u]", owner, i);
		if (mqg_network_parse(from->destinations[i], &to->destination[i], &why))
			return complain(check, path, "\"%s\" %s", from->destinations[i], why);
	}
	to->destinations = from->destinations_count;
	return 0;
}

int mqg_check_guard(const struct mqg_check *check, const char *owner, const struct raw_guard *from,
		    struct mqg_guard *to)
{
	char path[MQG_PATH_MAX];
	int err;

	to->fragments = from->fragments && *from->fragments;
	to->reset = from->on_malformed && *from->on_malformed;
	err = check_destinations(check, owner, from, to);
	if (!err)
		err = check_syn(check, owner, from->syn, to);
	snprintf(path, sizeof(path), "%s.connects", owner);
	if (!err && from->connects)
		err = mqg_check_budgets(check, path, from->connects, to);
	if (!err)
		err = check_suspect(check, owner, from->suspect, to);
	snprintf(path, sizeof(path), "%s.reset_rate", owner);
	if (!err)
		err = mqg_check_number(check, path, from->reset_rate, MQGATE_DEFAULT_RESET_RATE, 1,
				       RATE_MOST, &to->reset_rate);
	return err;
}
