/* model.c - opening, making and writing model folders; see model.h. */
#include "model/model.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/mem.h"
#include "model/cache.h"
#include "model/clip.h"
#include "model/layout.h"
#include "model/openclip.h"

#define MM_ARCH(name) &mm_arch_##name,
const struct mm_arch *const mm_archs[] = {
#include "model/archs.def"
	NULL,
};
#undef MM_ARCH

const struct mm_arch *mm_arch_find(const char *model_type)
{
	for (int i = 0; mm_archs[i]; i++)
		if (!strcmp(mm_archs[i]->model_type, model_type))
			return mm_archs[i];
	return NULL;
}

/* CLIPVisionModelWithProjection and the like. */
static bool one_tower(const char *type)
{
	return strstr(type, "_vision_model") || strstr(type, "_text_model");
}

static int unknown_arch(const char *name, struct mm_err *err)
{
	struct mm_buf b = { 0 };
	int rc;

	for (int i = 0; mm_archs[i]; i++)
		mm_buf_printf(&b, "%s%s", i ? ", " : "",
			      mm_archs[i]->model_type);
	rc = mm_fail(err, MM_ERR_FORMAT,
		     "model type '%.80s' is not known%s; known are %s", name,
		     one_tower(name) ? ": one tower alone" : "",
		     mm_buf_str(&b));
	mm_buf_release(&b);
	return rc;
}

void mm_model_release(struct mm_model *m)
{
	mm_store_release(&m->store);
	if (m->has_weights)
		mm_checkpoint_release(&m->weights);
	mm_safetensors_release(&m->packed);
	mm_json_free(m->json);
	mm_arena_release(&m->arena);
	memset(m, 0, sizeof(*m));
}

static void start(struct mm_model *m)
{
	memset(m, 0, sizeof(*m));
	mm_store_init(&m->store);
}

void mm_model_set_values(struct mm_model *m, const struct mm_image_values *v)
{
	m->values = *v;
	mm_image_values_lut(m->lut, v);
}

/* As the folder says, or where it says nothing as the family was made. */
static int read_values(struct mm_model *m, const char *dir, struct mm_err *err)
{
	struct mm_image_preset p = *mm_image_preset_find(m->arch->pictures);
	struct mm_err why = { 0 };
	size_t w, h;
	int rc = dir ? mm_image_preset_load(&p, dir, &why) : MM_OK;

	if (rc && rc != MM_ERR_IO)
		return mm_fail(err, why.code, "%s", why.msg);
	if (rc)
		p = *mm_image_preset_find(m->arch->pictures);
	else if (dir && m->arch->any_size && mm_image_preset_size(&p, &w, &h))
		m->image_size = w;
	mm_model_set_values(m, &p.values);
	return MM_OK;
}

static int configure(struct mm_model *m, struct mm_err *err)
{
	const char *type;

	if (mm_json_type(m->json) != MM_JSON_OBJECT)
		return mm_fail(err, MM_ERR_FORMAT, "holds %s, not an object",
			       mm_json_type_name(m->json));
	type = mm_json_str(mm_json_get(m->json, "model_type"), NULL);
	if (!type)
		return mm_fail(err, MM_ERR_FORMAT, "has no 'model_type'");
	if (!(m->arch = mm_arch_find(type)))
		return unknown_arch(type, err);
	m->unmasked_text = m->arch->unmasked_text;
	return m->arch->configure(m, err);
}

/* m->json: what open_clip_config.json says, in transformers' terms. */
static int read_open_clip(struct mm_model *m, const char *path,
			  const struct mm_json *beside, struct mm_err *err)
{
	struct mm_json *root = NULL;
	struct mm_buf text = { 0 };
	int rc = mm_json_load(&root, path, err);

	if (rc)
		return rc;
	m->open_clip_config = true;
	if ((rc = mm_openclip_config(&text, root, beside, err)))
		rc = mm_fail_ctx(err, "'%s'", path);
	else
		rc = mm_json_parse(&m->json, text.data, text.len, path, err);
	mm_buf_release(&text);
	mm_json_free(root);
	return rc;
}

static bool is_model(const struct mm_json *config)
{
	return mm_arch_find(mm_json_str(mm_json_get(config, "model_type"), ""));
}

