/* export.c - see export.h. */
#include "onnx/export.h"

#include <string.h>

#include "graph/ops.h"
#include "onnx/file.h"

/* Any numbers would do: what is emitted does not depend on them. */
enum { IMAGES = 2, TEXTS = 3 };

struct job {
	struct mm_model *m;
	const struct mm_export *x;
	struct mm_graph g;
	struct mm_onnx_list list;
	struct mm_onnx_port in[4], out[4];
	size_t n_in, n_out;
	const char *images, *texts; /* names of the free lengths */
};

static struct mm_onnx_port *add_port(struct mm_onnx_port *list, size_t *n,
				     const char *name, enum mm_dtype dtype)
{
	struct mm_onnx_port *p = &list[(*n)++];

	*p = (struct mm_onnx_port){ .name = name, .dtype = dtype };
	return p;
}

static void free_axis(struct mm_onnx_port *p, const char *axis)
{
	p->dim[p->rank++].axis = axis;
}

static void fixed_axis(struct mm_onnx_port *p, size_t length)
{
	p->dim[p->rank++].length = length;
}

/* A result that the file gives out, of two axes. */
static void add_output(struct job *j, struct mm_node *x, const char *name,
		       const char *rows, const char *columns)
{
	struct mm_onnx_port *p = add_port(j->out, &j->n_out, name, MM_F32);

	mm_output(&j->g, x, name);
	free_axis(p, rows);
	if (columns)
		free_axis(p, columns);
	else
		fixed_axis(p, j->m->embed_dim);
}

static struct mm_node *emit_image(struct job *j)
{
	const struct mm_model *m = j->m;
	struct mm_node *x = mm_image_input(&j->g, m, MM_ELEM_REAL, IMAGES,
					   m->image_size, m->image_size);
	struct mm_onnx_port *p =
		add_port(j->in, &j->n_in, "pixel_values", MM_F32);

	free_axis(p, j->images);
	fixed_axis(p, m->channels);
	fixed_axis(p, m->image_size);
	fixed_axis(p, m->image_size);
	return m->arch->image(&j->g, m, x);
}

static struct mm_node *emit_text(struct job *j)
{
	const struct mm_model *m = j->m;
	const bool masked = !m->arch->unmasked_text && !m->unmasked_text;
	const struct mm_text_input t =
		mm_text_inputs(&j->g, TEXTS, m->context_length, masked, false);
	struct mm_onnx_port *p;

	p = add_port(j->in, &j->n_in, "input_ids", MM_I64);
	free_axis(p, j->texts);
	free_axis(p, "sequence_length");
	if (masked) {
		p = add_port(j->in, &j->n_in, "attention_mask", MM_I64);
		free_axis(p, j->texts);
		free_axis(p, "sequence_length");
	}
	return m->arch->text(&j->g, m, &t);
}

/* Both towers, and what they say of each other. */
static void emit_both(struct job *j)
{
	static const int order[] = { 1, 0 };
	struct mm_node *image, *text, *logits;

	j->images = "image_batch_size";
	j->texts = "text_batch_size";
	text = emit_text(j);
	image = emit_image(j);
	text = mm_l2norm(&j->g, text, 1e-12);
	image = mm_l2norm(&j->g, image, 1e-12);
	logits = j->m->arch->logits(&j->g, j->m, image, text);
	add_output(j, logits, "logits_per_image", j->images, j->texts);
	add_output(j, mm_permute(&j->g, logits, order), "logits_per_text",
		   j->texts, j->images);
	add_output(j, text, "text_embeds", j->texts, NULL);
	add_output(j, image, "image_embeds", j->images, NULL);
}

static void emit(struct job *j)
{
	j->images = j->texts = "batch_size";
	switch (j->x->part) {
	case MM_ONNX_IMAGE:
		add_output(j, emit_image(j), "image_embeds", j->images, NULL);
		break;
	case MM_ONNX_TEXT:
		add_output(j, emit_text(j), "text_embeds", j->texts, NULL);
		break;
	case MM_ONNX_BOTH: emit_both(j); break;
	}
}

static int write_file(struct job *j, const char *path, struct mm_err *err)
{
	const struct mm_onnx_model model = {
		.list = &j->list,
		.name = j->m->arch->model_type,
		.in = j->in,
		.out = j->out,
		.n_in = j->n_in,
		.n_out = j->n_out,
		.external = j->x->external,
		.inside = j->x->inside,
	};
	const char *outputs[4];

	for (size_t i = 0; i < j->n_out; i++)
		outputs[i] = j->out[i].name;
	mm_onnx_mark(&j->list, outputs, j->n_out);
	if (j->list.failed)
		return mm_fail(err, j->list.err.code, "%s", j->list.err.msg);
	return mm_onnx_write(&model, path, err);
}

int mm_export_onnx(struct mm_model *m, const struct mm_export *x,
		   const char *path, struct mm_err *err)
{
	struct job j = { .m = m, .x = x };
	int rc;

	mm_graph_init(&j.g, &m->store, MM_INFER);
	mm_onnx_init(&j.list, x->opset, x->int8);
	j.list.half = x->half;
	emit(&j);
	if (j.g.failed)
		rc = mm_fail(err, j.g.err.code, "%s", j.g.err.msg);
	else if (!(rc = mm_model_bind(m, false, err)) &&
		 !(rc = mm_onnx_walk(&j.list, &j.g, "", err)))
		rc = write_file(&j, path, err);
	mm_onnx_release(&j.list);
	mm_graph_release(&j.g);
	return rc;
}

/* A weight in int8 with a scale for what it multiplies, if that is int8. */
static bool fixed(const struct mm_param *p)
{
	return p->q && (p->x_scale || p->pack == MM_PACKED_W8);
}

int mm_export_check(struct mm_model *m, const struct mm_export *x,
		    struct mm_err *err)
{
	int rc;

	if (x->int8 != MM_ONNX_QDQ)
		return MM_OK;
	if ((rc = mm_model_declare(m, err)) ||
	    (rc = mm_model_bind(m, false, err)))
		return rc;
	for (size_t i = 0; i < m->store.n; i++)
		if (fixed(m->store.param[i]))
			return MM_OK;
	return mm_fail(err, MM_ERR_REFUSED,
		       "'%s' has no fixed scales, which QuantizeLinear wants: "
		       "name samples with --calibrate, or export what "
		       "'mmtool quantize --method static' makes of it",
		       m->dir);
}
