/* spool.c - see spool.h. */
#include "spool.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

enum { STEP = 1 << 16 };

/* A named pipe, or standard input where it is one. */
static bool is_pipe(const char *path)
{
	struct stat st;

	if (!strcmp(path, "-"))
		return lseek(STDIN_FILENO, 0, SEEK_CUR) < 0;
	return stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
}

static int keep(FILE *to, const char *path, struct mm_err *err)
{
	struct mm_reader in;
	char *step = NULL;
	size_t got = STEP;
	int rc = mm_reader_open(&in, path, err);

	if (rc)
		return rc;
	if (!(step = mm_malloc(STEP, 1)))
		rc = mm_fail_nomem(err, in.name);
	while (!rc && got == STEP)
		if (!(rc = mm_reader_read(&in, step, STEP, &got, err)) &&
		    fwrite(step, 1, got, to) != got)
			rc = mm_fail_errno(err,
					   "cannot keep %s in a "
					   "temporary file",
					   in.name);
	if (!rc && fflush(to))
		rc = mm_fail_errno(err, "cannot keep %s in a temporary file",
				   in.name);
	mm_reader_release(&in);
	mm_free(step);
	return rc;
}

/* What operand i reads from then on. */
static int replace(struct mm_spool *s, size_t i, struct mm_err *err)
{
	int rc;

	if (!(s->file[i] = tmpfile()))
		return mm_fail_errno(err, "cannot make a temporary file");
	if ((rc = keep(s->file[i], s->path[i], err)))
		return rc;
	if (strcmp(s->path[i], "-")) {
		snprintf(s->name[i], sizeof(s->name[i]), "/dev/fd/%d",
			 fileno(s->file[i]));
		s->path[i] = s->name[i];
		return MM_OK;
	}
	rewind(s->file[i]);
	if (dup2(fileno(s->file[i]), STDIN_FILENO) < 0)
		return mm_fail_errno(err, "cannot keep standard input");
	return MM_OK;
}

int mm_spool_open(struct mm_spool *s, int argc, char **argv, struct mm_err *err)
{
	bool again = false;
	int rc = MM_OK;

	*s = (struct mm_spool){ .n = (size_t)argc };
	s->path = mm_calloc(s->n, sizeof(*s->path));
	s->file = mm_calloc(s->n, sizeof(*s->file));
	s->name = mm_calloc(s->n, sizeof(*s->name));
	if (!s->path || !s->file || !s->name)
		return mm_fail_nomem(err, "the operands");
	for (size_t i = 0; i < s->n && !rc; i++) {
		s->path[i] = argv[i];
		if (!strcmp(argv[i], "-") && again)
			return mm_fail(err, MM_ERR_USAGE,
				       "standard input cannot be read twice");
		again |= !strcmp(argv[i], "-");
		if (is_pipe(argv[i]))
			rc = replace(s, i, err);
	}
	s->start = lseek(STDIN_FILENO, 0, SEEK_CUR);
	return rc;
}

int mm_spool_rewind(const struct mm_spool *s, struct mm_err *err)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->path[i], "-") &&
		    lseek(STDIN_FILENO, s->start, SEEK_SET) < 0)
			return mm_fail_errno(err,
					     "cannot read standard input again");
	return MM_OK;
}

void mm_spool_release(struct mm_spool *s)
{
	for (size_t i = 0; s->file && i < s->n; i++)
		if (s->file[i])
			fclose(s->file[i]);
	mm_free(s->path);
	mm_free(s->file);
	mm_free(s->name);
	*s = (struct mm_spool){ 0 };
}
