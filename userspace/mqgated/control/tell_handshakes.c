// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the verb "tls" of the control socket tells of the admission to handshakes. Main thread; what
 * is read are atomics.
 */
#include "control/tell.h"

json_t *mqg_tell_handshakes(const struct mqg_verb_context *context)
{
	const struct mqg_handshakes *limits = &context->config->handshakes;
	struct mqg_handshake_counts c = { 0 };

	if (context->proxy)
		mqg_proxy_handshake_counts(context->proxy, &c);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "in_flight", (json_int_t)c.in_flight, "in_flight_most",
			 (json_int_t)limits->in_flight, "waiting", (json_int_t)c.waiting,
			 "waiting_known", (json_int_t)c.waiting_known, "queue",
			 (json_int_t)limits->queue, "started", (json_int_t)c.begun, "waited",
			 (json_int_t)c.waited, "refused_source", (json_int_t)c.refused_source,
			 "refused_rate", (json_int_t)c.refused_rate, "cut", (json_int_t)c.cut,
			 "rate", (json_int_t)limits->rate, "per_source",
			 (json_int_t)limits->source_rate, "per_source_in_flight",
			 (json_int_t)limits->source_in_flight);
}
