// SPDX-License-Identifier: BSD-2-Clause
/*
 * The directory of `mqgate pki`: made whole or not at all, never overwritten, locked while it is
 * changed. Called by the verbs of pki.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mqgate/pki.h"

static const char *const folders[] = { "servers", "devices" };

/* Flushed before the name is given: a name whose content a power cut took would be a lie. */
static int fill(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return fsync(fd) ? -errno : 0;
}

/* The name of a file is on disk once its folder is. */
static int flush_folder(const struct mqg_pki_dir *dir, const char *name)
{
	const char *slash = strchr(name, '/');
	char folder[32];
	int fd, err;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - name) : 1,
		 slash ? name : ".");
	fd = openat(dir->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = fd < 0 || fsync(fd) ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return err;
}

int mqg_pki_write(const struct mqg_pki_dir *dir, const char *name, unsigned int mode, BIO *text,
		  bool replace, char *why, size_t size)
{
	char temporary[160], *data;
	long len = BIO_get_mem_data(text, &data);
	int fd, err;

	snprintf(temporary, sizeof(temporary), "%s.%ld.new", name, (long)getpid());
	fd = openat(dir->fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	err = fd < 0 ? -errno : fill(fd, data, (size_t)len);
	if (!err && renameat2(dir->fd, temporary, dir->fd, name, replace ? 0 : RENAME_NOREPLACE))
		err = -errno;
	if (!err)
		err = flush_folder(dir, name);
	if (fd >= 0) {
		unlinkat(dir->fd, temporary, 0);
		close(fd);
	}
	if (err == -EEXIST)
		snprintf(why, size, "%s/%s: is there already and is not overwritten; choose "
			 "another name with file NAME", dir->path, name);
	else if (err)
		snprintf(why, size, "%s/%s: cannot be written: %s", dir->path, name,
			 strerror(-err));
	return err;
}

BIO *mqg_pki_read(const struct mqg_pki_dir *dir, const char *name, char *why, size_t size)
{
	int fd = openat(dir->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	BIO *bio = file ? BIO_new_fp(file, BIO_CLOSE) : NULL;

	if (bio)
		return bio;
	snprintf(why, size, "%s/%s: %s", dir->path, name, strerror(errno));
	if (file)
		fclose(file);
	else if (fd >= 0)
		close(fd);
	return NULL;
}

bool mqg_pki_exists(const struct mqg_pki_dir *dir, const char *name)
{
	return !faccessat(dir->fd, name, F_OK, AT_SYMLINK_NOFOLLOW);
}

static int take_lock(struct mqg_pki_dir *dir, int flags)
{
	dir->lock = openat(dir->fd, "lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	if (dir->lock < 0)
		return -errno;
	while (flock(dir->lock, LOCK_EX))
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int refuse_make(const char *path, int err, char *why, size_t size)
{
	if (err == -EEXIST)
		snprintf(why, size, "%s: is there already, and a PKI is never overwritten; name "
			 "another directory, or remove this one first", path);
	else
		snprintf(why, size, "%s: cannot be made: %s", path, strerror(-err));
	return err;
}

int mqg_pki_dir_make(struct mqg_pki_dir *dir, const char *path, char *why, size_t size)
{
	size_t len = strlen(path);
	int err = 0;

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (!len || len >= sizeof(dir->path)) {
		snprintf(why, size, "\"%s\" is no name of a directory; write one of 1 to %zu bytes",
			 path, sizeof(dir->path) - 1);
		return -EINVAL;
	}
	memcpy(dir->path, path, len);
	if (!faccessat(AT_FDCWD, dir->path, F_OK, AT_SYMLINK_NOFOLLOW))
		return refuse_make(dir->path, -EEXIST, why, size);
	snprintf(dir->made, sizeof(dir->made), "%s.XXXXXX", dir->path);
	/* mkdtemp() gives mode 0700. */
	if (!mkdtemp(dir->made)) {
		err = -errno;
		dir->made[0] = '\0';
		return refuse_make(dir->path, err, why, size);
	}
	dir->fd = open(dir->made, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd < 0)
		err = -errno;
	for (size_t i = 0; !err && i < sizeof(folders) / sizeof(folders[0]); i++)
		if (mkdirat(dir->fd, folders[i], 0700))
			err = -errno;
	if (!err)
		err = take_lock(dir, O_CREAT | O_EXCL);
	return err ? refuse_make(dir->path, err, why, size) : 0;
}

int mqg_pki_dir_finish(struct mqg_pki_dir *dir, char *why, size_t size)
{
	if (renameat2(AT_FDCWD, dir->made, AT_FDCWD, dir->path, RENAME_NOREPLACE))
		return refuse_make(dir->path, -errno, why, size);
	dir->made[0] = '\0';
	return 0;
}

int mqg_pki_dir_open(struct mqg_pki_dir *dir, const char *path, char *why, size_t size)
{
	struct stat st;
	int err;

	snprintf(dir->path, sizeof(dir->path), "%s", path);
	dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd < 0 || fstat(dir->fd, &st)) {
		err = -errno;
		snprintf(why, size, "%s: %s; mqgate pki init %s makes a PKI there", path,
			 strerror(-err), path);
		return err;
	}
	if (st.st_mode & 077) {
		snprintf(why, size, "%s: mode %04o lets others in where the keys are; chmod 700 it",
			 path, (unsigned int)(st.st_mode & 07777));
		return -EPERM;
	}
	err = take_lock(dir, 0);
	if (err)
		snprintf(why, size, "%s/lock: %s; this is no directory of mqgate pki init", path,
			 strerror(-err));
	return err;
}

void mqg_pki_dir_close(struct mqg_pki_dir *dir)
{
	static const char *const files[] = {
		"README", "lock", "root.pem", "root.key", "ca.pem", "ca.key", "crl.pem",
	};

	if (dir->made[0]) {
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
			unlinkat(dir->fd, files[i], 0);
		for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
			unlinkat(dir->fd, folders[i], AT_REMOVEDIR);
		rmdir(dir->made);
	}
	if (dir->lock >= 0)
		close(dir->lock);
	if (dir->fd >= 0)
		close(dir->fd);
	*dir = (struct mqg_pki_dir)MQG_PKI_DIR_INIT;
}
