// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate policy`: its verbs. Called by main(); it needs no daemon and no root.
 */
#include "mqgate/policy.h"

int mqg_run_policy(const struct mqg_cmd *cmd, int argc, char **argv)
{
	if (!argc)
		return mqg_misuse("policy: check or import; mqgate policy help");
	if (mqg_word_is(argv[0], "check", 1))
		return mqg_policy_check(cmd, argc - 1, argv + 1);
	if (mqg_word_is(argv[0], "import", 1))
		return mqg_policy_import(cmd, argc - 1, argv + 1);
	return mqg_misuse("policy: \"%s\" is no verb of it; it has check and import", argv[0]);
}
