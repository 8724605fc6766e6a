/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The mqgate ABI: everything that the XDP programs, the kernel module and user
 * space have to agree on. It owns the layout of every map key and value, the
 * reasons, and the names of the pins; nothing here depends on a configuration.
 *
 * Conventions
 *   clocks      CLOCK_BOOTTIME, nanoseconds (bpf_ktime_get_boot_ns())
 *   addresses   16 bytes in network order; IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2)
 *   ports       host byte order, so that a dumped map reads as people write them
 *   padding     explicit and zero; a reader refuses what it does not know
 *   numbers     of an enum are never reused: dashboards and logs outlive versions
 *
 * An enum is four bytes wide in all three worlds (asserted below). It is used
 * instead of __u32 where it makes `bpftool map dump` print a name.
 */
#ifndef _UAPI_LINUX_MQGATE_H
#define _UAPI_LINUX_MQGATE_H

#include <linux/types.h>

/* Raised when a layout or a meaning below changes. Loader and netlink compare it. */
#define MQGATE_ABI_VERSION	3

/* ---- names of the pins, below /sys/fs/bpf/mqgate or $MQGATE_BPFFS ---------- */

#define MQGATE_BPFFS_DIR	"/sys/fs/bpf/mqgate"
#define MQGATE_RUN_DIR		"/run/mqgate"
#define MQGATE_PIN_PROG		"prog"
#define MQGATE_PIN_PROG_FRAGS	"prog_frags"	/* its twin, where an interface has that */
#define MQGATE_PIN_LINK_PREFIX	"link_"		/* + interface name */
#define MQGATE_PIN_RODATA	"mqgate_rodata"	/* struct mqgate_rodata, read only */

#define MQGATE_MAP_PORTS	"mqgate_ports"
#define MQGATE_MAP_SVC		"mqgate_svc"
#define MQGATE_MAP_SOURCES	"mqgate_sources"
#define MQGATE_MAP_PREFIX4	"mqgate_prefix4"
#define MQGATE_MAP_PREFIX6	"mqgate_prefix6"
#define MQGATE_MAP_INDEX4	"mqgate_index4"
#define MQGATE_MAP_INDEX6	"mqgate_index6"
#define MQGATE_MAP_CONTROL	"mqgate_control"
#define MQGATE_MAP_BUDGETS	"mqgate_budgets"
#define MQGATE_MAP_SYN		"mqgate_syn"
#define MQGATE_MAP_ALLOW	"mqgate_allow"
#define MQGATE_MAP_FLOWS	"mqgate_flows"
#define MQGATE_MAP_KNOWN	"mqgate_known"
#define MQGATE_MAP_STATS	"mqgate_stats"
#define MQGATE_MAP_EVENTS	"mqgate_events"
#define MQGATE_MAP_TOP		"mqgate_top"
/* The loader's own: the slots of the extension by flavour, and what crosses to it. */
#define MQGATE_MAP_EXT		"mqgate_ext"
#define MQGATE_MAP_EXT_FRAGS	"mqgate_ext_frag"
#define MQGATE_MAP_CROSSING	"mqgate_crossing"

/* ---- reasons ---------------------------------------------------------------- */

/*
 * One list of reasons for drops, events, daemon decisions, metrics and logs:
 * X(number, SYMBOL, "word", "what it means").
 *
 *   0- 15  passed, and why          16- 47  packet and flow (XDP, module)
 *  48- 95  MQTT, judged anywhere    96-119  TLS records and ClientHello
 * 120-127  for XDP              128-159  TLS handshake and certificates (daemon)
 * 160-191  identity and sessions   192-223  gateway and broker
 */
