// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate version` and `mqgate check`: what needs neither root nor pins. Called by main().
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "mqgate/cmd.h"

int mqg_run_version(const struct mqg_cmd *cmd, int argc, char **argv)
{
	struct utsname host;

	(void)argv;
	if (argc)
		return mqg_misuse("version: takes no words");
	if (uname(&host))
		strcpy(host.release, "unknown");
	if (cmd->json)
		return mqg_json_print(cmd, json_pack("{s:s, s:i, s:s, s:s}", "version", MQG_VERSION,
						     "abi", MQGATE_ABI_VERSION, "libbpf",
						     libbpf_version_string(), "kernel",
						     host.release));
	printf("mqgate %s, ABI %d, libbpf %s, Linux %s\n", MQG_VERSION, MQGATE_ABI_VERSION,
	       libbpf_version_string(), host.release);
	return MQG_DONE;
}

/* The daemon owns the schema; asking it keeps one judge of what is a good configuration. */
int mqg_run_check(const struct mqg_cmd *cmd, int argc, char **argv)
{
	char path[512], *slash;
	ssize_t len;

	(void)cmd;
	if (argc != 1)
		return mqg_misuse("check: name one file: mqgate check /etc/mqgate/mqgate.yaml");
	len = readlink("/proc/self/exe", path, sizeof(path) - sizeof("mqgated"));
	if (len > 0) {
		path[len] = '\0';
		slash = strrchr(path, '/');
		strcpy(slash + 1, "mqgated");
		execl(path, "mqgated", "-t", "-c", argv[0], NULL);
	}
	execlp("mqgated", "mqgated", "-t", "-c", argv[0], NULL);
	return mqg_refuse("check: mqgated cannot be run (%s); install it beside mqgate or in PATH",
			  strerror(errno));
}
