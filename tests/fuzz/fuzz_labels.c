/*
 * Bytes as names of classes, as labels of samples and as scores; what was read
 * is ranked, counted and drawn.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "metric/class_names.h"
#include "metric/classify.h"
#include "metric/scores.h"

enum { FEW = 64 };

static void draw(const struct mm_class_names *c, struct mm_err *err)
{
	static uint64_t count[FEW * FEW];
	const char *names[FEW];
	struct mm_buf svg = { 0 };
	size_t order[FEW];

	if (!c->name.n || c->name.n > FEW)
		return;
	for (size_t k = 0; k < c->name.n; k++) {
		names[k] = k % 2 ? "a<b" : "\xc3\xa9";
		count[k * c->name.n + k] = k;
	}
	FUZZ_ASSERT(!mm_class_names_order(c, order, err));
	for (size_t k = 0; k < c->name.n; k++)
		FUZZ_ASSERT(order[k] < c->name.n);
	mm_confusion_svg(&svg, count, c->name.n, names);
	FUZZ_ASSERT(!svg.failed);
	mm_buf_release(&svg);
}

static void labels(const char *text, size_t size)
{
	struct mm_class_names c = { 0 };
	struct mm_labels l = { 0 };
	struct mm_lines lines = { 0 };
	struct mm_err err = { 0 };
	int rc = mm_lines_parse(&lines, text, size, "input", &err);

	if (!rc)
		rc = mm_labels_parse(&l, &c, &lines, "input", true, &err);
	fuzz_status(rc, &err);
	for (size_t i = 0; !rc && i < l.n; i++) {
		size_t n;
		const size_t *k = mm_labels_at(&l, i, &n);

		for (size_t j = 0; j < n; j++)
			FUZZ_ASSERT(k[j] < c.name.n);
	}
	if (!rc)
		draw(&c, &err);
	mm_labels_release(&l);
	mm_class_names_release(&c);
	mm_lines_release(&lines);
}

static void scores(const char *text, size_t size)
{
	struct mm_labels truth = { 0 }, guess;
	struct mm_scores s;
	struct mm_err err = { 0 };
	int rc = mm_scores_parse(&s, text, size, "input", 3, &err);

	fuzz_status(rc, &err);
	if (!rc && s.n) {
		rc = mm_scores_above(&truth, &s, 0.5, &err);
		FUZZ_ASSERT(!rc);
		rc = mm_scores_rank(&guess, &s, &truth, &err);
		FUZZ_ASSERT(!rc && guess.n_labels == 3 * s.n);
		mm_labels_release(&guess);
	}
	mm_labels_release(&truth);
	mm_scores_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct mm_class_names c;
	struct mm_err err = { 0 };

	fuzz_status(mm_class_names_parse(&c, text, size, "input", &err), &err);
	mm_class_names_release(&c);
	labels(text, size);
	scores(text, size);
	return 0;
}
