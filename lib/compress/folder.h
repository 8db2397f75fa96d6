/*
 * folder.h - writing a model folder that was made from another one.
 */
#ifndef MM_COMPRESS_FOLDER_H
#define MM_COMPRESS_FOLDER_H

#include "base/json.h"
#include "model/model.h"

/*
 * Make `dir`, and carry into it everything of m's folder that is neither
 * weights, nor configuration, nor the state or the log of a training run:
 * tokenizer, preprocessor, licence.  MM_ERR_USAGE where the two folders are one.
 *
 * A configuration that is there goes first, and the caller writes the new one
 * after the weights: whatever ends the program meanwhile, a folder that has one
 * is whole.
 */
int mm_folder_begin(const struct mm_model *m, const char *dir,
		    struct mm_err *err) MM_MUST_CHECK;

/*
 * The tensors of m's file that are of a task's head (classifier.*, fusion.*),
 * which the model itself does not know: they go into the new one as they are.
 * `out` has room for all tensors of the file; returns how many.
 */
size_t mm_folder_heads(struct mm_tensor *out, const struct mm_model *m);

/*
 * The configuration of m's folder (config.json or open_clip_config.json) with
 * what `more` writes put behind its keys, into `dir`.
 */
int mm_folder_config(const struct mm_model *m, const char *dir,
		     void (*more)(const void *ctx, struct mm_json_writer *w),
		     const void *ctx, struct mm_err *err) MM_MUST_CHECK;

#endif
