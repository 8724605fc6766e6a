// SPDX-License-Identifier: BSD-2-Clause
/* Levels of the filters of rules; see level.h. */
#include "policy/level.h"

#include <errno.h>
#include <stdlib.h>

int mqg_filter_check(const char *filter, const char **why)
{
	const char *p = filter;
	size_t levels = 0;

	*why = !*filter ? "is empty; write a topic filter" :
	       strlen(filter) > 65535 ? "is longer than a topic may be (65535 bytes)" :
	       !strncmp(filter, "$share/", 7) ? "is a shared subscription; write the filter behind "
						"its name, by which it is judged" : NULL;
	while (p && !*why) {
		size_t len = strcspn(p, "/");
		bool wildcard = memchr(p, '#', len) || memchr(p, '+', len);

		if (wildcard && len != 1)
			*why = "has a wildcard that is not alone in its level; write it alone, "
			       "between slashes";
		else if (wildcard && *p == '#' && p[len])
			*why = "goes on behind \"#\", which has to be the last level";
		else if (++levels > MQG_LEVELS_MAX)
			*why = "has more than 128 levels; shorten it";
		p = p[len] ? p + len + 1 : NULL;
	}
	return *why ? -EINVAL : 0;
}

/* The length of the variable at @p, 0: there is none; *field as mqg_field_parse() has it. */
static size_t variable(const char *p, size_t len, enum mqg_variables style, int *field)
{
	const char *end;

	if (style == MQG_VARIABLES_PERCENT && len >= 2 && p[0] == '%' &&
	    (p[1] == 'c' || p[1] == 'u')) {
		*field = p[1] == 'c' ? MQG_FIELD_CLIENT_ID : MQG_FIELD_USERNAME;
		return 2;
	}
	if (style != MQG_VARIABLES_NAMED || len < 2 || p[0] != '$' || p[1] != '{')
		return 0;
	end = memchr(p, '}', len);
	*field = end ? mqg_field_parse(p + 2, (size_t)(end - p) - 2) : -EINVAL;
	return end ? (size_t)(end - p) + 1 : len;
}

bool mqg_level_varies(const char *level, size_t len, enum mqg_variables style)
{
	int field;

	for (size_t i = 0; i < len; i++)
		if (variable(level + i, len - i, style, &field))
			return true;
	return false;
}

static int add_piece(struct mqg_trie *trie, int field, const char *text, size_t len)
{
	struct mqg_piece *more = reallocarray(trie->pieces, trie->n_pieces + 1U, sizeof(*more));
	int64_t at = field < MQG_FIELDS ? 0 : mqg_texts_add(&trie->texts, text, len);

	if (more)
		trie->pieces = more;
	if (!more || at < 0)
		return -ENOMEM;
	more[trie->n_pieces++] = (struct mqg_piece){
		.text = (uint32_t)at,
		.len = (uint16_t)(field < MQG_FIELDS ? 0 : len),
		.field = (uint16_t)field,
	};
	return 0;
}

static bool same(const struct mqg_trie *trie, const struct mqg_template *a,
		 const struct mqg_template *b)
{
	if (a->n != b->n || a->fields != b->fields)
		return false;
	for (uint16_t i = 0; i < a->n; i++) {
		const struct mqg_piece *x = &trie->pieces[a->first + i];
		const struct mqg_piece *y = &trie->pieces[b->first + i];

		if (x->field != y->field || x->len != y->len ||
		    (x->field == MQG_FIELDS &&
		     memcmp(trie->texts.bytes + x->text, trie->texts.bytes + y->text, x->len)))
			return false;
	}
	return true;
}

static int compile_pieces(struct mqg_trie *trie, const char *level, size_t len,
			  enum mqg_variables style, struct mqg_template *to, const char **why)
{
	size_t from = 0, i = 0;
	int err = 0;

	while (i < len && !err) {
		int field;
		size_t n = variable(level + i, len - i, style, &field);

		if (!n) {
			i++;
			continue;
		}
		if (field < 0) {
			*why = "has a variable that is none; there are ${identity}, ${client_id}, "
			       "${username}, ${listener}, ${cn}, ${o}, ${ou}, ${c}, ${serial}, "
			       "${issuer.cn}, ${issuer.o}, ${san.dns}, ${san.uri}, "
			       "${san.email} and ${fingerprint}";
			return -EINVAL;
		}
		if (i > from)
			err = add_piece(trie, MQG_FIELDS, level + from, i - from);
		if (!err)
			err = add_piece(trie, field, NULL, 0);
		to->fields |= (uint16_t)MQG_FIELD_BIT(field);
		i += n;
		from = i;
	}
	if (!err && len > from)
		err = add_piece(trie, MQG_FIELDS, level + from, len - from);
	to->n = (uint16_t)(trie->n_pieces - to->first);
	return err;
}

int mqg_level_compile(struct mqg_trie *trie, const char *level, size_t len,
		      enum mqg_variables style, uint32_t *template, const char **why)
{
	struct mqg_template made = { .first = trie->n_pieces }, *more;
	int err = compile_pieces(trie, level, len, style, &made, why);

	if (err)
		return err;
	for (*template = 0; *template < trie->n_templates; (*template)++) {
		if (same(trie, &trie->templates[*template], &made)) {
			trie->n_pieces = made.first;
			return 0;
		}
	}
	if (trie->n_templates == MQG_TEMPLATES_MAX) {
		*why = "is one level with variables too many: there may be 1024 different ones; "
		       "put what differs into a level of its own";
		return -EINVAL;
	}
	more = reallocarray(trie->templates, trie->n_templates + 1U, sizeof(*more));
	if (!more)
		return -ENOMEM;
	trie->templates = more;
	more[trie->n_templates++] = made;
	trie->fields |= made.fields;
	return 0;
}

bool mqg_level_equal(const struct mqg_trie *trie, const struct mqg_template *template,
		     const struct mqg_values *values, const uint8_t *text, size_t len)
{
	if ((values->have & template->fields) != template->fields)
		return false;
	for (uint16_t i = 0; i < template->n; i++) {
		const struct mqg_piece *piece = &trie->pieces[template->first + i];
		const char *want = piece->field == MQG_FIELDS ?
				   trie->texts.bytes + piece->text :
				   values->text + values->of[piece->field].at;
		size_t n = piece->field == MQG_FIELDS ? piece->len : values->of[piece->field].len;

		if (n > len || memcmp(text, want, n))
			return false;
		text += n;
		len -= n;
	}
	return !len;
}
