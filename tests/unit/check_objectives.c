/*
 * Every objective of the table: it learns, pieces of a batch give what the
 * whole gives, the bits depend neither on threads nor on stops; and what is
 * refused.  On pictures of one colour and captions that tell it.
 */
#include <math.h>

#include "base/parallel.h"
#include "tensor/stream.h"
#include "train/train.h"
#include "unit.h"

enum {
	SIDE = 16,
	T = 8,
	VOCAB = 40,
	N = 48,
	STEPS = 200,
	WIDTH = 24,
	MAX_PARAMS = 256
};

static char dir[128];

static void must(int rc, const struct mm_err *err)
{
	ck_assert_msg(!rc, "%s", err->msg);
}

static const char *in_dir(const char *name)
{
	static char path[64][192];
	static int turn;
	char *p = path[turn++ % 64];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

/* Caption i: start, two words that tell the colour, end, padding. */
static void caption(size_t i, int32_t ids[T], uint8_t mask[T])
{
	const int32_t words[T] = { VOCAB - 2, (int32_t)(i % 12),
				   (int32_t)(12 + i / 12), VOCAB - 1 };

	memset(mask, 0, T);
	memset(mask, 1, 4);
	memcpy(ids, words, sizeof(words));
}

struct kind {
	bool equal_captions, one_class, no_label;
	size_t n;
};

static void put_sample(struct mm_stream_writer *w, size_t i,
		       const struct kind *k)
{
	static const size_t image[] = { 3, SIDE, SIDE }, text[] = { T };
	const int64_t label = k->one_class ? 0 : (int64_t)(i % 12) / 3;
	uint8_t pixels[3 * SIDE * SIDE], mask[T];
	struct mm_err err = { 0 };
	int32_t ids[T];
	char id[32];

	for (size_t p = 0; p < sizeof(pixels); p++)
		pixels[p] = (uint8_t)(p < SIDE * SIDE ? i % 12 * 20
				      : p < 2 * SIDE * SIDE
					      ? i / 12 * 60
					      : p % SIDE * (i % 3 + 1));
	caption(k->equal_captions ? 0 : i, ids, mask);
	snprintf(id, sizeof(id), "s%zu", i);
	must(mm_stream_put_str(w, "id", id, strlen(id), &err), &err);
	must(mm_stream_put(w, "image", MM_U8, 3, image, pixels, &err), &err);
	must(mm_stream_put(w, "ids", MM_I32, 1, text, ids, &err), &err);
	must(mm_stream_put(w, "mask", MM_U8, 1, text, mask, &err), &err);
	if (!k->no_label)
		must(mm_stream_put(w, "label", MM_I64, 0, NULL, &label, &err),
		     &err);
	must(mm_stream_end_row(w, &err), &err);
}

static void write_data(const char *path, const struct kind *k)
{
	struct mm_stream_writer w;
	struct mm_err err = { 0 };

	must(mm_stream_writer_open(&w, path, &err), &err);
	must(mm_stream_set_meta(&w, "image.mean", "0.5,0.5,0.5", &err), &err);
	must(mm_stream_set_meta(&w, "image.std", "0.25,0.25,0.25", &err), &err);
	for (size_t i = 0; i < k->n; i++)
		put_sample(&w, i, k);
	must(mm_stream_commit(&w, &err), &err);
}

/* Vectors that tell colour from colour, of another width than the model's. */
static void write_teacher(const char *path, size_t n)
{
	static const size_t D = WIDTH;
	struct mm_stream_writer w;
	struct mm_err err = { 0 };

	must(mm_stream_writer_open(&w, path, &err), &err);
	for (size_t i = 0; i < n; i++) {
		float v[WIDTH] = { 0 };
		char id[32];

		v[i % 12] = 1;
		v[12 + i / 12] = 1;
		snprintf(id, sizeof(id), "s%zu", i);
		must(mm_stream_put_str(&w, "id", id, strlen(id), &err), &err);
		must(mm_stream_put(&w, "image.embedding", MM_F32, 1, &D, v,
				   &err),
		     &err);
		must(mm_stream_put(&w, "text.embedding", MM_F32, 1, &D, v,
				   &err),
		     &err);
		must(mm_stream_end_row(&w, &err), &err);
	}
	must(mm_stream_commit(&w, &err), &err);
}

static void setup(void)
{
	ck_assert(tmp_template(dir, sizeof(dir), "objectives"));
	ck_assert_ptr_nonnull(mkdtemp(dir));
	write_data(in_dir("data.mmt"), &(struct kind){ .n = N });
	write_teacher(in_dir("teacher.mmt"), N);
}

static void cleanup(void)
{
	ck_assert(tmp_remove(dir));
}

static struct mm_train_options options(const struct mm_objective *o)
{
	return (struct mm_train_options){
		.dir = in_dir("run"),
		.steps = 4,
		.batch = 16,
		.term = { { o, 1 } },
		.n_terms = 1,
		.margin = 0.2,
		.fusion_dropout = -1,
		.mask_tokens = 0.3,
		.mask_patches = 0.5,
		.mask_id = VOCAB - 3,
		.distill = o && o->needs & MM_NEEDS_TEACHER
				   ? in_dir("teacher.mmt")
				   : NULL,
		.distill_temperature = 0.1,
		.lr = 1e-3,
		.lr_group = { -1, -1, -1, -1 },
		.decay_group = { -1, -1, -1, -1 },
		.layer_decay = 1,
		.schedule = MM_SCHEDULE_CONSTANT,
		.weight_decay = 0.01,
		.beta1 = 0.9,
		.beta2 = 0.98,
		.eps = 1e-6,
		.clip_norm = 1,
		.shuffle = true,
		.seed = 3,
		.save_every = 1000,
	};
}

/* Every parameter's gradient: numbers end to end. */
struct gradients {
	struct mm_buf numbers;
	size_t end[MAX_PARAMS], n; /* in bytes */
	char name[MAX_PARAMS][96];
};

struct trace {
	double loss[STEPS], norm[STEPS], best;
	long n, stop_at, best_step;
	struct gradients *gradients; /* gets those of the last step; or NULL */
};

static int note(void *ctx, const struct mm_train_report *r, struct mm_err *err)
{
	struct trace *t = ctx;

	(void)err;
	ck_assert_int_le(r->step, STEPS);
	t->loss[r->step - 1] = r->loss;
	t->norm[r->step - 1] = r->grad_norm;
	t->n = r->step;
	t->best = r->best;
	t->best_step = r->best_step;
	return MM_OK;
}

static bool stop(void *ctx)
{
	const struct trace *t = ctx;

	return t->stop_at > 0 && t->n + 1 >= t->stop_at;
}

static void take_gradients(struct gradients *out, const struct mm_store *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct mm_param *p = s->param[i];

		if (!p->grad)
			continue;
		ck_assert_uint_lt(out->n, MAX_PARAMS);
		mm_buf_add(&out->numbers, p->grad, p->n * sizeof(*p->grad));
		snprintf(out->name[out->n], sizeof(*out->name), "%s", p->name);
		out->end[out->n++] = out->numbers.len;
	}
}

