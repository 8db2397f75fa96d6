/* Configurations of models, transformers' and open_clip's: what passes can be
 * built, every parameter with a size. */
#include <stdlib.h>

#include "fuzz.h"
#include "model/layout.h"
#include "model/openclip.h"

/* What a model is in open_clip's words can be read again. */
static void reword(const struct mm_model *m)
{
	struct mm_buf out = { 0 }, again = { 0 };
	struct mm_json *root = NULL;
	const char *note;
	struct mm_err err;

	if (!mm_layout_openclip_config(&out, m, NULL, &note, &err)) {
		if (mm_json_parse(&root, out.data, out.len, "made", &err))
			abort();
		(void)!mm_openclip_config(&again, root, NULL, &err);
	}
	mm_json_free(root);
	mm_buf_release(&out);
	mm_buf_release(&again);
}

static void build(const char *text, size_t len)
{
	struct mm_model m;
	struct mm_err err;

	if (mm_model_describe(&m, text, len, "fuzz", &err))
		return;
	if (!mm_model_declare(&m, &err) &&
	    (!mm_store_count(&m.store) || !m.embed_dim || !m.context_length))
		abort();
	reword(&m);
	mm_model_release(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mm_json *root = NULL;
	struct mm_buf text = { 0 };
	struct mm_err err;

	build((const char *)data, size);
	if (mm_json_parse(&root, (const char *)data, size, "fuzz", &err))
		return 0;
	/* The text model's config.json, were it a file of its own. */
	if (!mm_openclip_config(&text, root, mm_json_get(root, "beside"),
				&err))
		build(text.data, text.len);
	mm_buf_release(&text);
	mm_json_free(root);
	return 0;
}
