/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pinned maps as user space sees them: where they are, whether their layout is the
 * one of this build, and the few operations that the daemon and the command share.
 * A struct mqg_pins is written once by mqg_pins_open() and only read afterwards; the
 * map operations are system calls and may be made from any thread.
 */
#ifndef MQG_PINS_H
#define MQG_PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/mqgate.h>

struct mqg_pins {
	char		dir[256];
	uint32_t	abi_version;	/* 0 where the pins were made by hand, without rodata */
	/* descriptors, -1 = none */
	int		ports, svc, sources, allow, flows, stats, top, events;
	int		prefix4, prefix6, index4, index6, control, budgets, syn, known;
	uint64_t	*known_words;	/* mqgate_known, mapped: see known.h */
	uint32_t	known_order;
	uint32_t	cpus;		/* values a per-CPU look-up returns */
};

/* $MQGATE_BPFFS or MQGATE_BPFFS_DIR; $MQGATE_RUN or MQGATE_RUN_DIR. */
const char *mqg_bpffs_dir(void);
const char *mqg_run_dir(void);

/**
 * mqg_pins_open() - open every pinned map and check its layout against this build
 * @pins: out; safe to pass to mqg_pins_close() whatever is returned
 * @why:  buffer for a sentence that names the pin, what is wrong, and the remedy
 * @size: of @why
 *
 * Needs no capability, only read and write permission on the pins (Linux 5.19).
 * Return: 0, -ENOENT (nothing attached), -EPROTO (other ABI), or another -errno.
 */
int mqg_pins_open(struct mqg_pins *pins, char *why, size_t size);

/* The ABI of what is pinned, whatever its layout; 0 where no loader told. 0 or -errno and @why. */
int mqg_pins_abi(uint32_t *abi, char *why, size_t size);
void mqg_pins_close(struct mqg_pins *pins);

/* ---- verdicts ------------------------------------------------------------------- */

/* Of the loaded set that holds; 0 = none. */
uint32_t mqg_generation(const struct mqg_pins *pins);

/* The loaded set that a verdict belongs to as it is; 0 = it is a single one. */
uint32_t mqg_verdict_set(const struct mqgate_verdict *verdict);

/*
 * Turns an entry into what of it holds at @now: one of a set before or after it has other fields,
 * and a single verdict that is over may uncover that of the loaded set.
 */
void mqg_verdict_resolve(struct mqgate_verdict *verdict, uint32_t generation, uint64_t now);

/*
 * The same for a map of any key: @fd is that of mqgate_sources or of prefixes. A single verdict
 * that is written keeps below it what the loaded set says, and one that is removed uncovers it.
 */
int mqg_verdict_write(const struct mqg_pins *pins, int fd, const void *key,
		      const struct mqgate_verdict *verdict);
int mqg_verdict_erase(const struct mqg_pins *pins, int fd, const void *key);

/* Adds or replaces. -E2BIG when the map is full. `hits` of a replaced entry are kept. */
int mqg_verdict_put(const struct mqg_pins *pins, const struct mqgate_source_key *key,
		    const struct mqgate_verdict *verdict);
/* As it holds now; action NONE where it is of a set that holds no longer. */
int mqg_verdict_get(const struct mqg_pins *pins, const struct mqgate_source_key *key,
		    struct mqgate_verdict *verdict);
/* Return: 0, 1 where what the loaded set says of it holds now, -ENOENT, another -errno. */
int mqg_verdict_remove(const struct mqg_pins *pins, const struct mqgate_source_key *key);

/* True when @verdict decides packets at @now (not expired). */
bool mqg_verdict_live(const struct mqgate_verdict *verdict, uint64_t now);

/* True for what lets nothing of its source pass but ALLOWed flows: in silence, or with resets. */
static inline bool mqg_action_refuses(enum mqgate_action action)
{
	return action == MQGATE_ACTION_DROP || action == MQGATE_ACTION_RESET;
}

typedef int (*mqg_verdict_fn)(const struct mqgate_source_key *key,
			      const struct mqgate_verdict *verdict, void *arg);
/* Calls @fn for every entry, in batches; stops at its first non-zero answer and returns it. */
int mqg_verdict_each(const struct mqg_pins *pins, mqg_verdict_fn fn, void *arg);

typedef int (*mqg_allow_fn)(const struct mqgate_flow_key *key, const struct mqgate_allow *allow,
			    void *arg);
int mqg_allow_each(const struct mqg_pins *pins, mqg_allow_fn fn, void *arg);
int mqg_allow_put(const struct mqg_pins *pins, const struct mqgate_flow_key *key,
		  const struct mqgate_allow *allow);
int mqg_allow_remove(const struct mqg_pins *pins, const struct mqgate_flow_key *key);

/* Makes XDP drop what else a flow sends, until it begins anew or a minute is over. */
int mqg_flow_refuse(const struct mqg_pins *pins, const struct mqgate_flow_key *key,
		    enum mqgate_reason reason, uint64_t now);

/* ---- counters ------------------------------------------------------------------- */

/* Sums the CPUs of one service and reason into @sum (sampled: the latest; none of mqgate_top). */
int mqg_stat_read(const struct mqg_pins *pins, uint32_t service, uint32_t reason,
		  struct mqgate_stat *sum);

typedef int (*mqg_stat_fn)(const struct mqgate_stat *sum, void *arg);
/* Calls @fn for every service and reason with a count other than zero. */
int mqg_stat_each(const struct mqg_pins *pins, mqg_stat_fn fn, void *arg);

/* ---- services -------------------------------------------------------------------- */

/* The service as XDP sees it: defaults of services 1 and 2 filled in (name, kind, limits). */
int mqg_service_read(const struct mqg_pins *pins, uint32_t number, struct mqgate_service *svc);
/* How many SYNs come to a service: see struct mqgate_syn. */
int mqg_syn_read(const struct mqg_pins *pins, uint32_t number, struct mqgate_syn *syn);
/* True while a SYN flood goes on at @now; @svc as mqg_service_read() gives it. */
bool mqg_syn_flooded(const struct mqgate_syn *syn, const struct mqgate_service *svc, uint64_t now);
int mqg_service_write(const struct mqg_pins *pins, uint32_t number,
		      const struct mqgate_service *svc);
/*
 * Service number that a port leads to, MQGATE_SVC_UNPROTECTED or 0 where none, or -errno. @index:
 * MQGATE_PORTS_TCP(port) or MQGATE_PORTS_UDP(port).
 */
int mqg_port_read(const struct mqg_pins *pins, uint32_t index);
int mqg_port_write(const struct mqg_pins *pins, uint32_t index, uint32_t service);

/* Entries now in a map, by walking its keys (a hash tells no count otherwise). */
int mqg_map_count(int fd, uint32_t *count);
/* Entries that it may have. 0 or -errno. */
int mqg_map_room(int fd, uint32_t *room);

#endif
