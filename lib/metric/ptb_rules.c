/*
 * ptb_rules.c - the tokens of Stanford's PTBTokenizer 3.4.1, as expressions of
 * lexer.h.
 *
 * Source: the behaviour of that program (CoreNLP, release of August 2014) and
 * the description in its grammar, oddities included, because published caption
 * scores depend on them.  The longest match wins and then the higher row, so
 * the order of the rows says which reading of an ambiguous text is taken.
 */
#include "metric/ptb_rules.h"

const struct mm_lexer_def mm_ptb_defs[] = {
	/* White space.  The scanner sees captions as lines of one text. */
	{ "blank", "[ %u0009%u00A0%u2000-%u200A%u3000]" },
	{ "eol", "%u000D|%u000D?%u000A|[%u000B%u000C%u0085%u2028%u2029]" },
	{ "gap", "{blank}|{eol}" },

	/* Letters, and marks that words may hold; &eacute; is a letter too. */
	{ "accented", "&[aeiouAEIOU](acute|grave|uml);" },
	{ "mark",
	  "[%u00AD%u0237-%u024F%u02C2-%u02C5%u02D2-%u02DF%u02E5-%u02FF"
	  "%u0300-%u036F%u0370-%u037D%u0384%u0385%u03CF%u03F6%u03FC-%u03FF"
	  "%u0483-%u0487%u04CF%u04F6-%u04FF%u0510-%u0525%u055A-%u055F"
	  "%u0591-%u05BD%u05BF%u05C1%u05C2%u05C4%u05C5%u05C7%u0615-%u061A"
	  "%u063B-%u063F%u064B-%u065E%u0670%u06D6-%u06EF%u06FA-%u06FF%u070F"
	  "%u0711%u0730-%u074F%u0750-%u077F%u07A6-%u07B1%u07CA-%u07F5%u07FA"
	  "%u0900-%u0903%u093C%u093E-%u094E%u0951-%u0955%u0962-%u0963"
	  "%u0981-%u0983%u09BC-%u09C4%u09C7%u09C8%u09CB-%u09CD%u09D7%u09E2"
	  "%u09E3%u0A01-%u0A03%u0A3C%u0A3E-%u0A4F%u0A81-%u0A83%u0ABC-%u0ACF"
	  "%u0B82%u0BBE-%u0BC2%u0BC6-%u0BC8%u0BCA-%u0BCD%u0C01-%u0C03"
	  "%u0C3E-%u0C56%u0D3E-%u0D44%u0D46-%u0D48%u0E30-%u0E3A%u0E47-%u0E4E"
	  "%u0EB1-%u0EBC%u0EC8-%u0ECD]" },
	{ "L", "%l|{mark}|{accented}" },
	{ "LD", "%l|%d|{mark}|{accented}" },
	{ "ld", "[%l%d]" },
	{ "word", "{L}{LD}*([.!?]{L}{LD}*)*" },

	/* Apostrophes: real ones, and signs that stand in for one. */
	{ "apos", "['%u0092%u2019]|&apos;" },
	{ "apos2", "{apos}|[`%u0091%u2018%u201B]" },
	{ "clitic", "{apos}([msdMSD]|re|ve|ll)" },
	{ "not", "n{apos2}t" },
	{ "not_host", "[A-Za-z%u00AD]*[A-MO-Za-mo-z]%u00AD*" },
	{ "apos_word",
	  "{apos}(n{apos}?|em|[2-9]0s|till?|cause)|[lLdDjJ]{apos}|"
	  "(dunkin|somethin|ol){apos}|[A-HJ-XZn]{apos2}%l%l+|"
	  "%l+[aeiouyAEIOUY]{apos2}[aeiouA-Z]%l*|O{apos2}o|"
	  "'twas|cont'd%.?|nor'easter|c'mon|e'er|s'mores|ev'ry|li'l|nat'l" },

	/* Numbers. */
	{ "n4", "%d{1,4}" },
	{ "number", "[-+]?(%d+|%d*([.:,%u00AD%u066B%u066C]%d+)+)" },
	{ "over", "{n4}(%\\?/|%u2044){n4}" },
	{ "sep", "[- %u00A0]" },
	{ "phone",
	  "(%([0-9]{2,3}%)[ %u00A0]?|"
	  "(%+%+?)?([0-9]{2,4}{sep})?[0-9]{2,4}{sep})"
	  "[0-9]{3,4}{sep}?[0-9]{3,5}|"
	  "((%+%+?)?[0-9]{2,4}%.)?[0-9]{2,4}%.[0-9]{3,4}%.[0-9]{3,5}" },

	/* Mark-up, addresses, files. */
	{ "tag_name", "[A-Za-z][-A-Za-z0-9_:.]*" },
	{ "tag_value", "'[^']*'|\"[^\"]*\"" },
	{ "tag", "<([!?][-A-Za-z][^>%u000D%u000A]*|/{tag_name}|"
		 "{tag_name}( +{tag_name}( *= *({tag_value}))?)* */?) *>" },
	{ "url_path", "[^ %u0009%u000A%u000C%u000D\"<>|(){}]+" },
	{ "url_end", "[^ %u0009%u000A%u000C%u000D\"<>|.!?(){},-]" },
	/* The range from ',' to '_' is the original's: no capitals or digits.
	 */
	{ "host_part", "[^ %u0009%u000A%u000C%u000D\"`'<>|.!?(){},-_$]+%." },
	{ "host", "www%.({url_end_no_hyphen}+%.)+[a-zA-Z]{2,4}|"
		  "{host_part}+(com|net|org|edu)" },
	{ "url_end_no_hyphen", "[^ %u0009%u000A%u000C%u000D\"<>|.!?(){},]" },
	{ "address",
	  "({host})(/[^ %u0009%u000A%u000C%u000D\"<>|()]+{url_end})?" },
	{ "mail_part", "[^ %u0009%u000A%u000C%u000D\"<>|(){}.%u00A0]+" },
	{ "email",
	  "(&lt;|<)?[a-zA-Z0-9][^ %u0009%u000A%u000C%u000D\"<>|()%u00A0{}]*"
	  "@({mail_part}%.)*{mail_part}(&gt;|>)?" },
	{ "file_type",
	  "bat|bmp|cgi|class|cpp|c|dll|docx?|exe|gif|gz|html?|h|jar|java|"
	  "jpe?g|mov|mp3|pdf|php|pl|png|ppt|ps|py|sql|tar|txt|wav|xml|x|zip" },

	/* Words that keep their full stop, by what usually follows them. */
	{ "initials",
	  "(Canada|Sino|Korean|EU|Japan|non)-U%.S|U%.S%.-U%.(K|S%.S%.R)" },
	{ "acronym", "[A-Za-z](%.[A-Za-z])*|{initials}" },
	{ "month", "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec" },
	{ "day", "Mon|Tues?|Wed|Thu(rs)?|Fri" },
	{ "state",
	  "Ala|Ariz|[A]z|[A]rk|Calif|Colo|Conn|Ct|Dak|[D]el|Fla|Ga|[I]ll|Ind|"
	  "Kans?|Ky|[L]a|[M]ass|Md|Mich|Minn|[M]iss|Mo|Mont|Neb|Nev|Okla|"
	  "[O]re|[P]a|Penn|Tenn|[T]ex|Va|Vt|[W]ash|Wisc?|Wyo" },
	{ "company",
	  "Inc|Cos?|Corp|Pp?t[ye]s?|Ltd|Plc|Rt|Bancorp|Bhd|Assn|Univ|Intl|"
	  "Sys" },
	{ "before_small",
	  "({month}|{day}|{state}|{company}|tel|est|ext|sq|Jr|Sr|Bros|"
	  "(Ed|Ph)%.D|Blvd|Rd|Esq|etc|al|seq|Bldg)%." },
	{ "title",
	  "Mr|Mrs|Ms|[M]iss|Drs?|Profs?|Sens?|Reps?|Attys?|Lt|Col|Gen|"
	  "Messrs|Govs?|Adm|Rev|Maj|Sgt|Cpl|Pvt|Capt|Ste?|Ave|Pres|Lieut|Hon|"
	  "Brig|Co?mdr|Pfc|Spc|Supts?|Det|Mt|Ft|Adj|Adv|Asst|Assoc|Ens|Insp|"
	  "Mlle|Mme|Msgr|Sfc" },
	{ "before_capital",
	  "{title}|vs|Alex|Wm|Jos|Cie|a%.k%.a|cf|TREAS|Ph|{acronym}|"
	  "Invt|Elec|Natl|M[ft]g|Dept" },
	{ "before_number", "(ca|figs?|prop|nos?|art|bldg|pp|op)%." },
	/* Words that begin a sentence after an acronym: "the U.S. The ..." */
	{ "opener",
	  "[A](bout|ccording|dditionally|fter|n|s|t)|[A]|[B]ut|[E]arlier|"
	  "[H](e|er|ere|owever)|[I](f|n|t)|[L]ast|[M](any|ore|r%.|s%.)|[N]ow|"
	  "[O](nce|ne|ther|ur)|[S](he|ince|o|ome|uch)|"
	  "[T](hat|he|heir|hen|here|hese|hey|his)|[W](e|hen|hile|hat)|"
	  "[Y](et|ou)|{tag}" },

	/* Hyphenated and slashed words; capitals joined by + or &. */
	{ "dotted_hyphened",
	  "[A-Za-z0-9][A-Za-z0-9.,%u00AD]*"
	  "(-([A-Za-z0-9%u00AD]+|([A-Za-z](%.[A-Za-z])+|{initials})%.))+" },
	{ "hyphened", "{piece}([-_%u058A%u2010%u2011]{piece})*" },
	{ "joined", "[A-Z]+(([+&]|&amp;)[A-Z]+)+" },
	{ "elision", "[dDoOlL]({apos2}){ld}" },
	{ "piece", "({elision})?{ld}+" },
	{ "slash_piece", "[A-Za-z0-9]+(-[A-Za-z]+){0,2}" },

	/* Signs. */
	{ "pause", "[,;:%u3001]" },
	{ "symbol",
	  "[+%%&~%^|%\\%u00A6-%u00A9%u00AC%u00AE-%u00BA%u00D7%u00F7%u0387"
	  "%u05BE%u05C0%u05C3%u05C6%u05F3%u05F4%u0600-%u0603%u0606-%u060A"
	  "%u060C%u0614%u061B%u061E%u066A%u066D%u0703-%u070D%u07F6-%u07F8"
	  "%u0964%u0965%u0E4F%u1FBD%u2016%u2017%u2020-%u2023%u2030-%u2038"
	  "%u203B%u203E-%u2042%u2044%u207A-%u207F%u208A-%u208E%u2100-%u214F"
	  "%u2190-%u2BFF%u3012%u30FB%uFF01-%uFF0F%uFF1A-%uFF20%uFF3B-%uFF40"
	  "%uFF5B-%uFF65]" },

	/* Faces; one of them is the original's slip of the pen. */
	{ "face", "[<>]?[:;=][-o*']?[()DPdpO%\\%{@|%[%]]" },
	{ "far_face",
	  "[%^x=~<>]%.%[%^x=[^<]*<>%]|[-%^x=~<>']_[-%^x=~<>']|"
	  "%([-%^x=~<>'][_.]?[-%^x=~<>']%)|%([%^x=~<>']-[%^x=~<>'`]%)" },
	{ NULL, NULL },
};

