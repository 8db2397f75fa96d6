/*
 * Cue formats: what each reads, what it says about bad input.  The WebVTT
 * cases are those of the W3C's test suite (web-platform-tests,
 * webvtt/parsing), put into tables.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/entity.h"
#include "media/cues.h"
#include "media/vtt.h"

#define BOM "\xef\xbb\xbf"

/* Cues and problems as text: "1.5-3 [id|tier|speaker] text" and "!line what",
 * "?line what" for what a standard leaves out. */
static void describe(struct mm_buf *out, const struct mm_cues *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct mm_cue *q = &c->cue[i];

		mm_buf_printf(out, "%.10g-%.10g ", q->start, q->end);
		if (*q->id || *q->tier || *q->speaker)
			mm_buf_printf(out, "[%s|%s|%s] ", q->id, q->tier,
				      q->speaker);
		mm_buf_printf(out, "%s\n", q->text);
	}
	for (size_t i = 0; i < c->n_problems; i++)
		mm_buf_printf(out, "%c%zu %s\n",
			      c->problem[i].dropped ? '?' : '!',
			      c->problem[i].line, c->problem[i].what);
}

struct example {
	const char *format, *in, *out;
};

static const struct example examples[] = {
	/* SubRip */
	{ "srt", "1\n00:00:01,500 --> 00:00:03,000\nHello <i>world</i>\n",
	  "1.5-3 [1||] Hello world\n" },
	{ "srt",
	  BOM "1\r\n00:00:01.5 --> 00:00:03\r\none\r\ntwo\r\n\r\n\r\n"
	      "2\r\n00:00:02,000 --> 1:00:00,000 X1:1 X2:2\r\nthree",
	  "1.5-3 [1||] one\ntwo\n2-3600 [2||] three\n" },
	{ "srt", "00:01 --> 00:02\nno number\n\n00:03 --> 00:04\n42\n",
	  "1-2 no number\n3-4 42\n" },
	{ "srt", "1\n00:01 --> 00:02\n42\n\n00:03 --> 00:04\nb\n",
	  "1-2 [1||] 42\n3-4 b\n" },
	{ "srt", "1\n\n00:01 --> 00:02\n\na\n\n2\n\n00:03 --> 00:04\n\nb\n",
	  "1-2 [1||] a\n3-4 [2||] b\n" },
	{ "srt", "1\n00:01 --> 00:02\na\n2\n00:03 --> 00:04\nb\n",
	  "1-2 [1||] a\n3-4 [2||] b\n" },
	{ "srt", "1\n00:01 --> 00:02\na\n\nb after a blank line\n",
	  "1-2 [1||] a\n\nb after a blank line\n" },
	{ "srt",
	  "1\n00:01 --> 00:02\n{\\an8}<font color=\"red\">x < y</font> "
	  "&amp; <3 {y:i}z\\Nnew",
	  "1-2 [1||] x < y & <3 z\nnew\n" },
	{ "srt", "1\n00:75:00,000 --> 00:76:00,000\na\n\n2\n00:01 --> 00:02\nb",
	  "1-2 [2||] b\n!2 bad times '00:75:00,000 --> 00:76:00,000'; want "
	  "HH:MM:SS,mmm --> HH:MM:SS,mmm\n" },
	{ "srt", "1\n00:03 --> 00:02\na\n",
	  "!2 the cue ends before it starts\n" },
	{ "srt", "words\n1\n00:01 --> 00:02\na --> b\n",
	  "1-2 [1||] a --> b\n!1 text outside of a cue\n" },
	{ "srt", "", "" },
	/* LRC */
	{ "lrc",
	  "[ti:Song]\n[00:12.00][00:20.00]la <00:13.0>la\n[00:15.00]\n"
	  "[length:00:30]\n",
	  "12-15 la la\n20-30 la la\n" },
	{ "lrc", "[offset:+500]\n[00:01.50]a\n[00:03]b\n",
	  "1-2.5 a\n2.5-2.5 b\n" },
	{ "lrc", "[offset:-1000]\n[01:01.50]a [b]\n", "62.5-62.5 a [b]\n" },
	{ "lrc", "[00:61.0]a\nb\n[x]\n[offset:z]\n",
	  "!1 bad time '[00:61.0]'\n!2 a line without [mm:ss.xx]\n"
	  "!3 '[x]' is neither a time nor a tag\n"
	  "!4 offset 'z' is no number of milliseconds\n" },
	/* TextGrid */
	{ "textgrid",
	  "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\n"
	  "xmin = 0\nxmax = 2.5\ntiers? <exists>\nsize = 2\nitem []:\n"
	  " item [1]:\n  class = \"IntervalTier\"\n  name = \"words\"\n"
	  "  xmin = 0\n  xmax = 2.5\n  intervals: size = 2\n"
	  "  intervals [1]:\n   xmin = 0\n   xmax = 1.5\n"
	  "   text = \"say \"\"hi\"\"\"\n  intervals [2]:\n   xmin = 1.5\n"
	  "   xmax = 2.5\n   text = \"\"\n item [2]:\n"
	  "  class = \"TextTier\"\n  name = \"tones\"\n  xmin = 0\n"
	  "  xmax = 2.5\n  points: size = 1\n  points [1]:\n"
	  "   number = 0.7\n   mark = \"H*\"\n",
	  "0-1.5 [|words|] say \"hi\"\n0.7-0.7 [|tones|] H*\n" },
	{ "textgrid",
	  "\"ooTextFile\"\n\"TextGrid\"\n0 ! from\n2 ! to\n<exists>\n1\n"
	  "\"IntervalTier\"\n\"w\"\n0\n2\n1\n0\n2\n\"two\nlines\"\n",
	  "0-2 [|w|] two\nlines\n" },
	{ "textgrid", "\"ooTextFile\" \"TextGrid\" 0 1 <absent>", "" },
	/* WebVTT */
	{ "vtt", "WEBVTT", "" },
	{ "vtt", BOM "WEBVTT\ttitle\n\n00:01.000 --> 00:02.000\na", "1-2 a\n" },
	{ "vtt", "WEBVTT\r\r00:01.000 --> 00:02.000\ra\rb", "1-2 a\nb\n" },
	{ "vtt",
	  "WEBVTT\n\n leading\n00:00:00.000 --> 00:00:01.000\n   t1\n\n"
	  "-- >\n00:00:00.000-->00:00:01.000 \nt2\n\n \n"
	  "\t\f00:00.000\f-->\t100:00:01.000\nt3",
	  "0-1 [ leading||]    t1\n0-1 [-- >||] t2\n0-360001 [ ||] t3\n" },
	{ "vtt",
	  "WEBVTT\n\nNOTE x\n-- nothing\n\nSTYLE\n::cue {}\n\nREGION\nid:a\n\n"
	  "00:01.000 --> 00:02.000\na\n\nSTYLE\nlate\n",
	  "1-2 a\n?15 a block without times\n" },
	{ "vtt",
	  "WEBVTT\n\n-->\n00:00.000 --> 00:01.000\nt1\nfoo-->\n"
	  "00:00.000 --> 00:01.000\nt2\n--->\n00:00.000 --> 00:01.000\nt3\n"
	  "00:00.000 --> 00:01.000\nt4\n",
	  "0-1 t1\n0-1 t2\n0-1 t3\n0-1 t4\n"
	  "?3 bad times '-->'; want [HH:]MM:SS.mmm --> [HH:]MM:SS.mmm\n"
	  "?6 bad times 'foo-->'; want [HH:]MM:SS.mmm --> [HH:]MM:SS.mmm\n"
	  "?9 bad times '--->'; want [HH:]MM:SS.mmm --> [HH:]MM:SS.mmm\n" },
	{ "vtt", "WEBVTT\n00:00.000 --> 00:01.000\nheader\n", "0-1 header\n" },
	{ "vtt", "WEBVTT\nheader\n00:00.000 --> 00:01.000\nt\n", "0-1 t\n" },
	{ "vtt", "WEBVTT\n\n00:00.000 --> 00:01.000\nx<b>y<i>z</b>w</i>v\xff\n",
	  "0-1 xyzwv\xef\xbf\xbd\n" },
	{ "vtt",
	  "WEBVTT\n\n00:00.000 --> 00:01.000\n<v.loud  Mary   Ann>Hi "
	  "<lang en>you</lang></v>\n",
	  "0-1 [||Mary Ann] Hi you\n" },
};

