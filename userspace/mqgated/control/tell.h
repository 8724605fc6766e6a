/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the daemon knows, as JSON: status, sessions, refusals, why. Main thread; no lock.
 */
#ifndef MQG_CONTROL_TELL_H
#define MQG_CONTROL_TELL_H

#include "control/verbs.h"

json_t *mqg_tell_status(struct mqg_verb_context *context);
json_t *mqg_tell_why(struct mqg_verb_context *context, const char *subject);

/*
 * Arrays of sessions or refusals: of one source where @key is given, of one client identifier
 * where @client_id is, of all where neither.
 */
json_t *mqg_tell_sessions(struct mqg_verb_context *context, const struct mqgate_source_key *key,
			  const char *client_id);
json_t *mqg_tell_refusals(struct mqg_verb_context *context, const struct mqgate_source_key *key,
			  const char *client_id);

/*
 * The inventory of certificates: those that expire within @expires seconds (-1: all; those whose
 * identity has come with another one since are left out), only weak ones with @weak.
 */
json_t *mqg_tell_identities(int64_t expires, bool weak);

/* What TLS uses: the library, the processor, policies, and what the last handshakes agreed on. */
json_t *mqg_tell_tls(const struct mqg_verb_context *context);
/* The part "handshakes" of that. */
json_t *mqg_tell_handshakes(const struct mqg_verb_context *context);

#endif
