// SPDX-License-Identifier: BSD-2-Clause
/*
 * Keys that a provider of OpenSSL 3 brings, through OSSL_STORE; see key.h. The provider lives in a
 * library context of its own: loaded into the default one, it would be asked for digests, ciphers
 * and random numbers, too, and the slow chip would answer. Main thread; no lock.
 */
#include "config/key.h"

#include <stdio.h>
#include <string.h>

#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/store.h>

static bool configure(OSSL_LIB_CTX *library, const char *name, const char *setting,
		      const char *value)
{
	CONF *conf = NCONF_new_ex(library, NULL);
	char text[1024];
	bool fine = false;
	BIO *bio;
	int n;

	n = snprintf(text, sizeof(text),
		     "openssl_conf = init\n[init]\nproviders = list\n[list]\ndefault = base\n"
		     "%s = wanted\n[base]\nactivate = 1\n[wanted]\n%s%s%s\nactivate = 1\n", name,
		     setting ? setting : "", setting ? " = " : "", setting ? value : "");
	bio = conf && n > 0 && (size_t)n < sizeof(text) ? BIO_new_mem_buf(text, n) : NULL;
	OPENSSL_load_builtin_modules();
	fine = bio && NCONF_load_bio(conf, bio, NULL) == 1 &&
	       CONF_modules_load(conf, NULL, 0) == 1;
	/* That a provider could not be activated is no error there; asked for alone it says why. */
	fine = fine && (OSSL_PROVIDER_available(library, name) ||
			OSSL_PROVIDER_load(library, name));
	BIO_free(bio);
	NCONF_free(conf);
	return fine;
}

bool mqg_key_provider_open(struct mqg_key_provider *provider, const char *setting,
			   const char *value)
{
	OSSL_LIB_CTX *library;

	if (provider->library)
		return true;
	library = OSSL_LIB_CTX_new();
	if (!library || !configure(library, provider->name, setting, value)) {
		OSSL_LIB_CTX_free(library);
		return false;
	}
	provider->library = library;
	return true;
}

EVP_PKEY *mqg_key_provider_load(const struct mqg_key_provider *provider, const char *uri,
				struct mqg_key_loading *l)
{
	char properties[64];
	OSSL_STORE_CTX *store;
	EVP_PKEY *pkey = NULL;

	snprintf(properties, sizeof(properties), "?provider=%s", provider->name);
	ERR_clear_error();
	store = OSSL_STORE_open_ex(uri, provider->library, properties, mqg_key_ui(), l, NULL, NULL,
				   NULL);
	if (!store)
		return NULL;
	while (!pkey && !OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		if (!info)
			break;
		if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
			pkey = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
	return pkey;
}
