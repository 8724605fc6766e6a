// SPDX-License-Identifier: BSD-2-Clause
/* A connection of the gateway's own; see visit.h. */
#include "upstream/visit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/crypto.h>

#include "common/names.h"
#include "message/properties.h"
#include "proxy/pp2.h"
#include "upstream/dial.h"
#include "upstream/secure.h"

/* Type and a remaining length of four bytes. */
#define FIXED_MAX	5U

int mqg_visit_begin(struct mqg_visit *visit, const struct mqg_visit_to *to, uint32_t mark, int epfd,
		    void (*ready)(struct mqg_watch *watch, uint32_t events))
{
	visit->stream = (struct mqg_stream){ .watch.ready = ready, .fd = -1 };
	visit->stream.fd = mqg_dial(&to->server->address, mark, epfd, &visit->stream.watch);
	if (visit->stream.fd < 0) {
		int err = visit->stream.fd;

		visit->stream.fd = -1;
		return err;
	}
	visit->stage = MQG_VISIT_DIALS;
	return 0;
}

static int fail(int err, const char **why)
{
	*why = strerror(-err);
	return err;
}

/* It is the first that is sent: the socket has room for it. */
static int send_first(struct mqg_visit *visit, const uint8_t *data, size_t len, const char **why)
{
	if (!len || mqg_stream_write(&visit->stream, data, len) == (ssize_t)len)
		return 0;
	*why = "cannot be written to";
	return -EIO;
}

/*
 * The header of the PROXY protocol says who asks: this gateway. The command LOCAL would, too, but
 * RabbitMQ 3.10, which Debian 12 has, crashes on it (rabbitmq-server issue 8654).
 */
static size_t introduce(const struct mqg_broker *broker, int fd, uint8_t *out)
{
	struct mqg_pp2_facts facts = { 0 };
	struct sockaddr_storage own, peer;
	socklen_t own_len = sizeof(own), peer_len = sizeof(peer);
	uint32_t left, tlvs = broker->pp2_tlvs & MQG_PP2_CRC32C;

	if (!broker->pp2_max || getsockname(fd, (struct sockaddr *)&own, &own_len) ||
	    mqg_sockaddr_split((struct sockaddr *)&own, facts.saddr, &facts.sport) ||
	    getpeername(fd, (struct sockaddr *)&peer, &peer_len) ||
	    mqg_sockaddr_split((struct sockaddr *)&peer, facts.daddr, &facts.dport))
		return 0;
	return mqg_pp2_build(&facts, tlvs, broker->pp2_max, &left, out);
}

static uint8_t *put_text(uint8_t *at, const char *text)
{
	size_t len = strlen(text);

	at = mqg_write_two(at, (uint32_t)len);
	memcpy(at, text, len);
	return at + len;
}

/*
 * Behind the header that this broker wants and with the credentials that it does. Return: its
 * bytes, to be wiped and freed; NULL for want of memory.
 */
static uint8_t *write_connect(const struct mqg_visit *visit, const struct mqg_broker *broker,
			      const struct mqg_visit_name *name, size_t *len)
{
	static const uint8_t head[] = { 0, 4, 'M', 'Q', 'T', 'T' };
	const char *texts[] = { name->client_id, broker->username, broker->password };
	bool v5 = name->level == MQW_LEVEL_5;
	size_t body = sizeof(head) + 4 + v5;
	uint8_t *packet, *at;

	for (int i = 0; i < 3; i++)
		body += texts[i] ? 2 + strlen(texts[i]) : 0;
	packet = malloc(broker->pp2_max + FIXED_MAX + body);
	if (!packet)
		return NULL;
	at = packet + (visit->stream.ssl ? 0 : introduce(broker, visit->stream.fd, packet));
	*at++ = 0x10;
	at = mqg_varint_write(at, (uint32_t)body);
	memcpy(at, head, sizeof(head));
	at += sizeof(head);
	*at++ = name->level;
	*at++ = MQW_CONNECT_CLEAN | (texts[1] ? MQW_CONNECT_USERNAME : 0) |
		(texts[2] ? MQW_CONNECT_PASSWORD : 0);
	at = mqg_write_two(at, name->keep_alive);
	/* No property: the session ends with the connection. */
	if (v5)
		*at++ = 0;
	for (int i = 0; i < 3; i++)
		if (texts[i])
			at = put_text(at, texts[i]);
	*len = (size_t)(at - packet);
	return packet;
}

int mqg_visit_ask(struct mqg_visit *visit, const struct mqg_visit_to *to,
		  const struct mqg_visit_name *name, const char **why)
{
	size_t len;
	uint8_t *packet = write_connect(visit, to->broker, name, &len);
	int err;

	if (!packet)
		return fail(-ENOMEM, why);
	visit->room = name->room;
	visit->size = name->size;
	visit->filled = 0;
	mqw_connack_init(&visit->connack, name->level, (uint32_t)name->size - FIXED_MAX);
	visit->stage = MQG_VISIT_ASKS;
	err = send_first(visit, packet, len, why);
	OPENSSL_cleanse(packet, len);
	free(packet);
	return err;
}

static int hear(struct mqg_visit *visit, const char **why)
{
	uint8_t *at = visit->room + visit->filled;
	ssize_t n;
	__u32 used;

	for (;;) {
		n = mqg_stream_read(&visit->stream, at, visit->size - visit->filled);
		if (n == -EAGAIN)
			return -EAGAIN;
		*why = "closed the connection instead of an answer";
		if (n <= 0)
			return n ? fail((int)n, why) : -ECONNRESET;
		visit->filled += (size_t)n;
		switch (mqw_connack_feed(&visit->connack, at, (__u32)n, &used)) {
		case MQW_NEED_MORE:
			at += n;
			continue;
		case MQW_OK:
			if (visit->connack.code)
				break;
			visit->stage = MQG_VISIT_ACCEPTED;
			return 0;
		default:
			break;
		}
		*why = "refused the CONNECT";
		return -EACCES;
	}
}

static int secure(struct mqg_visit *visit, const char **why)
{
	int err = mqg_secure_step(&visit->stream, why);

	if (!err)
		visit->stage = MQG_VISIT_MADE;
	return err;
}

static int connected(struct mqg_visit *visit, const struct mqg_visit_to *to, const char **why)
{
	uint8_t header[MQG_PP2_MAX];
	int err;

	if (!to->tls) {
		visit->stage = MQG_VISIT_MADE;
		return 0;
	}
	visit->stage = MQG_VISIT_SECURES;
	err = send_first(visit, header, introduce(to->broker, visit->stream.fd, header), why);
	if (err)
		return err;
	err = mqg_secure_start(&visit->stream, to->tls, to->broker->tls, to->server, to->state);
	return err ? fail(err, why) : secure(visit, why);
}

int mqg_visit_step(struct mqg_visit *visit, const struct mqg_visit_to *to, const char **why)
{
	int err;

	switch (visit->stage) {
	case MQG_VISIT_DIALS:
		if (!visit->stream.may_write)
			return -EAGAIN;
		err = mqg_dial_result(visit->stream.fd);
		if (err)
			return err == EINPROGRESS ? -EAGAIN : fail(-err, why);
		return connected(visit, to, why);
	case MQG_VISIT_SECURES:
		return secure(visit, why);
	case MQG_VISIT_ASKS:
		return hear(visit, why);
	default:
		return -EAGAIN;
	}
}

void mqg_visit_close(struct mqg_visit *visit)
{
	mqg_stream_close(&visit->stream);
	visit->stage = MQG_VISIT_IDLE;
}
