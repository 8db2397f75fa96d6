/* vqa_file.c - the official evaluation's files, put together; see vqa.h. */
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "metric/vqa.h"

struct job {
	struct mm_vqa_result *r;
	const struct mm_vqa_files *files;
	enum mm_vqa_mode mode;
	struct mm_map results; /* id -> number in the results */
	struct mm_map question_types, answer_types;
	struct mm_buf text; /* scratch */
	struct mm_line *answer;
	size_t *rest, cap;
};

/* question_id as JSON text: 12 and "12" are two. */
static int read_id(struct mm_buf *out, const struct mm_json *item,
		   const char *name, size_t i, struct mm_err *err)
{
	const struct mm_json *id = mm_json_get(item, "question_id");
	const enum mm_json_type type = mm_json_type(id);

	mm_buf_clear(out);
	if (type != MM_JSON_INT && type != MM_JSON_STRING)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' entry %zu (from 0): 'question_id' must be "
			       "a whole number or a string, not %s",
			       name, i, mm_json_type_name(id));
	mm_json_dump(out, id);
	return mm_buf_check(out, "an id", err);
}

static int wrong_type(const char *name, const char *id, const char *key,
		      const char *want, const struct mm_json *v,
		      struct mm_err *err)
{
	return mm_fail(err, MM_ERR_FORMAT,
		       "'%s' question %s: '%s' must be %s, not %s", name, id,
		       key, want, mm_json_type_name(v));
}

static int want_array(const struct mm_json **out, const struct mm_json *root,
		      const char *key, const char *name, struct mm_err *err)
{
	*out = key ? mm_json_get(root, key) : root;
	if (mm_json_type(*out) == MM_JSON_ARRAY)
		return MM_OK;
	return mm_fail(err, MM_ERR_FORMAT,
		       "'%s': %s%s%s must be an array, not "
		       "%s",
		       name, key ? "'" : "", key ? key : "it", key ? "'" : "",
		       mm_json_type_name(*out));
}

/* Number the ids of an array; twice is an error. */
static int number_ids(struct mm_map *map, const struct mm_json *array,
		      const char *name, struct mm_err *err)
{
	struct mm_buf id = { 0 };
	int rc = MM_OK;

	for (size_t i = 0; i < mm_json_size(array) && !rc; i++) {
		bool added;
		int64_t *at;

		if ((rc = read_id(&id, mm_json_at(array, i), name, i, err)))
			break;
		if (!(at = mm_map_put(map, id.data, id.len, &added)))
			rc = mm_fail_nomem(err, "ids");
		else if (!added)
			rc = mm_fail(err, MM_ERR_FORMAT,
				     "'%s' has question %s twice", name,
				     id.data);
		else
			*at = (int64_t)i;
	}
	mm_buf_release(&id);
	return rc;
}

/* A line for each id of `array` that `map` lacks; returns how many. */
static int list_missing(size_t *n, struct mm_buf *out,
			const struct mm_json *array, const char *name,
			const struct mm_map *map, const char *map_name,
			struct mm_err *err)
{
	struct mm_buf id = { 0 };
	int rc = MM_OK;

	for (size_t i = 0; i < mm_json_size(array) && !rc; i++) {
		rc = read_id(&id, mm_json_at(array, i), name, i, err);
		if (!rc && !mm_map_find(map, id.data, id.len)) {
			mm_buf_printf(out,
				      "'%s' has question %s, '%s' has "
				      "not\n",
				      name, id.data, map_name);
			++*n;
		}
	}
	mm_buf_release(&id);
	return rc ? rc : mm_buf_check(out, "the differences", err);
}

static int match_ids(struct job *j, const struct mm_json *annotations,
		     const struct mm_json *results, struct mm_buf *differences,
		     struct mm_err *err)
{
	const struct mm_vqa_files *f = j->files;
	struct mm_map asked = { 0 }, questions = { 0 };
	const struct mm_json *list = NULL;
	size_t n = 0;
	int rc = number_ids(&asked, annotations, f->annotations_name, err);