/* config.json, or open_clip_config.json where that is of no such model. */
static int read_config(struct mm_model *m, const char *dir, char *path,
		       size_t size, struct mm_err *err)
{
	struct mm_json *beside = NULL;
	struct stat st;
	bool open;
	int rc;

	if (stat(dir, &st))
		return mm_fail(err, MM_ERR_IO, "cannot open '%s': %s", dir,
			       strerror(errno));
	snprintf(path, size, "%s/open_clip_config.json", dir);
	open = !stat(path, &st);
	snprintf(path, size, "%s/config.json", dir);
	if (!open && stat(path, &st))
		return mm_fail(err, MM_ERR_IO,
			       "'%s' holds no config.json and no "
			       "open_clip_config.json",
			       dir);
	if (!stat(path, &st) && (rc = mm_json_load(&beside, path, err)))
		return rc;
	if (!open || is_model(beside)) {
		m->json = beside;
		return MM_OK;
	}
	snprintf(path, size, "%s/open_clip_config.json", dir);
	rc = read_open_clip(m, path, beside, err);
	mm_json_free(beside);
	return rc;
}

int mm_model_open(struct mm_model *m, const char *dir, struct mm_err *err)
{
	char path[4096];
	int rc;

	start(m);
	if (!(m->dir = mm_arena_strdup(&m->arena, dir))) {
		rc = mm_fail_nomem(err, dir);
		goto fail;
	}
	if ((rc = read_config(m, dir, path, sizeof(path), err)))
		goto fail;
	if ((rc = configure(m, err))) {
		rc = mm_fail_ctx(err, "'%s'", path);
		goto fail;
	}
	if ((rc = read_values(m, dir, err)) ||
	    (rc = mm_checkpoint_open(&m->weights, dir, err)))
		goto fail;
	m->has_weights = true;
	m->open_clip = mm_openclip_layout(&m->weights);
	return MM_OK;
fail:
	mm_model_release(m);
	return rc;
}

int mm_model_new(struct mm_model *m, const char *arch, const char *preset,
		 const struct mm_model *shape, struct mm_err *err)
{
	const struct mm_arch *a = mm_arch_find(arch);
	struct mm_buf text = { 0 }, names = { 0 };
	size_t at = 0;
	int rc;

	start(m);
	if (!a)
		return unknown_arch(arch, err);
	while (a->presets[at] && strcmp(a->presets[at], preset))
		at++;
	if (a->presets[at])
		a->preset(&text, at, shape);
	if (!a->presets[at]) {
		for (int i = 0; a->presets[i]; i++)
			mm_buf_printf(&names, "%s%s", i ? ", " : "",
				      a->presets[i]);
		rc = mm_fail(err, MM_ERR_USAGE,
			     "'%s' has no preset '%s'; it has %s", arch, preset,
			     mm_buf_str(&names));
	} else if (!(rc = mm_buf_check(&text, "the configuration", err)) &&
		   !(rc = mm_json_parse(&m->json, text.data, text.len, preset,
					err))) {
		rc = configure(m, err);
	}
	mm_buf_release(&text);
	mm_buf_release(&names);
	if (rc) {
		mm_model_release(m);
		return rc;
	}
	if (!shape->values.rescale)
		return read_values(m, NULL, err);
	mm_model_set_values(m, &shape->values);
	return MM_OK;
}

int mm_model_describe(struct mm_model *m, const char *text, size_t len,
		      const char *name, struct mm_err *err)
{
	int rc;

	start(m);
	if (!(rc = mm_json_parse(&m->json, text, len, name, err)) &&
	    (rc = configure(m, err)))
		rc = mm_fail_ctx(err, "'%s'", name);
	if (rc)
		mm_model_release(m);
	return rc;
}

/* ---- weights ---- */

static int check_weight(const struct mm_param *p, const struct mm_tensor *t,
			struct mm_err *err)
{
	struct mm_shape have = { 0 };
	char a[128], b[128];

	have.rank = t->rank;
	for (int i = 0; i < t->rank; i++)
		have.dim[i] = t->dim[i];
	/* A scalar may be stored as one number in a row. */
	if (!mm_shape_equal(&have, &p->shape) &&
	    !(p->n == 1 && p->shape.rank + t->rank == 1))
		return mm_fail(
			err, MM_ERR_SHAPE,
			"weight '%s' is %s in the file, the %s wants %s%s",
			p->name, mm_shape_str(a, &have),
			p->extra ? "data" : "configuration",
			mm_shape_str(b, &p->shape),
			p->extra ? ": --new-head begins anew" : "");
	return MM_OK;
}

