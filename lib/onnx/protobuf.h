/*
 * protobuf.h - the wire format of protocol buffers, written.
 *
 * Source: protobuf.dev/programming-guides/encoding.
 *
 *	field	= key value
 *	key	= varint(number << 3 | type)
 *	type 0	varint, 7 bits a byte, lowest first
 *	type 2	varint(length) bytes: strings, messages, packed arrays
 *	type 5	4 bytes: float
 *
 * A message needs its length in front.  Small ones are made in a buffer and
 * put into their parent; a large one's head is written when the length is
 * known, and its bytes follow as they come.
 */
#ifndef MM_ONNX_PROTOBUF_H
#define MM_ONNX_PROTOBUF_H

#include <stdint.h>

#include "base/buf.h"

/* Appended to b; b keeps a failure (mm_buf_check). */
void mm_pb_varint(struct mm_buf *b, uint64_t x);
void mm_pb_int(struct mm_buf *b, int field, int64_t x);
void mm_pb_float(struct mm_buf *b, int field, float x);
void mm_pb_bytes(struct mm_buf *b, int field, const void *p, size_t n);
void mm_pb_str(struct mm_buf *b, int field, const char *s);

/* A message made in `from`, which is empty afterwards. */
void mm_pb_message(struct mm_buf *b, int field, struct mm_buf *from);

/* Only the key and length of n bytes that the caller writes behind. */
void mm_pb_head(struct mm_buf *b, int field, uint64_t n);

/* How many bytes mm_pb_head appends. */
size_t mm_pb_head_size(int field, uint64_t n);

#endif
