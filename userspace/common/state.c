// SPDX-License-Identifier: BSD-2-Clause
/*
 * The files of the state directory. A change writes a new file, waits for the disk, and renames
 * it over the old one: whenever the power goes, one of them is there as a whole. Called by the
 * writer of verdicts and, for reasons, by the command.
 */
#include "common/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/lock.h"
#include "common/names.h"
#include "common/net.h"

#define NS_PER_S	1000000000ULL
#define BUFFER		(64U << 10)
#define SYNC_EVERY	(1U << 20)	/* bytes: a step that waits for the disk is short */
#define FILE_MAX	(2ULL << 30)
#define BUSY_MS		500
#define HEAD		"# mqgate: kept by the writer of verdicts; lists are loaded with mqgate " \
			"verdict load\n"
#define END_FORMAT	"# end %" PRIu64 " %016" PRIx64 "\n"
#define SUM_START	0xcbf29ce484222325ULL

void mqg_state_dir(char *path, size_t size)
{
	const char *dir = getenv("MQGATE_STATE"), *run = getenv("MQGATE_RUN");

	if (dir && *dir)
		snprintf(path, size, "%s", dir);
	else if (run && *run)
		snprintf(path, size, "%s/state", run);
	else
		snprintf(path, size, "%s", MQG_STATE_DIR);
}

/* FNV-1a: tells a damaged file, not a forged one; who may write it may say what he likes. */
static uint64_t sum_of(uint64_t sum, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ (unsigned char)bytes[i]) * 0x100000001b3ULL;
	return sum;
}

/* ---- writing ---------------------------------------------------------------- */

static void give_to_group(int fd, mode_t mode)
{
	gid_t gid = mqg_group_lookup(MQG_GROUP);

	/* Only the owner may; for everybody else it has been done. */
	if (gid != (gid_t)-1 && !fchown(fd, (uid_t)-1, gid))
		(void)fchmod(fd, mode);
}

static int open_dir(const char *dir)
{
	bool made = !mkdir(dir, 0755);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (made)
		give_to_group(fd, 0770);
	return fd;
}

static void store(struct mqg_state_file *file)
{
	size_t done = 0;

	while (!file->err && done < file->len) {
		ssize_t n = write(file->fd, file->buf + done, file->len - done);

		if (n < 0 && errno != EINTR)
			file->err = -errno;
		else if (n > 0)
			done += (size_t)n;
	}
	file->sum = sum_of(file->sum, file->buf, file->len);
	file->unsynced += file->len;
	file->len = 0;
	if (!file->err && file->unsynced >= SYNC_EVERY) {
		file->unsynced = 0;
		if (fdatasync(file->fd))
			file->err = -errno;
	}
}

static void append(struct mqg_state_file *file, const char *bytes, size_t len)
{
	if (file->err)
		return;
	if (file->len + len > BUFFER)
		store(file);
	memcpy(file->buf + file->len, bytes, len);
	file->len += len;
}

