/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Server names of a listener: their order, and finding one. Constant once loaded; any thread.
 */
#include "config/servernames.h"

#include <ctype.h>
#include <string.h>

/* As strcmp() would, of names that may be cut or written in capitals. */
static int compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t least = a_len < b_len ? a_len : b_len;

	for (size_t i = 0; i < least; i++) {
		int d = tolower((unsigned char)a[i]) - tolower((unsigned char)b[i]);

		if (d)
			return d;
	}
	return a_len < b_len ? -1 : a_len > b_len;
}

int mqg_server_name_order(const void *a, const void *b)
{
	const struct mqg_server_name *x = a, *y = b;

	if (x->wildcard != y->wildcard)
		return x->wildcard ? 1 : -1;
	return compare(x->name, strlen(x->name), y->name, strlen(y->name));
}

static size_t find(const struct mqg_listener *listener, bool wildcard, const char *name, size_t len)
{
	size_t low = 0, high = listener->n_server_names;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct mqg_server_name *at = &listener->server_names[middle];
		int d = wildcard != at->wildcard ? (wildcard ? 1 : -1)
						 : compare(name, len, at->name, strlen(at->name));

		if (!d)
			return at->policy;
		if (d < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return MQG_POLICY_NONE;
}

size_t mqg_server_name_find(const struct mqg_listener *listener, const char *name, size_t len)
{
	size_t found = find(listener, false, name, len);
	const char *dot = memchr(name, '.', len);

	if (found != MQG_POLICY_NONE || !dot || dot == name)
		return found;
	return find(listener, true, dot + 1, len - (size_t)(dot + 1 - name));
}
