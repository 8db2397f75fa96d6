/* prune_save.c - the folder of a pruned model; see prune.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "compress/folder.h"
#include "compress/prune.h"

/* ---- which rows and columns stay ---- */

/* Parts of a matrix: every `unit` numbers of its first axis (or of what is
 * below it) are one, keep[] tells. */
struct cut {
	const bool *keep; /* NULL: all of them */
	size_t unit, kept /* of the axis */;
};

static bool named(const char *const *list, const char *what, bool whole)
{
	for (; *list; list++)
		if (!strncmp(what, *list, strlen(*list)) &&
		    (!whole || !what[strlen(*list)]))
			return true;
	return false;
}

/* What of `what`, a parameter of the block, a structure's cut concerns. */
static void cut_by(const struct mm_prune_names *names, const char *what,
		   const struct mm_param *p, struct cut cut, struct cut *rows,
		   struct cut *columns)
{
	if (named(names->rows, what, false) && p->shape.rank)
		*rows = cut;
	if (named(names->columns, what, true)) {
		*columns = cut;
		columns->unit *= p->n / (p->shape.dim[0] * p->shape.dim[1]);
	}
}

static void cuts_of(const struct mm_prune_tower *t,
		    const struct mm_prune_block *b, const char *what,
		    const struct mm_param *p, struct cut *rows,
		    struct cut *columns)
{
	if (b->heads)
		cut_by(&t->kind->heads, what, p,
		       (struct cut){ b->keep_head, t->head_dim,
				     b->kept_heads * t->head_dim },
		       rows, columns);
	if (!b->fixed)
		cut_by(&t->kind->ffn, what, p,
		       (struct cut){ b->keep_neuron, 1, b->kept_ffn }, rows,
		       columns);
}

static bool stays(const struct cut *c, size_t i)
{
	return !c->keep || c->keep[i / c->unit];
}

/* ---- weights ---- */

struct list {
	const struct mm_pruner *p;
	struct mm_tensor *t;
	size_t n, n_heads;     /* these last */
	struct mm_arena arena; /* names and values */
	int64_t *count;
};

static int add(struct list *l, const struct mm_param *p, const char *name,
	       const struct cut *rows, const struct cut *columns,
	       struct mm_err *err)
{
	const size_t F = p->shape.rank ? p->shape.dim[0] : 1;
	const size_t C = F ? p->n / F : 0;
	struct mm_tensor *t = &l->t[l->n++];
	float *out = mm_arena_alloc(&l->arena, p->n + 1, sizeof(*out));

	if (!out || !name)
		return mm_fail_nomem(err, "the smaller weights");
	t->name = name;
	t->dtype = MM_F32;
	t->rank = p->shape.rank;
	memcpy(t->dim, p->shape.dim, sizeof(t->dim));
	t->data = out;
	for (size_t f = 0; f < F; f++)
		for (size_t c = 0; stays(rows, f) && c < C; c++)
			if (stays(columns, c))
				*out++ = p->val[f * C + c];
	if (rows->keep)
		t->dim[0] = rows->kept;
	if (columns->keep)
		t->dim[1] = columns->kept;
	t->nbytes = (size_t)(out - (const float *)t->data) * sizeof(*out);
	return MM_OK;
}

/* Number of a kept block among the kept ones. */
static size_t renumbered(const struct mm_prune_tower *t, size_t block)
{
	size_t n = 0;

	for (size_t i = 0; i < block; i++)
		n += t->block[i].keep;
	return n;
}

/* The block of the tower that a parameter is of, and its name in there. */
static const struct mm_prune_block *
block_of(const struct mm_prune_tower *t, const char *name, const char **what)
{
	for (size_t i = 0; i < t->n; i++) {
		const size_t n = strlen(t->block[i].name);

		*what = name + n + 1;
		if (!strncmp(name, t->block[i].name, n) && name[n] == '.')
			return &t->block[i];
	}
	return NULL;
}

