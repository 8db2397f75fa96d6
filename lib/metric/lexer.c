/*
 * lexer.c - the deterministic automaton over lexer_nfa.c, made state by state
 * as texts need it, and the longest match.
 *
 * A state is the sorted list of the NFA's consuming and accepting nodes that
 * can be reached.  Three kinds of start share one set of states: all rules
 * together and, for each rule with something ahead, its two expressions alone,
 * which tell where within the match the token ends.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "metric/lexer_nfa.h"

/* Scans that ran this far without a match are worth remembering. */
enum { STRIDE = 128, DEAD = -1, UNKNOWN = -2 };

struct state {
	const uint32_t *node; /* in the map's own memory */
	uint32_t n;
	int32_t accept; /* the first rule that ends here, or -1 */
};

/* A place and state from which no match lies ahead. */
struct dead_end {
	uint64_t at;
	int64_t state;
};

struct rule_start {
	int32_t match, ahead; /* states; -1: nothing ahead */
};

struct mm_lexer {
	struct mm_nfa nfa;
	struct mm_map ids; /* list of nodes -> state */
	struct state *state;
	int32_t *next; /* [state][class] */
	size_t n_states, cap;
	int32_t start;
	struct rule_start *rule;
	size_t n_rules;

	/* Scratch of the subset construction. */
	uint32_t *list, *stack;
	uint32_t *mark, generation;

	const uint16_t *text;
	size_t n;
	struct mm_map dead; /* struct dead_end, of this text */
	struct dead_end *trail;
	size_t trail_cap;
};

