/* The tensor stream: columns there and back, carried on, and refused. */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "tensor/stream.h"

static const size_t dim_image[] = { 3, 2, 2 }, dim_box[] = { 4 };

/* Row i: id, text of i characters, image, i % 3 boxes, label. */
static int put_row(struct mm_stream_writer *w, int i, struct mm_err *err)
{
	static char id[16], text[1024];
	static uint8_t image[12];
	static float box[8];
	static int64_t label;
	int rc;

	snprintf(id, sizeof(id), "id%d", i);
	memset(text, 'a' + i % 26, sizeof(text));
	memset(image, i, sizeof(image));
	for (int k = 0; k < 8; k++)
		box[k] = (float)(i + k);
	label = -i;
	if ((rc = mm_stream_put_str(w, "id", id, strlen(id), err)) ||
	    (rc = mm_stream_put_str(w, "text", text, (size_t)i, err)) ||
	    (rc = mm_stream_put(w, "image", MM_U8, 3, dim_image, image, err)) ||
	    (rc = mm_stream_put_ragged(w, "boxes", MM_F32, 1, dim_box,
				       (size_t)i % 3, box, err)) ||
	    (rc = mm_stream_put(w, "label", MM_I64, 0, NULL, &label, err)))
		return rc;
	return mm_stream_end_row(w, err);
}

static int write_stream(const char *path, int n, size_t max_rows,
			struct mm_err *err)
{
	struct mm_stream_writer w = { 0 };
	int rc = mm_stream_writer_open(&w, path, err);

	if (!rc)
		w.max_rows = max_rows;
	if (!rc)
		rc = mm_stream_set_meta(&w, "mmtool.stage", "test", err);
	for (int i = 0; i < n && !rc; i++)
		rc = put_row(&w, i, err);
	if (!rc)
		return mm_stream_commit(&w, err);
	mm_stream_abort(&w);
	return rc;
}

static void row_is(const struct mm_segment *g, size_t row, int i)
{
	const struct mm_column *c = mm_segment_find(g, "image");
	char id[16];
	const float *box;
	const uint8_t *image;
	const char *s;
	size_t n;

	snprintf(id, sizeof(id), "id%d", i);
	s = mm_column_str(mm_segment_find(g, "id"), row, &n);
	ck_assert_uint_eq(n, strlen(id));
	ck_assert_mem_eq(s, id, n);
	s = mm_column_str(mm_segment_find(g, "text"), row, &n);
	ck_assert_uint_eq(n, (size_t)i);
	for (size_t k = 0; k < n; k++)
		ck_assert_int_eq(s[k], 'a' + i % 26);
	image = mm_column_row(c, row, &n);
	ck_assert(n == 1 && image[0] == (uint8_t)i && image[11] == (uint8_t)i);
	box = mm_column_row(mm_segment_find(g, "boxes"), row, &n);
	ck_assert_uint_eq(n, (size_t)i % 3);
	for (size_t k = 0; k < n * 4; k++)
		ck_assert(box[k] == (float)(i + (int)k));
	c = mm_segment_find(g, "label");
	ck_assert_int_eq(*(const int64_t *)mm_column_row(c, row, &n), -i);
}

/* Read it all; the number of rows, or the status. */
static int read_stream(const char *path, int *segments, struct mm_err *err)
{
	const struct mm_segment *g;
	struct mm_stream s;
	int rc = mm_stream_open(&s, path, err), i = 0;

	*segments = 0;
	while (!rc && !(rc = mm_stream_next(&s, &g, err)) && g) {
		ck_assert_uint_eq(s.first_sample, (uint64_t)i);
		for (size_t k = 0; k < g->n; k++)
			row_is(g, k, i++);
		ck_assert_str_eq(mm_segment_meta(g, "mmtool.stage"), "test");
		++*segments;
	}
	if (rc != MM_OK || !s.path)
		i = rc;
	mm_stream_release(&s);
	return i;
}

