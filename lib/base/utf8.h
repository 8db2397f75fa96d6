/* utf8.h - UTF-8 as in RFC 3629: no surrogates, no long forms. */
#ifndef MM_BASE_UTF8_H
#define MM_BASE_UTF8_H

#include <stddef.h>

#include "base/buf.h"

/* Length of the longest prefix of s[0..n) that is valid UTF-8; n = all of it.
 */
size_t mm_utf8_prefix(const char *s, size_t n);

/* Append a code point; U+FFFD for 0 and for what is none. */
void mm_buf_add_utf8(struct mm_buf *out, unsigned c);

#endif
