/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of scored sources: a hash for look-ups and a heap for "who is least scored".
 *
 * Points decay, all at the same rate, so the order of two sources never changes by itself. What is
 * stored is therefore not the points but their level, log2(points) + now / half_life, which stays
 * the same while time passes: points are 2^(level - now / half_life). The heap orders by level and
 * needs no upkeep as time goes by.
 *
 * Owned by the judge, which calls every function with its lock held.
 */
#include "judge/score.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Addresses are chosen by strangers: the bucket of one must not be foreseeable. */
static uint64_t seed[2];

static unsigned int hash_source(const void *key)
{
	uint64_t word[2], h;

	memcpy(word, key, sizeof(word));
	h = (word[0] ^ seed[0]) * 0x9e3779b97f4a7c15ULL;
	h ^= h >> 29;
	h = (h ^ word[1] ^ seed[1]) * 0xbf58476d1ce4e5b9ULL;
	h ^= h >> 32;
	h = (h ^ seed[0]) * 0x94d049bb133111ebULL;
	return (unsigned int)(h >> 32);
}

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = hash_source(keyptr))
#include <uthash.h>

/* A score is capped at this multiple of the threshold, so that it can also fall again. */
#define CAP	2

struct source {
	struct mqgate_source_key	key;
	uint32_t			strikes;
	uint32_t			n_evidence;	/* ever; the ring holds the latest */
	double				level;
	uint64_t			ban_since, banned_until;
	uint64_t			limit_since, limited_until;
	uint64_t			before_since, before_until;	/* the step before */
	uint64_t			before_limited;
	enum mqgate_reason		ban_reason, limit_reason;
	uint32_t			before_strikes;
	size_t				slot;		/* in the heap */
	struct mqg_evidence		evidence[MQG_EVIDENCE_KEPT];
	UT_hash_handle			hh;
};

struct mqg_score {
	const struct mqg_score_config	*config;
	struct source			*sources;	/* the hash */
	struct source			**heap;		/* least level first */
	size_t				n, room;
};

void mqg_score_configure(struct mqg_score *score, const struct mqg_score_config *config)
{
	score->config = config;
}

struct mqg_score *mqg_score_alloc(const struct mqg_score_config *config)
{
	struct mqg_score *score = calloc(1, sizeof(*score));

	if (!score)
		return NULL;
	score->config = config;
	if (!seed[0] && getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
		free(score);
		return NULL;
	}
	return score;
}

void mqg_score_free(struct mqg_score *score)
{
	if (!score)
		return;
	HASH_CLEAR(hh, score->sources);
	for (size_t i = 0; i < score->n; i++)
		free(score->heap[i]);
	free(score->heap);
	free(score);
}

static double age(const struct mqg_score *score, uint64_t now)
{
	return (double)now / (double)score->config->half_life_ns;
}

static double points_at(const struct mqg_score *score, const struct source *source, uint64_t now)
{
	return exp2(source->level - age(score, now));
}

static void place(struct mqg_score *score, struct source *source, size_t slot)
{
	score->heap[slot] = source;
	source->slot = slot;
}

static void sift_up(struct mqg_score *score, struct source *source)
{
	size_t slot = source->slot;

	while (slot && score->heap[(slot - 1) / 2]->level > source->level) {
		place(score, score->heap[(slot - 1) / 2], slot);
		slot = (slot - 1) / 2;
	}
	place(score, source, slot);
}

static void sift_down(struct mqg_score *score, struct source *source)
{
	size_t slot = source->slot, child;

	while ((child = 2 * slot + 1) < score->n) {
		if (child + 1 < score->n &&
		    score->heap[child + 1]->level < score->heap[child]->level)
			child++;
		if (score->heap[child]->level >= source->level)
			break;
		place(score, score->heap[child], slot);
		slot = child;
	}
	place(score, source, slot);
}

static struct source *find(const struct mqg_score *score, const struct mqgate_source_key *key)
{
	struct source *source;

	HASH_FIND(hh, score->sources, key, sizeof(*key), source);
	return source;
}

static void discard(struct mqg_score *score, struct source *source)
{
	struct source *last = score->heap[--score->n];

	if (last != source) {
		place(score, last, source->slot);
		sift_up(score, last);
		sift_down(score, last);
	}
	HASH_DELETE(hh, score->sources, source);
	free(source);
}

