// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which client identifiers and usernames belong to an identity; see identity.h. Stateless; any
 * thread may call it.
 */
#include "proxy/identity.h"

#include <string.h>

static bool equal(const char *identity, const uint8_t *text, size_t len)
{
	size_t own = strlen(identity);

	return len == own && !memcmp(text, identity, own);
}

/* Without the separator "sensor-1" could speak for "sensor-12". */
static bool prefix(const char *identity, const uint8_t *text, size_t len)
{
	size_t own = strlen(identity);

	return len >= own && !memcmp(text, identity, own) &&
	       (len == own || text[own] == '-' || text[own] == '/' || text[own] == ':');
}

bool mqg_identity_fits(enum mqg_client_id_rule rule, const char *identity, const uint8_t *id,
		       size_t len)
{
	switch (rule) {
	case MQG_CLIENT_ID_ANY:
	case MQG_CLIENT_ID_INJECT:
		return true;
	case MQG_CLIENT_ID_EQUAL:
		return equal(identity, id, len);
	case MQG_CLIENT_ID_PREFIX:
		return prefix(identity, id, len);
	}
	return false;
}

bool mqg_identity_names(enum mqg_username_rule rule, const char *identity, const uint8_t *name,
			size_t len)
{
	switch (rule) {
	case MQG_USERNAME_ANY:
	case MQG_USERNAME_INJECT:
		return true;
	case MQG_USERNAME_EQUAL:
		return equal(identity, name, len);
	case MQG_USERNAME_PREFIX:
		return prefix(identity, name, len);
	}
	return false;
}
