/*
 * mojibake.h - UTF-8 that somebody read as Latin-1 or Windows-1252.
 *
 * Source: what ftfy 6.3 repairs of these two encodings (rspeer/python-ftfy,
 * `fix_encoding`), its rules for telling a repair from a text that was meant
 * to look so included; other code pages it knows are left alone here.
 */
#ifndef MM_TEXT_MOJIBAKE_H
#define MM_TEXT_MOJIBAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Append the repaired text; false, and nothing appended, where it is fine as
 * it is.  s is UTF-8.  out->failed tells of memory.
 */
bool mm_mojibake_fix(const char *s, size_t n, struct mm_buf *out);

/* What a code point 0x80..0x9f was meant to be in Windows-1252. */
uint32_t mm_cp1252(uint32_t c1);

#endif
