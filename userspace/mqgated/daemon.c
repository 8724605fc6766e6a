/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The running daemon. Start is a ladder: lock file, what needs privileges (sockets, keys, maps),
 * giving them up, workers, readiness; stop goes down it in reverse. Everything here is the main
 * thread; the workers are the proxy's.
 */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "common/lock.h"
#include "common/names.h"
#include "common/pins.h"
#include "control/control.h"
#include "hold/journal.h"
#include "judge/manage.h"
#include "live/live.h"
#include "metrics/metrics.h"
#include "module/tracker.h"
#include "policy/rights.h"
#include "proxy/inherit.h"
#include "proxy/proxy.h"
#include "system/handover.h"
#include "system/log.h"
#include "system/loop.h"
#include "system/privileges.h"

#define LOCK_NAME	"mqgated.lock"
/* For the lock of the one whose place is taken. */
#define TAKE_OVER_MS	15000U

struct daemon {
	struct mqg_live			*live;
	struct mqg_loop			loop;
	struct mqg_watch		signals, timer, ring, work, drain;
	unsigned int			ring_generation;
	int				lock;
	bool				take_over;
	struct mqg_judge		*judge;
	struct mqg_tracker		*tracker;
	struct mqg_proxy		*proxy;
	struct mqg_control		*control;
	struct mqg_metrics		*metrics;
	struct mqg_metrics_sources	sources;
	uint64_t			watchdog_ns, next_watchdog;
};

#define of(watch, member) \
	((struct daemon *)((char *)(watch) - offsetof(struct daemon, member)))

/* What goes wrong is in the log; the service manager learns only that it is over. */
static void reload(struct daemon *d)
{
	char restart[256], why[1024];
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
		   now.tv_sec * 1000000LL + now.tv_nsec / 1000);
	mqg_live_reload(d->live, restart, sizeof(restart), why, sizeof(why));
	sd_notify(0, "READY=1");
}

/* Looks whether the last session has gone. */
static void on_drain(struct mqg_watch *watch, uint32_t events)
{
	uint64_t expirations;

	(void)events;
	if (read(watch->fd, &expirations, sizeof(expirations)) > 0 &&
	    mqg_proxy_left(of(watch, drain)->proxy))
		of(watch, drain)->loop.stop = true;
}

/* False where it has to end at once. */
static bool drain(struct daemon *d)
{
	const struct timespec often = { .tv_nsec = 20000000 };
	const struct itimerspec spec = { .it_interval = often, .it_value = often };
	uint32_t ms = mqg_live_config(d->live)->drain_ms;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd < 0 || timerfd_settime(fd, 0, &spec, NULL) ||
	    mqg_loop_add(&d->loop, &d->drain, fd, EPOLLIN)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	sd_notifyf(0, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%llu", (ms + 10000ULL) * 1000);
	mqg_live_stopping(d->live);
	mqg_proxy_leave(d->proxy, ms);
	return true;
}

static void on_signal(struct mqg_watch *watch, uint32_t events)
{
	struct daemon *d = of(watch, signals);
	struct signalfd_siginfo info;

	(void)events;
	if (read(watch->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP) {
		reload(of(watch, signals));
		return;
	}
	mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS, "signal %s: stopping",
		sigabbrev_np((int)info.ssi_signo));
	if (d->drain.fd >= 0 || !drain(d))
		d->loop.stop = true;
}

static void on_ring(struct mqg_watch *watch, uint32_t events)
{
	(void)events;
	mqg_judge_events_consume(of(watch, ring)->judge);
}

static void on_work(struct mqg_watch *watch, uint32_t events)
{
	(void)events;
	mqg_judge_work(of(watch, work)->judge);
}

/* The judge opens and closes the ring buffer as maps come and go. */
static void follow_ring(struct daemon *d)
{
	unsigned int generation;
	int fd = mqg_judge_events_fd(d->judge, &generation), err;

	if (generation == d->ring_generation)
		return;
	/* Closed by the judge, the old descriptor has left the loop by itself. */
	d->ring.fd = -1;
	d->ring_generation = generation;
	err = fd < 0 ? 0 : mqg_loop_add(&d->loop, &d->ring, fd, EPOLLIN);
	if (err)
		mqg_log(MQG_LOG_ERR, MQG_LOG_PINS, "sampled drops cannot be polled: %s",
			strerror(-err));
}

/*
 * Another process has the sockets and waits for the lock file: from here on it is the gateway. What
 * only one may have is given up, the maps first; the sessions that are here go within their time.
 */
static void retire(struct daemon *d)
{
	mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS, "another mqgated takes over");
	close(d->timer.fd);
	d->timer.fd = -1;
	mqg_loop_remove(&d->loop, &d->ring);
	if (!drain(d))
		d->loop.stop = true;
	mqg_control_teardown(d->control);
	mqg_metrics_teardown(d->metrics);
	mqg_tracker_teardown(d->tracker);
	d->control = NULL;
	d->metrics = NULL;
	d->tracker = NULL;
	mqg_judge_retire(d->judge);
	close(d->lock);
	d->lock = -1;
}

