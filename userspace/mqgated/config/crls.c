/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Revocation lists from a file or a directory, and whether they have changed since. Called by
 * mqg_material_load() and by the daemon once a second, in the main thread; no lock.
 */
#include "config/material.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static int fail(char *why, size_t size, const char *path, const char *text)
{
	snprintf(why, size, "%s: %s", path, text);
	ERR_clear_error();
	return -EINVAL;
}

/* FNV-1a over what changes when a file does. */
static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len--)
		hash = (hash ^ *p++) * 0x100000001b3ULL;
	return hash;
}

static uint64_t mix_file(const char *name, const struct stat *st)
{
	const uint64_t facts[] = {
		st->st_dev, st->st_ino, (uint64_t)st->st_size, (uint64_t)st->st_mtim.tv_sec,
		(uint64_t)st->st_mtim.tv_nsec, (uint64_t)st->st_ctim.tv_sec,
		(uint64_t)st->st_ctim.tv_nsec,
	};

	return mix(mix(0xcbf29ce484222325ULL, name, strlen(name)), facts, sizeof(facts));
}

/* The order in which a directory is read must not matter: the files' hashes are added up. */
uint64_t mqg_crls_stamp(const char *path)
{
	const struct dirent *entry;
	uint64_t stamp = 0;
	struct stat st;
	DIR *dir;

	if (stat(path, &st))
		return 0;
	if (!S_ISDIR(st.st_mode))
		return mix_file("", &st) | 1;
	dir = opendir(path);
	if (!dir)
		return 0;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !fstatat(dirfd(dir), entry->d_name, &st, 0) &&
		    S_ISREG(st.st_mode))
			stamp += mix_file(entry->d_name, &st);
	closedir(dir);
	return stamp | 1;
}

/* A daemon has nobody to ask for a passphrase. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

/* Return: how many lists were taken from @bio, or -1. */
static int take_pem(BIO *bio, STACK_OF(X509_CRL) *list)
{
	X509_CRL *crl;
	int count = 0;

	while ((crl = PEM_read_bio_X509_CRL(bio, NULL, no_passphrase, NULL))) {
		if (!sk_X509_CRL_push(list, crl)) {
			X509_CRL_free(crl);
			return -1;
		}
		count++;
	}
	/* The end of the file reads as "no start line"; any other error is one. */
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return -1;
	ERR_clear_error();
	return count;
}

static int take_der(BIO *bio, STACK_OF(X509_CRL) *list)
{
	X509_CRL *crl = d2i_X509_CRL_bio(bio, NULL);

	if (!crl || !sk_X509_CRL_push(list, crl)) {
		X509_CRL_free(crl);
		return -1;
	}
	return 1;
}

static int take_file(const char *path, STACK_OF(X509_CRL) *list, char *why, size_t size)
{
	FILE *file = fopen(path, "re");
	BIO *bio = file ? BIO_new_fp(file, BIO_CLOSE) : NULL;
	char text[160];
	int first, count;

	if (!bio) {
		snprintf(text, sizeof(text), "%s; %s", strerror(errno),
			 errno == EACCES ? "mqgated must be able to read it"
					 : "write the path of a file or a directory with "
					   "revocation lists");
		if (file)
			fclose(file);
		return fail(why, size, path, text);
	}
	first = fgetc(file);
	ungetc(first, file);
	/* DER: a SEQUENCE. */
	count = first == 0x30 ? take_der(bio, list) : take_pem(bio, list);
	BIO_free(bio);
	if (count > 0)
		return 0;
	return fail(why, size, path,
		    count ? "a certificate revocation list in it is damaged; write it anew"
			  : "holds no certificate revocation list in PEM or DER form; write one, "
			    "or leave crl out to check no revocation");
}

