// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate attach` and `mqgate detach`: the words around common/attach.c. Called by main().
 */
#include "common/attach.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/lock.h"
#include "common/names.h"
#include "common/syncookies.h"
#include "mqgate/cmd.h"
#include "mqgate/confirm.h"

#define CONFIRM_NS	(60ULL * 1000000000)
#define CONFIRM_MAX_NS	(3600ULL * 1000000000)

struct words {
	struct mqg_attach	attach;
	bool			cookies;
	bool			confirm;
	uint64_t		confirm_ns;
};

static int read_words(int argc, char **argv, struct words *w)
{
	int i = 1, found;
	char why[256];

	if (!argc)
		return mqg_misuse(
			"attach: name an interface: mqgate attach eth0; ip -br link lists "
			"them");
	w->attach.ifname = argv[0];
	w->attach.group = MQG_GROUP;
	for (; i < argc; i++) {
		if (!strcmp(argv[i], "native")) {
			w->attach.wanted = MQG_XDP_NATIVE;
		} else if (!strcmp(argv[i], "generic")) {
			w->attach.wanted = MQG_XDP_GENERIC;
		} else if (!strcmp(argv[i], "cookies")) {
			w->cookies = true;
		} else if (!strcmp(argv[i], "confirm")) {
			w->confirm = true;
			w->confirm_ns = CONFIRM_NS;
			if (i + 1 == argc || argv[i + 1][0] < '0' || argv[i + 1][0] > '9')
				continue;
			if (mqg_duration_parse(argv[++i], &w->confirm_ns) || !w->confirm_ns ||
			    w->confirm_ns > CONFIRM_MAX_NS)
				return mqg_misuse(
					"attach: confirm %s: not a time up to 1h; write for "
					"instance 60s",
					argv[i]);
		} else if (!strcmp(argv[i], "group")) {
			if (i + 1 == argc)
				return mqg_misuse("attach: group: name one");
			w->attach.group = argv[++i];
			if (mqg_group_lookup(w->attach.group) == (gid_t)-1)
				return mqg_refuse(
					"attach: group %s: there is no such group; groupadd "
					"-r %s makes it",
					w->attach.group, w->attach.group);
		} else {
			found = mqg_sizes_read(&w->attach.sizes, argv[i],
					       i + 1 < argc ? argv[i + 1] : NULL, why,
					       sizeof(why));
			if (found < 0)
				return mqg_misuse("attach: %s", why);
			if (!found)
				return mqg_misuse("attach: %s: not understood; mqgate attach help",
						  argv[i]);
			i++;
		}
	}
	return MQG_DONE;
}

/* A daemon that runs already shall use the pins now and not at its next look. */
static bool tell_daemon(void)
{
	struct mqg_control control;
	json_t *answer = NULL;
	bool told = false;
	char why[512];

	if (mqg_control_open(&control, why, sizeof(why)))
		return false;
	if (mqg_control_ask(&control, json_pack("{s:s}", "do", "pins"), &answer, why, sizeof(why)))
		mqg_remark("the daemon could not be told of the pins: %s", why);
	else
		told = json_is_true(json_object_get(answer, "pins"));
	json_decref(answer);
	mqg_control_close(&control);
	return told;
}

static json_t *split_notes(const char *note)
{
	json_t *list = json_array();

	while (*note) {
		size_t len = strcspn(note, "\n");

		json_array_append_new(list, json_stringn(note, len));
		note += len + (note[len] == '\n');
	}
	return list;
}

static void print_notes(const struct mqg_attach *a)
{
	const char *note = a->note;

	while (*note) {
		size_t len = strcspn(note, "\n");

		printf("%s: %.*s\n", a->ifname, (int)len, note);
		note += len + (note[len] == '\n');
	}
}

static void print_text(const struct mqg_attach *a, bool told)
{
	if (a->upgraded)
		printf("%s: the program of %d interface%s is replaced, program id %u, maps %s\n",
		       a->ifname, a->upgraded, a->upgraded == 1 ? "" : "s", a->prog_id,
		       a->from_abi ? "carried over" : "kept");
	if (a->from_abi)
		printf("%s: ports, services, verdicts, ALLOWed flows and counters of ABI %u were "
		       "carried over to %d; a daemon of that version has to be restarted with "
		       "this one\n", a->ifname, a->from_abi, MQGATE_ABI_VERSION);
	if (a->already && !a->upgraded) {
		printf("%s: mqgate is attached already, in %s mode (program id %u)\n", a->ifname,
		       mqg_xdp_mode_word(a->mode), a->prog_id);
	} else if (!a->already) {
		printf("%s: attached in %s mode%s, program id %u%s\n", a->ifname,
		       mqg_xdp_mode_word(a->mode), a->frags ? " with frags" : "", a->prog_id,
		       a->shared && !a->frags ? ", shared with the other interfaces" : "");
		if (a->adopted && !a->shared && !a->replaces)
			printf("%s: pinned maps of an earlier run taken over, with their "
			       "verdicts\n",
			       a->ifname);
		if (a->restored)
			printf("%s: %u verdict%s restored from the state directory\n", a->ifname,
			       a->restored, a->restored == 1 ? "" : "s");
		if (told)
			printf("%s: the daemon uses the pins\n", a->ifname);
	}
	print_notes(a);
}

