// SPDX-License-Identifier: BSD-2-Clause
/*
 * What XDP makes of flows that end in sockets of this host, and what its events say. Runs in a
 * network namespace of its own, with real connections that XDP finds by look-up. Every drop
 * makes an event here: the loader's constants allow it.
 */
#include "harness.h"
#include "peer.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define BAD	"1F 0D 0004 'MQTT' 05 02 000A 0001 70"
#define UTF8	"10 0F 0004 'MQTT' 04 02 003C 0003 'd' 00 'v'"
#define GET	"'GET / HTTP/1.1' 0D0A 'Host: a' 0D0A0D0A"
#define FAR	100000

static struct xdp x;
static int program, v4, v6, dual;
static struct ring_buffer *ring;
static struct mqgate_event last;
static unsigned int events;

static int take(void *ctx, void *data, size_t size)
{
	(void)ctx;
	if (size != sizeof(last))
		errx(1, "event of %zu bytes", size);
	memcpy(&last, data, sizeof(last));
	events++;
	return 0;
}

static void drain(void)
{
	ring_buffer__consume(ring);
	events = 0;
	memset(&last, 0, sizeof(last));
}

/* One packet of @peer's flow. */
static bool arrives(struct peer *peer, uint32_t seq, const char *data, struct step s)
{
	s.p = peer->flow;
	s.p.seq = seq;
	s.p.data = data;
	drain();
	return xdp_step(&x, program, &s);
}

/* The drop just made sent one event that looks like this. */
static bool told(uint32_t reason, uint32_t flags, uint32_t captured)
{
	ring_buffer__consume(ring);
	if (events == 1 && last.reason == reason && last.flags == flags &&
	    last.captured == captured)
		return true;
	printf("# %u events; reason %u flags %u captured %u, wanted %u %u %u\n", events,
	       last.reason, last.flags, last.captured, reason, flags, captured);
	return false;
}

static void strict(uint32_t number)
{
	xdp_prepare(&x, &(struct before){ .what = SERVICE, .number = number,
					  .svc = { .flags = MQGATE_SVC_F_STRICT } });
}

#define IS(word)	.flow = MQGATE_FLOW_##word
#define STEP(...)	((struct step){ __VA_ARGS__ })

static bool good_first(void)
{
	struct peer p;
	bool good;

	peer_connect(&p, v4, "127.0.0.1", 1883);
	good = arrives(&p, peer_next(&p), CONNECT_311, STEP(PASSES(1, FIRST), IS(SEEN)));
	peer_close(&p);
	return good;
}

static bool bad_first(int listener, const char *addr, uint16_t port, uint32_t service,
		      const char *data, uint32_t reason, uint32_t captured)
{
	struct peer p;
	bool good;

	peer_connect(&p, listener, addr, port);
	good = arrives(&p, peer_next(&p), data,
		       STEP(.service = service, .reason = reason, .drop = true, IS(REFUSED)));
	good = told(reason, MQGATE_EVENT_F_PROVEN, captured) && good;
	/* what follows of the flow needs no judgement, and proves nothing new */
	good = arrives(&p, peer_next(&p), CONNECT_311,
		       STEP(DROPS(service, FLOW_REFUSED), IS(REFUSED))) && good;
	good = told(MQGATE_REASON_FLOW_REFUSED, 0, service == MQGATE_SVC_MQTTS ? 17 : 0) && good;
	peer_close(&p);
	return good;
}

static bool bad_named(void)
{
	return bad_first(v4, "127.0.0.1", 1883, 1, BAD, MQGATE_REASON_MQTT_FLAGS, 15);
}

static bool bad_parsed(void)
{
	return bad_first(v4, "127.0.0.1", 1883, 1, UTF8, MQGATE_REASON_MQTT_UTF8, 16);
}

static bool bad_unnamed(void)
{
	return bad_first(v4, "127.0.0.1", 1883, 1, GET, MQGATE_REASON_MQTT_NOT_CONNECT, 27);
}

