// SPDX-License-Identifier: BSD-2-Clause
/*
 * The command: options, the table of verbs, and the way to one of them. Manners of iproute2
 * and bpftool: `mqgate [-j] [-p] OBJECT VERB ...`, words after the verb, abbreviations that
 * can mean one thing only.
 */
#include <stdio.h>
#include <string.h>

#include "mqgate/cmd.h"

const struct mqg_object_verb mqg_verbs[] = {
	{ "attach", mqg_run_attach, "attach IF [native|generic] [cookies] "
	  "[confirm [60s]] [group GROUP] [SIZE N]...",
	  "filter the packets that arrive on an interface",
	  "Loads the XDP program, or shares the one that other interfaces have, and pins it: it\n"
	  "stays when this command has ended. Maps of an earlier run are taken over with their\n"
	  "verdicts. Native mode is tried first, then generic mode. A program of somebody else is\n"
	  "never displaced.\n"
	  "\n"
	  "  cookies        sets net.ipv4.tcp_syncookies to 2, for every TCP listener of this\n"
	  "                 network namespace, so that XDP may answer SYN floods with SYN\n"
	  "                 cookies; detach sets it back\n"
	  "  confirm 60s    detaches by itself unless you type \"yes\" within that time;\n"
	  "                 also when this command is killed or your connection is lost\n"
	  "  group GROUP    who may open the pins besides root (default: mqgate)\n"
	  "  SIZE N         entries of maps that are made: sources, prefixes (of each family),\n"
	  "                 allow, flows, budgets; N is a number, 200k or 1M\n" },
	{ "detach", mqg_run_detach, "detach IF|all [keep]",
	  "stop filtering on an interface, or on all",
	  "With the last interface the program, the maps and with them the verdicts go, unless\n"
	  "the word \"keep\" follows.\n" },
	{ "status", mqg_run_status, "status",
	  "program, interfaces, daemon, module and services on one screen", NULL },
	{ "why", mqg_run_why, "why ADDRESS|CLIENTID",
	  "what is held for and against a source or a device",
	  "Shows the verdicts on an address, its IPv6 /64 and prefixes, its ALLOWed flows, and\n"
	  "what the daemon knows: score, evidence, sessions, refusals. Ends 1 when nothing is\n"
	  "known.\n" },
	{ "verdict", mqg_run_verdict,
	  "verdict list [origin ORIGIN] [action ACTION] [in NET]\n"
	  "verdict add NET drop|reset|pass|limit [RATE] [DURATION|forever] [reason TEXT...]\n"
	  "verdict del NET\n"
	  "verdict flush [operator|daemon|loaded|all]\n"
	  "verdict load FILE|- [empty]\n"
	  "verdict explain ADDRESS",
	  "show and change the verdicts on sources and networks",
	  "A NET is an address or a prefix: 192.0.2.1, 10.0.0.0/8, 2001:db8::1, 2001:db8::/32 (up\n"
	  "to /64). The exact address decides, else the IPv6 /64, else the longest prefix;\n"
	  "explain shows in which order. A RATE, 20/s, is packets a second (SYNs, payloads,\n"
	  "datagrams) of all of the NET together, ALLOWed flows aside. A DURATION is 500ms,\n"
	  "30s, 10m, 1h, 7d or plain seconds; without one a verdict holds for ever. A drop\n"
	  "removes the ALLOWed flows of its source in the same act. load puts a list in place of\n"
	  "the one loaded before, all of it or nothing: a NET a line, and behind it what add\n"
	  "takes, if anything (drop). Single verdicts come before those of the list; both come\n"
	  "back after a restart. The word empty allows a list without a verdict.\n"
	  "flush without a word removes\n"
	  "the operator's verdicts. The daemon writes while it runs, else this command does.\n"
	  "ORIGIN is operator, daemon, module, peer or by-hand; ACTION is pass, limit, reset or\n"
	  "drop.\n" },
	{ "conn", mqg_run_conn,
	  "conn list [FILTER...]\n"
	  "conn show FILTER...\n"
	  "conn kill FILTER...\n"
	  "conn watch [count N] [FILTER...]\n"
	  "conn sources [source ADDRESS[/BITS]] [over SESSIONS] [rate CONNECTS]",
	  "clients as the kernel module follows them: list, show, reset, watch",
	  "A FILTER is source ADDRESS[/BITS], port PORT (the client's), id CLIENTID, phase\n"
	  "PHASE, idle DURATION (silent for longer) or service NUMBER; all that are given have\n"
	  "to match. A PHASE is handshake, connect, connack, connected, closing or refused.\n"
	  "show tells all that is known. kill resets both ends; of all clients only with the\n"
	  "word \"all\". show and kill end 1 when nobody matches. watch tells as it happens who\n"
	  "begins, changes phase, offends or ends, whose identifier two hold, which source is\n"
	  "over the module's settings, and how much of it was lost. sources tells where clients\n"
	  "come from, an IPv4 address or an IPv6 /64 a line: those with more than SESSIONS\n"
	  "sessions, more than CONNECTS CONNECTs a minute. All is of this network namespace.\n" },
	{ "module", mqg_run_module, "module link|unlink",
	  "let XDP ask the kernel module about routed flows, or decide alone",
	  "link loads the extension of the XDP program, which calls the module: a payload of a\n"
	  "routed or bridged flow is then judged by what the module knows of the flow. unlink\n"
	  "takes it out again. While linked the module cannot be removed (rmmod: in use).\n"
	  "modprobe does both by itself. Neither does anything where it is so already.\n" },
	{ "stats", mqg_run_stats, "stats [service NAME|NUMBER]",
	  "packets passed and dropped, by service and reason", NULL },
	{ "events", mqg_run_events, "events [count N]",
	  "drops as they happen: a sample with the first bytes of each packet", NULL },
	{ "top", mqg_run_top, "top [interval DURATION] [count N]",
	  "a live view of rates, top sources, verdicts, sessions and refusals",
	  "Of the sources that are dropped most the rate is an estimate, with its error.\n"
	  "Ends with q or Ctrl-C, or after N frames. Where the output is no terminal, frames\n"
	  "follow one another, with an empty line between them.\n" },
	{ "check", mqg_run_check, "check FILE", "say whether a configuration of the daemon is good",
	  NULL },
	{ "identity", mqg_run_identity, "identity list [expires DURATION] [weak]",
	  "certificates of devices as they were seen, and which of them will fail",
	  "One line a certificate, the one seen last first: identity, key, when it expires, when\n"
	  "it was seen, what its last handshake agreed on, and why it is weak. expires 30d shows\n"
	  "those that expire within that time, weak those with RSA below 3072 bits or signed\n"
	  "with SHA-1 or MD5, both together those that need another one for either reason; none\n"
	  "whose device has come with another one since. The daemon keeps 65536 of them.\n" },
	{ "tls", mqg_run_tls, "tls status",
	  "what TLS uses: library, processor, keys, kTLS, policy of each listener, ciphers",
	  "What OpenSSL has and what it found in the processor; for each listener its policy,\n"
	  "where its key is and for how many sessions the kernel does the records, or why not;\n"
	  "and what the last handshake of each certificate that is known agreed on.\n" },
	{ "policy", mqg_run_policy,
	  "policy check [config FILE] [identity X] [client-id C] [username U] [listener L]\n"
	  "       [source ADDRESS] [certificate FILE] [at TIME] RIGHT [TOPIC]\n"
	  "policy import mosquitto FILE",
	  "what clients may by the policies of a configuration, and which rule says so",
	  "check reads the configuration (/etc/mqgate/mqgate.yaml) and says allow or deny, by\n"
	  "which line of which file, and which rules do not apply because the client has no\n"
	  "value for a variable of theirs. A RIGHT is connect, publish, subscribe, receive, will\n"
	  "or retain; what is subscribed is a filter. certificate names the client's own, in\n"
	  "PEM; at is a time, 2026-07-01 or 2026-07-01T06:30:00Z, for policies that hold at\n"
	  "times. Ends 0 for allow, 1 for deny, 2 where the question or the file is wrong. No\n"
	  "daemon is needed. import prints the policies that say what an ACL file of\n"
	  "mosquitto's says, with comments where that cannot be said exactly.\n" },
	{ "pki", mqg_run_pki,
	  "pki init DIR [key TYPE] [days N]\n"
	  "pki issue DIR server dns NAME|ip ADDRESS... [cn NAME] [key TYPE] [days N] [file NAME]\n"
	  "pki issue DIR device cn NAME [dns NAME|uri URI|email ADDRESS]... [key TYPE] [days N] "
	  "[file NAME]\n"
	  "pki revoke DIR NAME|SERIAL [reason REASON] [days N]\n"
	  "pki crl DIR [days N]",
	  "a private CA for trials and tests; not a production CA",
	  "init makes a root, an intermediate and empty revocation lists in a new directory;\n"
	  "issue adds a key and a certificate; revoke writes the next revocation list; crl\n"
	  "renews it before its time is over. Nothing that is there is overwritten. A device\n"
	  "needs no cn where it has another name. A TYPE is p256 (the default), p384, ed25519,\n"
	  "rsa2048, rsa3072 or rsa4096. days: 730 for the CA, 365 for what it issues, 30 for a\n"
	  "list. A REASON is unspecified, key-compromise, superseded or ceased. Private keys\n"
	  "lie unencrypted in the directory, those of the CA as well: for production use a CA\n"
	  "that is run as one.\n" },
	{ "reload", mqg_run_reload, "reload",
	  "make the daemon go by its configuration as the file is now",
	  "The file, certificates, keys, CAs and revocation lists are read and checked as a\n"
	  "whole; where something is wrong it is told by file, line and key, and nothing has\n"
	  "changed. Then all workers go over at once. Sessions that are still allowed stay; the\n"
	  "others end within a second, with the reason. What only a restart changes is named.\n" },
	{ "revoke", mqg_run_revoke,
	  "revoke [identity|serial|fingerprint] VALUE [reason TEXT...]\n"
	  "revoke del [identity|serial|fingerprint] VALUE\n"
	  "revoke list",
	  "refuse one device's certificate on this gateway, at once",
	  "Ends its sessions, takes its ALLOW back and refuses further handshakes; the list\n"
	  "outlives restarts. Without a word before it a VALUE of 64 hex digits is a fingerprint\n"
	  "(SHA-256 of the certificate), one that begins with 0x a serial number, any other an\n"
	  "identity. A serial number is revoked for every CA. For what all gateways are to know,\n"
	  "let the CA revoke: its list is read by itself when it changes. del takes it back.\n" },
	{ "broker", mqg_run_broker,
	  "broker list\n"
	  "broker drain NAME [SERVER]\n"
	  "broker resume NAME [SERVER]",
	  "servers of the brokers: which are up, and take one out or back in",
	  "list shows every server with its state, open connections and failed checks. drain\n"
	  "sends no more clients to a server, or to any server of that broker; sessions that it\n"
	  "has stay until they end. resume takes it back, slowly where the configuration says so.\n"
	  "A SERVER is written as in the list. Neither outlives the daemon.\n" },
	{ "version", mqg_run_version, "version", "version, ABI, libbpf and kernel", NULL },
	{ "help", mqg_run_help, "help [OBJECT]", "this text, or more on one object", NULL },
	{},
};

