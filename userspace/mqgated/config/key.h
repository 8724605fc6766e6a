/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private keys of servers, wherever they are: in a PEM file, in a PKCS#11 token, in a TPM. Main
 * thread, while a configuration is loaded; what was loaded may sign on any thread.
 */
#ifndef MQG_CONFIG_KEY_H
#define MQG_CONFIG_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "config/config.h"

/* Where a key is, and what brings its signatures. */
enum mqg_key_store {
	MQG_KEY_FILE,			/* in this process' memory */
	MQG_KEY_PKCS11_ENGINE,		/* a token, through libp11's engine */
	MQG_KEY_PKCS11_PROVIDER,	/* a token, through pkcs11-provider */
	MQG_KEY_TPM,			/* a TPM, through tpm2-openssl */
};

/**
 * struct mqg_key_source - what a configuration says of a key
 * @text:        path of a PEM file, "pkcs11:..." (RFC 7512), or "handle:0x81000001" of a TPM
 * @pin_file:    holds the PIN of a token, or the authorisation value of a TPM's key; NULL
 * @certificate: path of the certificate that the key must belong to, for words
 * @hardware:    the module and the TPM
 */
struct mqg_key_source {
	const char			*text, *pin_file, *certificate;
	const struct mqg_hardware	*hardware;
};

/**
 * struct mqg_key - a key that was loaded
 * @pkey:  for signing
 * @store: where it is
 * @kept:  it could not be read anew; it is the one of before
 */
struct mqg_key {
	EVP_PKEY		*pkey;
	enum mqg_key_store	store;
	bool			kept;
};

/**
 * mqg_key_load() - load a key, and see that it belongs to its certificate
 * @from:        what is said of it
 * @certificate: of the server
 * @before:      the key that was loaded from the same text before, or NULL. It is used where the
 *               file, or that of the PIN, can no longer be read (the daemon has given up root)
 * @key:         out; mqg_key_free() it
 * @which:       out on error: "key" or "pin_file"
 * @why:         out on error: "TEXT: what is wrong; remedy". Never a PIN
 * @size:        of @why
 *
 * A key of a token or TPM has made one signature, which was verified. Only the first key of its
 * kind opens the module or the TPM, which stay open.
 * Return: 0, -EINVAL or -ENOMEM.
 */
int mqg_key_load(const struct mqg_key_source *from, X509 *certificate,
		 const struct mqg_key *before, struct mqg_key *key, const char **which, char *why,
		 size_t size);
void mqg_key_free(struct mqg_key *key);

/*
 * One of its own for a worker: a copy, or where there can be none the same one, which may sign on
 * several threads at once. EVP_PKEY_free() it. NULL: no memory.
 */
EVP_PKEY *mqg_key_share(const struct mqg_key *key);

#define MQG_TPM_DEFAULT	"device:/dev/tpmrm0"

/* Tells libraries what they read from the environment: before there are threads. */
void mqg_key_setup(const struct mqg_hardware *hardware);

/* "file", "PKCS#11 token (engine)"... */
const char *mqg_key_store_word(enum mqg_key_store store);

/* True where @text is the path of a file, whatever that holds. */
bool mqg_key_is_path(const char *text);

/* ---- between key.c, key_pkcs11.c, key_store.c and key_tpm.c ------------------------------- */

#define MQG_PIN_MAX	256

/**
 * struct mqg_key_loading - one mqg_key_load() under way
 * @from, @which, @why, @size: its arguments
 * @key:   its result
 * @pin:   wiped when it is over; NULL-terminated
 * @has_pin: there is one
 * @asked: whoever keeps the key asked for it
 */
struct mqg_key_loading {
	const struct mqg_key_source	*from;
	struct mqg_key			*key;
	const char			**which;
	char				*why;
	size_t				size;
	char				pin[MQG_PIN_MAX + 1];
	bool				has_pin, asked;
};

/* Complains about "key". -EINVAL. */
__attribute__((format(printf, 2, 3))) int mqg_key_refuse(struct mqg_key_loading *l,
							 const char *format, ...);

/* Reads @path into @l->pin. 0, or -EINVAL and complained about "pin_file"; -EACCES likewise. */
int mqg_key_read_pin(struct mqg_key_loading *l, const char *path);

/* Asks nobody but @l for a PIN; its application data is @l. NULL: no memory. */
UI_METHOD *mqg_key_ui(void);

int mqg_key_pkcs11(struct mqg_key_loading *l);
int mqg_key_tpm(struct mqg_key_loading *l);

/**
 * struct mqg_key_provider - a provider in a library context of its own, so that nothing else ever
 * asks it for an algorithm
 * @name:   of the provider
 * @library: NULL = not opened yet
 */
struct mqg_key_provider {
	const char	*name;
	OSSL_LIB_CTX	*library;
};

/* Opens it; @setting and @value go into its section of the configuration, or are NULL. */
bool mqg_key_provider_open(struct mqg_key_provider *provider, const char *setting,
			   const char *value);

/* The one private key that @uri names there; NULL. OpenSSL's errors are left in its queue. */
EVP_PKEY *mqg_key_provider_load(const struct mqg_key_provider *provider, const char *uri,
				struct mqg_key_loading *l);

/* The most telling of OpenSSL's errors, which are then forgotten. */
const char *mqg_key_openssl_says(char *text, size_t size);

#endif
