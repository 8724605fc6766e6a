// SPDX-License-Identifier: BSD-2-Clause
/*
 * kill_at N COMMAND...: runs it and kills it (SIGKILL) before its Nth system call that changes
 * what is attached or pinned: pins, links, directories, the contents of maps. Ends 3
 * when it was killed and says before what, or as the command ends when it made fewer. So a test
 * can go through every point between two steps, and needs no hook in what it tests.
 */
#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/bpf.h>

/* What it is in words, or NULL where it changes nothing. x86-64: the first argument is in rdi. */
static const char *change(const struct user_regs_struct *regs)
{
	switch (regs->orig_rax) {
	case SYS_bpf:
		switch (regs->rdi) {
		case BPF_OBJ_PIN:		return "pin";
		case BPF_LINK_CREATE:		return "link create";
		case BPF_LINK_UPDATE:		return "link update";
		case BPF_LINK_DETACH:		return "link detach";
		case BPF_MAP_UPDATE_ELEM:	return "map update";
		}
		return NULL;
	case SYS_mkdir:
	case SYS_mkdirat:	return "mkdir";
	case SYS_rmdir:		return "rmdir";
	case SYS_unlink:
	case SYS_unlinkat:	return "unlink";
	case SYS_rename:
	case SYS_renameat:
	case SYS_renameat2:	return "rename";
	}
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned long left;
	pid_t child;
	int status;
	bool entering = true;

	if (argc < 3)
		errx(2, "kill_at N COMMAND...");
	left = strtoul(argv[1], NULL, 10);
	child = fork();
	if (child < 0)
		err(2, "fork");
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execvp(argv[2], argv + 2);
		err(2, "%s", argv[2]);
	}
	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		errx(2, "%s does not start", argv[2]);
	ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (;; entering = !entering) {
		struct user_regs_struct regs;
		const char *what;

		ptrace(PTRACE_SYSCALL, child, NULL, NULL);
		if (waitpid(child, &status, 0) != child)
			err(2, "waitpid");
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		if (WIFSIGNALED(status))
			errx(2, "ended by signal %d", WTERMSIG(status));
		if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
			entering = !entering;
			continue;
		}
		if (!entering || ptrace(PTRACE_GETREGS, child, NULL, &regs))
			continue;
		what = change(&regs);
		if (!what || --left)
			continue;
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		printf("killed before: %s\n", what);
		return 3;
	}
}
