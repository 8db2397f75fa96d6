/*
 * weights.h - the tensors of a checkpoint in whatever container it came.
 *
 *	safetensors	a file, or a folder as checkpoint.h finds it
 *	PyTorch		.pt .pth .bin .ckpt .pkl .tar: torch.h
 *	NumPy		.npz: npz.h
 *	a folder	the above; else the first that is there of
 *			pytorch_model.bin, pytorch_model.bin.index.json,
 *			open_clip_pytorch_model.bin
 * What a file is, is told by its first bytes, not by its name.
 */
#ifndef MM_TENSOR_WEIGHTS_H
#define MM_TENSOR_WEIGHTS_H

#include "tensor/checkpoint.h"

struct mm_weights {
	const struct mm_tensor **tensor; /* in the order of the file */
	size_t n;
	struct mm_map by_name;	      /* name -> index into tensor */
	bool script;		      /* a TorchScript archive */
	struct mm_weights_part *part; /* n_parts opened files */
	size_t n_parts;
	struct mm_checkpoint checkpoint; /* where it is safetensors */
	struct mm_arena arena;
};

/*
 * Files are mapped; only what has to be reordered or inflated is copied.  A
 * file that is something else altogether (a Git LFS pointer, HDF5, a picture)
 * is refused by name.
 */
int mm_weights_open(struct mm_weights *w, const char *path,
		    struct mm_err *err) MM_MUST_CHECK;
void mm_weights_release(struct mm_weights *w); /* safe on zeros */

/* NULL where there is no such tensor. */
const struct mm_tensor *mm_weights_find(const struct mm_weights *w,
					const char *name);

/*
 * Give the tensors other names by rules, a line each: "FROM TO".  A '*' in
 * FROM stands for any text, which a '*' in TO stands for in turn; the first
 * rule that fits counts; TO "-" leaves the tensor out.  '#' begins a comment.
 * `name` is for messages.
 */
int mm_weights_rename(struct mm_weights *w, const char *rules, size_t len,
		      const char *name, struct mm_err *err) MM_MUST_CHECK;

/* One container in memory (safetensors, PyTorch or .npz), for fuzzing. */
int mm_weights_parse(struct mm_weights *w, const void *bytes, size_t size,
		     const char *path, struct mm_err *err) MM_MUST_CHECK;

#endif
