/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's side of the kernel module against a module made of this file: it comes and goes,
 * sends events, loses some, and answers dumps. The maps are real, the main loop is turned by hand.
 */
#include "judge_stage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "common/names.h"
#include "module/tracker.h"

/* ---- the module -------------------------------------------------------------------------- */

#define QUEUE	64

struct mqg_module {
	int	fd;			/* an eventfd: readable while something waits */
};

static struct {
	bool				here, deaf;
	uint32_t			abi;
	int				open_handles;
	struct mqg_module		*events, *dump, *news;
	struct mqg_module_event		queue[QUEUE];	/* what was sent and not lost */
	size_t				queued, read;
	bool				overrun;
	struct mqg_module_client	clients[QUEUE];	/* what a dump answers with */
	size_t				n_clients;
	unsigned int			dumps;
	size_t				read_at_dump;	/* events read when the last dump began */
	bool				dump_fails;
	int				told[4];	/* news; 1 here, 0 gone */
	size_t				n_told;
	struct mqg_module_settings	settings;
	unsigned int			bound, killed;
	uint16_t			killed_port;
	uint32_t			identity;
	struct mqg_module_binding	binding;	/* the last one; its id is below */
	char				id[MQGATE_CLIENT_ID_KEPT];
} fake;

static void signal_fd(struct mqg_module *module)
{
	if (module)
		eventfd_write(module->fd, 1);
}

static struct mqg_module *handle(void)
{
	struct mqg_module *module = calloc(1, sizeof(*module));

	assert_non_null(module);
	module->fd = eventfd(0, EFD_NONBLOCK);
	fake.open_handles++;
	return module;
}

int mqg_module_open(struct mqg_module **module, char *why, size_t size)
{
	*module = NULL;
	snprintf(why, size, "not loaded");
	if (!fake.here)
		return -ENOENT;
	*module = handle();
	return 0;
}

void mqg_module_close(struct mqg_module *module)
{
	if (!module)
		return;
	if (module == fake.events)
		fake.events = NULL;
	if (module == fake.dump)
		fake.dump = NULL;
	if (module == fake.news)
		fake.news = NULL;
	close(module->fd);
	free(module);
	fake.open_handles--;
}

int mqg_module_fd(const struct mqg_module *module)
{
	return module->fd;
}

int mqg_module_about(struct mqg_module *module, struct mqg_module_about *about, char *why,
		     size_t size)
{
	(void)module;
	(void)why;
	(void)size;
	memset(about, 0, sizeof(*about));
	about->abi = fake.abi;
	about->clients = (uint32_t)fake.n_clients;
	return 0;
}

int mqg_module_settings_set(struct mqg_module *module, const struct mqg_module_settings *settings,
			    char *why, size_t size)
{
	(void)module;
	(void)why;
	(void)size;
	fake.settings = *settings;
	return 0;
}

int mqg_module_kill(struct mqg_module *module, const struct mqg_module_client *client, char *why,
		    size_t size)
{
	(void)module;
	(void)why;
	(void)size;
	/* The connection that there is, whenever it began. */
	assert_true(client->first == 0);
	fake.killed++;
	fake.killed_port = client->flow.sport;
	return 0;
}

int mqg_module_bind(struct mqg_module *module, const struct mqgate_flow_key *flow,
		    const struct mqg_module_binding *binding, char *why, size_t size)
{
	(void)module;
	(void)flow;
	(void)why;
	(void)size;
	assert_int_equal(binding->verdict, MQGATE_ACTION_PASS);
	assert_in_range(binding->id_length, 0, sizeof(fake.id));
	fake.bound++;
	fake.identity = binding->identity;
	fake.binding = *binding;
	if (binding->id)
		memcpy(fake.id, binding->id, binding->id_length);
	return 0;
}

int mqg_module_listen(struct mqg_module *module, int buffer, char *why, size_t size)
{
	(void)why;
	(void)size;
	assert_int_equal(buffer, 4096);
	fake.events = module;
	return 0;
}

