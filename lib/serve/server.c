/* server.c - see server.h. */
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "model/cache.h"
#include "serve/server_impl.h"

/* Signals are the main thread's; a closed pipe is an error of its write. */
static void block_signals(sigset_t *before)
{
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &ours, before);
}

static int start_http(struct mm_server *s, struct mm_err *err)
{
	const struct mm_http_options o = {
		.max_body = s->o.max_body,
		.max_bodies = s->o.max_bodies,
		.connections = s->o.connections,
		.per_address = s->o.per_address,
		.timeout = s->o.timeout,
		.head = mm_route_head,
		.body = mm_route_body,
		.end = mm_route_end,
		.ctx = s,
		.worker = s->o.workers,
	};
	int rc = mm_listen(&s->listener, s->o.listen, err);

	return rc ? rc : mm_http_start(&s->http, &o, &s->listener, err);
}

int mm_server_open(struct mm_server **out, const struct mm_server_options *o,
		   struct mm_err *err)
{
	struct mm_server *s = mm_calloc(1, sizeof(*s));
	sigset_t before;
	int rc = MM_OK;

	*out = s;
	if (!s)
		return mm_fail_nomem(err, "a server");
	s->o = *o;
	s->listener.fd = -1;
	s->began = mm_serve_now();
	s->created = (int64_t)time(NULL);
	mm_stats_init(&s->stats);
	pthread_mutex_init(&s->search, NULL);
	if (o->key_file)
		rc = mm_keys_load(&s->keys, o->key_file, err);
	block_signals(&before);
	if (!rc)
		rc = start_http(s, err);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc) {
		mm_server_close(s);
		*out = NULL;
	}
	return rc;
}

/* ---- loading ---- */

/* Once to have its weights, and once to see whether it is so quick that more
 * threads on one input are not worth the waking of them. */
static int try_tower(struct mm_server *s, int tower, const void **in,
		     const void **mask, bool *quick, struct mm_err *err)
{
	double start = 0;
	int rc = MM_OK;

	for (int i = 0; i < 2 && !rc; i++) {
		start = mm_serve_now();
		rc = mm_work_towers(s, s->vectors, tower, in, mask, 1, err);
	}
	*quick = !rc && mm_serve_now() - start < 1e-3;
	return rc;
}

/*
 * Each tower: its weights are read, and packed where they are.  This
 * thread then has OpenMP threads beside the batcher's, more than there are
 * processors, so that libgomp's do not spin where they wait: that is the better
 * for a server whose processors have HTTP and clients to do as well.
 */
static int warm_up(struct mm_server *s, struct mm_err *err)
{
	const struct mm_model *m = &s->enc.model;
	const size_t S = m->image_size, T = m->context_length;
	uint8_t *pixels = mm_calloc(3 * S * S, 1), *mask = mm_malloc(T, 1);
	int32_t *ids = mm_calloc(T, sizeof(*ids));
	const void *picture = pixels, *text = ids, *all = mask;
	int rc = MM_OK;

	if (!pixels || !mask || !ids)
		rc = mm_fail_nomem(err, "a first run");
	if (!rc)
		memset(mask, 1, T);
	if (!rc && s->enc.has_recipe)
		rc = try_tower(s, MM_TOWER_IMAGE, &picture, NULL,
			       &s->enc.quick_images, err);
	if (!rc && s->enc.tok)
		rc = try_tower(s, MM_TOWER_TEXT, &text, &all,
			       &s->enc.quick_texts, err);
	mm_free(pixels);
	mm_free(mask);
	mm_free(ids);
	return rc;
}

