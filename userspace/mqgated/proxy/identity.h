/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who a client is, by its certificate, and whether its client identifier fits. Stateless; called by
 * the workers after a handshake and after a CONNECT, and by tests.
 */
#ifndef MQG_IDENTITY_H
#define MQG_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "config/config.h"

#define MQG_IDENTITY_MAX 255	/* bytes, without the NUL */

/**
 * mqg_identity_get() - the identity that a verified certificate carries
 * @cert: leaf certificate
 * @from: which typed field holds it
 * @out:  allocated, NUL-terminated; the caller frees it
 *
 * The field must be there exactly once. It is read from its ASN.1 string, never from a printed
 * name. Refused: empty, longer than MQG_IDENTITY_MAX, an embedded NUL, control characters,
 * ill-formed UTF-8, what MQTT gives a meaning to ('+' and '#', and '/' except in a URI, which
 * cannot do without), and '*', which stands for many in certificates (RFC 6125, 6.4.3). A SPIFFE ID
 * is held to its standard: scheme, trust domain and path, of no CA certificate.
 *
 * Return: 0, -ENOENT (no such field), -EEXIST (more than one), -EINVAL (not usable) or -ENOMEM.
 */
int mqg_identity_get(X509 *cert, enum mqg_identity_from from, char **out);

/**
 * mqg_identity_number() - the number that stands for an identity in the maps
 * @identity: as mqg_identity_get() gave it, or NULL for nobody
 *
 * The first 32 bits of its SHA-256, so that it is the same on every gateway and after every
 * restart without a table.
 * Return: the number; 0 for nobody.
 */
uint32_t mqg_identity_number(const char *identity);

/**
 * mqg_identity_fits() - does a client identifier belong to an identity?
 * @rule:     of the listener
 * @identity: as mqg_identity_get() gave it
 * @id:       client identifier of the CONNECT, not NUL-terminated
 * @len:      its bytes
 */
bool mqg_identity_fits(enum mqg_client_id_rule rule, const char *identity, const uint8_t *id,
		       size_t len);

/* The same for the username of a CONNECT that has one. */
bool mqg_identity_names(enum mqg_username_rule rule, const char *identity, const uint8_t *name,
			size_t len);

#endif
