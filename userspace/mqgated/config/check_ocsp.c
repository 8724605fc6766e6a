/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checking pass over OCSP of one TLS policy. Called by check_policy.c in the main thread; no
 * lock. Names of responders are resolved here, as those of brokers are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "config/endpoint.h"
#include "config/url.h"

#define SECOND		1000000000ULL
#define NS_PER_MS	1000000ULL

#define complain(check, ...) mqg_complain(&(check)->complaint, __VA_ARGS__)

static int check_times(const struct mqg_check *check, const char *owner,
		       const struct raw_ocsp *from, struct mqg_ocsp *to)
{
	const struct {
		const char	*key, *text;
		uint64_t	fallback, least, most;
		uint32_t	*out;
	} times[] = {
		{ "timeout", from->timeout, 3 * SECOND, SECOND / 10, 30 * SECOND,
		  &to->timeout_ms },
		{ "max_age", from->max_age, 3600 * SECOND, SECOND, 7 * 86400 * SECOND,
		  &to->max_age_ms },
		{ "skew", from->skew, 300 * SECOND, 0, 3600 * SECOND, &to->skew_ms },
	};
	char path[MQG_PATH_MAX + 32];
	uint64_t ns;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		int err;

		snprintf(path, sizeof(path), "%s.ocsp.%s", owner, times[i].key);
		err = mqg_check_duration(check, path, times[i].text, times[i].fallback,
					 times[i].least, times[i].most, &ns);
		if (err)
			return err;
		*times[i].out = (uint32_t)(ns / NS_PER_MS);
	}
	return 0;
}

/* @text: a URL, or with @aia HOST:PORT */
static int add_responder(const struct mqg_check *check, const char *path, const char *text,
			 bool aia, struct mqg_ocsp *to)
{
	struct mqg_responder *responder = &to->responders[to->n_responders];
	char whole[MQG_URL_HOST_MAX + 16], why[256];
	struct mqg_url url;
	int err;

	snprintf(whole, sizeof(whole), "http://%s", text);
	if (!mqg_url_parse(aia ? whole : text, &url) || (aia && strchr(text, '/')))
		return complain(check, path,
				aia ? "\"%s\" is no HOST:PORT; write the responder that "
				      "certificates may name, ocsp.example.org:80"
				    : "\"%s\" is no URL of HTTP; write http://HOST:PORT/PATH "
				      "(answers are signed: they need no TLS)", text);
	to->n_responders++;
	err = mqg_endpoint_parse(url.host, true, &responder->address, why, sizeof(why));
	if (err)
		return err == -EINVAL ? complain(check, path, "%s", why) : err;
	return aia ? 0 : mqg_check_copy(url.path, &responder->path);
}

int mqg_check_ocsp(const struct mqg_check *check, const char *owner, const struct raw_ocsp *from,
		   struct mqg_policy *to)
{
	char path[MQG_PATH_MAX + 32];
	struct mqg_ocsp *ocsp;
	int err = 0;

	if (!from)
		return 0;
	ocsp = calloc(1, sizeof(*ocsp));
	to->ocsp = ocsp;
	if (!ocsp)
		return -ENOMEM;
	ocsp->responders = calloc(from->aia_count + 1, sizeof(*ocsp->responders));
	if (!ocsp->responders)
		return -ENOMEM;
	ocsp->hard = from->policy;
	ocsp->aia = !from->responder;
	ocsp->nonce = from->nonce ? (enum mqg_ocsp_nonce)*from->nonce : MQG_NONCE_OPTIONAL;
	snprintf(path, sizeof(path), "%s.ocsp", owner);
	if (!from->responder == !from->aia_count)
		return complain(check, path, "says %s whom to ask; give it responder, a URL for "
					     "all, or aia, the responders that certificates may "
					     "name", from->responder ? "twice" : "not");
	snprintf(path, sizeof(path), "%s.ocsp.responder", owner);
	if (from->responder)
		err = add_responder(check, path, from->responder, false, ocsp);
	for (unsigned int i = 0; !err && i < from->aia_count; i++) {
		snprintf(path, sizeof(path), "%s.ocsp.aia[%u]", owner, i);
		err = add_responder(check, path, from->aia[i], true, ocsp);
	}
	return err ? err : check_times(check, owner, from, ocsp);
}
