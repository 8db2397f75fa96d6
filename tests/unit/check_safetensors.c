/* Safetensors files and checkpoints: what is read, written and refused. */
#include "unit.h"

#include <sys/stat.h>

#include "base/mem.h"
#include "tensor/checkpoint.h"
#include "tensor/safetensors.h"

/* A file image: length, header text, n_data bytes 0, 1, 2, ... */
static char *image(const char *header, size_t n_data, size_t *n)
{
	const uint64_t len = strlen(header);
	char *p = malloc(8 + len + n_data);

	memcpy(p, &len, 8);
	memcpy(p + 8, header, len);
	for (size_t i = 0; i < n_data; i++)
		p[8 + len + i] = (char)i;
	*n = 8 + len + n_data;
	return p;
}

#define T(NAME, DTYPE, SHAPE, BEGIN, END)                        \
	"\"" NAME "\":{\"dtype\":\"" DTYPE "\",\"shape\":" SHAPE \
	",\"data_offsets\":[" BEGIN "," END "]}"

START_TEST(tensors_and_metadata_are_found)
{
	size_t n;
	char *p =
		image("{\"__metadata__\":{\"k\":\"v\",\"e\":\"\"}," T(
			      "b", "U8", "[3]", "8",
			      "11") "," T("a", "I16", "[2,2]", "0",
					  "8") "," T("s", "F32", "[]", "11",
						     "15") "," T("none", "F64",
								 "[0,5]", "15",
								 "15") "}  ",
		      15, &n);
	struct mm_safetensors s;
	const struct mm_tensor *t;

	ck_ok(mm_safetensors_parse(&s, p, n, "x", err));
	ck_assert_uint_eq(s.blob.n, 4);
	ck_assert_str_eq(s.blob.tensor[0].name, "a");
	ck_assert_str_eq(s.blob.tensor[1].name, "b");
	t = mm_safetensors_find(&s, "b");
	ck_assert(t && t->rank == 1 && t->dim[0] == 3 && t->nbytes == 3);
	ck_assert_mem_eq(t->data, "\x08\x09\x0a", 3);
	t = mm_safetensors_find(&s, "s"); /* badly aligned in the file */
	ck_assert(t && t->rank == 0 && (uintptr_t)t->data % 4 == 0);
	ck_assert_mem_eq(t->data, "\x0b\x0c\x0d\x0e", 4);
	t = mm_safetensors_find(&s, "none");
	ck_assert(t && t->rank == 2 && t->nbytes == 0 && t->data);
	ck_assert_ptr_null(mm_safetensors_find(&s, "c"));
	ck_assert_str_eq(mm_safetensors_meta(&s, "k"), "v");
	ck_assert_str_eq(mm_safetensors_meta(&s, "e"), "");
	ck_assert_ptr_null(mm_safetensors_meta(&s, "x"));
	mm_safetensors_release(&s);
	mm_safetensors_release(&s);
	free(p);
}
END_TEST

