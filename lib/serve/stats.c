/* stats.c - see stats.h. */
#include "serve/stats.h"

#include <string.h>

static const double second_bounds[MM_STATS_BUCKETS - 1] = {
	0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
};
static const double size_bounds[MM_STATS_BUCKETS - 1] = {
	1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 256, 512,
};

static const char *const towers[] = { "image", "text" };

void mm_stats_init(struct mm_stats *s)
{
	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
}

void mm_stats_release(struct mm_stats *s)
{
	pthread_mutex_destroy(&s->lock);
}

static void observe(struct mm_histogram *h, const double *bound, double x)
{
	int i = 0;

	while (i < MM_STATS_BUCKETS - 1 && x > bound[i])
		i++;
	h->count[i]++;
	h->n++;
	h->sum += x;
}

void mm_stats_request(struct mm_stats *s, size_t route, int status,
		      double seconds, size_t received, size_t sent)
{
	pthread_mutex_lock(&s->lock);
	s->code[route][status > 0 && status < MM_STATS_CODES ? status : 0]++;
	observe(&s->seconds[route], second_bounds, seconds);
	s->received += received;
	s->sent += sent;
	pthread_mutex_unlock(&s->lock);
}

void mm_stats_batch(struct mm_stats *s, int tower, size_t n, double seconds,
		    double wait)
{
	pthread_mutex_lock(&s->lock);
	observe(&s->batch[tower], size_bounds, (double)n);
	observe(&s->batch_seconds[tower], second_bounds, seconds);
	observe(&s->wait, second_bounds, wait);
	s->inputs[tower] += n;
	pthread_mutex_unlock(&s->lock);
}

/* ---- text ---- */

static void head(struct mm_buf *b, const char *name, const char *type,
		 const char *help)
{
	mm_buf_printf(b, "# HELP mmtool_%s %s\n# TYPE mmtool_%s %s\n", name,
		      help, name, type);
}

static void single(struct mm_buf *b, const char *name, const char *type,
		   const char *help, double x)
{
	head(b, name, type, help);
	mm_buf_printf(b, "mmtool_%s %.15g\n", name, x);
}

/* label: `tower="image"`, or "" */
static void histogram(struct mm_buf *b, const char *name, const char *label,
		      const struct mm_histogram *h, const double *bound)
{
	const char *comma = label[0] ? "," : "";
	const char *open = label[0] ? "{" : "", *close = label[0] ? "}" : "";
	uint64_t n = 0;

	for (int i = 0; i < MM_STATS_BUCKETS - 1; i++) {
		n += h->count[i];
		mm_buf_printf(b, "mmtool_%s_bucket{%s%sle=\"%g\"} %llu\n", name,
			      label, comma, bound[i], (unsigned long long)n);
	}
	mm_buf_printf(b, "mmtool_%s_bucket{%s%sle=\"+Inf\"} %llu\n", name,
		      label, comma, (unsigned long long)h->n);
	mm_buf_printf(b, "mmtool_%s_sum%s%s%s %.15g\n", name, open, label,
		      close, h->sum);
	mm_buf_printf(b, "mmtool_%s_count%s%s%s %llu\n", name, open, label,
		      close, (unsigned long long)h->n);
}

static void requests(struct mm_buf *b, const struct mm_stats *s,
		     const struct mm_stats_now *now)
{
	struct mm_buf label = { 0 };

	head(b, "requests_total", "counter",
	     "Requests ended, by path and status; 0: the client went away.");
	for (size_t r = 0; r < now->n_routes; r++)
		for (int c = 0; c < MM_STATS_CODES; c++)
			if (s->code[r][c])
				mm_buf_printf(b,
					      "mmtool_requests_total{path="
					      "\"%s\",code=\"%d\"} %lu\n",
					      now->route[r], c,
					      (unsigned long)s->code[r][c]);
	head(b, "request_seconds", "histogram",
	     "From a request's header to the end of its reply.");
	for (size_t r = 0; r < now->n_routes; r++) {
		if (!s->seconds[r].n)
			continue;
		mm_buf_clear(&label);
		mm_buf_printf(&label, "path=\"%s\"", now->route[r]);
		histogram(b, "request_seconds", mm_buf_str(&label),
			  &s->seconds[r], second_bounds);
	}
	mm_buf_release(&label);
}

static void batches(struct mm_buf *b, const struct mm_stats *s)
{
	char label[32];

	head(b, "batch_size", "histogram", "Inputs of a run of a tower.");
	for (int i = 0; i < 2; i++) {
		strcat(strcat(strcpy(label, "tower=\""), towers[i]), "\"");
		histogram(b, "batch_size", label, &s->batch[i], size_bounds);
	}
	head(b, "batch_seconds", "histogram", "Time of a run of a tower.");
	for (int i = 0; i < 2; i++) {
		strcat(strcat(strcpy(label, "tower=\""), towers[i]), "\"");
		histogram(b, "batch_seconds", label, &s->batch_seconds[i],
			  second_bounds);
	}
	head(b, "queue_seconds", "histogram",
	     "How long a batch's oldest input waited.");
	histogram(b, "queue_seconds", "", &s->wait, second_bounds);
	head(b, "inputs_total", "counter", "Pictures and texts embedded.");
	for (int i = 0; i < 2; i++)
		mm_buf_printf(b, "mmtool_inputs_total{tower=\"%s\"} %llu\n",
			      towers[i], (unsigned long long)s->inputs[i]);
}

void mm_stats_write(struct mm_buf *out, struct mm_stats *s,
		    const struct mm_stats_now *now)
{
	head(out, "build_info", "gauge", "What runs here.");
	mm_buf_printf(out, "mmtool_build_info{version=\"%s\",model=\"%s\"} 1\n",
		      now->version, now->model);
	pthread_mutex_lock(&s->lock);
	requests(out, s, now);
	batches(out, s);
	single(out, "received_bytes_total", "counter", "Bytes of bodies.",
	       (double)s->received);
	single(out, "sent_bytes_total", "counter", "Bytes of replies.",
	       (double)s->sent);
	pthread_mutex_unlock(&s->lock);
	single(out, "queue_inputs", "gauge",
	       "Inputs that wait for a tower or are being read for it.",
	       (double)now->queue);
	single(out, "queue_capacity", "gauge", "Places of the queue.",
	       (double)now->capacity);
	single(out, "requests_in_work", "gauge",
	       "Requests whose bodies have come and that are not answered.",
	       (double)now->in_work);
	single(out, "requests_open", "gauge",
	       "Requests begun and not ended, this one among them.",
	       (double)now->requests);
	single(out, "connections", "gauge", "Open connections.",
	       (double)now->connections);
	single(out, "ready", "gauge", "1 while requests are taken.",
	       now->ready);
	single(out, "uptime_seconds", "gauge", "Since the start.", now->uptime);
	single(out, "resident_bytes", "gauge", "Memory in use.",
	       (double)now->resident);
}
