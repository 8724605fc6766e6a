// SPDX-License-Identifier: BSD-2-Clause
/*
 * Decisions by the trie. A topic goes down all of its paths: the literal level, "+" and templates
 * below each node. A filter is taken as topics whose levels nobody has named: under "+" only "+"
 * leads on, and "#" is no level, one, two, ... of them, each of which has to be covered. Wildcards
 * of the first level do not match what begins with "$" (MQTT 4.7.2). Any thread; no lock.
 */
#include "policy/compiled.h"

#include <string.h>

#define NO_RULE UINT32_MAX

/* The rules that decide at one depth; the depths behind it are what "#" of a filter stands for. */
struct found {
	uint32_t	deny;		/* the first one */
	uint32_t	allow;		/* the first one of the most QoS */
	uint8_t		qos;
};

struct depth {
	struct found	end;		/* for topics that end here */
	struct found	hash;		/* for those and all that go on */
};

struct walk {
	const struct mqg_grant	*grant;
	const struct mqg_trie	*trie;
	uint8_t			allow, deny;	/* rights of rules, as bits */
	bool			filter;
	bool			open;		/* the filter ends with "#", */
	bool			whole;		/* and has nothing else */
	uint32_t		deepest;	/* used of depths */
	struct depth		depths[MQG_LEVELS_MAX + 2];
};

enum how { AS_WRITTEN, DENY_ONLY, VAGUE_ONLY };

static void note(struct found *found, const struct mqg_term *term)
{
	uint8_t qos = MQG_TERM_QOS(term->flags);

	if (term->flags & MQG_TERM_DENY) {
		if (term->rule < found->deny)
			found->deny = term->rule;
		return;
	}
	if (found->allow == NO_RULE || qos > found->qos ||
	    (qos == found->qos && term->rule < found->allow)) {
		found->allow = term->rule;
		found->qos = qos;
	}
}

static bool counts(const struct walk *w, const struct mqg_term *term, enum how how)
{
	bool deny = term->flags & MQG_TERM_DENY;

	if (!(term->rights & (deny ? w->deny : w->allow)))
		return false;
	if (term->vague)
		return term->vague & w->grant->values.bad;
	return how == AS_WRITTEN || (how == DENY_ONLY && deny);
}

/* Takes in what ends at @node for the scopes of the client; of a topic that goes on, "#" alone. */
static void collect(const struct walk *w, uint32_t node, uint16_t has, struct depth *depth,
		    bool goes_on, enum how how)
{
	const struct mqg_table *terms = &w->trie->terms;

	if (!(has & (goes_on ? MQG_AT_HASH : MQG_AT_END | MQG_AT_HASH)))
		return;
	for (uint32_t i = 0; i < w->grant->active; i++) {
		uint32_t scope = w->grant->scopes[i];
		uint32_t at = mqg_table_first(terms, mqg_term_hash(node, scope));

		for (;; at = mqg_table_next(terms, at)) {
			const struct mqg_term *term = mqg_table_slot(terms, at);
			bool hash = term->flags & MQG_TERM_HASH;

			if (!term->node)
				break;
			if (term->node == node && term->scope == scope && (hash || !goes_on) &&
			    counts(w, term, how))
				note(hash ? &depth->hash : &depth->end, term);
		}
	}
}

static void clear(struct depth *depth)
{
	*depth = (struct depth){
		.end = { .deny = NO_RULE, .allow = NO_RULE },
		.hash = { .deny = NO_RULE, .allow = NO_RULE },
	};
}

/* Below "#" of a filter: so many levels more, which only "+" leads to. */
static void unroll(struct walk *w, uint32_t node, enum how how)
{
	w->open = true;
	w->whole = node == MQG_NODE_ROOT;
	for (uint32_t k = 0; node; k++) {
		if (k > w->deepest)
			clear(&w->depths[++w->deepest]);
		collect(w, node, w->trie->nodes[node].has, &w->depths[k], false, how);
		node = w->trie->nodes[node].plus;
	}
}

/* From @node, which has @has, along @p; NULL: the topic ends here. */
static void step(struct walk *w, uint32_t node, uint16_t has, const uint8_t *p, const uint8_t *end,
		 enum how how)
{
	bool root = node == MQG_NODE_ROOT;