static const struct {
	const char *header;
	size_t n_data;
	const char *says;
} hostile[] = {
	{ "", 0, "not a JSON" },
	{ "[]", 0, "not a JSON" },
	{ " {}", 0, "not a JSON" },
	{ "{", 0, "byte 8" },
	{ "{}x", 0, "end of file" },
	{ "{\"a\":1}", 0, "'a' is not described" },
	{ "{" T("a", "F7", "[1]", "0", "1") "}", 1, "unknown type 'F7'" },
	{ "{" T("a", "u8", "[1]", "0", "1") "}", 1, "unknown type" },
	{ "{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "'dtype'" },
	{ "{" T("a", "U8", "[-1]", "0", "1") "}", 1, "whole number" },
	{ "{" T("a", "U8", "[1.0]", "0", "1") "}", 1, "whole number" },
	{ "{" T("a", "U8", "[\"1\"]", "0", "1") "}", 1, "whole number" },
	{ "{" T("a", "U8", "1", "0", "1") "}", 1, "'shape'" },
	{ "{" T("a", "U8", "[1,1,1,1,1,1,1,1,1]", "0", "1") "}", 1, "8 axes" },
	{ "{" T("a", "U8", "[1]", "0", "2") "}", 2, "needs 1 bytes" },
	{ "{" T("a", "F32", "[1]", "0", "1") "}", 1, "needs 4 bytes" },
	{ "{" T("a", "U8", "[1]", "1", "0") "}", 1, "data_offsets" },
	{ "{" T("a", "U8", "[1]", "-1", "0") "}", 1, "data_offsets" },
	{ "{" T("a", "U8", "[1]", "0", "1.0") "}", 1, "data_offsets" },
	{ "{" T("a", "U8", "[1]", "0,1", "2") "}", 1, "data_offsets" },
	{ "{" T("a", "U8", "[1]", "0", "1099511627776") "}", 1, "needs 1" },
	{ "{" T("a", "U8", "[1099511627776]", "0", "1099511627776") "}", 1,
	  "says 1099511627776" },
	{ "{" T("a", "U8", "[4294967296,4294967296]", "0", "0") "}", 0,
	  "larger than memory" },
	{ "{" T("a", "F32", "[4194305,4194305,211106198978564]", "0", "4") "}",
	  4, "larger than memory" },
	{ "{" T("a", "F64", "[2305843009213693952]", "0", "0") "}", 0,
	  "larger than memory" },
	{ "{" T("a", "U8", "[9223372036854775807,9223372036854775807,0]", "0",
		"0") "}",
	  0, "larger than memory" },
	{ "{" T("a", "U8", "[99999999999999999999]", "0", "1") "}", 1, "whole number" },
	{ "{" T("a", "U8", "[2]", "0", "2") "," T("b", "U8", "[2]", "1",
						  "3") "}",
	  3, "'b' overlaps" },
	{ "{" T("a", "U8", "[2]", "0", "2") "," T("b", "U8", "[2]", "0",
						  "2") "}",
	  2, "'b' overlaps" },
	{ "{" T("a", "U8", "[1]", "0", "1") "," T("b", "U8", "[1]", "2",
						  "3") "}",
	  3, "'b' leaves a hole" },
	{ "{" T("a", "U8", "[1]", "1", "2") "}", 2, "'a' leaves a hole" },
	{ "{" T("a", "U8", "[1]", "0", "1") "}", 0, "says 1" },
	{ "{" T("a", "U8", "[1]", "0", "1") "}", 2, "2 bytes of data" },
	{ "{}", 1, "1 bytes of data" },
	{ "{" T("a", "U8", "[1]", "0", "1") "," T("a", "U8", "[1]", "0",
						  "1") "}",
	  1, "duplicate" },
	{ "{\"__metadata__\":[]}", 0, "must be an object" },
	{ "{\"__metadata__\":{\"a\":1}}", 0, "'a' must be a string" },
	{ "{\"__metadata__\":{\"a\":\"x\\u0000y\"}}", 0, "without NUL" },
	{ "{\"a\\u0000b\":{}}", 0, "NUL" },
	{ "{\"\xff\":{}}", 0, "byte 8" },
	{ "{\"a\":[[[[[[[[[[]]]]]]]]]]}", 0, "'a' is not described" },
};

START_TEST(hostile_headers_are_refused)
{
	size_t n;
	char *p = image(hostile[_i].header, hostile[_i].n_data, &n);
	struct mm_safetensors s = { 0 };

	ck_fails(mm_safetensors_parse(&s, p, n, "h.st", err), MM_ERR_FORMAT,
		 hostile[_i].says);
	ck_fails(mm_safetensors_parse(&s, p, n, "h.st", err), MM_ERR_FORMAT,
		 "'h.st'");
	mm_safetensors_release(&s);
	free(p);
}
END_TEST

START_TEST(absurd_lengths_are_refused)
{
	static const uint64_t len[] = {
		1,	    100u << 20,	   (100u << 20) + 1, (uint64_t)1 << 62,
		UINT64_MAX, UINT64_MAX - 7
	};
	struct mm_safetensors s = { 0 };
	char p[8];

	for (size_t i = 0; i < sizeof(len) / sizeof(*len); i++) {
		memcpy(p, &len[i], 8);
		ck_fails(mm_safetensors_parse(&s, p, 8, "h.st", err),
			 MM_ERR_FORMAT, "'h.st'");
	}
}
END_TEST

START_TEST(a_deep_header_is_refused)
{
	enum { N = 200000 };
	char *text = malloc(N + 1), *p;
	struct mm_safetensors s = { 0 };
	size_t n;

	memset(text, '[', N);
	memcpy(text, "{\"a\":", 5);
	text[N] = '\0';
	p = image(text, 0, &n);
	ck_fails(mm_safetensors_parse(&s, p, n, "h.st", err), MM_ERR_FORMAT,
		 "depth");
	free(p);
	free(text);
}
END_TEST

static const size_t dim_f[] = { 2, 3 }, dim_u[] = { 5 };
static const float floats[6] = { 1, 2, 3, 4, 5, 6 };
static const struct mm_meta meta[] = { { "format", "pt" },
				       { "q\"\n", "\xc3\xa9" } };

static void make_tensors(struct mm_tensor t[3])
{
	t[0] = mm_tensor_make("bytes", MM_U8, 1, dim_u, "abcde");
	t[1] = mm_tensor_make("w.\xe2\x82\xac", MM_F32, 2, dim_f, floats);
	t[2] = mm_tensor_make("one", MM_I64, 0, NULL, "\1\0\0\0\0\0\0\0");
}

START_TEST(a_written_file_reads_back)
{
	struct mm_safetensors s;
	struct mm_tensor t[3];
	uint64_t len;
	char *p;

	make_tensors(t);
	ck_ok(mm_safetensors_write(scratch("w.st"), t, 3, meta, 2, err));
	p = file_bytes(scratch("w.st"), NULL);
	memcpy(&len, p, 8);
	ck_assert_uint_eq((8 + len) % 64, 0);
	free(p);
	ck_ok(mm_safetensors_open(&s, scratch("w.st"), err));
	ck_assert(s.file.mapped && s.blob.n == 3 && s.blob.n_meta == 2);
	/* Wide elements first, so that nothing is badly aligned. */
	ck_assert_str_eq(s.blob.tensor[0].name, "one");
	ck_assert_str_eq(s.blob.tensor[2].name, "bytes");
	for (int i = 0; i < 3; i++) {
		const struct mm_tensor *r = mm_safetensors_find(&s, t[i].name);

		ck_assert(r && r->dtype == t[i].dtype && r->rank == t[i].rank);
		ck_assert_uint_eq(r->nbytes, t[i].nbytes);
		ck_assert_mem_eq(r->data, t[i].data, t[i].nbytes);
		ck_assert((const unsigned char *)r->data >= s.file.data &&
			  (const unsigned char *)r->data <
				  s.file.data + s.file.size);
	}
	ck_assert_str_eq(mm_safetensors_meta(&s, "q\"\n"), "\xc3\xa9");
	mm_safetensors_release(&s);
}
END_TEST

START_TEST(a_file_cut_at_any_byte_is_refused)
{
	struct mm_safetensors s = { 0 };
	struct mm_tensor t[3];
	size_t n;
	char *p, *cut;

	make_tensors(t);
	ck_ok(mm_safetensors_write(scratch("w.st"), t, 3, meta, 2, err));
	p = file_bytes(scratch("w.st"), &n);
	for (size_t i = 0; i < n; i++) {
		cut = malloc(i + 1); /* so that ASan sees the end */
		memcpy(cut, p, i);
		ck_fails(mm_safetensors_parse(&s, cut, i, "c.st", err),
			 MM_ERR_FORMAT, "'c.st'");
		free(cut);
	}
	free(p);
}
END_TEST

START_TEST(text_that_is_not_utf8_is_not_written)
{
	const struct mm_meta bad = { "k", "\xff" };
	struct mm_tensor t = mm_tensor_make("\xff", MM_U8, 1, dim_u, "abcde");

	ck_fails(mm_safetensors_write(scratch("w.st"), &t, 1, NULL, 0, err),
		 MM_ERR_FORMAT, "not UTF-8");
	t.name = "a";
	ck_fails(mm_safetensors_write(scratch("w.st"), &t, 1, &bad, 1, err),
		 MM_ERR_FORMAT, "not UTF-8");
	ck_assert_int_eq(scratch_count(), 0);
}
END_TEST

START_TEST(lack_of_memory_is_an_error)
{
	struct mm_tensor t[3];
	bool done = false;

	make_tensors(t);
	for (long n = 1; !done && n < 200; n++) {
		struct mm_safetensors s = { 0 };
		struct mm_checkpoint c = { 0 };
		int rc;

		mm_mem_fail_after(n);
		rc = mm_safetensors_write(scratch("m.st"), t, 3, meta, 2, NULL);
		if (!rc)
			rc = mm_safetensors_open(&s, scratch("m.st"), NULL);
		if (!rc)
			rc = mm_checkpoint_open(&c, scratch("m.st"), NULL);
		mm_mem_fail_after(0);
		ck_assert(rc == MM_OK || rc == MM_ERR_NOMEM || rc == MM_ERR_IO);
		mm_safetensors_release(&s);
		mm_checkpoint_release(&c);
		done = !rc;
	}
	ck_assert(done);
}
END_TEST

/* ---- checkpoints ---- */

static void put_index(const char *text)
{
	file_put(scratch("model.safetensors.index.json"), text, strlen(text));
}

/* Two shards: "bytes" in a.st, "w.€" and "one" in b.st. */
static void make_shards(void)
{
	struct mm_tensor t[3];

	make_tensors(t);
	ck_ok(mm_safetensors_write(scratch("a.st"), t, 1, NULL, 0, err));
	ck_ok(mm_safetensors_write(scratch("b.st"), t + 1, 2, meta, 1, err));
}

START_TEST(shards_are_one_checkpoint)
{
	struct mm_checkpoint c;
	const struct mm_tensor *t;

	make_shards();
	put_index("{\"metadata\":{\"total_size\":37},\"weight_map\":"
		  "{\"bytes\":\"a.st\",\"w.\xe2\x82\xac\":\"b.st\","
		  "\"one\":\"b.st\"}}");
	ck_ok(mm_checkpoint_open(&c, scratch_dir, err));
	ck_assert_uint_eq(c.n, 3);
	ck_assert_uint_eq(c.n_shards, 2);
	ck_ok(mm_checkpoint_want(&c, "bytes", &t, err));
	ck_assert_mem_eq(t->data, "abcde", 5);
	ck_ok(mm_checkpoint_want(&c, "w.\xe2\x82\xac", &t, err));
	ck_assert_mem_eq(t->data, floats, sizeof(floats));
	ck_fails(mm_checkpoint_want(&c, "nope", &t, err), MM_ERR_FORMAT,
		 "no tensor 'nope'");
	ck_assert_str_eq(mm_checkpoint_meta(&c, "format"), "pt");
	mm_checkpoint_release(&c);
	/* A whole file wins over the index, and a file is one by itself. */
	ck_assert_int_eq(rename(scratch("a.st"), scratch("model.safetensors")),
			 0);
	ck_ok(mm_checkpoint_open(&c, scratch_dir, err));
	ck_assert_uint_eq(c.n, 1);
	mm_checkpoint_release(&c);
	ck_ok(mm_checkpoint_open(&c, scratch("b.st"), err));
	ck_assert_uint_eq(c.n, 2);
	ck_assert_ptr_nonnull(mm_checkpoint_find(&c, "one"));
	mm_checkpoint_release(&c);
}
END_TEST

static const struct {
	const char *index, *says;
	enum mm_status code;
} bad_index[] = {
	{ "{}", "weight_map", MM_ERR_FORMAT },
	{ "{\"weight_map\":[]}", "weight_map", MM_ERR_FORMAT },
	{ "{\"weight_map\":{\"bytes\":1}}", "'bytes' must be a string",
	  MM_ERR_FORMAT },
	{ "{\"weight_map\":{\"bytes\":\"../a.st\"}}", "no file beside",
	  MM_ERR_FORMAT },
	{ "{\"weight_map\":{\"bytes\":\"\"}}", "no file beside",
	  MM_ERR_FORMAT },
	{ "{\"weight_map\":{\"bytes\":\"c.st\"}}", "c.st", MM_ERR_IO },
	{ "{\"weight_map\":{\"bytes\":\"b.st\"}}", "does not hold",
	  MM_ERR_FORMAT },
	{ "{\"weight_map\":", "index.json", MM_ERR_FORMAT },
};

START_TEST(a_bad_index_is_refused)
{
	struct mm_checkpoint c;

	make_shards();
	put_index(bad_index[_i].index);
	ck_fails(mm_checkpoint_open(&c, scratch_dir, err), bad_index[_i].code,
		 bad_index[_i].says);
}
END_TEST

START_TEST(a_folder_without_weights_is_refused)
{
	struct mm_checkpoint c;

	ck_fails(mm_checkpoint_open(&c, scratch_dir, err), MM_ERR_IO,
		 "holds no weights");
	ck_fails(mm_checkpoint_open(&c, "/nonexistent", err), MM_ERR_IO,
		 "/nonexistent");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("safetensors");

	tcase_add_checked_fixture(tc, scratch_begin, scratch_end);
	tcase_add_test(tc, tensors_and_metadata_are_found);
	tcase_add_loop_test(tc, hostile_headers_are_refused, 0,
			    sizeof(hostile) / sizeof(*hostile));
	tcase_add_test(tc, absurd_lengths_are_refused);
	tcase_add_test(tc, a_deep_header_is_refused);
	tcase_add_test(tc, a_written_file_reads_back);
	tcase_add_test(tc, a_file_cut_at_any_byte_is_refused);
	tcase_add_test(tc, text_that_is_not_utf8_is_not_written);
	tcase_add_test(tc, lack_of_memory_is_an_error);
	tcase_add_test(tc, shards_are_one_checkpoint);
	tcase_add_loop_test(tc, a_bad_index_is_refused, 0,
			    sizeof(bad_index) / sizeof(*bad_index));
	tcase_add_test(tc, a_folder_without_weights_is_refused);
	return unit_run("safetensors", tc);
}