START_TEST(reads)
{
	const struct example *e = &examples[_i];
	struct mm_buf got = { 0 };
	struct mm_cues c;

	ck_ok(mm_cues_parse(&c, e->format, e->in, strlen(e->in), "x", err));
	describe(&got, &c);
	ck_assert_str_eq(mm_buf_str(&got), e->out);
	mm_cues_release(&c);
	mm_buf_release(&got);
}
END_TEST

static const struct example refused[] = {
	{ "vtt", "WEBVT", "'x' line 1: not WebVTT" },
	{ "vtt", "WEBVTTx\n", "'x' line 1: not WebVTT" },
	{ "vtt", " WEBVTT\n", "'x' line 1: not WebVTT" },
	{ "vtt", "WEBVTT-->\n", "'x' line 1: not WebVTT" },
	{ "srt", "1\n00:01 --> 00:02\na\xff\n", "'x' line 3: not UTF-8" },
	{ "textgrid", "\"ooTextFile\"\n\"Pitch\"", "'x' line 2: the object" },
	{ "textgrid", "\"ooTextFile\"\n\"TextGrid\"\n0\nx",
	  "'x' line 4: no xmax" },
	{ "textgrid",
	  "\"ooTextFile\" \"TextGrid\" 0 1 <exists> 1\n\"IntervalTier\" "
	  "\"w\" 0 1 3\n0 1 \"a\"\n",
	  "'x' line 4: no xmin" },
	{ "textgrid",
	  "\"ooTextFile\" \"TextGrid\" 0 1 <exists> 1\n\"IntervalTier\" "
	  "\"w\" 0 1 1\n0 1 \"open\n\n",
	  "'x' line 3: a quote is not closed" },
	{ "textgrid", "\"ooTextFile\" \"TextGrid\" 0 1 <exists> 1 \"Odd\"",
	  "neither an IntervalTier nor a TextTier" },
#ifdef HAVE_XML
	{ "eaf", "<ANNOTATION_DOCUMENT>\n<x></ANNOTATION_DOCUMENT>",
	  "'x' line 2: " },
	{ "eaf", "<html/>", "'x' line 1: no ANNOTATION_DOCUMENT but 'html'" },
	{ "eaf", "<ANNOTATION_DOCUMENT/>", "'x': no TIME_ORDER" },
	{ "eaf",
	  "<ANNOTATION_DOCUMENT><TIME_ORDER>\n<TIME_SLOT TIME_SLOT_ID=\"t\" "
	  "TIME_VALUE=\"1s\"/></TIME_ORDER></ANNOTATION_DOCUMENT>",
	  "'x' line 2: time value '1s'" },
	{ "eaf",
	  "<ANNOTATION_DOCUMENT><TIME_ORDER/><TIER TIER_ID=\"a\"><ANNOTATION>"
	  "\n<ALIGNABLE_ANNOTATION ANNOTATION_ID=\"a\" TIME_SLOT_REF1=\"z\"/>"
	  "</ANNOTATION></TIER></ANNOTATION_DOCUMENT>",
	  "'x' line 2: TIME_SLOT_REF1 'z' is no time slot" },
#endif
};

