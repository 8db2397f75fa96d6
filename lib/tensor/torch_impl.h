/* torch_impl.h - what torch.c, torch_rules.c and torch_pick.c share. */
#ifndef MM_TENSOR_TORCH_IMPL_H
#define MM_TENSOR_TORCH_IMPL_H

#include "base/buf.h"
#include "base/map.h"
#include "tensor/pickle.h"
#include "tensor/torch.h"

/*
 * A storage as a persistent id describes it.  Its bytes are looked for only
 * when a tensor that counts lies in it.  base: the storage that this one is a
 * part of, from element `offset` (files of PyTorch 0.x).
 */
struct mm_torch_storage {
	const char *key; /* key_len bytes; never a path */
	size_t key_len;
	enum mm_dtype dtype; /* of untyped ones U8 */
	size_t count;	     /* elements */
	struct mm_torch_storage *base;
	size_t offset;
	const unsigned char *data; /* NULL: not looked for yet */
};

/* A view, checked: its last element lies in the storage. */
struct mm_torch_view {
	struct mm_torch_storage *storage;
	enum mm_dtype dtype;
	int rank;
	size_t offset, count; /* in elements of dtype */
	size_t dim[MM_MAX_RANK], stride[MM_MAX_RANK];
};

/* One reading. */
struct mm_torch_read {
	struct mm_pickle pickle;
	struct mm_torch *out;
	struct mm_map storages; /* key -> struct mm_torch_storage * */
	bool legacy, script;
	struct mm_pk *objects; /* made of classes that are not known */
	size_t cap;	       /* of out->tensor */
	struct mm_map names;   /* of the tensors taken */
	size_t steps;	       /* modules visited */
	struct mm_buf prefix;  /* of the module being visited */
	/* Where a storage's bytes are: of a zip or a legacy file. */
	int (*fetch)(struct mm_torch_read *r, struct mm_torch_storage *s,
		     struct mm_err *err);
	void *container;
	size_t spread; /* bytes by which views are larger than storages */
};

/* torch_rules.c */
extern const struct mm_pickle_rules mm_torch_rules;

/* Refuses an object of an unknown class that did not become a module. */
int mm_torch_check_built(const struct mm_torch_read *r,
			 struct mm_err *err) MM_MUST_CHECK;

/* torch_pick.c: take the tensors of the object into r->out. */
int mm_torch_pick(struct mm_torch_read *r, const struct mm_pk *object,
		  struct mm_err *err) MM_MUST_CHECK;

/* torch.c: one more tensor of that name. */
int mm_torch_add(struct mm_torch_read *r, const char *name, size_t len,
		 struct mm_torch_view *view, struct mm_err *err) MM_MUST_CHECK;

#endif
