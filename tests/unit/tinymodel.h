/* tinymodel.h - a whole model folder of 600 kB, for what runs towers. */
#ifndef MM_TESTS_TINYMODEL_H
#define MM_TESTS_TINYMODEL_H

#include "unit.h"

#include "base/io.h"

/* The goldens' CLIP of 32 pixels and 20 tokens with a tokenizer of few words,
 * linked together in the scratch folder; its path. */
static inline const char *tiny_model(void)
{
	static const char recipe[] =
		"{\"image_processor_type\": \"CLIPImageProcessor\", "
		"\"size\": {\"shortest_edge\": 32}, "
		"\"crop_size\": {\"height\": 32, \"width\": 32}}";
	static const char *const from[] = {
		"tests/golden/dual-clip-vit/model/config.json",
		"tests/golden/dual-clip-vit/model/model.safetensors",
		"tests/data/words/vocab.txt",
		"tests/data/words/tokenizer_config.json",
	};
	char here[256], target[512], name[64];

	ck_assert_ptr_nonnull(getcwd(here, sizeof(here)));
	ck_ok(mm_mkdirs(scratch("model"), err));
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		snprintf(target, sizeof(target), "%s/%s", here, from[i]);
		snprintf(name, sizeof(name), "model%s", strrchr(from[i], '/'));
		ck_assert_int_eq(symlink(target, scratch(name)), 0);
	}
	ck_ok(mm_file_write(scratch("model/preprocessor_config.json"), recipe,
			    strlen(recipe), err));
	return scratch("model");
}

#endif
