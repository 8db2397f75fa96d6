/*
 * dynlib.h - a shared library that is loaded on first use.
 *
 * Libraries that few commands need, and that drag many others in, would cost
 * every start of the program: they are opened by the first call that needs
 * them.  The calls are listed once; their types are those of the library's
 * own header:
 *
 *	#define CALLS(F) F(archive_read_new) F(archive_read_free)
 *
 *	static struct { CALLS(MM_DYNLIB_FIELD) } archive;
 *	static const char *const names[] = { CALLS(MM_DYNLIB_NAME) };
 *	static struct mm_dynlib lib = MM_DYNLIB("libarchive.so.13",
 *						"libarchive13", names, archive);
 *
 *	if ((rc = mm_dynlib_load(&lib, err)))
 *		return rc;
 *	a = archive.archive_read_new();
 */
#ifndef MM_BASE_DYNLIB_H
#define MM_BASE_DYNLIB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct mm_dynlib {
	const char *soname;
	const char *package;	  /* where it comes from, for the message */
	const char *const *names; /* of n calls */
	size_t n;
	bool global;  /* others that it loads must see its symbols */
	void *slots;  /* n function pointers, in the order of names */
	void *handle; /* NULL until loaded; never closed */
};

#define MM_DYNLIB_FIELD(call) __typeof__(call) *call;
#define MM_DYNLIB_NAME(call)  #call,
#define MM_DYNLIB(so, pkg, list, table)                                  \
	{                                                                \
		.soname = (so), .package = (pkg), .names = (list),       \
		.n = sizeof(list) / sizeof((list)[0]), .slots = &(table) \
	}

/*
 * Load the library and look up its calls, unless that is done.  Any thread,
 * any number of times.  MM_ERR_IO names the library, the reason and the Debian
 * package; a later call tries again.
 */
int mm_dynlib_load(struct mm_dynlib *lib, struct mm_err *err) MM_MUST_CHECK;

/* The address of a variable of a loaded library; NULL where it has none. */
void *mm_dynlib_symbol(const struct mm_dynlib *lib, const char *name);

#endif
