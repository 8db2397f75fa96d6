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

enum { END = 49407 };

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

static void run(void *ctx)
{
	mm_graph_forward(ctx);
}

static void report(const char *what, size_t B, struct mm_graph *g)
{
	char name[64];
	double s;

	snprintf(name, sizeof(name), "%s%s, batch %zu", what,
		 int8 ? " in int8" : "", B);
	if (!strstr(name, only))
		return;
	s = bench_best(run, g, 3);
	if (int8)
		bench_print(name, flops(g), s, "GOP/s", bench_dot_peak());
	else
		bench_print(name, flops(g), s, "GF/s", bench_sgemm_peak());
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

/* Ids 0, for the model is random, up to an end at the last place. */
static void *full_texts(const struct mm_node *x)
{
	const size_t T = x->shape.dim[1];
	int32_t *ids = calloc(x->n, sizeof(*ids));

	for (size_t b = 0; ids && b < x->shape.dim[0]; b++)
		ids[(b + 1) * T - 1] = END;
	return ids;
}

static void start(struct mm_graph *g, size_t B)
{
	struct mm_err err = { 0 };
	size_t n = 0;

	g->batch = B;
	if (mm_graph_plan(g, &err) || mm_graph_alloc(g, &err))
		fail(&err);
	for (size_t i = 0; i < g->n_nodes; i++) {
		struct mm_node *x = g->node[i];

		if (x->op || x->param)
			continue;
		n = x->n;
		if (x->elem == MM_ELEM_REAL)
			for (size_t k = 0; k < n; k++)
				x->val[k] = (float)(k % 17) / 17 - 0.5f;
		else
			x->data = full_texts(x);
	}
}

static void stop(struct mm_graph *g)
{
	for (size_t i = 0; i < g->n_nodes; i++) {
		union {
			const void *in;
			void *out;
		} p = { g->node[i]->data };

		free(p.out);
	}
	mm_graph_release(g);
}

static void start_image(struct mm_graph *g, struct mm_model *m, size_t B)
{
	mm_graph_init(g, &m->store, MM_INFER);
	mm_output(
		g,
		m->arch->image(g, m,
			       mm_image_input(g, m, MM_ELEM_REAL, B, 224, 224)),
		"image_embeds");
	start(g, B);
}

static void bench_image(struct mm_model *m, size_t B)
{
	struct mm_graph g;

	start_image(&g, m, B);
	report("image tower", B, &g);
	stop(&g);
}

static void take_turns(struct mm_model *m, size_t B)
{
	struct mm_graph g;
	int c;

	start_image(&g, m, B);
	while ((c = getchar()) != EOF) {
		const double t = bench_now();

		if (c != '\n')
			continue;
		mm_graph_forward(&g);
		printf("%.6f\n", bench_now() - t);
		fflush(stdout);
	}
	stop(&g);
}

static void bench_text(struct mm_model *m, size_t B)
{
	struct mm_text_input t;
	struct mm_graph g;

	mm_graph_init(&g, &m->store, MM_INFER);
	t = mm_text_inputs(&g, B, 77, false, false);
	mm_output(&g, m->arch->text(&g, m, &t), "text_embeds");
	start(&g, B);
	report("text tower", B, &g);
	stop(&g);
}

int main(int argc, char **argv)
{
	const struct mm_model shape = { .image_size = 224,
					.context_length = 77,
					.vocab_size = 49408,
					.eos_token_id = END };
	struct mm_err err = { 0 };
	const bool turns = argc > 3 && !strcmp(argv[1], "-");
	struct mm_model m;

	if (argc > 1)
		only = argv[1];
	if (!turns)
		bench_print_machine();
	if (mm_model_new(&m, "clip", "base", &shape, &err) ||
	    mm_model_declare(&m, &err) || mm_model_bind(&m, true, &err))
		fail(&err);
	mm_store_initialise(&m.store, 1);
	m.store.fixed = true;
	if (turns) {
		if (!strcmp(argv[3], "int8"))
			repack(&m, MM_PACKED_INT8);
		take_turns(&m, (size_t)atoi(argv[2]));
		mm_model_release(&m);
		return 0;
	}
	bench_image(&m, 1);
	bench_image(&m, 8);
	bench_image(&m, 32);
	bench_text(&m, 8);
	repack(&m, MM_PACKED_INT8);
	bench_image(&m, 1);
	bench_image(&m, 8);
	bench_image(&m, 32);
	bench_text(&m, 8);
	repack(&m, MM_PACKED_F32);
	mm_model_release(&m);
	return 0;
}
