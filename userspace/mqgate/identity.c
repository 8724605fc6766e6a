// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate identity list` and `mqgate tls status`: what the daemon knows of certificates and of TLS.
 * Called by main().
 */
#include <stdio.h>
#include <string.h>

#include "common/names.h"
#include "mqgate/cmd.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

/* "in 12d 3h", "3h ago" */
static const char *when(json_int_t seconds, char text[48])
{
	char duration[32];
	uint64_t ns = (uint64_t)(seconds < 0 ? -seconds : seconds) * 1000000000ULL;

	if (!seconds)
		snprintf(text, 48, "now");
	else
		snprintf(text, 48, seconds < 0 ? "%s%s ago" : "%s%s", seconds < 0 ? "" : "in ",
			 mqg_duration_format(ns, duration, sizeof(duration)));
	return text;
}

static void print_line(const json_t *line)
{
	const json_t *weak = json_object_get(line, "weak"), *word;
	char key[48], expires[48], seen[48];
	size_t i;

	if (!strncmp(text_of(line, "key"), "RSA", 3))
		snprintf(key, sizeof(key), "%s-%d", text_of(line, "key"),
			 (int)json_integer_value(json_object_get(line, "bits")));
	else
		snprintf(key, sizeof(key), "%s", text_of(line, "key"));
	printf("%-24s %-10s %-16s %-14s TLS %s %s %s%s", text_of(line, "identity"), key,
	       when(json_integer_value(json_object_get(line, "expires")), expires),
	       when(-json_integer_value(json_object_get(line, "last_seen")), seen),
	       text_of(line, "tls"), text_of(line, "group"), text_of(line, "cipher"),
	       json_is_true(json_object_get(line, "superseded")) ? " renewed" : "");
	json_array_foreach((json_t *)weak, i, word)
		printf("%s%s", i ? ", " : "  weak: ", json_string_value(word));
	printf("\n");
}

static int list(const struct mqg_cmd *cmd, json_t *request)
{
	const json_t *line;
	json_t *answer, *identities;
	size_t i;
	int code = mqg_cmd_ask("identity list", request, &answer);

	if (code != MQG_DONE)
		return code;
	identities = json_object_get(answer, "identities");
	if (cmd->json) {
		mqg_json_write(cmd, identities);
	} else {
		if (json_array_size(identities))
			printf("%-24s %-10s %-16s %-14s last handshake\n", "identity", "key",
			       "expires", "seen");
		json_array_foreach(identities, i, line)
			print_line(line);
		if (!json_array_size(identities))
			printf("none of %lld certificates\n",
			       (long long)json_integer_value(json_object_get(answer, "known")));
	}
	json_decref(answer);
	return MQG_DONE;
}

int mqg_run_identity(const struct mqg_cmd *cmd, int argc, char **argv)
{
	json_t *request = json_pack("{s:s}", "do", "identities");
	uint64_t ns;

	if (!argc || !mqg_word_is(argv[0], "list", 1)) {
		json_decref(request);
		return mqg_misuse("identity: it has list; mqgate identity help");
	}
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "weak")) {
			json_object_set_new(request, "weak", json_true());
		} else if (!strcmp(argv[i], "expires") && i + 1 < argc &&
			   /* A bare number would be seconds, and nobody means those. */
			   strspn(argv[i + 1], "0123456789") < strlen(argv[i + 1]) &&
			   !mqg_duration_parse(argv[i + 1], &ns)) {
			json_object_set_new(request, "expires",
					    json_integer((json_int_t)(ns / 1000000000ULL)));
			i++;
		} else {
			json_decref(request);
			return mqg_misuse("identity list: \"%s\" not understood; write expires "
					  "30d, weak, or both", argv[i]);
		}
	}
	return list(cmd, request);
}

/* ---- tls status ------------------------------------------------------------------------- */

static void print_counts(const char *what, const json_t *counts)
{
	const char *word, *between = "";
	json_t *n;

	printf("%-12s", what);
	json_object_foreach((json_t *)counts, word, n) {
		printf("%s%s %lld", between, word, (long long)json_integer_value(n));
		between = ", ";
	}
	printf("%s\n", *between ? "" : "none seen yet");
}

static void print_used(const char *what, const json_t *object)
{
	const char *reason = json_string_value(json_object_get(object, "reason"));

	printf("%-12s%s%s%s\n", what,
	       json_is_true(json_object_get(object, "used")) ? "yes" : "no", reason ? ": " : "",
	       reason ? reason : "");
}

static void print_names(const json_t *names)
{
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
		printf("%s%s", i ? ", " : ", for ", json_string_value(name));
	printf("\n");
}

