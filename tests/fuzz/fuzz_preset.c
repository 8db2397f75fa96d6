/*
 * Bytes as a model folder's picture recipe.  What is read is written so that
 * it reads the same, and a size either is refused or fits every picture.
 */
#include "fuzz.h"

#include <string.h>

#include "image/preset.h"

static const char *const names[] = {
	"preprocessor_config.json",
	"processor_config.json",
	"open_clip_config.json",
	NULL,
};

static void write_again(const struct mm_image_preset *p)
{
	struct mm_image_preset q;
	struct mm_buf text = { 0 }, again = { 0 };
	struct mm_json *root = NULL;
	struct mm_err err = { 0 };
	int rc = mm_image_preset_write(&text, p, &err);

	fuzz_status(rc, &err);
	if (!rc) {
		FUZZ_ASSERT(!mm_json_parse(&root, text.data, text.len, "fuzz",
					   &err));
		FUZZ_ASSERT(!mm_image_preset_from_json(&q, root, &err));
		FUZZ_ASSERT(!mm_image_preset_write(&again, &q, &err));
		FUZZ_ASSERT(text.len == again.len &&
			    !memcmp(text.data, again.data, text.len));
	}
	mm_json_free(root);
	mm_buf_release(&text);
	mm_buf_release(&again);
}

static void sizes(const struct mm_image_preset *p)
{
	static const size_t side[] = { 1, 2, 37, 640, 1 << 15 };
	size_t w, h;

	for (size_t i = 0; i < 5; i++)
		for (size_t k = 0; k < 5; k++) {
			mm_image_fit_size(p, side[i], side[k], &w, &h);
			FUZZ_ASSERT(w && h);
		}
	if (mm_image_preset_size(p, &w, &h))
		FUZZ_ASSERT(w && h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *first = fuzz_folder(data, size, names);
	struct mm_image_preset p;
	struct mm_err err = { 0 };
	float lut[3][256];
	char dir[128];
	int rc;

	if (!first)
		return 0;
	strcpy(dir, first);
	*strrchr(dir, '/') = 0;
	rc = mm_image_preset_load(&p, dir, &err);
	fuzz_status(rc, &err);
	if (rc)
		return 0;
	sizes(&p);
	mm_image_values_lut(lut, &p.values);
	write_again(&p);
	mm_image_preset_resize(&p, 96, 64);
	sizes(&p);
	return 0;
}
