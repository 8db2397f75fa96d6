/*
 * bench_model.c - CLIP ViT-B/32 with random weights: towers at several batch
 * sizes and a training step, against the sgemm peak of the same run.
 *
 * Multiplications are counted in linear layers and attention only, as 2 M N K;
 * a training step counts three times its forward pass.
 *
 *	usage: bench_model [name part]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "graph/ops.h"
#include "model/embed.h"

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
			       (double)n->in[1]->shape.dim[1];
		} else if (n->op == &mm_op_matmul) {
			sum += 2.0 * (double)n->n *
			       (double)n->in[0]->shape.dim[1];
		}
	}
	return sum;
}

struct job {
	struct mm_graph *g;
	bool backward;
};

static void run(void *ctx)
{
	const struct job *j = ctx;

	mm_graph_forward(j->g);
	if (j->backward)
		mm_graph_backward(j->g);
}

static void report(const char *what, size_t B, struct mm_graph *g,
		   bool backward)
{
	struct job j = { g, backward };
	char name[64];
	double s;

	snprintf(name, sizeof(name), "%s%s, batch %zu", what,
		 int8 ? " in int8" : "", B);
	if (!strstr(name, only))
		return;
	s = bench_best(run, &j, backward ? 20 : 3);
	if (int8)
		bench_print(name, flops(g), s, "GOP/s", bench_dot_peak());
	else
		bench_print(name, flops(g) * (backward ? 3 : 1), s, "GF/s",
			    bench_sgemm_peak());
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
			x->data = calloc(n, 4); /* ids 0: the model is random */
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

static void bench_image(struct mm_model *m, size_t B)
{
	struct mm_graph g;

	mm_graph_init(&g, &m->store, MM_INFER);
	mm_output(&g,
		  m->arch->image(
			  &g, m,
			  mm_image_input(&g, m, MM_ELEM_REAL, B, 224, 224)),
		  "image_embeds");
	start(&g, B);
	report("image tower", B, &g, false);
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
	report("text tower", B, &g, false);
	stop(&g);
}

static void bench_step(struct mm_model *m, size_t B, enum mm_compute compute)
{
	struct mm_err err = { 0 };
	struct mm_text_input t;
	struct mm_node *x, *z;
	struct mm_graph g;

	if (!m->store.grads && mm_store_alloc_grads(&m->store, &err))
		fail(&err);
	mm_graph_init(&g, &m->store, MM_TRAIN);
	x = mm_image_input(&g, m, MM_ELEM_REAL, B, 224, 224);
	t = mm_text_inputs(&g, B, 77, false, false);
	z = m->arch->logits(&g, m, mm_l2norm(&g, m->arch->image(&g, m, x), 0),
			    mm_l2norm(&g, m->arch->text(&g, m, &t), 0));
	mm_output(&g, m->arch->loss(&g, z, NULL, 0), "loss");
	g.compute = compute;
	start(&g, B);
	report(compute ? "training in bfloat16" : "training", B, &g, true);
	stop(&g);
}

int main(int argc, char **argv)
{
	const struct mm_model shape = { .image_size = 224,
					.context_length = 77,
					.vocab_size = 49408,
					.eos_token_id = 49407 };
	struct mm_err err = { 0 };
	struct mm_model m;

	if (argc > 1)
		only = argv[1];
	bench_print_machine();
	if (mm_model_new(&m, "clip", "base", &shape, &err) ||
	    mm_model_declare(&m, &err) || mm_model_bind(&m, true, &err))
		fail(&err);
	mm_store_initialise(&m.store, 1);
	m.store.fixed = true;
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
	m.store.fixed = false;
	bench_step(&m, 32, MM_COMPUTE_F32);
	bench_step(&m, 32, MM_COMPUTE_BF16);
	mm_model_release(&m);
	return 0;
}
