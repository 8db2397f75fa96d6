/*
 * vocab_scan.h - the large parts of a tokenizer's JSON, read in one pass over
 * the bytes; private to the tokenizer.
 *
 * Knows what programs write: {"token": id, ...}, ["a b", ...], [["a", "b"],
 * ...].  Whatever else it meets, it says false, and the caller parses the file
 * in the ordinary way, which tells what is wrong.
 */
#ifndef MM_TEXT_VOCAB_SCAN_H
#define MM_TEXT_VOCAB_SCAN_H

#include "text/tokenizer_impl.h"

/*
 * Put all tokens of the object; *known false where it is none of the form
 * above (some tokens may have been put: put all of them again).
 */
int mm_vocab_scan_tokens(struct mm_tokenizer *tok, struct mm_str json,
			 bool *known, struct mm_err *err) MM_MUST_CHECK;

/* Add all merges of the array.  *known false: none is left added. */
int mm_vocab_scan_merges(struct mm_tokenizer *tok, struct mm_str json,
			 bool *known, struct mm_err *err) MM_MUST_CHECK;

/*
 * Where model.vocab, an object, and behind it model.merges, an array (s NULL:
 * there are none), lie in a tokenizer.json.
 */
bool mm_vocab_scan_find(struct mm_str file, struct mm_str *vocab,
			struct mm_str *merges);

#endif
