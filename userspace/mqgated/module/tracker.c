/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets of the module and what is read from them; see tracker.h. Three of them: for events, for
 * dumps, for requests that are answered at once. Between a loss of events and the dump that makes
 * good for it, whatever was sent before is read to its end: view.h says why.
 */
#include "module/tracker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/names.h"
#include "module/bindings.h"
#include "module/offences.h"
#include "module/services.h"
#include "module/view.h"
#include "system/log.h"

/* Datagrams read before the other work of the main loop has its turn. */
#define EVENTS_A_TURN	256
#define DUMP_A_TURN	4

/* How long the first dump, which the start waits for, may be silent. */
#define FIRST_DUMP_MS	5000

/* Between the ends of two dumps that losses ask for. */
#define DUMP_EVERY	1000000000ULL

struct mqg_tracker {
	const struct mqg_config		*config;
	struct mqg_judge		*judge;
	struct mqg_loop			*loop;
	struct mqg_watch		news_watch, events_watch, dump_watch, bindings_watch;
	struct mqg_module		*news, *events, *dump, *requests;
	struct mqg_view			*view;
	struct mqg_bindings		*bindings;
	struct mqg_offences		*offences;
	bool				dumping;
	bool				lossy;		/* events were lost since the dump began */
	bool				retry;		/* it is there, and could not be used */
	uint64_t			next_dump;
	struct mqg_tracker_state	state;
	char				error[512];
};

#define of(watch, member) \
	((struct mqg_tracker *)((char *)(watch) - offsetof(struct mqg_tracker, member)))

static void complain(struct mqg_tracker *t, const char *why)
{
	if (strcmp(t->error, why))
		mqg_log(MQG_LOG_WARNING, MQG_LOG_MODULE, "%s", why);
	snprintf(t->error, sizeof(t->error), "%s", why);
}

/* ---- what it says of clients -------------------------------------------------------------- */

static uint64_t allow(const struct mqg_module_client *client, void *arg)
{
	struct mqg_tracker *t = arg;
	uint64_t ticket;

	mqg_judge_vouched(t->judge, &client->flow, client->service, &ticket);
	return ticket;
}

static void close_ticket(uint64_t ticket, void *arg)
{
	struct mqg_tracker *t = arg;

	mqg_judge_closed(t->judge, ticket);
}

static const struct mqg_view_ops view_ops = { .allow = allow, .close = close_ticket };

static uint64_t ticket_of(const struct mqg_tracker *t, const struct mqg_module_client *client)
{
	const struct mqg_bound *bound;

	if (!(client->flags & MQGATE_CLIENT_F_LOCAL))
		return mqg_view_ticket(t->view, &client->flow);
	bound = mqg_bindings_find(t->bindings, &client->flow);
	return bound ? bound->ticket : 0;
}

/* Tells the module who a client of ours is. */
static void bind_client(const struct mqg_bound *bound, void *arg)
{
	struct mqg_module_binding binding = {
		.identity = bound->identity,
		.verdict = MQGATE_ACTION_PASS,
		.level = bound->said.level,
		.keep_alive = bound->said.keep_alive,
		.id = bound->said.id,
		.id_length = bound->said.id_length,
		.id_cut = bound->said.id_cut,
	};
	struct mqg_tracker *t = arg;
	char why[256];
	int err;

	if (!t->requests || !bound->identity)
		return;
	err = mqg_module_bind(t->requests, &bound->key, &binding, why, sizeof(why));
	/* Not followed yet, or no longer: its begin is told, and then this is done again. */
	if (err && err != -ENOENT)
		complain(t, why);
}

/* The daemon has closed it: what is left of it on either side is reset. */
static void end_client(const struct mqg_bound *bound, void *arg)
{
	const struct mqg_module_client client = { .flow = bound->key };
	struct mqg_tracker *t = arg;
	char why[256];
	int err;

	if (!t->requests)
		return;
	err = mqg_module_kill(t->requests, &client, why, sizeof(why));
	/* Mostly the module has seen the end of it before. */
	if (err && err != -ENOENT && err != -ESTALE)
		complain(t, why);
}