const struct mm_lexer_rule mm_ptb_rules[] = {
	{ "c[+][+]", NULL, MM_PTB_KEEP },
	{ "(c|f)#", NULL, MM_PTB_KEEP },
	{ "cannot|'twas", NULL, MM_PTB_LESS_3 },
	{ "'tis|gonna|gotta|lemme|gimme|wanna", NULL, MM_PTB_LESS_2 },
	{ "{tag}", NULL, MM_PTB_GLUE },
	{ "&(MD|mdash|ndash);|[%u0096%u0097%u2013-%u2015]", NULL, MM_PTB_DASH },
	{ "&amp;", NULL, MM_PTB_AMP },
	{ "&(HT|TL|UR|LR|QC|QL|QR|odq|cdq|#[0-9]+);", NULL, MM_PTB_KEEP },
	{ "{word}", "{clitic}", MM_PTB_SOFT },
	{ "{not_host}", "{not}", MM_PTB_SOFT },
	{ "{word}", NULL, MM_PTB_SOFT },
	{ "{apos_word}", NULL, MM_PTB_KEEP },
	{ "y{apos}", "%l", MM_PTB_KEEP },
	{ "https?://{url_path}{url_end}|{address}", NULL, MM_PTB_KEEP },
	{ "{email}|@[a-zA-Z_][a-zA-Z_0-9]*|#{L}+", NULL, MM_PTB_KEEP },
	{ "{clitic}|{not}", "[^A-Za-z]", MM_PTB_CLOSE },
	{ "%d{1,2}[-/]%d{1,2}[-/]%d{2,4}", NULL, MM_PTB_KEEP },
	{ "{number}", NULL, MM_PTB_SOFT },
	{ "[%u207A%u207B%u208A%u208B]?([%u2070%u00B9%u00B2%u00B3%u2074-%u2079]+|"
	  "[%u2080-%u2089]+)",
	  NULL, MM_PTB_KEEP },
	{ "({n4}{sep})?{over}", NULL, MM_PTB_GLUE },
	{ "[%u00BC-%u00BE%u2153-%u215E]", NULL, MM_PTB_FRACTION },
	{ "-(R|L)(R|C|S)B-|C%.D%.s|(pro|anti)-|S(&|&amp;)(P-500|Ls)|"
	  "(Cap{apos}n)|c({apos})est",
	  NULL, MM_PTB_AMP },
	{ "{slash_piece}(%\\?/{slash_piece}){1,2}", NULL, MM_PTB_KEEP },
	{ "[A-Z]*%$|#", NULL, MM_PTB_KEEP },
	{ "[%u0080%u00A2-%u00A5%u060B%u0E3F%u20A0%u20A4%u20AC%uFFE0%uFFE1%uFFE5"
	  "%uFFE6]",
	  NULL, MM_PTB_MONEY },
	{ "({acronym})%.", "({gap})+({opener})({gap})", MM_PTB_INITIAL },
	{ "{before_number}", "({gap})?%d", MM_PTB_KEEP },
	{ "(pt[eyEY]|co)%.", "{blank}(ltd|lim)", MM_PTB_KEEP },
	{ "{before_small}", "({gap})({gap}|%c|{tag})", MM_PTB_STOP },
	{ "{before_small}", "[^][^]", MM_PTB_KEEP },
	{ "{before_small}", NULL, MM_PTB_STOP },
	{ "({before_capital})%.", NULL, MM_PTB_KEEP },
	{ "{before_capital}", "{blank}", MM_PTB_KEEP },
	{ "{acronym}|({apos})[0-9][0-9]", "{gap}", MM_PTB_KEEP },
	{ "{LD}+(%.{LD}+)*%.({file_type})", "{gap}|[.?!,]", MM_PTB_KEEP },
	{ "{word}%.", "{pause}", MM_PTB_SOFT },
	{ "{phone}", NULL, MM_PTB_GLUE_PAREN },
	{ "\"|&quot;", "[A-Za-z0-9$]", MM_PTB_OPEN },
	{ "\"|&quot;", NULL, MM_PTB_CLOSE },
	{ "%u007F", NULL, MM_PTB_SKIP },
	{ "<|&lt;", NULL, MM_PTB_LESS },
	{ ">|&gt;", NULL, MM_PTB_GREATER },
	{ "{face}", "[^A-Za-z0-9]", MM_PTB_PAREN },
	{ "{far_face}", NULL, MM_PTB_PAREN },
	{ "%{", NULL, MM_PTB_LCB },
	{ "%}", NULL, MM_PTB_RCB },
	{ "%[", NULL, MM_PTB_LSB },
	{ "%]", NULL, MM_PTB_RSB },
	{ "%(", NULL, MM_PTB_LRB },
	{ "%)", NULL, MM_PTB_RRB },
	{ "-+", NULL, MM_PTB_HYPHENS },
	{ "%.{3,5}|(%.[ %u00A0]){2,4}%.|[%u0085%u2026]", NULL, MM_PTB_DOTS },
	{ "@+|#+|_+|%*+|(%\\%*){1,3}|[,;:%u3001]|[?!]+|[=/]", NULL,
	  MM_PTB_KEEP },
	{ "[.%u00A1%u00BF%u037E%u0589%u061F%u06D4%u0700-%u0702%u07FA%u3002]",
	  NULL, MM_PTB_KEEP },
	{ "{dotted_hyphened}%.", "{pause}", MM_PTB_SOFT },
	{ "{dotted_hyphened}", NULL, MM_PTB_SOFT },
	{ "{hyphened}%.", "{pause}", MM_PTB_KEEP },
	{ "{hyphened}", NULL, MM_PTB_KEEP },
	{ "{joined}%.", "{pause}", MM_PTB_AMP },
	{ "{joined}", NULL, MM_PTB_AMP },
	{ "'", "[A-Za-z][^ %u0009%u000A%u000D%u00A0]", MM_PTB_OPEN },
	{ "{clitic}|{not}", NULL, MM_PTB_CLOSE },
	{ "{apos}|''|[`%u2018-%u201F%u0091-%u0094%u2039%u203A%u00AB%u00BB]{1,2}",
	  NULL, MM_PTB_CLOSE },
	{ "<<|>>", NULL, MM_PTB_KEEP },
	{ "{symbol}", NULL, MM_PTB_KEEP },
	{ "%u0000|({blank})+|[%u200B%u200E%u200F%uFEFF]|&nbsp;", NULL,
	  MM_PTB_SKIP },
	{ "{eol}", NULL, MM_PTB_LINE },
	{ ".", NULL, MM_PTB_SKIP },
};

const size_t mm_ptb_n_rules = sizeof(mm_ptb_rules) / sizeof(mm_ptb_rules[0]);
