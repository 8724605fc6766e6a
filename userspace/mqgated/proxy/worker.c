// SPDX-License-Identifier: BSD-2-Clause
/*
 * The epoll loop of a worker. Set up and torn down by the main thread while no thread runs;
 * between that everything happens on the worker's own thread, except mqg_worker_stop() and
 * mqg_worker_wake().
 */
#include "proxy/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "proxy/listener.h"
#include "proxy/record_memory.h"
#include "proxy/session.h"
#include "proxy/uplink.h"
#include "system/log.h"

#define EVENTS 256

static uint64_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void wake(struct mqg_watch *watch, uint32_t events)
{
	struct mqg_worker *worker = mqg_container_of(watch, struct mqg_worker, wake);
	eventfd_t ignored;

	(void)events;
	/* First: what is sent after this wakes us again. */
	eventfd_read(worker->wakefd, &ignored);
	mqg_worker_mail(worker);
	mqg_stream_doubt();
}

static void bury(struct mqg_worker *worker)
{
	while (!mqg_list_empty(&worker->dead))
		mqg_session_free(mqg_container_of(worker->dead.next, struct mqg_session, link));
	mqg_ocsp_bury(worker);
	mqg_checker_bury(&worker->checker);
	if (!mqg_list_empty(&worker->gone_ports) || !mqg_list_empty(&worker->gone_uplinks) ||
	    !mqg_list_empty(&worker->gone_realms))
		mqg_worker_bury(worker);
}

/* Sessions that become ready while these run wait for the next turn. */
static void run_ready(struct mqg_worker *worker)
{
	struct mqg_list now;

	mqg_list_init(&now);
	mqg_list_splice(&now, &worker->ready);
	while (!mqg_list_empty(&now)) {
		struct mqg_session *s = mqg_container_of(now.next, struct mqg_session, ready);

		mqg_list_remove(&s->ready);
		mqg_session_run(s);
	}
}

static void turn(struct mqg_worker *worker)
{
	struct epoll_event events[EVENTS];
	bool idle = mqg_list_empty(&worker->ready) && mqg_list_empty(&worker->older);
	int wait = idle ? mqg_timers_wait(&worker->timers, worker->now) : 0;
	int count, i;

	count = epoll_wait(worker->epfd, events, EVENTS, wait);
	worker->now = monotonic();
	worker->desk.now = time(NULL);
	mqg_stream_doubt();
	run_ready(worker);
	for (i = 0; i < count; i++) {
		struct mqg_watch *watch = events[i].data.ptr;

		watch->ready(watch, events[i].events);
	}
	mqg_timers_run(&worker->timers, worker->now);
	if (!mqg_list_empty(&worker->older))
		mqg_worker_sweep(worker);
	bury(worker);
}

static void *work(void *arg)
{
	struct mqg_worker *worker = arg;

	worker->now = monotonic();
	while (!worker->stopping)
		turn(worker);
	mqg_list_splice(&worker->sessions, &worker->older);
	mqg_list_splice(&worker->sessions, &worker->drain.waiting);
	while (!mqg_list_empty(&worker->sessions))
		mqg_session_close(mqg_container_of(worker->sessions.next, struct mqg_session,
						   link));
	bury(worker);
	mqg_record_memory_exit();
	return NULL;
}

static int complain(const char *what, char *why, size_t size)
{
	int err = errno;

	snprintf(why, size, "worker: %s: %s; raise the limit of open files (LimitNOFILE=)", what,
		 strerror(err));
	return -err;
}

static int watch_wake(struct mqg_worker *worker, char *why, size_t size)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &worker->wake };

	worker->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (worker->epfd < 0)
		return complain("epoll_create1", why, size);
	worker->wakefd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->wakefd < 0)
		return complain("eventfd", why, size);
	worker->spare = fcntl(worker->wakefd, F_DUPFD_CLOEXEC, 0);
	if (worker->spare < 0)
		return complain("dup", why, size);
	worker->wake.ready = wake;
	if (epoll_ctl(worker->epfd, EPOLL_CTL_ADD, worker->wakefd, &event))
		return complain("epoll_ctl", why, size);
	return 0;
}

