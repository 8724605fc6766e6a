// SPDX-License-Identifier: BSD-2-Clause
/* Answers by certificate, and the sessions that go by them; see ocsp.h. */
#include "proxy/ocsp.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <uthash.h>

#include "config/url.h"
#include "proxy/session.h"

#define NS_PER_MS	1000000ULL
#define NS_PER_S	1000000000ULL
#define TICK_MS		250
/* Entries looked at in one tick. */
#define LOOK		2048
/* An answer without nextUpdate, or that says nothing, is used this long. */
#define UNKNOWN_NS	(60 * NS_PER_S)
/* Before somebody is asked again who did not answer. */
#define RETRY_NS	(5 * NS_PER_S)

struct key {
	unsigned char		certificate[32];	/* SHA-256 */
	const struct mqg_realm	*realm;
};

struct mqg_ocsp_entry {
	UT_hash_handle		hh;
	struct key		key;
	struct mqg_worker	*worker;
	struct mqg_realm	*realm;
	struct mqg_list		all, idle, waiting;
	struct mqg_list		sessions;	/* that wait for it or live by it */
	X509			*issuer;
	OCSP_CERTID		*id;
	char			*path;
	size_t			responder;	/* of the policy; SIZE_MAX = none */
	struct mqg_ocsp_query	*query;
	struct mqg_timer	timer;		/* of a question, the time that it waits included */
	uint64_t		epoch;		/* of the question */
	uint64_t		until;		/* CLOCK_MONOTONIC ns; 0 = ask again */
	enum mqg_ocsp_word	word;
	bool			told;		/* its sessions are being told */
};

static const struct mqg_ocsp *config_of(const struct mqg_ocsp_entry *e)
{
	return e->realm->config->ocsp;
}

static bool asking(const struct mqg_ocsp_entry *e)
{
	return e->query || !mqg_list_empty(&e->waiting);
}

static bool holds(const struct mqg_ocsp_entry *e)
{
	return e->until > e->worker->now;
}

/* Neither asked nor waiting to be. */
static void give_up(struct mqg_ocsp_entry *e)
{
	struct mqg_ocsp_client *client = &e->worker->ocsp;

	mqg_timer_disarm(&e->timer);
	if (!mqg_list_empty(&e->waiting)) {
		mqg_list_remove(&e->waiting);
		client->n_waiting--;
	}
	if (e->query)
		mqg_ocsp_query_close(e->query, client);
	e->query = NULL;
}

static void drop(struct mqg_ocsp_entry *e)
{
	struct mqg_ocsp_client *client = &e->worker->ocsp;

	give_up(e);
	HASH_DEL(client->table, e);
	mqg_list_remove(&e->all);
	if (!mqg_list_empty(&e->idle)) {
		mqg_list_remove(&e->idle);
		client->n_idle--;
	}
	atomic_fetch_sub_explicit(&client->entries, 1, memory_order_relaxed);
	X509_free(e->issuer);
	OCSP_CERTID_free(e->id);
	free(e->path);
	free(e);
}

/* ---- asking ------------------------------------------------------------------------------- */

static void answered(struct mqg_ocsp_entry *e, enum mqg_ocsp_word word, time_t next);

/* As many as may be open. */
static void start_waiting(struct mqg_ocsp_client *client)
{
	if (client->starting)
		return;
	client->starting = true;
	while (client->n_open < MQG_OCSP_OPEN && !mqg_list_empty(&client->waiting)) {
		struct mqg_ocsp_entry *e = mqg_container_of(client->waiting.next,
							    struct mqg_ocsp_entry, waiting);
		const struct mqg_ocsp *config = config_of(e);
		const struct mqg_responder *to = &config->responders[e->responder];

		mqg_list_remove(&e->waiting);
		client->n_waiting--;
		e->epoch = e->worker->epoch;
		e->query = mqg_ocsp_query_start(e, e->worker, e->id, to,
						to->path ? to->path : e->path,
						config->nonce != MQG_NONCE_OFF);
		if (!e->query)
			answered(e, MQG_OCSP_BAD, 0);
	}
	client->starting = false;
}

