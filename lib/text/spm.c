/* spm.c - see spm.h. */
#include "text/spm.h"

#include <math.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"

enum { NORMAL = 1, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE };
enum { UNIGRAM = 1 };
enum { MOST_PIECES = 4 << 20 };

static const char mark[] = "\xe2\x96\x81"; /* U+2581 for a blank */

struct bytes {
	const unsigned char *at;
	size_t n;
};

struct piece {
	struct bytes text;
	float score;
	uint64_t type;
};

struct model {
	struct piece *piece;
	size_t n, cap;
	struct bytes charsmap;
	uint64_t type, byte_fallback, prefix, squeeze, escape;
	int64_t unk;
	float best; /* score of a normal piece */
};

/* ---- protobuf: a field at a time ---- */

struct field {
	unsigned number, wire;
	uint64_t value;	   /* of wire types 0, 1 and 5 */
	struct bytes text; /* of wire type 2 */
};

static bool varint(struct bytes *in, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; in->n && shift < 64; shift += 7) {
		const unsigned char c = *in->at++;

		in->n--;
		*v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return true;
	}
	return false;
}

static bool fixed(struct bytes *in, size_t n, uint64_t *v)
{
	*v = 0;
	if (in->n < n)
		return false;
	for (size_t i = 0; i < n; i++)
		*v |= (uint64_t)in->at[i] << 8 * i;
	in->at += n;
	in->n -= n;
	return true;
}

static bool next_field(struct bytes *in, struct field *f)
{
	uint64_t key, n;

	if (!varint(in, &key) || key >> 3 == 0 || key >> 3 > 0x1fffffff)
		return false;
	f->number = (unsigned)(key >> 3);
	f->wire = (unsigned)(key & 7);
	if (f->wire == 0)
		return varint(in, &f->value);
	if (f->wire == 1 || f->wire == 5)
		return fixed(in, f->wire == 1 ? 8 : 4, &f->value);
	if (f->wire != 2 || !varint(in, &n) || n > in->n)
		return false;
	f->text = (struct bytes){ in->at, (size_t)n };
	in->at += n;
	in->n -= (size_t)n;
	return true;
}

static bool is(const struct field *f, unsigned number, unsigned wire)
{
	return f->number == number && f->wire == wire;
}

/* ---- messages ---- */

static int damaged(const char *what, struct mm_err *err)
{
	return mm_fail(err, MM_ERR_FORMAT, "%s cannot be read as protobuf",
		       what);
}

static int read_piece(struct model *m, struct bytes in, struct mm_err *err)
{
	struct piece p = { .type = NORMAL };
	struct field f;

	while (in.n) {
		if (!next_field(&in, &f))
			return mm_fail(err, MM_ERR_FORMAT,
				       "piece %zu cannot be read as protobuf",
				       m->n);
		if (is(&f, 1, 2))
			p.text = f.text;
		else if (is(&f, 2, 5))
			memcpy(&p.score, &(uint32_t){ (uint32_t)f.value }, 4);
		else if (is(&f, 3, 0))
			p.type = f.value;
	}
	if (!p.text.n || memchr(p.text.at, '\0', p.text.n) ||
	    mm_utf8_prefix((const char *)p.text.at, p.text.n) != p.text.n ||
	    !isfinite(p.score))
		return mm_fail(err, MM_ERR_FORMAT,
			       "piece %zu is no text with a score", m->n);
	if (p.type == UNUSED || p.type < NORMAL || p.type > BYTE)
		return mm_fail(err, MM_ERR_FORMAT,
			       "piece %zu is of type %llu, which is not read",
			       m->n, (unsigned long long)p.type);
	if (m->n == m->cap) {
		const size_t cap = m->cap * 2 + 256;
		struct piece *more = NULL;

		if (m->n < MOST_PIECES)
			more = mm_realloc(m->piece, cap, sizeof(*more));
		if (!more)
			return mm_fail_nomem(err, "a vocabulary");
		m->piece = more;
		m->cap = cap;
	}
	if (p.type == NORMAL && p.score > m->best)
		m->best = p.score;
	m->piece[m->n++] = p;
	return MM_OK;
}

static int read_trainer(struct model *m, struct bytes in, struct mm_err *err)
{
	struct field f;

	while (in.n) {
		if (!next_field(&in, &f))
			return damaged("trainer_spec", err);
		if (is(&f, 3, 0))
			m->type = f.value;
		else if (is(&f, 35, 0))
			m->byte_fallback = f.value;
		else if (is(&f, 40, 0))
			m->unk = (int64_t)f.value;
	}
	return MM_OK;
}

static int read_normalizer(struct model *m, struct bytes in, struct mm_err *err)
{
	struct field f;

	while (in.n) {
		if (!next_field(&in, &f))
			return damaged("normalizer_spec", err);
		if (is(&f, 2, 2))
			m->charsmap = f.text;
		else if (is(&f, 3, 0))
			m->prefix = f.value;
		else if (is(&f, 4, 0))
			m->squeeze = f.value;
		else if (is(&f, 5, 0))
			m->escape = f.value;
	}
	return MM_OK;
}