int mqg_module_events_read(struct mqg_module *module, unsigned int datagrams,
			   int (*each)(const struct mqg_module_event *event, void *arg), void *arg)
{
	eventfd_t ignored;

	assert_ptr_equal(module, fake.events);
	if (fake.overrun) {
		fake.overrun = false;
		return -ENOBUFS;
	}
	while (datagrams-- && fake.read < fake.queued)
		each(&fake.queue[fake.read++], arg);
	if (fake.read < fake.queued)
		return 1;
	eventfd_read(module->fd, &ignored);
	return 0;
}

int mqg_module_dump_begin(struct mqg_module *module, char *why, size_t size)
{
	(void)why;
	(void)size;
	fake.dump = module;
	fake.dumps++;
	fake.read_at_dump = fake.read;
	signal_fd(module);
	return 0;
}

int mqg_module_dump_read(struct mqg_module *module, unsigned int datagrams,
			 void (*each)(const struct mqg_module_client *client, void *arg),
			 void *arg, char *why, size_t size)
{
	eventfd_t ignored;

	(void)datagrams;
	eventfd_read(module->fd, &ignored);
	snprintf(why, size, "the dump fails");
	if (fake.dump_fails)
		return -EIO;
	for (size_t i = 0; i < fake.n_clients; i++)
		each(&fake.clients[i], arg);
	return 1;
}

int mqg_module_news_open(struct mqg_module **news, char *why, size_t size)
{
	snprintf(why, size, "no netlink here");
	*news = NULL;
	if (fake.deaf)
		return -EPROTONOSUPPORT;
	*news = fake.news = handle();
	return 0;
}

int mqg_module_news_read(struct mqg_module *news, void (*each)(bool here, void *arg), void *arg)
{
	eventfd_t ignored;

	eventfd_read(news->fd, &ignored);
	for (size_t i = 0; i < fake.n_told; i++)
		each(fake.told[i], arg);
	fake.n_told = 0;
	return 0;
}

/* ---- the stage --------------------------------------------------------------------------- */

static struct mqg_config tracked = {
	.mark = 7,
	.module = { .use = true, .enforce = 1, .events_buffer = 4096 },
};
static struct mqg_tracker *tracker;
static struct mqg_loop loop;

/* Whatever is ready, until nothing is. */
static void turn(void)
{
	struct epoll_event event;

	while (epoll_wait(loop.epoll, &event, 1, 0) == 1) {
		struct mqg_watch *watch = event.data.ptr;

		watch->ready(watch, event.events);
	}
}

static struct mqg_tracker_state state_now(void)
{
	struct mqg_tracker_state state;

	mqg_tracker_state(tracker, &state);
	return state;
}

static void begin(void)
{
	char why[256] = "";

	assert_int_equal(mqg_tracker_setup(&tracked, judge, &loop, &tracker, why, sizeof(why)), 0);
	turn();
}

static void come(bool here)
{
	fake.here = here;
	fake.told[fake.n_told++] = here;
	signal_fd(fake.news);
	turn();
}

static int open_stage(void **state)
{
	memset(&fake, 0, sizeof(fake));
	fake.here = true;
	fake.abi = MQGATE_ABI_VERSION;
	assert_int_equal(mqg_loop_init(&loop), 0);
	return setup(state);
}

static int close_stage(void **state)
{
	mqg_tracker_teardown(tracker);
	tracker = NULL;
	mqg_loop_exit(&loop);
	assert_int_equal(fake.open_handles, 0);
	return teardown(state);
}

static struct mqg_module_client client(uint16_t port)
{
	struct mqg_module_client c = {
		.flow = flow_of("192.0.2.1", port),
		.first = 1000 + port,
		.service = 1,
		.phase = MQGATE_PHASE_CONNECTED,
		.level = 4,
		.id_length = -1,
	};

