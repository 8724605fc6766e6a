// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate pki`: its verbs. Called by main(); it needs no daemon and no root.
 */
#include "mqgate/pki.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/bn.h>

#define WHY	1024

const char *mqg_pki_time(const ASN1_TIME *time, char text[32])
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(time, &tm) || !strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(text, 32, "?");
	return text;
}

char *mqg_pki_serial(X509 *cert)
{
	BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *text = serial ? BN_bn2hex(serial) : NULL;

	BN_free(serial);
	return text;
}

void mqg_pki_remind(const struct mqg_cmd *cmd)
{
	if (!cmd->json)
		printf("for trials and tests only: this is not a production CA\n");
}

static const struct {
	const char	*name;
	int		(*run)(const struct mqg_cmd *cmd, struct mqg_pki_dir *dir, int argc,
			       char **argv);
} verbs[] = {
	{ "issue", mqg_pki_issue },
	{ "revoke", mqg_pki_revoke },
	{ "crl", mqg_pki_crl },
};

int mqg_run_pki(const struct mqg_cmd *cmd, int argc, char **argv)
{
	struct mqg_pki_dir dir = MQG_PKI_DIR_INIT;
	char why[WHY];

	if (argc < 2)
		return mqg_misuse("pki: init, issue, revoke or crl, and a directory; mqgate pki "
				  "help");
	if (mqg_word_is(argv[0], "init", 2))
		return mqg_pki_init(cmd, argv[1], argc - 2, argv + 2);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		int code;

		if (!mqg_word_is(argv[0], verbs[i].name, i ? 1 : 2))
			continue;
		code = mqg_pki_dir_open(&dir, argv[1], why, sizeof(why))
			       ? mqg_refuse("pki %s: %s", verbs[i].name, why)
			       : verbs[i].run(cmd, &dir, argc - 2, argv + 2);
		mqg_pki_dir_close(&dir);
		return code;
	}
	return mqg_misuse("pki: \"%s\" is no verb of it; it has init, issue, revoke and crl",
			  argv[0]);
}