/* Makes room for one more of @level. False where the newcomer itself is the least scored. */
static bool make_room(struct mqg_score *score, double level)
{
	if (score->n >= score->config->sources_max) {
		if (score->heap[0]->level >= level)
			return false;
		discard(score, score->heap[0]);
	}
	if (score->n == score->room) {
		size_t room = score->room ? score->room * 2 : 256;
		struct source **heap = reallocarray(score->heap, room, sizeof(*heap));

		if (!heap)
			return false;
		score->heap = heap;
		score->room = room;
	}
	return true;
}

static struct source *insert(struct mqg_score *score, const struct mqgate_source_key *key,
			     double level)
{
	struct source *source;

	if (!make_room(score, level))
		return NULL;
	source = calloc(1, sizeof(*source));
	if (!source)
		return NULL;
	source->key = *key;
	source->level = level;
	HASH_ADD(hh, score->sources, key, sizeof(source->key), source);
	if (!source->hh.tbl) {
		free(source);
		return NULL;
	}
	source->slot = score->n++;
	score->heap[source->slot] = source;
	sift_up(score, source);
	return source;
}

/* A LIMIT is written anew when half of it is over: not with every piece of evidence. */
static bool limit_due(const struct mqg_score *score, const struct source *source, uint64_t now)
{
	return source->limited_until < now + score->config->ban_ns / 2;
}

static enum mqg_score_step step_due(const struct mqg_score *score, const struct source *source,
				    double points, uint64_t now)
{
	/* A thousandth of a point forgives the rounding of log2() and exp2(). */
	points += 0.001;
	if (source->banned_until > now)
		return MQG_STEP_NONE;
	if (points >= score->config->threshold)
		return MQG_STEP_DROP;
	if (score->config->limit && points >= score->config->limit &&
	    limit_due(score, source, now))
		return MQG_STEP_LIMIT;
	return MQG_STEP_NONE;
}

enum mqg_score_step mqg_score_add(struct mqg_score *score, const struct mqgate_source_key *key,
				  uint32_t reason, uint64_t now)
{
	uint32_t weight = reason < MQGATE_REASON_MAX ? score->config->weight[reason] : 0;
	double cap = (double)CAP * score->config->threshold;
	struct source *source;
	double points;

	if (!weight)
		return MQG_STEP_NONE;
	source = find(score, key);
	points = weight + (source ? points_at(score, source, now) : 0);
	if (points > cap && points > weight)
		points = cap > weight ? cap : weight;
	if (!source) {
		source = insert(score, key, log2(points) + age(score, now));
		if (!source)
			return MQG_STEP_NONE;
	} else {
		source->level = log2(points) + age(score, now);
		sift_up(score, source);
		sift_down(score, source);
	}
	source->evidence[source->n_evidence++ % MQG_EVIDENCE_KEPT] =
		(struct mqg_evidence){ .time = now, .reason = reason, .points = weight };
	return step_due(score, source, points, now);
}

static size_t kept(const struct source *source)
{
	return source->n_evidence < MQG_EVIDENCE_KEPT ? source->n_evidence : MQG_EVIDENCE_KEPT;
}

/* The reason that brought the most points among the evidence that is remembered. */
static enum mqgate_reason strongest(const struct source *source)
{
	enum mqgate_reason best = MQGATE_REASON_SCORE;
	uint64_t most = 0;

	for (size_t i = 0; i < kept(source); i++) {
		uint64_t sum = 0;

		for (size_t j = 0; j < kept(source); j++)
			if (source->evidence[j].reason == source->evidence[i].reason)
				sum += source->evidence[j].points;
		if (sum > most) {
			most = sum;
			best = source->evidence[i].reason;
		}
	}
	return best;
}

/* Strikes count while the source has not been quiet for twice the longest ban. */
static bool strikes_count(const struct mqg_score *score, uint64_t until, uint64_t now)
{
	return now <= until || (now - until) / 2 <= score->config->ban_max_ns;
}

static uint64_t ban_length(const struct mqg_score_config *config, uint32_t strikes)
{
	uint64_t ns = config->ban_ns;

	while (strikes-- > 1 && ns < config->ban_max_ns)
		ns = ns > config->ban_max_ns / 2 ? config->ban_max_ns : ns * 2;
	return ns < config->ban_max_ns ? ns : config->ban_max_ns;
}

static void describe(const struct mqg_score *score, const struct source *source, uint64_t now,
		     struct mqgate_verdict *verdict)
{
	bool banned = source->banned_until > now;

