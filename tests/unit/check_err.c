/* Errors and growable buffers. */
#include "unit.h"

#include <errno.h>

#include "base/buf.h"
#include "base/mem.h"

START_TEST(fail_fills_and_returns_its_code)
{
	struct mm_err err = { 0 };

	ck_assert_int_eq(mm_fail(&err, MM_ERR_SHAPE, "axis %d", 3),
			 MM_ERR_SHAPE);
	ck_assert_int_eq(err.code, MM_ERR_SHAPE);
	ck_assert_str_eq(err.msg, "axis 3");
	ck_assert_int_eq(mm_fail(NULL, MM_ERR_IO, "x"), MM_ERR_IO);
}
END_TEST

START_TEST(errno_and_context_are_added)
{
	struct mm_err err = { 0 };

	errno = ENOENT;
	ck_assert_int_eq(mm_fail_errno(&err, "cannot open '%s'", "a"),
			 MM_ERR_IO);
	ck_assert_str_eq(err.msg, "cannot open 'a': No such file or directory");
	ck_assert_int_eq(mm_fail_ctx(&err, "shard %d", 2), MM_ERR_IO);
	ck_assert_str_eq(err.msg, "shard 2: cannot open 'a': No such file or "
				  "directory");
	ck_assert_int_eq(mm_fail_nomem(&err, "a row"), MM_ERR_NOMEM);
	ck_assert_str_eq(err.msg, "out of memory for a row");
}
END_TEST

START_TEST(long_messages_are_cut_not_overrun)
{
	char text[3000];
	struct mm_err err = { 0 };

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(mm_fail(&err, MM_ERR_IO, "%s", text), MM_ERR_IO);
	ck_assert_uint_eq(strlen(err.msg), sizeof(err.msg) - 1);
	ck_assert_int_eq(mm_fail_ctx(&err, "%s", "in front"), MM_ERR_IO);
	ck_assert_uint_le(strlen(err.msg), sizeof(err.msg) - 1);
	ck_assert_int_eq(strncmp(err.msg, "in front: aaa", 13), 0);
}
END_TEST

START_TEST(messages_are_one_line)
{
	struct mm_err err = { 0 };

	ck_assert_int_eq(mm_fail(&err, MM_ERR_IO, "'%s'", "a\nb\x1b[0m\x7f"),
			 MM_ERR_IO);
	ck_assert_str_eq(err.msg, "'a?b?[0m?'");
	ck_assert_int_eq(mm_fail_ctx(&err, "%s", "\r\xc3\xa9"), MM_ERR_IO);
	ck_assert_str_eq(err.msg, "?\xc3\xa9: 'a?b?[0m?'");
}
END_TEST

START_TEST(buffer_grows_and_ends_in_nul)
{
	struct mm_buf b = { 0 };

	ck_assert_str_eq(mm_buf_str(&b), "");
	for (int i = 0; i < 1000; i++)
		mm_buf_printf(&b, "%03d,", i);
	mm_buf_add(&b, NULL, 0);
	ck_assert_uint_eq(b.len, 4000);
	ck_assert_uint_eq(strlen(b.data), 4000);
	ck_assert_int_eq(strncmp(b.data + 3996, "999,", 5), 0);
	mm_buf_clear(&b);
	mm_buf_addc(&b, 'x');
	ck_assert_str_eq(mm_buf_str(&b), "x");
	ck_ok(mm_buf_check(&b, "text", err));
	mm_buf_release(&b);
}
END_TEST

START_TEST(buffer_remembers_that_memory_ran_out)
{
	struct mm_buf b = { 0 };

	mm_buf_adds(&b, "kept");
	ck_assert_ptr_null(mm_buf_reserve(&b, SIZE_MAX - 2));
	mm_buf_adds(&b, "lost");
	ck_assert_str_eq(mm_buf_str(&b), "kept");
	ck_fails(mm_buf_check(&b, "the text", err), MM_ERR_NOMEM, "the text");
	mm_buf_clear(&b);
	mm_mem_fail_after(1);
	ck_assert_ptr_null(mm_buf_reserve(&b, 1 << 20));
	mm_mem_fail_after(0);
	ck_assert(b.failed);
	mm_buf_release(&b);
}
END_TEST

START_TEST(sizes_do_not_wrap)
{
	size_t n;

	ck_assert(mm_mul_ok(&n, 3, 4) && n == 12);
	ck_assert(!mm_mul_ok(&n, SIZE_MAX / 2, 3));
	ck_assert(mm_add_ok(&n, 3, 4) && n == 7);
	ck_assert(!mm_add_ok(&n, SIZE_MAX, 1));
	ck_assert_ptr_null(mm_malloc(SIZE_MAX / 2, 4));
	ck_assert_ptr_null(mm_calloc(SIZE_MAX, 1));
	ck_assert_ptr_null(mm_realloc(NULL, SIZE_MAX / 4, 8));
	ck_assert_ptr_null(mm_strndup("x", SIZE_MAX));
}
END_TEST

START_TEST(memory_is_aligned_and_zeroed)
{
	unsigned char *p = mm_calloc(3, 5);
	char *s = mm_strdup("abc");

	ck_assert_uint_eq((uintptr_t)p % 64, 0);
	for (int i = 0; i < 15; i++)
		ck_assert_uint_eq(p[i], 0);
	ck_assert_str_eq(s, "abc");
	mm_free(p);
	mm_free(s);
	p = mm_malloc(0, 8);
	ck_assert_ptr_nonnull(p);
	mm_free(p);
}
END_TEST

START_TEST(injected_failures_start_at_the_nth)
{
	void *p[3];

	mm_mem_fail_after(3);
	for (int i = 0; i < 3; i++)
		p[i] = mm_malloc(1, 1);
	mm_mem_fail_after(0);
	ck_assert(p[0] && p[1] && !p[2]);
	mm_free(p[0]);
	mm_free(p[1]);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("err, buf, mem");

	tcase_add_test(tc, fail_fills_and_returns_its_code);
	tcase_add_test(tc, errno_and_context_are_added);
	tcase_add_test(tc, long_messages_are_cut_not_overrun);
	tcase_add_test(tc, messages_are_one_line);
	tcase_add_test(tc, buffer_grows_and_ends_in_nul);
	tcase_add_test(tc, buffer_remembers_that_memory_ran_out);
	tcase_add_test(tc, sizes_do_not_wrap);
	tcase_add_test(tc, memory_is_aligned_and_zeroed);
	tcase_add_test(tc, injected_failures_start_at_the_nth);
	return unit_run("err", tc);
}
