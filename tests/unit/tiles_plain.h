/*
 * tiles_plain.h - the operations of packed_amx_body.h in plain C, as Intel's
 * manual describes them: tiles are cleared where they are configured, what is
 * beyond a tile's shape is zero, and operands of a product must fit.
 */
#ifndef TESTS_TILES_PLAIN_H
#define TESTS_TILES_PLAIN_H

#include <check.h>
#include <stdint.h>
#include <string.h>

struct tiles {
	uint8_t palette, start_row, reserved[14];
	uint16_t bytes[16];
	uint8_t rows[16];
};

union plain_tile {
	int8_t q[16][64];
	uint16_t h[16][32];
	int32_t i[16][16];
	float f[16][16];
};

static _Thread_local struct tiles shape;
static _Thread_local union plain_tile plain[8];

static void tiles_configure(const struct tiles *t)
{
	ck_assert_int_eq(t->palette, 1);
	for (int i = 0; i < 16; i++) {
		ck_assert_int_le(t->rows[i], i < 8 ? 16 : 0);
		ck_assert_int_le(t->bytes[i], i < 8 ? 64 : 0);
		ck_assert_int_eq(t->rows[i] == 0, t->bytes[i] == 0);
	}
	shape = *t;
	memset(plain, 0, sizeof(plain));
}

static void tiles_release(void)
{
	memset(&shape, 0, sizeof(shape));
}

static void load_tile(int t, const char *base, size_t stride)
{
	ck_assert_int_gt(shape.rows[t], 0);
	memset(&plain[t], 0, sizeof(plain[t]));
	for (int i = 0; i < shape.rows[t]; i++)
		memcpy(plain[t].q[i], base + (size_t)i * stride,
		       shape.bytes[t]);
}

static void store_tile(int t, char *base, size_t stride)
{
	ck_assert_int_gt(shape.rows[t], 0);
	for (int i = 0; i < shape.rows[t]; i++)
		memcpy(base + (size_t)i * stride, plain[t].q[i],
		       shape.bytes[t]);
}

static void fit(int c, int a, int b)
{
	ck_assert_int_gt(shape.rows[c], 0);
	ck_assert_int_eq(shape.rows[c], shape.rows[a]);
	ck_assert_int_eq(shape.bytes[c], shape.bytes[b]);
	ck_assert_int_eq(shape.bytes[a], 4 * shape.rows[b]);
}

static void dot_int8(int c, int a, int b)
{
	fit(c, a, b);
	for (int i = 0; i < 16; i++)
		for (int k = 0; k < 64; k++)
			for (int j = 0; j < 16; j++)
				plain[c].i[i][j] +=
					plain[a].q[i][k] *
					plain[b].q[k / 4][4 * j + k % 4];
}

static float from_bf16(uint16_t h)
{
	const uint32_t u = (uint32_t)h << 16;
	float f;

	memcpy(&f, &u, sizeof(f));
	return f;
}

static void dot_bf16(int c, int a, int b)
{
	fit(c, a, b);
	for (int i = 0; i < 16; i++)
		for (int k = 0; k < 32; k++)
			for (int j = 0; j < 16; j++)
				plain[c].f[i][j] +=
					from_bf16(plain[a].h[i][k]) *
					from_bf16(plain[b].h[k / 2]
							    [2 * j + k % 2]);
}

#define TILE_LOAD     load_tile
#define TILE_STORE    store_tile
#define TILE_DOT_INT8 dot_int8
#define TILE_DOT_BF16 dot_bf16

#endif
