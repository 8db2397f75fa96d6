/*
 * keys.h - who may ask: API keys from a file, one a line.
 *
 * Empty lines and lines that begin with '#' do not count; blanks around a key
 * neither.  A key is 16 to 256 printing characters without blanks.
 */
#ifndef MM_SERVE_KEYS_H
#define MM_SERVE_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { MM_KEY_MIN = 16, MM_KEY_MAX = 256 };

struct mm_keys {
	struct mm_key {
		unsigned char text[MM_KEY_MAX]; /* padded with zeros */
		size_t len;
	} * key;
	size_t n; /* 0: everybody may */
};

/* Errors name the line, never the key.  A file without any key is one. */
int mm_keys_load(struct mm_keys *k, const char *path,
		 struct mm_err *err) MM_MUST_CHECK;
void mm_keys_release(struct mm_keys *k); /* safe on zeros */

/*
 * Is this one of the keys?  The time it takes depends on the number of keys
 * and on strlen(key) alone.  NULL is none.
 */
bool mm_keys_have(const struct mm_keys *k, const char *key);

/* The key in "Bearer KEY", NULL where the header is another; NULL for NULL. */
const char *mm_keys_bearer(const char *authorization);

#endif
