/* embed.c - see embed.h. */
#include "kernel/embed.h"

#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "kernel/vec.h"

enum { COLUMNS = 32, ROWS = 64, ELEMENTS = 16384 };

struct gather {
	mm_real *y;
	const mm_real *x;
	const int32_t *ids;
	size_t N, C;
	int32_t skip;
};

static void gather_some(void *ctx, size_t begin, size_t end)
{
	const struct gather *g = ctx;

	for (size_t n = begin; n < end; n++)
		memcpy(g->y + n * g->C, g->x + (size_t)g->ids[n] * g->C,
		       g->C * sizeof(*g->y));
}

void mm_gather_fwd(mm_real *y, const int32_t *ids, const mm_real *table,
		   size_t N, size_t C)
{
	struct gather g = { y, table, ids, N, C, -1 };

	mm_parallel_for(N, ROWS, gather_some, &g);
}

/* A block of columns of all rows: two rows of one id never race. */
static void scatter_some(void *ctx, size_t begin, size_t end)
{
	const struct gather *g = ctx;

	for (size_t n = 0; n < g->N; n++) {
		mm_real *y = g->y + (size_t)g->ids[n] * g->C;
		const mm_real *x = g->x + n * g->C;

		for (size_t c = begin; g->ids[n] != g->skip && c < end; c++)
			y[c] += x[c];
	}
}

void mm_gather_bwd(mm_real *dtable, const mm_real *dy, const int32_t *ids,
		   int32_t skip, size_t N, size_t C)
{
	struct gather g = { dtable, dy, ids, N, C, skip };

	mm_parallel_for(C, COLUMNS, scatter_some, &g);
}

struct patches {
	mm_real *rows, *map;
	const mm_real *x;
	const uint8_t *bytes;
	const float (*value)[256];
	size_t C, H, W, P;
};

/* One row of patches of one channel line: where the two layouts meet. */
#define EACH_LINE(p, begin, end)                                 \
	const size_t gw = (p)->W / (p)->P, gh = (p)->H / (p)->P; \
	const size_t width = (p)->C * (p)->P * (p)->P;           \
	for (size_t t = (begin); t < (end); t++)                 \
		for (size_t c = 0; c < (p)->C; c++)              \
			for (size_t y = 0; y < (p)->P; y++)      \
				for (size_t g = 0; g < gw; g++)

static size_t line_at(const struct patches *p, size_t t, size_t gh, size_t c,
		      size_t y, size_t g)
{
	const size_t b = t / gh, row = t % gh * p->P + y;

	return ((b * p->C + c) * p->H + row) * p->W + g * p->P;
}

static void patches_some(void *ctx, size_t begin, size_t end)
{
	const struct patches *p = ctx;

	EACH_LINE(p, begin, end)
	{
		const size_t at = line_at(p, t, gh, c, y, g);
		mm_real *out =
			p->rows + (t * gw + g) * width + (c * p->P + y) * p->P;

		if (p->x) {
			memcpy(out, p->x + at, p->P * sizeof(*out));
			continue;
		}
		for (size_t i = 0; i < p->P; i++)
			out[i] = (mm_real)p->value[c][p->bytes[at + i]];
	}
}

void mm_patches_fwd(mm_real *y, const mm_real *x, size_t B, size_t C, size_t H,
		    size_t W, size_t P)
{
	struct patches p = {
		.rows = y, .x = x, .C = C, .H = H, .W = W, .P = P
	};

	mm_parallel_for(B * (H / P), 4, patches_some, &p);
}

void mm_patches_u8_fwd(mm_real *y, const uint8_t *x, const float (*value)[256],
		       size_t B, size_t H, size_t W, size_t P)
{
	struct patches p = { .rows = y,
			     .bytes = x,
			     .value = value,
			     .C = 3,
			     .H = H,
			     .W = W,
			     .P = P };

	mm_parallel_for(B * (H / P), 4, patches_some, &p);
}

static void pixels_some(void *ctx, size_t begin, size_t end)
{
	const struct patches *p = ctx;

	for (size_t t = begin; t < end; t++) {
		const float *value = p->value[t % 3];
		const uint8_t *x = p->bytes + t * p->W;
		mm_real *y = p->rows + t * p->W;

		for (size_t i = 0; i < p->W; i++)
			y[i] = (mm_real)value[x[i]];
	}
}

void mm_pixels_u8_fwd(mm_real *y, const uint8_t *x, const float (*value)[256],
		      size_t B, size_t n)
{
	struct patches p = { .rows = y, .bytes = x, .value = value, .W = n };

	mm_parallel_for(B * 3, 4, pixels_some, &p);
}

static void patches_back_some(void *ctx, size_t begin, size_t end)
{
	const struct patches *p = ctx;

	EACH_LINE(p, begin, end)
	{
		const mm_real *in =
			p->x + (t * gw + g) * width + (c * p->P + y) * p->P;
		mm_real *out = p->map + line_at(p, t, gh, c, y, g);

		for (size_t i = 0; i < p->P; i++)
			out[i] += in[i];
	}
}