/* Data and a new model with noise in its blocks. */
static void open_all(struct mm_dataset *d, struct mm_model *m, const char *data,
		     double noise)
{
	const struct mm_model shape = { .image_size = SIDE,
					.context_length = T,
					.vocab_size = VOCAB,
					.bos_token_id = VOCAB - 2,
					.eos_token_id = VOCAB - 1 };
	struct mm_err err = { 0 };

	must(mm_dataset_open(d, &data, 1, &err), &err);
	must(mm_model_new(m, "clip", "micro", &shape, &err), &err);
	mm_model_set_values(m, &d->values);
	m->dropout = m->drop_path = noise;
}

static int run(struct trace *t, const struct mm_train_options *o,
	       const char *data, bool val, double noise, struct mm_err *err)
{
	const struct mm_train_hooks hooks = { t, note, stop, NULL };
	struct mm_dataset d;
	struct mm_model m;
	int rc;

	open_all(&d, &m, data, noise);
	rc = mm_train(&m, &d, val ? &d : NULL, o, &hooks, err);
	if (t->gradients)
		take_gradients(t->gradients, &m.store);
	mm_model_release(&m);
	mm_dataset_release(&d);
	return rc;
}

static size_t n_objectives(void)
{
	size_t n = 0;

	while (mm_objectives[n])
		n++;
	return n;
}

