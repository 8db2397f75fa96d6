/* utf8.h - is this text UTF-8?  (RFC 3629: no surrogates, no long forms.) */
#ifndef MM_BASE_UTF8_H
#define MM_BASE_UTF8_H

#include <stddef.h>

/* Length of the longest prefix of s[0..n) that is valid UTF-8; n = all of it.
 */
size_t mm_utf8_prefix(const char *s, size_t n);

#endif
