/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watches what XDP says of SYN floods (mqgate_syn) and logs where one has begun or ended, with
 * what became of the SYNs. Called by the judge's tick in the main thread; no lock.
 */
#include "judge/state.h"

#include <stdio.h>

#include "common/names.h"
#include "system/log.h"

static void log_begin(const struct mqgate_service *svc, const struct mqgate_syn *syn)
{
	static const char *const became[] = {
		[MQGATE_SYN_NONE] = "no answer so far",
		[MQGATE_SYN_COOKIES] = "XDP answers with SYN cookies",
		[MQGATE_SYN_OFF] = "SYN cookies are off, so what exceeds the rate is dropped",
		[MQGATE_SYN_ELSEWHERE] = "no listener of this host takes them, so what exceeds "
					 "the rate is dropped",
		[MQGATE_SYN_REFUSED] = "the kernel makes no SYN cookies for XDP, so what exceeds "
				       "the rate is dropped; mqgate attach IF cookies sets "
				       "net.ipv4.tcp_syncookies to 2",
		[MQGATE_SYN_FRAME] = "XDP cannot answer frames like these, so what exceeds the "
				     "rate is dropped",
	};

	mqg_log(MQG_LOG_WARNING, MQG_LOG_FLOOD, "SYN flood at service %s, more than %u a second: "
		"%s", svc->name, svc->syn_rate, syn->answer <= MQGATE_SYN_FRAME ?
		became[syn->answer] : "an answer that this version does not know");
}

void mqg_judge_floods_watch(struct mqg_judge *judge, uint64_t now)
{
	for (uint32_t n = 1; n < MQGATE_SERVICES; n++) {
		struct mqgate_service svc;
		struct mqgate_syn syn;
		char lasted[32];

		if (mqg_syn_read(&judge->pins, n, &syn) || (!syn.busy && !judge->flood[n]) ||
		    mqg_service_read(&judge->pins, n, &svc))
			continue;
		if (mqg_syn_flooded(&syn, &svc, now)) {
			if (judge->flood[n] != syn.since)
				log_begin(&svc, &syn);
			judge->flood[n] = syn.since;
		} else if (judge->flood[n]) {
			mqg_duration_format(syn.busy > syn.since ? syn.busy - syn.since : 1, lasted,
					    sizeof(lasted));
			mqg_log(MQG_LOG_NOTICE, MQG_LOG_FLOOD,
				"SYN flood at service %s is over after %s: SYNs pass again",
				svc.name, lasted);
			judge->flood[n] = 0;
		}
	}
}
