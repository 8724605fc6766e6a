/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What changes while the daemon runs: the configuration (SIGHUP, `mqgate reload`), revocation lists
 * (by themselves), local revocations (`mqgate revoke`). It owns the configuration and the list in
 * force and hands new ones to everybody who goes by them. Main thread; no lock.
 */
#ifndef MQG_LIVE_H
#define MQG_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "judge/manage.h"
#include "module/tracker.h"
#include "proxy/proxy.h"
#include "revoke/revoked.h"

struct mqg_control;
struct mqg_metrics_sources;
struct mqg_taps;
struct mqg_live;

/**
 * mqg_live_setup() - take the configuration over and read the local revocations
 * @config: in force; given back at the end
 * @live:   out
 * @why:    out on error, a sentence with the remedy
 * @size:   of @why
 *
 * Return: 0 or -errno; @config is taken over in either case.
 */
int mqg_live_setup(const struct mqg_config *config, struct mqg_live **live, char *why,
		   size_t size);
void mqg_live_teardown(struct mqg_live *live);

/* Who goes by the configuration. All there before the first change; the proxy last. */
struct mqg_live_users {
	struct mqg_judge		*judge;
	struct mqg_tracker		*tracker;
	struct mqg_proxy		*proxy;
	struct mqg_control		*control;
	struct mqg_metrics_sources	*sources;
};
void mqg_live_users(struct mqg_live *live, const struct mqg_live_users *users);

/*
 * Starts what the configuration taps, and tells the proxy, whose workers have not been started.
 * Return: 0, or -errno, after a sentence with the remedy.
 */
int mqg_live_taps_start(struct mqg_live *live, struct mqg_proxy *proxy, char *why, size_t size);
/* In the configuration's order; NULL = none. Until the next change. */
const struct mqg_taps *mqg_live_taps(const struct mqg_live *live);

const struct mqg_config *mqg_live_config(const struct mqg_live *live);
/* NULL = none. Until the next change. */
const struct mqg_revoked *mqg_live_revoked(const struct mqg_live *live);

/* Warns of files that only root could read: a reload will not be able to. After the drop. */
void mqg_live_check_access(const struct mqg_live *live);

/**
 * mqg_live_reload() - read the configuration's file again and go by it
 * @restart: out: keys that have changed and hold only after a restart, "http, workers"; "" = none
 * @rsize:   of @restart
 * @why:     out on error: "FILE:LINE: KEY: what is wrong; remedy"
 * @size:    of @why
 *
 * Return: 0, or -errno: nothing has changed.
 */
int mqg_live_reload(struct mqg_live *live, char *restart, size_t rsize, char *why, size_t size);

/* From now on no reload is taken. */
void mqg_live_stopping(struct mqg_live *live);

/* The sockets go to another process, that asked for them. 0 or -errno. */
int mqg_live_hand_over(struct mqg_live *live);
/* It has them, and waits for the lock file. */
bool mqg_live_handed_over(const struct mqg_live *live);

/* About once a second: lists that have changed are read, those that run out are told of. */
void mqg_live_tick(struct mqg_live *live);

/**
 * mqg_live_revoke() - refuse certificates from now on and end their sessions
 * @kind:  and
 * @value: which; as an operator writes it
 * @text:  of the operator, or NULL
 * @why:   out on error, a sentence with the remedy
 * @size:  of @why
 *
 * Return: 0; -EINVAL: @value is none of @kind; -EROFS: in force, but not kept: @why says what is
 * wrong with the file; -ENOMEM: nothing has changed.
 */
int mqg_live_revoke(struct mqg_live *live, enum mqg_revoked_kind kind, const char *value,
		    const char *text, char *why, size_t size);
/* Takes it back. Also -ENOENT: there is none. */
int mqg_live_unrevoke(struct mqg_live *live, enum mqg_revoked_kind kind, const char *value,
		      char *why, size_t size);

/* @failed: reloads that were refused; @lists: times that lists were read anew */
struct mqg_live_counts {
	uint64_t	reloads, failed, lists, lists_failed;
	size_t		revoked;
};
void mqg_live_counts(const struct mqg_live *live, struct mqg_live_counts *counts);

#endif
