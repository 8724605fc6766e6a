// SPDX-License-Identifier: BSD-2-Clause
/*
 * Lock files with a bounded wait. Called by the command before it writes maps or pins, or
 * reads the ring buffer. Holds no state but the descriptor that it returns.
 */
#include "common/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/names.h"
#include "common/pins.h"

#define RETRY_MS	10

gid_t mqg_group_lookup(const char *name)
{
	const struct group *group = getgrnam(name);

	return group ? group->gr_gid : (gid_t)-1;
}

/* The unprivileged daemon and the operators of the group put files here, too. */
static int make_run_dir(const char *dir)
{
	gid_t gid;

	if (mkdir(dir, 0755))
		return errno == EEXIST ? 0 : -errno;
	gid = mqg_group_lookup(MQG_GROUP);
	if (gid != (gid_t)-1 && !chown(dir, (uid_t)-1, gid) && chmod(dir, 0770))
		return -errno;
	return 0;
}

static int open_lock(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
	gid_t gid = mqg_group_lookup(MQG_GROUP);

	if (fd < 0)
		return -errno;
	/* Only who made it may do this; for everybody else it has been done. */
	if (gid != (gid_t)-1 && !fchown(fd, (uid_t)-1, gid))
		(void)fchmod(fd, 0660);
	return fd;
}

int mqg_lock_take(const char *name, unsigned int wait_ms, char *why, size_t size)
{
	const struct timespec pause = { .tv_nsec = RETRY_MS * 1000000L };
	uint64_t deadline = mqg_boottime_ns() + (uint64_t)wait_ms * 1000000;
	const char *dir = mqg_run_dir();
	char path[512];
	int fd, err;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path)) {
		snprintf(why, size, "MQGATE_RUN: too long a path");
		return -ENAMETOOLONG;
	}
	err = make_run_dir(dir);
	fd = err ? err : open_lock(path);
	if (fd == -EACCES || fd == -EPERM) {
		snprintf(why, size, "%s: permission denied; this needs root or group " MQG_GROUP,
			 path);
		return -EACCES;
	}
	if (fd < 0) {
		snprintf(why, size, "%s: cannot be opened: %s; make the directory %s or name "
			 "another one in MQGATE_RUN", path, strerror(-fd), dir);
		return fd;
	}
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			err = -errno;
			snprintf(why, size, "%s: cannot be locked: %s", path, strerror(-err));
			close(fd);
			return err;
		}
		if (mqg_boottime_ns() >= deadline) {
			snprintf(why, size, "%s: another mqgate holds it; try again when that one "
				 "is done (fuser %s shows which)", path, path);
			close(fd);
			return -EBUSY;
		}
		nanosleep(&pause, NULL);
	}
	return fd;
}