/* The same through a pipe on standard input. */
static int read_piped(const void *bytes, size_t n, int *segments,
		      struct mm_err *err)
{
	int fd[2], status, rc;
	pid_t child;

	ck_assert_int_eq(pipe(fd), 0);
	child = fork();
	if (!child) {
		const char *p = bytes;

		close(fd[0]);
		while (n) {
			const ssize_t k = write(fd[1], p, n < 1000 ? n : 1000);

			if (k < 0)
				_exit(0);
			p += k;
			n -= (size_t)k;
		}
		_exit(0);
	}
	close(fd[1]);
	dup2(fd[0], STDIN_FILENO);
	close(fd[0]);
	rc = read_stream("-", segments, err);
	close(STDIN_FILENO);
	open("/dev/null", O_RDONLY);
	waitpid(child, &status, 0);
	return rc;
}

START_TEST(rows_come_back_from_file_and_pipe)
{
	const int rows[] = { 1, 7, 256, 600 };
	const int segments[] = { 1, 1, 1, 3 };
	struct mm_err err = { 0 };
	size_t n;
	char *p;
	int k;

	ck_assert_int_eq(write_stream(scratch("s"), rows[_i], 256, &err), 0);
	ck_assert_msg(read_stream(scratch("s"), &k, &err) == rows[_i], "%s",
		      err.msg);
	ck_assert_int_eq(k, segments[_i]);
	p = file_bytes(scratch("s"), &n);
	ck_assert_msg(read_piped(p, n, &k, &err) == rows[_i], "%s", err.msg);
	ck_assert_int_eq(k, segments[_i]);
	free(p);
}
END_TEST

START_TEST(one_segment_is_a_safetensors_file)
{
	struct mm_safetensors s;
	uint64_t len;
	char *p;

	ck_ok(write_stream(scratch("s"), 5, 256, err));
	ck_ok(mm_safetensors_open(&s, scratch("s"), err));
	ck_assert_uint_eq(mm_safetensors_find(&s, "id.ends")->dim[0], 5);
	ck_assert_uint_eq(mm_safetensors_find(&s, "image")->dim[0], 5);
	mm_safetensors_release(&s);
	p = file_bytes(scratch("s"), NULL);
	memcpy(&len, p, 8);
	ck_assert_uint_eq((8 + len) % 64, 0);
	free(p);
}
END_TEST

START_TEST(streams_concatenate)
{
	const struct mm_segment *g;
	struct mm_stream s;
	size_t a, b;
	char *x, *y, *both;
	int n = 0;

	ck_ok(write_stream(scratch("a"), 5, 2, err));
	ck_ok(write_stream(scratch("b"), 3, 256, err));
	x = file_bytes(scratch("a"), &a);
	y = file_bytes(scratch("b"), &b);
	both = malloc(a + b);
	memcpy(both, x, a);
	memcpy(both + a, y, b);
	file_put(scratch("c"), both, a + b);
	ck_ok(mm_stream_open(&s, scratch("c"), err));
	for (;;) {
		ck_ok(mm_stream_next(&s, &g, err));
		if (!g)
			break;
		for (size_t i = 0; i < g->n; i++, n++)
			row_is(g, i, n < 5 ? n : n - 5);
	}
	ck_assert_int_eq(n, 8);
	mm_stream_release(&s);
	free(x);
	free(y);
	free(both);
}
END_TEST

