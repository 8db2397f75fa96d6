/* Exported graphs, read back and evaluated by code of the tests' own. */
#include "golden.h"
#include "unit.h"

#include "base/io.h"
#include "base/mem.h"
#include "base/rng.h"
#include "compress/quantize.h"
#include "noisemodel.h"
#include "onnx/export.h"
#include "onnx/file.h"
#include "onnx/protobuf.h"
#include "onnx_run.h"
#include "smallclip.h"

enum { MAX_VARIANTS = 32 };

static struct or_model model;
static struct or_env env;
static char *file; /* what the names in both point into */

static void done(void)
{
	or_env_release(&env);
	free(file);
	file = NULL;
}

static struct or_span span(const char *s)
{
	return (struct or_span){ (const uint8_t *)s, strlen(s) };
}

START_TEST(every_row_says)
{
	for (int i = 0; mm_ops[i]; i++)
		ck_assert_msg(!mm_ops[i]->onnx == mm_ops[i]->training,
			      "%s: neither an emitter nor for training only, "
			      "or both",
			      mm_ops[i]->name);
}
END_TEST

/* ---- one operator ---- */

struct optry {
	struct mm_store store;
	struct mm_graph g;
	struct mm_node *out;
	struct ov in[64]; /* what the inputs hold, which a run may overwrite */
};

/* An input's values for the evaluator. */
static struct ov values(const struct mm_node *n)
{
	int64_t dim[OR_RANK];
	struct ov v;

	for (int i = 0; i < n->shape.rank; i++)
		dim[i] = (int64_t)n->shape.dim[i];
	v = ov_make(n->shape.rank, dim);
	for (size_t i = 0; i < v.n; i++)
		v.x[i] = n->elem == MM_ELEM_REAL ? (double)n->val[i]
			 : n->elem == MM_ELEM_I32
				 ? (double)((const int32_t *)n->data)[i]
				 : (double)((const uint8_t *)n->data)[i];
	return v;
}

static bool begin(struct optry *t, const struct mm_op *op, int variant)
{
	struct mm_rng r;

	memset(t, 0, sizeof(*t));
	mm_store_init(&t->store);
	mm_graph_init(&t->g, &t->store, MM_INFER);
	t->out = op->sample(&t->g, variant);
	if (!t->out && !t->g.failed)
		return false;
	ck_assert_msg(!t->g.failed, "%s: %s", op->name, t->g.err.msg);
	for (size_t i = 0; i < t->g.n_nodes; i++)
		if (!t->g.node[i]->op && !t->g.node[i]->param)
			t->g.node[i]->name =
				mm_arena_printf(&t->g.arena, "in%zu", i);
	mm_output(&t->g, t->out, "out");
	ck_ok(mm_graph_plan(&t->g, err));
	ck_ok(mm_store_alloc_values(&t->store, err));
	mm_store_initialise(&t->store, 1);
	ck_ok(mm_graph_alloc(&t->g, err));
	mm_rng_init(&r, 7, (uint64_t)variant, 0, MM_RNG_INIT);
	for (size_t i = 0; i < t->g.n_nodes; i++) {
		struct mm_node *n = t->g.node[i];

		if (n->op || n->param)
			continue;
		/* Variances and divisors are positive. */
		for (size_t k = 0; n->elem == MM_ELEM_REAL && k < n->n; k++)
			n->val[k] = (mm_real)(0.5 + 1.5 * mm_rng_uniform(&r));
		t->in[i] = values(n);
	}
	return true;
}

static void give(const struct ov *from, const char *name)
{
	struct ov v = ov_make(from->rank, from->dim);

	memcpy(v.x, from->x, v.n * sizeof(*v.x));
	ov_put(&env, span(name), v);
}

static struct mm_onnx_port port(const char *name, const struct mm_node *n,
				enum mm_dtype dtype)
{
	struct mm_onnx_port p = { .name = name,
				  .dtype = dtype,
				  .rank = n->shape.rank };

