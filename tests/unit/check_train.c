/*
 * Training: PyTorch's loss curves step by step, the same bits for any number
 * of threads and after being stopped and resumed, and what is refused.
 */
#include "../tmp.h"
#include "base/io.h"
#include "base/parallel.h"
#include "golden.h"
#include "tensor/stream.h"
#include "train/train.h"

enum { STEPS = 100 };

static const char set[] = "train-curve";
static char dir[96];

static void must(int rc, const struct mm_err *err)
{
	ck_assert_msg(!rc, "%s", err->msg);
}

/* The golden's data as a stream that `mmtool preprocess` could have made. */
static void write_data(const char *path, size_t n, size_t step)
{
	static const size_t image[] = { 3, 16, 16 }, T = 12;
	struct mm_safetensors s;
	struct mm_stream_writer w;
	struct mm_err err = { 0 };
	const uint8_t *pixels;
	int32_t *ids;
	uint8_t *mask;
	char id[32];

	golden_open(&s, golden_path(set, "data.safetensors"));
	pixels = golden(&s, "images")->data;
	ids = golden_i32(golden(&s, "input_ids"));
	mask = golden_u8(golden(&s, "attention_mask"));
	must(mm_stream_writer_open(&w, path, &err), &err);
	must(mm_stream_set_meta(&w, "image.mean",
				"0.48145466,0.4578275,0.40821073", &err),
	     &err);
	must(mm_stream_set_meta(&w, "image.std",
				"0.26862954,0.26130258,0.27577711", &err),
	     &err);
	for (size_t i = 0; i < n; i += step) {
		snprintf(id, sizeof(id), "%zu", i);
		must(mm_stream_put_str(&w, "id", id, strlen(id), &err), &err);
		must(mm_stream_put(&w, "image", MM_U8, 3, image,
				   pixels + i * 768, &err),
		     &err);
		must(mm_stream_put(&w, "ids", MM_I32, 1, &T, ids + i * T, &err),
		     &err);
		must(mm_stream_put(&w, "mask", MM_U8, 1, &T, mask + i * T,
				   &err),
		     &err);
		must(mm_stream_end_row(&w, &err), &err);
	}
	must(mm_stream_commit(&w, &err), &err);
	mm_safetensors_release(&s);
	free(ids);
	free(mask);
}

static bool setup(char *data, size_t size, size_t n)
{
	if (!golden_path(set, "init/config.json"))
		return false;
	ck_assert(tmp_template(dir, sizeof(dir), "train"));
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(data, size, "%s/data.mmt", dir);
	write_data(data, n, 1);
	return true;
}

static void cleanup(void)
{
	ck_assert(tmp_remove(dir));
}

static struct mm_train_options options(const char *run)
{
	return (struct mm_train_options){
		.dir = run,
		.epochs = 1,
		.batch = 64,
		.lr = 1e-3,
		.lr_group = { -1, -1, -1, -1 },
		.decay_group = { -1, -1, -1, -1 },
		.layer_decay = 1,
		.warmup = 10,
		.weight_decay = 0.2,
		.beta1 = 0.9,
		.beta2 = 0.98,
		.eps = 1e-6,
		.clip_norm = 1,
		.save_every = 1000,
	};
}

struct trace {
	double loss[STEPS], norm[STEPS];
	long n, stop_at; /* stop_at > 0: ask for a stop after that step */
};

static int note(void *ctx, const struct mm_train_report *r, struct mm_err *err)
{
	struct trace *t = ctx;

	(void)err;
	ck_assert_int_le(r->step, STEPS);
	t->loss[r->step - 1] = r->loss;
	t->norm[r->step - 1] = r->grad_norm;
	t->n = r->step;
	return MM_OK;
}

static bool stop(void *ctx)
{
	const struct trace *t = ctx;

	return t->stop_at > 0 && t->n + 1 >= t->stop_at;
}

static int run(struct trace *t, const struct mm_train_options *o,
	       const char *data, struct mm_err *err)
{
	const struct mm_train_hooks hooks = { t, note, stop, NULL };
	const char *paths[] = { data };
	struct mm_dataset d;
	struct mm_model m;
	const char *config = golden_path(set, "init/config.json");
	char init[512];
	int rc;

	snprintf(init, sizeof(init), "%.*s",
		 (int)(strlen(config) - strlen("/config.json")), config);
	must(mm_model_open(&m, init, err), err);
	must(mm_dataset_open(&d, paths, 1, err), err);
	mm_model_set_values(&m, &d.values);
	rc = mm_train(&m, &d, NULL, o, &hooks, err);
	mm_model_release(&m);
	mm_dataset_release(&d);
	return rc;
}

