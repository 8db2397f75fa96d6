/*
 * common.h - what every command shares: the options of the same meaning
 * everywhere, output, progress, the log, bad samples, signals.
 *
 * The first member of an args struct is `struct mm_common common`.  All zeros
 * is a good default for it; a command that has -B sets batch_size.
 *
 *	struct view_args {
 *		struct mm_common common;
 *		int64_t rows;
 *	};
 *
 * main reads threads, quiet, log and config itself.
 */
#ifndef MM_COMMON_H
#define MM_COMMON_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/json.h"
#include "opt.h"

enum mm_on_error { MM_ON_ERROR_STOP, MM_ON_ERROR_SKIP };
enum mm_when { MM_AUTO, MM_ALWAYS, MM_NEVER };

struct mm_common {
	const char *model;  /* NULL: not given */
	const char *output; /* NULL: not given; see mm_output_open */
	const char *report, *log, *config;
	int64_t threads; /* 0: all that this process may use */
	int64_t seed, batch_size;
	int64_t image_size; /* 0: the model's */
	struct mm_shard shard;
	int on_error; /* enum mm_on_error */
	int progress; /* enum mm_when */
	bool quiet, json;
	bool cache; /* keep packed weights beside the model */
};

extern const char *const mm_on_error_words[], *const mm_when_words[];

/*
 * Rows for option tables; T is the command's args struct.  A command takes
 * those that mean something to it, and MM_OPT_GENERAL last.
 */
#define MM_OPT_OUTPUT(T)                                 \
	MM_PATH('o', "output", T, common.output, "PATH", \
		"where the result goes; '-' or nothing is standard output")
#define MM_OPT_OUTPUT_DIR(T)                           \
	MM_DIR('o', "output", T, common.output, "DIR", \
	       "folder that the result goes to, made if need be")
#define MM_OPT_MODEL(T)                              \
	MM_DIR('m', "model", T, common.model, "DIR", \
	       "model folder (Hugging Face or open_clip layout)")
#define MM_OPT_IMAGE_SIZE(T)                                            \
	MM_INT(0, "image-size", T, common.image_size, "N", 1, 16384,    \
	       "side of the pictures, if not the model's own: its table " \
	       "of positions is resized (bicubic)")
#define MM_OPT_CACHE(T)                                                        \
	MM_FLAG(0, "cache", T, common.cache,                                   \
		"keep the packed weights beside the model, so that the next " \
		"start maps them")
#define MM_OPT_BATCH(T)                                              \
	MM_INT('B', "batch-size", T, common.batch_size, "N", 1, 1e6, \
	       "samples at a time; the result does not depend on it")
#define MM_OPT_SEED(T)                                    \
	MM_INT(0, "seed", T, common.seed, "N", 0, 0x1p63, \
	       "seed of all random numbers")
#define MM_OPT_SHARD(T)                       \
	MM_SHARD(0, "shard", T, common.shard, \
		 "only the samples whose position is I modulo N")
#define MM_OPT_ON_ERROR(T)                                            \
	MM_ENUM(0, "on-error", T, common.on_error, mm_on_error_words, \
		"what to do about a bad sample"),                     \
		MM_PATH(0, "report", T, common.report, "FILE",        \
			"list the skipped samples: id, stage, reason")
#define MM_OPT_JSON(T)                     \
	MM_FLAG(0, "json", T, common.json, \
		"print the result as one JSON object")
#define MM_OPT_LOG(T)                                                          \
	MM_PATH(0, "log", T, common.log, "FILE",                               \
		"append what happens to FILE, a JSON object a line; '-' is " \
		"standard output")
#define MM_OPT_THREADS(T)                                                   \
	MM_OPT_OF(MM_OPT_INT, 'j', "threads", T, common.threads, int64_t,   \
		  .arg = "N", .lo = 1, .hi = 4096, .no_default = true,      \
		  .help = "threads [every core this process may use]; the " \
			  "result never depends on it")

/* What every command has.  `q` is 'q', or 0 where -q means something else. */
#define MM_OPT_GENERAL_Q(T, q)                                            \
	MM_GROUP("General"), MM_OPT_THREADS(T),                           \
		MM_ENUM(0, "progress", T, common.progress, mm_when_words, \
			"show a progress line on standard error"),        \
		MM_FLAG(q, "quiet", T, common.quiet,                      \
			"no progress, no remarks; errors only"),          \
		MM_OPT_LOG(T),                                            \
		MM_PATH(0, "config", T, common.config, "FILE",            \
			"read options from FILE, one 'name = value' a "   \
			"line; the command line wins"),                   \
		MM_HELP("show this help")