	for (int i = 0; i < p.rank && i < 4; i++)
		p.dim[i].length = n->shape.dim[i];
	return p;
}

static void compare(const struct mm_op *op, int variant, int opset,
		    const struct mm_node *out)
{
	const struct ov *y = ov_find(&env, span("out"));
	double most = 0;

	ck_assert_msg(y->n == out->n && y->rank == out->shape.rank,
		      "%s, variant %d: another shape", op->name, variant);
	for (size_t i = 0; i < y->n; i++)
		most = fmax(most, fabs(y->x[i]));
	for (size_t i = 0; i < y->n; i++)
		if (!(fabs(y->x[i] - (double)out->val[i]) <=
		      2e-5 * (most + 1e-3)))
			ck_abort_msg(
				"%s, variant %d, opset %d, element %zu: %g, not "
				"%g",
				op->name, variant, opset, i, y->x[i],
				(double)out->val[i]);
}

static void evaluate(struct optry *t, const struct mm_op *op, int variant,
		     int opset)
{
	struct mm_onnx_port in[16], out = port("out", t->out, MM_F32);
	struct mm_onnx_list l;
	struct mm_onnx_model m = {
		.list = &l, .name = op->name, .in = in, .out = &out, .n_out = 1
	};
	const char *const outputs[] = { "out" };
	size_t n;

	mm_onnx_init(&l, opset, MM_ONNX_FLOAT);
	ck_ok(mm_onnx_walk(&l, &t->g, "", err));
	mm_onnx_mark(&l, outputs, 1);
	for (size_t i = 0; i < t->g.n_nodes; i++) {
		const struct mm_node *x = t->g.node[i];

		if (x->op || x->param)
			continue;
		in[m.n_in++] = port(x->name, x,
				    x->elem == MM_ELEM_REAL ? MM_F32 : MM_I64);
		give(&t->in[i], x->name);
	}
	ck_ok(mm_onnx_write(&m, scratch("op.onnx"), err));
	mm_onnx_release(&l);
	file = file_bytes(scratch("op.onnx"), &n);
	or_read(&model, file, n);
	ck_assert_int_eq(model.opset, opset);
	or_run(&env, &model, NULL, 0);
	compare(op, variant, opset, t->out);
	done();
}

/* U8 pictures are an input of the engine's own. */
static bool bytes_go_in(const struct mm_graph *g)
{
	for (size_t i = 0; i < g->n_nodes; i++)
		if (g->node[i]->elem == MM_ELEM_U8 &&
		    g->node[i]->shape.rank == 4)
			return true;
	return false;
}

START_TEST(each_operator)
{
	const struct mm_op *op = mm_ops[_i];
	struct optry t;

	if (!op->onnx)
		return;
	scratch_begin();
	for (int v = 0; v < MAX_VARIANTS && begin(&t, op, v); v++) {
		mm_graph_forward(&t.g);
		for (int opset = 17; opset <= 20 && !bytes_go_in(&t.g);
		     opset += 3)
			evaluate(&t, op, v, opset);
		for (size_t i = 0; i < t.g.n_nodes; i++)
			free(t.in[i].x);
		mm_graph_release(&t.g);
		mm_store_release(&t.store);
	}
	scratch_end();
}
END_TEST

/* ---- towers ---- */

static const char set[] = "dual-clip-vit";

/* A golden tensor as an input of another name. */
static void give_golden(const struct mm_safetensors *s, const char *from,
			const char *name)
{
	const struct mm_tensor *t = golden(s, from);
	int64_t dim[OR_RANK];
	struct ov v;

	for (int i = 0; i < t->rank; i++)
		dim[i] = (int64_t)t->dim[i];
	v = ov_make(t->rank, dim);
	mm_to_f64(v.x, t->data, t->dtype, v.n);
	ov_put(&env, span(name), v);
}

