/*
 * quantize.h - a model folder in int8.
 *
 *	W[f,c] = scale[f] q[f,c]	symmetric; scale[f] = max|W[f]| / 127,
 *or one scale for the whole tensor
 *
 * Weights of linear layers are multiplied in int8: activations are rounded by
 * a scale per token (dynamic) or by one found on samples (static), or stay in
 * float (weight-only).  Tables and convolutions are stored in int8 and widened
 * when the folder is opened.  Vectors, tables of positions and what is too
 * small to matter stay in float.  graph/store.h and model/model.h say how such
 * a folder is read.
 *
 *	mm_quantizer_open	the model, and every weight's q and scale
 *	mm_quantizer_calibrate	static scales; the vectors of the float model
 *	mm_quantizer_measure	what int8 changes
 *	mm_quantizer_protect	keep sensitive layers in float until it holds
 *	mm_quantizer_save	the folder
 *	mm_quantizer_release
 */
#ifndef MM_COMPRESS_QUANTIZE_H
#define MM_COMPRESS_QUANTIZE_H

#include <stdbool.h>

#include "compress/measure.h"
#include "compress/range.h"

enum mm_quant_method {
	MM_QUANT_DYNAMIC,
	MM_QUANT_STATIC,
	MM_QUANT_WEIGHT_ONLY,
};

struct mm_quant_options {
	enum mm_quant_method method;
	bool per_channel;
	enum mm_range_rule rule; /* static: how a scale is found */
	double percentile;
	const char *const *skip; /* globs: these stay in float */
	size_t n_skip;
};

struct mm_quant_weight {
	const struct mm_param *p; /* of the float model */
	size_t F, C;
	bool linear;		/* else widened when the folder is opened */
	bool keep;		/* in float after all */
	int8_t *q;		/* (F, C) */
	float *scale;		/* (F) */
	float x_scale;		/* static; 0: not found */
	float *wide;		/* (F, C), where not linear: scale q */
	struct mm_range *range; /* static, while samples are seen */
	double gain;		/* mean cosine won if this one stays in float */
};

struct mm_quantizer {
	struct mm_encoder model; /* in float */
	struct mm_quant_options o;
	struct mm_quant_weight *w; /* n of them */
	size_t n;
	struct mm_map by_name;
	struct mm_arena arena;
	struct mm_measured before; /* of the set last calibrated on */
};

/*
 * MM_ERR_USAGE for a model that is quantised already.  The folder's weights
 * stay mapped until mm_quantizer_release; after a failure too it is called.
 */
int mm_quantizer_open(struct mm_quantizer *q, const char *dir,
		      const struct mm_quant_options *o,
		      struct mm_err *err) MM_MUST_CHECK;
void mm_quantizer_release(struct mm_quantizer *q); /* safe on zeros */

/*
 * The float model on the set: q->before, and with MM_QUANT_STATIC the scale of
 * every linear layer's and convolution's input (the latter for those who read
 * the folder, or export it).  A layer that no sample reaches stays in float.
 */
int mm_quantizer_calibrate(struct mm_quantizer *q,
			   const struct mm_sample_set *set,
			   struct mm_err *err) MM_MUST_CHECK;

/* q->before alone, of another set. */
int mm_quantizer_reference(struct mm_quantizer *q,
			   const struct mm_sample_set *set,
			   struct mm_err *err) MM_MUST_CHECK;

/* The int8 model, as it is planned now, beside q->before on the same set. */
int mm_quantizer_measure(struct mm_quantizer *q,
			 const struct mm_sample_set *set, struct mm_fidelity *f,
			 struct mm_err *err) MM_MUST_CHECK;

/*
 * Where f->loss is over max_loss: every layer's gain is measured (the mean
 * cosine with that one alone in float), and layers stay in float in the order
 * of their gains until the loss is within the bound.  *f is then the result's.
 * MM_ERR_REFUSED naming the worst layers where half of them do not suffice.
 */
int mm_quantizer_protect(struct mm_quantizer *q,
			 const struct mm_sample_set *set, double max_loss,
			 struct mm_fidelity *f,
			 struct mm_err *err) MM_MUST_CHECK;

/* The int8 weights into another store that declares the model; they live as
 * long as q. */
void mm_quantizer_give(const struct mm_quantizer *q, struct mm_store *s);

/* Layers of w that are kept in float. */
size_t mm_quantizer_kept(const struct mm_quantizer *q);

/*
 * Write the folder: model.safetensors with I8 weights and their scales, the
 * configuration with "quantization_config", and the other files of the model's
 * folder as they are.  *before, *after: bytes of all weights.
 */
int mm_quantizer_save(const struct mm_quantizer *q, const char *dir,
		      size_t *before, size_t *after,
		      struct mm_err *err) MM_MUST_CHECK;

#endif
