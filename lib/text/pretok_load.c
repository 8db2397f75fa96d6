/* pretok_load.c - reads the "pre_tokenizer" of tokenizer.json. */
#include <string.h>

#include "text/tokenizer_impl.h"
#include "text/unicode.h"

enum { MAX_STEPS = 32 };

/* Patterns with a scanner of their own. */
static const char clip_pattern[] =
	"<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|"
	"[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";
static const char gpt2_pattern[] =
	"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"
	"\\s+(?!\\S)|\\s+";

static int add_step(struct mm_tokenizer *tok, struct mm_pretok step,
		    struct mm_err *err)
{
	if (!tok->pretok)
		tok->pretok = mm_arena_alloc(&tok->arena, MAX_STEPS,
					     sizeof(*tok->pretok));
	if (!tok->pretok)
		return mm_fail_nomem(err, "a pre-tokenizer");
	if (tok->n_pretok == MAX_STEPS)
		return mm_fail(err, MM_ERR_FORMAT, "too many pre-tokenizers");
	tok->pretok[tok->n_pretok++] = step;
	return MM_OK;
}

static int load_behavior(const struct mm_json *json, enum mm_behavior *how,
			 struct mm_err *err)
{
	static const char *const names[] = { "Removed", "Isolated",
					     "MergedWithPrevious",
					     "MergedWithNext", "Contiguous" };
	const char *name =
		mm_json_str(mm_json_get(json, "behavior"), "Isolated");

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		*how = (enum mm_behavior)i;
		return MM_OK;
	}
	return mm_fail(err, MM_ERR_FORMAT, "unknown behavior \"%s\"", name);
}

static int load_split(struct mm_tokenizer *tok, const struct mm_json *json,
		      struct mm_err *err)
{
	struct mm_pretok p = { .kind = PRE_SPLIT_STRING };
	const struct mm_json *pattern = mm_json_get(json, "pattern");
	const struct mm_json *re = mm_json_get(pattern, "Regex");
	const char *text = mm_json_str(re, "");
	int rc;

	p.invert = mm_json_bool(mm_json_get(json, "invert"), false);
	if ((rc = load_behavior(json, &p.behavior, err)))
		return rc;
	if (mm_json_type(re) != MM_JSON_STRING) {
		if ((rc = mm_json_str_copy(tok, &p.pattern,
					   mm_json_get(pattern, "String"),
					   err)))
			return rc;
		return add_step(tok, p, err);
	}
	if (!strcmp(text, clip_pattern) && p.behavior == SPLIT_REMOVED &&
	    p.invert) {
		p.kind = PRE_CLIP;
		return add_step(tok, p, err);
	}
	/* it matches everything, so these come to the same */
	if (!strcmp(text, gpt2_pattern) &&
	    (p.behavior == SPLIT_ISOLATED ||
	     (p.behavior == SPLIT_REMOVED && p.invert))) {
		p.kind = PRE_GPT2;
		return add_step(tok, p, err);
	}
	p.kind = PRE_SPLIT_REGEX;
	if ((rc = add_step(tok, p, err)))
		return rc;
	/* the tokenizer owns it from here on, also when something fails */
	return mm_regex_new(&tok->pretok[tok->n_pretok - 1].re, text,
			    mm_json_str_len(re), err);
}

static int load_metaspace(struct mm_tokenizer *tok, const struct mm_json *json,
			  struct mm_err *err)
{
	struct mm_pretok p = { .kind = PRE_METASPACE, .behavior = SPLIT_NEXT };
	const char *scheme =
		mm_json_str(mm_json_get(json, "prepend_scheme"), "always");
	int rc;

	if (!mm_json_bool(mm_json_get(json, "add_prefix_space"), true))
		scheme = "never";
	if (!strcmp(scheme, "always"))
		p.prepend = PREPEND_ALWAYS;
	else if (!strcmp(scheme, "first"))
		p.prepend = PREPEND_FIRST;
	else if (!strcmp(scheme, "never"))
		p.prepend = PREPEND_NEVER;
	else
		return mm_fail(err, MM_ERR_FORMAT,
			       "unknown prepend_scheme \"%s\"", scheme);
	p.split = mm_json_bool(mm_json_get(json, "split"), true);
	if ((rc = mm_json_str_copy(tok, &p.pattern,
				   mm_json_get(json, "replacement"), err)))
		return rc;
	if (!p.pattern.n || mm_utf8_count(p.pattern.s, p.pattern.n) != 1)
		return mm_fail(err, MM_ERR_FORMAT,
			       "\"replacement\" is not one character");
	return add_step(tok, p, err);
}

