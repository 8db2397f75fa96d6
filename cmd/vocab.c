/* vocab.c - mmtool vocab: train a tokenizer from texts. */
#include <string.h>

#include "cmd.h"
#include "tensor/stream.h"
#include "text/vocab.h"

enum { SNIFF = 9, MAX_LINE = 1 << 24 };

struct vocab_args {
	struct mm_common common;
	int type;
	int64_t size, min_count, max_length;
	bool cased;
	const char *column;
};

static const char *const types[] = { "clip", "wordpiece", NULL };

static const struct vocab_args defaults = {
	.type = MM_UNSET_ENUM,
	.size = MM_UNSET,
	.min_count = 2,
	.max_length = MM_UNSET,
	.column = "text",
};

static const struct mm_opt opts[] = {
	MM_ENUM(0, "type", struct vocab_args, type, types,
		"byte-level BPE as CLIP has it, or BERT's WordPiece"),
	MM_INT(0, "size", struct vocab_args, size, "N", 1, 0x1p24,
	       "tokens in all, the special ones included"),
	MM_OPT_OUTPUT_DIR(struct vocab_args),
	MM_INT(0, "min-count", struct vocab_args, min_count, "N", 1, 0x1p40,
	       "join no pair that is seen less often"),
	MM_FLAG(0, "cased", struct vocab_args, cased,
		"wordpiece: keep capitals and accents"),
	MM_INT(0, "max-length", struct vocab_args, max_length, "N", 1, 0x1p20,
	       "ids of a text that the model will take [77 for clip, 512 for "
	       "wordpiece]"),
	MM_STR(0, "column", struct vocab_args, column, "C",
	       "column of a stream, or key of JSON lines, that holds the texts"),
	MM_OPT_SHARD(struct vocab_args),
	MM_OPT_GENERAL(struct vocab_args),
	MM_OPTS_END,
};

struct job {
	const struct vocab_args *a;
	struct mm_vocab *vocab;
	struct mm_progress progress;
	uint64_t texts;
};

static int add(struct job *j, const char *s, size_t n, struct mm_err *err)
{
	int rc = MM_OK;

	if (mm_shard_has(&j->a->common.shard, j->texts++))
		rc = mm_vocab_add(j->vocab, s, n, err);
	if (!rc)
		mm_progress_show(&j->progress, j->texts, NULL);
	return rc;
}

static int from_stream(struct job *j, struct mm_stream *s, struct mm_err *err)
{
	const struct mm_segment *seg;
	const struct mm_column *c;
	int rc;

	while (!(rc = mm_stream_next(s, &seg, err)) && seg) {
		if ((rc = mm_segment_want_str(seg, j->a->column, &c, err)))
			return rc;
		for (size_t i = 0; i < seg->n; i++) {
			size_t n;
			const char *text = mm_column_str(c, i, &n);

			if ((rc = add(j, text, n, err)))
				return mm_fail_ctx(
					err, "'%s' sample %llu", s->path,
					(unsigned long long)s->first_sample +
						i);
		}
	}
	return rc;
}

/* The text of a line of JSON. */
static int from_json(struct job *j, const char *line, size_t len,
		     struct mm_err *err)
{
	const struct mm_json *text;
	struct mm_json *root;
	int rc = mm_json_parse(&root, line, len, "line", err);

	if (rc)
		return rc;
	text = mm_json_get(root, j->a->column);
	if (mm_json_type(text) != MM_JSON_STRING)
		rc = mm_fail(err, MM_ERR_FORMAT, "there is no string '%s'",
			     j->a->column);
	else
		rc = add(j, mm_json_str(text, ""), mm_json_str_len(text), err);
	mm_json_free(root);
	return rc;
}

static int from_lines(struct job *j, struct mm_reader *r, bool json,
		      struct mm_err *err)
{
	uint64_t number = 0;
	size_t len;
	char *line;
	int rc;

