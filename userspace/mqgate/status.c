// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate status`: one screen. Everything is gathered as JSON, which -j prints and the text is
 * made from, so that both always say the same. Called by main().
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "common/extension.h"
#include "common/module.h"
#include "common/names.h"
#include "common/network.h"
#include "common/pindir.h"
#include "common/xdp.h"
#include "mqgate/cmd.h"
#include "mqgate/status.h"
#include "mqgate/survey.h"

/* ---- gathering -------------------------------------------------------------- */

/* Name, tag and age of a program; null where it cannot be asked for. */
static json_t *program_json(int fd, uint32_t *id)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	uint64_t now = mqg_boottime_ns();
	char tag[2 * BPF_TAG_SIZE + 1];

	*id = 0;
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return json_null();
	for (size_t i = 0; i < BPF_TAG_SIZE; i++)
		snprintf(tag + 2 * i, 3, "%02x", info.tag[i]);
	*id = info.id;
	return json_pack("{s:I, s:s, s:s, s:o}", "id", (json_int_t)info.id, "name", info.name,
			 "tag", tag, "age",
			 mqg_json_seconds(now > info.load_time ? now - info.load_time : 0));
}

static json_t *pinned_json(const char *dir, const char *name, uint32_t *id)
{
	char path[MQG_PATH];
	json_t *json;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = bpf_obj_get(path);
	json = program_json(fd, id);
	if (fd >= 0)
		close(fd);
	return json;
}

json_t *mqg_status_program(const struct mqg_pins *pins, uint32_t *id)
{
	json_t *program = pinned_json(pins->dir, MQGATE_PIN_PROG, id);

	if (json_is_object(program))
		json_object_set_new(program, "abi", json_integer(pins->abi_version));
	return program;
}

struct gathering {
	json_t		*list;
	uint32_t	prog_id, twin_id;	/* pinned, 0 = none */
	struct mqg_xdp	found;
	const char	*ifname;
};

static int find_by_name(const struct mqg_xdp *xdp, void *arg)
{
	struct gathering *g = arg;

	if (strcmp(xdp->ifname, g->ifname))
		return 0;
	g->found = *xdp;
	return 1;
}

/* Seconds since the pin was made, which an upgrade hands on; null where there is none. */
static json_t *attached_for(const char *pin)
{
	struct timespec now;
	struct stat st;

	if (stat(pin, &st) || clock_gettime(CLOCK_REALTIME, &now))
		return json_null();
	return json_real(now.tv_sec > st.st_mtim.tv_sec ?
			 (double)(now.tv_sec - st.st_mtim.tv_sec) : 0);
}

static json_t *interface_json(const struct gathering *g, const struct mqg_link *link,
			      const char *state)
{
	uint32_t id = link->readable ? link->prog_id : g->found.prog_id;
	int fd = bpf_prog_get_fd_by_id(id);
	uint32_t asked;
	json_t *program = program_json(fd, &asked);

	if (fd >= 0)
		close(fd);
	return json_pack("{s:s, s:I, s:s, s:I, s:o, s:b, s:o, s:s, s:b}", "name", link->ifname,
			 "ifindex",
			 (json_int_t)(link->readable ? link->ifindex : g->found.ifindex), "mode",
			 strcmp(state, "attached") ? "unknown" : mqg_xdp_mode_word(g->found.mode),
			 "program_id", (json_int_t)id, "program", program, "pinned_program",
			 id && (id == g->prog_id || id == g->twin_id), "since",
			 attached_for(link->path), "state", state, "pinned", 1);
}

static int add_pinned(const struct mqg_link *link, void *arg)
{
	struct gathering *g = arg;
	const char *state = "attached";

	g->ifname = link->ifname;
	memset(&g->found, 0, sizeof(g->found));
	mqg_xdp_each(find_by_name, g);
	if (link->readable && !link->ifindex)
		state = "gone";
	else if (g->found.mode == MQG_XDP_NONE ||
		 (link->readable && link->prog_id != g->found.prog_id))
		state = "elsewhere";
	json_array_append_new(g->list, interface_json(g, link, state));
	return 0;
}

