// SPDX-License-Identifier: BSD-2-Clause
/*
 * Keys in PKCS#11 tokens, by URI (RFC 7512): through pkcs11-provider where it is installed, else
 * through the engine of libp11, which is what OpenSSL 3.0 on Debian 12 has. Main thread; no lock.
 */
#include "config/key.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ui.h>

/* Engines are deprecated, and there is no other way on OpenSSL 3.0 without that provider. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#include <openssl/engine.h>

/* Return values of C_Login (PKCS #11 2.40, 5.6) that libp11 passes on as reasons. */
#define CKR_PIN_INCORRECT	0xa0
#define CKR_PIN_INVALID		0xa1
#define CKR_PIN_LEN_RANGE	0xa2
#define CKR_PIN_EXPIRED		0xa3
#define CKR_PIN_LOCKED		0xa4

static struct mqg_key_provider provider = { .name = "pkcs11" };
static ENGINE *engine;

/* ---- the URI -------------------------------------------------------------------------------- */

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Undoes %XX, in place. */
static bool decode(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text != '%') {
			*to++ = *text;
			continue;
		}
		if (hex(text[1]) < 0 || hex(text[2]) < 0 || (hex(text[1]) | hex(text[2])) == 0)
			return false;
		*to++ = (char)(hex(text[1]) << 4 | hex(text[2]));
		text += 2;
	}
	*to = '\0';
	return true;
}

/* pin-source is a path, or a URI of one. */
static int read_source(struct mqg_key_loading *l, char *source)
{
	if (l->from->pin_file)
		return mqg_key_refuse(l, "pin-source is in it, and there is a pin_file; leave one "
					 "of the two out");
	if (!decode(source))
		return mqg_key_refuse(l, "its pin-source is no path; write pin-source=file:/PATH");
	if (!strncmp(source, "file:", 5))
		source += 5;
	if (!strncmp(source, "//", 2) && source[2] == '/')
		source += 2;
	if (source[0] != '/')
		return mqg_key_refuse(l, "its pin-source is no path; write pin-source=file:/PATH");
	return mqg_key_read_pin(l, source);
}

/* Cuts @uri where the query begins, and does what that says. */
static int read_query(struct mqg_key_loading *l, char *uri)
{
	char *query = strchr(uri, '?'), *item, *rest = NULL;
	int err = 0;

	if (!query)
		return 0;
	*query++ = '\0';
	for (item = strtok_r(query, "&", &rest); !err && item; item = strtok_r(NULL, "&", &rest)) {
		if (!strncmp(item, "pin-source=", 11))
			err = read_source(l, item + 11);
		else if (!strncmp(item, "module-", 7))
			err = mqg_key_refuse(l, "the module belongs into hardware.pkcs11_module; "
						"leave %.*s out", (int)strcspn(item, "="), item);
	}
	return err;
}

/* ---- engine --------------------------------------------------------------------------------- */

static int open_engine(struct mqg_key_loading *l, const char *module)
{
	ENGINE *fresh;

	if (engine)
		return 0;
	fresh = ENGINE_by_id("pkcs11");
	if (!fresh)
		return mqg_key_refuse(l, "OpenSSL has neither the provider nor the engine pkcs11; "
					 "install libengine-pkcs11-openssl");
	/* It writes to stderr by itself, keys' names included. */
	ENGINE_ctrl_cmd_string(fresh, "QUIET", NULL, 1);
	if (ENGINE_ctrl_cmd_string(fresh, "MODULE_PATH", module, 0) != 1 ||
	    ENGINE_init(fresh) != 1) {
		ENGINE_free(fresh);
		return mqg_key_refuse(l, "the engine pkcs11 does not take the module %s; see "
					 "hardware.pkcs11_module", module);
	}
	engine = fresh;
	return 0;
}

