/* Checkpoint containers written by PyTorch, and hostile ones. */
#include "golden.h"
#include "unit.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "tensor/weights.h"

static void same_tensors(const struct mm_weights *w, const char *file,
			 const char *expected)
{
	const char *path = golden_path("torch-files", expected);
	struct mm_safetensors s;

	if (!path)
		return;
	golden_open(&s, path);
	ck_assert_msg(w->n == s.blob.n, "%s: %zu tensors, not %zu", file, w->n,
		      s.blob.n);
	for (size_t i = 0; i < s.blob.n; i++) {
		const struct mm_tensor *want = &s.blob.tensor[i];
		const struct mm_tensor *got = mm_weights_find(w, want->name);

		ck_assert_msg(got != NULL, "%s: no '%s'", file, want->name);
		ck_assert_msg(got->dtype == want->dtype &&
				      got->rank == want->rank &&
				      got->nbytes == want->nbytes,
			      "%s: '%s' is of another type", file, got->name);
		for (int k = 0; k < want->rank; k++)
			ck_assert_uint_eq(got->dim[k], want->dim[k]);
		ck_assert_msg(!memcmp(got->data, want->data, want->nbytes),
			      "%s: '%s' has other bytes", file, got->name);
	}
	mm_safetensors_release(&s);
}

/* The global of a reason "calls the global NAME, which ..." is named. */
static void names_global(const char *file, const char *reason, const char *msg)
{
	static const char begin[] = "calls the global ";
	char name[128];

	if (strncmp(reason, begin, sizeof(begin) - 1) != 0)
		return;
	snprintf(name, sizeof(name), "%s", reason + sizeof(begin) - 1);
	name[strcspn(name, ",")] = 0;
	ck_assert_msg(strstr(msg, name) != NULL, "%s: '%s' does not name %s",
		      file, msg, name);
}

static bool try_one(const struct mm_json *x)
{
	const char *file = mm_json_str(mm_json_get(x, "file"), "");
	const char *expect = mm_json_str(mm_json_get(x, "expect"), "");
	const char *tensors = mm_json_str(mm_json_get(x, "tensors"), NULL);
	const char *reason = mm_json_str(mm_json_get(x, "reason"), "");
	const char *path = golden_path("torch-files", file);
	struct mm_weights w;
	struct mm_err err = { 0 };
	int rc;

	if (!path)
		return false;
	rc = mm_weights_open(&w, path, &err);
	if (!strcmp(expect, "load"))
		ck_assert_msg(!rc, "%s: %s", file, err.msg);
	if (!strcmp(expect, "refuse")) {
		ck_assert_msg(rc != 0, "%s was not refused", file);
		names_global(file, reason, err.msg);
	}
	if (rc)
		ck_assert_msg(strstr(err.msg, file) != NULL,
			      "'%s' does not name %s", err.msg, file);
	else if (tensors)
		same_tensors(&w, file, tensors);
	mm_weights_release(&w);
	return true;
}

START_TEST(containers)
{
	const char *path = golden_path("torch-files", "expect.jsonl");
	char *text, *line, *rest;
	size_t n = 0;

	ck_assert_ptr_nonnull(path);
	text = file_bytes(path, NULL);
	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		struct mm_json *x;

		ck_ok(mm_json_parse(&x, line, strlen(line), path, err));
		n += try_one(x);
		mm_json_free(x);
	}
	ck_assert_uint_ge(n, 120);
	free(text);
}
END_TEST

/* A pickle with a checkpoint's head around one value, in a legacy file. */
static int legacy(const char *object, size_t n, const char *tail, size_t m,
		  struct mm_err *err)
{
	static const char head[] =
		"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
		"\x80\x02M\xe9\x03.\x80\x02}.";
	struct mm_weights w;
	struct mm_buf b = { 0 };
	int rc;

	mm_buf_add(&b, head, sizeof(head) - 1);
	mm_buf_add(&b, object, n);
	mm_buf_add(&b, tail, m);
	rc = mm_weights_parse(&w, b.data, b.len, "made", err);
	if (!rc)
		mm_weights_release(&w);
	mm_buf_release(&b);
	return rc;
}
#define LEGACY(OBJECT, TAIL) \
	legacy(OBJECT, sizeof(OBJECT) - 1, TAIL, sizeof(TAIL) - 1, err)

