/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets and lines of the control socket. Everything runs in the main loop. A client has at most
 * one answer under way: its next request is read when that has been taken, so what it can make the
 * daemon hold is one answer.
 */
#include "control/control.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#include "common/names.h"
#include "common/pins.h"
#include "control/verbs.h"
#include "judge/manage.h"
#include "system/log.h"

#define CLIENTS_MAX	64
#define REQUEST_MAX	65536U
#define EVENTS_MAX	(256U << 10)	/* bytes that wait for a slow reader of events */

struct client {
	struct mqg_watch	watch;
	struct mqg_control	*control;
	struct client		*next;
	struct ucred		peer;
	char			in[REQUEST_MAX];
	size_t			in_len;
	char			*out;
	size_t			out_len, out_done;
	uint64_t		lost;		/* events since the last one that went out */
	bool			subscribed;
	bool			closing;	/* when the answer has gone out */
};

struct mqg_control {
	struct mqg_watch	watch;
	struct mqg_loop		*loop;
	struct mqg_verb_context	context;
	struct client		*clients;
	size_t			n_clients;
	uint64_t		lost;
	char			path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

static void drop(struct client *client)
{
	struct mqg_control *control = client->control;
	struct client **at = &control->clients;

	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	control->n_clients--;
	mqg_judge_list_drop(control->context.judge, client);
	close(client->watch.fd);
	free(client->out);
	free(client);
}

static bool waiting(const struct client *client)
{
	return client->out_done < client->out_len;
}

/* Reads while nothing waits to be written. A reader of events is listened to for its end. */
static void watch_for(struct client *client)
{
	uint32_t events = waiting(client) ? EPOLLOUT : 0;

	if (!waiting(client) || client->subscribed)
		events |= EPOLLIN;
	mqg_loop_change(client->control->loop, &client->watch, events);
}

/* Appends a line. False when memory is out. */
static bool put_line(struct client *client, const json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0, rest = client->out_len - client->out_done;
	char *out;

	if (!text)
		return false;
	if (client->out_done)
		memmove(client->out, client->out + client->out_done, rest);
	client->out_done = 0;
	client->out_len = rest;
	out = realloc(client->out, rest + len + 1);
	if (!out) {
		free(text);
		return false;
	}
	memcpy(out + rest, text, len);
	out[rest + len] = '\n';
	client->out = out;
	client->out_len = rest + len + 1;
	free(text);
	return true;
}

/* Return: false when the client is gone. */
static bool flush(struct client *client)
{
	while (waiting(client)) {
		ssize_t n = send(client->watch.fd, client->out + client->out_done,
				 client->out_len - client->out_done, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0)
			return false;
		client->out_done += (size_t)n;
	}
	free(client->out);
	client->out = NULL;
	client->out_len = client->out_done = 0;
	return !client->closing;
}

static bool answer(struct client *client, const char *line, size_t len)
{
	struct mqg_verb_context context = client->control->context;
	json_error_t error;
	json_t *request, *reply;
	bool fine;

	context.uid = client->peer.uid;
	context.pid = client->peer.pid;
	context.client = client;
	request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(request))
		reply = mqg_verb_answer(&context, request);
	else
		reply = mqg_verb_refuse("send one JSON object a line, for instance "
					"{\"do\":\"status\"}", "not a JSON object: %s",
					request ? "another type" : error.text);
	json_decref(request);
	fine = reply && put_line(client, reply);
	json_decref(reply);
	client->subscribed = context.subscribe;
	return fine;
}

/* Answers the lines that have come, one at a time. Return: false when the client is gone. */
static bool work(struct client *client)
{
	while (!client->closing && !client->subscribed && !waiting(client)) {
		char *end = memchr(client->in, '\n', client->in_len);
		size_t used;

		if (!end && client->in_len == sizeof(client->in)) {
			json_t *reply = mqg_verb_refuse("send shorter lines", "a request of more "
							"than %u bytes", REQUEST_MAX - 1);
			client->closing = true;
			if (!reply || !put_line(client, reply)) {
				json_decref(reply);
				return false;
			}
			json_decref(reply);
			return flush(client);
		}
		if (!end)
			return true;
		if (!answer(client, client->in, (size_t)(end - client->in)))
			return false;
		used = (size_t)(end - client->in) + 1;
		memmove(client->in, client->in + used, client->in_len - used);
		client->in_len -= used;
		if (!flush(client))
			return false;
	}
	return true;
}

