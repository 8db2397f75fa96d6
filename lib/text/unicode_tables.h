/* unicode_tables.h - see unicode_tables.c; sorted by first, no overlaps. */
#ifndef MM_TEXT_UNICODE_TABLES_H
#define MM_TEXT_UNICODE_TABLES_H

#include <stddef.h>
#include <stdint.h>

struct mm_u_range {
	uint32_t first, last;
};

struct mm_u_value {
	uint32_t first, last;
	int32_t value;
};

extern const struct mm_u_value mm_u_category_new[], mm_u_lower_new[];
extern const size_t mm_u_category_new_n, mm_u_lower_new_n;

extern const struct mm_u_range mm_u_number_more[], mm_u_punct_toggle[],
	mm_u_control_toggle[], mm_u_mark_toggle[], mm_u_combining_toggle[],
	mm_u_normal_new[];
extern const size_t mm_u_number_more_n, mm_u_punct_toggle_n,
	mm_u_control_toggle_n, mm_u_mark_toggle_n, mm_u_combining_toggle_n,
	mm_u_normal_new_n;

#endif
