/* err.c - fill struct mm_err. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A message is one line: names from files may hold anything. */
static void tidy(struct mm_err *err)
{
	for (char *p = err->msg; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

int mm_fail(struct mm_err *err, enum mm_status code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	tidy(err);
	return code;
}

int mm_fail_errno(struct mm_err *err, const char *fmt, ...)
{
	const int e = errno;
	va_list ap;
	int n;

	if (!err)
		return MM_ERR_IO;
	err->code = MM_ERR_IO;
	va_start(ap, fmt);
	n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(err->msg))
		snprintf(err->msg + n, sizeof(err->msg) - (size_t)n, ": %s",
			 strerror(e));
	tidy(err);
	return MM_ERR_IO;
}

int mm_fail_nomem(struct mm_err *err, const char *what)
{
	return mm_fail(err, MM_ERR_NOMEM, "out of memory for %s", what);
}

int mm_fail_ctx(struct mm_err *err, const char *fmt, ...)
{
	char tail[sizeof(err->msg)];
	va_list ap;
	int n;

	if (!err)
		return MM_ERR_USAGE;
	memcpy(tail, err->msg, sizeof(tail));
	va_start(ap, fmt);
	n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n + 3 < sizeof(err->msg))
		snprintf(err->msg + n, sizeof(err->msg) - (size_t)n, ": %.*s",
			 (int)(sizeof(err->msg) - (size_t)n - 3), tail);
	tidy(err);
	return err->code;
}
