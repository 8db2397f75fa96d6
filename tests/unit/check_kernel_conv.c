/* Convolutions against plain loops in double, and their bits. */
#include "kernel/conv.h"
#include "kerneltest.h"

struct shape {
	size_t B, C, H, W, F, k, stride, top, left, bottom, right;
	bool depthwise;
};

static const struct shape shapes[] = {
	{ 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, false },
	{ 2, 3, 8, 9, 5, 3, 1, 1, 1, 1, 1, false },
	{ 2, 70, 7, 7, 150, 1, 1, 0, 0, 0, 0, false },
	{ 1, 20, 5, 6, 300, 3, 1, 1, 1, 1, 1, false },
	{ 3, 3, 17, 15, 8, 3, 2, 0, 0, 1, 1, false },
	{ 1, 4, 12, 12, 6, 2, 2, 0, 0, 0, 0, false },
	{ 1, 2, 11, 13, 3, 5, 3, 2, 1, 0, 3, false },
	{ 1, 2, 6, 6, 3, 1, 2, 0, 0, 0, 0, false },
	{ 1, 2, 3, 4, 2, 3, 1, 2, 2, 2, 2, false },
	{ 1, 3, 40, 21, 4, 3, 1, 0, 0, 0, 0, false },
	{ 2, 3, 9, 10, 3, 3, 1, 1, 1, 1, 1, true },
	{ 1, 5, 40, 75, 5, 5, 1, 2, 2, 2, 2, true },
	{ 2, 2, 15, 14, 2, 3, 2, 0, 0, 1, 1, true },
	{ 1, 3, 16, 19, 3, 5, 2, 1, 1, 2, 2, true },
	{ 1, 2, 7, 7, 2, 7, 3, 3, 3, 3, 3, true },
	{ 1, 5, 12, 13, 5, 7, 1, 3, 3, 3, 3, true },
	{ 2, 3, 15, 16, 3, 8, 2, 3, 3, 4, 4, true },
	{ 1, 2, 3, 3, 2, 3, 1, 4, 4, 3, 3, true },
	{ 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, true },
	{ 2, 3, 13, 70, 3, 3, 1, 1, 1, 1, 1, true },
	{ 1, 2, 30, 33, 2, 3, 1, 2, 0, 0, 2, true },
	{ 1, 1, 2, 48, 1, 3, 1, 1, 2, 2, 1, true },
	{ 2, 37, 6, 5, 37, 5, 1, 2, 2, 2, 2, true },
	{ 3, 20, 24, 21, 20, 5, 2, 2, 2, 2, 2, true },
	{ 2, 3, 37, 41, 33, 3, 2, 1, 1, 1, 1, false },
	/* Rows of zeros, columns of zeros, maps narrower than the kernel. */
	{ 1, 1, 3, 1, 2, 3, 2, 1, 1, 1, 1, false },
	{ 2, 3, 21, 19, 4, 5, 2, 2, 2, 1, 1, false },
	{ 1, 3, 23, 75, 6, 7, 2, 3, 3, 3, 3, false },
	{ 1, 2, 8, 33, 3, 4, 2, 3, 3, 2, 0, false },
	{ 1, 2, 5, 6, 3, 2, 1, 3, 2, 0, 1, false },
	{ 1, 2, 1, 40, 3, 5, 1, 2, 2, 2, 2, false },
	{ 2, 3, 5, 8, 4, 1, 1, 0, 0, 3, 0, false },
	/* Rows and columns that no tap takes. */
	{ 1, 2, 13, 14, 3, 2, 4, 1, 1, 0, 0, false },
	{ 1, 2, 9, 36, 3, 1, 3, 0, 0, 0, 0, false },
	/* Too many taps, too wide a map for copies of rows. */
	{ 1, 2, 12, 13, 3, 9, 1, 4, 4, 4, 4, false },
	{ 1, 3, 32, 48, 4, 16, 16, 0, 0, 0, 0, false },
	{ 1, 1, 4, 2900, 2, 3, 1, 1, 1, 1, 1, false },
	{ 1, 1, 4, 1801, 2, 3, 2, 1, 1, 1, 1, false },
	/* Small maps of several samples side by side. */
	{ 9, 3, 7, 7, 300, 3, 1, 1, 1, 1, 1, false },
	{ 5, 270, 7, 7, 20, 1, 1, 0, 0, 0, 0, false },
	{ 7, 20, 10, 9, 5, 3, 2, 1, 0, 1, 1, false },
	{ 40, 3, 4, 3, 6, 2, 1, 1, 0, 0, 1, false },
	{ 30, 2, 1, 1, 3, 1, 1, 0, 0, 0, 0, false },
	{ 3, 2, 5, 5, 3, 1, 2, 0, 0, 0, 0, false },
	{ 4, 1, 9, 9, 2, 9, 1, 4, 4, 4, 4, false },
	{ 3, 2, 5, 7, 3, 1, 1, 0, 0, 3, 0, false },
	/* Tasks of several runs of pixels, short and long. */
	{ 1, 5, 90, 91, 3, 1, 1, 0, 0, 0, 0, false },
	{ 2, 260, 50, 63, 3, 1, 1, 0, 0, 0, 0, false },
	{ 1, 30, 80, 81, 2, 3, 1, 1, 1, 1, 1, false },
	{ 2, 3, 229, 225, 4, 3, 2, 1, 1, 1, 1, false },
	{ 2, 3, 115, 113, 2, 3, 1, 1, 0, 1, 2, false },
	/* Planes side by side in lanes, the last group smaller. */
	{ 2, 7, 9, 19, 7, 5, 1, 2, 2, 2, 2, true },
	{ 1, 9, 4, 15, 9, 3, 1, 1, 1, 1, 1, true },
	{ 1, 6, 1, 16, 6, 5, 1, 2, 2, 2, 2, true },
	{ 2, 11, 3, 17, 11, 3, 1, 2, 2, 0, 0, true },
	{ 9, 2, 6, 20, 2, 3, 1, 0, 0, 2, 2, true },
	{ 1, 2, 5, 1, 2, 5, 1, 2, 2, 2, 2, true },
	{ 2, 11, 27, 17, 11, 3, 1, 2, 2, 0, 0, true },
	{ 1, 13, 25, 19, 13, 5, 1, 2, 2, 2, 2, true },
	/* A plane in each lane, the last group smaller; too tall for it. */
	{ 2, 37, 10, 10, 37, 5, 1, 2, 2, 2, 2, true },
	{ 9, 16, 7, 7, 16, 3, 1, 1, 1, 1, 1, true },
	{ 1, 18, 14, 13, 18, 5, 1, 0, 1, 4, 3, true },
	{ 2, 33, 8, 19, 33, 5, 1, 4, 4, 0, 0, true },
	{ 1, 17, 6, 4, 17, 3, 1, 0, 0, 0, 0, true },
	{ 1, 40, 1, 3, 40, 5, 1, 2, 2, 2, 2, true },
	{ 1, 21, 20, 20, 21, 3, 1, 1, 1, 1, 1, true },
	{ 1, 19, 45, 9, 19, 5, 1, 2, 2, 2, 2, true },
	/* Strips of rows. */
	{ 1, 2, 170, 130, 2, 3, 1, 1, 1, 1, 1, true },
	{ 1, 1, 165, 131, 1, 5, 1, 4, 0, 0, 4, true },
	{ 1, 1, 1, 12400, 1, 3, 1, 1, 1, 1, 1, true },
	{ 1, 1, 1, 24601, 1, 5, 2, 2, 2, 2, 2, true },
	{ 1, 1, 200, 180, 1, 5, 2, 2, 2, 2, 2, true },
	{ 1, 1, 181, 75, 1, 3, 2, 0, 1, 1, 0, true },
	/* Stride 2: even and odd sizes, columns that no result reads. */
	{ 2, 3, 30, 31, 3, 5, 2, 2, 2, 2, 2, true },
	{ 1, 5, 17, 16, 5, 3, 2, 0, 0, 1, 1, true },
	{ 1, 2, 9, 36, 2, 5, 2, 4, 4, 0, 1, true },
	{ 2, 2, 8, 23, 2, 3, 2, 1, 0, 1, 2, true },
	{ 1, 3, 1, 40, 3, 3, 2, 1, 1, 1, 1, true },
	{ 1, 2, 20, 34, 2, 5, 2, 0, 0, 0, 0, true },
};