/* What a lenient service leaves undecided, where a socket says that it is the first payload. */
static bool bad_expected(void)
{
	static const struct {
		const char	*data;
		uint16_t	port;
		uint32_t	reason;
	} bad[] = {
		{ "10 80 80 80 80 01", 1883, MQGATE_REASON_MQTT_LENGTH_ENCODING },
		{ "00 00", 1883, MQGATE_REASON_MQTT_NOT_CONNECT },
		{ "F0 00", 1883, MQGATE_REASON_MQTT_NOT_CONNECT },
		{ "10 00", 1883, MQGATE_REASON_MQTT_TOO_SHORT },
		{ "10 0F 0004 'MQTU' 04 02 003C 0003 'dev'", 1883, MQGATE_REASON_MQTT_NAME },
		{ "30 80 C2 D7 2F 0001", 1883, MQGATE_REASON_MQTT_NOT_CONNECT },
		{ HELLO, 1883, MQGATE_REASON_MQTT_FLAGS },
		{ CONNECT_311, 8883, MQGATE_REASON_TLS_NOT_HANDSHAKE },
	};
	bool good = true;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		bool tls = bad[i].port == 8883;
		struct peer p;

		peer_connect(&p, tls ? dual : v4, "127.0.0.1", bad[i].port);
		if (!arrives(&p, peer_next(&p), bad[i].data,
			     STEP(.service = tls ? 2 : 1, .reason = bad[i].reason, .drop = true,
				  IS(REFUSED)))) {
			printf("# of %s\n", bad[i].data);
			good = false;
		}
		peer_close(&p);
	}
	return good;
}

static bool bad_v6(void)
{
	return bad_first(v6, "::1", 1883, 1, GET, MQGATE_REASON_MQTT_NOT_CONNECT, 27);
}

/* An IPv4 client of a socket bound to ::. */
static bool bad_dual(void)
{
	return bad_first(dual, "127.0.0.1", 8883, 2, GET, MQGATE_REASON_TLS_NOT_HANDSHAKE, 27);
}

static bool prefix(void)
{
	struct peer p;
	uint32_t seq;
	bool good;

	peer_connect(&p, v4, "127.0.0.1", 1883);
	seq = peer_next(&p);
	good = arrives(&p, seq, "10", STEP(PASSES(1, SUSPECT), IS(SUSPECT)));
	good = arrives(&p, seq + 1, "0F", STEP(PASSES(1, SUSPECT), IS(SUSPECT))) && good;
	peer_close(&p);
	return good;
}

static bool out_of_order(void)
{
	struct peer p;
	uint32_t seq;
	bool good;

	peer_connect(&p, v4, "127.0.0.1", 1883);
	seq = peer_next(&p);
	good = arrives(&p, seq + 5, GET, STEP(PASSES(1, UNDECIDED), .flow = ABSENT));
	good = arrives(&p, seq - 1, "00", STEP(PASSES(1, UNDECIDED), .flow = ABSENT)) && good;
	good = arrives(&p, seq, CONNECT_311, STEP(PASSES(1, FIRST), IS(SEEN))) && good;
	peer_close(&p);
	return good;
}

static bool older_than_attach(void)
{
	struct peer p;
	bool good;

	strict(1);
	peer_connect(&p, v4, "127.0.0.1", 1883);
	peer_send(&p, CONNECT_311);
	good = arrives(&p, peer_next(&p), GET, STEP(PASSES(1, SEEN), IS(SEEN)));
	good = arrives(&p, peer_next(&p) + FAR, GET, STEP(PASSES(1, SEEN))) && good;
	peer_close(&p);
	return good;
}

/* The middle of an old flow looks like a malformed CONNECT: lost once, never twice. */
static bool resembling(void)
{
	struct peer p;
	bool good;

	peer_connect(&p, v4, "127.0.0.1", 1883);
	peer_send(&p, CONNECT_311);
	good = arrives(&p, peer_next(&p), BAD, STEP(DROPS(1, MQTT_FLAGS), IS(SEEN)));
	good = told(MQGATE_REASON_MQTT_FLAGS, 0, 15) && good;
	good = arrives(&p, peer_next(&p), BAD, STEP(PASSES(1, SEEN), IS(SEEN))) && good;
	peer_close(&p);
	return good;
}

