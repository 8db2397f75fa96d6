/*
 * openclip_hub.c - open_clip's text towers of the Hub: open_clip_config.json
 * has nothing but the text model's name; what it is made of is in the text
 * model's own config.json, a copy of which may lie beside, or known by name.
 *
 * Sources: open_clip 3.3 hf_model.py; config.json of the models named below.
 */
#include <stdio.h>
#include <string.h>

#include "model/clip.h"
#include "model/openclip.h"

/* ---- the models known by name ---- */

static const struct shape {
	const char *type;
	int64_t width, layers, heads, ffn, vocab, positions, types, pad;
	double eps;
} shapes[] = {
	{ "roberta", 768, 12, 12, 3072, 50265, 514, 1, 1, 1e-5 },
	{ "roberta", 1024, 24, 16, 4096, 50265, 514, 1, 1, 1e-5 },
	{ "xlm-roberta", 768, 12, 12, 3072, 250002, 514, 1, 1, 1e-5 },
	{ "xlm-roberta", 1024, 24, 16, 4096, 250002, 514, 1, 1, 1e-5 },
	{ "bert", 768, 12, 12, 3072, 30522, 512, 2, 0, 1e-12 },
	{ "bert", 1024, 24, 16, 4096, 30522, 512, 2, 0, 1e-12 },
	{ "bert", 768, 12, 12, 3072, 28996, 512, 2, 0, 1e-12 },
};

/* Microsoft renamed PubMedBERT to BiomedBERT; both names stand in folders. */
static const struct {
	const char *name;
	int shape;
} known[] = {
	{ "roberta-base", 0 },
	{ "roberta-large", 1 },
	{ "xlm-roberta-base", 2 },
	{ "xlm-roberta-large", 3 },
	{ "bert-base-uncased", 4 },
	{ "bert-large-uncased", 5 },
	{ "bert-base-cased", 6 },
	{ "BiomedNLP-BiomedBERT-base-uncased-abstract", 4 },
	{ "BiomedNLP-BiomedBERT-base-uncased-abstract-fulltext", 4 },
	{ "BiomedNLP-PubMedBERT-base-uncased-abstract", 4 },
	{ "BiomedNLP-PubMedBERT-base-uncased-abstract-fulltext", 4 },
};

static const struct shape *shape_of(const char *name)
{
	static const char *const owners[] = { "FacebookAI/", "google-bert/",
					      "microsoft/" };

	for (size_t i = 0; i < sizeof(owners) / sizeof(*owners); i++)
		if (!strncmp(name, owners[i], strlen(owners[i]))) {
			name += strlen(owners[i]);
			break;
		}
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(known[i].name, name))
			return &shapes[known[i].shape];
	return NULL;
}

static int unknown(const char *name, const char *type, struct mm_err *err)
{
	struct mm_buf b = { 0 };
	int rc;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		mm_buf_printf(&b, "%s%s", i ? ", " : "", known[i].name);
	rc = *type ? mm_fail(err, MM_ERR_FORMAT,
			     "'hf_model_name' is '%s', of type '%s' as "
			     "config.json says; known are bert, roberta, "
			     "xlm-roberta",
			     name, type)
		   : mm_fail(err, MM_ERR_FORMAT,
			     "'hf_model_name' is '%s', which is not known; put "
			     "its config.json beside, if it is a bert, roberta "
			     "or xlm-roberta; known are %s",
			     name, mm_buf_str(&b));
	mm_buf_release(&b);
	return rc;
}

static void put_shape(struct mm_json_writer *w, const struct shape *s)
{
	mm_json_put_str(w, "model_type", s->type);
	mm_json_put_str(w, "hidden_act", "gelu");
	mm_json_put_int(w, "hidden_size", s->width);
	mm_json_put_int(w, "intermediate_size", s->ffn);
	mm_json_put_num(w, "layer_norm_eps", s->eps);
	mm_json_put_int(w, "max_position_embeddings", s->positions);
	mm_json_put_int(w, "num_attention_heads", s->heads);
	mm_json_put_int(w, "num_hidden_layers", s->layers);
	mm_json_put_int(w, "pad_token_id", s->pad);
	mm_json_put_int(w, "type_vocab_size", s->types);
	mm_json_put_int(w, "vocab_size", s->vocab);
}

/* ---- text_config from text_cfg ---- */