	memset(verdict, 0, sizeof(*verdict));
	verdict->action = banned ? MQGATE_ACTION_DROP : MQGATE_ACTION_LIMIT;
	verdict->origin = MQGATE_ORIGIN_DAEMON;
	verdict->reason = banned ? source->ban_reason : source->limit_reason;
	verdict->since = banned ? source->ban_since : source->limit_since;
	verdict->expires = banned ? source->banned_until : source->limited_until;
	verdict->strikes = source->strikes;
	if (!banned)
		verdict->rate = score->config->limit_rate;
}

/* What mqg_score_undo() goes back to is kept. Of strikes, who remembers more is right. */
static void begin_step(struct mqg_score *score, struct source *source, uint32_t strikes_known,
		       uint64_t now)
{
	source->before_since = source->ban_since;
	source->before_until = source->banned_until;
	source->before_limited = source->limited_until;
	source->before_strikes = source->strikes;
	if (!strikes_count(score, source->banned_until, now))
		source->strikes = 0;
	if (strikes_known > source->strikes)
		source->strikes = strikes_known;
}

int mqg_score_limit(struct mqg_score *score, const struct mqgate_source_key *key,
		    uint32_t strikes_known, uint64_t now, struct mqgate_verdict *verdict)
{
	struct source *source = find(score, key);

	if (!source)
		return -ENOENT;
	if (source->banned_until <= now && !limit_due(score, source, now))
		return -EALREADY;
	begin_step(score, source, strikes_known, now);
	if (source->banned_until > now)
		source->banned_until = now;
	source->limit_since = now;
	source->limited_until = now + score->config->ban_ns;
	source->limit_reason = strongest(source);
	describe(score, source, now, verdict);
	return 0;
}

int mqg_score_ban(struct mqg_score *score, const struct mqgate_source_key *key,
		  uint32_t strikes_known, uint64_t now, struct mqgate_verdict *verdict)
{
	struct source *source = find(score, key);

	if (!source)
		return -ENOENT;
	begin_step(score, source, strikes_known, now);
	if (source->strikes < UINT32_MAX)
		source->strikes++;
	source->ban_since = now;
	source->banned_until = now + ban_length(score->config, source->strikes);
	source->ban_reason = strongest(source);
	source->limited_until = 0;
	describe(score, source, now, verdict);
	return 0;
}

void mqg_score_undo(struct mqg_score *score, const struct mqgate_source_key *key)
{
	struct source *source = find(score, key);

	if (!source)
		return;
	source->ban_since = source->before_since;
	source->banned_until = source->before_until;
	source->limited_until = source->before_limited;
	source->strikes = source->before_strikes;
}

void mqg_score_adopt(struct mqg_score *score, const struct mqgate_source_key *key,
		     const struct mqgate_verdict *verdict, uint64_t now)
{
	struct source *source = find(score, key);

	if (!strikes_count(score, verdict->expires, now))
		return;
	if (!source)
		source = insert(score, key,
				log2(score->config->threshold) + age(score, verdict->since));
	if (!source || source->banned_until >= verdict->expires)
		return;
	source->ban_since = verdict->since;
	source->banned_until = verdict->expires;
	source->ban_reason = verdict->reason;
	source->strikes = verdict->strikes ? verdict->strikes : 1;
}

void mqg_score_forget(struct mqg_score *score, const struct mqgate_source_key *key)
{
	struct source *source = find(score, key);

	if (source)
		discard(score, source);
}

bool mqg_score_lookup(const struct mqg_score *score, const struct mqgate_source_key *key,
		      uint64_t now, struct mqg_score_view *view)
{
	const struct source *source = find(score, key);

	memset(view, 0, sizeof(*view));
	if (!source)
		return false;
	view->points = points_at(score, source, now);
	view->strikes = strikes_count(score, source->banned_until, now) ? source->strikes : 0;
	view->banned_until = source->banned_until > now ? source->banned_until : 0;
	view->n_evidence = kept(source);
	for (size_t i = 0; i < view->n_evidence; i++)
		view->evidence[i] =
			source->evidence[(source->n_evidence - 1 - i) % MQG_EVIDENCE_KEPT];
	return true;
}

size_t mqg_score_count(const struct mqg_score *score)
{
	return score->n;
}

void mqg_score_verdicts_each(const struct mqg_score *score, uint64_t now, mqg_score_verdict_fn fn,
			     void *arg)
{
	for (size_t i = 0; i < score->n; i++) {
		struct mqgate_verdict verdict;

		if (score->heap[i]->banned_until <= now && score->heap[i]->limited_until <= now)
			continue;
		describe(score, score->heap[i], now, &verdict);
		fn(&score->heap[i]->key, &verdict, arg);
	}
}
