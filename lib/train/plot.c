/* plot.c - series of runs as panels of an SVG; see runlog.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/runlog.h"

enum {
	WIDTH = 760,
	HEIGHT = 260,
	LEFT = 64,
	TOP = 32,
	RIGHT = 330, /* room of the legend */
	BOTTOM = 34,
	POINTS = 400, /* of a series at most: means of runs of points */
	MAX_LINES = 24,
	MAX_TICKS = 12,
};

struct panel {
	const char *title;
	const char *prefix, *suffix; /* which series it shows */
	bool log;
};

static const struct panel panels[] = {
	{ "loss", "loss", "loss", false },
	{ "losses by objective", "losses.", "", false },
	{ "held-out loss", "val.", ".loss", false },
	{ "held-out recall@1", "val.", "recall@1", false },
	{ "held-out recall@5, @10", "val.", "recall@5|recall@10", false },
	{ "held-out classification", "val.classification.", "", false },
	{ "held-out zero-shot", "val.zeroshot.", "", false },
	{ "learning rate", "lr.", "", false },
	{ "gradient norm", "grad_norm", "grad_norm", true },
	{ "samples a second", "samples_per_s", "samples_per_s", false },
};

static const char *const colours[] = { "#1f77b4", "#d62728", "#2ca02c",
				       "#ff7f0e", "#9467bd", "#8c564b",
				       "#17becf", "#7f7f7f" };
enum { N_COLOURS = sizeof(colours) / sizeof(*colours) };

/* Lines 0-7 are drawn through, 8-15 dashed, 16-23 dotted. */
static const char *const dashes[] = { "none", "7 3", "2 2" };
_Static_assert(N_COLOURS * sizeof(dashes) / sizeof(*dashes) >= MAX_LINES,
	       "two lines of a panel look alike");

struct line {
	const struct mm_series *s;
	const char *run; /* NULL: there is only one */
};

struct view {
	const struct panel *p;
	struct line line[MAX_LINES];
	size_t n;
	double x0, x1, y0, y1; /* what the axes span */
};

static bool ends_with(const char *s, const char *tail, size_t n)
{
	const size_t len = strlen(s);

	return len >= n && !strncmp(s + len - n, tail, n);
}

/* suffix may be alternatives with '|' between. */
static bool shows(const struct panel *p, const char *name)
{
	const char *s = p->suffix;

	if (strncmp(name, p->prefix, strlen(p->prefix)))
		return false;
	for (;;) {
		const size_t n = strcspn(s, "|");

		if (ends_with(name, s, n))
			return true;
		if (!s[n])
			return false;
		s += n + 1;
	}
}

static double value_of(const struct panel *p, double y)
{
	return p->log ? log10(y > 1e-12 ? y : 1e-12) : y;
}

static void stretch(struct view *v, const struct mm_series *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const double y = value_of(v->p, s->y[i]);

		if (!isfinite(y))
			continue;
		v->x0 = fmin(v->x0, s->x[i]);
		v->x1 = fmax(v->x1, s->x[i]);
		v->y0 = fmin(v->y0, y);
		v->y1 = fmax(v->y1, y);
	}
}

static void collect(struct view *v, const struct panel *p,
		    const struct mm_runlog *logs, size_t n)
{
	*v = (struct view){ .p = p,
			    .x0 = INFINITY,
			    .x1 = -INFINITY,
			    .y0 = INFINITY,
			    .y1 = -INFINITY };
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < logs[k].n && v->n < MAX_LINES; i++) {
			const struct mm_series *s = &logs[k].series[i];

			if (!shows(p, s->name))
				continue;
			v->line[v->n++] =
				(struct line){ s, n > 1 ? logs[k].name : NULL };
			stretch(v, s);
		}
	if (v->x1 <= v->x0)
		v->x1 = v->x0 + 1;
	if (v->y1 <= v->y0) {
		v->y0 -= 0.5;
		v->y1 += 0.5;
	}
}

static double px(const struct view *v, double x)
{
	return LEFT + (x - v->x0) / (v->x1 - v->x0) * (WIDTH - LEFT - RIGHT);
}

static double py(const struct view *v, double y)
{
	return HEIGHT - BOTTOM -
	       (y - v->y0) / (v->y1 - v->y0) * (HEIGHT - TOP - BOTTOM);
}

static void put_text(struct mm_buf *out, const char *s, size_t most)
{
	for (size_t i = 0; s[i] && i < most; i++) {
		const char c = s[i];

		if (c == '<' || c == '>' || c == '&' || c == '"')
			mm_buf_printf(out, "&#%d;", c);
		else
			mm_buf_addc(out, (unsigned char)c < 0x20 ? '?' : c);
	}
}

/* 1, 2 or 5 times a power of ten, some five of them over the span. */
static double tick_of(double span)
{
	const double raw = span / 5, unit = pow(10, floor(log10(raw)));
	const double k = raw / unit;

	return unit * (k < 1.5 ? 1 : k < 3.5 ? 2 : k < 7.5 ? 5 : 10);
}