	if (!rc)
		rc = number_ids(&j->results, results, f->results_name, err);
	if (!rc)
		rc = list_missing(&n, differences, annotations,
				  f->annotations_name, &j->results,
				  f->results_name, err);
	if (!rc)
		rc = list_missing(&n, differences, results, f->results_name,
				  &asked, f->annotations_name, err);
	if (!rc && f->questions &&
	    !(rc = want_array(&list, f->questions, "questions",
			      f->questions_name, err)) &&
	    !(rc = number_ids(&questions, list, f->questions_name, err)))
		rc = list_missing(&n, differences, annotations,
				  f->annotations_name, &questions,
				  f->questions_name, err);
	mm_map_release(&asked);
	mm_map_release(&questions);
	if (!rc && n)
		rc = mm_fail(err, MM_ERR_FORMAT,
			     "'%s' and '%s' do not belong together: %zu "
			     "questions are in one only",
			     f->annotations_name, f->results_name, n);
	return rc;
}

/* Everything of an answer but its text, members in byte order. */
static int other_members(struct mm_buf *out, const struct mm_json *answer,
			 struct mm_err *err)
{
	const struct mm_json *value;
	const char *last = NULL, *key;

	mm_buf_clear(out);
	for (;;) {
		const char *least = NULL;
		void *it = NULL;

		while (mm_json_next(answer, &it, &key, &value))
			if (strcmp(key, "answer") &&
			    (!last || strcmp(key, last) > 0) &&
			    (!least || strcmp(key, least) < 0))
				least = key;
		if (!least)
			break;
		mm_buf_adds(out, least);
		mm_buf_addc(out, '\0');
		mm_json_dump(out, mm_json_get(answer, least));
		mm_buf_addc(out, '\0');
		last = least;
	}
	return mm_buf_check(out, "an answer", err);
}

static int room(struct job *j, size_t n, struct mm_err *err)
{
	void *p;

	if (n <= j->cap)
		return MM_OK;
	if (!(p = mm_realloc(j->answer, n, sizeof(*j->answer))))
		return mm_fail_nomem(err, "answers");
	j->answer = p;
	if (!(p = mm_realloc(j->rest, n, sizeof(*j->rest))))
		return mm_fail_nomem(err, "answers");
	j->rest = p;
	j->cap = n;
	return MM_OK;
}

/* The given answers into j->answer and j->rest. */
static int read_answers(struct job *j, const struct mm_json *array,
			const char *id, struct mm_err *err)
{
	const char *name = j->files->annotations_name;
	struct mm_map seen = { 0 };
	int rc = room(j, mm_json_size(array), err);

	for (size_t i = 0; i < mm_json_size(array) && !rc; i++) {
		const struct mm_json *a = mm_json_at(array, i);
		const bool object = mm_json_type(a) == MM_JSON_OBJECT;
		const struct mm_json *text =
			object ? mm_json_get(a, "answer") : a;
		int64_t *at;
		bool added;

		if (mm_json_type(text) != MM_JSON_STRING) {
			rc = wrong_type(name, id, "answer", "a string", text,
					err);
			break;
		}
		j->answer[i] = (struct mm_line){ mm_json_str(text, ""),
						mm_json_str_len(text) };
		j->rest[i] = i;
		if (!object || (rc = other_members(&j->text, a, err)))
			continue;
		if (!(at = mm_map_put(&seen, mm_buf_str(&j->text), j->text.len,
				      &added)))
			rc = mm_fail_nomem(err, "answers");
		else if (added)
			*at = (int64_t)i;
		else
			j->rest[i] = (size_t)*at;
	}
	mm_map_release(&seen);
	return rc;
}

/* Add to the group of that name; groups has room for one more. */
static int add_group(struct mm_map *map, struct mm_vqa_group *groups, size_t *n,
		     const struct mm_json *item, const char *key,
		     const char *id, double x, const struct job *j,
		     struct mm_err *err)
{
	const struct mm_json *v = mm_json_get(item, key);
	const char *name = mm_json_str(v, NULL);
	bool added;
	int64_t *at;

	if (!v)
		return MM_OK;
	if (!name)
		return wrong_type(j->files->annotations_name, id, key,
				  "a string", v, err);
	if (!(at = mm_map_put(map, name, strlen(name), &added)))
		return mm_fail_nomem(err, "question types");
	if (added) {
		*at = (int64_t)*n;
		groups[*n].name = mm_arena_strdup(j->r->memory, name);
		if (!groups[*n].name)
			return mm_fail_nomem(err, "question types");
		++*n;
	}
	groups[*at].sum += x;
	groups[*at].n++;
	return MM_OK;
}

