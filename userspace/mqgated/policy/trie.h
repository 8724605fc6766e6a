/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The topic filters of all rules of all policies as one trie. Literal levels are one table keyed by
 * (node, text); a node has at most one "+" below it, and a short list of levels with variables
 * (templates), whose texts are those of the client that asks. Where a filter ends stands in a table
 * keyed by (node, scope), so that rules of others, however many end there, cost nothing. Built
 * while a configuration is loaded (main thread); then constant, and read by every worker.
 *
 * Memory: a rule takes a slot of terms (24 bytes with the free ones) and a record (8), each literal
 * level that it does not share a slot of edges (48) and a node (12).
 */
#ifndef MQG_POLICY_TRIE_H
#define MQG_POLICY_TRIE_H

#include "policy/fields.h"
#include "policy/table.h"

#define MQG_LEVELS_MAX		128	/* of the filter of a rule */
#define MQG_TEMPLATES_MAX	1024	/* different levels with variables */

/* Nodes; 0 is none. */
#define MQG_NODE_ROOT		1U
#define MQG_NODE_CONNECT	2U	/* where the right to connect ends: no topic leads here */

/* What a node has. */
#define MQG_AT_END	(1U << 0)	/* filters that end here */
#define MQG_AT_HASH	(1U << 1)	/* filters that go on with "#" */
#define MQG_AT_PLUS	(1U << 2)
#define MQG_AT_TEXT	(1U << 3)	/* literal levels below */
#define MQG_AT_TEMPLATE	(1U << 4)

struct mqg_node {
	uint32_t	plus;		/* the node below "+" */
	uint32_t	branch;		/* first of its templates, + 1 */
	uint16_t	has;		/* MQG_AT_* */
};

#define MQG_EDGE_INLINE	20U

/* To keep a look-up within one line of the cache a short level lies in its slot. */
struct mqg_edge {
	uint32_t	parent;		/* 0: free */
	uint32_t	child;
	uint16_t	len;
	uint16_t	has;		/* of the child; filled in by mqg_trie_fit() */
	union {
		char	text[MQG_EDGE_INLINE];
		struct {
			uint32_t	offset;		/* of the whole, where it is longer */
			char		head[MQG_EDGE_INLINE - 4];
		};
	};
};

/* Where the filter of a rule ends, for the clients of a scope. */
struct mqg_term {
	uint32_t	node;		/* 0: free */
	uint32_t	scope;
	uint32_t	rule;		/* in the order of writing */
	uint16_t	vague;		/* fields: holds only where one of them fills no level */
	uint8_t		rights;		/* bits of enum mqg_right */
	uint8_t		flags;		/* MQG_TERM_*, QoS in the two bits above */
};

#define MQG_TERM_DENY	(1U << 0)
#define MQG_TERM_HASH	(1U << 1)
#define MQG_TERM_QOS(flags) ((flags) >> 2)

/* A part of a level: the value of a field, or (MQG_FIELDS) a text. */
struct mqg_piece {
	uint32_t	text;
	uint16_t	len;
	uint16_t	field;
};

struct mqg_template {
	uint32_t	first;		/* of its pieces */
	uint16_t	n;
	uint16_t	fields;		/* that it uses, as bits */
};

struct mqg_branch {
	uint32_t	template;
	uint32_t	child;
	uint32_t	next;		/* + 1; 0 = the last */
};

struct mqg_trie {
	struct mqg_table	edges, terms;
	struct mqg_node		*nodes;
	uint32_t		n_nodes, nodes_room;
	struct mqg_branch	*branches;
	uint32_t		n_branches;
	struct mqg_template	*templates;
	uint32_t		n_templates;
	struct mqg_piece	*pieces;
	uint32_t		n_pieces;
	uint16_t		fields;		/* that any template uses */
	struct mqg_texts	texts;
};

/* How variables are written: ${cn}; %c and %u as mosquitto has them; not at all. */
enum mqg_variables { MQG_VARIABLES_NAMED, MQG_VARIABLES_PERCENT, MQG_VARIABLES_NONE };

/* What ends where a filter does; rule, scope and rights of the term. */
struct mqg_rule {
	uint32_t	scope, number;
	uint8_t		rights;
	bool		deny;
	uint8_t		qos;
};

int mqg_trie_init(struct mqg_trie *trie);
void mqg_trie_free(struct mqg_trie *trie);

/**
 * mqg_trie_add() - add the filter of a rule
 * @trie:   the trie
 * @filter: the filter; NULL: the right to connect
 * @style:  of its variables
 * @rule:   what ends there
 * @fields: out, bits of the fields that the filter uses
 * @why:    out on -EINVAL, what is wrong and the remedy, behind the filter's own words
 *
 * A deny rule with variables also ends in front of each of them, with "#": where a value that a
 * client has fills no level (CVE-2017-7650) it is refused all that lies there, lest a name takes a
 * client out of the rule.
 * Return: 0, -EINVAL or -ENOMEM.
 */
int mqg_trie_add(struct mqg_trie *trie, const char *filter, enum mqg_variables style,
		 const struct mqg_rule *rule, uint16_t *fields, const char **why);

/* Nothing is added any more. Return: 0 or -ENOMEM. */
int mqg_trie_fit(struct mqg_trie *trie);

static inline uint32_t mqg_edge_hash(uint32_t parent, const void *text, size_t len)
{
	return mqg_hash((uint64_t)parent << 16, text, len);
}

static inline uint32_t mqg_term_hash(uint32_t node, uint32_t scope)
{
	return (uint32_t)(mqg_hash_mix((uint64_t)node << 32 | scope | 1ULL << 63,
				       0xd6e8feb86659fd93ULL) >> 32);
}

/* The edge of @text below @parent, or NULL. */
const struct mqg_edge *mqg_trie_edge(const struct mqg_trie *trie, uint32_t parent,
				     const uint8_t *text, size_t len);

#endif
