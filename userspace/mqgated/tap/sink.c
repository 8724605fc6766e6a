// SPDX-License-Identifier: BSD-2-Clause
/* See sink.h. */
#include "tap/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "system/log.h"

#define SECOND		1000000000ULL
#define RETRY		SECOND
#define PATIENCE	(10 * SECOND)	/* for a connection, and for a broker's answer */
#define KEEP_ALIVE	60
#define CLIENT_ID	"mqgate-tap-%s-%d"

int mqg_sink_init(struct mqg_sink *sink, const struct mqg_tap_config *config)
{
	*sink = (struct mqg_sink){ .config = config, .fd = -1 };
	sink->data = malloc(MQG_SINK_BUFFER);
	return sink->data ? 0 : -ENOMEM;
}

void mqg_sink_exit(struct mqg_sink *sink)
{
	if (sink->fd >= 0)
		close(sink->fd);
	free(sink->data);
}

/* Of lines that are in the buffer it is not known what of them was taken. */
static void leave(struct mqg_sink *sink, int err, uint64_t now)
{
	if (!sink->told)
		mqg_log(MQG_LOG_WARNING, MQG_LOG_ALWAYS, "tap %s: %s: %s; its messages wait, and "
			"are dropped where its queue is full", sink->config->name,
			sink->config->place, strerror(err));
	sink->told = true;
	if (sink->fd >= 0)
		close(sink->fd);
	sink->fd = -1;
	sink->state = MQG_SINK_AWAY;
	sink->retry_at = now + RETRY;
	sink->lost += sink->lines;
	sink->off = sink->len = 0;
	sink->lines = 0;
}

static void give_up_late(struct mqg_sink *sink, uint64_t now)
{
	if (now - sink->quiet_since > PATIENCE)
		leave(sink, ETIMEDOUT, now);
}

static void opened(struct mqg_sink *sink, uint64_t now)
{
	if (sink->told)
		mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS, "tap %s: %s: reached again",
			sink->config->name, sink->config->place);
	sink->told = false;
	sink->state = MQG_SINK_OPEN;
	sink->quiet_since = now;
}

/* ---- opening --------------------------------------------------------------------------------- */

static int connect_to(const struct mqg_tap_config *config)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	const struct sockaddr *addr = (const struct sockaddr *)&config->address.addr;
	socklen_t len = config->address.addrlen;
	int fd;

	if (config->to == MQG_TAP_UNIX) {
		memcpy(local.sun_path, config->place, strlen(config->place));
		addr = (const struct sockaddr *)&local;
		len = sizeof(local);
	}
	fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, addr, len) && errno != EINPROGRESS) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

static void begin(struct mqg_sink *sink, uint64_t now)
{
	if (sink->config->to == MQG_TAP_FILE) {
		sink->fd = open(sink->config->place, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
						     O_NONBLOCK | O_NOFOLLOW | O_NOCTTY, 0640);
		if (sink->fd < 0)
			leave(sink, errno, now);
		else
			opened(sink, now);
		return;
	}
	sink->fd = connect_to(sink->config);
	if (sink->fd < 0) {
		leave(sink, errno, now);
		return;
	}
	sink->state = MQG_SINK_CONNECTING;
	sink->quiet_since = now;
}

/* MQTT 3.1.1, 3.1: a clean session. */
static void greet(struct mqg_sink *sink)
{
	static const uint8_t head[] = { 0x10, 0, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, KEEP_ALIVE, 0 };
	uint8_t *p = sink->data;
	int id;

	memcpy(p, head, sizeof(head));
	id = snprintf((char *)p + sizeof(head) + 1, 64, CLIENT_ID, sink->config->name, getpid());
	p[sizeof(head)] = (uint8_t)id;
	p[1] = (uint8_t)(sizeof(head) - 1 + (size_t)id);
	sink->len = sizeof(head) + 1 + (size_t)id;
	sink->answered = 0;
	sink->state = MQG_SINK_GREETING;
}

