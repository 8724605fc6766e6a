// SPDX-License-Identifier: BSD-2-Clause
/*
 * The checking pass over the budgets of TLS handshakes. Called by mqg_config_check() in the main
 * thread, when the number of workers is known; no lock.
 */
#include "config/check.h"

#define NS_PER_MS	1000000ULL
#define RATE_MOST	10000000U
#define PLACES_MOST	10000000U
#define TIME_LEAST	(10 * NS_PER_MS)
#define TIME_MOST	(600000 * NS_PER_MS)
#define KNOWN_MOST	(7 * 86400000ULL * NS_PER_MS)

/* Some 2,000 full handshakes a second are what one core does with P-256. */
#define RATE_A_WORKER	2000U

#define complain(check, ...) mqg_complain(&(check)->complaint, __VA_ARGS__)

static int check_time(const struct mqg_check *check, const char *path, const char *text,
		      uint32_t fallback, uint64_t most, uint32_t *out)
{
	uint64_t ns;
	int err = mqg_check_duration(check, path, text, fallback * NS_PER_MS, TIME_LEAST, most,
				     &ns);

	if (!err)
		*out = (uint32_t)(ns / NS_PER_MS);
	return err;
}

static int check_burst(const struct mqg_check *check, const char *path, const char *of,
		       const uint32_t *value, uint32_t rate, uint32_t fallback, uint32_t *out)
{
	if (value && !rate)
		return complain(check, path, "has no meaning without %s; give it a rate, or leave "
					     "this out", of);
	return mqg_check_number(check, path, value, fallback, 1, RATE_MOST, out);
}

/* As many as five seconds bring: devices behind one address come back together. */
static uint32_t burst_of_source(uint32_t rate)
{
	return rate ? rate < RATE_MOST / 5 ? rate * 5 : RATE_MOST : 1;
}

static int check_rates(const struct mqg_check *check, const struct raw_handshakes *raw,
		       struct mqg_handshakes *to)
{
	uint32_t fallback = RATE_A_WORKER * check->config->workers;
	int err;

	err = mqg_check_number(check, "handshakes.per_source", raw->per_source, 200, 0, RATE_MOST,
			       &to->source_rate);
	if (!err)
		err = check_burst(check, "handshakes.per_source_burst", "per_source",
				  raw->per_source_burst, to->source_rate,
				  burst_of_source(to->source_rate), &to->source_burst);
	if (!err)
		err = mqg_check_number(check, "handshakes.rate", raw->rate, fallback, 0, RATE_MOST,
				       &to->rate);
	if (!err)
		err = check_burst(check, "handshakes.burst", "rate", raw->burst, to->rate,
				  to->rate ? to->rate : 1, &to->burst);
	return err;
}

int mqg_check_handshakes(const struct mqg_check *check)
{
	static const struct raw_handshakes none;
	const struct raw_handshakes *raw = check->raw->handshakes ? check->raw->handshakes : &none;
	struct mqg_handshakes *to = &check->config->handshakes;
	int err = check_rates(check, raw, to);

	if (!err)
		err = mqg_check_number(check, "handshakes.in_flight", raw->in_flight, 2000, 0,
				       PLACES_MOST, &to->in_flight);
	if (!err)
		err = mqg_check_number(check, "handshakes.per_source_in_flight",
				       raw->per_source_in_flight, (to->in_flight + 3) / 4, 0,
				       PLACES_MOST, &to->source_in_flight);
	if (!err)
		err = mqg_check_number(check, "handshakes.queue", raw->queue, 4000, 0, PLACES_MOST,
				       &to->queue);
	if (!err)
		err = check_time(check, "handshakes.queue_time", raw->queue_time, 3000, TIME_MOST,
				 &to->queue_time_ms);
	if (!err)
		err = check_time(check, "handshakes.patience", raw->patience, 2000, TIME_MOST,
				 &to->patience_ms);
	if (!err)
		err = check_time(check, "handshakes.known_for", raw->known_for, 3600000, KNOWN_MOST,
				 &to->known_for_ms);
	return err;
}
