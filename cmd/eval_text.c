/* eval_text.c - what eval bleu, chrf, rouge and caption share. */
#include <string.h>

#include "base/mem.h"
#include "eval_text.h"

int eval_text_read(struct eval_text *t, const char *input, int n, char **files,
		   struct mm_err *err)
{
	int rc = mm_lines_load(&t->hyp, input, err);

	if (rc)
		return rc;
	t->ref = mm_calloc((size_t)n, sizeof(*t->ref));
	t->sample = mm_calloc((size_t)n, sizeof(*t->sample));
	if (!t->ref || !t->sample)
		return mm_fail_nomem(err, "references");
	t->n_refs = (size_t)n;
	for (int i = 0; !rc && i < n; i++) {
		rc = mm_lines_load(&t->ref[i], files[i], err);
		if (!rc && t->ref[i].n != t->hyp.n)
			rc = mm_fail(err, MM_ERR_FORMAT,
				     "'%s' has %zu lines, the hypotheses "
				     "have %zu",
				     files[i], t->ref[i].n, t->hyp.n);
	}
	if (!rc && !t->hyp.n)
		rc = mm_fail(err, MM_ERR_FORMAT, "there is no hypothesis");
	return rc;
}

void eval_text_release(struct eval_text *t)
{
	mm_lines_release(&t->hyp);
	for (size_t i = 0; t->ref && i < t->n_refs; i++)
		mm_lines_release(&t->ref[i]);
	mm_free(t->ref);
	mm_free(t->sample);
	memset(t, 0, sizeof(*t));
}

int eval_text_score(struct eval_text *t, const struct mm_metric *m,
		    const void *options, double *value, double **each,
		    struct mm_err *err)
{
	void *state;
	int rc = m->open(&state, options, err);

	for (size_t i = 0; !rc && i < t->hyp.n; i++) {
		struct mm_text_sample s = { mm_lines_at(&t->hyp, i), t->sample,
					    t->n_refs };

		for (size_t k = 0; k < t->n_refs; k++)
			t->sample[k] = mm_lines_at(&t->ref[k], i);
		rc = m->add(state, &s, err);
		if (rc)
			mm_fail_ctx(err, "line %zu", i + 1);
	}
	if (!rc && each) {
		*each = mm_calloc(t->hyp.n,
				  mm_metric_n_figures(m) * sizeof(**each));
		if (!*each)
			rc = mm_fail_nomem(err, "figures");
	}
	if (!rc)
		rc = m->result(state, value, each ? *each : NULL, err);
	m->close(state);
	return rc;
}

/* A tab or line end within an id must not break the line. */
static void put_id(struct mm_buf *out, struct mm_line id)
{
	for (size_t i = 0; i < id.len; i++) {
		switch (id.s[i]) {
		case '\t': mm_buf_adds(out, "\\t"); break;
		case '\n': mm_buf_adds(out, "\\n"); break;
		case '\\': mm_buf_adds(out, "\\\\"); break;
		default: mm_buf_addc(out, id.s[i]);
		}
	}
}

int eval_text_per_sample(const char *path, const struct mm_lines *id,
			 const char *const *name, const double *each,
			 size_t samples, size_t figures, struct mm_err *err)
{
	struct mm_buf out = { 0 };
	int rc;

	mm_buf_adds(&out, "id");
	for (size_t k = 0; k < figures; k++)
		mm_buf_printf(&out, "\t%s", name[k]);
	mm_buf_addc(&out, '\n');
	for (size_t i = 0; i < samples; i++) {
		if (id)
			put_id(&out, mm_lines_at(id, i));
		else
			mm_buf_printf(&out, "%zu", i + 1);
		for (size_t k = 0; k < figures; k++)
			mm_buf_printf(&out, "\t%.17g", each[i * figures + k]);
		mm_buf_addc(&out, '\n');
	}
	rc = mm_buf_check(&out, "figures", err);
	if (!rc)
		rc = mm_file_write(path, mm_buf_str(&out), out.len, err);
	mm_buf_release(&out);
	return rc;
}

void eval_put_ids(struct mm_json_writer *w, const struct mm_lines *id)
{
	mm_json_open(w, "id", '[');
	for (size_t i = 0; i < id->n; i++) {
		const struct mm_line s = mm_lines_at(id, i);

		mm_json_put_strn(w, NULL, s.s, s.len);
	}
	mm_json_close(w);
}

void eval_put_samples(struct mm_json_writer *w, const struct mm_lines *id,
		      const char *const *name, const double *each,
		      size_t samples, size_t figures)
{
	mm_json_open(w, "samples", '{');
	if (id) {
		eval_put_ids(w, id);
	} else {
		mm_json_open(w, "id", '[');
		for (size_t i = 0; i < samples; i++)
			mm_json_put_int(w, NULL, (int64_t)i + 1);
		mm_json_close(w);
	}
	for (size_t k = 0; k < figures; k++) {
		mm_json_open(w, name[k], '[');
		for (size_t i = 0; i < samples; i++)
			mm_json_put_num(w, NULL, each[i * figures + k]);
		mm_json_close(w);
	}
	mm_json_close(w);
}

void eval_put_signature(struct mm_json_writer *w, const char *signature)
{
	for (const char *at = signature; *at;) {
		const size_t n = strcspn(at, "|"), k = strcspn(at, ":");
		char key[16];

		if (k < n && k < sizeof(key)) {
			memcpy(key, at, k);
			key[k] = '\0';
			mm_json_put_strn(w, key, at + k + 1, n - k - 1);
		}
		at += n + (at[n] == '|');
	}
}