START_TEST(it_learns)
{
	struct mm_train_options o;
	struct trace t = { .n = 0 };
	struct mm_err err = { 0 };
	double first = 0, last = 0;

	setup();
	o = options(mm_objectives[_i]);
	o.steps = 40;
	must(run(&t, &o, in_dir("data.mmt"), false, 0, &err), &err);
	for (int i = 0; i < 3; i++) {
		first += t.loss[i] / 3;
		last += t.loss[o.steps - 1 - i] / 3;
	}
	ck_assert_msg(last < 0.9 * first, "%s: the loss went from %g to %g",
		      mm_objectives[_i]->name, first, last);
	cleanup();
}
END_TEST

START_TEST(pieces_are_the_whole)
{
	static const size_t cut[][2] = { { 0, 0 }, { 4, 4 }, { 8, 2 } };
	struct mm_train_options o;
	struct trace t[3] = { { .n = 0 } };
	struct mm_err err = { 0 };

	setup();
	for (int k = 0; k < 3; k++) {
		char name[8];

		snprintf(name, sizeof(name), "cut%d", k);
		o = options(mm_objectives[_i]);
		o.dir = in_dir(name);
		o.micro_image = cut[k][0];
		o.micro_text = cut[k][1];
		must(run(&t[k], &o, in_dir("data.mmt"), false, 0.1, &err),
		     &err);
	}
	for (int k = 1; k < 3; k++)
		for (long s = 0; s < o.steps; s++)
			ck_assert_msg(
				fabs(t[k].loss[s] - t[0].loss[s]) <=
						1e-5 * fabs(t[0].loss[s]) &&
					fabs(t[k].norm[s] - t[0].norm[s]) <=
						1e-5 * t[0].norm[s],
				"%s, %zu and %zu at a time, step %ld: loss %g "
				"for %g, norm %g for %g",
				mm_objectives[_i]->name, cut[k][0], cut[k][1],
				s, t[k].loss[s], t[0].loss[s], t[k].norm[s],
				t[0].norm[s]);
	cleanup();
}
END_TEST

/* The length of numbers begin .. end of a, or of a - b. */
static double length(const struct mm_buf *a, const struct mm_buf *b,
		     size_t begin, size_t end)
{
	double sum = 0;

	for (size_t i = begin; i < end; i += sizeof(float)) {
		float x, y = 0;

		memcpy(&x, a->data + i, sizeof(x));
		if (b)
			memcpy(&y, b->data + i, sizeof(y));
		sum += ((double)x - (double)y) * ((double)x - (double)y);
	}
	return sqrt(sum);
}

/*
 * Parameter by parameter, as a part of its own gradient's length; one that is
 * all rounding (a key's bias moves no softmax) counts for the whole's.
 */
static void compare_gradients(const struct gradients *a,
			      const struct gradients *b, const char *what)
{
	const double all = length(&a->numbers, NULL, 0, a->numbers.len);

	ck_assert_uint_eq(a->n, b->n);
	ck_assert_uint_eq(a->numbers.len, b->numbers.len);
	ck_assert(all > 0);
	for (size_t i = 0; i < a->n; i++) {
		const size_t from = i ? a->end[i - 1] : 0, to = a->end[i];
		const double own = length(&a->numbers, NULL, from, to);
		const double off = length(&a->numbers, &b->numbers, from, to);

		ck_assert_msg(off <= 1e-5 * fmax(own, 1e-3 * all),
			      "%s: the gradient of %s is %g off, of %g", what,
			      a->name[i], off, own);
	}
}

/* Pictures and texts cut unequally, into many pieces or few. */
START_TEST(gradients_are_those_of_the_whole)
{
	static const size_t cut[][2] = {
		{ 0, 0 }, { 2, 8 }, { 8, 2 }, { 16, 1 }, { 1, 16 }
	};
	enum { CUTS = sizeof(cut) / sizeof(*cut) };
	static struct gradients g[CUTS];
	struct mm_err err = { 0 };
	char name[64];

	setup();
	for (int k = 0; k < CUTS; k++) {
		struct mm_train_options o = options(mm_objectives[_i]);
		struct trace t = { .gradients = &g[k] };

		snprintf(name, sizeof(name), "cut%d", k);
		o.dir = in_dir(name);
		o.steps = 1;
		o.recompute = k > 1;
		o.micro_image = cut[k][0];
		o.micro_text = cut[k][1];
		must(run(&t, &o, in_dir("data.mmt"), false, 0.1, &err), &err);
		snprintf(name, sizeof(name), "%.20s by %zu and %zu",
			 mm_objectives[_i]->name, cut[k][0], cut[k][1]);
		compare_gradients(&g[0], &g[k], name);
	}
	for (int k = 0; k < CUTS; k++)
		mm_buf_release(&g[k].numbers);
	cleanup();
}
END_TEST

