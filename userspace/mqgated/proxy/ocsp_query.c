// SPDX-License-Identifier: BSD-2-Clause
/*
 * One question over HTTP/1.0 on a socket of the worker's epoll set; OpenSSL writes and reads, and
 * never waits. Its time is its entry's. On the worker's thread.
 */
#include "proxy/ocsp.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/http.h>

#include "proxy/worker.h"

/* Bytes of an answer: certificates of the responder are in it. */
#define ANSWER_MAX	(64U << 10)
/* Of its lines, and of each read. */
#define LINE_BYTES	4096

struct mqg_ocsp_query {
	struct mqg_watch	watch;
	struct mqg_list		dead;
	struct mqg_ocsp_entry	*entry;		/* NULL = closed */
	OCSP_REQUEST		*request;
	OSSL_HTTP_REQ_CTX	*http;
	BIO			*bio;
	int			fd;
};

static void free_query(struct mqg_ocsp_query *q)
{
	OSSL_HTTP_REQ_CTX_free(q->http);
	OCSP_REQUEST_free(q->request);
	BIO_free(q->bio);
	if (q->fd >= 0)
		close(q->fd);
}

/* As far as it goes without waiting. */
static void ready(struct mqg_watch *watch, uint32_t events)
{
	struct mqg_ocsp_query *q = mqg_container_of(watch, struct mqg_ocsp_query, watch);
	OCSP_RESPONSE *response = NULL;
	int done;

	(void)events;
	if (!q->entry)
		return;
	mqg_stream_doubt();
	ERR_clear_error();
	done = OSSL_HTTP_REQ_CTX_nbio_d2i(q->http, (ASN1_VALUE **)&response,
					  ASN1_ITEM_rptr(OCSP_RESPONSE));
	if (done < 0)
		return;
	ERR_clear_error();
	mqg_ocsp_query_done(q->entry, done ? response : NULL);
	OCSP_RESPONSE_free(response);
}

static bool prepare(struct mqg_ocsp_query *q, OCSP_CERTID *id, const struct mqg_responder *to,
		    const char *path, bool nonce)
{
	OCSP_CERTID *copy = OCSP_CERTID_dup(id);

	q->request = OCSP_REQUEST_new();
	if (!q->request || !copy || !OCSP_request_add0_id(q->request, copy)) {
		OCSP_CERTID_free(copy);
		return false;
	}
	if (nonce && !OCSP_request_add1_nonce(q->request, NULL, -1))
		return false;
	q->bio = BIO_new_socket(q->fd, BIO_NOCLOSE);
	q->http = q->bio ? OSSL_HTTP_REQ_CTX_new(q->bio, q->bio, LINE_BYTES) : NULL;
	if (!q->http)
		return false;
	OSSL_HTTP_REQ_CTX_set_max_response_length(q->http, ANSWER_MAX);
	return OSSL_HTTP_REQ_CTX_set_request_line(q->http, 1, NULL, NULL, path) &&
	       OSSL_HTTP_REQ_CTX_add1_header(q->http, "Host", to->address.text) &&
	       OSSL_HTTP_REQ_CTX_set_expected(q->http, "application/ocsp-response", 1, 0, 0) &&
	       OSSL_HTTP_REQ_CTX_set1_req(q->http, "application/ocsp-request",
					  ASN1_ITEM_rptr(OCSP_REQUEST), (ASN1_VALUE *)q->request);
}

struct mqg_ocsp_query *mqg_ocsp_query_start(struct mqg_ocsp_entry *entry, struct mqg_worker *worker,
					    OCSP_CERTID *id, const struct mqg_responder *to,
					    const char *path, bool nonce)
{
	const struct sockaddr *address = (const struct sockaddr *)&to->address.addr;
	struct mqg_ocsp_query *q = calloc(1, sizeof(*q));
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };

	if (!q)
		return NULL;
	event.data.ptr = &q->watch;
	q->watch.ready = ready;
	mqg_list_init(&q->dead);
	q->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (q->fd >= 0 &&
	    (!connect(q->fd, address, to->address.addrlen) || errno == EINPROGRESS) &&
	    prepare(q, id, to, path, nonce) &&
	    !epoll_ctl(worker->epfd, EPOLL_CTL_ADD, q->fd, &event)) {
		q->entry = entry;
		worker->ocsp.n_open++;
		return q;
	}
	ERR_clear_error();
	free_query(q);
	free(q);
	return NULL;
}

OCSP_REQUEST *mqg_ocsp_query_request(struct mqg_ocsp_query *q)
{
	return q->request;
}

void mqg_ocsp_query_close(struct mqg_ocsp_query *q, struct mqg_ocsp_client *client)
{
	free_query(q);
	q->entry = NULL;
	client->n_open--;
	mqg_list_append(&client->dead, &q->dead);
}

void mqg_ocsp_query_bury(struct mqg_ocsp_client *client)
{
	while (!mqg_list_empty(&client->dead)) {
		struct mqg_ocsp_query *q = mqg_container_of(client->dead.next,
							    struct mqg_ocsp_query, dead);

		mqg_list_remove(&q->dead);
		free(q);
	}
}
