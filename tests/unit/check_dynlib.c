/* Libraries that are loaded on first use. */
#include "unit.h"

#include <math.h>

#include "base/dynlib.h"

#define CALLS(F) F(cos) F(hypot)

START_TEST(calls_are_found_with_their_types)
{
	struct {
		CALLS(MM_DYNLIB_FIELD)
	} m;
	static const char *const names[] = { CALLS(MM_DYNLIB_NAME) };
	struct mm_dynlib lib = MM_DYNLIB("libm.so.6", "libc6", names, m);
	struct mm_err err = { 0 };

	ck_assert_ptr_null(mm_dynlib_symbol(&lib, "signgam"));
	ck_assert_msg(!mm_dynlib_load(&lib, &err), "%s", err.msg);
	ck_assert_double_eq(m.cos(0), 1);
	ck_assert_double_eq(m.hypot(3, 4), 5);
	ck_assert_ptr_nonnull(mm_dynlib_symbol(&lib, "signgam"));
	ck_assert_ptr_null(mm_dynlib_symbol(&lib, "no_such_variable"));
	ck_assert_int_eq(mm_dynlib_load(&lib, &err), MM_OK);
}
END_TEST

START_TEST(a_missing_library_names_its_package)
{
	void *slot;
	static const char *const names[] = { "f" };
	struct mm_dynlib lib =
		MM_DYNLIB("libnone.so.9", "libnone9", names, slot);
	struct mm_err err = { 0 };

	ck_assert_int_eq(mm_dynlib_load(&lib, &err), MM_ERR_IO);
	ck_assert_ptr_nonnull(strstr(err.msg, "'libnone.so.9'"));
	ck_assert_ptr_nonnull(strstr(err.msg, "libnone9"));
	ck_assert_ptr_null(lib.handle);
}
END_TEST

START_TEST(a_missing_call_is_named)
{
	void *slots[2];
	static const char *const names[] = { "cos", "no_such_call" };
	struct mm_dynlib lib = MM_DYNLIB("libm.so.6", "libc6", names, slots);
	struct mm_err err = { 0 };

	ck_assert_int_eq(mm_dynlib_load(&lib, &err), MM_ERR_IO);
	ck_assert_ptr_nonnull(strstr(err.msg, "'no_such_call'"));
	ck_assert_ptr_null(lib.handle);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("dynlib");

	tcase_add_test(tc, calls_are_found_with_their_types);
	tcase_add_test(tc, a_missing_library_names_its_package);
	tcase_add_test(tc, a_missing_call_is_named);
	return unit_run("dynlib", tc);
}