	for (; p; root = false) {
		const uint8_t *slash = memchr(p, '/', (size_t)(end - p));
		const uint8_t *next = slash ? slash + 1 : NULL;
		size_t len = (size_t)((slash ? slash : end) - p);
		bool wild = w->filter && len == 1 && (*p == '+' || *p == '#');
		bool system = root && len && *p == '$';
		const struct mqg_edge *edge = NULL;

		if (wild && *p == '#') {
			unroll(w, node, how);
			return;
		}
		collect(w, node, has, &w->depths[0], true, system ? VAGUE_ONLY : how);
		if (has & MQG_AT_PLUS && !system) {
			uint32_t plus = w->trie->nodes[node].plus;

			step(w, plus, w->trie->nodes[plus].has, next, end, how);
		}
		if (wild)
			return;
		for (uint32_t b = has & MQG_AT_TEMPLATE ? w->trie->nodes[node].branch : 0; b;
		     b = w->trie->branches[b - 1].next) {
			const struct mqg_branch *branch = &w->trie->branches[b - 1];
			const struct mqg_template *t = &w->trie->templates[branch->template];

			/* Nobody becomes a part of the broker by what he is called. */
			if (mqg_level_equal(w->trie, t, &w->grant->values, p, len))
				step(w, branch->child, w->trie->nodes[branch->child].has, next, end,
				     system && mqg_level_leads(w->trie, t) ? DENY_ONLY : how);
		}
		if (has & MQG_AT_TEXT)
			edge = mqg_trie_edge(w->trie, node, p, len);
		if (!edge)
			return;
		node = edge->child;
		has = edge->has;
		p = next;
	}
	collect(w, node, has, &w->depths[0], false, how);
}

static void join(struct found *into, const struct found *other)
{
	if (other->deny < into->deny)
		into->deny = other->deny;
	if (other->allow != NO_RULE &&
	    (into->allow == NO_RULE || other->qos > into->qos ||
	     (other->qos == into->qos && other->allow < into->allow))) {
		into->allow = other->allow;
		into->qos = other->qos;
	}
}

/*
 * Every depth has to be allowed, and one that is not refused left over. The depth behind the
 * deepest is that of all topics that go on further.
 */
static struct mqg_verdict weigh(const struct walk *w)
{
	struct found going_on = w->depths[0].hash;
	struct mqg_verdict verdict = { .allowed = true, .rule = -1 };
	uint32_t last = w->open ? w->deepest + 1 : 0, left = 0, first_deny = NO_RULE;

	/* There is no topic without a level. */
	for (uint32_t k = w->whole ? 1 : 0; k <= last; k++) {
		struct found here = going_on;

		if (k <= w->deepest) {
			join(&going_on, &w->depths[k].hash);
			here = going_on;
			join(&here, &w->depths[k].end);
		}
		if (here.deny == NO_RULE)
			left++;
		else if (here.deny < first_deny)
			first_deny = here.deny;
		if (here.allow == NO_RULE) {
			verdict.allowed = false;
		} else if (verdict.rule < 0 || here.qos < verdict.qos) {
			verdict.rule = here.allow;
			verdict.qos = here.qos;
		}
	}
	if (!left)
		return (struct mqg_verdict){ .rule = first_deny };
	return verdict.allowed ? verdict : (struct mqg_verdict){ .rule = -1 };
}

/* "$share/NAME/FILTER" is judged as FILTER (MQTT 5, 4.8.2). */
static const uint8_t *unshare(const uint8_t *filter, size_t len)
{
	const uint8_t *name = filter + 7, *end;

	if (len < 8 || memcmp(filter, "$share/", 7))
		return filter;
	end = memchr(name, '/', len - 7);
	return end ? end + 1 : filter;
}

struct mqg_verdict mqg_walk(const struct mqg_grant *grant, enum mqg_right right,
			    const uint8_t *topic, size_t len)
{
	/* Not initialised as a whole: the depths are many, and mostly one is used. */
	struct walk w;
	const uint8_t *end = topic + len;

	w.grant = grant;
	w.trie = &grant->rights->trie;
	w.filter = right == MQG_MAY_SUBSCRIBE;
	w.allow = (uint8_t)(1U << right);
	w.deny = w.allow;
	if (right == MQG_MAY_WILL)
		w.deny |= 1U << MQG_MAY_PUBLISH;
	if (right == MQG_MAY_RECEIVE)
		w.deny |= 1U << MQG_MAY_SUBSCRIBE;
	w.open = w.whole = false;
	w.deepest = 0;
	clear(&w.depths[0]);
	if (right == MQG_MAY_CONNECT)
		collect(&w, MQG_NODE_CONNECT, w.trie->nodes[MQG_NODE_CONNECT].has, &w.depths[0],
			false, AS_WRITTEN);
	else
		step(&w, MQG_NODE_ROOT, w.trie->nodes[MQG_NODE_ROOT].has,
		     w.filter ? unshare(topic, len) : topic, end, AS_WRITTEN);
	return weigh(&w);
}