START_TEST(a_stream_cut_at_any_byte_is_refused)
{
	struct mm_err err = { 0 };
	size_t n, first;
	char *p, where[32];
	int k, rc;

	ck_assert_int_eq(write_stream(scratch("s"), 4, 2, &err), 0);
	p = file_bytes(scratch("s"), &n);
	ck_assert_int_eq(write_stream(scratch("s2"), 2, 2, &err), 0);
	free(file_bytes(scratch("s2"), &first));
	for (size_t i = 0; i < n; i++) {
		file_put(scratch("cut"), p, i);
		rc = read_stream(scratch("cut"), &k, &err);
		if (i == first) { /* whole segments are a stream */
			ck_assert_int_eq(rc, 2);
			continue;
		}
		ck_assert_int_eq(rc, MM_ERR_FORMAT);
		ck_assert_ptr_nonnull(strstr(err.msg, "/cut'"));
		snprintf(where, sizeof(where), "byte %zu", i);
		ck_assert_msg(!i || strstr(err.msg, where), "%s", err.msg);
		if (i % 16 && i != 8)
			continue;
		ck_assert_int_eq(read_piped(p, i, &k, &err), MM_ERR_FORMAT);
		ck_assert_ptr_nonnull(strstr(err.msg, "standard input"));
	}
	free(p);
}
END_TEST

START_TEST(garbage_behind_a_segment_is_refused)
{
	static const char *const tails[] = {
		"\0\0\0", "\n", "garbage!!", "\2\0\0\0\0\0\0\0[]",
		"\377\377\377\377\377\377\377\377"
	};
	const size_t lens[] = { 3, 1, 9, 10, 8 };
	struct mm_err err = { 0 };
	size_t n;
	char *p;
	int k;

	ck_assert_int_eq(write_stream(scratch("s"), 2, 2, &err), 0);
	p = file_bytes(scratch("s"), &n);
	p = realloc(p, n + 16);
	memcpy(p + n, tails[_i], lens[_i]);
	file_put(scratch("t"), p, n + lens[_i]);
	ck_assert_int_eq(read_stream(scratch("t"), &k, &err), MM_ERR_FORMAT);
	ck_assert_int_eq(read_piped(p, n + lens[_i], &k, &err), MM_ERR_FORMAT);
	free(p);
}
END_TEST

START_TEST(a_false_length_from_a_pipe_costs_no_memory)
{
	static const char text[] =
		"{\"a\":{\"dtype\":\"U8\",\"shape\":[1,4611686018427387904],"
		"\"data_offsets\":[0,4611686018427387904]}}";
	uint64_t len = sizeof(text) - 1;
	struct mm_err err = { 0 };
	char p[8 + sizeof(text)];
	int k;

	memcpy(p, &len, 8);
	memcpy(p + 8, text, sizeof(text));
	ck_assert_int_eq(read_piped(p, 7 + sizeof(text), &k, &err),
			 MM_ERR_FORMAT);
	ck_assert_ptr_nonnull(strstr(err.msg, "ends at byte"));
	len = 100 << 20;
	memcpy(p, &len, 8);
	ck_assert_int_eq(read_piped(p, 7 + sizeof(text), &k, &err),
			 MM_ERR_FORMAT);
}
END_TEST

/* ---- columns that do not fit together ---- */

struct part {
	const char *name;
	enum mm_dtype dtype;
	int rank;
	size_t dim[2];
};

static const int64_t ends_ok[] = { 1, 3 }, ends_fall[] = { 3, 1 },
		     ends_far[] = { 1, 4 }, ends_short[] = { 1, 2 },
		     ends_neg[] = { -1, 3 }, ends_huge[] = { INT64_MAX, 3 };

