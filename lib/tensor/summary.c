/* summary.c - see summary.h. */
#include "tensor/summary.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

enum { BLOCK = 1 << 16, STEP = 1 << 10 };

void mm_summary_init(struct mm_summary *s, bool with_values)
{
	memset(s, 0, sizeof(*s));
	s->with_values = with_values;
}

void mm_summary_release(struct mm_summary *s)
{
	mm_map_release(&s->columns);
	mm_map_release(&s->keys);
	mm_arena_release(&s->arena);
	mm_free(s->column);
	mm_free(s->meta);
	memset(s, 0, sizeof(*s));
}

/* ---- values ---- */

static void merge(struct mm_summary_values *into,
		  const struct mm_summary_values *v)
{
	if (v->n && (!into->n || v->min < into->min))
		into->min = v->min;
	if (v->n && (!into->n || v->max > into->max))
		into->max = v->max;
	into->n += v->n;
	into->n_nan += v->n_nan;
	into->n_inf += v->n_inf;
	into->sum += v->sum;
	into->mean = into->n ? into->sum / (double)into->n : 0;
}

struct block_job {
	const struct mm_tensor *t;
	struct mm_summary_values *part; /* one a block */
};

static void one_block(void *ctx, size_t begin, size_t end)
{
	const struct block_job *j = ctx;
	const size_t width = mm_dtype_size(j->t->dtype);
	struct mm_summary_values *v = &j->part[begin / BLOCK];
	double x[STEP];

	memset(v, 0, sizeof(*v));
	for (size_t at = begin; at < end; at += STEP) {
		const size_t n = end - at < STEP ? end - at : STEP;

		mm_to_f64(x, (const char *)j->t->data + at * width, j->t->dtype,
			  n);
		for (size_t i = 0; i < n; i++) {
			if (!isfinite(x[i])) {
				v->n_nan += isnan(x[i]) != 0;
				v->n_inf += isinf(x[i]) != 0;
				continue;
			}
			if (!v->n || x[i] < v->min)
				v->min = x[i];
			if (!v->n || x[i] > v->max)
				v->max = x[i];
			v->sum += x[i];
			v->n++;
		}
	}
}

static int add_values(struct mm_summary_values *v, const struct mm_tensor *t,
		      struct mm_err *err)
{
	const size_t n = mm_tensor_count(t), blocks = n / BLOCK + 1;
	struct block_job j = { .t = t };

	if (!(j.part = mm_calloc(blocks, sizeof(*j.part))))
		return mm_fail_nomem(err, "a summary");
	mm_parallel_for(n, BLOCK, one_block, &j);
	for (size_t b = 0; b < blocks; b++)
		merge(v, &j.part[b]);
	mm_free(j.part);
	return MM_OK;
}

/* ---- columns ---- */

/*
 * Array p of n structs of `size` bytes with room for another; `p` may move.
 * NULL: out of memory, p as it was.
 */
static void *room(void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	if ((p = mm_realloc(p, *cap ? *cap * 2 : 8, size)))
		*cap = *cap ? *cap * 2 : 8;
	return p;
}

static int column_of(struct mm_summary *s, const struct mm_column *c,
		     struct mm_summary_column **out, struct mm_err *err)
{
	struct mm_summary_column *p;
	int64_t *at = mm_map_find_str(&s->columns, c->name);

	if (at) {
		*out = &s->column[*at];
		return MM_OK;
	}
	p = room(s->column, s->n_columns, &s->cap_columns, sizeof(*p));
	if (!p)
		return mm_fail_nomem(err, "a summary");
	s->column = p;
	p += s->n_columns;
	memset(p, 0, sizeof(*p));
	p->name = mm_arena_strdup(&s->arena, c->name);
	at = mm_map_put(&s->columns, c->name, strlen(c->name), NULL);
	if (!p->name || !at)
		return mm_fail_nomem(err, "a summary");
	*at = (int64_t)s->n_columns++;
	p->dtype = c->items.dtype;
	p->ragged = c->ends != NULL;
	p->string = mm_column_is_str(c);
	p->rank = c->items.rank - 1;
	memcpy(p->dim, c->items.dim + 1, (size_t)p->rank * sizeof(p->dim[0]));
	*out = p;
	return MM_OK;
}

static void add_lengths(struct mm_summary_column *p, const struct mm_column *c,
			size_t n)
{
	int64_t before = 0;

	for (size_t i = 0; i < n; i++) {
		const uint64_t len = (uint64_t)(c->ends[i] - before);

		before = c->ends[i];
		if ((!i && !p->samples) || len < p->shortest)
			p->shortest = len;
		if (len > p->longest)
			p->longest = len;
	}
}

static void add_shape(struct mm_summary_column *p, const struct mm_column *c)
{
	if (p->dtype != c->items.dtype || p->ragged != (c->ends != NULL))
		p->mixed = true;
	if (p->rank != c->items.rank - 1)
		p->rank = -1;
	for (int d = 0; d < p->rank; d++)
		if (p->dim[d] != c->items.dim[d + 1])
			p->dim[d] = SIZE_MAX;
}

static int add_column(struct mm_summary *s, const struct mm_segment *seg,
		      const struct mm_column *c, struct mm_err *err)
{
	struct mm_summary_column *p = NULL;
	int rc = column_of(s, c, &p, err);

	if (rc)
		return rc;
	add_shape(p, c);
	if (c->ends)
		add_lengths(p, c, seg->n);
	p->samples += seg->n;
	p->items += c->items.dim[0];
	p->bytes += c->items.nbytes + (c->ends ? seg->n * sizeof(int64_t) : 0);
	if (s->with_values && !mm_column_is_str(c))
		return add_values(&p->values, &c->items, err);
	return MM_OK;
}

static int add_meta(struct mm_summary *s, const struct mm_meta *m,
		    struct mm_err *err)
{
	struct mm_summary_meta *p;
	int64_t *at = mm_map_find_str(&s->keys, m->key);

	if (at) {
		p = &s->meta[*at];
		p->differs |= strcmp(p->value, m->value) != 0;
		return MM_OK;
	}
	if (!(p = room(s->meta, s->n_meta, &s->cap_meta, sizeof(*p))))
		return mm_fail_nomem(err, "a summary");
	s->meta = p;
	p += s->n_meta;
	p->key = mm_arena_strdup(&s->arena, m->key);
	p->value = mm_arena_strdup(&s->arena, m->value);
	p->differs = false;
	at = mm_map_put(&s->keys, m->key, strlen(m->key), NULL);
	if (!p->key || !p->value || !at)
		return mm_fail_nomem(err, "a summary");
	*at = (int64_t)s->n_meta++;
	return MM_OK;
}

int mm_summary_add(struct mm_summary *s, const struct mm_segment *seg,
		   struct mm_err *err)
{
	int rc = MM_OK;

	for (size_t i = 0; i < seg->n_columns && !rc; i++)
		rc = add_column(s, seg, &seg->column[i], err);
	for (size_t i = 0; i < seg->n_meta && !rc; i++)
		rc = add_meta(s, &seg->meta[i], err);
	s->samples += seg->n;
	s->segments++;
	return rc;
}
