// SPDX-License-Identifier: BSD-2-Clause
/*
 * Random rules and questions: the trie against a reference that looks at every rule, and that
 * judges a filter by naming the topics that it matches. MQGATE_SEED and MQGATE_RUNS choose others.
 */
#include "stage.h"

#include <stdio.h>
#include <stdlib.h>

#define RULES	8
#define DEPTH	3			/* levels of a rule's filter, at most */

struct said {
	bool		deny, other;	/* of the second policy */
	unsigned int	bits;
	uint8_t		qos;
	char		topic[256];
};

static uint64_t state;
static struct mqg_subject subject;	/* of the identity "i" or another */
static struct said rules[RULES];

static uint32_t pick(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 11) % n);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CHOOSE(words) ((words)[pick((uint32_t)COUNT(words))])

static const char *const rule_levels[] = { "a", "b", "a", "+", "+", "$x", "", "${client_id}",
	"p${client_id}", "${identity}-${client_id}",
	"a-level-that-is-longer-than-a-slot-has-room-for" };
static const char *const topic_levels[] = { "a", "b", "z", "$x", "", "v", "pv", "i-v", "x",
	"a-level-that-is-longer-than-a-slot-has-room-for", "a-level-that-is-longer-than-a" };

static void compose(char *out, const char *const *words, size_t n, bool hash)
{
	uint32_t levels = pick(DEPTH) + 1;

	*out = '\0';
	if (hash && !pick(8)) {
		strcpy(out, "#");
		return;
	}
	for (uint32_t i = 0; i < levels; i++) {
		strcat(out, i ? "/" : "");
		strcat(out, words[pick((uint32_t)n)]);
	}
	if (!*out)
		strcpy(out, "a");
	if (hash && !pick(4))
		strcat(out, "/#");
}

/* ---- the reference ------------------------------------------------------------------------ */

/* Replaces variables; false: one of them has no value that may. */
static bool expand(const char *filter, char *out)
{
	for (*out = '\0'; *filter;) {
		const char *value = NULL;

		if (!strncmp(filter, "${client_id}", 12)) {
			value = subject.client_id;
			filter += 12;
		} else if (!strncmp(filter, "${identity}", 11)) {
			value = subject.identity;
			filter += 11;
		}
		if (value && strpbrk(value, "/+#"))
			return false;
		if (value)
			strcat(out, value);
		else
			strncat(out, filter++, 1);
	}
	return true;
}

/* MQTT 4.7, of a filter without variables. */
static bool match(const char *filter, const char *topic)
{
	if (*topic == '$' && (*filter == '+' || *filter == '#'))
		return false;
	for (;;) {
		size_t f = strcspn(filter, "/"), t = strcspn(topic, "/");

		if (!strcmp(filter, "#"))
			return true;
		if (!(f == 1 && *filter == '+') && (f != t || memcmp(filter, topic, f)))
			return false;
		if (!topic[t])
			return !filter[f] || !strcmp(filter + f, "/#");
		if (!filter[f])
			return false;
		filter += f + 1;
		topic += t + 1;
	}
}

/* Does the rule speak of that topic, to this client? */
static bool speaks(const struct said *rule, const char *topic)
{
	char filter[512];
	const char *variable;

	if (rule->other && strcmp(subject.identity, "i"))
		return false;
	if (expand(rule->topic, filter)) {
		/* A name that begins with $ is no way to the topics of the broker. */
		variable = *topic == '$' && !rule->deny ? strstr(rule->topic, "${") : NULL;
		return variable != rule->topic && match(filter, topic);
	}
	if (!rule->deny)
		return false;
	/* All that lies where the name would have stood. */
	for (const char *at = rule->topic; (at = strstr(at, "${client_id}")); at++) {
		char before[512], whole[512];
		size_t level = (size_t)(at - rule->topic);

		while (level && rule->topic[level - 1] != '/')
			level--;
		snprintf(before, sizeof(before), "%.*s#", (int)level, rule->topic);
		if (!expand(before, whole))
			continue;
		if (match(whole, topic) || (!level && *topic == '$'))
			return true;
	}
	return false;
}

static struct mqg_decision decide(unsigned int allow, unsigned int deny, const char *topic)
{
	struct mqg_decision d = { .allowed = false };

	for (uint32_t i = 0; i < RULES; i++) {
		if (!(rules[i].bits & (rules[i].deny ? deny : allow)) ||
		    !speaks(&rules[i], topic))
			continue;
		if (rules[i].deny)
			return (struct mqg_decision){ .line = i + 1 };
		if (!d.allowed || rules[i].qos > d.qos)
			d = (struct mqg_decision){ true, rules[i].qos, i + 1 };
	}
	return d;
}

