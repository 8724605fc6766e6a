// SPDX-License-Identifier: BSD-2-Clause
/*
 * A TLS client that says what no library says. `rawtls 1.2|1.3 ADDRESS PORT CERTIFICATE KEY KIND
 * COUNT [stay]`: connects, lets a device in by an MQTT CONNECT as "x", and then sends COUNT times
 *
 *	key-update	KeyUpdate, of TLS 1.3
 *	renegotiate	a ClientHello, of TLS 1.2
 *	empty		an application record with nothing in it
 *	oversize	an application record of 2^14 + 1 bytes
 *	ping		a PINGREQ
 *
 * in records of its own making (AES-128-GCM, the keys from OpenSSL's key log). Then it closes its
 * end, or, with the word "stay", does not. It prints "over" when the other side has ended it. Only
 * the scripts of this directory call it.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/ssl.h>

#define KEY	16
#define IV	12
#define TAG	16
#define SECRET	32

struct raw {
	bool		tls13;
	int		fd;
	uint64_t	sequence;
	unsigned char	key[KEY], iv[IV], secret[SECRET];
};

static unsigned char logged[48];	/* traffic secret (1.3) or master secret (1.2) */

static void keylog(const SSL *ssl, const char *line)
{
	const char *hex = strrchr(line, ' ');
	unsigned char *bytes;
	long len;

	(void)ssl;
	if (strncmp(line, "CLIENT_RANDOM ", 14) && strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24))
		return;
	bytes = OPENSSL_hexstr2buf(hex + 1, &len);
	if (!bytes || len > (long)sizeof(logged))
		errx(1, "key log: %s", line);
	memcpy(logged, bytes, len);
	OPENSSL_free(bytes);
}

static void derive(const char *kdf, OSSL_PARAM *params, unsigned char *out, size_t len)
{
	EVP_KDF *method = EVP_KDF_fetch(NULL, kdf, NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(method);

	if (EVP_KDF_derive(ctx, out, len, params) != 1)
		errx(1, "%s", kdf);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(method);
}

/* HKDF-Expand-Label of RFC 8446, 7.1, with an empty context. */
static void expand(unsigned char secret[SECRET], const char *label, unsigned char *out, size_t len)
{
	unsigned char info[64] = { len >> 8, len, 6 + strlen(label) };
	size_t n = 3 + sprintf((char *)info + 3, "tls13 %s", label) + 1;
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, SECRET),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, n),
		OSSL_PARAM_END
	};

	derive("HKDF", params, out, len);
}

static void keys13(struct raw *raw)
{
	expand(raw->secret, "key", raw->key, KEY);
	expand(raw->secret, "iv", raw->iv, IV);
	raw->sequence = 0;
}

/* RFC 5246, 6.3 and RFC 5288: two keys, two implicit parts of the nonce. */
static void keys12(struct raw *raw, const SSL *ssl)
{
	unsigned char seed[13 + 64] = "key expansion", block[2 * KEY + 2 * 4];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, logged, sizeof(logged)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof(seed)),
		OSSL_PARAM_END
	};

	SSL_get_server_random(ssl, seed + 13, 32);
	SSL_get_client_random(ssl, seed + 45, 32);
	derive("TLS1-PRF", params, block, sizeof(block));
	memcpy(raw->key, block, KEY);
	memcpy(raw->iv, block + 2 * KEY, 4);
	raw->sequence = 1;		/* Finished was 0 */
}

static size_t put64(unsigned char *out, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		out[i] = value >> (56 - 8 * i);
	return 8;
}

/* One record; -1 when the other side takes no more. */
static int record(struct raw *raw, int type, const unsigned char *data, size_t len)
{
	static unsigned char out[1 << 17], text[1 << 16];
	unsigned char nonce[IV], aad[13], *body = out + 5;
	size_t n = len, aad_len = 5, size;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int done;

	memcpy(text, data, len);
	memcpy(nonce, raw->iv, IV);
	if (raw->tls13) {
		text[n++] = type;
		for (int i = 0; i < 8; i++)
			nonce[4 + i] ^= raw->sequence >> (56 - 8 * i);
		size = n + TAG;
		type = SSL3_RT_APPLICATION_DATA;
	} else {
		body += put64(out + 5, raw->sequence);
		put64(nonce + 4, raw->sequence);
		size = 8 + n + TAG;
	}
	memcpy(out, (unsigned char[]){ type, 3, 3, size >> 8, size }, 5);
	memcpy(aad, out, 5);
	if (!raw->tls13) {
		aad_len = put64(aad, raw->sequence);
		memcpy(aad + 8, (unsigned char[]){ type, 3, 3, n >> 8, n }, 5);
		aad_len += 5;
	}
	EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, raw->key, nonce);
	EVP_EncryptUpdate(ctx, NULL, &done, aad, (int)aad_len);
	EVP_EncryptUpdate(ctx, body, &done, text, (int)n);
	EVP_EncryptFinal_ex(ctx, body + n, &done);
	EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, body + n);
	EVP_CIPHER_CTX_free(ctx);
	raw->sequence++;
	for (size_t at = 0; at < 5 + size; at += done) {
		done = (int)send(raw->fd, out + at, 5 + size - at, MSG_NOSIGNAL);
		if (done <= 0)
			return -1;
	}
	return 0;
}