enum { N_SHAPES = sizeof(shapes) / sizeof(*shapes) };

struct problem {
	struct mm_conv p;
	bool depthwise;
	size_t Ho, Wo, n_x, n_w, n_y;
	mm_real *x, *w, *dy, *bias, *residual, *work;
	double *y, *dx, *dw, *db;
};

/* One product of the sum: y[o] takes w[k] x[i]. */
static void meet(struct problem *q, size_t o, size_t k, size_t i)
{
	q->y[o] += (double)q->w[k] * (double)q->x[i];
	q->dx[i] += (double)q->w[k] * (double)q->dy[o];
	q->dw[k] += (double)q->x[i] * (double)q->dy[o];
}

static void one_output(struct problem *q, size_t b, size_t f, size_t i,
		       size_t j)
{
	const struct mm_conv *p = &q->p;
	const size_t o = ((b * p->F + f) * q->Ho + i) * q->Wo + j;
	const size_t channels = q->depthwise ? 1 : p->C;

	for (size_t c = 0; c < channels; c++)
		for (size_t t = 0; t < p->kh * p->kw; t++) {
			const size_t u = t / p->kw, v = t % p->kw;
			const size_t y = i * p->stride + u - p->top;
			const size_t x = j * p->stride + v - p->left;
			const size_t from = b * p->C + (q->depthwise ? f : c);

			/* Below zero wraps to more than any size. */
			if (y < p->H && x < p->W)
				meet(q, o,
				     (f * channels + c) * p->kh * p->kw + t,
				     (from * p->H + y) * p->W + x);
		}
	q->db[f] += (double)q->dy[o];
}

