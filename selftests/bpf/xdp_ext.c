// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the extension makes of each answer that the module can give: the table of
 * docs/architecture.md, row by row, through the program and its tail call, in both flavours. The
 * module's part is played by stand_in.bpf.c; selftests/kmod/ext.py has the real one.
 */
#include "harness.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <linux/mqgate_ask.h>

#define GARBAGE		.data = "'GET / HTTP/1.0'"
#define GOOD		.data = CONNECT_311
#define HALF		.data = "10 0F 0004 'MQTT' 04"
#define BAD		.data = "1F 0D 0004 'MQTT' 05 02 000A 0001 70"
#define PUBLISH		.data = "30 06 0003 'a/b' 78"

#define STRICT		{ .what = SERVICE, .number = 1, .svc = { .flags = MQGATE_SVC_F_STRICT } }
#define RESET		{ .what = SERVICE, .number = 1, .svc = { .flags = MQGATE_SVC_F_RESET } }
#define IS(word)	.flow = MQGATE_FLOW_##word
#define KNOWS(word, ...)	{ .known = MQGATE_KNOWN_##word, __VA_ARGS__ }
#define ENTRY(word, ...)	KNOWS(CLIENT, .phase = MQGATE_PHASE_##word, __VA_ARGS__)
#define BEGUN		.state = MQGATE_ASK_F_BEGUN

