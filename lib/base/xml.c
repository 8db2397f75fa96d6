/* xml.c - the one file that knows libxml2; see xml.h. */
#include "base/xml.h"

#include <limits.h>
#include <string.h>

#ifdef HAVE_XML
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlerror.h>

#include "base/buf.h"
#include "base/dynlib.h"

#define CALLS(F)                                                 \
	F(xmlReadMemory)                                         \
	F(xmlFreeDoc) F(xmlDocGetRootElement) F(xmlGetLastError) \
		F(xmlResetLastError) F(xmlGetLineNo)

static struct {
	CALLS(MM_DYNLIB_FIELD)
} xml;
static const char *const names[] = { CALLS(MM_DYNLIB_NAME) };
static struct mm_dynlib lib = MM_DYNLIB("libxml2.so.2", "libxml2", names, xml);

enum { MAX_DEPTH = 256 };

struct copy {
	struct mm_arena *arena;
	const char *name;
	struct mm_err *err;
};

static const char *chars(const xmlChar *s)
{
	return (const char *)s;
}

static int copy_attributes(struct copy *c, struct mm_xml *to,
			   const xmlNode *from)
{
	struct mm_xml_attribute **tail = &to->attribute;

	for (const xmlAttr *a = from->properties; a; a = a->next) {
		const xmlNode *v = a->children;
		const char *value = v && v->content ? chars(v->content) : "";

		*tail = mm_arena_alloc(c->arena, 1, sizeof(**tail));
		if (!*tail)
			return mm_fail_nomem(c->err, "an XML tree");
		(*tail)->name = mm_arena_strdup(c->arena, chars(a->name));
		(*tail)->value = mm_arena_strdup(c->arena, value);
		if (!(*tail)->name || !(*tail)->value)
			return mm_fail_nomem(c->err, "an XML tree");
		tail = &(*tail)->next;
	}
	return MM_OK;
}

static int copy_text(struct copy *c, struct mm_xml *to, const xmlNode *from)
{
	struct mm_buf text = { 0 };
	int rc;

	for (const xmlNode *k = from->children; k; k = k->next)
		if ((k->type == XML_TEXT_NODE ||
		     k->type == XML_CDATA_SECTION_NODE) &&
		    k->content)
			mm_buf_adds(&text, chars(k->content));
	rc = mm_buf_check(&text, "an XML tree", c->err);
	if (!rc)
		to->text = text.len ? mm_arena_strndup(c->arena, text.data,
						       text.len)
				    : "";
	mm_buf_release(&text);
	return rc || to->text ? rc : mm_fail_nomem(c->err, "an XML tree");
}

/* Depth is bounded, so that the recursion is. */
static int copy_node(struct copy *c, struct mm_xml **out, const xmlNode *from,
		     int depth)
{
	struct mm_xml *to = mm_arena_alloc(c->arena, 1, sizeof(*to)), **tail;
	const long line = xml.xmlGetLineNo(from);
	int rc;

	*out = to;
	if (!to || !(to->name = mm_arena_strdup(c->arena, chars(from->name))))
		return mm_fail_nomem(c->err, "an XML tree");
	to->line = line > 0 ? (size_t)line : 0;
	if (depth > MAX_DEPTH)
		return mm_fail(c->err, MM_ERR_FORMAT,
			       "'%s' line %zu: more than %d elements inside "
			       "each other",
			       c->name, to->line, MAX_DEPTH);
	if ((rc = copy_attributes(c, to, from)) ||
	    (rc = copy_text(c, to, from)))
		return rc;
	tail = &to->first;
	for (const xmlNode *k = from->children; k && !rc; k = k->next) {
		if (k->type != XML_ELEMENT_NODE)
			continue;
		rc = copy_node(c, tail, k, depth + 1);
		if (!rc)
			tail = &(*tail)->next;
	}
	return rc;
}

int mm_xml_parse(const struct mm_xml **root, const void *bytes, size_t n,
		 const char *name, struct mm_arena *arena, struct mm_err *err)
{
	struct copy c = { .arena = arena, .name = name, .err = err };
	struct mm_xml *copied = NULL;
	const xmlError *e;
	xmlDoc *doc;
	int rc = mm_dynlib_load(&lib, err);

	*root = NULL;
	if (rc)
		return rc;
	if (n > INT_MAX)
		return mm_fail(err, MM_ERR_FORMAT, "'%s': XML of %zu bytes",
			       name, n);
	xml.xmlResetLastError();
	doc = xml.xmlReadMemory(bytes, (int)n, NULL, NULL,
				XML_PARSE_NONET | XML_PARSE_NOERROR |
					XML_PARSE_NOWARNING |
					XML_PARSE_NOCDATA);
	if (!doc || !xml.xmlDocGetRootElement(doc)) {
		e = xml.xmlGetLastError();
		rc = mm_fail(err, MM_ERR_FORMAT, "'%s' line %d: %.*s", name,
			     e ? e->line : 0,
			     e && e->message ? (int)strcspn(e->message, "\n")
					     : 7,
			     e && e->message ? e->message : "not XML");
		if (doc)
			xml.xmlFreeDoc(doc);
		return rc;
	}
	rc = copy_node(&c, &copied, xml.xmlDocGetRootElement(doc), 0);
	xml.xmlFreeDoc(doc);
	*root = rc ? NULL : copied;
	return rc;
}
#else
int mm_xml_parse(const struct mm_xml **root, const void *bytes, size_t n,
		 const char *name, struct mm_arena *arena, struct mm_err *err)
{
	(void)bytes, (void)n, (void)arena;
	*root = NULL;
	return mm_fail(err, MM_ERR_IO,
		       "'%s': this build reads no XML; build it with the "
		       "package libxml2-dev",
		       name);
}
#endif

const char *mm_xml_attr(const struct mm_xml *x, const char *name)
{
	for (const struct mm_xml_attribute *a = x->attribute; a; a = a->next)
		if (!strcmp(a->name, name))
			return a->value;
	return NULL;
}

static const struct mm_xml *named(const struct mm_xml *x, const char *name)
{
	while (x && strcmp(x->name, name))
		x = x->next;
	return x;
}

const struct mm_xml *mm_xml_child(const struct mm_xml *x, const char *name)
{
	return named(x->first, name);
}

const struct mm_xml *mm_xml_next(const struct mm_xml *prev, const char *name)
{
	return named(prev->next, name);
}
