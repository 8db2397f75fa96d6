/* reply.c - the bodies of replies that needed the model. */
#include <stdio.h>

#include "base/base64.h"
#include "base/mem.h"
#include "serve/server_impl.h"

static void put_vector(struct mm_work *w, struct mm_json_writer *j,
		       const float *v)
{
	const size_t D = w->server->enc.model.embed_dim;
	struct mm_buf text = { 0 };

	if (w->call.base64) { /* little-endian floats, as OpenAI's */
		mm_base64_encode(&text, v, D * sizeof(*v));
		mm_json_put_strn(j, "embedding", mm_buf_str(&text), text.len);
		j->out->failed |= text.failed;
		mm_buf_release(&text);
		return;
	}
	mm_json_open(j, "embedding", '[');
	for (size_t d = 0; d < D; d++)
		mm_json_put_f32(j, NULL, v[d]);
	mm_json_close(j);
}

void mm_write_embeddings(struct mm_work *w, struct mm_json_writer *j)
{
	const struct mm_server *s = w->server;
	const size_t D = s->enc.model.embed_dim;

	mm_json_put_str(j, "object", "list");
	mm_json_open(j, "data", '[');
	for (size_t i = 0; i < w->call.n; i++) {
		mm_json_open(j, NULL, '{');
		mm_json_put_str(j, "object", "embedding");
		mm_json_put_int(j, "index", (int64_t)i);
		put_vector(w, j, w->vector + i * D);
		mm_json_close(j);
	}
	mm_json_close(j);
	mm_json_put_str(j, "model", s->o.name);
	mm_json_open(j, "usage", '{');
	mm_json_put_int(j, "prompt_tokens", (int64_t)w->tokens);
	mm_json_put_int(j, "total_tokens", (int64_t)w->tokens);
	mm_json_close(j);
	mm_json_put_int(j, "created", s->created);
	mm_json_put_str(j, "id", w->request->id);
}

static double dot(const float *a, const float *b, size_t D)
{
	double sum = 0;

	for (size_t d = 0; d < D; d++)
		sum += (double)a[d] * (double)b[d];
	return sum;
}

/* scale * cosine + bias of every picture with every text. */
static void put_matrix(struct mm_work *w, struct mm_json_writer *j,
		       const char *name, double scale, double bias)
{
	const size_t D = w->server->enc.model.embed_dim;
	const float *image = w->vector;
	const float *text = w->vector + w->call.n_images * D;

	mm_json_open(j, name, '[');
	for (size_t i = 0; i < w->call.n_images; i++) {
		mm_json_open(j, NULL, '[');
		for (size_t t = 0; t < w->call.n - w->call.n_images; t++)
			mm_json_put_f32(j, NULL,
					(float)(scale * dot(image + i * D,
							    text + t * D, D) +
						bias));
		mm_json_close(j);
	}
	mm_json_close(j);
}

void mm_write_inference(struct mm_work *w, struct mm_json_writer *j)
{
	const struct mm_server *s = w->server;

	put_matrix(w, j, "result", (double)s->scale, (double)s->bias);
	put_matrix(w, j, "similarity", 1, 0);
	mm_json_put_str(j, "model", s->o.name);
	mm_json_put_str(j, "id", w->request->id);
}

static void put_hit(struct mm_json_writer *j, const struct mm_hit *hit,
		    size_t rank, const struct mm_catalogue_row *row)
{
	char picture[40];

	mm_json_open(j, NULL, '{');
	mm_json_put_int(j, "rank", (int64_t)rank);
	mm_json_put_f32(j, "score", (float)hit->score);
	mm_json_put_strn(j, "id", row->id.at, row->id.len);
	if (row->text.at)
		mm_json_put_strn(j, "text", row->text.at, row->text.len);
	if (row->path.at || row->data.at) {
		snprintf(picture, sizeof(picture), "/gallery/%zu", hit->row);
		mm_json_put_str(j, "picture", picture);
	}
	mm_json_close(j);
}

void mm_write_search(struct mm_work *w, struct mm_json_writer *j)
{
	struct mm_server *s = w->server;
	const size_t k = (size_t)w->call.k;
	struct mm_hit *hit = mm_malloc(k, sizeof(*hit));
	struct mm_err err;
	size_t n = 0;
	int rc = hit ? MM_OK : mm_fail_nomem(&err, "the hits");

	pthread_mutex_lock(&s->search);
	if (!rc)
		rc = mm_catalogue_search(&s->catalogue, hit, &n, w->vector, k,
					 &err);
	pthread_mutex_unlock(&s->search);
	if (rc)
		mm_problem_from(&w->problem, 500, NULL, &err);
	mm_json_open(j, "hits", '[');
	for (size_t i = 0; i < n && !rc; i++)
		put_hit(j, &hit[i], i + 1, &s->catalogue.row[hit[i].row]);
	mm_json_close(j);
	mm_json_put_str(j, "model", s->o.name);
	mm_json_put_str(j, "id", w->request->id);
	mm_free(hit);
}
