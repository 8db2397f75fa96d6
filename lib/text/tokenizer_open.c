/*
 * tokenizer_open.c - finds the files of a tokenizer and has them read; copies
 * them, too.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/mem.h"
#include "text/tokenizer_impl.h"

static bool is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISDIR(st.st_mode);
}

static int remember(struct mm_tokenizer *tok, const char *path,
		    struct mm_err *err)
{
	if (tok->n_file == sizeof(tok->file) / sizeof(*tok->file))
		return MM_OK;
	return mm_str_copy(tok, &tok->file[tok->n_file++], path, strlen(path),
			   err);
}

/* dir/name if that is a file, else NULL. */
static const char *beside(struct mm_tokenizer *tok, const char *dir,
			  const char *name)
{
	const char *path = mm_arena_printf(&tok->arena, "%s/%s", dir, name);

	return path && is_file(path) ? path : NULL;
}

static int load_beside(struct mm_tokenizer *tok, const char *dir,
		       const char *name, struct mm_json **json,
		       struct mm_err *err)
{
	const char *path = beside(tok, dir, name);
	int rc;

	*json = NULL;
	if (!path)
		return MM_OK;
	rc = mm_json_load(json, path, err);
	if (!rc && mm_json_type(*json) != MM_JSON_OBJECT)
		rc = mm_fail(err, MM_ERR_FORMAT, "\"%s\" is not an object",
			     path);
	return rc ? rc : remember(tok, path, err);
}

static bool has_suffix(const char *s, const char *end)
{
	const size_t n = strlen(s), k = strlen(end);

	return n >= k && !strcmp(s + n - k, end);
}

/* What holds the vocabulary: `path` itself, or the best file in a folder. */
static const char *main_file(struct mm_tokenizer *tok, const char *path)
{
	static const char *const names[] = { "tokenizer.json",
					     "vocab.json",
					     "vocab.txt",
					     "bpe_simple_vocab_16e6.txt.gz",
					     "bpe_simple_vocab_16e6.txt",
					     "spiece.model",
					     "sentencepiece.bpe.model" };
	struct stat st;

	if (stat(path, &st) || !S_ISDIR(st.st_mode))
		return path;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *found = beside(tok, path, names[i]);

		if (found)
			return found;
	}
	return NULL;
}

static int load_any(struct mm_tokenizer *tok, const char *file, const char *dir,
		    const struct mm_json *config, struct mm_err *err)
{
	const char *base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	const char *merges;
	int rc;

	if (has_suffix(base, "vocab.json") || has_suffix(base, "merges.txt")) {
		file = beside(tok, dir, "vocab.json");
		merges = beside(tok, dir, "merges.txt");
		if (!file || !merges)
			return mm_fail(err, MM_ERR_IO, "\"%s\" has no %s", dir,
				       file ? "merges.txt" : "vocab.json");
		if ((rc = remember(tok, merges, err)) ||
		    (rc = remember(tok, file, err)))
			return rc;
		return mm_tokenizer_load_merges(tok, file, merges, config, err);
	}
	if ((rc = remember(tok, file, err)))
		return rc;
	if (has_suffix(base, ".json"))
		return mm_tokenizer_load_json(tok, file, err);
	if (has_suffix(base, ".model"))
		return mm_tokenizer_load_spm(tok, file, config, err);
	if (strstr(base, "bpe_simple_vocab") || has_suffix(base, ".gz"))
		return mm_tokenizer_load_openai(tok, file, err);
	return mm_tokenizer_load_vocab_txt(tok, file, config, err);
}

/* open_clip reads CLIP's vocabulary in its own way. */
static int use_open_clip(struct mm_tokenizer *tok, const char *path,
			 struct mm_err *err)
{
	const int32_t bos = mm_tokenizer_id(tok, "<|startoftext|>");
	const int32_t eos = mm_tokenizer_id(tok, "<|endoftext|>");
	const struct mm_piece v[] = { { -1, bos, 0 },
				      { 0, -1, 0 },
				      { -1, eos, 0 } };
	static const struct mm_norm norm = { .kind = NORM_OPEN_CLIP };
	static const struct mm_pretok pretok = { .kind = PRE_OPEN_CLIP };
	struct mm_norm *n = mm_arena_alloc(&tok->arena, 1, sizeof(*n));
	struct mm_pretok *p = mm_arena_alloc(&tok->arena, 1, sizeof(*p));

