/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The HTTP server: libmicrohttpd with its own epoll descriptor, which the main loop polls. Main
 * thread; no lock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "metrics/metrics.h"

#define CONNECTIONS_MAX	16
#define IDLE_SECONDS	10U
#define CONNECTION_MEM	(16U << 10)

struct mqg_metrics {
	struct mqg_watch			watch;
	const struct mqg_metrics_sources	*sources;
	struct mqg_loop				*loop;
	struct MHD_Daemon			*daemon;
};

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned int status,
				 const char *type, char *text, size_t len,
				 enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(len, text, mode);
	enum MHD_Result result;

	if (!response) {
		if (mode == MHD_RESPMEM_MUST_FREE)
			free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Content-Security-Policy",
				"default-src 'none'; style-src 'unsafe-inline'");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result say(struct MHD_Connection *connection, unsigned int status, const char *text)
{
	return send_text(connection, status, "text/plain; charset=utf-8", (char *)text,
			 strlen(text), MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *data,
			      size_t *data_size, void **state)
{
	struct mqg_metrics *metrics = arg;
	char *text;
	size_t len;

	(void)version;
	(void)data;
	(void)state;
	if (*data_size) {
		*data_size = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD only\n");
	if (!strcmp(url, "/metrics")) {
		text = mqg_metrics_text(metrics->sources, &len);
		return text ? send_text(connection, MHD_HTTP_OK,
					"text/plain; version=0.0.4; charset=utf-8", text, len,
					MHD_RESPMEM_MUST_FREE)
			    : MHD_NO;
	}
	if (!strcmp(url, "/")) {
		text = mqg_metrics_page(metrics->sources, &len);
		return text ? send_text(connection, MHD_HTTP_OK, "text/html; charset=utf-8", text,
					len, MHD_RESPMEM_MUST_FREE)
			    : MHD_NO;
	}
	return say(connection, MHD_HTTP_NOT_FOUND, "there are / and /metrics\n");
}

static void run(struct mqg_watch *watch, uint32_t events)
{
	struct mqg_metrics *metrics = (struct mqg_metrics *)watch;

	(void)events;
	MHD_run(metrics->daemon);
}

static int listen_at(const struct mqg_endpoint *http, char *why, size_t size)
{
	int fd = socket(http->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1, err = 0;

	if (fd < 0)
		err = -errno;
	else if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
		 bind(fd, (const struct sockaddr *)&http->addr, http->addrlen) || listen(fd, 16))
		err = -errno;
	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	snprintf(why, size, "http: %s: %s; free the port, name another one, or write http: \"off\"",
		 http->text, strerror(-err));
	return err;
}

int mqg_metrics_setup(const struct mqg_metrics_sources *sources, struct mqg_loop *loop,
		      struct mqg_metrics **out, char *why, size_t size)
{
	const struct mqg_endpoint *http = &sources->config->http;
	const union MHD_DaemonInfo *info;
	struct mqg_metrics *metrics;
	int fd, err;

	*out = NULL;
	if (!http->text)
		return 0;
	fd = listen_at(http, why, size);
	if (fd < 0)
		return fd;
	snprintf(why, size, "http: the server cannot be started");
	metrics = calloc(1, sizeof(*metrics));
	if (!metrics) {
		close(fd);
		return -ENOMEM;
	}
	metrics->sources = sources;
	metrics->loop = loop;
	metrics->watch.ready = run;
	metrics->watch.fd = -1;
	metrics->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL,
					   answer, metrics, MHD_OPTION_LISTEN_SOCKET, fd,
					   MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
					   MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
					   MHD_OPTION_CONNECTION_MEMORY_LIMIT,
					   (size_t)CONNECTION_MEM, MHD_OPTION_END);
	if (!metrics->daemon) {
		close(fd);
		free(metrics);
		return -EINVAL;
	}
	info = MHD_get_daemon_info(metrics->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	err = info ? mqg_loop_add(loop, &metrics->watch, info->epoll_fd, EPOLLIN) : -EINVAL;
	if (err) {
		mqg_metrics_teardown(metrics);
		return err;
	}
	*out = metrics;
	return 0;
}

void mqg_metrics_teardown(struct mqg_metrics *metrics)
{
	if (!metrics)
		return;
	mqg_loop_remove(metrics->loop, &metrics->watch);
	MHD_stop_daemon(metrics->daemon);
	free(metrics);
}

void mqg_metrics_tick(struct mqg_metrics *metrics)
{
	if (metrics)
		MHD_run(metrics->daemon);
}
