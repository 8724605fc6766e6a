/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Single values of the checking pass: durations, numbers, sizes, names. Called by the files of that
 * pass in the main thread; no lock.
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "config/check.h"

#define complain(check, ...) mqg_complain(&(check)->complaint, __VA_ARGS__)

int mqg_check_copy(const char *text, char **out)
{
	*out = strdup(text);
	return *out ? 0 : -ENOMEM;
}

int mqg_check_duration(const struct mqg_check *check, const char *path, const char *text,
		       uint64_t fallback, uint64_t least, uint64_t most, uint64_t *out)
{
	char low[32], high[32];

	*out = fallback;
	if (!text)
		return 0;
	if (mqg_duration_parse(text, out))
		return complain(check, path, "\"%s\" is not a duration; write for instance 500ms, "
					     "30s, 10m or 1h", text);
	if (*out < least || *out > most)
		return complain(check, path, "%s is out of range; write %s to %s", text,
				mqg_duration_format(least, low, sizeof(low)),
				mqg_duration_format(most, high, sizeof(high)));
	return 0;
}

int mqg_check_number(const struct mqg_check *check, const char *path, const uint32_t *value,
		     uint32_t fallback, uint32_t least, uint32_t most, uint32_t *out)
{
	*out = value ? *value : fallback;
	if (*out < least || *out > most)
		return complain(check, path, "%u is out of range; write %u to %u", *out, least,
				most);
	return 0;
}

/* Return: false where it is none, or beyond 2^64. */
static bool parse_bytes(const char *text, uint64_t *out)
{
	static const char units[] = "kMGT";
	size_t digits = strspn(text, "0123456789");
	const char *unit = text[digits] ? strchr(units, text[digits]) : NULL;
	unsigned int shift = unit ? 10 * (unsigned int)(unit - units + 1) : 0;

	if (!digits || digits > 18 || (text[digits] && (!unit || text[digits + 1])))
		return false;
	*out = strtoull(text, NULL, 10);
	if (*out > UINT64_MAX >> shift)
		return false;
	*out <<= shift;
	return true;
}

static const char *bytes_format(uint64_t bytes, char out[24])
{
	static const char *const units[] = { "", "k", "M", "G", "T" };
	size_t unit = 0;

	for (; unit < 4 && bytes && !(bytes & 1023); unit++)
		bytes >>= 10;
	snprintf(out, 24, "%llu%s", (unsigned long long)bytes, units[unit]);
	return out;
}

int mqg_check_bytes(const struct mqg_check *check, const char *path, const char *text,
		    uint64_t fallback, uint64_t least, uint64_t most, uint64_t *out)
{
	char low[24], high[24];

	*out = fallback;
	if (!text)
		return 0;
	if (!parse_bytes(text, out))
		return complain(check, path, "\"%s\" is no size; write for instance 512M or 1G",
				text);
	if (*out < least || *out > most)
		return complain(check, path, "%s is out of range; write %s to %s", text,
				bytes_format(least, low), bytes_format(most, high));
	return 0;
}

int mqg_check_name(const struct mqg_check *check, const char *path, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
			return complain(check, path, "\"%s\" is no name; use letters, digits, "
						     "'.', '_' and '-'", name);
	if (!len || len > 15)
		return complain(check, path, "\"%s\" has %zu characters; a name has 1 to 15", name,
				len);
	return 0;
}