static int say(struct raw *raw, const char *kind)
{
	static const unsigned char big[16385], update[] = { SSL3_MT_KEY_UPDATE, 0, 0, 1, 1 };
	static const unsigned char ping[] = { 0xc0, 0 };
	/* Version, random, no session, one suite, no compression. */
	unsigned char hello[4 + 41] = { SSL3_MT_CLIENT_HELLO, 0, 0, 41, 3, 3, [38] = 0, 0, 2,
					0xc0, 0x2b, 1, 0 };

	if (!strcmp(kind, "empty"))
		return record(raw, SSL3_RT_APPLICATION_DATA, big, 0);
	if (!strcmp(kind, "oversize"))
		return record(raw, SSL3_RT_APPLICATION_DATA, big, sizeof(big));
	if (!strcmp(kind, "ping"))
		return record(raw, SSL3_RT_APPLICATION_DATA, ping, sizeof(ping));
	if (!strcmp(kind, "renegotiate"))
		return record(raw, SSL3_RT_HANDSHAKE, hello, sizeof(hello));
	if (strcmp(kind, "key-update"))
		errx(2, "%s: no kind", kind);
	if (record(raw, SSL3_RT_HANDSHAKE, update, sizeof(update)))
		return -1;
	expand(raw->secret, "traffic upd", raw->secret, SECRET);
	keys13(raw);
	return 0;
}

static SSL *enter(struct raw *raw, char **argv)
{
	static const unsigned char connect_packet[] = "\x10\x0d\0\4MQTT\4\2\0\x3c\0\1x";
	struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[3])) };
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	unsigned char answer[4];
	SSL *ssl;

	raw->tls13 = !strcmp(argv[1], "1.3");
	SSL_CTX_set_max_proto_version(ctx, raw->tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
	SSL_CTX_set_min_proto_version(ctx, raw->tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
	SSL_CTX_set_keylog_callback(ctx, keylog);
	if (SSL_CTX_use_certificate_chain_file(ctx, argv[4]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, argv[5], SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, "ECDHE-ECDSA-AES128-GCM-SHA256") != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") != 1)
		errx(1, "cannot use %s and %s", argv[4], argv[5]);
	inet_pton(AF_INET, argv[2], &there.sin_addr);
	raw->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(raw->fd, (struct sockaddr *)&there, sizeof(there)))
		err(1, "connect");
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, raw->fd);
	if (SSL_connect(ssl) != 1)
		errx(1, "the handshake fails");
	/* Made before anything is sent, and counted on by hand from there. */
	memcpy(raw->secret, logged, SECRET);
	if (raw->tls13)
		keys13(raw);
	else
		keys12(raw, ssl);
	if (record(raw, SSL3_RT_APPLICATION_DATA, connect_packet, sizeof(connect_packet) - 1) ||
	    SSL_read(ssl, answer, sizeof(answer)) != 4 || memcmp(answer, "\x20\2\0\0", 4))
		errx(1, "no CONNACK");
	return ssl;
}

int main(int argc, char **argv)
{
	struct raw raw = { 0 };
	unsigned char rest[4096];
	long count, sent = 0;
	ssize_t n;

	if (argc != 8 && argc != 9)
		errx(2, "see the source");
	enter(&raw, argv);
	for (count = atol(argv[7]); sent < count && !say(&raw, argv[6]); sent++)
		;
	if (argc == 8)
		shutdown(raw.fd, SHUT_WR);
	do {
		n = recv(raw.fd, rest, sizeof(rest), 0);
	} while (n > 0);
	puts("over");
	return 0;
}
