// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate module link` and `mqgate module unlink`: the words around common/extension.c, and what
 * the module knows handed over to XDP when it is asked no more. Called by main(), by hand, by
 * modprobe and by the unit.
 */
#include <stdio.h>
#include <string.h>

#include <linux/bpf.h>
#include <netinet/in.h>

#include "common/extension.h"
#include "common/known.h"
#include "common/module.h"
#include "common/names.h"
#include "mqgate/cmd.h"

#define WHY	1024

static int link_module(const struct mqg_cmd *cmd)
{
	bool already;
	char why[WHY];

	if (mqg_extension_link(&already, why, sizeof(why)))
		return mqg_refuse("module link: %s", why);
	if (cmd->json)
		return mqg_json_print(cmd, json_pack("{s:b, s:b}", "linked", 1, "already",
						     already));
	printf("linked%s: XDP asks the module about routed flows\n", already ? " already" : "");
	return MQG_DONE;
}

/* ---- unlink ----------------------------------------------------------------- */

struct handing {
	const struct mqg_pins	*pins;
	uint64_t		now;
	uint64_t		count;
};

static bool strict(const struct mqg_pins *pins, uint16_t port)
{
	int number = mqg_port_read(pins, port);
	struct mqgate_service svc;

	return number > 0 && number < MQGATE_SERVICES &&
	       !mqg_service_read(pins, (uint32_t)number, &svc) &&
	       svc.flags & MQGATE_SVC_F_STRICT;
}

static int hand_over_one(const struct mqg_module_client *client, void *arg)
{
	struct handing *handing = arg;
	struct mqgate_flow flow = { .since = handing->now, .state = MQGATE_FLOW_SEEN };
	struct mqgate_flow_key key = client->flow;

	key.proto = IPPROTO_TCP;
	if (client->flags & MQGATE_CLIENT_F_LOCAL || !client->bytes[MQGATE_FROM_CLIENT] ||
	    client->phase == MQGATE_PHASE_REFUSED || !strict(handing->pins, client->flow.dport))
		return 0;
	if (!mqg_known_update(handing->pins, handing->pins->flows, &key, &flow,
			      BPF_NOEXIST))
		handing->count++;
	return 0;
}

/*
 * Of a strict service XDP would drop whatever comes next on a flow that it does not know: those
 * that the module knows shall live. It stays silent: what cannot be handed over reconnects.
 */
static uint64_t hand_over(void)
{
	const struct mqg_module_filter every = {};
	struct handing handing = { .now = mqg_boottime_ns() };
	struct mqg_module *module = NULL;
	struct mqg_pins pins;
	char why[WHY];

	if (!mqg_pins_open(&pins, why, sizeof(why)) &&
	    !mqg_module_open(&module, why, sizeof(why))) {
		handing.pins = &pins;
		mqg_module_dump(module, &every, hand_over_one, &handing, why, sizeof(why));
	}
	mqg_module_close(module);
	mqg_pins_close(&pins);
	return handing.count;
}

static int unlink_module(const struct mqg_cmd *cmd)
{
	bool already = mqg_extension_linked() != 1, before = already;
	uint64_t count = 0;
	char why[WHY];

	/* Most of them while XDP still asks, and then those that have come meanwhile. */
	if (!before)
		count = hand_over();
	if (mqg_extension_unlink(&already, why, sizeof(why)))
		return mqg_refuse("module unlink: %s", why);
	if (!before)
		count += hand_over();
	if (cmd->json)
		return mqg_json_print(cmd, json_pack("{s:b, s:b, s:I}", "linked", 0, "already",
						     already, "handed_over", (json_int_t)count));
	if (already)
		printf("not linked: XDP decides alone as before\n");
	else
		printf("not linked any more: XDP decides alone\n");
	if (count)
		printf("%llu clients of strict services handed over to it\n",
		       (unsigned long long)count);
	return MQG_DONE;
}

int mqg_run_module(const struct mqg_cmd *cmd, int argc, char **argv)
{
	if (argc == 1 && mqg_word_is(argv[0], "link", 1))
		return link_module(cmd);
	if (argc == 1 && mqg_word_is(argv[0], "unlink", 1))
		return unlink_module(cmd);
	return mqg_misuse("module: link or unlink; mqgate module help");
}
