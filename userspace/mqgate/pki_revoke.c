// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate pki revoke` and `pki crl`: the next revocation lists. Called by pki.c with the directory
 * locked.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bn.h>

#include "mqgate/pki.h"

#define WHY	1024

static const char *const folders[] = { "devices", "servers" };

static bool has_serial(X509 *cert, const BIGNUM *wanted)
{
	BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	bool same = serial && !BN_cmp(serial, wanted);

	BN_free(serial);
	return same;
}

static X509 *find_serial_in(const struct mqg_pki_dir *dir, const char *folder,
			    const BIGNUM *wanted)
{
	int fd = openat(dir->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	X509 *cert = NULL;

	while (list && !cert && (entry = readdir(list))) {
		const char *end = strrchr(entry->d_name, '.');
		char name[300], why[WHY];

		if (!end || strcmp(end, ".pem"))
			continue;
		snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name);
		cert = mqg_pki_cert_read(dir, name, why, sizeof(why));
		if (cert && !has_serial(cert, wanted)) {
			X509_free(cert);
			cert = NULL;
		}
	}
	if (list)
		closedir(list);
	else if (fd >= 0)
		close(fd);
	return cert;
}

/* Hexadecimal, with or without colons. */
static X509 *find_serial(const struct mqg_pki_dir *dir, const char *text)
{
	BIGNUM *wanted = NULL;
	X509 *cert = NULL;
	char hex[48];
	size_t n = 0;

	for (const char *p = text; *p && n + 1 < sizeof(hex); p++)
		if (*p != ':')
			hex[n++] = *p;
	hex[n] = '\0';
	if (strspn(hex, "0123456789abcdefABCDEF") != n || !BN_hex2bn(&wanted, hex))
		return NULL;
	for (size_t i = 0; i < 2 && !cert; i++)
		cert = find_serial_in(dir, folders[i], wanted);
	BN_free(wanted);
	return cert;
}

static X509 *find(const struct mqg_pki_dir *dir, const char *target, char *why, size_t size)
{
	char path[2][128];
	bool there[2];

	for (size_t i = 0; i < 2; i++) {
		bool full = !strncmp(target, folders[i], 7) && target[7] == '/';
		const char *name = full ? target + 8 : target;

		snprintf(path[i], sizeof(path[i]), "%s/%s.pem", folders[i], name);
		there[i] = mqg_pki_file_name(name) && (full || !strchr(target, '/')) &&
			   mqg_pki_exists(dir, path[i]);
	}
	if (there[0] && there[1]) {
		snprintf(why, size, "%s: is a device and a server; write devices/%s or servers/%s",
			 target, target, target);
		return NULL;
	}
	if (there[0] || there[1])
		return mqg_pki_cert_read(dir, path[there[1]], why, size);
	snprintf(why, size, "%s: neither the name nor the serial number of a certificate that this "
		 "PKI issued", target);
	return find_serial(dir, target);
}

static int tell(const struct mqg_cmd *cmd, const struct mqg_pki_dir *dir, X509 *revoked,
		const X509_CRL *crl)
{
	char *serial = revoked ? mqg_pki_serial(revoked) : NULL, until[32];

	mqg_pki_time(X509_CRL_get0_nextUpdate(crl), until);
	if (cmd->json) {
		json_t *told = json_pack("{s:s?, s:o, s:s, s:b}", "serial", serial, "crl",
					 json_sprintf("%s/crl.pem", dir->path), "next_update",
					 until, "production", 0);

		OPENSSL_free(serial);
		return mqg_json_print(cmd, told);
	}
	if (serial)
		printf("revoked: serial %s\n", serial);
	printf("%s/crl.pem\ngood until %s; renew it before with mqgate pki crl %s\n", dir->path,
	       until, dir->path);
	mqg_pki_remind(cmd);
	OPENSSL_free(serial);
	return MQG_DONE;
}

static int next_lists(const struct mqg_cmd *cmd, struct mqg_pki_dir *dir, X509 *revoked,
		      const struct mqg_pki_words *words)
{
	static const char *const files[2][2] = {
		{ "ca.pem", "ca.key" },
		{ "root.pem", "root.key" },
	};
	unsigned int days = words->days ? words->days : MQG_PKI_CRL_DAYS;
	struct mqg_pki_authority authority[2] = {};
	X509_CRL *last[2] = {}, *next[2] = {};
	char why[WHY] = "out of memory";
	X509_REVOKED *entry;
	int code = MQG_REFUSED;

	for (size_t i = 0; i < 2; i++) {
		authority[i].cert = mqg_pki_cert_read(dir, files[i][0], why, sizeof(why));
		if (authority[i].cert)
			authority[i].key = mqg_pki_key_read(dir, files[i][1], why, sizeof(why));
		if (!authority[i].key)
			goto out;
	}
	if (mqg_pki_crl_read(dir, last, why, sizeof(why)))
		goto out;
	if (revoked && X509_CRL_get0_by_cert(last[0], &entry, revoked) == 1) {
		snprintf(why, sizeof(why), "is revoked already");
		goto out;
	}
	for (size_t i = 0; i < 2; i++) {
		authority[i].crl = last[i];
		next[i] = mqg_pki_crl_next(&authority[i], i ? NULL : revoked, words->reason, days);
	}
	if (next[0] && next[1] && !mqg_pki_crl_write(dir, next, why, sizeof(why)))
		code = tell(cmd, dir, revoked, next[0]);
out:
	if (code != MQG_DONE)
		mqg_refuse("pki %s: %s", revoked ? "revoke" : "crl", why);
	for (size_t i = 0; i < 2; i++) {
		X509_free(authority[i].cert);
		EVP_PKEY_free(authority[i].key);
		X509_CRL_free(last[i]);
		X509_CRL_free(next[i]);
	}
	return code;
}

int mqg_pki_revoke(const struct mqg_cmd *cmd, struct mqg_pki_dir *dir, int argc, char **argv)
{
	struct mqg_pki_words words;
	char why[WHY];
	X509 *cert;
	int code;

	if (!argc)
		return mqg_misuse("pki revoke: name a certificate behind the directory: its name "
				  "or its serial number");
	code = mqg_pki_words_read(&words, "revoke", " reason days ", argc - 1, argv + 1);
	if (code == MQG_DONE) {
		cert = find(dir, argv[0], why, sizeof(why));
		code = cert ? next_lists(cmd, dir, cert, &words)
			    : mqg_refuse("pki revoke: %s", why);
		X509_free(cert);
	}
	mqg_pki_words_free(&words);
	return code;
}

int mqg_pki_crl(const struct mqg_cmd *cmd, struct mqg_pki_dir *dir, int argc, char **argv)
{
	struct mqg_pki_words words;
	int code = mqg_pki_words_read(&words, "crl", " days ", argc, argv);

	if (code == MQG_DONE)
		code = next_lists(cmd, dir, NULL, &words);
	mqg_pki_words_free(&words);
	return code;
}
