/* blocks.c - see blocks.h. */
#include "model/blocks.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAME = 256 };

struct mm_tower mm_tower_trained(const struct mm_tower *t,
				 const struct mm_model *m)
{
	struct mm_tower out = *t;

	out.dropout = m->dropout;
	out.drop_path = m->drop_path;
	return out;
}

size_t mm_size_of(const struct mm_json *each, size_t i, size_t all)
{
	return each ? (size_t)mm_json_int(mm_json_at(each, i), 1) : all;
}

size_t mm_tower_ffn(const struct mm_tower *t, size_t i)
{
	return mm_size_of(t->ffn_of, i, t->ffn);
}

size_t mm_tower_heads(const struct mm_tower *t, size_t i)
{
	return mm_size_of(t->heads_of, i, t->heads);
}

size_t mm_tower_inner(const struct mm_tower *t, size_t i)
{
	return t->head_dim ? t->head_dim * mm_tower_heads(t, i) : t->width;
}

bool mm_tower_uneven(const struct mm_tower *t)
{
	return t->ffn_of || t->heads_of ||
	       (t->head_dim && t->head_dim * t->heads != t->width);
}

/* W + B A; the caller's parameters that follow are of the model again. */
static struct mm_node *adapted(struct mm_graph *g, struct mm_node *w,
			       const char *name)
{
	struct mm_store *s = g->store;
	const size_t r = s->lora;
	struct mm_node *a, *b;
	size_t out, in;

	if (g->failed)
		return NULL;
	out = w->shape.dim[0];
	in = w->shape.dim[1];
	if (r >= in || r >= out)
		return mm_graph_fail(g, MM_ERR_USAGE,
				     "adapters of rank %zu are no smaller than "
				     "'%s.weight' (%zu, %zu)",
				     r, name, out, in);
	s->aux = true;
	a = mm_param(g, MM_SHAPE(r, in), MM_NORMAL(1 / sqrt((double)in)),
		     "%s.lora_A.weight", name);
	b = mm_param(g, MM_SHAPE(out, r), MM_INIT_ZERO, "%s.lora_B.weight",
		     name);
	s->aux = false;
	return mm_add(g, w, mm_matmul(g, b, a, false, false, 1));
}

struct mm_node *mm_dense(struct mm_graph *g, struct mm_node *x, size_t out,
			 double std, struct mm_node *residual, enum mm_act act,
			 const char *fmt, ...)
{
	struct mm_node *w, *b;
	char name[NAME];
	va_list ap;
	size_t in;

	if (g->failed)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	in = x->shape.dim[x->shape.rank - 1];
	w = mm_param(g, MM_SHAPE(out, in), MM_NORMAL(std), "%s.weight", name);
	b = mm_param(g, MM_SHAPE(out), MM_INIT_ZERO, "%s.bias", name);
	if (g->store->lora)
		w = adapted(g, w, name);
	return mm_linear(g, x, w, b, residual, act);
}

struct mm_node *mm_norm(struct mm_graph *g, struct mm_node *x, double eps,
			const char *fmt, ...)
{
	struct mm_node *gain, *bias;
	char name[NAME];
	va_list ap;
	size_t C;

	if (g->failed)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	C = x->shape.dim[x->shape.rank - 1];
	gain = mm_param(g, MM_SHAPE(C), MM_INIT_ONE, "%s.weight", name);
	bias = mm_param(g, MM_SHAPE(C), MM_INIT_ZERO, "%s.bias", name);
	return mm_layernorm(g, x, gain, bias, eps);
}

static bool noisy(const struct mm_graph *g, const struct mm_tower *t)
{
	return g->mode == MM_TRAIN && (t->dropout > 0 || t->drop_path > 0);
}

/*
 * x + the last layer of branch k (1 attention, 2 MLP) of block i, which is
 * NAME: scaled, with dropout, and left out now and then (stochastic depth).
 */
static struct mm_node *join(struct mm_graph *g, struct mm_node *x,
			    struct mm_node *h, const struct mm_tower *t, int k,
			    size_t i, const char *name)
{
	const char *last = k == 1 ? "self_attn.out_proj" : "mlp.fc2";
	const double std = k == 1 ? t->init.out : t->init.fc2;
	const double deep =
		t->layers > 1 ? (double)i / (double)(t->layers - 1) : 1;
	const bool noise = noisy(g, t), scaled = t->scale > 0;

	h = mm_dense(g, h, t->width, std, noise || scaled ? NULL : x,
		     MM_ACT_NONE, "%s.%s", name, last);
	if (!noise && !scaled)
		return h;
	if (scaled)
		h = mm_mul(g, h,
			   mm_param(g, MM_SHAPE(t->width), MM_FILL(t->scale),
				    "%s.layer_scale%d.lambda1", name, k));
	if (noise && t->dropout > 0)
		h = mm_dropout_node(g, h, t->dropout);
	if (noise && t->drop_path * deep > 0)
		h = mm_drop_path(g, h, t->drop_path * deep);
	return mm_add(g, h, x);
}

