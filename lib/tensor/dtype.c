/* dtype.c - see dtype.h. */
#include "tensor/dtype.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "kernel/cast.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensor files are little-endian, and so must the machine be"
#endif

static const struct {
	const char *name;
	size_t size;
	bool is_float;
} types[MM_N_DTYPES] = {
	[MM_F64] = { "F64", 8, true },
	[MM_F32] = { "F32", 4, true },
	[MM_F16] = { "F16", 2, true },
	[MM_BF16] = { "BF16", 2, true },
	[MM_I64] = { "I64", 8, false },
	[MM_I32] = { "I32", 4, false },
	[MM_I16] = { "I16", 2, false },
	[MM_I8] = { "I8", 1, false },
	[MM_U64] = { "U64", 8, false },
	[MM_U32] = { "U32", 4, false },
	[MM_U16] = { "U16", 2, false },
	[MM_U8] = { "U8", 1, false },
	[MM_BOOL] = { "BOOL", 1, false },
	[MM_F8_E4M3] = { "F8_E4M3", 1, true },
	[MM_F8_E5M2] = { "F8_E5M2", 1, true },
};

const char *mm_dtype_name(enum mm_dtype t)
{
	return types[t].name;
}

size_t mm_dtype_size(enum mm_dtype t)
{
	return types[t].size;
}

bool mm_dtype_is_float(enum mm_dtype t)
{
	return types[t].is_float;
}

bool mm_dtype_parse(enum mm_dtype *t, const char *name)
{
	for (int i = 0; i < MM_N_DTYPES; i++) {
		if (!strcmp(types[i].name, name)) {
			*t = (enum mm_dtype)i;
			return true;
		}
	}
	return false;
}

size_t mm_tensor_count(const struct mm_tensor *t)
{
	return t->nbytes / types[t->dtype].size;
}

bool mm_shape_count(size_t *n, const size_t *dim, int rank)
{
	bool ok = true;

	*n = 1;
	for (int i = 0; i < rank; i++)
		ok = mm_mul_ok(n, *n, dim[i]) && ok;
	/* [2^40, 2^40, 0] is empty, yet nobody means it: refused as well. */
	return ok;
}

struct mm_tensor mm_tensor_make(const char *name, enum mm_dtype dtype, int rank,
				const size_t *dim, const void *data)
{
	struct mm_tensor t = {
		.name = name, .dtype = dtype, .rank = rank, .data = data
	};

	t.nbytes = types[dtype].size;
	for (int i = 0; i < rank; i++) {
		t.dim[i] = dim[i];
		t.nbytes *= dim[i];
	}
	return t;
}

char *mm_shape_text(char *buf, size_t size, const size_t *dim, int rank)
{
	size_t n = 0;

	snprintf(buf, size, "[");
	for (int i = 0; i < rank; i++) {
		n = strlen(buf);
		if (dim[i] == SIZE_MAX)
			snprintf(buf + n, size - n, "%s*", i ? ", " : "");
		else
			snprintf(buf + n, size - n, "%s%zu", i ? ", " : "",
				 dim[i]);
	}
	n = strlen(buf);
	snprintf(buf + n, size - n, "]");
	return buf;
}

int mm_tensor_expect(const struct mm_tensor *t, enum mm_dtype dtype, int rank,
		     const size_t *dim, struct mm_err *err)
{
	char have[256], want[256];
	bool same = t->dtype == dtype && t->rank == rank;

	for (int i = 0; same && i < rank; i++)
		same = dim[i] == SIZE_MAX || dim[i] == t->dim[i];
	if (same)
		return MM_OK;
	return mm_fail(err, MM_ERR_SHAPE, "'%s' must be %s %s, not %s %s",
		       t->name, mm_dtype_name(dtype),
		       mm_shape_text(want, sizeof(want), dim, rank),
		       mm_dtype_name(t->dtype),
		       mm_shape_text(have, sizeof(have), t->dim, t->rank));
}

/* ---- conversion ---- */

/* 8-bit floats, by the bits of their fraction; E4M3 has no infinities. */
static float widen8(uint8_t b, int fraction_bits)
{
	const int bias = fraction_bits == 3 ? 7 : 15;
	const int e_max = fraction_bits == 3 ? 15 : 31;
	const int e = (b & 0x7f) >> fraction_bits;
	const int f_max = (1 << fraction_bits) - 1, f = b & f_max;
	float x;

	if (e == e_max && (fraction_bits == 2 || f == f_max))
		x = fraction_bits == 2 && !f ? INFINITY : NAN;
	else if (e)
		x = ldexpf((float)(f + f_max + 1), e - bias - fraction_bits);
	else
		x = ldexpf((float)f, 1 - bias - fraction_bits);
	return b & 0x80 ? -x : x;
}

#define EACH(T, EXPR)                          \
	do {                                   \
		const T *x = src;              \
		for (size_t i = 0; i < n; i++) \
			dst[i] = (EXPR);       \
	} while (0)

