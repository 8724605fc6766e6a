// SPDX-License-Identifier: BSD-2-Clause
/*
 * The client's side of the control socket: one JSON object a line, each way. Called by the
 * command. A connection belongs to one thread, so there is no lock.
 */
#include "common/control.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/names.h"
#include "common/pins.h"

/* A list of 100,000 sessions is some 30 MB; a line beyond this is no answer. */
#define LINE_MAX_BYTES	(256UL << 20)
#define ANSWER_MS	5000

int mqg_control_open(struct mqg_control *control, char *why, size_t size)
{
	/* A daemon that hangs lets its backlog fill up; connect() would then wait for ever. */
	const struct timeval patience = { .tv_sec = ANSWER_MS / 1000 };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int len, err;

	*control = (struct mqg_control)MQG_CONTROL_INIT;
	len = snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/control.sock", mqg_run_dir());
	if (len < 0 || (size_t)len >= sizeof(sun.sun_path)) {
		snprintf(why, size, "MQGATE_RUN: a socket path has at most %zu bytes",
			 sizeof(sun.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (control->fd < 0 ||
	    setsockopt(control->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)))
		err = -errno;
	else
		err = connect(control->fd, (struct sockaddr *)&sun, sizeof(sun)) ? -errno : 0;
	if (!err)
		return 0;

	mqg_control_close(control);
	if (err == -ECONNREFUSED || err == -ENOENT)
		return -ENOENT;
	if (err == -EACCES || err == -EPERM) {
		snprintf(why, size, "%s: permission denied; this needs root or group mqgate",
			 sun.sun_path);
		return -EACCES;
	}
	snprintf(why, size, "%s: cannot be connected to: %s", sun.sun_path, strerror(-err));
	return err;
}

void mqg_control_close(struct mqg_control *control)
{
	if (control->fd >= 0)
		close(control->fd);
	free(control->buf);
	*control = (struct mqg_control)MQG_CONTROL_INIT;
}

static int send_line(int fd, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	size_t len, done = 0;
	int err = 0;

	if (!text)
		return -ENOMEM;
	len = strlen(text);
	text[len++] = '\n';	/* in place of the NUL */
	while (done < len) {
		ssize_t n = send(fd, text + done, len - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err = -errno;
			break;
		}
		done += (size_t)n;
	}
	free(text);
	return err;
}

/* Takes one line off the buffer. Return: 1, 0 when none is whole, -EPROTO. */
static int take_line(struct mqg_control *control, size_t *searched, json_t **line)
{
	char *end = NULL;
	size_t used;

	if (control->len > *searched)
		end = memchr(control->buf + *searched, '\n', control->len - *searched);
	*searched = control->len;
	if (!end)
		return 0;
	used = (size_t)(end - control->buf) + 1;
	*line = json_loadb(control->buf, used, 0, NULL);
	memmove(control->buf, control->buf + used, control->len - used);
	control->len -= used;
	if (!json_is_object(*line)) {
		json_decref(*line);
		*line = NULL;
		return -EPROTO;
	}
	return 1;
}

static int fill(struct mqg_control *control)
{
	ssize_t n;

	if (control->len == control->room) {
		size_t room = control->room ? control->room * 2 : 4096;
		char *buf = room > LINE_MAX_BYTES ? NULL : realloc(control->buf, room);

		if (!buf)
			return room > LINE_MAX_BYTES ? -EPROTO : -ENOMEM;
		control->buf = buf;
		control->room = room;
	}
	n = recv(control->fd, control->buf + control->len, control->room - control->len,
		 MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (!n)
		return -EPIPE;
	control->len += (size_t)n;
	return 0;
}

int mqg_control_line(struct mqg_control *control, int timeout_ms, json_t **line)
{
	uint64_t deadline = mqg_boottime_ns() + (uint64_t)timeout_ms * 1000000;
	struct pollfd pfd = { .fd = control->fd, .events = POLLIN };
	size_t searched = 0;
	int err;

	for (;;) {
		uint64_t now;

		err = take_line(control, &searched, line);
		if (err)
			return err;
		now = mqg_boottime_ns();
		err = poll(&pfd, 1,
			   now < deadline ? (int)((deadline - now + 999999) / 1000000) : 0);
		if (err < 0)
			return -errno;
		if (!err)
			return 0;
		err = fill(control);
		if (err)
			return err;
	}
}

int mqg_control_ask(struct mqg_control *control, json_t *request, json_t **answer, char *why,
		    size_t size)
{
	const char *error, *remedy;
	json_t *line = NULL;
	int err;

	*answer = NULL;
	if (!request) {
		snprintf(why, size, "the request is not valid UTF-8");
		return -EINVAL;
	}
	err = send_line(control->fd, request);
	json_decref(request);
	while (!err) {
		err = mqg_control_line(control, ANSWER_MS, &line);
		if (err == 1)
			break;
		err = !err ? -ETIMEDOUT : err == -EINTR ? 0 : err;
	}
	if (err < 0) {
		snprintf(why, size,
			 "the daemon takes connections on %s/control.sock but does not "
			 "answer (%s); look at its log, or stop it: its filters go on",
			 mqg_run_dir(), strerror(-err));
		return err;
	}
	if (json_is_true(json_object_get(line, "ok"))) {
		*answer = line;
		return 0;
	}
	error = json_string_value(json_object_get(line, "error"));
	remedy = json_string_value(json_object_get(line, "remedy"));
	snprintf(why, size, "%s%s%s", error ? error : "the daemon refused without a word",
		 remedy && *remedy ? "; " : "", remedy ? remedy : "");
	json_decref(line);
	return -EREMOTEIO;
}