void mm_patches_bwd(mm_real *dx, const mm_real *dy, size_t B, size_t C,
		    size_t H, size_t W, size_t P)
{
	struct patches p = {
		.map = dx, .x = dy, .C = C, .H = H, .W = W, .P = P
	};

	mm_parallel_for(B * (H / P), 4, patches_back_some, &p);
}

/* ---- rotary positions ---- */

struct rope {
	mm_real *y;
	const mm_real *x, *turn;
	const int32_t *at;
	mm_real sign;
	size_t T, H, D, ld;
};

static void rope_some(void *ctx, size_t begin, size_t end)
{
	const struct rope *r = ctx;
	const size_t half = r->D / 2;

	for (size_t n = begin; n < end; n++) {
		const size_t t = r->at ? (size_t)r->at[n] : n % r->T;
		const mm_real *c = r->turn + t * r->D, *s = c + half;

		for (size_t h = 0; h < r->H; h++) {
			const mm_real *x = r->x + n * r->ld + h * r->D;
			mm_real *y = r->y + n * r->ld + h * r->D;

			for (size_t i = 0; i < half; i++) {
				const mm_real a = x[i], b = x[i + half];
				const mm_real sn = r->sign * s[i];

				y[i] = a * c[i] - b * sn;
				y[i + half] = b * c[i] + a * sn;
			}
		}
	}
}

void mm_rope(mm_real *y, const mm_real *x, const mm_real *turn,
	     const int32_t *at, bool back, size_t N, size_t T, size_t H,
	     size_t D, size_t ld)
{
	struct rope r = { y, x, turn, at, back ? -1 : 1, T, H, D, ld };

	mm_parallel_for(N, ROWS, rope_some, &r);
}

void mm_rope_table(mm_real *turn, double base, size_t first, size_t T, size_t D)
{
	for (size_t t = 0; t < T; t++)
		for (size_t i = 0; i < D / 2; i++) {
			const float power = (float)(2 * i) / (float)D;
			const float f = (float)(1 / pow(base, (double)power));
			const float angle = (float)(first + t) * f;

			turn[t * D + i] = (mm_real)cos((double)angle);
			turn[t * D + D / 2 + i] = (mm_real)sin((double)angle);
		}
}

/* ---- noise ---- */

struct noise {
	mm_real *y;
	const mm_real *x;
	mm_real beta, keep;
	uint32_t key[2], bound;
	size_t first, group;
};

/* Elements begin..end share one draw, that of their group. */
static void group_noise(const struct noise *d, size_t draw, size_t begin,
			size_t end)
{
	mm_real one = 1;

	mm_vec()->noise(&one, 0, &one, d->key, d->bound, d->keep, draw, 1);
	for (size_t i = begin; i < end; i++)
		d->y[i] =
			(d->beta == 0 ? 0 : d->beta * d->y[i]) + one * d->x[i];
}

static void noise_some(void *ctx, size_t begin, size_t end)
{
	const struct noise *d = ctx;

	if (d->group == 1) {
		mm_vec()->noise(d->y + begin, d->beta, d->x + begin, d->key,
				d->bound, d->keep, d->first + begin,
				end - begin);
		return;
	}
	while (begin < end) {
		const size_t draw = (d->first + begin) / d->group;
		const size_t next = (draw + 1) * d->group - d->first;

		group_noise(d, draw, begin, next < end ? next : end);
		begin = next;
	}
}

void mm_dropout(mm_real *y, mm_real beta, const mm_real *x, double p,
		uint64_t key, size_t first, size_t group, size_t n)
{
	struct noise d = { .y = y,
			   .x = x,
			   .beta = beta,
			   .keep = (mm_real)(1.0 / (1.0 - p)),
			   .key = { (uint32_t)key, (uint32_t)(key >> 32) },
			   .bound = (uint32_t)(p * 4294967295.0),
			   .first = first,
			   .group = group };

	mm_parallel_for(n, ELEMENTS, noise_some, &d);
}

struct sum {
	mm_real *y, beta, alpha;
	const mm_real *x;
};

static void axpby_some(void *ctx, size_t begin, size_t end)
{
	const struct sum *s = ctx;
	mm_real *restrict y = s->y;
	const mm_real *restrict x = s->x;

	if (s->beta == 0)
		for (size_t i = begin; i < end; i++)
			y[i] = s->alpha * x[i];
	else
		for (size_t i = begin; i < end; i++)
			y[i] = s->beta * y[i] + s->alpha * x[i];
}

void mm_axpby(mm_real *y, mm_real beta, mm_real alpha, const mm_real *x,
	      size_t n)
{
	struct sum s = { y, beta, alpha, x };

	mm_parallel_for(n, ELEMENTS, axpby_some, &s);
}

static void add_some(void *ctx, size_t begin, size_t end)
{
	const struct sum *s = ctx;

	mm_vec()->add(s->y + begin, s->x + begin, end - begin);
}

void mm_add_to(mm_real *y, const mm_real *x, size_t n)
{
	struct sum s = { .y = y, .x = x };

	mm_parallel_for(n, ELEMENTS, add_some, &s);
}
