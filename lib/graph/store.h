/*
 * store.h - the parameters of a model: name -> shape, value, gradient.
 *
 * Graphs declare parameters; many graphs (other batch sizes, the two towers)
 * share one store.  Names are the checkpoint's (Hugging Face) names.  Values
 * are bound afterwards: to a mapped checkpoint, or to the store's own block.
 */
#ifndef MM_GRAPH_STORE_H
#define MM_GRAPH_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "kernel/packed.h"
#include "kernel/real.h"
#include "tensor/dtype.h"

struct mm_shape {
	int rank; /* 0: a scalar */
	size_t dim[MM_MAX_RANK];
};

#define MM_SHAPE(...)                                                      \
	((struct mm_shape){                                                \
		(int)(sizeof((size_t[]){ __VA_ARGS__ }) / sizeof(size_t)), \
		{ __VA_ARGS__ } })
#define MM_SCALAR ((struct mm_shape){ 0, { 0 } })

/* "(2, 3, 4)"; buf holds at least 128 bytes.  Returns buf. */
const char *mm_shape_str(char *buf, const struct mm_shape *s);
bool mm_shape_equal(const struct mm_shape *a, const struct mm_shape *b);

/* Number of elements; false where it does not fit a size_t of bytes. */
bool mm_shape_elements(size_t *n, const struct mm_shape *s);

/* How a parameter starts when a model is trained from scratch. */
struct mm_init {
	enum { MM_INIT_CONST, MM_INIT_NORMAL, MM_INIT_UNIFORM } kind;
	double x; /* the constant, the standard deviation, or +-x */
};

#define MM_INIT_ZERO ((struct mm_init){ MM_INIT_CONST, 0.0 })
#define MM_INIT_ONE  ((struct mm_init){ MM_INIT_CONST, 1.0 })
#define MM_NORMAL(s) ((struct mm_init){ MM_INIT_NORMAL, (s) })
#define MM_FILL(c)   ((struct mm_init){ MM_INIT_CONST, (c) })

/* Learning rates are chosen per group: --lr-image, --lr-text, ... */
enum mm_group {
	MM_GROUP_IMAGE,
	MM_GROUP_TEXT,
	MM_GROUP_FUSION,
	MM_GROUP_HEAD,
	MM_N_GROUPS
};
extern const char *const mm_group_names[MM_N_GROUPS];

/*
 * A parameter stored as int8 has q and scale in place of val:
 *
 *	W[f,c] = scale[f] q[f,c]	symmetric, one scale per output channel
 *
 * Who binds it points q (F, C), scale (F) and, for static activations, x_scale
 * (one number; NULL: a scale per token) at memory that outlives the store,
 * sets `pack` to MM_PACKED_INT8 or, for activations in float, MM_PACKED_W8,
 * and leaves val NULL.  Only linear layers multiply with it; where `plain` is
 * set another operator reads the values, and val must be bound too.
 */
struct mm_param {
	const char *name;
	struct mm_shape shape;
	size_t n;
	struct mm_init init;
	enum mm_group group;
	size_t layer;  /* depth for layer-wise decay: 0 = nearest the input */
	bool frozen;   /* no gradient, no update */
	bool buffer;   /* running statistics: stored, never trained */
	bool count;    /* a buffer that counts: I64 in files, 0 if absent */
	bool extra;    /* not the model's own: a checkpoint may lack it */
	bool aux;      /* only training wants it: not saved with the model */
	mm_real *val;  /* NULL until bound */
	mm_real *grad; /* NULL: no gradient wanted */

	const int8_t *q; /* see above; NULL: not stored as int8 */
	const float *scale, *x_scale;
	bool weight; /* some linear layer multiplies with it */
	bool plain; /* read by more than linear layers, as their weight */
	enum mm_packed_type pack;	/* format of ... */
	const struct mm_packed *packed; /* ... the panels; NULL until packed */
};

struct mm_store {
	struct mm_arena arena; /* params and names */
	struct mm_map index;
	struct mm_param **param; /* in the order of declaration */
	size_t n, cap;
	enum mm_group group; /* given to parameters declared from now on */
	size_t layer;	     /* likewise */
	bool extra, aux;     /* likewise */
	size_t lora; /* rank of the adapters of linear layers; 0: none */
	void *values, *grads; /* the store's own blocks, or NULL */

	/* No value changes from now on: mm_graph_alloc packs the weights of
	 * linear layers, once, for all graphs of mode MM_INFER. */
	bool fixed;

	/* Panels that are there already, MM_PANEL_ALIGN aligned, or NULL:
	 * asked before a weight is packed into `bytes`.  NULL: none. */
	const void *(*panels)(void *ctx, const struct mm_param *p,
			      size_t bytes);
	void *panels_ctx;

	/* Called once a weight has panels: its values may go from memory. */
	void (*spent)(void *ctx, const struct mm_param *p);
	void *spent_ctx;
};

void mm_store_init(struct mm_store *s);
void mm_store_release(struct mm_store *s);

struct mm_param *mm_store_find(const struct mm_store *s, const char *name);

/* Find or declare; see mm_param in graph.h. */
int mm_store_declare(struct mm_store *s, const char *name,
		     const struct mm_shape *shape, struct mm_init init,
		     struct mm_param **out, struct mm_err *err) MM_MUST_CHECK;

/* Elements of all parameters (buffers not counted). */
size_t mm_store_count(const struct mm_store *s);

/*
 * One block for the values of all parameters that are not bound yet, zeroed;
 * offsets 64-byte aligned.
 */
int mm_store_alloc_values(struct mm_store *s, struct mm_err *err) MM_MUST_CHECK;

/* One block for the gradients of all that are not frozen, zeroed. */
int mm_store_alloc_grads(struct mm_store *s, struct mm_err *err) MM_MUST_CHECK;
void mm_store_zero_grads(struct mm_store *s);

/* Bytes that the two calls above would take. */
size_t mm_store_value_bytes(const struct mm_store *s);
size_t mm_store_grad_bytes(const struct mm_store *s);

/*
 * Start values by each parameter's rule; a parameter's numbers depend on the
 * seed and its name alone.
 */
void mm_store_initialise(struct mm_store *s, uint64_t seed);
void mm_param_initialise(struct mm_param *p, uint64_t seed); /* one of them */

#endif
