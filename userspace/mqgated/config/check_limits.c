/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checking pass over the limits of a listener, and of a group. Called by mqg_check_listener()
 * and mqg_check_rights() in the main thread; no lock.
 */
#include <stdio.h>

#include "config/check.h"

#define MOST	1000000000U

static int check_rate(const struct mqg_check *check, const char *owner, const char *what,
		      const uint32_t *rate, const uint32_t *burst, struct mqg_rate *to)
{
	char path[MQG_PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "%s.%s_rate", owner, what);
	err = mqg_check_number(check, path, rate, 0, 0, MOST, &to->rate);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s.%s_burst", owner, what);
	if (burst && !to->rate)
		return mqg_complain(&check->complaint, path, "has no meaning without %s_rate; "
				    "leave it out, or write a rate", what);
	return mqg_check_number(check, path, burst, to->rate ? to->rate : 1, 1, MOST, &to->burst);
}

int mqg_check_rates(const struct mqg_check *check, const char *owner, const struct raw_limits *from,
		    struct mqg_rates *to)
{
	int err = check_rate(check, owner, "messages", from->messages_rate, from->messages_burst,
			     &to->messages);

	if (!err)
		err = check_rate(check, owner, "bytes", from->bytes_rate, from->bytes_burst,
				 &to->bytes);
	return err;
}

int mqg_check_limits(const struct mqg_check *check, const char *owner,
		     const struct raw_limits *from, struct mqg_limits *to)
{
	static const struct raw_limits none;
	const struct raw_limits *raw = from ? from : &none;
	struct {
		const char	*key;
		const uint32_t	*value;
		uint32_t	least, most;
		uint32_t	*out;
	} numbers[] = {
		/* 128 bytes is what any device needs; a topic has a length of two bytes. */
		{ "max_packet_size", raw->packet_size, 128, 268435460, &to->packet_size },
		{ "max_topic_length", raw->topic_length, 1, 65535, &to->topic_length },
		{ "max_topic_levels", raw->topic_levels, 1, 65535, &to->topic_levels },
		{ "max_topic_alias", raw->topic_alias, 0, 65535, &to->topic_alias },
		{ "max_inflight_messages", raw->inflight, 1, 65535, &to->inflight },
		{ "max_subscriptions", raw->subscriptions, 0, MOST, &to->subscriptions },
		{ "max_filters", raw->filters, 1, 65535, &to->filters },
		{ "max_user_properties", raw->user_properties, 0, 65535, &to->user_properties },
		{ "max_client_id", raw->client_id, 1, 65535, &to->client_id },
		{ "max_keepalive", raw->keep_alive, 0, 65535, &to->keep_alive },
	};
	char path[MQG_PATH_MAX];
	int err = 0;

	*to = (struct mqg_limits)MQG_LIMITS_DEFAULT;
	for (size_t n = 0; !err && n < sizeof(numbers) / sizeof(numbers[0]); n++) {
		snprintf(path, sizeof(path), "%s.%s", owner, numbers[n].key);
		err = mqg_check_number(check, path, numbers[n].value, *numbers[n].out,
				       numbers[n].least, numbers[n].most, numbers[n].out);
	}
	if (!err)
		err = mqg_check_rates(check, owner, raw, &to->own);
	if (!err)
		err = check_rate(check, owner, "all_messages", raw->all_messages_rate,
				 raw->all_messages_burst, &to->all.messages);
	if (!err)
		err = check_rate(check, owner, "all_bytes", raw->all_bytes_rate,
				 raw->all_bytes_burst, &to->all.bytes);
	to->close_over_rate = raw->over_rate && *raw->over_rate;
	to->close_on_refusal = raw->on_refused && *raw->on_refused;
	return err;
}