static int print(const struct mqg_cmd *cmd, const struct mqg_attach *a, bool told)
{
	if (!cmd->json) {
		print_text(a, told);
		return MQG_DONE;
	}
	return mqg_json_print(
		cmd, json_pack("{s:s, s:I, s:s, s:b, s:I, s:b, s:b, s:b, s:i, s:I, s:I, s:b, "
			       "s:o}",
			       "interface", a->ifname, "ifindex", (json_int_t)a->ifindex, "mode",
			       mqg_xdp_mode_word(a->mode), "frags", a->frags, "program_id",
			       (json_int_t)a->prog_id, "already", a->already, "shared", a->shared,
			       "adopted", a->adopted > 0 && !a->shared, "upgraded", a->upgraded,
			       "from_abi", (json_int_t)a->from_abi, "restored",
			       (json_int_t)a->restored, "daemon", told, "notes",
			       split_notes(a->note)));
}

static int ask(const struct words *w)
{
	static const char *const because[] = {
		[MQG_CONFIRM_LATE] = "nobody said yes in time",
		[MQG_CONFIRM_EOF] = "the input ended",
		[MQG_CONFIRM_NO] = "the answer was not yes",
		[MQG_CONFIRM_SIGNAL] = "interrupted",
	};
	enum mqg_confirmed answer;
	char time[32];

	fflush(stdout);
	fprintf(stderr, "%s: type yes and Enter within %s to keep it; else it is detached again\n",
		w->attach.ifname, mqg_duration_format(w->confirm_ns, time, sizeof(time)));
	answer = mqg_confirm_wait(w->confirm_ns);
	if (answer == MQG_CONFIRMED)
		return MQG_DONE;
	return mqg_refuse("%s: %s, so it is detached again", w->attach.ifname, because[answer]);
}

static void add_note(struct mqg_attach *a, const char *text)
{
	size_t used = strlen(a->note);

	snprintf(a->note + used, sizeof(a->note) - used, "%s%s", used ? "\n" : "", text);
}

/* Once the interface stays attached: what holds for the namespace is not done for a trial. */
static int set_cookies(struct mqg_attach *a)
{
	char said[512], why[512];

	if (mqg_syncookies_set(a->ifname, said, why, sizeof(said)))
		return mqg_refuse("%s: attached, but without SYN cookies: %s", a->ifname, why);
	add_note(a, said);
	return MQG_DONE;
}

int mqg_run_attach(const struct mqg_cmd *cmd, int argc, char **argv)
{
	struct words w = {};
	struct mqg_attach *a = &w.attach;
	char why[1024];
	int code;

	code = read_words(argc, argv, &w);
	if (code)
		return code;
	a->keep = !w.confirm;
	/* Detaching must still happen if a signal comes while attaching. */
	if (w.confirm)
		mqg_confirm_prepare();
	if (mqg_attach_begin(a, why, sizeof(why)))
		return mqg_refuse("%s", why);

	if (!a->already && w.confirm) {
		if (!cmd->json)
			print_text(a, false);
		code = ask(&w);
		if (!code && mqg_attach_keep(a, why, sizeof(why)))
			code = mqg_refuse("%s", why);
		if (code) {
			mqg_attach_undo(a);
			mqg_attach_end(a);
			return code;
		}
	}
	if (w.confirm && !a->already && !cmd->json) {
		a->note[0] = '\0';
		if (w.cookies)
			code = set_cookies(a);
		printf("%s: confirmed, it stays\n", a->ifname);
		print_notes(a);
		tell_daemon();
	} else {
		int failed = w.cookies ? set_cookies(a) : MQG_DONE;

		code = print(cmd, a, tell_daemon());
		code = failed ? failed : code;
	}
	mqg_attach_end(a);
	return code;
}

int mqg_run_detach(const struct mqg_cmd *cmd, int argc, char **argv)
{
	struct mqg_detach detach = {};
	char why[1024], said[512];
	const char *ifname;
	int code = MQG_DONE;

	if (!argc)
		return mqg_misuse("detach: name an interface, or all");
	if (argc == 2 && !strcmp(argv[1], "keep"))
		detach.keep = true;
	else if (argc > 1)
		return mqg_misuse("detach: %s: not understood; mqgate detach help", argv[1]);
	ifname = strcmp(argv[0], "all") ? argv[0] : NULL;

	if (mqg_detach(ifname, &detach, why, sizeof(why))) {
		/* A crash may have left no more than the record of tcp_syncookies. */
		if (!mqg_syncookies_restore(said, said, sizeof(said)) && said[0])
			mqg_remark("%s", said);
		return mqg_refuse("%s", why);
	}
	if (mqg_syncookies_restore(said, why, sizeof(said)))
		code = mqg_refuse("%s", why);
	if (cmd->json) {
		mqg_json_print(cmd, json_pack("{s:i, s:i, s:b, s:s}", "detached", detach.detached,
					      "left", detach.left, "pins_removed",
					      detach.removed, "syncookies", said));
		return code;
	}
	if (ifname)
		printf("%s: detached\n", ifname);
	else
		printf("%d interface%s detached\n", detach.detached,
		       detach.detached == 1 ? "" : "s");
	if (detach.removed)
		printf("that was the last interface: program, maps and verdicts are gone (the word "
		       "keep would have kept them)\n");
	else if (!detach.left)
		printf("that was the last interface: the pins in %s are kept, verdicts go on at "
		       "the next attach\n",
		       mqg_bpffs_dir());
	if (detach.foreign)
		printf("%s: %d file%s not of mqgate, left alone\n", mqg_bpffs_dir(), detach.foreign,
		       detach.foreign == 1 ? " is" : "s are");
	if (said[0])
		printf("%s\n", said);
	return code;
}
