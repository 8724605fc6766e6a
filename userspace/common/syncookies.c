// SPDX-License-Identifier: BSD-2-Clause
/*
 * Keeps the record "syncookies-NAMESPACE" in the run directory: the value that was there before,
 * then the interfaces that asked for another, one a line. It is written before the value is
 * changed, so that a crash between the two leaves a record that changes nothing.
 */
#include "common/syncookies.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "common/control.h"
#include "common/lock.h"
#include "common/pindir.h"
#include "common/pins.h"

#define VALUE		"/proc/sys/net/ipv4/tcp_syncookies"
#define NAME		"net.ipv4.tcp_syncookies"
#define ALWAYS		2
#define ASKED_MOST	64
#define LOCK_WAIT_MS	5000

struct record {
	char	path[MQG_PATH];
	bool	there;
	int	was;
	char	ifname[ASKED_MOST][IF_NAMESIZE];
	size_t	n;
};

int mqg_syncookies_read(void)
{
	FILE *f = fopen(VALUE, "re");
	int value, err = 0;

	if (!f)
		return -errno;
	if (fscanf(f, "%d", &value) != 1 || value < 0)
		err = -EIO;
	fclose(f);
	return err ? err : value;
}

static int write_value(int value)
{
	FILE *f = fopen(VALUE, "we");
	int err = 0;

	if (!f)
		return -errno;
	if (fprintf(f, "%d\n", value) < 0)
		err = -EIO;
	if (fclose(f) && !err)
		err = -errno;
	return err;
}

static int record_read(struct record *r)
{
	struct stat st;
	char line[64];
	FILE *f;

	memset(r, 0, sizeof(*r));
	if (stat("/proc/self/ns/net", &st))
		return -errno;
	snprintf(r->path, sizeof(r->path), "%s/syncookies-%llu", mqg_run_dir(),
		 (unsigned long long)st.st_ino);
	f = fopen(r->path, "re");
	if (!f)
		return errno == ENOENT ? 0 : -errno;
	if (fgets(line, sizeof(line), f) && sscanf(line, "%d", &r->was) == 1)
		r->there = true;
	while (r->there && r->n < ASKED_MOST && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] && strlen(line) < IF_NAMESIZE)
			strcpy(r->ifname[r->n++], line);
	}
	fclose(f);
	return 0;
}

/* Whole or not at all. */
static int record_write(const struct record *r)
{
	char path[MQG_PATH + 8];
	int err = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s.new", r->path);
	f = fopen(path, "we");
	if (!f)
		return -errno;
	fprintf(f, "%d\n", r->was);
	for (size_t i = 0; i < r->n; i++)
		fprintf(f, "%s\n", r->ifname[i]);
	if (ferror(f))
		err = -EIO;
	if (fclose(f) && !err)
		err = -errno;
	if (!err && rename(path, r->path))
		err = -errno;
	if (err)
		unlink(path);
	return err;
}

/* Those that are attached no more have no say. */
static void forget_detached(struct record *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n; i++) {
		struct mqg_link link;
		int err = mqg_link_read(r->ifname[i], &link);

		if (err == -ENOENT || (!err && link.readable && !link.ifindex))
			continue;
		memmove(r->ifname[kept++], r->ifname[i], IF_NAMESIZE);
	}
	r->n = kept;
}

/* While a daemon runs, its configuration says who has cookies. */
static bool daemon_runs(void)
{
	struct mqg_control control;
	char why[256];
	int err = mqg_control_open(&control, why, sizeof(why));

	mqg_control_close(&control);
	return err != -ENOENT;
}

/* Services 1 and 2 as they stand in the map, without the defaults of XDP. */
static void allow_cookies(bool allow)
{
	struct mqg_pins pins;
	char why[512];

	if (daemon_runs())
		return;
	if (!mqg_pins_open(&pins, why, sizeof(why))) {
		for (uint32_t n = MQGATE_SVC_MQTT; n <= MQGATE_SVC_MQTTS; n++) {
			struct mqgate_service svc;

			if (bpf_map_lookup_elem(pins.svc, &n, &svc))
				continue;
			svc.flags &= ~MQGATE_SVC_F_COOKIES;
			if (allow)
				svc.flags |= MQGATE_SVC_F_COOKIES;
			mqg_service_write(&pins, n, &svc);
		}
	}
	mqg_pins_close(&pins);
}