/* Who does not know the sequence number may be anybody: the flow must not pay for it. */
static bool spoofed(void)
{
	struct peer p;
	bool good;

	peer_connect(&p, v4, "127.0.0.1", 1883);
	good = arrives(&p, peer_next(&p) + FAR, BAD, STEP(DROPS(1, MQTT_FLAGS), .flow = ABSENT));
	good = told(MQGATE_REASON_MQTT_FLAGS, 0, 15) && good;
	good = arrives(&p, peer_next(&p), CONNECT_311, STEP(PASSES(1, FIRST), IS(SEEN))) && good;
	peer_close(&p);
	return good;
}

static bool to_listener(void)
{
	struct peer p = { .flow = { .src = "127.0.0.1", .dst = "127.0.0.1", .sport = 1,
				    .dport = 1883 } };
	bool good = arrives(&p, 7, GET, STEP(DROPS(1, MQTT_NOT_CONNECT), .flow = ABSENT));

	return told(MQGATE_REASON_MQTT_NOT_CONNECT, 0, 27) && good;
}

static bool no_listener(void)
{
	struct peer p = { .flow = { .src = "127.0.0.1", .dst = "127.0.0.1", .sport = 1,
				    .dport = 2000 } };

	xdp_prepare(&x, &(struct before){ .what = PORT, .port = 2000, .number = 1 });
	return arrives(&p, 7, GET, STEP(PASSES(1, UNDECIDED), .flow = ABSENT)) &&
	       arrives(&p, 7, BAD, STEP(DROPS(1, MQTT_FLAGS), .flow = ABSENT));
}

/* The daemon is dead: its service ends here, and nobody expects what comes. */
static bool local_without_socket(const char *dst, const char *data, struct step wanted)
{
	struct peer p = { .flow = { .src = dst, .dst = dst, .sport = 1, .dport = 2000,
				    .v6 = strchr(dst, ':') != NULL } };

	xdp_prepare(&x, &(struct before){ .what = PORT, .port = 2000, .number = 1 });
	xdp_prepare(&x, &(struct before){ .what = SERVICE, .number = 1,
					  .svc = { .flags = MQGATE_SVC_F_LOCAL } });
	return arrives(&p, 7, data, wanted);
}

static bool local_no_socket(void)
{
	return local_without_socket("127.0.0.1", GET, STEP(DROPS(1, NO_SOCKET))) &&
	       local_without_socket("127.0.0.1", CONNECT_311, STEP(DROPS(1, NO_SOCKET))) &&
	       local_without_socket("::1", CONNECT_311, STEP(DROPS(1, NO_SOCKET)));
}

static bool local_elsewhere(void)
{
	return local_without_socket("192.0.2.9", GET, STEP(PASSES(1, UNDECIDED))) &&
	       local_without_socket("2001:db8::9", GET, STEP(PASSES(1, UNDECIDED)));
}

static bool time_wait(void)
{
	struct peer p;
	uint32_t seq;

	strict(1);
	peer_connect(&p, v4, "127.0.0.1", 1883);
	seq = peer_next(&p);
	peer_time_wait(&p);
	return arrives(&p, seq + 1, GET, STEP(PASSES(1, UNDECIDED), .flow = ABSENT));
}

static bool budget_proven(void)
{
	struct peer p;
	uint32_t seq;
	bool good;

	xdp_prepare(&x, &(struct before){ .what = SERVICE, .number = 1,
					  .svc = { .suspect_segments = 1 } });
	peer_connect(&p, v4, "127.0.0.1", 1883);
	seq = peer_next(&p);
	good = arrives(&p, seq, "10", STEP(PASSES(1, SUSPECT), IS(SUSPECT)));
	peer_send(&p, "10");
	good = arrives(&p, seq + 1, "0F", STEP(DROPS(1, SUSPECT_BUDGET), IS(REFUSED))) && good;
	good = told(MQGATE_REASON_SUSPECT_BUDGET, MQGATE_EVENT_F_PROVEN, 0) && good;
	peer_close(&p);
	return good;
}

