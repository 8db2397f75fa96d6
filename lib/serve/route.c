/* route.c - the paths that are served, and who may ask for them. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "serve/server_impl.h"

void mm_refuse(struct mm_http_request *r, int status, const char *fmt, ...)
{
	struct mm_problem p = { .status = status };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p.message, sizeof(p.message), fmt, ap);
	va_end(ap);
	mm_http_problem(r, &p);
}

/* ---- replies at once ---- */

/* What the build has compressed, as it was. */
static bool inflate_asset(struct mm_buf *out, const struct mm_asset *a)
{
	z_stream z = { 0 };
	int rc;

	mm_buf_reserve(out, a->size);
	if (out->failed || inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return false;
	z.next_in = (Bytef *)(uintptr_t)a->gz;
	z.avail_in = a->n;
	z.next_out = (Bytef *)out->data;
	z.avail_out = a->size;
	rc = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	out->len = rc == Z_STREAM_END ? a->size : 0;
	return rc == Z_STREAM_END;
}

static void reply_asset(struct mm_http_request *r, const char *type,
			const struct mm_asset *a)
{
	if (!inflate_asset(&r->text, a)) {
		mm_refuse(r, 500, "out of memory");
		return;
	}
	r->status = 200;
	r->type = type;
	mm_http_add(r, "Cache-Control", "no-cache");
}

static void get_page(struct mm_server *s, struct mm_http_request *r)
{
	(void)s;
	reply_asset(r, "text/html; charset=utf-8", &mm_asset_page);
	mm_http_add(r, "Content-Security-Policy",
		    "default-src 'none'; style-src 'unsafe-inline'; "
		    "script-src 'unsafe-inline'; img-src 'self' blob: data:; "
		    "connect-src 'self'; form-action 'none'; "
		    "frame-ancestors 'none'; base-uri 'none'");
	mm_http_add(r, "Referrer-Policy", "no-referrer");
}

static void get_openapi(struct mm_server *s, struct mm_http_request *r)
{
	(void)s;
	reply_asset(r, "application/json", &mm_asset_openapi);
}

static void status_text(struct mm_http_request *r, const char *status)
{
	r->status = 200;
	r->type = "application/json";
	mm_buf_printf(&r->text, "{\"status\": \"%s\"}\n", status);
}

static void get_healthz(struct mm_server *s, struct mm_http_request *r)
{
	status_text(r, s->draining ? "stopping" : "ok");
}

static void get_readyz(struct mm_server *s, struct mm_http_request *r)
{
	if (s->draining)
		mm_refuse(r, 503, "the server is stopping");
	else if (!s->ready)
		mm_refuse(r, 503, "the model is being loaded");
	else
		status_text(r, "ready");
}

static size_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long all = 0, here = 0;

	if (f) {
		if (fscanf(f, "%lu %lu", &all, &here) != 2)
			here = 0;
		fclose(f);
	}
	return here * (size_t)sysconf(_SC_PAGESIZE);
}

static void get_metrics(struct mm_server *s, struct mm_http_request *r)
{
	const char *names[MM_STATS_ROUTES];
	const bool loaded = s->ready;
	const struct mm_stats_now now = {
		.route = names,
		.n_routes = mm_routes_n() + 1,
		.model = s->o.name,
		.version = s->o.version,
		.queue = loaded ? mm_batcher_held(&s->batcher) : 0,
		.capacity = s->o.queue,
		.in_work = s->in_work,
		.requests = mm_http_requests(&s->http),
		.connections = mm_http_connections(&s->http),
		.resident = resident_bytes(),
		.uptime = mm_serve_now() - s->began,
		.ready = loaded && !s->draining,
	};

	for (size_t i = 0; i < mm_routes_n(); i++)
		names[i] = mm_routes[i].path;
	names[mm_routes_n()] = "other";
	mm_stats_write(&r->text, &s->stats, &now);
	r->status = 200;
	r->type = "text/plain; version=0.0.4; charset=utf-8";
}

static void put_model(struct mm_json_writer *j, const struct mm_server *s)
{
	mm_json_put_str(j, "id", s->o.name);
	mm_json_put_str(j, "object", "model");
	mm_json_put_int(j, "created", s->created);
	mm_json_put_str(j, "owned_by", "mmtool");
	if (!s->ready)
		return;
	mm_json_put_str(j, "type", s->enc.model.arch->model_type);
	mm_json_put_int(j, "dimensions", (int64_t)s->enc.model.embed_dim);
	mm_json_put_int(j, "context_length",
			(int64_t)s->enc.model.context_length);
	mm_json_put_int(j, "image_size", (int64_t)s->enc.model.image_size);
	mm_json_put_int(j, "gallery", (int64_t)s->catalogue.n);
}

static void get_models(struct mm_server *s, struct mm_http_request *r)
{
	struct mm_json_writer j;

	mm_json_writer_init(&j, &r->text, 0);
	mm_json_open(&j, NULL, '{');
	mm_json_put_str(&j, "object", "list");
	mm_json_open(&j, "data", '[');
	mm_json_open(&j, NULL, '{');
	put_model(&j, s);
	mm_json_close(&j);
	mm_json_close(&j);
	mm_json_close(&j);
	mm_buf_addc(&r->text, '\n');
	r->status = 200;
	r->type = "application/json";
}

static void get_model(struct mm_server *s, struct mm_http_request *r)
{
	struct mm_json_writer j;

	if (strcmp(r->path + strlen("/v1/models/"), s->o.name)) {
		mm_refuse(r, 404, "no such model here; '%s' is served",
			  s->o.name);
		return;
	}
	mm_json_writer_init(&j, &r->text, 0);
	mm_json_open(&j, NULL, '{');
	put_model(&j, s);
	mm_json_close(&j);
	mm_buf_addc(&r->text, '\n');
	r->status = 200;
	r->type = "application/json";
}

