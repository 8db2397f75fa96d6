/* Bytes as a bare pickle, with rules that allow everything. */
#include "fuzz.h"

#include "tensor/pickle.h"

static int any(struct mm_pickle *p, const struct mm_pk *a,
	       const struct mm_pk *args, struct mm_pk **out, struct mm_err *err)
{
	fuzz_touch(a->s, a->n);
	for (size_t i = 0; i < args->n; i++)
		FUZZ_ASSERT(mm_pk_kind_name(args->item[i]) != NULL);
	*out = mm_pk_new(p, MM_PK_OPAQUE);
	(void)err;
	return MM_OK;
}

static int build(struct mm_pickle *p, struct mm_pk *object, struct mm_pk *state,
		 struct mm_err *err)
{
	(void)p;
	(void)object;
	(void)err;
	mm_pk_get(state, "key");
	return MM_OK;
}

static int persistent(struct mm_pickle *p, const struct mm_pk *id,
		      struct mm_pk **out, struct mm_err *err)
{
	(void)id;
	(void)err;
	*out = mm_pk_new(p, MM_PK_OPAQUE);
	return MM_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mm_pickle_rules rules = { any, any, build,
						      persistent };
	struct mm_arena arena = { 0 };
	struct mm_pickle p = {
		.data = data, .size = size, .arena = &arena, .rules = &rules
	};
	struct mm_err err = { 0 };
	struct mm_pk *v = NULL;
	int rc = mm_pickle_run(&p, &v, &err);

	fuzz_status(rc, &err);
	FUZZ_ASSERT(p.at <= size && (rc || v));
	mm_arena_release(&arena);
	return 0;
}
