/* dynlib.c - see dynlib.h. */
#include "base/dynlib.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

/*
 * dlsym gives an object pointer; POSIX lets it hold a function's address, and
 * all function pointers have one size.
 */
static int look_up(struct mm_dynlib *lib, void *handle, struct mm_err *err)
{
	char *slot = lib->slots;

	for (size_t i = 0; i < lib->n; i++) {
		void *const address = dlsym(handle, lib->names[i]);

		if (!address)
			return mm_fail(
				err, MM_ERR_IO, "'%s' has no '%s' (package %s)",
				lib->soname, lib->names[i], lib->package);
		memcpy(slot + i * sizeof(address), &address, sizeof(address));
	}
	return MM_OK;
}

static int load(struct mm_dynlib *lib, struct mm_err *err)
{
	void *handle;
	int rc;

	if (lib->handle)
		return MM_OK;
	handle = dlopen(lib->soname,
			RTLD_NOW | (lib->global ? RTLD_GLOBAL : RTLD_LOCAL));
	if (!handle)
		return mm_fail(err, MM_ERR_IO,
			       "cannot load '%s': %s (package %s)", lib->soname,
			       dlerror(), lib->package);
	if ((rc = look_up(lib, handle, err))) {
		dlclose(handle);
		return rc;
	}
	lib->handle = handle;
	return MM_OK;
}

int mm_dynlib_load(struct mm_dynlib *lib, struct mm_err *err)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int rc;

	pthread_mutex_lock(&lock);
	rc = load(lib, err);
	pthread_mutex_unlock(&lock);
	return rc;
}

void *mm_dynlib_symbol(const struct mm_dynlib *lib, const char *name)
{
	return lib->handle ? dlsym(lib->handle, name) : NULL;
}