/* Exact names first, then abbreviations: "st" is ambiguous, "sta" too, "stat" as well. */
static const struct mqg_object_verb *find_verb(const char *word, int *code)
{
	const struct mqg_object_verb *found = NULL;

	for (const struct mqg_object_verb *v = mqg_verbs; v->name; v++)
		if (!strcmp(word, v->name))
			return v;
	for (const struct mqg_object_verb *v = mqg_verbs; v->name; v++) {
		if (!mqg_word_is(word, v->name, 1))
			continue;
		if (found) {
			*code = mqg_misuse("%s: may mean %s or %s; write more of it", word,
					   found->name, v->name);
			return NULL;
		}
		found = v;
	}
	if (!found)
		*code = mqg_misuse("%s: no such object; mqgate help lists them", word);
	return found;
}

void mqg_help_print(const struct mqg_object_verb *verb)
{
	if (verb) {
		const char *line = verb->usage;

		for (bool first = true; line; first = false) {
			const char *end = strchr(line, '\n');

			printf("%s mqgate [-j] [-p] %.*s\n", first ? "Usage:" : "      ",
			       end ? (int)(end - line) : (int)strlen(line), line);
			line = end ? end + 1 : NULL;
		}
		printf("\n%c%s.\n", verb->text[0] - 'a' + 'A', verb->text + 1);
		if (verb->help)
			printf("%s", verb->help);
		return;
	}
	printf("Usage: mqgate [-j] [-p] OBJECT [VERB] ...\n"
	       "\n"
	       "  -j    JSON instead of text         -p    the same, indented\n"
	       "  -V    version                      -h    this text\n"
	       "\n");
	for (const struct mqg_object_verb *v = mqg_verbs; v->name; v++)
		printf("  %-10s %s\n", v->name, v->text);
	printf("\n"
	       "`mqgate help OBJECT` or `mqgate OBJECT help` tells more; both may be abbreviated.\n"
	       "Exit codes: 0 done, 1 refused or not found, 2 usage. Changes need root or group\n"
	       "mqgate; MQGATE_BPFFS, MQGATE_RUN and MQGATE_OBJ name other places: mqgate(8).\n");
}