static struct mm_node *attend(struct mm_graph *g, struct mm_node *x,
			      struct mm_node *mask, const struct mm_tower *t,
			      const char *prefix, size_t i)
{
	static const char *const part[] = { "q", "k", "v" };
	struct mm_node *h, *qkv[3];
	char name[NAME];

	h = mm_norm(g, x, t->eps, "%s.layers.%zu.layer_norm1", prefix, i);
	for (int k = 0; k < 3; k++)
		qkv[k] =
			mm_dense(g, h, mm_tower_inner(t, i), t->init.qkv, NULL,
				 MM_ACT_NONE, "%s.layers.%zu.self_attn.%s_proj",
				 prefix, i, part[k]);
	h = mm_attention(g, qkv[0], qkv[1], qkv[2], mask, mm_tower_heads(t, i),
			 t->causal, 0, t->dropout);
	snprintf(name, sizeof(name), "%s.layers.%zu", prefix, i);
	return join(g, x, h, t, 1, i, name);
}

static struct mm_node *feed_forward(struct mm_graph *g, struct mm_node *x,
				    const struct mm_tower *t,
				    const char *prefix, size_t i)
{
	struct mm_node *h;
	char name[NAME];

	h = mm_norm(g, x, t->eps, "%s.layers.%zu.layer_norm2", prefix, i);
	h = mm_dense(g, h, mm_tower_ffn(t, i), t->init.fc1, NULL, t->act,
		     "%s.layers.%zu.mlp.fc1", prefix, i);
	snprintf(name, sizeof(name), "%s.layers.%zu", prefix, i);
	return join(g, x, h, t, 2, i, name);
}

struct mm_node *mm_map_tokens(struct mm_graph *g, struct mm_node *x)
{
	static const int order[] = { 0, 2, 1 };
	const size_t *d;

	if (g->failed)
		return NULL;
	d = x->shape.dim;
	x = mm_reshape(g, x, MM_SHAPE(d[0], d[1], d[2] * d[3]));
	return mm_permute(g, x, order);
}

struct mm_node *mm_prenorm_blocks(struct mm_graph *g, struct mm_node *x,
				  struct mm_node *mask,
				  const struct mm_tower *t, const char *prefix,
				  const char *tap)
{
	for (size_t i = 0; i < t->layers; i++) {
		g->store->layer = i + 1;
		x = attend(g, x, mask, t, prefix, i);
		x = feed_forward(g, x, t, prefix, i);
		mm_tap(g, x, "%s.%zu", tap, i + 1);
	}
	g->store->layer = t->layers + 1;
	return x;
}

int mm_part_fail(const struct mm_model *m, const char *part, struct mm_err *err)
{
	return mm_fail_ctx(err, "%s_%s", part,
			   m->open_clip_config ? "cfg" : "config");
}

static const struct {
	const char *name;
	enum mm_act act;
} acts[] = {
	{ "gelu", MM_ACT_GELU },
	{ "quick_gelu", MM_ACT_QUICK_GELU },
	{ "gelu_new", MM_ACT_GELU_TANH },
	{ "gelu_pytorch_tanh", MM_ACT_GELU_TANH },
	{ "gelu_fast", MM_ACT_GELU_TANH },
	{ "relu", MM_ACT_RELU },
	{ "silu", MM_ACT_SILU },
	{ "swish", MM_ACT_SILU },
	{ "tanh", MM_ACT_TANH },
};

bool mm_act_parse(enum mm_act *act, const char *name)
{
	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
		if (!strcmp(acts[i].name, name)) {
			*act = acts[i].act;
			return true;
		}
	}
	return false;
}

static int unknown_act(const char *name, struct mm_err *err)
{
	struct mm_buf b = { 0 };
	int rc;

	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++)
		mm_buf_printf(&b, "%s%s", i ? ", " : "", acts[i].name);
	rc = mm_fail(err, MM_ERR_FORMAT,
		     "'hidden_act' is '%.60s'; known are %s", name,
		     mm_buf_str(&b));
	mm_buf_release(&b);
	return rc;
}

