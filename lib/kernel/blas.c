/* blas.c - see blas.h; the only file that knows OpenBLAS. */
#include "kernel/blas.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* cblas.h's names, so that its package is not needed to build. */
enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

typedef void gemm_fn(int order, int trans_a, int trans_b, int m, int n, int k,
		     mm_real alpha, const mm_real *a, int lda, const mm_real *b,
		     int ldb, mm_real beta, mm_real *c, int ldc);

#ifdef MM_DOUBLE
#define GEMM_NAME "cblas_dgemm"
#else
#define GEMM_NAME "cblas_sgemm"
#endif

static struct {
	gemm_fn *gemm;
	const char *core;
	char reason[256]; /* why gemm is NULL */
} blas;

/*
 * Every AVX-512 processor takes SkylakeX: older libraries know no later name,
 * and print a warning about a name that they do not know.
 */
const char *mm_blas_core_for(const struct mm_cpu *cpu)
{
	if (!(cpu->features & MM_CPU_AVX2))
		return NULL;
	if ((cpu->features & MM_CPU_AVX512) == MM_CPU_AVX512)
		return "SkylakeX";
	if (!strcmp(cpu->vendor, "AuthenticAMD") ||
	    !strcmp(cpu->vendor, "HygonGenuine"))
		return "Zen";
	return "Haswell";
}

/* Set a variable, or unset it where value is NULL; the old value, a copy. */
static char *swap_env(const char *name, const char *value)
{
	const char *now = getenv(name);
	char *old = now ? mm_strdup(now) : NULL;

	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
	return old;
}

static void *open_library(void)
{
	const char *const core_var = "OPENBLAS_CORETYPE";
	const char *const threads_var = "OPENBLAS_NUM_THREADS";
	const char *user = getenv(core_var);
	char *core, *threads;
	void *lib;

	core = swap_env(core_var, user ? user : mm_blas_core_for(mm_cpu()));
	threads = swap_env(threads_var, "1");
	lib = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		lib = dlopen("libopenblas.so", RTLD_NOW | RTLD_LOCAL);
	mm_free(swap_env(core_var, core));
	mm_free(swap_env(threads_var, threads));
	mm_free(core);
	mm_free(threads);
	return lib;
}

/* dlsym gives an object pointer; POSIX lets it hold a function's address. */
static void find(void *lib, const char *name, void *fn)
{
	void *const address = dlsym(lib, name);

	memcpy(fn, &address, sizeof(address));
}

static void load(void)
{
	void *const lib = open_library();
	void (*set_threads)(int) = NULL;
	char *(*core_name)(void) = NULL;
	const char *why = lib ? NULL : dlerror();

	if (lib) {
		find(lib, GEMM_NAME, &blas.gemm);
		find(lib, "openblas_set_num_threads", &set_threads);
		find(lib, "openblas_get_corename", &core_name);
		why = "it is not OpenBLAS";
	}
	if (blas.gemm && set_threads && core_name) {
		set_threads(1);
		blas.core = core_name();
		return;
	}
	blas.gemm = NULL;
	strncat(blas.reason, why ? why : "unknown reason",
		sizeof(blas.reason) - 1);
}

static bool loaded(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	return blas.gemm != NULL;
}

int mm_blas_load(struct mm_err *err)
{
	if (loaded())
		return MM_OK;
	return mm_fail(err, MM_ERR_IO, "cannot load 'libopenblas.so.0': %s",
		       blas.reason);
}

const char *mm_blas_core(void)
{
	return loaded() ? blas.core : NULL;
}

bool mm_blas_gemm(bool ta, bool tb, size_t M, size_t N, size_t K, mm_real alpha,
		  const mm_real *A, size_t lda, const mm_real *B, size_t ldb,
		  mm_real beta, mm_real *C, size_t ldc)
{
	if (M > INT_MAX || N > INT_MAX || K > INT_MAX || lda > INT_MAX ||
	    ldb > INT_MAX || ldc > INT_MAX || !loaded())
		return false;
	blas.gemm(ROW_MAJOR, ta ? TRANS : NO_TRANS, tb ? TRANS : NO_TRANS,
		  (int)M, (int)N, (int)K, alpha, A, (int)lda, B, (int)ldb, beta,
		  C, (int)ldc);
	return true;
}
