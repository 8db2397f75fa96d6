/* work.c - a request from its body to its reply; see server.h. */
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "serve/server_impl.h"

enum {
	KEEP = 16 << 20, /* bytes that a worker holds on to */
	/* A body and numbers in a reply that are sooner read and written by the
	 * thread that has them than handed to another. */
	QUICK_BODY = 2 << 10,
	QUICK_REPLY = 4 << 10,
};

#define ITEM_OF_JOB(j)                                         \
	((struct mm_work_item *)(void *)((char *)(j)-offsetof( \
		struct mm_work_item, job)))
#define WORK_OF_JOB(j) \
	((struct mm_work *)(void *)((char *)(j)-offsetof(struct mm_work, job)))

static void blame(struct mm_work *w, const struct mm_problem *p)
{
	pthread_mutex_lock(&w->lock);
	if (!w->problem.status)
		w->problem = *p;
	pthread_mutex_unlock(&w->lock);
}

static bool hopeless(struct mm_work *w)
{
	bool yes;

	pthread_mutex_lock(&w->lock);
	yes = w->problem.status != 0;
	pthread_mutex_unlock(&w->lock);
	return yes;
}

/* ---- the end: the reply ---- */

static void release(struct mm_work *w)
{
	for (size_t i = 0; w->item && i < w->call.n; i++) {
		mm_free(w->item[i].pixels);
		mm_free(w->item[i].ids);
	}
	mm_free(w->item);
	mm_free(w->vector);
	mm_call_release(&w->call);
	pthread_mutex_destroy(&w->lock);
	mm_free(w);
}

static void finish(struct mm_work *w)
{
	struct mm_server *s = w->server;
	struct mm_http_request *r = w->request;
	struct mm_json_writer j;

	for (size_t i = 0; w->item && i < w->call.n; i++)
		w->tokens += w->item[i].tokens;
	if (!w->problem.status && w->route->write) {
		r->status = 200;
		r->type = "application/json";
		mm_json_writer_init(&j, &r->text, 0);
		mm_json_open(&j, NULL, '{');
		w->route->write(w, &j);
		mm_json_close(&j);
		mm_buf_addc(&r->text, '\n');
		if (r->text.failed)
			mm_problem_set(&w->problem, 500, NULL, "out of memory");
	}
	if (w->problem.status)
		mm_http_problem(r, &w->problem);
	release(w);
	mm_http_reply(r);
	s->in_work--;
}

static void finish_job(struct mm_job *job, size_t worker)
{
	(void)worker;
	finish(WORK_OF_JOB(job));
}

/* An item has its vector, or will not have one.  The last calls for the reply;
 * ahead of all decoding, so that what is done goes out. */
static void item_done(struct mm_work *w)
{
	if (w->pending-- > 1)
		return;
	w->job.run = finish_job;
	if (w->quick)
		mm_http_post(&w->server->http, &w->job);
	else
		mm_jobs_put(&w->server->jobs, &w->job, true);
}

/* ---- towers ---- */

int mm_work_towers(struct mm_server *s, float *out, int tower,
		   const void *const *in, const void *const *mask, size_t n,
		   struct mm_err *err)
{
	if (tower == MM_TOWER_IMAGE)
		return mm_encode_read_images(
			&s->enc, out, (const uint8_t *const *)in, n, err);
	return mm_encode_read_texts(&s->enc, out, (const int32_t *const *)in,
				    (const uint8_t *const *)mask, n, err);
}

/* n items through their tower; each gets its vector, or the problem. */
static void run_items(struct mm_server *s, int lane,
		      struct mm_batch_item **item, size_t n)
{
	const size_t D = s->enc.model.embed_dim;
	const double start = mm_serve_now(), wait = start - item[0]->since;
	struct mm_problem p = { 0 };
	struct mm_err err;

	for (size_t i = 0; i < n; i++) {
		struct mm_work_item *it = (struct mm_work_item *)item[i];

		s->in[0][i] = lane == MM_TOWER_IMAGE ? (void *)it->pixels
						     : (void *)it->ids;
		s->in[1][i] = it->mask;
	}
	if (s->aborting)
		mm_problem_set(&p, 503, NULL, "the server is stopping");
	else if (mm_work_towers(s, s->vectors, lane, s->in[0], s->in[1], n,
				&err))
		mm_problem_from(&p, 500, NULL, &err);
	else
		mm_embed_normalise(s->vectors, n, D);
	if (!p.status)
		mm_stats_batch(&s->stats, lane, n, mm_serve_now() - start,
			       wait);
	for (size_t i = 0; i < n; i++) {
		struct mm_work_item *it = (struct mm_work_item *)item[i];

		if (p.status)
			blame(it->work, &p);
		else
			memcpy(it->work->vector + it->index * D,
			       s->vectors + i * D, D * sizeof(float));
		item_done(it->work);
	}
}

