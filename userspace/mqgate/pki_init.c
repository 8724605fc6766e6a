// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate pki init`: root, intermediate and empty revocation lists in a new directory. Called by
 * pki.c.
 */
#include <stdio.h>

#include <openssl/pem.h>
#include <openssl/rand.h>

#include "mqgate/pki.h"

#define WHY	1024

static const char readme[] =
	MQG_PKI_NOTICE ".\n"
	"\n"
	"The private keys of its root and intermediate lie in this directory without encryption,\n"
	"nobody is asked before something is signed, and nothing is logged. Whoever can read\n"
	"root.key or ca.key can be any device. For production use a CA that is run as one.\n"
	"\n"
	"root.pem         devices and tools: the CA that the gateway's certificate leads to\n"
	"ca.pem           mqgate.yaml: tls.client_ca\n"
	"crl.pem          mqgate.yaml: tls.crl; mqgate pki crl DIR renews it in time\n"
	"servers/NAME.*   mqgate.yaml: tls.certificate (.pem) and tls.key (.key)\n"
	"devices/NAME.*   of a device\n";

/* Two certificates, or the README for none. */
static int write_text(const struct mqg_pki_dir *dir, const char *name, X509 *first, X509 *second,
		      char *why, size_t size)
{
	BIO *text = BIO_new(BIO_s_mem());
	int err = -1;

	snprintf(why, size, "out of memory");
	if (text && (first ? PEM_write_bio_X509(text, first) == 1 : BIO_puts(text, readme) > 0) &&
	    (!second || PEM_write_bio_X509(text, second) == 1))
		err = mqg_pki_write(dir, name, 0644, text, false, why, size);
	BIO_free(text);
	return err;
}

/* Two trial PKIs never have the same names: tools look a CA up by its name. */
static bool name_authorities(char root[64], char intermediate[64])
{
	unsigned char tag[4];

	if (RAND_bytes(tag, sizeof(tag)) != 1)
		return false;
	snprintf(root, 64, "trial root %02x%02x%02x%02x", tag[0], tag[1], tag[2], tag[3]);
	snprintf(intermediate, 64, "trial intermediate %02x%02x%02x%02x", tag[0], tag[1], tag[2],
		 tag[3]);
	return true;
}

/* authority[0] the intermediate, authority[1] the root. */
static int make_authorities(const struct mqg_pki_words *words, struct mqg_pki_authority *authority,
			    char *why, size_t size)
{
	const char *type = words->key ? words->key : "p256";
	char names[2][64];
	struct mqg_pki_request request = {
		.days = words->days ? words->days : MQG_PKI_CA_DAYS,
	};

	snprintf(why, size, "OpenSSL could not make a key");
	authority[0].key = mqg_pki_key_make(type);
	authority[1].key = mqg_pki_key_make(type);
	if (!authority[0].key || !authority[1].key || !name_authorities(names[1], names[0]))
		return -1;
	request.profile = MQG_PKI_ROOT;
	request.cn = names[1];
	request.key = authority[1].key;
	authority[1].cert = mqg_pki_certify(&request, NULL, NULL, why, size);
	if (!authority[1].cert)
		return -1;
	request.profile = MQG_PKI_INTERMEDIATE;
	request.cn = names[0];
	request.key = authority[0].key;
	request.days = 0;
	authority[0].cert = mqg_pki_certify(&request, authority[1].cert, authority[1].key, why,
					    size);
	if (!authority[0].cert)
		return -1;
	for (size_t i = 0; i < 2; i++)
		authority[i].crl = mqg_pki_crl_next(&authority[i], NULL, -1, MQG_PKI_CRL_DAYS);
	return authority[0].crl && authority[1].crl ? 0 : -1;
}

static int write_all(const struct mqg_pki_dir *dir, const struct mqg_pki_authority *authority,
		     char *why, size_t size)
{
	X509_CRL *lists[2] = { authority[0].crl, authority[1].crl };

	return write_text(dir, "README", NULL, NULL, why, size) ||
	       mqg_pki_key_write(dir, "root.key", authority[1].key, why, size) ||
	       mqg_pki_key_write(dir, "ca.key", authority[0].key, why, size) ||
	       write_text(dir, "root.pem", authority[1].cert, NULL, why, size) ||
	       write_text(dir, "ca.pem", authority[0].cert, authority[1].cert, why, size) ||
	       mqg_pki_crl_write(dir, lists, why, size);
}

static int tell(const struct mqg_cmd *cmd, const struct mqg_pki_dir *dir, X509 *root)
{
	char until[32];

	mqg_pki_time(X509_get0_notAfter(root), until);
	if (cmd->json)
		return mqg_json_print(cmd, json_pack("{s:s, s:s, s:b}", "directory", dir->path,
						     "not_after", until, "production", 0));
	printf("%s: root.pem for devices, ca.pem and crl.pem for the gateway; good until %s\n",
	       dir->path, until);
	printf("next: mqgate pki issue %s server dns NAME, mqgate pki issue %s device cn NAME\n",
	       dir->path, dir->path);
	mqg_pki_remind(cmd);
	return MQG_DONE;
}

int mqg_pki_init(const struct mqg_cmd *cmd, const char *path, int argc, char **argv)
{
	struct mqg_pki_dir dir = MQG_PKI_DIR_INIT;
	struct mqg_pki_authority authority[2] = {};
	struct mqg_pki_words words;
	int code = mqg_pki_words_read(&words, "init", " key days ", argc, argv);
	char why[WHY];

	if (code == MQG_DONE &&
	    (mqg_pki_dir_make(&dir, path, why, sizeof(why)) ||
	     make_authorities(&words, authority, why, sizeof(why)) ||
	     write_all(&dir, authority, why, sizeof(why)) ||
	     mqg_pki_dir_finish(&dir, why, sizeof(why))))
		code = mqg_refuse("pki init: %s", why);
	if (code == MQG_DONE)
		code = tell(cmd, &dir, authority[1].cert);
	for (size_t i = 0; i < 2; i++) {
		X509_free(authority[i].cert);
		EVP_PKEY_free(authority[i].key);
		X509_CRL_free(authority[i].crl);
	}
	mqg_pki_dir_close(&dir);
	mqg_pki_words_free(&words);
	return code;
}
