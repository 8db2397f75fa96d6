/* Zip archives, NumPy's arrays, folders of weights, new names. */
#include "unit.h"

#include "base/buf.h"
#include "base/mem.h"
#include "tensor/npz.h"
#include "tensor/weights.h"

static void u16(struct mm_buf *b, unsigned x)
{
	mm_buf_addc(b, (char)(x & 255));
	mm_buf_addc(b, (char)(x >> 8));
}

static void u32(struct mm_buf *b, uint32_t x)
{
	u16(b, x & 0xffff);
	u16(b, x >> 16);
}

static void u64(struct mm_buf *b, uint64_t x)
{
	u32(b, (uint32_t)x);
	u32(b, (uint32_t)(x >> 32));
}

/* An archive of one stored entry; sizes in 64 bits where `wide`. */
static void make_zip(struct mm_buf *b, const char *name, const void *data,
		     size_t n, bool wide)
{
	const size_t len = strlen(name);
	size_t directory, end;

	mm_buf_add(b, "PK\3\4\24\0\0\0\0\0\0\0\0\0", 14);
	u32(b, 0);
	u32(b, wide ? UINT32_MAX : (uint32_t)n);
	u32(b, wide ? UINT32_MAX : (uint32_t)n);
	u16(b, (unsigned)len);
	u16(b, 0);
	mm_buf_adds(b, name);
	mm_buf_add(b, data, n);
	directory = b->len;
	mm_buf_add(b, "PK\1\2\24\0\24\0\0\0\0\0\0\0\0\0", 16);
	u32(b, 0);
	u32(b, wide ? UINT32_MAX : (uint32_t)n);
	u32(b, wide ? UINT32_MAX : (uint32_t)n);
	u16(b, (unsigned)len);
	u16(b, wide ? 28 : 0);
	u16(b, 0);
	u32(b, 0);
	u32(b, 0);
	u32(b, wide ? UINT32_MAX : 0);
	mm_buf_adds(b, name);
	if (wide) {
		u16(b, 1);
		u16(b, 24);
		u64(b, n);
		u64(b, n);
		u64(b, 0);
	}
	end = b->len;
	if (wide) {
		mm_buf_add(b, "PK\6\6", 4);
		u64(b, 44);
		u32(b, 0);
		u64(b, 0);
		u64(b, 1);
		u64(b, 1);
		u64(b, end - directory);
		u64(b, directory);
		mm_buf_add(b, "PK\6\7\0\0\0\0", 8);
		u64(b, end);
		u32(b, 1);
	}
	mm_buf_add(b, "PK\5\6\0\0\0\0", 8);
	u16(b, wide ? 0xffff : 1);
	u16(b, wide ? 0xffff : 1);
	u32(b, wide ? UINT32_MAX : (uint32_t)(end - directory));
	u32(b, wide ? UINT32_MAX : (uint32_t)directory);
	u16(b, 0);
}

START_TEST(zip_sizes)
{
	for (int wide = 0; wide < 2; wide++) {
		struct mm_arena arena = { 0 };
		struct mm_buf b = { 0 };
		const struct mm_zip_entry *e;
		const unsigned char *p;
		struct mm_zip z;

		make_zip(&b, "a/b", "hello", 5, wide);
		ck_ok(mm_zip_open(&z, b.data, b.len, err));
		ck_assert_uint_eq(z.n, 1);
		ck_assert_ptr_null(mm_zip_find(&z, "a/", 2));
		e = mm_zip_find(&z, "a/b", 3);
		ck_assert_ptr_nonnull(e);
		ck_ok(mm_zip_view(e, &arena, &p, err));
		ck_assert_mem_eq(p, "hello", 5);
		mm_zip_release(&z);
		/* Every shorter file is refused. */
		for (size_t n = 0; n < b.len; n++)
			ck_assert(mm_zip_open(&z, b.data, n, NULL));
		mm_buf_release(&b);
	}
}
END_TEST

/* One array: a header's text, then data. */
static int npy(const char *header, const void *data, size_t n,
	       struct mm_tensor *t, struct mm_arena *arena, struct mm_err *err)
{
	static struct mm_buf b;

	mm_buf_clear(&b);
	mm_buf_add(&b, "\x93NUMPY\1\0", 8);
	u16(&b, (unsigned)strlen(header));
	mm_buf_adds(&b, header);
	mm_buf_add(&b, data, n);
	return mm_npy_parse(t, b.data, b.len, arena, err);
}