/* Names the topics of up to DEPTH + 1 levels that @filter matches, and asks for each. */
static void name_topics(const char *filter, char *topic, unsigned int depth, bool *all, bool *none)
{
	static const char *const levels[] = { "a", "z", "b", "v", "$x", "", "pv", "x" };
	size_t len = strlen(topic);

	for (size_t i = 0; i < COUNT(levels) && *all; i++) {
		/* What else there is makes no difference further down. */
		if (depth && i > 4)
			break;
		snprintf(topic + len, 64 - len, "%s%s", depth ? "/" : "", levels[i]);
		if (*topic && match(filter, topic)) {
			*all &= decide(BIT(SUBSCRIBE), 0, topic).allowed;
			*none &= !!decide(0, BIT(SUBSCRIBE), topic).line;
		}
		if (depth < DEPTH)
			name_topics(filter, topic, depth + 1, all, none);
		topic[len] = '\0';
	}
}

/* ---- cases -------------------------------------------------------------------------------- */

static void explain(const char *asked)
{
	for (uint32_t i = 0; i < RULES; i++)
		print_message("# %u: %s%s %#x qos %u %s\n", i + 1,
			      rules[i].other ? "other " : "", rules[i].deny ? "deny" : "allow",
			      rules[i].bits, rules[i].qos, rules[i].topic);
	print_message("# client_id %s, identity %s, asked %s\n", subject.client_id,
		      subject.identity, asked);
}

static struct mqg_rights *compose_rules(void)
{
	struct mqg_rights *rights = begin();
	uint32_t second = policy_of(rights, pick(2) ? "i" : "i*");

	for (uint32_t i = 0; i < RULES; i++) {
		struct said *r = &rules[i];

		r->deny = !pick(4);
		r->other = !pick(3);
		r->bits = pick(63) + 1;
		r->qos = (uint8_t)(r->deny ? 0 : pick(3));
		compose(r->topic, rule_levels, COUNT(rule_levels), true);
		say(rights, r->other ? second : 0, r->deny, r->bits, r->qos, r->topic);
	}
	finish(rights);
	return rights;
}

static void check_topic(struct mqg_grant *grant)
{
	static const struct {
		enum mqg_right	right;
		unsigned int	deny;
	} asked[] = {
		{ MQG_MAY_PUBLISH, BIT(PUBLISH) },
		{ MQG_MAY_RECEIVE, BIT(RECEIVE) | BIT(SUBSCRIBE) },
		{ MQG_MAY_WILL, BIT(WILL) | BIT(PUBLISH) },
		{ MQG_MAY_RETAIN, BIT(RETAIN) },
	};
	size_t n = pick(4);
	struct mqg_decision got, want;
	char topic[256];

	compose(topic, topic_levels, COUNT(topic_levels), false);
	want = decide(1U << asked[n].right, asked[n].deny, topic);
	/* The second answer comes from the cache. */
	for (int again = 0; again < 2; again++) {
		got = ask(grant, asked[n].right, topic);
		if (got.allowed != want.allowed || got.qos != want.qos || got.line != want.line) {
			explain(topic);
			fail_msg("got %d qos %u line %u, want %d qos %u line %u", got.allowed,
				 got.qos, got.line, want.allowed, want.qos, want.line);
		}
	}
}

static void check_filter(struct mqg_grant *grant)
{
	static const char *const levels[] = { "a", "b", "+", "+", "v", "$x" };
	char filter[256], topic[64] = "";
	bool all = true, none = true, got;

	compose(filter, levels, COUNT(levels), true);
	name_topics(filter, topic, 0, &all, &none);
	got = ask_filter(grant, filter).allowed;
	if (got != (all && !none)) {
		explain(filter);
		fail_msg("got %d, want all %d none %d", got, all, none);
	}
}

static void random_rules(void **unused)
{
	static const char *const names[] = { "v", "v", "x/y", "+", "#", "a", "$x", "$x/y" };
	const char *seed = getenv("MQGATE_SEED"), *runs = getenv("MQGATE_RUNS");
	unsigned long n = runs ? strtoul(runs, NULL, 10) : 100000;

	(void)unused;
	state = seed ? strtoull(seed, NULL, 10) : 20260701;
	print_message("# MQGATE_SEED=%llu MQGATE_RUNS=%lu\n", (unsigned long long)state, n);
	for (unsigned long i = 0; i < n;) {
		struct mqg_rights *rights = compose_rules();
		struct mqg_grant *grant;

		subject.client_id = CHOOSE(names);
		subject.identity = pick(2) ? "i" : "j";
		grant = take(rights, &subject);
		for (int k = 0; k < 8; k++, i++) {
			if (k % 4)
				check_topic(grant);
			else
				check_filter(grant);
		}
		mqg_grant_drop(grant);
		mqg_rights_free(rights);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_rules),
	};

	return cmocka_run_group_tests_name("policy: random", tests, NULL, NULL);
}