#define MQGATE_REASON_LIST(X)								\
	X(0,   NONE,			"none",			"no reason recorded")	\
	X(1,   PASS_ALLOW,		"pass-allow",		"flow is ALLOWed")	\
	X(2,   PASS_VERDICT,		"pass-verdict",		"source is PASSed by the operator")	\
	X(3,   PASS_CONTROL,		"pass-control",		"segment without payload (SYN, ACK, FIN, RST)")	\
	X(4,   PASS_FIRST,		"pass-first",		"first payload is well formed")	\
	X(5,   PASS_SUSPECT,		"pass-suspect",		"first payload is incomplete so far")	\
	X(6,   PASS_SEEN,		"pass-seen",		"flow whose first payload was good")	\
	X(7,   PASS_UNDECIDED,		"pass-undecided",	"nothing is known of the flow; judged leniently")	\
	X(8,   PASS_DATAGRAM,		"pass-datagram",	"datagram that no verdict speaks against")	\
	X(9,   PASS_COOKIE,		"pass-cookie",		"ACK that brings back a good SYN cookie")	\
	X(16,  SOURCE_BANNED,		"source-banned",	"source has a DROP verdict")	\
	X(17,  IP_HEADER,		"ip-header",		"impossible IP header length or total length")	\
	X(18,  TCP_HEADER,		"tcp-header",		"impossible TCP header length")	\
	X(19,  TCP_FLAGS,		"tcp-flags",		"impossible TCP flags")	\
	X(20,  SYN_DATA,		"syn-data",		"payload on a SYN")	\
	X(21,  FRAGMENT,		"fragment",		"first fragment of a packet to a protected port")	\
	X(23,  NO_SOCKET,		"no-socket",		"payload to a local service that no socket expects")	\
	X(24,  FLOW_REFUSED,		"flow-refused",		"flow was refused at its first payload")	\
	X(25,  SUSPECT_BUDGET,		"suspect-budget",	"first payload stays incomplete beyond its budget")	\
	X(26,  ALLOW_BUDGET,		"allow-budget",		"ALLOWed flow exceeds its packet budget")	\
	X(27,  DAEMON_AWAY,		"daemon-away",		"service fails closed and the daemon's lease has run out")	\
	X(29,  TCP_URGENT,		"tcp-urgent",		"urgent data on a connection that is followed")	\
	X(30,  STREAM_OVERLAP,		"stream-overlap",	"bytes sent again differ from those that passed")	\
	X(31,  STREAM_WINDOW,		"stream-window",	"beyond the window that the other side announced")	\
	X(32,  STREAM_MEMORY,		"stream-memory",	"bytes cannot be held: over the limit, or no memory")	\
	X(33,  STREAM_UNSEEN,		"stream-unseen",	"acknowledges bytes that never passed")	\
	X(34,  STREAM_FIN,		"stream-fin",		"bytes beyond FIN, or a FIN that moves")	\
	X(35,  RST_SEQUENCE,		"rst-sequence",		"reset that the other side would not accept")	\
	X(36,  UDP_HEADER,		"udp-header",		"impossible UDP length")	\
	X(37,  SYN_SOURCE,		"syn-source",		"source sends more SYNs than its budget")	\
	X(38,  SYN_RATE,		"syn-rate",		"service gets more SYNs than its budget")	\
	X(39,  ACK_COOKIE,		"ack-cookie",		"under a SYN flood: ACK without socket or good cookie")	\
	X(40,  SOURCE_LIMITED,		"source-limited",	"source or network exceeds the rate of its LIMIT verdict")	\
	X(41,  SOURCE_BUDGET,		"source-budget",	"source begins more than its budget of the service")	\
	X(42,  SERVICE_BUDGET,		"service-budget",	"all sources together begin more than the service's budget")	\
	X(43,  SOURCE_RESET,		"source-reset",		"source has a RESET verdict")	\
	X(44,  FLOW_RESET,		"flow-reset",		"flow was refused, and is told so by a reset")	\
	X(45,  RESET_BUDGET,		"reset-budget",		"owed a reset, over the budget of resets: dropped")	\
	X(46,  SYN_COOKIE,		"syn-cookie",		"SYN that XDP answered itself, with a SYN cookie")	\
	X(48,  MQTT_NOT_CONNECT,	"mqtt-not-connect",	"first packet is not a CONNECT")	\
	X(49,  MQTT_FLAGS,		"mqtt-flags",		"reserved flags of the fixed header")	\
	X(50,  MQTT_LENGTH_ENCODING,	"mqtt-length-encoding",	"remaining length of five bytes or not minimal")	\
	X(51,  MQTT_TOO_SHORT,		"mqtt-too-short",	"remaining length shorter than its fields")	\
	X(52,  MQTT_TOO_LONG,		"mqtt-too-long",	"bytes left over, or longer than the limit")	\
	X(53,  MQTT_NAME,		"mqtt-name",		"protocol name is neither MQTT nor MQIsdp")	\
	X(54,  MQTT_LEVEL,		"mqtt-level",		"protocol level does not go with the name")	\
	X(55,  MQTT_CONNECT_FLAGS,	"mqtt-connect-flags",	"reserved, will or password flags of CONNECT")	\
	X(56,  MQTT_CLIENT_ID,		"mqtt-client-id",	"client identifier not allowed (empty without clean session)")	\
	X(57,  MQTT_UTF8,		"mqtt-utf8",		"ill-formed UTF-8, U+0000 or surrogate")	\
	X(58,  MQTT_PROPERTY_LENGTH,	"mqtt-property-length",	"property length does not fit")	\
	X(59,  MQTT_PROPERTY_ID,	"mqtt-property-id",	"property unknown or not allowed here")	\
	X(60,  MQTT_PROPERTY_TWICE,	"mqtt-property-twice",	"property given more than once")	\
	X(61,  MQTT_PROPERTY_VALUE,	"mqtt-property-value",	"property value out of range")	\
	X(62,  MQTT_WILL_TOPIC,		"mqtt-will-topic",	"will topic empty or with a wildcard")	\
	X(63,  MQTT_CONNACK,		"mqtt-connack",		"malformed CONNACK from the broker")	\
	X(64,  MQTT_TYPE,		"mqtt-type",		"packet type 0, or one that the protocol level does not have")	\
	X(65,  MQTT_DIRECTION,		"mqtt-direction",	"packet that only the other side may send")	\
	X(66,  MQTT_ORDER,		"mqtt-order",		"packet not allowed at this point of the session")	\
	X(67,  MQTT_PACKET_ID,		"mqtt-packet-id",	"packet identifier 0")	\
	X(68,  MQTT_QOS,		"mqtt-qos",		"QoS 3, or DUP with QoS 0")	\
	X(69,  MQTT_TOPIC,		"mqtt-topic",		"topic empty or with a wildcard")	\
	X(70,  MQTT_FILTER,		"mqtt-filter",		"topic filter empty, with a misplaced wildcard or share name")	\
	X(71,  MQTT_LEVELS,		"mqtt-levels",		"topic or filter with more levels than the limit")	\
	X(72,  MQTT_OPTIONS,		"mqtt-options",		"subscription options out of range")	\
	X(73,  MQTT_REASON_CODE,	"mqtt-reason-code",	"reason or return code not allowed in this packet")	\
	X(74,  MQTT_BROKER,		"mqtt-broker",		"packet from the broker that MQTT does not allow")	\
	X(75,  MQTT_FLOW,		"mqtt-flow",		"answer to a message that is not under way, or of another QoS")	\
	X(76,  MQTT_ALIAS,		"mqtt-alias",		"topic alias over the maximum, or not set")	\
	X(77,  MQTT_UNAVAILABLE,	"mqtt-unavailable",	"QoS, retain or kind of subscription that the broker does not have")	\
	X(96,  TLS_NOT_HANDSHAKE,	"tls-not-handshake",	"first record is not a TLS handshake")	\
	X(97,  TLS_VERSION,		"tls-version",		"record or hello version is not SSL 3.x/TLS")	\
	X(98,  TLS_RECORD_LENGTH,	"tls-record-length",	"record empty or longer than 2^14 bytes")	\
	X(99,  TLS_NOT_HELLO,		"tls-not-hello",	"first handshake message is not a ClientHello")	\
	X(100, TLS_HELLO_LENGTH,	"tls-hello-length",	"ClientHello length impossible or over the limit")	\
	X(101, TLS_SESSION_ID,		"tls-session-id",	"session id longer than 32 bytes")	\
	X(102, TLS_SUITES,		"tls-suites",		"cipher suite list empty, odd or too long")	\
	X(103, TLS_COMPRESSION,		"tls-compression",	"compression methods without null")	\
	X(104, TLS_EXTENSIONS,		"tls-extensions",	"extension lengths do not add up")	\
	X(105, TLS_SNI,			"tls-sni",		"malformed server_name extension")	\
	X(106, TLS_ALPN,		"tls-alpn",		"malformed ALPN extension")	\
	X(128, CERT_MISSING,		"cert-missing",		"client sent no certificate")	\
	X(129, CERT_EXPIRED,		"cert-expired",		"client certificate has expired")	\
	X(130, CERT_NOT_YET_VALID,	"cert-not-yet-valid",	"client certificate is not yet valid")	\
	X(131, CERT_REVOKED,		"cert-revoked",		"client certificate is revoked")	\
	X(132, CERT_UNTRUSTED,		"cert-untrusted",	"chain does not lead to a configured CA")	\
	X(133, CERT_PURPOSE,		"cert-purpose",		"certificate is not for client authentication")	\
	X(134, CERT_CRL,		"cert-crl",		"no valid CRL for the issuer")	\
	X(135, CERT_OTHER,		"cert-other",		"certificate verification failed otherwise")	\
	X(136, TLS_HANDSHAKE,		"tls-handshake",	"TLS handshake failed")	\
	X(137, TLS_TIMEOUT,		"tls-timeout",		"TLS handshake not finished in time")	\
	X(138, REVOKED,			"revoked",		"certificate revoked on this gateway by the operator's word")	\
	X(139, CERT_WEAK,		"cert-weak",		"key of the client certificate is below the crypto policy")	\
	X(140, TLS_POLICY,		"tls-policy",		"group or cipher is not one of the device's class")	\
	X(141, TLS_NAME,		"tls-name",		"server name is none that the listener serves")	\
	X(142, HANDSHAKE_SOURCE,	"handshake-source",	"source begins more TLS handshakes than its budget")	\
	X(143, HANDSHAKE_RATE,		"handshake-rate",	"no place for another TLS handshake in time")	\
	X(144, TLS_REKEY,		"tls-rekey",		"KeyUpdate or renegotiation more often than is allowed")	\
	X(145, TLS_RECORD,		"tls-record",		"record that TLS does not allow, in a session")	\
	X(148, TLS_KEY,			"tls-key",		"this gateway's own key did not sign (token or TPM)")	\
	X(149, CERT_OCSP,		"cert-ocsp",		"no good answer from the OCSP responder about the certificate")	\
	X(150, CERT_SUPERSEDED,		"cert-superseded",	"the same identity was let in with a newer certificate")	\
	X(160, IDENTITY_NONE,		"identity-none",	"certificate has no usable identity by the configured rule")	\
	X(161, IDENTITY_CLIENT_ID,	"identity-client-id",	"client identifier does not match the identity")	\
	X(162, CONNECT_TIMEOUT,		"connect-timeout",	"no complete CONNECT in time")	\
	X(163, CONNECT_AGAIN,		"connect-again",	"second CONNECT")	\
	X(164, CREDENTIAL_CLEAR,	"credential-clear",	"password on a clear-text listener")	\
	X(165, KEEP_ALIVE,		"keep-alive",		"nothing from the client for 1.5 keep alives")	\
	X(166, IDLE,			"idle",			"no traffic for longer than the idle limit")	\
	X(167, CONNACK_TIMEOUT,		"connack-timeout",	"broker did not answer CONNECT in time")	\
	X(168, EVICTED,			"evicted",		"client table full; made room for another")	\
	X(169, FLOW_REUSED,		"flow-reused",		"a new connection uses the same addresses and ports")	\
	X(170, SOURCE_SESSIONS,		"source-sessions",	"source has more sessions than the limit")	\
	X(171, SOURCE_RATE,		"source-rate",		"source sends more CONNECTs than the limit")	\
	X(172, IDENTITY_USERNAME,	"identity-username",	"username does not match the identity")	\
	X(173, LIMIT_PACKET,		"limit-packet",		"packet longer than the limit")	\
	X(174, LIMIT_INFLIGHT,		"limit-inflight",	"more messages under way than the limit")	\
	X(175, LIMIT_FILTERS,		"limit-filters",	"more topic filters in a packet than the limit")	\
	X(176, LIMIT_TOPIC,		"limit-topic",		"topic or filter longer than the limit")	\
	X(177, LIMIT_PROPERTIES,	"limit-properties",	"more user properties than the limit")	\
	X(178, LIMIT_SUBSCRIPTIONS,	"limit-subscriptions",	"more subscriptions than the limit")	\
	X(179, LIMIT_CLIENT_ID,		"limit-client-id",	"client identifier longer than the limit")	\
	X(180, LIMIT_RATE,		"limit-rate",		"messages or bytes faster than the limit")	\
	X(184, POLICY_CONNECT,		"policy-connect",	"no policy lets this client connect")	\
	X(185, POLICY_PUBLISH,		"policy-publish",	"policy refuses a publish to that topic")	\
	X(186, POLICY_SUBSCRIBE,	"policy-subscribe",	"policy refuses a subscription to that filter")	\
	X(187, POLICY_RECEIVE,		"policy-receive",	"policy refuses the delivery of that topic")	\
	X(188, POLICY_WILL,		"policy-will",		"policy refuses a will on that topic")	\
	X(189, POLICY_RETAIN,		"policy-retain",	"policy refuses a retained message on that topic")	\
	X(192, BROKER_UNREACHABLE,	"broker-unreachable",	"broker cannot be reached")	\
	X(193, BROKER_REFUSED,		"broker-refused",	"broker answered CONNECT with a refusal")	\
	X(194, BROKER_CLOSED,		"broker-closed",	"broker closed the connection")	\
	X(195, CLIENT_CLOSED,		"client-closed",	"client closed the connection")	\
	X(196, LIMIT_SESSIONS,		"limit-sessions",	"listener is at its limit of sessions")	\
	X(197, SHUTDOWN,		"shutdown",		"the module or its namespace goes away")	\
	X(198, OPERATOR,		"operator",		"by the operator's word")	\
	X(199, SCORE,			"score",		"score passed the threshold")	\
	X(200, CONFIG,			"config",		"the configuration that was loaded since has no place for it")	\
	X(201, BROKER_FULL,		"broker-full",		"every server of the broker has as many connections as it may have")	\
	X(202, BROKER_QUEUE,		"broker-queue",		"too many clients wait already for a broker that is away")	\
	X(203, PROXY_SIGNATURE,		"proxy-signature",	"trusted proxy sent no header of the PROXY protocol")	\
	X(204, PROXY_VERSION,		"proxy-version",	"PROXY header of another version than 2")	\
	X(205, PROXY_COMMAND,		"proxy-command",	"PROXY header with an unknown command")	\
	X(206, PROXY_FAMILY,		"proxy-family",		"PROXY header of a family other than TCP over IPv4 or IPv6")	\
	X(207, PROXY_ADDRESSES,		"proxy-addresses",	"PROXY header too short for its addresses")	\
	X(208, PROXY_TLV,		"proxy-tlv",		"TLVs of a PROXY header do not fit, or its checksum does not")	\
	X(209, PROXY_UNTRUSTED,		"proxy-untrusted",	"PROXY header of a peer that is not a trusted proxy")	\
	X(210, HOLD_TIME,		"hold-time",		"no server of the broker took the held session in time")	\
	X(211, STOPPING,		"stopping",		"the gateway stops, or another takes its place")	\
	X(212, HOLD_FULL,		"hold-full",		"more was published than is kept while the broker is away")	\
	X(213, HOLD_SESSION,		"hold-session",		"the next server of the broker cannot go on with the session")

