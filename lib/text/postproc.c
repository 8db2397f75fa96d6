/*
 * postproc.c - the "post_processor" of tokenizer.json: templates of special
 * tokens, and the truncation before them.
 */
#include <string.h>

#include "base/mem.h"
#include "text/tokenizer_impl.h"

enum { MAX_PIECES = 64 };

int mm_post_set(struct mm_tokenizer *tok, int pair, const struct mm_piece *v,
		size_t n, struct mm_err *err)
{
	size_t *added = pair ? &tok->info.added_pair : &tok->info.added_single;

	if (n > MAX_PIECES)
		return mm_fail(err, MM_ERR_FORMAT, "a template is too long");
	tok->piece[pair] = mm_arena_alloc(&tok->arena, n + 1, sizeof(*v));
	if (!tok->piece[pair])
		return mm_fail_nomem(err, "a template");
	memcpy(tok->piece[pair], v, n * sizeof(*v));
	tok->n_piece[pair] = n;
	*added = 0;
	for (size_t i = 0; i < n; i++)
		*added += v[i].segment < 0;
	return MM_OK;
}

static int want_id(const struct mm_json *v, int32_t *id, struct mm_err *err)
{
	const int64_t x = mm_json_int(v, -1);

	if (x < 0 || x > INT32_MAX)
		return mm_fail(err, MM_ERR_FORMAT,
			       "bad id in the post-processor");
	*id = (int32_t)x;
	return MM_OK;
}

/* Where the texts go: each of them once, or a text would be lost or doubled. */
static int check_sequences(const struct mm_piece *v, size_t n, int pair,
			   struct mm_err *err)
{
	size_t used[2] = { 0, 0 };

	for (size_t i = 0; i < n; i++)
		if (v[i].segment >= 0)
			used[v[i].segment]++;
	if (used[0] == 1 && used[1] == (size_t)pair)
		return MM_OK;
	return mm_fail(err, MM_ERR_FORMAT,
		       pair ? "a template of two texts wants A and B once each"
			    : "a template of one text wants A once and no B");
}

static int load_sequence(const struct mm_json *seq, struct mm_piece *p,
			 struct mm_err *err)
{
	const char *id = mm_json_str(mm_json_get(seq, "id"), "");

	if (strcmp(id, "A") != 0 && strcmp(id, "B") != 0)
		return mm_fail(err, MM_ERR_FORMAT,
			       "a template's sequence is \"%s\", not A or B",
			       id);
	p->segment = *id - 'A';
	p->id = -1;
	return MM_OK;
}

static int load_template(struct mm_tokenizer *tok, const struct mm_json *json,
			 int pair, struct mm_err *err)
{
	const struct mm_json *list =
		mm_json_get(json, pair ? "pair" : "single");
	const struct mm_json *tokens = mm_json_get(json, "special_tokens");
	struct mm_piece v[MAX_PIECES];
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < mm_json_size(list); i++) {
		const struct mm_json *x = mm_json_at(list, i);
		const struct mm_json *seq = mm_json_get(x, "Sequence");
		const struct mm_json *sp = mm_json_get(x, "SpecialToken");
		const struct mm_json *in = seq ? seq : sp, *ids;
		const int64_t type = mm_json_int(mm_json_get(in, "type_id"), 0);
		const char *id = mm_json_str(mm_json_get(in, "id"), "");

		if (!in || type < 0 || type > 255)
			return mm_fail(err, MM_ERR_FORMAT,
				       "bad piece %zu of a template", i);
		ids = mm_json_get(mm_json_get(tokens, id), "ids");
		if (!seq && !ids)
			return mm_fail(err, MM_ERR_FORMAT,
				       "special token \"%s\" of a template is "
				       "not among its special_tokens",
				       id);
		for (size_t k = 0; k < (seq ? 1 : mm_json_size(ids)); k++) {
			struct mm_piece *p = &v[n];

			if (n++ == MAX_PIECES)
				return mm_fail(err, MM_ERR_FORMAT,
					       "a template is too long");
			p->type = (uint8_t)type;
			p->segment = -1;
			rc = seq ? load_sequence(seq, p, err)
				 : want_id(mm_json_at(ids, k), &p->id, err);
			if (rc)
				return rc;
		}
	}
	if ((rc = check_sequences(v, n, pair, err)))
		return rc;
	return mm_post_set(tok, pair, v, n, err);
}