static void same_file(const char *a, const char *b, const char *file)
{
	char command[300];

	snprintf(command, sizeof(command), "cmp -s '%s/%s' '%s/%s'", a, file, b,
		 file);
	ck_assert_msg(!system(command), "%s of %s and %s differ", file, a, b);
}

/* The same run once in one go, and once stopped twice with other threads. */
static void stopped_or_not(struct mm_train_options o, double noise)
{
	static const long stops[] = { 1, 4, 0 };
	struct mm_err err = { 0 };
	struct trace one = { .n = 0 };
	const char *whole = in_dir("one"), *parts = in_dir("parts");

	o.dir = whole;
	mm_threads_set(1);
	must(run(&one, &o, in_dir("data.mmt"), true, noise, &err), &err);
	o.dir = parts;
	o.resume = true;
	for (int i = 0; i < 3; i++) {
		struct trace t = { .stop_at = stops[i] };
		int rc;

		mm_threads_set(2 + i % 2);
		rc = run(&t, &o, in_dir("data.mmt"), true, noise, &err);
		ck_assert_msg(rc == (stops[i] ? MM_ERR_SIGNAL : MM_OK),
			      "stop at %ld: %s", stops[i], err.msg);
	}
	same_file(whole, parts, "model.safetensors");
	same_file(whole, parts, "train.safetensors");
}

START_TEST(bits_of_objective)
{
	struct mm_train_options o;

	setup();
	o = options(mm_objectives[_i]);
	o.steps = 6;
	o.eval_every = 2;
	stopped_or_not(o, 0.1);
	cleanup();
}
END_TEST

static size_t activations(const struct mm_train_options *o)
{
	struct mm_train_memory memory;
	struct mm_err err = { 0 };
	struct mm_dataset d;
	struct mm_model m;

	open_all(&d, &m, in_dir("data.mmt"), 0.1);
	must(mm_train_plan(&m, &d, o, &memory, &err), &err);
	mm_model_release(&m);
	mm_dataset_release(&d);
	return memory.activations;
}

START_TEST(recomputed_bits_are_the_same)
{
	struct mm_train_options o;
	struct trace t[2] = { { .n = 0 } };
	struct mm_err err = { 0 };
	size_t bytes[2];

	setup();
	for (int k = 0; k < 2; k++) {
		o = options(mm_objectives[_i]);
		o.dir = in_dir(k ? "twice" : "once");
		o.recompute = k;
		bytes[k] = activations(&o);
		must(run(&t[k], &o, in_dir("data.mmt"), false, 0.1, &err),
		     &err);
	}
	ck_assert_uint_lt(bytes[1], bytes[0]);
	same_file(in_dir("once"), in_dir("twice"), "train.safetensors");
	cleanup();
}
END_TEST

enum { EMA, LAMB, SGD, LORA, LOCK, MIX, BEST, FP16, N_FEATURES };

START_TEST(bits_of_feature)
{
	static const double weight[] = { 1 };
	struct mm_train_options o;

	setup();
	o = options(&mm_objective_multi);
	o.steps = 6;
	o.eval_every = 1;
	o.ema = _i == EMA ? 0.9 : 0;
	o.optimizer = mm_optimizer_find(_i == LAMB  ? "lamb"
					: _i == SGD ? "sgd"
						    : "adamw");
	o.lora = _i == LORA ? 4 : 0;
	o.lock_image = _i == LOCK;
	o.source_weight = _i == MIX ? weight : NULL;
	o.restore_best = _i == BEST || _i == EMA;
	o.patience = _i == BEST ? 2 : 0;
	o.precision = _i == FP16 ? MM_COMPUTE_F16 : MM_COMPUTE_F32;
	stopped_or_not(o, _i % 2 ? 0.1 : 0);
	cleanup();
}
END_TEST

