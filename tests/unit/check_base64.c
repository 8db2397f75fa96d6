/* Base64, both ways. */
#include "unit.h"

#include "base/base64.h"
#include "base/mem.h"

/* RFC 4648 section 10, and every padding. */
static const struct {
	const char *bytes, *text;
} pairs[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
};
enum { N_PAIRS = sizeof(pairs) / sizeof(pairs[0]) };

static void decodes(const char *text, const char *bytes)
{
	char got[64];
	size_t len = 99;

	ck_ok(mm_base64_decode(got, &len, text, strlen(text), err));
	ck_assert_uint_eq(len, strlen(bytes));
	ck_assert_uint_le(len, mm_base64_bound(strlen(text)));
	ck_assert(!memcmp(got, bytes, len));
}

START_TEST(the_vectors_of_the_rfc)
{
	struct mm_buf b = { 0 };

	mm_base64_encode(&b, pairs[_i].bytes, strlen(pairs[_i].bytes));
	ck_assert_str_eq(mm_buf_str(&b), pairs[_i].text);
	decodes(pairs[_i].text, pairs[_i].bytes);
	mm_buf_release(&b);
}
END_TEST

START_TEST(every_byte_comes_back)
{
	unsigned char all[256 + 3], got[sizeof(all) + 3];
	struct mm_buf b = { 0 };
	size_t len;

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (unsigned char)(i * 167 + 13);
	for (size_t n = 0; n <= sizeof(all); n++) {
		mm_buf_clear(&b);
		mm_base64_encode(&b, all, n);
		ck_assert_uint_eq(b.len, (n + 2) / 3 * 4);
		ck_ok(mm_base64_decode(got, &len, mm_buf_str(&b), b.len, err));
		ck_assert_uint_eq(len, n);
		ck_assert(!memcmp(got, all, n));
	}
	mm_buf_release(&b);
}
END_TEST

START_TEST(blanks_and_missing_padding_are_taken)
{
	decodes("Zm9v\r\n YmFy\n", "foobar");
	decodes("Zm9vYg", "foob");
	decodes("Zm9vYmE", "fooba");
	decodes("Z g = \n = ", "f");
}
END_TEST

static const struct {
	const char *text, *says;
} bad[] = {
	{ "Zm9v!mFy", "character 4" },
	{ "Zm9vYg==Zg==", "character 8" },
	{ "Zg===", "character 4" },
	{ "Zm9v=", "character 4" },
	{ "Zg=", "middle of a group" },
	{ "Zm9vY", "middle of a group" },
	{ "=", "character 0" },
	{ "Zh==", "belong to no byte" },
	{ "Zm9=", "belong to no byte" },
	{ "Zm-_", "character 2" },
	{ "Zm9v\xc3\xa9", "character 4" },
};

START_TEST(damage_is_named)
{
	char got[64];
	size_t len;

	ck_fails(mm_base64_decode(got, &len, bad[_i].text, strlen(bad[_i].text),
				  err),
		 MM_ERR_FORMAT, bad[_i].says);
}
END_TEST

START_TEST(lack_of_memory_is_noticed)
{
	struct mm_buf b = { 0 };

	mm_mem_fail_after(1);
	mm_base64_encode(&b, "foo", 3);
	mm_mem_fail_after(0);
	ck_assert(b.failed);
	mm_buf_release(&b);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("base64");

	tcase_add_loop_test(tc, the_vectors_of_the_rfc, 0, N_PAIRS);
	tcase_add_test(tc, every_byte_comes_back);
	tcase_add_test(tc, blanks_and_missing_padding_are_taken);
	tcase_add_loop_test(tc, damage_is_named, 0,
			    sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tc, lack_of_memory_is_noticed);
	return unit_run("base64", tc);
}
