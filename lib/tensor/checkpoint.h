/*
 * checkpoint.h - the weights of a model: one file or a folder of them.
 *
 * In a folder, the first of these that is there:
 *	model.safetensors
 *	model.safetensors.index.json		{"weight_map": {NAME: FILE}}
 *	open_clip_model.safetensors
 *	diffusion_pytorch_model.safetensors
 * Files are mapped, never copied.
 */
#ifndef MM_TENSOR_CHECKPOINT_H
#define MM_TENSOR_CHECKPOINT_H

#include "tensor/safetensors.h"

struct mm_checkpoint {
	struct mm_safetensors *shard; /* n_shards of them */
	size_t n_shards;
	const struct mm_tensor **tensor; /* all tensors, shard after shard */
	size_t n;
	struct mm_map by_name; /* name -> index into tensor */
	char *path;	       /* of the file or index, for messages */
};

/* `path`: a folder, a .safetensors file or an .index.json. */
int mm_checkpoint_open(struct mm_checkpoint *c, const char *path,
		       struct mm_err *err) MM_MUST_CHECK;
void mm_checkpoint_release(struct mm_checkpoint *c); /* safe on zeros */

/* Does the folder hold one of these files? */
bool mm_checkpoint_present(const char *dir);

/* NULL where there is no such tensor. */
const struct mm_tensor *mm_checkpoint_find(const struct mm_checkpoint *c,
					   const char *name);

/* The same; absence is MM_ERR_FORMAT naming the file and the tensor. */
int mm_checkpoint_want(const struct mm_checkpoint *c, const char *name,
		       const struct mm_tensor **t,
		       struct mm_err *err) MM_MUST_CHECK;

/* Metadata of the first shard that has the key, or NULL. */
const char *mm_checkpoint_meta(const struct mm_checkpoint *c, const char *key);

#endif