static void on_timer(struct mqg_watch *watch, uint32_t events)
{
	struct daemon *d = of(watch, timer);
	uint64_t expirations, now = mqg_boottime_ns();

	(void)events;
	if (read(watch->fd, &expirations, sizeof(expirations)) < 0)
		return;
	if (mqg_live_handed_over(d->live)) {
		retire(d);
		return;
	}
	mqg_tracker_tick(d->tracker);
	mqg_judge_tick(d->judge);
	follow_ring(d);
	mqg_live_tick(d->live);
	mqg_proxy_tick(d->proxy, now);
	mqg_metrics_tick(d->metrics);
	if (d->watchdog_ns && now >= d->next_watchdog) {
		sd_notify(0, "WATCHDOG=1");
		d->next_watchdog = now + d->watchdog_ns / 2;
	}
}

/* Reads who holds the lock file, "?" where that cannot be told. */
static void holder(char *pid, size_t size)
{
	char path[512];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/" LOCK_NAME, mqg_run_dir());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, pid, size - 1);
	if (fd >= 0)
		close(fd);
	pid[n > 0 ? n : 0] = '\0';
	pid[strspn(pid, "0123456789")] = '\0';
	if (!pid[0])
		snprintf(pid, size, "?");
}

static int take_lock(struct daemon *d, char *why, size_t size)
{
	char pid[16];
	int len;

	d->lock = mqg_lock_take(LOCK_NAME, d->take_over ? TAKE_OVER_MS : 0, why, size);
	if (d->lock == -EBUSY) {
		holder(pid, sizeof(pid));
		snprintf(why, size, "already running (pid %s) in %s; stop that one, or name "
				    "another place in MQGATE_RUN", pid, mqg_run_dir());
	}
	if (d->lock < 0)
		return d->lock;
	len = snprintf(pid, sizeof(pid), "%d\n", getpid());
	if (ftruncate(d->lock, 0) || pwrite(d->lock, pid, (size_t)len, 0) != len) {
		snprintf(why, size, "%s/" LOCK_NAME ": %s", mqg_run_dir(), strerror(errno));
		return -EIO;
	}
	return 0;
}

static int watch_signals(struct daemon *d)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	/* Blocked before the workers are made, so that they inherit it. */
	if (sigprocmask(SIG_BLOCK, &set, NULL) || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	d->signals.ready = on_signal;
	return mqg_loop_add(&d->loop, &d->signals, fd, EPOLLIN);
}

static int watch_time(struct daemon *d)
{
	/* The watchdog may want more than one sign of life a second. */
	const uint64_t ns = d->watchdog_ns && d->watchdog_ns < 4000000000ULL ? d->watchdog_ns / 4
									     : 1000000000ULL;
	const struct timespec every = { .tv_sec = (time_t)(ns / 1000000000ULL),
					.tv_nsec = (long)(ns % 1000000000ULL) };
	const struct itimerspec spec = { .it_interval = every, .it_value = every };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd < 0 || timerfd_settime(fd, 0, &spec, NULL))
		return -errno;
	d->timer.ready = on_timer;
	return mqg_loop_add(&d->loop, &d->timer, fd, EPOLLIN);
}

/* Everything that may need privileges. */
static int open_all(struct daemon *d, char *why, size_t size)
{
	const struct mqg_config *config = mqg_live_config(d->live);
	uint64_t usec = 0;
	int err;

	if (sd_watchdog_enabled(0, &usec) > 0)
		d->watchdog_ns = usec * 1000;
	mqg_privileges_files();
	err = watch_signals(d);
	if (!err)
		err = watch_time(d);
	if (err) {
		snprintf(why, size, "the main loop cannot be set up: %s", strerror(-err));
		return err;
	}
	d->judge = mqg_judge_alloc(config, NULL);
	if (!d->judge) {
		snprintf(why, size, "no memory for the judge");
		return -ENOMEM;
	}
	d->sources.judge = d->judge;
	d->work.ready = on_work;
	err = mqg_loop_add(&d->loop, &d->work, mqg_judge_work_fd(d->judge), EPOLLIN);
	if (err) {
		snprintf(why, size, "the main loop cannot be set up: %s", strerror(-err));
		return err;
	}
	err = mqg_proxy_setup(config, mqg_live_revoked(d->live), d->judge, &d->proxy, why, size);
	if (!err)
		err = mqg_tracker_setup(config, d->judge, &d->loop, &d->tracker, why, size);
	d->sources.tracker = d->tracker;
	if (!err)
		err = mqg_metrics_setup(&d->sources, &d->loop, &d->metrics, why, size);
	if (!err)
		err = mqg_control_setup(d->live, d->judge, d->tracker, &d->loop, &d->control, why,
					size);
	if (err)
		return err;
	d->sources.control = d->control;
	mqg_judge_pins_check(d->judge);
	follow_ring(d);
	return 0;
}