static void problem_init(struct problem *q, const struct shape *s)
{
	memset(q, 0, sizeof(*q));
	q->p = (struct mm_conv){ .B = s->B,
				 .C = s->C,
				 .H = s->H,
				 .W = s->W,
				 .F = s->F,
				 .kh = s->k,
				 .kw = s->k,
				 .stride = s->stride,
				 .top = s->top,
				 .left = s->left,
				 .bottom = s->bottom,
				 .right = s->right };
	q->depthwise = s->depthwise;
	q->Ho = mm_conv_rows(&q->p);
	q->Wo = mm_conv_cols(&q->p);
	q->n_x = s->B * s->C * s->H * s->W;
	q->n_y = s->B * s->F * q->Ho * q->Wo;
	q->n_w = s->F * (s->depthwise ? 1 : s->C) * s->k * s->k;
	q->x = kt_random(q->n_x, 1);
	q->w = kt_random(q->n_w, 2);
	q->dy = kt_random(q->n_y, 3);
	q->bias = kt_random(s->F, 4);
	q->residual = kt_random(q->n_y, 5);
	q->work = mm_malloc(s->depthwise ? mm_depthwise_work(&q->p)
					 : mm_conv_work(&q->p),
			    sizeof(mm_real));
	ck_assert_ptr_nonnull(q->work);
	q->y = kt_zeros(q->n_y);
	q->dx = kt_zeros(q->n_x);
	q->dw = kt_zeros(q->n_w);
	q->db = kt_zeros(s->F);
	for (size_t o = 0; o < q->n_y; o++)
		one_output(q, o / (s->F * q->Ho * q->Wo),
			   o / (q->Ho * q->Wo) % s->F, o / q->Wo % q->Ho,
			   o % q->Wo);
}

static void problem_release(struct problem *q)
{
	mm_free(q->x);
	mm_free(q->w);
	mm_free(q->dy);
	mm_free(q->bias);
	mm_free(q->residual);
	mm_free(q->work);
	mm_free(q->y);
	mm_free(q->dx);
	mm_free(q->dw);
	mm_free(q->db);
}

struct got {
	mm_real *y, *dx, *dw, *db;
};

static void got_init(struct got *g, struct problem *q)
{
	const struct mm_conv *p = &q->p;
	const mm_real half = (mm_real)0.5;

	g->y = kt_random(q->n_y, 6);
	g->dx = kt_random(q->n_x, 7);
	g->dw = kt_random(q->n_w, 8);
	g->db = kt_random(p->F, 9);
	if (q->depthwise) {
		mm_depthwise_fwd(g->y, q->x, q->w, p, q->work);
		mm_depthwise_bwd_x(g->dx, half, q->dy, q->w, p, q->work);
		mm_depthwise_bwd_w(g->dw, q->dy, q->x, p, q->work);
	} else {
		mm_conv_fwd(g->y, q->x, q->w, p, q->work);
		mm_conv_bwd_x(g->dx, half, q->dy, q->w, p, q->work);
		mm_conv_bwd_w(g->dw, q->dy, q->x, p, q->work);
	}
	mm_conv_bwd_bias(g->db, q->dy, p->B, p->F, q->Ho * q->Wo);
}