enum mqgate_reason {
#define MQGATE_REASON_ENUM(number, symbol, word, text) MQGATE_REASON_##symbol = number,
	MQGATE_REASON_LIST(MQGATE_REASON_ENUM)
#undef MQGATE_REASON_ENUM
	MQGATE_REASON_PACKET_MAX = 128,	/* below: may be counted in mqgate_stats */
	MQGATE_REASON_MAX = 256,
};

/* Reasons below this let the packet pass. */
#define MQGATE_REASON_FIRST_DROP	16

/* Neither passed nor dropped: XDP sent an answer in the packet's place. */
#define MQGATE_REASON_ANSWERS(reason)	((reason) == MQGATE_REASON_SYN_COOKIE)

/* ---- services ---------------------------------------------------------------- */

#define MQGATE_SERVICES		32	/* service numbers 1..31; 0 means "default of the port" */
#define MQGATE_SVC_DEFAULT	0
#define MQGATE_SVC_MQTT		1	/* what 1883/tcp is unless mqgate_ports says otherwise */
#define MQGATE_SVC_MQTTS	2	/* what 8883/tcp is unless mqgate_ports says otherwise */
#define MQGATE_SVC_FIRST_FREE	3
#define MQGATE_SVC_UNPROTECTED	255	/* in mqgate_ports: leave this port alone */

