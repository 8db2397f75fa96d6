/* pickle.c - see pickle.h. */
#include "tensor/pickle.h"

#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

enum {
	SLAB = 1024, /* values that are allocated together */
	MAX_MEMORY = 192 << 20,
	MAX_ITEMS = 1 << 23, /* of stack and memo */
};

static int nomem(struct mm_err *err)
{
	return mm_fail_nomem(err, "a pickle's values");
}

static int too_large(struct mm_err *err)
{
	return mm_fail(err, MM_ERR_REFUSED,
		       "more values than a checkpoint has any use for");
}

/* ---- values ---- */

struct mm_pk *mm_pk_new(struct mm_pickle *p, enum mm_pk_kind kind)
{
	if (!p->slab_left) {
		if (p->arena->total > MAX_MEMORY)
			return NULL;
		p->slab = mm_arena_alloc(p->arena, SLAB, sizeof(*p->slab));
		if (!p->slab)
			return NULL;
		p->slab_left = SLAB;
	}
	p->slab_left--;
	p->slab->kind = kind;
	return p->slab++;
}

int mm_pk_add(struct mm_pickle *p, struct mm_pk *to, struct mm_pk *item,
	      struct mm_err *err)
{
	if (to->n == to->cap) {
		const uint32_t cap = to->cap ? 2 * to->cap : 4;
		struct mm_pk **more;

		if (p->arena->total > MAX_MEMORY || cap > MAX_ITEMS)
			return too_large(err);
		more = mm_arena_alloc(p->arena, cap, sizeof(struct mm_pk *));
		if (!more)
			return nomem(err);
		if (to->n)
			memcpy(more, to->item, to->n * sizeof(struct mm_pk *));
		to->item = more;
		to->cap = cap;
	}
	to->item[to->n++] = item;
	return MM_OK;
}

bool mm_pk_is(const struct mm_pk *v, enum mm_pk_kind kind, const char *text)
{
	return v && v->kind == kind && strlen(text) == v->n &&
	       !memcmp(v->s, text, v->n);
}

struct mm_pk *mm_pk_get(const struct mm_pk *dict, const char *key)
{
	if (!dict || dict->kind != MM_PK_DICT)
		return NULL;
	for (size_t i = dict->n; i >= 2; i -= 2)
		if (mm_pk_is(dict->item[i - 2], MM_PK_STR, key))
			return dict->item[i - 1];
	return NULL;
}

const char *mm_pk_kind_name(const struct mm_pk *v)
{
	static const char *const names[] = {
		[MM_PK_NONE] = "None",	       [MM_PK_BOOL] = "a truth value",
		[MM_PK_INT] = "a number",      [MM_PK_BIG] = "a huge number",
		[MM_PK_FLOAT] = "a number",    [MM_PK_STR] = "a string",
		[MM_PK_BYTES] = "bytes",       [MM_PK_TUPLE] = "a tuple",
		[MM_PK_LIST] = "a list",       [MM_PK_SET] = "a set",
		[MM_PK_DICT] = "a mapping",    [MM_PK_GLOBAL] = "a class",
		[MM_PK_OBJECT] = "an object",  [MM_PK_OPAQUE] = "an object",
		[MM_PK_STORAGE] = "a storage", [MM_PK_TENSOR] = "a tensor",
		[MM_PK_MARK] = "a mark",
	};

	return names[v->kind];
}

/* ---- the machine's stack ---- */

/* Twice the room in a list of values that malloc owns. */
static int grow(struct mm_pk ***list, size_t *cap, struct mm_err *err)
{
	const size_t more = *cap ? 2 * *cap : 256;
	struct mm_pk **p;

	if (more > MAX_ITEMS)
		return too_large(err);
	if (!(p = mm_realloc(*list, more, sizeof(struct mm_pk *))))
		return nomem(err);
	*list = p;
	*cap = more;
	return MM_OK;
}

static int push(struct mm_pickle *p, struct mm_pk *v, struct mm_err *err)
{
	int rc;

	if (!v)
		return p->arena->total > MAX_MEMORY ? too_large(err)
						    : nomem(err);
	if (p->depth == p->stack_cap &&
	    (rc = grow(&p->stack, &p->stack_cap, err)))
		return rc;
	p->stack[p->depth++] = v;
	return MM_OK;
}