static void print_listener(const json_t *listener)
{
	const json_t *ktls = json_object_get(listener, "ktls");

	printf("listener    %s: TLS %s to %s, groups %s, %s, RSA from %d bits, %d classes",
	       text_of(listener, "name"), text_of(listener, "min_version"),
	       text_of(listener, "max_version"), text_of(listener, "groups"),
	       text_of(listener, "ciphers_1_3"),
	       (int)json_integer_value(json_object_get(listener, "rsa_min")),
	       (int)json_integer_value(json_object_get(listener, "classes")));
	print_names(json_object_get(listener, "server_names"));
	printf("            key in %s; OCSP %s; kTLS ", text_of(listener, "key"),
	       text_of(listener, "ocsp"));
	if (json_is_true(json_object_get(ktls, "used")))
		printf("of %lld sessions sends for %lld, receives for %lld\n",
		       (long long)json_integer_value(json_object_get(ktls, "sessions")),
		       (long long)json_integer_value(json_object_get(ktls, "send")),
		       (long long)json_integer_value(json_object_get(ktls, "receive")));
	else
		printf("not used: %s\n", text_of(ktls, "reason"));
}

static void print_words(const char *what, const json_t *list)
{
	const json_t *word;
	size_t i;

	printf("%-12s", what);
	json_array_foreach((json_t *)list, i, word)
		printf("%s%s", i ? ", " : "", json_string_value(word));
	printf("\n");
}

static void print_resumed(const json_t *resumption)
{
	const char *word;
	json_t *n;

	printf("%-12s%lld handshakes full, %lld resumed; tickets declined:", "tickets",
	       (long long)json_integer_value(json_object_get(resumption, "full")),
	       (long long)json_integer_value(json_object_get(resumption, "resumed")));
	json_object_foreach(json_object_get(resumption, "declined"), word, n)
		printf(" %s %lld", word, (long long)json_integer_value(n));
	printf("\n");
}

static void print_chain_cache(const json_t *cache)
{
	long long size = json_integer_value(json_object_get(cache, "size"));
	char time[32];

	printf("%-12s", "chain cache");
	if (!size) {
		printf("off\n");
		return;
	}
	mqg_duration_format((uint64_t)json_integer_value(json_object_get(cache, "time")) *
			    1000000000ULL, time, sizeof(time));
	printf("%lld chains, %lld known, %lld verified, %lld a worker at most, for %s\n",
	       (long long)json_integer_value(json_object_get(cache, "entries")),
	       (long long)json_integer_value(json_object_get(cache, "hits")),
	       (long long)json_integer_value(json_object_get(cache, "misses")), size, time);
}

/* ", for A, B": the server names that lead to a policy. */
static long long count_of(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static void print_handshakes(const json_t *h)
{
	printf("%-12s%lld begun, %lld under way (of %lld), %lld wait (of %lld; %lld known)\n",
	       "handshakes", count_of(h, "started"), count_of(h, "in_flight"),
	       count_of(h, "in_flight_most"), count_of(h, "waiting") + count_of(h, "waiting_known"),
	       count_of(h, "queue"), count_of(h, "waiting_known"));
	printf("%-12s%lld over the budget of their source, %lld for want of a place, %lld cut for "
	       "others\n", "refused", count_of(h, "refused_source"), count_of(h, "refused_rate"),
	       count_of(h, "cut"));
}

static void print_status(const json_t *answer)
{
	const json_t *aes = json_object_get(answer, "aes_instructions"), *listener;
	const json_t *in_use = json_object_get(answer, "in_use");
	size_t i;

	printf("%-12s%s\n", "library", text_of(answer, "openssl"));
	print_words("providers", json_object_get(answer, "providers"));
	printf("%-12s%s\n", "CPU", text_of(answer, "cpu"));
	printf("%-12s%s\n", "AES in CPU", json_is_true(aes) ? "yes" : "no");
	print_used("kTLS", json_object_get(answer, "ktls"));
	print_used("resumption", json_object_get(answer, "resumption"));
	print_resumed(json_object_get(answer, "resumption"));
	printf("%-12sno\n", "0-RTT");
	print_chain_cache(json_object_get(answer, "chain_cache"));
	print_handshakes(json_object_get(answer, "handshakes"));
	json_array_foreach(json_object_get(answer, "listeners"), i, listener)
		print_listener(listener);
	print_counts("OCSP", json_object_get(answer, "ocsp"));
	print_counts("versions", json_object_get(in_use, "versions"));
	print_counts("ciphers", json_object_get(in_use, "ciphers"));
	print_counts("groups", json_object_get(in_use, "groups"));
	print_counts("keys", json_object_get(in_use, "keys"));
}

int mqg_run_tls(const struct mqg_cmd *cmd, int argc, char **argv)
{
	json_t *answer;
	int code;

	if (argc != 1 || !mqg_word_is(argv[0], "status", 1))
		return mqg_misuse("tls: it has status");
	code = mqg_cmd_ask("tls status", json_pack("{s:s}", "do", "tls"), &answer);
	if (code != MQG_DONE)
		return code;
	json_object_del(answer, "ok");
	if (cmd->json)
		return mqg_json_print(cmd, answer);
	print_status(answer);
	json_decref(answer);
	return MQG_DONE;
}
