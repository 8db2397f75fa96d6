/*
 * torch.h - the tensors of a file that torch.save or torch.jit.save wrote.
 *
 * Source: torch/serialization.py and torch/_utils.py of PyTorch 0.4 to 2.
 *
 *	zip	FOLDER/data.pkl, FOLDER/data/KEY: one entry a storage,
 *		FOLDER/byteorder; FOLDER/constants.pkl: TorchScript
 *	legacy	five pickles: magic, protocol, system, object, list of keys;
 *		then for each key [elements: i64][its bytes]
 *
 * Nothing in the file is run: pickle.h, and torch_rules.c for the names that
 * are known.  Of the object are taken
 *	a mapping	its tensors; its member state_dict, model_state_dict or
 *			model instead, where that holds tensors
 *	an nn.Module	parameters, persistent buffers, then sub-modules, the
 *			names joined by dots
 *	TorchScript	every attribute that is a tensor
 * A tensor is a view of a storage (offset, sizes, strides); it comes out
 * contiguous, bit for bit.
 */
#ifndef MM_TENSOR_TORCH_H
#define MM_TENSOR_TORCH_H

#include "base/arena.h"
#include "tensor/dtype.h"

struct mm_torch {
	struct mm_tensor *tensor; /* in the order of the file */
	size_t n;
	bool script;	       /* a TorchScript archive */
	struct mm_arena arena; /* names, and what could not be mapped */
};

/*
 * bytes must outlive t; path is for messages.  Refused, naming path and cause:
 * a global that is not known and called or built, views beyond their storage,
 * storages that differ from their entry, types that safetensors lacks, more
 * than 8 axes, a checkpoint without named tensors.  After an error there is
 * nothing to release.
 */
int mm_torch_open(struct mm_torch *t, const void *bytes, size_t size,
		  const char *path, struct mm_err *err) MM_MUST_CHECK;
void mm_torch_release(struct mm_torch *t); /* safe on zeros */

/* From the first bytes: a zip archive, or a pickle. */
bool mm_torch_sniff(const void *bytes, size_t size);

#endif