/* The n topmost values, first pushed first: all there, and no mark. */
static int top(const struct mm_pickle *p, size_t n, struct mm_pk ***v,
	       struct mm_err *err)
{
	if (p->depth < n)
		return mm_fail(err, MM_ERR_FORMAT, "the stack is empty");
	*v = p->stack + p->depth - n;
	for (size_t i = 0; i < n; i++)
		if ((*v)[i]->kind == MM_PK_MARK)
			return mm_fail(err, MM_ERR_FORMAT,
				       "a mark stands where a value should");
	return MM_OK;
}

/* The values above the last mark, which goes with them: *n of them at *v. */
static int pop_to_mark(struct mm_pickle *p, struct mm_pk ***v, size_t *n,
		       struct mm_err *err)
{
	size_t at = p->depth;

	while (at && p->stack[at - 1]->kind != MM_PK_MARK)
		at--;
	if (!at)
		return mm_fail(err, MM_ERR_FORMAT, "there is no mark");
	*v = p->stack + at;
	*n = p->depth - at;
	p->depth = at - 1;
	return MM_OK;
}

/* ---- the bytes behind an opcode ---- */

static int take(struct mm_pickle *p, uint64_t n, const unsigned char **bytes,
		struct mm_err *err)
{
	if (n > p->size - p->at)
		return mm_fail(err, MM_ERR_FORMAT,
			       "%llu bytes are said to follow, %zu are left",
			       (unsigned long long)n, p->size - p->at);
	*bytes = p->data + p->at;
	p->at += (size_t)n;
	return MM_OK;
}

static int take_number(struct mm_pickle *p, size_t n, uint64_t *x,
		       struct mm_err *err)
{
	const unsigned char *b = NULL;
	int rc = take(p, n, &b, err);

	*x = 0;
	while (!rc && n--)
		*x = *x << 8 | b[n];
	return rc;
}

static int take_line(struct mm_pickle *p, const char **line, size_t *n,
		     struct mm_err *err)
{
	const char *begin = (const char *)p->data + p->at;
	const char *end = memchr(begin, '\n', p->size - p->at);

	if (!end)
		return mm_fail(err, MM_ERR_FORMAT, "a line has no end");
	*line = begin;
	*n = (size_t)(end - begin);
	p->at += *n + 1;
	return MM_OK;
}

/* "module.name" as one value. */
static int global(struct mm_pickle *p, const char *module, size_t a,
		  const char *name, size_t b, struct mm_pk **out,
		  struct mm_err *err)
{
	struct mm_pk *v = mm_pk_new(p, MM_PK_GLOBAL);
	char *s = a + b < 4096 ? mm_arena_alloc(p->arena, a + b + 2, 1) : NULL;

	if (!v || !s)
		return a + b < 4096 ? nomem(err)
				    : mm_fail(err, MM_ERR_FORMAT,
					      "a name of %zu bytes", a + b);
	memcpy(s, module, a);
	s[a] = '.';
	memcpy(s + a + 1, name, b);
	v->s = s;
	v->n = (uint32_t)(a + 1 + b);
	*out = v;
	return MM_OK;
}

/* ---- opcodes ---- */

enum {
	SIGNED = 1, /* its length is */
	RAW = 2,    /* Python 2's str: text or bytes */
};

struct opcode {
	const char *name;
	int (*run)(struct mm_pickle *p, const struct opcode *op,
		   struct mm_err *err);
	int arg;  /* bytes of a number or length, or items of a tuple */
	int kind; /* of the value that it makes */
	int flag; /* a truth value; of strings: SIGNED, RAW */
};

static int op_skip(struct mm_pickle *p, const struct opcode *op,
		   struct mm_err *err)
{
	uint64_t ignored;

	return take_number(p, (size_t)op->arg, &ignored, err);
}

static int op_simple(struct mm_pickle *p, const struct opcode *op,
		     struct mm_err *err)
{
	struct mm_pk *v = mm_pk_new(p, (enum mm_pk_kind)op->kind);

	if (v && op->kind == MM_PK_BOOL)
		v->i = op->flag;
	return push(p, v, err);
}

static int op_int(struct mm_pickle *p, const struct opcode *op,
		  struct mm_err *err)
{
	struct mm_pk *v = mm_pk_new(p, MM_PK_INT);
	uint64_t x;
	int rc = take_number(p, (size_t)op->arg, &x, err);

