/* sources.c - see sources.h. */
#include "sources.h"

const char *const mm_label_from_words[] = { "source", "folder", NULL };

struct mm_source_options mm_source_options(const struct mm_source_args *a)
{
	return (struct mm_source_options){
		.kind = mm_source_kinds[a->kind],
		.root = a->root,
		.image_column = a->image_column,
		.text_column = a->text_column,
		.id_column = a->id_column,
		.split = a->split,
		.instances = a->instances,
		.label_from_folder = a->label_from == MM_LABEL_FROM_FOLDER,
	};
}

int mm_sources_any(struct mm_sources *s, const struct mm_common *c,
		   struct mm_bad *bad, const char *stage,
		   const struct mm_sample **sample, bool *ours,
		   struct mm_err *err)
{
	for (;;) {
		int rc = mm_sources_next(s, sample, err);

		*ours = mm_shard_has(&c->shard, s->position);
		if (!rc || !s->bad_sample)
			return rc;
		if (*ours &&
		    (rc = mm_bad_sample(bad, mm_sources_bad_id(s), stage, err)))
			return rc;
	}
}

int mm_sources_ours(struct mm_sources *s, const struct mm_common *c,
		    struct mm_bad *bad, const char *stage,
		    const struct mm_sample **sample, struct mm_err *err)
{
	bool ours;
	int rc;

	do
		rc = mm_sources_any(s, c, bad, stage, sample, &ours, err);
	while (!rc && *sample && !ours);
	return rc;
}
