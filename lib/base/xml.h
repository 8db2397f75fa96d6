/*
 * xml.h - XML in, through libxml2, as a small tree.
 *
 * Namespaces and comments go, entities beyond XML's five are not expanded,
 * nothing is fetched.  A tree lives as long as its arena.
 */
#ifndef MM_BASE_XML_H
#define MM_BASE_XML_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct mm_xml_attribute {
	const char *name, *value;
	struct mm_xml_attribute *next;
};

struct mm_xml {
	const char *name;
	const char *text; /* all text directly inside, "" where there is none */
	struct mm_xml_attribute *attribute;
	struct mm_xml *first, *next; /* child elements, in order */
	size_t line;
};

/* Errors name `name` and the line.  Nesting is limited to 256 levels. */
int mm_xml_parse(const struct mm_xml **root, const void *bytes, size_t n,
		 const char *name, struct mm_arena *arena,
		 struct mm_err *err) MM_MUST_CHECK;

/* An attribute's value, or NULL. */
const char *mm_xml_attr(const struct mm_xml *x, const char *name);

/* The next element of that name: the first child of x, the next after prev. */
const struct mm_xml *mm_xml_child(const struct mm_xml *x, const char *name);
const struct mm_xml *mm_xml_next(const struct mm_xml *prev, const char *name);

#endif