	if (!rc && v)
		v->i = op->arg == 4 ? (int32_t)(uint32_t)x : (int64_t)x;
	return rc ? rc : push(p, v, err);
}

static int op_float(struct mm_pickle *p, const struct opcode *op,
		    struct mm_err *err)
{
	struct mm_pk *v = mm_pk_new(p, MM_PK_FLOAT);
	const unsigned char *b = NULL;
	uint64_t x = 0;
	int rc = take(p, 8, &b, err);

	(void)op;
	for (int i = 0; i < 8 && !rc; i++)
		x = x << 8 | b[i];
	if (v)
		memcpy(&v->f, &x, sizeof(x));
	return rc ? rc : push(p, v, err);
}

/* Strings, bytes and long integers: a length, then that many bytes. */
static int op_bytes(struct mm_pickle *p, const struct opcode *op,
		    struct mm_err *err)
{
	struct mm_pk *v = mm_pk_new(p, (enum mm_pk_kind)op->kind);
	const unsigned char *b = NULL;
	uint64_t n;
	int rc = take_number(p, (size_t)op->arg, &n, err);

	if (!rc && op->flag & SIGNED && n > INT32_MAX)
		return mm_fail(err, MM_ERR_FORMAT, "a negative length");
	if (rc || (rc = take(p, n, &b, err)))
		return rc;
	if (n > UINT32_MAX)
		return mm_fail(err, MM_ERR_FORMAT, "a string of 4 GiB");
	if (v) {
		v->s = (const char *)b;
		v->n = (uint32_t)n;
	}
	if (op->kind == MM_PK_STR &&
	    mm_utf8_prefix((const char *)b, (size_t)n) != n) {
		if (!(op->flag & RAW))
			return mm_fail(err, MM_ERR_FORMAT,
				       "a string is not UTF-8");
		if (v)
			v->kind = MM_PK_BYTES;
	}
	if (v && op->kind == MM_PK_BIG && n <= 8) {
		uint64_t x = n && b[n - 1] & 0x80 ? UINT64_MAX : 0;

		while (n--)
			x = x << 8 | b[n];
		v->kind = MM_PK_INT;
		v->i = (int64_t)x;
	}
	return push(p, v, err);
}

/* n values off the stack into a new container. */
static int collect(struct mm_pickle *p, const struct opcode *op,
		   struct mm_pk **v, size_t n, struct mm_err *err)
{
	struct mm_pk *to = mm_pk_new(p, (enum mm_pk_kind)op->kind);
	int rc = MM_OK;

	if (op->kind == MM_PK_DICT && n % 2)
		return mm_fail(err, MM_ERR_FORMAT, "a key without a value");
	for (size_t i = 0; to && i < n && !rc; i++)
		rc = mm_pk_add(p, to, v[i], err);
	return rc ? rc : push(p, to, err);
}

/* The n values on top, in order. */
static int pop_values(struct mm_pickle *p, size_t n, struct mm_pk ***v,
		      struct mm_err *err)
{
	int rc = top(p, n, v, err);

	p->depth -= rc ? 0 : n;
	return rc;
}

static int op_collect(struct mm_pickle *p, const struct opcode *op,
		      struct mm_err *err)
{
	struct mm_pk **v = NULL;
	int rc = pop_values(p, (size_t)op->arg, &v, err);

	return rc ? rc : collect(p, op, v, (size_t)op->arg, err);
}

static int op_collect_mark(struct mm_pickle *p, const struct opcode *op,
			   struct mm_err *err)
{
	struct mm_pk **v = NULL;
	size_t n = 0;
	int rc = pop_to_mark(p, &v, &n, err);

	return rc ? rc : collect(p, op, v, n, err);
}

/* n values at v go into the container below them. */
static int extend(struct mm_pickle *p, const struct opcode *op,
		  struct mm_pk **v, size_t n, struct mm_err *err)
{
	struct mm_pk **to = NULL;
	int rc;

	if ((rc = top(p, 1, &to, err)))
		return rc;
	if ((int)(*to)->kind != op->kind)
		return mm_fail(err, MM_ERR_FORMAT, "%s cannot be added to",
			       mm_pk_kind_name(*to));
	if (op->kind == MM_PK_DICT && n % 2)
		return mm_fail(err, MM_ERR_FORMAT, "a key without a value");
	for (size_t i = 0; i < n && !rc; i++)
		rc = mm_pk_add(p, *to, v[i], err);
	return rc;
}

