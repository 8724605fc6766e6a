/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The good file of the configuration's tests, and the test of a broken one: each way to break it
 * gives one line with file, line, key, and the remedy.
 */
#include "config_stage.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pki.h"

char dir[64], file[96];

/* "@" stands for the directory of the test's files. */
static const char *const good[] = {
	/*  1 */ "brokers:",
	/*  2 */ "  - name: main",
	/*  3 */ "    address: \"127.0.0.1:1884\"",
	/*  4 */ "    connect_timeout: 1500ms",
	/*  5 */ "listeners:",
	/*  6 */ "  - name: mqtts",
	/*  7 */ "    address: \"127.0.0.1:8883\"",
	/*  8 */ "    kind: mqtts",
	/*  9 */ "    broker: main",
	/* 10 */ "    mode: observe",
	/* 11 */ "    tls:",
	/* 12 */ "      certificate: @/server.pem",
	/* 13 */ "      key: @/server.key",
	/* 14 */ "      client_ca: @/ca.pem",
	/* 15 */ "      crl: @/crl.pem",
	/* 16 */ "      min_version: \"1.3\"",
	/* 17 */ "    identity:",
	/* 18 */ "      from: san.uri",
	/* 19 */ "      client_id: prefix",
	/* 20 */ "    handshake_timeout: 3s",
	/* 21 */ "    connect_timeout: 4s",
	/* 22 */ "    connect_max: 4096",
	/* 23 */ "    sessions_max: 1000",
	/* 24 */ "    allow_pps: 50",
	/* 25 */ "    allow_burst: 100",
	/* 26 */ "  - name: plain",
	/* 27 */ "    address: \"[::1]:2883\"",
	/* 28 */ "    kind: mqtt",
	/* 29 */ "    broker: main",
	/* 30 */ "    passwords: allow",
	/* 31 */ "services:",
	/* 32 */ "  - name: routed",
	/* 33 */ "    port: 1883",
	/* 34 */ "    kind: mqtt",
	/* 35 */ "    unknown_flows: strict",
	/* 36 */ "    when_daemon_away: closed",
	/* 37 */ "  - name: mine",
	/* 38 */ "    port: 3883",
	/* 39 */ "    kind: unprotected",
	/* 40 */ "allow:",
	/* 41 */ "  - 192.0.2.77",
	/* 42 */ "  - 2001:db8:7::/64",
	/* 43 */ "score:",
	/* 44 */ "  threshold: 80",
	/* 45 */ "  half_life: 30s",
	/* 46 */ "  ban: 10s",
	/* 47 */ "  ban_max: 2h",
	/* 48 */ "  sources_max: 500",
	/* 49 */ "  weights:",
	/* 50 */ "    cert-revoked: 33",
	/* 51 */ "workers: 3",
	/* 52 */ "mark: 0x10",
	/* 53 */ "user: nobody",
	/* 54 */ "group: nogroup",
	/* 55 */ "http: \"127.0.0.1:9983\"",
	/* 56 */ "module:",
	/* 57 */ "  use: auto",
	/* 58 */ "  mode: enforce",
	/* 59 */ "  events_buffer: 65536",
	/* 60 */ "  source_sessions: 20",
	/* 61 */ "  source_connect_rate: 600",
};

_Static_assert(sizeof(good) / sizeof(good[0]) == LINES, "lines of the good file");

/* Writes @text with "@" put in place. */
static void put(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '@')
			fputs(dir, out);
		else
			fputc(*text, out);
	}
	fputc('\n', out);
}

void write_config(const struct broken *broken)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	for (size_t i = 1; i <= LINES; i++) {
		if (!broken || i < broken->first || i > broken->last)
			put(out, good[i - 1]);
		else if (i == broken->first && broken->text[0])
			put(out, broken->text);
	}
	assert_int_equal(fclose(out), 0);
}

static void breaks(void **state)
{
	const struct broken *broken = *state;
	struct mqg_config *config = (void *)1;
	char why[1024], want[2048] = "", *at = want;

	write_config(broken);
	assert_int_equal(mqg_config_load(file, &config, why, sizeof(why)), -EINVAL);
	assert_null(config);
	at += sprintf(at, "%s:", file);
	for (const char *c = broken->want; *c; c++)
		at += *c == '@' ? sprintf(at, "%s", dir) : sprintf(at, "%c", *c);
	if (strncmp(why, want, strlen(want)))
		fail_msg("got:    %s\nwanted: %s", why, want);
	if (strchr(why, '\n'))
		fail_msg("more than one line: %s", why);
}

struct mqg_config *load(void)
{
	struct mqg_config *config;
	char why[1024];

	if (mqg_config_load(file, &config, why, sizeof(why)))
		fail_msg("%s", why);
	return config;
}

static int remove_files(void)
{
	static const char *const names[] = { "server.pem", "server.key", "other.key", "locked.key",
					     "ca.pem", "otherca.pem", "crl.pem", "othercrl.pem",
					     "junk", "mqgate.yaml" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

int run_config_tests(const char *name, const struct CMUnitTest *fixed, size_t n_fixed,
		     const struct broken *cases, size_t n_cases)
{
	struct CMUnitTest *tests = calloc(n_fixed + n_cases, sizeof(*tests));
	char (*names)[80] = calloc(n_cases, sizeof(*names));
	int failed;

	assert(tests && names);
	snprintf(dir, sizeof(dir), "/tmp/mqgate-config-test.%d", getpid());
	assert(!mkdir(dir, 0700));
	snprintf(file, sizeof(file), "%s/mqgate.yaml", dir);
	pki_make(dir);
	memcpy(tests, fixed, n_fixed * sizeof(*tests));
	for (size_t i = 0; i < n_cases; i++) {
		snprintf(names[i], sizeof(names[i]), "refused with file, line and key: %s",
			 cases[i].name);
		tests[n_fixed + i] = (struct CMUnitTest){ names[i], breaks, NULL, NULL,
							  (void *)&cases[i] };
	}
	failed = _cmocka_run_group_tests(name, tests, n_fixed + n_cases, NULL, NULL);
	remove_files();
	free(names);
	free(tests);
	return failed ? 1 : 0;
}
