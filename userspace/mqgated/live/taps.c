// SPDX-License-Identifier: BSD-2-Clause
/* The taps that are in force, and how others take their place. Main thread; no lock. */
#include <stdio.h>
#include <string.h>

#include "live/state.h"
#include "tap/tap.h"

int mqg_live_taps_prepare(const struct mqg_config *config, struct mqg_taps **taps, char *why,
			  size_t size)
{
	int err = mqg_taps_alloc(config, config->workers, taps);

	if (!err)
		err = mqg_taps_start(*taps);
	if (!err)
		return 0;
	snprintf(why, size, "tap: %s; raise the limits of memory and threads", strerror(-err));
	mqg_live_taps_drop(*taps);
	*taps = NULL;
	return err;
}

void mqg_live_taps_drop(struct mqg_taps *taps)
{
	mqg_taps_stop(taps);
	mqg_taps_free(taps);
}

void mqg_live_taps_exchange(struct mqg_live *live, struct mqg_taps *fresh)
{
	struct mqg_taps *before = live->taps;

	mqg_taps_stop(before);
	mqg_taps_inherit(fresh, before);
	mqg_taps_free(before);
	live->taps = fresh;
}

int mqg_live_taps_start(struct mqg_live *live, struct mqg_proxy *proxy, char *why, size_t size)
{
	int err = mqg_live_taps_prepare(live->config, &live->taps, why, size);

	if (!err)
		mqg_proxy_taps(proxy, live->taps);
	return err;
}

const struct mqg_taps *mqg_live_taps(const struct mqg_live *live)
{
	return live->taps;
}
