// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the configuration says of groups, policies and credentials, and files that it names for it.
 */
#include "config_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/build.h"

/* In the place of the line mark: 0x10. */
#define POLICY(rest) "policies:\n  - name: p\n" rest
#define RULE(rest) POLICY("    rules:\n      - " rest)
#define MATCH(rest) POLICY("    match: {" rest "}\n    rules:\n      - allow: [connect]")
#define VALID(rest) POLICY("    valid: {" rest "}\n    rules:\n      - allow: [connect]")

static const struct broken cases[] = {
	/* what a broker is told in the place of clients' credentials */
	BROKEN("a password without a username", 4, 4, "    password_file: @/good.key",
	       "4: brokers[0].password_file: without a username; MQTT 3.1.1 has no such CONNECT"),
	BROKEN("two passwords", 4, 4,
	       "    username: u\n    password: p\n    password_file: @/good.key",
	       "5: brokers[0].password: stands beside password_file; leave one of the two out"),
	BROKEN("a password that everybody can read", 4, 4, "    username: u\n    password: p",
	       "5: brokers[0].password: @/mqgate.yaml has mode 0644, so that others may read or"),
	BROKEN("a password file that everybody can read", 4, 4,
	       "    username: u\n    password_file: @/open.key",
	       "5: brokers[0].password_file: @/open.key has mode 0604, so that others may read"),
	BROKEN("a password file that is empty", 4, 4,
	       "    username: u\n    password_file: @/empty.key",
	       "5: brokers[0].password_file: @/empty.key: its first line is empty; write the"),
	BROKEN("a password file that is not there", 4, 4,
	       "    username: u\n    password_file: @/none.key",
	       "5: brokers[0].password_file: @/none.key: No such file or directory; name a file"),
	/* groups and policies */
	BROKEN("no policy at all", 52, 52, "policies: []",
	       "52: policies: holds none, so that nobody could connect; write one, or leave"),
	BROKEN("a policy without a name", 52, 52, "policies:\n  - rules:\n      - deny: [connect]",
	       "53: policies[0].name: missing"),
	BROKEN("two policies of one name", 52, 52,
	       RULE("allow: [connect]\n  - name: p\n    rules:\n      - deny: [connect]"),
	       "56: policies[1].name: \"p\" is already the name of policies[0]; choose another"),
	BROKEN("a policy that says nothing", 52, 52, POLICY("    match: {cn: [a]}"),
	       "53: policies[0]: has neither rules nor an acl_file"),
	BROKEN("a rule that neither allows nor denies", 52, 52, RULE("topics: [a]"),
	       "55: policies[0].rules[0]: has to say either what is allowed or what is denied"),
	BROKEN("a rule that does both", 52, 52,
	       RULE("allow: [publish]\n        deny: [will]\n        topics: [a]"),
	       "55: policies[0].rules[0]: has to say either what is allowed or what is denied"),
	BROKEN("a right that is none", 52, 52, RULE("{allow: [read], topics: [a]}"),
	       "55: policies[0].rules[0].allow: \"read\" is no right; there are connect, publish,"),
	BROKEN("no topics", 52, 52, RULE("allow: [publish]"),
	       "55: policies[0].rules[0].topics: missing; write which"),
	BROKEN("topics of connect", 52, 52, RULE("{allow: [connect], topics: [a]}"),
	       "55: policies[0].rules[0].topics: have no meaning for connect; leave them out"),
	BROKEN("a QoS that is none", 52, 52, RULE("{allow: [publish], topics: [a], qos: 3}"),
	       "55: policies[0].rules[0].qos: 3 is out of range; write 0 to 2"),
	BROKEN("a QoS of what is denied", 52, 52, RULE("{deny: [publish], topics: [a], qos: 1}"),
	       "55: policies[0].rules[0].qos: is a limit to what is allowed; leave it out"),
	BROKEN("a wildcard among other things", 52, 52,
	       RULE("allow: [publish]\n        topics:\n          - a\n          - a/b+"),
	       "58: policies[0].rules[0].topics[1]: \"a/b+\" has a wildcard that is not alone"),
	BROKEN("levels behind #", 52, 52, RULE("{allow: [publish], topics: [\"#/a\"]}"),
	       "55: policies[0].rules[0].topics[0]: \"#/a\" goes on behind \"#\""),
	BROKEN("a shared subscription", 52, 52, RULE("{allow: [subscribe], topics: [$share/g/a]}"),
	       "55: policies[0].rules[0].topics[0]: \"$share/g/a\" is a shared subscription"),
	BROKEN("a variable that is none", 52, 52, RULE("{allow: [publish], topics: [\"a/${cm}\"]}"),
	       "55: policies[0].rules[0].topics[0]: \"a/${cm}\" has a variable that is none"),
	BROKEN("a variable without an end", 52, 52, RULE("{allow: [publish], topics: [\"a${cn\"]}"),
	       "55: policies[0].rules[0].topics[0]: \"a${cn\" has a variable that is none"),
	BROKEN("a field that is none", 52, 52, MATCH("cm: [a]"),
	       "54: policies[0].match.cm: unknown key; did you mean cn?"),
	BROKEN("a group that is none", 52, 52, MATCH("group: [g]"),
	       "54: policies[0].match.group[0]: there is no group \"g\"; name one of \"groups\""),
	BROKEN("a listener that is none", 52, 52, MATCH("listener: [mqtt]"),
	       "54: policies[0].match.listener[0]: there is no listener \"mqtt\"; name one of"),
	BROKEN("a network that is none", 52, 52, MATCH("source: [10.0.0.1/8]"),
	       "54: policies[0].match.source[0]: \"10.0.0.1/8\" has bits set beyond its length"),
	BROKEN("a time that is none", 52, 52, VALID("from: \"2026-02-31\""),
	       "54: policies[0].valid.from: \"2026-02-31\" is no time; write for instance"),
	BROKEN("a time of no zone", 52, 52, VALID("until: \"2026-02-01T10:00:00\""),
	       "54: policies[0].valid.until: \"2026-02-01T10:00:00\" is no time; write for"),
	BROKEN("an end before the beginning", 52, 52, VALID("from: 2026-02-02, until: 2026-02-01"),
	       "54: policies[0].valid.until: is not after valid.from; write a later time"),
	BROKEN("a day that is none", 52, 52, VALID("weekly: [\"man 06:00-20:00\"]"),
	       "54: policies[0].valid.weekly[0]: \"man 06:00-20:00\" is no window; write for"),
	BROKEN("an hour that is none", 52, 52, VALID("weekly: [\"mon 06:00-24:01\"]"),
	       "54: policies[0].valid.weekly[0]: \"mon 06:00-24:01\" is no window; write for"),
	BROKEN("two groups of one name", 52, 52,
	       "groups:\n  - {name: g, identities: [a]}\n  - {name: g, identities: [b]}\n"
	       RULE("allow: [connect]"),
	       "54: groups[1].name: \"g\" is already the name of a group; choose another"),
	BROKEN("limits of a group where nobody is asked who is in it", 52, 52,
	       "groups:\n  - {name: g, identities: [a], limits: {messages_rate: 1}}",
	       "53: groups[0].limits: have no effect without \"policies\"; write one"),
	BROKEN("a limit that only a listener has", 52, 52,
	       "groups:\n  - {name: g, limits: {max_filters: 1}}\n" RULE("allow: [connect]"),
	       "53: groups[0].limits.max_filters: unknown key"),
	BROKEN("a burst of no rate", 52, 52,
	       "groups:\n  - {name: g, limits: {bytes_burst: 1}}\n" RULE("allow: [connect]"),
	       "53: groups[0].limits.bytes_burst: has no meaning without bytes_rate; leave it"),
	BROKEN("a name that metrics could not have", 52, 52,
	       "groups:\n  - {name: a b, limits: {bytes_rate: 1}}\n" RULE("allow: [connect]"),
	       "53: groups[0].name: \"a b\""),
	BROKEN("an ACL file that is not there", 52, 52, POLICY("    acl_file: @/none.acl"),
	       "54: policies[0].acl_file: @/none.acl: No such file or directory; name a file"),
	BROKEN("an ACL file with a word that is none", 52, 52, POLICY("    acl_file: @/word.acl"),
	       "54: policies[0].acl_file: @/word.acl:2: \"topics\" is not known; a line begins"),
	BROKEN("an ACL file with an access that is none", 52, 52,
	       POLICY("    acl_file: @/access.acl"),
	       "54: policies[0].acl_file: @/access.acl:1: \"wrote\" is no access; write read,"),
	BROKEN("an ACL file with a bad filter", 52, 52, POLICY("    acl_file: @/filter.acl"),
	       "54: policies[0].acl_file: @/filter.acl:3: \"a/#/b\" goes on behind \"#\""),
};