static const struct {
	struct part part[3];
	const int64_t *ends;
	const char *says;
} misfits[] = {
	{ { { "a", MM_U8, 2, { 2, 2 } }, { "b", MM_U8, 1, { 4 } } },
	  NULL,
	  "'b' has 4 samples but 'a' has 2" },
	{ { { "a", MM_U8, 0, { 0 } } }, NULL, "no axis of samples" },
	{ { { "a", MM_U8, 1, { 3 } }, { "a.ends", MM_I64, 1, { 2 } } },
	  ends_fall,
	  "'a.ends' of sample 1 is 1, not in 3..3" },
	{ { { "a", MM_U8, 1, { 3 } }, { "a.ends", MM_I64, 1, { 2 } } },
	  ends_far,
	  "of sample 1 is 4" },
	{ { { "a", MM_U8, 1, { 3 } }, { "a.ends", MM_I64, 1, { 2 } } },
	  ends_short,
	  "has 3 items" },
	{ { { "a", MM_U8, 1, { 3 } }, { "a.ends", MM_I64, 1, { 2 } } },
	  ends_neg,
	  "of sample 0 is -1" },
	{ { { "a", MM_U8, 1, { 3 } }, { "a.ends", MM_I64, 1, { 2 } } },
	  ends_huge,
	  "of sample 0" },
	{ { { "a", MM_U8, 1, { 3 } }, { "a.ends", MM_I32, 1, { 2 } } },
	  ends_ok,
	  "are not I64" },
	{ { { "a", MM_U8, 1, { 3 } }, { "a.ends", MM_I64, 2, { 2, 1 } } },
	  ends_ok,
	  "are not I64" },
	{ { { "a", MM_U8, 1, { 3 } }, { "a.ends", MM_I64, 1, { 0 } } },
	  ends_ok,
	  "has 3 items" },
	{ { { "a", MM_U8, 1, { 3 } },
	    { "a.ends", MM_I64, 1, { 2 } },
	    { "a.ends.ends", MM_I64, 1, { 2 } } },
	  ends_ok,
	  "ends of its own" },
	{ { { "a", MM_U8, 1, { 3 } },
	    { "a.ends", MM_I64, 1, { 2 } },
	    { "b", MM_U8, 1, { 3 } } },
	  ends_ok,
	  "but 'a' has 2" },
};

START_TEST(columns_that_do_not_fit_are_refused)
{
	const struct mm_segment *g = NULL;
	struct mm_tensor t[3];
	struct mm_stream s;
	size_t n = 0;

	for (; n < 3 && misfits[_i].part[n].name; n++) {
		const struct part *p = &misfits[_i].part[n];

		t[n] = mm_tensor_make(p->name, p->dtype, p->rank, p->dim,
				      strstr(p->name, ".ends")
					      ? (const void *)misfits[_i].ends
					      : "abcdefgh");
	}
	ck_ok(mm_safetensors_write(scratch("m"), t, n, NULL, 0, err));
	ck_ok(mm_stream_open(&s, scratch("m"), err));
	ck_fails(mm_stream_next(&s, &g, err), MM_ERR_FORMAT, misfits[_i].says);
	ck_assert_ptr_null(g);
	mm_stream_release(&s);
}
END_TEST

START_TEST(ends_without_items_are_a_column)
{
	const size_t dim[] = { 2 };
	struct mm_tensor t =
		mm_tensor_make("odd.ends", MM_I64, 1, dim, ends_fall);
	const struct mm_segment *g;
	struct mm_stream s;

	ck_ok(mm_safetensors_write(scratch("m"), &t, 1, NULL, 0, err));
	ck_ok(mm_stream_open(&s, scratch("m"), err));
	ck_ok(mm_stream_next(&s, &g, err));
	ck_assert(g->n == 2 && g->n_columns == 1 && !g->column[0].ends);
	mm_stream_release(&s);
}
END_TEST