/* Waiting for its confirmation, or attached by hand from the pin of the program. */
static int add_unpinned(const struct mqg_xdp *xdp, void *arg)
{
	struct gathering *g = arg;
	json_t *known;
	size_t i;

	if (!g->prog_id || xdp->prog_id != g->prog_id)
		return 0;
	json_array_foreach(g->list, i, known)
		if (!strcmp(json_string_value(json_object_get(known, "name")), xdp->ifname))
			return 0;
	json_array_append_new(g->list, json_pack("{s:s, s:I, s:s, s:I, s:s, s:b}", "name",
						 xdp->ifname, "ifindex", (json_int_t)xdp->ifindex,
						 "mode", mqg_xdp_mode_word(xdp->mode), "program_id",
						 (json_int_t)xdp->prog_id, "state", "unpinned",
						 "pinned", 0));
	return 0;
}

json_t *mqg_status_interfaces(uint32_t prog_id)
{
	struct gathering g = { .list = json_array(), .prog_id = prog_id };

	json_decref(pinned_json(mqg_bpffs_dir(), MQGATE_PIN_PROG_FRAGS, &g.twin_id));
	mqg_link_each(add_pinned, &g);
	mqg_xdp_each(add_unpinned, &g);
	return g.list;
}

static const char *unknown_flows_word(const struct mqgate_service *svc)
{
	if (svc->kind >= MQGATE_KIND_FIRST_UDP)
		return "-";
	if (svc->flags & MQGATE_SVC_F_LOCAL)
		return "local";
	return svc->flags & MQGATE_SVC_F_STRICT ? "strict" : "lenient";
}

static json_t *gather_destinations(const struct mqgate_service *svc)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < svc->destinations && i < MQGATE_DESTINATIONS; i++) {
		char text[MQG_NETWORK_STRLEN];

		json_array_append_new(list, json_string(mqg_network_format(&svc->destination[i],
									   text, sizeof(text))));
	}
	return list;
}

/* Null where the rate is not limited: then there is no flood. */
static json_t *gather_syn(const struct mqg_survey *s, const struct mqg_survey_service *service)
{
	static const char *const answers[] = {
		[MQGATE_SYN_NONE] = "none",
		[MQGATE_SYN_COOKIES] = "cookies",
		[MQGATE_SYN_OFF] = "off",
		[MQGATE_SYN_ELSEWHERE] = "elsewhere",
		[MQGATE_SYN_REFUSED] = "refused",
		[MQGATE_SYN_FRAME] = "frame",
	};
	const struct mqgate_service *svc = &service->svc;
	const struct mqgate_syn *syn = &service->syn;
	bool flood = mqg_syn_flooded(syn, svc, s->time);
	json_t *since = json_null(), *ago = json_null();

	if (svc->kind >= MQGATE_KIND_FIRST_UDP)
		return json_null();
	if (flood)
		since = mqg_json_seconds(s->time > syn->since ? s->time - syn->since : 0);
	else if (syn->busy)
		ago = mqg_json_seconds(s->time - syn->busy);
	return json_pack("{s:o, s:o, s:b, s:b, s:o, s:o, s:I, s:s, s:I}", "per_source",
			 svc->syn_source == MQGATE_SYN_UNLIMITED ? json_null() :
			 json_integer(svc->syn_source), "rate",
			 svc->syn_rate == MQGATE_SYN_UNLIMITED ? json_null() :
			 json_integer(svc->syn_rate), "cookies",
			 !!(svc->flags & MQGATE_SVC_F_COOKIES), "flood", flood, "since", since,
			 "ago", ago, "floods", (json_int_t)syn->floods, "answer",
			 syn->answer <= MQGATE_SYN_FRAME ? answers[syn->answer] : "unknown",
			 "answered", (json_int_t)service->answered);
}

static json_t *rate_json(uint32_t rate)
{
	return rate ? json_integer(rate) : json_null();
}