static bool learnt_malformed(void)
{
	struct peer p;
	uint32_t seq;
	bool good;

	peer_connect(&p, v4, "127.0.0.1", 1883);
	seq = peer_next(&p);
	good = arrives(&p, seq, "10", STEP(PASSES(1, SUSPECT), IS(SUSPECT)));
	peer_send(&p, "10");
	good = arrives(&p, seq + 1, "00", STEP(DROPS(1, MQTT_TOO_SHORT), IS(REFUSED))) && good;
	good = told(MQGATE_REASON_MQTT_TOO_SHORT, MQGATE_EVENT_F_PROVEN, 0) && good;
	peer_close(&p);
	return good;
}

/* ---- resets ---- */

static void resetting(uint32_t number, struct mqgate_service svc)
{
	svc.flags |= MQGATE_SVC_F_RESET;
	xdp_prepare(&x, &(struct before){ .what = SERVICE, .number = number, .svc = svc });
}

static bool reset_first(int listener, const char *addr, uint16_t port, uint32_t service,
			const char *data, uint32_t reason, uint32_t captured)
{
	struct peer p;
	bool good;

	resetting(service, (struct mqgate_service){});
	peer_connect(&p, listener, addr, port);
	good = arrives(&p, peer_next(&p), data,
		       STEP(.service = service, .reason = reason, .drop = true,
			    .action = XDP_PASS, IS(REFUSED)));
	good = told(reason, MQGATE_EVENT_F_PROVEN, captured) && good;
	good = arrives(&p, peer_next(&p), data,
		       STEP(ANSWERED(service, FLOW_RESET), IS(REFUSED))) && good;
	peer_close(&p);
	return good;
}

static bool reset_named(void)
{
	return reset_first(v4, "127.0.0.1", 1883, 1, BAD, MQGATE_REASON_MQTT_FLAGS, 15);
}

static bool reset_parsed(void)
{
	return reset_first(v6, "::1", 1883, 1, UTF8, MQGATE_REASON_MQTT_UTF8, 16);
}

static bool reset_tls(void)
{
	return reset_first(dual, "127.0.0.1", 8883, 2, GET, MQGATE_REASON_TLS_NOT_HANDSHAKE, 27);
}

/* A reset that the receiver would ignore is none: what is not in order is dropped or passes. */
static bool reset_out_of_order(void)
{
	struct peer p;
	uint32_t seq;
	bool good;

	resetting(1, (struct mqgate_service){});
	peer_connect(&p, v4, "127.0.0.1", 1883);
	seq = peer_next(&p);
	good = arrives(&p, seq + 1, BAD, STEP(DROPS(1, MQTT_FLAGS), .flow = ABSENT));
	good = arrives(&p, seq - 1, BAD, STEP(DROPS(1, MQTT_FLAGS), .flow = ABSENT)) && good;
	good = arrives(&p, seq + 1, GET, STEP(PASSES(1, UNDECIDED), .flow = ABSENT)) && good;
	good = arrives(&p, seq, CONNECT_311, STEP(PASSES(1, FIRST), IS(SEEN))) && good;
	peer_close(&p);
	return good;
}

/* Nor is the middle of a flow that is older than the attach reset, whatever it resembles. */
static bool reset_older(void)
{
	struct peer p;
	bool good;

	resetting(1, (struct mqgate_service){});
	peer_connect(&p, v4, "127.0.0.1", 1883);
	peer_send(&p, CONNECT_311);
	good = arrives(&p, peer_next(&p), BAD, STEP(DROPS(1, MQTT_FLAGS), IS(SEEN)));
	good = arrives(&p, peer_next(&p), BAD, STEP(PASSES(1, SEEN), IS(SEEN))) && good;
	peer_close(&p);
	return good;
}

/* Half a CONNECT, then what makes it malformed: only where the second half is in order. */
static bool reset_learnt(void)
{
	struct peer p;
	uint32_t seq;
	bool good;

	resetting(1, (struct mqgate_service){});
	peer_connect(&p, v4, "127.0.0.1", 1883);
	seq = peer_next(&p);
	good = arrives(&p, seq, "10", STEP(PASSES(1, SUSPECT), IS(SUSPECT)));
	good = arrives(&p, seq + 1, "00", STEP(DROPS(1, MQTT_TOO_SHORT), IS(SUSPECT))) && good;
	peer_send(&p, "10");
	good = arrives(&p, seq + 1, "00", STEP(DELIVERED(1, MQTT_TOO_SHORT), IS(REFUSED))) && good;
	good = arrives(&p, seq + 1, "00", STEP(ANSWERED(1, FLOW_RESET))) && good;
	peer_close(&p);
	return good;
}