static int compare_nodes(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Add to list[0..n) what `node` reaches for nothing; the new n. */
static size_t add_closure(struct mm_lexer *lx, uint32_t node, size_t n)
{
	size_t top = 0;

	lx->stack[top++] = node;
	while (top) {
		const struct mm_nfa_node *nd;

		node = lx->stack[--top];
		if (!node || lx->mark[node] == lx->generation)
			continue;
		lx->mark[node] = lx->generation;
		nd = mm_nfa_at(&lx->nfa, node);
		if (nd->set >= 0 || nd->accept >= 0)
			lx->list[n++] = node;
		if (nd->set < 0) {
			/* Each edge is pushed once: the stack holds them. */
			lx->stack[top++] = nd->out1;
			lx->stack[top++] = nd->out;
		}
	}
	return n;
}

static int grow_states(struct mm_lexer *lx, struct mm_err *err)
{
	size_t cap = lx->cap ? 2 * lx->cap : 256, cells;
	struct state *state = mm_realloc(lx->state, cap, sizeof(*state));
	int32_t *next;

	if (!state)
		return mm_fail_nomem(err, "the scanner's states");
	lx->state = state;
	if (!mm_mul_ok(&cells, cap, lx->nfa.n_classes))
		return mm_fail_nomem(err, "the scanner's states");
	next = mm_realloc(lx->next, cells, sizeof(*next));
	if (!next)
		return mm_fail_nomem(err, "the scanner's states");
	lx->next = next;
	lx->cap = cap;
	return 0;
}

/* The state of list[0..n), made where it is new; DEAD for an empty list. */
static int state_of(struct mm_lexer *lx, size_t n, int32_t *id,
		    struct mm_err *err)
{
	bool added = false;
	struct state *s;
	int64_t *value;
	int rc;

	*id = DEAD;
	if (!n)
		return 0;
	qsort(lx->list, n, sizeof(*lx->list), compare_nodes);
	if (lx->n_states == lx->cap && (rc = grow_states(lx, err)))
		return rc;
	value = mm_map_put(&lx->ids, lx->list, n * sizeof(*lx->list), &added);
	if (!value)
		return mm_fail_nomem(err, "the scanner's states");
	if (!added) {
		*id = (int32_t)*value;
		return 0;
	}
	*value = (int64_t)lx->n_states;
	*id = (int32_t)lx->n_states++;
	s = &lx->state[*id];
	s->node = mm_arena_alloc(&lx->nfa.memory, n, sizeof(*s->node));
	if (!s->node)
		return mm_fail_nomem(err, "the scanner's states");
	memcpy((void *)(uintptr_t)s->node, lx->list, n * sizeof(*lx->list));
	s->n = (uint32_t)n;
	s->accept = -1;
	for (size_t i = 0; i < n; i++) {
		int rule = mm_nfa_at(&lx->nfa, lx->list[i])->accept;

		if (rule >= 0 && (s->accept < 0 || rule < s->accept))
			s->accept = rule;
	}
	for (size_t c = 0; c < lx->nfa.n_classes; c++)
		lx->next[(size_t)*id * lx->nfa.n_classes + c] = UNKNOWN;
	return 0;
}

static int start_state(struct mm_lexer *lx, uint32_t node, int32_t *id,
		       struct mm_err *err)
{
	lx->generation++;
	return state_of(lx, add_closure(lx, node, 0), id, err);
}

/* The missing entry next[from][class]. */
static int make_step(struct mm_lexer *lx, int32_t from, uint8_t class,
		     int32_t *to, struct mm_err *err)
{
	const uint32_t *node = lx->state[from].node;
	size_t n = 0;
	int rc;

	lx->generation++;
	for (uint32_t i = 0; i < lx->state[from].n; i++) {
		const struct mm_nfa_node *nd = mm_nfa_at(&lx->nfa, node[i]);

		if (nd->set >= 0 && lx->nfa.has[nd->set][class])
			n = add_closure(lx, nd->out, n);
	}
	rc = state_of(lx, n, to, err);
	if (!rc)
		lx->next[(size_t)from * lx->nfa.n_classes + class] = *to;
	return rc;
}

static inline int step(struct mm_lexer *lx, int32_t from, uint16_t unit,
		       int32_t *to, struct mm_err *err)
{
	uint8_t class = lx->nfa.class_of[unit];

	*to = lx->next[(size_t)from * lx->nfa.n_classes + class];
	return *to == UNKNOWN ? make_step(lx, from, class, to, err) : 0;
}

/* Nodes for one rule; *root gets one more alternative. */
static int add_rule(struct mm_lexer *lx, const struct mm_lexer_def *defs,
		    const struct mm_lexer_rule *rule, int number,
		    uint32_t *root, uint32_t alone[2], struct mm_err *err)
{
	struct mm_nfa *nfa = &lx->nfa;
	uint32_t start, end, start2, end2;
	int rc = mm_nfa_parse(nfa, defs, rule->match, &start, &end, err);

	if (!rc && rule->ahead) {
		rc = mm_nfa_parse(nfa, defs, rule->ahead, &start2, &end2, err);
		if (rc)
			return rc;
		mm_nfa_at(nfa, end)->out = start2;
		end = end2;
		rc = mm_nfa_parse(nfa, defs, rule->match, &alone[0], &end2,
				  err);
		if (rc)
			return rc;
		mm_nfa_at(nfa, end2)->accept = number;
		rc = mm_nfa_parse(nfa, defs, rule->ahead, &alone[1], &end2,
				  err);
		if (rc)
			return rc;
		mm_nfa_at(nfa, end2)->accept = number;
	}
	if (rc)
		return rc;
	mm_nfa_at(nfa, end)->accept = number;
	*root = mm_nfa_node(nfa, MM_NFA_EPSILON, start, *root);
	return *root ? 0 : mm_fail_nomem(err, "the scanner");
}

/* After all expressions are parsed: scratch, classes, the start states. */
static int make_starts(struct mm_lexer *lx, uint32_t root, uint32_t (*alone)[2],
		       struct mm_err *err)
{
	size_t n = lx->nfa.n_nodes;
	int rc = mm_nfa_classes(&lx->nfa, err);

	if (rc)
		return rc;
	lx->list = mm_calloc(n, sizeof(*lx->list));
	lx->mark = mm_calloc(n, sizeof(*lx->mark));
	lx->stack = mm_calloc(2 * n + 1, sizeof(*lx->stack));
	if (!lx->list || !lx->mark || !lx->stack)
		return mm_fail_nomem(err, "the scanner");
	rc = start_state(lx, root, &lx->start, err);
	for (size_t i = 0; !rc && i < lx->n_rules; i++) {
		lx->rule[i].match = lx->rule[i].ahead = -1;
		if (!alone[i][0])
			continue;
		rc = start_state(lx, alone[i][0], &lx->rule[i].match, err);
		if (!rc)
			rc = start_state(lx, alone[i][1], &lx->rule[i].ahead,
					 err);
	}
	return rc;
}

int mm_lexer_new(struct mm_lexer **lexer, const struct mm_lexer_def *defs,
		 const struct mm_lexer_rule *rules, size_t n_rules,
		 struct mm_err *err)
{
	struct mm_lexer *lx = mm_calloc(1, sizeof(*lx));
	uint32_t(*alone)[2] = mm_calloc(n_rules, sizeof(*alone));
	uint32_t root = 0;
	int rc;

	*lexer = NULL;
	if (!lx || !alone) {
		mm_free(lx);
		mm_free(alone);
		return mm_fail_nomem(err, "the scanner");
	}
	mm_map_init(&lx->ids);
	mm_map_init(&lx->dead);
	rc = mm_nfa_init(&lx->nfa, err);
	lx->n_rules = n_rules;
	lx->rule = mm_calloc(n_rules, sizeof(*lx->rule));
	if (!rc && !lx->rule)
		rc = mm_fail_nomem(err, "the scanner");
	for (size_t i = 0; !rc && i < n_rules; i++) {
		rc = add_rule(lx, defs, &rules[i], (int)i, &root, alone[i],
			      err);
		if (rc)
			mm_fail_ctx(err, "rule %zu", i);
	}
	if (!rc)
		rc = make_starts(lx, root, alone, err);
	mm_free(alone);
	if (rc)
		mm_lexer_free(lx);
	else
		*lexer = lx;
	return rc;
}

void mm_lexer_free(struct mm_lexer *lx)
{
	if (!lx)
		return;
	mm_nfa_release(&lx->nfa);
	mm_map_release(&lx->ids);
	mm_map_release(&lx->dead);
	mm_free(lx->state);
	mm_free(lx->next);
	mm_free(lx->rule);
	mm_free(lx->list);
	mm_free(lx->stack);
	mm_free(lx->mark);
	mm_free(lx->trail);
	mm_free(lx);
}

void mm_lexer_begin(struct mm_lexer *lx, const uint16_t *text, size_t n)
{
	lx->text = text;
	lx->n = n;
	mm_map_release(&lx->dead);
	mm_map_init(&lx->dead);
}

/*
 * At a multiple of STRIDE, more than STRIDE units behind the last match: true
 * where an earlier scan came through here in vain.  Otherwise the place joins
 * the trail, which becomes dead ends if this scan fails too.
 */
static int check_trail(struct mm_lexer *lx, size_t at, int32_t state,
		       size_t *n_trail, bool *vain, struct mm_err *err)
{
	struct dead_end here = { at, state };

	*vain = mm_map_find(&lx->dead, &here, sizeof(here)) != NULL;
	if (*vain)
		return 0;
	if (*n_trail == lx->trail_cap) {
		size_t cap = lx->trail_cap ? 2 * lx->trail_cap : 64;
		struct dead_end *trail =
			mm_realloc(lx->trail, cap, sizeof(*trail));

		if (!trail)
			return mm_fail_nomem(err, "the scanner's memory");
		lx->trail = trail;
		lx->trail_cap = cap;
	}
	lx->trail[(*n_trail)++] = here;
	return 0;
}

/* The token's end within a match of a rule with something ahead. */
static int split_match(struct mm_lexer *lx, size_t pos, size_t match_end,
		       int rule, size_t *end, struct mm_err *err)
{
	size_t best = pos;
	int32_t s = lx->rule[rule].match;

	/*
	 * `ahead` is short: whenever `match` may end, try it.  The last place
	 * where it reaches match_end exactly is the answer.
	 */
	for (size_t at = pos; at < match_end; at++) {
		int rc = step(lx, s, lx->text[at], &s, err);
		int32_t a = lx->rule[rule].ahead;
		size_t look = at + 1;

		if (rc)
			return rc;
		if (s == DEAD)
			break;
		if (lx->state[s].accept < 0)
			continue;
		while (!rc && a != DEAD && look < match_end)
			rc = step(lx, a, lx->text[look++], &a, err);
		if (rc)
			return rc;
		if (a != DEAD && lx->state[a].accept >= 0)
			best = at + 1;
	}
	assert(best > pos);
	*end = best;
	return 0;
}

int mm_lexer_match(struct mm_lexer *lx, size_t pos, int *rule, size_t *end,
		   struct mm_err *err)
{
	size_t match_end = pos, n_trail = 0;
	int32_t s = lx->start;
	bool vain = false;
	int rc = 0;

	*rule = -1;
	for (size_t at = pos; !vain && at < lx->n;) {
		rc = step(lx, s, lx->text[at++], &s, err);
		if (rc)
			return rc;
		if (s == DEAD)
			break;
		if (lx->state[s].accept >= 0) {
			*rule = lx->state[s].accept;
			match_end = at;
			n_trail = 0;
		} else if (at % STRIDE == 0 && at - match_end > STRIDE) {
			rc = check_trail(lx, at, s, &n_trail, &vain, err);
			if (rc)
				return rc;
		}
	}
	for (size_t i = 0; i < n_trail; i++)
		if (!mm_map_put(&lx->dead, &lx->trail[i], sizeof(lx->trail[i]),
				NULL))
			return mm_fail_nomem(err, "the scanner's memory");
	*end = match_end;
	if (*rule >= 0 && lx->rule[*rule].match >= 0)
		rc = split_match(lx, pos, match_end, *rule, end, err);
	return rc;
}
