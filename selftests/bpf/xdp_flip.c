// SPDX-License-Identifier: BSD-2-Clause
/*
 * Lists of 100,000 verdicts that take each other's place while packets run in another thread, by
 * the loader that the command and the daemon have: who is banned in both never passes, who is
 * banned in neither is never dropped, and who is in one of them is judged by the one that holds.
 * And a flip at every moment of a packet.
 */
#include "harness.h"

#include <err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "common/load.h"
#include "common/net.h"

#define LIST		100000U
#define FLIPS		2000000U

static struct xdp xdp = { .entries = 262144 };
static atomic_bool stop;

enum who { BOTH, BOTH_OTHERWISE, BOTH_V6, NEITHER, NEITHER_V6, SINGLE, FIRST, SECOND, EVERYBODY };

/* Below those of the list, which is written in their order: these wait the longest for the flip. */
static const char *const sources[EVERYBODY] = {
	[BOTH] = "1.51.100.1",
	/* By its address in one of them, by its network in the other. */
	[BOTH_OTHERWISE] = "1.51.101.1",
	[BOTH_V6] = "2001:db8:1::1",
	[NEITHER] = "1.51.102.1",
	[NEITHER_V6] = "2001:db8:2::1",
	/* With a PASS of its own, and in both. */
	[SINGLE] = "1.51.103.1",
	[FIRST] = "1.51.104.1",
	[SECOND] = "1.51.105.1",
};

struct frame {
	uint8_t	bytes[PKT_MAX];
	size_t	len;
};

static struct frame frames[EVERYBODY];
static unsigned long runs, wrong[EVERYBODY];

static int ask(enum who who)
{
	return xdp_run(&xdp, 0, frames[who].bytes, frames[who].len, 0);
}

/* What is sure whichever list holds. */
static void *run_packets(void *arg)
{
	static const int sure[] = {
		[BOTH] = XDP_DROP, [BOTH_OTHERWISE] = XDP_DROP, [BOTH_V6] = XDP_DROP,
		[NEITHER] = XDP_PASS, [NEITHER_V6] = XDP_PASS, [SINGLE] = XDP_PASS,
	};

	(void)arg;
	for (; !stop; runs++)
		for (enum who who = BOTH; who <= SINGLE; who++)
			wrong[who] += ask(who) != sure[who];
	return NULL;
}

static bool all_right(void)
{
	bool right = runs > 0;

	printf("# %lu rounds of packets\n", runs);
	for (enum who who = BOTH; who <= SINGLE; who++) {
		if (wrong[who])
			printf("# %s: %lu packets judged wrongly\n", sources[who], wrong[who]);
		right &= !wrong[who];
		wrong[who] = 0;
	}
	runs = 0;
	return right;
}

static void start(pthread_t *thread)
{
	stop = false;
	if (pthread_create(thread, NULL, run_packets, NULL))
		errx(1, "pthread_create");
}

static void end(pthread_t thread)
{
	stop = true;
	pthread_join(thread, NULL);
}

/* ---- lists ---------------------------------------------------------------------------- */

static void add(struct mqg_set *set, const char *text)
{
	char line[64], why[256];
	struct mqg_line read;

	snprintf(line, sizeof(line), "%s", text);
	if (mqg_line_parse(line, &read, why, sizeof(why)) != 1 || mqg_set_add(set, &read))
		errx(1, "%s: %s", text, why);
}

/* Half of the others are in both lists. */
static void fill(struct mqg_set *set, bool second)
{
	char text[64];

	for (uint32_t i = 0; i < LIST; i++) {
		uint32_t n = i + (second ? LIST / 2 : 0);

		if (i % 4 == 3)
			snprintf(text, sizeof(text), "%u.%u.%u.0/24", 11 + (n >> 16),
				 n >> 8 & 255, n & 255);
		else
			snprintf(text, sizeof(text), "10.%u.%u.%u", n >> 16, n >> 8 & 255, n & 255);
		add(set, text);
	}
	add(set, sources[BOTH]);
	add(set, second ? "1.51.101.0/24" : sources[BOTH_OTHERWISE]);
	add(set, second ? "2001:db8:1::/48" : "2001:db8:1::/64");
	add(set, sources[SINGLE]);
	add(set, sources[second ? SECOND : FIRST]);
}

