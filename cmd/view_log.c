/* view_log.c - mmtool view --log: runs of training beside each other. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "train/runlog.h"
#include "train/train.h"
#include "view.h"

enum { SPARKS = 24 };

/* The run's curve in a few characters, high to low. */
static void spark(char out[SPARKS * 3 + 1], const struct mm_series *s)
{
	const size_t n = s->n < SPARKS ? s->n : SPARKS;
	double least = INFINITY, most = -INFINITY, at[SPARKS];
	char *p = out;

	for (size_t k = 0; k < n; k++) {
		const size_t from = s->n * k / n, to = s->n * (k + 1) / n;

		at[k] = 0;
		for (size_t i = from; i < to; i++)
			at[k] += s->y[i] / (double)(to - from);
		least = fmin(least, at[k]);
		most = fmax(most, at[k]);
	}
	for (size_t k = 0; k < n; k++) {
		const double part =
			most > least ? (at[k] - least) / (most - least) : 0;

		/* U+2581 .. U+2588, an eighth to eight eighths of a block */
		*p++ = '\xe2';
		*p++ = '\x96';
		*p++ = (char)(0x81 + (int)(7.999 * part));
	}
	*p = '\0';
}

/* "loss" of training runs down; held-out figures have their best. */
static double best_of(const struct mm_series *s, double *step)
{
	const bool falls = mm_figure_falls(s->name);
	size_t best = 0;

	for (size_t i = 1; i < s->n; i++)
		if (falls ? s->y[i] < s->y[best] : s->y[i] > s->y[best])
			best = i;
	*step = s->x[best];
	return s->y[best];
}

/* What is compared: the loss and the held-out figures that count most. */
static bool shown(const char *name)
{
	static const char *const tails[] = { "recall@1", ".acc1", ".loss",
					     "rsum" };

	if (!strcmp(name, "loss"))
		return true;
	for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++) {
		const size_t n = strlen(name), k = strlen(tails[i]);

		if (!strncmp(name, "val.", 4) && n > k &&
		    !strcmp(name + n - k, tails[i]))
			return true;
	}
	return false;
}

static void put_run(struct mm_buf *out, const struct mm_runlog *l)
{
	const struct mm_series *rate = mm_runlog_find(l, "samples_per_s");

	mm_buf_printf(out, "%s: %.0f steps", l->name,
		      l->series[0].x[l->series[0].n - 1]);
	if (rate)
		mm_buf_printf(out, ", %.0f samples/s", rate->y[rate->n - 1]);
	mm_buf_adds(out, "\n");
	for (size_t i = 0; i < l->n; i++) {
		const struct mm_series *s = &l->series[i];
		char curve[SPARKS * 3 + 1];
		double step, best;

		if (!shown(s->name))
			continue;
		spark(curve, s);
		best = best_of(s, &step);
		mm_buf_printf(out,
			      "  %-36s %10.4g -> %-10.4g best %.4g at %.0f  "
			      "%s\n",
			      s->name, s->y[0], s->y[s->n - 1], best, step,
			      curve);
	}
}

static void put_json(struct mm_json_writer *w, const struct mm_runlog *l)
{
	mm_json_open(w, NULL, '{');
	mm_json_put_str(w, "run", l->name);
	mm_json_open(w, "series", '{');
	for (size_t i = 0; i < l->n; i++) {
		const struct mm_series *s = &l->series[i];
		double step, best = best_of(s, &step);

		mm_json_open(w, s->name, '{');
		mm_json_put_int(w, "n", (int64_t)s->n);
		mm_json_put_num(w, "first", s->y[0]);
		mm_json_put_num(w, "last", s->y[s->n - 1]);
		mm_json_put_num(w, "best", best);
		mm_json_put_num(w, "best_step", step);
		mm_json_close(w);
	}
	mm_json_close(w);
	mm_json_close(w);
}

/* RUN is a folder with a log.jsonl, or such a file. */
static int read_run(struct mm_runlog *l, const char *run, struct mm_err *err)
{
	char path[4096];
	struct stat st;

	l->name = run;
	if (!stat(run, &st) && S_ISDIR(st.st_mode))
		snprintf(path, sizeof(path), "%s/log.jsonl", run);
	else
		snprintf(path, sizeof(path), "%s", run);
	return mm_runlog_read(l, path, err);
}

int view_logs(const struct mm_common *c, int n, char *const *runs,
	      struct mm_err *err)
{
	struct mm_runlog *logs = mm_calloc((size_t)n, sizeof(*logs));
	struct mm_buf out = { 0 };
	struct mm_json_writer w;
	int rc = logs ? MM_OK : mm_fail_nomem(err, "the logs");

	for (int i = 0; i < n && !rc; i++)
		rc = read_run(&logs[i], runs[i], err);
	mm_json_writer_init(&w, &out, 2);
	if (c->json)
		mm_json_open(&w, NULL, '[');
	for (int i = 0; i < n && !rc; i++) {
		if (c->json)
			put_json(&w, &logs[i]);
		else
			put_run(&out, &logs[i]);
	}
	if (c->json) {
		mm_json_close(&w);
		mm_buf_addc(&out, '\n');
	}
	if (!rc)
		rc = mm_output_text(c, &out, err);
	for (int i = 0; i < n && logs; i++)
		mm_runlog_release(&logs[i]);
	mm_free(logs);
	mm_buf_release(&out);
	return rc;
}