static int make_rooms(struct mm_server *s, struct mm_err *err)
{
	const size_t D = s->enc.model.embed_dim, B = s->o.max_batch;

	if (mm_encoder_divide(&s->enc, (size_t)mm_threads(), err))
		return err->code;
	s->vectors = mm_malloc(B * D, sizeof(*s->vectors));
	s->in[0] = mm_malloc(B, sizeof(*s->in[0]));
	s->in[1] = mm_malloc(B, sizeof(*s->in[1]));
	s->worker = mm_calloc(s->o.workers + 1, sizeof(*s->worker));
	if (!s->vectors || !s->in[0] || !s->in[1] || !s->worker)
		return mm_fail_nomem(err, "batches");
	for (size_t i = 0; s->enc.tok && i <= s->o.workers; i++)
		if (!(s->worker[i].token = mm_token_work_new(s->enc.tok)))
			return mm_fail_nomem(err, "a tokenizer");
	s->limits = (struct mm_call_limits){ .inputs = s->o.max_inputs,
					     .text_bytes = s->o.max_text,
					     .embed_dim = D,
					     .model = s->o.name };
	s->batcher.capacity = s->o.queue;
	s->batcher.max_batch = B;
	s->batcher.max_wait = s->o.max_wait;
	s->batcher.run = mm_work_batch;
	s->batcher.ctx = s;
	return MM_OK;
}

int mm_server_load(struct mm_server *s, struct mm_err *err)
{
	sigset_t before;
	int rc;

	if ((rc = mm_encoder_open(&s->enc, s->o.model, err)))
		return rc;
	mm_encoder_resize(&s->enc, s->o.image_size);
	if ((s->o.cache && (rc = mm_model_cache_open(&s->enc.model, err))) ||
	    (rc = make_rooms(s, err)) || (rc = warm_up(s, err)) ||
	    (s->o.cache && (rc = mm_model_cache_save(&s->enc.model, err))) ||
	    (rc = mm_embed_logits(&s->enc.run, &s->scale, &s->bias, err)))
		return rc;
	if (s->o.n_gallery &&
	    (rc = mm_catalogue_open(&s->catalogue, s->o.gallery, s->o.n_gallery,
				    s->o.gallery_text, s->enc.model.embed_dim,
				    err)))
		return rc;
	block_signals(&before);
	if (!(rc = mm_batcher_start(&s->batcher, err)))
		rc = mm_jobs_start(&s->jobs, s->o.workers, err);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	s->ready = !rc;
	return rc;
}

/* ---- running ---- */

const char *mm_server_url(const struct mm_server *s)
{
	return s->listener.url;
}

void mm_server_tick(struct mm_server *s)
{
	mm_http_tick(&s->http);
}

void mm_server_drain(struct mm_server *s)
{
	s->draining = true;
	mm_http_drain(&s->http);
}

size_t mm_server_open_requests(struct mm_server *s)
{
	return mm_http_requests(&s->http);
}

size_t mm_server_done_requests(struct mm_server *s)
{
	return s->done;
}

static void nap(double seconds)
{
	struct timespec t = { 0, (long)(seconds * 1e9) };

	nanosleep(&t, NULL);
}

/*
 * Whatever is in work gets its reply, if only a 503, before threads end; and
 * who has just connected is told, for a moment.
 */
static void stop(struct mm_server *s)
{
	double end;

	s->aborting = s->draining = true;
	while (s->in_work)
		nap(0.005);
	if (s->http.daemon) {
		mm_http_accept_no_more(&s->http);
		end = mm_serve_now() + 0.3;
		while (mm_http_connections(&s->http) && mm_serve_now() < end)
			nap(0.005);
		end = mm_serve_now() + 1;
		while (mm_http_requests(&s->http) && mm_serve_now() < end)
			nap(0.005);
	}
	mm_http_stop(&s->http);
	mm_batcher_stop(&s->batcher);
	mm_jobs_stop(&s->jobs);
}

void mm_server_close(struct mm_server *s)
{
	if (!s)
		return;
	stop(s);
	mm_listen_release(&s->listener);
	mm_keys_release(&s->keys);
	for (size_t i = 0; s->worker && i <= s->o.workers; i++) {
		mm_image_work_release(&s->worker[i].image);
		mm_token_work_free(s->worker[i].token);
		mm_buf_release(&s->worker[i].bytes);
		mm_catalogue_work_release(&s->worker[i].picture);
	}
	mm_free(s->worker);
	mm_free(s->vectors);
	mm_free(s->in[0]);
	mm_free(s->in[1]);
	mm_catalogue_release(&s->catalogue);
	mm_encoder_release(&s->enc);
	mm_stats_release(&s->stats);
	pthread_mutex_destroy(&s->search);
	mm_free(s);
}