START_TEST(refuses)
{
	const struct example *e = &refused[_i];
	struct mm_cues c;

	ck_fails(mm_cues_parse(&c, e->format, e->in, strlen(e->in), "x", err),
		 MM_ERR_FORMAT, e->out);
	mm_cues_release(&c);
}
END_TEST

START_TEST(utf16)
{
	static const char text[] = "\"ooTextFile\" \"TextGrid\" 0 1 <exists> 1 "
				   "\"TextTier\" \"w\" 0 1 1 0.5 \"";
	static const unsigned letters[] = { 0xe9, 0xd83d, 0xde00, '"' };

	for (int big = 0; big < 2; big++) {
		struct mm_buf b = { 0 };
		struct mm_cues c;

		mm_buf_add(&b, big ? "\xfe\xff" : "\xff\xfe", 2);
		for (size_t i = 0; i < sizeof(text) - 1 + 4; i++) {
			const unsigned u =
				i < sizeof(text) - 1
					? (unsigned char)text[i]
					: letters[i - sizeof(text) + 1];

			mm_buf_addc(&b, (char)(big ? u >> 8 : u & 255));
			mm_buf_addc(&b, (char)(big ? u & 255 : u >> 8));
		}
		ck_assert_str_eq(mm_cues_sniff("x", b.data, b.len), "textgrid");
		ck_ok(mm_cues_parse(&c, "textgrid", b.data, b.len, "x", err));
		ck_assert_uint_eq(c.n, 1);
		ck_assert_str_eq(c.cue[0].text, "\xc3\xa9\xf0\x9f\x98\x80");
		mm_cues_release(&c);
		mm_buf_release(&b);
	}
}
END_TEST

