/*
 * vision_text.c - CLIP's vision transformer beside a text tower of the BERT
 * family.
 *
 * Source: transformers' VisionTextDualEncoderModel, whose names the parameters
 * have; Zhai et al., "LiT" (2022).  What open_clip puts on such a text tower
 * is in hub_text.h.
 */
#include <string.h>

#include "model/clip.h"

static int vision_text_configure(struct mm_model *m, struct mm_err *err)
{
	const struct mm_json *v = mm_json_get(m->json, "vision_config");
	const char *type = "clip_vision_model";
	int rc = mm_json_want_str(v, "model_type", &type, err);

	if (!rc && strcmp(type, "clip_vision_model"))
		rc = mm_fail(err, MM_ERR_FORMAT,
			     "'model_type' is '%s'; known is clip_vision_model",
			     type);
	return rc ? mm_part_fail(m, "vision", err) : mm_clip_configure(m, err);
}

/* ---- presets ---- */

static const char *const presets[] = { "tiny", "open-tiny", "base", NULL };

static const struct {
	int64_t vision[5]; /* width, ffn, layers, heads, patch */
	int64_t text[4];   /* width, ffn, layers, heads */
	int64_t positions, dim;
	bool open; /* RoBERTa, its mean and two layers: open_clip's */
} sizes[] = {
	{ { 128, 512, 4, 4, 8 }, { 128, 512, 2, 4 }, 0, 128, false },
	{ { 128, 512, 4, 4, 8 }, { 128, 512, 2, 4 }, 0, 128, true },
	{ { 768, 3072, 12, 12, 32 }, { 768, 3072, 12, 12 }, 514, 512, true },
};

static void put_tower(struct mm_json_writer *w, const int64_t *size)
{
	mm_json_put_str(w, "hidden_act", "gelu");
	mm_json_put_int(w, "hidden_size", size[0]);
	mm_json_put_int(w, "intermediate_size", size[1]);
	mm_json_put_int(w, "num_attention_heads", size[3]);
	mm_json_put_int(w, "num_hidden_layers", size[2]);
}

static void put_text(struct mm_json_writer *w, size_t i,
		     const struct mm_model *s)
{
	const bool open = sizes[i].open;
	const int64_t pad = s->pad_token_id < 0 ? 0 : s->pad_token_id;
	const int64_t T = (int64_t)s->context_length + (open ? pad + 1 : 0);

	mm_json_open(w, "text_config", '{');
	mm_json_put_str(w, "model_type", open ? "roberta" : "bert");
	put_tower(w, sizes[i].text);
	mm_json_put_num(w, "attention_probs_dropout_prob", 0);
	mm_json_put_num(w, "hidden_dropout_prob", 0);
	if (s->bos_token_id >= 0 && s->eos_token_id >= 0) {
		mm_json_put_int(w, "bos_token_id", s->bos_token_id);
		mm_json_put_int(w, "eos_token_id", s->eos_token_id);
	}
	mm_json_put_int(w, "context_length", (int64_t)s->context_length);
	mm_json_put_num(w, "layer_norm_eps", open ? 1e-5 : 1e-12);
	mm_json_put_int(w, "max_position_embeddings",
			sizes[i].positions > T ? sizes[i].positions : T);
	mm_json_put_int(w, "pad_token_id", pad);
	mm_json_put_int(w, "type_vocab_size", open ? 1 : 2);
	mm_json_put_int(w, "vocab_size", (int64_t)s->vocab_size);
	if (open) {
		mm_json_put_str(w, "pooler_type", "mean_pooler");
		mm_json_put_str(w, "proj_type", "mlp");
	}
	mm_json_close(w);
}

static void vision_text_preset(struct mm_buf *out, size_t i,
			       const struct mm_model *s)
{
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	mm_json_open(&w, "architectures", '[');
	mm_json_put_str(&w, NULL, "VisionTextDualEncoderModel");
	mm_json_close(&w);
	mm_json_put_str(&w, "dtype", "float32");
	mm_json_put_num(&w, "logit_scale_init_value", 2.6592);
	mm_json_put_str(&w, "model_type", "vision-text-dual-encoder");
	mm_json_put_int(&w, "projection_dim", sizes[i].dim);
	put_text(&w, i, s);
	mm_json_open(&w, "vision_config", '{');
	mm_json_put_str(&w, "model_type", "clip_vision_model");
	put_tower(&w, sizes[i].vision);
	mm_json_put_int(&w, "image_size", (int64_t)s->image_size);
	mm_json_put_int(&w, "patch_size", sizes[i].vision[4]);
	mm_json_close(&w);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

const struct mm_arch mm_arch_vision_text = {
	.model_type = "vision-text-dual-encoder",
	.summary = "CLIP's vision transformer and a BERT or RoBERTa",
	.configure = vision_text_configure,
	.preset = vision_text_preset,
	.presets = presets,
	.pictures = "hf-clip",
	.image = mm_clip_vit,
	.text = mm_clip_text,
	.logits = mm_clip_logits,
	.loss = mm_infonce,
	.after_step = mm_clip_after_step,
};
