// SPDX-License-Identifier: BSD-2-Clause
/* Taking URLs apart by OpenSSL; see url.h. */
#include "config/url.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/http.h>

static bool clean(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

bool mqg_url_parse(const char *text, struct mqg_url *url)
{
	char *user = NULL, *host = NULL, *port = NULL, *path = NULL, *query = NULL, *frag = NULL;
	int tls = 0, number = 0, host_len = 0, path_len = 0;
	bool good = false;

	if (clean(text) && !strncasecmp(text, "http://", 7) &&
	    OSSL_HTTP_parse_url(text, &tls, &user, &host, &port, &number, &path, &query, &frag) &&
	    !tls && *host && !*user && !*frag && number > 0 && number < 65536) {
		bool bare = strchr(host, ':') && *host != '[';

		host_len = snprintf(url->host, sizeof(url->host), bare ? "[%s]:%d" : "%s:%d", host,
				    number);
		path_len = snprintf(url->path, sizeof(url->path), "%s%s%s", path,
				    *query ? "?" : "", query);
		good = host_len < (int)sizeof(url->host) && path_len < (int)sizeof(url->path);
		for (char *p = url->host; *p; p++)
			*p = (char)tolower((unsigned char)*p);
	}
	ERR_clear_error();
	OPENSSL_free(user);
	OPENSSL_free(host);
	OPENSSL_free(port);
	OPENSSL_free(path);
	OPENSSL_free(query);
	OPENSSL_free(frag);
	return good;
}
