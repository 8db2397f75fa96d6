/*
 * objective.h - what a model learns from: the rows of objectives.def.
 *
 * There are two kinds.  One of *pairs* contrasts the whole batch: it sees the
 * embeddings of all its pictures and texts and emits a scalar; the towers run
 * on pieces of the batch and the gradient is that of the whole.  One of
 * *samples* is a mean over things that each belong to one sample (a class, a
 * masked token): it emits its towers and a scalar for a piece of the batch,
 * and pieces count by how many things they hold.
 *
 * A stage has a set of objectives with weights; the loss is their weighted sum.
 */
#ifndef MM_TRAIN_OBJECTIVE_H
#define MM_TRAIN_OBJECTIVE_H

#include "base/err.h"
#include "data/dataset.h"
#include "model/model.h"

struct mm_train_options;

enum { MM_MAX_TERMS = 8, MM_TARGET_IGNORE = -100 };

/* What an objective of pairs may build upon; B rows each. */
struct mm_pairs {
	struct mm_graph *g;
	const struct mm_model *m;
	const struct mm_train_options *o;
	double smoothing;
	struct mm_node *raw[2];	    /* image, text embeddings (B, D) */
	struct mm_node *unit[2];    /* of length 1 */
	struct mm_node *logits;	    /* (B, B), scaled */
	struct mm_node *same;	    /* (B) I32: equal captions, equal numbers */
	struct mm_node *teacher[2]; /* (B, Dt), of length 1; NULL: no teacher */
};

/* The samples of a step, or a run of them in validation. */
struct mm_batch {
	const struct mm_dataset *data;
	size_t n;		/* samples */
	size_t first;		/* number of the first one in the whole batch */
	const uint64_t *sample; /* (n) hashes of their ids */
	uint32_t epoch;
	const void *pixels;   /* (n, 3, H, W) */
	const int32_t *ids;   /* (n, T) */
	const uint8_t *mask;  /* (n, T) */
	const int32_t *label; /* (n) classes */
};

/* An objective of samples at work on pieces of a batch. */
struct mm_task {
	const struct mm_objective *objective;
	double weight;
	struct mm_model *m;
	const struct mm_train_options *o;
	double smoothing;
	const struct mm_dataset *data; /* shapes */
	size_t classes;
	struct mm_graph g;
	size_t piece;		       /* samples a graph runs on */
	struct mm_node *loss, *scores; /* scores: (piece, K) or NULL */

	/* Inputs that emit() declared; NULL where it did not. */
	struct mm_node *pixels;
	struct mm_text_input text;
	struct mm_node *targets; /* I32, target_row numbers a sample */
	struct mm_node *real[2]; /* filled by fill() */
	size_t target_row;

	/* What prepare() wrote for a whole batch. */
	int32_t *target; /* (n, target_row) */
	int32_t *ids;	 /* (n, T), changed; NULL: the batch's */
	size_t cap;	 /* samples that fit */
};

enum {
	MM_NEEDS_LABEL = 1 << 0,
	MM_NEEDS_TEACHER = 1 << 1,
	MM_NEEDS_SAME = 1 << 2, /* which captions of the batch are equal */
	MM_NEEDS_IDS = 1 << 3,	/* ids of its own: task->ids */
};

struct mm_objective {
	const char *name;
	const char *summary;
	unsigned needs;
	struct mm_node *(*pairs)(const struct mm_pairs *p); /* or */
	void (*emit)(struct mm_task *t); /* inputs, loss, scores */

	/* Targets (and ids) of a whole batch; NULL: nothing to do. */
	void (*prepare)(struct mm_task *t, const struct mm_batch *b);

	/* t->real from rows first .. first + piece; NULL likewise. */
	void (*fill)(struct mm_task *t, const struct mm_batch *b, size_t first);
};

#define MM_OBJECTIVE(name) extern const struct mm_objective mm_objective_##name;
#include "train/objectives.def"
#undef MM_OBJECTIVE
extern const struct mm_objective *const mm_objectives[]; /* NULL at the end */

struct mm_term {
	const struct mm_objective *objective;
	double weight;
};

/*
 * "infonce", "default,lm:0.5": names with weights (1 where none is told).
 * MM_ERR_USAGE names what is wrong.
 */
int mm_terms_parse(struct mm_term term[MM_MAX_TERMS], size_t *n,
		   const char *text, struct mm_err *err) MM_MUST_CHECK;
/* The same text back; appended. */
void mm_terms_format(struct mm_buf *out, const struct mm_term *term, size_t n);

/* Emit the parts that objectives share. */
void mm_task_image_input(struct mm_task *t);
void mm_task_text_input(struct mm_task *t);

#endif
