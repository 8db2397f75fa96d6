/* openclip_save.c - a model as open_clip's folder; see openclip.h. */
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "model/model.h"
#include "model/openclip.h"

/* ---- open_clip_config.json ---- */

static void copy(struct mm_json_writer *w, const char *key,
		 const struct mm_json *from, const char *their_key)
{
	const struct mm_json *v = mm_json_get(from, their_key);

	if (v)
		mm_json_put(w, key, v);
}

static void put_blocks(struct mm_json_writer *w, const struct mm_json *v)
{
	const double width = mm_json_num(mm_json_get(v, "hidden_size"), 512);
	const double eps = mm_json_num(mm_json_get(v, "layer_norm_eps"), 1e-5);

	copy(w, "layers", v, "num_hidden_layers");
	mm_json_put_num(
		w, "mlp_ratio",
		mm_json_num(mm_json_get(v, "intermediate_size"), 4 * width) /
			width);
	if (eps != 1e-5) {
		mm_json_open(w, "norm_kwargs", '{');
		mm_json_put_num(w, "eps", eps);
		mm_json_close(w);
	}
	copy(w, "width", v, "hidden_size");
}

static void put_vision(struct mm_json_writer *w, const struct mm_json *v)
{
	mm_json_open(w, "vision_cfg", '{');
	copy(w, "image_size", v, "image_size");
	if (mm_json_get(v, "layers")) {
		copy(w, "head_width", v, "head_width");
		copy(w, "layers", v, "layers");
		copy(w, "width", v, "width");
	} else {
		mm_json_put_int(
			w, "head_width",
			mm_json_int(mm_json_get(v, "hidden_size"), 768) /
				mm_json_int(
					mm_json_get(v, "num_attention_heads"),
					12));
		copy(w, "patch_size", v, "patch_size");
		put_blocks(w, v);
	}
	mm_json_close(w);
}

static void put_text(struct mm_json_writer *w, const struct mm_json *t)
{
	const char *pool = mm_json_str(mm_json_get(t, "pool_type"), NULL);
	const int64_t eos = mm_json_int(mm_json_get(t, "eos_token_id"), 49407);

	mm_json_open(w, "text_cfg", '{');
	copy(w, "context_length", t, "max_position_embeddings");
	if (!pool && eos != 2)
		pool = "eos";
	if (pool)
		mm_json_put_int(w, "eos_id", eos);
	copy(w, "heads", t, "num_attention_heads");
	if (!mm_json_bool(mm_json_get(t, "causal"), true))
		mm_json_put_bool(w, "no_causal_mask", true);
	if (pool)
		mm_json_put_str(w, "pool_type", pool);
	copy(w, "proj_bias", t, "projection_bias");
	copy(w, "vocab_size", t, "vocab_size");
	put_blocks(w, t);
	mm_json_close(w);
}

/* Text towers of other shapes than OpenAI's go by names of their own. */
static bool custom_text(const struct mm_model *m)
{
	const struct mm_json *t = mm_json_get(m->json, "text_config");

	return mm_json_bool(mm_json_get(t, "projection_bias"), false) ||
	       !mm_json_bool(mm_json_get(t, "causal"), true);
}

static void put_three(struct mm_json_writer *w, const char *key,
		      const double x[3])
{
	mm_json_open(w, key, '[');
	for (int i = 0; i < 3; i++)
		mm_json_put_num(w, NULL, x[i]);
	mm_json_close(w);
}

static int save_config(const struct mm_model *m, const char *dir,
		       struct mm_err *err)
{
	const struct mm_json *t = mm_json_get(m->json, "text_config");
	const char *act = mm_json_str(mm_json_get(t, "hidden_act"), "");
	struct mm_json_writer w;
	struct mm_buf text = { 0 };
	char path[4096];
	int rc;

	mm_json_writer_init(&w, &text, 2);
	mm_json_open(&w, NULL, '{');
	mm_json_open(&w, "model_cfg", '{');
	if (custom_text(m))
		mm_json_put_bool(&w, "custom_text", true);
	copy(&w, "embed_dim", m->json, "projection_dim");
	copy(&w, "init_logit_bias", m->json, "logit_bias_init_value");
	if (!strcmp(act, "quick_gelu"))
		mm_json_put_bool(&w, "quick_gelu", true);
	put_text(&w, t);
	put_vision(&w, mm_json_get(m->json, "vision_config"));
	mm_json_close(&w);
	mm_json_open(&w, "preprocess_cfg", '{');
	mm_json_put_str(&w, "interpolation", "bicubic");
	put_three(&w, "mean", m->values.mean);
	mm_json_put_str(&w, "resize_mode", "shortest");
	put_three(&w, "std", m->values.std);
	mm_json_close(&w);
	mm_json_close(&w);
	mm_buf_addc(&text, '\n');
	snprintf(path, sizeof(path), "%s/open_clip_config.json", dir);
	if (!(rc = mm_buf_check(&text, path, err)))
		rc = mm_file_write(path, text.data, text.len, err);
	mm_buf_release(&text);
	return rc;
}

