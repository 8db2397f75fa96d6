/*
 * Bytes as a picture (PNG, JPEG, WebP): probed, decoded, turned RGB, put
 * through a recipe.  The recipe's result must be that of the whole picture,
 * also where the decoder left out columns.
 */
#include "fuzz.h"

#include <string.h>

#include "image/hash.h"
#include "image/preprocess.h"
#include "image/quality.h"

static const struct mm_decode_opts small = { .max_pixels = 1 << 18 };

static void figures(const struct mm_image *im, const struct mm_image_info *info,
		    struct mm_resize_work *work)
{
	struct mm_image_hashes h;
	struct mm_image_quality q;
	struct mm_err err = { 0 };

	fuzz_status(mm_image_hash(&h, im, work, &err), &err);
	fuzz_status(mm_image_quality(&q, im, info, work, &err), &err);
}

static void same_result(const struct mm_image *raw, int orientation,
			const uint8_t *data, size_t size, const char *preset)
{
	struct mm_image_preset p = *mm_image_preset_find(preset);
	struct mm_image_work a = { 0 }, b = { 0 };
	struct mm_err err = { 0 };
	int rc;

	mm_image_preset_resize(&p, 24, 24);
	p.exif = size % 2;
	rc = mm_image_preprocess(&a, NULL, data, size, &p, &small, &err);
	fuzz_status(rc, &err);
	if (!rc) {
		rc = mm_image_apply(&b, NULL, raw, orientation, &p, &err);
		fuzz_status(rc, &err);
		FUZZ_ASSERT(!rc && a.out.w == 24 && b.out.h == 24);
		FUZZ_ASSERT(!memcmp(a.out.data, b.out.data, 3 * 24 * 24));
	}
	mm_image_work_release(&a);
	mm_image_work_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mm_image im = { 0 }, rgb = { 0 };
	struct mm_image_info probed, info;
	struct mm_resize_work work = { 0 };
	struct mm_err err = { 0 };
	int rc;

	fuzz_status(mm_image_probe(&probed, data, size, &small, &err), &err);
	rc = mm_image_decode(&im, &info, data, size, &small, &err);
	fuzz_status(rc, &err);
	if (!rc) {
		FUZZ_ASSERT(probed.w == im.w && probed.mode == im.mode);
		FUZZ_ASSERT(probed.orientation == info.orientation);
		fuzz_touch(im.data, im.w * im.h * mm_image_channels(im.mode));
		for (int alpha = 0; alpha <= MM_ALPHA_BLACK; alpha++)
			fuzz_status(mm_image_to_rgb(&rgb, &im,
						    (enum mm_image_alpha)alpha,
						    MM_GREY16_HIGH, &err),
				    &err);
		figures(&im, &info, &work);
		same_result(&im, info.orientation, data, size, "open_clip");
		same_result(&im, info.orientation, data, size, "hf-clip");
	}
	mm_image_release(&im);
	mm_image_release(&rgb);
	mm_resize_work_release(&work);
	return 0;
}
