/* train_log.c - log.jsonl of a run; see train.h. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "train.h"
#include "train/runlog.h"

/* Where the lines of steps before `step` end in an earlier run's log. */
static off_t log_end(const char *path, long step)
{
	struct mm_reader r;
	char *line;
	size_t len;
	off_t end = 0;

	if (mm_reader_open(&r, path, NULL))
		return 0;
	while (!mm_reader_line(&r, &line, &len, 1 << 20, NULL) && line) {
		struct mm_json *j = NULL;
		long at = -1;

		if (!mm_json_parse(&j, line, len, path, NULL))
			at = (long)mm_json_int(mm_json_get(j, "step"), -1);
		mm_json_free(j);
		if (at < 0 || at >= step)
			break;
		end = (off_t)r.offset;
	}
	mm_reader_release(&r);
	return end;
}

static int open_log(struct mm_train_log *l, const char *dir, long step,
		    struct mm_err *err)
{
	off_t end;
	int rc;

	if (l->fd >= 0)
		return MM_OK;
	if ((rc = mm_mkdirs(dir, err)))
		return rc;
	snprintf(l->path, sizeof(l->path), "%s/log.jsonl", dir);
	end = log_end(l->path, step);
	l->fd = open(l->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (l->fd < 0 || ftruncate(l->fd, end) ||
	    lseek(l->fd, end, SEEK_SET) != end)
		return mm_fail_errno(err, "cannot write '%s'", l->path);
	return MM_OK;
}

static void put_step(struct mm_json_writer *w, const struct mm_train_report *r)
{
	mm_json_open(w, NULL, '{');
	mm_json_put_int(w, "step", r->step);
	mm_json_put_int(w, "epoch", r->epoch);
	mm_json_put_num(w, "loss", r->loss);
	if (r->n_terms > 1) {
		mm_json_open(w, "losses", '{');
		for (size_t i = 0; i < r->n_terms; i++)
			mm_json_put_num(w, r->term_name[i], r->term[i]);
		mm_json_close(w);
	}
	mm_json_open(w, "lr", '{');
	for (int g = 0; g < MM_N_GROUPS; g++)
		mm_json_put_num(w, mm_group_names[g], r->lr[g]);
	mm_json_close(w);
	mm_json_put_num(w, "grad_norm", r->grad_norm);
	if (r->loss_scale != 1) {
		mm_json_put_num(w, "loss_scale", r->loss_scale);
		mm_json_put_int(w, "skipped", r->n_skipped);
	}
	if (r->spike) {
		mm_json_put_str(w, "spike", r->spike);
		mm_json_put_num(w, "spike_factor", r->spike_factor);
	}
	mm_json_put_num(w, "samples_per_s", r->samples_per_s);
	mm_json_close(w);
}

/* "a.x", "a.y", "z" as {"a":{"x":..,"y":..},"z":..}. */
static void put_figures(struct mm_json_writer *w,
			const struct mm_train_report *r)
{
	char group[56] = "";

	for (size_t i = 0; i < r->n_figures; i++) {
		const char *name = r->figure[i].name;
		const char *dot = strchr(name, '.');
		const size_t n = dot ? (size_t)(dot - name) : 0;

		if (*group && (strncmp(group, name, n) || group[n] || !n)) {
			mm_json_close(w);
			*group = '\0';
		}
		if (n && !*group) {
			snprintf(group, sizeof(group), "%.*s", (int)n, name);
			mm_json_open(w, group, '{');
		}
		mm_json_put_num(w, n ? dot + 1 : name, r->figure[i].value);
	}
	if (*group)
		mm_json_close(w);
}

int mm_train_log_write(struct mm_train_log *l, const char *dir,
		       const struct mm_train_report *r, struct mm_err *err)
{
	struct mm_buf b = { 0 };
	struct mm_json_writer w;
	int rc = open_log(l, dir, r->step, err);

	if (rc)
		return rc;
	mm_json_writer_init(&w, &b, 0);
	put_step(&w, r);
	mm_buf_addc(&b, '\n');
	if (r->evaluated) {
		mm_json_writer_init(&w, &b, 0);
		mm_json_open(&w, NULL, '{');
		mm_json_put_int(&w, "step", r->step);
		mm_json_open(&w, "val", '{');
		put_figures(&w, r);
		mm_json_close(&w);
		mm_json_close(&w);
		mm_buf_addc(&b, '\n');
	}
	rc = mm_buf_check(&b, "the log", err);
	if (!rc && write(l->fd, b.data, b.len) != (ssize_t)b.len)
		rc = mm_fail_errno(err, "cannot write '%s'", l->path);
	mm_buf_release(&b);
	return rc;
}

void mm_train_log_close(struct mm_train_log *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

/* ---- --plot ---- */

enum { MAX_DRAWN = 16 };

/* The runs so far, the first one first; those without a log are left out. */
static int read_logs(const struct mm_train_stage *s, struct mm_runlog *logs,
		     size_t *n, struct mm_err *err)
{
	char path[4096];
	struct stat st;
	int rc = MM_OK;

	if (s->before && (rc = read_logs(s->before, logs, n, err)))
		return rc;
	snprintf(path, sizeof(path), "%s/log.jsonl", s->dir);
	if (*n == MAX_DRAWN || stat(path, &st) || !st.st_size)
		return MM_OK;
	logs[*n].name = s->name ? s->name : s->dir;
	if (!(rc = mm_runlog_read(&logs[*n], path, err)))
		++*n;
	else
		mm_runlog_release(&logs[*n]);
	return rc;
}

int mm_train_plot(const struct mm_train_stage *stage, struct mm_err *err)
{
	const char *path = stage->a->plot;
	const size_t len = strlen(path);
	struct mm_runlog logs[MAX_DRAWN] = { { .n = 0 } };
	struct mm_buf out = { 0 };
	size_t n = 0;
	int rc = read_logs(stage, logs, &n, err);

	mm_runlog_draw(&out, logs, n,
		       len > 5 && !strcmp(path + len - 5, ".html"));
	if (!rc && !(rc = mm_buf_check(&out, "the plot", err)))
		rc = mm_file_write(path, out.data, out.len, err);
	for (size_t i = 0; i < n; i++)
		mm_runlog_release(&logs[i]);
	mm_buf_release(&out);
	return rc;
}