/* BertProcessing and RobertaProcessing: "cls" and "sep" as [token, id]. */
static int load_cls_sep(struct mm_tokenizer *tok, const struct mm_json *json,
			bool roberta, struct mm_err *err)
{
	const uint8_t second = roberta ? 0 : 1;
	int32_t cls = -1, sep = -1;
	int rc;

	if ((rc = want_id(mm_json_at(mm_json_get(json, "cls"), 1), &cls,
			  err)) ||
	    (rc = want_id(mm_json_at(mm_json_get(json, "sep"), 1), &sep, err)))
		return rc;
	{
		const struct mm_piece one[] = { { -1, cls, 0 },
						{ 0, -1, 0 },
						{ -1, sep, 0 } };
		const struct mm_piece two[] = {
			{ -1, cls, 0 }, { 0, -1, 0 },	   { -1, sep, 0 },
			{ -1, sep, 0 }, { 1, -1, second }, { -1, sep, second }
		};
		struct mm_piece bert[5];

		if ((rc = mm_post_set(tok, 0, one, 3, err)))
			return rc;
		if (roberta)
			return mm_post_set(tok, 1, two, 6, err);
		memcpy(bert, two, 3 * sizeof(*two));
		memcpy(bert + 3, two + 4, 2 * sizeof(*two));
		return mm_post_set(tok, 1, bert, 5, err);
	}
}

static int load_one(struct mm_tokenizer *tok, const struct mm_json *json,
		    bool *done, struct mm_err *err)
{
	const char *type = mm_json_str(mm_json_get(json, "type"), "");
	int rc;

	if (!strcmp(type, "ByteLevel"))
		return MM_OK; /* it moves offsets only */
	if (*done)
		return mm_fail(err, MM_ERR_FORMAT,
			       "more than one post-processor adds tokens");
	*done = true;
	if (!strcmp(type, "TemplateProcessing")) {
		rc = load_template(tok, json, 0, err);
		return rc ? rc : load_template(tok, json, 1, err);
	}
	if (!strcmp(type, "BertProcessing"))
		return load_cls_sep(tok, json, false, err);
	if (!strcmp(type, "RobertaProcessing"))
		return load_cls_sep(tok, json, true, err);
	return mm_fail(err, MM_ERR_FORMAT, "unknown post-processor \"%s\"",
		       type);
}

int mm_post_load(struct mm_tokenizer *tok, const struct mm_json *json,
		 struct mm_err *err)
{
	const struct mm_piece one[] = { { 0, -1, 0 } };
	const struct mm_piece two[] = { { 0, -1, 0 }, { 1, -1, 1 } };
	const struct mm_json *list = mm_json_get(json, "processors");
	bool done = false;
	int rc;

	if ((rc = mm_post_set(tok, 0, one, 1, err)) ||
	    (rc = mm_post_set(tok, 1, two, 2, err)))
		return rc;
	if (mm_json_type(json) <= MM_JSON_NULL)
		return MM_OK;
	if (strcmp(mm_json_str(mm_json_get(json, "type"), ""), "Sequence") != 0)
		return load_one(tok, json, &done, err);
	for (size_t i = 0; i < mm_json_size(list); i++)
		if ((rc = load_one(tok, mm_json_at(list, i), &done, err)))
			return rc;
	return MM_OK;
}

/* ------------------------------------------------------- truncation */

static void cut(const struct mm_tokenizer *tok, struct mm_ids *ids, size_t n)
{
	if (n >= ids->n)
		return;
	if (tok->info.truncate_left)
		memmove(ids->v, ids->v + (ids->n - n), n * sizeof(*ids->v));
	ids->n = n;
}