/* A parameter, smaller, under the number that its block has then. */
static int add_cut(struct list *l, const struct mm_param *p, struct mm_err *err)
{
	struct cut rows = { 0 }, columns = { 0 };
	const char *name = p->name, *what;

	for (size_t k = 0; k < l->p->n_towers; k++) {
		const struct mm_prune_tower *t = &l->p->tower[k];
		const struct mm_prune_block *b = block_of(t, p->name, &what);

		if (!b)
			continue;
		if (!b->keep)
			return MM_OK;
		cuts_of(t, b, what, p, &rows, &columns);
		if (!mm_prune_convolves(t->kind))
			name = mm_arena_printf(
				&l->arena, "%s%zu.%s", t->kind->blocks,
				renumbered(t, (size_t)(b - t->block)), what);
	}
	return add(l, p, name, &rows, &columns, err);
}

static int list_tensors(struct list *l, struct mm_err *err)
{
	const struct mm_model *m = &l->p->model;
	const struct mm_store *s = &m->store;
	int rc = MM_OK;

	l->t = mm_calloc(s->n + m->weights.n + 1, sizeof(*l->t));
	l->count = mm_calloc(s->n + 1, sizeof(*l->count));
	if (!l->t || !l->count)
		return mm_fail_nomem(err, "a checkpoint");
	for (size_t i = 0; i < s->n && !rc; i++) {
		const struct mm_param *p = s->param[i];

		rc = add_cut(l, p, err);
		if (!rc && p->count) {
			struct mm_tensor *t = &l->t[l->n - 1];

			l->count[i] = (int64_t)*p->val;
			t->dtype = MM_I64;
			t->data = &l->count[i];
			t->nbytes = sizeof(*l->count);
		}
	}
	l->n_heads = mm_folder_heads(l->t + l->n, m);
	l->n += l->n_heads;
	return rc;
}

/* ---- weights set to zero ---- */

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The part with the least saliency of one matrix; ties all go or stay by
 * their order in the matrix. */
static int zero_part(struct mm_param *w, const double *saliency, double part,
		     struct mm_err *err)
{
	size_t go = (size_t)(part * (double)w->n);
	double *order, limit;

	if (!go)
		return MM_OK;
	if (!(order = mm_malloc(w->n, sizeof(*order))))
		return mm_fail_nomem(err, "the order of weights");
	memcpy(order, saliency, w->n * sizeof(*order));
	qsort(order, w->n, sizeof(*order), by_value);
	limit = order[go - 1];
	mm_free(order);
	for (size_t i = 0; i < w->n; i++)
		if (saliency[i] < limit) {
			w->val[i] = 0;
			go--;
		}
	for (size_t i = 0; i < w->n && go; i++)
		if (saliency[i] <= limit && saliency[i] >= limit) {
			w->val[i] = 0;
			go--;
		}
	return MM_OK;
}

/* Of each 4 in a row the 2 with the least saliency. */
static void zero_two_of_four(struct mm_param *w, const double *saliency)
{
	const size_t C = w->n / w->shape.dim[0];

	for (size_t i = 0; C >= 4 && i < w->n; i += 4) {
		if (i % C > C - 4) { /* a row's rest stays */
			i += C - i % C - 4;
			continue;
		}
		for (int k = 0; k < 2; k++) {
			size_t least = 4;

			for (size_t j = 0; j < 4; j++)
				if (w->val[i + j] < 0 || w->val[i + j] > 0)
					if (least == 4 ||
					    saliency[i + j] <
						    saliency[i + least])
						least = j;
			if (least < 4)
				w->val[i + least] = 0;
		}
	}
}