/* Return: true when the list holds, and what it says is so from the flip on and not before. */
static bool load(bool second, bool other)
{
	enum who in = second ? SECOND : FIRST, out = second ? FIRST : SECOND;
	struct mqg_load_done done;
	struct mqg_load *load;
	struct mqg_set set = {};
	bool right = true;
	uint64_t wait;
	char why[512];

	fill(&set, second);
	if (mqg_load_begin(&xdp.maps, &set, false, NULL, &load, why, sizeof(why)))
		errx(1, "%s", why);
	do {
		bool holds = mqg_load_flipped(load);

		right &= ask(in) == (holds ? XDP_DROP : XDP_PASS);
		right &= ask(out) == (holds || !other ? XDP_PASS : XDP_DROP);
		wait = mqg_load_step(load);
	} while (wait);
	if (mqg_load_result(load, &done, why, sizeof(why)))
		errx(1, "%s", why);
	mqg_load_free(load);
	if (!right || done.below != 1)
		printf("# wrong for who is in one of them, or %zu below single ones\n", done.below);
	return right && done.below == 1 && ask(in) == XDP_DROP && ask(out) == XDP_PASS;
}

static bool takes_place(void)
{
	const struct mqgate_verdict pass = { .action = MQGATE_ACTION_PASS,
					     .origin = MQGATE_ORIGIN_OPERATOR };
	struct mqg_net net;
	pthread_t thread;
	bool right;

	mqg_net_parse(sources[SINGLE], &net, NULL);
	if (mqg_net_put(&xdp.maps, &net, &pass))
		err(1, "mqg_net_put");
	right = load(false, false);
	start(&thread);
	for (int i = 0; i < 4; i++)
		right &= load(i % 2 == 0, true);
	end(thread);
	return right & all_right();
}

static uint32_t entries(void)
{
	uint32_t n, sum = 0;

	for (int i = 0; i < 3; i++) {
		mqg_map_count((int[]){ xdp.maps.sources, xdp.maps.prefix4,
				       xdp.maps.prefix6 }[i], &n);
		sum += n;
	}
	return sum;
}

/* An empty list: nothing is left of 100,000 but the single verdict, and packets go on. */
static bool goes_away(void)
{
	struct mqg_load_done done;
	struct mqg_load *load;
	struct mqg_set none = {};
	uint32_t before = entries();
	struct mqgate_control control;
	char why[512];

	if (mqg_load_begin(&xdp.maps, &none, false, NULL, &load, why, sizeof(why)))
		errx(1, "%s", why);
	while (mqg_load_step(load))
		if (ask(NEITHER) != XDP_PASS || ask(SINGLE) != XDP_PASS)
			return false;
	mqg_load_result(load, &done, why, sizeof(why));
	mqg_load_free(load);
	bpf_map_lookup_elem(xdp.maps.control, &(__u32){ 0 }, &control);
	return before > LIST && entries() == 1 && done.reaped == before - 1 && !control.bits4 &&
	       !control.slots6 && ask(BOTH) == XDP_PASS && ask(SINGLE) == XDP_PASS;
}

/* ---- a flip at every moment of a packet --------------------------------------------------- */

static void put(const char *text, uint32_t generation)
{
	const struct mqgate_verdict drop = { .action = MQGATE_ACTION_DROP,
					     .origin = MQGATE_ORIGIN_OPERATOR,
					     .generation = generation };
	struct mqg_net net;

	mqg_net_parse(text, &net, NULL);
	if (mqg_net_put(&xdp.maps, &net, &drop))
		err(1, "mqg_net_put");
}

static bool one_view(void)
{
	struct mqgate_control control;
	pthread_t thread;

	xdp_reset(&xdp);
	put("1.51.100.1", 7);
	put("1.51.100.1", 8);
	put("1.51.101.1", 8);
	put("1.51.101.0/24", 7);
	put("2001:db8:1::1", 8);
	put("2001:db8:1::/64", 7);
	bpf_map_lookup_elem(xdp.maps.control, &(__u32){ 0 }, &control);
	control.generation = 8;
	bpf_map_update_elem(xdp.maps.control, &(__u32){ 0 }, &control, BPF_ANY);
	start(&thread);
	for (uint32_t i = 0; i < FLIPS; i++) {
		control.generation = 7 + i % 2;
		bpf_map_update_elem(xdp.maps.control, &(__u32){ 0 }, &control, BPF_ANY);
	}
	end(thread);
	/* Written by hand with nothing before it, that one is of the later list alone. */
	wrong[BOTH] = 0;
	return all_right();
}

int main(void)
{
	xdp_load(&xdp, NULL);
	for (enum who who = 0; who < EVERYBODY; who++) {
		const struct pkt p = { .src = sources[who], .flags = ACK };

		frames[who].len = pkt_build(&p, frames[who].bytes);
	}
	ktap_plan(3);
	ktap_point(takes_place(), "lists of 100,000 take each other's place under packets");
	ktap_point(goes_away(), "a list goes away, without an entry or a bit of the index left");
	ktap_point(one_view(), "a flip between two look-ups of a packet lets none pass");
	bpf_object__close(xdp.object);
	return ktap_end();
}