static int take_directory(const char *path, DIR *dir, STACK_OF(X509_CRL) *list, char *why,
			  size_t size)
{
	const struct dirent *entry;
	int files = 0, err = 0;

	while (!err && (entry = readdir(dir))) {
		char name[4096];
		struct stat st;

		if (entry->d_name[0] == '.' || fstatat(dirfd(dir), entry->d_name, &st, 0) ||
		    !S_ISREG(st.st_mode))
			continue;
		if ((size_t)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name) >=
		    sizeof(name))
			return fail(why, size, path, "the names in it are too long");
		err = take_file(name, list, why, size);
		files++;
	}
	if (!err && !files)
		err = fail(why, size, path, "is a directory without a file; put the lists there, "
					    "or leave crl out to check no revocation");
	return err;
}

static bool issued_by(X509_CRL *crl, STACK_OF(X509) *authorities)
{
	for (int i = 0; i < sk_X509_num(authorities); i++) {
		X509 *ca = sk_X509_value(authorities, i);

		if (!X509_NAME_cmp(X509_get_subject_name(ca), X509_CRL_get_issuer(crl)) &&
		    X509_CRL_verify(crl, X509_get0_pubkey(ca)) == 1)
			return true;
	}
	return false;
}

static time_t seconds_of(const ASN1_TIME *time)
{
	struct tm tm;

	return time && ASN1_TIME_to_tm(time, &tm) ? timegm(&tm) : 0;
}

/* A newer list of the same issuer is there: this one counts no more. */
static bool superseded(STACK_OF(X509_CRL) *list, X509_CRL *crl)
{
	for (int i = 0; i < sk_X509_CRL_num(list); i++) {
		X509_CRL *other = sk_X509_CRL_value(list, i);

		if (other != crl &&
		    !X509_NAME_cmp(X509_CRL_get_issuer(other), X509_CRL_get_issuer(crl)) &&
		    seconds_of(X509_CRL_get0_lastUpdate(other)) >
			    seconds_of(X509_CRL_get0_lastUpdate(crl)))
			return true;
	}
	return false;
}

static void find_first(struct mqg_crls *crls)
{
	for (int i = 0; i < sk_X509_CRL_num(crls->list); i++) {
		X509_CRL *crl = sk_X509_CRL_value(crls->list, i);
		time_t out = seconds_of(X509_CRL_get0_nextUpdate(crl));

		if (!out || superseded(crls->list, crl) ||
		    (crls->first_out && crls->first_out <= out))
			continue;
		crls->first_out = out;
		crls->first_issued = seconds_of(X509_CRL_get0_lastUpdate(crl));
	}
}

int mqg_crls_load(const char *path, struct mqg_crls **out, char *why, size_t size)
{
	struct mqg_crls *crls = calloc(1, sizeof(*crls));
	DIR *dir;
	int err;

	*out = NULL;
	if (!crls)
		return -ENOMEM;
	crls->list = sk_X509_CRL_new_null();
	if (!crls->list) {
		free(crls);
		return -ENOMEM;
	}
	/* Before reading: what changes meanwhile is seen by the next comparison. */
	crls->stamp = mqg_crls_stamp(path);
	dir = opendir(path);
	if (dir) {
		err = take_directory(path, dir, crls->list, why, size);
		closedir(dir);
	} else {
		err = take_file(path, crls->list, why, size);
	}
	if (err) {
		mqg_crls_free(crls);
		return err;
	}
	find_first(crls);
	*out = crls;
	return 0;
}

void mqg_crls_free(struct mqg_crls *crls)
{
	if (!crls)
		return;
	sk_X509_CRL_pop_free(crls->list, X509_CRL_free);
	free(crls);
}

bool mqg_crls_belong(const struct mqg_crls *crls, STACK_OF(X509) *authorities)
{
	bool found = false;

	for (int i = 0; i < sk_X509_CRL_num(crls->list) && !found; i++)
		found = issued_by(sk_X509_CRL_value(crls->list, i), authorities);
	ERR_clear_error();
	return found;
}
