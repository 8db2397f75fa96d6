/* zeroshot.c - see zeroshot.h. */
#include "train/zeroshot.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "kernel/gemm.h"
#include "metric/classify.h"
#include "metric/metric.h"
#include "metric/scores.h"
#include "train/internal.h"

enum { BLOCK = 64 };

int mm_zeroshot_check(const struct mm_zeroshot *z, const struct mm_dataset *val,
		      struct mm_err *err)
{
	if (!val)
		return mm_fail(err, MM_ERR_USAGE,
			       "--zeroshot names held-out pictures: say which "
			       "with --val");
	if (!val->has_label)
		return mm_fail(err, MM_ERR_FORMAT,
			       "the held-out data has no column 'label', which "
			       "--zeroshot compares with");
	for (size_t i = 0; i < val->n; i++) {
		const int64_t c = mm_dataset_label(val, i);
		size_t len;
		const char *id = mm_dataset_id(val, i, &len);

		if (c < 0 || (uint64_t)c >= z->K)
			return mm_fail(err, MM_ERR_FORMAT,
				       "held-out sample '%.*s' has label %lld, "
				       "--zeroshot names %zu classes, from 0",
				       len > 80 ? 80 : (int)len, id,
				       (long long)c, z->K);
	}
	return MM_OK;
}

/* Unit vectors of the classes into out (K, D). */
static int encode(const struct mm_zeroshot *z, struct mm_model *m, float *out,
		  struct mm_err *err)
{
	const size_t D = m->embed_dim, n = z->K * z->prompts;
	float *some = mm_malloc(BLOCK, D * sizeof(*some));
	struct mm_embedder e;
	int rc = some ? MM_OK : mm_fail_nomem(err, "the classes");

	mm_embedder_init(&e, m);
	for (size_t i = 0; i < n && !rc; i += BLOCK) {
		const size_t B = n - i < BLOCK ? n - i : BLOCK;

		rc = mm_embed_texts(&e, some, z->ids + i * z->T,
				    z->mask + i * z->T, NULL, B, z->T, err);
		if (rc)
			break;
		mm_embed_normalise(some, B, D);
		for (size_t b = 0; b < B; b++) {
			float *c = out + (i + b) / z->prompts * D;

			for (size_t d = 0; d < D; d++)
				c[d] += some[b * D + d];
		}
	}
	mm_embedder_release(&e);
	mm_free(some);
	mm_embed_normalise(out, z->K, D);
	return rc;
}

/* Count n pictures by their scores. */
static int count(const struct mm_metric *metric, void *state,
		 const struct mm_scores *s, const int64_t *label,
		 struct mm_err *err)
{
	size_t truth[BLOCK], end[BLOCK];
	struct mm_labels guess, own = {
		.label = truth, .end = end, .n = s->n, .n_labels = s->n
	};
	int rc;

	for (size_t i = 0; i < s->n; i++) {
		truth[i] = (size_t)label[i];
		end[i] = i + 1;
	}
	rc = mm_scores_rank(&guess, s, &own, err);
	for (size_t i = 0; i < s->n && !rc; i++) {
		struct mm_classification_sample one = { .truth = truth[i] };

		one.guess = mm_labels_at(&guess, i, &one.n);
		rc = metric->add(state, &one, err);
	}
	mm_labels_release(&guess);
	return rc;
}

static int add_figures(const struct mm_metric *metric, void *state,
		       struct mm_train_report *report, struct mm_err *err)
{
	double value[16];
	char name[64];
	int rc = metric->result(state, value, NULL, err);

	for (size_t i = 0; !rc && metric->figure[i]; i++) {
		snprintf(name, sizeof(name), "zeroshot.%s", metric->figure[i]);
		mm_report_add(report, name, value[i]);
	}
	return rc;
}

int mm_zeroshot_measure(const struct mm_zeroshot *z, struct mm_model *m,
			const float *image, const int64_t *label, size_t n,
			struct mm_train_report *report, struct mm_err *err)
{
	const struct mm_metric *metric = &mm_metric_classification;
	const size_t D = m->embed_dim, K = z->K;
	float *classes = mm_calloc(K, D * sizeof(*classes));
	struct mm_scores s = { mm_malloc(BLOCK, K * sizeof(float)), 0, K };
	void *state = NULL;
	int rc = classes && s.score ? encode(z, m, classes, err)
				    : mm_fail_nomem(err, "the classes");

	if (!rc)
		rc = metric->open(&state, NULL, err);
	for (size_t i = 0; i < n && !rc; i += BLOCK) {
		s.n = n - i < BLOCK ? n - i : BLOCK;
		mm_gemm(false, true, s.n, K, D, 1, image + i * D, D, classes, D,
			0, s.score, K);
		rc = count(metric, state, &s, label + i, err);
	}
	if (!rc)
		rc = add_figures(metric, state, report, err);
	if (state)
		metric->close(state);
	mm_scores_release(&s);
	mm_free(classes);
	return rc;
}
