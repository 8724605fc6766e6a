// SPDX-License-Identifier: BSD-2-Clause
/*
 * OCSP answers that `openssl ocsp` does not give: of other times, or signed by whom they should not
 * be. `oddocsp ISSUER CERT SIGNER KEY good|revoked|unknown THIS NEXT [REQUEST]` writes an answer
 * about CERT to stdout; THIS and NEXT in seconds from now, NEXT "-" for none; with the nonce of
 * REQUEST, where one is given. Only tests call it.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>

static X509 *certificate(const char *path)
{
	FILE *f = fopen(path, "r");
	X509 *cert = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	if (!cert)
		errx(1, "%s: no certificate", path);
	fclose(f);
	return cert;
}

static ASN1_TIME *at(const char *seconds)
{
	if (!strcmp(seconds, "-"))
		return NULL;
	return ASN1_GENERALIZEDTIME_set(NULL, time(NULL) + atol(seconds));
}

int main(int argc, char **argv)
{
	int status = argc < 8 ? 0 : argv[5][0] == 'g' ? V_OCSP_CERTSTATUS_GOOD :
		     argv[5][0] == 'r' ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_UNKNOWN;
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_RESPONSE *response;
	X509 *issuer, *signer;
	OCSP_CERTID *id;
	EVP_PKEY *key;
	BIO *out;
	FILE *f;

	if (argc != 8 && argc != 9)
		errx(2, "oddocsp ISSUER CERT SIGNER KEY STATUS THIS NEXT [REQUEST]");
	issuer = certificate(argv[1]);
	signer = certificate(argv[3]);
	id = OCSP_cert_to_id(NULL, certificate(argv[2]), issuer);
	f = fopen(argv[4], "r");
	key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
	if (!key || !OCSP_basic_add1_status(basic, id, status, 0,
					    status == V_OCSP_CERTSTATUS_REVOKED ? at("-60") : NULL,
					    at(argv[6]), at(argv[7])))
		errx(1, "no answer can be made");
	if (argc == 9) {
		BIO *in = BIO_new_file(argv[8], "rb");
		OCSP_REQUEST *request = d2i_OCSP_REQUEST_bio(in, NULL);

		if (!request || OCSP_copy_nonce(basic, request) < 0)
			errx(1, "%s: no request", argv[8]);
	}
	if (!OCSP_basic_sign(basic, signer, key, EVP_sha256(), NULL, 0))
		errx(1, "the answer cannot be signed");
	response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	out = BIO_new_fp(stdout, BIO_NOCLOSE);
	return i2d_OCSP_RESPONSE_bio(out, response) == 1 ? 0 : 1;
}
