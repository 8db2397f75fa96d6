/* common.c - what every command shares; see common.h. */
#include "common.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"

const char *const mm_on_error_words[] = { "stop", "skip", NULL };
const char *const mm_when_words[] = { "auto", "always", "never", NULL };
const char *mm_program = "mmtool";
const char mm_version[] = MM_VERSION;

/* ---- output ---- */

static char dash[] = "-";
char *mm_standard_input[] = { dash, NULL };

int mm_output_open(struct mm_writer *w, const struct mm_common *c, bool binary,
		   struct mm_err *err)
{
	int rc = mm_writer_open(w, c->output ? c->output : "-", err);

	if (rc || !binary || !mm_writer_is_terminal(w))
		return rc;
	mm_writer_abort(w);
	return mm_fail(err, MM_ERR_USAGE,
		       "the result is binary and standard output a terminal; "
		       "use -o FILE or a pipe");
}

int mm_output_text(const struct mm_common *c, const struct mm_buf *text,
		   struct mm_err *err)
{
	struct mm_writer w;
	int rc;

	if ((rc = mm_buf_check(text, "the result", err)) ||
	    (rc = mm_output_open(&w, c, false, err)))
		return rc;
	if (!(rc = mm_writer_write(&w, mm_buf_str(text), text->len, err)))
		return mm_writer_commit(&w, err);
	mm_writer_abort(&w);
	return rc;
}

int mm_need_model(const struct mm_common *c, struct mm_err *err)
{
	if (c->model)
		return MM_OK;
	return mm_fail(err, MM_ERR_USAGE, "no model given; use -m DIR");
}

int mm_need_output(const struct mm_common *c, struct mm_err *err)
{
	if (c->output && strcmp(c->output, "-"))
		return MM_OK;
	return mm_fail(err, MM_ERR_USAGE,
		       "the result needs a name; use -o PATH");
}

