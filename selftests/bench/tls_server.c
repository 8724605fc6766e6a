// SPDX-License-Identifier: BSD-2-Clause
/*
 * The servers of the benchmark of TLS as processes: started with their configuration, waited for,
 * asked what they used, ended. See tls.h.
 */
#include "tls.h"

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "command.h"

#define TRIES	2000

static void pause_ms(long ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static bool listens(const char *address, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes;

	inet_pton(AF_INET, address, &at.sin_addr);
	yes = fd >= 0 && !connect(fd, (struct sockaddr *)&at, sizeof(at));
	close(fd);
	return yes;
}

/* PR_SET_PDEATHSIG is not enough: who changes its user, as mqgated does, has lost it. */
#define SERVERS		4
static pid_t running[SERVERS], owner;

static void end_all(void)
{
	for (int i = 0; i < SERVERS; i++)
		if (running[i] && getpid() == owner)
			kill(running[i], SIGKILL);
}

/* Interrupted, it does not leave them behind. */
static void on_signal(int number)
{
	(void)number;
	end_all();
	_exit(1);
}

static void remember(pid_t pid, pid_t instead_of)
{
	int i = 0;

	if (!owner) {
		atexit(end_all);
		signal(SIGTERM, on_signal);
		signal(SIGINT, on_signal);
	}
	owner = getpid();
	while (i < SERVERS && running[i] != instead_of)
		i++;
	if (i < SERVERS)
		running[i] = pid;
}

/* Who cannot be executed ends with 127: the row says that it is not there. */
static void await(struct tls_server *s, const char *address, uint16_t port)
{
	for (int i = 0; i < TRIES; i++) {
		int status;

		if (listens(address, port))
			return;
		if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
			remember(0, s->pid);
			s->pid = 0;
			s->cannot = "it is not installed, or does not start";
			return;
		}
		pause_ms(5);
	}
	errx(1, "%s does not listen", s->name);
}

/* In the child: an end of the benchmark ends it too; what it says lies in the directory. */
static bool child(struct tls_server *s, const char *name, int cpu)
{
	cpu_set_t set;

	*s = (struct tls_server){ .name = name, .session_port = TLS_SESSION_PORT };
	s->pid = fork();
	if (s->pid < 0)
		err(1, "fork");
	if (s->pid) {
		remember(s->pid, 0);
		return false;
	}
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || sched_setaffinity(0, sizeof(set), &set) ||
	    !freopen("log", "w", stderr))
		_exit(127);
	return true;
}

/* The configuration with words in the place of @DIR@, @TICKETS@, @CACHE@ and @BUDGET@. */
static void configure(const char *top, const char *file, const char *to, const char *dir,
		      const char *tickets, struct tls_mode mode)
{
	char from[4096];

	snprintf(from, sizeof(from), "%s/selftests/bench/peers/%s%s", top, mode.file ? "" : "tls/",
		 mode.file ? mode.file : file);
	command_run("sed -e 's|@DIR@|%s|g' -e 's|@TICKETS@|%s|g' -e 's|@CACHE@|%d|g' "
		    "-e 's|@BUDGET@|%s|g' -e 's|@HOLD@|%s|g' '%s' >'%s'", dir, tickets,
		    mode.no_cache ? 0 : 1000,
		    mode.refuse ? "per_source: 1, per_source_burst: 1" : "per_source: 0",
		    mode.hold ? mode.hold : "off", from, to);
}

void tls_start_mqgate(struct tls_server *s, const char *top, const char *dir, struct tls_mode mode,
		      int cpu)
{
	char program[4096], to[4096];

	snprintf(program, sizeof(program), "%s/build/mqgated", top);
	snprintf(to, sizeof(to), "%s/mqgate.yaml", dir);
	configure(top, "mqgate.yaml", to, dir, mode.tickets ? "on" : "off", mode);
	if (child(s, "mqgate", cpu)) {
		execl(program, program, "-c", to, NULL);
		_exit(127);
	}
	s->session_port = TLS_HANDSHAKE_PORT;
	await(s, "127.0.0.1", TLS_HANDSHAKE_PORT);
	if (!s->pid && !system("cat log"))
		errx(1, "mqgated does not start");
}