#define MQGATE_PORT_MQTT	1883
#define MQGATE_PORT_MQTTS	8883

/* Index into mqgate_ports: protocol in bit 16, port below it. */
#define MQGATE_PORTS_ENTRIES	(2 << 16)
#define MQGATE_PORTS_TCP(port)	((__u32)(port))
#define MQGATE_PORTS_UDP(port)	((1U << 16) | (__u32)(port))

enum mqgate_kind {
	MQGATE_KIND_DEFAULT	= 0,	/* services 1, 2: plain, TLS; others: unprotected */
	MQGATE_KIND_MQTT	= 1,	/* MQTT over TCP */
	MQGATE_KIND_MQTTS	= 2,	/* MQTT over TLS over TCP */
	MQGATE_KIND_FIRST_UDP	= 16,	/* from here on datagrams: the UDP half of mqgate_ports */
	MQGATE_KIND_MQTTSN	= 16,	/* MQTT-SN */
	MQGATE_KIND_COAP	= 17,	/* CoAP (RFC 7252) */
	MQGATE_KIND_COAPS	= 18,	/* CoAP over DTLS */
};

enum mqgate_mode {
	MQGATE_MODE_ENFORCE	= 0,
	MQGATE_MODE_OBSERVE	= 1,	/* count what would be dropped, and pass it */
};

/* mqgate_service.flags */
/* Routed: a flow that XDP does not know must begin with a good first payload. */
#define MQGATE_SVC_F_STRICT	(1U << 0)
/* Ends on this host: at an address of this host a payload that no socket expects is dropped. */
#define MQGATE_SVC_F_LOCAL	(1U << 1)
/* First fragments are judged by the bytes that they carry; else they are dropped. */
#define MQGATE_SVC_F_FRAGMENTS	(1U << 2)
/* What is malformed is answered with resets, to the service's socket and to the client. */
#define MQGATE_SVC_F_RESET	(1U << 3)
/* Under a SYN flood XDP answers for the listeners of this host, with SYN cookies. */
#define MQGATE_SVC_F_COOKIES	(1U << 4)

