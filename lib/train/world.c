/*
 * world.c - see world.h; the only file that includes mpi.h.
 *
 * Gradients are summed as a ring would move them, but in a fixed order: each
 * rank gets its slice of everybody's (all-to-all), adds the slices by rank, and
 * gives the sum to all (all-gather): 2 n (size - 1) / size numbers a process.
 */
#include "train/world.h"

#include <stdlib.h>
#include <string.h>

#include "base/dynlib.h"
#include "base/mem.h"

enum { CHUNK = 1 << 20 }; /* numbers of a slice summed at a time */

size_t mm_world_announced(void)
{
	static const char *const names[] = { "OMPI_COMM_WORLD_SIZE",
					     "MMTOOL_WORLD_SIZE" };

	for (int i = 0; i < 2; i++) {
		const char *s = getenv(names[i]);
		const long n = s ? strtol(s, NULL, 10) : 0;

		if (n > 0)
			return (size_t)n;
	}
	return 1;
}

#ifdef HAVE_MPI
#include <mpi.h>

#define CALLS(F)           \
	F(MPI_Init_thread) \
	F(MPI_Finalize)    \
	F(MPI_Abort)       \
	F(MPI_Comm_rank) F(MPI_Comm_size) F(MPI_Allgather) F(MPI_Alltoall)

static struct {
	CALLS(MM_DYNLIB_FIELD)
} mpi;
static const char *const names[] = { CALLS(MM_DYNLIB_NAME) };
static struct mm_dynlib lib =
	MM_DYNLIB("libmpi.so.40", "libopenmpi3", names, mpi);
/* MPI_COMM_WORLD and MPI_BYTE are variables of the library. */
static MPI_Comm everybody;
static MPI_Datatype bytes_of;

static int wrong(const char *what, struct mm_err *err)
{
	return mm_fail(err, MM_ERR_IO, "MPI: %s failed", what);
}

int mm_world_open(struct mm_world *w, struct mm_err *err)
{
	int rc, rank, size, level;

	*w = (struct mm_world){ 0, 1 };
	if (mm_world_announced() < 2)
		return MM_OK;
	/* Its own plugins want to see the library. */
	lib.global = true;
	if ((rc = mm_dynlib_load(&lib, err)))
		return rc;
	everybody = mm_dynlib_symbol(&lib, "ompi_mpi_comm_world");
	bytes_of = mm_dynlib_symbol(&lib, "ompi_mpi_byte");
	if (!everybody || !bytes_of)
		return mm_fail(err, MM_ERR_IO,
			       "'%s' is not the MPI that mmtool was built with",
			       lib.soname);
	if (mpi.MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) ||
	    mpi.MPI_Comm_rank(everybody, &rank) ||
	    mpi.MPI_Comm_size(everybody, &size))
		return wrong("the start", err);
	*w = (struct mm_world){ (size_t)rank, (size_t)size };
	return MM_OK;
}

void mm_world_close(struct mm_world *w)
{
	if (w->size > 1)
		mpi.MPI_Finalize();
	*w = (struct mm_world){ 0, 1 };
}

void mm_world_abort(const struct mm_world *w, int status)
{
	if (w->size > 1)
		mpi.MPI_Abort(everybody, status);
}

static int gather(const struct mm_world *w, void *all, size_t bytes,
		  struct mm_err *err)
{
	char *mine = mm_malloc(bytes, 1);
	int rc = MM_OK;

	if (!mine)
		return mm_fail_nomem(err, "an exchange between processes");
	memcpy(mine, (char *)all + w->rank * bytes, bytes);
	if (mpi.MPI_Allgather(mine, (int)bytes, bytes_of, all, (int)bytes,
			      bytes_of, everybody))
		rc = wrong("an exchange", err);
	mm_free(mine);
	return rc;
}

/* n numbers, n a multiple of w->size; room (2 n). */
static int sum_chunk(const struct mm_world *w, mm_real *x, size_t n,
		     mm_real *room, struct mm_err *err)
{
	const size_t slice = n / w->size;
	const int bytes = (int)(slice * sizeof(*x));
	mm_real *mine = room + n;

	if (mpi.MPI_Alltoall(x, bytes, bytes_of, room, bytes, bytes_of,
			     everybody))
		return wrong("an exchange of gradients", err);
	for (size_t i = 0; i < slice; i++) {
		double sum = 0;

		for (size_t r = 0; r < w->size; r++)
			sum += (double)room[r * slice + i];
		mine[i] = (mm_real)sum;
	}
	if (mpi.MPI_Allgather(mine, bytes, bytes_of, x, bytes, bytes_of,
			      everybody))
		return wrong("an exchange of gradients", err);
	return MM_OK;
}

static int sum(const struct mm_world *w, mm_real *x, size_t n,
	       struct mm_err *err)
{
	const size_t most = CHUNK / w->size * w->size + w->size;
	mm_real *room = mm_calloc(3 * most, sizeof(*room));
	int rc = room ? MM_OK : mm_fail_nomem(err, "an exchange of gradients");

	for (size_t at = 0; at < n && !rc; at += most) {
		const size_t some = n - at < most ? n - at : most;
		const size_t padded = (some + w->size - 1) / w->size * w->size;
		mm_real *copy = room + 2 * most;

		memset(copy, 0, padded * sizeof(*copy));
		memcpy(copy, x + at, some * sizeof(*copy));
		if (!(rc = sum_chunk(w, copy, padded, room, err)))
			memcpy(x + at, copy, some * sizeof(*copy));
	}
	mm_free(room);
	return rc;
}

#else

int mm_world_open(struct mm_world *w, struct mm_err *err)
{
	*w = (struct mm_world){ 0, 1 };
	if (mm_world_announced() < 2)
		return MM_OK;
	return mm_fail(err, MM_ERR_USAGE,
		       "this mmtool was built without MPI (package "
		       "libopenmpi-dev) and cannot train with %zu processes",
		       mm_world_announced());
}

void mm_world_close(struct mm_world *w)
{
	*w = (struct mm_world){ 0, 1 };
}

void mm_world_abort(const struct mm_world *w, int status)
{
	(void)w;
	(void)status;
}

static int gather(const struct mm_world *w, void *all, size_t bytes,
		  struct mm_err *err)
{
	(void)w;
	(void)all;
	(void)bytes;
	return mm_fail(err, MM_ERR_USAGE, "no MPI");
}

static int sum(const struct mm_world *w, mm_real *x, size_t n,
	       struct mm_err *err)
{
	(void)x;
	return gather(w, NULL, n, err);
}
#endif

int mm_world_gather(const struct mm_world *w, void *all, size_t bytes,
		    struct mm_err *err)
{
	return w->size > 1 ? gather(w, all, bytes, err) : MM_OK;
}

int mm_world_sum(const struct mm_world *w, mm_real *x, size_t n,
		 struct mm_err *err)
{
	return w->size > 1 ? sum(w, x, n, err) : MM_OK;
}

int mm_world_sum_double(const struct mm_world *w, double *x, size_t n,
			struct mm_err *err)
{
	double *all;
	int rc;

	if (w->size == 1)
		return MM_OK;
	if (!(all = mm_calloc(n * w->size, sizeof(*all))))
		return mm_fail_nomem(err, "an exchange between processes");
	memcpy(all + w->rank * n, x, n * sizeof(*x));
	if (!(rc = gather(w, all, n * sizeof(*x), err)))
		for (size_t i = 0; i < n; i++) {
			x[i] = 0;
			for (size_t r = 0; r < w->size; r++)
				x[i] += all[r * n + i];
		}
	mm_free(all);
	return rc;
}