void mm_work_batch(void *ctx, int lane, struct mm_batch_item **item, size_t n)
{
	/* Powers of two, so that few graphs serve every size of batch; whoever
	 * is in the first need not wait for the others. */
	for (size_t at = 0, b; at < n; at += b) {
		for (b = 1; b * 2 <= n - at; b *= 2)
			;
		run_items(ctx, lane, item + at, b);
	}
}

/* ---- reading an input ---- */

/* A picture of many pixels leaves much memory behind. */
static void slim(struct mm_worker *w)
{
	if (w->image.raw.cap + w->image.rgb.cap + w->image.turned.cap > KEEP)
		mm_image_work_release(&w->image);
	if (w->bytes.cap > KEEP)
		mm_buf_release(&w->bytes);
}

/* The picture's own bytes, out of base64 where it came so. */
static int bytes_of(struct mm_span *bytes, const struct mm_input *in,
		    struct mm_worker *w, struct mm_problem *p)
{
	struct mm_err err;
	char *room;

	*bytes = in->data;
	if (!in->base64)
		return 0;
	mm_buf_clear(&w->bytes);
	room = mm_buf_reserve(&w->bytes, mm_base64_bound(in->data.len));
	if (!room)
		return mm_problem_set(p, 500, NULL, "out of memory");
	bytes->at = room;
	if (mm_base64_decode(room, &bytes->len, in->data.at, in->data.len,
			     &err))
		return mm_problem_from(p, 422, in->name, &err);
	return 0;
}

static int read_picture(struct mm_work_item *it, struct mm_worker *w,
			struct mm_problem *p)
{
	struct mm_server *s = it->work->server;
	const struct mm_input *in = &it->work->call.input[it->index];
	const size_t S = s->enc.model.image_size;
	const struct mm_decode_opts opts = { .max_pixels = s->o.max_pixels };
	struct mm_span bytes;
	struct mm_err err;
	int rc = bytes_of(&bytes, in, w, p);

	if (rc)
		return rc;
	if (mm_image_sniff(bytes.at, bytes.len) == MM_IMAGE_UNKNOWN)
		return mm_problem_set(p, 415, in->name,
				      "no PNG, JPEG or WebP picture");
	if (!(it->pixels = mm_malloc(3 * S * S, 1)))
		return mm_problem_set(p, 500, NULL, "out of memory");
	if (mm_encode_read_image(&s->enc, &w->image, it->pixels, bytes.at,
				 bytes.len, &opts, &err))
		rc = mm_problem_from(p, err.code == MM_ERR_REFUSED ? 413 : 422,
				     in->name, &err);
	slim(w);
	return rc;
}

static int read_text(struct mm_work_item *it, struct mm_worker *w,
		     struct mm_problem *p)
{
	struct mm_server *s = it->work->server;
	const struct mm_input *in = &it->work->call.input[it->index];
	const size_t T = s->enc.model.context_length;
	struct mm_err err;

	it->ids = mm_malloc(T, sizeof(*it->ids) + sizeof(*it->mask));
	if (!it->ids)
		return mm_problem_set(p, 500, NULL, "out of memory");
	it->mask = (uint8_t *)(it->ids + T);
	if (mm_encode_read_text(&s->enc, w->token, it->ids, it->mask,
				in->data.at, in->data.len, &err))
		return mm_problem_from(p, 422, in->name, &err);
	for (size_t i = 0; i < T; i++)
		it->tokens += it->mask[i];
	return 0;
}

static void read_item(struct mm_work_item *it, size_t worker)
{
	struct mm_work *w = it->work;
	struct mm_server *s = w->server;
	const bool image = w->call.input[it->index].image;
	struct mm_problem p = { 0 };
	int status;

	if (hopeless(w)) {
		mm_batcher_cancel(&s->batcher, 1);
		item_done(w);
		return;
	}
	status = image ? read_picture(it, &s->worker[worker], &p)
		       : read_text(it, &s->worker[worker], &p);
	if (!status) {
		mm_batcher_put(&s->batcher,
			       image ? MM_TOWER_IMAGE : MM_TOWER_TEXT,
			       &it->batch);
		return;
	}
	blame(w, &p);
	mm_batcher_cancel(&s->batcher, 1);
	item_done(w);
}

