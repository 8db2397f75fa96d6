/* protobuf.c - see protobuf.h. */
#include "onnx/protobuf.h"

#include <string.h>

enum { VARINT = 0, BYTES = 2, FIXED32 = 5 };

void mm_pb_varint(struct mm_buf *b, uint64_t x)
{
	for (; x >= 128; x >>= 7)
		mm_buf_addc(b, (char)((x & 127) | 128));
	mm_buf_addc(b, (char)x);
}

static void key(struct mm_buf *b, int field, int type)
{
	mm_pb_varint(b, (uint64_t)field << 3 | (uint64_t)type);
}

void mm_pb_int(struct mm_buf *b, int field, int64_t x)
{
	key(b, field, VARINT);
	mm_pb_varint(b, (uint64_t)x);
}

void mm_pb_float(struct mm_buf *b, int field, float x)
{
	key(b, field, FIXED32);
	mm_buf_add(b, &x, sizeof(x)); /* little-endian, as all of memory */
}

void mm_pb_head(struct mm_buf *b, int field, uint64_t n)
{
	key(b, field, BYTES);
	mm_pb_varint(b, n);
}

void mm_pb_bytes(struct mm_buf *b, int field, const void *p, size_t n)
{
	mm_pb_head(b, field, n);
	mm_buf_add(b, p, n);
}

void mm_pb_str(struct mm_buf *b, int field, const char *s)
{
	mm_pb_bytes(b, field, s, strlen(s));
}

void mm_pb_message(struct mm_buf *b, int field, struct mm_buf *from)
{
	mm_pb_bytes(b, field, mm_buf_str(from), from->len);
	b->failed |= from->failed;
	mm_buf_clear(from);
}

size_t mm_pb_head_size(int field, uint64_t n)
{
	size_t size = 2;

	for (uint64_t k = (uint64_t)field << 3; k >= 128; k >>= 7)
		size++;
	for (; n >= 128; n >>= 7)
		size++;
	return size;
}