void mqg_state_begin(struct mqg_state_file *file, const char *name)
{
	char dir[480];
	int fd;

	*file = (struct mqg_state_file){ .fd = -1, .sum = SUM_START };
	mqg_state_dir(dir, sizeof(dir));
	snprintf(file->path, sizeof(file->path), "%s/%s", dir, name);
	snprintf(file->temp, sizeof(file->temp), "%s.new", file->path);
	file->buf = malloc(BUFFER);
	fd = open_dir(dir);
	if (fd < 0 || !file->buf) {
		file->err = fd < 0 ? fd : -ENOMEM;
		if (fd >= 0)
			close(fd);
		return;
	}
	close(fd);
	/* Of one that died: there is one writer at a time. */
	unlink(file->temp);
	file->fd = open(file->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (file->fd < 0)
		file->err = -errno;
	else
		give_to_group(file->fd, 0640);
	append(file, HEAD, strlen(HEAD));
}

void mqg_state_put(struct mqg_state_file *file, const struct mqg_net *net,
		   const struct mqgate_verdict *verdict, uint64_t expires, const char *text)
{
	uint64_t now = mqg_boottime_ns(), until = 0;
	char line[MQG_LINE_MAX];

	if (file->err || (expires && expires <= now))
		return;
	/* Rather a second too long than one too short. */
	if (expires)
		until = (uint64_t)time(NULL) + (expires - now + NS_PER_S - 1) / NS_PER_S;
	append(file, line, mqg_line_format(line, sizeof(line), net, verdict, until, text));
	file->count++;
}

static int sync_dir(void)
{
	char dir[480];
	int fd, err;

	mqg_state_dir(dir, sizeof(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

int mqg_state_commit(struct mqg_state_file *file, char *why, size_t size)
{
	char end[64];
	int err;

	store(file);
	append(file, end, (size_t)snprintf(end, sizeof(end), END_FORMAT, file->count, file->sum));
	store(file);
	if (!file->err && fsync(file->fd))
		file->err = -errno;
	if (!file->err && rename(file->temp, file->path))
		file->err = -errno;
	if (!file->err)
		file->err = sync_dir();
	err = file->err;
	if (err)
		snprintf(why, size, "%s: %s; not persistent: it holds now, and is lost when the "
			 "machine restarts", file->path, strerror(-err));
	mqg_state_drop(file);
	return err;
}

void mqg_state_drop(struct mqg_state_file *file)
{
	if (file->fd >= 0) {
		close(file->fd);
		/* Renamed already, or of no use. */
		unlink(file->temp);
	}
	free(file->buf);
	file->buf = NULL;
	file->fd = -1;
}

/* ---- reading ------------------------------------------------------------------ */

static int read_all(const char *path, char **text, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), err = 0;
	struct stat st;

	*text = NULL;
	*len = 0;
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > FILE_MAX)
		err = -EBADMSG;
	if (!err)
		*text = malloc((size_t)st.st_size + 1);
	if (!err && !*text)
		err = -ENOMEM;
	while (!err && *len < (size_t)st.st_size) {
		ssize_t n = read(fd, *text + *len, (size_t)st.st_size - *len);

		if (n < 0 && errno != EINTR)
			err = -errno;
		if (!n)
			break;
		if (n > 0)
			*len += (size_t)n;
	}
	close(fd);
	if (err) {
		free(*text);
		*text = NULL;
	}
	return err;
}

/* Cuts the last line off and compares. False where the file is not whole. */
static bool whole(char *text, size_t *len)
{
	char end[64];
	size_t at = *len;
	uint64_t count, sum;

	if (!at || text[at - 1] != '\n')
		return false;
	for (at--; at && text[at - 1] != '\n'; at--)
		;
	if (*len - at >= sizeof(end))
		return false;
	memcpy(end, text + at, *len - at);
	end[*len - at] = '\0';
	if (sscanf(end, "# end %" SCNu64 " %" SCNx64, &count, &sum) != 2)
		return false;
	*len = at;
	return sum_of(SUM_START, text, at) == sum;
}

static void put_aside(const char *path, const char *what, char *why, size_t size)
{
	char aside[540];
	int err;

	snprintf(aside, sizeof(aside), "%s.damaged", path);
	err = rename(path, aside) ? -errno : 0;
	snprintf(why, size, "%s is damaged (%s); %s%s%s", path, what,
		 err ? "it cannot be put aside: " : "it was put aside as ",
		 err ? strerror(-err) : aside,
		 err ? "" : ": what is good in it can be loaded from there");
}

/* Return: 0, -EBADMSG with @what, another -errno. */
static int read_set(const char *path, const char *name, struct mqg_set *set, char *what,
		    size_t size)
{
	char *text;
	size_t len, twice;
	int err = read_all(path, &text, &len);

	memset(set, 0, sizeof(*set));
	if (err) {
		snprintf(what, size, "it is no file of mqgate");
		return err;
	}
	if (!whole(text, &len)) {
		snprintf(what, size, "its end is missing, or it was changed by hand");
		err = -EBADMSG;
	}
	if (!err)
		err = mqg_set_read(set, text, len, name, what, size);
	if (!err)
		err = mqg_set_unite(set, &twice);
	free(text);
	if (err)
		mqg_set_free(set);
	return err == -EINVAL || err == -E2BIG ? -EBADMSG : err;
}

static void path_of(const char *name, char path[512])
{
	char dir[480];

	mqg_state_dir(dir, sizeof(dir));
	snprintf(path, 512, "%s/%s", dir, name);
}

int mqg_state_look(const char *name, struct mqg_set *set)
{
	char path[512], what[700];

	path_of(name, path);
	return read_set(path, name, set, what, sizeof(what));
}

int mqg_state_read(const char *name, struct mqg_set *set, char *why, size_t size)
{
	char path[512], what[700];
	int err;

	path_of(name, path);
	err = read_set(path, name, set, what, sizeof(what));
	if (err == -EBADMSG)
		put_aside(path, what, why, size);
	else if (err)
		snprintf(why, size, "%s: %s", path, strerror(-err));
	return err;
}

/* ---- single verdicts -------------------------------------------------------------- */

bool mqg_state_keeps(const struct mqgate_verdict *verdict, uint64_t now)
{
	return verdict->origin == MQGATE_ORIGIN_OPERATOR &&
	       verdict->reason == MQGATE_REASON_OPERATOR && !mqg_verdict_set(verdict) &&
	       mqg_verdict_live(verdict, now);
}

static int write_known(const struct mqg_net *net, const struct mqgate_verdict *verdict, void *arg)
{
	if (mqg_state_keeps(verdict, mqg_boottime_ns()))
		mqg_state_put(arg, net, verdict, verdict->expires, NULL);
	return 0;
}

/* Everything of the file but @net, or of the maps where there is no file. */
static void write_others(struct mqg_state_file *file, const struct mqg_set *set,
			 const struct mqg_net *net)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct mqg_item *item = &set->items[i];
		const struct mqgate_verdict verdict = {
			.action = (enum mqgate_action)item->action,
			.rate = item->rate,
		};

		if (!memcmp(&item->net, net, sizeof(*net)))
			continue;
		mqg_state_put(file, &item->net, &verdict, item->expires,
			      mqg_set_text(set, item));
	}
}