/* ---- EAF ---- */

#ifdef HAVE_XML
static const char eaf[] =
	"<ANNOTATION_DOCUMENT>\n<HEADER TIME_UNITS=\"milliseconds\"/>"
	"<TIME_ORDER><TIME_SLOT TIME_SLOT_ID=\"s1\" TIME_VALUE=\"1000\"/>"
	"<TIME_SLOT TIME_SLOT_ID=\"s2\"/><TIME_SLOT TIME_SLOT_ID=\"s3\"/>"
	"<TIME_SLOT TIME_SLOT_ID=\"s4\" TIME_VALUE=\"4000\"/></TIME_ORDER>"
	/* A child tier before its parent. */
	"<TIER TIER_ID=\"w\" PARENT_REF=\"u\">"
	"<ANNOTATION><REF_ANNOTATION ANNOTATION_ID=\"a5\" "
	"ANNOTATION_REF=\"a1\" PREVIOUS_ANNOTATION=\"a4\"><ANNOTATION_VALUE>"
	"second</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>"
	"<ANNOTATION><REF_ANNOTATION ANNOTATION_ID=\"a4\" "
	"ANNOTATION_REF=\"a1\"><ANNOTATION_VALUE>first</ANNOTATION_VALUE>"
	"</REF_ANNOTATION></ANNOTATION>\n<ANNOTATION><REF_ANNOTATION "
	"ANNOTATION_ID=\"a6\" ANNOTATION_REF=\"gone\"><ANNOTATION_VALUE>lost"
	"</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION></TIER>"
	"<TIER TIER_ID=\"u\" PARTICIPANT=\"Ann\">"
	"<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID=\"a1\" "
	"TIME_SLOT_REF1=\"s1\" TIME_SLOT_REF2=\"s2\"><ANNOTATION_VALUE>"
	"a &amp; b</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"
	"<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID=\"a2\" "
	"TIME_SLOT_REF1=\"s2\" TIME_SLOT_REF2=\"s3\"><ANNOTATION_VALUE/>"
	"</ALIGNABLE_ANNOTATION></ANNOTATION>"
	"<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID=\"a3\" "
	"TIME_SLOT_REF1=\"s3\" TIME_SLOT_REF2=\"s4\"><ANNOTATION_VALUE>"
	"<![CDATA[<c>]]></ANNOTATION_VALUE></ALIGNABLE_ANNOTATION>"
	"</ANNOTATION></TIER></ANNOTATION_DOCUMENT>";

START_TEST(elan)
{
	struct mm_buf got = { 0 };
	struct mm_cues c;

	ck_ok(mm_cues_parse(&c, "eaf", eaf, sizeof(eaf) - 1, "x", err));
	describe(&got, &c);
	ck_assert_str_eq(mm_buf_str(&got), "1.5-2 [a5|w|] second\n"
					   "1-1.5 [a4|w|] first\n"
					   "1-2 [a1|u|Ann] a & b\n"
					   "3-4 [a3|u|Ann] <c>\n"
					   "!3 annotation 'a6' has no times\n");
	mm_cues_release(&c);
	mm_buf_release(&got);
}
END_TEST
#endif

/* ---- WebVTT's parts ---- */

