/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Real sockets for XDP to find: a network namespace of the test's own, connections in it, and a
 * handshake that stays half open. Of one process; no lock.
 */
#ifndef MQG_TEST_PEER_H
#define MQG_TEST_PEER_H

#include "packet.h"

struct peer {
	int		client, server;
	struct pkt	flow;		/* addresses and ports, client to server */
	char		src[64], dst[64];
};

/* Enters a new network namespace with its loopback up. Return: 0 or -errno. */
int peer_namespace(void);
/* Listens on @addr:@port. "::" takes IPv4 too. */
int peer_listen(const char *addr, uint16_t port);
/* Connects to @addr:@port, which @listener serves. */
void peer_connect(struct peer *peer, int listener, const char *addr, uint16_t port);
void peer_close(struct peer *peer);
/* The next sequence number that the server expects of the client. */
uint32_t peer_next(const struct peer *peer);
/* The client sends @text, in the notation of pkt_bytes(), and it arrives. */
void peer_send(struct peer *peer, const char *text);
/* The server closes first, and its socket stays in TIME_WAIT. */
void peer_time_wait(struct peer *peer);

/*
 * A SYN with sequence number @isn to port @port through a TUN device; the SYN+ACK that answers
 * it is seen, and never answered. Return: 0, or -errno without TUN.
 */
int peer_half_open(struct peer *peer, uint16_t port, uint32_t isn);

#endif
