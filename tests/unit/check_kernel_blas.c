/* OpenBLAS is loaded with kernels that fit the processor, and quietly. */
#include <stdio.h>

#include "isatest.h"

#include "kernel/blas.h"
#include "kernel/gemm.h"

static const char *const core_var = "OPENBLAS_CORETYPE";
static const char *const threads_var = "OPENBLAS_NUM_THREADS";

/* Load it; 0 where this machine has none. */
static int have_blas(void)
{
	struct mm_err err = { 0 };

	if (mm_blas_load(&err) == MM_OK)
		return 1;
	ck_assert_int_eq(err.code, MM_ERR_IO);
	ck_assert_ptr_nonnull(strstr(err.msg, "libopenblas"));
	ck_assert_ptr_null(mm_blas_core());
	printf("skip: %s\n", err.msg);
	return 0;
}

START_TEST(core_fits_processor)
{
	unsetenv(core_var);
	if (have_blas() && mm_blas_core_for(mm_cpu()))
		ck_assert_str_eq(mm_blas_core(), mm_blas_core_for(mm_cpu()));
}
END_TEST

START_TEST(core_for_known_processors)
{
	const struct {
		struct mm_cpu cpu;
		const char *core;
	} known[] = {
		{ { "AuthenticAMD", 0x19, 1, MM_CPU_AVX2 }, "Zen" },
		{ { "AuthenticAMD", 0x1a, 2, MM_CPU_AVX2 | MM_CPU_AVX512 },
		  "SkylakeX" },
		{ { "GenuineIntel", 6, 0x3c, MM_CPU_AVX2 }, "Haswell" },
		{ { "GenuineIntel", 6, 0x97, MM_CPU_AVX2 | MM_CPU_AVX_VNNI },
		  "Haswell" },
		{ { "GenuineIntel", 6, 0x8f,
		    MM_CPU_AVX2 | MM_CPU_AVX512 | MM_CPU_AMX_INT8 },
		  "SkylakeX" },
		{ { "GenuineIntel", 6, 0x57, MM_CPU_AVX2 | MM_CPU_AVX512F },
		  "Haswell" },
		{ { "GenuineIntel", 6, 0x17, 0 }, NULL },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		ck_assert_pstr_eq(mm_blas_core_for(&known[i].cpu),
				  known[i].core);
}
END_TEST

START_TEST(user_chooses_core)
{
	if (!(mm_cpu()->features & MM_CPU_AVX2))
		return;
	setenv(core_var, "Haswell", 1);
	if (have_blas())
		ck_assert_str_eq(mm_blas_core(), "Haswell");
	ck_assert_str_eq(getenv(core_var), "Haswell");
}
END_TEST

START_TEST(environment_is_put_back)
{
	unsetenv(core_var);
	setenv(threads_var, "7", 1);
	have_blas();
	ck_assert_ptr_null(getenv(core_var));
	ck_assert_str_eq(getenv(threads_var), "7");
}
END_TEST

START_TEST(products_agree)
{
	const size_t M = 61, N = 83, K = 300;
	float *A = random_floats(M * K, 1), *B = random_floats(N * K, 2);
	float *C = random_floats(M * N, 3), *D = random_floats(M * N, 3);

	if (have_blas()) {
		ck_assert(mm_blas_gemm(false, true, M, N, K, 0.5f, A, K, B, K,
				       2, C, N));
		mm_gemm(false, true, M, N, K, 0.5f, A, K, B, K, 2, D, N);
		for (size_t i = 0; i < M * N; i++)
			if (!(fabsf(C[i] - D[i]) < 1e-4f))
				ck_abort_msg("[%zu] %g not %g", i, C[i], D[i]);
	}
	ck_assert(!mm_blas_gemm(false, true, (size_t)1 << 31, N, K, 1, A, K, B,
				K, 0, C, N));
	mm_free(A);
	mm_free(B);
	mm_free(C);
	mm_free(D);
}
END_TEST

START_TEST(levels_fit_features)
{
	ck_assert(mm_cpu() == mm_cpu());
	ck_assert_int_eq(mm_cpu_has(0), 1);
	ck_assert_int_eq(mm_isa() >= MM_ISA_AVX2, mm_cpu_has(MM_CPU_AVX2));
	mm_cpu_restrict(~(unsigned)MM_CPU_AVX512BW);
	ck_assert_int_le(mm_isa(), MM_ISA_AVX2);
	mm_cpu_restrict(0);
	ck_assert_int_eq(mm_isa(), MM_ISA_BASE);
	mm_cpu_restrict(~0u);
	mm_isa_force(MM_ISA_BASE);
	ck_assert_int_eq(mm_isa(), MM_ISA_BASE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kernel_blas");
	TCase *tc = tcase_create("blas");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, core_fits_processor);
	tcase_add_test(tc, core_for_known_processors);
	tcase_add_test(tc, user_chooses_core);
	tcase_add_test(tc, environment_is_put_back);
	tcase_add_test(tc, products_agree);
	tcase_add_test(tc, levels_fit_features);
	return run_suite(s);
}