/* Budgets of what begins and of what is incomplete, and what becomes of what is malformed. */
static void gather_budgets(const struct mqgate_service *svc, json_t *service)
{
	json_object_set_new(service, "begins", json_pack(
		"{s:o, s:o, s:o, s:o}", "per_source", rate_json(svc->source_rate),
		"per_source_burst",
		rate_json(svc->source_burst ? svc->source_burst : svc->source_rate), "rate",
		rate_json(svc->service_rate), "burst",
		rate_json(svc->service_burst ? svc->service_burst : svc->service_rate)));
	if (svc->kind >= MQGATE_KIND_FIRST_UDP)
		return;
	json_object_set_new(service, "suspect", json_pack(
		"{s:o, s:I, s:o}", "bytes", rate_json(svc->suspect_bytes), "segments",
		(json_int_t)svc->suspect_segments, "time",
		mqg_json_seconds(svc->suspect_ms * 1000000ULL)));
	json_object_set_new(service, "on_malformed", json_string(
		svc->flags & MQGATE_SVC_F_RESET ? "reset" : "drop"));
	json_object_set_new(service, "reset_rate", json_integer(svc->reset_rate));
}

static json_t *gather_services(const struct mqg_survey *s)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < MQGATE_SERVICES; i++) {
		const struct mqg_survey_service *service = &s->service[i];
		json_t *ports, *lease = json_null();

		if (!service->shown)
			continue;
		ports = json_array();
		for (uint32_t p = 0; p < service->ports && p < MQG_SURVEY_PORTS; p++)
			json_array_append_new(ports, json_integer(service->port[p]));
		if (service->svc.lease)
			lease = mqg_json_seconds(service->svc.lease > s->time ?
							 service->svc.lease - s->time : 0);
		json_array_append_new(
			list,
			json_pack("{s:I, s:s, s:o, s:s, s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:I, "
				  "s:I, s:o}",
				  "number", (json_int_t)i, "name", service->svc.name, "ports",
				  ports, "kind", mqg_kind_word(service->svc.kind), "mode",
				  mqg_mode_word(service->svc.mode), "unknown_flows",
				  unknown_flows_word(&service->svc), "fragments",
				  service->svc.flags & MQGATE_SVC_F_FRAGMENTS ? "pass" : "drop",
				  "destinations", gather_destinations(&service->svc),
				  "lease", lease, "passed", (json_int_t)service->passed, "dropped",
				  (json_int_t)service->dropped, "would_drop",
				  (json_int_t)service->observed, "allowed",
				  (json_int_t)service->allowed, "syn", gather_syn(s, service)));
		gather_budgets(&service->svc, json_array_get(list, json_array_size(list) - 1));
	}
	return list;
}

static json_t *fill_json(const struct mqg_survey_fill *fill)
{
	return json_pack("{s:I, s:I, s:b}", "entries", (json_int_t)fill->entries, "max",
			 (json_int_t)fill->max, "full", fill->full);
}

static json_t *gather_maps(const struct mqg_survey *s)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", MQGATE_MAP_SOURCES,
			 fill_json(&s->sources), MQGATE_MAP_PREFIX4, fill_json(&s->prefix4),
			 MQGATE_MAP_PREFIX6, fill_json(&s->prefix6), MQGATE_MAP_ALLOW,
			 fill_json(&s->allow), MQGATE_MAP_FLOWS, fill_json(&s->flows),
			 MQGATE_MAP_BUDGETS, fill_json(&s->budgets));
}

/* The daemon's own answer, null when none runs, or {"error": ...} when it does not answer. */
static json_t *gather_daemon(void)
{
	struct mqg_control control;
	json_t *answer = NULL;
	char why[1024];
	int err;

	err = mqg_control_open(&control, why, sizeof(why));
	if (!err)
		err = mqg_control_ask(&control, json_pack("{s:s}", "do", "status"), &answer, why,
				      sizeof(why));
	mqg_control_close(&control);
	if (err == -ENOENT)
		return json_null();
	if (err)
		return json_pack("{s:s}", "error", why);
	json_object_del(answer, "ok");
	return answer;
}