/* Return: false when the client is gone, or has said all and heard all. */
static bool take(struct client *client)
{
	char waste[512];
	ssize_t n;

	if (client->subscribed)
		n = recv(client->watch.fd, waste, sizeof(waste), MSG_DONTWAIT);
	else
		n = recv(client->watch.fd, client->in + client->in_len,
			 sizeof(client->in) - client->in_len, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (!n)
		return false;
	if (client->subscribed)
		return true;
	client->in_len += (size_t)n;
	return work(client);
}

static void client_ready(struct mqg_watch *watch, uint32_t events)
{
	struct client *client = (struct client *)watch;
	bool stays = true;

	if (events & EPOLLOUT)
		stays = flush(client) && work(client);
	if (stays && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		stays = take(client);
	if (stays)
		watch_for(client);
	else
		drop(client);
}

static void accept_one(struct mqg_watch *watch, uint32_t events)
{
	static const char full[] = "{\"ok\":false,\"error\":\"too many clients on the control "
				   "socket\",\"remedy\":\"close some, or wait\"}\n";
	struct mqg_control *control = (struct mqg_control *)watch;
	int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	socklen_t len = sizeof(struct ucred);
	struct client *client;

	(void)events;
	if (fd < 0)
		return;
	client = control->n_clients < CLIENTS_MAX ? calloc(1, sizeof(*client)) : NULL;
	if (!client || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &client->peer, &len) ||
	    mqg_loop_add(control->loop, &client->watch, fd, EPOLLIN)) {
		/* Best effort: the client sees the end of the connection in any case. */
		(void)!send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		free(client);
		close(fd);
		return;
	}
	client->watch.ready = client_ready;
	client->control = control;
	client->next = control->clients;
	control->clients = client;
	control->n_clients++;
}

static bool put_event(struct client *client, const json_t *line)
{
	json_t *lost;
	bool fine = true;

	if (client->out_len - client->out_done > EVENTS_MAX) {
		client->lost++;
		client->control->lost++;
		return true;
	}
	if (client->lost) {
		lost = json_pack("{s:I}", "lost", (json_int_t)client->lost);
		fine = lost && put_line(client, lost);
		json_decref(lost);
		client->lost = 0;
	}
	return fine && put_line(client, line) && flush(client);
}

static void hand_out(const struct mqgate_event *event, void *arg)
{
	struct mqg_control *control = arg;
	struct client *client, *next;
	json_t *line = NULL;

	for (client = control->clients; client; client = next) {
		next = client->next;
		if (!client->subscribed)
			continue;
		if (!line)
			line = mqg_verb_event(control->context.judge, event);
		if (!line || !put_event(client, line))
			drop(client);
		else
			watch_for(client);
	}
	json_decref(line);
}

/* A socket that nobody but the group may reach, from its first moment on. */
static int listen_at(const char *path, const char *group, char *why, size_t size)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct group *gr = getgrnam(group);
	int fd, err = 0;
	mode_t mask;

	if (!gr && !geteuid()) {
		snprintf(why, size, "there is no group \"%s\" for the control socket; make one "
				    "(groupadd --system %s) or name another with group:",
			 group, group);
		return -ENOENT;
	}
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	unlink(path);
	mask = umask(0117);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) || listen(fd, CLIENTS_MAX) ||
	    (gr && !geteuid() && chown(path, (uid_t)-1, gr->gr_gid)))
		err = -errno;
	umask(mask);
	if (err) {
		snprintf(why, size, "%s: %s; make its directory writable for mqgated, or name "
				    "another one in MQGATE_RUN", path, strerror(-err));
		close(fd);
		return err;
	}
	return fd;
}

int mqg_control_setup(struct mqg_live *live, struct mqg_judge *judge,
		      struct mqg_tracker *tracker, struct mqg_loop *loop,
		      struct mqg_control **out, char *why, size_t size)
{
	struct mqg_control *control = calloc(1, sizeof(*control));
	int fd, err;

	*out = NULL;
	snprintf(why, size, "no memory for the control socket");
	if (!control)
		return -ENOMEM;
	control->loop = loop;
	control->watch.ready = accept_one;
	control->context.config = mqg_live_config(live);
	control->context.live = live;
	control->context.judge = judge;
	control->context.tracker = tracker;
	control->context.started = mqg_boottime_ns();
	if ((size_t)snprintf(control->path, sizeof(control->path), "%s/control.sock",
			     mqg_run_dir()) >= sizeof(control->path)) {
		snprintf(why, size, "MQGATE_RUN=%s: too long for the name of a socket",
			 mqg_run_dir());
		free(control);
		return -ENAMETOOLONG;
	}
	fd = listen_at(control->path, control->context.config->group, why, size);
	err = fd < 0 ? fd : mqg_loop_add(loop, &control->watch, fd, EPOLLIN);
	if (err) {
		if (fd >= 0)
			close(fd);
		free(control);
		return err;
	}
	mqg_judge_events_watch(judge, hand_out, control);
	*out = control;
	return 0;
}

void mqg_control_config(struct mqg_control *control, const struct mqg_config *config)
{
	control->context.config = config;
}

void mqg_control_proxy(struct mqg_control *control, struct mqg_proxy *proxy)
{
	control->context.proxy = proxy;
}

void mqg_control_teardown(struct mqg_control *control)
{
	if (!control)
		return;
	mqg_judge_events_watch(control->context.judge, NULL, NULL);
	while (control->clients)
		drop(control->clients);
	close(control->watch.fd);
	unlink(control->path);
	free(control);
}

uint64_t mqg_control_events_lost(const struct mqg_control *control)
{
	return control->lost;
}