int mm_sizes_parse(const struct mm_json **each, int64_t *all,
		   const struct mm_json *config, const char *key, int64_t most,
		   size_t layers, struct mm_err *err)
{
	const struct mm_json *v = mm_json_get(config, key);

	*each = NULL;
	if (mm_json_type(v) != MM_JSON_ARRAY)
		return mm_json_want_int(config, key, 1, most, all, err);
	if (mm_json_size(v) != layers)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' has %zu elements for %zu layers", key,
			       mm_json_size(v), layers);
	for (size_t i = 0; i < mm_json_size(v); i++) {
		const int64_t n = mm_json_int(mm_json_at(v, i), 0);

		if (n < 1 || n > most)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s' is not 1 to %lld in layer %zu",
				       key, (long long)most, i);
	}
	*each = v;
	return MM_OK;
}

int mm_tower_parse(struct mm_tower *t, const struct mm_json *config,
		   struct mm_err *err)
{
	int64_t width = (int64_t)t->width, ffn = (int64_t)t->ffn;
	int64_t layers = (int64_t)t->layers, heads = (int64_t)t->heads;
	int64_t head_dim = 0;
	const char *act = NULL;
	int rc;

	if ((rc = mm_json_want_int(config, "hidden_size", 1, 1 << 16, &width,
				   err)) ||
	    (rc = mm_json_want_int(config, "num_hidden_layers", 1, 1 << 10,
				   &layers, err)) ||
	    (rc = mm_sizes_parse(&t->ffn_of, &ffn, config, "intermediate_size",
				 1 << 18, (size_t)layers, err)) ||
	    (rc = mm_sizes_parse(&t->heads_of, &heads, config,
				 "num_attention_heads", 1 << 10, (size_t)layers,
				 err)) ||
	    (rc = mm_json_want_int(config, "head_dim", 0, 1 << 16, &head_dim,
				   err)) ||
	    (rc = mm_json_want_num(config, "layer_norm_eps", 0, 1, &t->eps,
				   err)) ||
	    (rc = mm_json_want_str(config, "hidden_act", &act, err)))
		return rc;
	if (t->heads_of && !head_dim)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'num_attention_heads' differs between layers, "
			       "and there is no 'head_dim'");
	if (!head_dim && width % heads)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'num_attention_heads' is %lld, which does not "
			       "divide 'hidden_size' %lld",
			       (long long)heads, (long long)width);
	if (act && !mm_act_parse(&t->act, act))
		return unknown_act(act, err);
	t->width = (size_t)width;
	t->ffn = (size_t)ffn;
	t->layers = (size_t)layers;
	t->heads = (size_t)heads;
	t->head_dim = (size_t)head_dim;
	return MM_OK;
}

int mm_vision_parse(struct mm_tower *t, struct mm_vision *v,
		    const struct mm_json *config, struct mm_err *err)
{
	int64_t image = (int64_t)v->image_size, patch = (int64_t)v->patch;
	int64_t channels = 3;
	int rc = mm_tower_parse(t, config, err);

	if (rc ||
	    (rc = mm_json_want_int(config, "image_size", 1, 1 << 14, &image,
				   err)) ||
	    (rc = mm_json_want_int(config, "patch_size", 1, 1 << 12, &patch,
				   err)) ||
	    (rc = mm_json_want_int(config, "num_channels", 3, 3, &channels,
				   err)))
		return rc;
	if (patch > image)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'patch_size' %lld is larger than 'image_size' "
			       "%lld",
			       (long long)patch, (long long)image);
	v->image_size = (size_t)image;
	v->patch = (size_t)patch;
	v->channels = (size_t)channels;
	return MM_OK;
}

int mm_text_parse(struct mm_tower *t, struct mm_model *m,
		  const struct mm_json *config, struct mm_err *err)
{
	int64_t vocab = (int64_t)m->vocab_size;
	int64_t context = (int64_t)m->context_length;
	int rc = mm_tower_parse(t, config, err);

	if (rc ||
	    (rc = mm_json_want_int(config, "vocab_size", 1, 1 << 24, &vocab,
				   err)) ||
	    (rc = mm_json_want_int(config, "max_position_embeddings", 1,
				   1 << 16, &context, err)) ||
	    (rc = mm_json_want_int(config, "bos_token_id", 0, INT32_MAX,
				   &m->bos_token_id, err)) ||
	    (rc = mm_json_want_int(config, "eos_token_id", 0, INT32_MAX,
				   &m->eos_token_id, err)) ||
	    (rc = mm_json_want_int(config, "pad_token_id", 0, INT32_MAX,
				   &m->pad_token_id, err)))
		return rc;
	m->vocab_size = (size_t)vocab;
	m->context_length = (size_t)context;
	return MM_OK;
}
