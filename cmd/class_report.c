/* class_report.c - see class_report.h. */
#include "class_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval_text.h"
#include "image/encode.h"
#include "image/matrix.h"
#include "metric/metric.h"
#include "table.h"

enum { WIDEST = 24, MOST = 20 };

void class_report_release(struct class_report *r)
{
	mm_free(r->order);
	mm_free(r->counts);
	mm_free(r->confusion);
	mm_free(r->each);
	memset(r, 0, sizeof(*r));
}

static int start(struct class_report *r, const struct mm_class_names *names,
		 const struct mm_labels *truth, bool confusion,
		 struct mm_err *err)
{
	const size_t K = names->name.n;
	size_t cells = 0;

	memset(r, 0, sizeof(*r));
	r->names = names;
	r->K = K;
	r->n = truth->n;
	r->acc5 = r->f1_samples = r->map = NAN;
	r->order = mm_malloc(K, sizeof(*r->order));
	r->counts = mm_calloc(K, sizeof(*r->counts));
	r->each = mm_calloc(truth->n, 2 * sizeof(*r->each));
	if (confusion && mm_mul_ok(&cells, K, K))
		r->confusion = mm_calloc(cells, sizeof(*r->confusion));
	if (!r->order || !r->counts || !r->each || (confusion && !r->confusion))
		return mm_fail_nomem(err, "a table of classes");
	return mm_class_names_order(names, r->order, err);
}

/* Columns a and b of the row's figures per sample. */
static int take_each(struct class_report *r, const struct mm_metric *m,
		     void *state, double *value, size_t a, size_t b,
		     struct mm_err *err)
{
	const size_t width = mm_metric_n_figures(m);
	double *each = mm_malloc(r->n, width * sizeof(*each));
	int rc = each ? m->result(state, value, each, err)
		      : mm_fail_nomem(err, "figures");

	for (size_t i = 0; i < r->n && !rc; i++) {
		r->each[2 * i] = each[i * width + a];
		r->each[2 * i + 1] = each[i * width + b];
	}
	mm_free(each);
	return rc;
}

static int add_single(struct class_report *r, void *state, size_t i,
		      const struct mm_labels *truth,
		      const struct mm_labels *guess, uint64_t *right,
		      struct mm_err *err)
{
	struct mm_classification_sample s;
	size_t n;

	s.truth = *mm_labels_at(truth, i, &n);
	if (n != 1)
		return mm_fail(err, MM_ERR_FORMAT,
			       "sample %zu has %zu labels; --multi-label is "
			       "for those",
			       i + 1, n);
	s.guess = mm_labels_at(guess, i, &s.n);
	if (!s.n)
		return mm_fail(err, MM_ERR_FORMAT,
			       "sample %zu has no prediction", i + 1);
	r->counts[s.truth].support++;
	r->counts[s.guess[0]].predicted++;
	r->counts[s.truth].tp += s.truth == s.guess[0];
	*right += s.truth == s.guess[0];
	if (r->confusion)
		r->confusion[s.truth * r->K + s.guess[0]]++;
	return mm_metric_classification.add(state, &s, err);
}

int class_report_single(struct class_report *r,
			const struct mm_class_names *names,
			const struct mm_labels *truth,
			const struct mm_labels *guess, bool confusion,
			struct mm_err *err)
{
	const struct mm_metric *m = &mm_metric_classification;
	uint64_t right = 0;
	void *state = NULL;
	double value[8];
	int rc = start(r, names, truth, confusion, err);

	if (!rc)
		rc = m->open(&state, NULL, err);
	for (size_t i = 0; i < truth->n && !rc; i++)
		rc = add_single(r, state, i, truth, guess, &right, err);
	if (!rc)
		rc = take_each(r, m, state, value, 0, 1, err);
	if (!rc) {
		r->acc5 = value[1];
		mm_classification(&r->all, r->counts, r->K, right, r->n, true);
	}
	m->close(state);
	return rc;
}

static int add_multi(struct class_report *r, void *state, size_t i,
		     const struct mm_labels *truth,
		     const struct mm_labels *guess, const float *score,
		     uint8_t *set, struct mm_err *err)
{
	const struct mm_multilabel_sample s = { set, set + r->K,
						score ? score + i * r->K : NULL,
						r->K };
	const struct mm_labels *side[2] = { truth, guess };

	memset(set, 0, 2 * r->K);
	for (size_t p = 0; p < 2; p++) {
		size_t n;
		const size_t *k = mm_labels_at(side[p], i, &n);

		for (size_t l = 0; l < n; l++)
			set[p * r->K + k[l]] = 1;
	}
	for (size_t k = 0; k < r->K; k++) {
		r->counts[k].support += set[k];
		r->counts[k].predicted += set[r->K + k];
		r->counts[k].tp += set[k] && set[r->K + k];
	}
	return mm_metric_multilabel.add(state, &s, err);
}

