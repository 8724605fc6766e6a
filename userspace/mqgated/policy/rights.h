/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may do what, by the policies of the configuration. struct mqg_rights is all of them,
 * compiled: immutable, made and freed with the configuration, read by every worker without a lock.
 * struct mqg_grant is what one client may: which policies are its own, and what their variables
 * stand for. It belongs to the worker of its client.
 */
#ifndef MQG_POLICY_RIGHTS_H
#define MQG_POLICY_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include "config/limits.h"

struct mqg_rights;
struct mqg_grant;

enum mqg_right {
	MQG_MAY_CONNECT,
	MQG_MAY_PUBLISH,
	MQG_MAY_SUBSCRIBE,
	MQG_MAY_RECEIVE,
	MQG_MAY_WILL,
	MQG_MAY_RETAIN,
};

/* Who asks. Texts belong to the caller and are copied where they are kept; each may be NULL. */
struct mqg_subject {
	const char	*identity;	/* as bound; NULL: a plain listener */
	const char	*client_id;	/* as the broker gets it */
	const char	*username;	/* as the broker gets it */
	X509		*cert;		/* NULL: a plain listener */
	const char	*listener;
	uint8_t		addr[16];	/* IPv4 mapped */
};

struct mqg_decision {
	bool		allowed;
	uint8_t		qos;		/* most QoS of what is allowed: 0 to 2 */
	uint32_t	line;		/* of the rule that decided; 0 = none: default deny */
};

/* What there is, for people; @rights may be NULL. Returns buf. */
const char *mqg_rights_words(const struct mqg_rights *rights, char *buf, size_t size);

/**
 * mqg_grant_take() - what a client may
 * @rights:  of the configuration; NULL: no policies are configured
 * @subject: the client
 * @grant:   out; NULL with NULL rights: everything is allowed
 *
 * The rights have to live as long as the grant.
 * Return: 0 or -ENOMEM.
 */
int mqg_grant_take(const struct mqg_rights *rights, const struct mqg_subject *subject,
		   struct mqg_grant **grant);
void mqg_grant_drop(struct mqg_grant *grant);

/*
 * How many groups there are, and of one its name, where its members have a limit together; NULL:
 * they have none.
 */
uint32_t mqg_rights_groups(const struct mqg_rights *rights);
const char *mqg_rights_limited(const struct mqg_rights *rights, uint32_t group,
			       const struct mqg_rates **rates);
/* Of the groups with a limit that the client is in the @i-th; -ENOENT: there are no more. */
int64_t mqg_grant_group(const struct mqg_grant *grant, uint32_t i);

/**
 * mqg_grant_topic() - may this client do that with this topic?
 * @grant: NULL: everything is allowed
 * @right: any but MQG_MAY_CONNECT and MQG_MAY_SUBSCRIBE
 * @topic: a valid topic name
 * @len:   its bytes
 * @now:   seconds of CLOCK_REALTIME, for policies that hold at times
 *
 * Rules that refuse a publish refuse a will, too, and those that refuse a subscription refuse what
 * would be delivered by it. Never fails; answers are remembered in the grant.
 */
struct mqg_decision mqg_grant_topic(struct mqg_grant *grant, enum mqg_right right,
				    const uint8_t *topic, size_t len, int64_t now);

/*
 * MQG_MAY_SUBSCRIBE for a valid filter, "$share/NAME/" in front of it or not: allowed where the
 * allowing rules cover all that it matches; a part that a rule refuses is refused at delivery.
 */
struct mqg_decision mqg_grant_filter(struct mqg_grant *grant, const uint8_t *filter, size_t len,
				     int64_t now);

/* MQG_MAY_CONNECT */
struct mqg_decision mqg_grant_connect(struct mqg_grant *grant, int64_t now);

#endif