static const struct {
	struct mqgate_ask	answer;
	struct scene		scene;
} rows[] = {
	{ ENTRY(CONNECT, .next = 1000),
	  { "first payload: garbage is dropped on a lenient service, too, and the flow REFUSED",
	    {}, { { .p = { GARBAGE }, DROPS(1, MQTT_NOT_CONNECT), IS(REFUSED) },
		  { .p = { GOOD }, DROPS(1, FLOW_REFUSED) } } } },
	{ ENTRY(CONNECT, .next = 1000),
	  { "first payload: a CONNECT passes, and is not remembered", { STRICT },
	    { { .p = { GOOD }, PASSES(1, FIRST), .flow = ABSENT } } } },
	{ ENTRY(CONNECT, .next = 1000),
	  { "first payload: a part of a CONNECT is SUSPECT; its end makes the flow SEEN", {},
	    { { .p = { HALF }, PASSES(1, SUSPECT), IS(SUSPECT) },
	      { .p = { .seq = 1009, .data = "02 003C 0003 'dev'" }, PASSES(1, SUSPECT),
		IS(SEEN) } } } },
	{ ENTRY(CONNECT, .next = 500),
	  { "before the first payload: what is out of order is the module's", { STRICT },
	    { { .p = { GARBAGE }, PASSES(1, UNDECIDED), .flow = ABSENT } } } },
	{ ENTRY(CONNECT, .next = 1000, BEGUN),
	  { "within a CONNECT: the module reads on", { STRICT },
	    { { .p = { GARBAGE }, PASSES(1, SUSPECT), .flow = ABSENT } } } },
	{ ENTRY(HANDSHAKE, .next = 1000),
	  { "first payload: what is no ClientHello is dropped", {},
	    { { .p = { .dport = 8883, GARBAGE }, DROPS(2, TLS_NOT_HANDSHAKE), IS(REFUSED) } } } },
	{ ENTRY(HANDSHAKE, .next = 1000),
	  { "first payload: a ClientHello passes", {},
	    { { .p = { .dport = 8883, .data = HELLO }, PASSES(2, FIRST), .flow = ABSENT } } } },
	{ ENTRY(HANDSHAKE, .next = 1000, BEGUN),
	  { "within a TLS handshake", {},
	    { { .p = { .dport = 8883, GARBAGE }, PASSES(2, SEEN), .flow = ABSENT } } } },
	{ ENTRY(CONNACK, .next = 1000, BEGUN),
	  { "past its CONNECT", { STRICT },
	    { { .p = { PUBLISH }, PASSES(1, SEEN), .flow = ABSENT },
	      { .p = { .seq = 900, PUBLISH }, PASSES(1, SEEN) },
	      { .p = { .seq = 1000 + (1U << 30), PUBLISH }, PASSES(1, UNDECIDED) } } } },
	{ ENTRY(CONNECTED, .next = 100, BEGUN),
	  { "connected, and its numbers wrap", { STRICT },
	    { { .p = { .seq = 0xFFFFFF00, PUBLISH }, PASSES(1, SEEN) } } } },
	{ ENTRY(CONNECTED, .next = 1000, .flags = MQGATE_CLIENT_F_PICKUP |
		MQGATE_CLIENT_F_UNVALIDATED),
	  { "older than its entry", { STRICT },
	    { { .p = { GARBAGE }, PASSES(1, SEEN), .flow = ABSENT } } } },
	{ ENTRY(CONNECT, .next = 1000, .flags = MQGATE_CLIENT_F_UNVALIDATED),
	  { "not followed any more", { STRICT },
	    { { .p = { GARBAGE }, PASSES(1, SEEN), .flow = ABSENT } } } },
	{ ENTRY(REFUSED, .next = 1000, BEGUN, .flags = MQGATE_CLIENT_F_KILLED),
	  { "refused when enforced, or killed", {},
	    { { .p = { PUBLISH }, DROPS(1, FLOW_REFUSED), .flow = ABSENT },
	      { .p = { GOOD }, DROPS(1, FLOW_REFUSED) } } } },
	{ ENTRY(REFUSED, .next = 1000, BEGUN),
	  { "refused by the broker: its own affair", {},
	    { { .p = { PUBLISH }, PASSES(1, SEEN), .flow = ABSENT } } } },
	{ ENTRY(REFUSED, .next = 1000, .flags = MQGATE_CLIENT_F_KILLED),
	  { "killed, of a service that observes",
	    { { .what = SERVICE, .number = 1, .svc = { .mode = MQGATE_MODE_OBSERVE } } },
	    { { .p = { PUBLISH }, WOULD(1, FLOW_REFUSED) } } } },
	{ KNOWS(HANDSHAKE, .next = 1000),
	  { "SYN and SYN-ACK: garbage is dropped, a forged one makes nothing REFUSED", {},
	    { { .p = { GARBAGE }, DROPS(1, MQTT_NOT_CONNECT), .flow = ABSENT },
	      { .p = { HALF }, PASSES(1, SUSPECT), .flow = ABSENT },
	      { .p = { GOOD }, PASSES(1, FIRST), .flow = ABSENT } } } },
	{ KNOWS(HANDSHAKE, .next = 1000),
	  { "SYN and SYN-ACK: what follows in the first window is judged leniently", { STRICT },
	    { { .p = { .seq = 1017, PUBLISH }, PASSES(1, UNDECIDED), .flow = ABSENT },
	      { .p = { .seq = 1000 + (1U << 16), PUBLISH }, DROPS(1, MQTT_NOT_CONNECT) } } } },
	{ KNOWS(OLDER, .next = 1000),
	  { "client and server, older than the module", { STRICT },
	    { { .p = { PUBLISH }, PASSES(1, SEEN), .flow = ABSENT },
	      { .p = { .seq = 1000 + (1U << 30), PUBLISH }, DROPS(1, MQTT_NOT_CONNECT) } } } },
	{ KNOWS(NOTHING),
	  { "nothing, strict: a CONNECT passes and is not remembered, else dropped", { STRICT },
	    { { .p = { GOOD }, PASSES(1, FIRST), .flow = ABSENT },
	      { .p = { HALF }, PASSES(1, SUSPECT), .flow = ABSENT },
	      { .p = { PUBLISH }, DROPS(1, MQTT_NOT_CONNECT), .flow = ABSENT } } } },
	{ KNOWS(NOTHING),
	  { "nothing, lenient", {},
	    { { .p = { GOOD }, PASSES(1, FIRST), .flow = ABSENT },
	      { .p = { PUBLISH }, PASSES(1, UNDECIDED), .flow = ABSENT },
	      { .p = { BAD }, DROPS(1, MQTT_FLAGS), .flow = ABSENT } } } },
	{ ENTRY(CONNECT, .next = 1000),
	  { "reset: a malformed first payload becomes one for the broker, in order", { RESET },
	    { { .p = { .seq = 1001, BAD }, PASSES(1, UNDECIDED), .flow = ABSENT },
	      { .p = { GARBAGE }, DELIVERED(1, MQTT_NOT_CONNECT), IS(REFUSED) },
	      { .p = { GOOD }, ANSWERED(1, FLOW_RESET) } } } },
	{ ENTRY(CONNECT, .next = 1000),
	  { "reset: one that names MQTT likewise", { RESET },
	    { { .p = { BAD }, DELIVERED(1, MQTT_FLAGS), IS(REFUSED) } } } },
	{ KNOWS(HANDSHAKE, .next = 1000),
	  { "reset: not while a SYN-ACK may be another's", { RESET },
	    { { .p = { GARBAGE }, DROPS(1, MQTT_NOT_CONNECT), .flow = ABSENT } } } },
	{ ENTRY(REFUSED, .next = 1000, BEGUN, .flags = MQGATE_CLIENT_F_KILLED),
	  { "reset: what the module refused, or an operator killed, is told so", { RESET },
	    { { .p = { PUBLISH }, ANSWERED(1, FLOW_RESET), .flow = ABSENT } } } },
	{ ENTRY(CONNECT, .next = 1000),
	  { "first payloads are budgeted here, too",
	    { { .what = SERVICE, .number = 1, .svc = { .source_rate = 1 } } },
	    { { .p = { GOOD }, PASSES(1, FIRST) }, { .p = { GOOD }, DROPS(1, SOURCE_BUDGET) } } } },
	{ KNOWS(UNFOLLOWED),
	  { "not to be known by the module: as without it", { STRICT },
	    { { .p = { GOOD }, PASSES(1, FIRST), IS(SEEN) },
	      { .p = { .sport = 40001, PUBLISH }, DROPS(1, MQTT_NOT_CONNECT) } } } },
};

