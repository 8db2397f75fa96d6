/* problem.c - see problem.h. */
#include "serve/problem.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"

static const struct kind {
	int status;
	const char *phrase, *type, *code;
} kinds[] = {
	{ 400, "Bad Request", "invalid_request_error", "bad_request" },
	{ 401, "Unauthorized", "authentication_error", "invalid_api_key" },
	{ 404, "Not Found", "invalid_request_error", "not_found" },
	{ 405, "Method Not Allowed", "invalid_request_error",
	  "method_not_allowed" },
	{ 408, "Request Timeout", "invalid_request_error", "timeout" },
	{ 413, "Content Too Large", "invalid_request_error", "too_large" },
	{ 415, "Unsupported Media Type", "invalid_request_error",
	  "unsupported_media_type" },
	{ 422, "Unprocessable Content", "invalid_request_error",
	  "unprocessable" },
	{ 429, "Too Many Requests", "rate_limit_error", "overloaded" },
	{ 503, "Service Unavailable", "server_error", "unavailable" },
	{ 500, "Internal Server Error", "server_error", "internal" },
};

/* The last row where the status has none of its own. */
static const struct kind *kind_of(int status)
{
	const struct kind *k = kinds;

	while (k->status != status && k->status != 500)
		k++;
	return k;
}

int mm_problem_set(struct mm_problem *p, int status, const char *param,
		   const char *fmt, ...)
{
	va_list ap;

	p->status = status;
	snprintf(p->param, sizeof(p->param), "%s", param ? param : "");
	va_start(ap, fmt);
	vsnprintf(p->message, sizeof(p->message), fmt, ap);
	va_end(ap);
	return status;
}

int mm_problem_from(struct mm_problem *p, int status, const char *param,
		    const struct mm_err *err)
{
	return mm_problem_set(p, err->code == MM_ERR_NOMEM ? 500 : status,
			      param, "%s", err->msg);
}

void mm_problem_write(struct mm_buf *out, const struct mm_problem *p,
		      const char *request_id)
{
	const struct kind *k = kind_of(p->status);
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 0);
	mm_json_open(&w, NULL, '{');
	mm_json_open(&w, "error", '{');
	mm_json_put_str(&w, "message", p->message);
	mm_json_put_str(&w, "type", k->type);
	mm_json_put_str(&w, "code", k->code);
	if (p->param[0])
		mm_json_put_str(&w, "param", p->param);
	else
		mm_json_put_null(&w, "param");
	mm_json_put_str(&w, "request_id", request_id);
	mm_json_close(&w);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

const char *mm_status_phrase(int status)
{
	return status == 200 ? "OK" : kind_of(status)->phrase;
}