	return c;
}

static void lists(uint16_t port)
{
	fake.clients[fake.n_clients++] = client(port);
}

static void sends(const char *what, uint16_t port, uint64_t lost)
{
	fake.queue[fake.queued++] = (struct mqg_module_event){
		.what = what,
		.before = MQGATE_PHASE_CONNACK,
		.lost = lost,
		.reason = MQGATE_REASON_MQTT_DIRECTION,
		.client = client(port),
	};
	signal_fd(fake.events);
}

static bool allowed(uint16_t port)
{
	struct mqgate_allow entry;

	return allow_of(flow_of("192.0.2.1", port), &entry);
}

/* The dump after a loss may be put off for a while; the daemon's second brings it. */
static void until_complete(void)
{
	for (int i = 0; i < 300 && !state_now().complete; i++) {
		usleep(10000);
		mqg_tracker_tick(tracker);
		turn();
	}
	assert_true(state_now().complete);
}

/* ---- tests ------------------------------------------------------------------------------- */

static void who_lives_at_the_start_is_allowed(void **state)
{
	(void)state;
	lists(1);
	begin();
	assert_true(state_now().followed);
	assert_true(state_now().complete);
	assert_int_equal(state_now().vouched, 1);
	assert_true(allowed(1));
	assert_int_equal(fake.settings.mark, 7);
	assert_int_equal(fake.settings.enforce, 1);
	assert_int_equal(fake.settings.n_services, 2);
}

static void events_are_followed(void **state)
{
	(void)state;
	begin();
	sends("phase", 1, 0);
	turn();
	assert_true(allowed(1));
	sends("end", 1, 0);
	turn();
	assert_false(allowed(1));
	assert_int_equal(fake.dumps, 1);
	assert_int_equal(state_now().events, 2);
}

static void a_violation_reaches_the_maps_with_its_event(void **state)
{
	struct mqgate_flow flow;
	struct mqgate_flow_key key = flow_of("192.0.2.1", 1);

	(void)state;
	begin();
	sends("phase", 1, 0);
	sends("violation", 1, 0);
	fake.queue[1].dropped = true;
	turn();
	assert_false(allowed(1));
	assert_int_equal(bpf_map_lookup_elem(pins()->flows, &key, &flow), 0);
	assert_int_equal(flow.state, MQGATE_FLOW_REFUSED);
	assert_int_equal(mqg_tracker_violations(tracker, 1, MQGATE_REASON_MQTT_DIRECTION, true),
			 1);
}

static void a_gap_is_made_good_for(void **state)
{
	(void)state;
	begin();
	sends("phase", 1, 0);
	turn();
	/* The end of 1 and all of 2 are lost. */
	lists(2);
	lists(3);
	sends("phase", 3, 5);
	turn();
	until_complete();
	assert_false(allowed(1));
	assert_true(allowed(2));
	assert_true(allowed(3));
	assert_int_equal(fake.dumps, 2);
	assert_int_equal(state_now().lost, 1);
}

/* Two dumps have a second between them; after that a loss asks for one at once. */
static void pass_a_second(void)
{
	uint64_t end = mqg_boottime_ns() + S + S / 20;

	while (mqg_boottime_ns() < end)
		usleep(10000);
}

static void what_was_sent_before_a_loss_is_read_before_the_dump(void **state)
{
	(void)state;
	begin();
	pass_a_second();
	sends("phase", 1, 0);
	sends("phase", 2, 0);
	/* Then no room any more: the ends of both are not sent. */
	fake.overrun = true;
	turn();
	until_complete();
	assert_int_equal(fake.read_at_dump, 2);
	assert_int_equal(fake.dumps, 2);
	assert_false(allowed(1));
	assert_false(allowed(2));
}

