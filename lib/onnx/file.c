/* file.c - see file.h. */
#include "onnx/file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "onnx/protobuf.h"
#include "onnx/weight.h"

/* Fields of onnx.proto. */
enum {
	MODEL_IR_VERSION = 1,
	MODEL_PRODUCER = 2,
	MODEL_GRAPH = 7,
	MODEL_OPSET = 8,
	OPSET_DOMAIN = 1,
	OPSET_VERSION = 2,
	GRAPH_NODE = 1,
	GRAPH_NAME = 2,
	GRAPH_INITIALIZER = 5,
	GRAPH_INPUT = 11,
	GRAPH_OUTPUT = 12,
	NODE_INPUT = 1,
	NODE_OUTPUT = 2,
	NODE_NAME = 3,
	NODE_TYPE = 4,
	NODE_ATTRIBUTE = 5,
	ATTRIBUTE_NAME = 1,
	ATTRIBUTE_F = 2,
	ATTRIBUTE_I = 3,
	ATTRIBUTE_S = 4,
	ATTRIBUTE_INTS = 8,
	ATTRIBUTE_TYPE = 20,
	TENSOR_DIMS = 1,
	TENSOR_TYPE = 2,
	TENSOR_NAME = 8,
	TENSOR_RAW = 9,
	TENSOR_EXTERNAL = 13,
	TENSOR_LOCATION = 14,
	ENTRY_KEY = 1,
	ENTRY_VALUE = 2,
	VALUE_NAME = 1,
	VALUE_TYPE = 2,
	TYPE_TENSOR = 1,
	TYPE_ELEM = 1,
	TYPE_SHAPE = 2,
	SHAPE_DIM = 1,
	DIM_VALUE = 1,
	DIM_PARAM = 2,
};

enum {
	EXTERNAL = 1,	   /* TensorProto.DataLocation */
	SMALL = 1024,	   /* shapes and the like stay in the .onnx file */
	DATA_ALIGN = 4096, /* so that a reader may map */
};

/* Of one message, the format's own bound, less what is around the weights. */
static const uint64_t max_inside = (UINT64_C(1) << 31) - (64 << 20);

static int64_t elem_type(enum mm_dtype t)
{
	switch (t) {
	case MM_F32: return 1;
	case MM_U8: return 2;
	case MM_I8: return 3;
	case MM_I64: return 7;
	case MM_BOOL: return 9;
	case MM_F16: return 10;
	default: return 0;
	}
}

/* ---- nodes ---- */

static void put_attribute(struct mm_buf *out, const struct mm_onnx_attr *a)
{
	static const int types[] = {
		[MM_ONNX_REAL] = 1,
		[MM_ONNX_INT] = 2,
		[MM_ONNX_WORD] = 3,
		[MM_ONNX_INTS] = 7,
	};
	struct mm_buf b = { 0 };

	mm_pb_str(&b, ATTRIBUTE_NAME, a->name);
	if (a->kind == MM_ONNX_INT)
		mm_pb_int(&b, ATTRIBUTE_I, a->i);
	else if (a->kind == MM_ONNX_REAL)
		mm_pb_float(&b, ATTRIBUTE_F, (float)a->f);
	else if (a->kind == MM_ONNX_WORD)
		mm_pb_str(&b, ATTRIBUTE_S, a->word);
	for (int i = 0; a->kind == MM_ONNX_INTS && i < a->n; i++)
		mm_pb_int(&b, ATTRIBUTE_INTS, a->ints[i]);
	mm_pb_int(&b, ATTRIBUTE_TYPE, types[a->kind]);
	mm_pb_message(out, NODE_ATTRIBUTE, &b);
	mm_buf_release(&b);
}

static void put_node(struct mm_buf *out, const struct mm_onnx_node *n)
{
	struct mm_buf b = { 0 };

	for (int i = 0; i < n->n_in; i++)
		mm_pb_str(&b, NODE_INPUT, n->in[i]);
	for (int i = 0; i < n->n_out; i++)
		mm_pb_str(&b, NODE_OUTPUT, n->out[i]);
	mm_pb_str(&b, NODE_NAME, n->out[0]);
	mm_pb_str(&b, NODE_TYPE, n->type);
	for (int i = 0; i < n->n_attr; i++)
		put_attribute(&b, &n->attr[i]);
	mm_pb_message(out, GRAPH_NODE, &b);
	mm_buf_release(&b);
}