static void init_timers(struct mqg_worker *worker)
{
	mqg_timers_init(&worker->timers);
	mqg_timer_class_init(&worker->timers, &worker->linger, MQG_LINGER_MS);
	mqg_timer_class_init(&worker->timers, &worker->parting, MQG_PARTING_MS);
	mqg_tempo_setup(worker);
	mqg_timer_class_init(&worker->timers, &worker->half_closed, MQG_HALF_CLOSED_MS);
	mqg_timer_class_init(&worker->timers, &worker->accept_rest, MQG_ACCEPT_REST_MS);
	mqg_timer_class_init(&worker->timers, &worker->away, MQG_AWAY_TICK_MS);
	mqg_timer_class_init(&worker->timers, &worker->cutting, MQG_CUT_MS);
	mqg_timer_init(&worker->rest, mqg_port_rested);
}

int mqg_worker_setup(struct mqg_worker *worker, struct mqg_judge *judge, struct mqg_door *door,
		     char *why, size_t size)
{
	int err;

	worker->judge = judge;
	worker->epfd = -1;
	worker->wakefd = -1;
	worker->spare = -1;
	pthread_mutex_init(&worker->mail.lock, NULL);
	pthread_cond_init(&worker->mail.applied, NULL);
	mqg_list_init(&worker->sessions);
	mqg_list_init(&worker->older);
	mqg_list_init(&worker->ready);
	mqg_list_init(&worker->dead);
	mqg_list_init(&worker->storing.awaiting);
	mqg_list_init(&worker->gone_ports);
	mqg_list_init(&worker->gone_uplinks);
	mqg_list_init(&worker->gone_realms);
	mqg_registry_init(&worker->registry);
	init_timers(worker);
	mqg_worker_drain_init(worker);
	mqg_admission_init(worker, door);
	mqg_ocsp_init(worker);
	mqg_succession_init(worker);
	err = watch_wake(worker, why, size);
	mqg_checker_init(&worker->checker, worker->epfd, &worker->now);
	return err;
}

int mqg_worker_start(struct mqg_worker *worker, unsigned int number)
{
	sigset_t all, before;
	char name[16];
	int err;

	/* Signals are the main thread's, and SIGPIPE of an SSL_write() is nobody's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&worker->thread, NULL, work, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return -err;
	worker->started = true;
	snprintf(name, sizeof(name), "worker/%u", number);
	pthread_setname_np(worker->thread, name);
	return 0;
}

void mqg_worker_wake(struct mqg_worker *worker)
{
	if (eventfd_write(worker->wakefd, 1))
		mqg_log(MQG_LOG_ERR, MQG_LOG_PROXY, "worker: cannot be woken: %s",
			strerror(errno));
}

void mqg_worker_leave(struct mqg_worker *worker, uint64_t time)
{
	pthread_mutex_lock(&worker->mail.lock);
	worker->mail.drain = true;
	worker->mail.drain_ns = time;
	pthread_mutex_unlock(&worker->mail.lock);
	mqg_worker_wake(worker);
}

void mqg_worker_stop(struct mqg_worker *worker)
{
	if (!worker->started)
		return;
	pthread_mutex_lock(&worker->mail.lock);
	worker->mail.stop = true;
	pthread_mutex_unlock(&worker->mail.lock);
	mqg_worker_wake(worker);
}

void mqg_worker_teardown(struct mqg_worker *worker)
{
	size_t i;

	if (worker->started)
		pthread_join(worker->thread, NULL);
	mqg_ocsp_exit(worker);
	for (i = 0; worker->ports && i < worker->config->n_listeners; i++)
		mqg_port_free(worker->ports[i]);
	for (i = 0; worker->uplinks && i < worker->config->n_brokers; i++)
		mqg_uplink_free(worker->uplinks[i]);
	mqg_checker_bury(&worker->checker);
	free(worker->ports);
	free(worker->uplinks);
	if (worker->spare >= 0)
		close(worker->spare);
	if (worker->wakefd >= 0)
		close(worker->wakefd);
	if (worker->epfd >= 0)
		close(worker->epfd);
	pthread_cond_destroy(&worker->mail.applied);
	pthread_mutex_destroy(&worker->mail.lock);
	mqg_chain_cache_exit(&worker->chains);
	mqg_registry_exit(&worker->registry);
	mqg_desk_exit(&worker->desk);
}