/* {"w": a tensor of 2 floats} */
#define STORAGE(COUNT)                                          \
	"((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0" \
	"aX\x03\0"                                              \
	"\0\0cpuK" COUNT "NtQK\0K\x02\x85K\x01\x85\x89Nt"
#define TENSOR(COUNT) "ctorch._utils\n_rebuild_tensor_v2\n" STORAGE(COUNT) "R"
#define KEYS                   \
	"\x80\x02]X\x01\0\0\0" \
	"aa."
#define DATA "\x02\0\0\0\0\0\0\0\0\0\x80?\0\0\0@"

START_TEST(made_by_hand)
{
	ck_ok(LEGACY("\x80\x02}X\x01\0\0\0w" TENSOR("\x02") "s.", KEYS DATA));
	ck_fails(LEGACY("\x80\x02}X\x01\0\0\0w" TENSOR("\x01") "s.", KEYS DATA),
		 MM_ERR_FORMAT, "beyond its storage of 1");
	ck_fails(LEGACY("\x80\x02}X\x01\0\0\0w" TENSOR("\x02") "s.",
			"\x80\x02]."),
		 MM_ERR_FORMAT, "storage 'a' is not in the file");
	/* A class among the weights; one that is built, but no module. */
	ck_fails(LEGACY("\x80\x02}X\x01\0\0\0w" TENSOR(
				"\x02") "sX\x01\0\0\0xcos\nsystem\ns.",
			KEYS DATA),
		 MM_ERR_REFUSED, "'os.system' stands among the weights");
	ck_fails(LEGACY("\x80\x02}X\x01\0\0\0w" TENSOR(
				"\x02") "sX\x01\0\0\0xca\nB\n)\x81}bs.",
			KEYS DATA),
		 MM_ERR_REFUSED, "builds 'a.B'");
	ck_fails(LEGACY("\x80\x02}X\x01\0\0\0w" TENSOR(
				"\x02") "sX\x01\0\0\0xca\nB\n)\x81s.",
			KEYS DATA),
		 MM_ERR_REFUSED, "makes an instance of 'a.B'");
	ck_fails(LEGACY("\x80\x02}X\x01\0\0\0w" TENSOR(
				"\x02") "sX\x01\0\0\0x(K\x01ios\nsystem\ns.",
			KEYS DATA),
		 MM_ERR_REFUSED, "'os.system'");
	/* A module that holds itself has no end. */
	ck_fails(LEGACY("\x80\x02"
			"ca\nB\n)\x81q\0}X\x0b\0\0\0_parameters}sX"
			"\x08\0\0\0_modules}X\x01\0\0\0mh\0ssb.",
			KEYS DATA),
		 MM_ERR_FORMAT, "used by no tensor");
	ck_fails(LEGACY("\x80\x02"
			"ca\nB\n)\x81q\0}X\x0b\0\0\0_parameters}sX"
			"\x08\0\0\0_modules}X\x01\0\0\0mh\0ssb.",
			"\x80\x02]."),
		 MM_ERR_REFUSED, "without end");
}
END_TEST

START_TEST(memory_fails)
{
	const char *path = golden_path("torch-files", "zip-strides.pt");
	struct mm_weights w;
	struct mm_err err;
	long n = 0;
	int rc;

	ck_assert_ptr_nonnull(path);
	do {
		mm_mem_fail_after(++n);
		rc = mm_weights_open(&w, path, &err);
		mm_mem_fail_after(0);
		ck_assert_msg(!rc || rc == MM_ERR_NOMEM, "allocation %ld: %s", n, err.msg);
	} while (rc && n < 10000);
	ck_assert_int_gt(n, 20);
	mm_weights_release(&w);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("torch");

	tcase_add_test(tc, containers);
	tcase_add_test(tc, made_by_hand);
	tcase_add_test(tc, memory_fails);
	return unit_run("torch", tc);
}