/* ---- open_clip_model.safetensors ---- */

struct parts {
	struct mm_arena arena; /* names, and what is not p->val as it lies */
	struct mm_tensor *t;
	float **own; /* the tensor's numbers, where they are a copy */
	size_t n;
	bool custom, biased; /* text projection with a bias */
};

/* The tensor of that name, new with shape of p where there is none yet. */
static size_t add(struct parts *s, const char *name, const struct mm_param *p)
{
	size_t i = 0;

	while (i < s->n && strcmp(s->t[i].name, name))
		i++;
	if (i < s->n)
		return i;
	s->t[i].name = mm_arena_strdup(&s->arena, name);
	s->t[i].dtype = MM_F32;
	s->t[i].rank = p->shape.rank;
	memcpy(s->t[i].dim, p->shape.dim, sizeof(s->t[i].dim));
	s->t[i].nbytes = p->n * sizeof(float);
	if (s->t[i].name)
		s->n++;
	return i;
}

/* Memory of its own for tensor i, n numbers. */
static float *own(struct parts *s, size_t i, size_t n)
{
	if (!s->own[i])
		s->own[i] = mm_arena_alloc(&s->arena, n, sizeof(float));
	s->t[i].data = s->own[i];
	s->t[i].nbytes = n * sizeof(float);
	return s->own[i];
}

static bool put_transposed(struct parts *s, size_t i, const struct mm_param *p)
{
	const size_t F = p->shape.dim[0], C = p->shape.dim[1];
	float *x = own(s, i, p->n);

	s->t[i].dim[0] = C;
	s->t[i].dim[1] = F;
	for (size_t f = 0; x && f < F; f++)
		for (size_t k = 0; k < C; k++)
			x[k * F + f] = p->val[f * C + k];
	return x;
}

static bool put_third(struct parts *s, size_t i, const struct mm_param *p,
		      int third)
{
	float *x = own(s, i, 3 * p->n);

	s->t[i].dim[0] = 3 * p->shape.dim[0];
	if (x)
		memcpy(x + (size_t)third * p->n, p->val, p->n * sizeof(*x));
	return x;
}

static bool put_count(struct parts *s, size_t i, const struct mm_param *p)
{
	int64_t *x = mm_arena_alloc(&s->arena, 1, sizeof(*x));

	if (x)
		*x = (int64_t)*p->val;
	s->t[i].dtype = MM_I64;
	s->t[i].data = x;
	s->t[i].nbytes = sizeof(*x);
	return x;
}

static bool put(struct parts *s, const struct mm_param *p,
		struct mm_openclip_place *at)
{
	const bool text = strncmp(at->name, "visual.", 7) &&
			  strncmp(at->name, "logit_", 6);
	char name[300];
	size_t i;

	if (at->transposed && text && s->biased) {
		strcpy(at->name, "text_projection.weight");
		at->transposed = false;
	}
	snprintf(name, sizeof(name), "%s%s", text && s->custom ? "text." : "",
		 at->name);
	if ((i = add(s, name, p)) == s->n)
		return false;
	if (p->count)
		return put_count(s, i, p);
	if (at->third >= 0)
		return put_third(s, i, p, at->third);
	if (at->transposed)
		return put_transposed(s, i, p);
	s->t[i].data = p->val;
	return true;
}

static int save_weights(const struct mm_model *m, const char *dir,
			struct mm_err *err)
{
	struct parts s = { .custom = custom_text(m) };
	const struct mm_meta meta = { "format", "pt" };
	char path[4096];
	int rc = MM_OK;

	s.biased = mm_store_find(&m->store, "text_projection.bias");
	s.t = mm_calloc(m->store.n + 1, sizeof(*s.t));
	s.own = mm_calloc(m->store.n + 1, sizeof(*s.own));
	if (!s.t || !s.own)
		rc = mm_fail_nomem(err, "a checkpoint");
	for (size_t i = 0; i < m->store.n && !rc; i++) {
		const struct mm_param *p = m->store.param[i];
		struct mm_openclip_place at;

		if (p->aux)
			continue;
		if (!mm_openclip_place(&at, p->name))
			rc = mm_fail(err, MM_ERR_FORMAT,
				     "open_clip has no place for '%s'",
				     p->name);
		else if (!put(&s, p, &at))
			rc = mm_fail_nomem(err, "a checkpoint");
	}
	snprintf(path, sizeof(path), "%s/open_clip_model.safetensors", dir);
	if (!rc)
		rc = mm_safetensors_write(path, s.t, s.n, &meta, 1, err);
	mm_free(s.t);
	mm_free(s.own);
	mm_arena_release(&s.arena);
	return rc;
}

int mm_openclip_save(const struct mm_model *m, const char *dir,
		     struct mm_err *err)
{
	int rc = save_weights(m, dir, err);

	return rc ? rc : save_config(m, dir, err);
}