/* The least cosine of two sets of rows. */
static double cosine(const struct ov *y, const struct mm_tensor *t)
{
	const size_t D = (size_t)y->dim[1];
	float *want = golden_f32(t);
	double least = 1;

	ck_assert_uint_eq(y->n, mm_tensor_count(t));
	for (size_t r = 0; r < y->n; r += D) {
		double ab = 0, aa = 0, bb = 0;

		for (size_t i = r; i < r + D; i++) {
			ab += y->x[i] * (double)want[i];
			aa += y->x[i] * y->x[i];
			bb += (double)want[i] * (double)want[i];
		}
		least = fmin(least, ab / sqrt(aa * bb));
	}
	free(want);
	return least;
}

static const struct {
	const char *name;
	struct mm_export x;
	double cosine, logits;
} kinds[] = {
	{ "fp32", { .opset = 17 }, 1 - 1e-9, 1 - 1e-9 },
	{ "opset 20", { .opset = 20 }, 1 - 1e-9, 1 - 1e-9 },
	{ "external", { .opset = 17, .external = true }, 1 - 1e-9, 1 - 1e-9 },
	{ "fp16", { .opset = 17, .half = true }, 0.9999, 0.9999 },
	{ "int8", { .opset = 17, .int8 = MM_ONNX_DYNAMIC }, 0.99, 0.99 },
	/* Scales of other pictures: these are cut here and there. */
	{ "qdq", { .opset = 17, .int8 = MM_ONNX_QDQ }, 0.98, 0.9 },
};

/* m's weights in int8, with scales of what is seen of the stream. */
static void fix_scales(struct mm_quantizer *q, struct mm_model *m,
		       const char *stream)
{
	const struct mm_quant_options o = { .method = MM_QUANT_STATIC,
					    .per_channel = true };
	const struct mm_sample_set samples = { &stream, 1, 0, 6 };

	ck_ok(mm_quantizer_open(q, m->dir, &o, err));
	ck_ok(mm_quantizer_calibrate(q, &samples, err));
	ck_ok(mm_model_declare(m, err));
	mm_quantizer_give(q, &m->store);
}

/* Exports, reads back and evaluates with the golden inputs. */
static void run_part(int kind, enum mm_onnx_part part,
		     const struct mm_safetensors *inputs, const char *ids)
{
	struct mm_export x = kinds[kind].x;
	struct mm_quantizer q = { 0 };
	struct mm_model m;
	char *data = NULL;
	size_t n, n_data = 0;

	x.part = part;
	ck_ok(mm_model_open(&m, golden_path(set, "model"), err));
	if (x.int8 == MM_ONNX_QDQ)
		fix_scales(&q, &m, sample_stream());
	ck_ok(mm_export_onnx(&m, &x, scratch("m.onnx"), err));
	mm_model_release(&m);
	mm_quantizer_release(&q);
	file = file_bytes(scratch("m.onnx"), &n);
	if (x.external)
		data = file_bytes(scratch("m.onnx_data"), &n_data);
	or_read(&model, file, n);
	if (part != MM_ONNX_TEXT)
		give_golden(inputs, "pixel_values", "pixel_values");
	if (part != MM_ONNX_IMAGE) {
		give_golden(inputs, ids, "input_ids");
		/* The rows of set b, of another length, hide nothing. */
		give_golden(inputs, *ids == 'a' ? "a.attention_mask" : ids,
			    "attention_mask");
	}
	or_run(&env, &model, data, n_data);
	for (int i = 0; i < model.n_in; i++)
		ck_assert_int_eq(ov_find(&env, model.in[i].name)->rank,
				 model.in[i].rank);
	free(data);
}

static void agree(int kind, const char *name, const struct mm_tensor *want)
{
	const double cos = cosine(ov_find(&env, span(name)), want);

	ck_assert_msg(
		cos >= (*name == 'l' ? kinds[kind].logits : kinds[kind].cosine),
		"%s, %s: cosine %.9f", kinds[kind].name, name, cos);
}