static const struct {
	const char *text;
	double seconds; /* < 0: no time */
} stamps[] = {
	{ "00:00.000", 0 },	 { "59:59.999", 3599.999 },
	{ "0:00:00.000", 0 },	 { "100:00:00.001", 360000.001 },
	{ "1:00:00.000", 3600 }, { "60:00:00.000", 216000 },
	{ "0000:00.000", -1 },	 { "00:0:00.000", -1 },
	{ "00:0000.000", -1 },	 { "00:00:0.000", -1 },
	{ "00:00:00000", -1 },	 { "00:00:00.00", -1 },
	{ "00:00:00.0000", -1 }, { "00:00:00,000", -1 },
	{ "00:00:00.", -1 },	 { "00:00:00", -1 },
	{ "00:00", -1 },	 { "0:00.000", -1 },
	{ "60:00.000", -1 },	 { "00:60.000", -1 },
	{ "00:60:00.000", -1 },	 { "00:00:60.000", -1 },
	{ "-00:00.000", -1 },	 { "", -1 },
	{ "120:00.000", -1 },	 { ":00.000", -1 },
};

START_TEST(vtt_stamps)
{
	const char *s = stamps[_i].text, *end = s + strlen(s);
	double t = -2;
	const bool ok = mm_vtt_time(&s, end, &t) && s == end;

	ck_assert_msg(ok == (stamps[_i].seconds >= 0), "%s", stamps[_i].text);
	if (ok)
		ck_assert_double_eq_tol(t, stamps[_i].seconds, 1e-9);
}
END_TEST

/* "vertical line snap line-align position align size align region" */
static const char *const settings[][2] = {
	{ "", " auto 1 0 auto 7 100 1 " },
	{ "line:-1", " -1 1 0 auto 7 100 1 " },
	{ "line:-0", " -0 1 0 auto 7 100 1 " },
	{ "line:65536", " 65536 1 0 auto 7 100 1 " },
	{ "line:1.5", " 1.5 1 0 auto 7 100 1 " },
	{ "line:0%", " 0 0 0 auto 7 100 1 " },
	{ "line:100%,center", " 100 0 1 auto 7 100 1 " },
	{ "line:100%,end", " 100 0 2 auto 7 100 1 " },
	{ "line:100%,middle", " 100 0 0 auto 7 100 1 " },
	{ "line:65536% line:-0% line:101% line:1%- line:1- line:%1", NULL },
	{ "line:1%% line:0%0 line: line:0%x line:- line:%", NULL },
	{ "line:1..5 line:.5 line:5. line:--1 line:1.2.3 line:,end", NULL },
	{ "position:1%", " auto 1 0 1 7 100 1 " },
	{ "position:1.5%", " auto 1 0 1.5 7 100 1 " },
	{ "position:1% position:x", " auto 1 0 1 7 100 1 " },
	{ "position:1%,line-left", " auto 1 0 1 5 100 1 " },
	{ "position:1%,line-right", " auto 1 0 1 6 100 1 " },
	{ "position:1%,center", " auto 1 0 1 1 100 1 " },
	{ "position:1%,middle", " auto 1 0 1 7 100 1 " },
	{ "position:-1% position:1 position:1x position:1%x position:", NULL },
	{ "position:101% position:101%,center position:4294967296%", NULL },
	{ "size:50%", " auto 1 0 auto 7 50 1 " },
	{ "size:0% size:101% size:x size:1 size:-1% size:1%x",
	  " auto 1 0 auto 7 0 1 " },
	{ "align:start", " auto 1 0 auto 7 100 0 " },
	{ "align:end align:x", " auto 1 0 auto 7 100 2 " },
	{ "align:left", " auto 1 0 auto 7 100 3 " },
	{ "align:right", " auto 1 0 auto 7 100 4 " },
	{ "align:middle align: align:START", NULL },
	{ "vertical:rl", "rl auto 1 0 auto 7 100 1 " },
	{ "vertical:lr", "lr auto 1 0 auto 7 100 1 " },
	{ "vertical:tb vertical: vertical:RL vertical", NULL },
	{ "region:foo", " auto 1 0 auto 7 100 1 foo" },
	{ "region:foo region:bar", " auto 1 0 auto 7 100 1 bar" },
	{ "region:foo line:1", " 1 1 0 auto 7 100 1 " },
	{ "region:foo vertical:rl", "rl auto 1 0 auto 7 100 1 " },
	{ "region:foo size:10%", " auto 1 0 auto 7 10 1 " },
	{ "region: foo", NULL },
	{ "\talign:start\tline:1  size:2%\f", " 1 1 0 auto 7 2 0 " },
};