static struct bpf_map *answer;

/* The extension reads and writes what the program does. Its slots are filled. */
static void link_stand_in(struct xdp *x)
{
	static const char *const programs[] = { "mqgate_answer", "mqgate_answer_f" };
	static const char *const slots[] = { MQGATE_MAP_EXT, MQGATE_MAP_EXT_FRAGS };
	const char *dir = getenv("MQGATE_OUTPUT");
	struct bpf_object *object;
	struct bpf_map *map;
	char path[4096];

	snprintf(path, sizeof(path), "%s/stand_in.bpf.o", dir ? dir : ".");
	object = bpf_object__open_file(path, NULL);
	if (!object)
		err(1, "%s", path);
	bpf_object__for_each_map(map, object) {
		int fd = bpf_object__find_map_fd_by_name(x->object, bpf_map__name(map));

		if (fd >= 0 && bpf_map__reuse_fd(map, fd))
			err(1, "%s", bpf_map__name(map));
	}
	if (bpf_object__load(object))
		err(1, "%s: load", path);
	answer = bpf_object__find_map_by_name(object, "stand_in_answer");
	for (size_t i = 0; i < 2; i++) {
		struct bpf_program *prog = bpf_object__find_program_by_name(object, programs[i]);
		int slot = bpf_object__find_map_fd_by_name(x->object, slots[i]);
		int fd = prog ? bpf_program__fd(prog) : -1;
		__u32 zero = 0;

		if (!answer || bpf_map_update_elem(slot, &zero, &fd, 0))
			err(1, "%s", slots[i]);
	}
}

int main(void)
{
	struct xdp x;

	xdp_load(&x, NULL);
	link_stand_in(&x);
	ktap_plan(2 * ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct scene *scene = &rows[i].scene;

		for (int program = 0; program < 2; program++) {
			__u32 zero = 0;
			bool good = true;

			xdp_reset(&x);
			for (size_t b = 0; b < ARRAY_SIZE(scene->before); b++)
				xdp_prepare(&x, &scene->before[b]);
			bpf_map_update_elem(bpf_map__fd(answer), &zero, &rows[i].answer, 0);
			for (size_t s = 0; s < ARRAY_SIZE(scene->steps) &&
			     scene->steps[s].p.data; s++)
				good &= xdp_step(&x, program, &scene->steps[s]);
			ktap_point(good, "%s: %s", xdp_program_names[program], scene->name);
		}
	}
	return ktap_end();
}
