/*
 * Dual encoders against open_clip and transformers: every stage, and one
 * training step: outputs, loss, gradients, running statistics.
 */
#include "golden.h"
#include "graph/ops.h"
#include "model/model.h"
#include "model/openclip.h"
#include "unit.h"

static const struct set {
	const char *name, *inputs, *expected, *grads, *buffers;
	const char *eval, *train, *train_in; /* prefixes of names */
	double smoothing, grad_tol, grad_floor;
	int outputs, statistics; /* at least so many */
} sets[] = {
	{ "tiny-rn", "inputs", "expected", "grads", "buffers", "", "pair.", "",
	  0, 3e-4, 0.01, 10, 60 },
	{ "tiny-align", "inputs", "expected", "grads", NULL, "eval.", "train.",
	  "", 0.1, 5e-4, 0.001, 6, 40 },
	{ "tiny-siglip", "inputs", "expected", "grads", NULL, "", "pair.", "",
	  0, 1e-4, 0.01, 5, 0 },
	{ "tiny-hub", "inputs", "expected", "grads", NULL, "", "pair.", "", 0,
	  1e-4, 0.01, 5, 0 },
	{ "tiny-clipa", "inputs", "expected", "grads", NULL, "", "pair.", "", 0,
	  1e-4, 0.01, 5, 0 },
	{ "tiny-convnext", "inputs", "expected", "grads", NULL, "", "pair.", "",
	  0, 1e-4, 0.01, 5, 0 },
	{ "dual-openclip-rn", "inputs", "expected", "grads", "buffers", "",
	  "pair.", "pair.", 0, 3e-4, 0.01, 10, 60 },
	{ "fusion-align", "model/inputs", "model/outputs", "model/gradients",
	  NULL, "eval.", "train.", "", 0.1, 5e-4, 0.001, 19, 60 },
	{ "tiny-mci", "inputs", "expected", NULL, NULL, "", NULL, NULL, 0, 0, 0,
	  5, 0 },
	{ "tiny-avg", "inputs", "expected", NULL, NULL, "", NULL, NULL, 0, 0, 0,
	  5, 0 },
	{ "dual-openclip-vit", "inputs", "expected", NULL, NULL, "", NULL, NULL,
	  0, 0, 0, 5, 0 },
};

enum { SIGLIP = 2, VIT = 10, N_TRAINED = 8, N_SETS = 11 };

static struct mm_safetensors in, want;
static const struct set *set;

static const char *file(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s.safetensors", name);
	return golden_path(set->name, path);
}

/* The folder of the set's model; false where the set is absent. */
static bool open_set(const struct set *s, struct mm_model *m)
{
	const char *path;
	char dir[512], *slash;

	set = s;
	if (!(path = file(s->inputs)))
		return false;
	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (strchr(s->inputs, '/'))
		*slash = '\0';
	else
		strcpy(slash, "/model");
	ck_ok(mm_model_open(m, dir, err));
	golden_open(&in, path);
	golden_open(&want, file(s->expected));
	return true;
}

static void close_set(struct mm_model *m)
{
	mm_model_release(m);
	mm_safetensors_release(&in);
	mm_safetensors_release(&want);
}

/* A graph of both towers over the inputs of a prefix. */
struct pass {
	struct mm_graph g;
	struct mm_node *x, *logits, *loss;
	int32_t *ids, *types;
	uint8_t *mask;
};

static const struct mm_tensor *input(const char *prefix, const char *name)
{
	char full[64];

	snprintf(full, sizeof(full), "%s%s", prefix, name);
	return mm_safetensors_find(&in, full);
}

static void pass_inputs(struct pass *p, const struct mm_text_input *t,
			const char *prefix)
{
	const struct mm_tensor *x = input(prefix, "pixel_values");

	memcpy(p->x->val, x->data, x->nbytes);
	t->ids->data = p->ids = golden_i32(input(prefix, "input_ids"));
	if (t->mask)
		t->mask->data = p->mask =
			golden_u8(input(prefix, "attention_mask"));
	if (t->types)
		t->types->data = p->types =
			golden_i32(input(prefix, "token_type_ids"));
}

static void pass_init(struct pass *p, struct mm_model *m,
		      enum mm_graph_mode mode, const char *prefix)
{
	const struct mm_tensor *px = input(prefix, "pixel_values");
	const struct mm_tensor *ids = input(prefix, "input_ids");
	struct mm_graph *g = &p->g;
	struct mm_node *image, *text, *iu, *tu;
	struct mm_text_input t;

