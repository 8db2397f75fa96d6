/* resize.c - a model for pictures of another size; see model.h. */
#include <string.h>

#include "base/mem.h"
#include "graph/ops.h"
#include "model/clip.h"
#include "model/siglip.h"

/* A vision_config with another image_size. */
static void put_vision(struct mm_json_writer *w, const char *name,
		       const struct mm_json *from, size_t side)
{
	const struct mm_json *value;
	const char *key;
	void *it = NULL;

	mm_json_open(w, name, '{');
	while (mm_json_next(from, &it, &key, &value))
		if (strcmp(key, "image_size") != 0)
			mm_json_put(w, key, value);
	mm_json_put_int(w, "image_size", (int64_t)side);
	mm_json_close(w);
}

static void put_config(struct mm_buf *out, const struct mm_json *from,
		       size_t side)
{
	struct mm_json_writer w;
	const struct mm_json *value;
	const char *key;
	bool found = false;
	void *it = NULL;

	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	while (mm_json_next(from, &it, &key, &value)) {
		const bool whole = !strcmp(key, "vision_config");

		found |= whole;
		if ((whole || !strcmp(key, "vision_config_dict")) &&
		    mm_json_type(value) == MM_JSON_OBJECT)
			put_vision(&w, key, value, side);
		else
			mm_json_put(&w, key, value);
	}
	if (!found)
		put_vision(&w, "vision_config", NULL, side);
	mm_json_close(&w);
}

/* Side of a patch; 0: the family has no table of positions. */
static size_t patch_of(const struct mm_model *m)
{
	const struct mm_clip *clip = mm_clip_config(m);
	const struct mm_siglip *siglip = mm_siglip_config(m);

	return clip	? clip->pictures.patch
	       : siglip ? siglip->pictures.patch
			: 0;
}

int mm_model_resize(struct mm_model *m, size_t side, struct mm_err *err)
{
	const size_t was = m->image_size, patch = patch_of(m);
	struct mm_json *json = NULL;
	struct mm_buf text = { 0 };
	int rc;

	if (!side || side == was)
		return MM_OK;
	/* What is left over by halving is not looked at. */
	if (m->arch == &mm_arch_clip_resnet &&
	    side / MM_RESNET_SHRINK != was / MM_RESNET_SHRINK)
		return mm_fail(err, MM_ERR_SHAPE,
			       "a ResNet's pool has positions for pictures of "
			       "%zux%zu, not of %zux%zu",
			       was, was, side, side);
	if (side < patch)
		return mm_fail(err, MM_ERR_SHAPE,
			       "pictures of %zux%zu are smaller than the "
			       "model's patches of %zu",
			       side, side, patch);
	put_config(&text, m->json, side);
	if (!(rc = mm_buf_check(&text, "the configuration", err)) &&
	    !(rc = mm_json_parse(&json, text.data, text.len,
				 "the configuration", err))) {
		mm_json_free(m->json);
		m->json = json;
		m->grid = m->grid ? m->grid : patch ? was / patch : 0;
		rc = m->arch->configure(m, err);
	}
	mm_buf_release(&text);
	return rc;
}

bool mm_model_resizes(const struct mm_model *m, const struct mm_param *p)
{
	return m->grid &&
	       !strcmp(p->name, "vision_model.embeddings.position_embedding"
				".weight");
}

size_t mm_model_table_rows(const struct mm_model *m)
{
	const struct mm_clip *c = mm_clip_config(m);

	return m->grid * m->grid + (c ? mm_clip_class_rows(c) : 0);
}

int mm_model_resize_table(float *dst, const float *src,
			  const struct mm_model *m, struct mm_err *err)
{
	const struct mm_clip *c = mm_clip_config(m);
	const size_t cls = c ? mm_clip_class_rows(c) : 0;
	const size_t to = m->image_size / patch_of(m);
	const size_t rows = mm_model_table_rows(m);
	const size_t W =
		c ? c->vision.width : mm_siglip_config(m)->vision.width;
	struct mm_store none;
	struct mm_graph g;
	struct mm_node *x, *y;
	int rc;

	mm_store_init(&none);
	mm_graph_init(&g, &none, MM_INFER);
	x = mm_input(&g, "table", MM_ELEM_REAL, MM_SHAPE(rows, W));
	y = m->open_clip && c ? mm_resample_positions(&g, x, cls, to, to)
			      : mm_resize_positions(&g, x, cls, to, to);
	mm_output(&g, y, "resized");
	if (!(rc = mm_graph_plan(&g, err)) && !(rc = mm_graph_alloc(&g, err))) {
		memcpy(x->val, src, rows * W * sizeof(*src));
		mm_graph_forward(&g);
		memcpy(dst, y->val, y->n * sizeof(*dst));
	}
	mm_graph_release(&g);
	mm_store_release(&none);
	return rc;
}