START_TEST(vtt_settings)
{
	const char *in = settings[_i][0], *want = settings[_i][1];
	struct mm_arena arena = { 0 };
	struct mm_vtt_settings s;
	char got[200], line[40] = "auto", position[40] = "auto";

	ck_ok(mm_vtt_settings_parse(&s, in, strlen(in), &arena, err));
	if (!s.line_auto)
		snprintf(line, sizeof(line), "%.10g", s.line);
	if (!s.position_auto)
		snprintf(position, sizeof(position), "%.10g", s.position);
	snprintf(got, sizeof(got), "%s %s %d %d %s %d %.10g %d %s", s.vertical,
		 line, s.snap_to_lines, (int)s.line_align, position,
		 (int)s.position_align, s.size, (int)s.align, s.region);
	ck_assert_str_eq(got, want ? want : settings[0][1]);
	mm_arena_release(&arena);
}
END_TEST

static void dump(struct mm_buf *out, const struct mm_vtt_node *n)
{
	static const char *const names[] = {
		"", "c", "i", "b", "u", "ruby", "rt", "v", "lang", "", "",
	};

	for (; n; n = n->next) {
		if (n->kind == MM_VTT_TEXT)
			mm_buf_printf(out, "'%s'", n->text);
		else if (n->kind == MM_VTT_TIMESTAMP)
			mm_buf_printf(out, "@%.10g", n->time);
		else
			mm_buf_printf(out, "%s", names[n->kind]);
		if (*n->classes)
			mm_buf_printf(out, ".%s", n->classes);
		if (*n->text && n->kind != MM_VTT_TEXT)
			mm_buf_printf(out, "=%s", n->text);
		if (n->first ||
		    (n->kind > MM_VTT_ROOT && n->kind < MM_VTT_TEXT)) {
			mm_buf_addc(out, '(');
			dump(out, n->first);
			mm_buf_addc(out, ')');
		}
	}
}

static const char *const trees[][2] = {
	{ "test", "'test'" },
	{ "<ruby>test<rt>test", "ruby('test'rt('test'))" },
	{ "<ruby>test<rt>test</rt>test", "ruby('test'rt('test')'test')" },
	{ "<ruby>test<rt>test</rt></ruby>test",
	  "ruby('test'rt('test'))'test'" },
	{ "<ruby>test<rt>test</ruby>test", "ruby('test'rt('test'))'test'" },
	{ "<ruby>test<rt><b>test</rt></ruby>test",
	  "ruby('test'rt(b('test''test')))" },
	{ "<ruby>test<rt><b>test</ruby>test",
	  "ruby('test'rt(b('test''test')))" },
	{ "<ruby>test<rt><b>test</rt></ruby></b>test",
	  "ruby('test'rt(b('test')'test'))" },
	{ "<ruby>test<rt><b>test</rt></b></ruby>test",
	  "ruby('test'rt(b('test')))'test'" },
	{ "<ruby>test<rt><b>test</rt></b>test</ruby>test",
	  "ruby('test'rt(b('test')'test'))'test'" },
	{ "<rt>x</rt>", "'x'" },
	{ "<b>a</i>b</b>c", "b('a''b')'c'" },
	{ "<c.a.b..c>x", "c.a.b.c('x')" },
	{ "<c a>x", "c=a('x')" },
	{ "<i.>x</i>", "i('x')" },
	{ "<v\n a  b\tc >x", "v=a b c('x')" },
	{ "<v.x &lt;Bob&gt;>x", "v.x=<Bob>('x')" },
	{ "<lang en-GB>x</lang>y", "lang=en-GB('x')'y'" },
	{ "<x>y</x>", "'y'" },
	{ "<>a</>b", "'a''b'" },
	{ "<C>a</B>", "'a'" },
	{ "a<", "'a'" },
	{ "a<b", "'a'b()" },
	{ "a</b", "'a'" },
	{ "<u>a</u", "u('a')" },
	{ "<b", "b()" },
	{ "<i.x", "i.x()" },
	{ "<v Bob", "v=Bob()" },
	{ "a<00:00.000>b", "'a'@0'b'" },
	{ "<100:00:00.500>b", "@360000.5'b'" },
	{ "<00:00.00>b", "'b'" },
	{ "<0>b", "'b'" },
	{ "<00:01.000", "@1" },
	{ "a\nb", "'a\nb'" },
	{ "&", "'&'" },
	{ "&amp", "'&'" },
	{ "&amp;&AMP;&lt;&gt;", "'&&<>'" },
	{ "a&lrm;b&rlm;", "'a\xe2\x80\x8e"
			  "b\xe2\x80\x8f'" },
	{ "&quot;&nbsp;&copy;&copy", "'\"\xc2\xa0\xc2\xa9\xc2\xa9'" },
	{ "&ClockwiseContourIntegral;&nsubE;",
	  "'\xe2\x88\xb2\xe2\xab\x85\xcc\xb8'" },
	{ "&&&1&1;&;", "'&&&1&1;&;'" },
	{ "&<c", "'&'c()" },
	{ "&#32;&#x41;&#66&#0;&#x80;", "' AB\xef\xbf\xbd\xe2\x82\xac'" },
	{ "&notit;&notin;&xyz;", "'\xc2\xacit;\xe2\x88\x89&xyz;'" },
};