	memset(p, 0, sizeof(*p));
	mm_graph_init(g, &m->store, mode);
	g->taps = true;
	p->x = mm_image_input(g, m, MM_ELEM_REAL, px->dim[0], px->dim[2],
			      px->dim[3]);
	t = mm_text_inputs(g, ids->dim[0], ids->dim[1],
			   input(prefix, "attention_mask") != NULL,
			   input(prefix, "token_type_ids") != NULL);
	image = m->arch->image(g, m, p->x);
	text = m->arch->text(g, m, &t);
	mm_tap(g, image, "image_features");
	mm_tap(g, text, "text_features");
	iu = mm_l2norm(g, image, 0);
	tu = mm_l2norm(g, text, 0);
	mm_tap(g, iu, "image_embeds");
	mm_tap(g, tu, "text_embeds");
	p->logits = m->arch->logits(g, m, iu, tu);
	mm_tap(g, p->logits, "logits_per_image");
	if (mode == MM_TRAIN)
		p->loss = mm_output(
			g, m->arch->loss(g, p->logits, NULL, set->smoothing),
			"loss");
	ck_ok(mm_graph_plan(g, err));
	ck_ok(mm_model_bind(m, mode == MM_TRAIN, err));
	if (mode == MM_TRAIN) {
		/* The plan must know which parameters have gradients. */
		ck_ok(mm_store_alloc_grads(&m->store, err));
		ck_ok(mm_graph_plan(g, err));
	}
	ck_ok(mm_graph_alloc(g, err));
	pass_inputs(p, &t, prefix);
	mm_graph_forward(g);
}

static void pass_release(struct pass *p)
{
	mm_graph_release(&p->g);
	free(p->ids);
	free(p->types);
	free(p->mask);
}

/* Every named state that the golden has; at least `least` of them. */
static void compare_taps(const struct mm_graph *g, const char *prefix,
			 int least)
{
	char name[256];
	int n = 0;

	for (size_t i = 0; i < g->n_taps; i++) {
		const struct mm_node *x = g->tap[i].node;
		const struct mm_tensor *t;

		snprintf(name, sizeof(name), "%s%s", prefix, g->tap[i].name);
		if (!(t = mm_safetensors_find(&want, name)))
			continue;
		ck_assert_uint_eq(mm_tensor_count(t), x->n);
		golden_near(t, x->val, 1e-4, 0);
		n++;
	}
	ck_assert_msg(n >= least, "only %d tensors of '%s' compared", n,
		      prefix);
}

START_TEST(outputs_match)
{
	struct mm_model m;
	struct pass p;

	if (!open_set(&sets[_i], &m))
		return;
	pass_init(&p, &m, MM_INFER, "");
	compare_taps(&p.g, set->eval, set->outputs);
	pass_release(&p);
	close_set(&m);
}
END_TEST

/* Like the checkpoint, in the layout of the model. */
static void fetch(float *out, const struct mm_model *m,
		  const struct mm_checkpoint *c, const struct mm_param *p)
{
	const struct mm_tensor *t = mm_checkpoint_find(c, p->name);

	if (m->open_clip) {
		ck_ok(mm_openclip_fetch(out, m, c, p, err));
		return;
	}
	ck_assert_msg(t != NULL, "no golden of %s", p->name);
	mm_to_f32(out, t->data, t->dtype, p->n);
}

static void near(const char *name, const float *got, const float *expected,
		 size_t n, double tol, double floor)
{
	double top = 0, worst = 0;

	for (size_t i = 0; i < n; i++) {
		const double d = fabs((double)got[i] - (double)expected[i]);

		top = fmax(top, fabs((double)expected[i]));
		worst = isnan(d) ? INFINITY : fmax(worst, d);
	}
	ck_assert_msg(worst <= tol * (top + floor), "%s: off by %g of %g", name,
		      worst, top);
}

static void compare_gradients(const struct mm_model *m)
{
	struct mm_checkpoint c;
	double largest = 0;

	ck_ok(mm_checkpoint_open(&c, file(set->grads), err));
	for (size_t i = 0; i < c.n; i++)
		largest = fmax(largest, golden_max(c.tensor[i]));
	for (size_t i = 0; i < m->store.n; i++) {
		const struct mm_param *p = m->store.param[i];
		float *x;

		/* The pooler is in no loss. */
		if (p->buffer || strstr(p->name, "pooler"))
			continue;
		x = malloc(p->n * sizeof(*x));
		fetch(x, m, &c, p);
		near(p->name, p->grad, x, p->n, set->grad_tol,
		     set->grad_floor * largest);
		free(x);
	}
	mm_checkpoint_release(&c);
}

