/* normalizer_load.c - reads the "normalizer" of tokenizer.json. */
#include <string.h>

#include "base/mem.h"
#include "text/tokenizer_impl.h"
#include "text/unicode.h"

enum { MAX_STEPS = 64 };

static int add_step(struct mm_tokenizer *tok, struct mm_norm step,
		    struct mm_err *err)
{
	if (!tok->norm)
		tok->norm = mm_arena_alloc(&tok->arena, MAX_STEPS,
					   sizeof(*tok->norm));
	if (!tok->norm)
		return mm_fail_nomem(err, "a normalizer");
	if (tok->n_norm == MAX_STEPS)
		return mm_fail(err, MM_ERR_FORMAT, "too many normalizers");
	tok->norm[tok->n_norm++] = step;
	return MM_OK;
}

static int load_replace(struct mm_tokenizer *tok, const struct mm_json *json,
			struct mm_err *err)
{
	struct mm_norm m = { .kind = NORM_REPLACE };
	const struct mm_json *p = mm_json_get(json, "pattern");
	const struct mm_json *re = mm_json_get(p, "Regex");
	const struct mm_json *str = mm_json_get(p, "String");
	int rc;

	if ((rc = mm_json_str_copy(tok, &m.content,
				   mm_json_get(json, "content"), err)))
		return rc;
	if (mm_json_type(re) != MM_JSON_STRING) {
		if ((rc = mm_json_str_copy(tok, &m.pattern, str, err)))
			return rc;
		return add_step(tok, m, err);
	}
	if (!strcmp(mm_json_str(re, ""), "\\s+") && m.content.n == 1 &&
	    m.content.s[0] == ' ') {
		m.kind = NORM_SPACES;
		return add_step(tok, m, err);
	}
	if ((rc = add_step(tok, m, err)))
		return rc;
	/* the tokenizer owns it from here on, also when something fails */
	return mm_regex_new(&tok->norm[tok->n_norm - 1].re, mm_json_str(re, ""),
			    mm_json_str_len(re), err);
}

static int base64_value(char c)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"
				  "rstuvwxyz0123456789+/";
	const char *at = c ? strchr(set, c) : NULL;

	return at ? (int)(at - set) : -1;
}

static int base64(struct mm_tokenizer *tok, const struct mm_json *v,
		  unsigned char **out, size_t *n, struct mm_err *err)
{
	const char *s = mm_json_str(v, "");
	const size_t len = mm_json_str_len(v);
	uint32_t bits = 0;
	int have = 0;

	*n = 0;
	*out = mm_arena_alloc(&tok->arena, len / 4 * 3 + 3, 1);
	if (!*out)
		return mm_fail_nomem(err, "a normalizer");
	for (size_t i = 0; i < len && s[i] != '='; i++) {
		const int d = base64_value(s[i]);

		if (d < 0)
			return mm_fail(err, MM_ERR_FORMAT,
				       "\"precompiled_charsmap\" is not "
				       "base64");
		bits = bits << 6 | (uint32_t)d;
		have += 6;
		if (have >= 8) {
			have -= 8;
			(*out)[(*n)++] = (unsigned char)(bits >> have);
		}
	}
	return MM_OK;
}

/* u32 size of the double array in bytes, the array, the strings. */
static int load_charsmap(struct mm_tokenizer *tok, const struct mm_json *json,
			 struct mm_err *err)
{
	struct mm_norm m = { .kind = NORM_PRECOMPILED };
	unsigned char *blob;
	size_t n, size;
	uint32_t *unit;
	int rc;

	if ((rc = base64(tok, mm_json_get(json, "precompiled_charsmap"), &blob,
			 &n, err)))
		return rc;
	if (!n)
		return MM_OK; /* an empty map changes nothing */
	size = n < 4 ? 0
		     : (size_t)blob[0] | (size_t)blob[1] << 8 |
			       (size_t)blob[2] << 16 | (size_t)blob[3] << 24;
	if (n < 4 || size > n - 4 || size % 4)
		return mm_fail(err, MM_ERR_FORMAT,
			       "\"precompiled_charsmap\" is damaged");
	m.map = mm_arena_alloc(&tok->arena, 1, sizeof(*m.map));
	unit = mm_arena_alloc(&tok->arena, size / 4 + 1, sizeof(*unit));
	if (!m.map || !unit)
		return mm_fail_nomem(err, "a normalizer");
	for (size_t i = 0; i < size / 4; i++) {
		const unsigned char *p = blob + 4 + 4 * i;

		unit[i] = (uint32_t)p[0] | (uint32_t)p[1] << 8 |
			  (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	}
	m.map->unit = unit;
	m.map->longest = mm_json_bool(mm_json_get(json, "longest"), false);
	m.map->n_units = size / 4;
	m.map->replacements.s = (const char *)blob + 4 + size;
	m.map->replacements.n = n - 4 - size;
	if (mm_utf8_valid(m.map->replacements.s, m.map->replacements.n) <
	    m.map->replacements.n)
		return mm_fail(err, MM_ERR_FORMAT,
			       "\"precompiled_charsmap\" is not UTF-8");
	return add_step(tok, m, err);
}

static int load_blanks(struct mm_tokenizer *tok, const struct mm_json *json,
		       struct mm_err *err)
{
	const struct mm_norm m = {
		.kind = NORM_BLANKS,
		.squeeze = mm_json_bool(mm_json_get(json, "squeeze"), true),
		.prefix = mm_json_bool(mm_json_get(json, "prefix"), true),
		.escape = mm_json_bool(mm_json_get(json, "escape"), true),
	};