/* Into memory of its own: converted, or cut out of another layout. */
static int copy_one(struct mm_model *m, struct mm_param *p, bool own,
		    const struct mm_tensor *t, struct mm_err *err)
{
	if (!own && !(p->val = mm_arena_alloc(&m->arena, p->n, sizeof(float))))
		return mm_fail_nomem(err, "the weights");
	if (m->open_clip)
		return mm_openclip_fetch(p->val, m, &m->weights, p, err);
	if (t)
		mm_to_f32(p->val, t->data, t->dtype, p->n);
	return MM_OK;
}

/* "NAME.SUFFIX" of n numbers, none negative or not finite; NULL: not there. */
static int find_scale(const float **out, struct mm_model *m,
		      const struct mm_param *p, const char *suffix, size_t n,
		      struct mm_err *err)
{
	char *name = mm_arena_printf(&m->arena, "%s.%s", p->name, suffix);
	const struct mm_tensor *t;

	*out = NULL;
	if (!name)
		return mm_fail_nomem(err, "the weights");
	if (!(t = mm_checkpoint_find(&m->weights, name)))
		return MM_OK;
	if (t->dtype != MM_F32 || mm_tensor_count(t) != n ||
	    (uintptr_t)t->data % sizeof(float))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' is no vector of %zu F32 numbers", name, n);
	*out = t->data;
	for (size_t i = 0; i < n; i++)
		if (!isfinite((*out)[i]) || (*out)[i] < 0)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s' holds %g at element %zu", name,
				       (double)(*out)[i], i);
	return MM_OK;
}

/*
 * A weight stored as int8 stays mapped; it is widened only for an operator
 * that reads its values, or for training.
 */
static int bind_int8(struct mm_model *m, struct mm_param *p, bool own,
		     const struct mm_tensor *t, struct mm_err *err)
{
	const char *quant = mm_checkpoint_meta(&m->weights, "mmtool.quant");
	const size_t F = p->shape.rank ? p->shape.dim[0] : 1, C = p->n / F;
	int rc;

	if ((rc = check_weight(p, t, err)) ||
	    (rc = find_scale(&p->scale, m, p, "scale", F, err)) ||
	    (rc = find_scale(&p->x_scale, m, p, "input_scale", 1, err)))
		return rc;
	if (!p->scale)
		return mm_fail(
			err, MM_ERR_FORMAT,
			"weight '%s' is of type I8 and has no '%s.scale'",
			p->name, p->name);
	p->q = t->data;
	p->pack = quant && !strncmp(quant, "w8-", 3) ? MM_PACKED_W8
						     : MM_PACKED_INT8;
	if (!own && !p->plain)
		return MM_OK;
	if (!own && !(p->val = mm_arena_alloc(&m->arena, p->n, sizeof(float))))
		return mm_fail_nomem(err, "the weights");
	for (size_t i = 0; i < p->n; i++)
		p->val[i] = (float)p->q[i] * p->scale[i / C];
	return MM_OK;
}

static bool panels_kept(const struct mm_model *m, const struct mm_param *p)
{
	const size_t F = p->shape.rank ? p->shape.dim[0] : 1;
	const size_t bytes = mm_packed_bytes(p->pack, F, F ? p->n / F : 0);

	return mm_model_cache_find(m, p, bytes) != NULL;
}

static int bind_one(struct mm_model *m, struct mm_param *p, bool own,
		    struct mm_err *err)
{
	const struct mm_tensor *t = NULL;
	size_t bad;
	int rc;