/* What we say there beside what the text model's config.json says. */
static const char *const ours[] = {
	"pooler_type",
	"proj_type",
	"context_length",
	"hf_model_name",
	"hf_tokenizer_name",
	"tokenizer_kwargs",
	NULL,
};

static bool listed(const char *const *list, const char *key)
{
	while (*list && strcmp(*list, key))
		list++;
	return *list != NULL;
}

static void put_members(struct mm_json_writer *w, const struct mm_json *from)
{
	static const char *const idle[] = { "architectures", "_name_or_path",
					    "transformers_version", NULL };
	const struct mm_json *value;
	const char *key;
	void *it = NULL;

	while (mm_json_next(from, &it, &key, &value))
		if (!listed(ours, key) && !listed(idle, key))
			mm_json_put(w, key, value);
}

/* Today's name of the key, or the one that it had. */
static const struct mm_json *either(const struct mm_json *v, const char *key,
				    const char *old)
{
	return mm_json_get(v, mm_json_get(v, key) ? key : old);
}

/* ---- how texts are cut into tokens ---- */

static int check_clean(const struct mm_json *kwargs, bool own,
		       struct mm_err *err)
{
	static const char *const ways[] = { "lower", "whitespace",
					    "canonicalize", NULL };
	const char *clean = "lower";
	int rc = mm_json_want_str(kwargs, "clean", &clean, err);

	if (rc || (own ? !strcmp(clean, *ways) : listed(ways, clean)))
		return rc;
	return mm_fail(err, MM_ERR_FORMAT, "'clean' is '%s'; known %s", clean,
		       own ? "for open_clip's own tokenizer is lower"
			   : "are lower, whitespace, canonicalize");
}

int mm_openclip_put_tokenizer(struct mm_json_writer *w, const struct mm_json *v,
			      struct mm_err *err)
{
	const struct mm_json *kwargs = mm_json_get(v, "tokenizer_kwargs");
	const char *mode = "", *name = "";
	bool strip = false, own;
	const struct mm_json *value;
	const char *key;
	void *it = NULL;
	int rc = mm_json_want_str(v, "tokenizer_mode", &mode, err);

	if (rc || (rc = mm_json_want_str(v, "hf_tokenizer_name", &name, err)))
		return rc;
	own = !*name && !*mm_openclip_hub_name(v);
	if (*mode)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'tokenizer_mode' is '%s', which is not known",
			       mode);
	while (mm_json_next(kwargs, &it, &key, &value))
		if (strcmp(key, "clean") &&
		    (own || strcmp(key, "strip_sep_token")))
			return mm_fail(err, MM_ERR_FORMAT,
				       "'tokenizer_kwargs' asks for a "
				       "tokenizer that is not known, by '%s'",
				       key);
	if ((rc = mm_json_want_bool(kwargs, "strip_sep_token", &strip, err)) ||
	    (rc = check_clean(kwargs, own, err)))
		return rc;
	if (*name)
		mm_json_put_str(w, "hf_tokenizer_name", name);
	if (mm_json_size(kwargs))
		mm_json_put(w, "tokenizer_kwargs", kwargs);
	return MM_OK;
}

void mm_openclip_put_tokenizer_cfg(struct mm_json_writer *w,
				   const struct mm_model *m)
{
	const struct mm_json *t = mm_json_get(m->json, "text_config");
	const struct mm_json *kwargs = mm_json_get(t, "tokenizer_kwargs");
	/* OpenAI's vocabulary is open_clip's own; others lie in the folder. */
	const bool own = m->vocab_size == 49408 && !mm_hub_text_config(m);
	const char *name = mm_json_str(mm_json_get(t, "hf_tokenizer_name"),
				       own ? "" : ".");

	if (*name)
		mm_json_put_str(w, "hf_tokenizer_name", name);
	if (mm_json_size(kwargs))
		mm_json_put(w, "tokenizer_kwargs", kwargs);
}

/* "hf_proj_type": mlp where it is absent, none where it is null. */
static int read_proj(const char **proj, const struct mm_json *v,
		     struct mm_err *err)
{
	const struct mm_json *x = either(v, "hf_proj_type", "proj");

	*proj = mm_json_type(x) == MM_JSON_NULL
			? mm_hub_projs[MM_HUB_NONE]
			: mm_json_str(x, mm_hub_projs[MM_HUB_MLP]);
	if (strcmp(*proj, mm_hub_projs[MM_HUB_MLP]) &&
	    strcmp(*proj, mm_hub_projs[MM_HUB_LINEAR]) &&
	    mm_json_type(x) != MM_JSON_NULL)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'hf_proj_type' is '%s'; known are linear, mlp "
			       "and null",
			       *proj);
	return MM_OK;
}