static bool reset_bytes(void)
{
	struct peer p;
	uint32_t seq;
	bool good;

	resetting(1, (struct mqgate_service){ .suspect_bytes = 4 });
	peer_connect(&p, v4, "127.0.0.1", 1883);
	seq = peer_next(&p);
	good = arrives(&p, seq, "10 0F", STEP(PASSES(1, SUSPECT), IS(SUSPECT)));
	peer_send(&p, "10 0F");
	good = arrives(&p, seq, "10 0F", STEP(PASSES(1, SUSPECT), IS(SUSPECT))) && good;
	good = arrives(&p, seq + 2, "00", STEP(DELIVERED(1, SUSPECT_BUDGET), IS(REFUSED))) && good;
	good = told(MQGATE_REASON_SUSPECT_BUDGET, MQGATE_EVENT_F_PROVEN, 0) && good;
	peer_close(&p);
	/* Nobody can end a flow in its name without its numbers. */
	peer_connect(&p, v4, "127.0.0.1", 1883);
	seq = peer_next(&p);
	good = arrives(&p, seq, "10 0F", STEP(PASSES(1, SUSPECT), IS(SUSPECT))) && good;
	good = arrives(&p, seq + 3, "00*3", STEP(DROPS(1, SUSPECT_BUDGET))) && good;
	peer_close(&p);
	return good;
}

/* A live connection of a RESET source: in order to its socket, else back to the source. */
static bool reset_source(void)
{
	struct peer p;
	bool good;

	xdp_prepare(&x, &(struct before){ .what = SOURCE, .addr = "127.0.0.1",
					  .action = MQGATE_ACTION_RESET });
	peer_connect(&p, v4, "127.0.0.1", 1883);
	good = arrives(&p, peer_next(&p), CONNECT_311, STEP(DELIVERED(1, SOURCE_RESET),
							    .flow = ABSENT));
	good = told(MQGATE_REASON_SOURCE_RESET, 0, 0) && good;
	p.flow.flags = ACK;
	good = arrives(&p, peer_next(&p), NULL, STEP(DELIVERED(1, SOURCE_RESET))) && good;
	good = arrives(&p, peer_next(&p) + FAR, NULL, STEP(ANSWERED(1, SOURCE_RESET))) && good;
	p.flow.flags = SYN;
	good = arrives(&p, peer_next(&p), NULL, STEP(ANSWERED(1, SOURCE_RESET))) && good;
	peer_close(&p);
	return good;
}

/* Over the budget of what is begun nobody is reset, nor refused: TCP sends it again. */
static bool reset_not_budget(void)
{
	struct peer p, q;
	bool good;

	resetting(1, (struct mqgate_service){ .source_rate = 1 });
	peer_connect(&p, v4, "127.0.0.1", 1883);
	peer_connect(&q, v4, "127.0.0.1", 1883);
	good = arrives(&p, peer_next(&p), CONNECT_311, STEP(PASSES(1, FIRST), IS(SEEN)));
	good = arrives(&q, peer_next(&q), CONNECT_311,
		       STEP(DROPS(1, SOURCE_BUDGET), .flow = ABSENT)) && good;
	good = told(MQGATE_REASON_SOURCE_BUDGET, MQGATE_EVENT_F_PROVEN, 0) && good;
	peer_close(&p);
	peer_close(&q);
	return good;
}

static bool reset_observed(void)
{
	struct peer p;
	bool good;

	resetting(1, (struct mqgate_service){ .mode = MQGATE_MODE_OBSERVE });
	peer_connect(&p, v4, "127.0.0.1", 1883);
	good = arrives(&p, peer_next(&p), BAD, STEP(WOULD(1, MQTT_FLAGS), IS(REFUSED)));
	good = arrives(&p, peer_next(&p), BAD, STEP(WOULD(1, FLOW_RESET))) && good;
	peer_close(&p);
	return good;
}

