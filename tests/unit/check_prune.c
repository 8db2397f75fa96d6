/* Heads, neurons, channels and layers taken out; weights set to zero. */
#include "compress/prune.h"

#include <math.h>

#include "compress/measure.h"
#include "noisemodel.h"
#include "smallclip.h"

enum { HEAD = 1 }; /* the head that is made dead in each layer */

static struct mm_param *of(struct mm_model *m, const char *tower, size_t i,
			   const char *what)
{
	char name[128];

	snprintf(name, sizeof(name), "%s.encoder.layers.%zu.%s", tower, i,
		 what);
	return mm_store_find(&m->store, name);
}

static void clear_columns(struct mm_param *w, size_t begin, size_t step,
			  size_t end)
{
	const size_t F = w->shape.dim[0], C = w->shape.dim[1];

	for (size_t f = 0; f < F; f++)
		for (size_t c = begin; c < end; c += step)
			w->val[f * C + c] = 0;
}

/* A CLIP in which every other neuron and one head a layer do nothing. */
static const char *dead_model(void)
{
	static const char *const towers[] = { "vision_model", "text_model" };
	const char *dir = scratch("dead");
	struct mm_model m;
	struct mm_param *w;

	ck_ok(mm_model_open(&m, model_dir(), err));
	ck_ok(mm_model_declare(&m, err));
	ck_ok(mm_model_bind(&m, true, err));
	for (int t = 0; t < 2; t++)
		for (size_t i = 0; (w = of(&m, towers[t], i, "mlp.fc2.weight"));
		     i++) {
			size_t D;

			clear_columns(w, i % 2, 2, w->shape.dim[1]);
			w = of(&m, towers[t], i, "self_attn.out_proj.weight");
			D = w->shape.dim[1] / (t ? 3 : 2); /* heads */
			clear_columns(w, HEAD * D, 1, (HEAD + 1) * D);
		}
	ck_ok(mm_mkdirs(dir, err));
	ck_ok(mm_model_save(&m, dir, err));
	mm_model_release(&m);
	return dir;
}

static void take(struct mm_measured *v, const char *dir, const char *path)
{
	const struct mm_sample_set set = { &path, 1, 0, 6 };
	struct mm_encoder e;

	ck_ok(mm_encoder_open(&e, dir, err));
	ck_ok(mm_measured_take(v, &e, &set, err));
	mm_encoder_release(&e);
}

/* Open, score on the pairs, plan. */
static void start(struct mm_pruner *p, const char *dir, const char *path,
		  const struct mm_prune_options *o)
{
	struct mm_dataset d;

	ck_ok(mm_dataset_open(&d, &path, 1, err));
	ck_ok(mm_pruner_open(p, dir, o, err));
	ck_ok(mm_pruner_score(p, &d, 0, 3, err));
	mm_dataset_release(&d);
}

/* The vectors of a stream's samples by two models: each pair points one way. */
static void same_vectors(const char *dir, const char *pruned, const char *path)
{
	struct mm_measured before, after;
	struct mm_fidelity f;

	take(&before, dir, path);
	take(&after, pruned, path);
	ck_ok(mm_fidelity_measure(&f, &before, &after, err));
	ck_assert_double_gt(f.image_least, 1 - 1e-6);
	ck_assert_double_gt(f.text_least, 1 - 1e-6);
	mm_measured_release(&before);
	mm_measured_release(&after);
}

/* What does nothing goes first, and the vectors stay as they were. */
START_TEST(dead_structures_go_first)
{
	struct mm_prune_options o = { .ffn = 0.5 };
	struct mm_pruner p;
	const char *dir, *path;
	size_t was, is, gone = 0;

	scratch_begin();
	dir = dead_model();
	path = sample_stream();
	o.heads = 0.34; /* 1 of 4 and 2 of 6: two are dead in each */
	start(&p, dir, path, &o);
	ck_ok(mm_pruner_plan(&p, err));
	ck_assert_uint_eq(p.n_towers, 2);
	for (size_t t = 0; t < 2; t++)
		for (size_t i = 0; i < p.tower[t].n; i++) {
			const struct mm_prune_block *b = &p.tower[t].block[i];

			for (size_t h = 0; h < b->heads; h++)
				ck_assert(b->keep_head[h] || h == HEAD);
			gone += b->heads - b->kept_heads;
			ck_assert_uint_eq(b->kept_ffn, b->ffn / 2);
			for (size_t j = 0; j < b->ffn; j++)
				ck_assert(b->keep_neuron[j] ==
					  (j % 2 != i % 2));
		}
	ck_assert_uint_eq(gone, 3);
	ck_ok(mm_pruner_save(&p, scratch("small"), &was, &is, err));
	ck_assert_uint_lt(is, was);
	mm_pruner_release(&p);
	same_vectors(dir, scratch("small"), path);
	scratch_end();
}
END_TEST