/* Used where the field of the same name in struct mqgate_service is 0. */
#define MQGATE_DEFAULT_CONNECT_MAX	(1U << 20)	/* bytes of remaining length */
#define MQGATE_DEFAULT_HELLO_MAX	(1U << 16)	/* bytes of ClientHello */
#define MQGATE_DEFAULT_SUSPECT_SEGMENTS	1024U
#define MQGATE_DEFAULT_SUSPECT_MS	30000U
/* Bytes of segments while incomplete: so many times the declared length, or at least so many. */
#define MQGATE_DEFAULT_SUSPECT_TIMES	4U
#define MQGATE_DEFAULT_SUSPECT_BYTES	16384U
#define MQGATE_DEFAULT_RESET_RATE	1000U		/* resets/s to clients, and at once */
#define MQGATE_DEFAULT_ALLOW_PPS	5000U
#define MQGATE_DEFAULT_ALLOW_BURST	10000U		/* packets */

/* SYNs/s, and so many at once; see struct mqgate_syn. */
#define MQGATE_DEFAULT_SYN_SOURCE	200U
#define MQGATE_DEFAULT_SYN_RATE		20000U
#define MQGATE_DEFAULT_SYN_CALM_MS	10000U
#define MQGATE_SYN_UNLIMITED		0xFFFFFFFFU	/* in either rate: no budget */

#define MQGATE_DESTINATIONS	8		/* of one service */

/* A network: an address belongs to it when (address & mask) == addr. */
struct mqgate_destination {
	__u8			addr[16];
	__u8			mask[16];
};

/*
 * mqgate_svc: array, index = service number. All zero is a valid entry and means
 * "enforce, with the defaults".
 * Written by the command and the daemon; read by XDP and `mqgate status`.
 */
struct mqgate_service {
	char			name[16];		/* NUL-terminated */
	enum mqgate_kind	kind;
	enum mqgate_mode	mode;
	__u32			flags;			/* MQGATE_SVC_F_* */
	__u32			first_max;		/* of CONNECT or ClientHello, bytes */
	__u32			suspect_segments;	/* while incomplete */
	__u32			suspect_ms;		/* and how long, milliseconds */
	__u32			allow_pps;		/* packets/s an ALLOWed flow may send */
	__u32			allow_burst;		/* and how many at once */
	__u64			lease;			/* then it fails closed; 0 = fails open */
	__u32			destinations;		/* used below; 0 = wherever it goes to */
	__u32			suspect_bytes;		/* of all segments while incomplete */
	/*
	 * Budgets of first payloads (CONNECT, ClientHello) and, over UDP, of datagrams: so many
	 * a second and, unless the burst is 0, so many at once. A rate of 0 is no budget.
	 */
	__u32			source_rate;		/* of an address or an IPv6 /64 */
	__u32			source_burst;
	__u32			service_rate;		/* of all sources together */
	__u32			service_burst;
	__u32			reset_rate;		/* resets/s to clients, and at once */
	__u32			syn_source;		/* SYNs/s of an address or an IPv6 /64 */
	__u32			syn_rate;		/* SYNs/s of all; above it is a SYN flood */
	__u32			syn_calm_ms;		/* below half of that, until it is over */
	__u32			reserved[16];		/* zero */
	struct mqgate_destination destination[MQGATE_DESTINATIONS];
};

/* ---- verdicts on sources --------------------------------------------------------- */

enum mqgate_action {
	MQGATE_ACTION_NONE	= 0,
	MQGATE_ACTION_PASS	= 1,	/* the operator's allow list */
	MQGATE_ACTION_LIMIT	= 2,	/* so many packets a second, see mqgate_verdict.rate */
	MQGATE_ACTION_RESET	= 3,	/* dropped, and answered with a reset within a budget */
	MQGATE_ACTION_DROP	= 4,
};

enum mqgate_origin {
	MQGATE_ORIGIN_NONE	= 0,	/* written by hand, for instance with bpftool */
	MQGATE_ORIGIN_OPERATOR	= 1,
	MQGATE_ORIGIN_DAEMON	= 2,	/* by score */
	MQGATE_ORIGIN_MODULE	= 3,
	MQGATE_ORIGIN_PEER	= 4,	/* another gateway */
};

/*
 * mqgate_sources: hash, key of mqgate_sources. An IPv6 /64 is the address with its
 * lower 64 bits zero (the subnet-router anycast address, which sends nothing).
 */
struct mqgate_source_key {
	__u8			addr[16];
};

/*
 * Keys of mqgate_prefix4 (lengths 0..31) and mqgate_prefix6 (0..63), hash maps. What is longer
 * is a source: an exact address or an IPv6 /64. Bits beyond the length are zero.
 */
struct mqgate_prefix4_key {
	__u32			length;
	__u8			addr[4];
};

struct mqgate_prefix6_key {
	__u32			length;
	__u8			addr[16];
};

/* Used where mqgate_verdict.rate is 0. */
#define MQGATE_DEFAULT_LIMIT_PPS	20U

/*
 * mqgate_sources, mqgate_prefix4, mqgate_prefix6: value. A verdict whose time has come is as
 * good as absent; the daemon reaps it. Written by the daemon while it runs, else by the
 * command (under its lock file); XDP writes `hits` only, without atomics: it may lose a few.
 *
 * `generation` other than 0 makes it one of a loaded set. With mqgate_control.generation = g:
 *	generation == g		it holds
 *	generation >  g		it is being loaded: until the flip `before` holds in its place
 *	generation <  g		it was not in the set that was loaded since: as good as absent
 * With MQGATE_GENERATION_SINGLE it is a verdict of its own (the operator's, a ban) on what the
 * set of the other bits has, too: when its time is over, `before` holds if that set still does.
 */