static void bind_again(struct mqg_tracker *t, const struct mqg_module_client *client)
{
	const struct mqg_bound *bound;

	if (!(client->flags & MQGATE_CLIENT_F_LOCAL))
		return;
	bound = mqg_bindings_find(t->bindings, &client->flow);
	if (bound && client->identity != bound->identity)
		bind_client(bound, t);
}

static void take_client(const struct mqg_module_client *client, void *arg)
{
	struct mqg_tracker *t = arg;

	if (!mqg_module_guarded(t->config, &client->flow))
		return;
	mqg_offences_client(t->offences, client, ticket_of(t, client));
	mqg_view_dump_client(t->view, client);
	bind_again(t, client);
}

static int take_event(const struct mqg_module_event *event, void *arg)
{
	struct mqg_tracker *t = arg;

	t->state.events++;
	if (event->lost) {
		t->state.lost++;
		t->lossy = true;
	}
	if (!strcmp(event->what, "source")) {
		mqg_offences_source(t->offences, &event->source);
		return 0;
	}
	if (!mqg_module_guarded(t->config, &event->client.flow))
		return 0;
	mqg_offences_event(t->offences, event, ticket_of(t, &event->client), mqg_boottime_ns());
	mqg_view_event(t->view, event);
	if (!strcmp(event->what, "begin"))
		bind_again(t, &event->client);
	return 0;
}

/* ---- coming and going --------------------------------------------------------------------- */

static void forget(struct mqg_tracker *t, struct mqg_watch *watch, struct mqg_module **module)
{
	if (watch)
		mqg_loop_remove(t->loop, watch);
	mqg_module_close(*module);
	*module = NULL;
}

static void close_sockets(struct mqg_tracker *t)
{
	forget(t, &t->events_watch, &t->events);
	forget(t, &t->dump_watch, &t->dump);
	forget(t, NULL, &t->requests);
	t->dumping = false;
	t->lossy = false;
}

static void unlink_module(struct mqg_tracker *t)
{
	if (!t->state.followed)
		return;
	close_sockets(t);
	mqg_view_clear(t->view);
	t->state.followed = false;
	t->state.complete = false;
	t->error[0] = '\0';
	mqg_log(MQG_LOG_NOTICE, MQG_LOG_MODULE,
		"the kernel module has gone: what it vouched for is judged by XDP alone");
}

/* The dump is over, well or not. */
static void end_dump(struct mqg_tracker *t, int err, const char *why)
{
	t->dumping = false;
	t->next_dump = mqg_boottime_ns() + DUMP_EVERY;
	if (err) {
		mqg_view_dump_abort(t->view);
		t->lossy = true;
		complain(t, why);
		return;
	}
	mqg_view_dump_end(t->view);
	t->state.rebuilds++;
	t->state.complete = !t->lossy;
}

/* Only when no event waits that was sent before a loss. */
static void begin_dump(struct mqg_tracker *t)
{
	char why[256];
	int err;

	t->lossy = false;
	t->state.complete = false;
	t->dumping = true;
	mqg_view_dump_begin(t->view);
	err = mqg_module_dump_begin(t->dump, why, sizeof(why));
	if (err)
		end_dump(t, err, why);
}

static void on_dump(struct mqg_watch *watch, uint32_t events)
{
	struct mqg_tracker *t = of(watch, dump_watch);
	char why[256] = "";
	int answer;

	(void)events;
	answer = mqg_module_dump_read(t->dump, DUMP_A_TURN, take_client, t, why, sizeof(why));
	if (answer && t->dumping)
		end_dump(t, answer < 0 ? answer : 0, why);
}

/* Reads events. Return: 1 while more may wait, 0 at the end of what waits, -errno. */
static int read_events(struct mqg_tracker *t)
{
	int more;

	/* A kill that is told now may be of a client that its worker told of just before. */
	mqg_bindings_take(t->bindings, bind_client, end_client, t);
	more = mqg_module_events_read(t->events, EVENTS_A_TURN, take_event, t);
	if (more != -ENOBUFS)
		return more;
	t->state.lost++;
	t->lossy = true;
	return 1;
}