static bool credential(void)
{
	static const char secret[] =
		"10 25 0004 'MQTT' 04 C2 003C 0003 'd' 00 'v' 0005 'admin' 000B 'hunter2hunt'";
	struct peer p;
	uint8_t bytes[64];
	bool good;

	pkt_bytes(secret, bytes, sizeof(bytes));
	peer_connect(&p, v4, "127.0.0.1", 1883);
	good = arrives(&p, peer_next(&p), secret, STEP(DROPS(1, MQTT_UTF8)));
	good = told(MQGATE_REASON_MQTT_UTF8, MQGATE_EVENT_F_PROVEN, 16) && good;
	if (memcmp(last.bytes, bytes, 16)) {
		printf("# the first bytes are not those of the payload\n");
		good = false;
	}
	for (unsigned int i = 16; i < sizeof(last.bytes); i++)
		if (last.bytes[i]) {
			printf("# byte %u of the event is %02x\n", i, last.bytes[i]);
			good = false;
		}
	peer_close(&p);
	return good;
}

static bool fields(void)
{
	struct peer p = { .flow = { .src = "2001:db8::9", .dst = "2001:db8::a", .sport = 40009,
				    .dport = 8883 } };
	struct mqgate_flow_key key;
	uint64_t now = boottime_ns();
	bool good;

	strict(2);
	pkt_flow(&p.flow, &key);
	good = arrives(&p, 7, GET "41*20", STEP(DROPS(2, TLS_NOT_HANDSHAKE), .flow = ABSENT));
	good = told(MQGATE_REASON_TLS_NOT_HANDSHAKE, 0, 32) && good;
	if (memcmp(&last.flow, &key, sizeof(key)) || last.service != 2 || last.length != 47 ||
	    last.ifindex != 1 || last.time < now || last.time > boottime_ns() ||
	    memcmp(last.bytes, "GET / HTTP/1.1\r\nHost: a\r\n\r\nAAAAA", 32)) {
		printf("# flow, service, length, ifindex, time or bytes are wrong\n");
		good = false;
	}
	return good;
}

static bool observed(void)
{
	struct peer p;
	bool good;

	xdp_prepare(&x, &(struct before){ .what = SERVICE, .number = 1,
					  .svc = { .mode = MQGATE_MODE_OBSERVE } });
	peer_connect(&p, v4, "127.0.0.1", 1883);
	good = arrives(&p, peer_next(&p), GET, STEP(WOULD(1, MQTT_NOT_CONNECT), IS(REFUSED)));
	good = told(MQGATE_REASON_MQTT_NOT_CONNECT,
		    MQGATE_EVENT_F_PROVEN | MQGATE_EVENT_F_OBSERVED, 27) && good;
	peer_close(&p);
	return good;
}

static const struct {
	const char	*name;
	bool		(*run)(void);
} tests[] = {
	{ "a good CONNECT that an established socket expects", good_first },
	{ "a malformed CONNECT to an established socket is dropped, REFUSED, proven", bad_named },
	{ "a CONNECT malformed in its contents likewise", bad_parsed },
	{ "ATTACKS 12: what is no CONNECT likewise", bad_unnamed },
	{ "ATTACKS 1, 2, 3, 5, 7 and 12: where a socket expects it nothing is undecided",
	  bad_expected },
	{ "over IPv6 likewise", bad_v6 },
	{ "from an IPv4 client of a socket bound to :: likewise", bad_dual },
	{ "ATTACKS 13: a prefix on an established socket is SUSPECT", prefix },
	{ "ATTACKS 13: segments out of order are the socket's to judge", out_of_order },
	{ "a flow older than the attach lives on", older_than_attach },
	{ "the middle of an old flow that resembles a malformed CONNECT is lost once", resembling },
	{ "a spoofed segment does not get the flow REFUSED nor its source blamed", spoofed },
	{ "what meets only a listener is judged, but not remembered", to_listener },
	{ "a local address where nobody listens is judged leniently", no_listener },
	{ "unless the service ends here: without a socket payload is dropped", local_no_socket },
	{ "which says nothing of addresses elsewhere", local_elsewhere },
	{ "segments to TIME_WAIT are the socket's to judge", time_wait },
	{ "ATTACKS 20: a SUSPECT beyond its budget is proven, without bytes of it", budget_proven },
	{ "a head that a later segment makes malformed is proven", learnt_malformed },
	{ "reset: of a malformed CONNECT the socket's, of what follows the client's", reset_named },
	{ "reset: one malformed in its contents likewise, over IPv6", reset_parsed },
	{ "reset: ATTACKS 12: HTTP on the TLS port likewise", reset_tls },
	{ "reset: ATTACKS 13: not out of order", reset_out_of_order },
	{ "reset: not in the middle of a flow older than the attach", reset_older },
	{ "reset: ATTACKS 13: a second segment that makes it malformed, in order", reset_learnt },
	{ "reset: ATTACKS 13: bytes sent again and again", reset_bytes },
	{ "reset: of a RESET source every connection, both ends", reset_source },
	{ "reset: not for being over a budget", reset_not_budget },
	{ "reset: not in observe", reset_observed },
	{ "an event shows no credential", credential },
	{ "an event tells flow, service, interface, time, length and bytes", fields },
	{ "observe: an event says that the packet passed", observed },
};