static void put_axes(struct mm_buf *out, const struct view *v)
{
	const double sx = tick_of(v->x1 - v->x0), sy = tick_of(v->y1 - v->y0);
	double x = ceil(v->x0 / sx) * sx, y = ceil(v->y0 / sy) * sy;

	for (int k = 0; k < MAX_TICKS && y <= v->y1 + sy * 1e-6; k++, y += sy)
		mm_buf_printf(out,
			      "<path d=\"M%d %.1fH%d\" stroke=\"#ddd\"/>"
			      "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">"
			      "%.4g</text>\n",
			      LEFT, py(v, y), WIDTH - RIGHT, LEFT - 6,
			      py(v, y) + 4,
			      v->p->log		    ? pow(10, y)
			      : fabs(y) < sy * 1e-6 ? 0
						    : y);
	for (int k = 0; k < MAX_TICKS && x <= v->x1 + sx * 1e-6; k++, x += sx)
		mm_buf_printf(out,
			      "<text x=\"%.1f\" y=\"%d\" "
			      "text-anchor=\"middle\">%.6g</text>\n",
			      px(v, x), HEIGHT - BOTTOM + 16, x);
	mm_buf_printf(out,
		      "<path d=\"M%d %dV%dH%d\" fill=\"none\" "
		      "stroke=\"#444\"/>\n",
		      LEFT, TOP, HEIGHT - BOTTOM, WIDTH - RIGHT);
}

/* A sample of the line, and its name; they stay beside the panel. */
static void put_legend(struct mm_buf *out, const struct view *v, size_t k)
{
	const struct mm_series *s = v->line[k].s;
	const size_t step =
		v->n * 15 > HEIGHT - TOP ? (HEIGHT - TOP) / v->n : 15;
	const size_t y = TOP + 10 + step * k;

	mm_buf_printf(out,
		      "<path stroke=\"%s\" stroke-width=\"1.5\" "
		      "stroke-dasharray=\"%s\" d=\"M%d %zuh18\"/>\n"
		      "<text x=\"%d\" y=\"%zu\" fill=\"%s\">",
		      colours[k % N_COLOURS], dashes[k / N_COLOURS],
		      WIDTH - RIGHT + 8, y - 4, WIDTH - RIGHT + 30, y,
		      colours[k % N_COLOURS]);
	if (v->line[k].run) {
		put_text(out, v->line[k].run, 14);
		mm_buf_adds(out, " ");
	}
	put_text(out, strncmp(s->name, "val.", 4) ? s->name : s->name + 4, 28);
	mm_buf_adds(out, "</text>\n");
}

static void put_line(struct mm_buf *out, const struct view *v, size_t k)
{
	const struct mm_series *s = v->line[k].s;
	const char *colour = colours[k % N_COLOURS];
	const size_t step = (s->n + POINTS - 1) / POINTS;
	bool pen = false;

	mm_buf_printf(out,
		      "<path fill=\"none\" stroke=\"%s\" "
		      "stroke-width=\"1.5\" stroke-dasharray=\"%s\" "
		      "d=\"",
		      colour, dashes[k / N_COLOURS]);
	for (size_t i = 0; i < s->n; i += step) {
		const size_t n = s->n - i < step ? s->n - i : step;
		double x = 0, y = 0;

		for (size_t j = i; j < i + n; j++) {
			x += s->x[j] / (double)n;
			y += value_of(v->p, s->y[j]) / (double)n;
		}
		if (isfinite(y))
			mm_buf_printf(out, "%c%.1f %.1f", pen ? 'L' : 'M',
				      px(v, x), py(v, y));
		pen = isfinite(y);
	}
	mm_buf_adds(out, "\"/>\n");
	if (s->n == 1)
		mm_buf_printf(out,
			      "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" "
			      "fill=\"%s\"/>\n",
			      px(v, s->x[0]), py(v, value_of(v->p, s->y[0])),
			      colour);
	put_legend(out, v, k);
}

static void put_panel(struct mm_buf *out, const struct view *v, int y)
{
	mm_buf_printf(out,
		      "<g transform=\"translate(0 %d)\">\n"
		      "<text x=\"%d\" y=\"18\" font-size=\"14\" "
		      "font-weight=\"bold\">%s</text>\n",
		      y, LEFT, v->p->title);
	put_axes(out, v);
	for (size_t k = 0; k < v->n; k++)
		put_line(out, v, k);
	mm_buf_adds(out, "</g>\n");
}

void mm_runlog_draw(struct mm_buf *out, const struct mm_runlog *logs, size_t n,
		    int html)
{
	const size_t most = sizeof(panels) / sizeof(*panels);
	struct view v;
	int rows = 0;

	for (size_t i = 0; i < most; i++) {
		collect(&v, &panels[i], logs, n);
		rows += v.n > 0;
	}
	if (html)
		mm_buf_adds(out, "<!DOCTYPE html>\n<html lang=\"en\"><head>"
				 "<meta charset=\"utf-8\"><title>mmtool train"
				 "</title></head><body>\n");
	mm_buf_printf(out,
		      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
		      "height=\"%d\" font-family=\"sans-serif\" "
		      "font-size=\"11\">\n"
		      "<rect width=\"100%%\" height=\"100%%\" "
		      "fill=\"white\"/>\n",
		      WIDTH, rows * HEIGHT);
	rows = 0;
	for (size_t i = 0; i < most; i++) {
		collect(&v, &panels[i], logs, n);
		if (v.n)
			put_panel(out, &v, rows++ * HEIGHT);
	}
	mm_buf_adds(out, "</svg>\n");
	if (html)
		mm_buf_adds(out, "</body></html>\n");
}
