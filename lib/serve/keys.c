/* keys.c - see keys.h. */
#include "serve/keys.h"

#include <string.h>
#include <strings.h>

#include "base/io.h"
#include "base/mem.h"

static int add(struct mm_keys *k, const char *s, size_t n, struct mm_err *err)
{
	struct mm_key *more;

	if (n < MM_KEY_MIN || n > MM_KEY_MAX)
		return mm_fail(err, MM_ERR_FORMAT,
			       "a key of %zu characters; %d to %d are wanted",
			       n, MM_KEY_MIN, MM_KEY_MAX);
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return mm_fail(err, MM_ERR_FORMAT,
				       "a key holds a character that is no "
				       "printing ASCII");
	if (!(more = mm_realloc(k->key, k->n + 1, sizeof(*more))))
		return mm_fail_nomem(err, "the keys");
	k->key = more;
	memset(&more[k->n], 0, sizeof(*more));
	memcpy(more[k->n].text, s, n);
	more[k->n++].len = n;
	return MM_OK;
}

int mm_keys_load(struct mm_keys *k, const char *path, struct mm_err *err)
{
	struct mm_reader r = { .fd = -1 };
	size_t len, at = 0;
	char *line;
	int rc;

	memset(k, 0, sizeof(*k));
	rc = mm_reader_open(&r, path, err);
	while (!rc && !(rc = mm_reader_line(&r, &line, &len, 4096, err)) &&
	       line) {
		at++;
		while (len && strchr(" \t\r", line[len - 1]))
			len--;
		for (; len && strchr(" \t", *line); len--)
			line++;
		if (len && *line != '#' && (rc = add(k, line, len, err)))
			rc = mm_fail_ctx(err, "'%s' line %zu", path, at);
	}
	mm_reader_release(&r);
	if (!rc && !k->n)
		rc = mm_fail(err, MM_ERR_FORMAT, "'%s' holds no key", path);
	if (rc)
		mm_keys_release(k);
	return rc;
}

void mm_keys_release(struct mm_keys *k)
{
	mm_free(k->key);
	memset(k, 0, sizeof(*k));
}

bool mm_keys_have(const struct mm_keys *k, const char *key)
{
	unsigned char given[MM_KEY_MAX] = { 0 };
	const size_t n = key ? strlen(key) : 0;
	bool have = false;

	memcpy(given, key ? key : "", n < MM_KEY_MAX ? n : MM_KEY_MAX);
	for (size_t i = 0; i < k->n; i++) {
		/* volatile: no early way out may be found here */
		volatile size_t differ = n ^ k->key[i].len;

		for (size_t c = 0; c < MM_KEY_MAX; c++)
			differ |= (size_t)(given[c] ^ k->key[i].text[c]);
		have |= !differ;
	}
	return have;
}

const char *mm_keys_bearer(const char *authorization)
{
	if (!authorization || strncasecmp(authorization, "Bearer ", 7))
		return NULL;
	authorization += 7;
	return authorization + strspn(authorization, " ");
}