static void compare_buffers(const struct mm_model *m)
{
	struct mm_checkpoint c;
	int n = 0;

	ck_ok(mm_checkpoint_open(
		&c, file(set->buffers ? set->buffers : set->expected), err));
	for (size_t i = 0; i < m->store.n; i++) {
		struct mm_param p = *m->store.param[i];
		char name[300];
		float *x;

		if (!p.buffer)
			continue;
		snprintf(name, sizeof(name), "%s%s",
			 set->buffers ? "" : "train.after.", p.name);
		p.name = name;
		x = malloc(p.n * sizeof(*x));
		fetch(x, m, &c, &p);
		near(name, p.val, x, p.n, 1e-4, 0);
		free(x);
		n++;
	}
	ck_assert_int_ge(n, set->statistics);
	mm_checkpoint_release(&c);
}

START_TEST(training_step_matches)
{
	struct mm_model m;
	struct pass p;
	char name[32];

	if (!open_set(&sets[_i], &m))
		return;
	pass_init(&p, &m, MM_TRAIN, set->train_in);
	compare_taps(&p.g, set->train, 2);
	snprintf(name, sizeof(name), "%sloss", set->train);
	golden_near(golden(&want, name), p.loss->val, 5e-5, 0);
	compare_buffers(&m);
	mm_graph_backward(&p.g);
	compare_gradients(&m);
	/* A forward that repeats one leaves the running statistics alone. */
	p.g.again = true;
	mm_graph_forward(&p.g);
	compare_buffers(&m);
	pass_release(&p);
	close_set(&m);
}
END_TEST

/* What is saved is what was loaded, bit for bit, counts being integers. */
START_TEST(saved_and_loaded_again)
{
	struct mm_model m, again;

	if (!open_set(&sets[_i], &m))
		return;
	scratch_begin();
	ck_ok(mm_model_declare(&m, err));
	ck_ok(mm_model_bind(&m, false, err));
	ck_ok(mm_model_save(&m, scratch_dir, err));
	ck_ok(mm_model_open(&again, scratch_dir, err));
	ck_ok(mm_model_declare(&again, err));
	ck_ok(mm_model_bind(&again, false, err));
	ck_assert_uint_eq(again.store.n, m.store.n);
	ck_assert_uint_eq(mm_store_count(&again.store),
			  mm_store_count(&m.store));
	for (size_t i = 0; i < m.store.n; i++) {
		const struct mm_param *p = m.store.param[i];
		const struct mm_param *q = mm_store_find(&again.store, p->name);

		ck_assert_ptr_nonnull(q);
		ck_assert_msg(!memcmp(p->val, q->val, p->n * sizeof(float)),
			      "%s", p->name);
		ck_assert(p->buffer == q->buffer && p->count == q->count);
	}
	mm_model_release(&again);
	close_set(&m);
	scratch_end();
}
END_TEST

/* Pictures of another size: open_clip resamples the table of positions, and so
 * does transformers by another rule. */
START_TEST(another_size_matches)
{
	const struct mm_tensor *px;
	struct mm_model m;
	struct mm_graph g;
	struct mm_node *x, *y;

	if (!open_set(&sets[_i ? VIT : SIGLIP], &m))
		return;
	px = golden(&in, "resized.pixel_values");
	mm_graph_init(&g, &m.store, MM_INFER);
	x = mm_image_input(&g, &m, MM_ELEM_REAL, px->dim[0], px->dim[2],
			   px->dim[3]);
	y = mm_output(&g, mm_l2norm(&g, m.arch->image(&g, &m, x), 0), "y");
	ck_ok(mm_graph_plan(&g, err));
	ck_ok(mm_model_bind(&m, false, err));
	ck_ok(mm_graph_alloc(&g, err));
	memcpy(x->val, px->data, px->nbytes);
	mm_graph_forward(&g);
	golden_near(golden(&want, "resized.image_embeds"), y->val, 1e-4, 0);
	mm_graph_release(&g);
	close_set(&m);
}
END_TEST

