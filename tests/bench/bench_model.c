/*
 * bench_model.c - CLIP ViT-B/32 with random weights: towers at several batch
 * sizes, against the sgemm peak of the same run; training is bench_train's.
 *
 * Multiplications are counted in linear layers and attention only, as 2 M N K.
 *
 *	usage: bench_model [name part]
 *	       bench_model - BATCH float32|int8
 *
 * The second runs the image tower once for each line on stdin and answers with
 * the seconds: scripts/peers/onnx-runtime-speed takes turns with it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "graph/ops.h"
#include "graph/ragged.h"
#include "model/embed.h"

enum { SIDE = 224, TOKENS = 77, END = 49407 };

static const char *only = "";
static bool int8;

static double flops(const struct mm_graph *g)
{
	double sum = 0;

	for (size_t i = 0; i < g->n_nodes; i++) {
		const struct mm_node *n = g->node[i];

		if (n->op == &mm_op_linear) {
			const size_t F = n->in[1]->shape.dim[0];

			sum += 2.0 * (double)n->n * (double)(n->in[1]->n / F);
		} else if (n->op == &mm_op_attention) {
			sum += 4.0 * (double)n->n *
			       (double)(n->in[1]->ragged
						? g->ragged->T
						: n->in[1]->shape.dim[1]);
		} else if (n->op == &mm_op_matmul) {
			sum += 2.0 * (double)n->n *
			       (double)n->in[0]->shape.dim[1];
		}
	}
	return sum;
}

/* Every weight of a linear layer as int8, or in floats again. */
static void repack(struct mm_model *m, enum mm_packed_type type)
{
	int8 = type == MM_PACKED_INT8;
	for (size_t i = 0; i < m->store.n; i++) {
		m->store.param[i]->pack = type;
		m->store.param[i]->packed = NULL;
	}
}

static void fail(const struct mm_err *err)
{
	fprintf(stderr, "bench_model: %s\n", err->msg);
	exit(1);
}

struct tower {
	struct mm_embedder e;
	size_t B;
	float *pixels; /* or ... */
	int32_t *ids;
	float *out;
};

static void start(struct tower *t, struct mm_model *m, size_t B)
{
	memset(t, 0, sizeof(*t));
	mm_embedder_init(&t->e, m);
	t->B = B;
	if (!(t->out = calloc(B, m->embed_dim * sizeof(*t->out))))
		exit(1);
}

static void start_images(struct tower *t, struct mm_model *m, size_t B)
{
	const size_t n = B * 3 * SIDE * SIDE;

	start(t, m, B);
	if (!(t->pixels = malloc(n * sizeof(*t->pixels))))
		exit(1);
	for (size_t i = 0; i < n; i++)
		t->pixels[i] = (float)(i % 17) / 17 - 0.5f;
}

/* Ids 0, for the model is random, up to an end at the last place. */
static void start_texts(struct tower *t, struct mm_model *m, size_t B)
{
	start(t, m, B);
	if (!(t->ids = calloc(B, TOKENS * sizeof(*t->ids))))
		exit(1);
	for (size_t b = 0; b < B; b++)
		t->ids[(b + 1) * TOKENS - 1] = END;
}

static void stop(struct tower *t)
{
	mm_embedder_release(&t->e);
	free(t->pixels);
	free(t->ids);
	free(t->out);
}

static void run(void *ctx)
{
	struct tower *t = ctx;
	struct mm_err err = { 0 };

	if (t->ids ? mm_embed_texts(&t->e, t->out, t->ids, NULL, NULL, t->B,
				    TOKENS, &err)
		   : mm_embed_images(&t->e, t->out, t->pixels, MM_ELEM_REAL,
				     t->B, SIDE, SIDE, &err))
		fail(&err);
}

static double flops_of(const struct tower *t)
{
	const struct mm_embed_graph *k = t->ids ? t->e.text : t->e.image;

	return flops(&k->g) / (double)k->B * (double)t->B;
}

static void report(const char *what, struct tower *t)
{
	char name[64];
	double s;

	snprintf(name, sizeof(name), "%s%s, batch %zu", what,
		 int8 ? " in int8" : "", t->B);
	if (strstr(name, only)) {
		s = bench_best(run, t, 3);
		bench_print(name, flops_of(t), s, int8 ? "GOP/s" : "GF/s",
			    int8 ? bench_dot_peak() : bench_sgemm_peak());
	}
	stop(t);
}

static void bench_towers(struct mm_model *m)
{
	static const size_t batches[] = { 1, 8, 32 };
	struct tower t;

	for (size_t i = 0; i < 3; i++) {
		start_images(&t, m, batches[i]);
		report("image tower", &t);
	}
	start_texts(&t, m, 8);
	report("text tower", &t);
}

static void take_turns(struct mm_model *m, size_t B)
{
	struct tower t;
	int c;

	start_images(&t, m, B);
	run(&t);
	while ((c = getchar()) != EOF) {
		const double start = bench_now();

		if (c != '\n')
			continue;
		run(&t);
		printf("%.6f\n", bench_now() - start);
		fflush(stdout);
	}
	stop(&t);
}

int main(int argc, char **argv)
{
	const struct mm_model shape = { .image_size = SIDE,
					.context_length = TOKENS,
					.vocab_size = 49408,
					.eos_token_id = END };
	struct mm_err err = { 0 };
	const bool turns = argc > 3 && !strcmp(argv[1], "-");
	struct mm_model m;
	void *values;

	if (argc > 1)
		only = argv[1];
	if (!turns)
		bench_print_machine();
	if (mm_model_new(&m, "clip", "base", &shape, &err) ||
	    mm_model_declare(&m, &err) || mm_model_bind(&m, true, &err))
		fail(&err);
	mm_store_initialise(&m.store, 1);
	/* As if they had come from a file: to be packed. */
	values = m.store.values;
	m.store.values = NULL;
	if (turns) {
		if (!strcmp(argv[3], "int8"))
			repack(&m, MM_PACKED_INT8);
		take_turns(&m, (size_t)atoi(argv[2]));
	} else {
		bench_towers(&m);
		repack(&m, MM_PACKED_INT8);
		bench_towers(&m);
	}
	repack(&m, MM_PACKED_F32);
	m.store.values = values;
	mm_model_release(&m);
	return 0;
}