static int confine(struct daemon *d, char *why, size_t size)
{
	const struct mqg_config *config = mqg_live_config(d->live);
	int err = 0;

	if (config->store.directory)
		err = mqg_journal_prepare(config->store.directory, config->user, why, size);
	if (!err)
		err = mqg_privileges_drop(config, why, size);
	if (err)
		return err;
	err = mqg_seccomp_install();
	if (err)
		snprintf(why, size, "the system call filter cannot be set: %s; this kernel needs "
				    "CONFIG_SECCOMP_FILTER", strerror(-err));
	return err;
}

static int start(struct daemon *d, char *why, size_t size)
{
	int err = d->take_over ? mqg_handover_ask(why, size) : 0;

	mqg_handover_given();
	if (!err)
		err = take_lock(d, why, size);
	if (!err)
		err = open_all(d, why, size);
	mqg_inherit_end();
	if (!err)
		err = confine(d, why, size);
	if (!err)
		err = mqg_live_taps_start(d->live, d->proxy, why, size);
	if (err)
		return err;
	err = mqg_proxy_store(d->proxy, mqg_live_config(d->live), why, size);
	if (err)
		return err;
	err = mqg_proxy_start(d->proxy);
	if (err) {
		snprintf(why, size, "the workers cannot be started: %s", strerror(-err));
		return err;
	}
	mqg_handover_keep(d->proxy, mqg_live_config(d->live), NULL);
	mqg_control_proxy(d->control, d->proxy);
	d->sources.proxy = d->proxy;
	mqg_live_users(d->live, &(struct mqg_live_users){
		.judge = d->judge, .tracker = d->tracker, .proxy = d->proxy,
		.control = d->control, .sources = &d->sources,
	});
	mqg_live_check_access(d->live);
	return 0;
}

static void stop(struct daemon *d)
{
	sd_notify(0, "STOPPING=1");
	if (d->control)
		mqg_control_proxy(d->control, NULL);
	d->sources.proxy = NULL;
	if (d->proxy)
		mqg_proxy_teardown(d->proxy);
	mqg_control_teardown(d->control);
	mqg_metrics_teardown(d->metrics);
	mqg_tracker_teardown(d->tracker);
	mqg_judge_free(d->judge);
	mqg_live_teardown(d->live);
	if (d->signals.fd >= 0)
		close(d->signals.fd);
	if (d->timer.fd >= 0)
		close(d->timer.fd);
	if (d->drain.fd >= 0)
		close(d->drain.fd);
	mqg_loop_exit(&d->loop);
	if (d->lock >= 0)
		close(d->lock);
}

int mqg_daemon_run(struct mqg_config *config, bool take_over)
{
	struct daemon d = {
		.take_over = take_over,
		.signals.fd = -1,
		.timer.fd = -1,
		.ring = { .ready = on_ring, .fd = -1 },
		.work.fd = -1,
		.drain = { .ready = on_drain, .fd = -1 },
		.lock = -1,
		.sources = { .config = config, .started = mqg_boottime_ns() },
	};
	char why[1024] = "the main loop cannot be made";
	int err = mqg_loop_init(&d.loop), live = mqg_live_setup(config, &d.live, why, sizeof(why));

	if (!err)
		err = live;
	d.sources.live = d.live;
	if (!err)
		err = start(&d, why, sizeof(why));
	if (err) {
		mqg_log(MQG_LOG_ERR, MQG_LOG_ALWAYS, "%s", why);
		stop(&d);
		return err;
	}
	mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS,
		"mqgated %s serves %zu listeners with %u workers, as uid %u", MQG_VERSION,
		config->n_listeners, config->workers, geteuid());
	mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS, "%s",
		mqg_rights_words(config->rights, why, sizeof(why)));
	sd_notify(0, "READY=1");
	err = mqg_loop_run(&d.loop);
	if (err)
		mqg_log(MQG_LOG_ERR, MQG_LOG_ALWAYS, "the main loop fails: %s", strerror(-err));
	stop(&d);
	return err;
}
