/* Files in and out: what appears, when, and what is left behind. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/mem.h"

static void text_is(const char *path, const char *want)
{
	char *got = file_bytes(path, NULL);

	ck_assert_str_eq(got, want);
	free(got);
}

START_TEST(a_file_is_mapped_or_read_whole)
{
	struct mm_file f;
	int fd[2];

	file_put(scratch("a"), "hello", 5);
	ck_ok(mm_file_open(&f, scratch("a"), err));
	ck_assert(f.mapped && f.size == 5);
	ck_assert_mem_eq(f.data, "hello", 5);
	mm_file_forget(&f, 0, 5);
	ck_assert_mem_eq(f.data, "hello", 5);
	mm_file_release(&f);
	file_put(scratch("empty"), "", 0);
	ck_ok(mm_file_open(&f, scratch("empty"), err));
	ck_assert(f.data != NULL && f.size == 0);
	mm_file_release(&f);
	ck_assert_int_eq(pipe(fd), 0);
	ck_assert_int_eq(write(fd[1], "piped", 5), 5);
	close(fd[1]);
	dup2(fd[0], STDIN_FILENO);
	ck_ok(mm_file_open(&f, "-", err));
	ck_assert(!f.mapped && f.size == 5);
	ck_assert_mem_eq(f.data, "piped", 5);
	mm_file_release(&f);
}
END_TEST

START_TEST(forgotten_pages_can_be_read_again)
{
	enum { N = 1 << 20 };
	char *bytes = malloc(N);
	struct mm_file f;

	for (int i = 0; i < N; i++)
		bytes[i] = (char)(i * 7 >> 3);
	file_put(scratch("big"), bytes, N);
	ck_ok(mm_file_open(&f, scratch("big"), err));
	ck_assert_mem_eq(f.data, bytes, N);
	mm_file_forget(&f, 1000, N - 1000);
	ck_assert_mem_eq(f.data, bytes, N);
	mm_file_release(&f);
	free(bytes);
}
END_TEST

START_TEST(missing_files_and_folders_are_named)
{
	struct mm_reader r;
	struct mm_writer w;
	struct mm_file f;

	ck_fails(mm_file_open(&f, "/nonexistent/x", err), MM_ERR_IO,
		 "/nonexistent/x");
	ck_fails(mm_file_open(&f, "/tmp", err), MM_ERR_IO, "directory");
	ck_fails(mm_reader_open(&r, "/nonexistent/x", err), MM_ERR_IO,
		 "/nonexistent/x");
	ck_fails(mm_writer_open(&w, "/nonexistent/x", err), MM_ERR_IO,
		 "/nonexistent/x");
	ck_fails(mm_writer_open(&w, scratch_dir, err), MM_ERR_IO, "directory");
}
END_TEST

START_TEST(reader_gives_bytes_and_counts_them)
{
	enum { N = 700001 };
	char *bytes = malloc(N), *back = malloc(N);
	struct mm_reader r;
	size_t got, at = 0;

	for (int i = 0; i < N; i++)
		bytes[i] = (char)(i * 31 >> 2);
	file_put(scratch("b"), bytes, N);
	ck_ok(mm_reader_open(&r, scratch("b"), err));
	for (size_t n = 1; at < N; n = n * 3 + 1) {
		ck_ok(mm_reader_read(&r, back + at, n < N - at ? n : N - at,
				     &got, err));
		at += got;
		ck_assert_uint_eq(r.offset, at);
	}
	ck_assert_mem_eq(bytes, back, N);
	ck_ok(mm_reader_read(&r, back, 10, &got, err));
	ck_assert_uint_eq(got, 0);
	mm_reader_release(&r);
	free(bytes);
	free(back);
}
END_TEST

START_TEST(lines_end_at_newlines_only)
{
	static const char text[] = "one\r\n\ntw\0o\nlast";
	struct mm_reader r;
	size_t len;
	char *line;

	file_put(scratch("l"), text, sizeof(text) - 1);
	ck_ok(mm_reader_open(&r, scratch("l"), err));
	ck_ok(mm_reader_line(&r, &line, &len, 100, err));
	ck_assert(len == 4 && !memcmp(line, "one\r", 4));
	ck_ok(mm_reader_line(&r, &line, &len, 100, err));
	ck_assert(line && len == 0);
	ck_ok(mm_reader_line(&r, &line, &len, 100, err));
	ck_assert(len == 4 && !memcmp(line, "tw\0o", 4));
	ck_ok(mm_reader_line(&r, &line, &len, 100, err));
	ck_assert(len == 4 && !memcmp(line, "last", 4));
	ck_ok(mm_reader_line(&r, &line, &len, 100, err));
	ck_assert_ptr_null(line);
	mm_reader_release(&r);
}
END_TEST

START_TEST(lines_longer_than_the_buffer)
{
	enum { N = 1 << 20 };
	char *text = malloc(N + 4), *line;
	struct mm_reader r;
	size_t len;

	memset(text, 'x', N);
	strcpy(text + N, "\nb\n");
	file_put(scratch("l"), text, N + 3);
	ck_ok(mm_reader_open(&r, scratch("l"), err));
	ck_ok(mm_reader_line(&r, &line, &len, N, err));
	ck_assert_uint_eq(len, N);
	ck_ok(mm_reader_line(&r, &line, &len, N, err));
	ck_assert(len == 1 && *line == 'b');
	mm_reader_release(&r);
	ck_ok(mm_reader_open(&r, scratch("l"), err));
	ck_fails(mm_reader_line(&r, &line, &len, 1000, err), MM_ERR_FORMAT,
		 "1000 bytes");
	mm_reader_release(&r);
	free(text);
}
END_TEST

START_TEST(output_appears_when_complete)
{
	struct mm_writer w;

	file_put(scratch("o"), "old", 3);
	ck_ok(mm_writer_open(&w, scratch("o"), err));
	ck_ok(mm_writer_printf(&w, err, "%s %d", "new", 1));
	ck_ok(mm_writer_flush(&w, err));
	text_is(scratch("o"), "old");
	ck_assert_uint_eq(w.offset, 5);
	ck_ok(mm_writer_commit(&w, err));
	text_is(scratch("o"), "new 1");
	ck_assert_int_eq(scratch_count(), 1);
}
END_TEST

START_TEST(aborted_output_leaves_nothing)
{
	struct mm_writer w = { 0 };

	mm_writer_abort(&w);
	ck_ok(mm_writer_open(&w, scratch("o"), err));
	ck_ok(mm_writer_write(&w, "half", 4, err));
	ck_ok(mm_writer_flush(&w, err));
	mm_writer_abort(&w);
	ck_assert_int_eq(scratch_count(), 0);
}
END_TEST

START_TEST(a_full_disk_at_any_byte_leaves_nothing)
{
	enum { N = 600000 }; /* more than two buffers */
	char *bytes = calloc(1, N);
	static const int64_t at[] = { 0, 1, 262143, 262144, 300000, N - 1 };
	const int i = _i;
	struct mm_writer w;
	struct mm_err why = { 0 };
	int rc;

	file_put(scratch("o"), "old", 3);
	ck_ok(mm_writer_open(&w, scratch("o"), err));
	mm_io_fail_after(at[i]);
	rc = MM_OK;
	for (int k = 0; k < 60 && !rc; k++)
		rc = mm_writer_write(&w, bytes, N / 60, &why);
	if (!rc)
		rc = mm_writer_commit(&w, &why);
	else
		mm_writer_abort(&w);
	mm_io_fail_after(-1);
	ck_assert_int_eq(rc, MM_ERR_IO);
	ck_assert_ptr_nonnull(strstr(why.msg, "No space left"));
	ck_assert_ptr_nonnull(strstr(why.msg, scratch("o")));
	text_is(scratch("o"), "old");
	ck_assert_int_eq(scratch_count(), 1);
	free(bytes);
}
END_TEST

