// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every vector through the same parsers in the kernel: replay.bpf.o, run packet by packet by
 * BPF_PROG_TEST_RUN, has to answer what user space answers for the first 512 bytes. Needs root;
 * attaches nothing and pins nothing.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "props.h"
#include "replay.h"
#include "vec.h"

#define PACKET_MAX	2048U	/* payload handed to a test run: longer than the copy */
#define INSNS_MAX	100000U	/* a tenth of what the verifier will look at */

static const struct row {
	const char		*program;
	const char		*file;
	const struct ops	*ops;
	int			head;
	__u32			max;
} rows[] = {
	{ "replay_connect", "connect.vec", &connect_ops, 0, CONNECT_MAX },
	{ "replay_hello", "hello.vec", &hello_ops, 0, HELLO_MAX },
	{ "replay_connack", "connack.vec", &connack_ops, 0, CONNACK_MAX },
	{ "replay_connect_head", "connect.vec", &connect_ops, 1, CONNECT_MAX },
	{ "replay_hello_head", "hello.vec", &hello_ops, 1, HELLO_MAX },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static int failed;
static int number;

static void point(int good, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("%sok %d ", good ? "" : "not ", ++number);
	vprintf(fmt, args);
	putchar('\n');
	va_end(args);
	failed |= !good;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	if (level == LIBBPF_WARN) {
		char text[512], *line = text, *next;

		vsnprintf(text, sizeof(text), fmt, args);
		for (; line && *line; line = next) {
			next = strchr(line, '\n');
			if (next)
				*next++ = 0;
			printf("# %s\n", line);
		}
	}
	return 0;
}

/* What user space says of the bytes that BPF gets to see. */
static int expect(const struct row *row, const struct vec *v, __u32 *reason)
{
	__u32 len = v->len < REPLAY_COPY ? v->len : REPLAY_COPY, used, need;
	__u8 head[16] = { 0 };
	union parser p;
	int status;

	if (row->head) {
		memcpy(head, v->bytes, len < 16 ? len : 16);
		return row->ops->head(head, len < 16 ? len : 16, reason, &need);
	}
	memset(&p, 0, sizeof(p));
	row->ops->init(&p, v->number);
	status = row->ops->feed(&p, v->bytes, len, &used);
	*reason = row->ops->reason(&p);
	return status;
}

/* One vector; 0 when the kernel agrees. */
static int run(const struct row *row, int prog, int map, const struct vec *v)
{
	static __u8 packet[REPLAY_HEADER + PACKET_MAX];
	__u32 len = v->len < PACKET_MAX ? v->len : PACKET_MAX, key = 0, reason = 0;
	struct replay r = { .max = row->max, .level = (__u8)v->number };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet,
		    .data_size_in = REPLAY_HEADER + len, .repeat = 1);
	int status = expect(row, v, &reason);

	memset(packet, 0, REPLAY_HEADER);
	memcpy(packet + REPLAY_HEADER, v->bytes, len);
	/* an answer that nobody gives, so that a run that says nothing is seen */
	r.status = 99;
	if (bpf_map_update_elem(map, &key, &r, BPF_ANY) || bpf_prog_test_run_opts(prog, &opts) ||
	    bpf_map_lookup_elem(map, &key, &r)) {
		printf("# %s: test run: %s\n", v->name, strerror(errno));
		return 1;
	}
	if (opts.retval == XDP_PASS && r.status == (__u32)status && r.reason == reason)
		return 0;
	printf("# %s: BPF answers %u (%s), user space %d (%s)\n", v->name, r.status,
	       vec_reason_word(r.reason), status, vec_reason_word(reason));
	return 1;
}

static void replay(const struct row *row, struct bpf_object *obj, int map)
{
	struct bpf_program *program = bpf_object__find_program_by_name(obj, row->program);
	int prog = program ? bpf_program__fd(program) : -1;
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);
	struct vec *vecs;
	size_t n, bad = 0;

	if (prog < 0 || vec_load(row->file, &vecs, &n)) {
		point(0, "%s: program and vectors are there", row->program);
		point(0, "%s: verifier", row->program);
		return;
	}
	for (size_t i = 0; i < n; i++)
		bad += run(row, prog, map, &vecs[i]) != 0;
	point(n && !bad, "%s: %zu vectors of %s answer as in user space", row->program, n,
	      row->file);
	vec_free(vecs, n);
	if (bpf_obj_get_info_by_fd(prog, &info, &size))
		info.verified_insns = ~0U;
	printf("# %s: verified_insns %u\n", row->program, info.verified_insns);
	point(info.verified_insns <= INSNS_MAX,
	      "%s: the verifier looks at no more than %u instructions", row->program, INSNS_MAX);
}

int main(void)
{
	const char *dir = getenv("MQGATE_OUTPUT");
	struct bpf_object *obj;
	char path[512];
	int map;

	if (geteuid()) {
		puts("KTAP version 1\n1..0 # SKIP needs root: sudo make test");
		return 4;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("KTAP version 1");
	printf("1..%zu\n", 2 * ROWS + 1);
	libbpf_set_print(quiet);
	snprintf(path, sizeof(path), "%s/replay.bpf.o", dir ? dir : ".");
	obj = bpf_object__open_file(path, NULL);
	if (!obj || bpf_object__load(obj)) {
		printf("# %s: %s\nBail out!\n", path, strerror(errno));
		return 1;
	}
	map = bpf_object__find_map_fd_by_name(obj, "replay");
	point(map >= 0, "the parsers load as BPF");
	for (size_t i = 0; i < ROWS; i++)
		replay(&rows[i], obj, map);
	bpf_object__close(obj);
	return failed;
}