/* Null where nothing is attached, or who asks may not know. */
static json_t *gather_linked(void)
{
	int linked = mqg_extension_linked();

	return linked < 0 ? json_null() : json_boolean(linked);
}

/* Null when it is not loaded, or {"error": ...} when it does not answer. */
static json_t *gather_module(void)
{
	struct mqg_module_about about;
	struct mqg_module *module;
	char why[512];
	int err;

	err = mqg_module_open(&module, why, sizeof(why));
	if (err == -ENOENT)
		return json_null();
	if (!err)
		err = mqg_module_about(module, &about, why, sizeof(why));
	mqg_module_close(module);
	if (err)
		return json_pack("{s:s}", "error", why);
	return json_pack("{s:s, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "version", about.version,
			 "abi", (json_int_t)about.abi, "mode",
			 mqg_mode_word(about.enforce ? MQGATE_MODE_ENFORCE : MQGATE_MODE_OBSERVE),
			 "clients", (json_int_t)about.clients, "max",
			 (json_int_t)about.max_clients, "begun", (json_int_t)about.begun,
			 "violations", (json_int_t)about.violations, "dropped",
			 (json_int_t)about.dropped, "linked", gather_linked());
}

/* Return: 0, or -errno with @why filled where the pins cannot be used. */
static int gather(json_t **status, char *why, size_t size)
{
	struct mqg_pins pins;
	struct mqg_survey *survey = NULL;
	json_t *program = NULL;
	uint32_t prog_id;
	int err;

	*status = json_pack("{s:s, s:i, s:n, s:[], s:o, s:o, s:[]}", "version", MQG_VERSION, "abi",
			    MQGATE_ABI_VERSION, "program", "interfaces", "daemon", gather_daemon(),
			    "module", gather_module(), "services");
	err = mqg_pins_open(&pins, why, size);
	if (err)
		return err;
	survey = calloc(1, sizeof(*survey));
	err = survey ? mqg_survey_take(&pins, MQG_SURVEY_WITH_PORTS | MQG_SURVEY_WITH_FILL, survey)
		     : -ENOMEM;
	if (err) {
		snprintf(why, size, "%s: the maps cannot be read: %s", pins.dir, strerror(-err));
	} else {
		program = mqg_status_program(&pins, &prog_id);
		json_object_set_new(*status, "program", program);
		json_object_set_new(*status, "interfaces", mqg_status_interfaces(prog_id));
		json_object_set_new(*status, "services", gather_services(survey));
		json_object_set_new(*status, "maps", gather_maps(survey));
		json_object_set_new(*status, "events_lost",
				    json_integer((json_int_t)survey->lost));
	}
	free(survey);
	mqg_pins_close(&pins);
	return err;
}

/* ---- words ------------------------------------------------------------------ */

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "?";
}

static long long number_of(const json_t *object, const char *name)
{
	return (long long)json_number_value(json_object_get(object, name));
}

static const char *ago(const json_t *object, const char *name, char *buf, size_t size)
{
	double seconds = json_number_value(json_object_get(object, name));

	return mqg_duration_format(seconds > 0.001 ? (uint64_t)(seconds * 1e9) : 1, buf, size);
}

static void print_attached(const json_t *interface)
{
	const json_t *program = json_object_get(interface, "program");
	char buf[32];

	printf("%s, since %s", text_of(interface, "mode"),
	       ago(interface, "since", buf, sizeof(buf)));
	if (json_is_object(program))
		printf(", %s id %lld, tag %s", text_of(program, "name"), number_of(program, "id"),
		       text_of(program, "tag"));
	printf("\n");
	if (json_is_object(program) &&
	    !json_is_true(json_object_get(interface, "pinned_program")))
		printf("%-26s another program than the pinned one, of an upgrade that was "
		       "interrupted: mqgate attach %s ends it\n", "", text_of(interface, "name"));
}

