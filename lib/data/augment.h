/*
 * augment.h - random changes of a sample that keep picture and caption true of
 * each other.
 *
 * What happens to a sample is a function of (seed, id, copy, operator) alone,
 * so that files, training, shards and threads all see the same samples.  The
 * operators, in this order, each drawing from a stream of numbers of its own:
 *
 *	crop	RandomResizedCrop: area U[min, max] of the picture, ratio
 *		log-uniform in 3/4..4/3, ten tries, then the middle; resized to
 *		the picture's size (bicubic)
 *	flip	left and right exchanged with probability p; the caption's and
 *		the phrases' words change sides with it, and where that is not
 *		safe (mm_caption_mirror) the picture stays
 *	shift	by up to n pixels each way, the border repeated
 *	jitter	ColorJitter(b, c, s, h): brightness, contrast, saturation, hue
 *		in random order
 *	gray	grey with probability p
 *	blur	GaussianBlur of radius U[.1, 2] with probability p
 *	erase	RandomErasing with probability p: area U[.02, .33], ratio
 *		log-uniform in .3..3.3, filled with the mean colour, which is 0
 *		once normalised
 *	synonyms, insert, swap, delete	see text/caption.h
 *
 * Sources: torchvision 0.29 transforms; EDA (Wei and Zou, EMNLP 2019).
 */
#ifndef MM_DATA_AUGMENT_H
#define MM_DATA_AUGMENT_H

#include "data/source.h"
#include "image/colour.h"
#include "image/geometry.h"
#include "image/preset.h"
#include "text/caption.h"
#include "text/tokenizer.h"

struct mm_augment_spec {
	double crop[2]; /* least and greatest area; {0, 0}: off */
	double flip, gray, blur, erase;
	int64_t shift;
	double jitter[4];
	double jitter_p; /* how often; 1 by default */
	double synonyms, insert, swap, remove;
};

/* All zeros but jitter_p: nothing is changed. */
struct mm_augment_spec mm_augment_none(void);
bool mm_augment_pictures(const struct mm_augment_spec *s); /* any of them */
bool mm_augment_texts(const struct mm_augment_spec *s);	   /* flip too */

/*
 * "crop:0.9:1,flip:0.5,shift:4,jitter:0.4:0.4:0.4:0.1,jitter-p:0.8,gray:0.2,
 * blur:0.1,erase:0.25,synonyms:0.2,insert:0.1,swap:0.1,delete:0.1"; what is
 * not named is off.  MM_ERR_USAGE names what is wrong.
 */
int mm_augment_parse(struct mm_augment_spec *s, const char *text,
		     struct mm_err *err) MM_MUST_CHECK;

/* The same text back, for metadata; appended. */
void mm_augment_format(struct mm_buf *out, const struct mm_augment_spec *s);

/* What augment_group.h and augment_feed.h need; all pointers are borrowed. */
struct mm_augment_options {
	struct mm_augment_spec spec;
	uint64_t seed;
	const struct mm_wordnet *wordnet;     /* NULL: not needed */
	const struct mm_tokenizer *tokenizer; /* NULL: `ids` stay */
};

/* One thread's memory; zeros to start. */
struct mm_augment_work {
	struct mm_image t;
	struct mm_resize_work resize;
	struct mm_buf text[2], phrases;
};

void mm_augment_work_release(struct mm_augment_work *w);

/* What happened. */
struct mm_augmented {
	double affine[6];      /* old pixels to new ones */
	bool flipped, refused; /* refused: it would have been flipped */
	bool text_changed;
	size_t n_synonyms;
};

/*
 * Change one sample.  rgb (may be NULL) in place; text and phrases (str NULL:
 * none; phrases a line each) are replaced by what lies in w until the next
 * call.  mean: the colour that erasing leaves, as bytes.  wn may be NULL where
 * neither synonyms nor insert is asked for.
 */
int mm_augment_sample(const struct mm_augment_spec *s,
		      const struct mm_wordnet *wn, struct mm_augment_work *w,
		      uint64_t seed, const char *id, size_t id_len,
		      uint32_t copy, struct mm_image *rgb,
		      const uint8_t mean[3], struct mm_str *text,
		      struct mm_str *phrases, struct mm_augmented *out,
		      struct mm_err *err) MM_MUST_CHECK;

/* The bytes whose values are nearest to 0. */
void mm_augment_mean(uint8_t mean[3], const struct mm_image_values *v);

#endif