static int op_extend(struct mm_pickle *p, const struct opcode *op,
		     struct mm_err *err)
{
	struct mm_pk **v = NULL;
	int rc = pop_values(p, (size_t)op->arg, &v, err);

	return rc ? rc : extend(p, op, v, (size_t)op->arg, err);
}

static int op_extend_mark(struct mm_pickle *p, const struct opcode *op,
			  struct mm_err *err)
{
	struct mm_pk **v = NULL;
	size_t n = 0;
	int rc = pop_to_mark(p, &v, &n, err);

	return rc ? rc : extend(p, op, v, n, err);
}

static int op_pop(struct mm_pickle *p, const struct opcode *op,
		  struct mm_err *err)
{
	(void)op;
	if (!p->depth)
		return mm_fail(err, MM_ERR_FORMAT, "the stack is empty");
	p->depth--;
	return MM_OK;
}

static int op_pop_mark(struct mm_pickle *p, const struct opcode *op,
		       struct mm_err *err)
{
	struct mm_pk **v = NULL;
	size_t n;

	(void)op;
	return pop_to_mark(p, &v, &n, err);
}

static int op_dup(struct mm_pickle *p, const struct opcode *op,
		  struct mm_err *err)
{
	struct mm_pk **v = NULL;
	int rc = top(p, 1, &v, err);

	(void)op;
	return rc ? rc : push(p, *v, err);
}

static int memoize(struct mm_pickle *p, uint64_t i, struct mm_err *err)
{
	struct mm_pk **v = NULL;
	int rc = top(p, 1, &v, err);

	if (rc)
		return rc;
	if (i >= p->size)
		return mm_fail(err, MM_ERR_FORMAT, "memo %llu in %zu bytes",
			       (unsigned long long)i, p->size);
	while (i >= p->memo_cap)
		if ((rc = grow(&p->memo, &p->memo_cap, err)))
			return rc;
	while (p->n_memo <= i)
		p->memo[p->n_memo++] = NULL;
	p->memo[i] = *v;
	return MM_OK;
}

static int op_put(struct mm_pickle *p, const struct opcode *op,
		  struct mm_err *err)
{
	uint64_t i = p->n_memo;
	int rc = op->arg ? take_number(p, (size_t)op->arg, &i, err) : MM_OK;

	return rc ? rc : memoize(p, i, err);
}

static int op_get(struct mm_pickle *p, const struct opcode *op,
		  struct mm_err *err)
{
	uint64_t i;
	int rc = take_number(p, (size_t)op->arg, &i, err);

	if (rc)
		return rc;
	if (i >= p->n_memo || !p->memo[i])
		return mm_fail(err, MM_ERR_FORMAT, "memo %llu was never stored",
			       (unsigned long long)i);
	return push(p, p->memo[i], err);
}

static int read_global(struct mm_pickle *p, struct mm_pk **v,
		       struct mm_err *err)
{
	const char *module = NULL, *name = NULL;
	size_t a = 0, b = 0;
	int rc;

	if ((rc = take_line(p, &module, &a, err)) ||
	    (rc = take_line(p, &name, &b, err)))
		return rc;
	return global(p, module, a, name, b, v, err);
}

static int op_global(struct mm_pickle *p, const struct opcode *op,
		     struct mm_err *err)
{
	struct mm_pk *v = NULL;
	int rc = read_global(p, &v, err);

	(void)op;
	return rc ? rc : push(p, v, err);
}

static int op_stack_global(struct mm_pickle *p, const struct opcode *op,
			   struct mm_err *err)
{
	struct mm_pk **v = NULL, *out = NULL;
	int rc = top(p, 2, &v, err);

	(void)op;
	if (rc)
		return rc;
	if (v[0]->kind != MM_PK_STR || v[1]->kind != MM_PK_STR)
		return mm_fail(err, MM_ERR_FORMAT, "a name must be a string");
	p->depth -= 2;
	rc = global(p, v[0]->s, v[0]->n, v[1]->s, v[1]->n, &out, err);
	return rc ? rc : push(p, out, err);
}