/* Rounded products learn as exact ones do, and are rounded. */
START_TEST(precisions_learn_alike)
{
	struct trace t[3] = { { .n = 0 } };
	struct mm_err err = { 0 };

	setup();
	for (int k = 0; k < 3; k++) {
		struct mm_train_options o = options(mm_objectives[_i]);
		char name[16];

		snprintf(name, sizeof(name), "run%d", k);
		o.dir = in_dir(name);
		o.steps = 30;
		o.lr = 2e-4;
		o.precision = (enum mm_compute)k;
		must(run(&t[k], &o, in_dir("data.mmt"), false, 0, &err), &err);
	}
	for (int k = 1; k < 3; k++) {
		double worst = 0;

		for (int s = 0; s < 30; s++)
			worst = fmax(worst, fabs(t[k].loss[s] - t[0].loss[s]));
		ck_assert_msg(worst > 0 && worst < 0.1 * t[0].loss[0],
			      "%s: precision %d is %g from fp32's curve",
			      mm_objectives[_i]->name, k, worst);
	}
	cleanup();
}
END_TEST

static void refused(const struct mm_train_options *o, const struct kind *k,
		    const char *why)
{
	struct mm_err err = { 0 };
	int rc;

	write_data(in_dir("other.mmt"), k);
	rc = run(&(struct trace){ .n = 0 }, o, in_dir("other.mmt"), false, 0,
		 &err);
	ck_assert_msg(rc != MM_OK, "accepted: %s", why);
	ck_assert_msg(strstr(err.msg, why), "'%s' does not say '%s'", err.msg,
		      why);
}

START_TEST(nothing_to_learn_is_refused)
{
	struct mm_train_options o;

	setup();
	o = options(&mm_objective_infonce);
	refused(&o, &(struct kind){ .n = N, .equal_captions = true },
		"are equal: there");
	o = options(&mm_objective_classify);
	refused(&o, &(struct kind){ .n = N, .one_class = true },
		"is of class 0: there");
	refused(&o, &(struct kind){ .n = N, .no_label = true },
		"no column 'label'");
	o = options(&mm_objective_distill_logit);
	o.distill = NULL;
	refused(&o, &(struct kind){ .n = N }, "--distill");
	write_teacher(in_dir("teacher.mmt"), N - 2);
	o.distill = in_dir("teacher.mmt");
	refused(&o, &(struct kind){ .n = N }, "sample 's46' and others (2 of");
	cleanup();
}
END_TEST

START_TEST(terms_are_parsed)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "no objective ''" },
		{ "infonc", "no objective 'infonc'" },
		{ "infonce,", "no objective ''" },
		{ "infonce,infonce", "twice" },
		{ "lm:", "no number above 0" },
		{ "lm:-1", "no number above 0" },
		{ "lm:1x", "no number above 0" },
		{ "lm:nan", "no number above 0" },
	};
	struct mm_term term[MM_MAX_TERMS];
	struct mm_err err;
	size_t n;

	ck_assert_int_eq(mm_terms_parse(term, &n, "infonce:2,lm,mae:0.5", &err),
			 MM_OK);
	ck_assert_uint_eq(n, 3);
	ck_assert_ptr_eq(term[1].objective, &mm_objective_lm);
	ck_assert(term[0].weight == 2 && term[1].weight == 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ck_assert_msg(mm_terms_parse(term, &n, bad[i].text, &err),
			      "'%s' accepted", bad[i].text);
		ck_assert_msg(strstr(err.msg, bad[i].why),
			      "'%s' does not say '%s'", err.msg, bad[i].why);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("objectives");
	const int n = (int)n_objectives();

	tcase_add_loop_test(tc, it_learns, 0, n);
	tcase_add_loop_test(tc, pieces_are_the_whole, 0, n);
	tcase_add_loop_test(tc, gradients_are_those_of_the_whole, 0, n);
	tcase_add_loop_test(tc, recomputed_bits_are_the_same, 0, n);
	tcase_add_loop_test(tc, bits_of_objective, 0, n);
	tcase_add_loop_test(tc, bits_of_feature, 0, N_FEATURES);
	tcase_add_loop_test(tc, precisions_learn_alike, 0, 2);
	tcase_add_test(tc, nothing_to_learn_is_refused);
	tcase_add_test(tc, terms_are_parsed);
	return unit_run("objectives", tc);
}
