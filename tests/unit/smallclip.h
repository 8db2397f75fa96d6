/* smallclip.h - the golden CLIP and its six pairs, for tests of compression. */
#ifndef MM_TESTS_SMALLCLIP_H
#define MM_TESTS_SMALLCLIP_H

#include "golden.h"
#include "tensor/stream.h"
#include "unit.h"

static inline const char *model_dir(void)
{
	return "tests/golden/dual-clip-vit/model";
}

/* The golden inputs as a stream of samples: pixels, ids, mask. */
static inline const char *sample_stream(void)
{
	const char *golden_in =
		golden_path("dual-clip-vit", "inputs.safetensors");
	const struct mm_tensor *px, *ids, *mask;
	struct mm_safetensors in;
	struct mm_stream_writer w;
	const char *path = scratch("samples.mmt");
	int32_t row[256];
	uint8_t keep[256];

	golden_open(&in, golden_in);
	px = golden(&in, "pair.pixel_values");
	ids = golden(&in, "pair.input_ids");
	mask = golden(&in, "pair.attention_mask");
	ck_ok(mm_stream_writer_open(&w, path, err));
	for (size_t i = 0; i < px->dim[0]; i++) {
		const size_t T = ids->dim[1];
		const size_t n = px->nbytes / px->dim[0];
		char id[24];

		snprintf(id, sizeof(id), "%zu", i);
		for (size_t t = 0; t < T; t++) {
			row[t] = (int32_t)((const int64_t *)
						   ids->data)[i * T + t];
			keep[t] = ((const int64_t *)mask->data)[i * T + t] != 0;
		}
		ck_ok(mm_stream_put_str(&w, "id", id, strlen(id), err));
		ck_ok(mm_stream_put(&w, "image", MM_F32, 3, px->dim + 1,
				    (const char *)px->data + i * n, err));
		ck_ok(mm_stream_put(&w, "ids", MM_I32, 1, &T, row, err));
		ck_ok(mm_stream_put(&w, "mask", MM_U8, 1, &T, keep, err));
		ck_ok(mm_stream_end_row(&w, err));
	}
	ck_ok(mm_stream_commit(&w, err));
	mm_safetensors_release(&in);
	return path;
}

#endif