static void write_file(const char *name, const char *text, mode_t mode)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void write_acl(const char *name, const char *text)
{
	write_file(name, text, 0644);
}

static void files(void **state)
{
	(void)state;
	write_acl("word.acl", "# mosquitto\ntopics a\n");
	write_acl("access.acl", "topic wrote a\n");
	write_acl("filter.acl", "user x\n\ntopic read a/#/b\n");
	write_acl("good.acl", "topic read news/#\n\n  user  anna b \ntopic readwrite a/#\n"
			      "topic deny a/secret\npattern write dev/%c/%u\nuser carl\ntopic a\n");
	write_file("good.key", "open sesame\nnot this\n", 0640);
	write_file("open.key", "open sesame\n", 0604);
	write_file("empty.key", "\n", 0600);
}

static struct mqg_config *with(const char *text)
{
	const struct broken change = { "", 52, 52, text, "" };

	write_config(&change);
	return load();
}

static struct mqg_decision asked(const struct mqg_config *config, const char *username,
				 enum mqg_right right, const char *topic)
{
	struct mqg_subject subject = { .client_id = "c1", .username = username };
	struct mqg_decision decision;
	struct mqg_grant *grant;

	assert_int_equal(mqg_grant_take(config->rights, &subject, &grant), 0);
	decision = right == MQG_MAY_SUBSCRIBE
			   ? mqg_grant_filter(grant, (const uint8_t *)topic, strlen(topic), 0)
			   : mqg_grant_topic(grant, right, (const uint8_t *)topic, strlen(topic),
					     0);
	mqg_grant_drop(grant);
	return decision;
}