START_TEST(vtt_trees)
{
	const char *in = trees[_i][0];
	struct mm_arena arena = { 0 };
	struct mm_buf got = { 0 };
	struct mm_vtt_node *root;

	ck_ok(mm_vtt_tree(&root, in, strlen(in), &arena, err));
	dump(&got, root->first);
	ck_assert_str_eq(mm_buf_str(&got), trees[_i][1]);
	mm_buf_release(&got);
	mm_arena_release(&arena);
}
END_TEST

START_TEST(vtt_region)
{
	static const char text[] =
		"WEBVTT\n\nREGION\nid:foo\n\nREGION\nid:bar width:10%\n\n"
		"00:00.000 --> 00:01.000 region:foo\na\n\n"
		"00:00.000 --> 00:01.000 region:invalid\nb\n\n"
		"00:00.000 --> 00:01.000 region:foo region:bar\nc\n";
	static const char *const want[] = { "foo", "", "bar" };
	struct mm_cues c;

	ck_ok(mm_cues_parse(&c, "vtt", text, sizeof(text) - 1, "x", err));
	ck_assert_uint_eq(c.n, 3);
	for (int i = 0; i < 3; i++)
		ck_assert_str_eq(c.cue[i].settings->region, want[i]);
	mm_cues_release(&c);
}
END_TEST

static const char *const sniffs[][3] = {
	{ "a.VTT", "", "vtt" },
	{ "a.TextGrid", "", "textgrid" },
	{ "x.csv", "", "csv" },
	{ "a", BOM "WEBVTT", "vtt" },
	{ "a.txt", "\n\n1\n00:00 --> 00:01\n", "srt" },
	{ "a", "[00:01.0]la", "lrc" },
	{ "a", "<?xml?>\n<ANNOTATION_DOCUMENT x>", "eaf" },
	{ "a", "File type = \"ooTextFile\"", "textgrid" },
	{ "a", "nothing", NULL },
	{ "a", "", NULL },
};

START_TEST(sniffing)
{
	const char *text = sniffs[_i][1];
	const char *got = mm_cues_sniff(sniffs[_i][0], text, strlen(text));

	if (sniffs[_i][2])
		ck_assert_str_eq(got, sniffs[_i][2]);
	else
		ck_assert_ptr_null(got);
}
END_TEST

#define N(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
	TCase *tc = tcase_create("cues");

	tcase_add_loop_test(tc, reads, 0, N(examples));
	tcase_add_loop_test(tc, refuses, 0, N(refused));
	tcase_add_test(tc, utf16);
#ifdef HAVE_XML
	tcase_add_test(tc, elan);
#endif
	tcase_add_loop_test(tc, vtt_stamps, 0, N(stamps));
	tcase_add_loop_test(tc, vtt_settings, 0, N(settings));
	tcase_add_loop_test(tc, vtt_trees, 0, N(trees));
	tcase_add_test(tc, vtt_region);
	tcase_add_loop_test(tc, sniffing, 0, N(sniffs));
	return unit_run("cues", tc);
}
