// SPDX-License-Identifier: BSD-2-Clause
/*
 * Private keys of servers: which kind, PEM files, PINs, and whether a key fits; see key.h. Main
 * thread, while loading; no lock.
 */
#include "config/key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ui.h>

bool mqg_key_is_path(const char *text)
{
	return strncmp(text, "pkcs11:", 7) != 0 && strncmp(text, "handle:", 7) != 0;
}

const char *mqg_key_store_word(enum mqg_key_store store)
{
	switch (store) {
	case MQG_KEY_FILE:
		return "file";
	case MQG_KEY_PKCS11_ENGINE:
		return "PKCS#11 token (engine)";
	case MQG_KEY_PKCS11_PROVIDER:
		return "PKCS#11 token (provider)";
	case MQG_KEY_TPM:
		return "TPM";
	}
	return "?";
}

int mqg_key_refuse(struct mqg_key_loading *l, const char *format, ...)
{
	int n = snprintf(l->why, l->size, "%s: ", l->from->text);
	va_list args;

	*l->which = "key";
	ERR_clear_error();
	if (n < 0 || (size_t)n >= l->size)
		return -EINVAL;
	va_start(args, format);
	vsnprintf(l->why + n, l->size - (size_t)n, format, args);
	va_end(args);
	return -EINVAL;
}

const char *mqg_key_openssl_says(char *text, size_t size)
{
	const char *found = NULL, *data;
	unsigned long error;
	int flags;

	/* The first is the deepest; what providers add as data is for people. */
	while ((error = ERR_get_error_all(NULL, NULL, NULL, &data, &flags))) {
		const char *reason = ERR_reason_error_string(error);

		if (!(flags & ERR_TXT_STRING))
			data = "";
		if (found || (!reason && !*data))
			continue;
		snprintf(text, size, "%s%s%s", reason ? reason : "", reason && *data ? ": " : "",
			 data);
		found = text;
	}
	return found ? found : "no reason told";
}

/* ---- PINs ----------------------------------------------------------------------------------- */

int mqg_key_read_pin(struct mqg_key_loading *l, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = errno;
	ssize_t n = fd < 0 ? -1 : read(fd, l->pin, sizeof(l->pin));

	if (n < 0 && fd >= 0)
		err = errno;
	if (fd >= 0)
		close(fd);
	*l->which = "pin_file";
	if (n < 0) {
		snprintf(l->why, l->size, "%s: %s; %s", path, strerror(err),
			 err == EACCES ? "mqgated must be able to read it, as root when it starts "
					 "and as its user when it reloads"
				       : "write the path of a file whose first line is the PIN");
		return err == EACCES ? -EACCES : -EINVAL;
	}
	if ((size_t)n < sizeof(l->pin) || memchr(l->pin, '\n', (size_t)n)) {
		l->pin[n < (ssize_t)sizeof(l->pin) ? n : MQG_PIN_MAX] = '\0';
		l->pin[strcspn(l->pin, "\r\n")] = '\0';
		if (l->pin[0]) {
			l->has_pin = true;
			return 0;
		}
	}
	snprintf(l->why, l->size, "%s: its first line is no PIN; write one of 1 to %d characters",
		 path, MQG_PIN_MAX);
	return -EINVAL;
}

static int tell_pin(UI *ui, UI_STRING *string)
{
	struct mqg_key_loading *l = UI_get0_user_data(ui);

	if (UI_get_string_type(string) != UIT_PROMPT && UI_get_string_type(string) != UIT_VERIFY)
		return 1;
	l->asked = true;
	return l->has_pin && !UI_set_result(ui, string, l->pin);
}

UI_METHOD *mqg_key_ui(void)
{
	static UI_METHOD *method;

	if (!method) {
		method = UI_create_method("mqgate");
		if (method)
			UI_method_set_reader(method, tell_pin);
	}
	return method;
}

/* ---- loading -------------------------------------------------------------------------------- */

/* A key with a passphrase must not ask at the terminal of a service. */
static int no_passphrase(char *buf, int size, int rwflag, void *asked)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	*(bool *)asked = true;
	return -1;
}

/* Whether a file is the wrapping of a key that only its TPM can use. */
static bool wrapped_by_tpm(FILE *file)
{
	char line[80];
	bool wrapped = false;

	while (!wrapped && fgets(line, sizeof(line), file))
		wrapped = !strncmp(line, "-----BEGIN TSS2 PRIVATE KEY-----", 32);
	rewind(file);
	return wrapped;
}

