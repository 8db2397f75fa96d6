/* encode_parts.h - a batch in one piece or in parts, for encode.c. */
#ifndef MM_MODEL_ENCODE_PARTS_H
#define MM_MODEL_ENCODE_PARTS_H

#include "model/encode.h"

/* out (n, embed_dim) from pixels (n, 3, S, S), normalised; from ids and mask
 * (n, T).  S is model.image_size, T model.context_length. */
int mm_encode_parts_images(struct mm_encoder *e, float *out,
			   const float *pixels, size_t n,
			   struct mm_err *err) MM_MUST_CHECK;
int mm_encode_parts_texts(struct mm_encoder *e, float *out, const int32_t *ids,
			  const uint8_t *mask, size_t n,
			  struct mm_err *err) MM_MUST_CHECK;

void mm_encode_parts_release(struct mm_encoder *e);

#endif
