/*
 * records.h - records of a delimited text file (CSV, TSV), one by one.
 *
 * Sources: RFC 4180 for CSV; the IANA registration of
 * text/tab-separated-values, and what spreadsheets and pandas write, for TSV.
 *
 *	both	UTF-8, a byte order mark is skipped; lines end in LF or CR LF;
 *		blank lines are skipped; a field in quotes may hold
 *		delimiters, line ends and doubled quotes
 *	|	blanks around a field go
 *	CSV	a quote that is not closed, or has text behind it, is an error
 *	TSV	such a quote is an ordinary character: captions begin with them
 */
#ifndef MM_DATA_RECORDS_H
#define MM_DATA_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/io.h"

struct mm_record_field {
	size_t begin, len; /* in text; a NUL follows */
};

struct mm_records {
	struct mm_reader *in; /* borrowed */
	const char *name;     /* for messages, borrowed */
	char delimiter;
	bool strict;   /* CSV */
	bool eof, bad; /* bad: after a failure, the record was skipped */
	uint64_t line; /* of the current record's start, from 1 */
	uint64_t next_line;
	struct mm_buf window;	       /* what was read ahead */
	size_t at;		       /* the next record in it */
	struct mm_buf text;	       /* the fields, quotes taken off */
	struct mm_record_field *field; /* n_fields of them */
	size_t n_fields, cap_fields;
};

enum { MM_RECORDS_MAX_RECORD = 64 << 20 };

/* delimiter 0: CSV whose delimiter is the one of , ; | and tab that its first
 * line has most of.  Reads nothing yet but the first line. */
int mm_records_open(struct mm_records *t, struct mm_reader *in,
		    const char *name, char delimiter, bool strict,
		    struct mm_err *err) MM_MUST_CHECK;

/* The next record: n_fields > 0, or 0 at the end. */
int mm_records_next(struct mm_records *t, struct mm_err *err) MM_MUST_CHECK;

/* Field i of the current record. */
const char *mm_record_field(const struct mm_records *t, size_t i, size_t *len);
void mm_records_release(struct mm_records *t); /* safe on zeros */

#endif
