/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads "ADDRESS:PORT". Called by the configuration's checking pass in the main thread; no lock. */
#include "config/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mqg_endpoint_parse(const char *text, bool resolve, struct mqg_endpoint *out, char *why,
		       size_t size)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	const char *colon = strrchr(text, ':');
	const char *from = text;
	char host[256], *end;
	unsigned long port;
	size_t len;
	int err;

	memset(out, 0, sizeof(*out));
	len = colon ? (size_t)(colon - text) : 0;
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		from++;
		len -= 2;
	} else if (len && memchr(text, ':', len)) {
		snprintf(why, size, "\"%s\" has more than one colon; write IPv6 as "
				    "\"[2001:db8::1]:1883\"", text);
		return -EINVAL;
	}
	if (!len || len >= sizeof(host)) {
		snprintf(why, size, "\"%s\" is not ADDRESS:PORT; write for instance "
				    "\"0.0.0.0:8883\" or \"[::]:8883\"", text);
		return -EINVAL;
	}
	port = strtoul(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end || !port || port > 65535) {
		snprintf(why, size, "\"%s\" is not a port; write a number from 1 to 65535",
			 colon + 1);
		return -EINVAL;
	}
	memcpy(host, from, len);
	host[len] = '\0';
	hints.ai_flags = resolve ? AI_ADDRCONFIG : AI_NUMERICHOST;
	err = getaddrinfo(host, NULL, &hints, &list);
	if (err && resolve) {
		hints.ai_flags = AI_NUMERICHOST;
		err = getaddrinfo(host, NULL, &hints, &list);
	}
	if (err) {
		snprintf(why, size, "\"%s\" %s", host,
			 resolve ? "cannot be looked up; write its address, or mend the resolver"
				 : "is not an address; write an IPv4 or IPv6 address");
		return -EINVAL;
	}
	memcpy(&out->addr, list->ai_addr, list->ai_addrlen);
	out->addrlen = list->ai_addrlen;
	freeaddrinfo(list);
	if (out->addr.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&out->addr)->sin6_port = htons((uint16_t)port);
	else
		((struct sockaddr_in *)&out->addr)->sin_port = htons((uint16_t)port);
	out->text = strdup(text);
	return out->text ? 0 : -ENOMEM;
}

uint16_t mqg_endpoint_port(const struct mqg_endpoint *endpoint)
{
	if (endpoint->addr.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)&endpoint->addr)->sin6_port);
	return ntohs(((const struct sockaddr_in *)&endpoint->addr)->sin_port);
}

int mqg_endpoint_host(const struct mqg_endpoint *endpoint, char **host)
{
	const char *text = endpoint->text, *colon = strrchr(text, ':');
	bool brackets = text[0] == '[';

	*host = strndup(text + brackets, (size_t)(colon - text) - 2 * brackets);
	return *host ? 0 : -ENOMEM;
}