/* ---- the table ---- */

const struct mm_route mm_routes[] = {
	{ "GET", "/", .open = true, .direct = get_page },
	{ "GET", "/healthz", .open = true, .direct = get_healthz },
	{ "GET", "/readyz", .open = true, .direct = get_readyz },
	{ "GET", "/openapi.json", .open = true, .direct = get_openapi },
	{ "GET", "/metrics", .direct = get_metrics },
	{ "GET", "/v1/models", .direct = get_models },
	{ "GET", "/v1/models/", .prefix = true, .direct = get_model },
	{ "GET", "/gallery/", .prefix = true, .picture = true },
	{ "POST", "/multimodal/inference", .read = mm_call_inference,
	  .write = mm_write_inference },
	{ "POST", "/v1/embeddings", .read = mm_call_embeddings,
	  .write = mm_write_embeddings },
	{ "POST", "/v1/search", .read = mm_call_search,
	  .write = mm_write_search },
};
enum { N_ROUTES = sizeof(mm_routes) / sizeof(mm_routes[0]) };

_Static_assert((int)N_ROUTES < (int)MM_STATS_ROUTES,
	       "a row of figures for each route");

size_t mm_routes_n(void)
{
	return N_ROUTES;
}

static bool path_is(const struct mm_route *route, const char *path)
{
	return route->prefix ? !strncmp(path, route->path, strlen(route->path))
			     : !strcmp(path, route->path);
}

/* HEAD is GET without the body, which http.c leaves out. */
static bool method_is(const struct mm_route *route, const char *method)
{
	return !strcmp(method, route->method) ||
	       (!strcmp(method, "HEAD") && !strcmp(route->method, "GET"));
}

/* N_ROUTES where there is none; *known: but another method has one. */
static size_t find(const struct mm_http_request *r, const char **allow)
{
	*allow = NULL;
	for (size_t i = 0; i < N_ROUTES; i++) {
		if (!path_is(&mm_routes[i], r->path))
			continue;
		if (method_is(&mm_routes[i], r->method))
			return i;
		*allow = !strcmp(mm_routes[i].method, "GET") ? "GET, HEAD"
							     : "POST";
	}
	return N_ROUTES;
}

static bool may(const struct mm_server *s, const struct mm_http_request *r)
{
	const char *key = mm_keys_bearer(mm_http_header(r, "Authorization"));

	if (!s->keys.n)
		return true;
	return mm_keys_have(&s->keys,
			    key ? key : mm_http_header(r, "X-API-Key"));
}

/* Work is refused before its body is read where it could not be done. */
static void check_work(struct mm_server *s, struct mm_http_request *r,
		       const struct mm_route *route)
{
	const char *coding = mm_http_header(r, "Content-Encoding");

	if (s->draining)
		mm_refuse(r, 503, "the server is stopping");
	else if (!s->ready)
		mm_refuse(r, 503, "the model is being loaded");
	else if (coding && strcasecmp(coding, "identity"))
		mm_refuse(r, 415, "a compressed body is not read");
	else if ((route->picture || route->write == mm_write_search) &&
		 !s->catalogue.n)
		mm_refuse(r, 404,
			  "there is no gallery here; 'mmtool serve "
			  "--gallery' gives one");
	else if (s->in_work >= s->o.queue)
		mm_refuse(r, 429, "%zu requests are being worked on",
			  s->o.queue);
}

void mm_route_head(void *ctx, struct mm_http_request *r)
{
	struct mm_server *s = ctx;
	struct mm_note *note = mm_calloc(1, sizeof(*note));
	const struct mm_route *route;
	const char *allow;
	size_t i;

	r->user = note;
	if (!note) {
		mm_refuse(r, 500, "out of memory");
		return;
	}
	i = note->route = find(r, &allow);
	if (i == N_ROUTES && allow) {
		mm_refuse(r, 405, "'%s' takes %s", r->path, allow);
		mm_http_add(r, "Allow", allow);
		return;
	}
	if (i == N_ROUTES) {
		mm_refuse(r, 404, "no such path; /openapi.json lists them");
		return;
	}
	route = &mm_routes[i];
	if (!route->open && !may(s, r))
		mm_refuse(r, 401,
			  "an API key is wanted: 'Authorization: "
			  "Bearer KEY'");
	else if (route->direct)
		route->direct(s, r);
	else
		check_work(s, r, route);
}

void mm_route_body(void *ctx, struct mm_http_request *r)
{
	struct mm_server *s = ctx;
	const struct mm_note *note = r->user;

	if (s->aborting) {
		mm_refuse(r, 503, "the server is stopping");
		mm_http_reply(r);
		return;
	}
	mm_work_start(s, r, &mm_routes[note->route]);
}

void mm_route_end(void *ctx, struct mm_http_request *r)
{
	struct mm_server *s = ctx;
	struct mm_note *note = r->user;
	const double seconds = mm_serve_now() - r->began;
	const struct mm_server_event e = {
		.id = r->id,
		.method = r->method,
		.path = r->path,
		.peer = r->peer,
		.status = r->status,
		.seconds = seconds,
		.received = r->received,
		.sent = r->text.len,
		.images = note ? note->images : 0,
		.texts = note ? note->texts : 0,
	};

	mm_stats_request(&s->stats, note ? note->route : N_ROUTES, r->status,
			 seconds, r->received, r->text.len);
	s->done++;
	if (s->o.log)
		s->o.log(s->o.ctx, &e);
	mm_free(note);
}