static int one_question(struct job *j, const struct mm_json *item,
			const struct mm_json *results, const char *id,
			double *accuracy, struct mm_err *err)
{
	const struct mm_json *answers = mm_json_get(item, "answers");
	const int64_t at = *mm_map_find_str(&j->results, id);
	const struct mm_json *answer =
		mm_json_get(mm_json_at(results, (size_t)at), "answer");
	const struct mm_vqa_sample q = { { mm_json_str(answer, ""),
					   mm_json_str_len(answer) },
					 NULL,
					 NULL,
					 mm_json_size(answers) };
	struct mm_vqa_sample full = q;
	int rc;

	if (mm_json_type(answer) != MM_JSON_STRING)
		return wrong_type(j->files->results_name, id, "answer",
				  "a string", answer, err);
	if (mm_json_type(answers) != MM_JSON_ARRAY || !q.n)
		return wrong_type(j->files->annotations_name, id, "answers",
				  "a filled array", answers, err);
	if ((rc = read_answers(j, answers, id, err)))
		return rc;
	full.answer = j->answer;
	full.rest = j->rest;
	if ((rc = mm_vqa_accuracy(accuracy, &full, j->mode, err)))
		return mm_fail_ctx(err, "question %s", id);
	rc = add_group(&j->question_types, j->r->question_type,
		       &j->r->n_question_types, item, "question_type", id,
		       *accuracy, j, err);
	return rc ? rc
		  : add_group(&j->answer_types, j->r->answer_type,
			      &j->r->n_answer_types, item, "answer_type", id,
			      *accuracy, j, err);
}

static int all_questions(struct job *j, const struct mm_json *annotations,
			 const struct mm_json *results, struct mm_err *err)
{
	struct mm_vqa_result *r = j->r;
	struct mm_arena *a = r->memory;
	const size_t n = mm_json_size(annotations);
	struct mm_buf id = { 0 };
	int rc = MM_OK;

	r->id = mm_arena_alloc(a, n, sizeof(*r->id));
	r->accuracy = mm_arena_alloc(a, n, sizeof(*r->accuracy));
	r->question_type = mm_arena_alloc(a, n, sizeof(*r->question_type));
	r->answer_type = mm_arena_alloc(a, n, sizeof(*r->answer_type));
	if (!r->id || !r->accuracy || !r->question_type || !r->answer_type)
		return mm_fail_nomem(err, "questions");
	for (size_t i = 0; i < n && !rc; i++) {
		const struct mm_json *item = mm_json_at(annotations, i);

		rc = read_id(&id, item, j->files->annotations_name, i, err);
		if (!rc && !(r->id[i] = mm_arena_strdup(a, id.data)))
			rc = mm_fail_nomem(err, "questions");
		if (!rc)
			rc = one_question(j, item, results, r->id[i],
					  &r->accuracy[i], err);
		r->overall += rc ? 0 : r->accuracy[i];
		r->n++;
	}
	r->overall /= (double)n;
	mm_buf_release(&id);
	return rc;
}

int mm_vqa_eval(struct mm_vqa_result *r, const struct mm_vqa_files *files,
		enum mm_vqa_mode mode, struct mm_buf *differences,
		struct mm_err *err)
{
	struct job j = { .r = r, .files = files, .mode = mode };
	const struct mm_json *annotations, *results;
	int rc;

	memset(r, 0, sizeof(*r));
	if (!(r->memory = mm_calloc(1, sizeof(*r->memory))))
		return mm_fail_nomem(err, "questions");
	if ((rc = want_array(&annotations, files->annotations, "annotations",
			     files->annotations_name, err)) ||
	    (rc = want_array(&results, files->results, NULL,
			     files->results_name, err)))
		return rc;
	if (!mm_json_size(annotations))
		return mm_fail(err, MM_ERR_FORMAT, "'%s' holds no question",
			       files->annotations_name);
	rc = match_ids(&j, annotations, results, differences, err);
	if (!rc)
		rc = all_questions(&j, annotations, results, err);
	mm_map_release(&j.results);
	mm_map_release(&j.question_types);
	mm_map_release(&j.answer_types);
	mm_buf_release(&j.text);
	mm_free(j.answer);
	mm_free(j.rest);
	return rc;
}

void mm_vqa_result_release(struct mm_vqa_result *r)
{
	if (r->memory)
		mm_arena_release(r->memory);
	mm_free(r->memory);
	memset(r, 0, sizeof(*r));
}