static void put_port(struct mm_buf *out, int field,
		     const struct mm_onnx_port *p)
{
	struct mm_buf dim = { 0 }, shape = { 0 }, tensor = { 0 }, type = { 0 };
	struct mm_buf b = { 0 };

	for (int i = 0; i < p->rank; i++) {
		if (p->dim[i].axis)
			mm_pb_str(&dim, DIM_PARAM, p->dim[i].axis);
		else
			mm_pb_int(&dim, DIM_VALUE, (int64_t)p->dim[i].length);
		mm_pb_message(&shape, SHAPE_DIM, &dim);
	}
	mm_pb_int(&tensor, TYPE_ELEM, elem_type(p->dtype));
	mm_pb_message(&tensor, TYPE_SHAPE, &shape);
	mm_pb_message(&type, TYPE_TENSOR, &tensor);
	mm_pb_str(&b, VALUE_NAME, p->name);
	mm_pb_message(&b, VALUE_TYPE, &type);
	mm_pb_message(out, field, &b);
	mm_buf_release(&dim);
	mm_buf_release(&shape);
	mm_buf_release(&tensor);
	mm_buf_release(&type);
	mm_buf_release(&b);
}

/* ---- initializers ---- */

static void put_entry(struct mm_buf *out, const char *key, const char *value)
{
	struct mm_buf b = { 0 };

	mm_pb_str(&b, ENTRY_KEY, key);
	mm_pb_str(&b, ENTRY_VALUE, value);
	mm_pb_message(out, TENSOR_EXTERNAL, &b);
	mm_buf_release(&b);
}

static void put_number(struct mm_buf *out, const char *key, uint64_t x)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)x);
	put_entry(out, key, text);
}

struct job {
	const struct mm_onnx_model *m;
	bool external;
	const char *data_path; /* NULL: none */
	const char *location;  /* its name in the .onnx file */
	struct mm_writer data, out;
	struct mm_buf *tensor; /* heads of the initializers, by constant */
	struct mm_buf nodes, ports, scratch;
};

static bool goes_outside(const struct job *j, const struct mm_onnx_const *c)
{
	return j->external && mm_onnx_const_bytes(j->m->list, c) >= SMALL;
}

/* All of a TensorProto but the bytes of raw_data. */
static void put_tensor(struct job *j, const struct mm_onnx_const *c,
		       struct mm_buf *b, uint64_t *offset)
{
	const uint64_t bytes = mm_onnx_const_bytes(j->m->list, c);

	for (int i = 0; i < c->rank; i++)
		mm_pb_int(b, TENSOR_DIMS, (int64_t)c->dim[i]);
	mm_pb_int(b, TENSOR_TYPE, elem_type(mm_onnx_const_type(j->m->list, c)));
	mm_pb_str(b, TENSOR_NAME, c->name);
	if (goes_outside(j, c)) {
		*offset = (*offset + DATA_ALIGN - 1) / DATA_ALIGN * DATA_ALIGN;
		put_entry(b, "location", j->location);
		put_number(b, "offset", *offset);
		put_number(b, "length", bytes);
		mm_pb_int(b, TENSOR_LOCATION, EXTERNAL);
		*offset += bytes;
	} else {
		mm_pb_head(b, TENSOR_RAW, bytes);
	}
}

/* Bytes of an initializer in the .onnx file, without its own key and length. */
static uint64_t tensor_size(const struct job *j, size_t i)
{
	const struct mm_onnx_const *c = &j->m->list->constant[i];

	return j->tensor[i].len +
	       (goes_outside(j, c) ? 0 : mm_onnx_const_bytes(j->m->list, c));
}

/* Everything but weights, in memory; the length of the graph. */
static int prepare(struct job *j, uint64_t *graph, struct mm_err *err)
{
	const struct mm_onnx_list *l = j->m->list;
	uint64_t offset = 0;
	int rc;

	for (size_t i = 0; i < l->n_nodes; i++)
		if (l->node[i].used)
			put_node(&j->nodes, &l->node[i]);
	mm_pb_str(&j->nodes, GRAPH_NAME, j->m->name);
	for (size_t i = 0; i < j->m->n_in; i++)
		put_port(&j->ports, GRAPH_INPUT, &j->m->in[i]);
	for (size_t i = 0; i < j->m->n_out; i++)
		put_port(&j->ports, GRAPH_OUTPUT, &j->m->out[i]);
	*graph = j->nodes.len + j->ports.len;
	for (size_t i = 0; i < l->n_constants; i++) {
		uint64_t n;

		if (!l->constant[i].used)
			continue;
		put_tensor(j, &l->constant[i], &j->tensor[i], &offset);
		if ((rc = mm_buf_check(&j->tensor[i], "a constant", err)))
			return rc;
		n = tensor_size(j, i);
		*graph += mm_pb_head_size(GRAPH_INITIALIZER, n) + n;
	}
	if ((rc = mm_buf_check(&j->nodes, "the nodes", err)))
		return rc;
	return mm_buf_check(&j->ports, "inputs and outputs", err);
}

static int flush(struct job *j, struct mm_err *err)
{
	int rc = mm_buf_check(&j->scratch, "a message", err);

	if (!rc)
		rc = mm_writer_write(&j->out, mm_buf_str(&j->scratch),
				     j->scratch.len, err);
	mm_buf_clear(&j->scratch);
	return rc;
}