	while (!(rc = mm_reader_line(r, &line, &len, MAX_LINE, err)) && line) {
		number++;
		if (len && line[len - 1] == '\r')
			len--;
		if (number == 1 && len >= 3 &&
		    !memcmp(line, "\xef\xbb\xbf", 3)) {
			line += 3;
			len -= 3;
		}
		if (!len)
			continue;
		rc = json ? from_json(j, line, len, err)
			  : add(j, line, len, err);
		if (rc)
			return mm_fail_ctx(err, "'%s' line %llu", r->name,
					   (unsigned long long)number);
	}
	return rc;
}

static bool is_jsonl(const char *path)
{
	const size_t n = strlen(path);

	return n > 6 && !strcmp(path + n - 6, ".jsonl");
}

static int from_input(struct job *j, const char *path, struct mm_err *err)
{
	const unsigned char *bytes;
	struct mm_reader r;
	struct mm_stream s;
	size_t got;
	int rc;

	if ((rc = mm_reader_open(&r, path, err)))
		return rc;
	rc = mm_reader_peek(&r, SNIFF, &bytes, &got, err);
	if (!rc && mm_stream_sniff(bytes, got)) {
		if (!(rc = mm_stream_adopt(&s, &r, err))) {
			rc = from_stream(j, &s, err);
			mm_stream_release(&s);
			return rc;
		}
	} else if (!rc) {
		rc = from_lines(j, &r, is_jsonl(path), err);
	}
	mm_reader_release(&r);
	return rc;
}

static int check_args(const struct vocab_args *a, struct mm_err *err)
{
	if (a->type == MM_UNSET_ENUM)
		return mm_fail(err, MM_ERR_USAGE,
			       "no type; name one with --type clip or --type "
			       "wordpiece");
	if (a->size == MM_UNSET)
		return mm_fail(err, MM_ERR_USAGE,
			       "no size; say with --size how many tokens");
	if (a->cased && a->type == 0)
		return mm_fail(
			err, MM_ERR_USAGE,
			"--cased is for wordpiece: clip has no capitals");
	return mm_need_output(&a->common, err);
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	const struct vocab_args *a = args;
	struct job j = { .a = a };
	struct mm_vocab_opts o = {
		.type = a->type == 0 ? MM_VOCAB_CLIP : MM_VOCAB_WORDPIECE,
		.min_count = (uint64_t)a->min_count,
		.cased = a->cased,
	};
	int rc = check_args(a, err);

	if (rc)
		return rc;
	o.size = (size_t)a->size;
	if (a->max_length != MM_UNSET)
		o.max_length = (size_t)a->max_length;
	if ((rc = mm_vocab_new(&j.vocab, &o, err)))
		return rc;
	mm_progress_start(&j.progress, &a->common, "texts", 0);
	for (int i = 0; !rc && i < argc; i++)
		rc = from_input(&j, argv[i], err);
	mm_progress_end(&j.progress);
	if (!rc)
		rc = mm_vocab_train(j.vocab, err);
	if (!rc)
		rc = mm_vocab_write(j.vocab, a->common.output, err);
	if (!rc && mm_vocab_size(j.vocab) < o.size)
		mm_note(&a->common,
			"%zu tokens, not %zu: no pair is left that is seen "
			"%lld times",
			mm_vocab_size(j.vocab), o.size,
			(long long)a->min_count);
	mm_vocab_free(j.vocab);
	return rc;
}

const struct mm_cmd mm_cmd_vocab = {
	.name = "vocab",
	.group = MM_PREPARE,
	.summary = "train a tokenizer from texts",
	.synopsis = "--type clip|wordpiece --size N [OPTION]... TEXT... -o DIR",
	.details = "TEXT is a file with a text a line, JSON lines (.jsonl), or "
		   "a tensor stream; '-' is standard input. DIR gets the files "
		   "that Hugging Face's tokenizers read.",
	.min_operands = 1,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct vocab_args, defaults),
	.run = run,
};
