// SPDX-License-Identifier: BSD-2-Clause
/*
 * kill_at N COMMAND...: runs it and kills it (SIGKILL) before its Nth system call that changes
 * what is attached or pinned: pins, links, directories, the contents of maps. Ends 3
 * when it was killed and says before what, or as the command ends when it made fewer. So a test
 * can go through every point between two steps, and needs no hook in what it tests.
 *
 * A seccomp filter picks the system calls that stop: the thousands of look-ups of maps that are
 * carried over run at full speed (with a stop at each an attach takes 22 s in place of 0.2).
 */
#include <err.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

/* Index + 1 is what the filter hands over. */
static const struct change {
	const char *what;
	int nr;
	int command;		/* of bpf(2), or -1 */
} changes[] = {
	{ "pin",		SYS_bpf,	BPF_OBJ_PIN },
	{ "link create",	SYS_bpf,	BPF_LINK_CREATE },
	{ "link update",	SYS_bpf,	BPF_LINK_UPDATE },
	{ "link detach",	SYS_bpf,	BPF_LINK_DETACH },
	{ "map update",		SYS_bpf,	BPF_MAP_UPDATE_ELEM },
	{ "map update",		SYS_bpf,	BPF_MAP_UPDATE_BATCH },
	{ "mkdir",		SYS_mkdir,	-1 },
	{ "mkdir",		SYS_mkdirat,	-1 },
	{ "rmdir",		SYS_rmdir,	-1 },
	{ "unlink",		SYS_unlink,	-1 },
	{ "unlink",		SYS_unlinkat,	-1 },
	{ "rename",		SYS_rename,	-1 },
	{ "rename",		SYS_renameat,	-1 },
	{ "rename",		SYS_renameat2,	-1 },
};
#define N_CHANGES	(sizeof(changes) / sizeof(changes[0]))

/* In the child: each of the changes stops it. x86-64 is little-endian: the low half comes first. */
static void stop_at_changes(void)
{
	struct sock_filter code[5 * N_CHANGES + 1], *at = code;
	struct sock_fprog filter = { .filter = code };

	for (size_t i = 0; i < N_CHANGES; i++) {
		int command = changes[i].command;

		*at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						     offsetof(struct seccomp_data, nr));
		*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, changes[i].nr, 0,
						     command < 0 ? 1 : 3);
		if (command >= 0) {
			*at++ = (struct sock_filter)BPF_STMT(
				BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0]));
			*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							     command, 0, 1);
		}
		*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						     SECCOMP_RET_TRACE | (i + 1));
	}
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	filter.len = at - code;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		err(2, "seccomp");
}

int main(int argc, char **argv)
{
	unsigned long left;
	pid_t child;
	int status;

	if (argc < 3)
		errx(2, "kill_at N COMMAND...");
	left = strtoul(argv[1], NULL, 10);
	child = fork();
	if (child < 0)
		err(2, "fork");
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		stop_at_changes();
		execvp(argv[2], argv + 2);
		err(2, "%s", argv[2]);
	}
	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		errx(2, "%s does not start", argv[2]);
	if (ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL))
		err(2, "ptrace");
	for (;;) {
		unsigned long which;

		ptrace(PTRACE_CONT, child, NULL, NULL);
		if (waitpid(child, &status, 0) != child)
			err(2, "waitpid");
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		if (WIFSIGNALED(status))
			errx(2, "ended by signal %d", WTERMSIG(status));
		if (status >> 8 != (SIGTRAP | PTRACE_EVENT_SECCOMP << 8))
			continue;
		if (ptrace(PTRACE_GETEVENTMSG, child, NULL, &which) || !which || which > N_CHANGES)
			errx(2, "a stop that the filter does not name");
		if (--left)
			continue;
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		printf("killed before: %s\n", changes[which - 1].what);
		return 3;
	}
}
