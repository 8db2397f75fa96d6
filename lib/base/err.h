/* err.h - the one way a library function reports failure. */
#ifndef MM_BASE_ERR_H
#define MM_BASE_ERR_H

enum mm_status {
	MM_OK = 0,
	MM_ERR_USAGE = -1,   /* the caller passed something impossible       */
	MM_ERR_IO = -2,	     /* a file or pipe failed                        */
	MM_ERR_FORMAT = -3,  /* bytes were read, but break their format      */
	MM_ERR_SHAPE = -4,   /* tensor shapes do not fit together            */
	MM_ERR_NOMEM = -5,
	MM_ERR_REFUSED = -6, /* a check said no: too uncertain, over a bound */
	MM_ERR_SIGNAL = -7,  /* stopped by SIGINT or SIGTERM                 */
};

/*
 * Where and why something failed.  Owned by the caller, usually on main's
 * stack; the library writes it only when a call returns non-zero.
 */
struct mm_err {
	enum mm_status code;
	char msg[1024]; /* lower case, one line (control characters come out
			   as '?'), no final stop, no prefix */
};

#define MM_MUST_CHECK __attribute__((warn_unused_result))

/*
 * Record a failure and return its code, so that `return mm_fail(...)` is the
 * whole error path.  `err` may be NULL when the caller does not care why.
 */
int mm_fail(struct mm_err *err, enum mm_status code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As mm_fail with ": " and the text of errno at the end; code MM_ERR_IO. */
int mm_fail_errno(struct mm_err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* mm_fail for a failed allocation of `what`; code MM_ERR_NOMEM. */
int mm_fail_nomem(struct mm_err *err, const char *what);

/*
 * Prefix context while unwinding: "shard 3: bad magic".  Returns err->code
 * (MM_ERR_USAGE where err is NULL).
 */
int mm_fail_ctx(struct mm_err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