	if (p->extra && own &&
	    (m->new_head || !mm_checkpoint_find(&m->weights, p->name))) {
		mm_param_initialise(p, m->seed);
		return MM_OK;
	}
	if (!m->open_clip) {
		t = mm_checkpoint_find(&m->weights, p->name);
		if (!t && p->count && own)
			return MM_OK; /* from 0 */
		if (!t && !p->count)
			return mm_fail(err, MM_ERR_FORMAT,
				       p->buffer ? "running statistics '%s' "
						   "are missing"
						 : "weight '%s' is missing",
				       p->name);
		if (t && t->dtype == MM_I8)
			return bind_int8(m, p, own, t, err);
		if (t && !mm_dtype_is_float(t->dtype) && !p->count)
			return mm_fail(err, MM_ERR_FORMAT,
				       "weight '%s' is of type %s", p->name,
				       mm_dtype_name(t->dtype));
		if (t && (rc = check_weight(p, t, err)))
			return rc;
	}
	if (!own && t && t->dtype == MM_F32 &&
	    (uintptr_t)t->data % sizeof(float) == 0) {
		union {
			const void *in;
			float *out;
		} data = { t->data }; /* mapped read-only, and only read */

		p->val = data.out;
	} else if ((rc = copy_one(m, p, own, t, err))) {
		return rc;
	}
	/* Weights whose panels are mapped were looked at when those were made,
	 * and need not even be read. */
	if (!own && !p->plain && panels_kept(m, p))
		return MM_OK;
	if ((bad = mm_first_not_finite(p->val, p->n)) < p->n)
		return mm_fail(err, MM_ERR_FORMAT,
			       "weight '%s' is not finite at element %zu",
			       p->name, bad);
	return MM_OK;
}

/* The table of positions for another size of pictures than the file's. */
static int bind_table(struct mm_model *m, struct mm_param *p, bool own,
		      struct mm_err *err)
{
	const size_t rows = mm_model_table_rows(m);
	struct mm_param old = *p;
	int rc;

	old.n = p->n / p->shape.dim[0] * rows;
	old.shape.dim[0] = rows;
	old.val = NULL;
	if ((rc = bind_one(m, &old, false, err)))
		return rc;
	if (!own && !(p->val = mm_arena_alloc(&m->arena, p->n, sizeof(float))))
		return mm_fail_nomem(err, "the weights");
	return mm_model_resize_table(p->val, old.val, m, err);
}

/* Pages of a weight that has panels; read once more they come from the file. */
static void forget(void *ctx, const struct mm_param *p)
{
	const struct mm_model *m = ctx;
	const void *at = p->q ? (const void *)p->q : p->val;
	const size_t n = p->n * (p->q ? 1 : sizeof(float));

	for (size_t k = 0; k < m->weights.n_shards && !p->plain; k++) {
		const struct mm_file *f = &m->weights.shard[k].file;
		const size_t from = (uintptr_t)at - (uintptr_t)f->data;

		if (from < f->size)
			mm_file_forget(f, from, from + n);
	}
}

int mm_model_bind(struct mm_model *m, bool train, struct mm_err *err)
{
	int rc = MM_OK;

	if (train) {
		if ((rc = mm_store_alloc_values(&m->store, err)))
			return rc;
	}
	for (size_t i = 0; i < m->store.n && !rc && m->has_weights; i++) {
		struct mm_param *p = m->store.param[i];

		if (!train && (p->val || (p->q && !p->plain)))
			continue;
		rc = mm_model_resizes(m, p) ? bind_table(m, p, train, err)
					    : bind_one(m, p, train, err);
	}
	/* In the store's own block values change, unless training is over. */
	m->store.fixed = !m->store.values;
	m->store.spent = forget;
	m->store.spent_ctx = m;
	return rc && m->dir ? mm_fail_ctx(err, "'%s'", m->dir) : rc;
}

struct mm_node *mm_image_input(struct mm_graph *g, const struct mm_model *m,
			       enum mm_elem elem, size_t B, size_t H, size_t W)
{
	return mm_input(g, "pixel_values", elem,
			MM_SHAPE(B, m->channels, H, W));
}

struct mm_text_input mm_text_inputs(struct mm_graph *g, size_t B, size_t T,
				    bool mask, bool types)
{
	struct mm_text_input t = { NULL, NULL, NULL };

	t.ids = mm_input(g, "input_ids", MM_ELEM_I32, MM_SHAPE(B, T));
	if (mask)
		t.mask = mm_input(g, "attention_mask", MM_ELEM_U8,
				  MM_SHAPE(B, T));
	if (types)
		t.types = mm_input(g, "token_type_ids", MM_ELEM_I32,
				   MM_SHAPE(B, T));
	return t;
}

