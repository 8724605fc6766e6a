// SPDX-License-Identifier: BSD-2-Clause
/* Records by the kernel; see ktls.h. */
#include "proxy/ktls.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	NOT_ASKED,
	THERE,
	MISSING,
};

static atomic_int answer = NOT_ASKED;

/* What is loaded, in a line of words; only the first network namespace has it. */
static bool listed(void)
{
	FILE *file = fopen("/proc/sys/net/ipv4/tcp_available_ulp", "re");
	char line[256] = "", *word, *rest = NULL;
	bool found = false;

	if (!file)
		return false;
	if (fgets(line, sizeof(line), file))
		for (word = strtok_r(line, " \n", &rest); word && !found;
		     word = strtok_r(NULL, " \n", &rest))
			found = !strcmp(word, "tls");
	fclose(file);
	return found;
}

/* Has the module loaded where it is not. */
static bool ask(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool there;

	/* No connection yet: that is the answer of a layer that is there. */
	there = fd >= 0 && setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) &&
		errno == ENOTCONN;
	if (fd >= 0)
		close(fd);
	atomic_store(&answer, there ? THERE : MISSING);
	return there;
}

const char *mqg_ktls_missing(void)
{
#ifdef OPENSSL_NO_KTLS
	return "OpenSSL was built without it";
#else
	int known = atomic_load(&answer);

	return known == THERE || (known == NOT_ASKED && listed()) ? NULL :
	       "the kernel has no TLS layer loaded (modprobe tls; CONFIG_TLS)";
#endif
}

void mqg_ktls_apply(SSL_CTX *ctx, const struct mqg_policy *policy)
{
	if (policy->ktls && ask())
		SSL_CTX_set_options(ctx, SSL_OP_ENABLE_KTLS);
}

bool mqg_ktls_sends(const SSL *ssl)
{
	return ssl && BIO_get_ktls_send(SSL_get_wbio(ssl));
}

bool mqg_ktls_receives(const SSL *ssl)
{
	return ssl && BIO_get_ktls_recv(SSL_get_rbio(ssl));
}
