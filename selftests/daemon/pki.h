/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates, keys and revocation lists for the configuration's tests. One thread. */
#ifndef MQG_TEST_PKI_H
#define MQG_TEST_PKI_H

/*
 * Fills @dir with: server.pem, server.key (and other.key, which does not belong), ca.pem, crl.pem,
 * otherca.pem, othercrl.pem, locked.key (with a passphrase), junk (neither). Exits on failure.
 */
void pki_make(const char *dir);

#endif
