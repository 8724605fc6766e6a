// SPDX-License-Identifier: BSD-2-Clause
/*
 * The client's side of the control socket against a server of this test: what comes whole, in
 * pieces, wrong, or not at all. Runs without root.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/control.h"
#include "common/lock.h"

static char dir[] = "/tmp/mqgate-test.XXXXXX";
static struct sockaddr_un place = { .sun_family = AF_UNIX };

static int listen_here(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(place.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&place, sizeof(place)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

/* One connection: reads a request, then sends @count pieces; exits 0 when the request is @want. */
static pid_t serve(const char *want, const char *const *piece, size_t count)
{
	int listener = listen_here();
	pid_t pid = fork();
	char line[4096];
	size_t len = 0;
	int fd;

	if (pid) {
		close(listener);
		return pid;
	}
	fd = accept(listener, NULL, NULL);
	while (len < sizeof(line) - 1 && (!len || line[len - 1] != '\n')) {
		ssize_t n = read(fd, line + len, sizeof(line) - 1 - len);

		if (n <= 0)
			_exit(2);
		len += (size_t)n;
	}
	line[len] = '\0';
	for (size_t i = 0; i < count; i++)
		if (write(fd, piece[i], strlen(piece[i])) < 0)
			_exit(3);
	_exit(strcmp(line, want) ? 4 : 0);
}

static int ask(const char *want, const char *const *piece, size_t count, json_t **answer,
	       char *why, size_t size)
{
	struct mqg_control control;
	pid_t pid = serve(want, piece, count);
	int err, status;

	assert_int_equal(mqg_control_open(&control, why, size), 0);
	err = mqg_control_ask(&control, json_pack("{s:s}", "do", "status"), answer, why, size);
	mqg_control_close(&control);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
	return err;
}

#define ASK(answer, why, ...) ({							\
	const char *const pieces_[] = { __VA_ARGS__ };					\
	ask("{\"do\":\"status\"}\n", pieces_, sizeof(pieces_) / sizeof(pieces_[0]),	\
	    answer, why, sizeof(why));							\
})

static void reads_an_answer_in_pieces(void **state)
{
	json_t *answer = NULL;
	char why[256] = "";

	(void)state;
	assert_int_equal(ASK(&answer, why, "{\"ok\":", "true,\"pid\":", "7}", "\n"), 0);
	assert_int_equal(json_integer_value(json_object_get(answer, "pid")), 7);
	json_decref(answer);
}

static void reads_a_long_answer(void **state)
{
	const size_t long_enough = 3 << 20;
	char *text = malloc(long_enough + 64), why[256];
	json_t *answer = NULL;
	size_t len;

	(void)state;
	len = (size_t)sprintf(text, "{\"ok\":true,\"x\":\"");
	memset(text + len, 'a', long_enough);
	strcpy(text + len + long_enough, "\"}\n");
	assert_int_equal(ASK(&answer, why, text), 0);
	assert_int_equal(json_string_length(json_object_get(answer, "x")), long_enough);
	json_decref(answer);
	free(text);
}

static void hands_on_a_refusal_in_its_words(void **state)
{
	json_t *answer = NULL;
	char why[256];

	(void)state;
	assert_int_equal(ASK(&answer, why, "{\"ok\":false,\"error\":\"no\",\"remedy\":\"ask\"}\n"),
			 -EREMOTEIO);
	assert_null(answer);
	assert_string_equal(why, "no; ask");
	assert_int_equal(ASK(&answer, why, "{\"error\":\"no\"}\n"), -EREMOTEIO);
	assert_string_equal(why, "no");
	assert_int_equal(ASK(&answer, why, "{\"ok\":1}\n"), -EREMOTEIO);
	assert_non_null(strstr(why, "without a word"));
}

static void refuses_what_is_no_answer(void **state)
{
	json_t *answer = NULL;
	char why[256];

	(void)state;
	assert_int_equal(ASK(&answer, why, "hello\n"), -EPROTO);
	assert_int_equal(ASK(&answer, why, "[true]\n"), -EPROTO);
	assert_int_equal(ASK(&answer, why, "\n"), -EPROTO);
	assert_int_equal(ASK(&answer, why, "{\"ok\":true}"), -EPIPE);
	assert_non_null(strstr(why, "does not answer"));
	assert_null(answer);
}

