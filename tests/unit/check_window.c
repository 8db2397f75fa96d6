/*
 * A stream through a window: every sample comes once, in the places that asked
 * for it, and memory does not grow with the stream.
 */
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/window.h"
#include "unit.h"

enum { SIDE = 32, T = 4, SEGMENT = 50, PLACES = 64 };

static void must(int rc, const struct mm_err *err)
{
	ck_assert_msg(!rc, "%s", err->msg);
}

/* Samples 0 .. n - 1, each told by its first pixel, its first id, its id. */
static void write_samples(const char *path, size_t n)
{
	static const size_t image[] = { 3, SIDE, SIDE }, text[] = { T };
	struct mm_stream_writer w;
	struct mm_err err = { 0 };

	must(mm_stream_writer_open(&w, path, &err), &err);
	w.max_rows = SEGMENT;
	for (size_t i = 0; i < n; i++) {
		uint8_t pixels[3 * SIDE * SIDE] = { (uint8_t)i };
		const int32_t ids[T] = { (int32_t)i };
		const int64_t label = (int64_t)i;
		char id[64];

		snprintf(id, sizeof(id), "%zu%s", i,
			 i % 7 ? "" : "-of-a-longer-name");
		must(mm_stream_put_str(&w, "id", id, strlen(id), &err), &err);
		must(mm_stream_put(&w, "image", MM_U8, 3, image, pixels, &err),
		     &err);
		must(mm_stream_put(&w, "ids", MM_I32, 1, text, ids, &err),
		     &err);
		must(mm_stream_put(&w, "label", MM_I64, 0, NULL, &label, &err),
		     &err);
		must(mm_stream_end_row(&w, &err), &err);
	}
	must(mm_stream_commit(&w, &err), &err);
}

static void is_sample(const struct mm_dataset *d, size_t place, size_t i)
{
	const uint8_t *pixels = mm_dataset_pixels(d, place);
	size_t len, number;
	const char *id = mm_dataset_id(d, place, &len);
	char text[64];

	ck_assert_uint_lt(len, sizeof(text));
	snprintf(text, sizeof(text), "%.*s", (int)len, id);
	number = strtoul(text, NULL, 10);
	ck_assert_uint_eq(number, i);
	ck_assert_uint_eq(len > 10, i % 7 == 0);
	ck_assert_uint_eq(pixels[0], i % 256);
	ck_assert_int_eq(mm_dataset_ids(d, place)[0], (int)i);
	ck_assert_int_eq(mm_dataset_label(d, place), (int64_t)i);
	ck_assert_ptr_null(mm_dataset_mask(d, place));
}

START_TEST(every_sample_comes_once)
{
	static const size_t sizes[] = { 1, 63, 64, 65, 333, 1000 };
	const size_t n = sizes[_i];
	char path[256];
	size_t holds[PLACES], next = 0, filled = PLACES;
	struct mm_dataset d;
	struct mm_err err = { 0 };

	ck_assert(tmp_template(path, sizeof(path), "window"));
	close(mkstemp(path));
	write_samples(path, n);
	must(mm_window_open(&d, path, PLACES, 1, &err), &err);
	ck_assert_uint_eq(d.n, n < PLACES ? n : PLACES);
	for (; next < d.n; next++)
		is_sample(&d, holds[next] = next, next);
	while (filled == PLACES && d.n == PLACES) {
		/* Three of the places, far from each other. */
		const size_t at[] = { next % PLACES, (next + 20) % PLACES,
				      (next + 41) % PLACES };

		must(mm_window_next(d.window, at, 3, &filled, &err), &err);
		ck_assert_uint_eq(filled, n - next < 3 ? n - next : 3);
		for (size_t k = 0; k < filled; k++)
			holds[at[k]] = next++;
		for (size_t k = 0; k < PLACES; k++)
			is_sample(&d, k, holds[k]);
		filled = filled == 3 ? PLACES : filled;
	}
	ck_assert_uint_eq(next, n);
	mm_dataset_release(&d);
	unlink(path);
}
END_TEST

START_TEST(a_file_passes_several_times)
{
	static const size_t sizes[] = { 1, 63, 64, 65, 200 };
	const size_t n = sizes[_i], all = 3 * n;
	const size_t at[] = { 11, 0, 17 };
	char path[256];
	size_t next, filled = 3;
	struct mm_dataset d;
	struct mm_err err = { 0 };

	ck_assert(tmp_template(path, sizeof(path), "window"));
	close(mkstemp(path));
	write_samples(path, n);
	must(mm_window_open(&d, path, PLACES, 3, &err), &err);
	ck_assert_uint_eq(d.n, all < PLACES ? all : PLACES);
	for (next = 0; next < d.n; next++)
		is_sample(&d, next, next % n);
	while (filled == 3) {
		must(mm_window_next(d.window, at, 3, &filled, &err), &err);
		for (size_t k = 0; k < filled; k++)
			is_sample(&d, at[k], next++ % n);
	}
	ck_assert_uint_eq(next, all);
	mm_dataset_release(&d);
	unlink(path);
}
END_TEST

/* Most memory so far, in KB. */
static long peak(void)
{
	struct rusage u;

	ck_assert(!getrusage(RUSAGE_SELF, &u));
	return u.ru_maxrss;
}

/* 62 MB of pixels pass through 0.2 MB. */
START_TEST(memory_does_not_grow)
{
	enum { LONG = 20000 };
	const size_t at[] = { 5, 0, 17 };
	struct mm_err err = { 0 };
	struct mm_dataset d;
	size_t filled = 3, n = PLACES;
	long before = 0;
	int ends[2];
	pid_t writer;

	ck_assert(!pipe(ends));
	writer = fork();
	ck_assert(writer >= 0);
	if (!writer) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		write_samples("-", LONG);
		_exit(0);
	}
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	must(mm_window_open(&d, "-", PLACES, 1, &err), &err);
	while (filled == 3) {
		must(mm_window_next(d.window, at, 3, &filled, &err), &err);
		n += filled;
		if (n < 1000)
			before = peak();
	}
	ck_assert_uint_eq(n, LONG);
	ck_assert_msg(peak() < before + 16384, "%ld KB became %ld", before,
		      peak());
	mm_dataset_release(&d);
	ck_assert_int_eq(waitpid(writer, NULL, 0), writer);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("window");

	tcase_add_loop_test(tc, every_sample_comes_once, 0, 6);
	tcase_add_loop_test(tc, a_file_passes_several_times, 0, 5);
	tcase_add_test(tc, memory_does_not_grow);
	return unit_run("window", tc);
}
