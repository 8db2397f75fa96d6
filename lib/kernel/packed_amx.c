/*
 * packed_amx.c - packed int8 and bfloat16 layers on the matrix tiles of Intel's
 * processors; Intel's manual, volume 1, chapter 18.
 */
/* The second is what older versions of clang say. */
#if !defined(MM_DOUBLE) && (defined(__AMX_INT8__) || defined(__AMXINT8__))
#define MM_VEC_BYTES  64
#define MM_MR	      32
#define MM_X_OFFSET   0
#define MM_NAME(type) mm_packed_##type##_amx

#include <immintrin.h>
#include <stdint.h>

/* Operand of LDTILECFG. */
struct tiles {
	uint8_t palette, start_row, reserved[14];
	uint16_t bytes[16]; /* of a row of each tile */
	uint8_t rows[16];
};

#define tiles_configure	       _tile_loadconfig
#define tiles_release	       _tile_release
#define TILE_LOAD	       _tile_loadd
#define TILE_STORE	       _tile_stored
#define TILE_DOT_INT8(c, a, b) _tile_dpbssd(c, a, b)
#define TILE_DOT_BF16(c, a, b) _tile_dpbf16ps(c, a, b)

#include "kernel/packed_amx_body.h"
#else
typedef int mm_packed_amx_absent;
#endif
