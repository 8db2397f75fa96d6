/*
 * export.h - a model's towers as ONNX, with the names that the Hub's files
 * have.
 *
 *	image	pixel_values (batch_size, 3, H, W) -> image_embeds
 *	text	input_ids [, attention_mask] (batch_size, sequence_length)
 *		-> text_embeds
 *	both	all of them -> logits_per_image, logits_per_text, text_embeds,
 *		image_embeds
 *
 * As in transformers, embeddings of a tower alone have the length that its
 * projection gives them, those of both have length 1.  Numbers of pictures and
 * texts are free, of tokens up to the model's context.
 */
#ifndef MM_ONNX_EXPORT_H
#define MM_ONNX_EXPORT_H

#include "graph/onnx.h"
#include "model/model.h"

enum mm_onnx_part { MM_ONNX_IMAGE, MM_ONNX_TEXT, MM_ONNX_BOTH };

struct mm_export {
	enum mm_onnx_part part;
	int opset; /* 17..20 */
	enum mm_onnx_int8 int8;
	bool half;	 /* float16 weights and arithmetic, float32 outside */
	bool external;	 /* weights in a file of their own */
	uint64_t inside; /* that many bytes of them stay in the model's; 0, and
			    at most: what protobuf can hold */
};

/*
 * Write path.  Opens with any runtime that knows the opset.  Fails where an
 * operator of the model has no form in ONNX, naming it.
 */
int mm_export_onnx(struct mm_model *m, const struct mm_export *x,
		   const char *path, struct mm_err *err) MM_MUST_CHECK;

/*
 * Has m what the file wants?  MM_ONNX_QDQ: weights in int8 and, unless they are
 * that alone, fixed scales; else MM_ERR_REFUSED.
 */
int mm_export_check(struct mm_model *m, const struct mm_export *x,
		    struct mm_err *err) MM_MUST_CHECK;

#endif