START_TEST(arrays)
{
	static const struct {
		const char *header;
		size_t n;
		enum mm_status code;
		const char *says;
	} bad[] = {
		{ "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8,
		  MM_ERR_REFUSED, "type '|O'" },
		{ "{'descr': [('a', '<f4')], 'fortran_order': False, "
		  "'shape': (1,), }",
		  4, MM_ERR_REFUSED, "records" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }",
		  4, MM_ERR_FORMAT, "4 bytes of data" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': "
		  "(4294967296, 4294967296, 4), }",
		  4, MM_ERR_FORMAT, "shape says" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': "
		  "(99999999999999999999,), }",
		  4, MM_ERR_FORMAT, "beyond all memory" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
		  4, MM_ERR_FORMAT, "no number" },
		{ "{'descr': '<f4', 'shape': (1,), }", 4, MM_ERR_FORMAT,
		  "lacks" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } x",
		  4, MM_ERR_FORMAT, "text behind" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': "
		  "(1,1,1,1,1,1,1,1,1), }",
		  4, MM_ERR_REFUSED, "8 axes" },
		{ "{'descr': '<f4', 'descr': '<f4', }", 4, MM_ERR_FORMAT,
		  "a key too many" },
		{ "__import__('os')", 4, MM_ERR_FORMAT, "no mapping" },
	};
	static const int16_t columns[6] = { 0, 3, 1, 4, 2, 5 };
	struct mm_arena arena = { 0 };
	struct mm_tensor t;

	ck_ok(npy("{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3), }",
		  columns, sizeof(columns), &t, &arena, err));
	ck_assert_int_eq(t.dtype, MM_I16);
	ck_assert_int_eq(t.rank, 2);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(((const int16_t *)t.data)[i], i);
	ck_ok(npy("{'shape': (), 'fortran_order': False, 'descr': '>u4'}",
		  "\0\0\1\2", 4, &t, &arena, err));
	ck_assert_int_eq(t.rank, 0);
	ck_assert_uint_eq(*(const uint32_t *)t.data, 258);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_fails(npy(bad[i].header, "01234567", bad[i].n, &t, &arena,
			     err),
			 bad[i].code, bad[i].says);
	mm_arena_release(&arena);
}
END_TEST

static void put_weights(const char *name)
{
	static const float x[2] = { 1, 2 };
	const size_t dim[1] = { 2 };
	const struct mm_tensor t[3] = {
		mm_tensor_make("model.a.weight", MM_F32, 1, dim, x),
		mm_tensor_make("model.b.weight", MM_F32, 1, dim, x),
		mm_tensor_make("steps", MM_F32, 1, dim, x),
	};

	ck_ok(mm_safetensors_write(scratch(name), t, 3, NULL, 0, err));
}

static int renamed(struct mm_weights *w, const char *rules, struct mm_err *err)
{
	int rc = mm_weights_open(w, scratch("w.safetensors"), err);

	return rc ? rc
		  : mm_weights_rename(w, rules, strlen(rules), "rules", err);
}

START_TEST(new_names)
{
	struct mm_weights w;

	scratch_begin();
	put_weights("w.safetensors");
	ck_ok(renamed(
		&w, "# what goes\nsteps -\n\nmodel.a.* first.*.x\r\nmodel.* *",
		err));
	ck_assert_uint_eq(w.n, 2);
	ck_assert_ptr_nonnull(mm_weights_find(&w, "first.weight.x"));
	ck_assert_ptr_nonnull(mm_weights_find(&w, "b.weight"));
	ck_assert_ptr_null(mm_weights_find(&w, "steps"));
	mm_weights_release(&w);
	ck_fails(renamed(&w, "model.* one\n", err), MM_ERR_FORMAT,
		 "two tensors would be called 'one'");
	mm_weights_release(&w);
	ck_fails(renamed(&w, "\n\na b c\n", err), MM_ERR_FORMAT, "line 3");
	mm_weights_release(&w);
	ck_fails(renamed(&w, "a *\n", err), MM_ERR_FORMAT, "line 1");
	mm_weights_release(&w);
	scratch_end();
}
END_TEST

START_TEST(folders)
{
	static const char index[] =
		"{\"weight_map\": {\"a\": \"../w.safetensors\"}}";
	struct mm_weights w;

	scratch_begin();
	ck_fails(mm_weights_open(&w, scratch_dir, err), MM_ERR_IO,
		 "holds no weights");
	file_put(scratch("pytorch_model.bin"), "version https://git-lfs", 23);
	ck_fails(mm_weights_open(&w, scratch_dir, err), MM_ERR_FORMAT,
		 "Git LFS");
	unlink(scratch("pytorch_model.bin"));
	file_put(scratch("pytorch_model.bin.index.json"), index,
		 sizeof(index) - 1);
	ck_fails(mm_weights_open(&w, scratch_dir, err), MM_ERR_FORMAT,
		 "no file beside it");
	put_weights("model.safetensors");
	ck_ok(mm_weights_open(&w, scratch_dir, err));
	ck_assert_uint_eq(w.n, 3);
	mm_weights_release(&w);
	ck_fails(mm_weights_open(&w, scratch("nothere"), err), MM_ERR_IO,
		 "nothere");
	scratch_end();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("weights");

	tcase_add_test(tc, zip_sizes);
	tcase_add_test(tc, arrays);
	tcase_add_test(tc, new_names);
	tcase_add_test(tc, folders);
	return unit_run("weights", tc);
}