/* Every other channel inside of a block does nothing. */
static void kill_channels(const struct mm_pruner *p,
			  const struct mm_prune_tower *t, size_t i)
{
	const struct mm_prune_block *b = &t->block[i];

	for (int k = 0; !b->fixed && t->kind->ffn.columns[k]; k++) {
		struct mm_param *w =
			mm_prune_param(p, b, t->kind->ffn.columns[k], "");
		const size_t C = w->shape.dim[1];
		const size_t K = w->n / (w->shape.dim[0] * C);

		for (size_t x = 0; x < w->n; x++)
			if (x / K % C % 2 == i % 2)
				w->val[x] = 0;
	}
}

/* A model of the family with such blocks. */
static const char *dead_channels(const char *arch)
{
	const struct mm_prune_options none = { .round = 1 };
	struct mm_pruner p;

	ck_ok(mm_pruner_open(&p, noise_model(arch), &none, err));
	for (size_t t = 0; t < p.n_towers; t++)
		for (size_t i = 0; i < p.tower[t].n; i++)
			if (mm_prune_convolves(p.tower[t].kind))
				kill_channels(&p, &p.tower[t], i);
	ck_ok(mm_mkdirs(scratch("dead"), err));
	ck_ok(mm_model_save(&p.model, scratch("dead"), err));
	mm_pruner_release(&p);
	return scratch("dead");
}

START_TEST(dead_channels_go_first)
{
	static const struct {
		const char *arch;
		size_t blocks;
	} cases[] = { { "clip_resnet", 8 }, { "align", 9 } };
	const struct mm_prune_options o = { .channels = 0.5, .round = 1 };
	struct mm_pruner p;
	const char *dir, *path;
	size_t was, is, blocks = 0;

	scratch_begin();
	dir = dead_channels(cases[_i].arch);
	path = noise_stream();
	start(&p, dir, path, &o);
	ck_ok(mm_pruner_plan(&p, err));
	for (size_t t = 0; t < p.n_towers; t++)
		for (size_t i = 0; i < p.tower[t].n; i++) {
			const struct mm_prune_block *b = &p.tower[t].block[i];

			if (!mm_prune_convolves(p.tower[t].kind) || b->fixed)
				continue;
			blocks++;
			for (size_t j = 0; j < b->ffn; j++)
				ck_assert(b->keep_neuron[j] ==
					  (j % 2 != i % 2));
		}
	ck_assert_uint_eq(blocks, cases[_i].blocks);
	ck_ok(mm_pruner_save(&p, scratch("thin"), &was, &is, err));
	ck_assert_uint_lt(is, was);
	mm_pruner_release(&p);
	same_vectors(dir, scratch("thin"), path);
	scratch_end();
}
END_TEST

/* A layer keeps a whole number of steps, smaller ones where it is small. */
START_TEST(what_stays_is_rounded)
{
	struct mm_prune_options o = { .ffn = 0.4, .round = 4 };
	struct mm_pruner p;
	const char *path;

	scratch_begin();
	path = sample_stream();
	for (size_t step = 4; step; step /= 4) {
		o.round = step;
		start(&p, model_dir(), path, &o);
		ck_ok(mm_pruner_plan(&p, err));
		for (size_t t = 0; t < p.n_towers; t++)
			for (size_t i = 0; i < p.tower[t].n; i++) {
				const struct mm_prune_block *b =
					&p.tower[t].block[i];

				ck_assert_uint_ge(b->ffn, 8 * step);
				ck_assert_uint_eq(b->kept_ffn % step, 0);
			}
		mm_pruner_release(&p);
	}
	o.round = 4096; /* 8 times that is more than there is */
	start(&p, model_dir(), path, &o);
	ck_ok(mm_pruner_plan(&p, err));
	mm_pruner_release(&p);
	scratch_end();
}
END_TEST