/* REDUCE and NEWOBJ: a function or class, and a tuple. */
static int op_call(struct mm_pickle *p, const struct opcode *op,
		   struct mm_err *err)
{
	struct mm_pk **v = NULL, *out = NULL;
	int rc = top(p, 2, &v, err);

	if (rc)
		return rc;
	if (v[0]->kind != MM_PK_GLOBAL)
		return mm_fail(err, MM_ERR_FORMAT, "%s cannot be called",
			       mm_pk_kind_name(v[0]));
	if (v[1]->kind != MM_PK_TUPLE)
		return mm_fail(err, MM_ERR_FORMAT,
			       "arguments must be a tuple, not %s",
			       mm_pk_kind_name(v[1]));
	p->depth -= 2;
	rc = op->flag ? p->rules->make(p, v[0], v[1], &out, err)
		      : p->rules->call(p, v[0], v[1], &out, err);
	return rc ? rc : push(p, out, err);
}

static int op_build(struct mm_pickle *p, const struct opcode *op,
		    struct mm_err *err)
{
	struct mm_pk **v = NULL;
	int rc = top(p, 2, &v, err);

	(void)op;
	if (rc)
		return rc;
	p->depth--;
	return p->rules->build(p, v[0], v[1], err);
}

static int op_persistent(struct mm_pickle *p, const struct opcode *op,
			 struct mm_err *err)
{
	struct mm_pk **v = NULL, *out = NULL;
	int rc = top(p, 1, &v, err);

	(void)op;
	if (rc)
		return rc;
	p->depth--;
	rc = p->rules->persistent(p, *v, &out, err);
	return rc ? rc : push(p, out, err);
}

static int refuse(const struct mm_pk *v, struct mm_err *err)
{
	if (!v || v->kind != MM_PK_GLOBAL)
		return mm_fail(err, MM_ERR_REFUSED,
			       "it would run Python code, which is never done");
	return mm_fail(err, MM_ERR_REFUSED,
		       "it would call '%.*s', which is never done", (int)v->n,
		       v->s);
}

static int op_inst(struct mm_pickle *p, const struct opcode *op,
		   struct mm_err *err)
{
	struct mm_pk *v = NULL;
	int rc = read_global(p, &v, err);

	(void)op;
	return rc ? rc : refuse(v, err);
}

static int op_obj(struct mm_pickle *p, const struct opcode *op,
		  struct mm_err *err)
{
	struct mm_pk **v = NULL;
	size_t n = 0;
	int rc = pop_to_mark(p, &v, &n, err);

	(void)op;
	return rc ? rc : refuse(n ? v[0] : NULL, err);
}

static int op_refuse(struct mm_pickle *p, const struct opcode *op,
		     struct mm_err *err)
{
	(void)op;
	return refuse(p->depth >= 3 ? p->stack[p->depth - 3] : NULL, err);
}

