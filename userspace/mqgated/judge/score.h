/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scores of sources: points that halve every half-life, a bounded table, the ladder of verdicts
 * (LIMIT, then DROP, each twice as long as the one before, up to a longest). Knows
 * neither maps nor clocks: the caller passes the time in. Owned by the judge, guarded by its lock.
 */
#ifndef MQG_JUDGE_SCORE_H
#define MQG_JUDGE_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/mqgate.h>

#include "config/config.h"

#define MQG_EVIDENCE_KEPT	8

struct mqg_score;

struct mqg_evidence {
	uint64_t	time;
	uint32_t	reason;
	uint32_t	points;
};

struct mqg_score_view {
	double			points;		/* now */
	uint32_t		strikes;	/* bans in a row, 0 when forgotten */
	uint64_t		banned_until;	/* 0 = not banned now */
	struct mqg_evidence	evidence[MQG_EVIDENCE_KEPT];	/* latest first */
	size_t			n_evidence;
};

/* The configuration must outlive the table. NULL when memory is out. */
/* Goes by @config from now on; what was scored stays. */
void mqg_score_configure(struct mqg_score *score, const struct mqg_score_config *config);

struct mqg_score *mqg_score_alloc(const struct mqg_score_config *config);
void mqg_score_free(struct mqg_score *score);

/* What a piece of evidence makes due. */
enum mqg_score_step {
	MQG_STEP_NONE = 0,
	MQG_STEP_LIMIT,
	MQG_STEP_DROP,
};

/**
 * mqg_score_add() - add one piece of evidence
 * @key: as of mqg_source_scored()
 * @reason: its weight is what is added; weight 0 leaves no trace
 * @now: nanoseconds, never going back
 *
 * A full table gives up its least scored source, or does not take this one where it would be that.
 * Return: MQG_STEP_DROP when the source is at or above the threshold, MQG_STEP_LIMIT when it is so
 * of the limit below it and not limited for long enough; neither of one that is banned at present.
 */
enum mqg_score_step mqg_score_add(struct mqg_score *score, const struct mqgate_source_key *key,
				  uint32_t reason, uint64_t now);

/**
 * mqg_score_limit() - limit a source, and end its ban where it has one
 * @strikes_known: as of mqg_score_ban(); they are kept, and none is added
 * @verdict: out, the LIMIT to write, for as long as a first ban
 *
 * Return: 0, -EALREADY where it is limited for at least half of that, or -ENOENT where the table
 * does not know the source.
 */
int mqg_score_limit(struct mqg_score *score, const struct mqgate_source_key *key,
		    uint32_t strikes_known, uint64_t now, struct mqgate_verdict *verdict);

/**
 * mqg_score_ban() - the next ban of the ladder
 * @strikes_known: strikes that somebody else (an entry of the map) remembers
 * @verdict: out, the DROP to write; its reason is the strongest evidence
 *
 * Return: 0, or -ENOENT where the table does not know the source.
 */
int mqg_score_ban(struct mqg_score *score, const struct mqgate_source_key *key,
		  uint32_t strikes_known, uint64_t now, struct mqgate_verdict *verdict);

/* Takes the last step back, as if it had not been: it could not be written. */
void mqg_score_undo(struct mqg_score *score, const struct mqgate_source_key *key);

/* Learns a ban that an earlier run wrote. One that is long over and forgotten leaves no trace. */
void mqg_score_adopt(struct mqg_score *score, const struct mqgate_source_key *key,
		     const struct mqgate_verdict *verdict, uint64_t now);

/* Forgets a source: score, evidence and strikes. */
void mqg_score_forget(struct mqg_score *score, const struct mqgate_source_key *key);

/* Return: false where the table does not know the source (@view is zeroed). */
bool mqg_score_lookup(const struct mqg_score *score, const struct mqgate_source_key *key,
		      uint64_t now, struct mqg_score_view *view);

size_t mqg_score_count(const struct mqg_score *score);

typedef void (*mqg_score_verdict_fn)(const struct mqgate_source_key *key,
				     const struct mqgate_verdict *verdict, void *arg);
/* Calls @fn for every source that is banned or limited at @now. */
void mqg_score_verdicts_each(const struct mqg_score *score, uint64_t now, mqg_score_verdict_fn fn,
			     void *arg);

#endif