#define MQGATE_GENERATION_SINGLE	(1U << 31)

struct mqgate_verdict {
	__u64			expires;	/* 0 = never */
	__u64			since;
	__u64			hits;		/* packets that this entry decided */
	enum mqgate_action	action;
	enum mqgate_origin	origin;
	enum mqgate_reason	reason;
	__u32			strikes;	/* how often this source was banned in a row */
	__u32			rate;		/* LIMIT: packets/s, so many at once; 0 = default */
	__u32			generation;
	__u64			before_expires;	/* 0 = never */
	enum mqgate_action	before;		/* NONE: there was no entry */
	__u32			before_rate;
};

/*
 * mqgate_control: array of one. Written by the writer of verdicts, read by XDP for every
 * verdict look-up.
 */
struct mqgate_control {
	__u32			generation;	/* of the loaded set that holds; 0 = none */
	__u32			bits4;		/* log2 of the blocks of mqgate_index4; 0 = none */
	__u32			slots6;		/* of mqgate_index6, a power of two; 0 = none */
	__u32			begun;		/* the highest that entries may have */
	__u64			lengths6;	/* below MQGATE_INDEX6_FIRST, that are in use */
};

/*
 * mqgate_index4: array of words, which prefix lengths are worth asking for. The first
 * mqgate_control.bits4 bits of an address are its block; each word has two blocks of 32 bits,
 * the even one low. Bit 31 - n: some prefix of n bits lies in this block or covers it. A bit
 * too many costs a look-up, one too few a verdict: so it is set before its prefix is written,
 * and cleared only when the index is made anew. Written by the writer of verdicts.
 *
 * mqgate_index6: the same for lengths from MQGATE_INDEX6_FIRST, in levels of 16 lengths.
 * Level n has one block for every FIRST + 16n leading bits, in the slot that its hash says;
 * each word has four slots of 16 bits, the first one low. Bit 15 - (length - FIRST) % 16.
 * Shorter prefixes are few, and in mqgate_control.lengths6, bit 63 - length.
 */
#define MQGATE_INDEX4_WORD(block)	((block) >> 1)
#define MQGATE_INDEX4_SHIFT(block)	(((block) & 1) * 32)
#define MQGATE_INDEX6_FIRST		32
#define MQGATE_INDEX6_LEVELS		2
#define MQGATE_INDEX6_LEVEL(length)	(((length) - MQGATE_INDEX6_FIRST) / 16)
#define MQGATE_INDEX6_BIT(length)	(0x8000U >> ((length) - MQGATE_INDEX6_FIRST) % 16)
#define MQGATE_INDEX6_WORD(slot)	((slot) >> 2)
#define MQGATE_INDEX6_SHIFT(slot)	(((slot) & 3) * 16)
/* @high: the first 64 bits of the address, host order; @slots: a power of two. */
#define MQGATE_INDEX6_SLOT(high, level, slots)						\
	((__u32)((((high) >> (32 - 16 * (level)) << 3 | (level)) *			\
		  0x9E3779B97F4A7C15ULL) >> 32) & ((slots) - 1))

/* mqgate_budgets: LRU hash. What is forgotten begins with a full bucket. Written by XDP. */
enum mqgate_budget_kind {
	MQGATE_BUDGET_SOURCE	= 1,	/* LIMIT on an address or an IPv6 /64 */
	MQGATE_BUDGET_PREFIX	= 2,	/* LIMIT on a prefix: all of its sources together */
	MQGATE_BUDGET_FIRST	= 3,	/* mqgate_service.source_rate, of an address or a /64 */
	MQGATE_BUDGET_SERVICE	= 4,	/* service_rate of one; address and length 0 */
	MQGATE_BUDGET_RESETS	= 5,	/* reset_rate of one; address and length 0 */
	MQGATE_BUDGET_SYN	= 6,	/* mqgate_service.syn_source, of an address or a /64 */
};

struct mqgate_budget_key {
	__u8			addr[16];
	__u16			length;		/* bits, IPv4 too is counted in the 16 bytes */
	__u16			service;	/* its number; 0 for LIMIT, which has none */
	enum mqgate_budget_kind	kind;
};

struct mqgate_budget {
	__u64			tat;		/* as of mqgate_allow */
	__u64			passed;
	__u64			dropped;
};

/* ---- SYN floods ----------------------------------------------------------------- */

/* What became of the latest SYN of a flood. */
enum mqgate_syn_answer {
	MQGATE_SYN_NONE		= 0,	/* there was no flood */
	MQGATE_SYN_COOKIES	= 1,	/* answered by XDP with a SYN cookie */
	MQGATE_SYN_OFF		= 2,	/* MQGATE_SVC_F_COOKIES is not set: the budget decides */
	MQGATE_SYN_ELSEWHERE	= 3,	/* no listener of this host takes it: likewise */
	MQGATE_SYN_REFUSED	= 4,	/* the kernel makes no cookie (tcp_syncookies): likewise */
	MQGATE_SYN_FRAME	= 5,	/* IP options or the like, no room, or to many: likewise */
};

/*
 * mqgate_syn: array by service number. Written by XDP, read by `mqgate status` and the daemon.
 * A flood begins when more SYNs come than syn_rate a second, and is over when for syn_calm_ms
 * they stayed below half of that: while `busy` is not 0 and now - busy < syn_calm_ms.
 *
 * The two buckets are the generic cell rate algorithm over all CPUs: a CPU takes a batch of
 * tokens at a time (a 256th of the rate, 64 at most), by compare and exchange. So the sum of
 * what the CPUs let pass is exact but for a batch each.
 */
