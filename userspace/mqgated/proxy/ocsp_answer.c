// SPDX-License-Identifier: BSD-2-Clause
/* Verifying OCSP answers; see ocsp_answer.h. */
#include "proxy/ocsp_answer.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

static bool nonce_fits(const struct mqg_ocsp *config, OCSP_REQUEST *request, OCSP_BASICRESP *basic)
{
	/* 1: the same; 2: neither has one; -1: only the request has; 0, 3: another one */
	int found = OCSP_check_nonce(request, basic);

	if (config->nonce == MQG_NONCE_REQUIRE)
		return found == 1;
	return config->nonce == MQG_NONCE_OFF || found == 1 || found == -1;
}

/* A responder whose certificate the CA has taken back. */
static bool signer_revoked(OCSP_BASICRESP *basic, STACK_OF(X509) *known,
			   const struct mqg_tls_policy *policy)
{
	X509 *signer = NULL;

	return policy && OCSP_resp_get0_signer(basic, &signer, known) == 1 &&
	       mqg_tls_listed(policy, signer);
}

/* The issuer alone vouches for an answer: by its key, or by who it has made its responder. */
static bool signed_for(OCSP_BASICRESP *basic, X509 *issuer, const struct mqg_tls_policy *policy)
{
	X509_STORE *store = X509_STORE_new();
	STACK_OF(X509) *known = sk_X509_new_null();
	bool good = store && known && sk_X509_push(known, issuer) &&
		    X509_STORE_add_cert(store, issuer) &&
		    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) &&
		    OCSP_basic_verify(basic, known, store, OCSP_NOEXPLICIT) == 1 &&
		    !signer_revoked(basic, known, policy);

	sk_X509_free(known);
	X509_STORE_free(store);
	return good;
}

static enum mqg_ocsp_word read_status(OCSP_BASICRESP *basic, OCSP_CERTID *id,
				      const struct mqg_ocsp *config, time_t *next)
{
	ASN1_GENERALIZEDTIME *this_update = NULL, *next_update = NULL;
	struct tm tm;
	int status;

	if (OCSP_resp_find_status(basic, id, &status, NULL, NULL, &this_update,
				  &next_update) != 1 ||
	    OCSP_check_validity(this_update, next_update, config->skew_ms / 1000, -1) != 1)
		return MQG_OCSP_BAD;
	*next = next_update && ASN1_TIME_to_tm(next_update, &tm) ? timegm(&tm) : 0;
	switch (status) {
	case V_OCSP_CERTSTATUS_GOOD:
		return MQG_OCSP_GOOD;
	case V_OCSP_CERTSTATUS_REVOKED:
		return MQG_OCSP_REVOKED;
	default:
		return MQG_OCSP_UNKNOWN;
	}
}

enum mqg_ocsp_word mqg_ocsp_judge(OCSP_RESPONSE *response, OCSP_REQUEST *request, OCSP_CERTID *id,
				  X509 *issuer, const struct mqg_tls_policy *policy,
				  const struct mqg_ocsp *config, time_t *next)
{
	enum mqg_ocsp_word word = MQG_OCSP_BAD;
	OCSP_BASICRESP *basic = NULL;

	*next = 0;
	if (OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
		basic = OCSP_response_get1_basic(response);
	if (basic && nonce_fits(config, request, basic) && signed_for(basic, issuer, policy))
		word = read_status(basic, id, config, next);
	OCSP_BASICRESP_free(basic);
	ERR_clear_error();
	return word;
}
