// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host's socket knows of a connection; see local.h.
 */
#include "local.h"

#include <linux/skbuff.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/inet_sock.h>
#include <net/request_sock.h>
#include <net/tcp.h>

#include "client.h"
#include "key.h"
#include "net.h"
#include "packet.h"

/* The window of a SYN-ACK is not scaled (RFC 7323, 2.2): no first flight is longer. */
#define FIRST_WINDOW	(1U << 16)

static struct sock *lookup(struct net *net, const struct mqgate_flow_key *key,
			   struct sk_buff *skb)
{
	struct inet_hashinfo *hashinfo = net->ipv4.tcp_death_row.hashinfo;
	int dif = skb->skb_iif;

	if (mqg_key_is_ipv4(key->saddr))
		return __inet_lookup_established(net, hashinfo, mqg_key_ipv4(key->saddr),
						 htons(key->sport), mqg_key_ipv4(key->daddr),
						 key->dport, dif, inet_sdif(skb));
#if IS_ENABLED(CONFIG_IPV6)
	return __inet6_lookup_established(net, hashinfo, (const struct in6_addr *)key->saddr,
					  htons(key->sport), (const struct in6_addr *)key->daddr,
					  key->dport, dif, inet6_sdif(skb));
#else
	return NULL;
#endif
}

static u8 scale(u8 said, bool ok)
{
	return ok ? said : 0;
}

/*
 * The ACK that ends the handshake meets the request, not yet a socket. Whoever sent it knows
 * the number of our SYN-ACK, so it is no forgery. It may carry payload, or be overtaken by it.
 */
static bool from_request(const struct request_sock *req, const struct mqg_segment *segment,
			 struct mqg_begin *begin)
{
	const struct inet_request_sock *ireq = inet_rsk(req);
	const struct tcp_request_sock *treq = tcp_rsk(req);

	if (segment->ack != treq->snt_isn + 1 ||
	    segment->seq - (treq->rcv_isn + 1) >= FIRST_WINDOW)
		return false;
	begin->next[MQGATE_FROM_CLIENT] = treq->rcv_isn + 1;
	begin->next[MQGATE_FROM_SERVER] = treq->snt_isn + 1;
	begin->wscale[MQGATE_FROM_CLIENT] = scale(ireq->snd_wscale, ireq->wscale_ok);
	begin->wscale[MQGATE_FROM_SERVER] = scale(ireq->rcv_wscale, ireq->wscale_ok);
	begin->fresh = true;
	return true;
}

/* A whole socket: the flow is older than the module, or its request was a SYN cookie. */
static bool from_socket(const struct sock *sk, u32 mark, struct mqg_begin *begin)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	if (mark && READ_ONCE(sk->sk_mark) == mark)
		return false;
	begin->fresh = !READ_ONCE(tp->bytes_received) && !READ_ONCE(tp->bytes_sent);
	begin->next[MQGATE_FROM_CLIENT] = READ_ONCE(tp->rcv_nxt);
	begin->next[MQGATE_FROM_SERVER] = READ_ONCE(tp->snd_nxt);
	begin->wscale[MQGATE_FROM_CLIENT] = scale(tp->rx_opt.snd_wscale, tp->rx_opt.wscale_ok);
	begin->wscale[MQGATE_FROM_SERVER] = scale(tp->rx_opt.rcv_wscale, tp->rx_opt.wscale_ok);
	return true;
}

#if IS_ENABLED(CONFIG_SYN_COOKIES)
static bool cookie_checks(const struct mqgate_flow_key *key, const struct tcphdr *th)
{
	struct ipv6hdr ip6 = {};
	struct iphdr ip = {};

	if (mqg_key_is_ipv4(key->saddr)) {
		ip.saddr = mqg_key_ipv4(key->saddr);
		ip.daddr = mqg_key_ipv4(key->daddr);
		return mqg_cookie_v4_check(&ip, th);
	}
	if (!IS_ENABLED(CONFIG_IPV6))
		return false;
	memcpy(&ip6.saddr, key->saddr, sizeof(ip6.saddr));
	memcpy(&ip6.daddr, key->daddr, sizeof(ip6.daddr));
	return mqg_cookie_v6_check(&ip6, th);
}

/*
 * No request, no socket: the ACK that ends a handshake by SYN cookie. A bare one makes a socket
 * by itself, which the first payload will find. But one with payload delivers that too.
 */
static bool from_cookie(const struct mqg_packet *packet, struct mqg_begin *begin)
{
	const struct mqg_segment *segment = &packet->segment;
	const struct tcphdr th = {
		.source		= htons(packet->key.sport),
		.dest		= htons(packet->key.dport),
		.seq		= htonl(segment->seq),
		.ack_seq	= htonl(segment->ack),
	};

	if (!segment->length || !cookie_checks(&packet->key, &th))
		return false;
	begin->next[MQGATE_FROM_CLIENT] = segment->seq;
	begin->next[MQGATE_FROM_SERVER] = segment->ack;
	memset(begin->wscale, MQG_WSCALE_UNKNOWN, sizeof(begin->wscale));
	begin->fresh = true;
	return true;
}
#else
static bool from_cookie(const struct mqg_packet *packet, struct mqg_begin *begin)
{
	return false;
}
#endif

static bool judge(struct sock *sk, const struct mqg_packet *packet, u32 mark,
		  struct mqg_begin *begin)
{
	switch (sk->sk_state) {
	case TCP_NEW_SYN_RECV:
		return from_request(inet_reqsk(sk), &packet->segment, begin);
	case TCP_ESTABLISHED:
		return from_socket(sk, mark, begin);
	}
	return false;
}

/**
 * mqg_local_established - does this segment belong to an established connection of this host
 * @net: the namespace
 * @packet: from a client, with ACK, without SYN, FIN, RST
 * @skb: its socket is used when early demux found one
 * @mark: sockets with it are left alone; 0: none
 * @begin: filled in when so
 *
 * Sockets in TIME_WAIT and listeners do not count.
 *
 * Context: softirq, RCU.
 */
bool mqg_local_established(struct mqg_net *net, const struct mqg_packet *packet,
			   struct sk_buff *skb, u32 mark, struct mqg_begin *begin)
{
	struct sock *sk = skb->sk;
	bool is;

	/* What BPF assigned is a listener: the connection is in the hash all the same. */
	if (sk && sk->sk_state != TCP_LISTEN)
		return judge(sk, packet, mark, begin);
	sk = lookup(net->net, &packet->key, skb);
	if (!sk)
		return from_cookie(packet, begin);
	is = judge(sk, packet, mark, begin);
	sock_gen_put(sk);
	return is;
}