int class_report_multi(struct class_report *r,
		       const struct mm_class_names *names,
		       const struct mm_labels *truth,
		       const struct mm_labels *guess, const float *score,
		       struct mm_err *err)
{
	const struct mm_metric *m = &mm_metric_multilabel;
	uint8_t *set = mm_malloc(2, names->name.n);
	void *state = NULL;
	double value[8];
	int rc = start(r, names, truth, false, err);

	r->multi = true;
	if (!rc)
		rc = set ? m->open(&state, NULL, err)
			 : mm_fail_nomem(err, "labels");
	for (size_t i = 0; i < truth->n && !rc; i++)
		rc = add_multi(r, state, i, truth, guess, score, set, err);
	if (!rc)
		rc = take_each(r, m, state, value, 0, 4, err);
	if (!rc) {
		mm_classification(&r->all, r->counts, r->K, 0, r->n, false);
		r->all.accuracy = value[0];
		r->f1_samples = value[4];
		r->map = value[5];
	}
	m->close(state);
	mm_free(set);
	return rc;
}

/* ---- JSON ---- */

static void put_three(struct mm_json_writer *w, const char *key,
		      const struct mm_class_figures *f, uint64_t support)
{
	mm_json_open(w, key, '{');
	mm_json_put_num(w, "precision", f->precision);
	mm_json_put_num(w, "recall", f->recall);
	mm_json_put_num(w, "f1", f->f1);
	mm_json_put_int(w, "support", (int64_t)support);
	mm_json_close(w);
}

/* A key of an object must end with its first NUL; names have none. */
static void put_classes(const struct class_report *r, struct mm_json_writer *w,
			struct mm_buf *key)
{
	mm_json_open(w, "classes", '{');
	for (size_t i = 0; i < r->K; i++) {
		const size_t k = r->order[i];
		const struct mm_line s = mm_lines_at(&r->names->name, k);
		struct mm_class_figures f;

		mm_buf_clear(key);
		mm_buf_add(key, s.s, s.len);
		mm_class_figures(&f, &r->counts[k]);
		put_three(w, mm_buf_str(key), &f, r->counts[k].support);
	}
	mm_json_close(w);
}

static void put_matrix(const struct class_report *r, struct mm_json_writer *w)
{
	mm_json_open(w, "confusion", '{');
	mm_json_open(w, "labels", '[');
	for (size_t i = 0; i < r->K; i++) {
		const struct mm_line s =
			mm_lines_at(&r->names->name, r->order[i]);

		mm_json_put_strn(w, NULL, s.s, s.len);
	}
	mm_json_close(w);
	mm_json_open(w, "counts", '[');
	for (size_t i = 0; i < r->K; i++) {
		const uint64_t *row = r->confusion + r->order[i] * r->K;

		mm_json_open(w, NULL, '[');
		for (size_t p = 0; p < r->K; p++)
			mm_json_put_int(w, NULL, (int64_t)row[r->order[p]]);
		mm_json_close(w);
	}
	mm_json_close(w);
	mm_json_close(w);
}

void class_report_json(const struct class_report *r, struct mm_json_writer *w,
		       bool classes)
{
	struct mm_buf key = { 0 };
	uint64_t support = 0;

	for (size_t k = 0; k < r->K; k++)
		support += r->counts[k].support;
	if (r->multi) {
		mm_json_put_num(w, "accuracy", r->all.accuracy);
	} else {
		mm_json_put_num(w, "acc1", r->all.accuracy);
		mm_json_put_num(w, "acc5", r->acc5);
		mm_json_put_num(w, "mean_per_class_recall",
				r->all.balanced_accuracy);
	}
	mm_json_put_num(w, "f1_macro", r->all.macro.f1);
	mm_json_put_num(w, "f1_micro", r->all.micro.f1);
	mm_json_put_num(w, "f1_weighted", r->all.weighted.f1);
	if (r->multi) {
		mm_json_put_num(w, "f1_samples", r->f1_samples);
		mm_json_put_num(w, "map", r->map);
	}
	mm_json_put_int(w, "n", (int64_t)r->n);
	if (!classes)
		return;
	put_three(w, "macro", &r->all.macro, support);
	put_three(w, "weighted", &r->all.weighted, support);
	put_classes(r, w, &key);
	if (r->confusion)
		put_matrix(r, w);
	mm_buf_release(&key);
}