struct mqgate_syn {
	__u64			tat;		/* as of mqgate_allow; bucket of syn_rate */
	__u64			calm_tat;	/* bucket of half of it, taken from in a flood */
	__u64			since;		/* the latest flood began */
	__u64			busy;		/* SYNs last came faster than half of syn_rate */
	__u64			floods;		/* so far */
	enum mqgate_syn_answer	answer;
	__u32			reserved;	/* zero */
};

/* ---- flows ------------------------------------------------------------------------ */

/* Key of mqgate_allow and mqgate_flows: the direction from client to service. */
struct mqgate_flow_key {
	__u8			saddr[16];
	__u8			daddr[16];
	__u16			sport;		/* host byte order */
	__u16			dport;
	__u32			proto;		/* IPPROTO_TCP or IPPROTO_UDP */
};

/*
 * mqgate_allow: plain hash. An authenticated flow passes before any source verdict,
 * within its packet budget. Written by the daemon after the broker's CONNACK (of a routed
 * service: when the module saw it), refreshed while its socket lives or the module follows
 * it, removed with it; XDP writes `tat` and `packets`.
 * `tat` is the theoretical arrival time of the generic cell rate algorithm (ITU-T
 * I.371): it sits here and not in mqgate_budgets because a second look-up on the
 * hottest path costs more than the writer's rare overwriting of it.
 */
struct mqgate_allow {
	__u64			expires;
	__u64			tat;
	__u64			packets;
	__u32			identity;	/* first 32 bits of its SHA-256; 0 = nobody's */
	__u32			service;
};

enum mqgate_flow_state {
	MQGATE_FLOW_NEW		= 0,
	MQGATE_FLOW_SUSPECT	= 1,	/* first payload incomplete so far */
	MQGATE_FLOW_SEEN	= 2,	/* first payload was good */
	MQGATE_FLOW_REFUSED	= 3,
};

/*
 * mqgate_flows: LRU hash, what XDP itself knows. Written and read by XDP; the daemon writes
 * REFUSED, whole and with no first payload (first_seq, need, segments and head_len 0), for a flow
 * that the module refused. Whichever of the two writes last is right: XDP takes a REFUSED entry
 * away at the next SYN, or when a minute is over, and has no other reason to touch it. `mqgate
 * module unlink` adds, as SEEN, the flows of strict services that the module knew.
 */
struct mqgate_flow {
	__u64			since;
	enum mqgate_flow_state	state;
	enum mqgate_reason	reason;		/* of REFUSED */
	__u32			first_seq;	/* TCP sequence number of the first payload byte */
	__u32			need;		/* its declared length, bytes; 0 = unknown */
	__u32			segments;	/* seen while SUSPECT */
	__u32			head_len;	/* valid bytes in head[] */
	__u8			head[16];	/* first bytes, until `need` is known */
	__u32			bytes;		/* of payload while SUSPECT, repeated ones too */
	__u32			reserved;	/* zero */
};

/*
 * mqgate_known: array of words, mapped by user space (BPF_F_MMAPABLE). One bit for each flow that
 * mqgate_allow or mqgate_flows may have (where: mqgate/flow_filter.h), so that a packet of a flow
 * that nobody knows, which is what a flood is made of, costs no look-up in them: they are asked
 * only where the bit is set. Whoever adds an entry to one of the two sets the bit first, and once
 * more where word 0 has changed meanwhile; bits are set by atomic OR and never taken back. A bit
 * too many costs a look-up. An entry without its bit is not found: XDP then asks the socket, and
 * the source's verdict comes before it.
 *
 * Word 0 is the state, the next seven are reserved (zero), behind them lie two halves. Half
 * MQGATE_KNOWN_F_HALF is read. To be rid of the bits of flows that are gone, user space clears the
 * other half, sets MQGATE_KNOWN_F_BOTH (bits go into both from then on), adds the flows of both
 * maps and makes the other half the one that is read. Each change of the state adds
 * MQGATE_KNOWN_STEP to it.
 */
#define MQGATE_KNOWN_HEADER		8
#define MQGATE_KNOWN_F_HALF		1ULL
#define MQGATE_KNOWN_F_BOTH		2ULL
#define MQGATE_KNOWN_ORDER_SHIFT	8	/* words of a half as a power of two; 0 = default */
#define MQGATE_KNOWN_ORDER_MASK		31
#define MQGATE_KNOWN_ORDER_DEFAULT	15
#define MQGATE_KNOWN_STEP		(1ULL << 16)
#define MQGATE_KNOWN_ENTRIES(order)	(MQGATE_KNOWN_HEADER + (2U << (order)))

/* ---- counters ---------------------------------------------------------------------- */

#define MQGATE_STATS_ENTRIES	(MQGATE_SERVICES * MQGATE_REASON_PACKET_MAX)
#define MQGATE_STATS_INDEX(service, reason)	((service) * MQGATE_REASON_PACKET_MAX + (reason))

/*
 * mqgate_stats: per-CPU array, index = MQGATE_STATS_INDEX(service, reason). Service and
 * reason are repeated in the value so that a dump reads like text. Written by XDP.
 */
struct mqgate_stat {
	__u64			packets;	/* the reason took effect */
	__u64			bytes;		/* of those, on the wire */
	__u64			observed;	/* packets that mode observe let pass */
	__u64			sampled;	/* time of the last event; limits their rate */
	/* Drops alone, for mqgate_top: */
	__u64			noted;		/* when the last of them was noted there */
	__u32			gap;		/* drops since */
	__u16			until;		/* so many, and the next one is noted */
	__u16			every;		/* what `until` is drawn around */
	__u32			service;
	enum mqgate_reason	reason;
	__u64			lost;		/* events that mqgate_events had no room for */
};

