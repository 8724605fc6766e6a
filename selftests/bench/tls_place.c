// SPDX-License-Identifier: BSD-2-Clause
/* Where TLS is measured: a namespace, an authority, the directories of mqgated. See tls.h. */
#include "tls.h"

#include <err.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "command.h"

#define DESCRIPTORS	120000

static char place[64];
static pid_t owner;

/* Its children leave the directory to it. */
static void tidy(void)
{
	if (getpid() != owner)
		return;
	owner = 0;
	command_run("rm -rf %s", place);
}

static void take_descriptors(void)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_max < DESCRIPTORS)
		files.rlim_cur = files.rlim_max;
	else
		files.rlim_cur = DESCRIPTORS;
	if (setrlimit(RLIMIT_NOFILE, &files))
		err(1, "descriptors");
}

const char *tls_prepare(const char *top)
{
	cpu_set_t first;

	if (unshare(CLONE_NEWNET))
		err(1, "namespace");
	take_descriptors();
	command_run("ip link set lo up && sysctl -q -w net.ipv4.ip_local_port_range='10000 65535'");
	snprintf(place, sizeof(place), "/tmp/mqgate-tls-XXXXXX");
	if (!mkdtemp(place))
		err(1, "%s", place);
	owner = getpid();
	atexit(tidy);
	command_run("cd %s && pki() { %s/build/mqgate pki \"$@\" >/dev/null; } && pki init p && "
	    "pki issue p device cn device && pki issue p server ip 127.0.0.1 && "
	    "cp p/ca.pem p/crl.pem . && cp p/devices/device.pem p/devices/device.key . && "
	    "openssl x509 -in device.pem -out leaf.pem && "
	    "cp p/servers/127.0.0.1.pem server.pem && cp p/servers/127.0.0.1.key server.key && "
	    "cat server.pem server.key >server-both.pem && "
	    "mkdir run state && chgrp mqgate . * && chmod g+r server.key && chmod 750 . && "
	    "chmod 770 run state",
	    place, top);
	if (chdir(place))
		err(1, "%s", place);
	setenv("MQGATE_RUN", "run", 1);
	setenv("MQGATE_STATE", "state", 1);
	setenv("MQGATE_BPFFS", "none", 1);
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (sched_setaffinity(0, sizeof(first), &first))
		err(1, "CPU 0");
	return place;
}
