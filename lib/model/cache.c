/* cache.c - see cache.h. */
#include "model/cache.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

static const char file_name[] = "mmtool-packed.safetensors";
static const char source_key[] = "mmtool.packed.source";

static size_t filled(size_t bytes)
{
	return (bytes + MM_PANEL_ALIGN - 1) / MM_PANEL_ALIGN * MM_PANEL_ALIGN;
}

static char *path_of(struct mm_arena *a, const struct mm_model *m)
{
	return mm_arena_printf(a, "%s/%s", m->dir, file_name);
}

/* Another size or a later change of the weights makes another string. */
static char *source_of(struct mm_arena *a, const struct mm_model *m)
{
	struct stat st = { 0 };
	size_t bytes = 0;

	for (size_t i = 0; i < m->weights.n_shards; i++)
		bytes += m->weights.shard[i].file.size;
	if (stat(m->weights.path, &st))
		st.st_size = 0;
	return mm_arena_printf(
		a, "%zu %lld %lld.%09ld", bytes, (long long)st.st_size,
		(long long)st.st_mtim.tv_sec, (long)st.st_mtim.tv_nsec);
}

static char *name_of(struct mm_arena *a, const struct mm_param *p)
{
	return mm_arena_printf(a, "%s.%s", p->name, mm_packed_layout(p->pack));
}

static const void *find(void *ctx, const struct mm_param *p, size_t bytes)
{
	return mm_model_cache_find(ctx, p, bytes);
}

int mm_model_cache_open(struct mm_model *m, struct mm_err *err)
{
	char *path = path_of(&m->arena, m), *want = source_of(&m->arena, m);
	struct mm_err ignored = { 0 };
	const char *source;

	if (!path || !want)
		return mm_fail_nomem(err, "the packed weights");
	if (mm_safetensors_open(&m->packed, path, &ignored))
		return MM_OK;
	source = mm_safetensors_meta(&m->packed, source_key);
	if (!source || strcmp(source, want)) {
		mm_safetensors_release(&m->packed);
		return MM_OK;
	}
	m->store.panels = find;
	m->store.panels_ctx = m;
	return MM_OK;
}

const void *mm_model_cache_find(const struct mm_model *m,
				const struct mm_param *p, size_t bytes)
{
	const struct mm_tensor *t;
	char name[512];

	if (!m->packed.file.data)
		return NULL;
	snprintf(name, sizeof(name), "%s.%s", p->name,
		 mm_packed_layout(p->pack));
	t = mm_safetensors_find(&m->packed, name);
	if (!t || t->dtype != MM_U8 || t->nbytes != filled(bytes) ||
	    (uintptr_t)t->data % MM_PANEL_ALIGN)
		return NULL;
	return t->data;
}

/* What the file is to hold: this run's panels, then others that it had. */
static int collect(struct mm_tensor **list, size_t *n, size_t *fresh,
		   struct mm_arena *a, const struct mm_model *m)
{
	const struct mm_blob *old = &m->packed.blob;
	struct mm_tensor *t;

	*n = *fresh = 0;
	t = *list = mm_arena_alloc(a, m->store.n + old->n, sizeof(*t));
	if (!t)
		return MM_ERR_NOMEM;
	for (size_t i = 0; i < m->store.n; i++) {
		const struct mm_param *p = m->store.param[i];
		size_t bytes;

		if (!p->packed)
			continue;
		bytes = mm_packed_bytes(p->pack, p->packed->F, p->packed->C);
		*fresh += !mm_model_cache_find(m, p, bytes);
		t[*n] = (struct mm_tensor){ .name = name_of(a, p),
					    .dtype = MM_U8,
					    .rank = 1,
					    .dim = { filled(bytes) },
					    .data = p->packed->panels,
					    .nbytes = filled(bytes) };
		if (!t[(*n)++].name)
			return MM_ERR_NOMEM;
	}
	for (size_t i = 0, own = *n; i < old->n; i++) {
		size_t k = 0;

		while (k < own && strcmp(t[k].name, old->tensor[i].name))
			k++;
		if (k == own)
			t[(*n)++] = old->tensor[i];
	}
	return MM_OK;
}

int mm_model_cache_save(const struct mm_model *m, struct mm_err *err)
{
	struct mm_arena a = { 0 };
	struct mm_meta meta = { source_key, source_of(&a, m) };
	const char *path = path_of(&a, m);
	struct mm_tensor *list;
	size_t n, fresh;
	int rc;

	if (!meta.value || !path || collect(&list, &n, &fresh, &a, m))
		rc = mm_fail_nomem(err, "the packed weights");
	else
		rc = fresh ? mm_safetensors_write(path, list, n, &meta, 1, err)
			   : MM_OK;
	mm_arena_release(&a);
	return rc;
}