START_TEST(wanted_columns_are_checked)
{
	const size_t any[] = { 3, SIZE_MAX, SIZE_MAX }, wrong[] = { 1, 2, 2 };
	const struct mm_segment *g;
	const struct mm_column *c;
	struct mm_stream s;

	ck_ok(write_stream(scratch("s"), 2, 256, err));
	ck_ok(mm_stream_open(&s, scratch("s"), err));
	ck_ok(mm_stream_next(&s, &g, err));
	ck_ok(mm_segment_want(g, "image", MM_U8, false, 3, any, &c, err));
	ck_assert_uint_eq(c->row_bytes, 12);
	ck_ok(mm_segment_want(g, "image", MM_U8, false, -1, NULL, &c, err));
	ck_ok(mm_segment_want(g, "boxes", MM_F32, true, 1, dim_box, &c, err));
	ck_ok(mm_segment_want_str(g, "id", &c, err));
	ck_fails(mm_segment_want(g, "image", MM_F32, false, 3, any, &c, err),
		 MM_ERR_SHAPE, "F32 [3, *, *], not U8 [3, 2, 2]");
	ck_fails(mm_segment_want(g, "image", MM_F32, false, -1, NULL, &c, err),
		 MM_ERR_SHAPE, "must be F32");
	ck_fails(mm_segment_want(g, "image", MM_U8, false, 3, wrong, &c, err),
		 MM_ERR_SHAPE, "[1, 2, 2]");
	ck_fails(mm_segment_want(g, "image", MM_U8, true, 3, any, &c, err),
		 MM_ERR_SHAPE, "must have 'image.ends'");
	ck_fails(mm_segment_want(g, "boxes", MM_F32, false, 1, any, &c, err),
		 MM_ERR_SHAPE, "must not have");
	ck_fails(mm_segment_want_str(g, "label", &c, err), MM_ERR_SHAPE,
		 "'label'");
	ck_fails(mm_segment_want_str(g, "nope", &c, err), MM_ERR_FORMAT,
		 "no column 'nope'");
	ck_assert(mm_column_is_str(mm_segment_find(g, "text")));
	ck_assert(!mm_column_is_str(mm_segment_find(g, "image")));
	mm_stream_release(&s);
}
END_TEST

/* ---- writing ---- */

START_TEST(what_is_not_understood_is_carried_on)
{
	static const char *const drop[] = { "label", NULL };
	const struct mm_segment *g;
	struct mm_stream_writer w;
	struct mm_stream s;

	ck_ok(write_stream(scratch("a"), 5, 2, err));
	ck_ok(mm_stream_open(&s, scratch("a"), err));
	ck_ok(mm_stream_writer_open(&w, scratch("b"), err));
	ck_ok(mm_stream_set_meta(&w, "seed", "7", err));
	for (;;) {
		ck_ok(mm_stream_next(&s, &g, err));
		if (!g)
			break;
		for (size_t i = 0; i < g->n; i++) {
			ck_ok(mm_stream_put_str(&w, "text", "new", 3, err));
			ck_ok(mm_stream_carry(&w, g, i, drop, err));
			ck_ok(mm_stream_end_row(&w, err));
		}
	}
	mm_stream_release(&s);
	ck_ok(mm_stream_commit(&w, err));
	ck_ok(mm_stream_open(&s, scratch("b"), err));
	ck_ok(mm_stream_next(&s, &g, err));
	ck_assert_uint_eq(g->n, 5);
	ck_assert_uint_eq(g->n_columns, 4);
	ck_assert_ptr_null(mm_segment_find(g, "label"));
	ck_assert_ptr_nonnull(mm_segment_find(g, "boxes"));
	ck_assert_str_eq(mm_segment_meta(g, "mmtool.stage"), "test");
	ck_assert_str_eq(mm_segment_meta(g, "seed"), "7");
	for (size_t i = 0; i < 5; i++) {
		size_t n;
		const char *t =
			mm_column_str(mm_segment_find(g, "text"), i, &n);

		ck_assert(n == 3 && !memcmp(t, "new", 3));
	}
	mm_stream_release(&s);
}
END_TEST

/* Write rows whose columns are named by letters (capital: other shape). */
static int segments_of(const char *rows)
{
	const size_t two[] = { 2 };
	struct mm_stream_writer w;
	const struct mm_segment *g;
	struct mm_stream s;
	int n = 0;

	ck_ok(mm_stream_writer_open(&w, scratch("x"), err));
	for (const char *p = rows; *p; p++) {
		char name[2] = { (char)(*p | 32), 0 };

		if (*p == ' ')
			ck_ok(mm_stream_end_row(&w, err));
		else if (*p & 32)
			ck_ok(mm_stream_put(&w, strcmp(name, "a") ? "b" : "a",
					    MM_U8, 0, NULL, "x", err));
		else
			ck_ok(mm_stream_put(&w, strcmp(name, "a") ? "b" : "a",
					    MM_U8, 1, two, "xy", err));
	}
	ck_ok(mm_stream_end_row(&w, err));
	ck_ok(mm_stream_commit(&w, err));
	ck_ok(mm_stream_open(&s, scratch("x"), err));
	for (;; n++) {
		ck_ok(mm_stream_next(&s, &g, err));
		if (!g)
			break;
	}
	mm_stream_release(&s);
	return n;
}

