/*
 * progress.c - the progress line.
 *
 *	1234/5000 images  812/s  ETA 0:05  loss 2.31
 *
 * On a terminal the line is drawn over; elsewhere (--progress always) a line
 * is printed every two seconds, for logs of batch systems.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

double mm_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void mm_progress_start(struct mm_progress *p, const struct mm_common *c,
		       const char *unit, uint64_t total)
{
	memset(p, 0, sizeof(*p));
	p->common = c;
	p->unit = unit;
	p->total = total;
	p->terminal = isatty(STDERR_FILENO);
	p->on = !c->quiet && (c->progress == MM_ALWAYS ||
			      (c->progress == MM_AUTO && p->terminal));
	p->start = mm_now();
}

static void draw(struct mm_progress *p, const char *note)
{
	const double seconds = p->shown - p->start;
	const double rate = seconds > 0 ? (double)p->done / seconds : 0;
	char total[32] = "", eta[48] = "";
	double left;

	if (p->total)
		snprintf(total, sizeof(total), "/%llu",
			 (unsigned long long)p->total);
	if (p->total > p->done && rate > 0) {
		left = (double)(p->total - p->done) / rate;
		snprintf(eta, sizeof(eta), "  ETA %.0f:%02.0f",
			 (left - (double)((long)left % 60)) / 60,
			 (double)((long)left % 60));
	}
	fprintf(stderr, "%s%llu%s %s  %.*f/s%s%s%s%s", p->terminal ? "\r" : "",
		(unsigned long long)p->done, total, p->unit, rate < 10 ? 1 : 0,
		rate, eta, note ? "  " : "", note ? note : "",
		p->terminal ? "\033[K" : "\n");
	fflush(stderr);
}

void mm_progress_show(struct mm_progress *p, uint64_t done, const char *note)
{
	double now;

	p->done = done;
	if (!p->on)
		return;
	now = mm_now();
	if (now - p->shown < (p->terminal ? 0.2 : 2.0))
		return;
	p->shown = now;
	draw(p, note);
}

void mm_progress_end(struct mm_progress *p)
{
	if (!p->on)
		return;
	if (p->terminal) {
		fputs("\r\033[K", stderr);
	} else {
		p->shown = mm_now();
		draw(p, NULL);
	}
	p->on = false;
}
