/*
 * onnx_read.h - an .onnx file read back, by code that shares nothing with the
 * writer: protobuf's wire format, and the fields that an exported graph has.
 *
 * Whatever is out of place sets `bad` to a text that says so; nothing is read
 * beyond the bytes given.
 */
#ifndef MM_TESTS_ONNX_READ_H
#define MM_TESTS_ONNX_READ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
	OR_IN = 6,
	OR_ATTR = 8,
	OR_RANK = 8,
	OR_NODES = 4096,
	OR_TENSORS = 2048
};

struct or_span {
	const uint8_t *p;
	size_t n;
};

struct or_attr {
	struct or_span name, s;
	float f;
	int64_t i, ints[OR_RANK];
	int type, n_ints;
};

struct or_node {
	struct or_span in[OR_IN], out[OR_IN], type;
	struct or_attr attr[OR_ATTR];
	int n_in, n_out, n_attr;
};

struct or_tensor {
	struct or_span name, raw, location;
	int64_t dim[OR_RANK], offset, length;
	int rank, type;
	bool external;
};

struct or_port {
	struct or_span name, axis[OR_RANK];
	int64_t dim[OR_RANK];
	int rank, type;
};

struct or_model {
	const char *bad; /* NULL: all well */
	int64_t ir_version, opset;
	struct or_node node[OR_NODES];
	struct or_tensor tensor[OR_TENSORS];
	struct or_port in[8], out[8];
	int n_nodes, n_tensors, n_in, n_out;
};

