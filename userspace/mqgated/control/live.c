/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs that change what the daemon goes by. Main thread; no lock. */
#include "live/live.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/names.h"
#include "control/verbs.h"
#include "system/log.h"

json_t *mqg_verb_reload(struct mqg_verb_context *context, const json_t *request)
{
	char restart[256], why[1024];

	(void)request;
	mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS, "uid %u (pid %d): reload", context->uid,
		context->pid);
	if (mqg_live_reload(context->live, restart, sizeof(restart), why, sizeof(why)))
		return mqg_verb_refuse("correct it and reload again; all goes on as before", "%s",
				       why);
	return json_pack("{s:b, s:I, s:s}", "ok", 1, "epoch",
			 (json_int_t)mqg_proxy_epoch(context->proxy), "restart", restart);
}

json_t *mqg_verb_hand_over(struct mqg_verb_context *context, const json_t *request)
{
	int err;

	(void)request;
	mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS, "uid %u (pid %d): hand over", context->uid,
		context->pid);
	/* Who gets the sockets is the gateway from now on: more than the group may decide. */
	if (context->uid && context->uid != geteuid())
		return mqg_verb_refuse("do it as root", "uid %u may not take the sockets",
				       context->uid);
	err = mqg_live_hand_over(context->live);
	if (err)
		return mqg_verb_refuse("start mqgated --take-over", "nobody takes the sockets: %s",
				       strerror(-err));
	return json_pack("{s:b}", "ok", 1);
}

/* Reads "kind" and "value". -1 and *@refusal set where one is wrong. */
static int kind_of(const json_t *request, const char **value, json_t **refusal)
{
	const char *word = json_string_value(json_object_get(request, "kind"));
	int kind = word ? mqg_revoked_parse(word) : -1;

	*refusal = NULL;
	*value = json_string_value(json_object_get(request, "value"));
	if (kind < 0)
		*refusal = mqg_verb_refuse("give \"kind\" as \"identity\", \"serial\" or "
					   "\"fingerprint\"", "\"kind\" is \"%.64s\"",
					   word ? word : "missing");
	else if (!*value)
		*refusal = mqg_verb_refuse("give \"value\" as text",
					   "the field \"value\" is missing or no text");
	return *refusal ? -1 : kind;
}

static json_t *answer(int err, int kind, const char *value, const char *why)
{
	const char *word = mqg_revoked_word((enum mqg_revoked_kind)kind);

	if (!err)
		return json_pack("{s:b, s:b, s:s}", "ok", 1, "kept", 1, "error", "");
	if (err == -EROFS)
		return json_pack("{s:b, s:b, s:s}", "ok", 1, "kept", 0, "error", why);
	if (err == -ENOENT)
		return mqg_verb_refuse("mqgate revoke list shows all",
				       "the %s \"%.300s\" is not revoked here", word, value);
	if (err == -EINVAL)
		return mqg_verb_refuse("an identity is written as it is, a serial number as hex, a "
				       "fingerprint as the 64 hex digits of SHA-256",
				       "\"%.300s\" is no %s", value, word);
	return mqg_verb_refuse("see the daemon's log", "%s", why);
}

static void note(const struct mqg_verb_context *context, const char *verb, int kind,
		 const char *value, const char *text)
{
	char what[300], said[200];

	mqg_printable(value, what, sizeof(what));
	mqg_printable(text, said, sizeof(said));
	mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS, "uid %u (pid %d): %s %s %s%s%s", context->uid,
		context->pid, verb, mqg_revoked_word((enum mqg_revoked_kind)kind), what,
		said[0] ? ": " : "", said);
}

/* It has to fit into one line of the file. */
static bool is_note(const char *text)
{
	if (!text || strlen(text) > 200)
		return false;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20)
			return false;
	return true;
}

json_t *mqg_verb_revoke_add(struct mqg_verb_context *context, const json_t *request)
{
	const json_t *text = json_object_get(request, "text");
	const char *value, *said = json_string_value(text);
	char why[1024] = "";
	json_t *refusal;
	int kind = kind_of(request, &value, &refusal), err;

	if (kind < 0)
		return refusal;
	if (text && !is_note(said))
		return mqg_verb_refuse("give \"text\" as one line of at most 200 bytes, or leave "
				       "it out", "\"text\" is no such text");
	err = mqg_live_revoke(context->live, (enum mqg_revoked_kind)kind, value, said, why,
			      sizeof(why));
	if (!err || err == -EROFS)
		note(context, "revoke", kind, value, said ? said : "");
	return answer(err, kind, value, why);
}

json_t *mqg_verb_revoke_del(struct mqg_verb_context *context, const json_t *request)
{
	char why[1024] = "";
	const char *value;
	json_t *refusal;
	int kind = kind_of(request, &value, &refusal), err;

	if (kind < 0)
		return refusal;
	err = mqg_live_unrevoke(context->live, (enum mqg_revoked_kind)kind, value, why,
				sizeof(why));
	if (!err || err == -EROFS)
		note(context, "revoke del", kind, value, "");
	return answer(err, kind, value, why);
}

json_t *mqg_verb_revoke_list(struct mqg_verb_context *context, const json_t *request)
{
	const struct mqg_revoked *list = mqg_live_revoked(context->live);
	json_t *all = json_array();
	time_t now = time(NULL);

	(void)request;
	for (size_t i = 0; all && list && i < list->n; i++) {
		const struct mqg_revocation *item = &list->item[i];

		json_array_append_new(all, json_pack(
			"{s:s, s:s, s:I, s:s}", "kind", mqg_revoked_word(item->kind), "value",
			item->value, "age", (json_int_t)(now > item->since ? now - item->since : 0),
			"text", item->text));
	}
	return json_pack("{s:b, s:o}", "ok", 1, "revoked", all);
}