START_TEST(other_columns_start_a_new_segment)
{
	ck_assert_int_eq(segments_of("ab ba ab"), 1); /* order is free */
	ck_assert_int_eq(segments_of("ab a ab"), 3);
	ck_assert_int_eq(segments_of("a A A a"), 3);
	ck_assert_int_eq(segments_of("aB aB ab"), 2);
}
END_TEST

START_TEST(other_metadata_starts_a_new_segment)
{
	const struct mm_segment *g;
	struct mm_stream_writer w;
	struct mm_stream s;

	ck_ok(mm_stream_writer_open(&w, scratch("x"), err));
	for (int i = 0; i < 4; i++) {
		ck_ok(mm_stream_set_meta(&w, "k", i < 2 ? "1" : "2", err));
		ck_ok(put_row(&w, i, err));
	}
	ck_ok(mm_stream_set_meta(&w, "k", NULL, err));
	ck_ok(mm_stream_commit(&w, err));
	ck_ok(mm_stream_open(&s, scratch("x"), err));
	ck_ok(mm_stream_next(&s, &g, err));
	ck_assert(g && g->n == 2);
	ck_assert_str_eq(mm_segment_meta(g, "k"), "1");
	ck_ok(mm_stream_next(&s, &g, err));
	ck_assert(g && g->n == 2);
	ck_assert_str_eq(mm_segment_meta(g, "k"), "2");
	ck_ok(mm_stream_next(&s, &g, err));
	ck_assert_ptr_null(g);
	mm_stream_release(&s);
}
END_TEST

START_TEST(large_rows_end_a_segment)
{
	const size_t dim[] = { 1000 };
	static char bytes[1000];
	const struct mm_segment *g;
	struct mm_stream_writer w;
	struct mm_stream s;

	ck_ok(mm_stream_writer_open(&w, scratch("x"), err));
	w.max_bytes = 3500;
	for (int i = 0; i < 7; i++) {
		ck_ok(mm_stream_put(&w, "a", MM_U8, 1, dim, bytes, err));
		ck_ok(mm_stream_end_row(&w, err));
	}
	ck_ok(mm_stream_commit(&w, err));
	ck_ok(mm_stream_open(&s, scratch("x"), err));
	for (int i = 0; i < 3; i++) {
		ck_ok(mm_stream_next(&s, &g, err));
		ck_assert(g && g->n == (i < 2 ? 3 : 1));
	}
	mm_stream_release(&s);
}
END_TEST

START_TEST(a_stream_without_rows_holds_metadata)
{
	const struct mm_segment *g;
	struct mm_stream s;

	ck_ok(write_stream(scratch("e"), 0, 256, err));
	ck_ok(mm_stream_open(&s, scratch("e"), err));
	ck_ok(mm_stream_next(&s, &g, err));
	ck_assert(g && g->n == 0 && g->n_columns == 0);
	ck_assert_str_eq(mm_segment_meta(g, "mmtool.stage"), "test");
	ck_ok(mm_stream_next(&s, &g, err));
	ck_assert_ptr_null(g);
	mm_stream_release(&s);
}
END_TEST