static int read_pool(const char **pool, const struct mm_json *v, bool bert,
		     struct mm_err *err)
{
	const struct mm_json *x = either(v, "hf_pooler_type", "pooler_type");
	const bool none = mm_json_type(x) == MM_JSON_NULL;

	*pool = mm_json_str(
		x,
		mm_hub_pools[none && bert ? MM_HUB_CLS_POOLER : MM_HUB_MEAN]);
	if (listed(mm_hub_pools, *pool))
		return MM_OK;
	return mm_fail(err, MM_ERR_FORMAT,
		       "'hf_pooler_type' is '%s'; known are %s, %s, %s%s",
		       *pool, mm_hub_pools[0], mm_hub_pools[1], mm_hub_pools[2],
		       strcmp(*pool, "max_pooler")
			       ? ""
			       : " (open_clip itself stops in max_pooler)");
}

int mm_openclip_put_hub(struct mm_json_writer *w, const struct mm_json *v,
			const struct mm_json *beside, struct mm_err *err)
{
	const char *name = mm_openclip_hub_name(v), *pool, *proj;
	const char *type = mm_json_str(mm_json_get(beside, "model_type"), "");
	const struct shape *s = shape_of(name);
	const bool own = mm_hub_text_known(type);
	int64_t length = 77;
	int rc;

	if (!own && !s)
		return unknown(name, type, err);
	if ((rc = read_proj(&proj, v, err)) ||
	    (rc = read_pool(&pool, v, !strcmp(own ? type : s->type, "bert"),
			    err)) ||
	    (rc = mm_json_want_int(v, "context_length", 1, 1 << 16, &length,
				   err)))
		return rc;
	if (own)
		put_members(w, beside);
	else
		put_shape(w, s);
	mm_json_put_int(w, "context_length", length);
	mm_json_put_str(w, "hf_model_name", name);
	if ((rc = mm_openclip_put_tokenizer(w, v, err)))
		return rc;
	if (!strcmp(pool, mm_hub_pools[0]) && !strcmp(proj, mm_hub_projs[0]))
		return MM_OK;
	mm_json_put_str(w, "pooler_type", pool);
	mm_json_put_str(w, "proj_type", proj);
	return MM_OK;
}

const char *mm_openclip_hub_name(const struct mm_json *text_cfg)
{
	return mm_json_str(mm_json_get(text_cfg, "hf_model_name"), "");
}

/* ---- and back ---- */

/* The name, where it still stands for what the tower is made of; else open_clip
 * finds the config.json in the folder that it is in. */
static const char *name_of(const struct mm_model *m, const struct mm_json *t)
{
	const char *name = mm_openclip_hub_name(t);
	const struct mm_bert *b = &mm_hub_text_config(m)->bert;
	const struct shape *s = shape_of(name);

	if (*name && (!s || ((size_t)s->width == b->tower.width &&
			     (size_t)s->layers == b->tower.layers &&
			     (size_t)s->heads == b->tower.heads &&
			     (size_t)s->ffn == b->tower.ffn &&
			     (size_t)s->vocab == m->vocab_size &&
			     (size_t)s->positions == b->positions)))
		return name;
	return ".";
}

void mm_openclip_put_text_cfg(struct mm_json_writer *w,
			      const struct mm_model *m)
{
	const struct mm_hub_text *h = mm_hub_text_config(m);
	const struct mm_json *t = mm_json_get(m->json, "text_config");

	mm_json_put_int(w, "context_length", (int64_t)m->context_length);
	mm_json_put_str(w, "hf_model_name", name_of(m, t));
	mm_json_put_bool(w, "hf_model_pretrained", false);
	mm_json_put_str(w, "hf_pooler_type", mm_hub_pools[h->pool]);
	if (h->proj == MM_HUB_NONE)
		mm_json_put_null(w, "hf_proj_type");
	else
		mm_json_put_str(w, "hf_proj_type", mm_hub_projs[h->proj]);
	mm_openclip_put_tokenizer_cfg(w, m);
}

int mm_openclip_text_config(struct mm_buf *out, const struct mm_model *m,
			    struct mm_err *err)
{
	const struct mm_json *t = mm_json_get(m->json, "text_config");
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	put_members(&w, t);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
	return mm_buf_check(out, "the text model's configuration", err);
}
