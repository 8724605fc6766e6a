// SPDX-License-Identifier: BSD-2-Clause
/*
 * Keys in a TPM 2.0, through the provider of tpm2-openssl: wrapped in a file ("TSS2 PRIVATE KEY")
 * or kept under a persistent handle. Loading is the main thread's; signing locks itself.
 *
 * What the provider brings is put behind an EC key whose method signs there. Left as it is, OpenSSL
 * 3.0 would sign with the default provider: that is asked first, and tpm2 hands it the public
 * half as if it were the whole.
 */
#include "config/key.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>

/* Methods of keys are deprecated in favour of providers, which would be far more code. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#include <openssl/ec.h>

static struct mqg_key_provider provider = { .name = "tpm2" };
/*
 * A TPM does one thing at a time, and so does the connection that the provider has to it, also
 * where a key is only asked for its curve. Freeing a key that is being made takes it twice.
 */
static pthread_mutex_t one_at_a_time = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static int slot = -1;

/*
 * A key under a handle is loaded once, and shared by whatever configuration names it. To the
 * library below the provider (tpm2-tss before 3.2.3 and 4.1) a handle is one object of the
 * connection, however often it was asked for: the first of two keys that is freed takes it away
 * from the other, and a wrong authorisation value would be the other's, too. With the mutex.
 */
struct handle {
	struct handle	*next;
	uint32_t	number;
	EVP_PKEY	*inner;		/* its users' */
	unsigned int	users;
	char		pin[MQG_PIN_MAX + 1];
};

static struct handle *handles;

void mqg_key_setup(const struct mqg_hardware *hardware)
{
	/* The provider's own setting is read by no version of it so far. */
	setenv("TPM2OPENSSL_TCTI", hardware->tpm ? hardware->tpm : MQG_TPM_DEFAULT, 1);
	/* What goes wrong is told in the answer, and not in lines on stderr. */
	setenv("TSS2_LOG", "all+NONE", 0);
}

/* ---- signing there -------------------------------------------------------------------------- */

static const EVP_MD *digest_of(int len)
{
	return len == 32 ? EVP_sha256() : len == 48 ? EVP_sha384() : len == 64 ? EVP_sha512()
									      : NULL;
}

static int sign_there(EVP_PKEY *inner, const unsigned char *digest, int len, unsigned char *out,
		      size_t *out_len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(provider.library, inner, "provider=tpm2");
	const EVP_MD *md = digest_of(len);
	int done = ctx && md && EVP_PKEY_sign_init(ctx) > 0 &&
		   EVP_PKEY_CTX_set_signature_md(ctx, md) > 0 &&
		   EVP_PKEY_sign(ctx, out, out_len, digest, (size_t)len) > 0;

	EVP_PKEY_CTX_free(ctx);
	return done;
}

static int sign(int type, const unsigned char *digest, int len, unsigned char *out,
		unsigned int *out_len, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *ec)
{
	EVP_PKEY *inner = EC_KEY_get_ex_data(ec, slot);
	size_t room = (size_t)ECDSA_size(ec);
	int done;

	(void)type;
	(void)kinv;
	(void)r;
	pthread_mutex_lock(&one_at_a_time);
	done = inner && sign_there(inner, digest, len, out, &room);
	pthread_mutex_unlock(&one_at_a_time);
	*out_len = done ? (unsigned int)room : 0;
	return done;
}

/* Gives back what load() gave. */
static void put(EVP_PKEY *inner)
{
	struct handle **at = &handles, *h;

	while (*at && (*at)->inner != inner)
		at = &(*at)->next;
	h = *at;
	if (h && !--h->users) {
		*at = h->next;
		OPENSSL_cleanse(h, sizeof(*h));
		free(h);
	}
	EVP_PKEY_free(inner);
}

static void forget(void *parent, void *inner, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	(void)parent;
	(void)ad;
	(void)idx;
	(void)argl;
	(void)argp;
	if (!inner)
		return;
	/* The last reference may be a worker's, and what is loaded there is flushed. */
	pthread_mutex_lock(&one_at_a_time);
	put(inner);
	pthread_mutex_unlock(&one_at_a_time);
}

static const EC_KEY_METHOD *method(void)
{
	static EC_KEY_METHOD *there;

	if (there)
		return there;
	slot = EC_KEY_get_ex_new_index(0, NULL, NULL, NULL, forget);
	there = slot < 0 ? NULL : EC_KEY_METHOD_new(EC_KEY_OpenSSL());
	if (there)
		EC_KEY_METHOD_set_sign(there, sign, NULL, NULL);
	return there;
}