/* ---- for people ---- */

static void row(struct mm_table *t, struct mm_line name,
		const struct mm_class_figures *f, uint64_t support)
{
	mm_table_cell(t, "%.*s", (int)name.len, name.s);
	mm_table_cell(t, "%.4f", f->precision);
	mm_table_cell(t, "%.4f", f->recall);
	mm_table_cell(t, "%.4f", f->f1);
	mm_table_cell(t, "%llu", (unsigned long long)support);
	mm_table_row(t);
}

static void average(struct mm_table *t, const char *name,
		    const struct mm_class_figures *f, uint64_t support)
{
	row(t, (struct mm_line){ name, strlen(name) }, f, support);
}

static void put_class_table(const struct class_report *r, struct mm_buf *out)
{
	static const char *const head[] = { "class", "precision", "recall",
					    "f1", "support" };
	struct mm_table t = { 0 };
	uint64_t support = 0;

	for (size_t i = 0; i < 5; i++)
		mm_table_cell(&t, "%s", head[i]);
	mm_table_row(&t);
	for (size_t i = 0; i < r->K; i++) {
		const struct mm_class_counts *c = &r->counts[r->order[i]];
		struct mm_class_figures f;

		support += c->support;
		if (!c->support && !c->predicted && !r->multi)
			continue;
		mm_class_figures(&f, c);
		row(&t, mm_lines_at(&r->names->name, r->order[i]), &f,
		    c->support);
	}
	average(&t, "macro average", &r->all.macro, support);
	average(&t, "micro average", &r->all.micro, support);
	average(&t, "weighted average", &r->all.weighted, support);
	mm_table_print(&t, out, 0);
	mm_buf_addc(out, '\n');
}

static void figure(struct mm_table *t, const char *name, double x)
{
	mm_table_cell(t, "%s", name);
	if (isnan(x))
		mm_table_cell(t, "-");
	else
		mm_table_cell(t, "%.2f", 100 * x);
	mm_table_row(t);
}

void class_report_table(const struct class_report *r, struct mm_buf *out,
			bool classes)
{
	struct mm_table t = { 0 };

	if (classes)
		put_class_table(r, out);
	figure(&t, "accuracy", r->all.accuracy);
	if (!r->multi) {
		if (!isnan(r->acc5))
			figure(&t, "top-5 accuracy", r->acc5);
		figure(&t, "mean per-class recall", r->all.balanced_accuracy);
	}
	figure(&t, "F1 macro", r->all.macro.f1);
	figure(&t, "F1 micro", r->all.micro.f1);
	figure(&t, "F1 weighted", r->all.weighted.f1);
	if (r->multi)
		figure(&t, "F1 samples", r->f1_samples);
	if (!isnan(r->map))
		figure(&t, "mean average precision", r->map);
	mm_table_cell(&t, "n");
	mm_table_cell(&t, "%zu", r->n);
	mm_table_row(&t);
	mm_table_print(&t, out, 0);
}

struct confused {
	uint64_t n;
	size_t truth, predicted; /* places in the order */
};

static int most_first(const void *a, const void *b)
{
	const struct confused *x = a, *y = b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	if (x->truth != y->truth)
		return x->truth < y->truth ? -1 : 1;
	return x->predicted < y->predicted ? -1 : 1;
}

/* The MOST largest numbers off the diagonal. */
static void put_confused(const struct class_report *r, struct mm_buf *out)
{
	struct confused top[MOST + 1];
	struct mm_table t = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < r->K * r->K; i++) {
		const size_t a = i / r->K, b = i % r->K;
		const uint64_t *cell = &r->confusion[r->order[a] * r->K];
		const struct confused c = { cell[r->order[b]], a, b };

		if (a == b || !c.n || (n == MOST && c.n <= top[MOST - 1].n))
			continue;
		top[n++] = c;
		qsort(top, n, sizeof(*top), most_first);
		n = n > MOST ? MOST : n;
	}
	mm_table_cell(&t, "true");
	mm_table_cell(&t, "predicted");
	mm_table_cell(&t, "n");
	mm_table_row(&t);
	for (size_t i = 0; i < n; i++) {
		const struct mm_line a =
			mm_lines_at(&r->names->name, r->order[top[i].truth]);
		const struct mm_line b = mm_lines_at(
			&r->names->name, r->order[top[i].predicted]);

		mm_table_cell(&t, "%.*s", (int)a.len, a.s);
		mm_table_cell(&t, "%.*s", (int)b.len, b.s);
		mm_table_cell(&t, "%llu", (unsigned long long)top[i].n);
		mm_table_row(&t);
	}
	mm_table_print(&t, out, 0);
}

