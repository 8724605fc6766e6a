/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of system calls. Called by main() once, while there is one thread; the threads that are
 * made later inherit the filter.
 */
#include "system/privileges.h"

#include <errno.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <linux/bpf.h>
#include <linux/sockios.h>
#include <seccomp.h>

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const char *const allowed[] = {
	/* descriptors */
	"read", "readv", "pread64", "write", "writev", "pwrite64", "close", "close_range", "dup",
	"dup2", "dup3", "fcntl", "pipe2", "splice", "lseek", "fsync",
	"fdatasync", "ftruncate", "flock",
	/* sockets */
	"accept", "accept4", "bind", "listen", "connect", "getsockname", "getpeername",
	"setsockopt", "getsockopt", "shutdown", "socketpair", "recvfrom", "recvmsg", "recvmmsg",
	"sendto", "sendmsg", "sendmmsg",
	/* waiting */
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd2",
	"timerfd_create", "timerfd_settime", "timerfd_gettime", "signalfd4", "poll", "ppoll",
	"select", "pselect6", "nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres",
	"gettimeofday", "time", "restart_syscall",
	/* threads and memory */
	"futex", "clone", "clone3", "exit", "exit_group", "set_robust_list", "rseq",
	"set_tid_address", "gettid", "tgkill", "sched_yield", "sched_getaffinity",
	"sched_setaffinity", "getcpu", "membarrier", "mmap", "munmap", "mremap", "mprotect",
	"madvise", "brk", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait",
	"sigaltstack", "getrandom",
	/* who and where am I */
	"getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid",
	"uname", "sysinfo", "prlimit64", "getrlimit", "umask",
	/* files: pins, the lock file, the control socket, the state directory, name service */
	"open", "openat", "stat", "lstat", "fstat", "newfstatat", "statx", "access", "faccessat",
	"faccessat2", "readlink", "readlinkat", "getdents64", "unlink", "unlinkat", "mkdir",
	"mkdirat", "rename", "renameat", "renameat2", "fchown", "fchmod", "fstatfs", "statfs",
};

/* No code of the daemon comes near these: whoever does is not the daemon any more. */
static const char *const deadly[] = {
	"execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "init_module",
	"finit_module", "delete_module", "kexec_load", "mount", "umount2", "pivot_root", "chroot",
	"setns", "unshare", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key",
};

static const int map_operations[] = {
	BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM, BPF_MAP_GET_NEXT_KEY,
	BPF_MAP_LOOKUP_BATCH, BPF_MAP_UPDATE_BATCH, BPF_MAP_DELETE_BATCH, BPF_OBJ_GET,
	BPF_OBJ_GET_INFO_BY_FD,
};

static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

static const int prctls[] = { PR_SET_NAME, PR_GET_NAME, PR_SET_VMA };

static const unsigned int ioctls[] = { FIONREAD, FIONBIO, SIOCOUTQ };

static int add_names(scmp_filter_ctx ctx, uint32_t action, const char *const *names, size_t n)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		int nr = seccomp_syscall_resolve_name(names[i]);

		/* A call that this architecture or library does not know cannot be made, either. */
		if (nr != __NR_SCMP_ERROR)
			err = seccomp_rule_add(ctx, action, nr, 0);
	}
	return err;
}

static int add_arguments(scmp_filter_ctx ctx)
{
	int err = 0;

	for (size_t i = 0; !err && i < LEN(map_operations); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1,
				       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)map_operations[i]));
	for (size_t i = 0; !err && i < LEN(families); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
	for (size_t i = 0; !err && i < LEN(prctls); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
				       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)prctls[i]));
	for (size_t i = 0; !err && i < LEN(ioctls); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				       SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)ioctls[i]));
	return err;
}

int mqg_seccomp_install(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int err;

	if (!ctx)
		return -ENOMEM;
	/* A tree in place of a list: every packet of the relay makes system calls. */
	err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!err)
		err = add_names(ctx, SCMP_ACT_ALLOW, allowed, LEN(allowed));
	if (!err)
		err = add_names(ctx, SCMP_ACT_KILL_PROCESS, deadly, LEN(deadly));
	if (!err)
		err = add_arguments(ctx);
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	return err;
}