static void got_release(struct got *g)
{
	mm_free(g->y);
	mm_free(g->dx);
	mm_free(g->dw);
	mm_free(g->db);
}

/* Gradients were added to what kt_random made, halved for x. */
static void check_gradients(struct problem *q, const struct got *g)
{
	mm_real *dx = kt_random(q->n_x, 7), *dw = kt_random(q->n_w, 8);
	mm_real *db = kt_random(q->p.F, 9);

	for (size_t i = 0; i < q->n_x; i++)
		dx[i] = g->dx[i] - dx[i] / 2;
	for (size_t i = 0; i < q->n_w; i++)
		dw[i] = g->dw[i] - dw[i];
	for (size_t i = 0; i < q->p.F; i++)
		db[i] = g->db[i] - db[i];
	kt_near("dx", dx, q->dx, q->n_x, 3e-6);
	kt_near("dw", dw, q->dw, q->n_w, 3e-6);
	kt_near("dbias", db, q->db, q->p.F, 3e-6);
	mm_free(dx);
	mm_free(dw);
	mm_free(db);
}

START_TEST(all_passes)
{
	for (int s = 0; s < N_SHAPES; s++) {
		struct problem q;

		problem_init(&q, &shapes[s]);
		KT_EACH_ISA(isa)
		{
			struct got g;

			got_init(&g, &q);
			kt_near("y", g.y, q.y, q.n_y, 3e-6);
			check_gradients(&q, &g);
			got_release(&g);
		}
		problem_release(&q);
	}
}
END_TEST

START_TEST(bias_activation_and_residual)
{
	for (int s = 0; s < N_SHAPES; s++) {
		struct problem q;
		struct got g;

		problem_init(&q, &shapes[s]);
		q.p.bias = q.bias;
		q.p.residual = q.residual;
		q.p.act = MM_ACT_RELU;
		got_init(&g, &q);
		for (size_t i = 0; i < q.n_y; i++) {
			const size_t f = i / (q.Ho * q.Wo) % q.p.F;

			q.y[i] = fmax(q.y[i] + (double)q.bias[f], 0) +
				 (double)q.residual[i];
		}
		kt_near("y", g.y, q.y, q.n_y, 3e-6);
		got_release(&g);
		problem_release(&q);
	}
}
END_TEST

START_TEST(bits_do_not_depend_on_threads)
{
	for (int s = 0; s < N_SHAPES; s++) {
		struct problem q;
		struct got one;

		problem_init(&q, &shapes[s]);
		mm_threads_set(1);
		got_init(&one, &q);
		for (int threads = 2; threads <= 3; threads++) {
			struct got g;

			mm_threads_set(threads);
			got_init(&g, &q);
			ck_assert_mem_eq(g.y, one.y, q.n_y * sizeof(*g.y));
			ck_assert_mem_eq(g.dx, one.dx, q.n_x * sizeof(*g.y));
			ck_assert_mem_eq(g.dw, one.dw, q.n_w * sizeof(*g.y));
			ck_assert_mem_eq(g.db, one.db, q.p.F * sizeof(*g.y));
			got_release(&g);
		}
		got_release(&one);
		problem_release(&q);
	}
}
END_TEST

START_TEST(sizes)
{
	struct mm_conv p = { .H = 7, .W = 6, .kh = 3, .kw = 3, .stride = 2 };

	ck_assert_uint_eq(mm_conv_rows(&p), 3);
	ck_assert_uint_eq(mm_conv_cols(&p), 2);
	p.bottom = p.right = 1;
	ck_assert_uint_eq(mm_conv_rows(&p), 3);
	ck_assert_uint_eq(mm_conv_cols(&p), 3);
	p.kh = 9;
	ck_assert_uint_eq(mm_conv_rows(&p), 0);
}
END_TEST

KT_MAIN("kernel_conv", all_passes, bias_activation_and_residual,
	bits_do_not_depend_on_threads, sizes)
