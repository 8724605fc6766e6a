// SPDX-License-Identifier: BSD-2-Clause
/*
 * Certificates of `mqgate pki`: the profiles of root, intermediate, server and device (RFC 5280).
 * Called by the verbs of pki.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/err.h>

#include "mqgate/pki.h"

#define DAY		86400L
/* Devices whose clock is late by less than this take a new certificate at once. */
#define BACKDATED	300L
/* Of 128, without the sign and with the next bit set: the length is always the same. */
#define SERIAL_BITS	127

static const struct {
	const char	*constraints, *usage, *extended;
} profiles[] = {
	[MQG_PKI_ROOT] = { "critical,CA:TRUE,pathlen:1", "critical,keyCertSign,cRLSign", NULL },
	[MQG_PKI_INTERMEDIATE] = { "critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign",
				   NULL },
	[MQG_PKI_SERVER] = { "critical,CA:FALSE", "critical,digitalSignature", "serverAuth" },
	[MQG_PKI_DEVICE] = { "critical,CA:FALSE", "critical,digitalSignature", "clientAuth" },
};

static bool extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;
	bool done;

	X509V3_set_ctx(&ctx, issuer ? issuer : cert, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	done = extension && X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
	return done;
}

/* certificatePolicies: anyPolicy with the notice (RFC 5280, 4.2.1.4), for who looks closely. */
static bool extend_notice(X509 *cert)
{
	CERTIFICATEPOLICIES *policies = CERTIFICATEPOLICIES_new();
	POLICYQUALINFO *qualifier = POLICYQUALINFO_new();
	POLICYINFO *policy = POLICYINFO_new();
	USERNOTICE *notice = USERNOTICE_new();
	bool done = false;

	if (!policies || !qualifier || !policy || !notice)
		goto out;
	notice->exptext = ASN1_UTF8STRING_new();
	if (!notice->exptext || !ASN1_STRING_set(notice->exptext, MQG_PKI_NOTICE, -1))
		goto out;
	qualifier->pqualid = OBJ_nid2obj(NID_id_qt_unotice);
	qualifier->d.usernotice = notice;
	notice = NULL;
	policy->policyid = OBJ_nid2obj(NID_any_policy);
	policy->qualifiers = sk_POLICYQUALINFO_new_null();
	if (!policy->qualifiers || !sk_POLICYQUALINFO_push(policy->qualifiers, qualifier))
		goto out;
	qualifier = NULL;
	if (!sk_POLICYINFO_push(policies, policy))
		goto out;
	policy = NULL;
	done = X509_add1_ext_i2d(cert, NID_certificate_policies, policies, 0, 0) == 1;
out:
	USERNOTICE_free(notice);
	POLICYQUALINFO_free(qualifier);
	POLICYINFO_free(policy);
	CERTIFICATEPOLICIES_free(policies);
	return done;
}

static bool number(X509 *cert)
{
	BIGNUM *serial = BN_new();
	bool done = serial && BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
		    BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert));

	BN_free(serial);
	return done;
}

static bool name_subject(X509 *cert, const char *cn)
{
	X509_NAME *name = X509_get_subject_name(cert);

	return X509_NAME_add_entry_by_NID(name, NID_organizationName, MBSTRING_UTF8,
					  (const unsigned char *)MQG_PKI_ORGANIZATION, -1, -1, 0) &&
	       (!cn || X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
						  (const unsigned char *)cn, -1, -1, 0));
}

/* 0, -EINVAL and @why, or -ENOMEM. */
static int date(X509 *cert, const struct mqg_pki_request *request, X509 *issuer, char *why,
		size_t size)
{
	unsigned int wanted = request->days;
	time_t now = time(NULL);
	int left, seconds;

	if (!wanted)
		wanted = request->profile < MQG_PKI_SERVER ? MQG_PKI_DAYS_MAX : MQG_PKI_LEAF_DAYS;
	if (!ASN1_TIME_adj(X509_getm_notBefore(cert), now, 0, -BACKDATED) ||
	    !ASN1_TIME_adj(X509_getm_notAfter(cert), now, (int)wanted, 0))
		return -ENOMEM;
	if (!issuer ||
	    ASN1_TIME_compare(X509_get0_notAfter(cert), X509_get0_notAfter(issuer)) <= 0)
		return 0;
	if (!ASN1_TIME_diff(&left, &seconds, NULL, X509_get0_notAfter(issuer)))
		return -ENOMEM;
	if (left < 0 || seconds < 0) {
		snprintf(why, size, "the CA has expired; make another PKI with pki init");
		return -EINVAL;
	}
	if (request->days) {
		snprintf(why, size, "days %u: would outlive its CA; write %d at most",
			 wanted, left);
		return -EINVAL;
	}
	return X509_set1_notAfter(cert, X509_get0_notAfter(issuer)) ? 0 : -ENOMEM;
}

static bool fill(X509 *cert, const struct mqg_pki_request *request, X509 *issuer)
{
	const char *usage = profiles[request->profile].usage;
	bool leaf = request->profile >= MQG_PKI_SERVER;

	/* TLS 1.2 without forward secrecy wants it (RFC 5246, 7.4.2); mqgated never does. */
	if (request->profile == MQG_PKI_SERVER && EVP_PKEY_is_a(request->key, "RSA"))
		usage = "critical,digitalSignature,keyEncipherment";
	return X509_set_version(cert, X509_VERSION_3) && number(cert) &&
	       X509_set_pubkey(cert, request->key) && name_subject(cert, request->cn) &&
	       X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert)) &&
	       extend(cert, issuer, NID_basic_constraints,
		      profiles[request->profile].constraints) &&
	       extend(cert, issuer, NID_key_usage, usage) &&
	       extend(cert, issuer, NID_subject_key_identifier, "hash") &&
	       extend(cert, issuer, NID_authority_key_identifier, "keyid:always") &&
	       extend_notice(cert) &&
	       (!leaf || extend(cert, issuer, NID_ext_key_usage,
				profiles[request->profile].extended)) &&
	       (!request->names || !sk_GENERAL_NAME_num(request->names) ||
		X509_add1_ext_i2d(cert, NID_subject_alt_name, (void *)request->names, 0, 0) == 1);
}

X509 *mqg_pki_certify(const struct mqg_pki_request *request, X509 *issuer, EVP_PKEY *issuer_key,
		      char *why, size_t size)
{
	EVP_PKEY *signer = issuer_key ? issuer_key : request->key;
	X509 *cert = X509_new();
	int err = cert ? date(cert, request, issuer, why, size) : -ENOMEM;

	if (!err && (!fill(cert, request, issuer) ||
		     !X509_sign(cert, signer, mqg_pki_key_digest(signer))))
		err = -ENOMEM;
	if (err == -ENOMEM) {
		const char *text = ERR_reason_error_string(ERR_peek_last_error());

		snprintf(why, size, "certificate: %s", text ? text : "no memory");
	}
	ERR_clear_error();
	if (!err)
		return cert;
	X509_free(cert);
	return NULL;
}
