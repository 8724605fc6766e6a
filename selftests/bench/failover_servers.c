// SPDX-License-Identifier: BSD-2-Clause
/* See failover.h. Packets here are shorter than 128 bytes. */
#include "failover.h"
#include "command.h"
#include "tls.h"

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ADDRESS		"127.0.0.2"
#define FIRST_PORT	1901
#define TRIES		2000
/* Behind the fixed header of a PUBLISH: "\0\1t", an identifier where it has one. */
#define PAYLOAD_QOS1	5
#define PAYLOAD_QOS0	3

_Atomic uint8_t (*failover_kept)[FAILOVER_NUMBERS];

static struct server {
	pid_t		pid;
	pthread_t	tap;
	int		tap_fd;		/* -1: it has none */
} servers[2];

void failover_prepare(void)
{
	failover_kept = mmap(NULL, sizeof(*failover_kept) * FAILOVER_DEVICES,
			     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (failover_kept == MAP_FAILED)
		err(1, "mmap");
}

bool failover_take(int fd, void *to, size_t len)
{
	return recv(fd, to, len, MSG_WAITALL) == (ssize_t)len;
}

bool failover_give(int fd, const void *from, size_t len)
{
	return send(fd, from, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static void note(const unsigned char *payload)
{
	failover_kept[payload[0] % FAILOVER_DEVICES][payload[1] << 8 | payload[2]] = 1;
}

static bool next_packet(int fd, unsigned char head[2], unsigned char body[128])
{
	return failover_take(fd, head, 2) && head[1] < 128 && failover_take(fd, body, head[1]);
}

/* ---- the benchmark's own, each in a process ------------------------------------------------- */

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	unsigned char head[2], body[128];
	bool fine = true;

	while (fine && next_packet(fd, head, body)) {
		if (head[0] >> 4 == 1) {
			fine = failover_give(fd, "\x20\x02\0\0", 4);
		} else if (head[0] >> 4 == 3) {
			const unsigned char ack[] = { 0x40, 2, body[3], body[4] };

			note(body + PAYLOAD_QOS1);
			fine = failover_give(fd, ack, sizeof(ack));
		}
	}
	close(fd);
	return NULL;
}

static pid_t start_own(uint16_t port)
{
	int door = tls_door(ADDRESS, port);
	pid_t pid = fork();

	if (pid) {
		close(door);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(door, NULL, NULL);
		pthread_t thread;

		if (fd >= 0 && !pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd))
			pthread_detach(thread);
	}
}

/* ---- mosquittos ----------------------------------------------------------------------------- */

static pid_t start_mosquitto(const char *dir, uint16_t port)
{
	char file[4096];
	pid_t pid;

	snprintf(file, sizeof(file), "%s/failover-%u.conf", dir, port);
	command_run("printf 'listener %u " ADDRESS "\\nallow_anonymous true\\nuser root\\n"
		    "persistence false\\nmax_queued_messages 0\\nlog_type error\\n' >'%s'", port,
		    file);
	pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It warns of its user. */
	if (!freopen("/dev/null", "w", stderr))
		_exit(127);
	execlp("mosquitto", "mosquitto", "-c", file, NULL);
	_exit(127);
}

static int reach(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port),
				  .sin_addr.s_addr = inet_addr(ADDRESS) };

	for (int i = 0; i < TRIES; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (!connect(fd, (struct sockaddr *)&to, sizeof(to)))
			return fd;
		close(fd);
		usleep(5000);
	}
	errx(1, "mosquitto does not listen on port %u", port);
}

/* Of QoS 0: what a mosquitto sends of that it has sent before it acknowledges. */
static void *listen_on(void *arg)
{
	int fd = (int)(intptr_t)arg;
	unsigned char head[2], body[128];

	while (next_packet(fd, head, body))
		if (head[0] >> 4 == 3)
			note(body + PAYLOAD_QOS0);
	return NULL;
}

static void start_tap(struct server *s, uint16_t port)
{
	static const unsigned char hello[] = "\x10\x0f\0\4MQTT\4\2\0\0\0\3tap" "\x82\6\0\1\0\1#";
	unsigned char answers[4 + 5];

	s->tap_fd = reach(port);
	/* The last byte of the SUBSCRIBE is the string's own end. */
	if (!failover_give(s->tap_fd, hello, sizeof(hello)) ||
	    !failover_take(s->tap_fd, answers, sizeof(answers)))
		errx(1, "mosquitto does not answer");
	if (pthread_create(&s->tap, NULL, listen_on, (void *)(intptr_t)s->tap_fd))
		errx(1, "pthread_create");
}

/* ---- both ----------------------------------------------------------------------------------- */

void failover_start(const char *dir, bool mosquitto)
{
	for (uint16_t i = 0; i < 2; i++) {
		servers[i].tap_fd = -1;
		servers[i].pid = mosquitto ? start_mosquitto(dir, FIRST_PORT + i)
					   : start_own(FIRST_PORT + i);
		if (mosquitto)
			start_tap(&servers[i], FIRST_PORT + i);
	}
}

static void end(struct server *s)
{
	if (!s->pid)
		return;
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	s->pid = 0;
	if (s->tap_fd < 0)
		return;
	pthread_join(s->tap, NULL);
	close(s->tap_fd);
}

void failover_kill(void)
{
	kill(servers[0].pid, SIGKILL);
}

void failover_stop(void)
{
	end(&servers[0]);
	end(&servers[1]);
}
