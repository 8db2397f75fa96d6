/*
 * encode.h - from what users have (streams, lines, picture files) to vectors:
 * a model with its tokenizer and its recipe for pictures.
 *
 * Every call writes (n, embed_dim) floats, not normalised.
 */
#ifndef MM_MODEL_ENCODE_H
#define MM_MODEL_ENCODE_H

#include "image/preprocess.h"
#include "model/embed.h"
#include "tensor/stream.h"
#include "text/tokenizer.h"

struct mm_encoder {
	struct mm_model model;
	struct mm_embedder run;
	struct mm_tokenizer *tok; /* NULL: the folder has none */
	struct mm_token_work *tok_work;
	struct mm_image_preset recipe;
	bool has_recipe;
	struct mm_image_work image_work;
	void *pixels; /* of a batch; grows */
	int32_t *ids, *types;
	uint8_t *mask;
	size_t pixels_cap, ids_cap;
	struct mm_encode_part *part; /* see mm_encoder_divide */
	size_t n_parts;
	bool quick_images, quick_texts; /* fewer than parts: by one thread */
};

int mm_encoder_open(struct mm_encoder *e, const char *dir,
		    struct mm_err *err) MM_MUST_CHECK;
void mm_encoder_release(struct mm_encoder *e); /* safe on zeros */

/* Pictures of another side than the model's; 0 changes nothing. */
void mm_encoder_resize(struct mm_encoder *e, size_t side);

/*
 * Samples row[0..n) of a segment.  Pictures: column `image`, bytes (normalised
 * by the metadata's image.mean and image.std, else by the model's) or floats;
 * else `image.data` or `image.path` by the model's recipe.  Texts: `ids` with
 * `mask` and `types`, else `text` through the model's tokenizer.
 */
int mm_encode_images(struct mm_encoder *e, float *out,
		     const struct mm_segment *seg, const size_t *row, size_t n,
		     struct mm_err *err) MM_MUST_CHECK;
int mm_encode_texts(struct mm_encoder *e, float *out,
		    const struct mm_segment *seg, const size_t *row, size_t n,
		    struct mm_err *err) MM_MUST_CHECK;

/* One text; one picture file. */
int mm_encode_line(struct mm_encoder *e, float *out, const char *text,
		   size_t len, struct mm_err *err) MM_MUST_CHECK;
int mm_encode_file(struct mm_encoder *e, float *out, const char *path,
		   struct mm_err *err) MM_MUST_CHECK;

/*
 * The same in two steps, for callers with threads of their own.  First, with
 * a thread's own work (mm_token_work_new(e->tok)) and without changing e: the
 * pixels (3, S, S) of an encoded picture, the ids and the mask (T) of a text.
 * S is model.image_size, T model.context_length; opts may be NULL.
 */
int mm_encode_read_image(const struct mm_encoder *e, struct mm_image_work *w,
			 uint8_t *pixels, const void *data, size_t n,
			 const struct mm_decode_opts *opts,
			 struct mm_err *err) MM_MUST_CHECK;
int mm_encode_read_text(const struct mm_encoder *e, struct mm_token_work *w,
			int32_t *ids, uint8_t *mask, const char *text,
			size_t len, struct mm_err *err) MM_MUST_CHECK;

/* Then, one thread at a time, n of them. */
int mm_encode_read_images(struct mm_encoder *e, float *out,
			  const uint8_t *const *pixels, size_t n,
			  struct mm_err *err) MM_MUST_CHECK;
int mm_encode_read_texts(struct mm_encoder *e, float *out,
			 const int32_t *const *ids, const uint8_t *const *mask,
			 size_t n, struct mm_err *err) MM_MUST_CHECK;

/*
 * From now on these two cut n >= parts inputs into as many, each for one thread
 * from end to end.  Threads of a small tower's operators else wait for each
 * other some dozens of times a batch, which is slow where the processors have
 * other work too.
 */
int mm_encoder_divide(struct mm_encoder *e, size_t parts,
		      struct mm_err *err) MM_MUST_CHECK;

/* Every picture of a folder and its sub-folders, in byte order of the paths. */
int mm_encode_folder(const char *dir,
		     int (*each)(void *ctx, const char *path,
				 struct mm_err *err),
		     void *ctx, struct mm_err *err) MM_MUST_CHECK;

/* What a file is, from its first bytes.  "-" is a stream or text. */
enum mm_operand {
	MM_OPERAND_STREAM,
	MM_OPERAND_FOLDER,
	MM_OPERAND_PICTURE,
	MM_OPERAND_TEXT,
};
extern const char *const mm_operand_names[];
int mm_operand_sniff(const char *path, enum mm_operand *kind,
		     struct mm_err *err) MM_MUST_CHECK;

#endif