#define MM_OPT_GENERAL(T) MM_OPT_GENERAL_Q(T, 'q')

/* The operands {"-"}, for whom no operand is standard input. */
extern char *mm_standard_input[];

/* ---- output ---- */

/*
 * Open what -o names; standard output where it is absent or "-".  Binary is
 * refused (MM_ERR_USAGE) when that is a terminal.
 */
int mm_output_open(struct mm_writer *w, const struct mm_common *c, bool binary,
		   struct mm_err *err) MM_MUST_CHECK;

/* A whole text result (table or JSON) to where -o says. */
int mm_output_text(const struct mm_common *c, const struct mm_buf *text,
		   struct mm_err *err) MM_MUST_CHECK;

/* MM_ERR_USAGE with the way out, where -m or -o was not given. */
int mm_need_model(const struct mm_common *c, struct mm_err *err) MM_MUST_CHECK;
int mm_need_output(const struct mm_common *c, struct mm_err *err) MM_MUST_CHECK;

/* A remark on standard error, "mmtool NAME: ..."; nothing with --quiet. */
void mm_note(const struct mm_common *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* True where sample number `position` (from 0) belongs to --shard. */
bool mm_shard_has(const struct mm_shard *s, uint64_t position);

/* ---- bad samples: --on-error, --report ---- */

/*
 *	if (rc && (rc = mm_bad_sample(&bad, id, "decode", err)))
 *		goto out;
 *	...
 *	rc = mm_bad_close(&bad, seen, rc, err);
 */
struct mm_bad {
	const struct mm_common *common;
	struct mm_writer report;
	bool reporting;
	uint64_t n; /* skipped so far */
};

int mm_bad_open(struct mm_bad *b, const struct mm_common *c,
		struct mm_err *err) MM_MUST_CHECK;

/*
 * A sample failed with *err.  With --on-error stop, or where the failure is
 * not the sample's (memory, a signal): err->code, the message as it was.
 * With skip: the sample is listed and the answer MM_OK.
 */
int mm_bad_sample(struct mm_bad *b, const char *id, const char *stage,
		  struct mm_err *err) MM_MUST_CHECK;

/*
 * Complete the report and, where --on-error is skip, print how many of `seen`
 * samples were skipped.  Returns rc where that is a failure already.
 */
int mm_bad_close(struct mm_bad *b, uint64_t seen, int rc,
		 struct mm_err *err) MM_MUST_CHECK;

/* ---- progress ---- */

struct mm_progress {
	const struct mm_common *common;
	const char *unit; /* "images" */
	uint64_t total;	  /* 0: not known */
	uint64_t done;
	double start, shown; /* seconds on the monotonic clock */
	bool on, terminal;
};

void mm_progress_start(struct mm_progress *p, const struct mm_common *c,
		       const char *unit, uint64_t total);

/* `note` (may be NULL) ends the line: "loss 2.31".  Draws 5 times a second. */
void mm_progress_show(struct mm_progress *p, uint64_t done, const char *note);

/* Clear the line, or end it with the last figures where it is not a terminal.
 */
void mm_progress_end(struct mm_progress *p);

double mm_now(void); /* seconds on the monotonic clock */

/* ---- log: JSON lines appended to --log ---- */

/*
 *	struct mm_json_writer *j = mm_log_begin("step");
 *	if (j)
 *		mm_json_put_num(j, "loss", loss);
 *	rc = mm_log_end(err);
 *
 * Each line is one write, so that several processes may share a file.  It
 * begins with "event" and "time" (seconds since 1970).  NULL where no log was
 * asked for; mm_log_end is then MM_OK.
 */
struct mm_json_writer *mm_log_begin(const char *event);
int mm_log_end(struct mm_err *err) MM_MUST_CHECK;

/* main's: open --log (path may be NULL), close it. */
int mm_log_open(const char *path, struct mm_err *err) MM_MUST_CHECK;
void mm_log_close(void);

/* ---- signals ---- */

/*
 * SIGINT, SIGTERM: unlink temporaries and end with 130 or 143 at once, unless
 * the command said mm_signals_defer(): then the first one only sets the flag,
 * so that the command can save and return MM_ERR_SIGNAL; a second ends it.
 * SIGPIPE ends quietly, as the shell expects.
 */
void mm_signals_install(void);
const volatile sig_atomic_t *mm_signals_defer(void);

/* Exit status of a command that returned `rc`. */
int mm_exit_status(int rc);

/* The name in messages, "mmtool view"; set by main. */
extern const char *mm_program;
extern const char mm_version[]; /* "0.1.0" */

#endif