START_TEST(layers_go_by_importance)
{
	const struct mm_prune_options o = { .layers = 1 };
	struct mm_pruner p;
	const char *path;
	size_t was, is;
	struct mm_model m;

	scratch_begin();
	path = sample_stream();
	start(&p, model_dir(), path, &o);
	ck_ok(mm_pruner_plan(&p, err));
	for (size_t t = 0; t < p.n_towers; t++) {
		const struct mm_prune_tower *w = &p.tower[t];

		for (size_t i = 0; i < w->n; i++)
			for (size_t k = 0; k < w->n; k++)
				if (!w->block[i].keep && w->block[k].keep)
					ck_assert_double_le(w->block[i].layer,
							    w->block[k].layer);
	}
	ck_ok(mm_pruner_save(&p, scratch("short"), &was, &is, err));
	ck_ok(mm_model_open(&m, scratch("short"), err));
	ck_ok(mm_model_declare(&m, err));
	ck_ok(mm_model_bind(&m, false, err));
	ck_assert_uint_eq(mm_store_count(&m.store), is);
	ck_assert_ptr_null(
		of(&m, "text_model", p.tower[1].n - 1, "mlp.fc2.weight"));
	ck_assert(!m.only_ours); /* layers alone: an ordinary folder */
	mm_model_release(&m);
	mm_pruner_release(&p);
	scratch_end();
}
END_TEST

START_TEST(uneven_folders_open_and_are_saved_again)
{
	const struct mm_prune_options o = { .heads = 0.4, .ffn = 0.6 };
	struct mm_pruner p;
	struct mm_model m;
	const char *path;
	size_t was, is;

	scratch_begin();
	path = sample_stream();
	start(&p, model_dir(), path, &o);
	ck_ok(mm_pruner_plan(&p, err));
	ck_ok(mm_pruner_save(&p, scratch("uneven"), &was, &is, err));
	mm_pruner_release(&p);
	ck_ok(mm_model_open(&m, scratch("uneven"), err));
	ck_assert(m.only_ours);
	ck_ok(mm_model_declare(&m, err));
	ck_ok(mm_model_bind(&m, true, err));
	ck_assert_uint_eq(mm_store_count(&m.store), is);
	ck_ok(mm_mkdirs(scratch("again"), err));
	ck_ok(mm_model_save(&m, scratch("again"), err));
	mm_model_release(&m);
	ck_ok(mm_model_open(&m, scratch("again"), err));
	ck_ok(mm_model_declare(&m, err));
	ck_ok(mm_model_bind(&m, false, err));
	mm_model_release(&m);
	scratch_end();
}
END_TEST

static size_t zeros(const struct mm_param *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += !(w->val[i] < 0 || w->val[i] > 0);
	return n;
}

START_TEST(weights_are_set_to_zero)
{
	struct mm_prune_options o = { .two_of_four = true };
	struct mm_pruner p;
	struct mm_param *w;
	const char *path;
	size_t was, is;

	scratch_begin();
	path = sample_stream();
	for (int pass = 0; pass < 2; pass++) {
		start(&p, model_dir(), path, &o);
		ck_ok(mm_pruner_plan(&p, err));
		ck_ok(mm_pruner_save(&p, scratch("sparse"), &was, &is, err));
		ck_assert_uint_eq(was, is);
		w = of(&p.model, "text_model", 0, "mlp.fc1.weight");
		ck_assert_uint_eq(zeros(w), pass ? w->n * 3 / 4 : w->n / 2);
		for (size_t i = 0; i < w->n; i += 4) {
			size_t n = 0;

			for (size_t k = i; k < i + 4; k++)
				n += !(w->val[k] < 0 || w->val[k] > 0);
			ck_assert_uint_ge(n, pass ? 0 : 2);
		}
		w = of(&p.model, "text_model", 0, "layer_norm1.weight");
		ck_assert_uint_eq(zeros(w), 0);
		mm_pruner_release(&p);
		o = (struct mm_prune_options){ .sparsity = 0.75 };
	}
	scratch_end();
}
END_TEST

START_TEST(too_much_is_refused)
{
	struct mm_prune_options o = { .layers = 99 };
	struct mm_pruner p;
	const char *path;

	scratch_begin();
	path = sample_stream();
	start(&p, model_dir(), path, &o);
	ck_fails(mm_pruner_plan(&p, err), MM_ERR_REFUSED, "layers: 99");
	mm_pruner_release(&p);
	o = (struct mm_prune_options){ .heads = 0.01 };
	start(&p, model_dir(), path, &o);
	ck_fails(mm_pruner_plan(&p, err), MM_ERR_REFUSED, "nothing would go");
	mm_pruner_release(&p);
	scratch_end();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("prune");

	tcase_add_test(tc, dead_structures_go_first);
	tcase_add_loop_test(tc, dead_channels_go_first, 0, 2);
	tcase_add_test(tc, what_stays_is_rounded);
	tcase_add_test(tc, layers_go_by_importance);
	tcase_add_test(tc, uneven_folders_open_and_are_saved_again);
	tcase_add_test(tc, weights_are_set_to_zero);
	tcase_add_test(tc, too_much_is_refused);
	return unit_run("prune", tc);
}
