/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel module as user space sees it: its generic netlink family (docs/netlink/mqgate.yaml)
 * behind a few calls. It serves the network namespace of the process that opened it. Called by
 * the command and the daemon; a handle is used by one thread at a time, and there is no lock.
 * Requests go to the kernel and come back in one system call each; what may take longer, a dump or
 * waiting for events, has a form for main loops as well.
 *
 * Each call returns 0 or -errno and then leaves a sentence in @why, the module's own where it
 * gave one.
 */
#ifndef MQG_MODULE_H
#define MQG_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/mqgate.h>
#include <linux/mqgate_client.h>

struct mqg_module;

/**
 * struct mqg_module_client - a client, as mqgate_client.h describes it
 * @flow:      from client to service
 * @first:     when its entry was made, CLOCK_BOOTTIME ns; with @flow names this connection only
 * @last:      of its last segment
 * @idle_ms:   since then
 * @packets:   TCP segments by MQGATE_FROM_*
 * @bytes:     payload by MQGATE_FROM_*
 * @slot:      its number while it lives
 * @flags:     MQGATE_CLIENT_F_*
 * @identity:  as bound by the daemon, 0 none
 * @offences:  violations, enforced or not
 * @keep_alive: seconds
 * @in_flight: PUBLISHes without their last acknowledgement, by MQGATE_FROM_*
 * @id_length: of @id; -1 while it is not known
 * @id:        client identifier, from the network: neither text nor NUL-terminated
 */
struct mqg_module_client {
	struct mqgate_flow_key	flow;
	uint64_t		first;
	uint64_t		last;
	uint64_t		idle_ms;
	uint64_t		packets[2];
	uint64_t		bytes[2];
	uint32_t		slot;
	uint32_t		flags;
	uint32_t		identity;
	uint32_t		offences;
	uint16_t		keep_alive;
	uint16_t		in_flight[2];
	uint8_t			service;
	uint8_t			phase;
	uint8_t			level;
	uint8_t			verdict;
	uint8_t			reason;
	uint8_t			connect_flags;
	int			id_length;
	char			id[MQGATE_CLIENT_ID_KEPT];
};

/**
 * struct mqg_module_binding - who a client is, and what it said in CONNECT
 * @identity:   0 takes the binding away; all that follows @verdict is left out then
 * @verdict:    as shown
 * @level:      3, 4, 5; 0 not known
 * @keep_alive: seconds, where @level is known
 * @id_length:  of @id, at most MQGATE_CLIENT_ID_KEPT
 * @id_cut:     @id is the beginning of a longer one
 * @id:         client identifier; NULL not known
 */
struct mqg_module_binding {
	uint32_t		identity;
	enum mqgate_action	verdict;
	uint8_t			level;
	uint16_t		keep_alive;
	uint16_t		id_length;
	bool			id_cut;
	const uint8_t		*id;
};

/**
 * struct mqg_module_filter - all that is set has to match; all zero matches every client
 * @source:    address, where @prefix is not 0
 * @prefix:    bits of the 16 bytes of @source that count
 * @idle_ms:   silent for longer than that; 0 does not ask
 * @port:      of the client; 0 any
 * @service:   0 any
 * @phase:     0 any
 * @named:     the client identifier is @id
 * @id_length: of @id
 * @id:        see @named
 */
struct mqg_module_filter {
	uint8_t		source[16];
	uint8_t		prefix;
	uint64_t	idle_ms;
	uint16_t	port;
	uint8_t		service;
	uint8_t		phase;
	bool		named;
	size_t		id_length;
	char		id[MQGATE_CLIENT_ID_KEPT];
};

/**
 * struct mqg_module_source - where clients come from: an IPv4 address or an IPv6 /64
 * @addr:      as mqgate.h writes it; the lower half of an IPv6 one is zero
 * @prefix:    bits of @addr that count: 128 or 64
 * @over:      in an event, MQGATE_SOURCE_OVER_*
 * @takeovers: client identifiers that its clients took from live ones elsewhere; 255 at most
 * @violations: 65535 at most
 * @sessions:  its clients now
 * @rate:      CONNECTs a minute
 * @begun:     clients since the module knows it
 */
struct mqg_module_source {
	uint8_t		addr[16];
	uint8_t		prefix;
	uint8_t		over;
	uint8_t		takeovers;
	uint16_t	violations;
	uint32_t	sessions;
	uint32_t	rate;
	uint32_t	begun;
};

/**
 * struct mqg_module_source_filter - all that is set has to match
 * @addr:     address, where @prefix is not 0
 * @prefix:   bits of the 16 bytes of @addr that count
 * @sessions: more than that; -1 does not ask
 * @rate:     more CONNECTs a minute than that; -1 does not ask
 */
struct mqg_module_source_filter {
	uint8_t		addr[16];
	uint8_t		prefix;
	int64_t		sessions;
	int64_t		rate;
};