static void takes_lines_one_by_one(void **state)
{
	static const char *const pieces[] = { "{\"ok\":true}\n{\"n\":1}\n{\"n\"", ":2}\n" };
	struct mqg_control control;
	json_t *line = NULL;
	char why[256];
	pid_t pid;

	(void)state;
	pid = serve("{\"do\":\"events\"}\n", pieces, 2);
	assert_int_equal(mqg_control_open(&control, why, sizeof(why)), 0);
	assert_int_equal(mqg_control_ask(&control, json_pack("{s:s}", "do", "events"), &line, why,
					 sizeof(why)), 0);
	json_decref(line);
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(mqg_control_line(&control, 5000, &line), 1);
		assert_int_equal(json_integer_value(json_object_get(line, "n")), i);
		json_decref(line);
	}
	assert_int_equal(mqg_control_line(&control, 5000, &line), -EPIPE);
	mqg_control_close(&control);
	waitpid(pid, NULL, 0);
}

/* The daemon says nothing: the command comes back all the same. */
static void gives_up_on_silence(void **state)
{
	struct mqg_control control;
	json_t *answer = NULL;
	int fd = listen_here();
	char why[256];

	(void)state;
	assert_int_equal(mqg_control_open(&control, why, sizeof(why)), 0);
	assert_int_equal(mqg_control_line(&control, 0, &answer), 0);
	assert_int_equal(mqg_control_ask(&control, json_pack("{s:s}", "do", "status"), &answer, why,
					 sizeof(why)), -ETIMEDOUT);
	assert_non_null(strstr(why, "does not answer"));
	mqg_control_close(&control);
	close(fd);
}

static void knows_that_nobody_is_there(void **state)
{
	struct mqg_control control;
	char why[256];

	(void)state;
	/* A daemon that was killed leaves its socket behind. */
	close(listen_here());
	assert_int_equal(mqg_control_open(&control, why, sizeof(why)), -ENOENT);
	unlink(place.sun_path);
	assert_int_equal(mqg_control_open(&control, why, sizeof(why)), -ENOENT);
}

static void locks_once(void **state)
{
	char why[256];
	int first, second;

	(void)state;
	first = mqg_lock_take(MQG_LOCK_WRITER, 0, why, sizeof(why));
	assert_true(first >= 0);
	assert_int_equal(mqg_lock_take(MQG_LOCK_WRITER, 30, why, sizeof(why)), -EBUSY);
	assert_non_null(strstr(why, "another mqgate holds it"));
	second = mqg_lock_take(MQG_LOCK_EVENTS, 0, why, sizeof(why));
	assert_true(second >= 0);
	close(second);
	close(first);
	first = mqg_lock_take(MQG_LOCK_WRITER, 0, why, sizeof(why));
	assert_true(first >= 0);
	close(first);
}

static void makes_the_run_directory(void **state)
{
	char below[sizeof(dir) + 8], why[256];
	struct stat st;
	int fd;

	(void)state;
	snprintf(below, sizeof(below), "%s/new", dir);
	setenv("MQGATE_RUN", below, 1);
	fd = mqg_lock_take(MQG_LOCK_WRITER, 0, why, sizeof(why));
	setenv("MQGATE_RUN", dir, 1);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(stat(below, &st), 0);
	assert_int_equal(st.st_mode & 0007, st.st_mode & 0005);
	snprintf(why, sizeof(why), "rm -rf %s", below);
	assert_int_equal(system(why), 0);
}

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(place.sun_path, sizeof(place.sun_path), "%s/control.sock", dir);
	return setenv("MQGATE_RUN", dir, 1);
}

static int remove_dir(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_an_answer_in_pieces),
		cmocka_unit_test(reads_a_long_answer),
		cmocka_unit_test(hands_on_a_refusal_in_its_words),
		cmocka_unit_test(refuses_what_is_no_answer),
		cmocka_unit_test(takes_lines_one_by_one),
		cmocka_unit_test(gives_up_on_silence),
		cmocka_unit_test(knows_that_nobody_is_there),
		cmocka_unit_test(locks_once),
		cmocka_unit_test(makes_the_run_directory),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir) ? 1 : 0;
}