	return add_step(tok, m, err);
}

static int load_bert(struct mm_tokenizer *tok, const struct mm_json *json,
		     struct mm_err *err)
{
	struct mm_norm m = { .kind = NORM_BERT };
	const struct mm_json *strip = mm_json_get(json, "strip_accents");

	m.clean = mm_json_bool(mm_json_get(json, "clean_text"), true);
	m.cjk = mm_json_bool(mm_json_get(json, "handle_chinese_chars"), true);
	m.lower = mm_json_bool(mm_json_get(json, "lowercase"), true);
	m.accents = mm_json_bool(strip, m.lower);
	return add_step(tok, m, err);
}

static int load_one(struct mm_tokenizer *tok, const struct mm_json *json,
		    int depth, struct mm_err *err);

static int load_list(struct mm_tokenizer *tok, const struct mm_json *list,
		     int depth, struct mm_err *err)
{
	for (size_t i = 0; i < mm_json_size(list); i++) {
		int rc = load_one(tok, mm_json_at(list, i), depth + 1, err);

		if (rc)
			return rc;
	}
	return MM_OK;
}

static int load_simple(struct mm_tokenizer *tok, const struct mm_json *json,
		       const char *type, struct mm_err *err)
{
	static const struct {
		const char *type;
		enum mm_norm_kind kind;
		int form;
	} simple[] = {
		{ "NFC", NORM_FORM, MM_NFC },
		{ "NFD", NORM_FORM, MM_NFD },
		{ "NFKC", NORM_FORM, MM_NFKC },
		{ "NFKD", NORM_FORM, MM_NFKD },
		{ "Lowercase", NORM_LOWERCASE, 0 },
		{ "StripAccents", NORM_STRIP_ACCENTS, 0 },
		{ "Strip", NORM_STRIP, 0 },
		{ "Prepend", NORM_PREPEND, 0 },
		{ "Nmt", NORM_NMT, 0 },
		{ "ByteLevel", NORM_BYTE_LEVEL, 0 },
	};

	for (size_t i = 0; i < sizeof(simple) / sizeof(*simple); i++) {
		struct mm_norm m = { .kind = simple[i].kind,
				     .form = simple[i].form };
		int rc;

		if (strcmp(type, simple[i].type) != 0)
			continue;
		m.left = mm_json_bool(mm_json_get(json, "strip_left"), true);
		m.right = mm_json_bool(mm_json_get(json, "strip_right"), true);
		if (m.kind == NORM_PREPEND &&
		    (rc = mm_json_str_copy(tok, &m.content,
					   mm_json_get(json, "prepend"), err)))
			return rc;
		return add_step(tok, m, err);
	}
	return mm_fail(err, MM_ERR_FORMAT, "unknown normalizer \"%s\"", type);
}

static int load_one(struct mm_tokenizer *tok, const struct mm_json *json,
		    int depth, struct mm_err *err)
{
	const char *type = mm_json_str(mm_json_get(json, "type"), "");

	if (mm_json_type(json) <= MM_JSON_NULL)
		return MM_OK;
	if (depth > 8)
		return mm_fail(err, MM_ERR_FORMAT,
			       "normalizers are nested too deeply");
	if (!strcmp(type, "Sequence"))
		return load_list(tok, mm_json_get(json, "normalizers"), depth,
				 err);
	if (!strcmp(type, "Replace"))
		return load_replace(tok, json, err);
	if (!strcmp(type, "BertNormalizer"))
		return load_bert(tok, json, err);
	if (!strcmp(type, "Precompiled"))
		return load_charsmap(tok, json, err);
	if (!strcmp(type, "SentencePieceBlanks"))
		return load_blanks(tok, json, err);
	return load_simple(tok, json, type, err);
}

int mm_norm_load(struct mm_tokenizer *tok, const struct mm_json *json,
		 struct mm_err *err)
{
	return load_one(tok, json, 0, err);
}