static const struct opcode opcodes[256] = {
	[0x80] = { "PROTO", op_skip, 1 },
	[0x95] = { "FRAME", op_skip, 8 },
	['N'] = { "NONE", op_simple, .kind = MM_PK_NONE },
	[0x88] = { "NEWTRUE", op_simple, .kind = MM_PK_BOOL, .flag = 1 },
	[0x89] = { "NEWFALSE", op_simple, .kind = MM_PK_BOOL },
	['('] = { "MARK", op_simple, .kind = MM_PK_MARK },
	[')'] = { "EMPTY_TUPLE", op_simple, .kind = MM_PK_TUPLE },
	[']'] = { "EMPTY_LIST", op_simple, .kind = MM_PK_LIST },
	['}'] = { "EMPTY_DICT", op_simple, .kind = MM_PK_DICT },
	[0x8f] = { "EMPTY_SET", op_simple, .kind = MM_PK_SET },
	['K'] = { "BININT1", op_int, 1 },
	['M'] = { "BININT2", op_int, 2 },
	['J'] = { "BININT", op_int, 4 },
	['G'] = { "BINFLOAT", op_float },
	[0x8a] = { "LONG1", op_bytes, 1, MM_PK_BIG },
	[0x8b] = { "LONG4", op_bytes, 4, MM_PK_BIG, SIGNED },
	[0x8c] = { "SHORT_BINUNICODE", op_bytes, 1, MM_PK_STR },
	['X'] = { "BINUNICODE", op_bytes, 4, MM_PK_STR },
	[0x8d] = { "BINUNICODE8", op_bytes, 8, MM_PK_STR },
	['U'] = { "SHORT_BINSTRING", op_bytes, 1, MM_PK_STR, RAW },
	['T'] = { "BINSTRING", op_bytes, 4, MM_PK_STR, SIGNED | RAW },
	['C'] = { "SHORT_BINBYTES", op_bytes, 1, MM_PK_BYTES },
	['B'] = { "BINBYTES", op_bytes, 4, MM_PK_BYTES },
	[0x8e] = { "BINBYTES8", op_bytes, 8, MM_PK_BYTES },
	[0x85] = { "TUPLE1", op_collect, 1, MM_PK_TUPLE },
	[0x86] = { "TUPLE2", op_collect, 2, MM_PK_TUPLE },
	[0x87] = { "TUPLE3", op_collect, 3, MM_PK_TUPLE },
	['t'] = { "TUPLE", op_collect_mark, .kind = MM_PK_TUPLE },
	['l'] = { "LIST", op_collect_mark, .kind = MM_PK_LIST },
	['d'] = { "DICT", op_collect_mark, .kind = MM_PK_DICT },
	[0x91] = { "FROZENSET", op_collect_mark, .kind = MM_PK_SET },
	['a'] = { "APPEND", op_extend, 1, MM_PK_LIST },
	['s'] = { "SETITEM", op_extend, 2, MM_PK_DICT },
	['e'] = { "APPENDS", op_extend_mark, .kind = MM_PK_LIST },
	['u'] = { "SETITEMS", op_extend_mark, .kind = MM_PK_DICT },
	[0x90] = { "ADDITEMS", op_extend_mark, .kind = MM_PK_SET },
	['0'] = { "POP", op_pop },
	['1'] = { "POP_MARK", op_pop_mark },
	['2'] = { "DUP", op_dup },
	['q'] = { "BINPUT", op_put, 1 },
	['r'] = { "LONG_BINPUT", op_put, 4 },
	[0x94] = { "MEMOIZE", op_put },
	['h'] = { "BINGET", op_get, 1 },
	['j'] = { "LONG_BINGET", op_get, 4 },
	['c'] = { "GLOBAL", op_global },
	[0x93] = { "STACK_GLOBAL", op_stack_global },
	['R'] = { "REDUCE", op_call },
	[0x81] = { "NEWOBJ", op_call, .flag = 1 },
	['b'] = { "BUILD", op_build },
	['Q'] = { "BINPERSID", op_persistent },
	['i'] = { "INST", op_inst },
	['o'] = { "OBJ", op_obj },
	[0x92] = { "NEWOBJ_EX", op_refuse },
	[0x82] = { "EXT1", op_refuse },
	[0x83] = { "EXT2", op_refuse },
	[0x84] = { "EXT4", op_refuse },
};

static int run_one(struct mm_pickle *p, struct mm_err *err)
{
	const unsigned char code = p->data[p->at++];
	const struct opcode *op = &opcodes[code];
	int rc;

	if (!op->run)
		return mm_fail(err, MM_ERR_FORMAT, "opcode 0x%02x is not known",
			       code);
	if ((rc = op->run(p, op, err)))
		return mm_fail_ctx(err, "%s", op->name);
	return MM_OK;
}

static int run_all(struct mm_pickle *p, struct mm_pk **out, struct mm_err *err)
{
	struct mm_pk **v = NULL;
	int rc = MM_OK;

	while (!rc) {
		p->op_at = p->at;
		if (p->at == p->size)
			return mm_fail(err, MM_ERR_FORMAT,
				       "it ends without STOP");
		if (p->data[p->at] == '.') {
			p->at++;
			if (!(rc = top(p, 1, &v, err)))
				*out = *v;
			return rc;
		}
		rc = run_one(p, err);
	}
	return rc;
}

int mm_pickle_run(struct mm_pickle *p, struct mm_pk **out, struct mm_err *err)
{
	int rc;

	p->stack = p->memo = NULL;
	p->depth = p->stack_cap = p->n_memo = p->memo_cap = 0;
	rc = run_all(p, out, err);
	mm_free(p->stack);
	mm_free(p->memo);
	p->stack = p->memo = NULL;
	if (rc)
		return mm_fail_ctx(err, "pickle, byte %zu", p->op_at);
	return MM_OK;
}
