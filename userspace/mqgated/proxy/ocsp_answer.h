/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an OCSP answer is worth (RFC 6960). Stateless; on the worker's thread.
 */
#ifndef MQG_OCSP_ANSWER_H
#define MQG_OCSP_ANSWER_H

#include <time.h>

#include <openssl/ocsp.h>

#include "config/config.h"
#include "proxy/tls.h"

enum mqg_ocsp_word {
	MQG_OCSP_GOOD,
	MQG_OCSP_REVOKED,
	MQG_OCSP_UNKNOWN,		/* the responder does not know the certificate */
	MQG_OCSP_BAD,			/* no answer to be believed */
	MQG_OCSP_LATE,			/* none in time */
	MQG_OCSP_UNASKED,		/* nobody to ask, or too many questions */
};
#define MQG_OCSP_WORDS	(MQG_OCSP_UNASKED + 1)

/**
 * mqg_ocsp_judge() - read an answer
 * @response: as it came
 * @request:  that it answers
 * @id:       of the certificate
 * @issuer:   of the certificate, from its verified chain
 * @policy:   whose lists may revoke the responder; or NULL
 * @config:   nonce and skew
 * @next:     out: nextUpdate, 0 = there is none
 *
 * It must be signed by @issuer, or by a certificate that @issuer has issued for signing OCSP
 * answers (RFC 6960, 4.2.2.2), and be about @id and in time.
 */
enum mqg_ocsp_word mqg_ocsp_judge(OCSP_RESPONSE *response, OCSP_REQUEST *request, OCSP_CERTID *id,
				  X509 *issuer, const struct mqg_tls_policy *policy,
				  const struct mqg_ocsp *config, time_t *next);

#endif