/* One changes the file at a time: also a command and a daemon that starts meanwhile. */
static int lock_dir(char *why, size_t size)
{
	uint64_t deadline = mqg_boottime_ns() + BUSY_MS * 1000000ULL;
	const struct timespec pause = { .tv_nsec = 1000000 };
	char dir[480];
	int fd, err = 0;

	mqg_state_dir(dir, sizeof(dir));
	fd = open_dir(dir);
	if (fd < 0)
		err = fd;
	while (!err && flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK || mqg_boottime_ns() > deadline)
			err = -errno;
		else
			nanosleep(&pause, NULL);
	}
	if (!err)
		return fd;
	snprintf(why, size, "%s: %s; not persistent: it holds now, and is lost when the machine "
		 "restarts", dir, strerror(-err));
	if (fd >= 0)
		close(fd);
	return err;
}

int mqg_state_change(const struct mqg_pins *pins, const struct mqg_net *net,
		     const struct mqgate_verdict *verdict, const char *text, char *why, size_t size)
{
	struct mqg_state_file file;
	struct mqg_set set = {};
	int lock = lock_dir(why, size), err = 0;

	if (lock < 0)
		return lock;
	if (net)
		err = mqg_state_read(MQG_STATE_SINGLES, &set, why, size);
	if (err != -EBADMSG)
		why[0] = '\0';
	mqg_state_begin(&file, MQG_STATE_SINGLES);
	if (net && (err == -ENOENT || err == -EBADMSG))
		mqg_net_each(pins, write_known, &file);
	else if (net && err)
		file.err = err;
	else if (net)
		write_others(&file, &set, net);
	/* Made from the maps the file has it already, without its text: the later one counts. */
	if (net && verdict)
		mqg_state_put(&file, net, verdict, verdict->expires, text);
	err = mqg_state_commit(&file, why, size);
	mqg_set_free(&set);
	close(lock);
	return err;
}

int mqg_state_restore(const struct mqg_pins *pins, char *why, size_t size)
{
	uint64_t now = mqg_boottime_ns();
	struct mqgate_verdict found;
	struct mqg_set set;
	int err = mqg_state_read(MQG_STATE_SINGLES, &set, why, size), restored = 0;

	if (err)
		return err == -ENOENT ? 0 : err;
	for (size_t i = 0; !err && i < set.count; i++) {
		const struct mqg_item *item = &set.items[i];
		const struct mqgate_verdict verdict = {
			.expires = item->expires,
			.since = now,
			.action = (enum mqgate_action)item->action,
			.origin = MQGATE_ORIGIN_OPERATOR,
			.reason = MQGATE_REASON_OPERATOR,
			.rate = item->rate,
		};

		if (!mqg_net_get(pins, &item->net, &found) && !mqg_verdict_set(&found) &&
		    mqg_verdict_live(&found, now) && found.origin != MQGATE_ORIGIN_DAEMON)
			continue;
		err = mqg_net_put(pins, &item->net, &verdict);
		restored += !err;
	}
	mqg_set_free(&set);
	if (err)
		snprintf(why, size, "%d verdicts of the state directory were restored, then the "
			 "maps refuse: %s", restored, strerror(-err));
	return err ? err : restored;
}