int mqg_run_help(const struct mqg_cmd *cmd, int argc, char **argv)
{
	const struct mqg_object_verb *verb = NULL;
	int code = MQG_USAGE;

	(void)cmd;
	if (argc > 1)
		return mqg_misuse("help: one object at a time");
	if (argc) {
		verb = find_verb(argv[0], &code);
		if (!verb)
			return code;
	}
	mqg_help_print(verb);
	return MQG_DONE;
}

/* Returns the index of the first word, or -1 after setting the exit code. */
static int read_options(int argc, char **argv, struct mqg_cmd *cmd, int *code)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		const char *option = argv[i];

		if (!strcmp(option, "-j") || !strcmp(option, "--json")) {
			cmd->json = true;
		} else if (!strcmp(option, "-p") || !strcmp(option, "--pretty")) {
			cmd->json = cmd->pretty = true;
		} else if (!strcmp(option, "-jp") || !strcmp(option, "-pj")) {
			cmd->json = cmd->pretty = true;
		} else if (!strcmp(option, "-h") || !strcmp(option, "--help")) {
			mqg_help_print(NULL);
			*code = MQG_DONE;
			return -1;
		} else if (!strcmp(option, "-V") || !strcmp(option, "--version")) {
			*code = mqg_run_version(cmd, 0, NULL);
			return -1;
		} else {
			*code = mqg_misuse("%s: no such option; mqgate help lists them", option);
			return -1;
		}
	}
	return i;
}

int main(int argc, char **argv)
{
	const struct mqg_object_verb *verb;
	struct mqg_cmd cmd = {};
	int code = MQG_USAGE, first;

	first = read_options(argc, argv, &cmd, &code);
	if (first < 0)
		return code;
	if (first == argc) {
		mqg_help_print(NULL);
		return MQG_USAGE;
	}
	verb = find_verb(argv[first], &code);
	if (!verb)
		return code;
	first++;
	if (argc - first == 1 &&
	    (!strcmp(argv[first], "help") || !strcmp(argv[first], "--help") ||
	     !strcmp(argv[first], "-h"))) {
		mqg_help_print(verb);
		return MQG_DONE;
	}
	code = verb->run(&cmd, argc - first, argv + first);
	if (fflush(stdout) || ferror(stdout))
		return code ? code : MQG_REFUSED;
	return code;
}