int mm_model_declare(struct mm_model *m, struct mm_err *err)
{
	struct mm_text_input t;
	struct mm_node *image, *text;
	struct mm_graph g;
	int rc;

	mm_graph_init(&g, &m->store, MM_INFER);
	image = mm_image_input(&g, m, MM_ELEM_REAL, 1, m->image_size,
			       m->image_size);
	image = m->arch->image(&g, m, image);
	t = mm_text_inputs(&g, 1, m->context_length, true, false);
	text = m->arch->text(&g, m, &t);
	m->arch->logits(&g, m, image, text);
	rc = g.failed ? mm_fail(err, g.err.code, "%s", g.err.msg) : MM_OK;
	mm_graph_release(&g);
	return rc;
}

/* ---- writing ---- */

/* As it was read; but the weights are written in float. */
static void put_config(struct mm_buf *out, const struct mm_json *config)
{
	const struct mm_json *value;
	struct mm_json_writer w;
	const char *key;
	void *it = NULL;

	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	while (mm_json_next(config, &it, &key, &value))
		if (strcmp(key, "quantization_config"))
			mm_json_put(&w, key, value);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

/* Tensor i has the values of parameter i; no name: it is not saved. */
static void list_tensors(struct mm_tensor *t, int64_t *count,
			 const struct mm_store *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct mm_param *p = s->param[i];

		t[i] = mm_tensor_make(p->aux ? NULL : p->name, MM_F32,
				      p->shape.rank, p->shape.dim, p->val);
		if (!p->count)
			continue;
		count[i] = (int64_t)*p->val;
		t[i].dtype = MM_I64;
		t[i].data = &count[i];
		t[i].nbytes = sizeof(*count);
	}
}

static size_t drop_nameless(struct mm_tensor *t, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		if (t[i].name)
			t[left++] = t[i];
	return left;
}

static int save_text(const struct mm_buf *text, const char *dir,
		     const char *name, struct mm_err *err)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return mm_file_write(path, text->data, text->len, err);
}

/* A task's head, for which open_clip's layout has no place. */
static bool has_head(const struct mm_store *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->param[i]->extra && !s->param[i]->aux)
			return true;
	return false;
}

/* The files of configuration. */
static int save_config(const struct mm_model *m, const char *dir, bool open,
		       struct mm_err *err)
{
	struct mm_buf text = { 0 };
	int rc = MM_OK;

	if (open)
		rc = mm_layout_openclip_config(&text, m, NULL, NULL, err);
	else
		put_config(&text, m->json);
	if (!rc && !(rc = mm_buf_check(&text, "the configuration", err)))
		rc = save_text(&text, dir,
			       open ? "open_clip_config.json" : "config.json",
			       err);
	mm_buf_clear(&text);
	if (!rc && open && mm_hub_text_config(m) &&
	    !(rc = mm_openclip_text_config(&text, m, err)))
		rc = save_text(&text, dir, "config.json", err);
	mm_buf_release(&text);
	return rc;
}

int mm_model_save(const struct mm_model *m, const char *dir, struct mm_err *err)
{
	const bool open =
		m->only_open_clip && !m->only_ours && !has_head(&m->store);
	const size_t N = m->store.n;
	const struct mm_meta meta = { "format", "pt" };
	struct mm_arena arena = { 0 };
	struct mm_tensor *t, *out;
	int64_t *count;
	char path[4096];
	size_t n;
	int rc = MM_OK;

	t = out = mm_arena_alloc(&arena, 3 * N + 1, sizeof(*t));
	count = mm_arena_alloc(&arena, N + 1, sizeof(*count));
	if (!t || !count) {
		rc = mm_fail_nomem(err, "a checkpoint");
		goto done;
	}
	list_tensors(t, count, &m->store);
	if (open)
		rc = mm_openclip_tensors(out = t + N, &n, &arena, t, m, err);
	else
		n = drop_nameless(t, N);
	snprintf(path, sizeof(path), "%s/%smodel.safetensors", dir,
		 open ? "open_clip_" : "");
	if (!rc && !(rc = mm_safetensors_write(path, out, n, &meta, 1, err)))
		rc = save_config(m, dir, open, err);
done:
	mm_arena_release(&arena);
	return rc;
}