/* Matrices of linear layers in the towers' blocks. */
static int set_zeros(const struct mm_pruner *p, struct mm_err *err)
{
	const struct mm_store *s = &p->model.store;
	const double *saliency = p->saliency;
	int rc = MM_OK;

	for (size_t i = 0; i < s->n && !rc && saliency; i++) {
		struct mm_param *w = s->param[i];

		if (w->weight && w->shape.rank == 2 &&
		    strstr(w->name, ".layers.")) {
			if (p->o.two_of_four)
				zero_two_of_four(w, saliency);
			if (p->o.sparsity > 0)
				rc = zero_part(w, saliency, p->o.sparsity, err);
		}
		saliency += w->n;
	}
	return rc;
}

/* ---- configuration ---- */

/* One number where all kept blocks agree, else an array. */
static void put_sizes(struct mm_json_writer *w, const struct mm_prune_tower *t,
		      const char *key, bool heads)
{
	size_t first = 0, n = 0;
	bool same = true;

	for (size_t i = 0; i < t->n; i++) {
		const struct mm_prune_block *b = &t->block[i];
		const size_t size = heads ? b->kept_heads : b->kept_ffn;

		if (!b->keep)
			continue;
		first = n++ ? first : size;
		same &= size == first;
	}
	if (same) {
		mm_json_put_int(w, key, (int64_t)first);
		return;
	}
	mm_json_open(w, key, '[');
	for (size_t i = 0; i < t->n; i++)
		if (t->block[i].keep)
			mm_json_put_int(
				w, NULL,
				(int64_t)(heads ? t->block[i].kept_heads
						: t->block[i].kept_ffn));
	mm_json_close(w);
}

/* A pooling head is as wide as the layers were. */
static void put_pooling(struct mm_json_writer *w, const struct mm_pruner *p,
			const struct mm_prune_tower *t)
{
	const struct mm_param *fc1 =
		mm_store_find(&p->model.store, MM_POOLING_FC1);

	if (!fc1 || strcmp(t->kind->part, "vision_config") ||
	    (!(p->o.ffn > 0) && !(p->o.heads > 0)))
		return;
	mm_json_put_int(w, "pooling_intermediate_size",
			(int64_t)fc1->shape.dim[0]);
	mm_json_put_int(w, "pooling_num_attention_heads",
			(int64_t)(fc1->shape.dim[1] / t->head_dim));
}

/* Is it one of the keys that a pruned part has values of its own for? */
static bool ours(const struct mm_pruner *p, const char *part, const char *key)
{
	static const char *const own[] = { "num_hidden_layers",
					   "num_attention_heads", "head_dim",
					   "pooling_intermediate_size",
					   "pooling_num_attention_heads" };

	for (size_t k = 0; k < p->n_towers; k++) {
		const struct mm_prune_kind *kind = p->tower[k].kind;

		if (strcmp(kind->part, part))
			continue;
		if (!strcmp(kind->key, key))
			return true;
		for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
			if (!strcmp(key, own[i]))
				return !mm_prune_convolves(kind);
	}
	return false;
}

static void put_tower(struct mm_json_writer *w, const struct mm_pruner *p,
		      const struct mm_prune_tower *t,
		      const struct mm_json *part)
{
	if (mm_prune_convolves(t->kind)) {
		if (p->o.channels > 0 || mm_json_get(part, t->kind->key))
			put_sizes(w, t, t->kind->key, false);
		return;
	}
	mm_json_put_int(w, "num_hidden_layers", (int64_t)renumbered(t, t->n));
	put_sizes(w, t, t->kind->key, false);
	put_sizes(w, t, "num_attention_heads", true);
	for (size_t i = 0; i < t->n; i++)
		if (t->block[i].kept_heads < t->block[i].heads ||
		    mm_json_get(part, "head_dim")) {
			mm_json_put_int(w, "head_dim", (int64_t)t->head_dim);
			break;
		}
	put_pooling(w, p, t);
}

