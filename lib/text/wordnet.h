/*
 * wordnet.h - Princeton WordNet 3.0, read from its database files.
 *
 * The folder holds index.POS, data.POS, POS.exc (noun, verb, adj, adv) and
 * cntlist.rev, as Debian's wordnet-base installs them in /usr/share/wordnet;
 * man wndb(5WN) has the format.  Files are mapped; a look-up is a binary search
 * over an index file, which is sorted by bytes.  Look-ups are safe from any
 * thread.
 */
#ifndef MM_TEXT_WORDNET_H
#define MM_TEXT_WORDNET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum mm_pos { MM_NOUN, MM_VERB, MM_ADJ, MM_ADV, MM_N_POS };

struct mm_wordnet;

/*
 * dir NULL: $MMTOOL_WORDNET, else where distributions install it;
 * MM_ERR_IO where there is none, naming the way out.
 */
int mm_wordnet_open(struct mm_wordnet **wn, const char *dir,
		    struct mm_err *err) MM_MUST_CHECK;
void mm_wordnet_free(struct mm_wordnet *wn);

/* A lemma's entry in one part of speech. */
struct mm_wn_lemma {
	unsigned n_senses; /* 0: not in WordNet                           */
	unsigned tagged;   /* how often its first sense occurs in the     */
			   /* texts whose words were tagged with senses   */
	unsigned total;	   /* how often all of its senses do              */
	size_t sense;	   /* where the first sense begins in data.POS    */
	bool instance;	   /* the first sense is a name (Mars, Napoleon)  */
	unsigned file;	   /* lexicographer file of the first sense       */
};

/* lemma: lower case, blanks as '_'.  False where it is not there. */
bool mm_wn_find(const struct mm_wordnet *wn, enum mm_pos pos, const char *lemma,
		size_t len, struct mm_wn_lemma *out);

/*
 * The base form of an inflected word: exceptions (POS.exc) first, then the
 * rules of detachment; the word itself where it is a lemma.  Returns its
 * length in base[cap], 0 where WordNet does not know the word.
 */
size_t mm_wn_base(const struct mm_wordnet *wn, enum mm_pos pos,
		  const char *word, size_t len, char *base, size_t cap);

/*
 * Member number i of a sense's word list, as it stands there but without a
 * syntactic marker such as "(p)"; NULL past the end.
 */
const char *mm_wn_word(const struct mm_wordnet *wn, enum mm_pos pos,
		       size_t sense, unsigned i, size_t *len);

/* Whether some inflected form of a base word breaks the rules (POS.exc). */
bool mm_wn_irregular(const struct mm_wordnet *wn, enum mm_pos pos,
		     const char *base, size_t len);

#endif