/*
 * Who is dropped most: each CPU has MQGATE_TOP_SETS sets of MQGATE_TOP_WAYS sources, an IPv6 /64
 * being one; the hash of a source says which set. Of the drops of a service and reason one in
 * `every` is noted, so that there are about eight thousand a second at most; at lower rates
 * every one is. A source that is noted again gains strength, one that is in the way of others
 * loses it with a probability of 2^-(strength / 8), so that forged sources, which come once
 * each, displace one another and nobody else (after HeavyKeeper, Yang et al., 2018).
 */
#define MQGATE_TOP_SETS		256
#define MQGATE_TOP_WAYS		4
#define MQGATE_TOP_STRENGTH_MAX	248
/* Not dropped for so long: the place is free. ns */
#define MQGATE_TOP_IDLE		30000000000ULL

/* mqgate_offender.flags */
#define MQGATE_OFFENDER_F_PROVEN	(1U << 0)	/* finished a TCP handshake once */

/*
 * Value of mqgate_top, within struct mqgate_top_set. `packets` is an estimate since `since`:
 * each note counts for the drops of its service and reason since the one before. It is off by
 * no more than 2 * sqrt(spread) in 95 of 100 cases; not at all where every drop was noted. What
 * was dropped before `since` is not in it. Zero: nobody. Written by XDP, read by `mqgate top`.
 */
struct mqgate_offender {
	__u8			addr[16];
	__u64			packets;	/* dropped, or would have been (mode observe) */
	__u64			spread;		/* sum of gap * (gap - 1) over its notes */
	__u64			since;
	__u64			last;
	__u32			service;
	enum mqgate_reason	reason;		/* the one that most of its notes had */
	__u32			votes;		/* of `reason`, less those of others */
	__u16			strength;
	__u16			flags;		/* MQGATE_OFFENDER_F_* */
};

/* mqgate_top: per-CPU array, index = set. */
struct mqgate_top_set {
	struct mqgate_offender	way[MQGATE_TOP_WAYS];
};

/* ---- events -------------------------------------------------------------------------- */

#define MQGATE_EVENT_BYTES	32

/* mqgate_event.flags */
#define MQGATE_EVENT_F_OBSERVED	(1U << 0)	/* passed all the same */
#define MQGATE_EVENT_F_PROVEN	(1U << 1)	/* source finished a TCP handshake */

/*
 * mqgate_events: ring buffer. A sample of the drops, at most one per CPU, service and
 * reason in an interval. Written by XDP; read by the daemon, or by `mqgate events`
 * when no daemon runs (the buffer has one reader). Of a CONNECT only the first 16
 * payload bytes are copied: what follows may hold a credential. One that finds the buffer
 * full is lost, and counted in mqgate_stat.lost; the drop itself is not touched by it.
 */
struct mqgate_event {
	__u64			time;
	struct mqgate_flow_key	flow;
	__u32			ifindex;
	__u32			service;
	enum mqgate_reason	reason;
	__u32			flags;		/* MQGATE_EVENT_F_* */
	__u32			length;		/* payload bytes of the packet */
	__u32			captured;	/* valid bytes in bytes[] */
	__u8			bytes[MQGATE_EVENT_BYTES];
};

/* ---- constants that the loader sets before load ------------------------------------------ */

/* First member of the read-only data of the XDP object, pinned as MQGATE_PIN_RODATA. */
struct mqgate_rodata {
	__u32			abi_version;
	__u32			reserved;		/* zero */
	__u64			sample_ns;		/* between two events of one kind */
	__u64			sample_proven_ns;	/* between two of proven sources */
};

#define MQGATE_ASSERT_SIZE(type, size) \
	_Static_assert(sizeof(type) == (size), #type " must be " #size " bytes")

MQGATE_ASSERT_SIZE(enum mqgate_reason, 4);
MQGATE_ASSERT_SIZE(enum mqgate_kind, 4);
MQGATE_ASSERT_SIZE(enum mqgate_mode, 4);
MQGATE_ASSERT_SIZE(enum mqgate_action, 4);
MQGATE_ASSERT_SIZE(enum mqgate_origin, 4);
MQGATE_ASSERT_SIZE(enum mqgate_flow_state, 4);
MQGATE_ASSERT_SIZE(struct mqgate_destination, 32);
MQGATE_ASSERT_SIZE(struct mqgate_service, 416);
MQGATE_ASSERT_SIZE(struct mqgate_source_key, 16);
MQGATE_ASSERT_SIZE(enum mqgate_budget_kind, 4);
MQGATE_ASSERT_SIZE(struct mqgate_prefix4_key, 8);
MQGATE_ASSERT_SIZE(struct mqgate_prefix6_key, 20);
MQGATE_ASSERT_SIZE(struct mqgate_verdict, 64);
MQGATE_ASSERT_SIZE(struct mqgate_control, 24);
MQGATE_ASSERT_SIZE(struct mqgate_budget_key, 24);
MQGATE_ASSERT_SIZE(struct mqgate_budget, 24);
MQGATE_ASSERT_SIZE(enum mqgate_syn_answer, 4);
MQGATE_ASSERT_SIZE(struct mqgate_syn, 48);
MQGATE_ASSERT_SIZE(struct mqgate_flow_key, 40);
MQGATE_ASSERT_SIZE(struct mqgate_allow, 32);
MQGATE_ASSERT_SIZE(struct mqgate_flow, 56);
MQGATE_ASSERT_SIZE(struct mqgate_stat, 64);
MQGATE_ASSERT_SIZE(struct mqgate_offender, 64);
MQGATE_ASSERT_SIZE(struct mqgate_top_set, 256);
MQGATE_ASSERT_SIZE(struct mqgate_event, 104);
MQGATE_ASSERT_SIZE(struct mqgate_rodata, 24);

#endif /* _UAPI_LINUX_MQGATE_H */