/* Which of the policy's responders: the one, or the first that the certificate names. */
static void find_responder(struct mqg_ocsp_entry *e, X509 *certificate)
{
	const struct mqg_ocsp *config = config_of(e);
	STACK_OF(OPENSSL_STRING) *urls;

	e->responder = config->aia ? SIZE_MAX : 0;
	free(e->path);
	e->path = NULL;
	if (!config->aia)
		return;
	urls = X509_get1_ocsp(certificate);
	for (int i = 0; e->responder == SIZE_MAX && i < sk_OPENSSL_STRING_num(urls); i++) {
		struct mqg_url url;

		if (!mqg_url_parse(sk_OPENSSL_STRING_value(urls, i), &url))
			continue;
		for (size_t n = 0; n < config->n_responders; n++) {
			if (strcmp(config->responders[n].address.text, url.host))
				continue;
			e->path = strdup(url.path);
			e->responder = e->path ? n : SIZE_MAX;
			break;
		}
	}
	X509_email_free(urls);
}

static void ask(struct mqg_ocsp_entry *e)
{
	struct mqg_ocsp_client *client = &e->worker->ocsp;

	if (!e->issuer || e->responder == SIZE_MAX || client->n_waiting >= MQG_OCSP_WAITING) {
		answered(e, MQG_OCSP_UNASKED, 0);
		return;
	}
	mqg_list_append(&client->waiting, &e->waiting);
	client->n_waiting++;
	mqg_timer_arm(&e->timer, &e->realm->ocsp_timeout, e->worker->now);
	start_waiting(client);
}

static void expired(struct mqg_timer *timer)
{
	answered(mqg_container_of(timer, struct mqg_ocsp_entry, timer), MQG_OCSP_LATE, 0);
}

void mqg_ocsp_query_done(struct mqg_ocsp_entry *e, OCSP_RESPONSE *response)
{
	enum mqg_ocsp_word word = MQG_OCSP_BAD;
	time_t next = 0;

	if (response)
		word = mqg_ocsp_judge(response, mqg_ocsp_query_request(e->query), e->id, e->issuer,
				      mqg_tls_policy_of(e->realm->tls), config_of(e), &next);
	answered(e, word, next);
}

/* ---- answers ------------------------------------------------------------------------------ */

/* Until when it is used. What cannot be believed is not asked for by every client. */
static uint64_t term(const struct mqg_ocsp_entry *e, enum mqg_ocsp_word word, time_t next)
{
	uint64_t length = config_of(e)->max_age_ms * NS_PER_MS;
	time_t now = time(NULL);

	if (word > MQG_OCSP_UNKNOWN)
		length = RETRY_NS;
	else if ((word == MQG_OCSP_UNKNOWN || !next) && length > UNKNOWN_NS)
		length = UNKNOWN_NS;
	if (word <= MQG_OCSP_UNKNOWN && next) {
		uint64_t left = next > now ? (uint64_t)(next - now) * NS_PER_S : RETRY_NS;

		if (left < length)
			length = left;
	}
	return e->worker->now + length;
}

/* Who waits goes on; who was let in and is revoked now is ended. */
static void tell(struct mqg_ocsp_entry *e)
{
	struct mqg_list told;

	mqg_list_init(&told);
	mqg_list_splice(&told, &e->sessions);
	while (!mqg_list_empty(&told)) {
		struct mqg_session *s = mqg_container_of(told.next, struct mqg_session, ocsp_link);

		mqg_list_remove(&s->ocsp_link);
		mqg_list_append(&e->sessions, &s->ocsp_link);
		if (s->state == MQG_OCSP)
			mqg_session_run(s);
		else if (e->word == MQG_OCSP_REVOKED &&
			 (s->state == MQG_DIAL || s->state == MQG_REPLY || s->state == MQG_RELAY))
			mqg_session_end(s, MQGATE_REASON_CERT_REVOKED);
	}
}

/* It has no sessions any more: it is kept for the next, or goes. */
static void rest(struct mqg_ocsp_entry *e)
{
	struct mqg_ocsp_client *client = &e->worker->ocsp;

	if (e->realm->held || !config_of(e)) {
		drop(e);
		return;
	}
	mqg_list_append(&client->idle, &e->idle);
	client->n_idle++;
	if (client->n_idle > MQG_OCSP_IDLE)
		drop(mqg_container_of(client->idle.next, struct mqg_ocsp_entry, idle));
}