/**
 * struct mqg_module_event - something that happened to a client, or that a source is over a limit
 * @what:      "begin", "phase", "violation", "end", "holders": of @client; "source": of @source
 * @lost:      events that this listener missed before this one
 * @time:      CLOCK_BOOTTIME ns
 * @before:    the phase that was left; 0 unless @what is "phase"
 * @direction: MQGATE_FROM_*, who offended
 * @reason:    of a violation or an end
 * @dropped:   the violation was enforced
 */
struct mqg_module_event {
	const char			*what;
	uint64_t			lost;
	uint64_t			time;
	uint8_t				before;
	uint8_t				direction;
	uint8_t				reason;
	bool				dropped;
	struct mqg_module_client	client;
	struct mqg_module_source	source;
};

/**
 * struct mqg_module_about - the module and its namespace in short
 */
struct mqg_module_about {
	char		version[32];
	uint32_t	abi;
	bool		enforce;
	uint32_t	clients;
	uint32_t	max_clients;
	uint64_t	begun;
	uint64_t	violations;
	uint64_t	dropped;
};

/**
 * struct mqg_module_service - a port that the module follows
 */
struct mqg_module_service {
	uint16_t		port;
	uint8_t			number;
	enum mqgate_kind	kind;
	bool			observe;
};

/**
 * struct mqg_module_settings - what is to be changed; all other settings stay
 * @mark:     of skbs and sockets that are left alone
 * @enforce:  1, 0, or -1 to leave it as it is
 * @source_sessions: of a source that has more an event tells; 0 never
 * @source_connect_rate: CONNECTs a minute, likewise
 * @services: all that are to be followed; with none the ports stay as they are
 */
struct mqg_module_settings {
	uint32_t			mark;
	int				enforce;
	uint32_t			source_sessions;
	uint32_t			source_connect_rate;
	size_t				n_services;
	struct mqg_module_service	services[MQGATE_SERVICES - 1];
};

/* Return: as above; -ENOENT when the module is not loaded. */
int mqg_module_open(struct mqg_module **module, char *why, size_t size);
void mqg_module_close(struct mqg_module *module);

int mqg_module_about(struct mqg_module *module, struct mqg_module_about *about, char *why,
		     size_t size);

/* Calls @each for every client that matches; what it returns other than 0 ends the dump. */
int mqg_module_dump(struct mqg_module *module, const struct mqg_module_filter *filter,
		    int (*each)(const struct mqg_module_client *client, void *arg), void *arg,
		    char *why, size_t size);

/* The same for sources. */
int mqg_module_sources(struct mqg_module *module, const struct mqg_module_source_filter *filter,
		       int (*each)(const struct mqg_module_source *source, void *arg), void *arg,
		       char *why, size_t size);

/* Resets both ends. Return: -ENOENT and -ESTALE when that connection is over. */
int mqg_module_kill(struct mqg_module *module, const struct mqg_module_client *client, char *why,
		    size_t size);

/* Says who a client is. Return: -ENOENT when the module does not follow that flow. */
int mqg_module_bind(struct mqg_module *module, const struct mqgate_flow_key *flow,
		    const struct mqg_module_binding *binding, char *why, size_t size);

int mqg_module_settings_set(struct mqg_module *module, const struct mqg_module_settings *settings,
			    char *why, size_t size);

/*
 * Listens until @each returns other than 0, and returns that. Lost events are told with the next
 * one that arrives.
 */
int mqg_module_watch(struct mqg_module *module,
		     int (*each)(const struct mqg_module_event *event, void *arg), void *arg,
		     char *why, size_t size);

bool mqg_module_match(const struct mqg_module_client *client,
		      const struct mqg_module_filter *filter);

/* ---- for main loops: a handle for events, a handle for dumps, both polled ---------------- */

int mqg_module_fd(const struct mqg_module *module);

/* Joins the events, with @buffer bytes of room for those that wait. */
int mqg_module_listen(struct mqg_module *module, int buffer, char *why, size_t size);

/*
 * Reads what waits, at most so many datagrams; what @each returns is not looked at beyond the
 * datagram. Return: 0 nothing waits any more, 1 something may; -ENOBUFS events were lost, and what
 * waits was sent before that: read on; another -errno.
 */
int mqg_module_events_read(struct mqg_module *module, unsigned int datagrams,
			   int (*each)(const struct mqg_module_event *event, void *arg),
			   void *arg);

/* Asks for all clients; the answer is read piece by piece, and nothing else asked meanwhile. */
int mqg_module_dump_begin(struct mqg_module *module, char *why, size_t size);

/* Return: 0 there is more to come, 1 that was all, -errno it failed. */
int mqg_module_dump_read(struct mqg_module *module, unsigned int datagrams,
			 void (*each)(const struct mqg_module_client *client, void *arg),
			 void *arg, char *why, size_t size);

/* Opens a handle that is told when the module comes and goes; it needs no module. */
int mqg_module_news_open(struct mqg_module **news, char *why, size_t size);

/* Calls @each for every piece of news. Return: 0, -ENOBUFS (news were lost), another -errno. */
int mqg_module_news_read(struct mqg_module *news, void (*each)(bool here, void *arg), void *arg);

#endif