static void print_program(const json_t *status)
{
	const json_t *program = json_object_get(status, "program"), *interface;
	char buf[32];
	size_t i;

	if (json_is_object(program)) {
		printf("program    %s, id %lld, tag %s, loaded %s ago, ", text_of(program, "name"),
		       number_of(program, "id"), text_of(program, "tag"),
		       ago(program, "age", buf, sizeof(buf)));
		if (number_of(program, "abi"))
			printf("ABI %lld\n", number_of(program, "abi"));
		else
			printf("ABI not told (pinned by hand)\n");
	} else {
		printf("program    the pin is missing: maps only (attach again: mqgate attach "
		       "IF)\n");
	}
	if (!json_array_size(json_object_get(status, "interfaces")))
		printf("interface  none: verdicts wait for mqgate attach IF\n");
	json_array_foreach(json_object_get(status, "interfaces"), i, interface) {
		const char *state = text_of(interface, "state");

		printf("%-10s %-15s ", i ? "" : "interface", text_of(interface, "name"));
		if (!strcmp(state, "gone"))
			printf("gone: the interface was removed\n");
		else if (!strcmp(state, "elsewhere"))
			printf("not in this network namespace\n");
		else if (!strcmp(state, "unpinned"))
			printf("%s, not pinned: waits for its confirmation, or by hand\n",
			       text_of(interface, "mode"));
		else
			print_attached(interface);
	}
}

static void print_daemon(const json_t *daemon)
{
	const json_t *item;
	char buf[32];
	size_t i;

	if (json_is_null(daemon)) {
		printf("daemon     not running: filters go on with what is in the maps\n");
		return;
	}
	if (json_object_get(daemon, "error")) {
		printf("daemon     %s\n", text_of(daemon, "error"));
		return;
	}
	printf("daemon     mqgated %s, pid %lld, up %s, %lld workers, %lld sessions, %lld sources "
	       "scored\n", text_of(daemon, "version"), number_of(daemon, "pid"),
	       ago(daemon, "uptime", buf, sizeof(buf)), number_of(daemon, "workers"),
	       number_of(daemon, "sessions"), number_of(daemon, "sources_scored"));
	if (!json_is_true(json_object_get(daemon, "pins")))
		printf("           it does not use the pins: %s\n", text_of(daemon, "pins_error"));
	json_array_foreach(json_object_get(daemon, "listeners"), i, item)
		printf("           listener %s on %s (%s): %lld sessions, %lld accepted, %lld "
		       "refused, to %s\n", text_of(item, "name"), text_of(item, "address"),
		       text_of(item, "kind"), number_of(item, "sessions"),
		       number_of(item, "accepted"), number_of(item, "refused"),
		       text_of(item, "broker"));
	json_array_foreach(json_object_get(daemon, "brokers"), i, item)
		printf("           broker %s at %s: %s, %lld connections\n", text_of(item, "name"),
		       text_of(item, "address"),
		       json_is_true(json_object_get(item, "up")) ? "up" : "down",
		       number_of(item, "connections"));
}

/* What the daemon makes of it, behind what it says itself. */
static void print_followed(const json_t *followed)
{
	if (!json_is_object(followed))
		return;
	if (*text_of(followed, "error"))
		printf("           %s\n", text_of(followed, "error"));
	if (json_is_true(json_object_get(followed, "followed")))
		printf("           the daemon follows it%s: %lld flows vouched for, %lld "
		       "clients of its own\n", json_is_true(json_object_get(followed, "complete")) ?
		       "" : ", events are missing", number_of(followed, "vouched"),
		       number_of(followed, "bound"));
	else if (!strcmp(text_of(followed, "use"), "off"))
		printf("           the daemon does not use it (module.use: off)\n");
}