START_TEST(curve_matches)
{
	const char *curve = _i ? "curve-b.safetensors" : "curve-a.safetensors";
	struct trace t = { .n = 0 };
	struct mm_train_options o;
	struct mm_safetensors want;
	struct mm_err err = { 0 };
	float *loss, *tol, *norm;
	char data[128], out[128];

	if (!setup(data, sizeof(data), 512))
		return;
	snprintf(out, sizeof(out), "%s/run", dir);
	o = options(out);
	o.steps = STEPS;
	if (_i) {
		o.lr_group[MM_GROUP_TEXT] = 3e-4;
		o.lr_group[MM_GROUP_HEAD] = 2e-3;
		o.micro_image = o.micro_text = 16;
	}
	must(run(&t, &o, data, &err), &err);
	golden_open(&want, golden_path(set, curve));
	loss = golden_f32(golden(&want, "loss_float64"));
	tol = golden_f32(golden(&want, "loss_tolerance"));
	norm = golden_f32(golden(&want, "grad_norm_float64"));
	for (int s = 0; s < STEPS; s++) {
		ck_assert_msg(fabs(t.loss[s] - (double)loss[s]) <=
				      (double)tol[s],
			      "step %d: loss %g, PyTorch %g", s, t.loss[s],
			      (double)loss[s]);
		ck_assert_msg(fabs(t.norm[s] - (double)norm[s]) <=
				      1e-3 * (double)norm[s],
			      "step %d: norm %g, PyTorch %g", s, t.norm[s],
			      (double)norm[s]);
	}
	mm_safetensors_release(&want);
	free(loss);
	free(tol);
	free(norm);
	cleanup();
}
END_TEST

/* The weights that a run left, byte for byte those of another. */
static void same_weights(const char *a, const char *b)
{
	struct mm_file f[2];
	struct mm_err err = { 0 };
	const char *runs[] = { a, b };

	for (int i = 0; i < 2; i++) {
		char path[256];

		snprintf(path, sizeof(path), "%s/model.safetensors", runs[i]);
		must(mm_file_open(&f[i], path, &err), &err);
	}
	ck_assert_uint_eq(f[0].size, f[1].size);
	ck_assert_msg(!memcmp(f[0].data, f[1].data, f[0].size),
		      "%s and %s differ", a, b);
	mm_file_release(&f[0]);
	mm_file_release(&f[1]);
}

START_TEST(bits_do_not_depend_on_threads_or_stops)
{
	struct mm_train_options o;
	struct mm_err err = { 0 };
	char data[128], one[128], other[128];
	long stops[] = { 1, 3, 5, 0 };

	if (!setup(data, sizeof(data), 96))
		return;
	snprintf(one, sizeof(one), "%s/one", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	o = options(one);
	o.batch = 32;
	o.epochs = 3;
	o.shuffle = true;
	must(mm_augment_parse(&o.augment.spec,
			      "shift:2,crop:0.6:1,jitter:0.3:0.3:0.3:0.1,"
			      "erase:0.5",
			      &err),
	     &err);
	o.seed = 7;
	mm_threads_set(1);
	must(run(&(struct trace){ .n = 0 }, &o, data, &err), &err);
	o.dir = other;
	o.resume = true;
	for (int i = 0; i < 4; i++) {
		struct trace t = { .stop_at = stops[i] };
		int rc;

		mm_threads_set(2 + i % 2);
		rc = run(&t, &o, data, &err);
		ck_assert_msg(rc == (stops[i] ? MM_ERR_SIGNAL : MM_OK),
			      "stop at %ld: %s", stops[i], err.msg);
	}
	same_weights(one, other);
	/* A finished run is left as it is. */
	must(run(&(struct trace){ .n = 0 }, &o, data, &err), &err);
	same_weights(one, other);
	cleanup();
}
END_TEST

static void refused(const struct mm_train_options *o, const char *data,
		    const char *why)
{
	struct mm_err err = { 0 };
	int rc = run(&(struct trace){ .n = 0 }, o, data, &err);

	ck_assert_msg(rc != MM_OK, "accepted: %s", why);
	ck_assert_msg(strstr(err.msg, why), "'%s' does not say '%s'", err.msg,
		      why);
}

START_TEST(impossible_runs_are_refused)
{
	struct mm_train_options o, bad;
	struct mm_err err = { 0 };
	const char *freeze_all[] = { "*" }, *freeze_none[] = { "nothing*" };
	char data[128], half[128], out[128];

	if (!setup(data, sizeof(data), 64))
		return;
	snprintf(half, sizeof(half), "%s/half.mmt", dir);
	write_data(half, 64, 2);
	snprintf(out, sizeof(out), "%s/run", dir);
	o = options(out);
	o.batch = 32;
	bad = o;
	bad.batch = 65;
	refused(&bad, data, "more than the 64 samples");
	bad = o;
	bad.micro_image = 7;
	refused(&bad, data, "does not divide");
	bad = o;
	bad.freeze = freeze_all;
	bad.n_freeze = 1;
	refused(&bad, data, "nothing to train");
	bad.freeze = freeze_none;
	refused(&bad, data, "fits no parameter");
	bad = o;
	bad.lr = 1e30;
	bad.clip_norm = 0;
	bad.epochs = 20;
	refused(&bad, data, "not finite");
	cleanup();
	if (!setup(data, sizeof(data), 64))
		return;
	snprintf(half, sizeof(half), "%s/half.mmt", dir);
	write_data(half, 64, 2);
	snprintf(out, sizeof(out), "%s/run", dir);
	must(run(&(struct trace){ .n = 0 }, &o, data, &err), &err);
	refused(&o, data, "holds a run already");
	o.resume = true;
	bad = o;
	bad.seed = 1;
	refused(&bad, data, "other seed");
	bad = o;
	bad.lr = 1;
	refused(&bad, data, "other options");
	bad = o;
	refused(&bad, half, "other data");
	cleanup();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("train");
	TCase *tc = tcase_create("train");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, curve_matches, 0, 2);
	tcase_add_test(tc, bits_do_not_depend_on_threads_or_stops);
	tcase_add_test(tc, impossible_runs_are_refused);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
