/*
 * pretok_scan.h - the patterns that most tokenizers split by, written out.
 *
 * Each scanner calls fn(ctx, from, to, flags) for every piece of s[0..n) that
 * is kept, in order, and stops at the first result that is not 0.
 */
#ifndef MM_TEXT_PRETOK_SCAN_H
#define MM_TEXT_PRETOK_SCAN_H

#include <stddef.h>

typedef int mm_scan_fn(void *ctx, size_t from, size_t to, unsigned flags);

/* <|startoftext|>|<|endoftext|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|
 * [^\s\p{L}\p{N}]+ , what lies between is dropped. */
int mm_scan_clip(const char *s, size_t n, mm_scan_fn *fn, void *ctx);

/* The same with <start_of_text> and <end_of_text>, in any case of letters;
 * these come with MM_SPAN_BOS and MM_SPAN_EOS. */
int mm_scan_open_clip(const char *s, size_t n, mm_scan_fn *fn, void *ctx);

/* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
int mm_scan_gpt2(const char *s, size_t n, mm_scan_fn *fn, void *ctx);

/* Words between white space; each punctuation character is a word. */
int mm_scan_bert(const char *s, size_t n, mm_scan_fn *fn, void *ctx);

/* \w+|[^\w\s]+ , what lies between is dropped. */
int mm_scan_words(const char *s, size_t n, mm_scan_fn *fn, void *ctx);

#endif
