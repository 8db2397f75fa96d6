/* prune_tower.c - what can be cut of a model; see prune.h. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "compress/prune.h"

#define PRENORM_HEADS                                       \
	{                                                   \
		{ "self_attn.q_proj.", "self_attn.k_proj.", \
		  "self_attn.v_proj." },                    \
		{                                           \
			"self_attn.out_proj.weight"         \
		}                                           \
	}
#define PRENORM_FFN                      \
	{                                \
		{ "mlp.fc1." },          \
		{                        \
			"mlp.fc2.weight" \
		}                        \
	}

const struct mm_prune_kind mm_prune_kinds[] = {
	{ "vision_model.encoder", "vision_model.encoder.layers.",
	  "vision_config", "intermediate_size", PRENORM_HEADS, PRENORM_FFN },
	{ "text_model.encoder", "text_model.encoder.layers.", "text_config",
	  "intermediate_size", PRENORM_HEADS, PRENORM_FFN },
	/* BERT's */
	{ "text_model.encoder",
	  "text_model.encoder.layer.",
	  "text_config",
	  "intermediate_size",
	  { { "attention.self.query.", "attention.self.key.",
	      "attention.self.value." },
	    { "attention.output.dense.weight" } },
	  { { "intermediate.dense." }, { "output.dense.weight" } } },
	/* The two inner maps of a residual network's bottleneck. */
	{ "visual.conv1",
	  "visual.layer",
	  "vision_config",
	  "conv1_channels",
	  { { NULL }, { NULL } },
	  { { "conv1.", "bn1." }, { "conv2.weight" } } },
	{ "visual.conv2",
	  "visual.layer",
	  "vision_config",
	  "conv2_channels",
	  { { NULL }, { NULL } },
	  { { "conv2.", "bn2." }, { "conv3.weight" } } },
	/* EfficientNet's expanded maps. */
	{ "vision_model.encoder",
	  "vision_model.encoder.blocks.",
	  "vision_config",
	  "expanded_channels",
	  { { NULL }, { NULL } },
	  { { "expansion.expand_conv.", "expansion.expand_bn.",
	      "depthwise_conv.", "squeeze_excite.expand." },
	    { "projection.project_conv.weight",
	      "squeeze_excite.reduce.weight" } } },
	{ 0 },
};

static int alloc_block(struct mm_pruner *p, struct mm_prune_block *b,
		       struct mm_err *err)
{
	b->head = mm_arena_alloc(&p->arena, b->heads + 1, sizeof(*b->head));
	b->neuron = mm_arena_alloc(&p->arena, b->ffn, sizeof(*b->neuron));
	b->keep_head = mm_arena_alloc(&p->arena, b->heads + 1, sizeof(bool));
	b->keep_neuron = mm_arena_alloc(&p->arena, b->ffn, sizeof(bool));
	if (!b->head || !b->neuron || !b->keep_head || !b->keep_neuron)
		return mm_fail_nomem(err, "importances");
	memset(b->head, 0, b->heads * sizeof(*b->head));
	memset(b->neuron, 0, b->ffn * sizeof(*b->neuron));
	memset(b->keep_head, true, b->heads);
	memset(b->keep_neuron, true, b->ffn);
	b->keep = true;
	b->kept_heads = b->heads;
	b->kept_ffn = b->ffn;
	return MM_OK;
}

/* The width of a head is one number in a tower: config.json tells it. */
static size_t head_dim_of(const struct mm_pruner *p, const char *part,
			  size_t width)
{
	char dict[64];
	const struct mm_json *v;
	int64_t heads, dim;

	snprintf(dict, sizeof(dict), "%s_dict", part);
	v = mm_json_get(p->model.json, dict);
	if (mm_json_type(v) != MM_JSON_OBJECT)
		v = mm_json_get(p->model.json, part);
	dim = mm_json_int(mm_json_get(v, "head_dim"), 0);
	/* What transformers' classes take for granted. */
	heads = !strcmp(part, "text_config") &&
				!strncmp(p->model.arch->model_type, "clip", 4)
			? 8
			: 12;
	heads = mm_json_int(mm_json_get(v, "num_attention_heads"), heads);
	return dim > 0 ? (size_t)dim : width / (size_t)heads;
}