/*
 * With a <= b the shorter and longer length and room for n: where a alone is
 * too long both get half, else b gets what a leaves, but not less than a.
 */
static void longest_first(const struct mm_tokenizer *tok,
			  struct mm_token_work *w, size_t n)
{
	const bool swap = w->ids[0].n > w->ids[1].n;
	struct mm_ids *shorter = &w->ids[swap], *longer = &w->ids[!swap];
	size_t a = shorter->n, b;

	if (a > n)
		b = a;
	else
		b = n - a > a ? n - a : a;
	if (a + b > n) {
		a = n / 2;
		b = a + n % 2;
	}
	cut(tok, shorter, a);
	cut(tok, longer, b);
}

int mm_post_truncate(const struct mm_tokenizer *tok, struct mm_token_work *w,
		     bool pair, const struct mm_encode_opts *opts, size_t added,
		     struct mm_err *err)
{
	const size_t total = w->ids[0].n + (pair ? w->ids[1].n : 0);
	struct mm_ids *one = &w->ids[opts->truncate == MM_TRUNCATE_ONLY_SECOND];
	size_t room;

	if (!opts->max_length)
		return MM_OK;
	if (opts->max_length < added)
		return mm_fail(err, MM_ERR_REFUSED,
			       "a length of %zu has no room for the %zu "
			       "special tokens",
			       opts->max_length, added);
	room = opts->max_length - added;
	if (total <= room)
		return MM_OK;
	if (!room) {
		w->ids[0].n = w->ids[1].n = 0;
		return MM_OK;
	}
	if (opts->truncate == MM_TRUNCATE_LONGEST_FIRST) {
		if (pair)
			longest_first(tok, w, room);
		else
			cut(tok, &w->ids[0], room);
		return MM_OK;
	}
	if (one == &w->ids[1] && !pair)
		return mm_fail(err, MM_ERR_REFUSED,
			       "the second text is to be cut, but there is "
			       "none");
	if (one->n <= total - room)
		return mm_fail(err, MM_ERR_REFUSED,
			       "the text that is to be cut would lose its "
			       "last id");
	cut(tok, one, one->n - (total - room));
	return MM_OK;
}

static int reserve_types(struct mm_token_work *w, size_t n, struct mm_err *err)
{
	uint8_t *t;

	if (n <= w->types_cap)
		return MM_OK;
	if (!(t = mm_realloc(w->types, n + n / 2, 1)))
		return mm_fail_nomem(err, "a text's ids");
	w->types = t;
	w->types_cap = n + n / 2;
	return MM_OK;
}

int mm_post_apply(const struct mm_tokenizer *tok, struct mm_token_work *w,
		  bool pair, bool plain, struct mm_tokens *out,
		  struct mm_err *err)
{
	struct mm_ids *o = &w->out;
	size_t room = 1;
	int rc;

	o->n = 0;
	for (size_t i = 0; i < tok->n_piece[pair]; i++) {
		const int segment = tok->piece[pair][i].segment;

		room += segment < 0 ? 1 : w->ids[segment].n;
	}
	if ((rc = mm_ids_reserve(o, room, err)) ||
	    (rc = reserve_types(w, room, err)))
		return rc;
	for (size_t i = 0; i < tok->n_piece[pair]; i++) {
		const struct mm_piece *p = &tok->piece[pair][i];

		if (p->segment < 0) {
			if (plain)
				continue;
			w->types[o->n] = p->type;
			o->v[o->n++] = p->id;
		} else {
			const struct mm_ids *from = &w->ids[p->segment];

			if (from->n)
				memcpy(o->v + o->n, from->v,
				       from->n * sizeof(*o->v));
			memset(w->types + o->n, p->type, from->n);
			o->n += from->n;
		}
	}
	out->ids = o->v;
	out->types = w->types;
	out->n = o->n;
	return MM_OK;
}