START_TEST(a_full_device_is_an_error)
{
	struct mm_writer w;

	ck_ok(mm_writer_open(&w, "/dev/full", err));
	ck_assert(w.direct);
	ck_ok(mm_writer_write(&w, "x", 1, err));
	ck_fails(mm_writer_commit(&w, err), MM_ERR_IO, "/dev/full");
}
END_TEST

START_TEST(a_killed_writer_leaves_nothing_under_the_name)
{
	int status;
	const pid_t child = fork();

	if (!child) {
		struct mm_writer w;
		int rc = mm_writer_open(&w, scratch("o"), NULL);

		for (int i = 0; i < 1000 && !rc; i++)
			rc = mm_writer_write(&w, "0123456789", 10, NULL);
		if (!rc)
			rc = mm_writer_flush(&w, NULL);
		_exit(rc ? 1 : 9); /* as kill -9: no clean-up runs */
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(WEXITSTATUS(status), 9);
	ck_assert_int_eq(access(scratch("o"), F_OK), -1);
}
END_TEST

START_TEST(whole_files_and_folders)
{
	struct stat st;

	ck_ok(mm_mkdirs(scratch("a/b/c"), err));
	ck_ok(mm_mkdirs(scratch("a/b/c"), err));
	ck_assert(!stat(scratch("a/b/c"), &st) && S_ISDIR(st.st_mode));
	ck_ok(mm_file_write(scratch("a/b/c/f"), "text", 4, err));
	text_is(scratch("a/b/c/f"), "text");
	ck_fails(mm_mkdirs(scratch("a/b/c/f/g"), err), MM_ERR_IO, "folder");
	ck_fails(mm_file_write(scratch("no/f"), "", 0, err), MM_ERR_IO, "no/f");
}
END_TEST

START_TEST(lack_of_memory_is_an_error_not_a_crash)
{
	bool done = false;

	file_put(scratch("in"), "a\nb\n", 4);
	for (long n = 1; !done && n < 30; n++) {
		struct mm_err err = { 0 };
		struct mm_writer w;
		int rc;

		mm_mem_fail_after(n);
		rc = mm_writer_open(&w, scratch("out"), &err);
		if (!rc && (rc = mm_writer_printf(&w, &err, "%d", 1)))
			mm_writer_abort(&w);
		else if (!rc)
			rc = mm_writer_commit(&w, &err);
		mm_mem_fail_after(0);
		ck_assert(rc == MM_OK || rc == MM_ERR_NOMEM || rc == MM_ERR_IO);
		ck_assert_int_eq(scratch_count(), 1 + !rc);
		done = !rc;
	}
	ck_assert(done);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("io");

	tcase_add_checked_fixture(tc, scratch_begin, scratch_end);
	tcase_add_test(tc, a_file_is_mapped_or_read_whole);
	tcase_add_test(tc, forgotten_pages_can_be_read_again);
	tcase_add_test(tc, missing_files_and_folders_are_named);
	tcase_add_test(tc, reader_gives_bytes_and_counts_them);
	tcase_add_test(tc, lines_end_at_newlines_only);
	tcase_add_test(tc, lines_longer_than_the_buffer);
	tcase_add_test(tc, output_appears_when_complete);
	tcase_add_test(tc, aborted_output_leaves_nothing);
	tcase_add_loop_test(tc, a_full_disk_at_any_byte_leaves_nothing, 0, 6);
	tcase_add_test(tc, a_full_device_is_an_error);
	tcase_add_test(tc, a_killed_writer_leaves_nothing_under_the_name);
	tcase_add_test(tc, whole_files_and_folders);
	tcase_add_test(tc, lack_of_memory_is_an_error_not_a_crash);
	return unit_run("io", tc);
}