static int pad_data(struct job *j, struct mm_err *err)
{
	static const char zeros[DATA_ALIGN];
	const size_t over = (size_t)(j->data.offset % DATA_ALIGN);

	return over ? mm_writer_write(&j->data, zeros, DATA_ALIGN - over, err)
		    : MM_OK;
}

static int write_tensors(struct job *j, struct mm_err *err)
{
	const struct mm_onnx_list *l = j->m->list;
	int rc = MM_OK;

	for (size_t i = 0; i < l->n_constants && !rc; i++) {
		const struct mm_onnx_const *c = &l->constant[i];
		const bool outside = goes_outside(j, c);

		if (!c->used)
			continue;
		mm_pb_head(&j->scratch, GRAPH_INITIALIZER, tensor_size(j, i));
		mm_buf_add(&j->scratch, j->tensor[i].data, j->tensor[i].len);
		if ((rc = flush(j, err)) ||
		    (outside && (rc = pad_data(j, err))))
			return rc;
		rc = mm_onnx_const_write(l, c, outside ? &j->data : &j->out,
					 err);
	}
	return rc;
}

static int write_model(struct job *j, uint64_t graph, struct mm_err *err)
{
	struct mm_buf opset = { 0 };
	int rc;

	mm_pb_int(&j->scratch, MODEL_IR_VERSION,
		  j->m->list->opset >= 20 ? 9 : 8);
	mm_pb_str(&j->scratch, MODEL_PRODUCER, "mmtool");
	mm_pb_head(&j->scratch, MODEL_GRAPH, graph);
	mm_buf_add(&j->scratch, mm_buf_str(&j->nodes), j->nodes.len);
	if ((rc = flush(j, err)) || (rc = write_tensors(j, err)))
		return rc;
	mm_buf_add(&j->scratch, mm_buf_str(&j->ports), j->ports.len);
	mm_pb_str(&opset, OPSET_DOMAIN, "");
	mm_pb_int(&opset, OPSET_VERSION, j->m->list->opset);
	mm_pb_message(&j->scratch, MODEL_OPSET, &opset);
	mm_buf_release(&opset);
	return flush(j, err);
}

static int write_both(struct job *j, const char *path, uint64_t graph,
		      struct mm_err *err)
{
	int rc;

	if ((rc = mm_writer_open(&j->out, path, err)))
		return rc;
	if (!j->external ||
	    !(rc = mm_writer_open(&j->data, j->data_path, err))) {
		/* An older model goes before the weights that it points to
		 * change: no model ever stands beside another's. */
		if (!(rc = write_model(j, graph, err)) && j->external &&
		    !(rc = mm_file_remove(path, err)))
			rc = mm_writer_commit(&j->data, err);
		if (!rc)
			rc = mm_writer_commit(&j->out, err);
		/* Nothing points any more to weights of an older model. */
		if (!rc && !j->external)
			rc = mm_file_remove(j->data_path, err);
	}
	mm_writer_abort(&j->data);
	mm_writer_abort(&j->out);
	return rc;
}

uint64_t mm_onnx_weight_bytes(const struct mm_onnx_list *l)
{
	uint64_t n = 0;

	for (size_t i = 0; i < l->n_constants; i++)
		if (l->constant[i].used)
			n += mm_onnx_const_bytes(l, &l->constant[i]);
	return n;
}

int mm_onnx_write(const struct mm_onnx_model *m, const char *path,
		  struct mm_err *err)
{
	const struct mm_onnx_list *l = m->list;
	struct job j = { .m = m };
	struct mm_buf data = { 0 };
	uint64_t graph;
	int rc;

	j.external = m->external ||
		     mm_onnx_weight_bytes(l) >
			     (m->inside && m->inside < max_inside ? m->inside
								  : max_inside);
	mm_buf_printf(&data, "%s_data", path);
	j.data_path = mm_buf_str(&data);
	j.location = strrchr(j.data_path, '/');
	j.location = j.location ? j.location + 1 : j.data_path;
	j.tensor = mm_calloc(l->n_constants, sizeof(*j.tensor));
	if (!j.tensor)
		rc = mm_fail_nomem(err, "the constants");
	else if (!(rc = mm_buf_check(&data, "a path", err)) &&
		 !(rc = prepare(&j, &graph, err)))
		rc = write_both(&j, path, graph, err);
	for (size_t i = 0; j.tensor && i < l->n_constants; i++)
		mm_buf_release(&j.tensor[i]);
	mm_free(j.tensor);
	mm_buf_release(&j.nodes);
	mm_buf_release(&j.ports);
	mm_buf_release(&j.scratch);
	mm_buf_release(&data);
	return rc;
}