/* Gives @inner to the key that is returned. NULL: no memory, or no such curve. */
static EVP_PKEY *wrap(EVP_PKEY *inner)
{
	unsigned char point[256];
	EVP_PKEY *outer = EVP_PKEY_new();
	char group[64];
	size_t len;
	EC_KEY *ec = NULL;

	if (EVP_PKEY_get_group_name(inner, group, sizeof(group), NULL) == 1 &&
	    EVP_PKEY_get_octet_string_param(inner, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
					    &len) == 1)
		ec = EC_KEY_new_by_curve_name(OBJ_txt2nid(group));
	if (!outer || !ec || !method() || EC_KEY_oct2key(ec, point, len, NULL) != 1 ||
	    EC_KEY_set_method(ec, method()) != 1 || EC_KEY_set_ex_data(ec, slot, inner) != 1 ||
	    EVP_PKEY_assign_EC_KEY(outer, ec) != 1) {
		if (!ec || EC_KEY_get_ex_data(ec, slot) != inner)
			put(inner);
		EC_KEY_free(ec);
		EVP_PKEY_free(outer);
		return NULL;
	}
	return outer;
}

/* ---- loading -------------------------------------------------------------------------------- */

static int cannot_open(struct mqg_key_loading *l)
{
	const char *tcti = getenv("TPM2OPENSSL_TCTI");
	char says[256];

	mqg_key_openssl_says(says, sizeof(says));
	if (strstr(says, "shared library"))
		return mqg_key_refuse(l, "OpenSSL has no provider tpm2; install tpm2-openssl");
	return mqg_key_refuse(l, "the TPM %s does not answer (%s); name its TCTI with "
				 "hardware.tpm, and see that mqgated may open it (group tss)",
			      tcti ? tcti : "", says);
}

static int explain(struct mqg_key_loading *l)
{
	char says[256];

	mqg_key_openssl_says(says, sizeof(says));
	if (l->asked && !l->has_pin)
		return mqg_key_refuse(l, "the TPM asks for the key's authorisation value; write it "
					 "into a file and name that with pin_file");
	return mqg_key_refuse(l, "the TPM gives no such key: %s; write a persistent handle that it "
				 "has (tpm2_getcap handles-persistent), or a file that this TPM "
				 "wrapped", says);
}

static bool is_handle(const char *digits)
{
	return !strncmp(digits, "0x", 2) && digits[2] && strlen(digits) <= 10 &&
	       !digits[2 + strspn(digits + 2, "0123456789abcdefABCDEF")];
}

static bool is_ecdsa(const EVP_PKEY *inner)
{
	return EVP_PKEY_is_a(inner, "EC");
}

/* Remembers @inner, whose user is the caller. Without memory it is not given. */
static EVP_PKEY *remember(uint32_t number, EVP_PKEY *inner, const struct mqg_key_loading *l)
{
	struct handle *h = calloc(1, sizeof(*h));

	if (!h) {
		EVP_PKEY_free(inner);
		return NULL;
	}
	*h = (struct handle){ .next = handles, .number = number, .inner = inner, .users = 1 };
	if (l->has_pin)
		strcpy(h->pin, l->pin);
	handles = h;
	return inner;
}

/* NULL and @taken: it is in use, and signs with another authorisation value. */
static EVP_PKEY *load_handle(struct mqg_key_loading *l, bool *taken)
{
	const char *text = l->from->text;
	uint32_t number = (uint32_t)strtoul(text + strlen("handle:"), NULL, 16);
	struct handle *h = handles;
	EVP_PKEY *inner;
	char uri[32];

	while (h && h->number != number)
		h = h->next;
	*taken = h && strcmp(h->pin, l->has_pin ? l->pin : "");
	if (*taken)
		return NULL;
	if (h) {
		h->users++;
		EVP_PKEY_up_ref(h->inner);
		return h->inner;
	}
	/* The provider asks for the authorisation value of a handle only where it is told to. */
	snprintf(uri, sizeof(uri), "%s%s", text, l->has_pin ? "?pass" : "");
	inner = mqg_key_provider_load(&provider, uri, l);
	return inner && is_ecdsa(inner) ? remember(number, inner, l) : inner;
}

int mqg_key_tpm(struct mqg_key_loading *l)
{
	bool path = mqg_key_is_path(l->from->text), taken = false, other;
	EVP_PKEY *inner;

	if (!path && !is_handle(l->from->text + strlen("handle:")))
		return mqg_key_refuse(l, "is no handle; write one of eight hexadecimal digits, as "
					 "handle:0x81000001");
	ERR_clear_error();
	if (!mqg_key_provider_open(&provider, NULL, NULL))
		return cannot_open(l);
	pthread_mutex_lock(&one_at_a_time);
	inner = path ? mqg_key_provider_load(&provider, l->from->text, l)
		     : load_handle(l, &taken);
	other = inner && !is_ecdsa(inner);
	if (other)
		EVP_PKEY_free(inner);
	else if (inner)
		l->key->pkey = wrap(inner);
	pthread_mutex_unlock(&one_at_a_time);
	if (taken)
		return mqg_key_refuse(l, "signs with another authorisation value since the start; "
					 "restart mqgated, or keep the new key under another "
					 "handle");
	if (other)
		return mqg_key_refuse(l, "is no ECDSA key; make one of P-256 or P-384 in the TPM");
	if (!inner)
		return explain(l);
	l->key->store = MQG_KEY_TPM;
	return l->key->pkey ? 0 : mqg_key_refuse(l, "its curve is unknown to OpenSSL; make a key "
						    "of P-256 or P-384 in the TPM");
}
