// SPDX-License-Identifier: BSD-2-Clause
/* Building of the trie; see trie.h. Main thread, while a configuration is loaded. */
#include "policy/trie.h"

#include <errno.h>
#include <stdlib.h>

#include "policy/level.h"

static uint32_t hash_edge(const void *slot, const void *arg)
{
	const struct mqg_edge *edge = slot;
	const struct mqg_texts *texts = arg;

	return mqg_edge_hash(edge->parent, edge->len > MQG_EDGE_INLINE ?
			     texts->bytes + edge->offset : edge->text, edge->len);
}

static uint32_t hash_term(const void *slot, const void *arg)
{
	const struct mqg_term *term = slot;

	(void)arg;
	return mqg_term_hash(term->node, term->scope);
}

static int64_t new_node(struct mqg_trie *trie)
{
	if (trie->n_nodes == trie->nodes_room) {
		uint32_t room = trie->nodes_room ? trie->nodes_room * 2 : 64;
		struct mqg_node *more = reallocarray(trie->nodes, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		trie->nodes = more;
		trie->nodes_room = room;
	}
	trie->nodes[trie->n_nodes] = (struct mqg_node){ .plus = 0 };
	return trie->n_nodes++;
}

int mqg_trie_init(struct mqg_trie *trie)
{
	memset(trie, 0, sizeof(*trie));
	trie->edges.width = sizeof(struct mqg_edge);
	trie->terms.width = sizeof(struct mqg_term);
	for (uint32_t i = 0; i <= MQG_NODE_CONNECT; i++)
		if (new_node(trie) < 0)
			return -ENOMEM;
	return 0;
}

void mqg_trie_free(struct mqg_trie *trie)
{
	mqg_table_free(&trie->edges);
	mqg_table_free(&trie->terms);
	free(trie->nodes);
	free(trie->branches);
	free(trie->templates);
	free(trie->pieces);
	free(trie->texts.bytes);
}

const struct mqg_edge *mqg_trie_edge(const struct mqg_trie *trie, uint32_t parent,
				     const uint8_t *text, size_t len)
{
	const struct mqg_table *edges = &trie->edges;
	uint32_t at;

	if (!edges->room)
		return NULL;
	for (at = mqg_table_first(edges, mqg_edge_hash(parent, text, len));;
	     at = mqg_table_next(edges, at)) {
		const struct mqg_edge *edge = mqg_table_slot(edges, at);

		if (!edge->parent)
			return NULL;
		if (edge->parent == parent && edge->len == len &&
		    !memcmp(len > MQG_EDGE_INLINE ? trie->texts.bytes + edge->offset : edge->text,
			    text, len))
			return edge;
	}
}

static int64_t add_text(struct mqg_trie *trie, uint32_t parent, const uint8_t *text, size_t len)
{
	const struct mqg_edge *known = mqg_trie_edge(trie, parent, text, len);
	struct mqg_edge *edge;
	int64_t child, offset = 0;

	if (known)
		return known->child;
	child = new_node(trie);
	if (len > MQG_EDGE_INLINE)
		offset = mqg_texts_add(&trie->texts, text, len);
	if (child < 0 || offset < 0)
		return -ENOMEM;
	edge = mqg_table_add(&trie->edges, mqg_edge_hash(parent, text, len), hash_edge,
			     &trie->texts);
	if (!edge)
		return -ENOMEM;
	edge->parent = parent;
	edge->child = (uint32_t)child;
	edge->len = (uint16_t)len;
	if (len > MQG_EDGE_INLINE)
		edge->offset = (uint32_t)offset;
	else
		memcpy(edge->text, text, len);
	trie->nodes[parent].has |= MQG_AT_TEXT;
	return child;
}

static int64_t add_template(struct mqg_trie *trie, uint32_t parent, uint32_t template)
{
	struct mqg_branch *more;
	int64_t child;

	for (uint32_t b = trie->nodes[parent].branch; b; b = trie->branches[b - 1].next)
		if (trie->branches[b - 1].template == template)
			return trie->branches[b - 1].child;
	more = reallocarray(trie->branches, trie->n_branches + 1U, sizeof(*more));
	if (!more)
		return -ENOMEM;
	trie->branches = more;
	child = new_node(trie);
	if (child < 0)
		return child;
	trie->branches[trie->n_branches++] = (struct mqg_branch){
		.template = template,
		.child = (uint32_t)child,
		.next = trie->nodes[parent].branch,
	};
	trie->nodes[parent].branch = trie->n_branches;
	trie->nodes[parent].has |= MQG_AT_TEMPLATE;
	return child;
}

static int64_t add_plus(struct mqg_trie *trie, uint32_t parent)
{
	int64_t child = trie->nodes[parent].plus;

	if (child)
		return child;
	child = new_node(trie);
	if (child < 0)
		return child;
	trie->nodes[parent].plus = (uint32_t)child;
	trie->nodes[parent].has |= MQG_AT_PLUS;
	return child;
}

/* A rule that says no more than one before it needs no place: chains stay short. */
static bool said(const struct mqg_trie *trie, const struct mqg_term *term)
{
	const struct mqg_table *terms = &trie->terms;
	uint32_t at;

	if (!terms->room)
		return false;
	for (at = mqg_table_first(terms, hash_term(term, NULL));; at = mqg_table_next(terms, at)) {
		const struct mqg_term *other = mqg_table_slot(terms, at);

		if (!other->node)
			return false;
		if (other->node == term->node && other->scope == term->scope &&
		    other->flags == term->flags && other->vague == term->vague &&
		    (other->rights & term->rights) == term->rights)
			return true;
	}
}

static int end_here(struct mqg_trie *trie, uint32_t node, bool hash, uint16_t vague,
		    const struct mqg_rule *rule)
{
	struct mqg_term term = {
		.node = node,
		.scope = rule->scope,
		.rule = rule->number,
		.vague = vague,
		.rights = rule->rights,
		.flags = (uint8_t)((rule->deny ? MQG_TERM_DENY : 0) | (hash ? MQG_TERM_HASH : 0) |
				   rule->qos << 2),
	};
	struct mqg_term *slot;

	if (said(trie, &term))
		return 0;
	slot = mqg_table_add(&trie->terms, hash_term(&term, NULL), hash_term, NULL);
	if (!slot)
		return -ENOMEM;
	*slot = term;
	trie->nodes[node].has |= hash ? MQG_AT_HASH : MQG_AT_END;
	return 0;
}

int mqg_trie_add(struct mqg_trie *trie, const char *filter, enum mqg_variables style,
		 const struct mqg_rule *rule, uint16_t *fields, const char **why)
{
	const char *p = filter;
	int64_t node = MQG_NODE_ROOT;
	int err;

	*fields = 0;
	if (!filter)
		return end_here(trie, MQG_NODE_CONNECT, false, 0, rule);
	err = mqg_filter_check(filter, why);
	if (err)
		return err;
	/* The same topics, and then "#" alone is covered by it as well. */
	if (!strcmp(filter, "+/#"))
		p = "#";
	while (p) {
		size_t len = strcspn(p, "/");
		const char *next = p[len] ? p + len + 1 : NULL;
		uint32_t template;

		if (len == 1 && *p == '#')
			return end_here(trie, (uint32_t)node, true, 0, rule);
		if (len == 1 && *p == '+') {
			node = add_plus(trie, (uint32_t)node);
		} else if (mqg_level_varies(p, len, style)) {
			err = mqg_level_compile(trie, p, len, style, &template, why);
			if (err)
				return err;
			*fields |= trie->templates[template].fields;
			if (rule->deny &&
			    end_here(trie, (uint32_t)node, true, trie->templates[template].fields,
				     rule))
				return -ENOMEM;
			node = add_template(trie, (uint32_t)node, template);
		} else {
			node = add_text(trie, (uint32_t)node, (const uint8_t *)p, len);
		}
		if (node < 0)
			return (int)node;
		p = next;
	}
	return end_here(trie, (uint32_t)node, false, 0, rule);
}

int mqg_trie_fit(struct mqg_trie *trie)
{
	if (mqg_table_fit(&trie->edges, hash_edge, &trie->texts) ||
	    mqg_table_fit(&trie->terms, hash_term, NULL))
		return -ENOMEM;
	for (uint32_t i = 0; i < trie->edges.room; i++) {
		struct mqg_edge *edge = (void *)mqg_table_slot(&trie->edges, i);

		if (edge->parent)
			edge->has = trie->nodes[edge->child].has;
	}
	return 0;
}