START_TEST(towers)
{
	struct mm_safetensors in, want;

	scratch_begin();
	golden_open(&in, golden_path(set, "inputs.safetensors"));
	golden_open(&want, golden_path(set, "expected.safetensors"));
	run_part(_i, MM_ONNX_IMAGE, &in, NULL);
	agree(_i, "image_embeds", golden(&want, "image_embeds"));
	done();
	run_part(_i, MM_ONNX_TEXT, &in, "a.input_ids");
	agree(_i, "text_embeds", golden(&want, "a.text_embeds"));
	done();
	run_part(_i, MM_ONNX_BOTH, &in, "b.input_ids");
	agree(_i, "image_embeds", golden(&want, "image_embeds"));
	agree(_i, "text_embeds", golden(&want, "b.text_embeds"));
	agree(_i, "logits_per_image", golden(&want, "b.logits_per_image"));
	done();
	mm_safetensors_release(&in);
	mm_safetensors_release(&want);
	scratch_end();
}
END_TEST

/* The pictures of the stream as the file's input; the vectors that the model
 * itself gives, of unit length. */
static void give_pictures(struct mm_measured *want, const char *dir,
			  const char *path)
{
	const struct mm_sample_set samples = { &path, 1, 0, NOISE_PAIRS };
	const int64_t dim[] = { NOISE_PAIRS, 3, NOISE_SIDE, NOISE_SIDE };
	const struct mm_segment *seg;
	struct ov v = ov_make(4, dim);
	struct mm_encoder e;
	struct mm_stream s;

	ck_ok(mm_encoder_open(&e, dir, err));
	ck_ok(mm_measured_take(want, &e, &samples, err));
	ck_ok(mm_stream_open(&s, path, err));
	ck_ok(mm_stream_next(&s, &seg, err));
	for (size_t i = 0; i < v.n; i++) {
		const uint8_t *x = mm_segment_find(seg, "image")->items.data;

		v.x[i] = (double)e.model
				 .lut[i / (NOISE_SIDE * NOISE_SIDE) % 3][x[i]];
	}
	ov_put(&env, span("pixel_values"), v);
	mm_stream_release(&s);
	mm_encoder_release(&e);
}

/* Convolutions too are int8 between QuantizeLinear and DequantizeLinear. */
START_TEST(convolutions_in_qdq)
{
	static const char *const archs[] = { "clip_resnet", "align" };
	const struct mm_export x = { .part = MM_ONNX_IMAGE,
				     .opset = 17,
				     .int8 = MM_ONNX_QDQ };
	struct mm_quantizer q;
	struct mm_measured want;
	const char *dir, *path;
	struct mm_model m;
	double cos, least;
	const struct ov *y;
	float *got;
	size_t n, convs = 0;

	scratch_begin();
	dir = noise_model(archs[_i]);
	path = noise_stream();
	ck_ok(mm_model_open(&m, dir, err));
	ck_fails(mm_export_check(&m, &x, err), MM_ERR_REFUSED,
		 "has no fixed scales");
	mm_model_release(&m);
	ck_ok(mm_model_open(&m, dir, err));
	fix_scales(&q, &m, path);
	ck_ok(mm_export_check(&m, &x, err));
	ck_ok(mm_export_onnx(&m, &x, scratch("m.onnx"), err));
	mm_model_release(&m);
	mm_quantizer_release(&q);
	file = file_bytes(scratch("m.onnx"), &n);
	or_read(&model, file, n);
	for (int i = 0; i < model.n_nodes; i++)
		convs += or_is(model.node[i].type, "Conv") &&
			 !strncmp((const char *)model.node[i].in[1].p,
				  "DequantizeLinear", 16);
	/* All but those with too few numbers to matter. */
	ck_assert_uint_ge(convs, 6);
	give_pictures(&want, dir, path);
	or_run(&env, &model, NULL, 0);
	y = ov_find(&env, span("image_embeds"));
	got = malloc(y->n * sizeof(*got));
	for (size_t i = 0; i < y->n; i++)
		got[i] = (float)y->x[i];
	mm_embed_normalise(got, NOISE_PAIRS, want.D);
	cos = mm_mean_cosine(got, want.image, NOISE_PAIRS, want.D, &least);
	/* An untrained network, whose pictures are noise. */
	ck_assert_double_gt(cos, 0.97);
	free(got);
	mm_measured_release(&want);
	done();
	scratch_end();
}
END_TEST

