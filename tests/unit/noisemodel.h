/* noisemodel.h - an untrained model of any family, and pairs of noise. */
#ifndef MM_TESTS_NOISEMODEL_H
#define MM_TESTS_NOISEMODEL_H

#include "model/model.h"
#include "tensor/stream.h"
#include "unit.h"

enum {
	NOISE_SIDE = 32,
	NOISE_PAIRS = 6,
	NOISE_TOKENS = 8,
	NOISE_VOCAB = 20,
};

/* Six pictures of noise, and texts that end. */
static inline const char *noise_stream(void)
{
	const size_t px[] = { 3, NOISE_SIDE, NOISE_SIDE }, T = NOISE_TOKENS;
	const char *path = scratch("noise.mmt");
	static uint8_t image[3 * NOISE_SIDE * NOISE_SIDE];
	struct mm_stream_writer w;
	int32_t ids[NOISE_TOKENS];
	uint8_t mask[NOISE_TOKENS];
	uint32_t state = 1;

	memset(mask, 1, sizeof(mask));
	ck_ok(mm_stream_writer_open(&w, path, err));
	for (int i = 0; i < NOISE_PAIRS; i++) {
		const char id[] = { (char)('a' + i), 0 };

		for (size_t k = 0; k < sizeof(image); k++)
			image[k] = (uint8_t)((state = state * 1664525 +
						      1013904223) >>
					     24);
		for (int t = 0; t < NOISE_TOKENS; t++)
			ids[t] = t + 1 < NOISE_TOKENS ? (i * 5 + t * 3) % 18
						      : NOISE_VOCAB - 1;
		ck_ok(mm_stream_put_str(&w, "id", id, 1, err));
		ck_ok(mm_stream_put(&w, "image", MM_U8, 3, px, image, err));
		ck_ok(mm_stream_put(&w, "ids", MM_I32, 1, &T, ids, err));
		ck_ok(mm_stream_put(&w, "mask", MM_U8, 1, &T, mask, err));
		ck_ok(mm_stream_end_row(&w, err));
	}
	ck_ok(mm_stream_commit(&w, err));
	return path;
}

/* A folder with the preset "tiny" of the architecture. */
static inline const char *noise_model(const char *arch)
{
	const struct mm_model shape = { .image_size = NOISE_SIDE,
					.context_length = NOISE_TOKENS,
					.vocab_size = NOISE_VOCAB,
					.bos_token_id = NOISE_VOCAB - 2,
					.eos_token_id = NOISE_VOCAB - 1 };
	struct mm_model m;

	ck_ok(mm_model_new(&m, arch, "tiny", &shape, err));
	ck_ok(mm_model_declare(&m, err));
	ck_ok(mm_store_alloc_values(&m.store, err));
	mm_store_initialise(&m.store, 1);
	/* Norms that are not trained let pictures fade, or branches closed. */
	for (size_t i = 0; i < m.store.n; i++) {
		struct mm_param *w = m.store.param[i];

		for (size_t k = 0; w->shape.rank == 1 && k < w->n; k++)
			if (!strncmp(w->name, "vis", 3) &&
			    strstr(w->name, ".weight"))
				w->val[k] = 2;
	}
	ck_ok(mm_mkdirs(scratch("alive"), err));
	ck_ok(mm_model_save(&m, scratch("alive"), err));
	mm_model_release(&m);
	return scratch("alive");
}

#endif
