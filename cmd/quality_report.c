/* quality_report.c - mmtool align quality: the report; see quality.h. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "quality.h"
#include "table.h"

static const int shown[] = { 1, 5, 25, 50, 75, 95, 99 };

enum { N_SHOWN = sizeof(shown) / sizeof(shown[0]), BINS = 40, LANGUAGES = 64 };

/* One figure over the set. */
struct figure {
	float *value; /* sorted */
	size_t n;
	double mean;
};

static int figure_of(struct figure *f, const struct quality_set *s, int which,
		     struct mm_err *err)
{
	int rc = mm_quality_sorted(s->row, s->n, (enum mm_figure)which,
				   &f->value, &f->n, err);

	f->mean = 0;
	for (size_t i = 0; i < f->n; i++)
		f->mean += (double)f->value[i];
	if (f->n)
		f->mean /= (double)f->n;
	return rc;
}

/* Percentile p of sorted values, between two of them as numpy does it. */
static double percentile(const struct figure *f, double p)
{
	const double at = p / 100 * (double)(f->n - 1);
	const size_t i = (size_t)at;
	const double a = (double)f->value[i];

	if (i + 1 >= f->n)
		return a;
	return a + (at - (double)i) * ((double)f->value[i + 1] - a);
}

/* Languages by how many captions are in them. */
struct language {
	char code[3];
	uint64_t n;
};

static int by_count(const void *a, const void *b)
{
	const struct language *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? 1 : -1;
	return strcmp(x->code, y->code);
}

static size_t languages_of(struct language l[LANGUAGES],
			   const struct quality_set *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		size_t k = 0;

		if (s->row[i].bad || !s->row[i].has_text)
			continue;
		while (k < n && strcmp(l[k].code, s->row[i].language))
			k++;
		if (k == LANGUAGES)
			continue;
		if (k == n) {
			memset(&l[n], 0, sizeof(l[n]));
			memcpy(l[n++].code, s->row[i].language,
			       sizeof(l[0].code));
		}
		l[k].n++;
	}
	qsort(l, n, sizeof(*l), by_count);
	return n;
}

/* ---- groups ---- */

/* A row that has near duplicates. */
struct member {
	uint32_t group, row;
};