static void print_module(const json_t *module, const json_t *followed)
{
	if (json_is_null(module))
		printf("module     not loaded: XDP and daemon work without it\n");
	else if (json_object_get(module, "error"))
		printf("module     %s\n", text_of(module, "error"));
	else
		printf("module     mqgate %s, ABI %lld, mode %s: %lld clients of %lld, "
		       "%lld since its load, %lld violations, %lld segments dropped\n",
		       text_of(module, "version"),
		       number_of(module, "abi"), text_of(module, "mode"),
		       number_of(module, "clients"), number_of(module, "max"),
		       number_of(module, "begun"), number_of(module, "violations"),
		       number_of(module, "dropped"));
	if (json_is_boolean(json_object_get(module, "linked")))
		printf("           %s\n", json_is_true(json_object_get(module, "linked")) ?
		       "linked: XDP asks it about routed flows" :
		       "not linked: XDP decides alone (mqgate module link)");
	if (!json_is_null(module))
		print_followed(followed);
}

static void print_destinations(const json_t *service)
{
	const json_t *list = json_object_get(service, "destinations"), *one;
	size_t i;

	if (!json_array_size(list))
		return;
	printf("    only to");
	json_array_foreach(list, i, one)
		printf("%s %s", i ? "," : "", json_string_value(one));
	printf("\n");
}

/* What net.ipv4.tcp_syncookies is in this network namespace, -1 = cannot be read. */
static int syncookies(void)
{
	FILE *f = fopen("/proc/sys/net/ipv4/tcp_syncookies", "r");
	int value = -1;

	if (f && fscanf(f, "%d", &value) != 1)
		value = -1;
	if (f)
		fclose(f);
	return value;
}

static void print_refused(void)
{
	int value = syncookies();

	if (value == 2)
		printf("the listener's queue of connections is full");
	else
		printf("the kernel makes no SYN cookies for XDP (net.ipv4.tcp_syncookies is %d; "
		       "mqgate attach IF cookies makes it 2)", value);
}

static void print_syn(const json_t *syn)
{
	const char *answer = text_of(syn, "answer");
	char buf[32];

	if (!json_is_object(syn))
		return;
	if (json_is_true(json_object_get(syn, "flood"))) {
		printf("    SYN flood since %s: ", ago(syn, "since", buf, sizeof(buf)));
		if (!strcmp(answer, "cookies")) {
			printf("cookies on, %lld SYNs answered so far\n",
			       number_of(syn, "answered"));
			return;
		}
		printf("beyond %lld a second SYNs are dropped, for ", number_of(syn, "rate"));
		if (!strcmp(answer, "refused"))
			print_refused();
		else if (!strcmp(answer, "elsewhere"))
			printf("no listener of this host takes them");
		else if (!strcmp(answer, "frame"))
			printf("XDP cannot answer frames like these");
		else
			printf("cookies are off");
		printf("\n");
	} else if (json_is_number(json_object_get(syn, "ago"))) {
		printf("    cookies off: the last of %lld SYN flood%s was over %s ago\n",
		       number_of(syn, "floods"), number_of(syn, "floods") == 1 ? "" : "s",
		       ago(syn, "ago", buf, sizeof(buf)));
	}
}

static void print_budgets(const json_t *service)
{
	const json_t *begins = json_object_get(service, "begins");
	bool udp = !json_object_get(service, "suspect");
	long long source = number_of(begins, "per_source"), all = number_of(begins, "rate");

	if (source || all)
		printf("    at most");
	if (source)
		printf(" %lld a second of a source", source);
	if (all)
		printf("%s %lld of all", source ? "," : "", all);
	if (source || all)
		printf(" %s\n", udp ? "(datagrams)" : "(first payloads)");
	if (!strcmp(text_of(service, "on_malformed"), "reset"))
		printf("    what is malformed is answered with resets, to clients at most %lld a "
		       "second\n", number_of(service, "reset_rate"));
}