static void on_events(struct mqg_watch *watch, uint32_t events)
{
	struct mqg_tracker *t = of(watch, events_watch);
	int more = read_events(t);

	(void)events;
	if (t->lossy)
		t->state.complete = false;
	if (more < 0) {
		complain(t, "the module's events cannot be read; starting anew");
		unlink_module(t);
		t->retry = true;
	} else if (!more && t->lossy && !t->dumping && mqg_boottime_ns() >= t->next_dump) {
		begin_dump(t);
	}
}

static int watch_module(struct mqg_tracker *t)
{
	int err;

	t->events_watch.ready = on_events;
	t->dump_watch.ready = on_dump;
	err = mqg_loop_add(t->loop, &t->events_watch, mqg_module_fd(t->events), EPOLLIN);
	return err ? err : mqg_loop_add(t->loop, &t->dump_watch, mqg_module_fd(t->dump), EPOLLIN);
}

/* Numbers, reasons and phases must mean the same on both sides. */
static int check_abi(struct mqg_tracker *t, char *why, size_t size)
{
	struct mqg_module_about about;
	int err = mqg_module_about(t->requests, &about, why, size);

	if (err || about.abi == MQGATE_ABI_VERSION)
		return err;
	snprintf(why, size, "the kernel module (%s) speaks ABI %u and this mqgated %d: it is not "
			    "used; install both of one version", about.version, about.abi,
		 MQGATE_ABI_VERSION);
	return -EPROTO;
}

/* What cannot be set (in a user namespace, say) is said; the module is followed all the same. */
static void give_settings(struct mqg_tracker *t)
{
	struct mqg_module_settings settings;
	char why[256];

	mqg_module_services(t->config, &settings);
	t->error[0] = '\0';
	if (mqg_module_settings_set(t->requests, &settings, why, sizeof(why)))
		complain(t, why);
}

/* Finds the module, if it is there. */
static void link_module(struct mqg_tracker *t)
{
	int buffer = (int)t->config->module.events_buffer, err;
	char why[256];

	if (t->state.followed)
		return;
	t->retry = false;
	err = mqg_module_open(&t->requests, why, sizeof(why));
	if (err == -ENOENT)
		return;
	if (!err)
		err = check_abi(t, why, sizeof(why));
	if (!err)
		err = mqg_module_open(&t->events, why, sizeof(why));
	if (!err)
		err = mqg_module_open(&t->dump, why, sizeof(why));
	if (!err)
		err = mqg_module_listen(t->events, buffer, why, sizeof(why));
	if (!err) {
		err = watch_module(t);
		if (err)
			snprintf(why, sizeof(why), "the module cannot be polled: %s",
				 strerror(-err));
	}
	if (err) {
		close_sockets(t);
		complain(t, why);
		t->retry = err != -EPROTO;
		return;
	}
	give_settings(t);
	t->state.followed = true;
	mqg_log(MQG_LOG_NOTICE, MQG_LOG_MODULE,
		"the kernel module is there: following its clients");
	begin_dump(t);
}

static void on_bindings(struct mqg_watch *watch, uint32_t events)
{
	struct mqg_tracker *t = of(watch, bindings_watch);

	(void)events;
	mqg_bindings_take(t->bindings, bind_client, end_client, t);
}

static void take_news(bool here, void *arg)
{
	unlink_module(arg);
	if (here)
		link_module(arg);
}

static void on_news(struct mqg_watch *watch, uint32_t events)
{
	struct mqg_tracker *t = of(watch, news_watch);

	(void)events;
	if (!mqg_module_news_read(t->news, take_news, t))
		return;
	/* News were lost: it may have gone, it may be another one. */
	unlink_module(t);
	link_module(t);
}

/* ---- its life ------------------------------------------------------------------------------ */

/* Maps are adopted next, and what the module vouches for must be known by then. */
static void finish_first_dump(struct mqg_tracker *t)
{
	while (t->dumping) {
		struct pollfd fd = { .fd = mqg_module_fd(t->dump), .events = POLLIN };

		if (poll(&fd, 1, FIRST_DUMP_MS) <= 0)
			break;
		on_dump(&t->dump_watch, EPOLLIN);
	}
}