	if (!n || !p)
		return mm_fail_nomem(err, "a tokenizer");
	if (tok->model != MODEL_BPE || tok->bpe.suffix.n != 4 || bos < 0 ||
	    eos < 0)
		return mm_fail(err, MM_ERR_USAGE,
			       "open_clip's cleaning needs a CLIP vocabulary, "
			       "which \"%s\" is not",
			       path);
	for (size_t i = 0; i < tok->n_norm; i++)
		mm_regex_free(tok->norm[i].re);
	for (size_t i = 0; i < tok->n_pretok; i++)
		mm_regex_free(tok->pretok[i].re);
	*n = norm;
	*p = pretok;
	tok->norm = n;
	tok->pretok = p;
	tok->n_norm = tok->n_pretok = 1;
	tok->bpe.raw_bytes = true;
	tok->n_added = 0; /* its special tokens are found by the pattern */
	tok->info.bos = bos;
	tok->info.eos = eos;
	tok->info.pad = 0;
	tok->info.pad_left = tok->info.truncate_left = false;
	return mm_post_set(tok, 0, v, 3, err);
}

/*
 * What open_clip's HFTokenizer does, where text_cfg (or in a folder of
 * transformers' layout text_config) has one: hub, the text tower is the Hub's.
 */
static void follow_open_clip(struct mm_tokenizer *tok,
			     const struct mm_json *text, bool hub)
{
	const struct mm_json *kwargs = mm_json_get(text, "tokenizer_kwargs");
	const char *name =
		mm_json_str(mm_json_get(text, "hf_tokenizer_name"), "");
	const char *how = mm_json_str(mm_json_get(kwargs, "clean"), "");

	if (!hub && !*name)
		return;
	tok->hide_pad = hub;
	tok->strip_sep =
		mm_json_bool(mm_json_get(kwargs, "strip_sep_token"), false);
	tok->tidy = !strcmp(how, "canonicalize") ? mm_clean_canonical
		    : !strcmp(how, "lower")	 ? mm_clean_open_clip
						 : mm_clean_whitespace;
}

/* What the model's configuration in dir says of its texts.  What cannot be read
 * is for those who read the model. */
static void read_recipe(struct mm_tokenizer *tok, const char *dir)
{
	const char *open = beside(tok, dir, "open_clip_config.json");
	const char *own = beside(tok, dir, "config.json");
	struct mm_json *root = NULL;
	const struct mm_json *text;

	if (open && !mm_json_load(&root, open, NULL)) {
		text = mm_json_get(mm_json_get(root, "model_cfg"), "text_cfg");
		follow_open_clip(
			tok, text,
			*mm_json_str(mm_json_get(text, "hf_model_name"), ""));
	}
	mm_json_free(root);
	root = NULL;
	if (!tok->tidy && own && !mm_json_load(&root, own, NULL)) {
		text = mm_json_get(root, "text_config");
		follow_open_clip(tok, text, mm_json_get(text, "proj_type"));
	}
	mm_json_free(root);
}

static void drop_normalizers(struct mm_tokenizer *tok)
{
	for (size_t i = 0; i < tok->n_norm; i++)
		mm_regex_free(tok->norm[i].re);
	tok->n_norm = 0;
}

static int open_all(struct mm_tokenizer *tok, const char *path,
		    struct mm_err *err)
{
	struct mm_json *config = NULL, *special = NULL, *defaults = NULL;
	const char *file = main_file(tok, path), *slash;
	char *dir;
	int rc;