static int load_file(struct mqg_key_loading *l)
{
	FILE *file = fopen(l->from->text, "re");
	bool asked = false;

	if (!file && errno == EACCES) {
		mqg_key_refuse(l, "Permission denied; mqgated must be able to read it, as root "
				  "when it starts and as its user when it reloads");
		return -EACCES;
	}
	if (!file)
		return mqg_key_refuse(l, "%s; write the path of a PEM file", strerror(errno));
	if (wrapped_by_tpm(file)) {
		fclose(file);
		return mqg_key_tpm(l);
	}
	l->key->pkey = PEM_read_PrivateKey(file, NULL, no_passphrase, &asked);
	fclose(file);
	if (!l->key->pkey && asked)
		return mqg_key_refuse(l, "needs a passphrase; store it without one, mode 0640 for "
					 "the daemon's group");
	if (!l->key->pkey)
		return mqg_key_refuse(l, "holds no PEM private key; write the key of the "
					 "certificate");
	return 0;
}

static int load(struct mqg_key_loading *l)
{
	const char *text = l->from->text;
	int err = 0;

	if (l->from->pin_file)
		err = mqg_key_read_pin(l, l->from->pin_file);
	if (err)
		return err;
	if (!strncmp(text, "pkcs11:", 7))
		err = mqg_key_pkcs11(l);
	else
		err = mqg_key_is_path(text) ? load_file(l) : mqg_key_tpm(l);
	if (!err && l->key->store == MQG_KEY_FILE && l->from->pin_file) {
		snprintf(l->why, l->size, "belongs to a key in a token or TPM, and %s is a key by "
			 "itself; leave it out", text);
		*l->which = "pin_file";
		err = -EINVAL;
	}
	return err;
}

/* What is kept elsewhere may be there and yet not sign: made for another use, or locked. */
static int try_it(struct mqg_key_loading *l, X509 *certificate)
{
	static const unsigned char text[] = "mqgate";
	EVP_PKEY *public = X509_get0_pubkey(certificate);
	const EVP_MD *md = EVP_PKEY_is_a(public, "ED25519") || EVP_PKEY_is_a(public, "ED448")
				   ? NULL : EVP_sha256();
	EVP_MD_CTX *sign = EVP_MD_CTX_new(), *verify = EVP_MD_CTX_new();
	unsigned char signature[1024];
	size_t len = sizeof(signature);
	char says[256];
	int err = 0;

	if (!sign || !verify)
		err = -ENOMEM;
	else if (EVP_DigestSignInit(sign, NULL, md, NULL, l->key->pkey) != 1 ||
		 EVP_DigestSign(sign, signature, &len, text, sizeof(text)) != 1 ||
		 EVP_DigestVerifyInit(verify, NULL, md, NULL, public) != 1 ||
		 EVP_DigestVerify(verify, signature, len, text, sizeof(text)) != 1)
		err = mqg_key_refuse(l, "is there and does not sign: %s; see that pin_file is "
					"right and the key may be used for signatures",
				     mqg_key_openssl_says(says, sizeof(says)));
	EVP_MD_CTX_free(sign);
	EVP_MD_CTX_free(verify);
	return err;
}

static int keep(struct mqg_key_loading *l, X509 *certificate, const struct mqg_key *before)
{
	if (X509_check_private_key(certificate, before->pkey) != 1)
		return mqg_key_refuse(l, "Permission denied, and the key that was read at the "
					 "start does not belong to the certificate %s; let the "
					 "daemon's user read %s, or restart mqgated",
				      l->from->certificate,
				      !strcmp(*l->which, "key") ? "it" : l->from->pin_file
				      ? l->from->pin_file : "the file of its PIN");
	EVP_PKEY_up_ref(before->pkey);
	*l->key = *before;
	l->key->kept = true;
	return 0;
}

int mqg_key_load(const struct mqg_key_source *from, X509 *certificate,
		 const struct mqg_key *before, struct mqg_key *key, const char **which, char *why,
		 size_t size)
{
	struct mqg_key_loading l = { .from = from, .key = key, .which = which, .why = why,
				     .size = size };
	int err;

	*key = (struct mqg_key){ .store = MQG_KEY_FILE };
	err = load(&l);
	OPENSSL_cleanse(l.pin, sizeof(l.pin));
	if (err == -EACCES)
		return before && before->pkey ? keep(&l, certificate, before) : -EINVAL;
	if (!err && X509_check_private_key(certificate, key->pkey) != 1)
		err = mqg_key_refuse(&l, "does not belong to the certificate %s; name the key it "
					 "was issued for", from->certificate);
	if (!err && key->store != MQG_KEY_FILE)
		err = try_it(&l, certificate);
	ERR_clear_error();
	if (err)
		mqg_key_free(key);
	return err;
}

void mqg_key_free(struct mqg_key *key)
{
	EVP_PKEY_free(key->pkey);
	key->pkey = NULL;
}

EVP_PKEY *mqg_key_share(const struct mqg_key *key)
{
	/* EVP_PKEY_dup() of a token's key is NULL, or a key whose secret is not there. */
	if (key->store == MQG_KEY_FILE)
		return EVP_PKEY_dup(key->pkey);
	EVP_PKEY_up_ref(key->pkey);
	return key->pkey;
}
