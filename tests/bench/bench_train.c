/*
 * bench_train.c - a step of training CLIP: forward, backward, the gradient's
 * norm, AdamW; as a share of the sgemm peak of the same run, in samples a
 * second, and the memory that was planned beside what the process then took.
 *
 *	usage: bench_train [name part]
 *
 * Multiplications are counted as they are done, 2 M N K in linear layers and
 * attention, three times those of the forward pass; rows that nobody reads are
 * not computed and not counted (graph/rows.h, graph/ragged.h).
 * scripts/peers/train_step.py takes the same steps with PyTorch.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "graph/ops.h"
#include "graph/ragged.h"
#include "kernel/optim.h"
#include "model/model.h"

/* Texts have tokens - 4 .. tokens + 4 of the places, those at the end count. */
static const struct kind {
	const char *name, *preset;
	size_t side, batch, places, tokens, vocab;
	enum mm_compute compute;
	bool recompute; /* its second forward pass is not counted as work */
} kinds[] = {
	{ "ViT-B/32, full texts", "base", 224, 32, 77, 77, 49408,
	  MM_COMPUTE_F32, false },
	{ "ViT-B/32, full texts, recompute", "base", 224, 32, 77, 77, 49408,
	  MM_COMPUTE_F32, true },
	{ "ViT-B/32, full texts, bf16", "base", 224, 32, 77, 77, 49408,
	  MM_COMPUTE_BF16, false },
	{ "ViT-B/32, short texts", "base", 224, 32, 77, 12, 49408,
	  MM_COMPUTE_F32, false },
	{ "tiny, short texts", "tiny", 64, 128, 16, 8, 1000, MM_COMPUTE_F32,
	  false },
	{ "tiny, short texts, bf16", "tiny", 64, 128, 16, 8, 1000,
	  MM_COMPUTE_BF16, false },
};

struct step {
	const struct kind *k;
	struct mm_model m;
	struct mm_graph g;
	float *m1, *m2;
	int32_t *ids;
	long t;
};

static void fail(const struct mm_err *err)
{
	fprintf(stderr, "bench_train: %s\n", err->msg);
	exit(1);
}

static void build(struct step *s)
{
	const struct kind *k = s->k;
	struct mm_graph *g = &s->g;
	struct mm_text_input t;
	struct mm_node *x, *z;

	mm_graph_init(g, &s->m.store, MM_TRAIN);
	g->batch = k->batch;
	g->compute = k->compute;
	g->recompute = k->recompute;
	x = mm_image_input(g, &s->m, MM_ELEM_REAL, k->batch, k->side, k->side);
	t = mm_text_inputs(g, k->batch, k->places, false, false);
	z = s->m.arch->logits(g, &s->m,
			      mm_l2norm(g, s->m.arch->image(g, &s->m, x), 0),
			      mm_l2norm(g, s->m.arch->text(g, &s->m, &t), 0));
	mm_output(g, s->m.arch->loss(g, z, NULL, 0), "loss");
	for (size_t b = 0; b < k->batch; b++) {
		const size_t n = k->tokens - 4 + b % 9;

		for (size_t i = 0; i < k->places; i++)
			s->ids[b * k->places + i] =
				(int32_t)((7 * b + 3 * i) % (k->vocab - 1));
		s->ids[b * k->places + (n < k->places ? n : k->places) - 1] =
			(int32_t)k->vocab - 1;
	}
	t.ids->data = s->ids;
}