static void a_dump_that_fails_is_made_again(void **state)
{
	(void)state;
	lists(1);
	fake.dump_fails = true;
	begin();
	assert_false(state_now().complete);
	assert_true(strstr(state_now().error, "dump fails") != NULL);
	fake.dump_fails = false;
	until_complete();
	assert_true(allowed(1));
}

static void the_module_comes_and_goes(void **state)
{
	(void)state;
	fake.here = false;
	begin();
	assert_false(state_now().followed);
	assert_string_equal(state_now().error, "");
	lists(1);
	come(true);
	assert_true(state_now().complete);
	assert_true(allowed(1));
	come(false);
	assert_false(state_now().followed);
	assert_false(allowed(1));
	assert_int_equal(fake.open_handles, 1);
	/* Both in one: it was replaced. */
	come(true);
	assert_true(allowed(1));
	fake.n_clients = 0;
	fake.told[fake.n_told++] = 0;
	come(true);
	assert_true(state_now().followed);
	assert_false(allowed(1));
}

static void another_abi_is_refused_in_words(void **state)
{
	(void)state;
	fake.abi = MQGATE_ABI_VERSION + 1;
	lists(1);
	begin();
	assert_false(state_now().followed);
	assert_true(strstr(state_now().error, "ABI") != NULL);
	assert_false(allowed(1));
	mqg_tracker_tick(tracker);
	assert_int_equal(fake.open_handles, 1);
}

static void the_module_resets_what_is_left_of_who_was_ended(void **state)
{
	const struct mqg_refusal why = { .reason = MQGATE_REASON_CERT_REVOKED, .service = 3 };
	struct mqgate_flow_key one = flow_of("192.0.2.1", 1), two = flow_of("192.0.2.1", 2);
	uint64_t first, second;

	(void)state;
	begin();
	assert_int_equal(mqg_judge_allowed(judge, &one, 3, IDENTITY, NULL, &first), 0);
	assert_int_equal(mqg_judge_allowed(judge, &two, 3, IDENTITY, NULL, &second), 0);
	turn();
	mqg_judge_ended(judge, &why, first);
	assert_false(allowed(1));
	assert_true(allowed(2));
	mqg_judge_closed(judge, second);
	turn();
	assert_int_equal(fake.killed, 0);
	mqg_judge_closed(judge, first);
	turn();
	assert_int_equal(fake.killed, 1);
	assert_int_equal(fake.killed_port, 1);
}

static void clients_of_our_own_are_bound_when_both_sides_know_them(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1);
	uint64_t ticket;

	(void)state;
	begin();
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, IDENTITY, NULL, &ticket), 0);
	turn();
	assert_int_equal(fake.bound, 1);
	assert_int_equal(fake.identity, IDENTITY);
	/* The module meets it later: it is told then. */
	sends("begin", 1, 0);
	fake.queue[0].client.flags = MQGATE_CLIENT_F_LOCAL;
	turn();
	assert_int_equal(fake.bound, 2);
	/* And a new module in its first dump, unless it knows already. */
	lists(1);
	fake.clients[0].flags = MQGATE_CLIENT_F_LOCAL | MQGATE_CLIENT_F_TLS;
	come(false);
	come(true);
	assert_int_equal(fake.bound, 3);
	fake.clients[0].identity = IDENTITY;
	come(false);
	come(true);
	assert_int_equal(fake.bound, 3);
	/* A kill takes its ALLOW. */
	assert_true(allowed(1));
	sends("phase", 1, 0);
	fake.queue[1].client.flags = MQGATE_CLIENT_F_LOCAL | MQGATE_CLIENT_F_KILLED;
	fake.queue[1].client.phase = MQGATE_PHASE_REFUSED;
	turn();
	assert_false(allowed(1));
	mqg_judge_closed(judge, ticket);
}

