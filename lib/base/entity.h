/* entity.h - HTML's character references: "&amp;", "&eacute;", "&#65;". */
#ifndef MM_BASE_ENTITY_H
#define MM_BASE_ENTITY_H

#include <stddef.h>

#include "base/buf.h"

/*
 * Where s[0..n) begins with a character reference, append what it stands for
 * and return its length; 0 where it does not.  As in HTML's text: the longest
 * name counts, old names need no semicolon ("&ampx" is "&x"), a number that
 * is no character becomes U+FFFD.
 */
size_t mm_entity(struct mm_buf *out, const char *s, size_t n);

#endif
