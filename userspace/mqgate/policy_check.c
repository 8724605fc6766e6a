// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate policy check`: what a client may, by a configuration file, and which rule says so. Ends 0
 * where it is allowed and 1 where it is denied, so everything that goes wrong ends 2.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/pem.h>

#include "common/names.h"
#include "config/rights.h"
#include "mqgate/policy.h"
#include "policy/build.h"
#include "policy/explain.h"

#define CONFIG_FILE	"/etc/mqgate/mqgate.yaml"

static const char *const rights_words[] = {
	[MQG_MAY_CONNECT] = "connect", [MQG_MAY_PUBLISH] = "publish",
	[MQG_MAY_SUBSCRIBE] = "subscribe", [MQG_MAY_RECEIVE] = "receive",
	[MQG_MAY_WILL] = "will", [MQG_MAY_RETAIN] = "retain",
};

struct question {
	const char		*config, *certificate;
	const char		*topic;
	enum mqg_right		right;
	int64_t			now;
	struct mqg_subject	subject;
};

struct answer {
	const struct mqg_rights	*rights;
	struct mqg_verdict	verdict;
	json_t			*unfilled;
	json_t			*not_now;	/* policies that hold at other times */
};

static int take_source(const char *text, struct question *question)
{
	struct mqgate_source_key key;
	const char *why = NULL;

	if (strchr(text, '/') || mqg_source_parse(text, &key, &why))
		return mqg_misuse("policy check: source %s: not an address; write 192.0.2.1 or "
				  "2001:db8::1", text);
	memcpy(question->subject.addr, key.addr, sizeof(question->subject.addr));
	return MQG_DONE;
}

static int take_word(const char *word, const char *value, struct question *q)
{
	const struct {
		const char	*name;
		const char	**to;
	} texts[] = {
		{ "config", &q->config },
		{ "identity", &q->subject.identity },
		{ "client-id", &q->subject.client_id },
		{ "username", &q->subject.username },
		{ "listener", &q->subject.listener },
		{ "certificate", &q->certificate },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(word, texts[i].name))
			continue;
		*texts[i].to = value;
		return MQG_DONE;
	}
	if (!strcmp(word, "source"))
		return take_source(value, q);
	if (strcmp(word, "at"))
		return mqg_misuse("policy check: \"%s\" is not understood; see mqgate help policy",
				  word);
	return mqg_hours_time(value, &q->now)
		       ? mqg_misuse("policy check: at %s: no time; write 2026-07-01 or "
				    "2026-07-01T06:30:00Z", value)
		       : MQG_DONE;
}

static int right_of(const char *word)
{
	for (int i = 0; i < (int)(sizeof(rights_words) / sizeof(rights_words[0])); i++)
		if (!strcmp(word, rights_words[i]))
			return i;
	return -EINVAL;
}

static int check_topic(const struct question *q)
{
	const char *why, *topic = q->topic, *slash;

	if (q->right == MQG_MAY_SUBSCRIBE && !strncmp(topic, "$share/", 7)) {
		slash = strchr(topic + 7, '/');
		topic = slash ? slash + 1 : "";
	}
	if (mqg_filter_check(topic, &why))
		return mqg_misuse("policy check: \"%s\" %s", q->topic, why);
	if (q->right != MQG_MAY_SUBSCRIBE && strpbrk(topic, "+#"))
		return mqg_misuse("policy check: \"%s\" is a filter; of a topic there are no "
				  "wildcards", topic);
	return MQG_DONE;
}

static int read_words(int argc, char **argv, struct question *q)
{
	int i = 0, right = -1, code = MQG_DONE;

	for (; i < argc && right < 0 && code == MQG_DONE; i++) {
		right = right_of(argv[i]);
		if (right >= 0)
			break;
		if (i + 1 == argc)
			return mqg_misuse("policy check: \"%s\" is no right, and nothing follows "
					  "it; see mqgate help policy", argv[i]);
		code = take_word(argv[i], argv[i + 1], q);
		i++;
	}
	if (code != MQG_DONE)
		return code;
	if (right < 0)
		return mqg_misuse("policy check: what for? connect, publish, subscribe, receive, "
				  "will or retain, and a topic");
	q->right = (enum mqg_right)right;
	if (argc - i != (q->right == MQG_MAY_CONNECT ? 1 : 2))
		return mqg_misuse("policy check: %s takes %s", argv[i],
				  q->right == MQG_MAY_CONNECT ? "no topic" : "one topic");
	if (q->right == MQG_MAY_CONNECT)
		return MQG_DONE;
	q->topic = argv[i + 1];
	return check_topic(q);
}

static int read_certificate(struct question *q)
{
	FILE *file = fopen(q->certificate, "re");

	if (!file)
		return mqg_misuse("%s: %s", q->certificate, strerror(errno));
	q->subject.cert = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	return q->subject.cert ? MQG_DONE
			       : mqg_misuse("%s: holds no certificate in PEM", q->certificate);
}

