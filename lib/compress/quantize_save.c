/* quantize_save.c - the folder of a quantized model; see quantize.h. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "compress/folder.h"
#include "compress/quantize.h"

static const char *const formats[] = {
	[MM_QUANT_DYNAMIC] = "w8a8-dyn-v1",
	[MM_QUANT_STATIC] = "w8a8-static-v1",
	[MM_QUANT_WEIGHT_ONLY] = "w8-v1",
};

static const char *const activations[] = {
	[MM_QUANT_DYNAMIC] = "dynamic",
	[MM_QUANT_STATIC] = "static",
	[MM_QUANT_WEIGHT_ONLY] = "none",
};

/* ---- weights ---- */

struct list {
	struct mm_tensor *t;
	size_t n, n_heads; /* these last */
	int64_t *count;	   /* values of parameters that count */
	struct mm_arena *arena;
};

static void add(struct list *l, const char *name, enum mm_dtype type,
		const struct mm_shape *shape, const void *data)
{
	struct mm_tensor *t = &l->t[l->n++];

	t->name = name;
	t->dtype = type;
	t->rank = shape->rank;
	memcpy(t->dim, shape->dim, sizeof(shape->dim));
	t->data = data;
	t->nbytes = mm_dtype_size(type);
	for (int i = 0; i < shape->rank; i++)
		t->nbytes *= shape->dim[i];
}

static int add_int8(struct list *l, const struct mm_quantizer *q,
		    const struct mm_quant_weight *w, struct mm_err *err)
{
	const struct mm_shape one = MM_SHAPE(1), rows = MM_SHAPE(w->F);
	const char *scale = mm_arena_printf(l->arena, "%s.scale", w->p->name);
	const char *input =
		mm_arena_printf(l->arena, "%s.input_scale", w->p->name);

	if (!scale || !input)
		return mm_fail_nomem(err, "the names of weights");
	add(l, w->p->name, MM_I8, &w->p->shape, w->q);
	add(l, scale, MM_F32, &rows, w->scale);
	if (q->o.method == MM_QUANT_STATIC && (w->linear || w->x_scale > 0))
		add(l, input, MM_F32, &one, &w->x_scale);
	return MM_OK;
}

static int list_tensors(struct list *l, const struct mm_quantizer *q,
			struct mm_err *err)
{
	const struct mm_model *m = &q->model.model;
	const struct mm_store *s = &m->store;
	int rc = MM_OK;

	l->t = mm_calloc(3 * s->n + m->weights.n + 1, sizeof(*l->t));
	l->count = mm_calloc(s->n + 1, sizeof(*l->count));
	if (!l->t || !l->count)
		return mm_fail_nomem(err, "a checkpoint");
	for (size_t i = 0; i < s->n && !rc; i++) {
		const struct mm_param *p = s->param[i];
		const int64_t *at =
			mm_map_find(&q->by_name, p->name, strlen(p->name));

		if (at && !q->w[*at].keep) {
			rc = add_int8(l, q, &q->w[*at], err);
		} else if (p->count) {
			l->count[i] = (int64_t)*p->val;
			add(l, p->name, MM_I64, &p->shape, &l->count[i]);
		} else {
			add(l, p->name, MM_F32, &p->shape, p->val);
		}
	}
	l->n_heads = mm_folder_heads(l->t + l->n, m);
	l->n += l->n_heads;
	return rc;
}

/* ---- configuration ---- */

static void describe(const void *ctx, struct mm_json_writer *w)
{
	const struct mm_quantizer *q = ctx;

	mm_json_open(w, "quantization_config", '{');
	mm_json_put_str(w, "quant_method", "mmtool");
	mm_json_put_str(w, "format", formats[q->o.method]);
	mm_json_put_int(w, "bits", 8);
	mm_json_put_str(w, "weights",
			q->o.per_channel ? "per-channel" : "per-tensor");
	mm_json_put_str(w, "activations", activations[q->o.method]);
	mm_json_open(w, "kept", '[');
	for (size_t i = 0; i < q->n; i++)
		if (q->w[i].keep)
			mm_json_put_str(w, NULL, q->w[i].p->name);
	mm_json_close(w);
	mm_json_close(w);
}

int mm_quantizer_save(const struct mm_quantizer *q, const char *dir,
		      size_t *before, size_t *after, struct mm_err *err)
{
	const struct mm_meta meta[] = {
		{ "format", "pt" }, { "mmtool.quant", formats[q->o.method] }
	};
	const struct mm_store *s = &q->model.model.store;
	struct mm_arena names;
	struct list l = { .arena = &names };
	char path[4096];
	int rc;

	mm_arena_init(&names);
	*before = *after = 0;
	for (size_t i = 0; i < s->n; i++)
		*before += s->param[i]->n * sizeof(float);
	snprintf(path, sizeof(path), "%s/model.safetensors", dir);
	if (!(rc = list_tensors(&l, q, err)) &&
	    !(rc = mm_folder_begin(&q->model.model, dir, err)) &&
	    !(rc = mm_safetensors_write(path, l.t, l.n, meta, 2, err)))
		rc = mm_folder_config(&q->model.model, dir, describe, q, err);
	for (size_t i = 0; i < l.n; i++)
		*after += l.t[i].nbytes;
	for (size_t i = l.n - l.n_heads; i < l.n; i++)
		*before += l.t[i].nbytes;
	mm_free(l.count);
	mm_free(l.t);
	mm_arena_release(&names);
	return rc;
}