	if (!file)
		return mm_fail(err, MM_ERR_IO,
			       "\"%s\" holds no tokenizer: no tokenizer.json, "
			       "vocab.json with merges.txt, vocab.txt, "
			       "spiece.model, or sentencepiece.bpe.model",
			       path);
	slash = strrchr(file, '/');
	dir = mm_arena_strndup(&tok->arena, slash ? file : ".",
			       !slash	       ? 1
			       : slash == file ? 1
					       : (size_t)(slash - file));
	if (!dir)
		return mm_fail_nomem(err, "a tokenizer");
	if ((rc = load_beside(tok, dir, "tokenizer_config.json", &config,
			      err)) ||
	    (rc = load_beside(tok, dir, "special_tokens_map.json", &special,
			      err)))
		goto done;
	if ((rc = load_any(tok, file, dir, config, err))) {
		rc = mm_fail_ctx(err, "tokenizer \"%s\"", file);
		goto done;
	}
	if (tok->defaults &&
	    (rc = mm_json_parse(&defaults, tok->defaults, strlen(tok->defaults),
				"defaults", err)))
		goto done;
	if ((rc = mm_tokenizer_load_config(tok, config, special, defaults,
					   err)) ||
	    (rc = mm_tokenizer_family_template(tok, err))) {
		rc = mm_fail_ctx(err, "tokenizer \"%s\"", file);
		goto done;
	}
	if (tok->clean == MM_CLEAN_OPEN_CLIP)
		rc = use_open_clip(tok, path, err);
	else if (tok->clean == MM_CLEAN_NONE)
		drop_normalizers(tok);
	else
		read_recipe(tok, dir);
	if (!rc)
		rc = mm_added_finish(tok, err);
done:
	mm_json_free(defaults);
	mm_json_free(special);
	mm_json_free(config);
	return rc;
}

static void make_room(size_t *rows, int32_t id)
{
	if (id >= 0 && (size_t)id >= *rows)
		*rows = (size_t)id + 1;
}

/* Added tokens, the post-processor and padding may have ids of their own. */
static size_t vocab_size(const struct mm_tokenizer *tok)
{
	size_t rows = tok->n_tokens;

	make_room(&rows, tok->info.pad);
	for (size_t i = 0; i < tok->n_added; i++)
		make_room(&rows, tok->added[i].id);
	for (int pair = 0; pair < 2; pair++)
		for (size_t i = 0; i < tok->n_piece[pair]; i++)
			make_room(&rows, tok->piece[pair][i].id);
	return rows;
}

int mm_tokenizer_open(struct mm_tokenizer **out, const char *path,
		      enum mm_clean clean, struct mm_err *err)
{
	struct mm_tokenizer *tok = mm_calloc(1, sizeof(*tok));
	struct mm_tokenizer_info *f;
	int rc;

	*out = NULL;
	if (!tok)
		return mm_fail_nomem(err, "a tokenizer");
	f = &tok->info;
	f->bos = f->eos = f->pad = f->unk = f->cls = f->sep = f->mask = -1;
	tok->unk = -1;
	tok->clean = clean;
	mm_arena_init(&tok->arena);
	mm_map_init(&tok->ids);
	mm_map_init(&tok->added_ids);
	if ((rc = open_all(tok, path, err))) {
		mm_tokenizer_free(tok);
		return rc;
	}
	f->vocab_size = vocab_size(tok);
	*out = tok;
	return MM_OK;
}

int mm_tokenizer_save(const struct mm_tokenizer *tok, const char *dir,
		      struct mm_err *err)
{
	int rc = mm_mkdirs(dir, err);

	for (size_t i = 0; !rc && i < tok->n_file; i++) {
		const char *slash = strrchr(tok->file[i].s, '/');
		const char *base = slash ? slash + 1 : tok->file[i].s;
		struct mm_buf to = { 0 };
		struct mm_file f;

		mm_buf_printf(&to, "%s/%s", dir, base);
		if ((rc = mm_buf_check(&to, "a path", err)) ||
		    (rc = mm_file_open(&f, tok->file[i].s, err))) {
			mm_buf_release(&to);
			break;
		}
		rc = mm_file_write(to.data, f.data, f.size, err);
		mm_file_release(&f);
		mm_buf_release(&to);
	}
	return rc;
}