static void add_unfilled(const struct mqg_unfilled *unfilled, void *arg)
{
	struct answer *answer = arg;
	const struct mqg_origin *origin = &answer->rights->origins[unfilled->rule];
	char variable[32];

	snprintf(variable, sizeof(variable), "${%s}", mqg_field_word(unfilled->field));
	json_array_append_new(answer->unfilled, json_pack("{s:s, s:i, s:s, s:s}",
		"file", answer->rights->files[origin->file], "line", (int)origin->line,
		"variable", variable, "why",
		!unfilled->bad ? "the client has no value for it: does not apply" :
		unfilled->deny ? "the client's value fills no level (several, or with / + #): "
				 "denies all that lies there" :
				 "the client's value fills no level (several, or with / + #): does "
				 "not apply"));
}

static int print(const struct mqg_cmd *cmd, const struct answer *answer)
{
	const struct mqg_verdict *v = &answer->verdict;
	const struct mqg_origin *origin = v->rule < 0 ? NULL : &answer->rights->origins[v->rule];
	int code = v->allowed ? MQG_DONE : MQG_REFUSED;
	json_t *entry, *out;
	size_t i;

	if (cmd->json) {
		out = json_pack("{s:b, s:O, s:O}", "allowed", v->allowed, "unfilled",
				answer->unfilled, "not_now", answer->not_now);
		if (v->allowed)
			json_object_set_new(out, "qos", json_integer(v->qos));
		if (origin) {
			json_object_set_new(out, "file",
					    json_string(answer->rights->files[origin->file]));
			json_object_set_new(out, "line", json_integer(origin->line));
			json_object_set_new(out, "policy", json_string(
				mqg_explain_policy(answer->rights, (uint32_t)v->rule)));
		}
		mqg_json_print(cmd, out);
		return code;
	}
	if (!answer->rights)
		printf("allow: no policies are configured, everything is allowed\n");
	else if (!origin)
		printf("deny: no rule allows it\n");
	else
		printf("%s: %s:%u, policy %s", v->allowed ? "allow" : "deny",
		       answer->rights->files[origin->file], origin->line,
		       mqg_explain_policy(answer->rights, (uint32_t)v->rule));
	if (origin && v->allowed && v->qos < 2)
		printf(", QoS %u at most", v->qos);
	if (origin)
		printf("\n");
	json_array_foreach(answer->unfilled, i, entry)
		printf("  %s:%lld: %s: %s\n", json_string_value(json_object_get(entry, "file")),
		       (long long)json_integer_value(json_object_get(entry, "line")),
		       json_string_value(json_object_get(entry, "variable")),
		       json_string_value(json_object_get(entry, "why")));
	json_array_foreach(answer->not_now, i, entry)
		printf("  policy %s does not hold at that time\n", json_string_value(entry));
	return code;
}

/* Of a policy with an ACL file several scopes may be the client's. */
static void list_not_now(const struct mqg_grant *grant, json_t *names)
{
	const struct mqg_rights *rights = grant->rights;

	for (uint32_t match = 0; match < rights->n_matches; match++) {
		bool away = false;

		for (uint32_t i = grant->active; i < grant->n_scopes; i++)
			away |= rights->scopes[grant->scopes[i]].match == match;
		if (away)
			json_array_append_new(names, json_string(rights->matches[match].name));
	}
}

static int decide(const struct mqg_cmd *cmd, const struct question *q,
		  const struct mqg_rights *rights)
{
	struct answer answer = {
		.rights = rights,
		.verdict = { .allowed = true, .qos = 2, .rule = -1 },
		.unfilled = json_array(),
		.not_now = json_array(),
	};
	struct mqg_grant *grant;
	int code;

	if (mqg_grant_take(rights, &q->subject, &grant)) {
		json_decref(answer.unfilled);
		json_decref(answer.not_now);
		return mqg_misuse("out of memory");
	}
	if (grant) {
		mqg_grant_refresh(grant, q->now);
		answer.verdict = mqg_walk(grant, q->right, (const uint8_t *)q->topic,
					  q->topic ? strlen(q->topic) : 0);
		mqg_explain_unfilled(grant, q->right, add_unfilled, &answer);
		list_not_now(grant, answer.not_now);
	}
	code = print(cmd, &answer);
	json_decref(answer.unfilled);
	json_decref(answer.not_now);
	mqg_grant_drop(grant);
	return code;
}

int mqg_policy_check(const struct mqg_cmd *cmd, int argc, char **argv)
{
	struct question q = { .config = CONFIG_FILE, .now = time(NULL) };
	struct mqg_rights *rights;
	char why[1024];
	int code = read_words(argc, argv, &q);

	if (code == MQG_DONE && q.certificate)
		code = read_certificate(&q);
	if (code != MQG_DONE)
		return code;
	if (mqg_config_rights(q.config, &rights, why, sizeof(why))) {
		code = mqg_misuse("%s", why);
	} else {
		code = decide(cmd, &q, rights);
		mqg_rights_free(rights);
	}
	X509_free(q.subject.cert);
	return code;
}
