/*
 * file.h - a list of ONNX nodes as an .onnx file.
 *
 * Source: onnx/onnx onnx.proto (proto2), docs/ExternalData.md.
 *
 *	ModelProto { ir_version, producer, graph, opset_import }
 *	GraphProto { node..., name, initializer..., input..., output... }
 *
 * Weights are never held twice: nodes are made in memory, lengths are summed,
 * then each initializer is converted and written as it comes.
 */
#ifndef MM_ONNX_FILE_H
#define MM_ONNX_FILE_H

#include "graph/onnx.h"

/* An input or output.  axis: its name where the length is free, else NULL. */
struct mm_onnx_port {
	const char *name;
	enum mm_dtype dtype; /* F32, I64 */
	int rank;
	struct {
		const char *axis;
		size_t length;
	} dim[4];
};

struct mm_onnx_model {
	struct mm_onnx_list *list; /* marked; parameters bound */
	const char *name;	   /* of the graph */
	const struct mm_onnx_port *in, *out;
	size_t n_in, n_out;
	bool external;	 /* weights in PATH_data, beside it */
	uint64_t inside; /* also if they are more bytes; 0: max_inside */
};

/* Bytes of the weights as they would be written. */
uint64_t mm_onnx_weight_bytes(const struct mm_onnx_list *l);

/*
 * Write it; both files appear when complete.  What protobuf cannot hold in one
 * file (2 GiB) goes into PATH_data without being asked.
 */
int mm_onnx_write(const struct mm_onnx_model *m, const char *path,
		  struct mm_err *err) MM_MUST_CHECK;

#endif
