/*
 * npz.h - NumPy's arrays: .npy, and .npz, a zip archive of them.
 *
 * Source: NumPy's numpy/lib/format.py.
 *
 *	"\x93NUMPY" major minor [len: u16 or u32 LE][header, len bytes][data]
 *	{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
 */
#ifndef MM_TENSOR_NPZ_H
#define MM_TENSOR_NPZ_H

#include "base/arena.h"
#include "tensor/dtype.h"
#include "tensor/zip.h"

/*
 * One .npy in memory: dtype, shape and data of *t, which points into bytes or,
 * where values had to be reordered (columns first, big-endian, not aligned),
 * into the arena.  Refused: arrays of objects, types that safetensors lacks,
 * more than 8 axes, data that is shorter or longer than the shape says.
 */
int mm_npy_parse(struct mm_tensor *t, const void *bytes, size_t size,
		 struct mm_arena *arena, struct mm_err *err) MM_MUST_CHECK;

/*
 * All arrays of an archive into *tensor, *n of them, in its order; a name is
 * an entry's without ".npy".  Everything lives in the arena or in the bytes
 * that z was opened on.
 */
int mm_npz_read(const struct mm_zip *z, struct mm_arena *arena,
		struct mm_tensor **tensor, size_t *n,
		struct mm_err *err) MM_MUST_CHECK;

/* Is every entry an array, and is there one? */
bool mm_npz_is(const struct mm_zip *z);

#endif