struct mm_param *mm_prune_param(const struct mm_pruner *p,
				const struct mm_prune_block *b,
				const char *what, const char *end)
{
	char name[256];

	snprintf(name, sizeof(name), "%s.%s%s", b->name, what, end);
	return mm_store_find(&p->model.store, name);
}

/* The block that `w`, the last layer of its branch, ends. */
static int add_block(struct mm_pruner *p, struct mm_prune_tower *t,
		     const struct mm_param *w, struct mm_err *err)
{
	const struct mm_prune_kind *k = t->kind;
	struct mm_prune_block *b = &t->block[t->n++];
	const struct mm_param *out;

	memset(b, 0, sizeof(*b));
	b->name = mm_arena_strndup(&p->arena, w->name,
				   strlen(w->name) - strlen(k->ffn.columns[0]) -
					   1);
	if (!b->name)
		return mm_fail_nomem(err, "importances");
	b->ffn = w->shape.dim[1];
	b->fixed = !mm_prune_param(p, b, k->ffn.rows[0], "weight");
	out = mm_prune_convolves(k)
		      ? NULL
		      : mm_prune_param(p, b, k->heads.columns[0], "");
	if (out) {
		t->head_dim = head_dim_of(p, k->part, out->shape.dim[0]);
		b->heads = out->shape.dim[1] / t->head_dim;
	}
	return alloc_block(p, b, err);
}

/* Between its beginning and its end a name has the block's number alone. */
static bool ends_block(const struct mm_param *w, const struct mm_prune_kind *k)
{
	const size_t n = strlen(w->name), begin = strlen(k->blocks);
	const size_t end = strlen(k->ffn.columns[0]) + 1;

	return !strncmp(w->name, k->blocks, begin) && n > begin + end &&
	       !strcmp(w->name + n - end + 1, k->ffn.columns[0]) &&
	       strspn(w->name + begin, "0123456789.") == n - begin - end + 1;
}

static int add_tower(struct mm_pruner *p, const struct mm_prune_kind *k,
		     struct mm_err *err)
{
	const struct mm_store *s = &p->model.store;
	struct mm_prune_tower *t = &p->tower[p->n_towers];
	size_t n = 0;
	int rc = MM_OK;

	for (size_t i = 0; i < s->n; i++)
		n += ends_block(s->param[i], k);
	if (!n)
		return MM_OK;
	*t = (struct mm_prune_tower){ .kind = k };
	p->n_towers++;
	if (!(t->block = mm_arena_alloc(&p->arena, n, sizeof(*t->block))))
		return mm_fail_nomem(err, "importances");
	for (size_t i = 0; i < s->n && !rc; i++)
		if (ends_block(s->param[i], k))
			rc = add_block(p, t, s->param[i], err);
	return rc;
}

int mm_pruner_open(struct mm_pruner *p, const char *dir,
		   const struct mm_prune_options *o, struct mm_err *err)
{
	int rc;

	memset(p, 0, sizeof(*p));
	p->o = *o;
	mm_arena_init(&p->arena);
	if ((rc = mm_model_open(&p->model, dir, err)))
		return rc;
	if (mm_checkpoint_meta(&p->model.weights, "mmtool.quant"))
		return mm_fail(err, MM_ERR_REFUSED,
			       "'%s' is quantized: prune the model that it was "
			       "made from, and quantize the result",
			       dir);
	if ((rc = mm_model_declare(&p->model, err)) ||
	    (rc = mm_model_bind(&p->model, true, err)))
		return rc;
	for (size_t i = 0; mm_prune_kinds[i].title && !rc; i++)
		if (p->n_towers < MM_PRUNE_TOWERS)
			rc = add_tower(p, &mm_prune_kinds[i], err);
	if (!rc && !p->n_towers)
		rc = mm_fail(err, MM_ERR_REFUSED,
			     "'%s' is of type '%s', which has no tower that "
			     "can be cut",
			     dir, p->model.arch->model_type);
	return rc;
}

void mm_pruner_release(struct mm_pruner *p)
{
	mm_free(p->saliency);
	mm_model_release(&p->model);
	mm_arena_release(&p->arena);
	memset(p, 0, sizeof(*p));
}