static int add(struct record *r, const char *ifname)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->ifname[i], ifname))
			return 0;
	if (r->n == ASKED_MOST)
		return -ENOSPC;
	snprintf(r->ifname[r->n++], IF_NAMESIZE, "%s", ifname);
	return 0;
}

static void warn_bridge(const char *ifname, char *said, size_t size)
{
	size_t used = strlen(said);
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%s/brport", ifname);
	if (access(path, F_OK) || used >= size)
		return;
	snprintf(said + used, size - used, "\nit is a port of a bridge: what the bridge carries to "
		 "other hosts on a port that this host listens on would be answered, too; bind the "
		 "listener to an address");
}

static int set(struct record *r, const char *ifname, char *said, char *why, size_t size)
{
	int value = mqg_syncookies_read(), err = 0;

	if (value < 0)
		err = value;
	if (!err && !r->there)
		r->was = value;
	if (!err)
		err = add(r, ifname);
	if (!err)
		err = record_write(r);
	if (err) {
		snprintf(why, size, "%s: what " NAME " was cannot be recorded, so it is left "
			 "alone: %s", r->path, strerror(-err));
		return err;
	}
	if (value != ALWAYS)
		err = write_value(ALWAYS);
	if (err) {
		snprintf(why, size, VALUE ": cannot be set to 2: %s; XDP answers a SYN flood only "
			 "while a listener's queue is full", strerror(-err));
		return err;
	}
	allow_cookies(true);
	if (value == ALWAYS)
		snprintf(said, size, NAME " is 2 already: XDP may answer SYN floods with cookies");
	else
		snprintf(said, size, NAME " set from %d to 2, so that XDP may answer SYN floods "
			 "with cookies: it holds for every TCP listener of this network namespace; "
			 "mqgate detach %s sets it back", value, ifname);
	warn_bridge(ifname, said, size);
	return 0;
}

int mqg_syncookies_set(const char *ifname, char *said, char *why, size_t size)
{
	struct record r;
	int lock, err;

	*said = '\0';
	lock = mqg_lock_take(MQG_LOCK_WRITER, LOCK_WAIT_MS, why, size);
	if (lock < 0)
		return lock;
	err = record_read(&r);
	if (err) {
		snprintf(why, size, "%s: cannot be read: %s", r.path, strerror(-err));
	} else {
		forget_detached(&r);
		err = set(&r, ifname, said, why, size);
	}
	close(lock);
	return err;
}

static int put_back(const struct record *r, char *said, char *why, size_t size)
{
	int value = mqg_syncookies_read(), err = 0;

	if (value != ALWAYS) {
		snprintf(said, size, NAME " is %d by now, set by somebody else, and stays", value);
	} else if (r->was != ALWAYS) {
		err = write_value(r->was);
		if (!err)
			snprintf(said, size, NAME " set back from 2 to %d", r->was);
	}
	if (err) {
		snprintf(why, size, VALUE ": cannot be set back to %d: %s; do it by hand", r->was,
			 strerror(-err));
		return err;
	}
	allow_cookies(false);
	return unlink(r->path) && errno != ENOENT ? -errno : 0;
}

int mqg_syncookies_restore(char *said, char *why, size_t size)
{
	struct record r;
	int lock, err;

	*said = '\0';
	err = record_read(&r);
	if (err || !r.there)
		return 0;
	lock = mqg_lock_take(MQG_LOCK_WRITER, LOCK_WAIT_MS, why, size);
	if (lock < 0)
		return lock;
	err = record_read(&r);
	forget_detached(&r);
	if (!err && r.there)
		err = r.n ? record_write(&r) : put_back(&r, said, why, size);
	close(lock);
	return err;
}