/* Bytes of the plan: parameters, gradients, moments, activations. */
static size_t start(struct step *s)
{
	const struct kind *k = s->k;
	const struct mm_model shape = { .image_size = k->side,
					.context_length = k->places,
					.vocab_size = k->vocab,
					.eos_token_id = (int64_t)k->vocab - 1 };
	struct mm_store *st = &s->m.store;
	struct mm_err err = { 0 };
	size_t bytes;

	if (mm_model_new(&s->m, "clip", k->preset, &shape, &err) ||
	    mm_model_declare(&s->m, &err))
		fail(&err);
	bytes = mm_store_value_bytes(st); /* before they have their memory */
	if (mm_model_bind(&s->m, true, &err) || mm_store_alloc_grads(st, &err))
		fail(&err);
	mm_store_initialise(st, 1);
	s->ids = malloc(k->batch * k->places * sizeof(*s->ids));
	s->m1 = calloc(bytes, 1);
	s->m2 = calloc(bytes, 1);
	if (!s->ids || !s->m1 || !s->m2)
		exit(1);
	build(s);
	if (mm_graph_plan(&s->g, &err) || mm_graph_alloc(&s->g, &err))
		fail(&err);
	for (size_t i = 0; i < s->g.n_nodes; i++) {
		struct mm_node *x = s->g.node[i];

		for (size_t n = 0;
		     !x->op && !x->param && n < x->n && x->elem == MM_ELEM_REAL;
		     n++)
			x->val[n] = (float)(n % 17) / 17 - 0.5f;
	}
	return 3 * bytes + mm_store_grad_bytes(st) + s->g.plan_bytes;
}

static void run(void *ctx)
{
	struct step *s = ctx;
	struct mm_store *st = &s->m.store;
	double norm = 0;

	mm_store_zero_grads(st);
	mm_graph_forward(&s->g);
	mm_graph_backward(&s->g);
	for (size_t i = 0; i < st->n; i++)
		norm += mm_sum_squares(st->param[i]->grad, st->param[i]->n);
	s->t++;
	for (size_t i = 0; i < st->n; i++) {
		struct mm_param *p = st->param[i];
		const size_t at = (size_t)(p->val - (float *)st->values);

		mm_adamw(p->val, s->m1 + at, s->m2 + at, p->grad,
			 &(struct mm_adamw){ .lr = 1e-5,
					     .beta1 = 0.9,
					     .beta2 = 0.98,
					     .eps = 1e-6,
					     .weight_decay = 0.1,
					     .scale = 1 / fmax(1, sqrt(norm)),
					     .t = s->t },
			 p->n);
	}
}

static double flops(const struct mm_graph *g)
{
	double sum = 0;

	for (size_t i = 0; i < g->n_nodes; i++) {
		const struct mm_node *n = g->node[i];
		const struct mm_node *k = n->n_in > 1 ? n->in[1] : NULL;

		if (n->op == &mm_op_linear)
			sum += 2.0 * (double)n->n *
			       (double)(k->n / k->shape.dim[0]);
		else if (n->op == &mm_op_attention)
			sum += 4.0 * (double)n->n *
			       (double)(k->ragged
						? g->ragged->rows / g->ragged->B
						: k->shape.dim[1]);
		else if (n->op == &mm_op_matmul)
			sum += 2.0 * (double)n->n *
			       (double)n->in[0]->shape.dim[1];
	}
	return sum;
}

/* Bytes of memory that the process has now. */
static double resident(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%*s %ld", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void bench(const struct kind *k)
{
	struct step s = { .k = k };
	const double before = resident();
	const size_t planned = start(&s);
	const double took = bench_best(run, &s, 10);

	bench_print(k->name, 3 * flops(&s.g), took, "GF/s",
		    k->compute ? bench_bf16_peak() : bench_sgemm_peak());
	printf("  %-32s %8.1f samples/s, planned %.0f MB, took %.0f MB\n", "",
	       (double)k->batch / took, (double)planned / 1e6,
	       (resident() - before) / 1e6);
	fflush(stdout);
	free(s.ids);
	free(s.m1);
	free(s.m2);
	mm_graph_release(&s.g);
	mm_model_release(&s.m);
}

int main(int argc, char **argv)
{
	bench_print_machine();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (argc < 2 || strstr(kinds[i].name, argv[1]))
			bench(&kinds[i]);
	return 0;
}