void mm_note(const struct mm_common *c, const char *fmt, ...)
{
	va_list ap;

	if (c->quiet)
		return;
	fprintf(stderr, "%s: ", mm_program);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

bool mm_shard_has(const struct mm_shard *s, uint64_t position)
{
	return !s->count || position % (uint64_t)s->count == (uint64_t)s->index;
}

/* ---- bad samples ---- */

int mm_bad_open(struct mm_bad *b, const struct mm_common *c, struct mm_err *err)
{
	int rc;

	memset(b, 0, sizeof(*b));
	b->common = c;
	if (!c->report)
		return MM_OK;
	if ((rc = mm_writer_open(&b->report, c->report, err)))
		return rc;
	b->reporting = true;
	return mm_writer_printf(&b->report, err, "id\tstage\treason\n");
}

/* A cell of the report: what would break the table becomes a blank. */
static void add_cell(struct mm_buf *out, const char *text)
{
	for (; *text; text++)
		mm_buf_addc(out, (unsigned char)*text < ' ' ? ' ' : *text);
}

static int list_bad(struct mm_bad *b, const char *id, const char *stage,
		    struct mm_err *err)
{
	struct mm_buf row = { 0 };
	int rc;

	add_cell(&row, id);
	mm_buf_addc(&row, '\t');
	add_cell(&row, stage);
	mm_buf_addc(&row, '\t');
	add_cell(&row, err->msg);
	mm_buf_addc(&row, '\n');
	if (!(rc = mm_buf_check(&row, "the report", err)))
		rc = mm_writer_write(&b->report, row.data, row.len, err);
	mm_buf_release(&row);
	return rc;
}

int mm_bad_sample(struct mm_bad *b, const char *id, const char *stage,
		  struct mm_err *err)
{
	struct mm_json_writer *j;
	int rc;

	if (b->common->on_error != MM_ON_ERROR_SKIP ||
	    err->code == MM_ERR_NOMEM || err->code == MM_ERR_SIGNAL)
		return err->code;
	b->n++;
	if ((j = mm_log_begin("skip"))) {
		mm_json_put_str(j, "id", id);
		mm_json_put_str(j, "stage", stage);
		mm_json_put_str(j, "reason", err->msg);
	}
	if ((b->reporting && (rc = list_bad(b, id, stage, err))) ||
	    (rc = mm_log_end(err)))
		return rc;
	memset(err, 0, sizeof(*err));
	return MM_OK;
}

int mm_bad_close(struct mm_bad *b, uint64_t seen, int rc, struct mm_err *err)
{
	struct mm_err second = { 0 };
	int closed = MM_OK;

	if (b->reporting)
		closed = mm_writer_commit(&b->report, &second);
	b->reporting = false;
	if (b->common->on_error == MM_ON_ERROR_SKIP)
		fprintf(stderr, "%s: %llu of %llu samples skipped\n",
			mm_program, (unsigned long long)b->n,
			(unsigned long long)seen);
	if (rc || !closed)
		return rc;
	*err = second;
	return closed;
}

/* ---- log ---- */

static struct {
	FILE *file;
	const char *path;
	struct mm_buf line;
	struct mm_json_writer json;
} journal;

int mm_log_open(const char *path, struct mm_err *err)
{
	if (!path)
		return MM_OK;
	journal.path = path;
	journal.file = strcmp(path, "-") ? fopen(path, "ae")
					 : fdopen(dup(STDOUT_FILENO), "a");
	if (!journal.file)
		return mm_fail_errno(err, "cannot write '%s'", path);
	return MM_OK;
}

struct mm_json_writer *mm_log_begin(const char *event)
{
	struct timespec t;

	if (!journal.file)
		return NULL;
	clock_gettime(CLOCK_REALTIME, &t);
	mm_buf_clear(&journal.line);
	mm_json_writer_init(&journal.json, &journal.line, 0);
	mm_json_open(&journal.json, NULL, '{');
	mm_json_put_str(&journal.json, "event", event);
	mm_json_put_num(&journal.json, "time",
			(double)t.tv_sec +
				1e-3 * (double)(t.tv_nsec / 1000000));
	return &journal.json;
}

int mm_log_end(struct mm_err *err)
{
	int rc;

	if (!journal.file)
		return MM_OK;
	mm_json_close(&journal.json);
	mm_buf_addc(&journal.line, '\n');
	if ((rc = mm_buf_check(&journal.line, "the log", err)))
		return rc;
	if (fwrite(journal.line.data, 1, journal.line.len, journal.file) !=
		    journal.line.len ||
	    fflush(journal.file))
		return mm_fail_errno(err, "cannot write '%s'", journal.path);
	return MM_OK;
}

void mm_log_close(void)
{
	if (journal.file)
		fclose(journal.file);
	mm_buf_release(&journal.line);
	memset(&journal, 0, sizeof(journal));
}

/* ---- signals ---- */

static volatile sig_atomic_t stop_signal, deferred;

static void on_stop(int sig)
{
	if (deferred && !stop_signal) {
		stop_signal = sig;
		return;
	}
	mm_io_unlink_temporaries();
	_exit(128 + sig);
}

static void on_pipe(int sig)
{
	mm_io_unlink_temporaries();
	signal(sig, SIG_DFL);
	raise(sig);
}

void mm_signals_install(void)
{
	struct sigaction stop = { .sa_handler = on_stop };
	struct sigaction pipe = { .sa_handler = on_pipe,
				  .sa_flags = SA_NODEFER };

	sigemptyset(&stop.sa_mask);
	sigemptyset(&pipe.sa_mask);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGPIPE, &pipe, NULL);
}

const volatile sig_atomic_t *mm_signals_defer(void)
{
	deferred = 1;
	return &stop_signal;
}

int mm_exit_status(int rc)
{
	switch (rc) {
	case MM_OK: return 0;
	case MM_ERR_USAGE: return 2;
	case MM_ERR_SIGNAL: return stop_signal ? 128 + stop_signal : 1;
	default: return 1;
	}
}