static void none_is_everything(void **state)
{
	struct mqg_config *config;

	(void)state;
	write_config(NULL);
	config = load();
	assert_null(config->rights);
	assert_true(asked(config, NULL, MQG_MAY_PUBLISH, "any").allowed);
	mqg_config_put(config);
}

static void acl_file_is_read(void **state)
{
	struct mqg_config *c = with(POLICY("    acl_file: @/good.acl"));

	(void)state;
	/* Lines in front of the first user are of those without a username. */
	assert_int_equal(asked(c, NULL, MQG_MAY_RECEIVE, "news/a").line, 1);
	assert_true(asked(c, NULL, MQG_MAY_SUBSCRIBE, "news/#").allowed);
	assert_false(asked(c, NULL, MQG_MAY_PUBLISH, "news/a").allowed);
	assert_false(asked(c, "carl", MQG_MAY_RECEIVE, "news/a").allowed);
	assert_int_equal(asked(c, "anna b", MQG_MAY_PUBLISH, "a/x").line, 4);
	assert_int_equal(asked(c, "anna b", MQG_MAY_PUBLISH, "a/secret").line, 5);
	assert_false(asked(c, "anna b", MQG_MAY_WILL, "a/secret").allowed);
	assert_false(asked(c, "carl", MQG_MAY_PUBLISH, "a/x").allowed);
	assert_int_equal(asked(c, "carl", MQG_MAY_PUBLISH, "dev/c1/carl").line, 6);
	assert_false(asked(c, "carl", MQG_MAY_PUBLISH, "dev/c2/carl").allowed);
	assert_false(asked(c, NULL, MQG_MAY_PUBLISH, "dev/c1/").allowed);
	mqg_config_put(c);
}