static int by_group(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

struct groups {
	struct member *member;
	size_t n, n_groups, n_extra; /* extra: all but the first of each */
};

/*
 * Rows with an id are those of a group; groups that are one picture with
 * several captions are none.
 */
static int groups_of(struct groups *g, const struct quality_set *s,
		     struct mm_err *err)
{
	size_t end, kept = 0;

	memset(g, 0, sizeof(*g));
	if (!(g->member = mm_malloc(s->n, sizeof(*g->member))))
		return mm_fail_nomem(err, "groups");
	for (size_t i = 0; i < s->n; i++)
		if (s->id[i])
			g->member[g->n++] =
				(struct member){ s->row[i].group, (uint32_t)i };
	qsort(g->member, g->n, sizeof(*g->member), by_group);
	for (size_t i = 0; i < g->n; i = end) {
		bool real = false;

		for (end = i;
		     end < g->n && g->member[end].group == g->member[i].group;
		     end++)
			real |= mm_quality_duplicate(s->row,
						     g->member[end].row);
		if (!real)
			continue;
		memmove(g->member + kept, g->member + i,
			(end - i) * sizeof(*g->member));
		kept += end - i;
		g->n_groups++;
		g->n_extra += end - i - 1;
	}
	g->n = kept;
	return MM_OK;
}

/* ---- JSON ---- */

static void json_figure(struct mm_json_writer *w, int which,
			const struct figure *f)
{
	char key[8];

	mm_json_open(w, mm_figure_kinds[which].name, '{');
	mm_json_put_int(w, "n", (int64_t)f->n);
	if (f->n) {
		mm_json_put_num(w, "min", (double)f->value[0]);
		for (int k = 0; k < N_SHOWN; k++) {
			snprintf(key, sizeof(key), "p%d", shown[k]);
			mm_json_put_num(w, key, percentile(f, shown[k]));
		}
		mm_json_put_num(w, "max", (double)f->value[f->n - 1]);
		mm_json_put_num(w, "mean", f->mean);
	}
	mm_json_close(w);
}

static void json_groups(struct mm_json_writer *w, const struct quality_set *s,
			const struct groups *g)
{
	mm_json_open(w, "groups", '[');
	for (size_t i = 0; i < g->n; i++) {
		if (!i || g->member[i].group != g->member[i - 1].group)
			mm_json_open(w, NULL, '[');
		mm_json_put_str(w, NULL, s->id[g->member[i].row]);
		if (i + 1 == g->n ||
		    g->member[i].group != g->member[i + 1].group)
			mm_json_close(w);
	}
	mm_json_close(w);
}

static int json_figures(struct mm_json_writer *w, const struct quality_set *s,
			struct mm_err *err)
{
	mm_json_open(w, "figures", '{');
	for (int k = 0; k < MM_N_FIGURES; k++) {
		struct figure f;
		const int rc = figure_of(&f, s, k, err);

		if (rc)
			return rc;
		json_figure(w, k, &f);
		mm_free(f.value);
	}
	mm_json_close(w);
	return MM_OK;
}

int quality_json(struct mm_buf *out, const struct quality_set *s,
		 struct mm_err *err)
{
	struct language l[LANGUAGES];
	const size_t n = languages_of(l, s);
	struct mm_json_writer w;
	struct groups g;
	int rc = groups_of(&g, s, err);

	mm_json_writer_init(&w, out, 0);
	mm_json_open(&w, NULL, '{');
	mm_json_put_int(&w, "samples", (int64_t)(s->n - s->n_bad));
	mm_json_put_int(&w, "images", (int64_t)s->n_images);
	mm_json_put_int(&w, "texts", (int64_t)s->n_texts);
	mm_json_put_int(&w, "flagged", (int64_t)s->n_flagged);
	mm_json_open(&w, "flags", '{');
	for (int f = 0; f < QUALITY_N_FLAGS; f++)
		mm_json_put_int(&w, quality_flag_names[f],
				(int64_t)s->n_flag[f]);
	mm_json_close(&w);
	if (!rc)
		rc = json_figures(&w, s, err);
	if (rc) {
		mm_free(g.member);
		return rc;
	}
	mm_json_open(&w, "languages", '{');
	for (size_t i = 0; i < n; i++)
		mm_json_put_int(&w, l[i].code[0] ? l[i].code : "unknown",
				(int64_t)l[i].n);
	mm_json_close(&w);
	mm_json_open(&w, "duplicates", '{');
	mm_json_put_int(&w, "distance", s->distance);
	mm_json_put_int(&w, "groups", (int64_t)g.n_groups);
	mm_json_put_int(&w, "beyond_first", (int64_t)g.n_extra);
	mm_json_close(&w);
	json_groups(&w, s, &g);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
	mm_free(g.member);
	return MM_OK;
}

/* ---- text ---- */

static int text_figures(struct mm_buf *out, const struct quality_set *s,
			struct mm_err *err)
{
	struct mm_table t = { 0 };

	mm_table_cell(&t, "figure");
	mm_table_cell(&t, "n");
	mm_table_cell(&t, "min");
	for (int k = 0; k < N_SHOWN; k++)
		mm_table_cell(&t, "p%d", shown[k]);
	mm_table_cell(&t, "max");
	mm_table_cell(&t, "mean");
	mm_table_row(&t);
	for (int k = 0; k < MM_N_FIGURES; k++) {
		struct figure f;
		const int rc = figure_of(&f, s, k, err);

		if (rc) {
			mm_buf_release(&t.text);
			return rc;
		}
		mm_table_cell(&t, "%s", mm_figure_kinds[k].name);
		mm_table_cell(&t, "%zu", f.n);
		if (f.n) {
			mm_table_cell(&t, "%.4g", (double)f.value[0]);
			for (int p = 0; p < N_SHOWN; p++)
				mm_table_cell(&t, "%.4g",
					      percentile(&f, shown[p]));
			mm_table_cell(&t, "%.4g", (double)f.value[f.n - 1]);
			mm_table_cell(&t, "%.4g", f.mean);
		}
		mm_table_row(&t);
		mm_free(f.value);
	}
	mm_table_print(&t, out, 2);
	return MM_OK;
}

int quality_text(struct mm_buf *out, const struct quality_set *s,
		 struct mm_err *err)
{
	struct language l[LANGUAGES];
	const size_t n = languages_of(l, s);
	struct groups g;
	int rc = groups_of(&g, s, err);

	if (rc)
		return rc;
	mm_buf_printf(out,
		      "%" PRIu64 " samples, %" PRIu64 " with picture, %" PRIu64
		      " with text, %" PRIu64 " flagged\n\n",
		      (uint64_t)s->n - s->n_bad, s->n_images, s->n_texts,
		      s->n_flagged);
	rc = text_figures(out, s, err);
	mm_buf_adds(out, "\nlanguages");
	for (size_t i = 0; i < n; i++)
		mm_buf_printf(out, " %s %" PRIu64,
			      l[i].code[0] ? l[i].code : "unknown", l[i].n);
	mm_buf_printf(out,
		      "\nnear duplicates: %zu groups, %zu samples beyond the "
		      "first of each\n",
		      g.n_groups, g.n_extra);
	for (int f = 0; f < QUALITY_N_FLAGS; f++)
		if (s->n_flag[f])
			mm_buf_printf(out, "flagged for %s: %" PRIu64 "\n",
				      quality_flag_names[f], s->n_flag[f]);
	mm_free(g.member);
	return rc;
}

/* ---- HTML ---- */

static void escape(struct mm_buf *out, const char *s)
{
	for (; *s; s++)
		if (strchr("<>&\"", *s))
			mm_buf_printf(out, "&#%d;", *s);
		else
			mm_buf_addc(out, *s);
}

static double scaled(int which, double v)
{
	return mm_figure_kinds[which].log ? log10(v + 1) : v;
}

/* A histogram over what lies between the 0.5th and the 99.5th percentile. */
static void svg(struct mm_buf *out, int which, const struct figure *f)
{
	const double lo = scaled(which, percentile(f, 0.5)),
		     top = scaled(which, percentile(f, 99.5)),
		     hi = top > lo ? top : lo + 1;
	size_t count[BINS] = { 0 }, most = 1;

	for (size_t i = 0; i < f->n; i++) {
		const double x = (scaled(which, (double)f->value[i]) - lo) /
				 (hi - lo) * BINS;
		const int b = x < 0 ? 0 : x >= BINS ? BINS - 1 : (int)x;

		if (++count[b] > most)
			most = count[b];
	}
	mm_buf_printf(out,
		      "<svg viewBox=\"0 0 %d 100\" width=\"%d\" height=\"100\" "
		      "role=\"img\" aria-label=\"histogram of %s\">",
		      BINS * 6, BINS * 6, mm_figure_kinds[which].name);
	for (int b = 0; b < BINS; b++) {
		const double h = 98.0 * (double)count[b] / (double)most;

		if (count[b])
			mm_buf_printf(out,
				      "<rect x=\"%d\" y=\"%.1f\" width=\"5\" "
				      "height=\"%.1f\"><title>%zu</title>"
				      "</rect>",
				      b * 6, 100 - h, h, count[b]);
	}
	mm_buf_adds(out, "</svg>");
}

static int html_figures(struct mm_buf *out, const struct quality_set *s,
			struct mm_err *err)
{
	for (int k = 0; k < MM_N_FIGURES; k++) {
		struct figure f;
		const int rc = figure_of(&f, s, k, err);

		if (rc)
			return rc;
		if (f.n) {
			mm_buf_printf(
				out,
				"<figure><figcaption><b>%s</b> of the %s"
				"%s, n = %zu</figcaption>",
				mm_figure_kinds[k].name,
				mm_figure_kinds[k].text ? "caption" : "picture",
				mm_figure_kinds[k].log ? " (log scale)" : "",
				f.n);
			svg(out, k, &f);
			mm_buf_printf(out,
				      "<p>min %.4g, median %.4g, mean %.4g, "
				      "max %.4g; 5 to 95 %%: %.4g to %.4g</p>"
				      "</figure>\n",
				      (double)f.value[0], percentile(&f, 50),
				      f.mean, (double)f.value[f.n - 1],
				      percentile(&f, 5), percentile(&f, 95));
		}
		mm_free(f.value);
	}
	return MM_OK;
}

static void html_groups(struct mm_buf *out, const struct quality_set *s,
			const struct groups *g)
{
	enum { MOST = 1000 };

	mm_buf_printf(out,
		      "<h2>Near duplicates</h2><p>%zu groups (at most %d bits "
		      "apart), %zu samples beyond the first of each.</p><ul>",
		      g->n_groups, s->distance, g->n_extra);
	for (size_t i = 0; i < g->n && i < MOST; i++) {
		const bool first =
			!i || g->member[i].group != g->member[i - 1].group;

		mm_buf_adds(out, first ? "\n<li>" : ", ");
		escape(out, s->id[g->member[i].row]);
	}
	mm_buf_adds(out, g->n > MOST ? "\n<li>...</ul>\n" : "</ul>\n");
}

int quality_html(struct mm_buf *out, const struct quality_set *s,
		 struct mm_err *err)
{
	struct language l[LANGUAGES];
	const size_t n = languages_of(l, s);
	struct groups g;
	int rc = groups_of(&g, s, err);

	if (rc)
		return rc;
	mm_buf_adds(
		out,
		"<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
		"<title>Quality</title>\n<style>body{font:15px sans-serif;"
		"margin:2em;max-width:70em}figure{display:inline-block;"
		"width:250px;margin:0 2em 1em 0;vertical-align:top}"
		"svg{background:#f4f4f4}rect{fill:#36c}"
		"figure p{margin:.3em 0;font-size:12px;color:#555}</style>"
		"\n<h1>Quality</h1>\n");
	mm_buf_printf(out,
		      "<p>%" PRIu64 " samples, %" PRIu64
		      " with picture, %" PRIu64 " with text, %" PRIu64
		      " flagged.</p>\n",
		      (uint64_t)s->n - s->n_bad, s->n_images, s->n_texts,
		      s->n_flagged);
	rc = html_figures(out, s, err);
	mm_buf_adds(out, "<h2>Languages (a guess)</h2><p>");
	for (size_t i = 0; i < n; i++)
		mm_buf_printf(out, "%s%s %" PRIu64, i ? ", " : "",
			      l[i].code[0] ? l[i].code : "unknown", l[i].n);
	mm_buf_adds(out, "</p>\n");
	html_groups(out, s, &g);
	mm_buf_adds(out, "<h2>Flagged</h2><ul>");
	for (int f = 0; f < QUALITY_N_FLAGS; f++)
		if (s->n_flag[f])
			mm_buf_printf(out, "<li>%s: %" PRIu64,
				      quality_flag_names[f], s->n_flag[f]);
	mm_buf_adds(out, "</ul></html>\n");
	mm_free(g.member);
	return rc;
}
