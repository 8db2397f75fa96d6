/* field.c - the usual names of columns and keys; see source_kind.h. */
#include "data/source_kind.h"

static const char *const image[] = {
	"image",    "image.path", "image_path", "image_file", "image_name",
	"filepath", "file_path",  "filename",	"file_name",  "file",
	"path",	    "img",	  "img_path",	NULL,
};
static const char *const text[] = {
	"text",	   "caption",	  "captions", "title",	  "sentence",
	"comment", "description", "alt",      "alt_text", NULL,
};
static const char *const id[] = { "id", "key", "uid", "sample_id", NULL };
static const char *const image_id[] = { "image.id", "image_id", NULL };
static const char *const label[] = { "label", "class", NULL };
static const char *const split[] = { "split", NULL };
static const char *const start[] = { "start", NULL };
static const char *const end[] = { "end", NULL };

static const char *const *const usual[MM_N_FIELDS] = {
	[MM_FIELD_IMAGE] = image, [MM_FIELD_TEXT] = text,
	[MM_FIELD_ID] = id,	  [MM_FIELD_IMAGE_ID] = image_id,
	[MM_FIELD_LABEL] = label, [MM_FIELD_SPLIT] = split,
	[MM_FIELD_START] = start, [MM_FIELD_END] = end,
};

const char *const *mm_field_names(struct mm_input *in, enum mm_field f)
{
	const struct mm_source_options *o = &in->all->options;
	const char *named = f == MM_FIELD_IMAGE	 ? o->image_column
			    : f == MM_FIELD_TEXT ? o->text_column
			    : f == MM_FIELD_ID	 ? o->id_column
						 : NULL;

	if (!named)
		return usual[f];
	in->named[f][0] = named;
	return in->named[f];
}

void mm_field_list(struct mm_buf *out, const char *const *names)
{
	for (size_t i = 0; names[i]; i++)
		mm_buf_printf(out, "%s%s", i ? ", " : "", names[i]);
}