static void put_part(struct mm_json_writer *w, const struct mm_pruner *p,
		     const char *name, const struct mm_json *part)
{
	const struct mm_json *value;
	const char *key;
	void *it = NULL;

	mm_json_open(w, name, '{');
	/* What the Hub has under its name is larger. */
	while (mm_json_next(part, &it, &key, &value))
		if (!ours(p, name, key) && strcmp(key, "hf_model_name"))
			mm_json_put(w, key, value);
	for (size_t k = 0; k < p->n_towers; k++)
		if (!strcmp(p->tower[k].kind->part, name))
			put_tower(w, p, &p->tower[k], part);
	mm_json_close(w);
}

/* The name of the part that a key is, or NULL; NAME_dict replaces NAME. */
static const char *part_of(const struct mm_pruner *p, const char *key,
			   bool *dict)
{
	for (size_t k = 0; k < p->n_towers; k++) {
		const char *part = p->tower[k].kind->part;
		const size_t n = strlen(part);

		*dict = !strncmp(key, part, n) && !strcmp(key + n, "_dict");
		if (*dict || !strcmp(key, part))
			return part;
	}
	return NULL;
}

/* config.json's text. */
static void put_config(struct mm_buf *text, const struct mm_pruner *p)
{
	static const char *const parts[] = { "text_config", "vision_config" };
	static const char *const dicts[] = { "text_config_dict",
					     "vision_config_dict" };
	const struct mm_json *root = p->model.json, *value;
	struct mm_json_writer w;
	const char *key;
	void *it = NULL;
	bool dict;

	mm_json_writer_init(&w, text, 2);
	mm_json_open(&w, NULL, '{');
	while (mm_json_next(root, &it, &key, &value)) {
		const char *part = part_of(p, key, &dict);
		char name[64];

		if (!part) {
			mm_json_put(&w, key, value);
			continue;
		}
		snprintf(name, sizeof(name), "%s_dict", part);
		if (!dict &&
		    mm_json_type(mm_json_get(root, name)) == MM_JSON_OBJECT)
			continue;
		put_part(&w, p, part, value);
	}
	for (size_t k = 0; k < sizeof(parts) / sizeof(*parts); k++)
		if (part_of(p, parts[k], &dict) &&
		    !mm_json_get(root, parts[k]) &&
		    !mm_json_get(root, dicts[k]))
			put_part(&w, p, parts[k], NULL);
	mm_json_close(&w);
	mm_buf_addc(text, '\n');
}

static int save_config(const struct mm_pruner *p, const char *dir,
		       struct mm_err *err)
{
	struct mm_buf text = { 0 };
	char path[4096];
	int rc;

	put_config(&text, p);
	snprintf(path, sizeof(path), "%s/config.json", dir);
	if (!(rc = mm_buf_check(&text, path, err)))
		rc = mm_file_write(path, text.data, text.len, err);
	mm_buf_release(&text);
	return rc;
}

int mm_pruner_save(const struct mm_pruner *p, const char *dir, size_t *before,
		   size_t *after, struct mm_err *err)
{
	const struct mm_meta meta = { "format", "pt" };
	struct list l = { .p = p };
	char path[4096];
	int rc;

	mm_arena_init(&l.arena);
	*before = mm_store_count(&p->model.store);
	*after = *before;
	snprintf(path, sizeof(path), "%s/model.safetensors", dir);
	if (!(rc = set_zeros(p, err)) && !(rc = list_tensors(&l, err)) &&
	    !(rc = mm_folder_begin(&p->model, dir, err)) &&
	    !(rc = mm_safetensors_write(path, l.t, l.n, &meta, 1, err)))
		rc = save_config(p, dir, err);
	for (size_t i = 0; i < p->model.store.n; i++)
		*after -= p->model.store.param[i]->buffer
				  ? 0
				  : p->model.store.param[i]->n;
	for (size_t i = 0; i < l.n - l.n_heads; i++) {
		const struct mm_param *q =
			mm_store_find(&p->model.store, l.t[i].name);

		if (!q || !q->buffer)
			*after += l.t[i].nbytes / sizeof(float);
	}
	mm_free(l.count);
	mm_free(l.t);
	mm_arena_release(&l.arena);
	return rc;
}
