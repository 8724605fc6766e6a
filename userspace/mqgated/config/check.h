/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the configuration as written to the one that the daemon uses: meanings, ranges, references,
 * defaults. Main thread, while loading; no lock.
 */
#ifndef MQG_CONFIG_CHECK_H
#define MQG_CONFIG_CHECK_H

#include "config/complain.h"
#include "config/config.h"
#include "config/schema.h"

struct mqg_check {
	struct mqg_complaint	complaint;
	const struct raw_config	*raw;
	struct mqg_config	*config;
	const struct mqg_config	*before;	/* in force; NULL at the start */
	uint32_t		services;	/* numbers given so far, as a bit mask */
};

/* Fills check->config. Return: 0, -EINVAL (complained) or -ENOMEM. */
int mqg_config_check(struct mqg_check *check);

/* ---- between the files of the checking pass --------------------------------------------- */

/* Copies @text into *@out. Return: 0 or -ENOMEM. */
int mqg_check_copy(const char *text, char **out);

/* Reads a duration within [@least, @most] nanoseconds, @fallback where @text is NULL. */
int mqg_check_duration(const struct mqg_check *check, const char *path, const char *text,
		       uint64_t fallback, uint64_t least, uint64_t most, uint64_t *out);
int mqg_check_number(const struct mqg_check *check, const char *path, const uint32_t *value,
		     uint32_t fallback, uint32_t least, uint32_t most, uint32_t *out);

/* Bytes within [@least, @most], as "16M"; k, M, G and T are powers of 1024. */
int mqg_check_bytes(const struct mqg_check *check, const char *path, const char *text,
		    uint64_t fallback, uint64_t least, uint64_t most, uint64_t *out);

/* A name that is a service's as well: 1 to 15 letters, digits, '.', '_', '-'. */
int mqg_check_name(const struct mqg_check *check, const char *path, const char *name);

/*
 * Gives @port, an index of mqgate_ports, its service number: 1 and 2 for the standard ports, else
 * the one that it has in check->before, else the next free one, preferably of nobody before.
 */
int mqg_check_number_service(struct mqg_check *check, const char *path, uint32_t port,
			     uint32_t *number);

/* Reads what listeners and services have in common; @owner: "services[0]". */
int mqg_check_guard(const struct mqg_check *check, const char *owner, const struct raw_guard *from,
		    struct mqg_guard *to);

/* Reads budgets of what begins; @path: "services[0].datagrams". */
int mqg_check_budgets(const struct mqg_check *check, const char *path,
		      const struct raw_budgets *from, struct mqg_guard *to);

/* Fills @to; @from may be NULL. @owner: "listeners[0].limits" */
int mqg_check_rates(const struct mqg_check *check, const char *owner, const struct raw_limits *from,
		    struct mqg_rates *to);
int mqg_check_limits(const struct mqg_check *check, const char *owner,
		     const struct raw_limits *from, struct mqg_limits *to);

/* Fills @to->crypto; @owner: "listeners[0].tls". @to->tls_min is there already. */
int mqg_check_crypto(struct mqg_check *check, const char *owner, const struct raw_tls *tls,
		     struct mqg_policy *to);

/* Fills @to->ocsp; @owner: "listeners[0].tls". NULL: nothing. */
int mqg_check_ocsp(const struct mqg_check *check, const char *owner, const struct raw_ocsp *from,
		   struct mqg_policy *to);

/* Fills @to, but for its title; @owner: of the mappings tls and identity, "listeners[0]". */
int mqg_check_policy(struct mqg_check *check, const char *owner, const struct raw_tls *tls,
		     const struct raw_identity *identity, struct mqg_policy *to);

/* Adds the policies under sni; those of the listener itself are there already. */
int mqg_check_sni(struct mqg_check *check, const char *owner, const struct raw_listener *from,
		  struct mqg_listener *to);

int mqg_check_chain_cache(const struct mqg_check *check);
int mqg_check_resumption(const struct mqg_check *check);
int mqg_check_store(const struct mqg_check *check);
/* check_broker.c: all of them. */
int mqg_check_brokers(struct mqg_check *check);
int mqg_check_taps(const struct mqg_check *check);
int mqg_check_listener(struct mqg_check *check, size_t i);
int mqg_check_service(struct mqg_check *check, size_t i);

/* check_handshakes.c: the workers have been counted. */
int mqg_check_handshakes(const struct mqg_check *check);

#endif
