/* head.h - what a saved model's classifier says of samples. */
#ifndef MM_TRAIN_HEAD_H
#define MM_TRAIN_HEAD_H

#include "data/dataset.h"
#include "model/model.h"

enum { MM_HEAD_GUESSES = 5 };

/*
 * The best classes of every sample, best first: guess (d->n, MM_HEAD_GUESSES),
 * SIZE_MAX where there are fewer classes; *K is how many there are.  The head
 * is the one that training with the objective classify, or fusion, left in
 * m's folder; MM_ERR_FORMAT where there is none.
 */
int mm_head_guess(struct mm_model *m, const struct mm_dataset *d, size_t *guess,
		  size_t *K, struct mm_err *err) MM_MUST_CHECK;

#endif