static void answered(struct mqg_ocsp_entry *e, enum mqg_ocsp_word word, time_t next)
{
	struct mqg_ocsp_client *client = &e->worker->ocsp;
	bool held = !mqg_list_empty(&e->sessions);

	give_up(e);
	/* It was asked by what is not trusted any more, perhaps. */
	if (word <= MQG_OCSP_UNKNOWN && e->epoch != e->worker->epoch) {
		ask(e);
		return;
	}
	mqg_counter_add(&client->answers[word], 1);
	e->word = word;
	e->until = term(e, word, next);
	/* Sessions that are closed meanwhile leave it, and the last would take it away. */
	e->told = true;
	tell(e);
	e->told = false;
	if (held && mqg_list_empty(&e->sessions))
		rest(e);
	start_waiting(client);
}

/* ---- sessions ----------------------------------------------------------------------------- */

static struct mqg_ocsp_entry *make(struct mqg_session *s, const struct key *key,
				   STACK_OF(X509) *chain)
{
	X509 *certificate = sk_X509_value(chain, 0);
	struct mqg_ocsp_client *client = &s->worker->ocsp;
	struct mqg_ocsp_entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->key = *key;
	e->worker = s->worker;
	e->realm = s->realm;
	e->word = MQG_OCSP_UNASKED;
	mqg_list_init(&e->all);
	mqg_list_init(&e->idle);
	mqg_list_init(&e->waiting);
	mqg_list_init(&e->sessions);
	mqg_timer_init(&e->timer, expired);
	if (sk_X509_num(chain) > 1) {
		e->issuer = sk_X509_value(chain, 1);
		X509_up_ref(e->issuer);
		e->id = OCSP_cert_to_id(NULL, certificate, e->issuer);
	}
	if (!e->id) {
		X509_free(e->issuer);
		e->issuer = NULL;
	}
	find_responder(e, certificate);
	HASH_ADD(hh, client->table, key, sizeof(e->key), e);
	mqg_list_append(&client->all, &e->all);
	atomic_fetch_add_explicit(&client->entries, 1, memory_order_relaxed);
	if (mqg_list_empty(&client->tick.link))
		mqg_timer_arm(&client->tick, &client->every, s->worker->now);
	return e;
}

static void join(struct mqg_session *s, struct mqg_ocsp_entry *e)
{
	if (!mqg_list_empty(&e->idle)) {
		mqg_list_remove(&e->idle);
		e->worker->ocsp.n_idle--;
	}
	s->ocsp = e;
	mqg_list_append(&e->sessions, &s->ocsp_link);
}

static struct mqg_ocsp_entry *find_or_make(struct mqg_session *s)
{
	STACK_OF(X509) *chain = mqg_tls_chain(s->client.ssl);
	struct mqg_ocsp_entry *e = NULL;
	struct key key;

	memset(&key, 0, sizeof(key));
	key.realm = s->realm;
	if (chain && X509_digest(sk_X509_value(chain, 0), EVP_sha256(), key.certificate, NULL)) {
		HASH_FIND(hh, s->worker->ocsp.table, &key, sizeof(key), e);
		if (!e)
			e = make(s, &key, chain);
	}
	sk_X509_pop_free(chain, X509_free);
	return e;
}

void mqg_ocsp_ask(struct mqg_session *s)
{
	struct mqg_ocsp_client *client = &s->worker->ocsp;
	struct mqg_ocsp_entry *e = s->ocsp;

	if (!s->realm->config->ocsp) {
		mqg_ocsp_leave(s);
		return;
	}
	/* It lives by an answer already; the epoch has seen to that it is asked for again. */
	if (e)
		return;
	e = find_or_make(s);
	if (!e)
		return;
	join(s, e);
	if (holds(e))
		mqg_counter_add(&client->known, 1);
	else if (!asking(e))
		ask(e);
}