static void connected(struct mqg_sink *sink, uint64_t now)
{
	struct pollfd one = { .fd = sink->fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int err = 0;

	if (!poll(&one, 1, 0)) {
		give_up_late(sink, now);
		return;
	}
	if (getsockopt(sink->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (err)
		leave(sink, err, now);
	else if (sink->config->to == MQG_TAP_MQTT)
		greet(sink);
	else
		opened(sink, now);
}

/* ---- what comes and goes --------------------------------------------------------------------- */

/* Nothing that an endpoint says is of interest, but a broker's CONNACK and its end. */
static void listen_to(struct mqg_sink *sink, uint64_t now)
{
	uint8_t bytes[512];
	ssize_t n;

	if (sink->config->to == MQG_TAP_FILE)
		return;
	while ((n = recv(sink->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		for (ssize_t i = 0; i < n && sink->answered < sizeof(sink->answer); i++)
			sink->answer[sink->answered++] = bytes[i];
	if (!n || errno != EAGAIN)
		leave(sink, n ? errno : ECONNRESET, now);
	else if (sink->state == MQG_SINK_GREETING && sink->answered < sizeof(sink->answer))
		give_up_late(sink, now);
	else if (sink->state == MQG_SINK_GREETING && (sink->answer[0] != 0x20 || sink->answer[3]))
		leave(sink, EACCES, now);
	else if (sink->state == MQG_SINK_GREETING)
		opened(sink, now);
}

static void flush(struct mqg_sink *sink, uint64_t now)
{
	while (sink->off < sink->len) {
		ssize_t n = sink->config->to == MQG_TAP_FILE ?
			    write(sink->fd, sink->data + sink->off, sink->len - sink->off) :
			    send(sink->fd, sink->data + sink->off, sink->len - sink->off,
				 MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			leave(sink, errno, now);
			return;
		}
		sink->off += (size_t)n;
		sink->quiet_since = now;
	}
	sink->sent += sink->lines;
	sink->off = sink->len = 0;
	sink->lines = 0;
}

void mqg_sink_run(struct mqg_sink *sink, uint64_t now)
{
	if (sink->state == MQG_SINK_AWAY && now >= sink->retry_at)
		begin(sink, now);
	if (sink->state == MQG_SINK_CONNECTING)
		connected(sink, now);
	if (sink->state >= MQG_SINK_GREETING)
		flush(sink, now);
	if (sink->state >= MQG_SINK_GREETING)
		listen_to(sink, now);
	if (sink->state == MQG_SINK_OPEN && sink->config->to == MQG_TAP_MQTT &&
	    mqg_sink_empty(sink) && now - sink->quiet_since > KEEP_ALIVE / 2 * SECOND) {
		memcpy(sink->data, "\xC0", 2);
		sink->len = 2;
	}
}

struct pollfd mqg_sink_wants(const struct mqg_sink *sink)
{
	bool file = sink->config->to == MQG_TAP_FILE;
	short out = sink->state == MQG_SINK_CONNECTING || !mqg_sink_empty(sink) ? POLLOUT : 0;

	return (struct pollfd){ .fd = file && !out ? -1 : sink->fd,
				.events = file ? out : (short)(POLLIN | out) };
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* MQTT 3.1.1, 3.3, QoS 0. */
static size_t put_head(uint8_t *p, const char *topic, size_t len)
{
	size_t name = strlen(topic), left = 2 + name + len, n = 0;

	p[n++] = 0x30;
	do {
		p[n++] = (uint8_t)((left & 127) | (left > 127 ? 128 : 0));
	} while (left >>= 7);
	p[n++] = (uint8_t)(name >> 8);
	p[n++] = (uint8_t)name;
	memcpy(p + n, topic, name);
	return n + name;
}

bool mqg_sink_put(struct mqg_sink *sink, const char *line)
{
	bool mqtt = sink->config->to == MQG_TAP_MQTT;
	size_t len = strlen(line), more = mqtt ? 7 + strlen(sink->config->topic) : 1;

	if (sink->state != MQG_SINK_OPEN || len + more > MQG_SINK_BUFFER - sink->len)
		return false;
	if (mqtt)
		sink->len += put_head(sink->data + sink->len, sink->config->topic, len);
	memcpy(sink->data + sink->len, line, len);
	sink->len += len;
	if (!mqtt)
		sink->data[sink->len++] = '\n';
	sink->lines++;
	return true;
}