START_TEST(what_cannot_be_written)
{
	const struct mm_export x = { .opset = 17, .external = true };
	struct mm_model m;
	int rc = -1;

	scratch_begin();
	for (long n = 1; rc && n < 4000; n += n / 3 + 1) {
		struct mm_err why;

		ck_ok(mm_model_open(&m, golden_path(set, "model"), err));
		mm_mem_fail_after(n);
		rc = mm_export_onnx(&m, &x, scratch("a.onnx"), &why);
		mm_mem_fail_after(0);
		mm_model_release(&m);
		ck_assert_msg(!rc || rc == MM_ERR_NOMEM, "%s", why.msg);
		ck_assert_int_eq(scratch_count(), rc ? 0 : 2);
	}
	ck_assert_int_eq(rc, 0);
	ck_ok(mm_model_open(&m, golden_path(set, "model"), err));
	for (int i = 0; i < 4; i++) {
		unlink(scratch("a.onnx"));
		unlink(scratch("a.onnx_data"));
		mm_io_fail_after(i * 30000);
		ck_fails(mm_export_onnx(&m, &x, scratch("a.onnx"), err),
			 MM_ERR_IO, "a.onnx");
		mm_io_fail_after(-1);
		ck_assert_ptr_null(fopen(scratch("a.onnx"), "rb"));
	}
	mm_model_release(&m);
	scratch_end();
}
END_TEST

/* ---- the wire format ---- */

START_TEST(wire)
{
	static const uint64_t x[] = { 0,   127,	     128,	16383,
				      300, 1u << 31, UINT64_MAX };
	struct mm_buf b = { 0 };
	struct or_field f;
	const char *bad = NULL;
	struct or_span s;

	for (size_t i = 0; i < sizeof(x) / sizeof(*x); i++) {
		mm_buf_clear(&b);
		mm_pb_varint(&b, x[i]);
		s = (struct or_span){ (const uint8_t *)b.data, b.len };
		ck_assert(or_varint(&s, &bad) == x[i] && !s.n && !bad);
		mm_buf_clear(&b);
		mm_pb_head(&b, 20, x[i]);
		ck_assert_uint_eq(b.len, mm_pb_head_size(20, x[i]));
	}
	mm_buf_clear(&b);
	mm_pb_int(&b, 3, -1);
	mm_pb_float(&b, 2, 1.5f);
	mm_pb_str(&b, 17, "word");
	s = (struct or_span){ (const uint8_t *)b.data, b.len };
	ck_assert(or_next(&s, &f, &bad) && f.number == 3 && (int64_t)f.i == -1);
	ck_assert(or_next(&s, &f, &bad) && f.number == 2 && f.f == 1.5f);
	ck_assert(or_next(&s, &f, &bad) && f.number == 17 &&
		  or_is(f.bytes, "word"));
	ck_assert(!or_next(&s, &f, &bad) && !bad);
	mm_buf_release(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("onnx");
	TCase *tc = tcase_create("onnx");
	SRunner *sr = srunner_create(s);
	int n_ops = 0, failed;

	while (mm_ops[n_ops])
		n_ops++;
	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, wire);
	tcase_add_test(tc, every_row_says);
	tcase_add_loop_test(tc, each_operator, 0, n_ops);
	tcase_add_loop_test(tc, towers, 0, sizeof(kinds) / sizeof(*kinds));
	tcase_add_loop_test(tc, convolutions_in_qdq, 0, 2);
	tcase_add_test(tc, what_cannot_be_written);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
