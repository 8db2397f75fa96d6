/*
 * objective_mae.c - masked patches: the image tower predicts the pixels of
 * patches that it does not see.
 *
 * A hidden patch has the mean colour; the target is its pixels less their mean
 * over their standard deviation (He et al., "Masked autoencoders", 2022), the
 * prediction a linear layer on the patch's last hidden state, the loss the mean
 * square over hidden patches (as Xie et al., "SimMIM", 2022, who keep the
 * encoder whole).
 */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "graph/ops.h"
#include "train/objective.h"
#include "train/train.h"

enum { SEEN, WANT, MAX_PATCHES = 4096 }; /* t->real */

/* Side of the grid of patches, from the number of tokens. */
static size_t grid_of(size_t tokens)
{
	size_t side = 0;

	while ((side + 1) * (side + 1) <= tokens)
		side++;
	return side;
}

static size_t hidden_of(const struct mm_task *t, size_t N)
{
	const double n = t->o->mask_patches * (double)N;

	return n < 1 ? 1 : n > (double)(N - 1) ? N - 1 : (size_t)n;
}

static void mae_emit(struct mm_task *t)
{
	struct mm_graph *g = &t->g;
	struct mm_store *s = g->store;
	struct mm_node *x, *w, *b;
	size_t tokens, side, N, P, F, W;

	t->pixels = NULL;
	t->real[SEEN] = mm_image_input(g, t->m, MM_ELEM_REAL, t->piece,
				       t->data->H, t->data->W);
	t->m->arch->image(g, t->m, t->real[SEEN]);
	x = mm_tapped(g, "vision.last_hidden");
	if (g->failed)
		return;
	tokens = x->shape.dim[1];
	W = x->shape.dim[2];
	side = x->shape.rank == 3 ? grid_of(tokens) : 0;
	N = side * side;
	P = side ? t->data->H / side : 0;
	if (N < 2 || N > MAX_PATCHES || tokens - N > 1 ||
	    P * side != t->data->H || t->data->H != t->data->W) {
		mm_graph_fail(
			g, MM_ERR_USAGE,
			"objective 'mae' wants a tower of square patches");
		return;
	}
	F = 3 * P * P;
	s->group = MM_GROUP_HEAD;
	s->aux = true;
	w = mm_param(g, MM_SHAPE(F, W), MM_NORMAL(0.02), "mae_head.weight");
	b = mm_param(g, MM_SHAPE(F), MM_INIT_ZERO, "mae_head.bias");
	s->aux = false;
	if (tokens > N)
		x = mm_slice(g, x, 1, 1, tokens);
	x = mm_linear(g, x, w, b, NULL, MM_ACT_NONE);
	t->real[WANT] = mm_input(g, "patches", MM_ELEM_REAL,
				 MM_SHAPE(2, t->piece, N, F));
	w = mm_reshape(g, mm_slice(g, t->real[WANT], 0, 1, 2),
		       MM_SHAPE(t->piece, N, F));
	b = mm_reshape(g, mm_slice(g, t->real[WANT], 0, 0, 1),
		       MM_SHAPE(t->piece, N, F));
	/* Both sides are 0 where nothing is hidden. */
	x = mm_mse_loss(g, mm_mul(g, x, w), b);
	t->loss = mm_affine(g, x, (double)N / (double)hidden_of(t, N), 0);
}

struct picture {
	const struct mm_task *t;
	size_t side, P, W;
	mm_real *seen;		/* (3, H, W) */
	mm_real *want, *counts; /* (N, 3 P P) each */
};

static mm_real *pixel(const struct picture *p, size_t patch, size_t k)
{
	const size_t P = p->P, c = k / (P * P), y = k / P % P, x = k % P;

	return p->seen + (c * p->W + patch / p->side * P + y) * p->W +
	       patch % p->side * P + x;
}

static void hide(const struct picture *p, size_t patch)
{
	const size_t F = 3 * p->P * p->P;
	mm_real *want = p->want + patch * F;
	double sum = 0, squares = 0, mean, rstd;

	for (size_t k = 0; k < F; k++) {
		want[k] = *pixel(p, patch, k);
		sum += (double)want[k];
		squares += (double)want[k] * (double)want[k];
		*pixel(p, patch, k) = 0; /* the mean colour */
		p->counts[patch * F + k] = 1;
	}
	mean = sum / (double)F;
	rstd = 1 / sqrt(fmax(squares / (double)F - mean * mean, 0) + 1e-6);
	for (size_t k = 0; k < F; k++)
		want[k] = (mm_real)(((double)want[k] - mean) * rstd);
}

/* Normalised values, whatever the pictures are. */
static void load(const struct mm_task *t, const struct mm_batch *b, size_t i,
		 mm_real *out)
{
	const size_t plane = t->data->H * t->data->W;
	const float *f = (const float *)b->pixels + i * 3 * plane;
	const uint8_t *u = (const uint8_t *)b->pixels + i * 3 * plane;

	for (size_t k = 0; k < 3 * plane; k++)
		out[k] = t->data->floats ? (mm_real)f[k]
					 : t->m->lut[k / plane][u[k]];
}

static void mae_fill(struct mm_task *t, const struct mm_batch *b, size_t first)
{
	const size_t *dim = t->real[WANT]->shape.dim;
	const size_t N = dim[2], F = dim[3], H = t->data->H;
	const size_t half = t->piece * N * F, n_hidden = hidden_of(t, N);
	size_t order[MAX_PATCHES];
	struct mm_rng r;

	memset(t->real[WANT]->val, 0, 2 * half * sizeof(mm_real));
	for (size_t i = 0; i < t->piece; i++) {
		struct picture p = {
			.t = t,
			.side = grid_of(N),
			.P = H / grid_of(N),
			.W = H,
			.seen = t->real[SEEN]->val + i * 3 * H * H,
			.want = t->real[WANT]->val + i * N * F,
			.counts = t->real[WANT]->val + half + i * N * F,
		};

		load(t, b, first + i, p.seen);
		mm_rng_init(&r, t->o->seed, b->sample[first + i], b->epoch,
			    MM_RNG_MASK);
		mm_rng_permutation(&r, order, N);
		for (size_t k = 0; k < n_hidden; k++)
			hide(&p, order[k]);
	}
}

const struct mm_objective mm_objective_mae = {
	.name = "mae",
	.summary = "the pixels of patches that are hidden from the tower",
	.emit = mae_emit,
	.fill = mae_fill,
};
