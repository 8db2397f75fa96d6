/*
 * pickle.h - Python's pickles read as data: nothing is imported, nothing runs.
 *
 * Source: the description of the opcodes in CPython's Lib/pickletools.py.
 *
 * A pickle is a program for a small stack machine.  This reader knows the
 * opcodes that build numbers, strings and containers.  The four that would call
 * Python (REDUCE, NEWOBJ, BUILD, BINPERSID) ask the caller's rules, which
 * recognise what they know by name and refuse the rest; INST, OBJ, NEWOBJ_EX
 * and the EXT opcodes are always refused, with the name of what they would
 * call.  Nothing recurses, so that depth costs no stack.
 */
#ifndef MM_TENSOR_PICKLE_H
#define MM_TENSOR_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum mm_pk_kind {
	MM_PK_NONE,
	MM_PK_BOOL,
	MM_PK_INT,
	MM_PK_BIG, /* an integer of more than 64 bits: its bytes */
	MM_PK_FLOAT,
	MM_PK_STR,
	MM_PK_BYTES,
	MM_PK_TUPLE,
	MM_PK_LIST,
	MM_PK_SET,
	MM_PK_DICT,    /* item: key, value, key, value, ... */
	MM_PK_GLOBAL,  /* the name of a class or function: "module.name" */
	MM_PK_OBJECT,  /* item[0]: its class, item[1]: its attributes or NULL */
	MM_PK_OPAQUE,  /* something known and of no use: a device, a date */
	MM_PK_STORAGE, /* made by the rules, see ext */
	MM_PK_TENSOR,
	MM_PK_MARK, /* never seen by the rules */
};

/* A value.  Lives in the arena; may be held by many others, and by itself. */
struct mm_pk {
	enum mm_pk_kind kind;
	uint32_t n, cap; /* bytes of s, or items */
	union {
		int64_t i; /* BOOL and INT */
		double f;
		const char *s; /* STR (UTF-8), BYTES, BIG, GLOBAL; n bytes */
		struct mm_pk **item;
		void *ext; /* STORAGE, TENSOR: what the rules put there */
	};
};

struct mm_pickle;

/*
 * What the caller makes of the four opcodes; *out is the value to push.  A
 * failure ends the reading; the message gets byte and opcode put in front.
 */
struct mm_pickle_rules {
	int (*call)(struct mm_pickle *p, const struct mm_pk *function,
		    const struct mm_pk *args, struct mm_pk **out,
		    struct mm_err *err);
	int (*make)(struct mm_pickle *p, const struct mm_pk *class,
		    const struct mm_pk *args, struct mm_pk **out,
		    struct mm_err *err);
	int (*build)(struct mm_pickle *p, struct mm_pk *object,
		     struct mm_pk *state, struct mm_err *err);
	int (*persistent)(struct mm_pickle *p, const struct mm_pk *id,
			  struct mm_pk **out, struct mm_err *err);
};

/* The machine.  The caller sets the first group; the rest is pickle.c's. */
struct mm_pickle {
	const unsigned char *data; /* strings point into it: it must stay */
	size_t size, at;	   /* at: the next byte, behind STOP at last */
	struct mm_arena *arena;	   /* of all values */
	const struct mm_pickle_rules *rules;
	void *ctx; /* for the rules */

	struct mm_pk **stack, **memo;
	size_t depth, stack_cap, n_memo, memo_cap;
	struct mm_pk *slab; /* values that are not given out yet */
	size_t slab_left;
	size_t op_at; /* of the running opcode */
};

/*
 * Runs from p->at to STOP; *out is the result.  Needs memory in proportion to
 * the pickle, and refuses one that wants more than 192 MiB.
 */
int mm_pickle_run(struct mm_pickle *p, struct mm_pk **out,
		  struct mm_err *err) MM_MUST_CHECK;

/* A new value of that kind (NULL: out of memory), one more item in it. */
struct mm_pk *mm_pk_new(struct mm_pickle *p, enum mm_pk_kind kind)
	__attribute__((warn_unused_result));
int mm_pk_add(struct mm_pickle *p, struct mm_pk *to, struct mm_pk *item,
	      struct mm_err *err) MM_MUST_CHECK;

/* The value of a string key in a DICT (the last one, as in Python), or NULL. */
struct mm_pk *mm_pk_get(const struct mm_pk *dict, const char *key);

/* Is it that STR or GLOBAL? */
bool mm_pk_is(const struct mm_pk *v, enum mm_pk_kind kind, const char *text);

const char *mm_pk_kind_name(const struct mm_pk *v); /* "a tuple", ... */

#endif