static int load_char(struct mm_tokenizer *tok, const struct mm_json *json,
		     struct mm_err *err)
{
	struct mm_pretok p = { .kind = PRE_CHAR, .behavior = SPLIT_REMOVED };
	const struct mm_json *c = mm_json_get(json, "delimiter");
	size_t at = 0;

	if (!mm_json_str_len(c))
		return mm_fail(err, MM_ERR_FORMAT, "no \"delimiter\"");
	p.delimiter = mm_utf8_next(mm_json_str(c, ""), &at);
	if (at != mm_json_str_len(c))
		return mm_fail(err, MM_ERR_FORMAT,
			       "\"delimiter\" is not one character");
	return add_step(tok, p, err);
}

static int load_one(struct mm_tokenizer *tok, const struct mm_json *json,
		    int depth, struct mm_err *err);

static int load_sequence(struct mm_tokenizer *tok, const struct mm_json *json,
			 int depth, struct mm_err *err)
{
	const struct mm_json *list = mm_json_get(json, "pretokenizers");

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
	struct mm_pretok p = { .kind = PRE_BERT };
	int64_t length = 5;
	int rc;

	if (!strcmp(type, "ByteLevel")) {
		p.kind = PRE_BYTE_LEVEL;
		p.prefix_space = mm_json_bool(
			mm_json_get(json, "add_prefix_space"), true);
		p.use_regex =
			mm_json_bool(mm_json_get(json, "use_regex"), true);
	} else if (!strcmp(type, "Digits")) {
		p.kind = PRE_DIGITS;
		p.individual = mm_json_bool(
			mm_json_get(json, "individual_digits"), false);
		p.behavior = p.individual ? SPLIT_ISOLATED : SPLIT_CONTIGUOUS;
	} else if (!strcmp(type, "Punctuation")) {
		p.kind = PRE_PUNCTUATION;
		if ((rc = load_behavior(json, &p.behavior, err)))
			return rc;
	} else if (!strcmp(type, "Whitespace")) {
		p.kind = PRE_WHITESPACE;
	} else if (!strcmp(type, "WhitespaceSplit")) {
		p.kind = PRE_WHITESPACE_SPLIT;
		p.behavior = SPLIT_REMOVED;
	} else if (!strcmp(type, "FixedLength")) {
		p.kind = PRE_FIXED;
		if ((rc = mm_json_want_int(json, "length", 1, INT32_MAX,
					   &length, err)))
			return rc;
		p.length = (size_t)length;
	} else if (strcmp(type, "BertPreTokenizer") != 0) {
		return mm_fail(err, MM_ERR_FORMAT,
			       "unknown pre-tokenizer \"%s\"", type);
	}
	return add_step(tok, p, err);
}

static int load_one(struct mm_tokenizer *tok, const struct mm_json *json,
		    int depth, struct mm_err *err)
{
	const char *type = mm_json_str(mm_json_get(json, "type"), "");

	if (mm_json_type(json) <= MM_JSON_NULL)
		return MM_OK;
	if (depth > 8)
		return mm_fail(err, MM_ERR_FORMAT,
			       "pre-tokenizers are nested too deeply");
	if (!strcmp(type, "Sequence"))
		return load_sequence(tok, json, depth, err);
	if (!strcmp(type, "Split"))
		return load_split(tok, json, err);
	if (!strcmp(type, "Metaspace"))
		return load_metaspace(tok, json, err);
	if (!strcmp(type, "CharDelimiterSplit"))
		return load_char(tok, json, err);
	return load_simple(tok, json, type, err);
}

int mm_pretok_load(struct mm_tokenizer *tok, const struct mm_json *json,
		   struct mm_err *err)
{
	struct mm_pretok *last;
	int rc = load_one(tok, json, 0, err);

	if (rc || !tok->n_pretok)
		return rc;
	/* bytes that go straight into BPE need no characters for them */
	last = &tok->pretok[tok->n_pretok - 1];
	if (last->kind == PRE_BYTE_LEVEL && tok->model == MODEL_BPE)
		last->map_later = tok->bpe.raw_bytes = true;
	return MM_OK;
}
