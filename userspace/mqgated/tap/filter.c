// SPDX-License-Identifier: BSD-2-Clause
/* See filter.h. */
#include "tap/filter.h"

bool mqg_filter_matches(const char *f, const uint8_t *topic, size_t len)
{
	const uint8_t *t = topic, *end = topic + len;

	/* 4.7.2: a wildcard at the beginning does not stand for what begins with '$'. */
	if (len && *t == '$' && (*f == '+' || *f == '#'))
		return false;
	for (;;) {
		if (*f == '#')
			return true;
		if (*f == '+') {
			while (t < end && *t != '/')
				t++;
			f++;
		}
		while (*f && *f != '/' && t < end && (uint8_t)*f == *t)
			f++, t++;
		/* "a/#" stands for "a", too. */
		if (t == end)
			return !*f || (f[0] == '/' && f[1] == '#');
		if (*f != '/' || *t != '/')
			return false;
		f++;
		t++;
	}
}