void mm_to_f32(float *dst, const void *src, enum mm_dtype type, size_t n)
{
	switch (type) {
	case MM_F64: EACH(double, (float)x[i]); break;
	case MM_F32: EACH(float, x[i]); break;
	case MM_F16: mm_f16_to_f32(dst, src, n); break;
	case MM_BF16: mm_bf16_to_f32(dst, src, n); break;
	case MM_I64: EACH(int64_t, (float)x[i]); break;
	case MM_I32: EACH(int32_t, (float)x[i]); break;
	case MM_I16: EACH(int16_t, (float)x[i]); break;
	case MM_I8: EACH(int8_t, (float)x[i]); break;
	case MM_U64: EACH(uint64_t, (float)x[i]); break;
	case MM_U32: EACH(uint32_t, (float)x[i]); break;
	case MM_U16: EACH(uint16_t, (float)x[i]); break;
	case MM_U8: EACH(uint8_t, (float)x[i]); break;
	case MM_BOOL: EACH(uint8_t, (float)(x[i] != 0)); break;
	case MM_F8_E4M3: EACH(uint8_t, widen8(x[i], 3)); break;
	case MM_F8_E5M2: EACH(uint8_t, widen8(x[i], 2)); break;
	case MM_N_DTYPES: break;
	}
}

enum { CHUNK = 256 }; /* on the stack, for conversions by way of float32 */

void mm_to_f64(double *dst, const void *src, enum mm_dtype type, size_t n)
{
	const unsigned char *p = src;
	float chunk[CHUNK];

	switch (type) {
	case MM_F64: EACH(double, x[i]); return;
	case MM_I64: EACH(int64_t, (double)x[i]); return;
	case MM_I32: EACH(int32_t, (double)x[i]); return;
	case MM_U64: EACH(uint64_t, (double)x[i]); return;
	case MM_U32: EACH(uint32_t, (double)x[i]); return;
	default: break;
	}
	/* All others are exact in float32. */
	for (size_t i = 0; i < n; i += CHUNK) {
		const size_t k = n - i < CHUNK ? n - i : CHUNK;

		mm_to_f32(chunk, p + i * mm_dtype_size(type), type, k);
		for (size_t j = 0; j < k; j++)
			dst[i + j] = (double)chunk[j];
	}
}

static int64_t saturate(double x)
{
	if (!(x > -0x1p63))
		return isnan(x) ? 0 : INT64_MIN;
	return x < 0x1p63 ? (int64_t)x : INT64_MAX;
}

void mm_to_i64(int64_t *dst, const void *src, enum mm_dtype type, size_t n)
{
	const unsigned char *p = src;
	double chunk[CHUNK];

	switch (type) {
	case MM_I64: EACH(int64_t, x[i]); return;
	case MM_U64:
		EACH(uint64_t, x[i] > INT64_MAX ? INT64_MAX : (int64_t)x[i]);
		return;
	default: break;
	}
	/* All others are exact in double. */
	for (size_t i = 0; i < n; i += CHUNK) {
		const size_t k = n - i < CHUNK ? n - i : CHUNK;

		mm_to_f64(chunk, p + i * mm_dtype_size(type), type, k);
		for (size_t j = 0; j < k; j++)
			dst[i + j] = saturate(chunk[j]);
	}
}

/* To the nearest whole number, ties to even, within lo..hi; NaN is 0. */
static double clamp(float x, double lo, double hi)
{
	const double y = nearbyint((double)x);

	return isnan(y) ? 0 : y < lo ? lo : y > hi ? hi : y;
}

#define FILL(T, EXPR)                          \
	do {                                   \
		T *y = dst;                    \
		for (size_t i = 0; i < n; i++) \
			y[i] = (EXPR);         \
	} while (0)

void mm_from_f32(void *dst, enum mm_dtype type, const float *src, size_t n)
{
	const float *x = src;

	switch (type) {
	case MM_F64: FILL(double, (double)x[i]); break;
	case MM_F32: FILL(float, x[i]); break;
	case MM_F16: mm_f32_to_f16(dst, src, n); break;
	case MM_BF16: mm_f32_to_bf16(dst, src, n); break;
	case MM_I64: FILL(int64_t, saturate(nearbyint((double)x[i]))); break;
	case MM_I32:
		FILL(int32_t, (int32_t)clamp(x[i], INT32_MIN, INT32_MAX));
		break;
	case MM_I16:
		FILL(int16_t, (int16_t)clamp(x[i], INT16_MIN, INT16_MAX));
		break;
	case MM_I8:
		FILL(int8_t, (int8_t)clamp(x[i], INT8_MIN, INT8_MAX));
		break;
	case MM_U64:
		FILL(uint64_t, x[i] >= 0x1p64f ? UINT64_MAX
			       : x[i] > 0 ? (uint64_t)nearbyint((double)x[i])
					  : 0);
		break;
	case MM_U32:
		FILL(uint32_t, (uint32_t)clamp(x[i], 0, UINT32_MAX));
		break;
	case MM_U16:
		FILL(uint16_t, (uint16_t)clamp(x[i], 0, UINT16_MAX));
		break;
	case MM_U8: FILL(uint8_t, (uint8_t)clamp(x[i], 0, UINT8_MAX)); break;
	case MM_BOOL: FILL(uint8_t, x[i] != 0); break;
	case MM_F8_E4M3: /* never written; see dtype.h */
	case MM_F8_E5M2:
	case MM_N_DTYPES: break;
	}
}