START_TEST(mistakes_of_the_caller_are_refused)
{
	const size_t huge[] = { SIZE_MAX / 2, 4 };
	struct mm_stream_writer w;

	ck_ok(mm_stream_writer_open(&w, scratch("x"), err));
	ck_fails(mm_stream_end_row(&w, err), MM_ERR_USAGE, "without columns");
	ck_ok(mm_stream_put_str(&w, "a", "x", 1, err));
	ck_fails(mm_stream_put_str(&w, "a", "y", 1, err), MM_ERR_USAGE,
		 "put twice");
	ck_fails(mm_stream_put(&w, "b", MM_F32, 2, huge, "", err), MM_ERR_SHAPE,
		 "too large");
	ck_fails(mm_stream_put(&w, "b", MM_F32, MM_MAX_RANK, huge, "", err),
		 MM_ERR_SHAPE, "axes");
	mm_stream_drop_row(&w);
	ck_assert_uint_eq(w.n_put, 0);
	mm_stream_abort(&w);
	ck_assert_int_eq(scratch_count(), 0);
	mm_stream_abort(&w);
}
END_TEST

START_TEST(a_full_disk_leaves_nothing)
{
	struct mm_err err = { 0 };
	size_t n;

	ck_assert_int_eq(write_stream(scratch("ok"), 20, 4, &err), 0);
	free(file_bytes(scratch("ok"), &n));
	for (size_t at = 0; at < n; at += n / 37) {
		mm_io_fail_after((int64_t)at);
		ck_assert_int_eq(write_stream(scratch("x"), 20, 4, &err),
				 MM_ERR_IO);
		mm_io_fail_after(-1);
		ck_assert_int_eq(scratch_count(), 1);
	}
}
END_TEST

START_TEST(lack_of_memory_is_an_error)
{
	bool done = false;
	long n;
	int k;

	for (n = 1; !done && n < 500; n++) {
		int rc;

		mm_mem_fail_after(n);
		rc = write_stream(scratch("x"), 6, 3, NULL);
		if (!rc && (rc = read_stream(scratch("x"), &k, NULL)) > 0)
			rc = MM_OK;
		mm_mem_fail_after(0);
		ck_assert(rc == MM_OK || rc == MM_ERR_NOMEM || rc == MM_ERR_IO);
		done = !rc;
	}
	ck_assert(done && n > 20);
}
END_TEST

START_TEST(streams_are_told_from_other_files)
{
	size_t n;
	char *p;

	ck_ok(write_stream(scratch("s"), 1, 1, err));
	p = file_bytes(scratch("s"), &n);
	ck_assert(mm_stream_sniff(p, n));
	ck_assert(!mm_stream_sniff(p, 8));
	ck_assert(!mm_stream_sniff("{\"a\": \"b\"}, {", 13));
	ck_assert(!mm_stream_sniff("id\timage\ttext\n", 14));
	free(p);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("stream");

	tcase_add_checked_fixture(tc, scratch_begin, scratch_end);
	tcase_add_loop_test(tc, rows_come_back_from_file_and_pipe, 0, 4);
	tcase_add_test(tc, one_segment_is_a_safetensors_file);
	tcase_add_test(tc, streams_concatenate);
	tcase_add_test(tc, a_stream_cut_at_any_byte_is_refused);
	tcase_add_loop_test(tc, garbage_behind_a_segment_is_refused, 0, 5);
	tcase_add_test(tc, a_false_length_from_a_pipe_costs_no_memory);
	tcase_add_loop_test(tc, columns_that_do_not_fit_are_refused, 0,
			    sizeof(misfits) / sizeof(*misfits));
	tcase_add_test(tc, ends_without_items_are_a_column);
	tcase_add_test(tc, wanted_columns_are_checked);
	tcase_add_test(tc, what_is_not_understood_is_carried_on);
	tcase_add_test(tc, other_columns_start_a_new_segment);
	tcase_add_test(tc, other_metadata_starts_a_new_segment);
	tcase_add_test(tc, large_rows_end_a_segment);
	tcase_add_test(tc, a_stream_without_rows_holds_metadata);
	tcase_add_test(tc, mistakes_of_the_caller_are_refused);
	tcase_add_test(tc, a_full_disk_leaves_nothing);
	tcase_add_test(tc, lack_of_memory_is_an_error);
	tcase_add_test(tc, streams_are_told_from_other_files);
	return unit_run("stream", tc);
}