/* The unit vector of a picture of side S that is all noise. */
static void embed_noise(float *out, struct mm_model *m, size_t S)
{
	struct mm_graph g;
	struct mm_node *x, *y;

	mm_graph_init(&g, &m->store, MM_INFER);
	x = mm_image_input(&g, m, MM_ELEM_REAL, 1, S, S);
	y = mm_output(&g, mm_l2norm(&g, m->arch->image(&g, m, x), 0), "y");
	ck_ok(mm_graph_plan(&g, err));
	ck_ok(mm_model_bind(m, false, err));
	ck_ok(mm_graph_alloc(&g, err));
	for (size_t i = 0; i < x->n; i++)
		x->val[i] = (mm_real)((double)(i * 7919 % 1000) / 500 - 1);
	mm_graph_forward(&g);
	memcpy(out, y->val, y->n * sizeof(*out));
	mm_graph_release(&g);
}

/* A model made for another size has the table that pictures of that size get
 * otherwise, says so where it is saved, and keeps its first table's rule. */
START_TEST(resized_for_good)
{
	static const char *const dirs[] = {
		"tests/golden/tiny-siglip/model",
		"tests/golden/dual-clip-vit/model",
		"tests/golden/tiny-align/model",
	};
	static const size_t S = 42;
	struct mm_model plain, m, again;
	float a[128], b[128], c[128];

	scratch_begin();
	ck_ok(mm_model_open(&plain, dirs[_i], err));
	embed_noise(a, &plain, S);
	ck_ok(mm_model_open(&m, dirs[_i], err));
	ck_ok(mm_model_resize(&m, 64, err));
	ck_ok(mm_model_resize(&m, S, err));
	ck_assert_uint_eq(m.image_size, S);
	embed_noise(b, &m, S);
	near("vector", b, a, m.embed_dim, 1e-6, 0);
	ck_ok(mm_model_declare(&m, err));
	ck_ok(mm_model_bind(&m, false, err));
	ck_ok(mm_model_save(&m, scratch_dir, err));
	ck_ok(mm_model_open(&again, scratch_dir, err));
	ck_assert_uint_eq(again.image_size, S);
	embed_noise(c, &again, S);
	ck_assert_mem_eq(b, c, m.embed_dim * sizeof(*b));
	mm_model_release(&plain);
	mm_model_release(&m);
	mm_model_release(&again);
	scratch_end();
}
END_TEST

START_TEST(sizes_that_are_refused)
{
	struct mm_model m;

	ck_ok(mm_model_open(&m, "tests/golden/tiny-rn/model", err));
	ck_ok(mm_model_resize(&m, m.image_size, err));
	ck_fails(mm_model_resize(&m, 96, err), MM_ERR_SHAPE, "not of 96x96");
	mm_model_release(&m);
	ck_ok(mm_model_open(&m, "tests/golden/tiny-siglip/model", err));
	ck_fails(mm_model_resize(&m, 5, err), MM_ERR_SHAPE, "patches of 6");
	mm_model_release(&m);
}
END_TEST

/* The published sizes, from configurations alone. */
START_TEST(parameter_counts)
{
	static const struct {
		const char *arch, *preset;
		size_t image, context, vocab, n;
	} published[] = {
		{ "clip", "base", 224, 77, 49408, 151277313 },
		{ "clip_resnet", "rn50", 224, 77, 49408, 102007137 },
		{ "clip_resnet", "rn101", 224, 77, 49408, 119688033 },
		{ "align", "base", 289, 64, 30522, 172117841 },
		{ "siglip", "base", 224, 64, 32000, 203155970 },
		{ "clip_convnext", "base", 256, 77, 49408, 179385345 },
	};
	struct mm_model m;
	struct mm_model shape = { .image_size = published[_i].image,
				  .context_length = published[_i].context,
				  .vocab_size = published[_i].vocab,
				  .eos_token_id =
					  (int64_t)published[_i].vocab - 1 };

	ck_ok(mm_model_new(&m, published[_i].arch, published[_i].preset, &shape,
			   err));
	ck_ok(mm_model_declare(&m, err));
	ck_assert_uint_eq(mm_store_count(&m.store), published[_i].n);
	mm_model_release(&m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("dual encoders");

	tcase_add_loop_test(tc, outputs_match, 0, N_SETS);
	tcase_add_loop_test(tc, training_step_matches, 0, N_TRAINED);
	tcase_add_loop_test(tc, saved_and_loaded_again, 0, N_SETS);
	tcase_add_loop_test(tc, another_size_matches, 0, 2);
	tcase_add_loop_test(tc, resized_for_good, 0, 3);
	tcase_add_test(tc, sizes_that_are_refused);
	tcase_add_loop_test(tc, parameter_counts, 0, 6);
	return unit_run("dual", tc);
}
