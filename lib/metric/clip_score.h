/*
 * clip_score.h - does a caption fit its picture, by a model's vectors.
 *
 *	CLIPScore	2.5 max(<image, hyp>, 0)
 *	RefCLIPScore	harmonic mean of CLIPScore and max_ref <hyp, ref>
 *
 * of vectors of unit length; texts are encoded behind "A photo depicts ".
 * RefCLIPScore is 0 where one of the two is not above 0.
 *
 * Source: Hessel et al., CLIPScore: A Reference-free Evaluation Metric for
 * Image Captioning (2021), and their clipscore.py, which divides 0 by 0 where
 * both are 0.
 */
#ifndef MM_METRIC_CLIP_SCORE_H
#define MM_METRIC_CLIP_SCORE_H

#include <stddef.h>

#define MM_CLIP_SCORE_PREFIX "A photo depicts "

/* The metrics table's sample of task "clip"; no options. */
struct mm_clip_sample {
	const float *image, *hyp; /* (D) */
	const float *ref;	  /* (n_refs, D) */
	size_t n_refs, D;
};

#endif