static int open_all(struct mqg_tracker *t, char *why, size_t size)
{
	int err = mqg_module_news_open(&t->news, why, size);

	if (err)
		return err;
	t->news_watch.ready = on_news;
	t->bindings_watch.ready = on_bindings;
	err = mqg_loop_add(t->loop, &t->news_watch, mqg_module_fd(t->news), EPOLLIN);
	if (!err)
		err = mqg_loop_add(t->loop, &t->bindings_watch, mqg_bindings_fd(t->bindings),
				   EPOLLIN);
	if (err)
		snprintf(why, size, "news of the kernel module cannot be polled: %s",
			 strerror(-err));
	return err;
}

int mqg_tracker_setup(const struct mqg_config *config, struct mqg_judge *judge,
		      struct mqg_loop *loop, struct mqg_tracker **out, char *why, size_t size)
{
	struct mqg_tracker *t = calloc(1, sizeof(*t));

	*out = t;
	if (!t) {
		snprintf(why, size, "no memory for the kernel module's clients");
		return -ENOMEM;
	}
	t->config = config;
	t->judge = judge;
	t->loop = loop;
	t->news_watch.fd = -1;
	t->events_watch.fd = -1;
	t->dump_watch.fd = -1;
	t->bindings_watch.fd = -1;
	t->state.use = config->module.use;
	t->state.error = t->error;
	if (!t->state.use)
		return 0;
	t->view = mqg_view_alloc(&view_ops, t);
	t->bindings = mqg_bindings_alloc();
	t->offences = mqg_offences_alloc(config, judge);
	if (!t->view || !t->bindings || !t->offences) {
		snprintf(why, size, "no memory for the kernel module's clients");
		return -ENOMEM;
	}
	/* Without netlink (a container, say) there is no module to speak with. */
	if (open_all(t, why, size)) {
		complain(t, why);
		return 0;
	}
	mqg_judge_flows_watch(judge, mqg_bindings_note, t->bindings);
	link_module(t);
	finish_first_dump(t);
	return 0;
}

void mqg_tracker_configure(struct mqg_tracker *t, const struct mqg_config *config)
{
	t->config = config;
	if (t->offences)
		t->offences->config = config;
	if (t->state.followed)
		give_settings(t);
}

void mqg_tracker_teardown(struct mqg_tracker *t)
{
	if (!t)
		return;
	mqg_judge_flows_watch(t->judge, NULL, NULL);
	close_sockets(t);
	forget(t, &t->news_watch, &t->news);
	mqg_loop_remove(t->loop, &t->bindings_watch);
	mqg_bindings_free(t->bindings);
	mqg_view_free(t->view);
	free(t->offences);
	free(t);
}

void mqg_tracker_tick(struct mqg_tracker *t)
{
	if (t->retry)
		link_module(t);
	/* A dump that had to wait, or failed. Whether events wait only reading them tells. */
	if (t->state.followed && t->lossy && !t->dumping)
		on_events(&t->events_watch, EPOLLIN);
}

void mqg_tracker_state(struct mqg_tracker *t, struct mqg_tracker_state *state)
{
	char why[256];

	t->state.vouched = t->view ? mqg_view_count(t->view) : 0;
	t->state.bound = t->bindings ? mqg_bindings_count(t->bindings) : 0;
	memset(&t->state.about, 0, sizeof(t->state.about));
	if (t->state.followed &&
	    mqg_module_about(t->requests, &t->state.about, why, sizeof(why)))
		complain(t, why);
	*state = t->state;
}

uint64_t mqg_tracker_violations(const struct mqg_tracker *t, uint32_t service, uint32_t reason,
				bool dropped)
{
	return t->offences ? t->offences->count[dropped][service][reason] : 0;
}

int mqg_tracker_violation_each(const struct mqg_tracker *t, mqg_refusal_fn fn, void *arg)
{
	int answer = 0;

	for (size_t i = 0; t->offences && !answer; i++) {
		const struct mqg_refusal_note *note = mqg_refusals_back(&t->offences->latest, i);

		if (!note)
			break;
		answer = fn(note, arg);
	}
	return answer;
}