static void is_bound_as(const char *id, uint8_t level, uint16_t keep_alive, bool cut)
{
	assert_non_null(fake.binding.id);
	assert_int_equal(fake.binding.id_length, strlen(id));
	assert_memory_equal(fake.id, id, strlen(id));
	assert_int_equal(fake.binding.level, level);
	assert_int_equal(fake.binding.keep_alive, keep_alive);
	assert_int_equal(fake.binding.id_cut, cut);
	memset(fake.id, 0, sizeof(fake.id));
	memset(&fake.binding, 0, sizeof(fake.binding));
}

static void what_connect_said_is_bound_with_the_identity_and_kept_for_a_later_module(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1), other = flow_of("192.0.2.1", 2);
	uint8_t id[] = "pump-7";
	struct mqg_said said = { .id = id, .id_length = 6, .keep_alive = 30, .level = 5 };
	uint64_t ticket, second;

	(void)state;
	begin();
	mqg_judge_allowed(judge, &flow, 3, IDENTITY, &said, &ticket);
	/* It was the caller's: the table has its own. */
	memset(id, 'x', sizeof(id));
	turn();
	is_bound_as("pump-7", 5, 30, false);
	lists(1);
	fake.clients[0].flags = MQGATE_CLIENT_F_LOCAL | MQGATE_CLIENT_F_TLS;
	come(false);
	come(true);
	assert_int_equal(fake.bound, 2);
	is_bound_as("pump-7", 5, 30, false);
	/* One that is cut, and an empty one, are told as such. */
	said.id_cut = true;
	mqg_judge_allowed(judge, &other, 3, IDENTITY, &said, &second);
	turn();
	is_bound_as("xxxxxx", 5, 30, true);
	mqg_judge_closed(judge, second);
	said = (struct mqg_said){ .id = id, .level = 4 };
	mqg_judge_allowed(judge, &other, 3, IDENTITY, &said, &second);
	turn();
	is_bound_as("", 4, 0, false);
	/* Of one that said nothing, nothing is made up. */
	mqg_judge_closed(judge, second);
	mqg_judge_allowed(judge, &other, 3, IDENTITY, NULL, &second);
	turn();
	assert_int_equal(fake.bound, 5);
	assert_null(fake.binding.id);
	assert_int_equal(fake.binding.level, 0);
	mqg_judge_closed(judge, second);
	mqg_judge_closed(judge, ticket);
}

static void without_netlink_there_is_no_module(void **state)
{
	(void)state;
	fake.deaf = true;
	lists(1);
	begin();
	assert_false(state_now().followed);
	assert_string_equal(state_now().error, "no netlink here");
	mqg_tracker_tick(tracker);
	assert_int_equal(fake.open_handles, 0);
}

static void an_orderly_stop_leaves_allow_to_the_next_daemon(void **state)
{
	(void)state;
	lists(1);
	begin();
	mqg_tracker_teardown(tracker);
	tracker = NULL;
	assert_true(allowed(1));
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_stage, close_stage)

static const struct CMUnitTest tests[] = {
	TEST(who_lives_at_the_start_is_allowed),
	TEST(events_are_followed),
	TEST(a_violation_reaches_the_maps_with_its_event),
	TEST(a_gap_is_made_good_for),
	TEST(what_was_sent_before_a_loss_is_read_before_the_dump),
	TEST(a_dump_that_fails_is_made_again),
	TEST(the_module_comes_and_goes),
	TEST(another_abi_is_refused_in_words),
	TEST(clients_of_our_own_are_bound_when_both_sides_know_them),
	TEST(the_module_resets_what_is_left_of_who_was_ended),
	TEST(what_connect_said_is_bound_with_the_identity_and_kept_for_a_later_module),
	TEST(without_netlink_there_is_no_module),
	TEST(an_orderly_stop_leaves_allow_to_the_next_daemon),
};

int main(void)
{
	int failed = stage_open();

	if (failed)
		return failed;
	failed = cmocka_run_group_tests_name("tracker", tests, NULL, NULL);
	stage_close();
	return failed ? 1 : 0;
}