static int read_model(struct model *m, struct bytes in, struct mm_err *err)
{
	struct field f;
	int rc = MM_OK;

	while (in.n && !rc) {
		if (!next_field(&in, &f))
			return damaged("the file", err);
		if (is(&f, 1, 2))
			rc = read_piece(m, f.text, err);
		else if (is(&f, 2, 2))
			rc = read_trainer(m, f.text, err);
		else if (is(&f, 3, 2))
			rc = read_normalizer(m, f.text, err);
	}
	if (rc)
		return rc;
	if (m->type != UNIGRAM)
		return mm_fail(err, MM_ERR_FORMAT,
			       "a SentencePiece model of type %llu, not 1 "
			       "(Unigram), is not read; its tokenizer.json is",
			       (unsigned long long)m->type);
	if (!m->n)
		return mm_fail(err, MM_ERR_FORMAT, "there are no pieces");
	if (m->unk < 0 || (uint64_t)m->unk >= m->n ||
	    m->piece[m->unk].type != UNKNOWN)
		return mm_fail(err, MM_ERR_FORMAT,
			       "piece %lld is not the unknown one",
			       (long long)m->unk);
	return MM_OK;
}

/* ---- tokenizer.json ---- */

static void put_replace(struct mm_json_writer *w, const char *kind,
			const char *pattern, const char *content)
{
	mm_json_open(w, NULL, '{');
	mm_json_put_str(w, "type", "Replace");
	mm_json_open(w, "pattern", '{');
	mm_json_put_str(w, kind, pattern);
	mm_json_close(w);
	mm_json_put_str(w, "content", content);
	mm_json_close(w);
}

static void put_canonical(struct mm_json_writer *w,
			  const struct mm_spm_options *o)
{
	put_replace(w, "String", mark, " ");
	if (o->lower) {
		mm_json_open(w, NULL, '{');
		mm_json_put_str(w, "type", "Lowercase");
		mm_json_close(w);
	}
	put_replace(w, "Regex", "[!-/:-@\\[-`{-~]", "");
	put_replace(w, "Regex", "\\s+", " ");
	put_replace(w, "Regex", "^ | $", "");
}

static void put_normalizer(struct mm_json_writer *w, const struct model *m,
			   const struct mm_spm_options *o)
{
	struct mm_buf map = { 0 };

	mm_json_open(w, "normalizer", '{');
	mm_json_put_str(w, "type", "Sequence");
	mm_json_open(w, "normalizers", '[');
	if (o->canonical)
		put_canonical(w, o);
	if (m->charsmap.n) {
		mm_base64_encode(&map, m->charsmap.at, m->charsmap.n);
		mm_json_open(w, NULL, '{');
		mm_json_put_str(w, "type", "Precompiled");
		mm_json_put_str(w, "precompiled_charsmap", mm_buf_str(&map));
		mm_json_put_bool(w, "longest", true);
		mm_json_close(w);
	}
	mm_json_open(w, NULL, '{');
	mm_json_put_str(w, "type", "SentencePieceBlanks");
	mm_json_put_bool(w, "squeeze", m->squeeze != 0);
	mm_json_put_bool(w, "prefix", m->prefix != 0);
	mm_json_put_bool(w, "escape", m->escape != 0);
	mm_json_close(w);
	mm_json_close(w);
	mm_json_close(w);
	mm_buf_release(&map);
}

/* Symbols that must be taken whole get SentencePiece's own bonus. */
static double score_of(const struct model *m, const struct piece *p)
{
	if (p->type != USER_DEFINED)
		return (double)p->score;
	return (double)p->text.n * (double)m->best - 0.1;
}

static void put_vocab(struct mm_json_writer *w, const struct model *m)
{
	mm_json_open(w, "model", '{');
	mm_json_put_str(w, "type", "Unigram");
	mm_json_put_int(w, "unk_id", m->unk);
	mm_json_put_bool(w, "byte_fallback", m->byte_fallback != 0);
	mm_json_open(w, "vocab", '[');
	for (size_t i = 0; i < m->n; i++) {
		const struct piece *p = &m->piece[i];

		mm_json_open(w, NULL, '[');
		mm_json_put_strn(w, NULL, (const char *)p->text.at, p->text.n);
		mm_json_put_num(w, NULL, score_of(m, p));
		mm_json_close(w);
	}
	mm_json_close(w);
	mm_json_close(w);
}