static inline bool or_is(struct or_span s, const char *text)
{
	return s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

static inline bool or_same(struct or_span a, struct or_span b)
{
	return a.n == b.n && !memcmp(a.p, b.p, a.n);
}

static inline uint64_t or_varint(struct or_span *s, const char **bad)
{
	uint64_t x = 0;

	for (int shift = 0; shift < 70; shift += 7) {
		if (!s->n) {
			*bad = "a number is cut";
			return 0;
		}
		x |= (uint64_t)(*s->p & 127) << (shift < 64 ? shift : 0);
		s->n--;
		if (!(*s->p++ & 128))
			return x;
	}
	*bad = "a number of more than ten bytes";
	return 0;
}

/* One field: its number, and its value in one of the three. */
struct or_field {
	int number;
	uint64_t i;
	float f;
	struct or_span bytes;
};

static inline bool or_next(struct or_span *s, struct or_field *f,
			   const char **bad)
{
	uint64_t key;

	if (!s->n || *bad)
		return false;
	memset(f, 0, sizeof(*f));
	key = or_varint(s, bad);
	f->number = (int)(key >> 3 & 0xffff);
	switch (key & 7) {
	case 0: f->i = or_varint(s, bad); return !*bad;
	case 2:
		f->bytes.n = (size_t)or_varint(s, bad);
		if (!*bad && f->bytes.n > s->n)
			*bad = "a field reaches beyond its message";
		if (*bad)
			return false;
		f->bytes.p = s->p;
		s->p += f->bytes.n;
		s->n -= f->bytes.n;
		return true;
	case 5:
		if (s->n < 4) {
			*bad = "a float is cut";
			return false;
		}
		memcpy(&f->f, s->p, 4);
		s->p += 4;
		s->n -= 4;
		return true;
	default: *bad = "a type of field that is not used"; return false;
	}
}

static inline void or_read_attr(struct or_attr *a, struct or_span s,
				const char **bad)
{
	struct or_field f;

	memset(a, 0, sizeof(*a));
	while (or_next(&s, &f, bad))
		switch (f.number) {
		case 1: a->name = f.bytes; break;
		case 2: a->f = f.f; break;
		case 3: a->i = (int64_t)f.i; break;
		case 4: a->s = f.bytes; break;
		case 8:
			if (a->n_ints == OR_RANK)
				*bad = "too many numbers in an attribute";
			else
				a->ints[a->n_ints++] = (int64_t)f.i;
			break;
		case 20: a->type = (int)f.i; break;
		default: *bad = "an unknown field of an attribute";
		}
}

static inline void or_read_node(struct or_node *n, struct or_span s,
				const char **bad)
{
	struct or_field f;

	memset(n, 0, sizeof(*n));
	while (or_next(&s, &f, bad)) {
		if ((f.number == 1 && n->n_in == OR_IN) ||
		    (f.number == 2 && n->n_out == OR_IN) ||
		    (f.number == 5 && n->n_attr == OR_ATTR)) {
			*bad = "a node with too much of something";
			return;
		}
		switch (f.number) {
		case 1: n->in[n->n_in++] = f.bytes; break;
		case 2: n->out[n->n_out++] = f.bytes; break;
		case 3: break;
		case 4: n->type = f.bytes; break;
		case 5:
			or_read_attr(&n->attr[n->n_attr++], f.bytes, bad);
			break;
		default: *bad = "an unknown field of a node";
		}
	}
}

static inline void or_read_entry(struct or_tensor *t, struct or_span s,
				 const char **bad)
{
	struct or_span key = { 0 }, value = { 0 };
	struct or_field f;
	int64_t x = 0;

	while (or_next(&s, &f, bad)) {
		if (f.number == 1)
			key = f.bytes;
		else
			value = f.bytes;
	}
	for (size_t i = 0; i < value.n && i < 18; i++)
		x = x * 10 + (value.p[i] - '0');
	if (key.n && or_is(key, "location"))
		t->location = value;
	else if (key.n && or_is(key, "offset"))
		t->offset = x;
	else if (key.n && or_is(key, "length"))
		t->length = x;
}

static inline void or_read_tensor(struct or_tensor *t, struct or_span s,
				  const char **bad)
{
	struct or_field f;

	memset(t, 0, sizeof(*t));
	while (or_next(&s, &f, bad))
		switch (f.number) {
		case 1:
			if (t->rank == OR_RANK)
				*bad = "a tensor of too many axes";
			else
				t->dim[t->rank++] = (int64_t)f.i;
			break;
		case 2: t->type = (int)f.i; break;
		case 8: t->name = f.bytes; break;
		case 9: t->raw = f.bytes; break;
		case 13: or_read_entry(t, f.bytes, bad); break;
		case 14: t->external = f.i == 1; break;
		default: *bad = "an unknown field of a tensor";
		}
}

static inline void or_read_dim(struct or_port *p, struct or_span s,
			       const char **bad)
{
	struct or_field f;

	if (p->rank == OR_RANK) {
		*bad = "a value of too many axes";
		return;
	}
	while (or_next(&s, &f, bad)) {
		if (f.number == 1)
			p->dim[p->rank] = (int64_t)f.i;
		else
			p->axis[p->rank] = f.bytes;
	}
	p->rank++;
}

/* ValueInfoProto { name, TypeProto { Tensor { elem, Shape { dim... } } } } */
static inline void or_read_port(struct or_port *p, struct or_span s, int depth,
				const char **bad)
{
	struct or_field f;

	while (or_next(&s, &f, bad)) {
		if (depth == 0 && f.number == 1)
			p->name = f.bytes;
		else if (depth == 2 && f.number == 1)
			p->type = (int)f.i;
		else if (depth == 3)
			or_read_dim(p, f.bytes, bad);
		else
			or_read_port(p, f.bytes, depth + 1, bad);
	}
}

static inline void or_read_graph(struct or_model *m, struct or_span s)
{
	struct or_field f;

	while (or_next(&s, &f, &m->bad)) {
		if (m->n_nodes == OR_NODES || m->n_tensors == OR_TENSORS ||
		    m->n_in == 8 || m->n_out == 8) {
			m->bad = "more of something than a test has room for";
			return;
		}
		switch (f.number) {
		case 1:
			or_read_node(&m->node[m->n_nodes++], f.bytes, &m->bad);
			break;
		case 2: break;
		case 5:
			or_read_tensor(&m->tensor[m->n_tensors++], f.bytes,
				       &m->bad);
			break;
		case 11:
			memset(&m->in[m->n_in], 0, sizeof(m->in[0]));
			or_read_port(&m->in[m->n_in++], f.bytes, 0, &m->bad);
			break;
		case 12:
			memset(&m->out[m->n_out], 0, sizeof(m->out[0]));
			or_read_port(&m->out[m->n_out++], f.bytes, 0, &m->bad);
			break;
		default: m->bad = "an unknown field of a graph";
		}
	}
}

/* m is large: static, or from malloc. */
static inline void or_read(struct or_model *m, const void *bytes, size_t n)
{
	struct or_span s = { bytes, n };
	struct or_field f, g;

	m->bad = NULL;
	m->ir_version = m->opset = 0;
	m->n_nodes = m->n_tensors = m->n_in = m->n_out = 0;
	while (or_next(&s, &f, &m->bad))
		switch (f.number) {
		case 1: m->ir_version = (int64_t)f.i; break;
		case 2: break;
		case 7: or_read_graph(m, f.bytes); break;
		case 8:
			while (or_next(&f.bytes, &g, &m->bad))
				if (g.number == 2)
					m->opset = (int64_t)g.i;
			break;
		default: m->bad = "an unknown field of a model";
		}
}

static inline const struct or_attr *or_attr(const struct or_node *n,
					    const char *name)
{
	for (int i = 0; i < n->n_attr; i++)
		if (or_is(n->attr[i].name, name))
			return &n->attr[i];
	return NULL;
}

#endif