/* What ENGINE_load_private_key() has left in OpenSSL's queue. */
static int explain_engine(struct mqg_key_loading *l, const char *module)
{
	bool no_module = false, found_none = false, bad_uri = false;
	unsigned long error, login = 0;
	char says[256] = "";

	while ((error = ERR_get_error())) {
		const char *library = ERR_lib_error_string(error);
		const char *reason = ERR_reason_error_string(error);
		unsigned long number = (unsigned long)ERR_GET_REASON(error);

		if (!says[0] && reason)
			snprintf(says, sizeof(says), "%s", reason);
		if (!library || strcmp(library, "engine routines") == 0)
			continue;
		if (!strncmp(library, "PKCS#11", 7))
			login = number;
		else if (!strcmp(library, "libp11"))
			no_module = no_module || (reason && strstr(reason, "load PKCS#11 module"));
		if (reason && !strcmp(library, "pkcs11 engine")) {
			found_none = found_none || !strcmp(reason, "object not found");
			bad_uri = bad_uri || !strcmp(reason, "invalid id");
		}
	}
	if (no_module)
		return mqg_key_refuse(l, "%s cannot be loaded, or is no PKCS#11 module; see "
					 "hardware.pkcs11_module", module);
	if (bad_uri)
		return mqg_key_refuse(l, "is no PKCS#11 URI (RFC 7512); write "
					 "pkcs11:token=NAME;object=NAME");
	if (login == CKR_PIN_LOCKED || login == CKR_PIN_EXPIRED)
		return mqg_key_refuse(l, "the token's PIN is %s; unlock it with the token's own "
					 "tool", login == CKR_PIN_LOCKED ? "locked" : "expired");
	if (login >= CKR_PIN_INCORRECT && login <= CKR_PIN_LEN_RANGE)
		return mqg_key_refuse(l, "the token refuses the PIN; correct it in its file before "
					 "mqgated starts again: a token locks after a few wrong "
					 "ones");
	if (l->asked && !l->has_pin)
		return mqg_key_refuse(l, "the token asks for a PIN; write it into a file and name "
					 "that with pin_file");
	if (found_none && l->has_pin && !l->asked)
		return mqg_key_refuse(l, "no token in reach of %s has that name, or it needs no "
					 "PIN and has no such key; plug it in, or let the "
					 "daemon's user reach it", module);
	if (found_none)
		return mqg_key_refuse(l, "%s has no such private key; name one that is there (%s)",
				      l->asked ? "the token" : "no token in reach of the module",
				      "pkcs11-tool --list-objects");
	return mqg_key_refuse(l, "the token gives no key: %s; see that it works with pkcs11-tool",
			      says[0] ? says : "no reason told");
}

static int load_by_engine(struct mqg_key_loading *l, const char *uri, const char *module)
{
	UI_METHOD *ui = mqg_key_ui();
	int err = open_engine(l, module);

	if (err)
		return err;
	if (!ui)
		return -ENOMEM;
	ERR_clear_error();
	l->key->pkey = ENGINE_load_private_key(engine, uri, ui, l);
	l->key->store = MQG_KEY_PKCS11_ENGINE;
	return l->key->pkey ? 0 : explain_engine(l, module);
}

/* ---- either --------------------------------------------------------------------------------- */

static int load_by_provider(struct mqg_key_loading *l, const char *uri)
{
	char says[256];

	l->key->pkey = mqg_key_provider_load(&provider, uri, l);
	l->key->store = MQG_KEY_PKCS11_PROVIDER;
	if (l->key->pkey)
		return 0;
	if (l->asked && !l->has_pin)
		return mqg_key_refuse(l, "the token asks for a PIN; write it into a file and name "
					 "that with pin_file");
	return mqg_key_refuse(l, "the token gives no key: %s; see that token, key and PIN are the "
				 "right ones (pkcs11-tool --list-objects)",
			      mqg_key_openssl_says(says, sizeof(says)));
}

int mqg_key_pkcs11(struct mqg_key_loading *l)
{
	const char *module = l->from->hardware ? l->from->hardware->pkcs11_module : NULL;
	char *uri;
	int err;

	/* Before anything else: whatever is said below repeats the URI. */
	if (strstr(l->from->text, "pin-value=")) {
		*l->which = "key";
		snprintf(l->why, l->size, "its PIN does not belong into the configuration, which "
			 "others may read; write it into a file and name that with pin_file");
		return -EINVAL;
	}
	if (!module)
		return mqg_key_refuse(l, "no PKCS#11 module is configured; name the token's with "
					 "hardware.pkcs11_module");
	if (access(module, R_OK))
		return mqg_key_refuse(l, "%s: %s; name the token's PKCS#11 module with "
					 "hardware.pkcs11_module, or install it", module,
				      strerror(errno));
	uri = strdup(l->from->text);
	if (!uri)
		return -ENOMEM;
	err = read_query(l, uri);
	if (!err && mqg_key_provider_open(&provider, "pkcs11-module-path", module))
		err = load_by_provider(l, uri);
	else if (!err)
		err = load_by_engine(l, uri, module);
	OPENSSL_cleanse(uri, strlen(uri));
	free(uri);
	return err;
}
