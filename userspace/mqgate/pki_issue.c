// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate pki issue`: a certificate and a key for a server or a device. Called by pki.c with the
 * directory locked.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>

#include "mqgate/pki.h"

#define WHY	1024

struct issue {
	const struct mqg_pki_words	*words;
	enum mqg_pki_profile		profile;
	char				cert[128], key[128];	/* below the directory */
};

static int name_files(struct issue *issue, const struct mqg_pki_dir *dir)
{
	const struct mqg_pki_words *words = issue->words;
	const char *folder = issue->profile == MQG_PKI_SERVER ? "servers" : "devices";
	const char *name = words->file ? words->file : words->cn ? words->cn : words->first;

	if (!mqg_pki_file_name(name))
		return mqg_misuse("pki issue: \"%s\" does not do as the name of a file; add file "
				  "NAME", name);
	snprintf(issue->cert, sizeof(issue->cert), "%s/%s.pem", folder, name);
	snprintf(issue->key, sizeof(issue->key), "%s/%s.key", folder, name);
	if (mqg_pki_exists(dir, issue->cert))
		return mqg_refuse("%s/%s: is there already and is not overwritten; choose another "
				  "name with file NAME", dir->path, issue->cert);
	if (mqg_pki_exists(dir, issue->key))
		return mqg_refuse("%s/%s: a key without a certificate, of an issue that was "
				  "interrupted; remove it", dir->path, issue->key);
	return MQG_DONE;
}

/* The leaf, then the intermediate: what a client or server has to send. */
static int write_chain(const struct mqg_pki_dir *dir, const struct issue *issue, X509 *cert,
		       X509 *ca, char *why, size_t size)
{
	BIO *text = BIO_new(BIO_s_mem());
	int err = -1;

	snprintf(why, size, "no memory");
	if (text && PEM_write_bio_X509(text, cert) == 1 && PEM_write_bio_X509(text, ca) == 1)
		err = mqg_pki_write(dir, issue->cert, 0644, text, false, why, size);
	BIO_free(text);
	return err;
}

static int tell(const struct mqg_cmd *cmd, const struct mqg_pki_dir *dir, const struct issue *issue,
		X509 *cert)
{
	char *serial = mqg_pki_serial(cert), until[32];

	mqg_pki_time(X509_get0_notAfter(cert), until);
	if (!serial)
		return mqg_refuse("out of memory");
	if (cmd->json) {
		json_t *told = json_pack("{s:o, s:o, s:s, s:s, s:b}", "certificate",
					 json_sprintf("%s/%s", dir->path, issue->cert), "key",
					 json_sprintf("%s/%s", dir->path, issue->key), "serial",
					 serial, "not_after", until, "production", 0);

		OPENSSL_free(serial);
		return mqg_json_print(cmd, told);
	}
	printf("%s/%s\n%s/%s\nserial %s, good until %s\n", dir->path, issue->cert, dir->path,
	       issue->key, serial, until);
	mqg_pki_remind(cmd);
	OPENSSL_free(serial);
	return MQG_DONE;
}

static int sign(const struct mqg_cmd *cmd, const struct mqg_pki_dir *dir, const struct issue *issue)
{
	const struct mqg_pki_words *words = issue->words;
	struct mqg_pki_request request = {
		.profile = issue->profile,
		.cn = words->cn ? words->cn
				: issue->profile == MQG_PKI_SERVER ? words->first : NULL,
		.names = words->names,
		.days = words->days,
		.key = mqg_pki_key_make(words->key ? words->key : "p256"),
	};
	char why[WHY] = "OpenSSL could not make a key";
	X509 *ca = mqg_pki_cert_read(dir, "ca.pem", why, sizeof(why)), *cert = NULL;
	EVP_PKEY *key = ca ? mqg_pki_key_read(dir, "ca.key", why, sizeof(why)) : NULL;
	int code = MQG_REFUSED;

	if (key && request.key)
		cert = mqg_pki_certify(&request, ca, key, why, sizeof(why));
	/* The key first: a certificate is never there without it. */
	if (!cert || mqg_pki_key_write(dir, issue->key, request.key, why, sizeof(why)) ||
	    write_chain(dir, issue, cert, ca, why, sizeof(why)))
		mqg_refuse("pki issue: %s", why);
	else
		code = tell(cmd, dir, issue, cert);
	X509_free(cert);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(request.key);
	return code;
}

int mqg_pki_issue(const struct mqg_cmd *cmd, struct mqg_pki_dir *dir, int argc, char **argv)
{
	struct mqg_pki_words words;
	struct issue issue = { .words = &words };
	bool server = argc && !strcmp(argv[0], "server");
	int code;

	if (!server && (!argc || strcmp(argv[0], "device")))
		return mqg_misuse("pki issue: say server or device behind the directory");
	issue.profile = server ? MQG_PKI_SERVER : MQG_PKI_DEVICE;
	code = mqg_pki_words_read(&words, server ? "issue server" : "issue device",
				  server ? " dns ip cn key days file "
					 : " cn dns uri email key days file ", argc - 1, argv + 1);
	if (code == MQG_DONE && server && !words.first)
		code = mqg_misuse("pki issue server: name it with dns NAME or ip ADDRESS, by which "
				  "devices reach it");
	if (code == MQG_DONE && !words.cn && !words.first)
		code = mqg_misuse("pki issue device: name it with cn, dns, uri or email");
	if (code == MQG_DONE)
		code = name_files(&issue, dir);
	if (code == MQG_DONE)
		code = sign(cmd, dir, &issue);
	mqg_pki_words_free(&words);
	return code;
}