static void print_services(const json_t *status)
{
	const json_t *service;
	size_t i, p;

	printf("\n %2s %-15s %-15s %-11s %-8s %-8s %13s %13s %10s\n", "#", "SERVICE", "PORTS",
	       "KIND", "MODE", "UNKNOWN", "PASSED", "DROPPED", "ALLOWED");
	json_array_foreach(json_object_get(status, "services"), i, service) {
		const json_t *port;
		char ports[64] = "-";
		size_t used = 0;

		json_array_foreach(json_object_get(service, "ports"), p, port) {
			if (used >= 12)
				break;
			used += (size_t)snprintf(ports + used, sizeof(ports) - used, "%s%lld",
						 p ? " " : "", (long long)json_integer_value(port));
		}
		printf(" %2lld %-15s %-15s %-11s %-8s %-8s %13lld %13lld %10lld\n",
		       number_of(service, "number"), text_of(service, "name"), ports,
		       text_of(service, "kind"), text_of(service, "mode"),
		       text_of(service, "unknown_flows"), number_of(service, "passed"),
		       number_of(service, "dropped"), number_of(service, "allowed"));
		print_destinations(service);
		if (!strcmp(text_of(service, "fragments"), "pass"))
			printf("    first fragments pass when what they carry is good\n");
		print_budgets(service);
		print_syn(json_object_get(service, "syn"));
		if (number_of(service, "would_drop"))
			printf("    %lld packets would have been dropped in mode enforce\n",
			       number_of(service, "would_drop"));
		if (!json_is_null(json_object_get(service, "lease")))
			printf("    fails closed: %s\n", number_of(service, "lease") ?
			       "the daemon's lease holds" : "the daemon's lease has run out");
	}
}

/* What is full refuses what comes on top; from an LRU map the least used has gone. */
static void print_maps(const json_t *status)
{
	static const struct {
		const char *map, *word, *full;
	} rows[] = {
		{ MQGATE_MAP_SOURCES, "verdicts on sources", "FULL: further ones are refused" },
		{ MQGATE_MAP_PREFIX4, "on IPv4 prefixes", "FULL: further ones are refused" },
		{ MQGATE_MAP_PREFIX6, "on IPv6 prefixes", "FULL: further ones are refused" },
		{ MQGATE_MAP_ALLOW, "ALLOWed flows", "FULL: further ones are judged like any" },
		{ MQGATE_MAP_FLOWS, "undecided flows", "full: the least used are forgotten" },
		{ MQGATE_MAP_BUDGETS, "budgets", "full: the least used begin anew" },
	};
	long long lost = number_of(status, "events_lost");

	printf("\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const json_t *fill = json_object_get(json_object_get(status, "maps"), rows[i].map);
		bool full = json_is_true(json_object_get(fill, "full"));

		printf("%-10s %lld %s of %lld%s%s%s\n", i ? "" : "maps",
		       number_of(fill, "entries"), rows[i].word, number_of(fill, "max"),
		       full ? " (" : "", full ? rows[i].full : "", full ? ")" : "");
	}
	if (lost)
		printf("%-10s %lld events of drops are lost: their buffer was full, for nobody "
		       "read them (mqgate events, or a daemon)\n", "", lost);
}

int mqg_run_status(const struct mqg_cmd *cmd, int argc, char **argv)
{
	json_t *status;
	char why[512];
	int err, code = MQG_DONE;

	(void)argv;
	if (argc)
		return mqg_misuse("status: takes no words");
	err = gather(&status, why, sizeof(why));
	if (err && err != -ENOENT) {
		json_decref(status);
		return mqg_refuse("%s", why);
	}
	/* Nothing attached is an answer; scripts see it in the exit code. */
	if (err)
		code = MQG_REFUSED;
	if (cmd->json) {
		mqg_json_print(cmd, status);
		return code;
	}
	mqg_json_tame(status);
	if (err)
		printf("program    not attached: mqgate attach IF\n");
	else
		print_program(status);
	print_daemon(json_object_get(status, "daemon"));
	print_module(json_object_get(status, "module"),
		     json_object_get(json_object_get(status, "daemon"), "module"));
	if (!err) {
		print_services(status);
		print_maps(status);
	}
	json_decref(status);
	return code;
}