static void read_job(struct mm_job *job, size_t worker)
{
	read_item(ITEM_OF_JOB(job), worker);
}

/* ---- the beginning: the body ---- */

static int make_items(struct mm_work *w, struct mm_problem *p)
{
	const size_t n = w->call.n;

	w->item = mm_calloc(n, sizeof(*w->item));
	w->vector = mm_malloc(n * w->server->enc.model.embed_dim,
			      sizeof(*w->vector));
	if (!w->item || !w->vector)
		return mm_problem_set(p, 500, NULL, "out of memory");
	if (!mm_batcher_reserve(&w->server->batcher, n))
		return mm_problem_set(p, 429, NULL,
				      "the queue of %zu inputs is full",
				      w->server->o.queue);
	for (size_t i = 0; i < n; i++) {
		w->item[i].work = w;
		w->item[i].index = i;
		w->item[i].job.run = read_job;
	}
	w->pending = n;
	return 0;
}

/* Pictures are spread over the pool, but for the last input of a job of its
 * own; texts are quick.  After its last item is handed on, w may be gone. */
static void read_items(struct mm_work *w, size_t worker)
{
	const size_t n = w->call.n;
	const size_t own = worker < w->server->o.workers ? n - 1 : n;

	for (size_t i = 0; i < n; i++) {
		struct mm_work_item *it = &w->item[i];

		if (i != own && w->call.input[i].image)
			mm_jobs_put(&w->server->jobs, &it->job, false);
		else
			read_item(it, worker);
	}
}

static void begin_job(struct mm_job *job, size_t worker)
{
	struct mm_work *w = WORK_OF_JOB(job);
	struct mm_http_request *r = w->request;
	struct mm_note *note = r->user;
	struct mm_problem p = { 0 };

	if (w->server->aborting) {
		mm_problem_set(&w->problem, 503, NULL,
			       "the server is stopping");
		finish(w);
		return;
	}
	if (w->route->read(&w->call, r->content_type, mm_buf_str(&r->body),
			   r->body.len, &w->server->limits, &p) ||
	    make_items(w, &p)) {
		w->problem = p;
		finish(w);
		return;
	}
	note->images = w->call.n_images;
	note->texts = w->call.n - w->call.n_images;
	w->quick = w->quick &&
		   w->call.n * w->server->enc.model.embed_dim <= QUICK_REPLY;
	read_items(w, worker);
}

/* A picture of the gallery: no body, no towers. */
static void picture_job(struct mm_job *job, size_t worker)
{
	struct mm_work *w = WORK_OF_JOB(job);
	struct mm_server *s = w->server;
	struct mm_http_request *r = w->request;
	const char *digits = r->path + strlen(w->route->path);
	size_t row = 0;
	struct mm_err err;

	for (; *digits >= '0' && *digits <= '9' && row < SIZE_MAX / 16;
	     digits++)
		row = row * 10 + (size_t)(*digits - '0');
	if (*digits || !r->path[strlen(w->route->path)] ||
	    row >= s->catalogue.n)
		mm_problem_set(&w->problem, 404, NULL, "no such row");
	else if (mm_catalogue_picture(
			 &s->catalogue, row, &s->worker[worker].picture,
			 s->o.max_pixels, &r->text, &r->type, &err))
		/* Not err.msg: it names a file of this machine. */
		mm_problem_set(&w->problem, 404, NULL,
			       "row %zu has no picture that can be shown", row);
	r->status = 200;
	mm_http_add(r, "Cache-Control", "private, max-age=600");
	if (s->worker[worker].picture.raw.cap > KEEP)
		mm_catalogue_work_release(&s->worker[worker].picture);
	finish(w);
}

void mm_work_start(struct mm_server *s, struct mm_http_request *r,
		   const struct mm_route *route)
{
	struct mm_work *w = mm_calloc(1, sizeof(*w));

	if (!w) {
		mm_refuse(r, 500, "out of memory");
		mm_http_reply(r);
		return;
	}
	w->server = s;
	w->request = r;
	w->route = route;
	w->job.run = route->picture ? picture_job : begin_job;
	w->quick = r->body.len <= QUICK_BODY && !route->picture &&
		   route->write != mm_write_search;
	pthread_mutex_init(&w->lock, NULL);
	s->in_work++;
	if (w->quick)
		begin_job(&w->job, s->o.workers);
	else
		mm_jobs_put(&s->jobs, &w->job, false);
}