static void broker_password_is_read(void **state)
{
	const struct broken change = { "", 4, 4, "    username: gate\n"
				       "    password_file: @/good.key", "" };
	struct mqg_config *c;

	(void)state;
	write_config(&change);
	c = load();
	assert_string_equal(c->brokers[0].username, "gate");
	assert_string_equal(c->brokers[0].password, "open sesame");
	mqg_config_put(c);
}

static void values_arrive(void **state)
{
	struct mqg_config *c = with("groups:\n  - {name: g, identities: [a, \"b*\"]}\n"
				    "policies:\n"
				    "  - name: p\n"
				    "    match: {group: [g], source: [10.0.0.0/8],"
				    " listener: [plain]}\n"
				    "    valid: {until: 2026-01-01}\n"
				    "    rules:\n"
				    "      - allow: [connect]\n"
				    "      - {allow: [publish], topics: [t, u], qos: 1}");
	struct mqg_subject subject = {
		.identity = "a", .listener = "plain",
		.addr = { [10] = 0xff, 0xff, 10, 1, 2, 3 },
	};
	struct mqg_decision decision;
	struct mqg_grant *grant;

	(void)state;
	assert_int_equal(mqg_grant_take(c->rights, &subject, &grant), 0);
	assert_int_equal(mqg_grant_connect(grant, 1767225599).line, 59);
	decision = mqg_grant_topic(grant, MQG_MAY_PUBLISH, (const uint8_t *)"u", 1, 1767225599);
	assert_int_equal(decision.line, 60);
	assert_int_equal(decision.qos, 1);
	assert_false(mqg_grant_connect(grant, 1767225600).allowed);
	mqg_grant_drop(grant);
	subject.addr[12] = 11;
	assert_int_equal(mqg_grant_take(c->rights, &subject, &grant), 0);
	assert_false(mqg_grant_connect(grant, 0).allowed);
	mqg_grant_drop(grant);
	mqg_config_put(c);
}

static void group_limits_arrive(void **state)
{
	struct mqg_config *c = with("groups:\n  - {name: g, identities: [a]}\n"
				    "  - {name: h, identities: [\"*\"],"
				    " limits: {messages_rate: 7, bytes_rate: 8, bytes_burst: 9}}\n"
				    "  - {name: i, identities: [b], limits: {bytes_rate: 1}}\n"
				    RULE("allow: [connect]"));
	struct mqg_subject subject = { .identity = "a" };
	const struct mqg_rates *rates;
	struct mqg_grant *grant;

	(void)state;
	assert_int_equal(mqg_rights_groups(c->rights), 3);
	assert_null(mqg_rights_limited(c->rights, 0, &rates));
	assert_string_equal(mqg_rights_limited(c->rights, 1, &rates), "h");
	assert_int_equal(rates->messages.rate, 7);
	assert_int_equal(rates->messages.burst, 7);
	assert_int_equal(rates->bytes.rate, 8);
	assert_int_equal(rates->bytes.burst, 9);
	assert_int_equal(mqg_grant_take(c->rights, &subject, &grant), 0);
	assert_int_equal(mqg_grant_group(grant, 0), 1);
	assert_true(mqg_grant_group(grant, 1) < 0);
	mqg_grant_drop(grant);
	mqg_config_put(c);
}

int main(void)
{
	const struct CMUnitTest fixed[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(none_is_everything),
		cmocka_unit_test(acl_file_is_read),
		cmocka_unit_test(broker_password_is_read),
		cmocka_unit_test(values_arrive),
		cmocka_unit_test(group_limits_arrive),
	};

	return run_config_tests("configuration of policies", fixed,
				sizeof(fixed) / sizeof(fixed[0]), cases,
				sizeof(cases) / sizeof(cases[0]));
}
