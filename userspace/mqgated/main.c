/* SPDX-License-Identifier: BSD-2-Clause */
/* mqgated: options, the configuration, and either a test of it or the daemon. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "config/weights.h"
#include "daemon.h"
#include "policy/rights.h"
#include "proxy/record_memory.h"

#define CONFIG_FILE	"/etc/mqgate/mqgate.yaml"

enum {
	EXIT_GOOD	= 0,
	EXIT_REFUSED	= 1,
	EXIT_MISUSE	= 2,
};

static void help(void)
{
	static const struct {
		uint32_t	reason;
		const char	*word;
	} reasons[] = {
#define REASON(number, symbol, word, text) { number, word },
		MQGATE_REASON_LIST(REASON)
#undef REASON
	};

	printf("usage: mqgated [-c FILE] [-t | --take-over]\n"
	       "\n"
	       "  -c, --config FILE   configuration (default " CONFIG_FILE ")\n"
	       "  -t, --test          say whether the configuration is good, and exit 0 or 1\n"
	       "      --take-over     take the place and the sockets of the mqgated that runs\n"
	       "  -h, --help          this text\n"
	       "  -V, --version       the version\n"
	       "\n"
	       "Weights of the score (score.weights in the configuration); reasons that are not\n"
	       "listed weigh 0 and are no evidence against a source:\n");
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (mqg_weight_default(reasons[i].reason))
			printf("  %-22s %3u\n", reasons[i].word,
			       mqg_weight_default(reasons[i].reason));
}

static void summary(const struct mqg_config *config)
{
	char words[96];

	printf("%s: good\n", config->path);
	for (size_t i = 0; i < config->n_listeners; i++) {
		const struct mqg_listener *l = &config->listeners[i];

		printf("  listener %s: %s on %s, service %u, mode %s, to %s (", l->name,
		       mqg_kind_word(l->kind), l->address.text, l->service,
		       mqg_mode_word(l->mode), l->broker->name);
		for (size_t n = 0; n < l->broker->n_servers; n++)
			printf("%s%s", n ? ", " : "", l->broker->servers[n].address.text);
		printf(")\n");
	}
	for (size_t i = 0; i < config->n_services; i++) {
		const struct mqg_service *s = &config->services[i];

		if (s->kind == MQGATE_KIND_DEFAULT)
			printf("  service %s: port %u unprotected\n", s->name, s->port);
		else
			printf("  service %s: %s on %s port %u, service %u, mode %s%s\n", s->name,
			       mqg_kind_word(s->kind),
			       s->kind >= MQGATE_KIND_FIRST_UDP ? "UDP" : "TCP", s->port,
			       s->number, mqg_mode_word(s->mode),
			       s->guard.destinations ? ", some destinations" : "");
	}
	printf("  %s\n", mqg_rights_words(config->rights, words, sizeof(words)));
	printf("  kernel module: %s%s\n", config->module.use ? "used when it is there" : "not used",
	       config->module.enforce < 0 ? "" :
	       config->module.enforce ? ", mode enforce" : ", mode observe");
	printf("  allow list: %zu sources; metrics: %s\n", config->n_allow,
	       config->http.text ? config->http.text : "off");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "test", no_argument, NULL, 't' },
		{ "take-over", no_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = CONFIG_FILE;
	struct mqg_config *config;
	bool test = false, take_over = false;
	char why[1024];
	int option, err;

	mqg_record_memory_setup();
	while ((option = getopt_long(argc, argv, "c:thV", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 't':
			test = true;
			break;
		case 'o':
			take_over = true;
			break;
		case 'h':
			help();
			return EXIT_GOOD;
		case 'V':
			printf("mqgated %s, ABI %d\n", MQG_VERSION, MQGATE_ABI_VERSION);
			return EXIT_GOOD;
		default:
			fprintf(stderr, "see mqgated --help\n");
			return EXIT_MISUSE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "mqgated: \"%s\" is no option; see mqgated --help\n", argv[optind]);
		return EXIT_MISUSE;
	}
	err = mqg_config_load(path, &config, why, sizeof(why));
	if (err) {
		fprintf(stderr, "%s\n", why);
		return EXIT_REFUSED;
	}
	if (!test)
		return mqg_daemon_run(config, take_over) ? EXIT_REFUSED : EXIT_GOOD;
	summary(config);
	mqg_config_put(config);
	return EXIT_GOOD;
}
