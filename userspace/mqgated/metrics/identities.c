// SPDX-License-Identifier: BSD-2-Clause
/*
 * Metrics of the inventory of certificates: by kind of key, by what is left of their time, and how
 * many are weak; and how many newest ones are remembered. Labels are kinds, never a device. Main
 * thread.
 */
#include <stdio.h>
#include <string.h>

#include "metrics/metrics.h"
#include "proxy/inventory.h"

#define DAY	86400

/* What mqg_certificate_info.key can say; RSA by its bits. */
static const char *const keys[] = {
	"rsa-2048", "rsa-3072", "rsa-4096", "P-256", "P-384", "P-521", "Ed25519", "Ed448", "other",
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

static const int days[] = { 1, 7, 30, 90 };

#define DAYS (sizeof(days) / sizeof(days[0]))

struct counts {
	uint64_t	keys[KEYS], within[DAYS], expired, weak, superseded;
};

/* RSA under the largest of the usual sizes that it reaches. */
static size_t key_of(const struct mqg_certificate_info *info)
{
	if (!strncmp(info->key, "RSA", 3))
		return info->bits >= 4096 ? 2 : info->bits >= 3072 ? 1 : 0;
	for (size_t i = 3; i < KEYS; i++)
		if (!strcmp(keys[i], info->key))
			return i;
	return KEYS - 1;
}

static void count_one(struct counts *counts, const struct mqg_seen *seen, time_t now)
{
	struct mqg_certificate_info info;

	mqg_inventory_describe(seen->certificate, &info);
	if (seen->superseded) {
		counts->superseded++;
		return;
	}
	counts->keys[key_of(&info)]++;
	counts->weak += info.weak_key || info.weak_signature;
	counts->expired += info.not_after < now;
	for (size_t i = 0; i < DAYS; i++)
		counts->within[i] += info.not_after >= now &&
				     info.not_after - now <= days[i] * (time_t)DAY;
}

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP mqgate_%s %s\n# TYPE mqgate_%s %s\n", name, help, name, type);
}

static void one(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
	head(out, name, type, help);
	fprintf(out, "mqgate_%s %llu\n", name, (unsigned long long)value);
}

void mqg_metrics_identities(const struct mqg_metrics_sources *sources, FILE *out)
{
	struct mqg_renewal_info renewal = { .identities = 0 };
	struct counts counts = {};
	struct mqg_seen *seen;
	size_t n;

	if (sources->proxy)
		mqg_proxy_renewal(sources->proxy, &renewal);
	one(out, "renewal_identities", "gauge",
	    "Identities whose newest certificate is known, of policies that take no older one.",
	    renewal.identities);
	one(out, "renewal_dropped_total", "counter",
	    "Of those, the ones that made room for others.", renewal.dropped);
	if (mqg_inventory_copy(&seen, &n))
		return;
	for (size_t i = 0; i < n; i++)
		count_one(&counts, &seen[i], time(NULL));
	mqg_inventory_free(seen, n);
	head(out, "certificates", "gauge",
	     "Certificates of clients that were seen, by key, without those that were renewed.");
	for (size_t i = 0; i < KEYS; i++)
		fprintf(out, "mqgate_certificates{key=\"%s\"} %llu\n", keys[i],
			(unsigned long long)counts.keys[i]);
	head(out, "certificates_expiring", "gauge",
	     "Of those, the ones that expire in so many days.");
	for (size_t i = 0; i < DAYS; i++)
		fprintf(out, "mqgate_certificates_expiring{days=\"%d\"} %llu\n", days[i],
			(unsigned long long)counts.within[i]);
	one(out, "certificates_expired", "gauge", "Of those, the ones that have expired.",
	    counts.expired);
	one(out, "certificates_weak", "gauge",
	    "Of those, the ones with RSA below 3072 bits, or signed with SHA-1 or MD5.",
	    counts.weak);
	one(out, "certificates_superseded", "gauge",
	    "Certificates whose identity has come with another one since.", counts.superseded);
	one(out, "certificates_dropped_total", "counter",
	    "Certificates that made room for others in the inventory.", mqg_inventory_dropped());
}
