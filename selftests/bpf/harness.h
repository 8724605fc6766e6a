/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs described packets through bpf/mqgate.bpf.o as it was built (BPF_PROG_TEST_RUN) and
 * compares what XDP did, which counter moved, and what became of the flow. One process, one
 * loaded object; no lock.
 */
#ifndef MQG_TEST_HARNESS_H
#define MQG_TEST_HARNESS_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/bpf.h>
#include <linux/mqgate.h>

#include "common/pins.h"
#include "packet.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MS_NS		1000000ULL

/* Well-formed first payloads, in the notation of pkt_bytes(). */
#define CONNECT_31	"10 11 0006 'MQIsdp' 03 02 003C 0003 'dev'"
#define CONNECT_311	"10 0F 0004 'MQTT' 04 02 003C 0003 'dev'"
#define CONNECT_5	"10 10 0004 'MQTT' 05 02 003C 00 0003 'dev'"
#define HELLO		"16 0301 002D 01 000029 0303 AA*32 00 0002 1301 01 00"

/* What is in the maps before the first packet of a scene. */
struct before {
	enum { NOTHING, SOURCE, NET, GENERATION, ALLOW, SERVICE, PORT, FLOW, FLOOD } what;
	const char		*addr;		/* SOURCE: key; "2001:db8::" is the /64. NET */
	enum mqgate_action	action;
	uint32_t		rate;		/* SOURCE, NET: of LIMIT */
	uint32_t		generation;	/* SOURCE, NET; or of the set that holds */
	enum mqgate_action	prior;		/* SOURCE, NET: until that generation holds */
	int			expires_ms;	/* from now, may be negative; 0 = never */
	struct pkt		p;		/* ALLOW, FLOW: of which flow */
	uint32_t		number;		/* SERVICE, PORT, FLOOD: service number */
	uint16_t		port;
	bool			udp;		/* PORT */
	struct mqgate_service	svc;
	const char		*guards;	/* SERVICE: its destinations, "192.0.2.0/24 ..." */
	int			lease_ms;	/* SERVICE: as expires_ms */
	struct mqgate_flow	flow;
	int			age_ms;		/* FLOW: since when; FLOOD: last busy; before now */
};

/* A packet and what is to come of it. */
struct step {
	struct pkt	p;
	uint32_t	service, reason;	/* 0, 0 = no counter moves */
	bool		drop, observed, answered;
	int		action;			/* of XDP, 0 = as these say */
	int		flow;			/* enum mqgate_flow_state, ABSENT, or 0 = any */
	uint32_t	linear;			/* bytes in the first buffer; xdp.frags alone */
	bool		often;			/* a hundred times this packet, all alike */
	unsigned int	times;			/* so often; 0 = once */
};

#define ABSENT		(-1)
#define PASSES(svc, why) .service = (svc), .reason = MQGATE_REASON_PASS_##why
#define DROPS(svc, why)	.service = (svc), .reason = MQGATE_REASON_##why, .drop = true
/* Counted as a drop, and the frame a reset: back to its sender, or on to its receiver. */
#define ANSWERED(svc, why)	DROPS(svc, why), .action = XDP_TX
#define DELIVERED(svc, why)	DROPS(svc, why), .action = XDP_PASS
#define WOULD(svc, why)	.service = (svc), .reason = MQGATE_REASON_##why, .observed = true
#define ANSWERS(svc, why) .service = (svc), .reason = MQGATE_REASON_##why, .answered = true
#define IGNORED		.service = 0

struct scene {
	const char	*name;
	struct before	before[4];
	struct step	steps[9];
};

/* One short scene: a packet, and what comes of it. */
#define PACKET(text, packet, ...) { .name = (text), .steps = { { .p = packet, __VA_ARGS__ } } }
#define P(...) { __VA_ARGS__ }

struct xdp {
	struct bpf_object	*object;
	uint32_t		entries;	/* in: of the maps of verdicts; 0 = as declared */
	bool			all;		/* in: of all hash maps */
	uint32_t		ring;		/* in: bytes of mqgate_events; 0 = as declared */
	int			prog[2];	/* xdp, xdp.frags */
	struct mqg_pins		maps;		/* the descriptors, as user space has them */
	int			ports, svc, sources, allow, flows, stats, events;
	int			cpus;
};

extern const char *const xdp_program_names[2];

/*
 * Loads $MQGATE_TOP/bpf/mqgate.bpf.o, or $MQGATE_XDP_OBJECT, with the constants of @rodata
 * unless NULL. Prints a KTAP skip and exits 4 without the privilege.
 */
void xdp_load(struct xdp *x, const struct mqgate_rodata *rodata);
/* As after load: nothing in any map. */
void xdp_reset(struct xdp *x);
void xdp_prepare(struct xdp *x, const struct before *before);
/* Runs a frame once. @linear: as in struct step. Return: the XDP action, or -errno. */
int xdp_run(struct xdp *x, int program, const uint8_t *frame, size_t len, uint32_t linear);
/* Sum of the CPUs. */
void xdp_stat(struct xdp *x, uint32_t service, uint32_t reason, struct mqgate_stat *sum);
/* Runs one step. Return: true when all is as it says; else diagnostics are printed. */
bool xdp_step(struct xdp *x, int program, const struct step *step);
/* The state of a flow, or ABSENT. */
int xdp_flow_state(struct xdp *x, const struct pkt *p, struct mqgate_flow *flow);
uint64_t boottime_ns(void);

/* KTAP. */
void ktap_plan(unsigned int points);
void ktap_point(bool passed, const char *format, ...) __attribute__((format(printf, 2, 3)));
void ktap_skip(const char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));
int ktap_end(void);

/* Scenes among other points of a plan: how many points they are, and playing them. */
unsigned int scenes_points(const struct scene *scenes, size_t count);
void scenes_play(struct xdp *x, const struct scene *scenes, size_t count);
/* How many of them begin with the number of that line of the list of attacks: "ATTACKS 4: ". */
size_t scenes_attack(const struct scene *scenes, size_t count, unsigned int line);

/*
 * The main() of a table: every scene with both programs, and over IPv4 and IPv6 where nothing in
 * it belongs to one of them.
 */
int scenes_main(const struct scene *scenes, size_t count);

#endif