void mqg_ocsp_leave(struct mqg_session *s)
{
	struct mqg_ocsp_entry *e = s->ocsp;

	if (!e)
		return;
	s->ocsp = NULL;
	mqg_list_remove(&s->ocsp_link);
	if (mqg_list_empty(&e->sessions) && !e->told)
		rest(e);
}

/* The CONNECT is good. Is the certificate? */
enum mqg_step mqg_ocsp_step(struct mqg_session *s)
{
	const struct mqg_ocsp *config = s->realm->config->ocsp;
	struct mqg_ocsp_entry *e = s->ocsp;

	if (!config)
		return mqg_succession_step(s);
	if (e && !asking(e) && !holds(e))
		ask(e);
	if (e && asking(e)) {
		mqg_timer_disarm(&s->timer);
		s->state = MQG_OCSP;
		return MQG_STEP_WAIT;
	}
	if (e && e->word == MQG_OCSP_REVOKED)
		return mqg_session_refuse(s, MQGATE_REASON_CERT_REVOKED);
	if (e && e->word == MQG_OCSP_GOOD)
		return mqg_succession_step(s);
	if (config->hard)
		return mqg_session_refuse(s, MQGATE_REASON_CERT_OCSP);
	mqg_counter_add(&s->worker->ocsp.spared, 1);
	return mqg_succession_step(s);
}

/* ---- time --------------------------------------------------------------------------------- */

/* What has run out: asked again where sessions live by it, else forgotten. */
static void look(struct mqg_timer *timer)
{
	struct mqg_ocsp_client *client = mqg_container_of(timer, struct mqg_ocsp_client, tick);
	uint32_t n = atomic_load_explicit(&client->entries, memory_order_relaxed);
	struct mqg_worker *worker = mqg_container_of(client, struct mqg_worker, ocsp);

	for (n = n < LOOK ? n : LOOK; n-- && !mqg_list_empty(&client->all);) {
		struct mqg_ocsp_entry *e = mqg_container_of(client->all.next, struct mqg_ocsp_entry,
							    all);

		mqg_list_remove(&e->all);
		mqg_list_append(&client->all, &e->all);
		if (holds(e) || asking(e))
			continue;
		if (mqg_list_empty(&e->sessions))
			drop(e);
		else if (config_of(e) && client->n_waiting < MQG_OCSP_OPEN)
			ask(e);
	}
	if (!mqg_list_empty(&client->all))
		mqg_timer_arm(&client->tick, &client->every, worker->now);
}

/* Whom to ask, by the certificate of one of its sessions. */
static void look_anew(struct mqg_ocsp_entry *e)
{
	struct mqg_session *s = mqg_container_of(e->sessions.next, struct mqg_session, ocsp_link);
	STACK_OF(X509) *chain = mqg_tls_chain(s->client.ssl);

	if (chain)
		find_responder(e, sk_X509_value(chain, 0));
	else
		give_up(e);
	sk_X509_pop_free(chain, X509_free);
}

void mqg_ocsp_change(struct mqg_worker *worker)
{
	struct mqg_ocsp_client *client = &worker->ocsp;
	struct mqg_ocsp_entry *e, *next;

	HASH_ITER(hh, client->table, e, next) {
		e->until = 0;
		if (mqg_list_empty(&e->sessions)) {
			drop(e);
			continue;
		}
		/* Whom to ask may be somebody else now; a session has the certificate. */
		if (!e->realm->held && config_of(e))
			look_anew(e);
		else
			give_up(e);
	}
}

void mqg_ocsp_init(struct mqg_worker *worker)
{
	struct mqg_ocsp_client *client = &worker->ocsp;

	mqg_list_init(&client->all);
	mqg_list_init(&client->idle);
	mqg_list_init(&client->waiting);
	mqg_list_init(&client->dead);
	mqg_timer_class_init(&worker->timers, &client->every, TICK_MS);
	mqg_timer_init(&client->tick, look);
}

void mqg_ocsp_exit(struct mqg_worker *worker)
{
	struct mqg_ocsp_entry *e, *next;

	HASH_ITER(hh, worker->ocsp.table, e, next)
		drop(e);
	mqg_ocsp_bury(worker);
}

void mqg_ocsp_bury(struct mqg_worker *worker)
{
	mqg_ocsp_query_bury(&worker->ocsp);
}