/* The pieces in fairseq's order; the model's first three are the same ones. */
static int reorder(struct model *m, struct mm_err *err)
{
	static const struct {
		const char *text;
		uint64_t type;
	} special[] = { { "<s>", CONTROL },
			{ "<pad>", CONTROL },
			{ "</s>", CONTROL },
			{ "<unk>", UNKNOWN },
			{ "<mask>", CONTROL } };
	struct piece *all;

	if (m->n < 3 || m->piece[0].type != UNKNOWN ||
	    m->piece[1].type != CONTROL || m->piece[2].type != CONTROL)
		return mm_fail(err, MM_ERR_FORMAT,
			       "the first pieces are not <unk>, <s> and </s>, "
			       "as XLM-RoBERTa has them");
	if (!(all = mm_calloc(m->n + 2, sizeof(*all))))
		return mm_fail_nomem(err, "a vocabulary");
	memcpy(all + 4, m->piece + 3, (m->n - 3) * sizeof(*all));
	for (size_t i = 0; i < 5; i++) {
		struct piece *p = &all[i < 4 ? i : m->n + 1];

		p->type = special[i].type;
		p->text.at = (const unsigned char *)special[i].text;
		p->text.n = strlen(special[i].text);
	}
	mm_free(m->piece);
	m->piece = all;
	m->n += 2;
	m->unk = 3;
	return MM_OK;
}

/* The pieces that no text may spell letter by letter. */
static void put_added(struct mm_json_writer *w, const struct model *m)
{
	mm_json_open(w, "added_tokens", '[');
	for (size_t i = 0; i < m->n; i++) {
		const struct piece *p = &m->piece[i];

		if (p->type != CONTROL && p->type != UNKNOWN)
			continue;
		mm_json_open(w, NULL, '{');
		mm_json_put_int(w, "id", (int64_t)i);
		mm_json_put_strn(w, "content", (const char *)p->text.at,
				 p->text.n);
		mm_json_put_bool(w, "special", true);
		mm_json_put_bool(w, "normalized", false);
		mm_json_close(w);
	}
	mm_json_close(w);
}

static bool has_end(const struct model *m, size_t *id)
{
	for (*id = 0; *id < m->n; ++*id)
		if (m->piece[*id].type == CONTROL &&
		    m->piece[*id].text.n == 4 &&
		    !memcmp(m->piece[*id].text.at, "</s>", 4))
			return true;
	return false;
}

static void put_part(struct mm_json_writer *w, const char *sequence, int type)
{
	mm_json_open(w, NULL, '{');
	mm_json_open(w, sequence ? "Sequence" : "SpecialToken", '{');
	mm_json_put_str(w, "id", sequence ? sequence : "</s>");
	mm_json_put_int(w, "type_id", type);
	mm_json_close(w);
	mm_json_close(w);
}

/* text </s>, or text </s> text </s> */
static void put_template(struct mm_json_writer *w, size_t end)
{
	mm_json_open(w, "post_processor", '{');
	mm_json_put_str(w, "type", "TemplateProcessing");
	mm_json_open(w, "single", '[');
	put_part(w, "A", 0);
	put_part(w, NULL, 0);
	mm_json_close(w);
	mm_json_open(w, "pair", '[');
	put_part(w, "A", 0);
	put_part(w, NULL, 0);
	put_part(w, "B", 0);
	put_part(w, NULL, 0);
	mm_json_close(w);
	mm_json_open(w, "special_tokens", '{');
	mm_json_open(w, "</s>", '{');
	mm_json_put_str(w, "id", "</s>");
	mm_json_open(w, "ids", '[');
	mm_json_put_int(w, NULL, (int64_t)end);
	mm_json_close(w);
	mm_json_open(w, "tokens", '[');
	mm_json_put_str(w, NULL, "</s>");
	mm_json_close(w);
	mm_json_close(w);
	mm_json_close(w);
	mm_json_close(w);
}

static void put_decoder(struct mm_json_writer *w)
{
	mm_json_open(w, "decoder", '{');
	mm_json_put_str(w, "type", "Metaspace");
	mm_json_put_str(w, "replacement", mark);
	mm_json_put_str(w, "prepend_scheme", "always");
	mm_json_close(w);
}

int mm_spm_to_json(struct mm_buf *out, const void *data, size_t n,
		   const struct mm_spm_options *o, struct mm_err *err)
{
	struct model m = { .type = UNIGRAM,
			   .prefix = 1,
			   .squeeze = 1,
			   .escape = 1,
			   .best = -INFINITY };
	struct mm_json_writer w;
	size_t end;
	int rc = read_model(&m, (struct bytes){ data, n }, err);

	if (!rc && isinf(m.best))
		rc = mm_fail(err, MM_ERR_FORMAT, "there are no normal pieces");
	if (!rc && o->fairseq)
		rc = reorder(&m, err);
	if (!rc) {
		mm_json_writer_init(&w, out, 0);
		mm_json_open(&w, NULL, '{');
		put_added(&w, &m);
		put_normalizer(&w, &m, o);
		if (!o->fairseq && has_end(&m, &end))
			put_template(&w, end);
		put_decoder(&w);
		put_vocab(&w, &m);
		mm_json_close(&w);
		rc = mm_buf_check(out, "a vocabulary", err);
	}
	mm_free(m.piece);
	return rc;
}