void class_report_matrix(const struct class_report *r, struct mm_buf *out)
{
	struct mm_table t = { 0 };

	mm_buf_adds(out, "\nconfusion (rows: true, columns: predicted)\n");
	if (r->K > WIDEST) {
		put_confused(r, out);
		return;
	}
	mm_table_cell(&t, "%s", "");
	for (size_t p = 0; p < r->K; p++)
		mm_table_cell(&t, "%zu", p + 1);
	mm_table_row(&t);
	for (size_t i = 0; i < r->K; i++) {
		const uint64_t *cell = r->confusion + r->order[i] * r->K;
		const struct mm_line s =
			mm_lines_at(&r->names->name, r->order[i]);

		mm_table_cell(&t, "%zu %.*s", i + 1, (int)s.len, s.s);
		for (size_t p = 0; p < r->K; p++)
			mm_table_cell(&t, "%llu",
				      (unsigned long long)cell[r->order[p]]);
		mm_table_row(&t);
	}
	mm_table_print(&t, out, 0);
}

/* ---- files ---- */

static bool ends_in(const char *path, const char *ext)
{
	const size_t n = strlen(path), m = strlen(ext);

	return n >= m && !strcmp(path + n - m, ext);
}

static void put_tsv(struct mm_buf *out, const uint64_t *count, size_t K,
		    const char *const *name)
{
	mm_buf_adds(out, "true\\predicted");
	for (size_t p = 0; p < K; p++)
		mm_buf_printf(out, "\t%s", name[p]);
	for (size_t t = 0; t < K; t++) {
		mm_buf_printf(out, "\n%s", name[t]);
		for (size_t p = 0; p < K; p++)
			mm_buf_printf(out, "\t%llu",
				      (unsigned long long)count[t * K + p]);
	}
	mm_buf_addc(out, '\n');
}

static int put_png(struct mm_buf *out, const uint64_t *count, size_t K,
		   const char *const *name, struct mm_err *err)
{
	struct mm_image rgb;
	int rc;

	mm_image_init(&rgb);
	rc = mm_matrix_draw(&rgb, count, K, name, err);
	if (!rc)
		rc = mm_image_png(out, &rgb, err);
	mm_image_release(&rgb);
	return rc;
}

/* Matrix and names in the order of the list. */
static int arrange(const struct class_report *r, uint64_t *count, char **name,
		   struct mm_err *err)
{
	for (size_t i = 0; i < r->K; i++) {
		const struct mm_line s =
			mm_lines_at(&r->names->name, r->order[i]);

		if (!(name[i] = mm_strndup(s.s, s.len)))
			return mm_fail_nomem(err, "classes");
		for (size_t p = 0; p < r->K; p++)
			count[i * r->K + p] =
				r->confusion[r->order[i] * r->K + r->order[p]];
	}
	return MM_OK;
}

int class_report_save_matrix(const struct class_report *r, const char *path,
			     struct mm_err *err)
{
	uint64_t *count = mm_malloc(r->K * r->K, sizeof(*count));
	char **name = mm_calloc(r->K, sizeof(*name));
	const char *const *names = (const char *const *)name;
	struct mm_buf out = { 0 };
	int rc = count && name ? arrange(r, count, name, err)
			       : mm_fail_nomem(err, "a matrix");

	if (!rc && ends_in(path, ".svg"))
		mm_confusion_svg(&out, count, r->K, names);
	else if (!rc && ends_in(path, ".png"))
		rc = put_png(&out, count, r->K, names, err);
	else if (!rc)
		put_tsv(&out, count, r->K, names);
	if (!rc)
		rc = mm_buf_check(&out, "a matrix", err);
	if (!rc)
		rc = mm_file_write(path, out.data, out.len, err);
	for (size_t i = 0; name && i < r->K; i++)
		mm_free(name[i]);
	mm_free(name);
	mm_free(count);
	mm_buf_release(&out);
	return rc;
}

static const char *const single_each[] = { "acc1", "acc5" };
static const char *const multi_each[] = { "accuracy", "f1_samples" };

void class_report_samples(const struct class_report *r,
			  const struct mm_lines *id, struct mm_json_writer *w)
{
	eval_put_samples(w, id, r->multi ? multi_each : single_each, r->each,
			 r->n, 2);
}

int class_report_save_each(const struct class_report *r,
			   const struct mm_lines *id, const char *path,
			   struct mm_err *err)
{
	return eval_text_per_sample(path, id,
				    r->multi ? multi_each : single_each,
				    r->each, r->n, 2, err);
}