static const struct {
	const char	*name, *file;
	const char	*argv[10];		/* without the configuration, which comes last */
	const char	*on, *off;		/* its words for tickets */
	const char	*cannot, *cannot_resume;
} peers[TLS_PEERS] = {
	[TLS_HAPROXY] = { .name = "haproxy", .file = "haproxy.cfg", .off = "no-tls-tickets",
			  .argv = { "haproxy", "-db", "-q", "-f" } },
	[TLS_NGINX] = { .name = "nginx", .file = "nginx.conf", .on = "on", .off = "off",
			.argv = { "nginx", "-p", ".", "-e", "stderr", "-c" } },
	[TLS_MOSQUITTO] = { .name = "mosquitto", .file = "mosquitto.conf",
			    .argv = { "mosquitto", "-c" },
			    .cannot_resume = "it has no tickets" },
	[TLS_STUNNEL] = { .name = "stunnel", .file = "stunnel.conf", .on = "NO_SSLv3",
			  .off = "NO_TICKET", .argv = { "stunnel4" } },
	[TLS_HITCH] = { .name = "hitch", .cannot = "it checks no CRL" },
};

const char *tls_peer_name(enum tls_peer peer)
{
	return peers[peer].name;
}

void tls_start_peer(struct tls_server *s, enum tls_peer peer, const char *top, const char *dir,
		    struct tls_mode mode, int cpu)
{
	const char *tickets = mode.tickets ? peers[peer].on : peers[peer].off;
	const char *argv[10];
	char to[4096];
	int n = 0;

	*s = (struct tls_server){ .name = peers[peer].name, .cannot = peers[peer].cannot };
	if (!s->cannot && mode.tickets)
		s->cannot = peers[peer].cannot_resume;
	if (s->cannot)
		return;
	snprintf(to, sizeof(to), "%s/%s", dir, peers[peer].file);
	configure(top, peers[peer].file, to, dir, tickets ? tickets : "", mode);
	if (child(s, peers[peer].name, cpu)) {
		for (; peers[peer].argv[n]; n++)
			argv[n] = peers[peer].argv[n];
		argv[n++] = to;
		argv[n] = NULL;
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	await(s, "127.0.0.1", TLS_SESSION_PORT);
}

void tls_start_bare(struct tls_server *s, const char *dir, struct tls_mode mode, int cpu)
{
	if (child(s, "bare libssl", cpu))
		tls_bare_run(dir, mode);
	await(s, "127.0.0.1", TLS_SESSION_PORT);
}

void tls_start_own(struct tls_server *s, const char *name, int cpu, uint16_t port,
		   void (*run)(const char *dir), const char *dir)
{
	if (child(s, name, cpu)) {
		run(dir);
		_exit(127);
	}
	await(s, "127.0.0.1", port);
}

void tls_start_broker(struct tls_server *s, int cpu)
{
	if (child(s, "broker", cpu))
		tls_broker_run();
	await(s, "127.0.0.2", TLS_BROKER_PORT);
}

void tls_stop(struct tls_server *s)
{
	if (!s->pid)
		return;
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	remember(0, s->pid);
	s->pid = 0;
}

double tls_cpu(const struct tls_server *s)
{
	struct timespec ran;
	clockid_t clock;

	if (clock_getcpuclockid(s->pid, &clock) || clock_gettime(clock, &ran))
		errx(1, "%s is gone", s->name);
	return (double)ran.tv_sec * 1e9 + (double)ran.tv_nsec;
}

double tls_memory(const struct tls_server *s)
{
	char path[64], line[256];
	double kib = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", s->pid);
	f = fopen(path, "r");
	while (f && kib < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "Pss: %lf", &kib) != 1)
			kib = -1;
	if (f)
		fclose(f);
	if (kib < 0)
		errx(1, "%s is gone", s->name);
	return kib * 1024;
}
