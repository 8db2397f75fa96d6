/* Arenas and hash maps. */
#include "unit.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"

START_TEST(pieces_are_aligned_zeroed_and_apart)
{
	struct mm_arena a = { 0 };
	unsigned char *p[200];

	for (int i = 0; i < 200; i++) {
		const size_t n = (size_t)i * 37;

		p[i] = mm_arena_alloc(&a, n, 1);
		ck_assert_ptr_nonnull(p[i]);
		ck_assert_uint_eq((uintptr_t)p[i] % 64, 0);
		for (size_t j = 0; j < n; j++)
			ck_assert_uint_eq(p[i][j], 0);
		memset(p[i], i, n);
	}
	for (int i = 0; i < 200; i++)
		for (size_t j = 0; j < (size_t)i * 37; j++)
			ck_assert_uint_eq(p[i][j], (unsigned)i);
	mm_arena_release(&a);
	ck_assert_ptr_null(a.newest);
	ck_assert_uint_eq(a.total, 0);
}
END_TEST

START_TEST(reset_keeps_the_largest_block)
{
	struct mm_arena a = { 0 };
	size_t total;

	for (int step = 0; step < 3; step++) {
		mm_arena_reset(&a);
		total = a.total;
		for (int i = 0; i < 1000; i++)
			ck_assert_ptr_nonnull(mm_arena_alloc(&a, 1000, 1));
		if (step == 2) /* no malloc after the first rounds */
			ck_assert_uint_eq(a.total, total);
	}
	mm_arena_release(&a);
}
END_TEST

START_TEST(reset_memory_is_zero_again)
{
	struct mm_arena a = { 0 };
	char *p = mm_arena_alloc(&a, 100, 1);

	memset(p, 'x', 100);
	mm_arena_reset(&a);
	p = mm_arena_alloc(&a, 100, 1);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(p[i], 0);
	mm_arena_release(&a);
}
END_TEST

START_TEST(strings_and_refusals)
{
	struct mm_arena a = { 0 };

	ck_assert_str_eq(mm_arena_strdup(&a, "abc"), "abc");
	ck_assert_str_eq(mm_arena_strndup(&a, "abc", 2), "ab");
	ck_assert_str_eq(mm_arena_printf(&a, "%d/%s", 7, "x"), "7/x");
	ck_assert_ptr_null(mm_arena_alloc(&a, SIZE_MAX / 4, 8));
	ck_assert_ptr_null(mm_arena_alloc(&a, SIZE_MAX, 1));
	mm_mem_fail_after(1);
	ck_assert_ptr_null(mm_arena_alloc(&a, 1 << 20, 1));
	mm_mem_fail_after(0);
	ck_assert_str_eq(mm_arena_strdup(&a, "goes on"), "goes on");
	mm_arena_release(&a);
}
END_TEST

START_TEST(map_holds_what_was_put)
{
	struct mm_map m = { 0 };
	char key[16];
	bool added;

	ck_assert_ptr_null(mm_map_find_str(&m, "x"));
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		*mm_map_put(&m, key, strlen(key), &added) = i;
		ck_assert(added);
	}
	ck_assert_uint_eq(m.n, 5000);
	ck_assert_uint_ge(4 * m.n_slots, 5 * m.n);
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		ck_assert_int_eq(*mm_map_find_str(&m, key), i);
	}
	ck_assert_int_eq(*mm_map_put(&m, "k7", 2, &added), 7);
	ck_assert(!added);
	ck_assert_ptr_null(mm_map_find_str(&m, "k5000"));
	mm_map_release(&m);
}
END_TEST

START_TEST(map_keys_are_bytes)
{
	struct mm_map m = { 0 };

	*mm_map_put(&m, "a\0b", 3, NULL) = 1;
	*mm_map_put(&m, "a\0c", 3, NULL) = 2;
	*mm_map_put(&m, "", 0, NULL) = 3;
	ck_assert_int_eq(*mm_map_find(&m, "a\0b", 3), 1);
	ck_assert_int_eq(*mm_map_find(&m, "a\0c", 3), 2);
	ck_assert_int_eq(*mm_map_find(&m, NULL, 0), 3);
	ck_assert_ptr_null(mm_map_find(&m, "a", 1));
	mm_map_release(&m);
}
END_TEST

START_TEST(map_survives_lack_of_memory)
{
	struct mm_map m = { 0 };
	char key[16];

	for (long n = 1; n < 8; n++) {
		mm_mem_fail_after(n);
		for (int i = 0; i < 500; i++) {
			int64_t *v;

			snprintf(key, sizeof(key), "k%d", i);
			if ((v = mm_map_put(&m, key, strlen(key), NULL)))
				*v = i;
		}
		mm_mem_fail_after(0);
		for (int i = 0; i < 500; i++) {
			const int64_t *v;

			snprintf(key, sizeof(key), "k%d", i);
			v = mm_map_find_str(&m, key);
			ck_assert(!v || *v == i);
		}
	}
	mm_map_release(&m);
}
END_TEST

START_TEST(hash_is_fixed)
{
	/* Values of the published FNV-1a, finished by murmur3's fmix64. */
	ck_assert_uint_eq(mm_hash64("", 0), 0xefd01f60ba992926u);
	ck_assert_uint_eq(mm_hash64("a photo.jpg", 11), 0xeed07c7bf58047aeu);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("arena, map");

	tcase_add_test(tc, pieces_are_aligned_zeroed_and_apart);
	tcase_add_test(tc, reset_keeps_the_largest_block);
	tcase_add_test(tc, reset_memory_is_zero_again);
	tcase_add_test(tc, strings_and_refusals);
	tcase_add_test(tc, map_holds_what_was_put);
	tcase_add_test(tc, map_keys_are_bytes);
	tcase_add_test(tc, map_survives_lack_of_memory);
	tcase_add_test(tc, hash_is_fixed);
	return unit_run("arena", tc);
}