static void half_open(void)
{
	static const char name[] = "a handshake in progress is judged, but not remembered";
	struct peer p;
	bool good;
	int rc;

	xdp_reset(&x);
	rc = peer_half_open(&p, 1883, 5000);
	if (rc) {
		ktap_skip("no TUN device", "%s: %s", xdp_program_names[program], name);
		return;
	}
	good = arrives(&p, 5001, GET, STEP(DROPS(1, MQTT_NOT_CONNECT), .flow = ABSENT));
	good = told(MQGATE_REASON_MQTT_NOT_CONNECT, 0, 27) && good;
	good = arrives(&p, 5100, GET, STEP(PASSES(1, UNDECIDED), .flow = ABSENT)) && good;
	good = arrives(&p, 5001, "10", STEP(PASSES(1, SUSPECT), IS(SUSPECT))) && good;
	good = arrives(&p, 5001, CONNECT_311, STEP(PASSES(1, FIRST), IS(SEEN))) && good;
	ktap_point(good, "%s: %s", xdp_program_names[program], name);
	close(p.client);
}

/* With the constants as shipped: a flood is told of ten times a second, not a thousand. */
static bool sampled(void)
{
	struct step s = STEP(DROPS(1, MQTT_FLAGS));
	uint8_t frame[PKT_MAX];
	struct xdp shipped = {};
	struct ring_buffer *rb;
	uint64_t begin;
	bool good = true;
	size_t len;

	xdp_load(&shipped, NULL);
	rb = ring_buffer__new(shipped.events, take, NULL, NULL);
	if (!rb)
		err(1, "ring buffer");
	s.p.data = BAD;
	len = pkt_build(&s.p, frame);
	events = 0;
	begin = boottime_ns();
	for (int i = 0; i < 1000; i++)
		if (xdp_run(&shipped, 0, frame, len, 0) != XDP_DROP)
			good = false;
	begin = (boottime_ns() - begin) / (100 * MS_NS) + 1;
	ring_buffer__consume(rb);
	/* every CPU that the loop may have run on samples by itself */
	if (!events || events > begin * (unsigned int)shipped.cpus) {
		printf("# %u events of 1000 drops\n", events);
		good = false;
	}
	ring_buffer__free(rb);
	bpf_object__close(shipped.object);
	return good;
}

int main(void)
{
	const struct mqgate_rodata every = { .abi_version = MQGATE_ABI_VERSION };

	xdp_load(&x, &every);
	ktap_plan(2 * (ARRAY_SIZE(tests) + 1) + 1);
	if (peer_namespace())
		err(1, "network namespace");
	v4 = peer_listen("0.0.0.0", 1883);
	v6 = peer_listen("::1", 1883);
	dual = peer_listen("::", 8883);
	ring = ring_buffer__new(x.events, take, NULL, NULL);
	if (!ring)
		err(1, "ring buffer");
	for (program = 0; program < 2; program++) {
		for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
			xdp_reset(&x);
			ktap_point(tests[i].run(), "%s: %s", xdp_program_names[program],
				   tests[i].name);
		}
		half_open();
	}
	ktap_point(sampled(), "events of a flood are a sample");
	ring_buffer__free(ring);
	bpf_object__close(x.object);
	return ktap_end();
}
