/* SPDX-License-Identifier: BSD-2-Clause */
/* Ids and capabilities. Called by main() while there is one thread; no lock. */
#include "system/privileges.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cap-ng.h>

#include "config/endpoint.h"

#define FIRST_OPEN_PORT	1024

uint64_t mqg_privileges_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur;
}

static bool needs_low_port(const struct mqg_config *config)
{
	for (size_t i = 0; i < config->n_listeners; i++)
		if (mqg_endpoint_port(&config->listeners[i].address) < FIRST_OPEN_PORT)
			return true;
	return config->http.text && mqg_endpoint_port(&config->http) < FIRST_OPEN_PORT;
}

/* Asks for what is wanted and, when not root, is there. */
static void choose(const struct mqg_config *config, bool root)
{
	const capng_type_t both = CAPNG_EFFECTIVE | CAPNG_PERMITTED;
	bool admin = root || capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN);
	bool bind = needs_low_port(config) &&
		    (root || capng_have_capability(CAPNG_PERMITTED, CAP_NET_BIND_SERVICE));

	capng_clear(CAPNG_SELECT_BOTH);
	if (admin)
		capng_update(CAPNG_ADD, both, CAP_NET_ADMIN);
	if (bind)
		capng_update(CAPNG_ADD, both, CAP_NET_BIND_SERVICE);
}

static int become(const struct mqg_config *config, char *why, size_t size)
{
	const struct passwd *pw;
	int err;

	errno = 0;
	pw = getpwnam(config->user);
	if (!pw) {
		snprintf(why, size, "there is no user \"%s\"; make one (useradd --system "
				    "--user-group --no-create-home --shell /usr/sbin/nologin %s), "
				    "or name another with user: in %s",
			 config->user, config->user, config->path);
		return -ENOENT;
	}
	choose(config, true);
	err = capng_change_id((int)pw->pw_uid, (int)pw->pw_gid,
			      CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	if (err) {
		snprintf(why, size, "cannot become user \"%s\" (libcap-ng: %d); start mqgated as "
				    "root with CAP_SETUID, CAP_SETGID, CAP_SETPCAP and "
				    "CAP_NET_ADMIN", config->user, err);
		return -EPERM;
	}
	return 0;
}

static int shrink(const struct mqg_config *config, char *why, size_t size)
{
	if (capng_get_caps_process()) {
		snprintf(why, size, "cannot read the process's capabilities");
		return -EPERM;
	}
	choose(config, false);
	if (capng_apply(CAPNG_SELECT_CAPS) || capng_apply(CAPNG_SELECT_AMBIENT)) {
		snprintf(why, size, "cannot give up capabilities: %s", strerror(errno));
		return -EPERM;
	}
	return 0;
}

int mqg_privileges_drop(const struct mqg_config *config, char *why, size_t size)
{
	int err = geteuid() ? shrink(config, why, size) : become(config, why, size);

	if (err)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)) {
		err = -errno;
		snprintf(why, size, "prctl: %s", strerror(-err));
		return err;
	}
	return 0;
}
